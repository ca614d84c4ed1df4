/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory network on a hostile plane: leases, registers, seats, mailboxes,
 * runs, shares, routes with depths, heirs and reaping. The input is a list of
 * calls by three actors, of deaths, and of words written over in between and
 * meanwhile.
 */
#include "fuzz.h"

#ifndef SEGMENTS /* fuzz_segment.c: the same on a divided plane */
#define SEGMENTS 0
#endif

/* Where one may have no right. */
#define UNSEEN (SEGMENTS ? FUZZ_MAY(EACCES) : 0)

/* What is said of a handle. */
#define REFUSED \
	(FUZZ_MAY(EFOREIGN) | FUZZ_MAY(ERANGE) | FUZZ_MAY(ESTALE) | \
	 FUZZ_MAY(EOWNER) | FUZZ_MAY(ESUSPECT) | UNSEEN)
#define WAITED (FUZZ_MAY(ETIMEDOUT) | FUZZ_MAY(EINTR) | FUZZ_MAY(EPANIC))

/* In one segment; and whatever was got lies there. */
static int reserve_in(struct aether_participant *me, uint32_t how,
		      uint64_t *handle)
{
	const uint64_t errors = FUZZ_MAY(EFULL) | FUZZ_MAY(EQUOTA) |
				FUZZ_MAY(EAGAIN) | FUZZ_MAY(ERANGE) | UNSEEN;
	uint32_t segment = how & 3, count = how >> 2, is = 0;
	int rc;

	if (count < 24)
		rc = FUZZ_CALL(errors,
			       aether_stride_reserve_in(me, segment, handle));
	else
		rc = FUZZ_CALL(errors | FUZZ_MAY(EINVAL),
			       aether_stride_reserve_run_in(
				       me, segment, count - 24, handle));
	if (rc < 0)
		return rc;
	aether_segment_of(me->plane, (uint32_t)AETHER_HANDLE_STRIDE(*handle),
			  &is);
	if (is != segment)
		fuzz_fail("reserve", "gives a stride of another segment");
	return 0;
}

static void reserve(struct aether_participant *me)
{
	uint32_t how = fuzz_byte();
	uint64_t handle;
	int rc;

	if (SEGMENTS && how & 1)
		rc = reserve_in(me, fuzz_byte(), &handle);
	else if (how < 160)
		rc = FUZZ_CALL(FUZZ_MAY(EFULL) | FUZZ_MAY(EQUOTA) |
				       FUZZ_MAY(EAGAIN) | UNSEEN,
			       aether_stride_reserve(me, &handle));
	else if (how < 192)
		rc = FUZZ_CALL(FUZZ_MAY(EQUOTA) | UNSEEN | WAITED,
			       aether_stride_reserve_until(
				       me, fuzz.deadline = fuzz_deadline(),
				       &handle));
	else
		rc = FUZZ_CALL(
			FUZZ_MAY(EFULL) | FUZZ_MAY(EQUOTA) | FUZZ_MAY(EAGAIN) |
				FUZZ_MAY(EINVAL) | UNSEEN,
			aether_stride_reserve_run(me, how - 192, &handle));
	if (rc < 0)
		return;
	fuzz_keep(handle);
	if (ae_right(me->plane, (uint32_t)AETHER_HANDLE_STRIDE(handle)) <
	    AETHER_RIGHT_WRITE)
		fuzz_fail("reserve", "gives a stride that I may not write");
}

/* Bytes of one lease lie in one segment, of which I have this right. */
static void allowed(const struct aether_participant *me, uint64_t handle,
		    uint64_t size, uint32_t right)
{
	uint32_t first = (uint32_t)AETHER_HANDLE_STRIDE(handle);
	uint32_t last = first + (uint32_t)(size / FUZZ_STRIDE_SIZE) - 1;

	if (ae_right(me->plane, first) < right ||
	    last >= ae_segment_end(me->plane, first))
		fuzz_fail("bytes", "are given out to one who has no right");
}

static void touch(struct aether_participant *me, uint64_t handle)
{
	const struct aether_geometry *g = &fuzz.plane.geometry;
	struct aether_pointer p;
	size_t size;
	void *at;

	if (FUZZ_CALL(REFUSED | FUZZ_MAY(ECORRUPT),
		      aether_stride_resolve(me, handle, &p)) == 0) {
		fuzz_inside(fuzz.plane.base + p.base, p.size, g->data_offset,
			    g->plane_size);
		allowed(me, handle, p.size, AETHER_RIGHT_READ);
		if (p.length > p.size ||
		    p.plane[AETHER_PLANES - 1] + p.tile > p.base + p.size)
			fuzz_fail("resolve", "leads out of the stride");
	}
	if (FUZZ_CALL(REFUSED | FUZZ_MAY(ECORRUPT),
		      aether_stride_bytes(me, handle, &size, &at)) == 0) {
		fuzz_inside(at, size, g->data_offset, g->plane_size);
		allowed(me, handle, size, AETHER_RIGHT_READ);
	}
	if (FUZZ_CALL(REFUSED, aether_stride_user(me, handle, &at)) == 0)
		fuzz_inside(at, AETHER_USER_SIZE, g->leases_offset,
			    g->tables_end);
}

static void describe(struct aether_participant *me, uint64_t handle)
{
	uint32_t how = fuzz_byte();

	FUZZ_CALL(REFUSED | FUZZ_MAY(EINVAL) | FUZZ_MAY(ECORRUPT),
		  aether_stride_describe(me, handle, fuzz_number(2), how & 3,
					 how & 4 ? 8u << (how >> 3) : 0));
}

static void hold(struct aether_participant *me)
{
	struct aether_stride_info info;
	uint32_t how = fuzz_byte();
	uint64_t handle = fuzz_handle();

	switch (how % 8) {
	case 0:
		touch(me, handle);
		break;
	case 1:
		describe(me, handle);
		break;
	case 2:
		FUZZ_CALL(REFUSED | FUZZ_MAY(ECORRUPT),
			  aether_stride_accept(me, handle));
		break;
	case 3:
		FUZZ_CALL(FUZZ_MAY(EFOREIGN) | FUZZ_MAY(ERANGE) |
				  FUZZ_MAY(ECORRUPT) | UNSEEN,
			  aether_stride_query(me->plane, handle, &info));
		break;
	default:
		FUZZ_CALL(REFUSED | FUZZ_MAY(ECORRUPT),
			  aether_stride_release(me, handle));
	}
}

static void route(struct aether_participant *me)
{
	const uint64_t errors = REFUSED | FUZZ_MAY(EGONE) | FUZZ_MAY(EDEPTH) |
				FUZZ_MAY(EBOX) | FUZZ_MAY(EDROPPED);
	uint32_t how = fuzz_byte();
	uint64_t handle = fuzz_handle();
	uint64_t to = fuzz_tenancy();
	uint32_t depth;

	if (how < 128)
		FUZZ_CALL(errors, aether_route(me, handle, to));
	else if (how < 160)
		FUZZ_CALL(errors | WAITED,
			  aether_route_until(me, handle, to,
					     fuzz.deadline = fuzz_deadline()));
	else if (how < 224)
		FUZZ_CALL(FUZZ_MAY(EGONE) | FUZZ_MAY(EINVAL),
			  aether_route_set(me, to, how >> 2 & 3, how & 3));
	else
		FUZZ_CALL(FUZZ_MAY(EGONE), aether_route_depth(me, to, &depth));
}

static void take(struct aether_participant *me)
{
	uint64_t handle;
	int rc;

	if (fuzz_byte() < 192)
		rc = FUZZ_CALL(FUZZ_MAY(EEMPTY),
			       aether_route_take(me, &handle));
	else
		rc = FUZZ_CALL(WAITED,
			       aether_route_take_until(
				       me, fuzz.deadline = fuzz_deadline(),
				       &handle));
	if (rc < 0)
		return;
	fuzz_keep(handle);
	if (AETHER_HANDLE_STRIDE(handle) >= FUZZ_STRIDES)
		fuzz_fail("take", "gives a stride that there is not");
}

static void share(struct aether_participant *me)
{
	uint64_t handle = fuzz_handle();
	uint32_t count = fuzz_byte() % 4;
	uint32_t reached;
	uint64_t to[4];

	for (uint32_t i = 0; i < 4; i++)
		to[i] = i < count ? fuzz_tenancy() : 0;
	FUZZ_CALL(REFUSED | FUZZ_MAY(EGONE) | FUZZ_MAY(EDEPTH) |
			  FUZZ_MAY(EBOX) | FUZZ_MAY(EINVAL) |
			  FUZZ_MAY(EDROPPED) | FUZZ_MAY(ECORRUPT),
		  aether_share(me, handle, to, count, &reached));
}

static void reap(struct aether_participant *me)
{
	struct aether_reap_report report;

	if (fuzz_byte() < 128)
		FUZZ_CALL(0, aether_reap(me, &report));
	else
		FUZZ_CALL(FUZZ_MAY(EGONE) | FUZZ_MAY(EINVAL) | FUZZ_MAY(EBOX),
			  aether_participant_heir(me, fuzz_tenancy()));
}

static void call(uint32_t what)
{
	static void (*const calls[])(struct aether_participant *) = {
		reserve, hold,    route, take, share,
		reap,    reserve, route, take, hold,
	};
	struct aether_participant *me = fuzz_actor();

	if (me)
		calls[what % (sizeof(calls) / sizeof(calls[0]))](me);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!fuzz.plane.base)
		fuzz_plane("lean", SEGMENTS);
	fuzz_begin(data, size);
	fuzz_join(0);
	fuzz_join(1);
	while (fuzz.in.left) {
		uint32_t what = fuzz_byte();

		if (what < 96)
			fuzz_scribble();
		else if (what < 112)
			fuzz_come_and_go();
		else if (what < 116)
			fuzz_look();
		else
			call(what - 116);
	}
	fuzz_look();
	fuzz_leave_all();
	return 0;
}
