/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Put in front of each file of core by `-include` when it is built for fuzzing:
 * each atomic operation is counted and its address is checked, and a hostile
 * neighbour may write between any two of them. Core itself is compiled
 * unchanged.
 */
#ifndef FUZZ_HOOK_H
#define FUZZ_HOOK_H

/* Before each access to a shared word; after each that may have changed it. */
void fuzz_before(const void *word);
void fuzz_wrote(const void *word);

static inline void fuzz_read(const void *word)
{
	(void)word;
}

#define FUZZ_LOAD fuzz_read
#define FUZZ_STORE fuzz_wrote
#define FUZZ_FETCH fuzz_wrote
#define FUZZ_CAS fuzz_wrote

#define AE_BEFORE(word, width) fuzz_before(word)
#define AE_AFTER(word, width, kind, order, done) FUZZ_##kind(word)

#endif
