/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The multi-phase stress: packets of one generation that have come together,
 * and what appliances make of them. Sources become random packets, packets are
 * recoded, sources get parities, and shards that are lost are rebuilt. Who
 * finds no free stride lets go of what it has gathered longest ago: to the
 * rest that is one loss more.
 */
#ifndef PHASES_BURN_H
#define PHASES_BURN_H

#include "phases.h"

#define BINS 24
#define MADE (SOURCES + 3) /* most packets of one burn */

struct bin {
	struct label like; /* whose stage and hops its packets have */
	uint32_t count;    /* packets; 0: free */
	uint32_t enough;   /* at so many it burns */
	uint64_t age;
	uint64_t handles[SHARDS];
	uint32_t shards[SHARDS];
	uint8_t vectors[SOURCES * SOURCES]; /* count x k */
	struct aether_rlnc *rlnc;
	uint64_t memory[(2 * SOURCES * SOURCES + 1024) / 8];
};

static struct bin bins[BINS];
static uint64_t ages;

static void bin_empty(struct worker *w, struct bin *bin, enum figure why)
{
	while (bin->count)
		drop(w, bin->handles[--bin->count], why);
}

/* Lets go of what is done with, and of the oldest but one that is spared. 0:
 * there was nothing. */
static int bins_yield(struct worker *w, const struct bin *spared)
{
	struct bin *oldest = NULL;

	for (struct bin *bin = bins; bin < bins + BINS; bin++) {
		if (!bin->count || bin == spared)
			continue;
		if (is_over(bin->like.id))
			bin_empty(w, bin, LATE);
		else if (!oldest || bin->age < oldest->age)
			oldest = bin;
	}
	if (oldest)
		bin_empty(w, oldest, PRESSURE);
	return oldest != NULL;
}

static struct bin *bin_free(struct worker *w)
{
	for (;;) {
		for (struct bin *bin = bins; bin < bins + BINS; bin++)
			if (!bin->count)
				return bin;
		bins_yield(w, NULL);
	}
}

/* Where packets like this one are gathered. */
static struct bin *bin_of(struct worker *w, const struct label *label)
{
	struct bin *bin;

	for (bin = bins; bin < bins + BINS; bin++)
		if (bin->count && bin->like.id == label->id &&
		    bin->like.stage == label->stage &&
		    bin->like.hops == label->hops)
			return bin;
	bin = bin_free(w);
	bin->like = *label;
	bin->age = ages++;
	bin->enough = sources_of(label->id);
	if (label->stage == TO_RECODE)
		bin->enough = 1 + chance(w, bin->enough);
	must(aether_rlnc_size(SOURCES) > sizeof(bin->memory) ? -1 : 0, "room");
	must(aether_rlnc_init(sources_of(label->id), bin->memory, &bin->rlnc),
	     "init");
	return bin;
}

static int is_new(struct bin *bin, const struct label *label)
{
	if (label->id % KINDS != REPAIR)
		return aether_rlnc_add(bin->rlnc, label->vector);
	for (uint32_t i = 0; i < bin->count; i++)
		if (bin->shards[i] == label->shard)
			return 0;
	return 1;
}

/* 1: it has enough now. */
static int bin_add(struct worker *w, struct bin *bin, uint64_t handle,
		   const struct label *label)
{
	uint32_t k = sources_of(label->id);

	if (!is_new(bin, label)) {
		drop(w, handle, REDUNDANT);
		return 0;
	}
	bin->handles[bin->count] = handle;
	bin->shards[bin->count] = label->shard;
	if (label->id % KINDS != REPAIR)
		memcpy(bin->vectors + bin->count * k, label->vector, k);
	return ++bin->count == bin->enough;
}

/* Strides for what is to be made; if there are none, all that is in the bin is
 * lost. */
static int targets_for(struct worker *w, struct bin *bin, uint64_t *targets,
		       uint32_t wanted)
{
	uint32_t have = 0;

	while (have < wanted) {
		if (reserve(w, &targets[have]))
			have++;
		else if (!bins_yield(w, bin))
			break;
	}
	if (have == wanted)
		return 1;
	while (have)
		drop(w, targets[--have], PRESSURE);
	bin_empty(w, bin, PRESSURE);
	return 0;
}

static void burn(struct worker *w, const uint8_t *matrix,
		 const uint64_t *targets, uint32_t made,
		 const uint64_t *sources, uint32_t from)
{
	struct aether_gf256 *gf256;

	must(aether_gf256_make(matrix, made, from, &gf256), "make");
	must(aether_gf256_burn(w->me, gf256, targets, sources, SIZE, 0),
	     "burn");
	aether_gf256_free(gf256);
	count(BURNS, 1);
}

/* Says another coefficient than it was, where all who look at words believe it:
 * only the bytes show it. */
static void misname(struct worker *w, uint64_t handle, uint32_t k,
		    struct label *label)
{
	label->vector[k - 1] ^= 1;
	must(aether_rlnc_head_write(bytes_of(w, handle), k, label->vector),
	     "head");
}

static void send_made(struct worker *w, const struct bin *bin,
		      const uint64_t *made, const uint8_t *vectors, uint32_t n)
{
	uint32_t k = sources_of(bin->like.id), kind = bin->like.id % KINDS;

	for (uint32_t i = 0; i < n; i++) {
		struct label label = { .id = bin->like.id,
				       .stage = TO_EGRESS,
				       .hops = bin->like.hops };

		memcpy(label.vector, vectors + i * k, k);
		if (kind == RECODED && label.hops) {
			label.hops--;
			label.stage = TO_RECODE;
		}
		if (world->planted == WRONG_WORDS &&
		    bin->like.stage == TO_RECODE)
			misname(w, made[i], k, &label);
		label_write(w, made[i], &label);
		ae_add64_relaxed(&world->made[kind], 1);
		give_desk(w, made[i]);
	}
}

/* Random sums of what is there: of sources it encodes, of packets it recodes.
 */
static void mix(struct worker *w, struct bin *bin)
{
	static uint8_t matrix[MADE * SOURCES], vectors[MADE * SOURCES];
	uint32_t n = bin->count + chance(w, MADE - SOURCES + 1);
	uint64_t made[MADE];

	if (!targets_for(w, bin, made, n))
		return;
	must(aether_rlnc_draw(&w->seed, n, bin->count, matrix), "draw");
	must(aether_rlnc_combine(matrix, n, bin->count, bin->vectors,
				 sources_of(bin->like.id), vectors),
	     "combine");
	if (world->planted == WRONG_BURN && bin->like.stage == TO_RECODE)
		matrix[0] ^= 1;
	burn(w, matrix, made, n, bin->handles, bin->count);
	send_made(w, bin, made, vectors, n);
	bin_empty(w, bin, SPENT);
}

static void send_shard(struct worker *w, uint64_t handle, uint32_t id,
		       uint32_t shard, enum stage stage)
{
	struct label label = { .id = id,
			       .stage = (uint8_t)stage,
			       .shard = (uint8_t)shard };

	label_write(w, handle, &label);
	give_desk(w, handle);
}

/* All parities of the sources; then up to m of the shards are lost. */
static void protect(struct worker *w, struct bin *bin)
{
	uint32_t id = bin->like.id, k = bin->count, m = parities_of(id);
	uint32_t lost = chance(w, m + 1), from = chance(w, k + m);
	uint8_t matrix[PARITIES * SOURCES];
	uint64_t shards[SHARDS];

	if (!targets_for(w, bin, shards + k, m))
		return;
	for (uint32_t i = 0; i < k; i++)
		shards[bin->shards[i]] = bin->handles[i];
	must(aether_rs_encoder(k, m, matrix), "encoder");
	burn(w, matrix, shards + k, m, shards, k);
	ae_add64_relaxed(&world->made[REPAIR], m);
	bin->count = 0; /* they are in `shards` */
	for (uint32_t i = 0; i < k + m; i++) {
		uint32_t s = (from + i) % (k + m);

		if (i < lost)
			drop(w, shards[s], DROPPED);
		else
			send_shard(w, shards[s], id, s, TO_REPAIR);
	}
}

/* Those shards that are not in the bin. */
static uint32_t absent(const struct bin *bin, uint32_t below, uint32_t *list)
{
	uint32_t here = 0, n = 0;

	for (uint32_t i = 0; i < bin->count; i++)
		here |= 1u << bin->shards[i];
	for (uint32_t s = 0; s < below; s++)
		if (!(here >> s & 1))
			list[n++] = s;
	return n;
}

/* The shards in `list` from the k that are in the bin. 0: no room. */
static int rebuild(struct worker *w, struct bin *bin, const uint32_t *list,
		   uint32_t n, uint64_t *made)
{
	uint8_t matrix[SHARDS * SOURCES];
	uint32_t id = bin->like.id;

	if (!targets_for(w, bin, made, n))
		return 0;
	must(aether_rs_rebuilder(sources_of(id), parities_of(id), bin->shards,
				 list, n, matrix),
	     "rebuilder");
	if (world->planted == SWAPPED) {
		uint64_t kept = bin->handles[0];

		bin->handles[0] = bin->handles[1];
		bin->handles[1] = kept;
	}
	burn(w, matrix, made, n, bin->handles, bin->count);
	return 1;
}

static void repair(struct worker *w, struct bin *bin)
{
	uint32_t id = bin->like.id, list[SHARDS], m;
	uint64_t made[SHARDS];

	m = absent(bin, sources_of(id) + parities_of(id), list);
	if (!rebuild(w, bin, list, m, made))
		return;
	ae_add64_relaxed(&world->made[REPAIR], m);
	for (uint32_t i = 0; i < m; i++)
		send_shard(w, made[i], id, list[i], TO_EGRESS);
	for (uint32_t i = 0; i < bin->count; i++)
		send_shard(w, bin->handles[i], id, bin->shards[i], TO_EGRESS);
	bin->count = 0;
}

static void appliance(struct worker *w)
{
	struct label label;
	struct bin *bin;
	uint64_t handle;

	if (!take(w, &handle, &label))
		return;
	if (is_over(label.id)) {
		drop(w, handle, LATE);
		return;
	}
	bin = bin_of(w, &label);
	if (!bin_add(w, bin, handle, &label))
		return;
	if (label.stage == TO_PARITY)
		protect(w, bin);
	else if (label.stage == TO_REPAIR)
		repair(w, bin);
	else
		mix(w, bin);
}

#endif
