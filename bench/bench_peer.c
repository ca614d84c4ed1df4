/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Others that hand memory from process to process on one machine, if they are
 * installed: one way of 8 bytes, the median, both sides spinning on the same
 * two processors as `handoff`. Baseline: handoff, in turns with the peer, in
 * the same run. So the ratio says how many hand-offs of Aether's fit in one of
 * the peer's.
 *
 * peer-ucx: ucx_perftest of UCX by shared memory, test ucp_am_lat. It reports
 * half a round trip. Its two sides find each other by TCP.
 *
 * peer-iceoryx: aether-bench-iceoryx (peers/iceoryx.c), which is built if
 * iceoryx's headers are there; its daemon iox-roudi is started and ended here.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "child.h"

#define ROUNDS 6 /* with the first, which is dropped */
#define ROUNDS_QUICK 2
#define TRIPS "200000"
#define TRIES 50 /* until a daemon or a server answers */
#define TRY_US 100000

/* Runs a program and gives the last line that it printed; its exit status. */
static int last_line(const char *const *argv, char *line, int size)
{
	int ends[2], status;
	pid_t child;
	FILE *from;

	line[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) < 0)
		return AETHER_ESYS;
	child = bench_start(argv, ends[1], 1);
	close(ends[1]);
	from = fdopen(ends[0], "r");
	while (from && fgets(line, size, from))
		;
	status = child < 0 ? AETHER_ESYS : bench_wait(child);
	if (from)
		fclose(from);
	return status;
}

/* A port that nobody listens at just now; 0: none. */
static int free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int port = 0;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	    getsockname(fd, (struct sockaddr *)&a, &size) == 0)
		port = ntohs(a.sin_port);
	close(fd);
	return port;
}

static void end(pid_t child)
{
	if (child > 0) {
		kill(child, SIGTERM);
		bench_wait(child);
	}
}

/* Nanoseconds, one way; negative: it did not work. */
static double ucx(void)
{
	char port[16], cpus[2][16], line[256];
	const char *server[] = {
		"ucx_perftest", "-c", cpus[0], "-p", port, NULL
	};
	const char *client[] = { "ucx_perftest", "127.0.0.1", "-t",
				 "ucp_am_lat",   "-s",        "8",
				 "-n",           TRIPS,       "-c",
				 cpus[1],        "-p",        port,
				 "-f",           "-v",        NULL };
	double us = -1;
	int status = 1;
	pid_t child;

	snprintf(port, sizeof(port), "%d", free_port());
	snprintf(cpus[0], sizeof(cpus[0]), "%d", bench_cpu(0));
	snprintf(cpus[1], sizeof(cpus[1]), "%d", bench_cpu(1));
	child = bench_start(server, -1, 1);
	/* until the server listens; then the line is "trips,median,..." */
	for (int i = 0; status != 0 && i < TRIES; i++) {
		usleep(TRY_US);
		status = last_line(client, line, sizeof(line));
	}
	end(child);
	if (status != 0 || sscanf(line, "%*d,%lf", &us) != 1 || us <= 0)
		return AETHER_ESTAGE;
	return us * 1000;
}

static char iceoryx_program[PATH_MAX];

static double iceoryx(void)
{
	char cpus[2][16], line[256];
	const char *argv[] = { iceoryx_program, cpus[0], cpus[1], TRIPS, NULL };
	double ns = -1;

	snprintf(cpus[0], sizeof(cpus[0]), "%d", bench_cpu(0));
	snprintf(cpus[1], sizeof(cpus[1]), "%d", bench_cpu(1));
	if (last_line(argv, line, sizeof(line)) != 0 ||
	    sscanf(line, "%lf", &ns) != 1 || ns <= 0)
		return AETHER_ESTAGE;
	return ns;
}

static int compare(struct bench_row *row, double (*peer)(void))
{
	double values[ROUNDS], baselines[ROUNDS];
	int rounds = bench_quick ? ROUNDS_QUICK : ROUNDS;
	struct bench_row handoff = { .name = "handoff" };
	cpu_set_t all;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return bench_fail(row->name, AETHER_ESYS);
	for (int i = 0; i < rounds; i++) {
		int err = bench_handoff(&handoff);

		if (err < 0)
			return err;
		/* the peer pins itself */
		sched_setaffinity(0, sizeof(all), &all);
		baselines[i] = handoff.p50;
		values[i] = peer();
		if (values[i] < 0)
			return bench_skip(row, "it is installed and does not "
					       "work here");
	}
	bench_compare(row, values, baselines, (size_t)rounds);
	row->p50 = row->value;
	return 0;
}

int bench_peer_ucx(struct bench_row *row)
{
	if (!bench_has("ucx_perftest"))
		return bench_skip(row, "there is no ucx_perftest; install "
				       "ucx-utils");
	setenv("UCX_TLS", "posix,self", 1);
	return compare(row, ucx);
}

/* Starts the daemon and waits until it says that it is ready. */
static pid_t start_roudi(void)
{
	static const char *const argv[] = { "iox-roudi", "--monitoring-mode",
					    "off", NULL };
	char text[1024];
	size_t size = 0;
	ssize_t got = 1;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return AETHER_ESYS;
	child = bench_start(argv, ends[1], 1);
	close(ends[1]);
	text[0] = '\0';
	while (child > 0 && !strstr(text, "ready for clients") && got > 0) {
		got = read(ends[0], text + size, sizeof(text) - 1 - size);
		size += got > 0 ? (size_t)got : 0;
		text[size] = '\0';
	}
	/* it must not meet a closed pipe: the end stays open */
	if (strstr(text, "ready for clients"))
		return child;
	close(ends[0]);
	end(child);
	return AETHER_ESTAGE;
}

int bench_peer_iceoryx(struct bench_row *row)
{
	pid_t roudi;
	int err;

	if (!bench_has("iox-roudi"))
		return bench_skip(row, "there is no iox-roudi; install "
				       "iceoryx");
	if (bench_beside(iceoryx_program, sizeof(iceoryx_program),
			 "aether-bench-iceoryx") < 0)
		return bench_skip(row, "there is no aether-bench-iceoryx; "
				       "install libiceoryx-binding-c-dev, then "
				       "make bench");
	roudi = start_roudi();
	if (roudi < 0)
		return bench_skip(row, "iox-roudi does not start; does another "
				       "one run?");
	err = compare(row, iceoryx);
	end(roudi);
	return err;
}
