/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether-bench-iceoryx CPU CPU TRIPS: 8 bytes to and fro between two processes
 * by iceoryx, both spinning, each on its processor; prints the median of one
 * way, in ns, of chunks of 16 round trips, as handoff's. A loan, a write, a
 * publication, a take, a read and a release are one way. iox-roudi must run.
 */
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>
#include <iceoryx_binding_c/enums.h>
#include <iceoryx_binding_c/types.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ae_atomic.h"

#define CHUNK 16
#define CHUNKS_MAX 100000

struct side {
	iox_pub_storage_t pub_storage;
	iox_sub_storage_t sub_storage;
	iox_pub_t pub;
	iox_sub_t sub;
};

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		exit(1);
}

/* Which: 0 asks, 1 answers. Each publishes what the other subscribes to. */
static void meet(struct side *s, int which)
{
	static const char *const events[] = { "ask", "answer" };
	iox_pub_options_t pub;
	iox_sub_options_t sub;

	iox_runtime_init(which ? "aether-bench-b" : "aether-bench-a");
	iox_pub_options_init(&pub);
	iox_sub_options_init(&sub);
	sub.queueCapacity = 2;
	s->pub = iox_pub_init(&s->pub_storage, "aether", "bench", events[which],
			      &pub);
	s->sub = iox_sub_init(&s->sub_storage, "aether", "bench",
			      events[!which], &sub);
	while (iox_sub_get_subscription_state(s->sub) !=
		       SubscribeState_SUBSCRIBED ||
	       !iox_pub_has_subscribers(s->pub))
		usleep(1000);
}

static void part(struct side *s)
{
	iox_sub_deinit(s->sub);
	iox_pub_deinit(s->pub);
	iox_runtime_shutdown();
}

static void send(struct side *s, uint64_t value)
{
	void *bytes;

	if (iox_pub_loan_chunk(s->pub, &bytes, sizeof(value)) !=
	    AllocationResult_SUCCESS)
		exit(1);
	memcpy(bytes, &value, sizeof(value));
	iox_pub_publish_chunk(s->pub, bytes);
}

static uint64_t receive(struct side *s)
{
	const void *bytes;
	uint64_t value;

	while (iox_sub_take_chunk(s->sub, &bytes) != ChunkReceiveResult_SUCCESS)
		ae_pause();
	memcpy(&value, bytes, sizeof(value));
	iox_sub_release_chunk(s->sub, bytes);
	return value;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median; negative: an answer was not the question. */
static double ask(struct side *s, int chunks)
{
	static double times[CHUNKS_MAX];

	for (int c = 0; c < chunks; c++) {
		double start = now();

		for (uint64_t i = 0; i < CHUNK; i++) {
			send(s, i);
			if (receive(s) != i)
				return -1;
		}
		times[c] = (now() - start) / (2.0 * CHUNK);
	}
	qsort(times, (size_t)chunks, sizeof(times[0]), by_value);
	return times[chunks / 2];
}

int main(int argc, char **argv)
{
	int chunks = argc == 4 ? atoi(argv[3]) / CHUNK : 0;
	struct side side;
	pid_t child;
	double ns;

	if (chunks < 1 || chunks > CHUNKS_MAX) {
		fprintf(stderr, "usage: aether-bench-iceoryx CPU CPU TRIPS\n");
		return 2;
	}
	child = fork();
	if (child < 0)
		return 1;
	if (child == 0)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	pin(atoi(argv[child ? 1 : 2]));
	meet(&side, child == 0);
	for (int i = 0; child == 0 && i < chunks * CHUNK; i++)
		send(&side, receive(&side));
	if (child == 0) {
		part(&side);
		return 0;
	}
	ns = ask(&side, chunks);
	if (ns < 0)
		kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	part(&side);
	printf("%.1f\n", ns);
	return ns < 0;
}
