/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory network on a hostile plane that is divided: the calls of
 * fuzz_lease.c, and one actor that has other rights in each segment each time
 * it joins. What its attachment does not see no call of it touches.
 */
#define SEGMENTS 2
#include "fuzz_lease.c"
