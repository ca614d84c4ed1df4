/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Participants: joining a slot, leaving it, and looking at slots. The seat
 * word says whether somebody sits there and in which tenancy; the kernel's
 * lock on the slot says whether he lives. Steps J and L of docs/protocol.md.
 */
#include "ae_base.h"
#include "ae_host.h"

#define ROLE(id, number, name, level, doc) { name, number, level },
static const struct {
	const char *name;
	uint32_t number;
	uint32_t level;
} roles[] = { AETHER_ROLE_LIST(ROLE) };
#undef ROLE
#define ROLES (sizeof(roles) / sizeof(roles[0]))

/* Bytes of a name in the words of a record, first byte lowest. */
#define NAME_WORDS ((AETHER_PARTICIPANT_NAME_MAX + 1) / sizeof(uint64_t))

static void write_name(struct aether_participant_seg *seat, const char *name)
{
	size_t at = 0;

	for (size_t w = 0; w < NAME_WORDS; w++) {
		uint64_t word = 0;

		for (size_t b = 0; b < sizeof(word) && name[at]; b++, at++)
			word |= (uint64_t)(unsigned char)name[at] << (8 * b);
		/* relaxed: before the seat is active. */
		ae_store64_relaxed(&seat->name[w], word);
	}
}

/* Always ends with a zero, whatever the plane holds. */
static void read_name(const struct aether_participant_seg *seat, char *name)
{
	for (size_t w = 0; w < NAME_WORDS; w++) {
		/* relaxed: the seat word is read again afterwards. */
		uint64_t word = ae_load64_relaxed(&seat->name[w]);

		for (size_t b = 0; b < sizeof(word); b++)
			name[w * sizeof(word) + b] = (char)(word >> (8 * b));
	}
	name[AETHER_PARTICIPANT_NAME_MAX] = 0;
}

void ae_participant_init(struct aether_participant *me,
			 struct aether_plane *plane)
{
	me->plane = plane;
	me->last = AE_NONE;
	me->warm = AE_NONE;
	for (uint32_t i = 0; i < plane->geometry.strides; i++)
		me->sent[i].slot = AE_NONE;
}

/* Participants start a cache line of registers apart, if there are so many. */
static uint32_t first_register(const struct aether_plane *plane, uint32_t slot)
{
	const uint32_t line = AETHER_LINE_SIZE / sizeof(struct aether_word32);
	uint32_t registers = plane->geometry.registers;
	uint32_t lines = (registers + line - 1) / line;

	return (slot % lines * line + slot / lines) % registers;
}

static void reset_record(struct aether_participant *me,
			 const struct aether_participant_options *options,
			 uint64_t born, uint32_t pid)
{
	struct aether_participant_seg *seat = me->seat;

	write_name(seat, options->name);
	/* relaxed: all of it before the seat is active. */
	ae_store32_relaxed(&seat->role, options->role);
	ae_store32_relaxed(&seat->pid, pid);
	ae_store64_relaxed(&seat->start_time, born);
	ae_store32_relaxed(&seat->quota, options->quota);
	ae_store32_relaxed(&seat->parked, 0);
	ae_store64_relaxed(&seat->drain_waiters, 0);
	ae_store64_relaxed(&seat->head, me->head);

	/* relaxed: all of it before the seat is active. */
	ae_store64_relaxed(&seat->reserved, 0);
	ae_store64_relaxed(&seat->released, 0);
	ae_store64_relaxed(&seat->routed, 0);
	ae_store64_relaxed(&seat->taken, 0);
	ae_store64_relaxed(&seat->dropped, 0);
	ae_store64_relaxed(&seat->refused, 0);
	ae_store64_relaxed(&seat->waits, 0);
	ae_store64_relaxed(&seat->full, 0);
	ae_store64_relaxed(&seat->reaped, 0);
	ae_store32_relaxed(&seat->warm, 0);
	ae_sight_write(me);
	ae_epoch_inherit(me->plane, me->slot);
}

static void settle(struct aether_participant *me, uint32_t slot)
{
	struct aether_plane *plane = me->plane;

	me->slot = slot;
	me->seat = &plane->seats[slot];
	me->box = &plane->places[(uint64_t)slot * plane->geometry.places];
	me->head = ae_mailbox_head(plane, slot);
	me->older = ae_mailbox_end(plane, slot, me->head);
	me->start = me->freed = first_register(plane, slot);
	me->context = 0;
	ae_context_check(me);
	/* seq_cst: who counts me as one that is there sees me sit, or counts
	 * too few. pairs: seq_cst in aether_share */
	me->stamp = ae_add64_seq_cst(&plane->header->joins, 1) + 1;
	me->stamp &= AETHER_TENANCY_STAMP_MASK;
	me->stamp += !me->stamp; /* a forged counter: 0 would name nobody */
	me->mine = AETHER_LEASE_MAKE(AETHER_STATE_BUSY, slot, me->stamp, 0, 0);
	me->routed = AETHER_LEASE_MAKE(AETHER_STATE_ROUTED, slot, me->stamp, 0,
				       0);
	me->ending = AETHER_LEASE_MAKE(AETHER_STATE_ENDING, slot, me->stamp, 0,
				       0);
}

/* R1: the seat of a tenancy that is active. */
int ae_participant_find_seat(const struct aether_plane *plane, uint64_t to,
			     struct aether_participant_seg **seat)
{
	uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(to);
	uint64_t active = AETHER_SEAT_MAKE(AETHER_SEAT_ACTIVE,
					   AETHER_TENANCY_STAMP(to));

	if (slot >= plane->geometry.participants)
		return AETHER_EGONE;
	*seat = &plane->seats[slot];
	/* seq_cst: its mailbox is in order; after I said that I wait, if I do,
	 * and after my commit. pairs: release in sit, seq_cst in
	 * ae_participant_leave */
	return ae_load64_seq_cst(&(*seat)->seat) == active ? 0 : AETHER_EGONE;
}

/*
 * J5 to J7, under the kernel's lock: the seat is mine if it is free, or if its
 * tenant is marked dead. AETHER_EBUSY: another came, and has died since.
 */
static int sit(struct aether_participant *me, uint32_t slot,
	       const struct aether_participant_options *options, uint64_t born,
	       uint32_t pid)
{
	struct aether_word64 *seat = &me->plane->seats[slot].seat;

	/* a reaper may free it meanwhile, once; more often: somebody forges */
	for (int i = 0; i < 4; i++) {
		/* acquire: the last tenant has left it in order.
		 * pairs: release in ae_participant_leave, release in
		 * free_seats */
		uint64_t word = ae_load64_acquire(seat);
		uint64_t active;

		if (AETHER_SEAT_STATE(word) != AETHER_SEAT_FREE &&
		    AETHER_SEAT_STATE(word) != AETHER_SEAT_DEAD)
			return AETHER_EBUSY;
		/* what is left of the dead one's is to be settled by me */
		if (AETHER_SEAT_STATE(word) == AETHER_SEAT_DEAD &&
		    !ae_sight_within(me->plane, slot))
			return AETHER_EBUSY;
		settle(me, slot);
		reset_record(me, options, born, pid);
		active = AETHER_SEAT_MAKE(AETHER_SEAT_ACTIVE, me->stamp);
		/* release: the record and the box are in order.
		 * pairs: seq_cst in ae_participant_find_seat, acquire in
		 * aether_participant_look, seq_cst in is_gone, seq_cst in
		 * is_seated, seq_cst in is_coming, seq_cst in settle_shared,
		 * acquire in mark_dead, seq_cst in ae_holder_gone, seq_cst in
		 * has_failed */
		if (ae_cas64_release(seat, word, active) == word)
			return AETHER_SEAT_STATE(word) == AETHER_SEAT_DEAD;
	}
	return AETHER_EBUSY;
}

/* J4 to J9. */
static int take_seat(struct aether_participant *me, uint32_t slot,
		     const struct aether_participant_options *options,
		     uint64_t born, uint32_t pid)
{
	int err = ae_host_life_take(me, slot);

	if (err < 0)
		return err;
	err = sit(me, slot, options, born, pid);
	if (err < 0) {
		ae_host_life_drop(me, slot);
		return err;
	}
	me->quota = options->quota;
	me->reserves = options->no_data ? AETHER_RIGHT_ROUTE
					: AETHER_RIGHT_WRITE;
	me->resolves = options->no_data ? AETHER_RIGHT_ROUTE
					: AETHER_RIGHT_READ;
	me->places = options->no_data ? me->plane->sight : me->plane->writable;
	me->spin = options->spin;
	if (err)
		ae_reap_taken_over(me);
	return 0;
}

/* Tries the slots whose seats are free, or all whose tenants are dead. */
static int join(struct aether_participant *me,
		const struct aether_participant_options *options, uint64_t born,
		uint32_t pid, int dead)
{
	uint32_t slots = me->plane->geometry.participants;

	for (uint32_t slot = 0; slot < slots; slot++) {
		struct aether_word64 *seat = &me->plane->seats[slot].seat;
		uint32_t state;
		int err;

		if (dead)
			ae_reap_seat(me->plane, slot);
		/* relaxed: a guess; the lock and a second look decide. */
		state = (uint32_t)AETHER_SEAT_STATE(ae_load64_relaxed(seat));
		if (state != AETHER_SEAT_FREE &&
		    !(dead && state == AETHER_SEAT_DEAD))
			continue;
		err = take_seat(me, slot, options, born, pid);
		if (err != AETHER_EBUSY)
			return err;
	}
	return AETHER_ESEATS;
}

int ae_participant_join(struct aether_participant *me,
			const struct aether_participant_options *options,
			uint64_t born, uint32_t pid)
{
	int err;

	me->role = options->role;
	err = join(me, options, born, pid, 0);

	/* twice: one that came and died meanwhile is only then known as dead */
	for (int i = 0; err == AETHER_ESEATS && i < 2; i++)
		err = join(me, options, born, pid, 1);
	if (err == 0)
		ae_reap_for(me);
	return err;
}

/* L2: what I hold, what is on its way to me and what I read goes to my heir or
 * back to the registry. 0: something is left, the heir's mailbox is full. */
static int give_back(struct aether_participant *me)
{
	struct ae_settler settler;

	ae_settle_init(&settler, me, 1);
	ae_settle_pass(&settler);
	return !settler.report.pending;
}

void ae_participant_leave(struct aether_participant *me)
{
	struct aether_word64 *seat = &me->seat->seat;
	uint64_t active = AETHER_SEAT_MAKE(AETHER_SEAT_ACTIVE, me->stamp);
	uint64_t leaving = AETHER_SEAT_MAKE(AETHER_SEAT_LEAVING, me->stamp);
	uint64_t left = AETHER_SEAT_MAKE(AETHER_SEAT_FREE, me->stamp);

	ae_guard_leave(me);
	ae_pair_leave(me);
	/* seq_cst: L1, before I look for mail, and before I ring who
	 * waits. pairs: seq_cst in commit, seq_cst in is_seated, seq_cst in
	 * is_coming, seq_cst in
	 * ae_participant_find_seat, seq_cst in look_again */
	if (ae_cas64_seq_cst(seat, active, leaving) == active) {
		int done;

		ae_stride_cool(me);
		aether_wake_pay(me);
		done = give_back(me);
		ae_wait_ring_set(me->plane, &me->seat->drain_waiters);
		/* release: L3, all is in order. What is not is a reaper's: the
		 * seat stays, and its lock goes. pairs: acquire in sit */
		if (done)
			ae_cas64_release(seat, leaving, left);
	}
	ae_host_life_drop(me, me->slot);
}

uint64_t aether_participant_tenancy(const struct aether_participant *me)
{
	return AETHER_TENANCY_MAKE(me->slot, me->stamp);
}

struct aether_plane *
aether_participant_plane(const struct aether_participant *me)
{
	return me->plane;
}

uint32_t aether_participant_held(const struct aether_participant *me)
{
	return me->held;
}

static void read_counts(const struct aether_participant_seg *seat,
			struct aether_participant_counts *counts)
{
	/* relaxed: numbers for people; each is one word. */
	counts->reserved = ae_load64_relaxed(&seat->reserved);
	counts->released = ae_load64_relaxed(&seat->released);
	counts->routed = ae_load64_relaxed(&seat->routed);
	counts->taken = ae_load64_relaxed(&seat->taken);
	counts->dropped = ae_load64_relaxed(&seat->dropped);
	counts->refused = ae_load64_relaxed(&seat->refused);
	counts->waits = ae_load64_relaxed(&seat->waits);
	counts->full = ae_load64_relaxed(&seat->full);
	counts->reaped = ae_load64_relaxed(&seat->reaped);
}

/* The tenancy that this one has named as its heir, if it is there. */
static uint64_t read_heir(const struct aether_plane *plane, uint32_t slot,
			  uint64_t stamp)
{
	/* relaxed: for people. */
	uint64_t heir = ae_load64_relaxed(&plane->seats[slot].heir);
	uint64_t seat;

	slot = (uint32_t)AETHER_HEIR_SLOT(heir);
	if (!AETHER_HEIR_NAMED(heir) || slot >= plane->geometry.participants ||
	    AETHER_HEIR_OF(heir) != (stamp & AETHER_HEIR_OF_MASK))
		return 0;
	/* relaxed: the same. */
	seat = ae_load64_relaxed(&plane->seats[slot].seat);
	if (AETHER_SEAT_STATE(seat) != AETHER_SEAT_ACTIVE ||
	    ae_low_stamp(AETHER_SEAT_STAMP(seat)) != AETHER_HEIR_STAMP(heir))
		return 0;
	return AETHER_TENANCY_MAKE(slot, AETHER_SEAT_STAMP(seat));
}

static uint32_t level_of(uint32_t role)
{
	for (size_t i = 0; i < ROLES; i++)
		if (roles[i].number == role)
			return roles[i].level;
	return 0;
}

static void read_record(const struct aether_plane *plane, uint32_t slot,
			uint64_t word, struct aether_participant_info *info)
{
	const struct aether_participant_seg *seat = &plane->seats[slot];

	*info = (struct aether_participant_info) {
		.slot = slot,
		.state = (uint32_t)AETHER_SEAT_STATE(word),
	};
	if (info->state == AETHER_SEAT_FREE)
		return;
	info->tenancy = AETHER_TENANCY_MAKE(slot, AETHER_SEAT_STAMP(word));
	/* relaxed: the seat word is read again afterwards. */
	info->role = ae_load32_relaxed(&seat->role);
	info->quota = ae_load32_relaxed(&seat->quota);
	info->pid = ae_load32_relaxed(&seat->pid);
	info->start = ae_load64_relaxed(&seat->start_time);
	info->level = level_of(info->role);
	info->heir = read_heir(plane, slot, AETHER_SEAT_STAMP(word));
	read_name(seat, info->name);
	read_counts(seat, &info->counts);
}

/* Reads until the tenancy was the same before and after; a few times at most:
 * a slot that changes hands that fast is shown as it was met. */
int aether_participant_look(const struct aether_plane *plane, uint32_t slot,
			    struct aether_participant_info *info)
{
	uint64_t word;

	if (slot >= plane->geometry.participants)
		return AETHER_ERANGE;
	for (int tries = 0; tries < 4; tries++) {
		/* acquire: the record of that tenancy.
		 * pairs: release in sit */
		word = ae_load64_acquire(&plane->seats[slot].seat);
		read_record(plane, slot, word, info);
		/* relaxed: a hint that the record changed meanwhile. */
		if (ae_load64_relaxed(&plane->seats[slot].seat) == word)
			break;
	}
	if (info->tenancy)
		info->alive = ae_host_life_test(plane, slot) != 0;
	return 0;
}

int aether_participant_find(const struct aether_plane *plane, const char *name,
			    uint64_t *tenancy)
{
	struct aether_participant_info info;

	for (uint32_t i = 0; i < plane->geometry.participants; i++) {
		/* relaxed: most slots are free; the look decides. */
		uint64_t word = ae_load64_relaxed(&plane->seats[i].seat);

		if (AETHER_SEAT_STATE(word) != AETHER_SEAT_ACTIVE)
			continue;
		aether_participant_look(plane, i, &info);
		if (info.state == AETHER_SEAT_ACTIVE && info.alive &&
		    ae_same_name(info.name, name)) {
			*tenancy = info.tenancy;
			return 0;
		}
	}
	return AETHER_ENOENT;
}

const char *aether_participant_role_name(uint32_t role)
{
	for (size_t i = 0; i < ROLES; i++)
		if (roles[i].number == role)
			return roles[i].name;
	return NULL;
}

int aether_participant_role(const char *name, uint32_t *role)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (ae_same_name(roles[i].name, name)) {
			*role = roles[i].number;
			return 0;
		}
	}
	return AETHER_ENOENT;
}
