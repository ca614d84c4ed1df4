/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a participant of a scribbled plane does beside handing strides on:
 * epochs, guards, pairs, and looking at everything as people do. No answer is
 * wrong there; but whatever a call gives out must be memory of the plane, and a
 * call with a deadline keeps it.
 */
#include "chaos.h"

#include <string.h>

/* Reads, or writes, all that was given. */
static void touch(struct chaos_worker *w, void *bytes, size_t size, int write)
{
	unsigned char *at = bytes;

	for (size_t i = 0; i < size; i += 512) {
		if (write)
			at[i] = (unsigned char)i;
		w->sequence += at[i];
	}
}

static void use_epoch(struct chaos_worker *w)
{
	uint32_t index = (uint32_t)chaos_below(&w->seed, AETHER_EPOCHS);
	uint64_t end = chaos_deadline(w), epoch = 0;
	uint32_t seen = 0, value;

	chaos_begin(w, CHAOS_WORDS, end);
	switch (chaos_below(&w->seed, 4)) {
	case 0:
		if (aether_epoch_find(w->plane, index, &epoch) == 0)
			aether_epoch_signal(w->me, epoch);
		break;
	case 1:
		if (aether_epoch_find(w->plane, index, &epoch) == 0 &&
		    aether_epoch_load(w->plane, epoch, &seen) == 0)
			aether_epoch_wait(w->me, epoch, seen, end, &value);
		break;
	case 2:
		if (aether_epoch_allocate(w->me, &epoch) == 0)
			aether_epoch_free(w->me, epoch);
		break;
	default:
		aether_epoch_calm(w->me);
	}
	chaos_over(w, end);
}

static void use_guard(struct chaos_worker *w)
{
	uint32_t guard = (uint32_t)chaos_below(&w->seed, 16);
	struct aether_guard_info info;
	size_t size = 0;
	void *bytes;

	chaos_begin(w, CHAOS_WORDS, 0);
	if (aether_guard_acquire(w->me, guard) == 0) {
		if (aether_guard_bytes(w->me, guard, &size, &bytes) == 0)
			touch(w, bytes, size, 1);
		aether_guard_signal(w->me, guard);
		aether_guard_release(w->me, guard);
	}
	aether_guard_look(w->plane, guard, &info);
	chaos_over(w, 0);
}

static void write_pair(struct chaos_worker *w, uint32_t pair)
{
	uint64_t end = chaos_deadline(w);
	struct aether_pingpong_write write;
	uint64_t many;

	chaos_begin(w, CHAOS_WORDS, end);
	if (aether_pingpong_begin(w->me, pair, end, &write) == 0) {
		touch(w, write.bytes, write.size, 1);
		many = chaos_below(&w->seed, write.capacity + 1);
		aether_pingpong_commit(w->me, pair, (uint32_t)many);
		aether_pingpong_resign(w->me, pair);
	}
	chaos_over(w, end);
}

static void read_pair(struct chaos_worker *w, uint32_t pair)
{
	struct aether_pingpong_reading reading;
	int pinned = chaos_below(&w->seed, 2) != 0;
	int err;

	chaos_begin(w, CHAOS_WORDS, 0);
	err = pinned ? aether_pingpong_read_pinned(w->me, pair, CHAOS_MS,
						   &reading)
		     : aether_pingpong_read_begin(w->plane, pair, &reading);
	if (err == 0) {
		touch(w, (void *)(uintptr_t)reading.bytes, reading.size, 0);
		aether_pingpong_read_end(&reading);
	}
	chaos_over(w, 0);
}

/* As map, who and doctor do it. */
static void look(struct chaos_worker *w)
{
	struct aether_participant_info who;
	struct aether_registry_counts counts;
	struct aether_pingpong_info pair;
	struct aether_stride_info stride;

	chaos_begin(w, CHAOS_WORDS, 0);
	for (uint32_t i = 0; i < w->slots; i++)
		aether_participant_look(w->plane, i, &who);
	for (uint32_t i = 0; i < w->strides; i++)
		aether_registry_look(w->plane, i, &stride);
	aether_registry_count(w->plane, &counts);
	aether_pingpong_look(w->plane, 0, &pair);
	chaos_over(w, 0);
}

void chaos_words(struct chaos_worker *w)
{
	uint32_t pair = (uint32_t)chaos_below(&w->seed, 2);

	switch (chaos_below(&w->seed, 8)) {
	case 0:
	case 1:
	case 2:
		use_epoch(w);
		return;
	case 3:
	case 4:
		use_guard(w);
		return;
	case 5:
		write_pair(w, pair);
		return;
	case 6:
		read_pair(w, pair);
		return;
	default:
		look(w);
	}
}
