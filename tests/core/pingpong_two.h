/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plane with the small pairs and two participants: what the tests of pairs in
 * one thread begin and end with.
 */
#ifndef PINGPONG_TWO_H
#define PINGPONG_TWO_H

#include "pingpong.h"

static struct aether_plane *plane;
static struct aether_layout small;
static struct aether_participant *me, *you;
static struct aether_pingpong_write w;
static struct aether_pingpong_reading r;
static struct aether_pingpong_info info;

static void begin(void)
{
	plane = pingpong_plane(8);
	pingpong_small(plane, &small);
	me = rig_join(plane);
	you = rig_join(plane);
}

static void end(void)
{
	aether_participant_leave(you);
	aether_participant_leave(me);
	need(aether_plane_detach(plane) == 0);
}

static int fill(uint32_t pair, uint64_t value)
{
	return pingpong_fill(me, pair, AETHER_FOREVER, value);
}

static void look(uint32_t pair)
{
	need(aether_pingpong_look(plane, pair, &info) == 0);
}

#endif
