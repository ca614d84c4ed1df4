/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scenes share: their bounds, quick or with SOAK in the environment,
 * what they report, and a few bodies that most of them need.
 */
#ifndef SCENE_H
#define SCENE_H

#include <errno.h>
#include <stdlib.h>
#include "../tap.h"
#include "sim.h"

/* A bound: preemptions and deaths. */
struct bound {
	int preemptions, kills;
};

static struct ae_sim_result total;
static const char *scene_only; /* part of the name of those to be run */
static struct bound scene_bound = { -1, -1 }; /* instead of their own */

/* One line of TAP for what was tried of a scene. */
static inline void scene_tell(const struct ae_sim_scene *scene,
			      struct bound bound, const char *how,
			      const struct ae_sim_result *r)
{
	total.executions += r->executions;
	total.steps += r->steps;
	total.kills += r->kills;
	if (!ok(!r->failure[0],
		"%s: %s%d preemptions, %d deaths: %llu executions, %llu steps, "
		"killed %llu times at %u of %u places",
		scene->name, how, bound.preemptions, bound.kills,
		(unsigned long long)r->executions, (unsigned long long)r->steps,
		(unsigned long long)r->kills, r->killed, r->sites))
		printf("#   %s\n", r->failure);
	else if (bound.kills && !*how)
		is_int(r->killed, r->sites, "%s: killed wherever it came by",
		       scene->name);
	fflush(stdout);
}

static inline void scene_within(const struct ae_sim_scene *scene,
				struct bound bound)
{
	struct ae_sim_result r;

	ae_sim_explore(scene, bound.preemptions, bound.kills, &r);
	scene_tell(scene, bound, "", &r);
}

/* Deeper, but not all. */
static inline void scene_walk(const struct ae_sim_scene *scene,
			      uint64_t executions)
{
	struct bound bound = { 20, 2 };
	struct ae_sim_result r;

	ae_sim_walk(scene, bound.preemptions, bound.kills, executions, &r);
	scene_tell(scene, bound, "at random, at most ", &r);
}

/* Quick, or thorough with SOAK set. */
static inline void scene_run(const struct ae_sim_scene *scene,
			     struct bound quick, struct bound thorough)
{
	int soak = getenv("SOAK") != NULL;

	if (scene_only && !strstr(scene->name, scene_only))
		return;
	if (scene_bound.kills >= 0) {
		scene_within(scene, scene_bound);
		return;
	}
	scene_within(scene, soak ? thorough : quick);
	if (soak)
		scene_walk(scene, 50000);
}

/* The arguments of main: a part of the names of the scenes to run; preemptions
 * and deaths. */
static inline void scene_begin(int argc, char **argv)
{
	if (argc > 1)
		scene_only = argv[1];
	if (argc > 3)
		scene_bound = (struct bound) { atoi(argv[2]), atoi(argv[3]) };
}

/* What was covered goes into the folder SIM_COVER, into a file named as the
 * program, if all scenes were tried within their quick bounds. */
static inline void scene_cover(void)
{
	const char *folder = getenv("SIM_COVER");
	char path[512];

	if (!folder || getenv("SOAK") || scene_only || scene_bound.kills >= 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder,
		 program_invocation_short_name);
	if (ae_sim_cover(path) < 0)
		ok(0, "what was covered is written to %s", path);
}

static inline int scene_end(void)
{
	scene_cover();
	printf("# in all: %llu executions, %llu steps, %llu deaths\n",
	       (unsigned long long)total.executions,
	       (unsigned long long)total.steps,
	       (unsigned long long)total.kills);
	return tap_end();
}

/* Reserves, writes and routes; gives back what nobody wants. */
static inline void scene_send(uint32_t to, uint64_t value)
{
	uint64_t handle = 0;

	if (ae_sim_reserve(&handle) < 0)
		return;
	ae_sim_write(handle, value);
	if (ae_sim_route(handle, ae_sim_to(to)) < 0)
		ae_sim_release(handle);
}

/* What was taken is read, and given back. */
static inline void scene_use(uint64_t handle)
{
	uint64_t value = 0;

	ae_sim_read(handle, &value);
	ae_sim_release(handle);
}

/* Takes mail until somebody says that it is over, or dies of it. */
static inline void scene_take_all(void)
{
	uint64_t handle = 0;

	while (ae_sim_take_until(AETHER_FOREVER, &handle) == 0)
		scene_use(handle);
}

/* Takes what there is. */
static inline void scene_take_some(void)
{
	uint64_t handle = 0;

	while (ae_sim_take(&handle) == 0)
		scene_use(handle);
}

/* Waits for a death, and reaps. */
static inline void scene_reap(void)
{
	ae_sim_await_death();
	ae_sim_reap();
}

#endif
