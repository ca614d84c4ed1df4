/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parking on a word in shared memory (futex), the steady clock, and the
 * processor's number.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "posix.h"

#define SECOND UINT64_C(1000000000)

uint64_t ae_host_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

int ae_host_park(const struct aether_word32 *word, uint32_t expected,
		 uint64_t deadline)
{
	struct timespec t = { .tv_sec = (time_t)(deadline / SECOND),
			      .tv_nsec = (long)(deadline % SECOND) };
	const struct timespec *until = deadline == AETHER_FOREVER ? NULL : &t;

	/* the bitset form takes an absolute time of the steady clock */
	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, until, NULL,
		    FUTEX_BITSET_MATCH_ANY) == 0)
		return 0;
	if (errno == ETIMEDOUT)
		return AETHER_ETIMEDOUT;
	return errno == EINTR ? AETHER_EINTR : 0;
}

void ae_host_wake(const struct aether_word32 *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

uint32_t ae_host_cpu(void)
{
	int cpu = sched_getcpu();

	return cpu < 0 ? 0 : (uint32_t)cpu;
}

uint64_t aether_clock_now(void)
{
	return ae_host_now();
}

uint64_t aether_clock_after(uint64_t ns)
{
	uint64_t now = ae_host_now();

	return ns < AETHER_FOREVER - now ? now + ns : AETHER_FOREVER;
}
