/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: reserving until full, refusals told apart, what a new lease holds,
 * resolving, describing, registers that lie, words and contents that nobody
 * of ours wrote. Waiting for a stride is in test_space.c.
 */
#include "rig.h"

#define STRIDES 40 /* one register and a quarter */
#define SIZE 131072

static uint64_t word_of(const struct aether_plane *plane, uint32_t index)
{
	return ae_load64_relaxed(&plane->leases[index].word);
}

static void put_word(const struct aether_plane *plane, uint32_t index,
		     uint64_t word)
{
	ae_store64_relaxed(&plane->leases[index].word, word);
}

static void reserve_all(void)
{
	struct aether_plane *plane = rig_plane(STRIDES, SIZE, 4);
	struct aether_participant *me = rig_join(plane);
	uint64_t handles[STRIDES];
	struct aether_registry_counts counts;
	uint64_t handle = 12345;
	int order = 1;

	for (uint32_t i = 0; i < STRIDES; i++) {
		handles[i] = rig_reserve(me);
		order &= AETHER_HANDLE_STRIDE(handles[i]) == i;
	}
	ok(order, "slot 0 gets all %d strides, lowest first, none twice",
	   STRIDES);
	is_int(aether_participant_held(me), STRIDES, "and holds them all");
	is_int(rig_count(plane, AETHER_STATE_BUSY), STRIDES,
	       "all busy, the registers say so");
	is_int(aether_stride_reserve(me, &handle), AETHER_EFULL,
	       "the next one: EFULL");
	is_int(handle, 12345, "the result is left alone");
	for (uint32_t i = 0; i < STRIDES; i++)
		need(aether_stride_release(me, handles[i]) == 0);
	aether_registry_count(plane, &counts);
	ok(counts.states[AETHER_STATE_DORMANT] == STRIDES &&
		   counts.stale_set <= 1 && !counts.stale_clear,
	   "released: all free; at most the warm one's bit is still set");
	is_int(aether_participant_held(me), 0, "nothing is held");
	aether_participant_leave(me);
	ok(rig_all_free(plane), "left: the registers equal the words");
	is_int(aether_plane_detach(plane), 0, "detached");
}

static void generations(void)
{
	struct aether_plane *plane = rig_plane(8, SIZE, 4);
	struct aether_participant *me = rig_join(plane);
	const uint64_t last = AETHER_LEASE_GENERATION_MASK;
	uint64_t first = rig_reserve(me);
	uint64_t second;

	is_int(aether_stride_release(me, first), 0, "release");
	second = rig_reserve(me);
	is_int(AETHER_HANDLE_STRIDE(second), AETHER_HANDLE_STRIDE(first),
	       "the stride again");
	is_int(AETHER_HANDLE_GENERATION(second),
	       AETHER_HANDLE_GENERATION(first) + 1, "with the next generation");
	is_int(aether_stride_release(me, first), AETHER_ESTALE,
	       "the old handle is stale");
	is_int(aether_stride_release(me, second), 0, "the new one is not");
	put_word(plane, 0, ae_word_generation(last));
	second = rig_reserve(me);
	is_int(AETHER_HANDLE_GENERATION(second), (long long)last,
	       "the last generation there is");
	is_int(aether_stride_release(me, second), 0, "is released");
	is_int((long long)word_of(plane, 0), 0,
	       "and the first one follows, no bit beside it");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

/* Every call that needs a lease refuses the handle with `code`. */
static void refused(struct aether_participant *me, uint64_t handle, int code,
		    const char *why)
{
	uint64_t self = aether_participant_tenancy(me);
	struct aether_pointer pointer = { .size = 1 };
	void *at = &pointer;
	size_t size = 99;
	uint64_t refused = me->counts.refused;

	is_int(aether_stride_release(me, handle), code, "release: %s", why);
	is_int(aether_stride_resolve(me, handle, &pointer), code, "resolve: %s",
	       why);
	is_int(aether_stride_bytes(me, handle, &size, &at), code, "bytes: %s",
	       why);
	is_int(aether_stride_user(me, handle, &at), code, "user: %s", why);
	is_int(aether_stride_describe(me, handle, 1, 0, 0), code,
	       "describe: %s", why);
	is_int(aether_route(me, handle, self), code, "route: %s", why);
	is_int(aether_route_until(me, handle, self, 0), code, "route_until: %s",
	       why);
	ok(pointer.size == 1 && at == &pointer && size == 99,
	   "results are left alone: %s", why);
	is_int(me->counts.refused - refused, 7, "each one is counted: %s", why);
}

static void refusals(void)
{
	struct aether_plane *plane = rig_plane(8, SIZE, 4);
	struct aether_plane *other = rig_plane(8, SIZE, 4);
	struct aether_participant *me = rig_join(plane);
	struct aether_participant *you = rig_join(plane);
	struct aether_participant *far = rig_join(other);
	uint64_t mine = rig_reserve(me);
	uint64_t yours = rig_reserve(you);
	uint64_t foreign = rig_reserve(far);

	refused(me, 0, AETHER_EFOREIGN, "no handle at all");
	refused(me, foreign, AETHER_EFOREIGN, "of another plane");
	refused(me, mine ^ (UINT64_C(1) << 16), AETHER_EFOREIGN, "wrong tag");
	refused(me, (mine & ~UINT64_C(0xFFFF)) | 8, AETHER_ERANGE,
		"the stride behind the last");
	refused(me, mine | 0xFFFF, AETHER_ERANGE, "stride 65535");
	refused(me, yours, AETHER_EOWNER, "somebody else's");
	refused(me, (mine & ~UINT64_C(0xFFFF)) | 7, AETHER_EOWNER,
		"nobody's, without a lease");
	refused(me, mine + (UINT64_C(1) << 24), AETHER_ESTALE,
		"a generation that is not yet");
	need(aether_route(me, mine, aether_participant_tenancy(you)) == 0);
	refused(me, mine, AETHER_EOWNER, "on its way to somebody");
	need(aether_route_take(you, &mine) == 0);
	refused(me, mine, AETHER_EOWNER, "after routing it away");
	need(aether_stride_release(you, mine) == 0);
	refused(me, mine, AETHER_ESTALE, "after its release");
	is_int(aether_stride_release(you, yours), 0, "yours is still yours");
	is_int(aether_participant_held(me) + aether_participant_held(you), 0,
	       "no refusal changed what is held");
	aether_participant_leave(me);
	aether_participant_leave(you);
	aether_participant_leave(far);
	ok(rig_all_free(plane) && rig_all_free(other),
	   "no refusal changed anything");
	aether_plane_detach(plane);
	aether_plane_detach(other);
}

static void user_data(void)
{
	struct aether_plane *plane = rig_plane(8, SIZE, 4);
	struct aether_participant *me = rig_join(plane);
	struct aether_participant *you = rig_join(plane);
	static const unsigned char zero[AETHER_USER_SIZE];
	unsigned char *user = NULL;
	void *at = NULL;
	uint64_t handle = rig_reserve(me);
	uint64_t taken = 0;
	int same = 1;

	need(aether_stride_user(me, handle, &at) == 0);
	is_int((uintptr_t)at % 8, 0, "user data are 8-byte aligned");
	is_int(memcmp(at, zero, sizeof(zero)), 0, "and zero at first");
	user = at;
	for (int i = 0; i < AETHER_USER_SIZE; i++)
		user[i] = (unsigned char)(200 - i);
	need(aether_stride_describe(me, handle, 777, AETHER_FORMAT_SLICED,
				    128) == 0);
	need(aether_route(me, handle, aether_participant_tenancy(you)) == 0);
	need(aether_route_take(you, &taken) == 0);
	ok(taken == handle, "the receiver's handle is the sender's");
	need(aether_stride_user(you, taken, &at) == 0);
	user = at;
	for (int i = 0; i < AETHER_USER_SIZE; i++)
		same &= user[i] == 200 - i;
	ok(same, "they travel with the lease");
	need(aether_stride_release(you, taken) == 0);
	do
		handle = rig_reserve(you);
	while (AETHER_HANDLE_STRIDE(handle) != AETHER_HANDLE_STRIDE(taken));
	need(aether_stride_user(you, handle, &at) == 0);
	is_int(memcmp(at, zero, sizeof(zero)), 0, "zero in the next lease");
	aether_participant_leave(me);
	aether_participant_leave(you);
	aether_plane_detach(plane);
}

static void resolves(struct aether_participant *me, uint64_t handle,
		     uint32_t tile)
{
	struct aether_pointer p;
	uint64_t base = me->plane->geometry.data_offset +
			AETHER_HANDLE_STRIDE(handle) * SIZE;
	int right = 1;

	is_int(aether_stride_describe(me, handle, SIZE, AETHER_FORMAT_SLICED,
				      tile),
	       0, "tile %u", tile);
	need(aether_stride_resolve(me, handle, &p) == 0);
	if (!tile)
		tile = AETHER_TILE;
	for (uint32_t i = 0; i < AETHER_PLANES; i++)
		right &= p.plane[i] == base + (uint64_t)i * tile;
	ok(right && p.base == base, "tile %u: eight offsets", tile);
	is_int(p.pitch, tile * 8, "tile %u: pitch", tile);
	ok(p.size == SIZE && p.length == SIZE && p.tile == tile &&
		   p.format == AETHER_FORMAT_SLICED,
	   "tile %u: size, length, format, tile", tile);
	ok(p.plane[7] + tile <= base + SIZE, "tile %u: inside", tile);
}

static void resolve(void)
{
	struct aether_plane *plane = rig_plane(8, SIZE, 4);
	struct aether_participant *me = rig_join(plane);
	uint64_t handle = (rig_reserve(me), rig_reserve(me));
	struct aether_pointer p;
	size_t size = 0;
	void *at = NULL;

	need(aether_stride_resolve(me, handle, &p) == 0);
	ok(p.length == 0 && p.format == AETHER_FORMAT_RAW &&
		   p.tile == AETHER_TILE,
	   "a new lease is empty, raw, of the default tile");
	for (uint32_t tile = 8; tile <= SIZE / 8; tile *= 2)
		resolves(me, handle, tile);
	resolves(me, handle, 0);
	is_int(aether_stride_bytes(me, handle, &size, &at), 0, "bytes");
	ok(at == (char *)aether_plane_base(plane) + p.base && size == SIZE,
	   "where resolve says, a stride long");
	is_int(aether_stride_bytes(me, handle, NULL, &at), 0, "size NULL");
	memset(at, 0x5A, size);
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void describe(void)
{
	struct aether_plane *plane = rig_plane(8, SIZE, 4);
	struct aether_participant *me = rig_join(plane);
	uint64_t handle = rig_reserve(me);
	static const struct {
		uint64_t length;
		uint32_t format, tile;
	} bad[] = {
		{ SIZE + 1, 0, 0 },
		{ UINT64_MAX, 0, 0 },
		{ 1, 2, 0 },
		{ 1, UINT32_MAX, 0 },
		{ 1, 1, 4 },
		{ 1, 1, 96 },
		{ 1, 1, SIZE / 4 },
		{ 1, 1, UINT32_C(1) << 31 },
		{ 1, 1, UINT32_MAX },
		{ 1, 1, 9 },
		{ 1, 1, SIZE / 8 + 1 },
	};
	struct aether_pointer p;

	need(aether_stride_describe(me, handle, 5, 1, 16) == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(aether_stride_describe(me, handle, bad[i].length,
					      bad[i].format, bad[i].tile),
		       AETHER_EINVAL, "length %llu, format %u, tile %u",
		       (unsigned long long)bad[i].length, bad[i].format,
		       bad[i].tile);
	need(aether_stride_resolve(me, handle, &p) == 0);
	ok(p.length == 5 && p.format == 1 && p.tile == 16,
	   "a refused description changes nothing");
	is_int(aether_stride_describe(me, handle, 0, 0, 0), 0, "length 0");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void query(void)
{
	struct aether_plane *plane = rig_plane(8, SIZE, 4);
	struct aether_participant *me = rig_join(plane);
	uint64_t handle = rig_reserve(me);
	struct aether_stride_info info;

	need(aether_stride_describe(me, handle, 9, 1, 32) == 0);
	is_int(aether_stride_query(plane, handle, &info), 0, "query");
	ok(info.state == AETHER_STATE_BUSY && info.handle == handle &&
		   info.slot == me->slot && info.length == 9 &&
		   info.format == 1 && info.tile == 32 &&
		   info.index == AETHER_HANDLE_STRIDE(handle) &&
		   info.stamp == (me->stamp & AETHER_LEASE_STAMP_MASK),
	   "says who has it and what it holds");
	need(aether_stride_release(me, handle) == 0);
	is_int(aether_stride_query(plane, handle, &info), 0, "query, released");
	ok(info.state == AETHER_STATE_DORMANT && info.handle == 0 &&
		   info.generation == AETHER_HANDLE_GENERATION(handle) + 1,
	   "says that it is over");
	is_int(aether_stride_query(plane, 0, &info), AETHER_EFOREIGN, "0");
	is_int(aether_stride_query(plane, handle | 0xFFFF, &info),
	       AETHER_ERANGE, "beyond the plane");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void quotas(void)
{
	struct aether_participant_options options = { .quota = 3 };
	struct aether_plane *plane = rig_plane(8, SIZE, 4);
	struct aether_participant *me = rig_join_with(plane, &options);
	struct aether_participant *you = rig_join(plane);
	uint64_t to = aether_participant_tenancy(you);
	uint64_t a = rig_reserve(me);
	uint64_t b = rig_reserve(me);
	uint64_t c = rig_reserve(me);
	uint64_t d;

	is_int(aether_stride_reserve(me, &d), AETHER_EQUOTA, "the fourth");
	is_int(aether_stride_reserve_until(me, aether_clock_after(MS), &d),
	       AETHER_EQUOTA, "waiting does not help: EQUOTA at once");
	is_int(me->counts.full, 2,
	       "both answers EQUOTA are counted as participant.h says");
	is_int(aether_stride_release(me, a), 0, "one released");
	is_int(aether_stride_reserve(me, &a), 0, "one more");
	is_int(aether_route(me, b, to), 0, "one routed away");
	is_int(aether_stride_reserve(me, &b), 0, "one more");
	is_int(aether_stride_reserve(me, &d), AETHER_EQUOTA, "and no more");
	is_int(aether_stride_release(me, c), 0, "released");
	aether_participant_leave(me);
	aether_participant_leave(you);
	ok(rig_all_free(plane), "both left: all is free");
	aether_plane_detach(plane);
}

/* stride.h: "the lowest free stride in the participant's part". */
static void lowest_first(void)
{
	struct aether_plane *plane = rig_plane(64, SIZE, 4);
	struct aether_participant *me = rig_join(plane);
	uint64_t handles[8];

	for (int i = 0; i < 8; i++)
		handles[i] = rig_reserve(me);
	need(aether_stride_release(me, handles[5]) == 0);
	need(aether_stride_release(me, handles[3]) == 0);
	is_int(AETHER_HANDLE_STRIDE(rig_reserve(me)), 3, "3 before 5");
	is_int(AETHER_HANDLE_STRIDE(rig_reserve(me)), 5, "5 before 8");
	is_int(AETHER_HANDLE_STRIDE(rig_reserve(me)), 8, "then 8");
	need(aether_stride_release(me, handles[2]) == 0);
	need(aether_stride_release(me, handles[6]) == 0);
	is_int(AETHER_HANDLE_STRIDE(rig_reserve(me)), 6,
	       "the one released last first: 6");
	is_int(AETHER_HANDLE_STRIDE(rig_reserve(me)), 2, "then the lowest: 2");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void corrupt_registers(uint32_t first, uint32_t second, const char *how)
{
	struct aether_plane *plane = rig_plane(STRIDES, SIZE, 4);
	struct aether_participant *me = rig_join(plane);
	uint64_t handle;
	uint64_t handles[STRIDES];
	int n = 0;

	for (int i = 0; i < 11; i++)
		handles[n++] = rig_reserve(me);
	ae_store32_relaxed(&plane->registers[0], first);
	ae_store32_relaxed(&plane->registers[1], second);
	while (n < STRIDES && aether_stride_reserve(me, &handle) == 0)
		handles[n++] = handle;
	is_int(n, STRIDES, "%s: all can be reserved", how);
	is_int(aether_stride_reserve(me, &handle), AETHER_EFULL,
	       "%s: and not one more", how);
	while (n)
		need(aether_stride_release(me, handles[--n]) == 0);
	aether_participant_leave(me);
	is_int(rig_count(plane, AETHER_STATE_DORMANT), STRIDES,
	       "%s: drained, registers equal words", how);
	aether_plane_detach(plane);
}

/* What a hostile neighbour may write: a word and a content. */
static void try_hostile(struct aether_participant *me, uint32_t index,
			uint64_t word, int *unknown)
{
	uint64_t handle = AETHER_HANDLE_MAKE(index, me->plane->tag,
					     AETHER_LEASE_GENERATION(word));
	struct aether_registry_counts counts;
	struct aether_stride_info info;
	struct aether_pointer p;
	uint64_t got;
	void *at;
	int err;

	put_word(me->plane, index, word);
	err = aether_registry_look(me->plane, index, &info);
	*unknown += err != 0 && err != AETHER_ECORRUPT;
	err = aether_stride_query(me->plane, handle, &info);
	*unknown += err != 0 && err != AETHER_ECORRUPT;
	aether_registry_count(me->plane, &counts);
	err = aether_stride_resolve(me, handle, &p);
	*unknown += err != 0 && err != AETHER_EOWNER && err != AETHER_ESTALE &&
		    err != AETHER_ECORRUPT;
	if (aether_stride_bytes(me, handle, NULL, &at) == 0)
		memset(at, 1, 1);
	aether_route(me, handle, aether_participant_tenancy(me));
	aether_route_take(me, &got);
	err = aether_stride_release(me, handle);
	*unknown += err != 0 && err != AETHER_EOWNER && err != AETHER_ESTALE;
	if (aether_stride_reserve(me, &got) == 0)
		aether_stride_release(me, got);
}

static void hostile_words(void)
{
	struct aether_plane *plane = rig_plane(STRIDES, SIZE, 4);
	struct aether_participant *me = rig_join(plane);
	uint64_t seed = 7;
	int unknown = 0;

	for (int i = 0; i < 20000; i++) {
		uint64_t word = rig_random(&seed);
		uint32_t index = (uint32_t)(rig_random(&seed) % STRIDES);

		if (i % 4 == 0) /* mine, with a random generation */
			word = me->mine | (word & AE_GENERATION);
		if (i % 4 == 1) /* with a state that can be */
			word = (word & ~UINT64_C(7)) | (uint64_t)(i % 6);
		try_hostile(me, index, word, &unknown);
	}
	is_int(unknown, 0, "20000 hostile words: refused or ECORRUPT");
	aether_participant_leave(me);
	for (uint32_t i = 0; i < STRIDES; i++)
		put_word(plane, i, 0);
	me = rig_join(plane);
	is_int(AETHER_HANDLE_STRIDE(rig_reserve(me)), 0, "life goes on");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void hostile_content(void)
{
	struct aether_plane *plane = rig_plane(8, SIZE, 4);
	struct aether_participant *me = rig_join(plane);
	uint64_t handle = rig_reserve(me);
	struct aether_lease_seg *lease =
		&plane->leases[AETHER_HANDLE_STRIDE(handle)];
	struct aether_pointer p;

	ae_store64_relaxed(&lease->length, SIZE + 1);
	is_int(aether_stride_resolve(me, handle, &p), AETHER_ECORRUPT,
	       "a length beyond the stride");
	ae_store64_relaxed(&lease->length, SIZE);
	ae_store32_relaxed(&lease->format, 2);
	is_int(aether_stride_resolve(me, handle, &p), AETHER_ECORRUPT,
	       "a format that is not");
	ae_store32_relaxed(&lease->format, 1);
	ae_store32_relaxed(&lease->tile, 0);
	is_int(aether_stride_resolve(me, handle, &p), AETHER_ECORRUPT,
	       "tile 0");
	ae_store32_relaxed(&lease->tile, SIZE / 4);
	is_int(aether_stride_resolve(me, handle, &p), AETHER_ECORRUPT,
	       "planes beyond the stride");
	ae_store32_relaxed(&lease->tile, SIZE / 8);
	is_int(aether_stride_resolve(me, handle, &p), 0, "the largest tile");
	is_int(aether_stride_release(me, handle), 0, "released all the same");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void tests(void)
{
	reserve_all();
	generations();
	refusals();
	user_data();
	resolve();
	describe();
	query();
	quotas();
	lowest_first();
	corrupt_registers(0, UINT32_C(0xFFFFFF00), "bits cleared");
	corrupt_registers(UINT32_MAX, UINT32_MAX, "bits set");
	corrupt_registers(0x55555555, 0xAAAAAAAA, "bits mixed");
	corrupt_registers(0, 0, "all clear, also those that stand for nothing");
	hostile_words();
	hostile_content();
}

int main(void)
{
	return rig_run(tests);
}
