/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stages tell each other: the parcel in a lease's user data. What is
 * taken from the plane is checked here, once, against what stages write, and
 * from then on only the private copy is used: others may write to the plane at
 * any time, and must not be able to lead a stage out of its stride.
 */
#include <string.h>
#include "stage.h"

/* How long telling the others may take. */
#define ABORT_NS UINT64_C(250000000)

/* Between two looks for a stride to do it with. */
#define LOOK_NS UINT64_C(10000000)

_Static_assert(sizeof(struct aether_parcel_seg) <= AETHER_USER_SIZE,
	       "a parcel is a lease's user data");

static int tile_works(uint32_t tile)
{
	return tile >= 8 && tile <= AETHER_SLICE_INPLACE_MAX &&
	       (tile & (tile - 1)) == 0;
}

int ae_cargo_wrong(struct ae_stage *stage, uint64_t handle, const char *what)
{
	return ae_stage_fail(stage, AETHER_ECORRUPT, 0,
			     "stride %u holds %s, which no stage writes",
			     (unsigned int)AETHER_HANDLE_STRIDE(handle), what);
}

int ae_cargo_label(struct ae_stage *stage, uint64_t handle,
		   struct ae_cargo *cargo)
{
	struct aether_pointer pointer;
	void *user;
	int rc = aether_stride_resolve(stage->me, handle, &pointer);

	if (rc == 0)
		rc = aether_stride_user(stage->me, handle, &user);
	if (rc != 0)
		return ae_stage_refused(stage, rc, "looking at a stride");
	memcpy(&cargo->parcel, user, sizeof(cargo->parcel));
	cargo->handle = handle;
	cargo->bytes = NULL;
	cargo->size = (size_t)pointer.size;
	cargo->length = (size_t)pointer.length;
	cargo->padded = cargo->length;
	cargo->format = pointer.format;
	cargo->tile = pointer.tile;
	if (cargo->parcel.flags & AETHER_PARCEL_ABORT)
		return ae_stage_fail(stage, AETHER_ESTAGE, 0,
				     "a stage before this one gave up; see "
				     "what it said.");
	if (cargo->length > cargo->size)
		return ae_cargo_wrong(stage, handle, "more than fits into it");
	if (cargo->format == AETHER_FORMAT_RAW)
		return 0;
	if (cargo->format != AETHER_FORMAT_SLICED || !tile_works(cargo->tile))
		return ae_cargo_wrong(stage, handle, "a format or tile");
	cargo->padded += -cargo->length & (AETHER_PLANES * cargo->tile - 1);
	if (cargo->padded > cargo->size)
		return ae_cargo_wrong(stage, handle, "tiles beyond its end");
	return 0;
}

int ae_cargo_look(struct ae_stage *stage, uint64_t handle,
		  struct ae_cargo *cargo)
{
	void *bytes;
	int rc = ae_cargo_label(stage, handle, cargo);

	if (rc < 0)
		return rc;
	rc = aether_stride_bytes(stage->me, handle, NULL, &bytes);
	if (rc < 0)
		return ae_stage_refused(stage, rc, "looking at a stride");
	cargo->bytes = bytes;
	return 0;
}

int ae_parcel_put(struct ae_stage *stage, uint64_t handle,
		  const struct aether_parcel_seg *parcel)
{
	void *user;
	int rc = aether_stride_user(stage->me, handle, &user);

	if (rc != 0)
		return ae_stage_refused(stage, rc, "labelling a stride");
	memcpy(user, parcel, sizeof(*parcel));
	return 0;
}

int ae_parcel_end(struct ae_stage *stage, uint64_t handle, uint64_t to)
{
	struct aether_parcel_seg parcel = { .flags = AETHER_PARCEL_END };
	int rc = ae_parcel_put(stage, handle, &parcel);

	if (rc < 0)
		return rc;
	/* one who does not take must not keep me here */
	if (aether_route_set(stage->me, to, 0, AETHER_POLICY_BLOCK) < 0 ||
	    aether_route(stage->me, handle, to) < 0)
		aether_stride_release(stage->me, handle);
	return 0;
}

/*
 * A stride to say something with. The others may have all of them, and wait for
 * nothing but that; so what is in my mail will do. Signals must not keep a
 * stage from saying that it gives up.
 */
static int find_any(struct ae_stage *stage, uint64_t deadline, uint64_t *handle)
{
	uint64_t soon;
	int rc;

	do {
		soon = aether_clock_after(LOOK_NS);
		rc = aether_stride_reserve_until(
			stage->me, soon < deadline ? soon : deadline, handle);
		if (rc == 0 || aether_route_take(stage->me, handle) < 0)
			continue;
		rc = aether_stride_accept(stage->me, *handle);
	} while (rc < 0 && aether_clock_now() < deadline);
	return rc;
}

static int route_anyway(struct ae_stage *stage, uint64_t handle, uint64_t to,
			uint64_t deadline)
{
	int rc;

	do
		rc = aether_route_until(stage->me, handle, to, deadline);
	while (rc == AETHER_EINTR || rc == AETHER_EAGAIN);
	return rc;
}

static int tell(struct ae_stage *stage, uint64_t handle, uint64_t to,
		uint64_t deadline)
{
	struct aether_parcel_seg parcel = { .flags = AETHER_PARCEL_ABORT };
	int rc = aether_stride_describe(stage->me, handle, 0, AETHER_FORMAT_RAW,
					0);

	if (rc == 0)
		rc = ae_parcel_put(stage, handle, &parcel);
	return rc < 0 ? rc : route_anyway(stage, handle, to, deadline);
}

/* One of us may not see, or not write, the segment of the stride at hand: by a
 * free one of a segment that we share. */
static void tell_elsewhere(struct ae_stage *stage, uint64_t to,
			   uint64_t deadline)
{
	struct aether_segment_info is;
	uint64_t handle;

	for (uint32_t i = 0; aether_segment_look(stage->plane, i, &is) == 0;
	     i++) {
		if (aether_stride_reserve_in(stage->me, i, &handle) < 0)
			continue;
		if (tell(stage, handle, to, deadline) == 0)
			return;
		aether_stride_release(stage->me, handle);
	}
}

void ae_parcel_abort(struct ae_stage *stage, uint64_t held)
{
	uint64_t deadline = aether_clock_after(ABORT_NS);
	struct ae_stage quiet = *stage; /* keeps the text of the first error */
	int rc;

	quiet.error = NULL;
	for (uint32_t i = 0; i < stage->peers; i++) {
		if (!held && find_any(&quiet, deadline, &held) < 0)
			return;
		rc = tell(&quiet, held, stage->peer[i].tenancy, deadline);
		if (rc == 0)
			held = 0;
		else if (rc == AETHER_EACCES)
			tell_elsewhere(&quiet, stage->peer[i].tenancy,
				       deadline);
	}
	if (held)
		aether_stride_release(stage->me, held);
}
