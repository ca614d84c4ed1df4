/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plane with two participants, one who routes and one who takes: what the
 * tests of routes and of mailboxes begin and end with.
 */
#ifndef PAIR_H
#define PAIR_H

#include "rig.h"

#define SIZE 131072

static struct aether_plane *plane;
static struct aether_participant *me, *you;
static uint64_t to;

static void begin(uint32_t strides)
{
	plane = rig_plane(strides, SIZE, 8);
	me = rig_join(plane);
	you = rig_join(plane);
	to = aether_participant_tenancy(you);
}

static void end(const char *what)
{
	aether_participant_leave(me);
	aether_participant_leave(you);
	ok(rig_all_free(plane), "%s: all free in the end", what);
	need(aether_plane_detach(plane) == 0);
}

#endif
