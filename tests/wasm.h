/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kernel's test within WebAssembly stands on: the port and the bits of
 * a libc that are not there, and numbers to compute with. Freestanding.
 */
#ifndef AETHER_TESTS_WASM_H
#define AETHER_TESTS_WASM_H

#include <stdint.h>
#include <string.h>
#include <aether/isa.h>

/* The port, which WebAssembly has not. */
enum aether_isa aether_isa(void)
{
	return AETHER_ISA_SCALAR;
}

/* Nor has it a libc. */
void *memcpy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = (uint8_t)byte;
	return to;
}

static uint32_t random_below(uint32_t limit)
{
	static uint64_t state = 5;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % limit;
}

#endif
