/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network coding: the generator against its page; rank, what can be had, and
 * decoders against plain elimination, whatever arrives; packets that go over
 * relays and are lost; heads in strides; refusals.
 */
#include <stdlib.h>
#include <aether/aether.h>
#include "../tap.h"
#include "field.h"

#define MAX AETHER_RLNC_SOURCES_MAX
#define ARRIVALS 256

static uint8_t arrived[ARRIVALS][MAX]; /* k of each are used, at its start */
static uint8_t packed[ARRIVALS * MAX]; /* the same without gaps */
static uint8_t kept[MAX * MAX], matrix[MAX * MAX];

/* In memory of exactly its size, so that sanitizers see what is beyond. */
static struct aether_rlnc *begin(uint32_t k)
{
	struct aether_rlnc *rlnc;
	void *memory = malloc(aether_rlnc_size(k));

	if (!memory || aether_rlnc_init(k, memory, &rlnc))
		abort();
	return rlnc;
}

static void generator(void)
{
	/* the first words of SplitMix64 from 0: E220A8397B1DCDAF, ... */
	static const uint8_t words[] = { 0xAF, 0xCD, 0x1D, 0x7B, 0x39, 0xA8,
					 0x20, 0xE2, 0xF4, 0x65, 0xB9, 0xA1,
					 0x6A, 0x9E, 0x78, 0x6E };
	uint64_t from = 0, again = 9, once = 9;
	uint8_t rows[2 * 3], other[40 * 7];
	int zeros = 0;

	aether_rlnc_draw(&from, 1, 16, matrix);
	ok(!memcmp(matrix, words, 16), "words of SplitMix64, low byte first");
	is_int(from, 2 * 0x9E3779B97F4A7C15u, "the seed moves on");
	from = 0;
	aether_rlnc_draw(&from, 2, 3, rows);
	ok(!memcmp(rows, words, 3) && !memcmp(rows + 3, words + 8, 3),
	   "each row begins with a word");
	aether_rlnc_draw(&once, 40, 7, matrix);
	for (int i = 0; i < 40; i++)
		aether_rlnc_draw(&again, 1, 7, other + 7 * i);
	ok(!memcmp(matrix, other, 40 * 7) && once == again,
	   "row by row is the same as all at once");
	again = 9 + 2 * 0x9E3779B97F4A7C15u;
	aether_rlnc_draw(&again, 38, 7, other);
	ok(!memcmp(matrix + 2 * 7, other, 38 * 7),
	   "a seed two steps further draws the same, two rows later");
	for (int i = 0; i < 100; i++) {
		aether_rlnc_draw(&from, 255, 1, matrix);
		for (int j = 0; j < 255; j++)
			zeros += !matrix[j];
	}
	is_int(zeros, 0, "no row is all zeros");
}

/* Something that may arrive: random, sparse, a source, nothing, a sum of two
 * that were here, anything of one value. */
static void make_arrival(uint32_t k, uint32_t at)
{
	uint8_t *row = arrived[at];
	uint32_t a = at ? draw(at) : 0, b = at ? draw(at) : 0;
	uint8_t by = (uint8_t)draw(256);
	uint32_t kind = draw(8);

	memset(row, 0, k);
	if (kind == 1)
		memset(row, by, k);
	for (uint32_t j = 0; j < k; j++) {
		if (kind == 2 && at)
			row[j] = product[by][arrived[a][j]] ^ arrived[b][j];
		else if (kind > 5 || (kind > 3 && !draw(4)))
			row[j] = (uint8_t)draw(256);
	}
	if (kind == 3)
		row[draw(k)] = by;
}

/* 1: the source is a sum of the first `count` packets. */
static int is_spanned(uint32_t k, uint32_t count, uint32_t source)
{
	uint32_t rank = rank_of(packed, count, k);

	memset(packed + count * k, 0, k);
	packed[count * k + source] = 1;
	return rank_of(packed, count + 1, k) == rank;
}

/* The decoder's rows, applied to the coefficients that were kept. */
static int decodes(const struct aether_rlnc *rlnc, uint32_t k)
{
	uint32_t rank = aether_rlnc_rank(rlnc), wanted[MAX], count = 0;
	int wrong = 0;

	for (uint32_t j = 0; j < k; j++)
		if (aether_rlnc_has(rlnc, j))
			wanted[count++] = j;
	if (!count)
		return 1;
	shuffle(wanted, count);
	wrong += aether_rlnc_decoder(rlnc, wanted, count, matrix) != 0;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < k; j++) {
			uint8_t sum = 0;

			for (uint32_t p = 0; p < rank; p++)
				sum ^= product[matrix[i * rank + p]]
					      [kept[p * k + j]];
			wrong += sum != (j == wanted[i]);
		}
	return !wrong;
}

/* Packets arrive until all is known, or there were enough. */
static int generation_works(uint32_t k, uint32_t arrivals, int every)
{
	struct aether_rlnc *rlnc = begin(k);
	uint32_t rank = 0;
	int wrong = 0;

	for (uint32_t i = 0; i < arrivals; i++) {
		uint32_t now, source = draw(k);
		int is;

		make_arrival(k, i);
		memcpy(packed + i * k, arrived[i], k);
		now = rank_of(packed, i + 1, k);
		memcpy(kept + rank * k, arrived[i], rank < k ? k : 0);
		is = aether_rlnc_add(rlnc, arrived[i]);
		wrong += is != (now > rank) || aether_rlnc_rank(rlnc) != now;
		rank = now;
		is = aether_rlnc_has(rlnc, source);
		wrong += is != is_spanned(k, i + 1, source);
		wrong += every && !decodes(rlnc, k);
	}
	wrong += !decodes(rlnc, k);
	wrong += aether_rlnc_has(rlnc, k) || aether_rlnc_has(rlnc, UINT32_MAX);
	free(rlnc);
	return !wrong;
}

static void arrivals(void)
{
	int wrong = 0;

	for (int i = 0; i < 400; i++) {
		uint32_t k = 1 + draw(20);

		wrong += !generation_works(k, 1 + draw(2 * k + 4), 1);
	}
	is_int(wrong, 0,
	       "rank, what can be had and decoders, packet by packet");
	wrong = !generation_works(MAX, 16, 0) + !generation_works(100, 160, 0);
	is_int(wrong, 0, "the same of large generations");
}

/* As many sources as there can be, all packets random. */
static void largest(void)
{
	struct aether_rlnc *rlnc = begin(MAX);
	uint64_t from = 1;
	uint32_t added = 0, rank = 0;

	while (aether_rlnc_rank(rlnc) < MAX && added++ < 2 * MAX) {
		aether_rlnc_draw(&from, 1, MAX, kept + rank * MAX);
		rank += (uint32_t)aether_rlnc_add(rlnc, kept + rank * MAX);
	}
	ok(aether_rlnc_rank(rlnc) == MAX && added < MAX + 4,
	   "255 sources from %u random packets", added);
	ok(decodes(rlnc, MAX), "and their decoder is right");
	is_int(aether_rlnc_add(rlnc, kept), 0, "no more is new");
	free(rlnc);
}

static void combines(void)
{
	static uint8_t by[40 * 30], in[30 * 50], out[40 * 50];
	int wrong = 0;

	for (size_t i = 0; i < sizeof(by); i++)
		by[i] = (uint8_t)(draw(3) ? draw(256) : 0);
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)draw(256);
	memset(out, 1, sizeof(out));
	aether_rlnc_combine(by, 40, 30, in, 50, out);
	for (int i = 0; i < 40; i++)
		for (int j = 0; j < 50; j++) {
			uint8_t sum = 0;

			for (int p = 0; p < 30; p++)
				sum ^= product[by[i * 30 + p]][in[p * 50 + j]];
			wrong += sum != out[i * 50 + j];
		}
	is_int(wrong, 0, "coefficients of recoded packets");
}

static void heads(void)
{
	uint8_t head[AETHER_RLNC_HEAD], content[AETHER_RLNC_HEAD];
	uint8_t in[MAX], out[MAX + 1];
	int wrong = 0, bits = 0;

	for (uint32_t k = 1; k <= MAX; k++) {
		memset(content, 0, sizeof(content));
		memset(out, 0xA5, sizeof(out));
		for (uint32_t j = 0; j < k; j++)
			content[j] = in[j] = (uint8_t)draw(256);
		aether_slice(content, content, sizeof(content), AETHER_TILE);
		memset(head, 0xFF, sizeof(head));
		wrong += aether_rlnc_head_write(head, k, in) != 0;
		wrong += !!memcmp(head, content, sizeof(head));
		wrong += aether_rlnc_head_read(head, k, out) != 0;
		wrong += memcmp(in, out, k) || out[k] != 0xA5;
	}
	is_int(wrong, 0, "heads are coefficients and zeros, sliced");
	aether_rlnc_head_write(head, 200, in);
	memset(out, 0xA5, sizeof(out));
	for (uint32_t i = 0; i < 8 * AETHER_RLNC_HEAD; i++) {
		uint32_t byte = i / 8 % AETHER_TILE * 8 + i % 8;

		head[i / 8] ^= (uint8_t)(1 << i % 8);
		bits += byte >= 200 &&
			aether_rlnc_head_read(head, 200, out) != AETHER_EINVAL;
		head[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	is_int(bits, 0, "any bit after the coefficients is refused");
	memset(in, 0xA5, sizeof(in));
	ok(!memcmp(in, out, sizeof(in)), "and nothing read");
}

static void refusals(void)
{
	static const uint32_t no[] = { 0, 256, UINT32_MAX };
	struct aether_rlnc *rlnc = begin(4), *other = NULL;
	uint32_t wanted[] = { 1, 2, 0 }, far[] = { 4 };
	uint8_t in[512] = { 0 }, out[512];
	uint64_t from = 5, room[64];
	int wrong = 0;

	ok(aether_rlnc_size(4) <= sizeof(room), "room");
	memset(out, 0xA5, sizeof(out));
	for (int i = 0; i < 3; i++) {
		uint32_t n = no[i];

		wrong += aether_rlnc_draw(&from, n, 1, out) != AETHER_EINVAL;
		wrong += aether_rlnc_draw(&from, 1, n, out) != AETHER_EINVAL;
		wrong += aether_rlnc_combine(in, n, 1, in, 1, out) !=
			 AETHER_EINVAL;
		wrong += aether_rlnc_combine(in, 1, n, in, 1, out) !=
			 AETHER_EINVAL;
		wrong += aether_rlnc_combine(in, 1, 1, in, n, out) !=
			 AETHER_EINVAL;
		wrong += aether_rlnc_head_write(out, n, in) != AETHER_EINVAL;
		wrong += aether_rlnc_head_read(in, n, out) != AETHER_EINVAL;
		wrong += aether_rlnc_size(n) != 0;
		wrong += aether_rlnc_init(n, in, &other) != AETHER_EINVAL;
		wrong += aether_rlnc_decoder(rlnc, wanted, n, out) !=
			 AETHER_EINVAL;
	}
	is_int(wrong, 0, "no counts of 0 or above 255");
	is_int(from, 5, "the seed is as it was");
	is_int(aether_rlnc_init(4, room, &other), 0, "init");
	is_int(aether_rlnc_init(4, (char *)room + 1, &other), AETHER_EINVAL,
	       "memory at an odd place");
	memcpy(in, "\1\0\0\0\0\3\0\0\0\0\2\2", 12);
	is_int(aether_rlnc_add(rlnc, in), 1, "source 0");
	is_int(aether_rlnc_add(rlnc, in + 4), 1, "a multiple of source 1");
	is_int(aether_rlnc_add(rlnc, in + 8), 1, "sources 2 and 3 in one");
	is_int(aether_rlnc_add(rlnc, in + 100), 0, "zeros are nothing new");
	is_int(aether_rlnc_decoder(rlnc, wanted, 3, out), AETHER_EINVAL,
	       "source 2 cannot be had");
	wrong = 0;
	for (uint32_t s = 4; s < 3000; s++)
		wrong += aether_rlnc_has(rlnc, s);
	is_int(wrong, 0, "there are 4 sources and no more");
	is_int(aether_rlnc_decoder(rlnc, far, 1, out), AETHER_EINVAL,
	       "there is no source 4");
	wrong = 0;
	for (size_t i = 0; i < sizeof(out); i++)
		wrong += out[i] != 0xA5;
	is_int(wrong, 0, "what is refused writes nothing");
	is_int(aether_rlnc_decoder(rlnc, wanted, 1, out), 0, "source 1 can");
	ok(!memcmp(out, "\0\xF4\0\xA5", 4), "it is packet 1 by 1/3");
	free(rlnc);
}

int main(void)
{
	make_field();
	generator();
	combines();
	heads();
	arrivals();
	largest();
	refusals();
	return tap_end();
}
