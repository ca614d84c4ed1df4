/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The high-density stress with threads: each a participant of its own over one
 * attachment. This is what a thread sanitizer sees.
 */
#include <pthread.h>
#include "stress.h"

static void *thread(void *argument)
{
	return stress_work(argument) < 0 ? argument : NULL;
}

static void stress(uint32_t workers, uint64_t spin, int seconds,
		   const char *what)
{
	struct stress *s = calloc(1, sizeof(*s));
	struct aether_plane *plane = rig_plane(STRESS_STRIDES, STRESS_SIZE,
					       STRESS_MAX);
	struct worker *w = calloc(workers, sizeof(*w));
	pthread_t threads[STRESS_MAX];
	int bad = 0;

	need(s && w);
	s->workers = workers;
	s->spin = spin;
	s->turns = RIG_SLOW ? 2000 : 20000;
	s->end = aether_clock_after((uint64_t)seconds * SECOND);
	for (uint32_t i = 0; i < workers; i++) {
		w[i].s = s;
		w[i].plane = plane;
		w[i].self = i;
		w[i].seed = i * 104729 + spin;
		need(pthread_create(&threads[i], NULL, thread, &w[i]) == 0);
	}
	for (uint32_t i = 0; i < workers; i++) {
		void *result = NULL;

		pthread_join(threads[i], &result);
		bad += result != NULL;
	}
	if (!ok(!bad, "%u threads, %s", workers, what))
		printf("# %s\n", s->failure);
	ok(ae_load64_relaxed(&s->cycles) > 0, "%s: %llu cycles, %llu routes",
	   what, (unsigned long long)ae_load64_relaxed(&s->cycles),
	   (unsigned long long)ae_load64_relaxed(&s->routed));
	ok(rig_all_free(plane), "%s: all free, registers equal words", what);
	is_int(aether_plane_detach(plane), 0, "%s: detached", what);
	free(s);
	free(w);
}

static void tests(void)
{
	stress(6, 1, stress_seconds(1), "parked");
	stress(4, 0, stress_seconds(1), "spinning, then parked");
}

int main(void)
{
	return rig_run(tests);
}
