/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and coefficients in memory where another process writes meanwhile, as
 * in a plane: each call answers for one of the values that were there, or
 * refuses; it never goes by one value here and by another one there.
 */
#include "../core/rig.h"
#include <aether/aether.h>
#include "field.h"

#define K 10
#define M 4
#define CALLS (RIG_SLOW ? 2000 : 20000) /* at least */
#define SEEN 200           /* answers that are not the one before */
#define LIMIT (20 * CALLS) /* a busy machine may show few changes */
#define FAR 0x7FFFFFFFu

/* Shared with the child that writes. */
static struct aether_word32 *numbers;

/* What a child writes at one place, one after the other, for ever. */
struct changes {
	uint32_t at;
	uint32_t values[3];
};

static int change(void *argument)
{
	const struct changes *changes = argument;

	for (uint32_t i = 0; i < 3; i = (i + 1) % 3)
		ae_store32_relaxed(&numbers[changes->at], changes->values[i]);
	return 0;
}

static void set(const uint32_t *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		ae_store32_relaxed(&numbers[i], values[i]);
}

/* A call on numbers, and on others for comparison. */
typedef int call(const uint32_t *numbers, uint8_t *matrix);

/* What a call answers, and the matrix if it is 0. */
struct answer {
	int rc;
	uint8_t matrix[K * M];
};

static void take_answer(call *made, const uint32_t *from, struct answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->rc = made(from, answer->matrix);
}

/* Which of the answers it is; 3: none. */
static uint32_t which(const struct answer *answers, const struct answer *is)
{
	uint32_t i = 0;

	while (i < 3 && memcmp(&answers[i], is, sizeof(*is)) != 0)
		i++;
	return i;
}

/* Number `at` of the list has three values in turn; 0: a call answered what
 * fits none of them. */
static int play(call *made, const uint32_t *list, uint32_t count,
		struct changes *changes)
{
	uint32_t plain[K + M], calls = 0, seen = 0, last = 0, now;
	struct answer answers[3], is;
	pid_t child;

	memcpy(plain, list, count * sizeof(*list));
	for (int i = 0; i < 3; i++) {
		plain[changes->at] = changes->values[i];
		take_answer(made, plain, &answers[i]);
	}
	set(list, count);
	child = rig_fork(change, changes);
	do {
		take_answer(made, (const uint32_t *)numbers, &is);
		now = which(answers, &is);
		seen += now != last;
		last = now;
	} while (now < 3 && ++calls < LIMIT && (calls < CALLS || seen < SEEN));
	kill(child, SIGKILL);
	rig_wait(child);
	return now < 3;
}

static int wanted_from(const uint32_t *wanted, uint8_t *matrix)
{
	static const uint32_t have[K] = { 1, 2, 4, 5, 6, 7, 8, 10, 11, 13 };

	return aether_rs_rebuilder(K, M, have, wanted, 2, matrix);
}

static int had_from(const uint32_t *have, uint8_t *matrix)
{
	static const uint32_t wanted[] = { 0, 2, 12, 9 };

	return aether_rs_rebuilder(K, M, have, wanted, 4, matrix);
}

static struct aether_rlnc *rlnc;

static int decoded_from(const uint32_t *wanted, uint8_t *matrix)
{
	return aether_rlnc_decoder(rlnc, wanted, 2, matrix);
}

static void rebuilders(void)
{
	static const uint32_t wanted[] = { 0, 3 };
	static const uint32_t have[K] = { 1, 2, 4, 5, 6, 7, 8, 10, 11, 13 };
	struct changes first = { 0, { 0, 12, FAR } };
	struct changes last = { 9, { 13, 3, FAR } };
	struct changes twice = { 4, { 6, 2, 3 } };

	ok(play(wanted_from, wanted, 2, &first),
	   "a rebuilder for a wanted shard that changes");
	ok(play(had_from, have, K, &last),
	   "a rebuilder from a shard that changes");
	ok(play(had_from, have, K, &twice),
	   "a rebuilder from a shard that is there twice, or not");
}

/* Sources 0 and 1 can be had, 2 and 3 only their sum, by their pivots. */
static void decoders(void)
{
	static const uint8_t packets[][4] = { { 1, 0, 0, 0 },
					      { 7, 3, 0, 0 },
					      { 0, 0, 2, 2 } };
	static const uint32_t wanted[] = { 0, 1 };
	struct changes far = { 0, { 0, 1, FAR } };
	struct changes summed = { 1, { 1, 2, 0 } };

	need(aether_rlnc_init(4, malloc(aether_rlnc_size(4)), &rlnc) == 0);
	for (int i = 0; i < 3; i++)
		need(aether_rlnc_add(rlnc, packets[i]) == 1);
	ok(play(decoded_from, wanted, 2, &far),
	   "a decoder for a wanted source that changes");
	ok(play(decoded_from, wanted, 2, &summed),
	   "a decoder for a source that can be had, or not");
	free(rlnc);
}

/* Are they of one of the values, byte by byte? */
static int is_of(const uint8_t *bytes, const struct changes *changes)
{
	int right = 1;

	for (int j = 0; j < 4; j++) {
		int is = 0;

		for (int i = 0; i < 3; i++)
			is |= ((const uint8_t *)&changes->values[i])[j] ==
			      bytes[j];
		right &= is;
	}
	return right;
}

/* Adds coefficients that change, then those of sources. The decoder, inverted,
 * says what was added, unless it went by two values. */
static int adds(const struct changes *changes)
{
	static const uint32_t wanted[] = { 0, 1, 2, 3 };
	uint8_t matrix[16], packets[16];
	uint64_t room[64];
	uint32_t at;
	int wrong = 0;

	need(aether_rlnc_init(4, room, &rlnc) == 0);
	at = (uint32_t)aether_rlnc_add(rlnc, (const uint8_t *)numbers);
	for (uint32_t i = 0; i < 4; i++)
		aether_rlnc_add(rlnc, (uint8_t[4]) { i == 0, i == 1, i == 2,
						     i == 3 });
	if (aether_rlnc_decoder(rlnc, wanted, 4, matrix) < 0 ||
	    aether_gf256_invert(matrix, 4, packets) < 0)
		return 0;
	wrong += at && !is_of(packets, changes);
	for (; at < 4; at++)
		for (uint32_t j = 0, sum = 0; j < 4; j++) {
			sum += packets[4 * at + j];
			wrong += j == 3 && sum != 1;
		}
	return !wrong;
}

static void coefficients(void)
{
	struct changes all = { 0, { 0, 0x01020304, 0xFFFEFDFC } };
	pid_t child = rig_fork(change, &all);
	int wrong = 0;

	for (int i = 0; i < 5 * CALLS; i++)
		wrong += !adds(&all);
	kill(child, SIGKILL);
	rig_wait(child);
	is_int(wrong, 0, "coefficients that change");
}

#define SIDE 64

/* All elements, 0 and others in turn, for ever. */
static int change_all(void *argument)
{
	(void)argument;
	for (uint32_t value = 0;; value ^= 0x07070707)
		for (uint32_t i = 0; i < SIDE * SIDE / 4; i++)
			ae_store32_relaxed(&numbers[i], value);
	return 0;
}

/* A 0 takes no step: who counts steps and then writes others of them writes
 * past the end, which the heap, or the sanitizer, does not survive. */
static void matrices(void)
{
	struct aether_gf256 *gf256 = NULL;
	pid_t child = rig_fork(change_all, NULL);
	int wrong = 0;

	for (int i = 0; i < CALLS / 10; i++) {
		wrong += aether_gf256_make((const uint8_t *)numbers, SIDE, SIDE,
					   &gf256) != 0;
		aether_gf256_free(gf256);
	}
	kill(child, SIGKILL);
	rig_wait(child);
	is_int(wrong, 0, "matrices that change");
}

static void tests(void)
{
	numbers = rig_shared(4096);
	rebuilders();
	decoders();
	coefficients();
	matrices();
}

int main(void)
{
	make_field();
	return rig_run(tests);
}
