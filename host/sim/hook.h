/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Put in front of each file of core by `-include` when the simulator is built:
 * every atomic operation becomes a step at which the simulator may let others
 * go first or kill. Core itself is compiled unchanged.
 */
#ifndef AE_SIM_HOOK_H
#define AE_SIM_HOOK_H

#include "step.h"

#define AE_BEFORE(word, width) ae_sim_before((word), (width))
#define AE_AFTER(word, width, kind, order, done) \
	ae_sim_after(AE_SIM_##kind, (order), (done))

#include "ae_atomic.h"
#include "sites.inc"

#endif
