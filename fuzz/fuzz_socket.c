/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both sides of an attach socket, over the real port. A server is sent messages
 * with descriptors; a client is answered by a server that lies; the object of
 * the rules is written over. Nobody crashes, no descriptor stays open, and the
 * server serves the next one.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "fuzz.h"
#include "life.h"
#include "rules.h"
#include "wire.h"

#define SEGMENTS 2
#define GIFTS 8

static struct aether_plane *plane;
static struct aether_server *server;
static char directory[64];
static int liar; /* listens */
static int gifts[GIFTS];

/* What the liar sends, once. */
static struct {
	struct ae_wire_reply reply;
	size_t size;
	int fds[AE_WIRE_FDS];
	uint32_t count;
} lie;

static void at_path(const char *name, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(at->sun_path, sizeof(at->sun_path), "%s/%s", directory, name);
}

static void clean(void)
{
	struct sockaddr_un at;

	aether_server_close(server);
	at_path("liar", &at);
	unlink(at.sun_path);
	rmdir(directory);
}

/* Answers whoever connects, and hangs up when he does. */
static void *lies(void *unused)
{
	struct ae_wire_request request;

	(void)unused;
	for (;;) {
		struct pollfd wait = { .fd = liar, .events = POLLIN };
		int fd;

		/* one that waits in accept has a number already */
		if (poll(&wait, 1, -1) <= 0)
			continue;
		fd = accept4(liar, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		recv(fd, &request, sizeof(request), 0);
		ae_wire_send(fd, &lie.reply, lie.size, lie.fds, lie.count);
		shutdown(fd, SHUT_WR);
		while (recv(fd, &request, sizeof(request), 0) > 0)
			;
		close(fd);
	}
	return NULL;
}

static void make_gifts(void)
{
	struct aether_plane_objects o;

	aether_plane_objects(plane, &o);
	gifts[0] = ae_posix_reopen(o.control, O_RDWR);
	gifts[1] = ae_posix_reopen(o.control, O_RDWR);
	gifts[2] = ae_posix_reopen(o.leases[0], O_RDWR);
	gifts[3] = ae_posix_reopen(o.data[0], O_RDWR);
	gifts[4] = ae_posix_reopen(o.leases[1], O_RDWR);
	gifts[5] = ae_posix_reopen(o.data[1], O_RDONLY);
	gifts[6] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	gifts[7] = ae_posix_reopen(o.control, O_RDONLY);
}

static void make(void)
{
	struct aether_plane_options options = { .strides = 64,
						.stride_size = 8192,
						.participants = 3,
						.segments = SEGMENTS };
	struct aether_error error = { .code = 0 };
	struct sockaddr_un at;
	pthread_t thread;

	strcpy(directory, "/tmp/aether-fuzz-XXXXXX");
	if (!mkdtemp(directory))
		fuzz_fail("directory", "cannot be made");
	if (aether_plane_create(NULL, &options, &error, &plane) < 0)
		fuzz_fail("create", error.text);
	at_path("server", &at);
	if (aether_server_open(plane, at.sun_path, NULL, &error, &server) < 0)
		fuzz_fail("serve", error.text);
	at_path("liar", &at);
	liar = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(liar, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(liar, 16) < 0 || pthread_create(&thread, NULL, lies, NULL))
		fuzz_fail("liar", "cannot listen");
	make_gifts();
	atexit(clean);
}

/* Changes some bytes. */
static void change(void *what, size_t size)
{
	unsigned char *bytes = what;

	for (uint32_t n = fuzz_byte() % 8; n; n--) {
		size_t at = fuzz_number(2) % size;
		size_t width = fuzz_byte() & 1 ? 1 : 4;
		uint64_t value = fuzz_number((int)width);

		if (width > size - at)
			width = size - at;
		memcpy(bytes + at, &value, width);
	}
}

static size_t length(size_t size)
{
	uint32_t how = fuzz_byte();

	return how < 224 ? size : (how - 223) * size / 40;
}

/* ---- the server */

static void hear(int fd)
{
	struct ae_wire_reply reply;
	int fds[AE_WIRE_FDS];
	uint32_t count = 0;
	int n = ae_wire_receive(fd, &reply, sizeof(reply), fds, &count);

	if (n <= 0)
		return;
	ae_wire_close(fds, count);
	if (!ae_wire_is(&reply.head, (size_t)n, sizeof(reply)))
		return; /* the rules, perhaps */
	if (reply.code && !aether_error_name(reply.code))
		fuzz_fail("server", "answers an error that is none");
	if (reply.count != count || (reply.code && count))
		fuzz_fail("server", "sends another number of descriptors");
}

static void ask_server(void)
{
	struct aether_server_info info;
	struct sockaddr_un at;
	uint32_t messages = fuzz_byte() % 3 + 1;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	at_path("server", &at);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fuzz_fail("server", "is not there");
	for (; messages; messages--) {
		struct ae_wire_request request = { .options = { 0 } };
		uint32_t gift = fuzz_byte();

		ae_wire_head(&request.head, fuzz_byte() % 7, sizeof(request));
		request.grant.right = fuzz_byte() % 5;
		request.grant.who = fuzz_byte() % 4;
		request.grant.segments = fuzz_byte() % 8;
		change(&request, sizeof(request));
		ae_wire_send(fd, &request, length(sizeof(request)), gifts,
			     gift < 200 ? 0 : gift % (GIFTS + 1));
		aether_server_turn(server);
		hear(fd);
		hear(fd);
	}
	close(fd);
	do {
		aether_server_turn(server);
		aether_server_look(server, &info);
	} while (info.clients);
}

/* ---- the client */

static void prepare_lie(void)
{
	static const int order[] = { 1, 0, 2, 3, 4, 5 };

	memset(&lie.reply, 0, sizeof(lie.reply));
	ae_wire_head(&lie.reply.head, AE_WIRE_ATTACH, sizeof(lie.reply));
	memcpy(lie.reply.id, plane->header->id, sizeof(lie.reply.id));
	lie.reply.segments = SEGMENTS;
	lie.reply.own = 1;
	lie.reply.right[0] = AETHER_RIGHT_WRITE;
	lie.reply.right[1] = AETHER_RIGHT_READ;
	lie.count = 6;
	for (uint32_t i = 0; i < lie.count; i++)
		lie.fds[i] = gifts[order[i]];
	for (uint32_t n = fuzz_byte() % 4; n; n--)
		lie.fds[fuzz_byte() % 6] = gifts[fuzz_byte() % GIFTS];
	if (fuzz_byte() < 40) {
		lie.count = fuzz_byte() % AE_WIRE_FDS + 1;
		for (uint32_t i = 6; i < lie.count; i++)
			lie.fds[i] = gifts[i % GIFTS];
	}
	lie.reply.count = lie.count;
	change(&lie.reply, sizeof(lie.reply));
	if (fuzz_byte() < 250)
		lie.reply.again = 0; /* it takes time, and shows nothing */
	lie.size = length(sizeof(lie.reply));
}

static void use(struct aether_plane *got)
{
	struct aether_participant_options options = { .unwatched = 1 };
	struct aether_participant *me;
	struct aether_registry_counts counts;
	uint64_t handle;

	aether_registry_count(got, &counts);
	if (aether_participant_join(got, &options, NULL, &me) == 0) {
		aether_stride_reserve(me, &handle);
		aether_participant_leave(me);
	}
	aether_plane_detach(got);
}

static void answer_client(void)
{
	struct aether_attach_options o = { .patience = 20 };
	struct aether_error error = { .code = 0 };
	struct aether_plane *got = NULL;
	struct sockaddr_un at;
	int rc;

	o.flags = fuzz_byte() & 1 ? AETHER_ATTACH_OBSERVE : 0;
	o.hidden = fuzz_byte() % 4 & fuzz_byte();
	prepare_lie();
	at_path("liar", &at);
	rc = aether_plane_attach_with(at.sun_path, &o, &error, &got);
	if (rc == 0)
		use(got);
	else if (error.code != rc || !error.text[0])
		fuzz_fail("attach", "fails without a text");
}

/* ---- rules */

static void write_rules(void)
{
	struct ae_rules rules = { .count = 0 };
	struct ae_peer peer = { .uid = fuzz_byte() % 4,
				.gid = fuzz_byte() % 4 };
	struct aether_grant grants[4];
	struct ae_verdict verdict;
	unsigned char *at;
	struct stat st;
	int fd = ae_rules_make(&rules);

	for (uint32_t n = fuzz_byte() % 8; n; n--) {
		struct aether_grant grant = { fuzz_byte() % 4, fuzz_byte() % 4,
					      fuzz_byte(), fuzz_byte() % 5,
					      fuzz_number(1) };

		ae_rules_change(fd, &grant, 4);
	}
	fstat(fd, &st);
	at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		  fd, 0);
	if (at == MAP_FAILED)
		fuzz_fail("rules", "cannot be mapped");
	if (fuzz_byte() & 1)
		change(at, (size_t)st.st_size);
	else
		change(at, 64);
	munmap(at, (size_t)st.st_size);
	ae_rules_known(fd);
	if (ae_rules_read(fd, &rules) == 0) {
		ae_rules_judge(&rules, &peer, &verdict);
		ae_rules_list(&rules, grants, 4);
	}
	/* as a server may send them, without a hash */
	change(&rules, sizeof(rules));
	if (ae_rules_check(&rules)) {
		ae_rules_judge(&rules, &peer, &verdict);
		ae_rules_list(&rules, grants, 4);
	}
	close(fd);
}

/* The lowest number that is not open. */
static int lowest(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t how;
	int before;

	if (!plane)
		make();
	fuzz.in.at = data;
	fuzz.in.left = size;
	before = lowest();
	how = fuzz_byte() % 4;
	if (how < 2)
		ask_server();
	else if (how == 2)
		answer_client();
	else
		write_rules();
	/* the liar hangs up a moment after its client */
	for (int i = 0; lowest() > before && i < 20000; i++)
		usleep(50);
	if (lowest() > before)
		fuzz_fail("descriptors", "stay open");
	return 0;
}
