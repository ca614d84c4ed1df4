/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Death over an attach socket: of clients, also another user's, whose strides
 * come back; of servers, while others attach; and how sockets come and go.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "ae_host.h"
#include "serving.h"

static struct serving scene;

/* Words of a client and its test. */
enum {
	JOINED,
	GO,
	CHILD,
	WORDS
};
static struct aether_word64 *told;

static int life_of(uint32_t slot)
{
	struct aether_participant_info info;

	need(aether_participant_look(scene.plane, slot, &info) == 0);
	return info.tenancy ? info.alive : -1;
}

static void grant_nobody(uint32_t right)
{
	struct aether_grant grant = { AETHER_WHO_USER, NOBODY, right, 0, 15 };

	need(aether_socket_grant(serving_path, &grant, NULL) == 0);
}

/* ---- clients */

/* Joins twice, unwatched, and holds two strides. */
static int hold(struct aether_plane *plane)
{
	struct aether_participant_options o = { .unwatched = 1 };
	struct aether_participant *a = rig_join_with(plane, &o);
	struct aether_participant *b = rig_join_with(plane, &o);

	rig_reserve(a);
	rig_reserve(b);
	rig_tell(&told[JOINED], a->slot + b->slot + 1);
	rig_await(&told[GO], 1);
	aether_participant_leave(a);
	rig_tell(&told[JOINED], 100);
	rig_await(&told[GO], 2);
	aether_participant_leave(b);
	return aether_plane_detach(plane) < 0;
}

static int holder(void *nobody)
{
	struct aether_plane *plane;

	if (nobody && become_nobody())
		return 2;
	plane = attach_over(0);
	return plane ? hold(plane) : 3;
}

/* It forks a child that lives on. */
static int parent(void *nobody)
{
	struct aether_plane *plane;
	pid_t pid;

	if (nobody && become_nobody())
		return 2;
	plane = attach_over(0);
	if (!plane)
		return 3;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, 0);
		for (;;)
			pause();
	}
	rig_tell(&told[CHILD], (uint64_t)pid);
	return hold(plane);
}

static pid_t start(int (*run)(void *), int nobody)
{
	pid_t pid;

	memset(told, 0, WORDS * sizeof(*told));
	pid = rig_fork(run, nobody ? &scene : NULL);
	while (!rig_told(&told[JOINED])) {
		need(waitpid(pid, NULL, WNOHANG) == 0);
		rig_sleep(MS / 4);
	}
	return pid;
}

/* Nobody has a watch, so it is the server that buries: it is waited for. */
static int comes_back(void)
{
	for (uint64_t end = aether_clock_after(RIG_HANG);
	     aether_clock_now() < end; rig_sleep(MS / 4))
		if (rig_all_free(scene.plane))
			return 1;
	return 0;
}

static void clients_die(int nobody)
{
	const char *whose = nobody ? "another user's" : "the same user's";
	pid_t pid = start(holder, nobody), child;

	ok(life_of(0) == 1 && life_of(1) == 1, "%s: both live", whose);
	kill(pid, SIGSTOP);
	ok(life_of(0) == 1 && life_of(1) == 1, "stopped: both live");
	kill(pid, SIGCONT);
	rig_tell(&told[GO], 1);
	rig_await(&told[JOINED], 100);
	ok(life_of(0) == -1 && life_of(1) == 1, "one leaves, the other lives");
	kill(pid, SIGKILL);
	rig_wait(pid);
	ok(comes_back(), "killed: its strides come back by the server");
	ok(life_of(1) == -1, "and its slot is free");

	pid = start(parent, nobody);
	child = (pid_t)rig_told(&told[CHILD]);
	kill(pid, SIGKILL);
	rig_wait(pid);
	ok(comes_back(), "killed while its child lives: they come back");
	kill(child, SIGKILL);
	rig_wait(child);

	pid = start(holder, nobody);
	rig_tell(&told[GO], 2);
	is_int(rig_wait(pid), 0, "it leaves in order");
	ok(rig_all_free(scene.plane), "nothing is left");
}

/* ns from a kill until the server has settled it. */
static uint64_t settle_one(int nobody)
{
	pid_t pid = start(holder, nobody);
	uint64_t begin;

	rig_sleep(200 * MS); /* the looks for the one before are over */
	begin = aether_clock_now();
	kill(pid, SIGKILL);
	need(comes_back());
	begin = aether_clock_now() - begin;
	rig_wait(pid);
	return begin;
}

/* The longest of eight: looks once in 100 ms would take longer, mostly. */
static uint64_t settle_eight(int nobody)
{
	uint64_t longest = 0;

	for (int i = 0; i < 8; i++) {
		uint64_t took = settle_one(nobody);

		longest = took > longest ? took : longest;
	}
	return longest;
}

static void at_once(int nobody)
{
	uint64_t took = rig_quickest(settle_eight, nobody, 40 * MS);

	ok(took < 40 * MS, "eight hang up: each is settled at once (%llu us)",
	   (unsigned long long)(took / 1000));
}

/* A child attaches anew by its parent's attachment, over the socket. */
static int child_again(void *argument)
{
	struct aether_plane *again = rig_again(argument);
	struct aether_participant *me = NULL;
	struct aether_error error;

	if (aether_participant_join(again, NULL, &error, &me) < 0)
		return 1;
	rig_reserve(me);
	aether_participant_leave(me);
	return aether_plane_detach(again) < 0 ? 2 : 0;
}

static int reattaches(void *argument)
{
	struct aether_plane *plane;

	(void)argument;
	if (become_nobody())
		return 1;
	plane = attach_over(0);
	return plane ? 10 * rig_wait(rig_fork(child_again, plane)) : 2;
}

/* Two that live by one description know each other as alive. */
static int sees_itself(void *argument)
{
	struct aether_plane *plane;
	struct aether_participant *a, *b;
	struct aether_reap_report report;
	uint32_t slot;
	int wrong;

	(void)argument;
	if (become_nobody())
		return 1;
	plane = attach_over(0);
	if (!plane)
		return 2;
	a = rig_join(plane);
	b = rig_join(plane);
	aether_reap(a, &report);
	wrong = report.dead != 0 || ae_host_life_test(plane, b->slot) != 1 ||
		ae_host_life_test(plane, a->slot) != 1;
	slot = b->slot;
	rig_reserve(b);
	wrong |= aether_participant_held(b) != 1;
	aether_participant_leave(a);
	wrong |= ae_host_life_test(plane, b->slot) != 1;
	aether_participant_leave(b);
	wrong |= ae_host_life_test(plane, slot) != 0;
	return wrong ? 3 : aether_plane_detach(plane);
}

static void *joins_often(void *argument)
{
	struct aether_participant_options o = { .unwatched = 1 };
	uintptr_t dead = 0;

	for (int i = 0; i < 2000; i++) {
		struct aether_participant *me = rig_join_with(argument, &o);

		dead += ae_host_life_test(me->plane, me->slot) != 1;
		aether_participant_leave(me);
	}
	return (void *)dead;
}

/* Two threads join by one attachment: neither takes, or gives back, the
 * other's lock, though it is of the same description. */
static int joins_at_once(void *argument)
{
	struct aether_plane *plane;
	pthread_t threads[2];
	void *dead[2];

	(void)argument;
	if (become_nobody())
		return 1;
	plane = attach_over(0);
	if (!plane)
		return 2;
	for (int i = 0; i < 2; i++)
		need(pthread_create(&threads[i], NULL, joins_often, plane) ==
		     0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], &dead[i]);
	if (dead[0] || dead[1])
		return 3;
	return aether_plane_detach(plane) < 0 ? 4 : 0;
}

/* Nobody serves any more: one who can open control anew needs nobody, and is
 * told of no error. */
static void reattaches_alone(struct aether_plane *plane)
{
	struct aether_error error = { .code = 0 };
	struct aether_plane *made = NULL;

	is_int(aether_plane_reattach(plane, NULL, &error, &made), 0,
	       "who attached may attach anew when nobody serves");
	is_int(error.code, 0, "and no error is told");
	aether_plane_detach(made);
	aether_plane_detach(plane);
}

static void lives(void)
{
	pid_t server = serving_start(&scene);
	struct aether_plane *plane = attach_over(0);

	need(plane);
	told = rig_shared(WORDS * sizeof(*told));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	clients_die(0);
	at_once(0);
	if (geteuid() == 0) {
		grant_nobody(AETHER_RIGHT_WRITE);
		clients_die(1);
		at_once(1);
		is_int(rig_wait(rig_fork(reattaches, NULL)), 0,
		       "another user's child attaches anew, and joins");
		is_int(rig_wait(rig_fork(sees_itself, NULL)), 0,
		       "participants of one attachment see each other live");
		is_int(rig_wait(rig_fork(joins_at_once, NULL)), 0,
		       "two threads join at once, again and again");
	} else {
		skip("death of a second user: needs root to become nobody");
	}
	is_int(serving_stop(&scene, server), 0, "the server ends in order");
	reattaches_alone(plane);
}

/* ---- servers */

struct crowd {
	struct aether_word64 attached, end;
};

static int attaches(void *argument)
{
	struct crowd *crowd = argument;

	while (!rig_told(&crowd->end)) {
		struct aether_plane *plane = attach_over(0);
		struct aether_participant *me;

		if (!plane || digits(plane) != 3333)
			return 1;
		if (rig_told(&crowd->attached) % 3 == 0) {
			me = rig_join(plane);
			rig_reserve(me);
			aether_participant_leave(me);
		}
		if (aether_plane_detach(plane) < 0)
			return 2;
		ae_add64_relaxed(&crowd->attached, 1);
	}
	return 0;
}

static void more(const struct crowd *crowd, uint64_t n)
{
	rig_await(&crowd->attached, rig_told(&crowd->attached) + n);
}

static void take_over(void)
{
	struct crowd *crowd = rig_shared(sizeof(*crowd));
	pid_t servers[2], clients[3];
	struct stat before, after;
	int status = 0;

	servers[0] = serving_start(&scene);
	need(stat(serving_path, &before) == 0);
	scene.along = 1;
	servers[1] = serving_start(&scene);
	for (int i = 0; i < 3; i++)
		clients[i] = rig_fork(attaches, crowd);
	for (int i = 0; i < 10; i++) {
		more(crowd, 10);
		kill(servers[i % 2], SIGKILL);
		rig_wait(servers[i % 2]);
		more(crowd, 10);
		servers[i % 2] = serving_start(&scene);
	}
	need(stat(serving_path, &after) == 0);
	is_int(after.st_ino, before.st_ino, "it is the same socket");
	kill(servers[0], SIGSTOP);
	more(crowd, 20);
	ok(1, "one server is stopped, clients go on by the other");
	kill(servers[0], SIGCONT);
	rig_tell(&crowd->end, 1);
	for (int i = 0; i < 3; i++)
		status |= rig_wait(clients[i]);
	is_int(status, 0,
	       "ten servers were killed, and %llu attached: none "
	       "failed",
	       (unsigned long long)rig_told(&crowd->attached));
	rig_tell(&scene.words->end, 1);
	status = rig_wait(servers[0]) | rig_wait(servers[1]);
	rig_tell(&scene.words->end, 0);
	is_int(status, 0, "both servers end in order");
	ok(stat(serving_path, &after) < 0, "the last one removes the socket");
	ok(rig_all_free(scene.plane), "nothing is left");
	scene.along = 0;
	munmap(crowd, sizeof(*crowd));
}

/* A client that waits for a server that is stopped keeps its deadline; when
 * that one goes on, or another comes, it is answered. */
static void stopped(void)
{
	struct aether_attach_options soon = { .patience = 50 };
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;
	pid_t server = serving_start(&scene), client;
	struct crowd *crowd = rig_shared(sizeof(*crowd));

	kill(server, SIGSTOP);
	is_int(aether_plane_attach_with(serving_path, &soon, &error, &plane),
	       AETHER_ETIMEDOUT, "the only server is stopped: %s", error.text);
	client = rig_fork(attaches, crowd);
	rig_sleep(20 * MS);
	kill(server, SIGCONT);
	more(crowd, 1);
	rig_tell(&crowd->end, 1);
	is_int(rig_wait(client), 0, "it goes on, and answers who waited");
	is_int(serving_stop(&scene, server), 0, "the server ends in order");
	munmap(crowd, sizeof(*crowd));
}

/* ---- sockets */

static int races(void *argument)
{
	struct aether_word64 *go = argument;
	struct aether_plane *plane = rig_again(scene.plane);
	struct aether_server *server = NULL;
	int err;

	rig_await(go, 1);
	err = aether_server_open(plane, serving_path, NULL, NULL, &server);
	if (err < 0)
		return err == AETHER_EEXIST ? 0 : 1;
	rig_await(go, 2);
	aether_server_turn(server);
	_exit(7); /* and leaves its socket behind */
}

static void stale(void)
{
	struct aether_word64 *go = rig_shared(sizeof(*go));
	struct aether_error error;
	struct aether_plane *plane = NULL;
	struct aether_server *server = NULL;
	char hidden[120];
	pid_t pids[4];
	int won = 0, fd;

	for (int round = 0; round < 5; round++) {
		int winners = 0;

		rig_tell(go, 0);
		for (int i = 0; i < 4; i++)
			pids[i] = rig_fork(races, go);
		rig_tell(go, 1);
		/* the losers end, the winner waits */
		while (winners < 3)
			if (waitpid(-1, NULL, WNOHANG) > 0)
				winners++;
			else
				rig_sleep(MS / 4);
		rig_tell(go, 2);
		for (int i = 0; i < 4; i++)
			won += rig_wait(pids[i]) == 7;
	}
	is_int(won, 5, "four begin at once, five times: one of them serves");
	is_int(aether_plane_attach(serving_path, 0, &error, &plane),
	       AETHER_ENOENT, "nobody serves any more: %s", error.text);
	snprintf(hidden, sizeof(hidden), "%s/.aether-socket.1", rig_directory);
	fd = open(hidden, O_CREAT | O_RDWR, 0600);
	need(fd >= 0);
	close(fd);
	is_int(aether_server_open(scene.plane, serving_path, NULL, &error,
				  &server),
	       0, "a stale socket is replaced");
	ok(access(hidden, F_OK) < 0, "what a killed one left is removed");
	aether_server_close(server);
	need(close(open(serving_path, O_CREAT | O_RDWR, 0600)) == 0);
	is_int(aether_server_open(scene.plane, serving_path, NULL, &error,
				  &server),
	       AETHER_EEXIST, "no socket: %s", error.text);
	is_int(aether_plane_attach(serving_path, 0, &error, &plane),
	       AETHER_EPLANE, "nor to attach to: %s", error.text);
	unlink(serving_path);
	is_int(aether_plane_attach(serving_path, 0, &error, &plane),
	       AETHER_ENOENT, "nothing there: %s", error.text);
	munmap(go, sizeof(*go));
}

static void tests(void)
{
	int before = rig_descriptors();

	serving_begin(&scene);
	lives();
	take_over();
	stopped();
	stale();
	serving_end(&scene);
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
