/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A named plane whose file becomes shorter under those who use it: with a
 * handler that is an error of every call, asleep or not, and no signal. What is
 * no plane's goes to who handled it before. Each scene has a process of its
 * own, for it changes what the process does at SIGBUS.
 */
#include <setjmp.h>
#include "../core/rig.h"

#define SIZE 131072u
#define STRIDES 16
#define DONE 42 /* exit status of a scene that came to its end */

static const char *path_of(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/aether.%s", rig_directory, name);
	return path;
}

static struct aether_plane *make(const char *name)
{
	struct aether_plane_options o = { .strides = STRIDES,
					  .stride_size = SIZE };
	struct aether_plane *plane = NULL;

	need(aether_plane_create(name, &o, NULL, &plane) == 0);
	return plane;
}

static void shorten(const char *name, uint64_t size)
{
	need(truncate(path_of(name), (off_t)size) == 0);
}

/* The calls of one that has lost its plane. */
static int refuses(struct aether_plane *plane, struct aether_participant *me,
		   uint64_t handle)
{
	struct aether_error error = { .code = 0 };
	struct aether_participant *other = NULL;
	struct aether_stride_info info;
	struct aether_pointer pointer;
	uint64_t another = 0;
	void *bytes;
	size_t size;
	uint32_t value;

	MUST(aether_fault_lost(plane) == 1);
	MUST(aether_stride_resolve(me, handle, &pointer) == AETHER_ECORRUPT);
	MUST(aether_stride_bytes(me, handle, &size, &bytes) == AETHER_ECORRUPT);
	MUST(aether_stride_reserve(me, &another) == AETHER_ECORRUPT);
	MUST(aether_stride_reserve_run(me, 2, &another) == AETHER_ECORRUPT);
	MUST(aether_route_take(me, &another) == AETHER_ECORRUPT);
	MUST(aether_route(me, handle, aether_participant_tenancy(me)) ==
	     AETHER_ECORRUPT);
	MUST(aether_share(me, handle, &another, 1, NULL) == AETHER_ECORRUPT);
	MUST(aether_epoch_set(me, 0, 1) == AETHER_ECORRUPT);
	MUST(aether_epoch_wait(me, 1, 0, aether_clock_after(SECOND), &value) ==
	     AETHER_ECORRUPT);
	MUST(aether_registry_look(plane, 0, &info) == AETHER_ECORRUPT);
	MUST(aether_participant_join(plane, NULL, &error, &other) ==
	     AETHER_ECORRUPT);
	MUST(strstr(error.text, "shorter") != NULL);
	return 0;
}

static int holder(void *argument)
{
	uint64_t left = *(uint64_t *)argument;
	struct aether_plane *plane = make("p"), *other = make("q");
	struct aether_participant *me = rig_join(plane);
	uint64_t handle = rig_reserve(me), last;
	void *bytes = NULL;

	MUST(aether_fault_catch(NULL) == 0);
	MUST(aether_fault_catch(NULL) == 0);
	for (last = handle; aether_stride_reserve(me, &handle) == 0;)
		last = handle;
	MUST(aether_stride_bytes(me, last, NULL, &bytes) == 0);
	memset(bytes, 7, SIZE);
	MUST(aether_fault_lost(plane) == 0);
	shorten("p", left);
	memset(bytes, 8, SIZE);
	MUST(refuses(plane, me, last) == 0);
	MUST(!aether_fault_lost(other));
	MUST(rig_all_free(other));
	aether_participant_leave(me);
	MUST(aether_plane_detach(plane) == 0);
	aether_plane_detach(other);
	return DONE;
}

/* A wait ends, whatever of the plane is missing. */
static int waiter(void *argument)
{
	struct aether_word64 *tenancy = argument;
	struct aether_participant_options o = { .spin = 1 };
	struct aether_plane *plane = NULL;
	struct aether_participant *me;
	uint64_t handle;
	int err;

	need(aether_plane_attach("p", 0, NULL, &plane) == 0);
	need(aether_fault_catch(NULL) == 0);
	me = rig_join_with(plane, &o);
	rig_tell(tenancy, aether_participant_tenancy(me));
	err = aether_route_take_until(me, AETHER_FOREVER, &handle);
	MUST(err == AETHER_ECORRUPT);
	aether_participant_leave(me);
	MUST(aether_plane_detach(plane) == 0);
	return DONE;
}

static int wait_for_ever(uint64_t left)
{
	struct aether_word64 *tenancy = rig_shared(sizeof(*tenancy));
	struct aether_plane *plane = make("p");
	pid_t pid = rig_fork(waiter, tenancy);

	rig_await_waits(plane, rig_await(tenancy, 1));
	aether_plane_detach(plane);
	shorten("p", left);
	return rig_wait(pid);
}

static sigjmp_buf back;
static int met;

static void former(int number)
{
	met = number;
	siglongjmp(back, 1);
}

static void former_info(int number, siginfo_t *info, void *context)
{
	(void)context;
	met = number + (info->si_addr != NULL);
	siglongjmp(back, 1);
}

/* A mapping of a file that is none. */
static char *map_nothing(void)
{
	char name[] = "/dev/shm/aether-test-fault.XXXXXX";
	int fd = mkstemp(name);
	char *at;

	need(fd >= 0 && unlink(name) == 0);
	at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	need(at != MAP_FAILED);
	return at;
}

static int chained(void *argument)
{
	struct sigaction info = { .sa_sigaction = former_info,
				  .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigaction plain = { .sa_handler = former,
				   .sa_flags = SA_NODEFER };
	int how = *(int *)argument;

	if (how)
		sigaction(SIGBUS, how == 1 ? &plain : &info, NULL);
	else
		signal(SIGBUS, SIG_DFL);
	MUST(aether_fault_catch(NULL) == 0);
	if (sigsetjmp(back, 1) == 0)
		rig_touch(map_nothing(), 0);
	MUST(met == (how == 1 ? SIGBUS : SIGBUS + 1));
	return DONE;
}

/* Not a fault: somebody sent it. */
static int sent(void *argument)
{
	int ignored = *(int *)argument;

	signal(SIGBUS, ignored ? SIG_IGN : SIG_DFL);
	MUST(aether_fault_catch(NULL) == 0);
	kill(getpid(), SIGBUS);
	return DONE;
}

static int not_caught(void *argument)
{
	struct aether_plane *plane = make("p");

	(void)argument;
	signal(SIGBUS, SIG_DFL);
	shorten("p", 8192);
	rig_touch((char *)aether_plane_base(plane) + 3 * SIZE, 0);
	return DONE;
}

static int observer(void *argument)
{
	struct aether_plane *plane = NULL;
	struct aether_stride_info info;

	(void)argument;
	aether_plane_detach(make("p"));
	need(aether_plane_attach("p", AETHER_ATTACH_OBSERVE, NULL, &plane) ==
	     0);
	MUST(aether_fault_catch(NULL) == 0);
	shorten("p", 4096);
	MUST(aether_registry_look(plane, 3, &info) == AETHER_ECORRUPT);
	MUST(aether_plane_detach(plane) == 0);
	return DONE;
}

/* More attachments than are minded: no harm, and places are used again. */
static int many(void *argument)
{
	struct aether_plane *first = make("p");
	struct aether_plane *more[AETHER_FAULT_PLANES + 2];
	uint64_t handle;

	(void)argument;
	MUST(aether_fault_catch(NULL) == 0);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		need(aether_plane_attach("p", 0, NULL, &more[i]) == 0);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		aether_plane_detach(more[i]);
	aether_plane_detach(first);
	for (size_t i = 0; i < AETHER_FAULT_PLANES + 2; i++) {
		struct aether_participant *me;

		need(aether_plane_attach("p", 0, NULL, &first) == 0);
		me = rig_join(first);
		handle = rig_reserve(me);
		aether_stride_release(me, handle);
		aether_participant_leave(me);
		if (i <= AETHER_FAULT_PLANES)
			aether_plane_detach(first);
	}
	shorten("p", 0);
	rig_touch(aether_plane_base(first), 1);
	MUST(aether_fault_lost(first));
	return DONE;
}

/* Who reads a pair, which needs no participant: nobody's zeros are no commit.
 * `left`: what the file still has, with the pair's words or without. */
static int reader(void *argument)
{
	struct aether_plane_options o = { .layout = "inos" };
	struct aether_participant_options role = { .role = AETHER_ROLE_KERNEL };
	struct aether_pingpong_reading reading, more;
	struct aether_pingpong_write write;
	struct aether_participant *me;
	struct aether_plane *plane = NULL;
	uint64_t epoch = 0, left;
	uint32_t value;

	need(aether_plane_create("p", &o, NULL, &plane) == 0);
	MUST(aether_fault_catch(NULL) == 0);
	me = rig_join_with(plane, &role);
	need(aether_pingpong_begin(me, 0, 0, &write) == 0);
	memset(write.bytes, 7, (size_t)write.size);
	need(aether_pingpong_commit(me, 0, 1) == 0);
	need(aether_pingpong_read_begin(plane, 0, &reading) == 0);
	left = (uint64_t)((const char *)reading.bytes -
			  (char *)aether_plane_base(plane));
	shorten("p", *(uint64_t *)argument ? left : 0);
	MUST(*(const char *)reading.bytes == 0);
	MUST(aether_fault_lost(plane));
	MUST(aether_pingpong_read_begin(plane, 0, &more) == AETHER_ECORRUPT);
	MUST(aether_pingpong_read_end(&reading) == AETHER_ECORRUPT);
	MUST(aether_epoch_load(plane, epoch, &value) == AETHER_ECORRUPT);
	aether_participant_leave(me);
	MUST(aether_plane_detach(plane) == 0);
	return DONE;
}

/* A matrix from leases to leases whose memory goes after they were looked at
 * for the last time: control is there, so that the burn begins. */
static int burner(void *argument)
{
	struct aether_plane *plane = make("p");
	struct aether_participant *me = rig_join(plane);
	uint64_t source = rig_reserve(me), target = rig_reserve(me);
	const uint8_t element = 2;
	struct aether_gf256 *gf256 = NULL;
	void *bytes = NULL;

	(void)argument;
	MUST(aether_fault_catch(NULL) == 0);
	need(aether_gf256_make(&element, 1, 1, &gf256) == 0);
	need(aether_stride_bytes(me, source, NULL, &bytes) == 0);
	memset(bytes, 7, SIZE);
	MUST(aether_gf256_burn(me, gf256, &target, &source, SIZE, 0) == 0);
	shorten("p", plane->geometry.plane_size - STRIDES * SIZE);
	MUST(!aether_fault_lost(plane));
	for (int i = 0; i < 2; i++)
		MUST(aether_gf256_burn(me, gf256, &target, &source, SIZE, 0) ==
		     AETHER_ECORRUPT);
	MUST(aether_fault_lost(plane));
	aether_gf256_free(gf256);
	aether_participant_leave(me);
	MUST(aether_plane_detach(plane) == 0);
	return DONE;
}

/* A child's own plane, smaller than one that its parent has: it may lie where
 * that one's lies there. */
static int own(void *argument)
{
	struct aether_plane *of_parent = argument, *plane = make("q");
	struct aether_participant *me = rig_join(plane);
	uint64_t handle = rig_reserve(me);
	void *bytes = NULL;

	need(aether_stride_bytes(me, handle, NULL, &bytes) == 0);
	if (aether_plane_base(plane) < aether_plane_base(of_parent) ||
	    (char *)aether_plane_base(plane) >=
		    (char *)aether_plane_base(of_parent) +
			    of_parent->geometry.plane_size)
		printf("# it lies elsewhere\n");
	shorten("q", 8192);
	memset(bytes, 8, SIZE);
	MUST(aether_fault_lost(plane) == 1);
	MUST(refuses(plane, me, handle) == 0);
	MUST(!aether_fault_lost(of_parent));
	aether_participant_leave(me);
	MUST(aether_plane_detach(plane) == 0);
	return DONE;
}

static int forked(void *argument)
{
	struct aether_plane_options o = { .strides = 32 * STRIDES,
					  .stride_size = SIZE };
	struct aether_plane *plane = NULL;

	(void)argument;
	need(aether_plane_create("p", &o, NULL, &plane) == 0);
	MUST(aether_fault_catch(NULL) == 0);
	MUST(rig_wait(rig_fork(own, plane)) == DONE);
	return DONE;
}

/* The end of a scene; its planes are gone for the next. */
static int play(int (*scene)(void *), void *argument)
{
	int status = rig_wait(rig_fork(scene, argument));

	aether_plane_destroy("p", NULL);
	aether_plane_destroy("q", NULL);
	return status;
}

static int play_wait(uint64_t left)
{
	int status = wait_for_ever(left);

	aether_plane_destroy("p", NULL);
	return status;
}

static void tests(void)
{
	static uint64_t lefts[] = { 0, 8192, 100000, 3 * SIZE };
	static int hows[] = { 0, 1, 2 };
	struct aether_geometry g;

	need(aether_geometry_make(0, STRIDES, SIZE, 0, &g) == 0);
	lefts[3] = g.plane_size - SIZE;
	for (size_t i = 0; i < sizeof(lefts) / sizeof(lefts[0]); i++)
		is_int(play(holder, &lefts[i]), DONE,
		       "with %llu bytes left all calls refuse",
		       (unsigned long long)lefts[i]);
	for (size_t i = 0; i < 2; i++) /* of what a wait looks at */
		is_int(play_wait(lefts[i]), DONE,
		       "with %llu bytes left a wait ends",
		       (unsigned long long)lefts[i]);
	is_int(play(chained, &hows[1]), DONE, "other faults: who was there");
	is_int(play(chained, &hows[2]), DONE, "the same, with information");
	is_int(play(chained, &hows[0]), 128 + SIGBUS, "nobody was there");
	is_int(play(sent, &hows[0]), 128 + SIGBUS, "one that was sent");
	is_int(play(sent, &hows[1]), DONE, "one that was sent, and is ignored");
	is_int(play(not_caught, NULL), 128 + SIGBUS, "nobody asked for it");
	is_int(play(observer, NULL), DONE, "who only looks");
	is_int(play(many, NULL), DONE, "many attachments");
	for (size_t i = 0; i < 2; i++)
		is_int(play(reader, &lefts[i]), DONE,
		       "who reads a pair, %s its words",
		       lefts[i] ? "with" : "without");
	is_int(play(burner, NULL), DONE, "who burns a matrix into leases");
	is_int(play(forked, NULL), DONE, "a child's, where its parent's was");
}

int main(void)
{
	return rig_run(tests);
}
