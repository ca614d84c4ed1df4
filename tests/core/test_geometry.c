/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Geometry: sizes that are made, sizes that are refused, where tables lie, what
 * they cost, and the formula of the epochs.
 */
#include "rig.h"

#define KIB 1024
#define ONE(...) +1
#define LAYOUTS (0 AETHER_LAYOUT_LIST(ONE))
#define ERRORS (0 AETHER_ERROR_LIST(ONE))

static int make(uint32_t strides, uint64_t size, uint32_t participants,
		struct aether_geometry *g)
{
	return aether_geometry_make(0, strides, size, participants, g);
}

/* Tables in order, aligned, apart from each other; all in the plane. */
static int sound(const struct aether_geometry *g)
{
	uint64_t registers = g->registers * sizeof(uint32_t);
	uint64_t places = (uint64_t)g->participants * g->places * 8;

	return g->participants_offset >=
		       AETHER_OFFSET_PLANE_HEADER + AETHER_SIZE_PLANE_HEADER &&
	       g->mailboxes_offset >=
		       g->participants_offset +
			       (uint64_t)g->participants *
				       AETHER_RECORD_PARTICIPANT_SIZE &&
	       g->registers_offset >= g->mailboxes_offset + places &&
	       g->leases_offset >= g->registers_offset + registers &&
	       g->tables_end ==
		       g->leases_offset + (uint64_t)g->strides *
						  AETHER_RECORD_LEASE_SIZE &&
	       g->data_offset >= g->tables_end &&
	       g->plane_size == g->data_offset + g->strides * g->stride_size &&
	       g->participants_offset % AETHER_RECORD_PARTICIPANT_ALIGN == 0 &&
	       g->mailboxes_offset % AETHER_LINE_SIZE == 0 &&
	       g->places * 8 % AETHER_LINE_SIZE == 0 &&
	       g->registers_offset % AETHER_LINE_SIZE == 0 &&
	       g->leases_offset % AETHER_RECORD_LEASE_SIZE == 0 &&
	       g->data_offset % AETHER_PAGE_SIZE == 0;
}

static int numbers(const struct aether_geometry *g)
{
	return g->places >= g->strides && !(g->places & (g->places - 1)) &&
	       g->places < 2 * g->strides + 8 &&
	       g->registers * AETHER_REGISTER_BITS >= g->strides &&
	       (g->registers - 1) * AETHER_REGISTER_BITS < g->strides &&
	       g->participants >= 1 &&
	       g->participants <= AETHER_PARTICIPANTS_MAX && !g->reserved &&
	       g->tables_end * 100 <= g->plane_size * 5;
}

static void usual(void)
{
	static const uint32_t strides[] = { 256, 512, 1024, 2048, 8192 };
	struct aether_geometry g;

	for (int i = 0; i < 5; i++) {
		is_int(make(strides[i], 128 * KIB, 0, &g), 0,
		       "%u strides of 128 KiB", strides[i]);
		ok(sound(&g) && numbers(&g), "%u: tables in order", strides[i]);
		is_int(g.participants, 64, "%u: 64 participants", strides[i]);
		is_int(g.strides, strides[i], "%u: that many", strides[i]);
		ok(g.data_offset % (128 * KIB) == 0, "%u: strides are aligned",
		   strides[i]);
	}
	need(make(1024, 128 * KIB, 0, &g) == 0);
	ok(g.tables_end * 100 <= g.plane_size,
	   "metadata of 1024 strides: %llu of %llu, at most 1 %%",
	   (unsigned long long)g.tables_end, (unsigned long long)g.plane_size);
	ok((g.plane_size - g.strides * g.stride_size) * 100 <= g.plane_size,
	   "with the padding too");
}

/* Every stride size with numbers of strides around powers of two. */
static void all_sizes(void)
{
	struct aether_geometry g;
	int made = 0, refused = 0, wrong = 0;

	for (uint64_t size = 4 * KIB; size <= 16384 * KIB; size *= 2)
		for (uint32_t n = 1; n <= 65536; n += n < 70 ? 1 : n / 7) {
			int err = make(n, size, n % 3 ? n % 64 + 1 : 0, &g);

			made += err == 0;
			refused += err == AETHER_EGEOMETRY;
			wrong += !sound(&g);
			wrong += err == 0 ? !numbers(&g)
					  : g.tables_end * 100 <=
						    g.plane_size * 5;
		}
	is_int(wrong, 0, "%d made, %d refused for their tables, none wrong",
	       made, refused);
	ok(made > 1000 && refused > 50, "both kinds were met");
	is_int(make(65536, 16384 * KIB, 64, &g), 0, "the largest: 1 TiB");
	ok(sound(&g) && numbers(&g) && g.plane_size > UINT64_C(1) << 40,
	   "without overflow");
}

static void participants(void)
{
	struct aether_geometry few, g;

	for (uint32_t n = 1; n <= 64; n++)
		if (make(1024, 128 * KIB, n, &g) != 0 || g.participants != n)
			is_int(g.participants, n, "participants");
	is_int(g.participants, 64, "1 to 64 participants as asked for");
	is_int(make(1024, 4 * KIB, 0, &few), 0, "small strides, as many fit");
	ok(few.participants >= 1 && few.participants < 64, "fewer than 64: %u",
	   few.participants);
	is_int(make(1024, 4 * KIB, few.participants, &g), 0,
	       "so many may be asked for");
	is_int(make(1024, 4 * KIB, few.participants + 1, &g), AETHER_EGEOMETRY,
	       "and not one more");
	ok(g.strides == 1024 && g.tables_end * 100 > g.plane_size * 5,
	   "the refusal shows the arithmetic");
}

static void refused(uint32_t layout, uint32_t strides, uint64_t size,
		    uint32_t count, int code, const char *why)
{
	struct aether_geometry g = { .strides = 4711 };

	is_int(aether_geometry_make(layout, strides, size, count, &g), code,
	       "refused: %s", why);
	if (code != AETHER_EGEOMETRY)
		is_int(g.strides, 4711, "the result is left alone: %s", why);
}

static void refusals(void)
{
	const uint64_t usual = 128 * KIB;

	refused(0, 0, usual, 0, AETHER_EGEOMETRY, "no stride");
	refused(0, 1, 4 * KIB, 1, AETHER_EGEOMETRY, "one small stride");
	refused(0, 1024, 4 * KIB, 64, AETHER_EGEOMETRY, "tables over 5 %");
	refused(0, 65537, usual, 0, AETHER_EINVAL, "65537 strides");
	refused(0, UINT32_MAX, usual, 0, AETHER_EINVAL, "2^32 - 1 strides");
	refused(0, 1024, 0, 0, AETHER_EINVAL, "strides of 0 bytes");
	refused(0, 1024, 2 * KIB, 0, AETHER_EINVAL, "strides of 2 KiB");
	refused(0, 1024, usual + 1, 0, AETHER_EINVAL, "no power of two");
	refused(0, 1024, 3 * 64 * KIB, 0, AETHER_EINVAL, "192 KiB");
	refused(0, 1024, 32768 * KIB, 0, AETHER_EINVAL, "32 MiB");
	refused(0, 1024, UINT64_C(1) << 63, 0, AETHER_EINVAL, "2^63 bytes");
	refused(0, 1024, UINT64_MAX, 0, AETHER_EINVAL, "2^64 - 1 bytes");
	refused(0, 1024, (UINT64_C(1) << 32) + usual, 0, AETHER_EINVAL,
		"more than 32 bits");
	refused(0, 1024, usual, 65, AETHER_EINVAL, "65 participants");
	refused(0, 1024, usual, UINT32_MAX, AETHER_EINVAL, "2^32 - 1");
	refused(LAYOUTS, 1024, usual, 0, AETHER_ELAYOUT, "a layout too many");
	refused(UINT32_MAX, 1024, usual, 0, AETHER_ELAYOUT, "layout 2^32 - 1");
}

static uint32_t tier(const char *layout, uint32_t number, uint64_t size,
		     uint32_t participants)
{
	uint32_t index, strides = 4711;

	need(aether_geometry_layout(layout, &index) == 0);
	need(aether_geometry_tier(index, number, size, participants,
				  &strides) == 0);
	return strides;
}

/* No larger than the tier, and with one stride more it would be. */
static int fills(uint64_t size, uint64_t stride_size, uint32_t participants,
		 uint32_t strides)
{
	struct aether_geometry g, more;
	uint32_t inos;

	need(aether_geometry_layout("inos", &inos) == 0);
	if (strides)
		aether_geometry_make(inos, strides, stride_size, participants,
				     &g);
	aether_geometry_make(inos, strides + 1, stride_size, participants,
			     &more);
	return (!strides || g.plane_size <= size) && more.plane_size > size;
}

/* Where tiers are sizes of the whole plane, as many strides as fit. */
static void whole_planes(void)
{
	static const uint32_t strides[] = { 126, 380, 889, 1908 };
	struct aether_geometry g;
	int good = 1;
	uint32_t inos;

	need(aether_geometry_layout("inos", &inos) == 0);
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t size = UINT64_C(32) << 20 << i;

		is_int(tier("inos", i, 128 * KIB, 0), strides[i],
		       "inos, tier %u: strides of 128 KiB", i);
		need(aether_geometry_make(inos, strides[i], 128 * KIB, 0, &g) ==
		     0);
		ok(g.plane_size == size && sound(&g),
		   "inos, tier %u: the plane is exactly that large", i);
		for (uint64_t s = 4 * KIB; s <= 16384 * KIB; s *= 2)
			for (uint32_t n = 1; n <= 64; n += 21)
				good &= fills(size, s, n,
					      tier("inos", i, s, n));
	}
	ok(good, "no stride more would fit, whatever its size");
	is_int(tier("inos", 0, 16384 * KIB, 1), 0, "or not even one fits");
	is_int(tier("inos", 0, 3000, 0), 0, "none of a size that is none");
	is_int(tier("inos", 0, UINT64_MAX, 0), 0, "nor of 2^64 - 1 bytes");
	is_int(tier("inos", 0, 128 * KIB, 65), 0, "nor for 65 participants");
}

static void tiers(void)
{
	uint32_t strides = 4711;

	is_int(tier("lean", AETHER_TIER_LIGHT, 128 * KIB, 0), 256,
	       "lean, light: 32 MiB of data");
	is_int(tier("lean", AETHER_TIER_DEDICATED, 128 * KIB, 0), 2048,
	       "lean, dedicated: 256 MiB of data");
	is_int(tier("lean", AETHER_TIER_LIGHT, UINT64_MAX, 0), 0,
	       "no stride is larger than that");
	is_int(aether_geometry_tier(0, 4, 128 * KIB, 0, &strides),
	       AETHER_EINVAL, "tier 4");
	is_int(aether_geometry_tier(1, UINT32_MAX, 128 * KIB, 0, &strides),
	       AETHER_EINVAL, "tier 2^32 - 1");
	is_int(aether_geometry_tier(0, 0, 0, 0, &strides), AETHER_EINVAL,
	       "strides of 0 bytes");
	is_int(aether_geometry_tier(LAYOUTS, 0, 128 * KIB, 0, &strides),
	       AETHER_ELAYOUT, "a layout too many");
	is_int(strides, 4711, "the result is left alone");
}

static void layouts(void)
{
	uint32_t layout = 9;

	is_int(aether_geometry_layout("lean", &layout), 0, "lean");
	is_int(layout, 0, "is layout 0");
	is_int(aether_geometry_layout("lea", &layout), AETHER_ELAYOUT, "lea");
	is_int(aether_geometry_layout("leans", &layout), AETHER_ELAYOUT,
	       "leans");
	is_int(aether_geometry_layout("", &layout), AETHER_ELAYOUT, "none");
}

/* DESIGN.md section 3: 0-31 at 4*i, 32-255 at 0x1A40 + 4*(i-32). */
static void epochs(void)
{
	uint64_t at = 1;
	int good = 1;

	for (uint32_t i = 0; i < 256; i++) {
		uint64_t want = i < 32 ? 4 * i : 0x1A40 + 4 * (i - 32);

		good &= aether_geometry_epoch(i, &at) == 0 && at == want;
	}
	ok(good, "256 epochs by the formula");
	is_int((long long)at, 0x1DBC, "the last one ends at the header");
	is_int(aether_geometry_epoch(256, &at), AETHER_ERANGE, "epoch 256");
	is_int(aether_geometry_epoch(UINT32_MAX, &at), AETHER_ERANGE,
	       "epoch 2^32 - 1");
	is_int((long long)at, 0x1DBC, "the result is left alone");
}

static void errors(void)
{
	int good = 1;

	for (int code = -(ERRORS); code < 0; code++)
		good &= aether_error_name(code) != NULL &&
			strncmp(aether_error_name(code), "AETHER_E", 8) == 0 &&
			aether_error_message(code)[0] &&
			aether_error_remedy(code)[0];
	ok(good, "all %d errors have a name, a message, a remedy", ERRORS);
	ok(!strcmp(aether_error_name(0), "AETHER_OK"), "0 is OK");
	ok(!strcmp(aether_error_name(7), "AETHER_OK"), "so is 7");
	ok(!aether_error_name(-99) && aether_error_message(-99) &&
		   aether_error_remedy(-99),
	   "an unknown one has texts and no name");
	ok(!aether_error_name(INT32_MIN), "the lowest number neither");
}

static void tests(void)
{
	usual();
	all_sizes();
	participants();
	refusals();
	tiers();
	whole_planes();
	layouts();
	epochs();
	errors();
}

int main(void)
{
	return rig_run(tests);
}
