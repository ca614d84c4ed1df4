/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executions: what a scene begins with is made once, kept, and put back before
 * each; then all choices are tried, depth first.
 */
#include "ae_plane.h"
#include "state.h"

/* The private memory of a participant. */
struct own {
	struct aether_participant me;
	struct ae_late late[AE_SIM_STRIDES];
	struct ae_sent sent[AE_SIM_STRIDES];
	struct ae_shared shared[AE_SIM_STRIDES];
	uint32_t reading[1];
};

/* All that an execution changes, but for the bytes of the strides. */
static struct own owns[AE_SIM_ALL], kept_owns[AE_SIM_ALL];
static struct ae_sim_runner kept_runners[AE_SIM_ALL];
static struct ae_sim_ghost kept_ghost;
static uint32_t kept_locks[AE_SIM_ALL + 2];
static unsigned char *memory, *kept_memory;
/* What each sees of a divided plane. */
static struct aether_plane planes[AE_SIM_ALL];

/* Bytes of a stride that anybody writes. */
#define TOUCHED sizeof(uint64_t)

static void copy_plane(unsigned char *to, const unsigned char *from)
{
	const struct aether_geometry *g = &ae_sim.plane.geometry;
	size_t tables = ae_sim.scene->epochs ? 0 : AETHER_OFFSET_PLANE_HEADER;

	memcpy(to + tables, from + tables, g->tables_end - tables);
	for (uint32_t i = 0; i < g->strides; i++)
		memcpy(to + g->data_offset + i * g->stride_size,
		       from + g->data_offset + i * g->stride_size, TOUCHED);
}

static void keep(void)
{
	copy_plane(kept_memory, memory);
	memcpy(kept_owns, owns, sizeof(owns));
	memcpy(kept_runners, ae_sim.runners, sizeof(kept_runners));
	memcpy(kept_locks, ae_sim.locks, sizeof(kept_locks));
	kept_ghost = ae_sim_ghost;
}

static void put_back(void)
{
	copy_plane(memory, kept_memory);
	memcpy(owns, kept_owns, sizeof(owns));
	memcpy(ae_sim.runners, kept_runners, sizeof(kept_runners));
	memcpy(ae_sim.locks, kept_locks, sizeof(kept_locks));
	memset(ae_sim.unlocked, 0, sizeof(ae_sim.unlocked));
	ae_sim_ghost = kept_ghost;
	if (ae_sim.scene->segments)
		for (uint32_t i = 0; i < AE_SIM_ALL; i++)
			memset(planes[i].partly, 0, sizeof(planes[i].partly));
	ae_sim.run++;
	ae_sim.ready = 0;
	ae_sim.deaths = 0;
	ae_sim.steps = 0;
	ae_sim.asked = 0;
	ae_sim.depth = 0;
	ae_sim.jumps = 4;
	ae_sim.now = 1000000000;
}

static void make_plane(const struct ae_sim_scene *scene, uint32_t slots)
{
	struct ae_birth birth = { .flags = scene->flags, .tag = 1 };
	struct aether_geometry g;
	int err = aether_geometry_make(0, scene->strides, AE_SIM_SIZE, slots,
				       &g);

	/* tables larger than their share of a plane are no harm here */
	if (err < 0 && err != AETHER_EGEOMETRY)
		abort();
	/* a segment is a register's strides at least, which are too many here:
	 * those after the first have none, but are seen, or not, as any */
	g.segments = scene->segments;
	if (g.segments)
		g.segment_strides = AETHER_REGISTER_BITS;
	free(memory);
	free(kept_memory);
	memory = calloc(1, g.plane_size);
	kept_memory = calloc(1, g.plane_size);
	if (!memory || !kept_memory)
		abort();
	memset(&ae_sim.plane, 0, sizeof(ae_sim.plane));
	ae_plane_bind(&ae_sim.plane, memory, &g);
	ae_plane_format(&ae_sim.plane, &birth);
	ae_sim.plane.flags = scene->flags;
}

static struct aether_plane *attach(const struct ae_sim_actor *a, uint32_t i)
{
	if (!ae_sim.scene->segments)
		return &ae_sim.plane;
	planes[i] = ae_sim.plane;
	for (uint32_t s = 0; s < ae_sim.scene->segments; s++)
		ae_segment_grant(&planes[i], s,
				 a->hidden >> s & 1      ? AETHER_RIGHT_NONE
				 : a->read_only >> s & 1 ? AETHER_RIGHT_READ
							 : AETHER_RIGHT_WRITE);
	return &planes[i];
}

static void make_own(struct ae_sim_runner *r, const struct ae_sim_actor *a,
		     uint32_t i)
{
	struct own *own = &owns[i];

	memset(own, 0, sizeof(*own));
	own->me.late = own->late;
	own->me.sent = own->sent;
	own->me.shared = own->shared;
	own->me.reading = own->reading;
	ae_participant_init(&own->me, attach(a, i));
	r->me = &own->me;
}

static void make_runner(uint32_t i)
{
	static const struct ae_sim_actor monitor = { .name = "monitor" };
	const struct ae_sim_actor *a = i == AE_SIM_MONITOR
					       ? &monitor
					       : &ae_sim.scene->actors[i];
	struct ae_sim_runner *r = &ae_sim.runners[i];

	memset(r, 0, sizeof(*r));
	r->number = i;
	r->process = i;
	r->mortal = a->mortal;
	r->function = "(setup)";
	if (!a->name)
		return;
	if (a->watch) {
		r->process = (uint32_t)a->watch - 1;
		r->me = ae_sim.runners[r->process].me;
		return;
	}
	make_own(r, a, i);
	ae_sim_as(i);
	if (!a->joins && ae_sim_join() < 0)
		ae_sim_fail("%s cannot join", a->name);
}

/* Whatever was done so far, everybody knows of it. */
static void meet(void)
{
	struct ae_sim_clock all = { .at = { 0 } };

	for (uint32_t i = 0; i < AE_SIM_ALL; i++)
		ae_sim_join_clock(&all, &ae_sim.runners[i].clock);
	for (uint32_t i = 0; i < AE_SIM_ALL; i++)
		ae_sim.runners[i].clock = all;
}

static int prepare(const struct ae_sim_scene *scene)
{
	uint32_t actors = 0;

	while (actors < AE_SIM_ACTORS && scene->actors[actors].name)
		actors++;
	memset(ae_sim.runners, 0, sizeof(ae_sim.runners));
	memset(ae_sim.locks, 0, sizeof(ae_sim.locks));
	memset(&ae_sim_ghost, 0, sizeof(ae_sim_ghost));
	ae_sim_order_clear();
	ae_sim_clear_sites();
	ae_sim.scene = scene;
	ae_sim.run = 1;
	ae_sim.known = 0;
	ae_sim.calm = 1;
	ae_sim.steps = 0;
	ae_sim.failed = 0;
	make_plane(scene, scene->slots ? scene->slots : actors + 1);
	getcontext(&ae_sim.escape);
	if (ae_sim.failed)
		return 1;
	for (uint32_t i = 0; i < AE_SIM_ALL; i++)
		make_runner(i);
	ae_sim_as(0);
	if (scene->setup)
		scene->setup();
	meet();
	keep();
	return 0;
}

static int execute(int preemptions, int kills)
{
	put_back();
	ae_sim.preemptions = preemptions;
	ae_sim.kills = kills;
	ae_sim.failed = 0;
	ae_sim.calm = 0;
	ae_sim.result->executions++;
	getcontext(&ae_sim.escape);
	if (ae_sim.failed)
		return 1;
	ae_sim_start();
	ae_sim_run();
	ae_sim_check();
	return 0;
}

/* To the next choice that was not tried. */
static int advance(void)
{
	ae_sim.known = ae_sim.depth;
	while (ae_sim.known) {
		struct ae_sim_way *way = &ae_sim.ways[ae_sim.known - 1];

		if (++way->taken < way->of)
			return 1;
		ae_sim.known--;
	}
	return 0;
}

/* The execution that failed once more, for people. */
static void replay(int preemptions, int kills)
{
	ae_sim.tracing = 1;
	printf("# %s: the schedule that failed\n", ae_sim.scene->name);
	if (ae_sim.result->executions)
		execute(preemptions, kills);
	else
		prepare(ae_sim.scene);
	ae_sim_say("%s", ae_sim.failure);
	memcpy(ae_sim.result->failure, ae_sim.failure, sizeof(ae_sim.failure));
}

static int begin(const struct ae_sim_scene *scene, struct ae_sim_result *result)
{
	memset(result, 0, sizeof(*result));
	ae_sim.result = result;
	ae_sim.tracing = 0;
	ae_sim.seed = 0;
	return prepare(scene);
}

int ae_sim_explore(const struct ae_sim_scene *scene, int preemptions, int kills,
		   struct ae_sim_result *result)
{
	int failed = begin(scene, result);

	if (!failed)
		do
			failed = execute(preemptions, kills);
		while (!failed && advance());
	if (failed)
		replay(preemptions, kills);
	return failed;
}

int ae_sim_walk(const struct ae_sim_scene *scene, int preemptions, int kills,
		uint64_t executions, struct ae_sim_result *result)
{
	int failed = begin(scene, result);

	for (uint64_t i = 0; i < executions && !failed; i++) {
		ae_sim.known = 0;
		ae_sim.seed = (i + 1) << 20;
		ae_sim.rate = 4u << i % 6;
		failed = execute(preemptions, kills);
	}
	if (failed)
		replay(preemptions, kills);
	return failed;
}
