/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instruction set that kernels use (slice.h and what burns compute). The
 * best that both the processor and this build have is chosen once, when the
 * library is loaded. AETHER_ISA in the environment forces one, for measuring
 * and for finding faults: scalar, avx2, avx512 or gfni. Results are the same
 * with each.
 *
 *	scalar	64-bit words; any processor
 *	avx2	256-bit vectors
 *	avx512	512-bit vectors: AVX-512 F, BW, VL and VBMI
 *	gfni	the same and GFNI, whose 8x8 bit matrices slice in one step
 *
 * At once: by anybody.
 */
#ifndef AETHER_ISA_H
#define AETHER_ISA_H

#include <aether/api.h>
#include <aether/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum aether_isa {
	AETHER_ISA_SCALAR,
	AETHER_ISA_AVX2,
	AETHER_ISA_AVX512,
	AETHER_ISA_GFNI,
};

/* The one in use. */
AETHER_API enum aether_isa aether_isa(void);

/* "gfni"; NULL: no such set. */
AETHER_API const char *aether_isa_name(uint32_t isa);

/*
 * Was AETHER_ISA heeded? AETHER_EINVAL: it names none, or one that this
 * processor or this build lacks; the best of those that are there is in use
 * then, and the error says which there are.
 */
AETHER_API int aether_isa_check(struct aether_error *error);

#ifdef __cplusplus
}
#endif

#endif
