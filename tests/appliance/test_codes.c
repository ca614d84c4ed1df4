/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes on whole strides of a plane: Reed-Solomon shards are made, lost,
 * rebuilt, patched and checked; network-coded packets go over two relays that
 * recode what they got, lose some on each hop, and are decoded at the end.
 */
#include <aether/aether.h>
#include "../tap.h"
#include "field.h"

#define SIZE 4096 /* of a stride */
#define STRIDES 1024
#define GENERATION 100                            /* most sources of one */
#define ROOM (2 * GENERATION * GENERATION + 1024) /* of struct aether_rlnc */
#define HEAD AETHER_RLNC_HEAD

static struct aether_plane *plane;
static struct aether_participant *me;
static uint8_t plain[255][SIZE]; /* what the shards hold, not sliced */
static uint8_t matrix[255 * 255], vectors[255 * 255];

static void *bytes_of(uint64_t handle)
{
	void *bytes = NULL;

	aether_stride_bytes(me, handle, NULL, &bytes);
	return bytes;
}

static int reserve(uint64_t *handles, uint32_t count)
{
	int wrong = 0;

	for (uint32_t i = 0; i < count; i++)
		wrong += aether_stride_reserve(me, &handles[i]) != 0;
	return !wrong;
}

static void release(const uint64_t *handles, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		aether_stride_release(me, handles[i]);
}

/* Applies `matrix`, count x sources. */
static int burn(const uint64_t *targets, uint32_t count,
		const uint64_t *sources, uint32_t from, uint32_t flags)
{
	struct aether_gf256 *gf256;
	int err = aether_gf256_make(matrix, count, from, &gf256);

	if (err < 0)
		return 0;
	err = aether_gf256_burn(me, gf256, targets, sources, SIZE, flags);
	aether_gf256_free(gf256);
	return err == 0;
}

static void fill(uint32_t source)
{
	for (uint32_t i = 0; i < SIZE; i++)
		plain[source][i] = (uint8_t)draw(256);
}

static void make_parities(uint32_t k, uint32_t m)
{
	for (uint32_t s = k; s < k + m; s++) {
		memset(plain[s], 0, SIZE);
		for (uint32_t j = 0; j < k; j++)
			for (uint32_t i = 0; i < SIZE; i++)
				plain[s][i] ^=
					product[inverse[s ^ j]][plain[j][i]];
	}
}

/* How many of the strides do not hold what they should. */
static int differing(const uint64_t *shards, uint32_t count)
{
	static uint8_t read[SIZE];
	int wrong = 0;

	for (uint32_t s = 0; s < count; s++) {
		aether_unslice(read, bytes_of(shards[s]), SIZE, AETHER_TILE);
		wrong += !!memcmp(read, plain[s], SIZE);
	}
	return wrong;
}

/* Loses up to m shards and has them rebuilt from k of the others. */
static int rebuilds(const uint64_t *shards, uint32_t k, uint32_t m)
{
	uint32_t order[255], lost = 1 + draw(m);
	uint64_t have[255], wanted[255];

	for (uint32_t s = 0; s < k + m; s++)
		order[s] = s;
	shuffle(order, k + m);
	for (uint32_t i = 0; i < k; i++)
		have[i] = shards[order[i]];
	for (uint32_t i = 0; i < lost; i++) {
		wanted[i] = shards[order[k + i]];
		memset(bytes_of(wanted[i]), 0xEE, SIZE);
	}
	return aether_rs_rebuilder(k, m, order, order + k, lost, matrix) == 0 &&
	       burn(wanted, lost, have, k, 0) && differing(shards, k + m) == 0;
}

/* A wanted shard that is there: a copy, and none where it lies. */
static int copies(const uint64_t *shards, uint32_t k, uint32_t m)
{
	uint32_t have[255], wanted = draw(k);
	struct aether_gf256 *gf256;
	uint64_t to;
	int in_place, done;

	for (uint32_t i = 0; i < k; i++)
		have[i] = i;
	if (!reserve(&to, 1) ||
	    aether_rs_rebuilder(k, m, have, &wanted, 1, matrix) ||
	    aether_gf256_make(matrix, 1, k, &gf256))
		return 0;
	in_place = aether_gf256_burn(me, gf256, shards + wanted, shards, SIZE,
				     0);
	done = aether_gf256_burn(me, gf256, &to, shards, SIZE, 0) == 0 &&
	       memcmp(bytes_of(to), bytes_of(shards[wanted]), SIZE) == 0;
	aether_gf256_free(gf256);
	release(&to, 1);
	return in_place == AETHER_EINVAL && done &&
	       differing(shards, k + m) == 0;
}

/* A source is written anew; its difference patches the parities. */
static int patches(const uint64_t *shards, uint32_t k, uint32_t m)
{
	uint32_t source = draw(k);
	uint8_t *bytes = bytes_of(shards[source]), *difference;
	uint64_t scratch;
	int done;

	if (!reserve(&scratch, 1))
		return 0;
	difference = bytes_of(scratch);
	memcpy(difference, bytes, SIZE);
	fill(source);
	make_parities(k, m);
	aether_slice(bytes, plain[source], SIZE, AETHER_TILE);
	for (uint32_t i = 0; i < SIZE; i++)
		difference[i] ^= bytes[i];
	done = aether_rs_patcher(k, m, source, matrix) == 0 &&
	       burn(shards + k, m, &scratch, 1, AETHER_GF256_ADD);
	release(&scratch, 1);
	return done && differing(shards, k + m) == 0;
}

/* How many bytes of all results are not zero; below 0: an error. */
static int check(const uint64_t *shards, uint32_t k, uint32_t m)
{
	uint64_t results[255];
	int bytes = 0;

	if (!reserve(results, m) || aether_rs_checker(k, m, matrix) ||
	    !burn(results, m, shards, k + m, 0))
		return -1;
	for (uint32_t i = 0; i < m; i++) {
		const uint8_t *result = bytes_of(results[i]);

		for (uint32_t b = 0; b < SIZE; b++)
			bytes += result[b] != 0;
	}
	release(results, m);
	return bytes;
}

static int checks(const uint64_t *shards, uint32_t k, uint32_t m)
{
	uint8_t *bytes = bytes_of(shards[draw(k + m)]);
	uint32_t at = draw(SIZE), bit = 1u << draw(8);
	int before = check(shards, k, m), flipped, after;

	bytes[at] ^= (uint8_t)bit;
	flipped = check(shards, k, m);
	bytes[at] ^= (uint8_t)bit;
	after = check(shards, k, m);
	return before == 0 && flipped > 0 && after == 0;
}

static void reed_solomon(uint32_t k, uint32_t m)
{
	uint64_t shards[255];
	int wrong = 0;

	ok(reserve(shards, k + m), "%u + %u strides", k, m);
	for (uint32_t s = 0; s < k; s++)
		fill(s);
	make_parities(k, m);
	for (uint32_t s = 0; s < k; s++)
		aether_slice(bytes_of(shards[s]), plain[s], SIZE, AETHER_TILE);
	ok(aether_rs_encoder(k, m, matrix) == 0 &&
		   burn(shards + k, m, shards, k, 0) &&
		   differing(shards, k + m) == 0,
	   "parities are those of the definition");
	for (int i = 0; i < 6; i++)
		wrong += !rebuilds(shards, k, m);
	is_int(wrong, 0, "lost shards are rebuilt");
	ok(copies(shards, k, m), "one that is there is copied, not in place");
	ok(patches(shards, k, m), "parities are patched");
	ok(checks(shards, k, m), "a flipped bit is seen");
	release(shards, k + m);
}

/* Who takes part in sending a generation on: what it has, by arrival. */
struct node {
	uint64_t packets[GENERATION];
	uint64_t room[ROOM / 8];
	struct aether_rlnc *rlnc;
};

/* A packet arrives: kept if it brings something new. It is the node's. */
static int arrive(struct node *node, uint32_t k, uint64_t packet)
{
	uint32_t rank = aether_rlnc_rank(node->rlnc);
	uint8_t coefficients[GENERATION];

	if (aether_rlnc_head_read(bytes_of(packet), k, coefficients))
		return 0;
	if (aether_rlnc_add(node->rlnc, coefficients))
		node->packets[rank] = packet;
	else
		release(&packet, 1);
	return 1;
}

/* Makes one packet of all that the node has; the head says what combine does.
 */
static int recode(struct node *node, uint32_t k, uint64_t *packet)
{
	static uint64_t from = 77;
	uint32_t rank = aether_rlnc_rank(node->rlnc);
	uint8_t said[GENERATION], combined[GENERATION];

	for (uint32_t i = 0; i < rank; i++)
		aether_rlnc_head_read(bytes_of(node->packets[i]), k,
				      vectors + i * k);
	return reserve(packet, 1) &&
	       aether_rlnc_draw(&from, 1, rank, matrix) == 0 &&
	       burn(packet, 1, node->packets, rank, 0) &&
	       aether_rlnc_combine(matrix, 1, rank, vectors, k, combined) ==
		       0 &&
	       aether_rlnc_head_read(bytes_of(*packet), k, said) == 0 &&
	       memcmp(said, combined, k) == 0;
}

/* Sends one packet from a node to the next, if it has something; some are lost.
 */
static int hop(struct node *from, struct node *to, uint32_t k)
{
	uint64_t packet;

	if (aether_rlnc_rank(from->rlnc) == 0)
		return 1;
	if (!recode(from, k, &packet))
		return 0;
	if (draw(4) == 0) {
		release(&packet, 1);
		return 1;
	}
	return arrive(to, k, packet);
}

/* The sources, with heads, as a node that has all of them. */
static int make_sources(struct node *node, uint32_t k)
{
	int wrong = 0;

	if (!reserve(node->packets, k))
		return 0;
	for (uint32_t j = 0; j < k; j++) {
		uint8_t unit[GENERATION] = { 0 },
			*bytes = bytes_of(node->packets[j]);

		unit[j] = 1;
		fill(j);
		memset(plain[j], 0, HEAD);
		plain[j][j] = 1;
		aether_slice(bytes, plain[j], SIZE, AETHER_TILE);
		wrong += aether_rlnc_head_write(bytes, k, unit) != 0;
		wrong += aether_rlnc_add(node->rlnc, unit) != 1;
	}
	return !wrong;
}

static int decodes(struct node *node, uint32_t k)
{
	uint32_t wanted[GENERATION], rank = aether_rlnc_rank(node->rlnc);
	uint64_t sources[GENERATION];
	int wrong;

	for (uint32_t j = 0; j < k; j++)
		wanted[j] = j;
	if (!reserve(sources, k) ||
	    aether_rlnc_decoder(node->rlnc, wanted, k, matrix) ||
	    !burn(sources, k, node->packets, rank, 0))
		return 0;
	wrong = differing(sources, k);
	release(sources, k);
	return wrong == 0;
}

static void network(uint32_t k)
{
	static struct node nodes[4];
	int wrong = 0, rounds = 0;

	for (int n = 0; n < 4; n++) {
		nodes[n].rlnc = NULL;
		aether_rlnc_init(k, nodes[n].room, &nodes[n].rlnc);
	}
	ok(aether_rlnc_size(k) <= ROOM && make_sources(&nodes[0], k),
	   "%u sources with heads", k);
	while (aether_rlnc_rank(nodes[3].rlnc) < k && rounds++ < 1000 && !wrong)
		for (int n = 2; n >= 0; n--)
			wrong += !hop(&nodes[n], &nodes[n + 1], k);
	is_int(wrong, 0, "heads and combined coefficients say the same");
	is_int(aether_rlnc_rank(nodes[3].rlnc), k, "all known after %d rounds",
	       rounds);
	ok(decodes(&nodes[3], k), "over two relays and a quarter lost");
	for (int n = 0; n < 4; n++)
		release(nodes[n].packets, aether_rlnc_rank(nodes[n].rlnc));
}

int main(void)
{
	struct aether_plane_options options = { .strides = STRIDES,
						.stride_size = SIZE };
	struct aether_error error;

	make_field();
	if (aether_plane_create(NULL, &options, &error, &plane) < 0 ||
	    aether_participant_join(plane, NULL, &error, &me) < 0) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	reed_solomon(1, 1);
	reed_solomon(10, 4);
	reed_solomon(5, 20);
	reed_solomon(200, 8);
	network(1);
	network(7);
	network(32);
	network(GENERATION);
	aether_participant_leave(me);
	is_int(aether_plane_detach(plane), 0, "nothing is left");
	return tap_end();
}
