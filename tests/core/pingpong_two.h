/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plane with the small pairs and two participants: what tests of pairs begin
 * and end with.
 */
#ifndef PINGPONG_TWO_H
#define PINGPONG_TWO_H

#include "pingpong.h"

static struct aether_plane *plane;
static struct aether_layout small;
static struct aether_participant *me, *you;

static void two_begin(void)
{
	plane = pingpong_plane(8);
	pingpong_small(plane, &small);
	me = rig_join(plane);
	you = rig_join(plane);
}

static void two_end(void)
{
	aether_participant_leave(you);
	aether_participant_leave(me);
	need(aether_plane_detach(plane) == 0);
}

#endif
