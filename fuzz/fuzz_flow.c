/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stage of a flow believes of its mail. One stage runs; whenever it
 * waits it is the others' turn: they send it parcels of any content, take what
 * it sends and send it back, write over the tables, die and leave, as the input
 * says. When the input has ended a signal comes.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fuzz.h"

#define TURNS 4 /* of the others, each time the stage waits */

static int input;  /* some strides of content, as a file */
static int output; /* that takes all */

/* A parcel that could be of the stream, with what the input changes in it. */
static void label(struct aether_participant *me, uint64_t handle)
{
	struct aether_parcel_seg parcel = { .sequence = fuzz_byte() };
	uint32_t how = fuzz_byte();
	void *user;

	parcel.position = how & 1 ? fuzz_number(8) : parcel.sequence << 12;
	parcel.next = how & 2 ? fuzz_tenancy() : aether_participant_tenancy(me);
	parcel.flags = how & 4 ? fuzz_byte() : 0;
	if (how & 8)
		parcel.sequence += fuzz_number(8);
	aether_stride_describe(
		me, handle, how & 16 ? fuzz_number(2) % 4097 : 4096,
		how & 32 ? AETHER_FORMAT_SLICED : AETHER_FORMAT_RAW,
		how & 64 ? 8u << how % 7 : 0);
	if (aether_stride_user(me, handle, &user) == 0)
		memcpy(user, &parcel, sizeof(parcel));
}

static void send(struct aether_participant *me, uint64_t to)
{
	uint64_t handle;

	if (aether_stride_reserve(me, &handle) < 0)
		return;
	label(me, handle);
	if (aether_route(me, handle, to) < 0)
		aether_stride_release(me, handle);
	fuzz_keep(handle);
}

/* Takes what came, and sends it on, or back, or keeps it. */
static void handle_mail(struct aether_participant *me, uint64_t to)
{
	uint32_t how = fuzz_byte();
	uint64_t handle;

	if (aether_route_take(me, &handle) < 0)
		return;
	fuzz_keep(handle);
	if (how & 1)
		label(me, handle);
	if (how & 2)
		aether_route(me, handle, to);
	else if (how & 4)
		aether_stride_release(me, handle);
}

/* One of the others does something. */
static void turn(void)
{
	uint64_t stage = aether_participant_tenancy(fuzz.actors[0]);
	uint32_t what = fuzz_byte();
	uint32_t who = 1 + (what & 1);
	struct aether_participant *me = fuzz.actors[who];

	if (what < 80) {
		fuzz_scribble();
		return;
	}
	if (what < 88) {
		if (what & 2)
			fuzz_die(who);
		return;
	}
	if (!fuzz.joined[who])
		return;
	if (what < 96)
		aether_participant_heir(me, stage);
	else if (what < 200)
		send(me, stage);
	else
		handle_mail(me, stage);
}

/* The stage waits. */
static int parked(void)
{
	fuzz.now += UINT64_C(50000000);
	if (!fuzz.in.left)
		return AETHER_EINTR;
	for (uint32_t i = 0; i < TURNS && fuzz.in.left; i++)
		turn();
	fuzz.now += fuzz_byte() & 8 ? UINT64_C(300000000) : 0;
	return AETHER_ETIMEDOUT;
}

static int burn(void *state, const struct aether_piece *piece)
{
	const struct aether_geometry *g = &fuzz.plane.geometry;

	(void)state;
	if (piece->length)
		fuzz_inside(piece->bytes, piece->length, g->data_offset,
			    g->plane_size);
	if (piece->length)
		*(unsigned char *)piece->bytes ^= 1;
	return 0;
}

static void tap(void *user, const void *bytes, size_t length)
{
	(void)user;
	if (length)
		fuzz_inside(bytes, length, fuzz.plane.geometry.data_offset,
			    fuzz.plane.geometry.plane_size);
}

static const struct aether_burn burns[] = {
	{ .name = "fuzz", .burn = burn, .undo = burn },
};

static int work(struct aether_participant *me, uint32_t how,
		struct aether_error *error, struct aether_flow_report *report)
{
	const struct aether_flow_appliance o = {
		.burns = burns,
		.count = how & 1,
		.patience = { fuzz.now + 1000000000, how & 2 ? 0xFF : 0 },
	};

	return aether_flow_work(me, &o, error, report);
}

static int egress(struct aether_participant *me, uint32_t how,
		  struct aether_error *error, struct aether_flow_report *report)
{
	const struct aether_flow_egress o = {
		.fd = output,
		.burns = burns,
		.count = how & 1,
		.copy = !!(how & 2),
		.tap = { how & 4 ? tap : NULL, NULL },
		.patience = { fuzz.now + 1000000000, 0xFF },
	};

	return aether_flow_egress(me, &o, error, report);
}

static int ingress(struct aether_participant *me, uint32_t how,
		   struct aether_error *error,
		   struct aether_flow_report *report)
{
	const struct aether_flow_ingress o = {
		.fd = input,
		.to = aether_participant_tenancy(fuzz.actors[1]),
		.format = how & 1 ? AETHER_FORMAT_SLICED : AETHER_FORMAT_RAW,
		.tile = how & 2 ? 512 : 0,
		.copy = !!(how & 4),
	};

	lseek(input, 0, SEEK_SET);
	return aether_flow_ingress(me, &o, error, report);
}

static int orchestrate(struct aether_participant *me, uint32_t how,
		       struct aether_error *error,
		       struct aether_flow_report *report)
{
	const struct aether_flow_orchestrator o = {
		.workers = { aether_participant_tenancy(fuzz.actors[1]) },
		.count = how & 1,
		.egress = aether_participant_tenancy(fuzz.actors[2]),
		.stay = 1000000000,
		.patience = { fuzz.now + 1000000000, 0xFF },
	};

	return aether_flow_orchestrate(me, &o, error, report);
}

static void prepare(void)
{
	static const char content[4096] = "content";

	fuzz_plane("lean", 0);
	fuzz.parked = parked;
	output = open("/dev/null", O_WRONLY | O_CLOEXEC);
	input = memfd_create("fuzz", MFD_CLOEXEC);
	for (int i = 0; i < 5; i++)
		if (write(input, content, sizeof(content) - 100) < 0)
			fuzz_fail("input", "cannot be made");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const stages[])(
		struct aether_participant *, uint32_t, struct aether_error *,
		struct aether_flow_report *) = { work, egress, ingress,
						 orchestrate };
	const uint64_t errors = ~(uint64_t)0;
	struct aether_error error = { .code = 0 };
	struct aether_flow_report report;
	uint32_t how;

	if (!fuzz.plane.base)
		prepare();
	fuzz_begin(data, size);
	how = fuzz_byte();
	for (uint32_t i = 0; i < FUZZ_ACTORS; i++)
		fuzz_join(i);
	for (uint32_t i = how >> 5; i; i--)
		turn();
	FUZZ_CALL(errors,
		  stages[how & 3](fuzz.actors[0], how >> 2, &error, &report));
	fuzz_leave_all();
	return 0;
}
