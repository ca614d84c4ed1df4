/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GF(2^8) where the data flow: the burn gf256:HH on bytes and on bit-planes of
 * any tile, and matrices from leases to leases, with all that is refused.
 */
#include "../core/segments.h"

#define SHORT ((size_t)3 * AETHER_GF256_BLOCK)
#define ROOM ((size_t)40000)

static uint64_t seed = 3;

static void scatter(uint8_t *bytes, size_t length)
{
	while (length--)
		*bytes++ = (uint8_t)rig_random(&seed);
}

/* Burns and undoes content; tile 0: bytes. */
static int scales(const struct aether_burn *burn, uint8_t factor, size_t length,
		  size_t tile)
{
	static uint8_t was[ROOM], bytes[ROOM + 1], plain[ROOM];
	struct aether_piece piece = { bytes, length, 77,
				      tile ? AETHER_FORMAT_SLICED
					   : AETHER_FORMAT_RAW,
				      (uint32_t)tile };
	int wrong = 0;

	scatter(was, length);
	memcpy(bytes, was, length);
	bytes[length] = 0xA5;
	if (tile)
		need(aether_slice(bytes, was, length, tile) == 0);
	wrong += burn->burn(burn->state, &piece) != 0 || bytes[length] != 0xA5;
	if (tile)
		need(aether_unslice(plain, bytes, length, tile) == 0);
	else
		memcpy(plain, bytes, length);
	for (size_t i = 0; i < length; i++)
		wrong += plain[i] != aether_gf256_multiply(factor, was[i]);
	wrong += burn->undo(burn->state, &piece) != 0;
	if (tile)
		need(aether_unslice(plain, bytes, length, tile) == 0);
	else
		memcpy(plain, bytes, length);
	return !wrong && !memcmp(plain, was, length) && bytes[length] == 0xA5;
}

static void burns(uint8_t factor)
{
	static const size_t tiles[] = { 8, 16, 32, 64, 128, 512 };
	struct aether_burn burn;
	char spec[16];
	int wrong = 0;

	snprintf(spec, sizeof(spec), factor % 2 ? "gf256:%02x" : "gf256:%02X",
		 factor);
	need(aether_burn_open(spec, NULL, &burn) == 0);
	for (int i = 0; i < 8; i++) {
		wrong += !scales(&burn, factor, rig_random(&seed) % 600, 0);
		for (size_t t = 0; t < sizeof(tiles) / sizeof(tiles[0]); t++)
			wrong += !scales(&burn, factor,
					 rig_random(&seed) % 10 * 8 * tiles[t],
					 tiles[t]);
	}
	is_int(wrong, 0, "%s: bytes, all tiles, undone", spec);
	aether_burn_close(&burn);
}

static void refuses_spec(const char *spec)
{
	struct aether_error error = { 0 };
	struct aether_burn burn = { .name = "before" };

	ok(aether_burn_open(spec, &error, &burn) == AETHER_EBURN &&
		   error.code == AETHER_EBURN &&
		   strstr(error.text, "two hexadecimal digits") &&
		   !strcmp(burn.name, "before"),
	   "%s is refused: %s", spec, error.text);
}

static void refuses_pieces(void)
{
	uint8_t bytes[1024] = { 0 };
	struct aether_piece piece = { bytes, 1000, 0, AETHER_FORMAT_SLICED,
				      64 };
	struct aether_burn burn;

	need(aether_burn_open("gf256:02", NULL, &burn) == 0);
	is_int(burn.burn(burn.state, &piece), AETHER_EINVAL, "no whole tiles");
	piece.length = 1024;
	piece.tile = 48;
	is_int(burn.burn(burn.state, &piece), AETHER_EINVAL, "tile 48");
	piece.tile = 0;
	is_int(burn.undo(burn.state, &piece), AETHER_EINVAL, "tile 0");
	piece.format = 2;
	is_int(burn.burn(burn.state, &piece), AETHER_EINVAL, "no such format");
	aether_burn_close(&burn);
}

static void test_burn(void)
{
	static const char *const none[] = {
		"gf256:",   "gf256:0",  "gf256:00", "gf256:1",    "gf256:1dd",
		"gf256:g1", "gf256:1g", "gf256: 1", "gf256:\3771"
	};

	burns(0x01);
	burns(0x02);
	burns(0x1D);
	burns(0x8E);
	burns(0xFF);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		refuses_spec(none[i]);
	refuses_pieces();
}

/* Leases, and 2 x 3 elements between them. */
struct scene {
	struct aether_plane *plane;
	struct aether_participant *me, *other;
	struct aether_gf256 *gf256;
	uint64_t sources[3], targets[2];
};

static const uint8_t matrix[6] = { 1, 2, 0x1D, 0, 0xFF, 3 };

static uint8_t *bytes_of(struct aether_participant *me, uint64_t handle)
{
	void *bytes = NULL;

	need(aether_stride_bytes(me, handle, NULL, &bytes) == 0);
	return bytes;
}

static void begin(struct scene *s)
{
	s->plane = divided(STRIDES, SEGMENTS, 0);
	s->me = rig_join(s->plane);
	s->other = rig_join(s->plane);
	need(aether_gf256_make(matrix, 2, 3, &s->gf256) == 0);
	for (int i = 0; i < 3; i++) {
		s->sources[i] = rig_reserve(s->me);
		scatter(bytes_of(s->me, s->sources[i]), SHORT);
	}
	for (int i = 0; i < 2; i++) {
		s->targets[i] = rig_reserve(s->me);
		scatter(bytes_of(s->me, s->targets[i]), SHORT);
	}
}

static void end(struct scene *s)
{
	aether_gf256_free(s->gf256);
	aether_participant_leave(s->me);
	aether_participant_leave(s->other);
	ok(rig_all_free(s->plane), "all are free in the end");
	need(aether_plane_detach(s->plane) == 0);
}

static int burn(struct scene *s, size_t length)
{
	return aether_gf256_burn(s->me, s->gf256, s->targets, s->sources,
				 length, 0);
}

/* The targets are what their sources say. */
static int is_burnt(struct scene *s)
{
	static uint8_t wanted[SHORT], plain[4][SHORT];

	for (int i = 0; i < 3; i++)
		aether_unslice(plain[i], bytes_of(s->me, s->sources[i]), SHORT,
			       AETHER_TILE);
	for (int t = 0; t < 2; t++) {
		memset(wanted, 0, SHORT);
		for (size_t i = 0; i < SHORT; i++)
			for (int k = 0; k < 3; k++)
				wanted[i] ^= aether_gf256_multiply(
					matrix[3 * t + k], plain[k][i]);
		aether_unslice(plain[3], bytes_of(s->me, s->targets[t]), SHORT,
			       AETHER_TILE);
		if (memcmp(plain[3], wanted, SHORT))
			return 0;
	}
	return 1;
}

/* This code, and no byte of the targets that are mine is another one. */
static void refuses(struct scene *s, size_t length, int code, const char *what)
{
	static uint8_t before[2][SHORT];
	void *bytes;
	int kept = 1;

	for (int i = 0; i < 2; i++)
		if (!aether_stride_bytes(s->me, s->targets[i], NULL, &bytes))
			memcpy(before[i], bytes, SHORT);
	is_int(burn(s, length), code, "%s", what);
	for (int i = 0; i < 2; i++)
		if (!aether_stride_bytes(s->me, s->targets[i], NULL, &bytes))
			kept &= !memcmp(before[i], bytes, SHORT);
	ok(kept, "%s: nothing is written", what);
}

static void test_leases(void)
{
	struct aether_pointer is;
	struct scene s;
	size_t size;
	void *bytes;

	begin(&s);
	need(aether_stride_describe(s.me, s.targets[0], 99,
				    AETHER_FORMAT_SLICED, 128) == 0);
	is_int(burn(&s, SHORT), 0, "from leases to leases");
	ok(is_burnt(&s), "gives what it should");
	need(aether_stride_resolve(s.me, s.targets[0], &is) == 0);
	ok(is.length == 99 && is.format == AETHER_FORMAT_SLICED &&
		   is.tile == 128,
	   "what a target is said to hold is left alone");
	need(aether_stride_bytes(s.me, s.targets[0], &size, &bytes) == 0);
	is_int(burn(&s, size), 0, "all of a stride");
	refuses(&s, size + AETHER_GF256_BLOCK, AETHER_EINVAL, "more than it");
	refuses(&s, SHORT - 1, AETHER_EINVAL, "no whole block");
	is_int(aether_gf256_burn(s.me, NULL, s.targets, s.sources, SHORT, 0),
	       AETHER_EINVAL, "no matrix");
	ok(aether_gf256_targets(s.gf256) == 2 &&
		   aether_gf256_sources(s.gf256) == 3 &&
		   !aether_gf256_targets(NULL) && !aether_gf256_sources(NULL),
	   "says how many handles it reads");
	end(&s);
}

/* Where nothing of it overlaps. */
static void test_length(void)
{
	struct aether_gf256 *one;
	struct scene s;

	begin(&s);
	need(aether_gf256_make(matrix, 1, 1, &one) == 0);
	is_int(aether_gf256_burn(s.me, one, &s.targets[1], s.sources,
				 SIZE + AETHER_GF256_BLOCK, 0),
	       AETHER_EINVAL, "more than a lease has");
	aether_gf256_free(one);
	end(&s);
}

static void test_handles(void)
{
	struct scene s;
	uint64_t kept;

	begin(&s);
	kept = s.targets[1];
	s.targets[1] = s.targets[0];
	refuses(&s, SHORT, AETHER_EINVAL, "a target twice");
	s.targets[1] = s.sources[2];
	refuses(&s, SHORT, AETHER_EINVAL, "a target that is a source");
	s.targets[1] = rig_reserve(s.other);
	refuses(&s, SHORT, AETHER_EOWNER, "another's target");
	s.targets[1] = 0;
	refuses(&s, SHORT, AETHER_EFOREIGN, "no target");
	s.targets[1] = kept;
	kept = s.sources[2];
	s.sources[2] = rig_reserve(s.other);
	refuses(&s, SHORT, AETHER_EOWNER, "another's source");
	s.sources[2] = kept;
	need(aether_stride_release(s.me, kept) == 0);
	refuses(&s, SHORT, AETHER_ESTALE, "a source that was released");
	end(&s);
}

/* I am the reader of what another shares. */
static void test_shared(void)
{
	struct scene s;
	uint64_t to, kept, shared, taken = 0;

	begin(&s);
	to = aether_participant_tenancy(s.me);
	shared = rig_reserve(s.other);
	scatter(bytes_of(s.other, shared), SHORT);
	need(aether_share(s.other, shared, &to, 1, NULL) == 0);
	need(aether_route_take(s.me, &taken) == 0 && taken == shared);
	kept = s.sources[1];
	s.sources[1] = shared;
	is_int(burn(&s, SHORT), 0, "a source that is shared with me");
	ok(is_burnt(&s), "gives what it should");
	s.sources[1] = kept;
	s.targets[1] = shared;
	refuses(&s, SHORT, AETHER_EOWNER, "a target that is shared with me");
	end(&s);
}

/* A target in a segment that I may only read. */
static void test_rights(void)
{
	struct aether_participant *mine;
	struct aether_plane *less;
	struct scene s;
	uint64_t handle, taken = 0;

	begin(&s);
	less = again(s.plane, 0, 0, 2);
	mine = rig_join(less);
	handle = reserve_in(s.me, 1);
	need(aether_route(s.me, handle, aether_participant_tenancy(mine)) == 0);
	need(aether_route_take(mine, &taken) == 0 && taken == handle);
	s.targets[1] = handle;
	for (int i = 0; i < 3; i++)
		s.sources[i] = reserve_in(s.other, 0);
	for (int i = 0; i < 3; i++) {
		need(aether_route(s.other, s.sources[i],
				  aether_participant_tenancy(mine)) == 0);
		need(aether_route_take(mine, &taken) == 0);
	}
	s.targets[0] = rig_reserve(mine);
	is_int(aether_gf256_burn(mine, s.gf256, s.targets, s.sources, SHORT, 0),
	       AETHER_EACCES, "a target that I may only read");
	s.sources[1] = handle;
	s.targets[1] = rig_reserve(mine);
	is_int(aether_gf256_burn(mine, s.gf256, s.targets, s.sources, SHORT, 0),
	       0, "it can be a source");
	aether_participant_leave(mine);
	end(&s);
	aether_plane_detach(less);
}

/* One source and one target, each in a segment of its own, to who joined with
 * these options at `less`. */
static int burn_between(struct scene *s, struct aether_plane *less,
			struct aether_participant_options options,
			uint32_t from, uint32_t into)
{
	struct aether_participant *mine = rig_join_with(less, &options);
	uint64_t to = aether_participant_tenancy(mine), taken = 0;
	uint64_t source = reserve_in(s->me, from);
	uint64_t target = reserve_in(s->me, into);
	struct aether_gf256 *one = NULL;
	int rc;

	need(aether_gf256_make(matrix + 1, 1, 1, &one) == 0);
	need(aether_route(s->me, source, to) == 0);
	need(aether_route(s->me, target, to) == 0);
	need(aether_route_take(mine, &taken) == 0 && taken == source);
	need(aether_route_take(mine, &taken) == 0 && taken == target);
	rc = aether_gf256_burn(mine, one, &target, &source, SHORT, 0);
	aether_gf256_free(one);
	aether_participant_leave(mine);
	return rc;
}

/* Who joined without a need for data is given leases where it may not write,
 * or not even read: no fault, whatever it needs. Segment 1: read; 2: route. */
static void test_no_data(void)
{
	struct aether_participant_options o = { .no_data = 1 };
	struct aether_plane *less;
	struct scene s;

	begin(&s);
	less = again(s.plane, 0, 1 << 2, 1 << 1);
	is_int(burn_between(&s, less, o, 0, 1), AETHER_EACCES,
	       "no data needed: a target that I may only read");
	is_int(burn_between(&s, less, o, 0, 2), AETHER_EACCES,
	       "no data needed: a target that I may not even read");
	is_int(burn_between(&s, less, o, 2, 0), AETHER_EACCES,
	       "no data needed: a source that I may not read");
	is_int(burn_between(&s, less, o, 1, 0), 0,
	       "no data needed, but the right is there");
	end(&s);
	aether_plane_detach(less);
}

#define CALLS (RIG_SLOW ? 5000 : 50000) /* at least */
#define SEEN 100                        /* answers that are not as before */
#define LIMIT (20 * CALLS)              /* a busy machine may show few */

/* A handle in shared memory, and what another process makes of it for ever. */
struct changing {
	struct aether_word64 *handle;
	uint64_t good, bad;
};

static int change(void *argument)
{
	const struct changing *c = argument;

	for (;;) {
		ae_store64_relaxed(c->handle, c->bad);
		ae_store64_relaxed(c->handle, c->good);
	}
	return 0;
}

/* Burns into the target that changes; how many answers were not 0, nor the
 * refusal of the bad one, or left the bad one changed. */
static int burn_changing(struct scene *s, struct changing *c)
{
	const uint8_t *bad = bytes_of(s->me, c->bad);
	uint8_t before[SHORT];
	int wrong = 0, seen = 0, last = 0, calls = 0;
	struct aether_gf256 *one = NULL;
	pid_t child;

	need(aether_gf256_make(matrix + 1, 1, 1, &one) == 0);
	memcpy(before, bad, SHORT);
	child = rig_fork(change, c);
	do {
		int rc = aether_gf256_burn(s->me, one,
					   (const uint64_t *)c->handle,
					   s->sources, SHORT, 0);

		wrong += (rc != 0 && rc != AETHER_EOWNER) ||
			 memcmp(bad, before, SHORT) != 0;
		seen += rc != last;
		last = rc;
		calls++;
	} while (!wrong && calls < LIMIT && (calls < CALLS || seen < SEEN));
	kill(child, SIGKILL);
	rig_wait(child);
	aether_gf256_free(one);
	return wrong;
}

/* A target's handle that lies where another process writes, as in a plane: what
 * was looked at is what is written. */
static void test_changing(void)
{
	struct changing c = { .handle = rig_shared(sizeof(*c.handle)) };
	uint64_t to, taken = 0;
	struct scene s;

	begin(&s);
	to = aether_participant_tenancy(s.me);
	c.good = s.targets[0];
	c.bad = rig_reserve(s.other);
	scatter(bytes_of(s.other, c.bad), SHORT);
	need(aether_share(s.other, c.bad, &to, 1, NULL) == 0);
	need(aether_route_take(s.me, &taken) == 0 && taken == c.bad);
	ae_store64_relaxed(c.handle, c.good);
	is_int(burn_changing(&s, &c), 0,
	       "a handle that changes: never a stride that is shared with me");
	end(&s);
}

static void tests(void)
{
	test_burn();
	test_leases();
	test_length();
	test_handles();
	test_shared();
	test_rights();
	test_no_data();
	test_changing();
}

int main(void)
{
	return rig_run(tests);
}
