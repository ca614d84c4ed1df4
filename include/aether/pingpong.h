/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ping-pong: one writes, any number read, and none waits for the other. A pair
 * of a layout is two buffers, or three. Readers read the active one; the writer
 * fills another and commits, which makes that one the active one and signals
 * the pair's epoch. Nothing is copied. A pair is named by its index
 * (aether_layout_find_pair).
 *
 * A buffer is a region of the layout, and that large; its writer can make it
 * larger (aether_pingpong_room). Then it is a run of strides that the pair
 * keeps: no participant holds it, and nobody's death frees it. Readers are told
 * where it is by the reading that they begin.
 *
 * There is one writer: whoever begins first, until it resigns, leaves or dies.
 * A second one is refused and counted; a dead one's place is taken at once, and
 * what it had begun is never seen.
 *
 * There are two ways to read, and both end with aether_pingpong_read_end, which
 * alone says whether what was read is sound:
 *
 * - checked: nothing is written, an observer can do it. The writer is never
 *   delayed; with two buffers it may begin to overwrite what I read once it has
 *   committed, then I am told AETHER_ETORN, and read again.
 * - pinned: the writer leaves my buffer alone until I end, or until the term
 *   that I asked for is over, or I am dead. It waits for nobody longer than
 *   that. After the term it may take the buffer from me: AETHER_ETORN.
 *
 * Until the end has said that it is sound, what was read may be anything: an
 * index or a length in it is checked before it is used.
 *
 * At once: a participant is used by one thread at a time; checked readings and
 * look by anybody, a reading by one thread.
 */
#ifndef AETHER_PINGPONG_H
#define AETHER_PINGPONG_H

#include <aether/api.h>
#include <aether/participant.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What I may write, from begin to commit or abandon. */
struct aether_pingpong_write {
	void *bytes;        /* the buffer; it still holds an older content */
	const void *active; /* what readers read: nobody writes it meanwhile */
	uint64_t size;      /* bytes of the buffer */
	uint64_t sequence;  /* that a commit will have; the first is 1 */
	uint32_t buffer;    /* which it is */
	uint32_t item_size; /* bytes */
	uint32_t capacity;  /* items that fit */
	uint32_t active_items; /* how many the active one holds; that may be
				  more than fit into mine */
	int recovered; /* 1: the writer before me died or left as the writer, or
			  could not signal its last commit. Told once. */
};

/* What I read, from begin to end. */
struct aether_pingpong_reading {
	const void *bytes;
	uint64_t size;      /* bytes of the buffer */
	uint64_t sequence;  /* number of its commit; 0: nothing was yet */
	uint64_t until;     /* end of my term; 0: checked */
	uint32_t buffer;    /* which it is */
	uint32_t item_size; /* bytes */
	uint32_t items;     /* how many were committed, never more than fit */
	/* the library's own: */
	uint32_t pair;
	uint32_t begun;
	uint64_t pin;
	const struct aether_plane *plane; /* NULL: it has ended */
	struct aether_participant *me;
};

struct aether_pingpong_info {
	uint64_t sequence; /* commits so far */
	uint64_t writer;   /* tenancy; 0: nobody, or one that is gone */
	uint64_t revoked;  /* pins that outlasted their term */
	uint64_t pinned;   /* slots that hold a buffer, a bit each */
	uint64_t size;     /* bytes of the buffer that readers read */
	uint32_t active;   /* which that is */
	uint32_t items;    /* how many it holds */
	uint32_t capacity; /* how many would fit */
	uint32_t strides;  /* that the pair keeps, for all its buffers */
	uint32_t refused;  /* second writers */
	int writing;       /* the one being written; -1: none */
};

/*
 * Begins to write: I become the pair's writer, if nobody living is, and get a
 * buffer that is neither active nor pinned. What it holds is not readable any
 * more, until a commit. If all such buffers are pinned it waits until the first
 * is let go or its term is over, but not beyond `deadline`.
 * Errors: AETHER_EINDEX (no such pair), AETHER_ETAKEN (another one writes, and
 * lives), AETHER_EAGAIN (another one was faster), AETHER_ECONTEXT (I belong to
 * an earlier boot), AETHER_ECORRUPT. Those that leave me its writer, with
 * nothing begun: AETHER_EACCES (a buffer is a run of a segment where I may not
 * write or, of the active one, not read), AETHER_EHELD (I have begun already,
 * that goes on; or I pin the only buffer myself), AETHER_ETIMEDOUT,
 * AETHER_EINTR, and what aether_epoch_signal refuses, or a wait.
 */
AETHER_API int aether_pingpong_begin(struct aether_participant *me,
				     uint32_t pair, uint64_t deadline,
				     struct aether_pingpong_write *write);

/*
 * Room for `items` items in the buffer that I write. Where they fit as it is,
 * nothing changes, and what was written stays; but if they fit into the
 * layout's own region, that is the buffer again, and a run that it was is
 * freed. Else the buffer is a new run of strides, as many as it takes, and the
 * old one is freed. Wherever the buffer has moved, what it holds is undefined.
 * Each buffer grows by itself, when its turn comes: call this after each begin.
 *
 * The new run is reserved before the old one is freed, so that a call that
 * fails changes nothing, unless it is AETHER_ECORRUPT. Where there is no space
 * for both, make room for 0 first. While it is reserved it counts for my quota,
 * afterwards for nobody's.
 * Never waits; `write` is described anew. Errors: AETHER_EINDEX (no such pair),
 * AETHER_ENOTHELD (I have not begun), AETHER_EFULL (nowhere are so many strides
 * free in a row), AETHER_EQUOTA, AETHER_EAGAIN (they were, and somebody else
 * was faster), AETHER_EACCES (I may write in no segment), AETHER_ECONTEXT,
 * AETHER_ECORRUPT. A run lies in one segment, and is where I may write: readers
 * must have the right to read there.
 */
AETHER_API int aether_pingpong_room(struct aether_participant *me,
				    uint32_t pair, uint32_t items,
				    struct aether_pingpong_write *write);

/*
 * What I wrote becomes the active buffer, with `items` items; then the pair's
 * epoch is signalled. Never waits.
 * Errors: AETHER_EINDEX (no such pair; more items than fit), AETHER_ENOTHELD (I
 * have not begun), AETHER_ECONTEXT, AETHER_ECORRUPT. Any other error is that of
 * aether_epoch_signal: readers have the buffer, but nobody was woken; the next
 * begin makes that good, mine or another's.
 */
AETHER_API int aether_pingpong_commit(struct aether_participant *me,
				      uint32_t pair, uint32_t items);

/*
 * Gives up what I began: readers never see it. I stay the writer.
 * Errors: AETHER_EINDEX, AETHER_ENOTHELD.
 */
AETHER_API int aether_pingpong_abandon(struct aether_participant *me,
				       uint32_t pair);

/*
 * Stops being the writer; what I had begun is abandoned.
 * Errors: AETHER_EINDEX, AETHER_ENOTHELD (I am not).
 */
AETHER_API int aether_pingpong_resign(struct aether_participant *me,
				      uint32_t pair);

/* Item `i` of the buffer that I write. AETHER_EINDEX: so many do not fit. */
AETHER_API int
aether_pingpong_write_item(const struct aether_pingpong_write *write,
			   uint32_t i, void **item);

/*
 * Begins a checked reading of the active buffer. Writes nothing, never waits.
 * Errors: AETHER_EINDEX (no such pair), AETHER_EAGAIN (commits came faster than
 * I could look), AETHER_EACCES (the buffer is in a segment that I may not
 * read), AETHER_ECORRUPT.
 */
AETHER_API int
aether_pingpong_read_begin(const struct aether_plane *plane, uint32_t pair,
			   struct aether_pingpong_reading *reading);

/*
 * Begins a pinned reading: the buffer is kept for `term` ns, from 1 to
 * AETHER_PIN_TERM_MAX. One for each participant and pair at a time. Never
 * waits.
 * Errors: as above; AETHER_EINVAL (the term), AETHER_EHELD (I hold a pin whose
 * term is not over), AETHER_ECONTEXT.
 */
AETHER_API int
aether_pingpong_read_pinned(struct aether_participant *me, uint32_t pair,
			    uint64_t term,
			    struct aether_pingpong_reading *reading);

/*
 * Ends a reading, and a pin. 0: what was read is what one commit left.
 * AETHER_ETORN: it may have been overwritten, or my pin was revoked.
 * AETHER_ENOTHELD: it has ended already. AETHER_ECORRUPT: as in fault.h.
 */
AETHER_API int
aether_pingpong_read_end(struct aether_pingpong_reading *reading);

/* Item `i` of the buffer that I read. AETHER_EINDEX: so many were not
 * committed. */
AETHER_API int
aether_pingpong_read_item(const struct aether_pingpong_reading *reading,
			  uint32_t i, const void **item);

/* How the pair stands. AETHER_EINDEX, AETHER_ECORRUPT, AETHER_EACCES (the
 * buffer that readers read is in a segment that I do not see). Of segments that
 * I do not see no `strides` are counted. */
AETHER_API int aether_pingpong_look(const struct aether_plane *plane,
				    uint32_t pair,
				    struct aether_pingpong_info *info);

#ifdef __cplusplus
}
#endif

#endif
