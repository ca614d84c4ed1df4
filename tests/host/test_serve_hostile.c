/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile peers of an attach socket: clients that say nothing, nonsense or too
 * much, or are too many; servers that lie.
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
	need(ae_wire_send(fd, &bad[1], sizeof(bad[1]), fds, 8) == 0);
	is_int(heard_until_end(fd), 0, "so is nonsense with descriptors");
	fd = serving_connect();
	need(ae_wire_send(fd, &bad[0], sizeof(bad[0]), fds, 8) == 0);
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

/* ---- servers that lie */

enum lie {
	TRUTH,
	MAGIC,
	SHORT,
	KIND,
	NO_ERROR,
	CONTROL_CHARACTERS,
	FEWER,
	MORE,
	HUNDREDS,
	SEGMENTS_MANY,
	RIGHT_MANY,
	READ_SENT_AS_WRITE,
	ANOTHER_ID,
	SAME_LIFE,
	NO_LIFE,
	OTHER_LIFE,
	SWAPPED,
	OWN_MANY,
	LIES
};

static const char *const lies[] = {
	"the truth",
	"another magic number",
	"a message that is too short",
	"an answer to something else",
	"an error that is none",
	"control characters",
	"a descriptor too few",
	"a descriptor too many",
	"hundreds of descriptors",
	"more segments than can be",
	"a right that is none",
	"read, and says that it is write",
	"another plane than it says",
	"control itself to live by",
	"nothing to live by",
	"another file to live by",
	"leases as data",
	"too many that are to be closed in a child",
};

struct liar {
	const struct aether_plane *plane;
	int listen;
	enum lie lie;
};

/* Descriptors as an honest server sends them, to one who takes part. */
static uint32_t honest(const struct liar *liar, struct ae_wire_reply *reply,
		       int *fds)
{
	struct aether_plane_objects o;
	uint32_t n = 0;

	aether_plane_objects(liar->plane, &o);
	memset(reply, 0, sizeof(*reply));
	ae_wire_head(&reply->head, AE_WIRE_ATTACH, sizeof(*reply));
	memcpy(reply->id, liar->plane->header->id, sizeof(reply->id));
	reply->segments = SEGMENTS;
	reply->own = 1;
	fds[n++] = ae_posix_reopen(o.control, O_RDWR);
	fds[n++] = ae_posix_reopen(o.control, O_RDWR);
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		reply->right[i] = AETHER_RIGHT_WRITE;
		fds[n++] = ae_posix_reopen(o.leases[i], O_RDWR);
		fds[n++] = ae_posix_reopen(o.data[i], O_RDWR);
	}
	return n;
}

static void bend(enum lie lie, struct ae_wire_reply *reply, int *fds,
		 uint32_t *n)
{
	switch (lie) {
	case MAGIC:
		reply->head.magic ^= 1;
		break;
	case KIND:
		reply->head.kind = AE_WIRE_RULES;
		break;
	case NO_ERROR:
		reply->code = -9999;
		*n = 0;
		break;
	case CONTROL_CHARACTERS:
		reply->code = AETHER_EACCES;
		memset(reply->text, '\033', sizeof(reply->text));
		*n = 0;
		break;
	case FEWER:
		--*n;
		break;
	case MORE:
		fds[(*n)++] = dup(fds[1]);
		break;
	case HUNDREDS:
		while (*n < 250)
			fds[(*n)++] = dup(fds[1]);
		break;
	case SEGMENTS_MANY:
		reply->segments = UINT32_MAX;
		break;
	case RIGHT_MANY:
		reply->right[0] = 200;
		break;
	default:
		break;
	}
}

static void bend_more(enum lie lie, struct ae_wire_reply *reply, int *fds)
{
	switch (lie) {
	case READ_SENT_AS_WRITE:
		dup2(fds[3], 900);
		close(fds[3]);
		fds[3] = ae_posix_reopen(900, O_RDONLY);
		break;
	case ANOTHER_ID:
		reply->id[1] ^= 1;
		break;
	case SAME_LIFE:
		dup2(fds[1], fds[0]);
		break;
	case NO_LIFE:
		reply->own = 0;
		break;
	case OTHER_LIFE:
		dup2(fds[3], fds[0]);
		break;
	case SWAPPED:
		dup2(fds[2], fds[3]);
		break;
	case OWN_MANY:
		reply->own = 40;
		break;
	default:
		break;
	}
}

static int lies_once(void *argument)
{
	struct liar *liar = argument;
	int fd = accept(liar->listen, NULL, NULL);
	struct ae_wire_request request;
	struct ae_wire_reply reply;
	size_t size = sizeof(reply);
	int fds[300];
	uint32_t n;

	liar->plane = rig_again(scene.plane);
	n = honest(liar, &reply, fds);
	need(recv(fd, &request, sizeof(request), 0) > 0);
	bend(liar->lie, &reply, fds, &n);
	bend_more(liar->lie, &reply, fds);
	reply.count = n;
	if (liar->lie == NO_LIFE) {
		memmove(fds, fds + 1, (n - 1) * sizeof(int));
		reply.count = --n;
	}
	if (liar->lie == SHORT)
		size -= 8;
	if (ae_wire_send(fd, &reply, size, fds, n))
		return 1;
	recv(fd, &request, sizeof(request), 0); /* until it hangs up */
	return 0;
}

/* As another user, to whom control cannot be reopened, if that can be. */
static int believes(void *unused)
{
	struct aether_attach_options o = { .patience = 2000 };
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;
	int before, err;

	(void)unused;
	if (geteuid() == 0 && become_nobody())
		return 3;
	before = rig_descriptors();
	err = aether_plane_attach_with(serving_path, &o, &error, &plane);
	if (err == 0)
		aether_plane_detach(plane);
	printf("# %s\n", error.text);
	fflush(stdout);
	if (rig_descriptors() != before)
		return 4;
	if (err == AETHER_EACCES)
		return strchr(error.text, '\033') ? 5 : 6;
	if (err && (error.code != err || !error.text[0]))
		return 7;
	if (err == AETHER_ETRUNC) /* an object of another size */
		err = AETHER_EPLANE;
	return err == 0 ? 0 : err == AETHER_EPLANE ? 1 : 8;
}

static int lie_to(enum lie lie)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct liar liar = { .lie = lie };
	pid_t pid;
	int result;

	strcpy(at.sun_path, serving_path);
	liar.listen = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	need(bind(liar.listen, (struct sockaddr *)&at, sizeof(at)) == 0);
	need(chmod(serving_path, 0666) == 0 && listen(liar.listen, 4) == 0);
	pid = rig_fork(lies_once, &liar);
	close(liar.listen);
	result = rig_wait(rig_fork(believes, NULL));
	kill(pid, SIGKILL);
	rig_wait(pid);
	unlink(serving_path);
	return result;
}

static void servers(void)
{
	for (enum lie lie = TRUTH; lie < LIES; lie++) {
		int life = lie == SAME_LIFE || lie == NO_LIFE ||
			   lie == OTHER_LIFE;
		int expected = lie == TRUTH ? 0 : 1;

		if (lie == CONTROL_CHARACTERS)
			expected = 6; /* an error, and fit to be shown */
		if (life && geteuid() != 0) {
			skip("%s: needs root to become nobody", lies[lie]);
			continue;
		}
		is_int(lie_to(lie), expected, "a server sends %s", lies[lie]);
	}
}

static void tests(void)
{
	int before = rig_descriptors();

	serving_begin(&scene);
	clients();
	servers();
	serving_end(&scene);
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
