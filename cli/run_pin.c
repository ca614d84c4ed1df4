/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which stage runs on which processor. The egress, which has most to do, has
 * the last one for itself; ingress and orchestrator share the first; the
 * appliances have the others in turn, or share the first where there are two.
 */
#include "run.h"

#include <errno.h>
#include <sched.h>

#define SETS 16 /* a set has 1024 processors */

int run_processors(int *numbers)
{
	cpu_set_t set[SETS];
	int count = 0;

	CPU_ZERO_S(sizeof(set), set);
	if (sched_getaffinity(0, sizeof(set), set) < 0)
		CPU_SET_S(0, sizeof(set), set);
	for (int i = 0; i < SETS * CPU_SETSIZE; i++) {
		if (!CPU_ISSET_S(i, sizeof(set), set))
			continue;
		if (numbers)
			numbers[count] = i;
		if (++count == RUN_PROCESSORS_MAX)
			break;
	}
	return count;
}

int run_pin(const struct run *run, uint32_t stage, struct aether_error *error)
{
	int numbers[RUN_PROCESSORS_MAX];
	int count = run_processors(numbers), index = 0;
	cpu_set_t set[SETS];

	if (stage == run->stages - 1)
		index = count - 1;
	else if (stage >= RUN_APPLIANCE && count > 2)
		index = 1 + (int)(stage - RUN_APPLIANCE) % (count - 2);
	CPU_ZERO_S(sizeof(set), set);
	CPU_SET_S(numbers[index], sizeof(set), set);
	if (sched_setaffinity(0, sizeof(set), set) == 0)
		return 0;
	return cli_error(error, AETHER_ESYS, errno,
			 "cannot keep the %s on processor %d; leave --pin away",
			 run_role(run, stage), numbers[index]);
}
