/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's calls as a participant makes them who believes what it is told,
 * and the payload. What was said to be mine must be so by the judge's book, and
 * stay so until I give it away.
 */
#include "state.h"

struct aether_participant *ae_sim_me(void)
{
	return ae_sim_runner()->me;
}

struct aether_participant *ae_sim_participant(uint32_t actor)
{
	return ae_sim.runners[actor].me;
}

uint64_t ae_sim_to(uint32_t actor)
{
	return aether_participant_tenancy(ae_sim.runners[actor].me);
}

void ae_sim_as(uint32_t actor)
{
	ae_sim.current = actor;
}

static uint32_t stride_of(uint64_t handle)
{
	return (uint32_t)AETHER_HANDLE_STRIDE(handle);
}

static struct ae_sim_lease *lease_of(uint64_t handle)
{
	return &ae_sim_ghost.leases[stride_of(handle)];
}

static uint64_t word_of(uint64_t handle)
{
	return ae_sim_peek(&ae_sim.plane.leases[stride_of(handle)].word, 64);
}

static void demand(int fact, const char *what, uint64_t handle)
{
	if (!fact)
		ae_sim_fail(
			"%s: stride %u, generation %llu: %s",
			ae_sim_name(ae_sim.current), stride_of(handle),
			(unsigned long long)AETHER_HANDLE_GENERATION(handle),
			what);
}

static void tell(const char *call, int result)
{
	if (ae_sim.tracing)
		ae_sim_say("%s: %s: %d", ae_sim_name(ae_sim.current), call,
			   result);
}

/* I was told that the lease is mine. */
static int gained(const char *call, int err, uint64_t handle)
{
	tell(call, err);
	if (err < 0)
		return err;
	demand(AETHER_LEASE_GENERATION(word_of(handle)) ==
		       AETHER_HANDLE_GENERATION(handle),
	       "the lease that was got is another", handle);
	demand(lease_of(handle)->holder == ae_sim_stamp(),
	       "what was got is another's", handle);
	lease_of(handle)->believer = ae_sim_stamp();
	return err;
}

/* Of an undivided plane each does. */
int ae_sim_sees(uint32_t stamp, uint32_t index)
{
	const struct ae_sim_tenant *t =
		&ae_sim_ghost.tenants[stamp % AE_SIM_STAMPS];

	return ae_right(aether_participant_plane(ae_sim.runners[t->process].me),
			index) != 0;
}

int ae_sim_uncleared(uint32_t head)
{
	const struct aether_lease_seg *lease = &ae_sim.plane.leases[head];
	uint64_t word, i = 0;

	do {
		if (ae_sim_peek(&lease[i].uncleared, 32))
			return 1;
		if (head + ++i == ae_sim.plane.geometry.strides)
			return 0;
		word = ae_sim_peek(&lease[i].word, 64);
	} while (AETHER_LEASE_STATE(word) == AETHER_STATE_CONT &&
		 AETHER_CONT_DISTANCE(word) == i);
	return 0;
}

/* I was handed out strides of a plane that zeroes: nobody's bytes are there,
 * whoever was to clear them. */
static int given(const char *call, int err, uint32_t count, uint64_t handle)
{
	const struct aether_plane *p = &ae_sim.plane;
	uint64_t size = p->geometry.stride_size;

	gained(call, err, handle);
	if (err < 0 || !(p->flags & AETHER_FLAG_ZERO))
		return err;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = stride_of(handle) + i;

		demand(!ae_sim_peek(p->base + p->geometry.data_offset +
					    index * size,
				    64),
		       "somebody's bytes are in it", handle);
		ae_sim_order_payload(index, 1, 0);
	}
	return err;
}

int ae_sim_join(void)
{
	struct ae_sim_runner *r = ae_sim_runner();
	const struct aether_participant_options options = {
		.name = ae_sim_name(r->number)
	};
	int err;

	err = ae_participant_join(r->me, &options, 1, 1 + r->number);
	tell("join", err);
	r->joined = err == 0;
	return err;
}

void ae_sim_leave(void)
{
	struct ae_sim_runner *r = ae_sim_runner();

	for (uint32_t i = 0; i < ae_sim.plane.geometry.strides; i++) {
		ae_sim_ghost.leases[i].readers &= ~(1u << ae_sim_stamp());
		if (ae_sim_ghost.leases[i].believer == ae_sim_stamp())
			ae_sim_ghost.leases[i].believer = 0;
	}
	r->leaving = 1;
	r->joined = 0;
	ae_participant_leave(r->me);
	r->leaving = 0;
	tell("leave", 0);
}

int ae_sim_reserve(uint64_t *handle)
{
	int err = aether_stride_reserve(ae_sim_me(), handle);

	return given("reserve", err, 1, *handle);
}

int ae_sim_reserve_run(uint32_t count, uint64_t *handle)
{
	int err = aether_stride_reserve_run(ae_sim_me(), count, handle);

	return given("reserve_run", err, count, *handle);
}

int ae_sim_reserve_until(uint64_t deadline, uint64_t *handle)
{
	int err = aether_stride_reserve_until(ae_sim_me(), deadline, handle);

	return given("reserve_until", err, 1, *handle);
}

int ae_sim_release(uint64_t handle)
{
	struct ae_sim_lease *l = lease_of(handle);
	uint32_t me = ae_sim_stamp();
	int mine = l->believer == me || l->readers >> me & 1;
	int err;

	if (l->believer == me)
		l->believer = 0;
	l->readers &= ~(1u << me);
	err = aether_stride_release(ae_sim_me(), handle);
	tell("release", err);
	demand((err == 0) == mine, "a release is refused, or is not", handle);
	return err;
}

/* Did I have it, before I gave it away? */
static int had(uint64_t handle)
{
	return lease_of(handle)->believer == ae_sim_stamp();
}

/* It went, or it is still mine; another may believe to have it by now. */
static int gave(const char *call, int err, int mine, uint64_t handle)
{
	struct ae_sim_lease *l = lease_of(handle);

	tell(call, err);
	if (!mine)
		demand(err < 0, "given away by one who had it not", handle);
	else if (err < 0 && err != AETHER_EDROPPED)
		demand(l->holder == ae_sim_stamp(),
		       "lost, though it was not given away", handle);
	else if (l->believer == ae_sim_stamp())
		l->believer = 0;
	return err;
}

int ae_sim_route(uint64_t handle, uint64_t to)
{
	int mine = had(handle);
	int err = aether_route(ae_sim_me(), handle, to);

	return gave("route", err, mine, handle);
}

int ae_sim_route_until(uint64_t handle, uint64_t to, uint64_t deadline)
{
	int mine = had(handle);
	int err = aether_route_until(ae_sim_me(), handle, to, deadline);

	return gave("route_until", err, mine, handle);
}

/* Mail of one sender comes in the order in which it was sent. */
static void check_order(uint64_t handle)
{
	struct ae_sim_lease *l = lease_of(handle);
	uint32_t *seen = &ae_sim_ghost.seen[l->from][ae_sim_stamp()];

	if (!l->from || l->from == ae_sim_stamp())
		return;
	demand(l->serial > *seen, "mail out of order", handle);
	*seen = l->serial;
}

static int took(int err, uint64_t handle)
{
	struct ae_sim_lease *l = lease_of(handle);
	uint32_t me = ae_sim_stamp();

	if (err < 0 ||
	    AETHER_LEASE_STATE(word_of(handle)) != AETHER_STATE_SHARED) {
		gained("take", err, handle);
		if (err == 0)
			check_order(handle);
		return err;
	}
	tell("take to read", err);
	demand(l->meant >> me & 1, "it was shared with others", handle);
	demand(!(l->readers >> me & 1), "it is read a second time", handle);
	l->readers |= 1u << me;
	return err;
}

int ae_sim_take(uint64_t *handle)
{
	int err = aether_route_take(ae_sim_me(), handle);

	return took(err, *handle);
}

int ae_sim_take_until(uint64_t deadline, uint64_t *handle)
{
	int err = aether_route_take_until(ae_sim_me(), deadline, handle);

	return took(err, *handle);
}

int ae_sim_accept(uint64_t handle)
{
	int err = aether_stride_accept(ae_sim_me(), handle);

	tell("accept", err);
	demand(err == 0 || lease_of(handle)->believer != ae_sim_stamp(),
	       "what is mine cannot be accepted", handle);
	return err;
}

int ae_sim_share(uint64_t handle, const uint64_t *to, uint32_t count)
{
	int mine = had(handle);

	for (uint32_t i = 0; i < count; i++)
		lease_of(handle)->meant |= 1u << AETHER_TENANCY_STAMP(to[i]);
	return gave("share", aether_share(ae_sim_me(), handle, to, count, NULL),
		    mine, handle);
}

int ae_sim_heir(uint64_t heir)
{
	int err = aether_participant_heir(ae_sim_me(), heir);

	tell("heir", err);
	if (err == 0)
		ae_sim_named();
	return err;
}

void ae_sim_reap(void)
{
	tell("reap", 0);
	aether_reap(ae_sim_me(), NULL);
}

/* What each stride of a lease must hold. */
static uint64_t content(uint64_t value, uint64_t i)
{
	return value * UINT64_C(0x9E3779B97F4A7C15) + i;
}

static uint64_t payload(uint64_t handle, unsigned char **bytes)
{
	struct ae_sim_lease *l = lease_of(handle);
	uint32_t me = ae_sim_stamp();
	void *at = NULL;
	size_t size = 0;
	int err = aether_stride_bytes(ae_sim_me(), handle, &size, &at);

	if (err == AETHER_ESUSPECT && l->believer == me)
		return 0;
	demand(err == 0, "its bytes are refused", handle);
	demand(l->believer == me || l->readers >> me & 1,
	       "bytes of what is another's", handle);
	*bytes = at;
	return size / AE_SIM_SIZE;
}

int ae_sim_write(uint64_t handle, uint64_t value)
{
	unsigned char *bytes;
	uint64_t n = payload(handle, &bytes);

	demand(!n || lease_of(handle)->believer == ae_sim_stamp(),
	       "written by a reader", handle);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t word = content(value, i);

		ae_sim_order_payload(stride_of(handle) + (uint32_t)i, 1, 0);
		memcpy(bytes + i * AE_SIM_SIZE, &word, sizeof(word));
	}
	if (n)
		lease_of(handle)->content = value;
	return n == 0;
}

int ae_sim_read(uint64_t handle, uint64_t *value)
{
	unsigned char *bytes;
	uint64_t n = payload(handle, &bytes);

	for (uint64_t i = 0; i < n; i++) {
		ae_sim_order_payload(stride_of(handle) + (uint32_t)i, 0, 0);
		if (lease_of(handle)->content)
			demand(ae_sim_peek(bytes + i * AE_SIM_SIZE, 64) ==
				       content(lease_of(handle)->content, i),
			       "its bytes are not what was written", handle);
	}
	*value = lease_of(handle)->content;
	return n == 0;
}
