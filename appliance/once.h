/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that lie where others may change them: read once, then checked, then
 * used. Without this the compiler may read again what was checked.
 */
#ifndef AE_ONCE_H
#define AE_ONCE_H

#include <stdint.h>

/* What the number was at one time: the compiler no longer knows that it came
 * from there. */
static inline uint32_t ae_once(const uint32_t *number)
{
	uint32_t seen = *number;

	__asm__ volatile("" : "+r"(seen));
	return seen;
}

/* In halves where words are smaller: then maybe a number that never was, which
 * is checked as any other. */
static inline uint64_t ae_once64(const uint64_t *number)
{
	uint64_t seen = *number;

	__asm__ volatile("" : "+r"(seen));
	return seen;
}

#endif
