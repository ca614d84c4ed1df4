/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines: absolute times in nanoseconds of the machine's steady clock
 * (Linux: CLOCK_MONOTONIC), the same for all processes of a machine. 0 has
 * always passed: a call with it does not wait. AETHER_FOREVER never passes.
 *
 * May be called by anybody at any time.
 */
#ifndef AETHER_CLOCK_H
#define AETHER_CLOCK_H

#include <aether/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Now, in nanoseconds since some moment before the machine started. */
AETHER_API uint64_t aether_clock_now(void);

/* The deadline that passes `ns` nanoseconds from now. */
AETHER_API uint64_t aether_clock_after(uint64_t ns);

#ifdef __cplusplus
}
#endif

#endif
