/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private views of a plane and of a participant, shared between the files of
 * core and filled by the host that maps and allocates. Nothing here lies in
 * shared memory. What a plane's header says is copied here once, after it was
 * checked, and never read again: a header that changes later harms nobody.
 */
#ifndef AE_BASE_H
#define AE_BASE_H

#include <aether/aether.h>
#include "ae_atomic.h"

#define AE_NONE UINT32_MAX

/* Where calls count: a part of its callers; and a part that is seldom. */
#define AE_INLINE inline __attribute__((always_inline))
#define AE_COLD __attribute__((noinline, cold))
/* Words in which a tenancy says what segments it sees. */
#define AE_SIGHT_HALVES 2
/* Registers of the largest plane. */
#define AE_REGISTERS_MAX (AETHER_STRIDES_MAX / AETHER_REGISTER_BITS)

struct aether_plane {
	unsigned char *base; /* may be 0 on WebAssembly: never tested */
	struct aether_header_seg *header;
	struct aether_participant_seg *seats;
	struct aether_word64 *places; /* mailbox by mailbox */
	struct aether_word32 *registers;
	struct aether_lease_seg *leases;
	struct aether_epoch_seg *epochs;
	const struct aether_layout *layout;
	struct aether_geometry geometry;
	uint32_t tag;
	uint32_t flags;            /* as the header said when it was checked */
	uint64_t id[2];            /* the same */
	uint64_t created;          /* the same */
	uint32_t lap_shift;        /* places = 1 << lap_shift */
	int observer;              /* mapped read-only */
	struct aether_word32 lost; /* 1: some of its memory was taken away */
	void *host;                /* the port's own */
	uint64_t sight;    /* segments whose leases are mapped, a bit each */
	uint64_t writable; /* segments with all rights, the same */
	uint8_t segment[AE_REGISTERS_MAX]; /* of a register's strides */
	uint8_t right[AE_REGISTERS_MAX];   /* enum aether_right, the same */
	struct aether_word64 partly[AETHER_PARTICIPANTS_MAX]; /* seat words of
		the dead of whom I have settled all that I see */
	uint8_t epoch_may[AETHER_EPOCHS]; /* enum ae_epoch_may, a bit each */
};

/* My route to one slot: private, starts anew with each tenancy there. */
struct ae_sender {
	uint64_t to;     /* tenancy; 0: none yet */
	uint64_t cursor; /* next place to try; may lag, never lead */
	uint32_t depth;  /* 0: no limit, and nothing is listed */
	uint32_t policy;
	uint32_t count; /* listed as on their way, oldest first */
	uint32_t first;
	uint32_t last;
};

/* One stride in a sender's list. */
struct ae_sent {
	uint64_t word; /* the lease word that says it is still on its way */
	uint32_t next;
	uint32_t previous;
	uint32_t slot; /* whose list; AE_NONE: none */
	uint32_t hops; /* of the lease, when it was sent */
};

/* An entry met before its sender's commit. */
struct ae_late {
	uint32_t stride;
	uint32_t generation;
};

/* What I shared, for routes with a depth. */
struct ae_shared {
	uint64_t word; /* the lease word that says it is still shared */
	uint64_t to;   /* a bit for each slot that was to read it */
};

struct aether_participant {
	struct aether_plane *plane;
	struct aether_participant_seg *seat;
	struct aether_word64 *box; /* my mailbox */
	uint64_t mine;   /* a lease word of mine, without generation */
	uint64_t routed; /* a lease word on its way to me, the same */
	uint64_t ending; /* a word that I clear and free, the same */
	uint64_t head;   /* position of my next take */
	uint64_t older;  /* where the entries end that are not for me */
	uint64_t asked;  /* when I looked for the dead, in ns */
	uint64_t looked; /* the same, while I waited */
	uint64_t stamp;
	uint64_t spin;             /* ns */
	uint64_t wakes_mail;       /* slots to be rung for mail, a bit each */
	uint32_t wakes_calls;      /* how many calls owe a ring */
	uint32_t wakes_limit;      /* so many may; 0: none */
	int wakes_space;           /* who waits for space is to be rung */
	int wakes_room;            /* who waits for room in my mailbox is */
	uint64_t guards;           /* regions that I write, a bit each */
	uint64_t guards_signalled; /* those of them whose epoch I signalled */
	uint64_t pairs;            /* whose writer I am, a bit each */
	uint64_t pairs_gone;       /* those of them whose writer before me went
				      without letting go: to be told */
	uint64_t pairs_owe;        /* those of them that were not signalled */
	uint32_t role;
	uint32_t spin_failed; /* spins in a row that were in vain */
	uint32_t spin_rest;   /* so many waits more without one */
	uint32_t slot;
	uint32_t quota;
	uint32_t reserves; /* the right it needs to reserve and describe */
	uint32_t resolves; /* and to resolve */
	uint64_t places;   /* segments in which it may reserve, a bit each */
	uint32_t held;
	uint32_t start;  /* my first register */
	uint32_t freed;  /* the register of the stride that I freed last */
	uint32_t last;   /* my warm stride: released last, its register bit
			   still set; AE_NONE: none */
	uint32_t warm;   /* what reapers were told that it is */
	uint32_t listed; /* strides in all senders' lists */
	uint32_t lates;
	uint32_t shares; /* strides in `shared` */
	struct aether_participant_counts counts;
	struct aether_word32 owed; /* passes that left something */
	struct aether_word32 paid; /* as many of them as were made good */
	struct ae_late *late;      /* one for each stride of the plane */
	struct ae_sent *sent;      /* one for each stride of the plane */
	struct ae_shared *shared;  /* one for each stride of the plane */
	uint32_t *reading;         /* a bit for each stride that I read */
	void *host;                /* the port's own */
	struct ae_sender senders[AETHER_PARTICIPANTS_MAX];
	uint32_t context; /* hash of my boot; 0: none yet */
};

/* The generation, where it stands in a lease word. */
#define AE_GENERATION \
	(AETHER_LEASE_GENERATION_MASK << AETHER_LEASE_GENERATION_SHIFT)

/* Set in a word that is busy or routed: its last owner died at work. */
#define AE_SUSPECT (AETHER_LEASE_SUSPECT_MASK << AETHER_LEASE_SUSPECT_SHIFT)

/* The tenancy that a word names, and its state. */
#define AE_NAMED (~(AE_GENERATION | AE_SUSPECT))

static inline uint64_t ae_word_generation(uint64_t generation)
{
	return generation << AETHER_LEASE_GENERATION_SHIFT & AE_GENERATION;
}

static inline struct aether_word32 *ae_register(const struct aether_plane *p,
						uint32_t index)
{
	return &p->registers[index / AETHER_REGISTER_BITS];
}

static inline uint32_t ae_bit(uint32_t index)
{
	return UINT32_C(1) << index % AETHER_REGISTER_BITS;
}

/* What stamps of lease words and heir words are compared by. */
static inline uint32_t ae_low_stamp(uint64_t stamp)
{
	return (uint32_t)(stamp & AETHER_LEASE_STAMP_MASK);
}

static inline int ae_same_name(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Was memory of the plane taken away? Then nothing in it means anything. Set by
 * the port, at any instruction. */
static inline int ae_plane_lost(const struct aether_plane *plane)
{
	return __builtin_expect(ae_private32(&plane->lost) != 0, 0);
}

/* geometry.c: aether_geometry_tier of a divided plane. */
int ae_geometry_tier(uint32_t layout, uint32_t tier, uint64_t stride_size,
		     uint32_t participants, uint32_t segments,
		     uint32_t *strides);

/* segment.c: what of a plane an attachment has, and what others see. */
void ae_segment_init(struct aether_plane *plane);
void ae_segment_grant(struct aether_plane *plane, uint32_t segment,
		      uint32_t right);
uint64_t ae_segment_control_size(const struct aether_geometry *geometry);
uint32_t ae_segment_count(const struct aether_geometry *geometry);
uint32_t ae_segment_first(const struct aether_geometry *geometry,
			  uint32_t segment);
uint64_t ae_segment_bytes(const struct aether_geometry *geometry,
			  uint32_t segment);
void ae_sight_write(struct aether_participant *me);
int ae_sight_check(const struct aether_plane *plane, uint32_t slot,
		   uint64_t stamp, uint32_t index);
int ae_sight_within(const struct aether_plane *plane, uint32_t slot);
int ae_sight_strike(struct aether_plane *plane, uint32_t slot, uint64_t dead);
int ae_sight_may_be(const struct aether_plane *plane, uint64_t seat,
		    uint64_t held, uint32_t half, uint64_t sight);

/* My right to the stride, whose index is below AETHER_STRIDES_MAX. */
static inline uint32_t ae_right(const struct aether_plane *plane,
				uint32_t index)
{
	return plane->right[index / AETHER_REGISTER_BITS];
}

/* May a stride be free that is to be zeroed before anybody else has it? Also on
 * undivided planes: whoever wants to can attach with less than write. */
static inline int ae_zeroes_late(const struct aether_plane *plane)
{
	return (plane->flags & AETHER_FLAG_ZERO) != 0;
}

/* The first stride that is not of the segment of this one. */
static inline uint32_t ae_segment_end(const struct aether_plane *plane,
				      uint32_t index)
{
	uint32_t of = plane->segment[index / AETHER_REGISTER_BITS];

	return ae_segment_first(&plane->geometry, of + 1);
}

/* participant.c */
void ae_participant_init(struct aether_participant *me,
			 struct aether_plane *plane);
int ae_participant_find_seat(const struct aether_plane *plane, uint64_t to,
			     struct aether_participant_seg **seat);
int ae_participant_join(struct aether_participant *me,
			const struct aether_participant_options *options,
			uint64_t born, uint32_t pid);
void ae_participant_leave(struct aether_participant *me);

/* The lease of a handle that is simply mine; NULL: look closer why it is not.*/
static inline struct aether_lease_seg *
ae_lease_held(const struct aether_participant *me, uint64_t handle)
{
	const struct aether_plane *plane = me->plane;
	uint32_t index = (uint32_t)AETHER_HANDLE_STRIDE(handle);
	uint64_t mine = me->mine |
			ae_word_generation(AETHER_HANDLE_GENERATION(handle));
	struct aether_lease_seg *lease = &plane->leases[index];

	if (AETHER_HANDLE_TAG(handle) != plane->tag ||
	    index >= plane->geometry.strides || !ae_right(plane, index))
		return NULL;
	/* relaxed: while the lease is mine nobody else changes its word. */
	return ae_load64_relaxed(&lease->word) == mine ? lease : NULL;
}

/* lease.c: who may what, and how a lease ends. */
int ae_lease_find(const struct aether_plane *plane, uint64_t handle,
		  struct aether_lease_seg **lease);
int ae_lease_refuse(struct aether_participant *me, uint64_t word,
		    uint64_t handle);
int ae_lease_mine(struct aether_participant *me, uint64_t handle,
		  struct aether_lease_seg **lease);
int ae_lease_readable(struct aether_participant *me, uint64_t handle,
		      struct aether_lease_seg **lease);
int ae_lease_is_uncleared(const struct aether_plane *plane, uint32_t index);
void ae_lease_clear_late(struct aether_plane *plane, uint32_t index);
void ae_lease_set_bit(const struct aether_plane *plane, uint32_t index);
void ae_lease_clear_bit(const struct aether_plane *plane, uint32_t index);
void ae_lease_finish(struct aether_plane *plane, uint32_t index, uint64_t word);
int ae_lease_end(struct aether_participant *me, uint32_t index, uint64_t word);
void ae_lease_drop(struct aether_participant *me, uint32_t index,
		   uint64_t word);
void ae_lease_give_back(struct aether_participant *me, uint32_t index,
			uint64_t word);

/* stride.c */
int ae_stride_claim(struct aether_participant *me, uint32_t index,
		    uint64_t *handle);
void ae_stride_cool(struct aether_participant *me);

/* run.c */
uint32_t ae_run_length(const struct aether_plane *plane, uint32_t index);

/* What the head's owner said of its run; for counting, and where a single is to
 * be told from a run without a look at the next line. */
static inline uint32_t ae_run_said(const struct aether_plane *plane,
				   uint32_t index)
{
	/* relaxed: the owner's; ordered by the swap that made it so. */
	uint32_t run = ae_load32_relaxed(&plane->leases[index].run);

	if (run <= 1)
		return 1;
	return run <= ae_segment_end(plane, index) - index ? run : 1;
}

/* Counts what I hold: every stride of a run. */
static inline void ae_lease_gain(struct aether_participant *me, uint32_t index)
{
	me->held += ae_run_said(me->plane, index);
}

static inline void ae_lease_lose(struct aether_participant *me, uint32_t run)
{
	/* a forged word may be given back that was never had */
	me->held -= run < me->held ? run : me->held;
}

/* share.c: `slot` reads no more; the last one's end is the lease's. */
int ae_share_look(struct aether_participant *me, uint32_t index, uint64_t word);
int ae_share_strike(struct aether_plane *plane, uint32_t index, uint64_t word,
		    uint32_t slot);
int ae_share_last_out(struct aether_plane *plane, uint32_t index, uint64_t word,
		      uint64_t ending);
int ae_share_release(struct aether_participant *me, uint32_t index,
		     uint64_t word);
struct aether_word64 *ae_share_half(const struct aether_plane *plane,
				    uint32_t index, uint32_t slot);

static inline int ae_share_reads(const struct aether_participant *me,
				 uint32_t index)
{
	return (me->reading[index / 32] >> index % 32 & 1) != 0;
}

/*
 * settle.c: what the dead left, in the name of a tenancy that lives. Several
 * threads may settle in one name: each step compares what it judged.
 */
struct ae_settler {
	struct aether_plane *plane;
	uint64_t ending; /* of the tenancy that settles */
	uint32_t slot;
	int leaving;   /* what that tenancy has is settled as well */
	uint64_t full; /* heirs whose mailbox is, a bit for each slot */
	struct aether_reap_report report;
	uint64_t cursors[AETHER_PARTICIPANTS_MAX]; /* into heirs' mailboxes */
};
void ae_settle_init(struct ae_settler *settler,
		    const struct aether_participant *me, int leaving);
void ae_settle_pass(struct ae_settler *settler);
void ae_settle_heirs(struct aether_participant *me);
void ae_settle_one(struct aether_participant *me, uint32_t index);

/* epoch.c: what an epoch is good for, by its kind in the layout. */
enum ae_epoch_may {
	AE_EPOCH_SIGNAL = 1,
	AE_EPOCH_SET = 2,
	AE_EPOCH_POOL = 4,   /* has owners, who come and go */
	AE_EPOCH_ALL = 8,    /* a change concerns everybody: panic, context */
	AE_EPOCH_GUARD = 16, /* rises when a guarded region was written */
};
struct ae_wait;
void ae_epoch_kinds(struct aether_plane *plane);
int ae_epoch_check(const struct aether_plane *plane, uint64_t epoch);
void ae_epoch_announce(struct aether_participant *me,
		       const struct ae_wait *wait);
void ae_epoch_renounce(struct aether_participant *me,
		       const struct ae_wait *wait);
int ae_epoch_look(struct aether_participant *me,
		  struct aether_epoch_watch *watch);
void ae_epoch_inherit(const struct aether_plane *plane, uint32_t slot);
void ae_epoch_ring_parked(const struct aether_plane *plane, uint32_t slot);

/* The word of an epoch, whose index was checked. */
static inline struct aether_word32 *
ae_epoch_word(const struct aether_plane *plane, uint32_t index)
{
	uint64_t offset = index * sizeof(struct aether_word32);

	if (index >= AETHER_EPOCHS_LOW)
		offset += AETHER_OFFSET_ATOMIC_FLAGS_HIGH -
			  AETHER_EPOCHS_LOW * sizeof(struct aether_word32);
	return (void *)(plane->base + AETHER_OFFSET_ATOMIC_FLAGS + offset);
}

/*
 * Do I belong to the boot that the plane is in? Who joined before there was any
 * belongs to the first that he meets. AETHER_ECONTEXT.
 */
static inline int ae_context_check(struct aether_participant *me)
{
	/* relaxed: a number that is there before its boot begins. */
	uint32_t now = ae_load32_relaxed(
		ae_epoch_word(me->plane, AETHER_IDX_CONTEXT_ID_HASH));

	if (ae_plane_lost(me->plane))
		return AETHER_ECORRUPT;
	if (now == me->context || !now)
		return 0;
	if (me->context)
		return AETHER_ECONTEXT;
	me->context = now;
	return 0;
}

/* pool.c: the epochs that have owners. */
int ae_pool_is(const struct aether_plane *plane, uint64_t epoch);
int ae_pool_end(struct aether_plane *plane, uint32_t index, uint64_t word);

/* holder.c */
uint64_t ae_holder_make(const struct aether_participant *me,
			uint64_t generation);
int ae_holder_is(const struct aether_participant *me, uint64_t word);
int ae_holder_gone(const struct aether_plane *plane, uint64_t word);
uint64_t ae_holder_tenancy(const struct aether_plane *plane, uint64_t word);

/* guard.c */
void ae_guard_note(struct aether_participant *me, uint32_t epoch);
void ae_guard_leave(struct aether_participant *me);
void ae_guard_settle(const struct aether_plane *plane);

/* pingpong.c */
void ae_pair_leave(struct aether_participant *me);
void ae_pair_settle(const struct aether_plane *plane);

/* I have signalled this epoch: whoever signals says so. */
static inline void ae_guard_signalled(struct aether_participant *me,
				      uint32_t epoch)
{
	if (me->guards)
		ae_guard_note(me, epoch);
}

/* reap.c */
void ae_reap_for(struct aether_participant *me);
void ae_reap_all(struct aether_participant *me);
int ae_reap_is_left(const struct aether_plane *plane, uint32_t slot,
		    uint64_t word);
int ae_reap_owes(const struct aether_participant *me);
int ae_reap_soon(struct aether_participant *me);
void ae_reap_seat(struct aether_plane *plane, uint32_t slot);
void ae_reap_taken_over(struct aether_participant *me);

/* sent.c: the lists of what is on its way, for routes with a depth. */
void ae_sent_add(struct aether_participant *me, struct ae_sender *sender,
		 uint32_t index, uint64_t word, uint32_t hops);
void ae_sent_drop(struct aether_participant *me, uint32_t index);
void ae_sent_prune(struct aether_participant *me, struct ae_sender *sender);
void ae_sent_clear(struct aether_participant *me, struct ae_sender *sender);

/* mailbox.c */
uint64_t ae_mailbox_head(const struct aether_plane *plane, uint32_t slot);
uint64_t ae_mailbox_end(const struct aether_plane *plane, uint32_t slot,
			uint64_t head);
void ae_mailbox_fetch(const struct aether_participant *me, uint64_t to);
int ae_mailbox_peek(const struct aether_plane *plane, uint32_t slot,
		    uint32_t nth, uint32_t *stride);
int ae_mailbox_enter(struct aether_plane *plane, uint32_t slot, uint64_t handle,
		     uint64_t *cursor);

/* wait.c */
struct ae_wait {
	/* Tries once: AETHER_EFULL, EEMPTY, EDEPTH, EBOX mean: wait. */
	int (*attempt)(struct aether_participant *me, void *what);
	void *what;
	struct aether_word64 *waiters; /* NULL: my own mail, or epochs */
	const struct aether_epoch_watch *watches; /* epochs; or NULL */
	uint32_t count;                           /* of them */
	int spins;    /* trying is cheap enough to spin */
	int own_word; /* of epochs: parks on the word of the only one */
};
int ae_wait_until(struct aether_participant *me, const struct ae_wait *wait,
		  uint64_t deadline);
void ae_wait_ring(const struct aether_plane *plane, uint32_t slot);
void ae_wait_owe_mail(struct aether_participant *me, uint32_t slot);
void ae_wait_ring_space(struct aether_participant *me);
void ae_wait_owe_room(struct aether_participant *me);
void ae_wait_in_vain(struct aether_participant *me);
void ae_wait_ring_mail(const struct aether_plane *plane, uint32_t slot);
void ae_wait_ring_set(const struct aether_plane *plane,
		      struct aether_word64 *waiters);
void ae_wait_ring_all(const struct aether_plane *plane);

/* A stride was freed: rings those who wait for space, or owes it. */
static AE_INLINE void ae_wait_owe_space(struct aether_participant *me)
{
	/* seq_cst: after the word was freed. pairs: seq_cst in announce */
	if (me->wakes_limit ||
	    ae_load64_seq_cst(&me->plane->header->space_waiters))
		ae_wait_ring_space(me);
}

/* A counter of mine: written by me alone, read by anybody. */
static inline void ae_count(struct aether_word64 *shared, uint64_t *own)
{
	/* relaxed: one writer; readers want a number, not an order. */
	ae_store64_relaxed(shared, ++*own);
}

#endif
