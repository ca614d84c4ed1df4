/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The multi-phase stress: where packets come from, who sends them on and loses
 * some, and where all of them are checked. The ingress sends a generation again
 * and again until the egress has seen all of it; who is killed forgets what it
 * had, and whoever comes in its place begins from what the world says.
 */
#ifndef PHASES_ENDS_H
#define PHASES_ENDS_H

#include "phases_burn.h"

#define LOSS 8 /* one of so many is lost at a desk */

static enum stage stage_of(uint32_t id, uint32_t round)
{
	switch (id % KINDS) {
	case SYSTEMATIC:
		return round % 2 ? TO_ENCODE : TO_EGRESS;
	case REPAIR:
		return TO_PARITY;
	default:
		return TO_ENCODE;
	}
}

static void send_source(struct worker *w, uint32_t id, uint32_t j,
			enum stage stage)
{
	struct label label = { .id = id,
			       .stage = (uint8_t)stage,
			       .shard = (uint8_t)j };
	uint32_t k = sources_of(id);
	uint8_t *bytes;
	uint64_t handle;

	while (!reserve(w, &handle)) {
		if (is_over(id) || rig_told(&world->stop))
			return;
		rig_sleep(MS / 4);
	}
	bytes = bytes_of(w, handle);
	source_bytes(id, j, bytes);
	must(aether_slice(bytes, bytes, SIZE, AETHER_TILE), "slice");
	if (id % KINDS != REPAIR)
		label.vector[j] = 1;
	if (id % KINDS == RECODED)
		label.hops = (uint8_t)(1 + id / OPEN % 2);
	if (id % KINDS != REPAIR)
		must(aether_rlnc_head_write(bytes, k, label.vector), "head");
	label_write(w, handle, &label);
	ae_add64_relaxed(&world->sent[id % KINDS], 1);
	give_desk(w, handle);
	if (world->planted == WRITES_ON)
		bytes[chance(w, SIZE)] ^= 1;
}

/* One round: of each of my generations all sources. */
static void ingress(struct worker *w)
{
	static uint32_t round;

	for (uint32_t place = 0; place < OPEN; place++) {
		uint32_t id = (uint32_t)rig_told(&world->begun[place]), k;

		if (place / KINDS % ENDS != w->self)
			continue;
		if (is_over(id)) {
			id += OPEN;
			rig_tell(&world->begun[place], id);
		}
		k = sources_of(id);
		for (uint32_t j = 0; j < k && !is_over(id); j++)
			send_source(w, id, j, stage_of(id, round));
	}
	round++;
}

/* The orchestrator: loses some, sends the others to where all of their like
 * meet. */
static void desk(struct worker *w)
{
	struct label label;
	uint64_t handle;
	uint32_t whom;

	if (!take(w, &handle, &label))
		return;
	if (is_over(label.id)) {
		drop(w, handle, LATE);
		return;
	}
	if (chance(w, LOSS) == 0) {
		drop(w, handle, DROPPED);
		return;
	}
	whom = label.id / KINDS + label.stage + label.hops;
	if (label.stage == TO_EGRESS)
		give(w, handle, first_of[EGRESS] + label.id / KINDS % ENDS);
	else
		give(w, handle, first_of[APPLIANCE] + whom % APPLIANCES);
}

/* What it says in two places is the same, whoever made it of what. */
static void check_head(struct worker *w, uint64_t handle,
		       const struct label *label)
{
	uint32_t k = sources_of(label->id);
	uint8_t vector[SOURCES];

	must(aether_rlnc_head_read(bytes_of(w, handle), k, vector),
	     "an arrived packet's head");
	if (memcmp(vector, label->vector, k))
		fail("head and label differ: generation, stride", label->id,
		     victim_stride(handle));
}

/* All sources from as many packets. 0: no room, and all are lost. */
static int check_packets(struct worker *w, struct bin *bin)
{
	uint32_t k = bin->count, wanted[SOURCES];
	uint8_t matrix[SOURCES * SOURCES];
	uint64_t made[SOURCES];

	for (uint32_t j = 0; j < k; j++)
		wanted[j] = j;
	if (!targets_for(w, bin, made, k))
		return 0;
	must(aether_rlnc_decoder(bin->rlnc, wanted, k, matrix), "decoder");
	burn(w, matrix, made, k, bin->handles, k);
	for (uint32_t j = 0; j < k; j++) {
		compare(w, made[j], bin->like.id, j);
		drop(w, made[j], SPENT);
	}
	return 1;
}

/* Those sources that did not come; the others have been compared. */
static int check_shards(struct worker *w, struct bin *bin)
{
	uint32_t list[SHARDS], n = absent(bin, bin->count, list);
	uint64_t made[SHARDS];

	if (n && !rebuild(w, bin, list, n, made))
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		compare(w, made[i], bin->like.id, list[i]);
		drop(w, made[i], SPENT);
	}
	return 1;
}

static void egress(struct worker *w)
{
	struct label label;
	struct bin *bin;
	uint64_t handle;
	uint32_t kind;

	if (!take(w, &handle, &label))
		return;
	kind = label.id % KINDS;
	ae_add64_relaxed(&world->arrived[kind], 1);
	if (label.stage != TO_EGRESS)
		fail("a packet that is not for the egress", label.id,
		     label.stage);
	if (kind == REPAIR)
		compare(w, handle, label.id, label.shard);
	else
		check_head(w, handle, &label);
	if (is_over(label.id)) {
		drop(w, handle, LATE);
		return;
	}
	label.hops = 0;
	bin = bin_of(w, &label);
	if (!bin_add(w, bin, handle, &label) ||
	    !(kind == REPAIR ? check_shards(w, bin) : check_packets(w, bin)))
		return;
	bin_empty(w, bin, SPENT);
	ae_add64_relaxed(&world->whole[kind], 1);
	rig_tell(&world->done[label.id % OPEN], label.id);
}

#endif
