/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The multi-phase stress: what its processes share, and how each of them deals
 * with leases. A generation is k sources, known to everybody from its number
 * and the seed. Its number says how it travels, and all four ways are in use
 * at once. Whoever holds a lease says so in a table outside the plane, so two
 * owners are seen; every answer that cannot be ends the run.
 */
#ifndef PHASES_H
#define PHASES_H

#include <aether/aether.h>
#include "../core/victim.h"
#include "field.h"

#define STRIDES 1024
#define SIZE 8192
#define SOURCES 16 /* most of a generation */
#define PARITIES 6
#define SHARDS (SOURCES + PARITIES)
#define OPEN 32 /* generations at once, a quarter of each kind */

enum kind {
	SYSTEMATIC,
	CODED,
	RECODED,
	REPAIR,
	KINDS
};

/* Where a packet is to go next. */
enum stage {
	TO_ENCODE,
	TO_RECODE,
	TO_PARITY,
	TO_REPAIR,
	TO_EGRESS
};

enum role {
	INGRESS,
	DESK,
	APPLIANCE,
	EGRESS,
	ROLES
};

#define DESKS 2
#define APPLIANCES 4
#define ENDS 2 /* of each kind: ingress, egress */
#define WORKERS (2 * ENDS + DESKS + APPLIANCES)

static const uint32_t first_of[ROLES + 1] = { 0, ENDS, ENDS + DESKS,
					      ENDS + DESKS + APPLIANCES,
					      WORKERS };
static const char *const kind_name[KINDS] = { "systematic", "coded", "recoded",
					      "repair" };

enum figure {
	DROPPED,   /* by the desks, on purpose */
	POLICY,    /* ended by the policy of a full route */
	SUSPECT,   /* what a dead one worked on, with its heir */
	UNROUTED,  /* its addressee had gone */
	PRESSURE,  /* no free stride: somebody let go of older ones */
	LATE,      /* of a generation that is done */
	REDUNDANT, /* nothing new */
	SPENT,     /* burnt into others, or compared */
	BURNS,
	BYTES, /* compared */
	STAYS, /* times somebody joined */
	FIGURES
};

/* Defects that a run can have, to show that it finds them. */
enum planted {
	SOUND,
	WRONG_BURN,  /* recodes with another coefficient than it says */
	WRONG_WORDS, /* says another one, in label and head alike */
	SWAPPED,     /* repairs with two shards exchanged */
	WRITES_ON,   /* writes to what it has routed */
	UNREAPED,    /* a stride stays a dead one's */
	LEFT_OWNED   /* somebody lives on with a stride */
};

/* Shared by all, outside the plane. */
struct world {
	struct aether_word64 owner[STRIDES];  /* tenancy; 0: nobody */
	struct aether_word64 leased[STRIDES]; /* the last handle */
	struct aether_word64 tenancies[WORKERS];
	struct aether_word64 begun[OPEN], done[OPEN]; /* generations */
	struct aether_word64 sent[KINDS], made[KINDS], arrived[KINDS];
	struct aether_word64 whole[KINDS]; /* generations that were right */
	struct aether_word64 figures[FIGURES];
	struct aether_word64 stop;
	struct aether_word32 failed;
	char failure[200];
	uint64_t seed;
	enum planted planted;
};

/* The 32 bytes that travel with a lease. */
struct label {
	uint32_t id; /* generation; id mod OPEN is its place, mod KINDS its
			kind */
	uint8_t stage, hops, shard, none;
	uint8_t vector[SOURCES]; /* coefficients; of REPAIR: zeros */
	uint64_t check;
};

struct worker {
	struct aether_plane *plane;
	struct aether_participant *me;
	uint64_t tenancy, seed;
	uint64_t known[WORKERS]; /* tenancies that I have set up routes to */
	uint64_t heir;
	uint32_t self, role;
};

static struct aether_plane *plane;
static struct world *world;

static void fail(const char *what, uint64_t a, uint64_t b)
{
	if (ae_add32_relaxed(&world->failed, 1) == 0)
		snprintf(world->failure, sizeof(world->failure),
			 "%s: %llx %llx", what, (unsigned long long)a,
			 (unsigned long long)b);
	_exit(1);
}

static void must(int err, const char *what)
{
	if (err < 0)
		fail(what, (uint64_t)-err, 0);
}

static void count(enum figure figure, uint64_t by)
{
	ae_add64_relaxed(&world->figures[figure], by);
}

static uint32_t chance(struct worker *w, uint32_t below)
{
	return (uint32_t)(rig_random(&w->seed) % below);
}

static int is_over(uint32_t id)
{
	return rig_told(&world->done[id % OPEN]) >= id;
}

/* Numbers of sources and parities: of the generation's number, so of nobody
 * who could be killed. */
static uint32_t sources_of(uint32_t id)
{
	uint64_t random = world->seed ^ (uint64_t)id << 20;

	return 2 + (uint32_t)(rig_random(&random) % (SOURCES - 1));
}

static uint32_t parities_of(uint32_t id)
{
	uint64_t random = world->seed ^ (uint64_t)id << 21;

	return 1 + (uint32_t)(rig_random(&random) % PARITIES);
}

/* What source j of a generation is, not sliced. */
static void source_bytes(uint32_t id, uint32_t j, uint8_t *bytes)
{
	uint64_t random = world->seed ^ (uint64_t)id << 32 ^ (uint64_t)j << 12;

	for (size_t i = 0; i < SIZE; i += 8) {
		uint64_t word = rig_random(&random);

		memcpy(bytes + i, &word, 8);
	}
	if (id % KINDS != REPAIR) {
		memset(bytes, 0, AETHER_RLNC_HEAD);
		bytes[j] = 1;
	}
}

/* What shard s is, by the definition of the code, byte for byte. */
static void shard_bytes(uint32_t id, uint32_t s, uint8_t *bytes)
{
	static uint8_t source[SIZE];
	uint32_t k = sources_of(id);

	if (s < k) {
		source_bytes(id, s, bytes);
		return;
	}
	memset(bytes, 0, SIZE);
	for (uint32_t j = 0; j < k; j++) {
		const uint8_t *row = product[inverse[s ^ j]];

		source_bytes(id, j, source);
		for (size_t i = 0; i < SIZE; i++)
			bytes[i] ^= row[source[i]];
	}
}

static uint8_t *bytes_of(struct worker *w, uint64_t handle)
{
	void *bytes = NULL;

	must(aether_stride_bytes(w->me, handle, NULL, &bytes), "bytes");
	return bytes;
}

static uint64_t label_check(const struct label *label)
{
	uint64_t words[3], sum;

	memcpy(words, label, sizeof(words));
	sum = words[0] ^ words[1] * 3 ^ words[2] * 5;
	return rig_random(&sum);
}

static void label_write(struct worker *w, uint64_t handle, struct label *label)
{
	void *user = NULL;

	label->check = label_check(label);
	must(aether_stride_user(w->me, handle, &user), "user");
	memcpy(user, label, sizeof(*label));
	must(aether_stride_describe(w->me, handle, SIZE, AETHER_FORMAT_SLICED,
				    0),
	     "describe");
}

static void label_read(struct worker *w, uint64_t handle, struct label *label)
{
	void *user = NULL;

	must(aether_stride_user(w->me, handle, &user), "user");
	memcpy(label, user, sizeof(*label));
	if (label->check != label_check(label))
		fail("a label that nobody wrote", handle, label->id);
}

/* The same bytes as they should be? */
static void compare(struct worker *w, uint64_t handle, uint32_t id, uint32_t s)
{
	static uint8_t got[SIZE], wanted[SIZE];

	must(aether_unslice(got, bytes_of(w, handle), SIZE, AETHER_TILE),
	     "unslice");
	shard_bytes(id, s, wanted);
	if (memcmp(got, wanted, SIZE))
		fail("wrong bytes: generation, shard", id, s);
	count(BYTES, SIZE);
}

static int is_alive(struct worker *w, uint64_t tenancy)
{
	struct aether_participant_info info;

	aether_participant_look(w->plane,
				(uint32_t)AETHER_TENANCY_SLOT(tenancy), &info);
	return info.tenancy == tenancy && info.alive &&
	       info.state == AETHER_SEAT_ACTIVE;
}

/* I have it, and nobody else who lives has. */
static void enter(struct worker *w, uint64_t handle)
{
	/* seq_cst: before and after all that is done with it. pairs: forget */
	uint64_t old = ae_xchg64_seq_cst(&world->owner[victim_stride(handle)],
					 w->tenancy);

	if (old && is_alive(w, old))
		fail("two owners", handle, old);
}

static void forget(struct worker *w, uint64_t handle)
{
	/* seq_cst: as in enter. pairs: enter */
	uint64_t old = ae_xchg64_seq_cst(&world->owner[victim_stride(handle)],
					 0);

	if (old != w->tenancy)
		fail("somebody else had it", handle, old);
}

static void drop(struct worker *w, uint64_t handle, enum figure why)
{
	forget(w, handle);
	must(aether_stride_release(w->me, handle), "release");
	count(why, 1);
}

/* 0: there is no free one. A lease is never given twice. */
static int reserve(struct worker *w, uint64_t *handle)
{
	uint64_t old;
	int err;

	do
		err = aether_stride_reserve(w->me, handle);
	while (err == AETHER_EAGAIN);
	if (err == AETHER_EFULL)
		return 0;
	must(err, "reserve");
	enter(w, *handle);
	/* relaxed: who had the stride before has long written it. */
	old = ae_load64_relaxed(&world->leased[victim_stride(*handle)]);
	ae_store64_relaxed(&world->leased[victim_stride(*handle)], *handle);
	if (old &&
	    AETHER_HANDLE_GENERATION(*handle) <= AETHER_HANDLE_GENERATION(old))
		fail("a generation that does not rise", *handle, old);
	return 1;
}

/* Takes one and reads its label. 0: there is none. What its last owner died
 * with is refused, and let go of. */
static int take(struct worker *w, uint64_t *handle, struct label *label)
{
	struct aether_stride_info info;
	void *bytes;
	int err = aether_route_take_until(w->me, aether_clock_after(MS),
					  handle);

	if (err == AETHER_ETIMEDOUT)
		return 0;
	must(err, "take");
	enter(w, *handle);
	must(aether_stride_query(w->plane, *handle, &info), "query");
	if (info.state != AETHER_STATE_SUSPECT) {
		label_read(w, *handle, label);
		return 1;
	}
	if (aether_stride_bytes(w->me, *handle, NULL, &bytes) !=
	    AETHER_ESUSPECT)
		fail("suspect bytes are not refused", *handle, 0);
	drop(w, *handle, SUSPECT);
	return 0;
}

/* Routes it to a worker, or lets go of it. Only an ingress waits: if all did,
 * each might wait for the next. */
static void give(struct worker *w, uint64_t handle, uint32_t whom)
{
	int err, again;

	forget(w, handle);
	do {
		uint64_t to = rig_told(&world->tenancies[whom]);

		again = w->role == INGRESS && !rig_told(&world->stop);
		if (again)
			err = aether_route_until(w->me, handle, to,
						 aether_clock_after(MS));
		else
			err = aether_route(w->me, handle, to);
		if (err == AETHER_EGONE && again)
			rig_sleep(MS / 4);
	} while (again && (err == AETHER_ETIMEDOUT || err == AETHER_EGONE));
	if (err == AETHER_EDROPPED)
		count(POLICY, 1);
	if (err == 0 || err == AETHER_EDROPPED)
		return;
	if (err != AETHER_EGONE && err != AETHER_EBOX && err != AETHER_EDEPTH)
		must(err, "route");
	enter(w, handle);
	drop(w, handle, err == AETHER_EGONE ? UNROUTED : POLICY);
}

static void give_desk(struct worker *w, uint64_t handle)
{
	give(w, handle, first_of[DESK] + chance(w, DESKS));
}

#endif
