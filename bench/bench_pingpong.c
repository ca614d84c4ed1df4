/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bird pair of the layout inos: 10,000 birds of 236 bytes, 2.36 MB.
 *
 * pingpong: checked readings a second by one process while another, on another
 * core, writes and commits without a pause. All bytes of every bird are read
 * and checked; a reading that ends as torn is read again and not counted; one
 * that is said to be sound and is not fails the row. pingpong-commit: commits a
 * second by one process while the other reads so without a pause.
 *
 * Baseline of both: memcpy of the same bytes into the same two buffers, in
 * turn, by the process that is measured, while the other reads them all the
 * time in the same way, without any protocol.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ae_atomic.h"
#include "bench.h"

#define SOURCES 3             /* a buffer's commits differ: it is one of two */
#define BIRDS ((size_t)10000) /* as the layout says; see open_side */
#define BIRD ((size_t)236)    /* bytes */
#define BYTES (BIRDS * BIRD)
#define WORDS (BIRD / sizeof(uint64_t))
#define BATCH 8e6 /* ns */

/* What the other process does. */
enum {
	REST,
	WRITE,      /* commits */
	READ,       /* reads and checks */
	READ_PLAIN, /* the same without the protocol */
	END,
};

/* Shared by both. */
struct meeting {
	_Alignas(128) struct aether_word64 wanted; /* by the measured one */
	_Alignas(128) struct aether_word64 done;   /* it is at it */
	struct aether_word64 bad;
};

struct side {
	uint32_t bird; /* the pair */
	struct meeting *meeting;
	struct aether_plane *plane;
	struct aether_participant *me;
	unsigned char *sources; /* SOURCES times all birds */
	unsigned char *buffers[2];
	uint64_t turn;
	uint64_t seen; /* keeps the reads */
};

/* A number of all bytes of a bird. */
static uint64_t sum(const unsigned char *bird)
{
	uint64_t word, a = 0, b = 0;
	uint32_t last;

	for (size_t i = 0; i + 1 < WORDS; i += 2) {
		memcpy(&word, bird + i * sizeof(word), sizeof(word));
		a ^= word;
		memcpy(&word, bird + (i + 1) * sizeof(word), sizeof(word));
		b ^= word;
	}
	memcpy(&word, bird + (WORDS - 1) * sizeof(word), sizeof(word));
	memcpy(&last, bird + WORDS * sizeof(word), sizeof(last));
	return a ^ b ^ word ^ last;
}

/* Birds of random bytes, each of which sums up to the number of its source. */
static void make_source(unsigned char *at, uint64_t number)
{
	uint64_t seed = number + 1, first;

	for (size_t i = 0; i < BYTES; i += sizeof(seed)) {
		seed = seed * UINT64_C(6364136223846793005) + 1;
		memcpy(at + i, &seed, sizeof(seed));
	}
	for (size_t i = 0; i < BYTES; i += BIRD) {
		memcpy(&first, at + i, sizeof(first));
		first ^= sum(at + i) ^ number;
		memcpy(at + i, &first, sizeof(first));
	}
}

static int open_side(struct side *s, int fd)
{
	const struct aether_layout_pair *pair;
	const struct aether_layout *layout;
	struct aether_plane_info info;
	int err = aether_plane_attach_fd(fd, 0, NULL, &s->plane);

	if (err == 0)
		err = aether_participant_join(s->plane, NULL, NULL, &s->me);
	if (err < 0)
		return err;
	s->sources = malloc(SOURCES * BYTES);
	if (!s->sources)
		return AETHER_ENOMEM;
	aether_plane_look(s->plane, &info);
	layout = aether_layout_get(info.geometry.layout);
	err = aether_layout_find_pair(layout, "bird", &s->bird);
	if (err < 0)
		return err;
	pair = layout->pairs + s->bird;
	if (pair->items != BIRDS || pair->item_size != BIRD)
		return AETHER_EINDEX;
	for (uint64_t i = 0; i < SOURCES; i++)
		make_source(s->sources + i * BYTES, i);
	for (int i = 0; i < 2; i++)
		s->buffers[i] = (unsigned char *)aether_plane_base(s->plane) +
				pair->offset[i];
	return 0;
}

static void close_side(struct side *s)
{
	free(s->sources);
	aether_participant_leave(s->me);
	aether_plane_detach(s->plane);
}

static int commit(struct side *s)
{
	struct aether_pingpong_write w;
	int err = aether_pingpong_begin(s->me, s->bird, AETHER_FOREVER, &w);

	if (err < 0)
		return err;
	memcpy(w.bytes, s->sources + w.sequence % SOURCES * BYTES, BYTES);
	return aether_pingpong_commit(s->me, s->bird, BIRDS);
}

static int copy(struct side *s)
{
	memcpy(s->buffers[s->turn % 2], s->sources + s->turn % SOURCES * BYTES,
	       BYTES);
	/* the copy is wanted, though this process does not read it */
	__asm__ volatile("" : : "r"(s->buffers[s->turn % 2]) : "memory");
	s->turn++;
	return 0;
}

/* 1: sound and right. */
static int read_checked(struct side *s)
{
	struct aether_pingpong_reading r;
	uint64_t wrong = 0;
	const void *bird;
	int err = aether_pingpong_read_begin(s->plane, s->bird, &r);

	if (err < 0)
		return err == AETHER_EAGAIN ? 0 : err;
	for (uint32_t i = 0; aether_pingpong_read_item(&r, i, &bird) == 0; i++)
		wrong |= sum(bird) ^ r.sequence % SOURCES;
	if (r.items != BIRDS)
		wrong = 1;
	err = aether_pingpong_read_end(&r);
	if (err < 0)
		return err == AETHER_ETORN ? 0 : err;
	if (wrong)
		ae_add64_relaxed(&s->meeting->bad, 1);
	return 1;
}

static int read_plain(struct side *s)
{
	const unsigned char *buffer = s->buffers[s->turn++ % 2];

	for (size_t i = 0; i < BIRDS; i++)
		s->seen |= sum(buffer + i * BIRD);
	return 1;
}

/* The other process; ends when told to. */
static void accompany(struct meeting *m, int fd)
{
	struct side s = { .meeting = m };
	uint64_t at = REST, wanted;
	int err = bench_pin(1);

	if (err == 0)
		err = open_side(&s, fd);
	while (err >= 0 && at != END) {
		wanted = ae_load64_acquire(&m->wanted);
		if (at == WRITE && wanted != WRITE)
			err = aether_pingpong_resign(s.me, s.bird);
		else if (wanted == WRITE)
			err = commit(&s);
		/* all that it wrote is whole before it says so */
		if (err == 0 && wanted == WRITE && at != WRITE)
			err = commit(&s);
		if (wanted == READ)
			err = read_checked(&s);
		if (wanted == READ_PLAIN)
			err = read_plain(&s);
		at = wanted;
		ae_store64_release(&m->done, at);
	}
	close_side(&s);
	_exit(err < 0);
}

static void ask(const struct side *s, uint64_t what)
{
	ae_store64_release(&s->meeting->wanted, what);
	while (ae_load64_acquire(&s->meeting->done) != what)
		ae_pause();
}

/* How often a second, with the other one at `what`. */
static double batch(struct side *s, int (*act)(struct side *s), uint64_t what,
		    int *err)
{
	double start, now, done = 0;

	ask(s, what);
	start = now = bench_now();
	while (*err >= 0 && (now - start < BATCH || !done)) {
		*err = act(s);
		done += *err;
		now = bench_now();
	}
	ask(s, REST);
	return done * 1e9 / (now - start);
}

static int commit_one(struct side *s)
{
	int err = commit(s);

	return err < 0 ? err : 1;
}

static int copy_one(struct side *s)
{
	return copy(s) < 0 ? -1 : 1;
}

static int compare(struct side *s, int reading, struct bench_row *row)
{
	static double values[BENCH_ROUNDS], baselines[BENCH_ROUNDS];
	double end = bench_now() + BENCH_SECONDS / 2 * 1e9;
	int rounds = bench_rounds();
	int err = 0;
	int i;

	for (i = 0; err >= 0 && i < rounds; i++) {
		if (i > 2 && bench_now() > end)
			break;
		baselines[i] = batch(s, copy_one, READ_PLAIN, &err);
		if (err >= 0 && reading) {
			values[i] = batch(s, read_checked, WRITE, &err);
			continue;
		}
		/* whole again, before anybody checks it */
		for (int n = 0; err >= 0 && n < 2; n++)
			err = commit(s);
		if (err >= 0)
			values[i] = batch(s, commit_one, READ, &err);
	}
	ae_store64_release(&s->meeting->wanted, END);
	if (err < 0)
		return err;
	bench_compare(row, values, baselines, (size_t)i);
	return ae_load64_acquire(&s->meeting->bad) ? AETHER_EVERIFY : 0;
}

static int measure(struct meeting *m, int fd, int reading,
		   struct bench_row *row)
{
	struct side s = { .meeting = m };
	int err = bench_pin(0);

	if (err == 0)
		err = open_side(&s, fd);
	if (err == 0)
		err = compare(&s, reading, row);
	close_side(&s);
	return err;
}

static int run(int reading, struct bench_row *row)
{
	struct aether_plane_options options = { .layout = "inos" };
	struct bench_meeting with;
	struct aether_plane *plane;
	int err = aether_plane_create(NULL, &options, NULL, &plane);

	if (err == AETHER_ELAYOUT)
		return bench_skip(row, "this build has no layout inos");
	if (err < 0)
		return bench_fail("cannot create a plane", err);
	err = bench_meet(plane, sizeof(struct meeting), &with);
	if (err < 0)
		return err;
	if (err > 0)
		accompany(with.page, aether_plane_fd(plane));
	err = measure(with.page, aether_plane_fd(plane), reading, row);
	return bench_part(&with, err, row);
}

int bench_pingpong(struct bench_row *row)
{
	return run(1, row);
}

int bench_pingpong_commit(struct bench_row *row)
{
	return run(0, row);
}
