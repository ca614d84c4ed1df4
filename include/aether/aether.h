/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aether: processes hand each other memory instead of messages. One shared
 * region, the plane; every piece of it, a stride, has exactly one owner.
 *
 *	plane        create a region, or attach to one
 *	segment      parts of it with rights of their own
 *	participant  join it: whoever holds leases is a participant
 *	stride       reserve a piece, write in place, release it
 *	route        hand a piece on; take what was handed to you
 *	wake         wake others for several calls at once
 *	share        let several read a piece
 *	reap         what becomes of the pieces of the dead
 *	registry     who holds what, for people and tools
 *	epoch        signal others, and wait for their signals
 *	guard        who writes a region, and who may
 *	pingpong     one writes, others read, nobody waits
 *	layouts      what lies where in the fixed part of a plane
 *	doctor       what is wrong in a plane, and what can be repaired
 *	serve        a plane for others, over a socket, by rules
 *	fault        memory that was taken away is an error and no signal
 *
 * Conventions of all calls: an int below zero is an error of error.h, zero or
 * more is success; results come through the last parameter, which is left
 * alone on failure. Times are nanoseconds of a clock that never goes back.
 * Whatever is read from a plane is checked: a damaged plane is an error
 * (AETHER_ECORRUPT), never a crash.
 *
 * Caveats. Rights bind those who use this library: whoever may write the
 * plane's file can write anywhere in it. A pointer into a stride is yours only
 * while the lease is; nothing stops you from using it later, except the next
 * owner's surprise. After fork() the child has no plane: it attaches anew, and
 * must neither use nor detach what its parent had.
 */
#ifndef AETHER_H
#define AETHER_H

#include <aether/api.h>
#include <aether/error.h>
#include <aether/clock.h>
#include <aether/isa.h>
#include <aether/layouts.h>
#include <aether/geometry.h>
#include <aether/plane.h>
#include <aether/segment.h>
#include <aether/participant.h>
#include <aether/stride.h>
#include <aether/route.h>
#include <aether/wake.h>
#include <aether/share.h>
#include <aether/reap.h>
#include <aether/registry.h>
#include <aether/doctor.h>
#include <aether/fault.h>
#include <aether/serve.h>
#include <aether/epoch.h>
#include <aether/guard.h>
#include <aether/pingpong.h>
#include <aether/slice.h>
#include <aether/gf256.h>
#include <aether/rs.h>
#include <aether/rlnc.h>
#include <aether/burn.h>
#include <aether/flow.h>

#endif
