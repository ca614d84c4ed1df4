/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards, ping-pong pairs and pins on a hostile plane of the layout inos: what
 * is given out lies in the region that the layout names, whatever the records
 * say, and no writer waits longer than the longest term.
 */
#include "fuzz.h"

#define READINGS 4

static struct aether_pingpong_reading readings[READINGS];
static uint32_t begun; /* readings ever begun */

/* A guard, or a pair, and sometimes one that there is not. */
static uint32_t number(uint32_t count)
{
	uint32_t how = fuzz_byte();

	return how < 250 ? how % count : (uint32_t)fuzz_number(4);
}

static void guard_bytes(struct aether_participant *me, uint32_t guard)
{
	const struct aether_layout_guard *is;
	size_t size;
	void *bytes;

	if (FUZZ_CALL(FUZZ_MAY(EINDEX) | FUZZ_MAY(ENOTHELD),
		      aether_guard_bytes(me, guard, &size, &bytes)) < 0)
		return;
	is = &fuzz.plane.layout->guards[guard];
	fuzz_inside(bytes, size, is->offset, is->offset + is->size);
}

static void guard_look(uint32_t guard)
{
	struct aether_guard_info info;

	if (FUZZ_CALL(FUZZ_MAY(EINDEX),
		      aether_guard_look(&fuzz.plane, guard, &info)) == 0 &&
	    strnlen(info.name, sizeof(info.name)) == sizeof(info.name))
		fuzz_fail("guard", "has a holder with a name without end");
}

static void guard(struct aether_participant *me)
{
	const uint64_t signals = FUZZ_MAY(EFREED) | FUZZ_MAY(EKIND) |
				 FUZZ_MAY(ECONTEXT);
	uint32_t one = number(fuzz.plane.layout->guard_count);
	uint32_t how = fuzz_byte();
	uint64_t errors = FUZZ_MAY(EINDEX) | FUZZ_MAY(ENOTHELD);

	switch (how % 8) {
	case 0:
		FUZZ_CALL(errors | signals, aether_guard_signal(me, one));
		break;
	case 1:
		FUZZ_CALL(errors | FUZZ_MAY(EORDER),
			  aether_guard_release(me, one));
		break;
	case 2:
		FUZZ_CALL(errors, aether_guard_abandon(me, one));
		break;
	case 3:
		FUZZ_CALL(errors | FUZZ_MAY(EROLE) | FUZZ_MAY(ECONTEXT),
			  aether_guard_check(me, one, how >> 7));
		break;
	case 4:
		guard_bytes(me, one);
		break;
	case 5:
		guard_look(one);
		break;
	default:
		FUZZ_CALL(FUZZ_MAY(EINDEX) | FUZZ_MAY(EROLE) |
				  FUZZ_MAY(ETAKEN) | FUZZ_MAY(EHELD) |
				  FUZZ_MAY(EAGAIN) | FUZZ_MAY(ECONTEXT),
			  aether_guard_acquire(me, one));
	}
}

/* Bytes of a buffer of the pair: of a region, or of strides that it keeps. */
static void in_a_buffer(uint32_t pair, const void *bytes, uint64_t size)
{
	const struct aether_layout_pair *is = &fuzz.plane.layout->pairs[pair];
	const unsigned char *base = fuzz.plane.base;
	uint64_t data = fuzz.plane.geometry.data_offset;
	uint32_t i = 0;

	if ((const unsigned char *)bytes >= base + data) {
		fuzz_inside(bytes, size, data, fuzz.plane.geometry.plane_size);
		return;
	}
	while (i + 1 < is->buffers &&
	       (uint64_t)((const unsigned char *)bytes - base) -
			       is->offset[i] >=
		       is->size)
		i++;
	fuzz_inside(bytes, size, is->offset[i], is->offset[i] + is->size);
}

static void check_write(uint32_t pair, const struct aether_pingpong_write *w)
{
	void *item;

	in_a_buffer(pair, w->bytes, w->size);
	if (w->active_items)
		in_a_buffer(pair, w->active,
			    (uint64_t)w->active_items * w->item_size);
	if (w->bytes == w->active)
		fuzz_fail("begin", "gives the active buffer");
	if (aether_pingpong_write_item(w, w->capacity - 1, &item) < 0)
		fuzz_fail("begin", "has no last item");
	in_a_buffer(pair, item, w->item_size);
}

/* More items than the region holds take strides. */
static void room(struct aether_participant *me, uint32_t pair)
{
	struct aether_pingpong_write w;
	uint32_t items = fuzz_byte();

	items = items & 1 ? items : items * 50;
	if (FUZZ_CALL(FUZZ_MAY(EINDEX) | FUZZ_MAY(ENOTHELD) | FUZZ_MAY(EFULL) |
			      FUZZ_MAY(EQUOTA) | FUZZ_MAY(EAGAIN) |
			      FUZZ_MAY(ECONTEXT) | FUZZ_MAY(ECORRUPT),
		      aether_pingpong_room(me, pair, items, &w)) == 0)
		check_write(pair, &w);
}

static void begin(struct aether_participant *me, uint32_t pair)
{
	const uint64_t errors = FUZZ_MAY(EINDEX) | FUZZ_MAY(ETAKEN) |
				FUZZ_MAY(EAGAIN) | FUZZ_MAY(ECONTEXT) |
				FUZZ_MAY(ECORRUPT) | FUZZ_MAY(EHELD) |
				FUZZ_MAY(ETIMEDOUT) | FUZZ_MAY(EINTR) |
				FUZZ_MAY(EFREED) | FUZZ_MAY(EKIND) |
				FUZZ_MAY(EPANIC);
	struct aether_pingpong_write w;
	uint64_t start = fuzz.now;

	if (FUZZ_CALL(errors, aether_pingpong_begin(
				      me, pair, fuzz.deadline = fuzz_deadline(),
				      &w)) < 0)
		return;
	if (fuzz.now - start > 3ul * AETHER_PIN_TERM_MAX)
		fuzz_fail("begin", "waits longer than the longest term");
	check_write(pair, &w);
}

static void read_it(struct aether_participant *me, uint32_t pair)
{
	struct aether_pingpong_reading *r = &readings[begun % READINGS];
	uint32_t how = fuzz_byte();
	uint64_t term = fuzz_number(4);
	uint64_t errors = FUZZ_MAY(EINDEX) | FUZZ_MAY(EAGAIN) |
			  FUZZ_MAY(ECORRUPT);
	const void *item;
	int rc;

	if (how & 1)
		rc = FUZZ_CALL(errors, aether_pingpong_read_begin(&fuzz.plane,
								  pair, r));
	else
		rc = FUZZ_CALL(errors | FUZZ_MAY(EINVAL) | FUZZ_MAY(EHELD) |
				       FUZZ_MAY(ECONTEXT),
			       aether_pingpong_read_pinned(me, pair, term, r));
	if (rc < 0)
		return;
	begun++;
	in_a_buffer(pair, r->bytes, r->size);
	if (r->items && aether_pingpong_read_item(r, r->items - 1, &item) == 0)
		in_a_buffer(pair, item, r->item_size);
}

static int is_mine(const struct aether_participant *me)
{
	for (uint32_t i = 0; me && i < FUZZ_ACTORS; i++)
		if (fuzz.actors[i] == me)
			return fuzz.joined[i];
	return 1;
}

static void end(void)
{
	struct aether_pingpong_reading *r = &readings[fuzz_byte() % READINGS];

	if (is_mine(r->me))
		FUZZ_CALL(FUZZ_MAY(ETORN) | FUZZ_MAY(ENOTHELD),
			  aether_pingpong_read_end(r));
}

static void pair(struct aether_participant *me)
{
	uint64_t errors = FUZZ_MAY(EINDEX) | FUZZ_MAY(ENOTHELD);
	uint32_t one = number(fuzz.plane.layout->pair_count);
	struct aether_pingpong_info info;
	uint32_t how = fuzz_byte();

	if (how >= 224) {
		room(me, one);
		return;
	}
	switch (how % 8) {
	case 0:
	case 1:
		begin(me, one);
		break;
	case 2:
		FUZZ_CALL(errors | FUZZ_MAY(ECONTEXT) | FUZZ_MAY(ECORRUPT) |
				  FUZZ_MAY(EFREED) | FUZZ_MAY(EKIND),
			  aether_pingpong_commit(me, one, fuzz_byte() << 6));
		break;
	case 3:
		FUZZ_CALL(errors, aether_pingpong_abandon(me, one));
		break;
	case 4:
		FUZZ_CALL(errors, aether_pingpong_resign(me, one));
		break;
	case 5:
		end();
		break;
	case 6:
		FUZZ_CALL(FUZZ_MAY(EINDEX) | FUZZ_MAY(ECORRUPT),
			  aether_pingpong_look(&fuzz.plane, one, &info));
		break;
	default:
		read_it(me, one);
	}
}

static void call(struct aether_participant *me, uint32_t what)
{
	if (what % 16 == 0)
		FUZZ_CALL(0, aether_reap(me, NULL));
	else if (what % 16 == 1)
		FUZZ_CALL(FUZZ_MAY(EINVAL),
			  aether_context_begin(me, fuzz_byte()));
	else if (what & 1)
		guard(me);
	else
		pair(me);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!fuzz.plane.base)
		fuzz_plane("inos", 0);
	fuzz_begin(data, size);
	memset(readings, 0, sizeof(readings));
	begun = 0;
	fuzz_play(call);
	return 0;
}
