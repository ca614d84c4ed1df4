/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For test_gf256_code.py, which builds and runs it: prints the list of steps
 * that a kernel makes of a matrix. Arguments: the kernel, targets, sources, and
 * the matrix in hexadecimal digits. Code is printed as an offset from the
 * kernel's function; what has no code is printed as it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include "gf256.h"

void ae_gf256_avx2_run(void);
void ae_gf256_avx512_run(void);

int main(int argc, char **argv)
{
	int wide = argc == 5 && argv[1][3] == '5';
	const struct ae_gf256_kernel *kernel = wide ? &ae_gf256_avx512
						    : &ae_gf256_avx2;
	uintptr_t base = (uintptr_t)(wide ? ae_gf256_avx512_run
					  : ae_gf256_avx2_run);
	static uint8_t bytes[1024];
	static struct ae_gf256_op ops[8192];
	struct ae_gf256_matrix matrix = { bytes, 0, 0 };
	size_t count;

	if (argc != 5 || !kernel->plan)
		return 1;
	matrix.targets = (uint32_t)atoi(argv[2]);
	matrix.sources = (uint32_t)atoi(argv[3]);
	for (size_t i = 0; i < matrix.targets * matrix.sources; i++) {
		char digits[3] = { argv[4][2 * i], argv[4][2 * i + 1] };

		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	count = kernel->plan(&matrix, ops);
	for (size_t i = 0; i < count; i++)
		printf("%lld %llu\n",
		       ops[i].code < base / 2 ? -1 - (long long)ops[i].code
					      : (long long)(ops[i].code - base),
		       (unsigned long long)ops[i].at);
	return 0;
}
