/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks on an attach socket that need no nonsense: descriptors whose close
 * waits, links in a directory, forged users, rules that change in between,
 * children, signals, another plane at the same path.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include "life.h"
#include "serving.h"
#include "socket.h"
#include "wire.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#define SKIPPED 77

static struct serving scene;

/* ---- many */

static int receives; /* calls of this process */

/* In the place of the C library's, to count. */
ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	receives++;
	return syscall(SYS_recvmsg, fd, message, flags);
}

/* Sixteen of a user who has all the places that he may: each is refused, and
 * those who have them are asked once whether they have gone. */
static void crowd(void)
{
	struct aether_server_options o = { .patience = 60000, .per_user = 8 };
	struct aether_server_info info;
	struct aether_server *server = NULL;
	int fds[24];

	need(aether_server_open(scene.plane, serving_path, &o, NULL, &server) ==
	     0);
	for (int i = 0; i < 24; i++) {
		if (i == 8)
			aether_server_turn(server);
		need((fds[i] = serving_connect()) >= 0);
	}
	aether_server_look(server, &info);
	need(info.clients == 8);
	receives = 0;
	aether_server_turn(server);
	aether_server_look(server, &info);
	is_int(info.refused, 16, "who is one too many is refused");
	ok(receives <= 16, "and costs little: 8 clients, %d calls", receives);
	aether_server_close(server);
	ae_wire_close(fds, 24);
}

/* ---- descriptors that wait when they are closed */

/* A connection with more to send than its peer takes, that lingers. */
static int lingering(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct linger wait = { .l_onoff = 1, .l_linger = 60 };
	int to = socket(AF_INET, SOCK_STREAM, 0);
	int from = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(at);
	static char bytes[65536];

	need(bind(to, (struct sockaddr *)&at, size) == 0);
	need(listen(to, 1) == 0);
	need(getsockname(to, (struct sockaddr *)&at, &size) == 0);
	need(connect(from, (struct sockaddr *)&at, size) == 0);
	fcntl(from, F_SETFL, O_NONBLOCK);
	while (write(from, bytes, sizeof(bytes)) > 0)
		continue;
	need(setsockopt(from, SOL_SOCKET, SO_LINGER, &wait, sizeof(wait)) == 0);
	return from; /* the peer lives as long as this process */
}

static int sends_one_that_lingers(void *argument)
{
	struct aether_word64 *sent = argument;
	struct ae_wire_request request = { .options = { .flags = 0 } };
	int fd, line;

	if (geteuid() == 0 && become_nobody())
		return 1;
	fd = lingering();
	line = serving_connect();
	ae_wire_head(&request.head, AE_WIRE_ATTACH, sizeof(request));
	/* then the server has the last one; else it would wait here */
	if (ae_wire_send(line, &request, sizeof(request), &fd, 1) == 0)
		close(fd);
	rig_tell(sent, 1);
	return pause();
}

static void lingers(void)
{
	struct aether_attach_options o = { .patience = 10000 };
	struct aether_word64 *sent = rig_shared(sizeof(*sent));
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;
	int off = 0, fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	pid_t server, client;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) < 0) {
		skip("descriptors that linger: needs Linux 6.16");
		close(fd);
		return;
	}
	close(fd);
	server = serving_start(&scene);
	client = rig_fork(sends_one_that_lingers, sent);
	rig_await(sent, 1);
	is_int(aether_plane_attach_with(serving_path, &o, &error, &plane), 0,
	       "a stranger sends a descriptor that lingers: others attach %s",
	       error.text);
	aether_plane_detach(plane);
	kill(client, SIGKILL);
	rig_wait(client);
	is_int(serving_stop(&scene, server), 0, "the server ends in order");
	munmap(sent, sizeof(*sent));
}

/* ---- the directory */

static int mode_of(const char *path)
{
	struct stat st;

	need(stat(path, &st) == 0);
	return st.st_mode & 0777;
}

/* Whoever may write the directory puts something else in the new socket's
 * place: its rights do not change. */
static void linked(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int directory = open(rig_directory, O_RDONLY | O_DIRECTORY);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	char secret[120], link_to[120], second[120];

	snprintf(secret, sizeof(secret), "%s/secret", rig_directory);
	snprintf(link_to, sizeof(link_to), "%s/link", rig_directory);
	snprintf(second, sizeof(second), "%s/second", rig_directory);
	strcpy(at.sun_path, serving_path);
	need(close(open(secret, O_CREAT | O_RDWR, 0600)) == 0);
	need(symlink("secret", link_to) == 0);
	need(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	need(chmod(serving_path, 0600) == 0);
	is_int(ae_socket_rights(directory, "link", 0, 0), ELOOP,
	       "a link in the socket's place is refused");
	is_int(ae_socket_rights(directory, "secret", 0, 0), ELOOP,
	       "so is a file");
	is_int(mode_of(secret), 0600, "and it keeps its mode");
	need(unlink(link_to) == 0 && symlink("plane.sock", link_to) == 0);
	is_int(ae_socket_rights(directory, "link", 0, 0), ELOOP,
	       "also a link to another socket");
	is_int(mode_of(serving_path), 0600, "and it keeps its mode");
	need(link(serving_path, second) == 0);
	is_int(ae_socket_rights(directory, "second", 0, 0), ELOOP,
	       "and a socket with two names");
	unlink(second);
	is_int(ae_socket_rights(directory, "plane.sock", 0, 0), 0, "its own");
	is_int(mode_of(serving_path), 0666, "gets its mode");
	unlink(serving_path);
	unlink(link_to);
	unlink(secret);
	close(fd);
	close(directory);
}

static pid_t left;

static int fork_and_fail(void *fails, const struct ae_rules_socket *is)
{
	(void)is;
	if (!fails)
		return 0;
	left = fork();
	while (left == 0)
		pause();
	return AETHER_ESYS;
}

/* A child does not keep the directory's lock when to begin fails. */
static void lock_left(void)
{
	struct ae_socket_plan plan = { .path = serving_path,
				       .ready = fork_and_fail,
				       .user = &left };
	struct ae_socket s = { .directory = -1, .listen = { .fd = -1 } };

	is_int(ae_socket_open(&plan, NULL, &s), AETHER_ESYS, "cannot begin");
	plan.user = NULL;
	is_int(ae_socket_open(&plan, NULL, &s), 0,
	       "another one begins, though a child lives");
	ae_socket_remove(&s);
	ae_socket_close(&s);
	kill(left, SIGKILL);
	rig_wait(left);
}

/* ---- users */

static int refused_as_nobody(void)
{
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;

	if (aether_plane_attach(serving_path, 0, &error, &plane) !=
	    AETHER_EACCES)
		return 2;
	return strstr(error.text, "65534") ? 0 : 3;
}

/* Credentials beside a message are not asked for, and cannot be root's. */
static int claims_to_be_root(void *unused)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control = { .bytes = { 0 } };
	struct ae_wire_request request = { .options = { .flags = 0 } };
	struct iovec part = { &request, sizeof(request) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct ucred root = { .pid = getpid() };
	int fd;

	(void)unused;
	if (become_nobody())
		return 1;
	fd = serving_connect();
	ae_wire_head(&request.head, AE_WIRE_ATTACH, sizeof(request));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_CREDENTIALS;
	control.head.cmsg_len = CMSG_LEN(sizeof(root));
	memcpy(CMSG_DATA(&control.head), &root, sizeof(root));
	if (sendmsg(fd, &message, MSG_NOSIGNAL) >= 0 || errno != EPERM)
		return 4;
	return refused_as_nobody();
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n = write(fd, text, strlen(text));

	close(fd);
	return n == (ssize_t)strlen(text);
}

/* Root of a user namespace of its own. */
static int root_of_a_namespace(void *unused)
{
	(void)unused;
	if (become_nobody())
		return 1;
	prctl(PR_SET_DUMPABLE, 1);
	if (unshare(CLONE_NEWUSER) < 0 ||
	    !write_file("/proc/self/uid_map", "0 65534 1\n"))
		return SKIPPED;
	return getuid() == 0 && geteuid() == 0 ? refused_as_nobody() : 4;
}

/* Comes while he has a right, and asks when he has none. */
static int asks_late(void *argument)
{
	struct ae_wire_request request = { .options = { .flags = 0 } };
	struct ae_wire_reply reply = { .code = 0 };
	int fd;

	if (become_nobody())
		return 1;
	fd = serving_connect();
	rig_await(argument, 1);
	ae_wire_head(&request.head, AE_WIRE_ATTACH, sizeof(request));
	if (send(fd, &request, sizeof(request), 0) != sizeof(request) ||
	    recv(fd, &reply, sizeof(reply), 0) != sizeof(reply))
		return 2;
	return reply.code == AETHER_EACCES ? 0 : 3;
}

static void taken_back(void)
{
	struct aether_grant grant = { AETHER_WHO_USER, NOBODY,
				      AETHER_RIGHT_WRITE, 0, 15 };
	struct aether_word64 *go = rig_shared(sizeof(*go));
	pid_t client;

	need(aether_socket_grant(serving_path, &grant, NULL) == 0);
	while (rig_told(&scene.words->info[0]))
		rig_sleep(MS);
	client = rig_fork(asks_late, go);
	rig_await(&scene.words->info[0], 1);
	grant.right = AETHER_RIGHT_NONE;
	need(aether_socket_grant(serving_path, &grant, NULL) == 0);
	rig_tell(go, 1);
	is_int(rig_wait(client), 0,
	       "a right that was taken back before he asks is none");
	munmap(go, sizeof(*go));
}

static void users(void)
{
	pid_t server;
	int result;

	if (geteuid() != 0) {
		skip("forged users: needs root to become nobody");
		return;
	}
	scene.options.patience = 60000;
	server = serving_start(&scene);
	is_int(rig_wait(rig_fork(claims_to_be_root, NULL)), 0,
	       "who says that he is root is who he is");
	result = rig_wait(rig_fork(root_of_a_namespace, NULL));
	if (result == SKIPPED)
		skip("root of a user namespace: cannot be made here");
	else
		is_int(result, 0, "root of a namespace of his own is nobody");
	taken_back();
	is_int(serving_stop(&scene, server), 0, "the server ends in order");
	scene.options.patience = 0;
}

/* ---- children of a server */

struct forking {
	struct aether_word64 end;
	int baseline;
	int kept; /* children that had more */
};

static int open_files(void)
{
	int n = 0;

	for (int fd = 0; fd < 512; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* How many descriptors a child has. */
static int child_has(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(open_files());
	need(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void *forks_often(void *argument)
{
	struct forking *f = argument;

	for (int i = 0; i < 300; i++)
		f->kept += child_has() != f->baseline;
	/* release: what was found. pairs: seq_cst in rig_told */
	rig_tell(&f->end, 1);
	return NULL;
}

static int attaches_on(void *unused)
{
	(void)unused;
	while (aether_plane_detach(attach_over(0)) == 0)
		continue;
	return 1;
}

/* A server of which another thread forks all the time. */
static int serves_and_forks(void *unused)
{
	struct aether_plane *plane = rig_again(scene.plane);
	struct aether_server *server = NULL;
	struct forking f = { .kept = 0 };
	pthread_t thread;
	pid_t client;

	(void)unused;
	if (aether_server_open(plane, serving_path, NULL, NULL, &server) < 0)
		return 1;
	f.baseline = child_has();
	client = rig_fork(attaches_on, NULL);
	need(pthread_create(&thread, NULL, forks_often, &f) == 0);
	while (!rig_told(&f.end)) {
		struct pollfd wait = { .fd = aether_server_fd(server),
				       .events = POLLIN };

		poll(&wait, 1, 20);
		aether_server_turn(server);
	}
	pthread_join(thread, NULL);
	kill(client, SIGKILL);
	rig_wait(client);
	aether_server_close(server);
	return f.kept ? 2 : aether_plane_detach(plane) < 0;
}

/* ---- clients that wait */

static volatile sig_atomic_t ticks;

static void tick(int number)
{
	(void)number;
	if (++ticks > 2000)
		_exit(9);
}

/* Nobody accepts, and a signal comes every 5 ms. */
static int is_interrupted(void *unused)
{
	struct aether_attach_options o = { .patience = 100 };
	struct sigaction action = { .sa_handler = tick };
	struct itimerval often = { { 0, 5000 }, { 0, 5000 } };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct aether_plane *plane = NULL;
	int listens = socket(AF_UNIX, SOCK_SEQPACKET, 0), fd;

	(void)unused;
	strcpy(at.sun_path, serving_path);
	need(bind(listens, (struct sockaddr *)&at, sizeof(at)) == 0);
	need(listen(listens, 0) == 0);
	do
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	while (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	return aether_plane_attach_with(serving_path, &o, NULL, &plane) ==
			       AETHER_ETIMEDOUT
		       ? 0
		       : 1;
}

/* Another plane is served at the path by then. */
static void another_plane(void)
{
	pid_t server = serving_start(&scene);
	struct aether_plane *plane = attach_over(0);
	struct aether_server *along = NULL;
	struct aether_error error = { .code = 0 };
	struct serving other = scene;

	need(plane);
	is_int(serving_stop(&scene, server), 0, "the server ends in order");
	other.plane = create(NULL);
	server = serving_start(&other);
	is_int(aether_server_join(plane, NULL, &error, &along), AETHER_EGONE,
	       "not handed out by another plane's rules: %s", error.text);
	aether_server_close(along);
	is_int(aether_plane_detach(plane), 0, "detached");
	is_int(serving_stop(&other, server), 0, "the other one ends in order");
	need(aether_plane_detach(other.plane) == 0);
}

static void tests(void)
{
	int before = rig_descriptors();

	serving_begin(&scene);
	crowd();
	lingers();
	linked();
	lock_left();
	users();
	is_int(rig_wait(rig_fork(serves_and_forks, NULL)), 0,
	       "no child of a server keeps what is on its way to a client");
	is_int(rig_wait(rig_fork(is_interrupted, NULL)), 0,
	       "signals do not make a client wait for longer than it would");
	unlink(serving_path);
	another_plane();
	serving_end(&scene);
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
