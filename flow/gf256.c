/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for prepared matrices, and matrices applied to leases. Everything that
 * can be refused is refused before the first byte is written.
 */
#include <stdlib.h>
#include <string.h>
#include <aether/aether.h>
#include "gf256.h"
#include "once.h"

int aether_gf256_invert(const uint8_t *matrix, uint32_t n, uint8_t *inverse)
{
	size_t size = (size_t)n * n;
	uint8_t *work;
	int rc;

	if (n - 1 >= AETHER_GF256_MAX)
		return AETHER_EINVAL;
	work = malloc(size);
	if (!work)
		return AETHER_ENOMEM;
	memcpy(work, matrix, size);
	rc = ae_gf256_invert(work, n);
	if (rc == 0)
		memcpy(inverse, work, size);
	free(work);
	return rc;
}

/* The matrix is nobody else's. */
static int make(const struct ae_gf256_matrix *matrix,
		struct aether_gf256 **gf256)
{
	const struct ae_gf256_kernel *kernel = ae_gf256_kernel();
	struct aether_gf256 *made = malloc(ae_gf256_size(kernel, matrix));

	if (!made)
		return AETHER_ENOMEM;
	ae_gf256_init(made, kernel, matrix);
	*gf256 = made;
	return 0;
}

int aether_gf256_make(const uint8_t *matrix, uint32_t targets, uint32_t sources,
		      struct aether_gf256 **gf256)
{
	struct ae_gf256_matrix m = { NULL, targets, sources };
	uint8_t *copy;
	int rc;

	if (targets - 1 >= AETHER_GF256_MAX || sources - 1 >= AETHER_GF256_MAX)
		return AETHER_EINVAL;
	copy = malloc((size_t)targets * sources);
	if (!copy)
		return AETHER_ENOMEM;
	/* Kernels read it twice, to count steps and to write them: it may lie
	 * where others write meanwhile. */
	memcpy(copy, matrix, (size_t)targets * sources);
	m.bytes = copy;
	rc = make(&m, gf256);
	free(copy);
	return rc;
}

void aether_gf256_free(struct aether_gf256 *gf256)
{
	free(gf256);
}

uint32_t aether_gf256_targets(const struct aether_gf256 *gf256)
{
	return gf256 ? gf256->targets : 0;
}

uint32_t aether_gf256_sources(const struct aether_gf256 *gf256)
{
	return gf256 ? gf256->sources : 0;
}

int aether_gf256_apply(const struct aether_gf256 *gf256, void *const *targets,
		       const void *const *sources, size_t length,
		       uint32_t flags)
{
	struct ae_gf256_run run = { targets, sources, length, flags };

	return gf256 ? ae_gf256_apply(gf256, &run) : AETHER_EINVAL;
}

/* Where a lease is whose content is read or written, as the right says, and
 * that has at least so many bytes. */
static int locate(struct aether_participant *me, uint64_t handle,
		  uint32_t right, size_t length, void **bytes)
{
	uint32_t mine = AETHER_RIGHT_NONE;
	struct aether_pointer is;
	size_t size = 0;
	int rc = aether_stride_bytes(me, handle, &size, bytes);

	if (rc == 0 && size < length)
		rc = AETHER_EINVAL;
	if (rc == 0 && right == AETHER_RIGHT_WRITE)
		rc = aether_stride_resolve(me, handle, &is);
	/* Refused for leases that others may read or have: 0112. */
	if (rc == 0 && right == AETHER_RIGHT_WRITE)
		rc = aether_stride_describe(me, handle, is.length, is.format,
					    is.tile);
	if (rc == 0)
		rc = aether_segment_right(aether_participant_plane(me), handle,
					  &mine);
	return rc == 0 && mine < right ? AETHER_EACCES : rc;
}

static int locate_all(struct aether_participant *me, const uint64_t *handles,
		      uint32_t count, uint32_t right, size_t length,
		      void **bytes)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < count; i++)
		rc = locate(me, ae_once64(&handles[i]), right, length,
			    &bytes[i]);
	return rc;
}

int aether_gf256_burn(struct aether_participant *me,
		      const struct aether_gf256 *gf256, const uint64_t *targets,
		      const uint64_t *sources, size_t length, uint32_t flags)
{
	void *to[AETHER_GF256_MAX], *from[AETHER_GF256_MAX];
	int rc = gf256 ? 0 : AETHER_EINVAL;

	if (rc == 0)
		rc = locate_all(me, sources, gf256->sources, AETHER_RIGHT_READ,
				length, from);
	if (rc == 0)
		rc = locate_all(me, targets, gf256->targets, AETHER_RIGHT_WRITE,
				length, to);
	if (rc == 0)
		rc = aether_gf256_apply(gf256, to, (const void *const *)from,
					length, flags);
	/* What was read or written meanwhile may have been nobody's zeros. */
	if (rc == 0 && aether_fault_lost(aether_participant_plane(me)))
		rc = AETHER_ECORRUPT;
	return rc;
}
