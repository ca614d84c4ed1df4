/* SPDX-License-Identifier: Apache-2.0 */
/* XOR of bytes with 256-bit vectors, four at once. */
#include "xor.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define GROUP ((size_t)128)

__attribute__((target("avx2"))) static void
xor_bytes(uint8_t *bytes, const uint8_t *key, size_t length)
{
	__m256i a0, a1, a2, a3;

	for (; length >= GROUP; length -= GROUP, bytes += GROUP, key += GROUP) {
		a0 = _mm256_loadu_si256((const void *)(bytes));
		a1 = _mm256_loadu_si256((const void *)(bytes + 32));
		a2 = _mm256_loadu_si256((const void *)(bytes + 64));
		a3 = _mm256_loadu_si256((const void *)(bytes + 96));
		a0 = _mm256_xor_si256(a0,
				      _mm256_loadu_si256((const void *)(key)));
		a1 = _mm256_xor_si256(
			a1, _mm256_loadu_si256((const void *)(key + 32)));
		a2 = _mm256_xor_si256(
			a2, _mm256_loadu_si256((const void *)(key + 64)));
		a3 = _mm256_xor_si256(
			a3, _mm256_loadu_si256((const void *)(key + 96)));
		_mm256_storeu_si256((void *)(bytes), a0);
		_mm256_storeu_si256((void *)(bytes + 32), a1);
		_mm256_storeu_si256((void *)(bytes + 64), a2);
		_mm256_storeu_si256((void *)(bytes + 96), a3);
	}
	if (length)
		ae_xor_scalar(bytes, key, length);
}

ae_xor_bytes *const ae_xor_avx2 = xor_bytes;
#else
ae_xor_bytes *const ae_xor_avx2 = 0;
#endif
