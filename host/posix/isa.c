/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instruction set of the kernels. Decided by a constructor, so that asking
 * costs nothing and no two threads decide; until it has run, which only other
 * constructors can see, it is scalar.
 */
#include <aether/isa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fits every name, and enough of another one to know it again. */
#define WANTED_SIZE 40

static const char *const names[] = {
	[AETHER_ISA_SCALAR] = "scalar",
	[AETHER_ISA_AVX2] = "avx2",
	[AETHER_ISA_AVX512] = "avx512",
	[AETHER_ISA_GFNI] = "gfni",
};
#define SETS (sizeof(names) / sizeof(names[0]))

/* Written by the constructor alone. */
static struct {
	enum aether_isa in_use;
	uint32_t there;           /* a bit for each that can be used */
	int refused;              /* AETHER_ISA was not heeded */
	char wanted[WANTED_SIZE]; /* AETHER_ISA, to be printed */
} isa = { .there = 1U << AETHER_ISA_SCALAR };

/* The kernels' names for what they need of an x86-64 are the compiler's. */
#if defined(__x86_64__)
static uint32_t find(void)
{
	uint32_t there = 1U << AETHER_ISA_SCALAR;

	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		there |= 1U << AETHER_ISA_AVX2;
	if (!__builtin_cpu_supports("avx512f") ||
	    !__builtin_cpu_supports("avx512bw") ||
	    !__builtin_cpu_supports("avx512vl") ||
	    !__builtin_cpu_supports("avx512vbmi"))
		return there;
	there |= 1U << AETHER_ISA_AVX512;
	if (__builtin_cpu_supports("gfni"))
		there |= 1U << AETHER_ISA_GFNI;
	return there;
}
#else
static uint32_t find(void)
{
	return 1U << AETHER_ISA_SCALAR;
}
#endif

/* What a terminal would act on becomes a question mark. */
static void keep(const char *wanted)
{
	snprintf(isa.wanted, sizeof(isa.wanted), "%s", wanted);
	for (char *at = isa.wanted; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
}

/* Early, for kernels are chosen by constructors as well; lower numbers are the
 * compiler's. */
__attribute__((constructor(101))) static void choose(void)
{
	const char *wanted = secure_getenv("AETHER_ISA");

	isa.there = find();
	for (uint32_t set = 0; set < SETS; set++)
		if (isa.there >> set & 1)
			isa.in_use = (enum aether_isa)set;
	if (!wanted || !*wanted)
		return;
	keep(wanted);
	isa.refused = 1;
	for (uint32_t set = 0; set < SETS; set++)
		if (isa.there >> set & 1 && strcmp(wanted, names[set]) == 0) {
			isa.in_use = (enum aether_isa)set;
			isa.refused = 0;
		}
}

enum aether_isa aether_isa(void)
{
	return isa.in_use;
}

const char *aether_isa_name(uint32_t set)
{
	return set < SETS ? names[set] : NULL;
}

int aether_isa_check(struct aether_error *error)
{
	char list[64] = "";
	size_t at = 0;

	if (!isa.refused)
		return 0;
	for (uint32_t set = 0; set < SETS; set++)
		if (isa.there >> set & 1)
			at += (size_t)snprintf(list + at, sizeof(list) - at,
					       "%s%s", at ? ", " : "",
					       names[set]);
	return aether_error_fill(error, AETHER_EINVAL, 0,
				 "AETHER_ISA is '%s', which is not to be had "
				 "here; set it to one of: %s, or unset it.",
				 isa.wanted, list);
}
