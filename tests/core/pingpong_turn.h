/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of pairs in one thread write, read and look with.
 */
#ifndef PINGPONG_TURN_H
#define PINGPONG_TURN_H

#include "pingpong_two.h"

static struct aether_pingpong_write w;
static struct aether_pingpong_reading r;
static struct aether_pingpong_info info;

static inline int fill(uint32_t pair, uint64_t value)
{
	return pingpong_fill(me, pair, AETHER_FOREVER, value);
}

/* The strides that it keeps; the rest is in `info`. */
static inline uint32_t look(uint32_t pair)
{
	need(aether_pingpong_look(plane, pair, &info) == 0);
	return info.strides;
}

#endif
