/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Erasure coding where the data lie: four strides of a plane get two parities;
 * two of the six are lost and rebuilt from the other four.
 */
#include <aether/aether.h>
#include <stdio.h>
#include <string.h>

#define K 4
#define M 2
#define LENGTH 4096 /* of a stride's content; a multiple of 512 */

static struct aether_participant *me;

/* targets = matrix x sources, in place in the plane. */
static int burn(const uint8_t *matrix, const uint64_t *targets, uint32_t count,
		const uint64_t *sources)
{
	struct aether_gf256 *code;
	int err = aether_gf256_make(matrix, count, K, &code);

	if (err < 0)
		return err;
	err = aether_gf256_burn(me, code, targets, sources, LENGTH, 0);
	aether_gf256_free(code);
	return err;
}

int main(void)
{
	uint32_t have[K] = { 0, 2, 4, 5 }, lost[] = { 1, 3 };
	uint64_t shard[K + M], left[K], again[2];
	struct aether_plane *plane;
	uint8_t matrix[K * K];
	void *bytes;

	if (aether_plane_create(NULL, NULL, NULL, &plane) < 0 ||
	    aether_participant_join(plane, NULL, NULL, &me) < 0)
		return 1;
	for (int i = 0; i < K + M; i++) {
		if (aether_stride_reserve(me, &shard[i]) < 0 ||
		    aether_stride_bytes(me, shard[i], NULL, &bytes) < 0)
			return 1;
		memset(bytes, 0, LENGTH);
		snprintf(bytes, LENGTH, "source %d", i);
		aether_slice(bytes, bytes, LENGTH, AETHER_TILE);
	}
	if (aether_rs_encoder(K, M, matrix) < 0 ||
	    burn(matrix, shard + K, M, shard) < 0)
		return 1;
	for (int i = 0; i < K; i++)
		left[i] = shard[have[i]];
	for (int i = 0; i < 2; i++) {
		again[i] = shard[lost[i]];
		aether_stride_bytes(me, again[i], NULL, &bytes);
		memset(bytes, 0, LENGTH);
	}
	if (aether_rs_rebuilder(K, M, have, lost, 2, matrix) < 0 ||
	    burn(matrix, again, 2, left) < 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		aether_stride_bytes(me, again[i], NULL, &bytes);
		aether_unslice(bytes, bytes, LENGTH, AETHER_TILE);
		puts(bytes);
	}
	aether_participant_leave(me);
	return aether_plane_detach(plane) < 0;
}
