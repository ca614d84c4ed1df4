/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile clients of an attach socket: they say nothing, nonsense or too much,
 * or are too many. Servers that lie: test_serve_lies.c.
 */
#include <sys/resource.h>
#include "life.h"
#include "serving.h"
#include "wire.h"

static struct serving scene;

/* ---- clients */

static uint64_t counted(int which)
{
	return rig_told(&scene.words->info[which]);
}

static void await_count(int which, uint64_t least)
{
	rig_await(&scene.words->info[which], least);
}

static int attaches(void)
{
	struct aether_plane *plane = attach_over(0);

	return plane && digits(plane) == 3333 &&
	       aether_plane_detach(plane) == 0;
}

static struct ae_wire_request ask_for(enum ae_wire_kind kind)
{
	struct ae_wire_request request = { .options = { .flags = 0 } };

	ae_wire_head(&request.head, kind, sizeof(request));
	return request;
}

/* Until the other end hangs up; 1: it said something before. */
static int heard_until_end(int fd)
{
	struct ae_wire_reply reply;
	int said = 0;
	ssize_t n;

	while ((n = recv(fd, &reply, sizeof(reply), 0)) != 0) {
		if (n < 0 && errno != ECONNRESET)
			return -1;
		said |= n > 0;
	}
	close(fd);
	return said;
}

/* What is not understood is answered by hanging up, at once. */
static void garbage(void)
{
	struct ae_wire_request bad[6];
	unsigned char long_one[2048] = { 0 };
	uint64_t seed = 7;
	int fds[8], fd, silent = 0, n = 0;

	for (int i = 0; i < 6; i++)
		bad[i] = ask_for(AE_WIRE_ATTACH);
	bad[0].head.magic ^= 1;
	bad[1].head.version++;
	bad[2].head.size++;
	bad[3].head.kind = 77;
	bad[4].head.kind = AE_WIRE_BYE;
	bad[5].head.kind = 0;
	for (int i = 0; i < 6; i++, n++) {
		fd = serving_connect();
		need(send(fd, &bad[i], sizeof(bad[i]), 0) > 0);
		silent += heard_until_end(fd) == 0;
	}
	for (size_t size = 1; size < sizeof(long_one); size += 89, n++) {
		for (size_t i = 0; i < size; i++)
			long_one[i] = (unsigned char)rig_random(&seed);
		fd = serving_connect();
		need(send(fd, long_one, size, 0) > 0);
		silent += heard_until_end(fd) == 0;
	}
	memcpy(long_one, &bad[3], sizeof(bad[3]));
	fd = serving_connect(); /* right, and something behind it */
	bad[0] = ask_for(AE_WIRE_ATTACH);
	memcpy(long_one, &bad[0], sizeof(bad[0]));
	need(send(fd, long_one, sizeof(bad[0]) + 1, 0) > 0);
	silent += heard_until_end(fd) == 0;
	is_int(silent, n + 1, "nonsense is hung up on");
	for (int i = 0; i < 8; i++)
		need((fds[i] = open("/dev/null", O_RDONLY)) >= 0);
	fd = serving_connect();
	/* where the kernel lets them through */
	if (ae_wire_send(fd, &bad[1], sizeof(bad[1]), fds, 8))
		need(send(fd, &bad[1], sizeof(bad[1]), 0) > 0);
	is_int(heard_until_end(fd), 0, "so is nonsense with descriptors");
	fd = serving_connect();
	if (ae_wire_send(fd, &bad[0], sizeof(bad[0]), fds, 8))
		need(send(fd, &bad[0], sizeof(bad[0]), 0) > 0);
	need(recv(fd, long_one, sizeof(long_one), 0) > 0);
	need(send(fd, "again", 5, 0) == 5);
	is_int(heard_until_end(fd), 0,
	       "one that is attached has nothing to say but goodbye");
	ae_wire_close(fds, 8);
	ok(attaches(), "and others attach");
}

/* Descriptors of another process. */
static int descriptors_of(pid_t pid)
{
	char path[40];
	DIR *directory;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	need(directory);
	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}

static void slow(void)
{
	int fds[8], ends = 0;

	for (int i = 0; i < 8; i++)
		need((fds[i] = serving_connect()) >= 0);
	await_count(0, 8);
	ok(attaches(), "eight say nothing, others attach");
	for (int i = 0; i < 8; i++)
		ends += heard_until_end(fds[i]) == 0;
	is_int(ends, 8, "who says nothing is hung up on");
}

/* More clients than may be: two of a user, four in all. */
static void limits(void)
{
	struct aether_error error;
	struct aether_plane *planes[4] = { 0 }, *more = NULL;

	for (int i = 0; i < 3; i++)
		need((planes[i] = attach_over(0)));
	is_int(aether_plane_attach(serving_path, 0, &error, &more),
	       AETHER_EBUSY, "there are three of this user: %s", error.text);
	aether_plane_detach(planes[1]);
	planes[1] = attach_over(0);
	ok(planes[1] != NULL, "one has gone, another one comes");
	for (int i = 0; i < 3; i++)
		aether_plane_detach(planes[i]);
}

/* A server that may open hardly any more: it says so, goes on, and does not
 * spin. */
static int starved(void *argument)
{
	struct rlimit most = { 0 };

	most.rlim_cur = most.rlim_max = (rlim_t)rig_descriptors() + 11 +
					3 * OBJECTS;
	need(setrlimit(RLIMIT_NOFILE, &most) == 0);
	return serving_run(argument);
}

static uint64_t processor_ms(pid_t pid)
{
	char path[40], line[512];
	unsigned long user = 0, kernel = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "re");
	need(stat && fgets(line, sizeof(line), stat));
	fclose(stat);
	need(sscanf(strrchr(line, ')'),
		    ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		    &user, &kernel) == 2);
	return (user + kernel) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static void too_many_files(void)
{
	struct aether_attach_options soon = { .patience = 300 };
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;
	int fds[60], n = 0, err;
	uint64_t before, used;
	pid_t pid;

	scene.options.patience = 60000;
	scene.options.per_user = 100;
	rig_tell(&scene.words->serves, 0);
	pid = rig_fork(starved, &scene);
	rig_await(&scene.words->serves, 1);
	while (n < 60 && (fds[n] = serving_connect()) >= 0)
		n++;
	err = aether_plane_attach_with(serving_path, &soon, &error, &plane);
	ok(err == AETHER_EFILES || err == AETHER_ETIMEDOUT,
	   "no descriptor for a client: %s", error.text);
	before = processor_ms(pid);
	rig_sleep(500 * MS);
	used = processor_ms(pid) - before;
	ok(used <= 250, "it does not spin (%llu ms of 500)",
	   (unsigned long long)used);
	while (n)
		close(fds[--n]);
	ok(attaches(), "when the others have gone, it serves");
	is_int(serving_stop(&scene, pid), 0, "and ends in order");
}

static void clients(void)
{
	pid_t server;
	int before;

	scene.options = (struct aether_server_options) { .clients = 200,
							 .per_user = 100,
							 .patience = 200 };
	server = serving_start(&scene);
	need(attaches());
	await_count(3, 1);
	while (counted(0))
		rig_sleep(MS);
	before = descriptors_of(server);
	garbage();
	slow();
	while (counted(0))
		rig_sleep(MS);
	is_int(descriptors_of(server), before, "the server keeps nothing open");
	is_int(serving_stop(&scene, server), 0, "the server ends in order");
	scene.options.per_user = 3;
	server = serving_start(&scene);
	limits();
	is_int(serving_stop(&scene, server), 0, "the server ends in order");
	too_many_files();
	ok(rig_all_free(scene.plane), "the plane is whole");
}

static void tests(void)
{
	int before = rig_descriptors();

	serving_begin(&scene);
	clients();
	serving_end(&scene);
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
