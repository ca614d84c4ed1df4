/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life: the kernel knows who lives. Killed, stopped, silent, a zombie, another
 * program by now: a participant is alive exactly as long as its process holds
 * it, and no time that passes is evidence of death.
 */
#include <sys/ptrace.h>
#include <sys/socket.h>
#include "lives.h"

/* Longer than any interval in the code: spins, retries, looks. */
#define LONG (5 * PERIOD)

static void killed(void)
{
	struct aether_participant *me;
	struct aether_reap_report report;
	pid_t pid;

	lives_begin(3);
	pid = start(sleeper);
	is_int(life_of(0), 1, "a child lives");
	end(pid);
	is_int(life_of(0), 0, "dead at once");
	is_int(rig_count(plane, AETHER_STATE_BUSY), 1, "what it held is held");
	me = rig_join(plane);
	ok(rig_all_free(plane), "until somebody joins: that reaps");
	is_int(life_of(me->slot), 1, "one's own life is seen");
	is_int(life_of(1 - me->slot), -1, "the dead one's slot is free");
	is_int(aether_reap(me, &report), 0, "a reap");
	is_int(report.dead, 0, "finds nobody");
	aether_participant_leave(me);
	ok(life_of(0) == -1 && life_of(1) == -1, "left: nobody sits there");
	lives_end();
}

/* Others may reap as often as they like: who lives keeps what it has. */
static void is_untouched(struct aether_participant *me, const char *how)
{
	struct aether_reap_report report = { .dead = 9 };

	is_int(life_of(0), 1, "%s: alive", how);
	is_int(aether_reap(me, &report), 0, "%s: a reap", how);
	is_int(report.dead + report.freed, 0, "%s: settles nothing", how);
	rig_sleep(LONG);
	is_int(life_of(0), 1, "%s: alive after a while", how);
	is_int(rig_count(plane, AETHER_STATE_BUSY), 1, "%s: has what it had",
	       how);
}

static void silent(void)
{
	struct aether_participant *me;
	pid_t pid;

	lives_begin(3);
	pid = start(sleeper);
	me = rig_join(plane);
	is_untouched(me, "silent");
	end(pid);
	aether_participant_leave(me);
	lives_end();
}

static void stopped(void)
{
	struct aether_participant *me;
	int status;
	pid_t pid;

	lives_begin(3);
	pid = start(sleeper);
	me = rig_join(plane);
	kill(pid, SIGSTOP);
	need(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	is_untouched(me, "stopped");
	kill(pid, SIGCONT);
	is_int(life_of(0), 1, "alive when it goes on");
	end(pid);
	aether_participant_leave(me);
	lives_end();
}

static void debugged(void)
{
	struct aether_participant *me;
	int status;
	pid_t pid;

	lives_begin(3);
	pid = start(sleeper);
	me = rig_join(plane);
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0) {
		skip("ptrace is refused: %s", strerror(errno));
	} else {
		need(waitpid(pid, &status, __WALL) == pid);
		is_untouched(me, "held by a debugger");
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		is_int(life_of(0), 1, "alive when it is let go");
	}
	end(pid);
	aether_participant_leave(me);
	lives_end();
}

static void zombie(void)
{
	siginfo_t ended;
	pid_t pid;

	lives_begin(3);
	pid = start(sleeper);
	kill(pid, SIGKILL);
	need(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT) == 0);
	ok(kill(pid, 0) == 0, "killed, and not waited for: a zombie");
	is_int(life_of(0), 0, "is dead");
	rig_wait(pid);
	lives_end();
}

static int becomes_another(void *unused)
{
	(void)unused;
	settle();
	rig_await(&told[GO], 1);
	become_another_program();
	return 4;
}

static void another_program(void)
{
	pid_t pid;

	lives_begin(3);
	pid = start(becomes_another);
	is_int(life_of(0), 1, "alive before it becomes another program");
	rig_tell(&told[GO], 1);
	await_another_program(pid);
	ok(kill(pid, 0) == 0, "its process lives on as another program");
	is_int(life_of(0), 0, "the participant is dead");
	end(pid);
	lives_end();
}

static int sockets[2];

/* The descriptor of the plane, to another process by a socket. */
static void pass(int fd)
{
	char room[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 0;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = room,
				  .msg_controllen = sizeof(room) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	need(sendmsg(sockets[1], &message, 0) == 1);
}

static int receive(void)
{
	char room[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = room,
				  .msg_controllen = sizeof(room) };
	int fd = -1;

	need(recvmsg(sockets[0], &message, MSG_CMSG_CLOEXEC) == 1);
	need(CMSG_FIRSTHDR(&message));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* Passes the plane by a socket, and to another program by inheritance. */
static int passes_on(void *unused)
{
	int fd = aether_plane_fd(settle()->plane);
	pid_t pid;

	(void)unused;
	pass(fd);
	need(dup(fd) >= 0);
	pid = fork();
	if (pid == 0)
		become_another_program();
	rig_tell(&told[CHILD], (uint64_t)pid);
	sleep_long();
}

static void passed_on(void)
{
	void *at;
	pid_t pid;
	int fd;

	lives_begin(3);
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	pid = start(passes_on);
	fd = receive();
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(at != MAP_FAILED);
	rig_await(&told[CHILD], 1);
	await_another_program((pid_t)rig_told(&told[CHILD]));
	is_int(life_of(0), 1, "alive; its plane is passed on and mapped");
	end(pid);
	is_int(life_of(0), 0, "and dead, whoever has its plane");
	end_grandchild();
	munmap(at, 4096);
	close(fd);
	close(sockets[0]);
	close(sockets[1]);
	lives_end();
}

/* Opens and closes its plane's file in all ways but the life descriptor. */
static int closes(void *unused)
{
	int fd = aether_plane_fd(settle()->plane);
	char path[64];

	(void)unused;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	need(close(open(path, O_RDWR)) == 0);
	need(close(dup(fd)) == 0);
	need(aether_plane_detach(rig_again(plane)) == 0);
	need(close(fd) == 0);
	rig_tell(&told[WENT], 1);
	sleep_long();
}

static void stray_close(void)
{
	pid_t pid;

	lives_begin(3);
	pid = start(closes);
	rig_await(&told[WENT], 1);
	is_int(life_of(0), 1, "alive, whatever else of the file it closes");
	end(pid);
	is_int(life_of(0), 0, "and dead when it is");
	lives_end();
}

static void observers(void)
{
	struct aether_participant *me, *no = NULL;
	struct aether_participant_info info = { .alive = 9 };
	struct aether_plane *watcher = NULL;
	uint64_t found;

	lives_begin(4);
	me = rig_join(plane);
	need(aether_plane_attach_fd(aether_plane_fd(plane),
				    AETHER_ATTACH_OBSERVE, NULL,
				    &watcher) == 0);
	is_int(aether_participant_join(watcher, NULL, NULL, &no),
	       AETHER_EREADONLY, "an observer does not join");
	is_int(aether_participant_look(watcher, 0, &info), 0, "but looks");
	is_int(info.alive, 1, "and sees who lives");
	is_int(aether_participant_find(watcher, info.name, &found), 0,
	       "and finds");
	is_int(aether_plane_detach(watcher), 0, "detached");
	aether_participant_leave(me);
	lives_end();
}

static void tests(void)
{
	killed();
	silent();
	stopped();
	debugged();
	zombie();
	another_program();
	passed_on();
	stray_close();
	observers();
}

int main(void)
{
	return rig_run(tests);
}
