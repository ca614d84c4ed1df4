/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pair of the scenes of test_pingpong.c and test_room.c: where it lies,
 * what is written there, and what must be so whoever died. Its records and
 * buffers lie in strides that nobody leases, and are set back after each
 * execution.
 */
#ifndef PAIR_H
#define PAIR_H

#include "hook.h"
#include "scene.h"
#include "state.h"

#define SIZE 64 /* of a buffer; its two ends are written */

static struct aether_layout_pair pair;
static struct aether_layout layout;

#define MIRROR 14 /* the flag of the pair that has one */

static inline unsigned char *stride(uint32_t index)
{
	return ae_sim.plane.base + ae_sim.plane.geometry.data_offset +
	       (uint64_t)index * AE_SIM_SIZE;
}

static inline uint64_t offset(uint32_t index)
{
	return (uint64_t)(stride(index) - ae_sim.plane.base);
}

static inline void *word_of(uint32_t epoch)
{
	uint64_t at = 0;

	aether_geometry_epoch(epoch, &at);
	return ae_sim.plane.base + at;
}

static inline void *epoch_word(void)
{
	return word_of(pair.epoch);
}

static inline void set_back(void)
{
	for (uint32_t i = 0; i < ae_sim.plane.geometry.strides; i++)
		memset(stride(i), 0, AE_SIM_SIZE);
	memset(epoch_word(), 0, sizeof(uint32_t));
	memset(word_of(MIRROR), 0, sizeof(uint32_t));
}

/* Its schedule is played once more, from the beginning. */
#define fail(...) \
	do { \
		set_back(); \
		ae_sim_fail(__VA_ARGS__); \
	} while (0)

/* Two buffers, or three. */
static inline void lay_out(uint32_t buffers)
{
	pair = (struct aether_layout_pair) { .name = "pair",
					     .buffers = buffers,
					     .size = SIZE,
					     .epoch = 4,
					     .item_size = 8,
					     .items = SIZE / 8 };
	for (uint32_t i = 0; i < buffers; i++)
		pair.offset[i] = offset(2) + i * SIZE;
	layout = *ae_sim.plane.layout;
	layout.pairs = &pair;
	layout.pair_count = 1;
	layout.pair_records = (struct aether_layout_records) { offset(0), 1 };
	layout.pins_records = (struct aether_layout_records) { offset(1), 1 };
	ae_sim.plane.layout = &layout;
	set_back();
}

static inline struct aether_word64 *first(const void *bytes)
{
	return (struct aether_word64 *)(uintptr_t)bytes;
}

static inline struct aether_word64 *last(const void *bytes, uint64_t size)
{
	return (struct aether_word64 *)((uintptr_t)bytes + size - 8);
}

/* The two ends of what was begun, and a commit of all of it. */
static inline void fill(const struct aether_pingpong_write *w)
{
	int err;

	ae_store64_relaxed(first(w->bytes), w->sequence);
	ae_store64_relaxed(last(w->bytes, w->size), w->sequence);
	err = aether_pingpong_commit(ae_sim_me(), 0, w->capacity);
	if (err < 0)
		fail("a commit is refused: %d", err);
}

/* Reads both ends; what is called sound must be of the commit it names. */
static inline int check(struct aether_pingpong_reading *r)
{
	uint64_t one = ae_load64_relaxed(first(r->bytes));
	uint64_t other = ae_load64_relaxed(last(r->bytes, r->size));
	uint64_t named = r->sequence;
	int err = aether_pingpong_read_end(r);

	if (err == 0 && (one != named || other != named))
		fail("commit %llu is called sound: %llu, %llu",
		     (unsigned long long)named, (unsigned long long)one,
		     (unsigned long long)other);
	return err;
}

static inline void read_checked(void)
{
	struct aether_pingpong_reading r;

	for (int i = 0; i < 2; i++)
		if (aether_pingpong_read_begin(&ae_sim.plane, 0, &r) == 0)
			check(&r);
}

/* Who lives and knows itself to be the writer is it by the word, too. */
static inline void check_writers(void)
{
	const struct aether_pair_seg *record = (void *)stride(0);
	uint64_t word = ae_sim_peek(&record->writer, 64);

	for (uint32_t i = 0; i < AE_SIM_ACTORS; i++) {
		const struct ae_sim_runner *r = &ae_sim.runners[i];

		if (r->life == AE_SIM_ENDED && r->me && r->me->pairs &&
		    !ae_holder_is(r->me, word))
			fail("%s is the writer no more", ae_sim_name(i));
	}
}

/* Whoever died where: it goes on, and everything is as it should be. */
static inline void look_at_end(void)
{
	struct aether_pingpong_reading r;
	struct aether_pingpong_write w;
	struct aether_pingpong_info info;
	int err;

	check_writers();
	ae_sim_as(AE_SIM_MONITOR);
	if (aether_pingpong_read_begin(&ae_sim.plane, 0, &r) < 0 ||
	    check(&r) < 0)
		fail("there is nothing to read in the end");
	err = aether_pingpong_begin(ae_sim_me(), 0, 0, &w);
	aether_pingpong_look(&ae_sim.plane, 0, &info);
	if (err < 0 && !(err == AETHER_ETAKEN && info.writer))
		fail("nobody can write any more: %d", err);
	if (pair.buffers == 2 &&
	    (ae_sim_peek(epoch_word(), 32) & 1) != info.active)
		fail("the parity is wrong in the end");
	if (pair.buffers == 3 && ae_sim_peek(epoch_word(), 32) < info.sequence)
		fail("a commit was not signalled in the end");
}

#endif
