/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plane of segments, the file of one of whose objects becomes shorter: with a
 * handler the attachment is lost and its calls refuse, whichever object it was;
 * the others stay what they were, and so do rights: what was for reading is
 * empty, and still cannot be written.
 */
#include "segments.h"

#define DONE 42 /* exit status of a scene that came to its end */

/* The file that is cut off, and to what. */
struct cut {
	const char *file;
	uint64_t left;
	uint32_t segment; /* whose stride is touched */
	int lease;        /* its word is, and not its bytes */
};

static void shorten(const struct cut *cut)
{
	char path[300];

	need(files(cut->file, path) == 1);
	need(truncate(path, (off_t)cut->left) == 0);
}

static int refuses(struct aether_plane *plane, struct aether_participant *me,
		   uint64_t handle)
{
	struct aether_stride_info info;
	uint64_t another = 0;
	void *bytes;

	MUST(aether_fault_lost(plane) == 1);
	MUST(aether_stride_bytes(me, handle, NULL, &bytes) == AETHER_ECORRUPT);
	MUST(aether_stride_reserve(me, &another) == AETHER_ECORRUPT);
	MUST(aether_stride_reserve_in(me, 3, &another) == AETHER_ECORRUPT);
	MUST(aether_stride_reserve_run_in(me, 3, 2, &another) ==
	     AETHER_ECORRUPT);
	MUST(aether_route_take(me, &another) == AETHER_ECORRUPT);
	MUST(aether_registry_look(plane, 0, &info) == AETHER_ECORRUPT);
	return 0;
}

/* The last stride of the segment. */
static uint64_t last_of(struct aether_participant *me, uint32_t segment)
{
	uint64_t handle = 0, last = 0;

	while (aether_stride_reserve_in(me, segment, &handle) == 0)
		last = handle;
	return last;
}

static int holder(void *argument)
{
	const struct cut *cut = argument;
	struct aether_plane *plane = create("p");
	struct aether_participant *me = rig_join(plane);
	uint64_t handle, warm;
	void *bytes = NULL, *others = NULL;
	struct aether_lease_seg *lease;

	MUST(aether_fault_catch(NULL) == 0);
	handle = last_of(me, cut->segment);
	lease = &plane->leases[AETHER_HANDLE_STRIDE(handle)];
	MUST(aether_stride_reserve_in(me, 3, &warm) == 0);
	MUST(aether_stride_bytes(me, handle, NULL, &bytes) == 0);
	MUST(aether_stride_bytes(me, warm, NULL, &others) == 0);
	memset(bytes, 7, SIZE);
	memset(others, 7, SIZE);
	/* the warm one: its way is another one */
	MUST(aether_stride_release(me, warm) == 0);
	MUST(aether_fault_lost(plane) == 0);
	shorten(cut);
	rig_touch(cut->lease ? (void *)lease : bytes, 1);
	MUST(refuses(plane, me, handle) == 0);
	MUST(cut->lease || ((char *)bytes)[1] == 0);
	MUST(((char *)others)[SIZE - 1] == 7);
	aether_participant_leave(me);
	MUST(aether_plane_detach(plane) == 0);
	return DONE;
}

/* What may only be read is read, and cannot be written when it is gone. */
static int reader(void *argument)
{
	const struct cut *cut = argument;
	struct aether_attach_options o = { .read_only = ~UINT64_C(0) };
	struct aether_plane *plane = NULL;
	unsigned char *at;

	aether_plane_detach(create("p"));
	MUST(aether_plane_attach_with("p", &o, NULL, &plane) == 0);
	at = plane->base + plane->geometry.data_offset +
	     (uint64_t)cut->segment * EACH * SIZE;
	MUST(aether_fault_catch(NULL) == 0);
	shorten(cut);
	rig_touch(at, 0);
	MUST(aether_fault_lost(plane) == 1);
	MUST(at[0] == 0);
	signal(SIGSEGV, rig_fault);
	rig_touch(at, 1);
	return 1;
}

/* The same of an undivided plane, whose one object has both. */
static int undivided(void *argument)
{
	struct aether_plane_options o = options;
	struct aether_attach_options less = { .read_only = 1 };
	struct cut cut = { .file = "aether.p", .left = 0 };
	struct aether_plane *plane = NULL;
	unsigned char *at;

	(void)argument;
	o.segments = 0;
	need(aether_plane_create("p", &o, NULL, &plane) == 0);
	aether_plane_detach(plane);
	MUST(aether_plane_attach_with("p", &less, NULL, &plane) == 0);
	at = plane->base + plane->geometry.data_offset;
	MUST(aether_fault_catch(NULL) == 0);
	shorten(&cut);
	rig_touch(plane->header, 1);
	rig_touch(at, 0);
	MUST(aether_fault_lost(plane) == 1);
	signal(SIGSEGV, rig_fault);
	rig_touch(at, 1);
	return 1;
}

static int play(int (*scene)(void *), struct cut *cut)
{
	int status = rig_wait(rig_fork(scene, cut));

	aether_plane_destroy("p", NULL);
	return status;
}

static void tests(void)
{
	static struct cut cuts[] = {
		{ ".data.1", 0, 1, 0 },
		{ ".data.1", 31 * SIZE, 1, 0 },
		{ ".data.0", 0, 0, 0 },
		{ ".leases.2", 0, 2, 1 },
	};
	char left[300];

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		is_int(play(holder, &cuts[i]), DONE,
		       "%s cut off: all calls refuse", cuts[i].file);
	is_int(play(reader, &cuts[0]), FAULT,
	       "what was for reading stays for reading");
	is_int(play(undivided, NULL), FAULT, "also of an undivided plane");
	is_int(files(NULL, left), 0, "no file is left");
}

int main(void)
{
	return rig_run(tests);
}
