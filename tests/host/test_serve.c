/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching over a socket: who gets what, and that he cannot get more of it,
 * really tried, by a second user too.
 */
#include <dirent.h>
#include <sys/mman.h>
#include "posix.h"
#include "serving.h"

static struct serving scene;

/* How many descriptions two attachments have in common: a position that one
 * sets is the other's. */
static int shared_by(const struct aether_plane *one,
		     const struct aether_plane *two)
{
	struct aether_plane_objects a, b;
	int n = 0;

	aether_plane_objects(one, &a);
	aether_plane_objects(two, &b);
	for (uint32_t i = 0; i < ae_posix_object_count(&one->geometry); i++) {
		int from = *ae_posix_object(&one->geometry, &a, i).fd;
		int to = *ae_posix_object(&two->geometry, &b, i).fd;

		if (from < 0 || to < 0)
			continue;
		lseek(from, (off_t)i + 1, SEEK_SET);
		n += lseek(to, 0, SEEK_CUR) == (off_t)i + 1;
		lseek(from, 0, SEEK_SET);
	}
	return n;
}

/* Descriptors of a process. */
static int open_for(pid_t pid)
{
	struct dirent *entry;
	char path[40];
	DIR *files;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	files = opendir(path);
	need(files != NULL);
	while ((entry = readdir(files)))
		n += entry->d_name[0] != '.';
	closedir(files);
	return n;
}

/* ---- the same user */

/* What to ask for, and whom; or to ask for all that one has. */
static void advised(void)
{
	struct aether_attach_options less = { .read_only = ~UINT64_C(0) };
	struct aether_plane *plane = attach_over(0);
	struct aether_error error;
	char grant[60];

	snprintf(grant, sizeof(grant), "aether grant SOCKET %u write",
		 (unsigned int)geteuid());
	aether_segment_refuse(plane, AETHER_RIGHT_WRITE, &error, "no");
	ok(strstr(error.text, grant) && !strstr(error.text, "read_only"),
	   "whom to grant what: %s", error.text);
	need(aether_plane_detach(plane) == 0);
	need(aether_plane_attach_with(serving_path, &less, &error, &plane) ==
	     0);
	aether_segment_refuse(plane, AETHER_RIGHT_WRITE, &error, "no");
	ok(strstr(error.text, "attach without read_only") != NULL,
	   "who asked for less is told so: %s", error.text);
	need(aether_plane_detach(plane) == 0);
}

static void same_user(void)
{
	pid_t server = serving_start(&scene);
	int before = open_for(server);
	struct aether_plane *one = attach_over(0), *two = attach_over(0);
	struct aether_participant *me;
	struct aether_server *none = NULL;
	struct aether_error error;
	uint64_t handle;
	struct stat st;
	void *bytes;

	need(one && two);
	is_int(digits(one), 3333, "the plane's user has all rights");
	need(stat(serving_path, &st) == 0);
	ok(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0666,
	   "the path is a socket, open to be asked");
	me = rig_join(one);
	need(aether_stride_reserve_in(me, 3, &handle) == 0);
	need(aether_stride_bytes(me, handle, NULL, &bytes) == 0);
	*(char *)bytes = 77;
	is_int(scene.plane->base[(unsigned char *)bytes - one->base], 77,
	       "of one memory");
	is_int(shared_by(one, two) + shared_by(one, scene.plane), 0,
	       "each client has descriptions of its own");
	/* it closes after it sends */
	for (uint64_t end = aether_clock_after(RIG_HANG);
	     open_for(server) != before + 2 && aether_clock_now() < end;)
		rig_sleep(MS);
	is_int(open_for(server), before + 2, "the server keeps none of them");
	advised();
	is_int(aether_server_open(one, serving_path, NULL, &error, &none),
	       AETHER_EEXIST, "served already: %s", error.text);
	aether_participant_leave(me);
	ok(rig_all_free(scene.plane), "all are free");
	is_int(aether_plane_detach(one), 0, "detached");
	is_int(aether_plane_detach(two), 0, "the other one too");
	rig_await(&scene.words->info[3], 2);
	while (rig_told(&scene.words->info[0]))
		rig_sleep(MS);
	is_int(rig_told(&scene.words->info[6]), 0,
	       "who detaches does not hang up");
	is_int(serving_stop(&scene, server), 0, "the server ends in order");
	ok(stat(serving_path, &st) < 0, "and its socket is gone");
}

static void asks_for_less(void)
{
	struct aether_attach_options less = { .hidden = 8,
					      .no_data = 4,
					      .read_only = 2 };
	pid_t server = serving_start(&scene);
	struct aether_plane *plane = NULL;
	struct aether_plane_objects o;

	need(aether_plane_attach_with(serving_path, &less, NULL, &plane) == 0);
	is_int(digits(plane), 3210, "who asks for less has less");
	aether_plane_objects(plane, &o);
	ok(o.leases[3] < 0 && o.data[3] < 0 && o.data[2] < 0 &&
		   (fcntl(o.data[1], F_GETFL) & O_ACCMODE) == O_RDONLY,
	   "and no descriptors that allow more");
	aether_plane_detach(plane);
	is_int(serving_stop(&scene, server), 0, "the server ends in order");
}

/* ---- a second user: write, read, route and no right to segments 0 to 3 */

static int cannot_write(int fd, size_t size)
{
	char path[40];
	void *at;

	if (mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) !=
		    MAP_FAILED ||
	    errno != EACCES)
		return 1;
	at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return 2;
	if (mprotect(at, size, PROT_READ | PROT_WRITE) == 0 || errno != EACCES)
		return 3;
	munmap(at, size);
	if (pwrite(fd, "x", 1, 0) >= 0 || errno != EBADF)
		return 4;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (open(path, O_RDWR) >= 0 || errno != EACCES)
		return 5;
	if (open(path, O_RDONLY) >= 0 || fchmod(fd, 0666) == 0 ||
	    chmod(path, 0666) == 0)
		return 6;
	if (ftruncate(fd, 0) == 0 ||
	    fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0,
		      4096) == 0)
		return 7;
	return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 ? 8 : 0;
}

struct attempt {
	uint64_t at;
	uint32_t flags;
	int write;
};

/* In a child, which attaches over the socket anew. */
static int touch(void *argument)
{
	struct attempt *a = argument;
	struct aether_plane *plane = attach_over(a->flags);

	if (!plane)
		return 1;
	rig_expect_fault();
	rig_touch(plane->base + a->at, a->write);
	return 0;
}

/* 0: faults; 1: can be read; 2: and written. */
static int can(uint64_t at, uint32_t flags)
{
	struct attempt a = { .at = at, .flags = flags };
	int reads = rig_wait(rig_fork(touch, &a));

	a.write = 1;
	return 2 - (reads == FAULT) - (rig_wait(rig_fork(touch, &a)) == FAULT);
}

/* What can be done to control, and to leases and data of each segment. */
static long long access_by(const struct aether_plane *plane, uint32_t flags)
{
	struct aether_segment_info is;
	long long n = can(4096, flags);

	for (uint32_t i = 0; i < SEGMENTS; i++) {
		need(aether_segment_look(plane, i, &is) == 0);
		n = 10 * n + can(is.leases_offset + is.leases_size - 1, flags);
		n = 10 * n + can(is.data_offset + is.data_size - 1, flags);
	}
	return n;
}

/* Works where it may, and nowhere else. */
static int work(struct aether_plane *plane)
{
	struct aether_participant *me = NULL;
	uint64_t handle, taken;
	void *bytes;

	if (aether_participant_join(plane, NULL, NULL, &me) < 0)
		return 20;
	if (aether_stride_reserve_in(me, 0, &handle) < 0 ||
	    aether_stride_bytes(me, handle, NULL, &bytes) < 0)
		return 21;
	*(char *)bytes = 1;
	for (uint32_t i = 1; i < SEGMENTS; i++)
		if (aether_stride_reserve_in(me, i, &taken) != AETHER_EACCES)
			return 22;
	if (aether_route(me, handle, aether_participant_tenancy(me)) < 0 ||
	    aether_route_take(me, &taken) < 0 ||
	    aether_stride_release(me, taken) < 0)
		return 23;
	aether_participant_leave(me);
	return 0;
}

static int as_nobody(void *argument)
{
	struct aether_plane *plane, *other, *observed;
	struct aether_plane_objects o;
	int err;

	(void)argument;
	if (become_nobody())
		return 1;
	plane = attach_over(0);
	if (!plane)
		return 2;
	if (digits(plane) != 3210)
		return 3;
	aether_plane_objects(plane, &o);
	other = attach_over(0);
	if (!other || shared_by(plane, other) || aether_plane_detach(other) < 0)
		return 9;
	err = cannot_write(o.data[1], SIZE);
	if (err)
		return 30 + err;
	if (o.data[2] >= 0 || o.leases[3] >= 0 || o.data[3] >= 0)
		return 4;
	err = work(plane);
	if (err)
		return err;
	if (access_by(plane, 0) != 222212000)
		return 5;
	observed = attach_over(AETHER_ATTACH_OBSERVE);
	if (!observed || digits(observed) != 2210)
		return 6;
	aether_plane_objects(observed, &o);
	err = cannot_write(o.control, SIZE);
	if (!err)
		err = cannot_write(o.leases[0], 4096);
	if (!err)
		err = cannot_write(o.data[0], SIZE);
	if (err)
		return 40 + err;
	if (access_by(observed, AETHER_ATTACH_OBSERVE) != 111111000)
		return 7;
	aether_plane_detach(observed);
	return aether_plane_detach(plane) < 0 ? 8 : 0;
}

static int is_refused(void *argument)
{
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;
	uint32_t *flags = argument;
	int err;

	if (become_nobody())
		return 1;
	err = aether_plane_attach(serving_path, *flags, &error, &plane);
	printf("# %s\n", error.text);
	fflush(stdout);
	if (err != AETHER_EACCES || error.code != err)
		return 2;
	if (!strstr(error.text, "65534") || plane)
		return 3;
	return strstr(error.text, "aether grant") ? 0 : 4;
}

/* Rules are not his either, nor is it to serve. */
static int may_not_rule(void *argument)
{
	struct aether_grant grant = { .who = AETHER_WHO_USER,
				      .id = NOBODY,
				      .right = AETHER_RIGHT_WRITE,
				      .segments = 15 };
	struct aether_server *server = NULL;
	struct aether_error error;
	struct aether_plane *plane;

	(void)argument;
	if (become_nobody())
		return 1;
	if (aether_socket_grant(serving_path, &grant, &error) !=
		    AETHER_EACCES ||
	    aether_socket_rules(serving_path, 1, &error, &grant) !=
		    AETHER_EACCES)
		return 2;
	plane = attach_over(0);
	if (!plane)
		return 3;
	return aether_server_join(plane, NULL, &error, &server) == AETHER_EACCES
		       ? 0
		       : 4;
}

static void second_user(void)
{
	struct aether_grant grants[] = {
		{ AETHER_WHO_USER, NOBODY, AETHER_RIGHT_WRITE, 0, 1 },
		{ AETHER_WHO_GROUP, NOBODY, AETHER_RIGHT_READ, 0, 3 },
		{ AETHER_WHO_ANYONE, 0, AETHER_RIGHT_ROUTE, 0, 7 },
	};
	struct aether_grant listed[4];
	uint32_t flags = 0;
	pid_t server;

	if (geteuid() != 0) {
		skip("rights of a second user: needs root to become nobody");
		return;
	}
	server = serving_start(&scene);
	is_int(rig_wait(rig_fork(is_refused, &flags)), 0,
	       "who was granted nothing is told what to do");
	for (int i = 0; i < 3; i++)
		is_int(aether_socket_grant(serving_path, &grants[i], NULL), 0,
		       "granted");
	is_int(aether_socket_rules(serving_path, 4, NULL, listed), 3,
	       "three rules");
	ok(memcmp(listed, grants, sizeof(grants)) == 0, "these");
	is_int(rig_wait(rig_fork(as_nobody, NULL)), 0,
	       "a user, its group, anyone: who is closest counts; descriptions "
	       "are its own, no more can be had of it, and observers write "
	       "nothing");
	is_int(rig_wait(rig_fork(may_not_rule, NULL)), 0,
	       "rules are their owner's, and to serve must be granted");
	grants[0].right = grants[1].right = AETHER_RIGHT_UNSAID;
	grants[2].flags = AETHER_GRANT_OBSERVE;
	for (int i = 0; i < 3; i++)
		need(aether_socket_grant(serving_path, &grants[i], NULL) == 0);
	is_int(aether_socket_rules(serving_path, 4, NULL, listed), 1,
	       "what is forgotten is no rule");
	is_int(rig_wait(rig_fork(is_refused, &flags)), 0,
	       "who may only observe takes no part");
	grants[0].right = AETHER_RIGHT_NONE;
	grants[0].segments = 15;
	need(aether_socket_grant(serving_path, &grants[0], NULL) == 0);
	flags = AETHER_ATTACH_OBSERVE;
	is_int(rig_wait(rig_fork(is_refused, &flags)), 0,
	       "a user's own `none` is closer than anyone's right");
	grants[0].segments = 16;
	is_int(aether_socket_grant(serving_path, &grants[0], NULL),
	       AETHER_EINVAL, "there is no segment 4");
	is_int(serving_stop(&scene, server), 0, "the server ends in order");
	ok(rig_all_free(scene.plane), "nothing is left");
}

/* ---- planes of other kinds */

struct whole {
	struct aether_plane *plane;
	struct aether_word64 *ready, *end;
};

static int serve_whole(void *argument)
{
	struct whole *w = argument;
	struct aether_plane *plane = rig_again(w->plane);
	struct aether_grant grant = { AETHER_WHO_USER, NOBODY,
				      AETHER_RIGHT_READ, 0, 1 };
	struct aether_server_options o = { .count = 1, .grants = &grant };
	struct aether_server *server;

	if (aether_server_open(plane, serving_path, &o, NULL, &server) < 0)
		return 1;
	rig_tell(w->ready, 1);
	while (!rig_told(w->end)) {
		aether_server_turn(server);
		rig_sleep(MS / 4);
	}
	if (aether_plane_detach(plane) != AETHER_EBUSY)
		return 2;
	aether_server_close(server);
	return aether_plane_detach(plane) < 0;
}

static int reads_whole(void *argument)
{
	uint32_t flags = 0;
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;

	(void)argument;
	if (become_nobody())
		return 1;
	if (aether_plane_attach(serving_path, flags, &error, &plane) !=
		    AETHER_EACCES ||
	    !strstr(error.text, "--segments"))
		return 2;
	plane = attach_over(AETHER_ATTACH_OBSERVE);
	return plane ? cannot_write(aether_plane_fd(plane), SIZE) : 3;
}

static void undivided(void)
{
	struct aether_word64 *words = rig_shared(2 * sizeof(*words));
	struct whole w = { rig_plane(64, SIZE, 4), words, words + 1 };
	pid_t server = rig_fork(serve_whole, &w);
	struct aether_plane *plane;
	struct aether_segment_info is;

	rig_await(w.ready, 1);
	plane = attach_over(0);
	need(plane && aether_segment_look(plane, 0, &is) == 0);
	is_int(is.right, AETHER_RIGHT_WRITE, "an undivided plane");
	aether_plane_detach(plane);
	if (geteuid() == 0)
		is_int(rig_wait(rig_fork(reads_whole, NULL)), 0,
		       "with `read` it can only be observed");
	else
		skip("reading an undivided plane: needs root to become nobody");
	rig_tell(w.end, 1);
	is_int(rig_wait(server), 0, "a plane that is served is in use");
	aether_plane_detach(w.plane);
	munmap(words, 2 * sizeof(*words));
}

static void tests(void)
{
	int before = rig_descriptors();

	serving_begin(&scene);
	same_user();
	asks_for_less();
	second_user();
	undivided();
	serving_end(&scene);
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
