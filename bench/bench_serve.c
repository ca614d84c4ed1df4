/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach-socket: 64 processes begin at once to attach over one attach socket,
 * with all rights, to a plane of the default sizes: from before the call until
 * it has returned, each. attach-segments: the same to a plane of 4 segments,
 * whose memory is 9 objects. Baseline: as many connect to a plain server, send
 * 64 bytes and get an answer with one descriptor. In turns, by the same
 * processes.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ae_atomic.h"
#include "bench.h"

#define CLIENTS 64
#define SEGMENTS 4
#define ROUNDS_LEAST 8 /* of 64 each: below that a p99 says nothing */

struct scene {
	struct aether_word32 turn;  /* rises; see enum turn */
	struct aether_word32 done;  /* clients of this turn */
	struct aether_word32 ready; /* servers */
	struct aether_word32 failed;
	char directory[64];
	double took[CLIENTS]; /* ns */
	struct aether_plane *plane;
};

static void path_of(const struct scene *scene, const char *name,
		    struct sockaddr_un *at)
{
	*at = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(at->sun_path, sizeof(at->sun_path), "%s/%s", scene->directory,
		 name);
}

static void sleep_on(struct aether_word32 *word, uint32_t is)
{
	syscall(SYS_futex, word, FUTEX_WAIT, is, NULL, NULL, 0);
}

static void wake_all(struct aether_word32 *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- servers */

static void serve(struct scene *scene)
{
	struct aether_server_options options = { .per_user = 4 * CLIENTS,
						 .clients = 4 * CLIENTS };
	struct aether_server *server;
	struct aether_plane *plane;
	struct pollfd wait = { .events = POLLIN };
	struct sockaddr_un at;

	path_of(scene, "aether", &at);
	if (aether_plane_reattach(scene->plane, NULL, NULL, &plane) < 0 ||
	    aether_server_open(plane, at.sun_path, &options, NULL, &server) < 0)
		_exit(1);
	wait.fd = aether_server_fd(server);
	ae_add32_seq_cst(&scene->ready, 1);
	for (;;)
		if (poll(&wait, 1, -1) > 0)
			aether_server_turn(server);
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void plain_answer(int fd, int gift)
{
	char text[64];
	struct iovec part = { text, sizeof(text) };
	union control control = { .align = {
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS,
					  .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.align), &gift, sizeof(gift));
	if (recv(fd, text, sizeof(text), 0) > 0)
		sendmsg(fd, &message, MSG_NOSIGNAL);
}

static void serve_plain(struct scene *scene)
{
	int listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int gift = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct sockaddr_un at;

	path_of(scene, "plain", &at);
	if (bind(listening, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(listening, 4 * CLIENTS) < 0)
		_exit(1);
	ae_add32_seq_cst(&scene->ready, 1);
	for (;;) {
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

		plain_answer(fd, gift);
		close(fd);
	}
}

/* ---- clients */

static int plain_ask(const struct scene *scene)
{
	char text[64] = "";
	struct iovec part = { text, sizeof(text) };
	union control control;
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un at;
	int gift = -1;

	path_of(scene, "plain", &at);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    send(fd, text, sizeof(text), MSG_NOSIGNAL) > 0 &&
	    recvmsg(fd, &message, MSG_CMSG_CLOEXEC) > 0 &&
	    CMSG_FIRSTHDR(&message))
		memcpy(&gift, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(gift));
	close(fd);
	return gift < 0 ? -1 : close(gift);
}

/* What a turn is for, in this order. */
enum turn {
	DETACH,
	BARE,
	ATTACH,
	TURNS
};

/* One client's turn; ns, or below 0. */
static double take_part(const struct scene *scene, enum turn turn,
			struct aether_plane **plane)
{
	struct sockaddr_un at;
	double begin;

	path_of(scene, "aether", &at);
	if (turn == DETACH) {
		aether_plane_detach(*plane);
		*plane = NULL;
		return 0;
	}
	begin = bench_now();
	if (turn == BARE && plain_ask(scene) < 0)
		return -1;
	if (turn == ATTACH &&
	    aether_plane_attach(at.sun_path, 0, NULL, plane) < 0)
		return -1;
	return bench_now() - begin;
}

static void be_client(struct scene *scene, int number)
{
	struct aether_plane *plane = NULL;
	uint32_t turn = 0;

	for (;;) {
		/* acquire: the turn that has begun. pairs: seq_cst in
		 * take_turn */
		uint32_t now = ae_load32_acquire(&scene->turn);

		if (now == turn) {
			sleep_on(&scene->turn, turn);
			continue;
		}
		turn = now;
		scene->took[number] = take_part(scene, turn % TURNS, &plane);
		if (scene->took[number] < 0)
			ae_add32_seq_cst(&scene->failed, 1);
		/* seq_cst: what it took is there. pairs: seq_cst in
		 * take_turn */
		if (ae_add32_seq_cst(&scene->done, 1) == CLIENTS - 1)
			wake_all(&scene->done);
	}
}

/* ---- measuring */

static pid_t start(struct scene *scene, int number)
{
	pid_t child = fork();

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (number == CLIENTS)
		serve(scene);
	if (number > CLIENTS)
		serve_plain(scene);
	be_client(scene, number);
	_exit(1);
}

/* All begin at once; keeps what each took, in ms, and returns the median. */
static double take_turn(struct scene *scene, double *all)
{
	uint32_t done;

	ae_store32_seq_cst(&scene->done, 0);
	ae_add32_seq_cst(&scene->turn, 1);
	wake_all(&scene->turn);
	/* seq_cst: what they took. pairs: seq_cst in be_client */
	while ((done = ae_load32_seq_cst(&scene->done)) < CLIENTS)
		sleep_on(&scene->done, done);
	for (int i = 0; i < CLIENTS; i++)
		all[i] = scene->took[i] / 1e6;
	return bench_quantile(all, CLIENTS, 0.5);
}

static int measure(struct scene *scene, struct bench_row *row)
{
	static double all[BENCH_ROUNDS * CLIENTS], bare[BENCH_ROUNDS * CLIENTS];
	static double unused[CLIENTS];
	static double values[BENCH_ROUNDS], baselines[BENCH_ROUNDS];
	int rounds = bench_rounds();
	double end = bench_now() + BENCH_SECONDS * 1e9;
	size_t n;

	for (int i = 0; i < rounds; i++) {
		if (i >= ROUNDS_LEAST && bench_now() > end)
			rounds = i; /* a slow machine: what there is counts */
		if (i == rounds)
			break;
		baselines[i] = take_turn(scene, bare + i * CLIENTS);
		values[i] = take_turn(scene, all + i * CLIENTS);
		take_turn(scene, unused);
	}
	if (ae_load32_seq_cst(&scene->failed))
		return AETHER_ESTAGE;
	bench_compare(row, values, baselines, (size_t)rounds);
	n = (size_t)(rounds - 1) * CLIENTS;
	row->p50 = bench_quantile(all + CLIENTS, n, 0.5);
	row->p99 = bench_quantile(all + CLIENTS, n, 0.99);
	row->p999 = bench_quantile(all + CLIENTS, n, 0.999);
	row->baseline_p99 = bench_quantile(bare + CLIENTS, n, 0.99);
	return 0;
}

static void clean(const struct scene *scene, const pid_t *pids)
{
	struct sockaddr_un at;

	for (int i = 0; i < CLIENTS + 2; i++) {
		if (pids[i] <= 0)
			continue;
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	path_of(scene, "aether", &at);
	unlink(at.sun_path);
	path_of(scene, "plain", &at);
	unlink(at.sun_path);
	rmdir(scene->directory);
}

/* Servers first. */
static int start_all(struct scene *scene, pid_t *pids)
{
	for (int i = CLIENTS + 1; i >= 0; i--) {
		pids[i] = start(scene, i);
		if (pids[i] < 0)
			return AETHER_ESYS;
		if (i >= CLIENTS)
			while (ae_load32_seq_cst(&scene->ready) <
			       (uint32_t)(CLIENTS + 2 - i)) {
				if (waitpid(pids[i], NULL, WNOHANG))
					return AETHER_ESTAGE;
				usleep(500);
			}
	}
	return 0;
}

static int run(struct bench_row *row, uint32_t segments)
{
	struct aether_plane_options options = { .segments = segments };
	struct scene *scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[CLIENTS + 2] = { 0 };
	struct aether_plane *plane;
	int err = aether_plane_create(NULL, &options, NULL, &plane);

	if (err < 0 || scene == MAP_FAILED)
		return bench_fail("cannot create a plane", err);
	scene->plane = plane;
	strcpy(scene->directory, "/dev/shm/aether-bench-XXXXXX");
	if (!mkdtemp(scene->directory))
		err = AETHER_ESYS;
	if (err == 0)
		err = start_all(scene, pids);
	if (err == 0)
		err = measure(scene, row);
	clean(scene, pids);
	aether_plane_detach(plane);
	munmap(scene, sizeof(*scene));
	return err < 0 ? bench_fail(row->name, err) : 0;
}

int bench_attach_socket(struct bench_row *row)
{
	return run(row, 0);
}

int bench_attach_segments(struct bench_row *row)
{
	return run(row, SEGMENTS);
}
