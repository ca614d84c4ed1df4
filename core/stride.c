/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strides: reserve, release, and what their holder may do. The truth about a
 * stride is its lease word; a register bit is set after reserving and cleared
 * after releasing, is a hint only, and is mended by whoever finds it wrong.
 * Steps V and F of PROTOCOL.md.
 */
#include "ae_base.h"

/* The content of a new lease, before its holder looks at it. */
static AE_INLINE void clear_content(struct aether_lease_seg *lease)
{
	/* relaxed: the owner's; others read them as hints. */
	ae_store64_relaxed(&lease->length, 0);
	ae_store32_relaxed(&lease->format, AETHER_FORMAT_RAW);
	ae_store32_relaxed(&lease->tile, AETHER_TILE);
	ae_store32_relaxed(&lease->run, 1);
	for (size_t i = 0; i < sizeof(lease->user); i++)
		lease->user[i] = 0;
}

/*
 * V: one compare-and-swap makes a dormant stride mine. Inline where the warm
 * stride is taken: a swap waits until every store before it has left the core,
 * and each call is some of them.
 */
static AE_INLINE int claim(struct aether_participant *me, uint32_t index,
			   uint64_t *handle)
{
	struct aether_lease_seg *lease = &me->plane->leases[index];
	/* relaxed: a guess; the swap decides. */
	uint64_t word = ae_load64_relaxed(&lease->word);
	uint64_t generation = word & AE_GENERATION;

	if (AETHER_LEASE_STATE(word) != AETHER_STATE_DORMANT)
		return AETHER_EOWNER;
	/* seq_cst: the last owner is done with the bytes; and who settles sees
	 * my seat before my word. pairs: seq_cst in free_word, seq_cst in
	 * settle_tail, seq_cst in settle_word, seq_cst in swap */
	if (ae_cas64_seq_cst(&lease->word, word, me->mine | generation) != word)
		return AETHER_EAGAIN;
	*handle = AETHER_HANDLE_MAKE(index, me->plane->tag,
				     AETHER_LEASE_GENERATION(word));
	clear_content(lease);
	me->held++;
	ae_count(&me->seat->reserved, &me->counts.reserved);
	if (me->listed)
		ae_sent_drop(me, index);
	return 0;
}

/* Of planes that zero, nothing is warm. */
int ae_stride_claim(struct aether_participant *me, uint32_t index,
		    uint64_t *handle)
{
	int err = claim(me, index, handle);

	if (err == 0 && ae_zeroes_late(me->plane))
		ae_lease_clear_late(me->plane, index);
	return err;
}

/* V4 to V6: busy although the bit was clear. Set it, and look again. */
static void mend(const struct aether_plane *plane, uint32_t index)
{
	ae_lease_set_bit(plane, index);
	/* relaxed: a wrong bit is found again by the search of all words. */
	if (AETHER_LEASE_STATE(ae_load64_relaxed(&plane->leases[index].word)) ==
	    AETHER_STATE_DORMANT)
		ae_lease_clear_bit(plane, index);
}

/* Tries the strides whose bits are clear in register `r`, lowest first. */
static int claim_in(struct aether_participant *me, uint32_t r, uint64_t *handle)
{
	uint32_t taken;

	if (me->plane->right[r] < me->reserves)
		return AETHER_EFULL;
	/* relaxed: registers are hints. */
	taken = ae_load32_relaxed(&me->plane->registers[r]);
	while (taken != UINT32_MAX) {
		uint32_t bit = (uint32_t)__builtin_ctz(~taken);
		uint32_t index = r * AETHER_REGISTER_BITS + bit;
		int err;

		if (index >= me->plane->geometry.strides)
			return AETHER_EFULL;
		err = ae_stride_claim(me, index, handle);
		if (err == 0) {
			ae_lease_set_bit(me->plane, index);
			return 0;
		}
		if (err == AETHER_EOWNER)
			mend(me->plane, index);
		taken |= UINT32_C(1) << bit;
	}
	return AETHER_EFULL;
}

/* Registers among which one is looked for. */
struct range {
	uint32_t first;
	uint32_t end;
};

/* Before saying full: every word once, whatever the registers say.
 * AETHER_EAGAIN: one was free, and somebody else was faster. */
static int claim_any(struct aether_participant *me, const struct range *in,
		     uint64_t *handle)
{
	struct aether_plane *plane = me->plane;
	uint32_t end = in->end * AETHER_REGISTER_BITS;
	int result = AETHER_EFULL;

	for (uint32_t i = in->first * AETHER_REGISTER_BITS;
	     i < end && i < plane->geometry.strides; i++) {
		uint64_t word;

		if (ae_right(plane, i) < me->reserves)
			continue;
		/* seq_cst: after my bit among the waiters, if I wait.
		 * pairs: seq_cst in free_word */
		word = ae_load64_seq_cst(&plane->leases[i].word);
		if (AETHER_LEASE_STATE(word) != AETHER_STATE_DORMANT)
			continue;
		if (ae_stride_claim(me, i, handle) == 0) {
			ae_lease_set_bit(plane, i);
			return 0;
		}
		result = AETHER_EAGAIN;
	}
	return result;
}

/* The warm stride's bit, once it is warm no more: as the word says. */
static void forget_bit(const struct aether_plane *plane, uint32_t index)
{
	/* relaxed: a wrong bit is found again by the search of all words. */
	if (AETHER_LEASE_STATE(ae_load64_relaxed(&plane->leases[index].word)) ==
	    AETHER_STATE_DORMANT)
		ae_lease_clear_bit(plane, index);
}

void ae_stride_cool(struct aether_participant *me)
{
	if (me->last == AE_NONE)
		return;
	forget_bit(me->plane, me->last);
	me->freed = me->last / AETHER_REGISTER_BITS;
	me->last = AE_NONE;
	me->warm = AE_NONE;
	/* relaxed: a hint. */
	ae_store32_relaxed(&me->seat->warm, 0);
}

static int is_in(const struct range *in, uint32_t r)
{
	return r >= in->first && r < in->end;
}

/* One that is not warm. */
static int search(struct aether_participant *me, const struct range *in,
		  uint64_t *handle)
{
	uint32_t r = me->start;
	int err;

	/* what I freed is in my cache; and in a plane that is nearly full it
	 * saves looking through all registers */
	if (me->freed != me->start && is_in(in, me->freed) &&
	    claim_in(me, me->freed, handle) == 0)
		return 0;
	if (!is_in(in, r))
		r = in->first + r % (in->end - in->first);
	for (uint32_t i = in->first; i < in->end; i++) {
		if (claim_in(me, r, handle) == 0)
			return 0;
		r = r + 1 < in->end ? r + 1 : in->first;
	}
	err = claim_any(me, in, handle);
	if (err == AETHER_EFULL && ae_reap_soon(me))
		err = claim_any(me, in, handle);
	return err;
}

static int reserve(struct aether_participant *me, const struct range *in,
		   uint64_t *handle)
{
	uint32_t last = me->last;

	if (ae_plane_lost(me->plane))
		return AETHER_ECORRUPT;
	if (me->quota && me->held >= me->quota)
		return AETHER_EQUOTA;
	if (last != AE_NONE && is_in(in, last / AETHER_REGISTER_BITS)) {
		me->last = AE_NONE;
		if (ae_stride_claim(me, last, handle) == 0)
			return 0;
		forget_bit(me->plane, last);
	}
	return search(me, in, handle);
}

/* Anywhere where I may. */
static int reserve_any(struct aether_participant *me, uint64_t *handle)
{
	struct range all = { .end = me->plane->geometry.registers };

	return me->places ? reserve(me, &all, handle) : AETHER_EACCES;
}

/* Counts what was in vain. */
static int answer(struct aether_participant *me, int err)
{
	if (err == AETHER_EFULL || err == AETHER_EQUOTA) {
		ae_count(&me->seat->full, &me->counts.full);
		ae_wait_in_vain(me);
	}
	return err;
}

static AE_COLD int reserve_counted(struct aether_participant *me,
				   uint64_t *handle)
{
	return answer(me, reserve_any(me, handle));
}

/* The warm stride, where I may write, without a call; else all there is. */
int aether_stride_reserve(struct aether_participant *me, uint64_t *handle)
{
	uint32_t last = me->last;

	if (last == AE_NONE || ae_plane_lost(me->plane) ||
	    (me->quota && me->held >= me->quota) || claim(me, last, handle) < 0)
		return reserve_counted(me, handle);
	me->last = AE_NONE;
	return 0;
}

int aether_stride_reserve_in(struct aether_participant *me, uint32_t segment,
			     uint64_t *handle)
{
	const struct aether_plane *plane = me->plane;
	struct range in;

	if (segment >= ae_segment_count(&plane->geometry))
		return AETHER_ERANGE;
	if (!(me->places >> segment & 1))
		return AETHER_EACCES;
	in.first = ae_segment_first(&plane->geometry, segment) /
		   AETHER_REGISTER_BITS;
	in.end = (ae_segment_first(&plane->geometry, segment + 1) +
		  AETHER_REGISTER_BITS - 1) /
		 AETHER_REGISTER_BITS;
	return answer(me, reserve(me, &in, handle));
}

static int attempt_reserve(struct aether_participant *me, void *what)
{
	int err = reserve_any(me, what);

	/* whoever was faster will ring when it releases */
	return err == AETHER_EAGAIN ? AETHER_EFULL : err;
}

int aether_stride_reserve_until(struct aether_participant *me,
				uint64_t deadline, uint64_t *handle)
{
	struct ae_wait wait = { .attempt = attempt_reserve,
				.what = handle,
				.waiters = &me->plane->header->space_waiters,
				.spins = me->spin == AETHER_FOREVER };

	return ae_wait_until(me, &wait, deadline);
}

int aether_stride_accept(struct aether_participant *me, uint64_t handle)
{
	struct aether_lease_seg *lease;
	int err = ae_lease_mine(me, handle, &lease);
	uint64_t word = me->mine |
			ae_word_generation(AETHER_HANDLE_GENERATION(handle));

	if (err != AETHER_ESUSPECT)
		return err;
	/* acquire: mine already; nobody else swaps it. pairs: seq_cst in
	 * bequeath */
	if (ae_cas64_acquire(&lease->word, word | AE_SUSPECT, word) !=
	    (word | AE_SUSPECT))
		return AETHER_ECORRUPT;
	return 0;
}

static uint64_t offset_of(const struct aether_plane *plane, uint64_t handle)
{
	return plane->geometry.data_offset +
	       AETHER_HANDLE_STRIDE(handle) * plane->geometry.stride_size;
}

/* Bytes of the lease: of one stride, or of as many as follow its head and as
 * its owner said. */
static int size_of(const struct aether_participant *me, uint64_t handle,
		   uint64_t *size)
{
	uint32_t index = (uint32_t)AETHER_HANDLE_STRIDE(handle);
	uint32_t run = ae_run_said(me->plane, index);

	if (ae_plane_lost(me->plane) ||
	    (run > 1 && ae_run_length(me->plane, index) != run))
		return AETHER_ECORRUPT;
	*size = run * me->plane->geometry.stride_size;
	return 0;
}

/* A tile that lies in the stride, eight planes of it. */
static int tile_fits(const struct aether_plane *plane, uint32_t tile)
{
	return tile >= AETHER_PLANES && !(tile & (tile - 1)) &&
	       tile <= plane->geometry.stride_size / AETHER_PLANES;
}

static int check_right(const struct aether_participant *me, uint64_t handle,
		       uint32_t right)
{
	return ae_right(me->plane, (uint32_t)AETHER_HANDLE_STRIDE(handle)) <
			       right
		       ? AETHER_EACCES
		       : 0;
}

int aether_stride_resolve(struct aether_participant *me, uint64_t handle,
			  struct aether_pointer *pointer)
{
	struct aether_lease_seg *lease = ae_lease_held(me, handle);
	struct aether_pointer p;
	int err = lease ? 0 : ae_lease_readable(me, handle, &lease);

	if (err == 0)
		err = check_right(me, handle, me->resolves);
	if (err == 0)
		err = size_of(me, handle, &p.size);
	if (err < 0)
		return err;
	/* relaxed: mine; ordered by the swap that made it so. */
	p.length = ae_load64_relaxed(&lease->length);
	p.format = ae_load32_relaxed(&lease->format);
	p.tile = ae_load32_relaxed(&lease->tile);
	p.base = offset_of(me->plane, handle);
	if (p.length > p.size || p.format > AETHER_FORMAT_SLICED ||
	    !tile_fits(me->plane, p.tile))
		return AETHER_ECORRUPT;
	p.pitch = (uint64_t)p.tile * AETHER_PLANES;
	for (uint32_t i = 0; i < AETHER_PLANES; i++)
		p.plane[i] = p.base + (uint64_t)i * p.tile;
	*pointer = p;
	return 0;
}

int aether_stride_bytes(struct aether_participant *me, uint64_t handle,
			size_t *size, void **bytes)
{
	struct aether_lease_seg *lease = ae_lease_held(me, handle);
	uint64_t all = 0;
	int err = lease ? 0 : ae_lease_readable(me, handle, &lease);

	if (err == 0)
		err = check_right(me, handle, AETHER_RIGHT_READ);
	if (err == 0)
		err = size_of(me, handle, &all);
	if (err < 0)
		return err;
	if (size)
		*size = (size_t)all;
	*bytes = me->plane->base + offset_of(me->plane, handle);
	return 0;
}

int aether_stride_user(struct aether_participant *me, uint64_t handle,
		       void **user)
{
	struct aether_lease_seg *lease = ae_lease_held(me, handle);
	int err = lease ? 0 : ae_lease_readable(me, handle, &lease);

	if (err < 0)
		return err;
	*user = lease->user;
	return 0;
}

int aether_stride_describe(struct aether_participant *me, uint64_t handle,
			   uint64_t length, uint32_t format, uint32_t tile)
{
	struct aether_lease_seg *lease = ae_lease_held(me, handle);
	uint64_t size = 0;
	int err = lease ? 0 : ae_lease_mine(me, handle, &lease);

	if (err == 0)
		err = check_right(me, handle, me->reserves);
	if (err == 0)
		err = size_of(me, handle, &size);
	if (err < 0)
		return err;
	if (!tile)
		tile = AETHER_TILE;
	if (length > size || format > AETHER_FORMAT_SLICED ||
	    !tile_fits(me->plane, tile))
		return AETHER_EINVAL;
	/* relaxed: mine; the route or release that follows orders them. */
	ae_store64_relaxed(&lease->length, length);
	ae_store32_relaxed(&lease->format, format);
	ae_store32_relaxed(&lease->tile, tile);
	return 0;
}
