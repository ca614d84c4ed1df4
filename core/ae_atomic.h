/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one wrapper around atomic operations. The order is in the name, so that
 * every acquire can be found by searching. Shared words are structs of one
 * field: a plain read of one does not compile, and nothing outside this file
 * touches `raw`.
 *
 * A compare-and-swap returns what it saw: it succeeded if that is `expected`.
 * Failing, it has the order of a relaxed load, except in the seq_cst form.
 *
 * Only what is used is here. Each use says above itself which order and why,
 * and names its partner; tools/pairs.py checks that from both ends.
 */
#ifndef AE_ATOMIC_H
#define AE_ATOMIC_H

#include <stdint.h>
#include <aether/layout.h>

/*
 * Called before and after each access; empty everywhere but in the simulator,
 * which picks interleavings and kills here (host/sim/hook.h). `done`: 0 for a
 * compare-and-swap that failed; its order is then the one of failing.
 */
#ifndef AE_BEFORE
#define AE_BEFORE(word, width)
#define AE_AFTER(word, width, kind, order, done)
#endif

#define AE_LOAD(width, order, ORDER) \
	static inline uint##width##_t ae_load##width##_##order( \
		const struct aether_word##width *word) \
	{ \
		uint##width##_t seen; \
\
		AE_BEFORE(word, width); \
		seen = __atomic_load_n(&word->raw, ORDER); \
		AE_AFTER(word, width, LOAD, ORDER, 1); \
		return seen; \
	}

#define AE_STORE(width, order, ORDER) \
	static inline void ae_store##width##_##order( \
		struct aether_word##width *word, uint##width##_t value) \
	{ \
		AE_BEFORE(word, width); \
		__atomic_store_n(&word->raw, value, ORDER); \
		AE_AFTER(word, width, STORE, ORDER, 1); \
	}

#define AE_FETCH(name, width, order, ORDER) \
	static inline uint##width##_t ae_##name##width##_##order( \
		struct aether_word##width *word, uint##width##_t value) \
	{ \
		uint##width##_t seen; \
\
		AE_BEFORE(word, width); \
		seen = __atomic_fetch_##name(&word->raw, value, ORDER); \
		AE_AFTER(word, width, FETCH, ORDER, 1); \
		return seen; \
	}

#define AE_CAS(width, order, ORDER, FAILED) \
	static inline uint##width##_t ae_cas##width##_##order( \
		struct aether_word##width *word, uint##width##_t expected, \
		uint##width##_t wanted) \
	{ \
		uint##width##_t seen = expected; \
\
		AE_BEFORE(word, width); \
		__atomic_compare_exchange_n(&word->raw, &seen, wanted, 0, \
					    ORDER, FAILED); \
		AE_AFTER(word, width, CAS, seen == expected ? ORDER : FAILED, \
			 seen == expected); \
		return seen; \
	}

AE_LOAD(32, relaxed, __ATOMIC_RELAXED)
AE_LOAD(32, acquire, __ATOMIC_ACQUIRE)
AE_LOAD(32, seq_cst, __ATOMIC_SEQ_CST)
AE_LOAD(64, relaxed, __ATOMIC_RELAXED)
AE_LOAD(64, acquire, __ATOMIC_ACQUIRE)
AE_LOAD(64, seq_cst, __ATOMIC_SEQ_CST)

AE_STORE(32, relaxed, __ATOMIC_RELAXED)
AE_STORE(32, release, __ATOMIC_RELEASE)
AE_STORE(32, seq_cst, __ATOMIC_SEQ_CST)
AE_STORE(64, relaxed, __ATOMIC_RELAXED)
AE_STORE(64, release, __ATOMIC_RELEASE)

#define AE_XCHG(width, order, ORDER) \
	static inline uint##width##_t ae_xchg##width##_##order( \
		struct aether_word##width *word, uint##width##_t value) \
	{ \
		uint##width##_t seen; \
\
		AE_BEFORE(word, width); \
		seen = __atomic_exchange_n(&word->raw, value, ORDER); \
		AE_AFTER(word, width, FETCH, ORDER, 1); \
		return seen; \
	}

AE_XCHG(64, seq_cst, __ATOMIC_SEQ_CST)
AE_FETCH(add, 32, relaxed, __ATOMIC_RELAXED)
AE_FETCH(add, 32, release, __ATOMIC_RELEASE)
AE_FETCH(add, 32, seq_cst, __ATOMIC_SEQ_CST)
AE_FETCH(add, 64, relaxed, __ATOMIC_RELAXED)
AE_FETCH(add, 64, seq_cst, __ATOMIC_SEQ_CST)
AE_FETCH(or, 32, relaxed, __ATOMIC_RELAXED)
AE_FETCH(and, 32, relaxed, __ATOMIC_RELAXED)
AE_FETCH(or, 64, seq_cst, __ATOMIC_SEQ_CST)
AE_FETCH(and, 64, relaxed, __ATOMIC_RELAXED)

AE_CAS(64, acquire, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
AE_CAS(64, release, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
AE_CAS(64, seq_cst, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* A word of private memory that a handler of signals may set: a relaxed load,
 * and no step of any protocol, so the simulator is not told. */
static inline uint32_t ae_private32(const struct aether_word32 *word)
{
	return __atomic_load_n(&word->raw, __ATOMIC_RELAXED);
}

#undef AE_LOAD
#undef AE_STORE
#undef AE_FETCH
#undef AE_XCHG
#undef AE_CAS

/*
 * Fences, for bytes that are read while they may be written: their reader finds
 * out afterwards. GCC says that its thread sanitizer does not know fences; here
 * that only means that it takes nothing to be ordered by them.
 */
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
static inline void ae_fence_acquire(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void ae_fence_release(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

/* Tells the processor that this is a loop that waits. */
static inline void ae_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Fetches a line that will be written soon, so that the read and the
 * compare-and-swap that follow cost one transfer and not two. */
static inline void ae_prefetch_write(const void *line)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
#else
	__builtin_prefetch(line, 1);
#endif
}

#endif
