/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actors of an input: participants with memory of their own, which is as
 * new each time they join; who dies leaves no more than its words in the plane.
 */
#include "fuzz.h"

static struct aether_participant *make(void)
{
	struct aether_participant *me = calloc(1, sizeof(*me));

	/* of exactly the size that join.c gives them: beyond it is red */
	me->late = calloc(FUZZ_STRIDES, sizeof(*me->late));
	me->sent = calloc(FUZZ_STRIDES, sizeof(*me->sent));
	me->shared = calloc(FUZZ_STRIDES, sizeof(*me->shared));
	me->reading = calloc(FUZZ_STRIDES / 32 + 1, sizeof(*me->reading));
	return me;
}

/* As if it had been allocated just now. */
static void renew(struct aether_participant *me)
{
	struct ae_late *late = me->late;
	struct ae_sent *sent = me->sent;
	struct ae_shared *shared = me->shared;
	uint32_t *reading = me->reading;

	memset(me, 0, sizeof(*me));
	me->late = late;
	me->sent = sent;
	me->shared = shared;
	me->reading = reading;
	memset(late, 0, FUZZ_STRIDES * sizeof(*late));
	memset(sent, 0, FUZZ_STRIDES * sizeof(*sent));
	memset(shared, 0, FUZZ_STRIDES * sizeof(*shared));
	memset(reading, 0, (FUZZ_STRIDES / 32 + 1) * sizeof(*reading));
	ae_participant_init(me, fuzz.plane.geometry.segments &&
						me == fuzz.actors[FUZZ_PART]
					? &fuzz.part
					: &fuzz.plane);
}

/* Another attachment: what it may in each segment. */
static void grant(uint32_t how)
{
	const struct aether_plane *whole = &fuzz.plane;

	memset(fuzz.part.partly, 0, sizeof(fuzz.part.partly));
	for (uint32_t i = 0; i < whole->geometry.segments; i++)
		ae_segment_grant(&fuzz.part, i, how >> 2 * i & 3);
}

void fuzz_actors_reset(void)
{
	for (uint32_t i = 0; i < FUZZ_ACTORS; i++) {
		if (!fuzz.actors[i])
			fuzz.actors[i] = make();
		fuzz.joined[i] = 0;
	}
}

static int join(uint32_t actor, uint32_t role)
{
	const struct aether_participant_options options = {
		.name = "actor", .role = role, .spin = actor * UINT64_C(5000)
	};

	return ae_participant_join(fuzz.actors[actor], &options, 1, 1);
}

void fuzz_join(uint32_t actor)
{
	struct aether_participant *me = fuzz.actors[actor];
	uint32_t how = fuzz_byte();
	int rc;

	if (fuzz.joined[actor])
		return;
	renew(me);
	if (actor == FUZZ_PART && fuzz.plane.geometry.segments)
		grant(fuzz_byte());
	fuzz.by = me->plane;
	rc = FUZZ_CALL(FUZZ_MAY(ESEATS), join(actor, how & 7));
	fuzz.joined[actor] = rc == 0;
	if (rc < 0)
		return;
	if (!aether_participant_tenancy(me) || me->slot >= FUZZ_SLOTS)
		fuzz_fail("join", "gives no tenancy");
	me->quota = how >> 5;
	if (how & 8)
		aether_wake_defer(me, 3);
}

static int leave(struct aether_participant *me)
{
	ae_participant_leave(me);
	return 0;
}

void fuzz_leave(uint32_t actor)
{
	if (!fuzz.joined[actor])
		return;
	fuzz.by = fuzz.actors[actor]->plane;
	FUZZ_CALL(0, leave(fuzz.actors[actor]));
	fuzz.joined[actor] = 0;
}

void fuzz_die(uint32_t actor)
{
	for (uint32_t i = 0; i < FUZZ_SLOTS; i++)
		if (fuzz.lives[i] == actor + 1)
			fuzz.lives[i] = 0;
	fuzz.joined[actor] = 0;
}

void fuzz_come_and_go(void)
{
	uint32_t how = fuzz_byte();
	uint32_t actor = how % FUZZ_ACTORS;

	switch (how >> 4) {
	case 0:
	case 1:
		fuzz_leave(actor);
		break;
	case 2:
	case 3:
		fuzz_die(actor);
		break;
	case 4: /* a life whose tenant the plane does not know */
		fuzz.lives[how % FUZZ_SLOTS] ^= FUZZ_ACTORS + 1;
		break;
	case 5:
		fuzz.mute = how & 1;
		break;
	case 6:
		fuzz.plane.flags = how & 1 ? AETHER_FLAG_ZERO : 0;
		fuzz.part.flags = fuzz.plane.flags;
		break;
	default:
		fuzz_join(actor);
	}
}

struct aether_participant *fuzz_actor(void)
{
	uint32_t first = fuzz_byte();

	for (uint32_t i = 0; i < FUZZ_ACTORS; i++) {
		uint32_t who = (first + i) % FUZZ_ACTORS;

		if (!fuzz.joined[who])
			continue;
		fuzz.by = fuzz.actors[who]->plane;
		return fuzz.actors[who];
	}
	return NULL;
}

void fuzz_leave_all(void)
{
	for (uint32_t i = 0; i < FUZZ_ACTORS; i++)
		fuzz_leave(i);
}

void fuzz_play(void (*call)(struct aether_participant *me, uint32_t what))
{
	struct aether_participant *me;

	fuzz_join(0);
	fuzz_join(1);
	while (fuzz.in.left) {
		uint32_t what = fuzz_byte();

		if (what < 80)
			fuzz_scribble();
		else if (what < 96)
			fuzz_come_and_go();
		else if ((me = fuzz_actor()))
			call(me, what);
	}
	fuzz_leave_all();
}

uint64_t fuzz_tenancy(void)
{
	uint32_t how = fuzz_byte();
	uint64_t seat;

	if (how < 192)
		return aether_participant_tenancy(
			fuzz.actors[how % FUZZ_ACTORS]);
	if (how == 255)
		return fuzz_number(8);
	memcpy(&seat, &fuzz.plane.seats[how % FUZZ_SLOTS].seat, sizeof(seat));
	return AETHER_TENANCY_MAKE(how % FUZZ_SLOTS, AETHER_SEAT_STAMP(seat));
}

void fuzz_keep(uint64_t handle)
{
	fuzz.handles[fuzz.kept++ % FUZZ_KEPT] = handle;
}

/* A kept one; that of a stride as its word says; or any. */
uint64_t fuzz_handle(void)
{
	uint32_t how = fuzz_byte();
	uint32_t stride = how % 64;
	uint64_t word;

	if (how < 128)
		return fuzz.handles[(fuzz.kept - 1 - how) % FUZZ_KEPT];
	if (how >= 192 || stride >= FUZZ_STRIDES)
		return how == 255 ? fuzz_number(8)
				  : AETHER_HANDLE_MAKE(stride, 7, 0);
	memcpy(&word, &fuzz.plane.leases[stride].word, sizeof(word));
	return AETHER_HANDLE_MAKE(stride, 7, AETHER_LEASE_GENERATION(word));
}

/* Each stride, by one attachment. */
static void look_at_strides(const struct aether_plane *plane)
{
	struct aether_registry_counts counts;
	struct aether_stride_info stride;
	uint32_t seen = 0;

	fuzz.by = plane;
	FUZZ_CALL(0, aether_registry_count(plane, &counts));
	for (uint32_t i = 0; i < AETHER_REGISTRY_STATES; i++)
		seen += counts.states[i];
	if (seen + counts.corrupt + counts.unseen != FUZZ_STRIDES)
		fuzz_fail("registry", "counts more or less than there is");
	for (uint32_t i = 0; i < FUZZ_STRIDES; i++)
		if (FUZZ_CALL(FUZZ_MAY(ECORRUPT) |
				      (ae_right(plane, i) ? 0
							  : FUZZ_MAY(EACCES)),
			      aether_registry_look(plane, i, &stride)) == 0 &&
		    (stride.head > i || stride.state >= AETHER_REGISTRY_STATES))
			fuzz_fail("registry", "says what cannot be");
}

void fuzz_look(void)
{
	struct aether_participant_info info;
	uint64_t tenancy;

	if (fuzz.plane.geometry.segments)
		look_at_strides(&fuzz.part);
	look_at_strides(&fuzz.plane);
	for (uint32_t i = 0; i < FUZZ_SLOTS; i++) {
		FUZZ_CALL(0, aether_participant_look(&fuzz.plane, i, &info));
		if (strnlen(info.name, sizeof(info.name)) == sizeof(info.name))
			fuzz_fail("participant", "has a name without end");
	}
	FUZZ_CALL(FUZZ_MAY(ENOENT),
		  aether_participant_find(&fuzz.plane, "actor", &tenancy));
}
