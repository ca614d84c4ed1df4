/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever routes, takes or releases wakes those who are parked for just that,
 * and a wake costs the one who gives it some microseconds. Who is about to do
 * the same several times may owe the wakes and give them together: one for
 * each who waits, instead of one each time. Those who spin see everything at
 * once all the same.
 *
 * Nobody waits for ever: what is owed is paid when the limit is reached, before
 * any wait of mine, when I leave, and by whoever reaps me if I die. Calls that
 * do not wait and find nothing (AETHER_EEMPTY, EFULL, EDEPTH ...) count as
 * well, so that who polls pays soon. A caller that waits for something else, a
 * file or a socket, or works for long, pays before.
 *
 * At once: as for everything of a participant, by one thread.
 */
#ifndef AETHER_WAKE_H
#define AETHER_WAKE_H

#include <aether/api.h>
#include <aether/participant.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * From now on the wakes of up to `limit` calls are owed: of aether_route, of
 * taking, and of releasing a single stride. 0 or 1: none are, which is how a
 * participant begins. Pays what was owed before.
 */
AETHER_API void aether_wake_defer(struct aether_participant *me,
				  uint32_t limit);

/* Wakes whoever I owe it to. */
AETHER_API void aether_wake_pay(struct aether_participant *me);

#ifdef __cplusplus
}
#endif

#endif
