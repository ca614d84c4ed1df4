/* SPDX-License-Identifier: Apache-2.0 */
/* XOR of bytes with 512-bit vectors, four at once. */
#include "xor.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define GROUP ((size_t)256)

__attribute__((target("avx512f"))) static void
xor_bytes(uint8_t *bytes, const uint8_t *key, size_t length)
{
	__m512i a0, a1, a2, a3;

	for (; length >= GROUP; length -= GROUP, bytes += GROUP, key += GROUP) {
		a0 = _mm512_loadu_si512(bytes);
		a1 = _mm512_loadu_si512(bytes + 64);
		a2 = _mm512_loadu_si512(bytes + 128);
		a3 = _mm512_loadu_si512(bytes + 192);
		a0 = _mm512_xor_si512(a0, _mm512_loadu_si512(key));
		a1 = _mm512_xor_si512(a1, _mm512_loadu_si512(key + 64));
		a2 = _mm512_xor_si512(a2, _mm512_loadu_si512(key + 128));
		a3 = _mm512_xor_si512(a3, _mm512_loadu_si512(key + 192));
		_mm512_storeu_si512(bytes, a0);
		_mm512_storeu_si512(bytes + 64, a1);
		_mm512_storeu_si512(bytes + 128, a2);
		_mm512_storeu_si512(bytes + 192, a3);
	}
	if (length)
		ae_xor_scalar(bytes, key, length);
}

ae_xor_bytes *const ae_xor_avx512 = xor_bytes;
#else
ae_xor_bytes *const ae_xor_avx512 = 0;
#endif
