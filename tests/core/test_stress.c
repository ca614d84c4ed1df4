/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The high-density stress with processes: six of them over 1024 strides, all
 * in use. About 3 seconds; SOAK=1: five minutes. What it does is in stress.h.
 */
#include "stress.h"

static struct aether_plane *plane;

struct place {
	struct stress *s;
	uint32_t self;
};

static int process(void *argument)
{
	const struct place *place = argument;
	struct worker *w = calloc(1, sizeof(*w));
	int err;

	need(w);
	w->s = place->s;
	w->self = place->self;
	w->seed = place->self * 7919 + place->s->spin;
	w->plane = rig_again(plane);
	err = stress_work(w);
	if (err == 0)
		err = aether_plane_detach(w->plane);
	return err < 0;
}

static void stress(uint32_t workers, uint64_t spin, int seconds,
		   const char *what)
{
	struct stress *s = rig_shared(sizeof(*s));
	pid_t pids[STRESS_MAX];
	int good = 0;

	plane = rig_plane(STRESS_STRIDES, STRESS_SIZE, STRESS_MAX);
	s->workers = workers;
	s->spin = spin;
	s->turns = RIG_SLOW ? 4000 : 20000;
	s->end = aether_clock_after((uint64_t)seconds * SECOND);
	for (uint32_t i = 0; i < workers; i++) {
		struct place place = { s, i };

		pids[i] = rig_fork(process, &place);
	}
	for (uint32_t i = 0; i < workers; i++)
		good += rig_wait(pids[i]) == 0;
	if (!ok(good == (int)workers, "%u processes, %s", workers, what))
		printf("# %s\n", s->failure);
	ok(ae_load64_relaxed(&s->cycles) > 0, "%s: %llu cycles, %llu routes",
	   what, (unsigned long long)ae_load64_relaxed(&s->cycles),
	   (unsigned long long)ae_load64_relaxed(&s->routed));
	ok(rig_all_free(plane), "%s: all free, registers equal words", what);
	is_int(aether_plane_detach(plane), 0, "%s: detached", what);
	munmap(s, sizeof(*s));
}

static void tests(void)
{
	stress(6, 1, stress_seconds(1), "parked");
	stress(6, 0, stress_seconds(1), "spinning, then parked");
	stress(2, UINT64_MAX, stress_seconds(1), "spinning");
}

int main(void)
{
	return rig_run(tests);
}
