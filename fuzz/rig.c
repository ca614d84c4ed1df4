/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plane of the fuzz targets, and the rules for calls. It lies between pages
 * that cannot be touched, and what no table has is poisoned; each input gets it
 * by a copy of the tables, which is all that is ever scribbled over.
 */
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include "fuzz.h"
#include "ae_plane.h"

/* More than any call takes: the longest, a pass over all words in which each
 * names an heir and each mailbox is searched, takes a quarter of this. */
#define STEPS_MAX 400000

/* Waits of a call after its deadline. */
#define LATE_MAX 4

#define GUARD ((size_t)1 << 20)

/* The parts of the plane that the library may change and scribbles reach. */
struct span {
	uint64_t at;
	uint64_t size;
	unsigned char *fresh;
};

struct fuzz fuzz;
static struct span spans[8];
static uint32_t span_count;
static int in_call;

void fuzz_fail(const char *what, const char *why)
{
	fprintf(stderr, "fuzz: %s: %s\n", what, why);
	abort();
}

static void add_span(uint64_t at, uint64_t size)
{
	struct span *s = &spans[span_count++];

	s->at = at;
	s->size = size;
	s->fresh = malloc(size);
	memcpy(s->fresh, fuzz.plane.base + at, size);
}

/* The tables: the first 8 KiB, what the layout keeps, those of the plane. */
static void add_spans(void)
{
	const struct aether_layout *l = fuzz.plane.layout;
	const struct aether_geometry *g = &fuzz.plane.geometry;

	add_span(0, AETHER_OFFSET_PLANE_HEADER + AETHER_SIZE_PLANE_HEADER);
	if (l->pair_records.count) {
		add_span(l->epoch_records.offset,
			 AETHER_EPOCHS * sizeof(struct aether_epoch_seg));
		add_span(l->pins_records.offset,
			 l->pins_records.count *
				 sizeof(struct aether_pins_seg));
		add_span(l->guard_records.offset,
			 l->guard_records.count *
				 sizeof(struct aether_guard_seg));
		add_span(l->pair_records.offset,
			 l->pair_records.count *
				 sizeof(struct aether_pair_seg));
	}
	add_span(l->tables, g->tables_end - l->tables);
}

void fuzz_plane(const char *layout, uint32_t segments)
{
	struct ae_birth birth = { .id = { 1, 2 }, .pid = 1, .tag = 7 };
	struct aether_geometry g = { .strides = 0 };
	unsigned char *space;
	uint32_t index;

	/* tables of more than 5 percent are an error that fills the geometry */
	if (aether_geometry_layout(layout, &index) < 0 ||
	    (aether_geometry_divide(index, FUZZ_STRIDES, FUZZ_STRIDE_SIZE,
				    FUZZ_SLOTS, segments, &g) < 0 &&
	     !g.strides))
		fuzz_fail(layout, "no such plane");
	space = mmap(NULL, (size_t)g.plane_size + 2 * GUARD, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (space == MAP_FAILED ||
	    mprotect(space + GUARD, g.plane_size, PROT_READ | PROT_WRITE) < 0)
		fuzz_fail(layout, "no memory");
	ae_plane_bind(&fuzz.plane, space + GUARD, &g);
	ae_plane_format(&fuzz.plane, &birth);
	fuzz.part = fuzz.plane;
	add_spans();
	ASAN_POISON_MEMORY_REGION(fuzz.plane.base + g.tables_end,
				  g.data_offset - g.tables_end);
}

void fuzz_begin(const uint8_t *data, size_t size)
{
	fuzz.in.at = data;
	fuzz.in.left = size;
	for (uint32_t i = 0; i < span_count; i++)
		memcpy(fuzz.plane.base + spans[i].at, spans[i].fresh,
		       spans[i].size);
	memset(fuzz.lives, 0, sizeof(fuzz.lives));
	memset(fuzz.handles, 0, sizeof(fuzz.handles));
	fuzz.kept = 0;
	fuzz.now = UINT64_C(1000000000);
	fuzz.mute = 0;
	fuzz.deadline = AETHER_FOREVER;
	fuzz.plane.flags = fuzz.part.flags = 0;
	memset(fuzz.plane.partly, 0, sizeof(fuzz.plane.partly));
	fuzz.by = &fuzz.plane;
	fuzz_scribbles_forget();
	fuzz_actors_reset();
}

uint32_t fuzz_byte(void)
{
	if (!fuzz.in.left)
		return 0;
	fuzz.in.left--;
	return *fuzz.in.at++;
}

uint64_t fuzz_number(int bytes)
{
	uint64_t number = 0;

	for (int i = 0; i < bytes; i++)
		number |= (uint64_t)fuzz_byte() << 8 * i;
	return number;
}

uint64_t fuzz_deadline(void)
{
	uint32_t how = fuzz_byte();

	if (how < 64)
		return 0;
	if (how < 224)
		return fuzz.now - 1000 + (how - 64) * UINT64_C(200000);
	return fuzz.now + (how - 224) * UINT64_C(100000000);
}

static int is_in_plane(const void *word, uint64_t *offset)
{
	*offset = (uint64_t)((const unsigned char *)word - fuzz.plane.base);
	return fuzz.plane.base && *offset < fuzz.plane.geometry.plane_size;
}

/* A lease word, or what belongs to one, of a segment that is not mapped. */
static int is_unseen(const void *word)
{
	const struct aether_geometry *g = &fuzz.plane.geometry;
	uint64_t at;

	if (!g->segments || !is_in_plane(word, &at) || at < g->leases_offset)
		return 0;
	at = (at - g->leases_offset) / AETHER_RECORD_LEASE_SIZE;
	return at < FUZZ_STRIDES && !ae_right(fuzz.by, (uint32_t)at);
}

void fuzz_before(const void *word)
{
	if (!in_call)
		return;
	if (is_unseen(word))
		fuzz_fail("a call", "touches leases that are not mapped");
	fuzz.steps++;
	if (fuzz.steps >= fuzz.due)
		fuzz_scribbles_due(fuzz.steps);
	if (fuzz.steps > STEPS_MAX)
		fuzz_fail("a call",
			  "takes more steps than the plane has words");
}

/* What only a creator writes, and what is nobody's. */
void fuzz_wrote(const void *word)
{
	uint64_t at, header = AETHER_OFFSET_PLANE_HEADER;

	if (!in_call || !is_in_plane(word, &at))
		return;
	if (at >= header &&
	    at < header + offsetof(struct aether_header_seg, joins))
		fuzz_fail("a call", "writes into the header");
	for (uint32_t i = 0; i < span_count; i++)
		if (at >= spans[i].at && at - spans[i].at < spans[i].size)
			return;
	fuzz_fail("a call", "writes beyond the tables");
}

void fuzz_call_begins(void)
{
	fuzz.steps = 0;
	fuzz.clock = 0;
	fuzz.late = 0;
	in_call = 1;
}

/* How long a call waits is its deadline's business, not its steps'. */
void fuzz_call_waits(uint64_t deadline)
{
	fuzz_scribbles_due(UINT64_MAX);
	fuzz.steps = 0;
	fuzz.clock = 0;
	if (deadline > fuzz.deadline)
		fuzz_fail("a call", "waits beyond its deadline");
	if (fuzz.now > fuzz.deadline && fuzz.late++ > LATE_MAX)
		fuzz_fail("a call", "goes on waiting after its deadline");
}

int fuzz_call_ends(int rc, uint64_t errors, const char *what)
{
	in_call = 0;
	fuzz_scribbles_due(UINT64_MAX);
	fuzz.deadline = AETHER_FOREVER;
	if (rc < 0 && (rc < -63 || !(errors >> -rc & 1)))
		fuzz_fail(what, aether_error_name(rc) ? aether_error_name(rc)
						      : "no error of ours");
	return rc;
}

void fuzz_inside(const void *bytes, uint64_t size, uint64_t from, uint64_t to)
{
	const unsigned char *b = bytes;
	uint64_t at;

	if (!is_in_plane(bytes, &at) || at < from || size > to - at || !size)
		fuzz_fail("bytes", "lie where they must not");
	fuzz.touched += b[0] + b[size - 1];
}
