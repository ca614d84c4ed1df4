/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owing wakes: who sleeps is not rung for fewer calls than the limit, and is by
 * the call that reaches it, by paying, by a wait, by leaving, and by who reaps
 * the one that owed. That somebody was rung is read from his doorbell. Who
 * sleeps looks by himself after a second (docs/wait.md): what took nearly as
 * long shows nothing and is tried again.
 */
#include <pthread.h>
#include "rig.h"

#define SIZE 131072
#define STRIDES 16
#define DEPTH 8
#define SHORT (500 * MS) /* less than a sleeper's patience */
#define TRIES 20

static struct aether_plane *plane;
static struct aether_participant *me, *third;
static uint64_t spare; /* a stride of mine, for a route that must wait */

/* What it waits for, and so what I owe it. */
enum {
	MAIL,
	SPACE,
	ROOM
};

static const char *const kinds[] = { "mail", "space", "room" };

struct sleeper {
	struct aether_participant *me;
	pthread_t thread;
	int kind;
	uint64_t handle; /* what it routes, or got */
	uint64_t to;     /* whom it routes to */
	int result;
	struct aether_word64 done;
	uint64_t began; /* before it fell asleep */
	uint32_t bell;  /* as it was when it fell asleep */
};

static void *sleeper_main(void *argument)
{
	struct sleeper *s = argument;

	if (s->kind == MAIL)
		s->result = aether_route_take_until(s->me, AETHER_FOREVER,
						    &s->handle);
	if (s->kind == SPACE)
		s->result = aether_stride_reserve_until(s->me, AETHER_FOREVER,
							&s->handle);
	if (s->kind == ROOM)
		s->result = aether_route_until(s->me, s->handle, s->to,
					       AETHER_FOREVER);
	rig_tell(&s->done, 1);
	return NULL;
}

static uint32_t bell_of(const struct sleeper *s)
{
	return ae_load32_relaxed(&s->me->seat->doorbell);
}

/* How often it was rung since it fell asleep. */
static int rings(const struct sleeper *s)
{
	return (int)(bell_of(s) - s->bell);
}

static void start(struct sleeper *s)
{
	need(pthread_create(&s->thread, NULL, sleeper_main, s) == 0);
}

static void fall_asleep(struct sleeper *s)
{
	s->began = aether_clock_now();
	start(s);
	while (!ae_load64_relaxed(&s->me->seat->waits))
		rig_sleep(MS / 10);
	s->bell = bell_of(s);
}

static void join_sleeper(struct sleeper *s, uint64_t spin)
{
	struct aether_participant_options options = { .spin = spin };

	memset(s, 0, sizeof(*s));
	s->me = rig_join_with(plane, &options);
}

/* It has what it waited for; it gives it back and leaves. */
static int wake_up(struct sleeper *s)
{
	pthread_join(s->thread, NULL);
	aether_participant_leave(s->me);
	return s->result;
}

/* I, and a third one to whom I can route no more. */
static void begin(void)
{
	plane = rig_plane(STRIDES, SIZE, 12);
	me = rig_join(plane);
	third = rig_join(plane);
	need(aether_route_set(me, aether_participant_tenancy(third), 1,
			      AETHER_POLICY_BLOCK) == 0);
	need(aether_route(me, rig_reserve(me),
			  aether_participant_tenancy(third)) == 0);
	spare = rig_reserve(me);
}

static void end(void)
{
	if (me)
		aether_participant_leave(me);
	aether_participant_leave(third);
	need(rig_all_free(plane));
	need(aether_plane_detach(plane) == 0);
}

/* One who waits for something that only I can give. */
static void lay_down(struct sleeper *s, int kind, uint64_t *held)
{
	join_sleeper(s, 1);
	s->kind = kind;
	s->to = aether_participant_tenancy(me);
	if (kind == ROOM) {
		need(aether_route_set(s->me, s->to, DEPTH,
				      AETHER_POLICY_BLOCK) == 0);
		for (int i = 0; i < DEPTH; i++)
			need(aether_route(s->me, rig_reserve(s->me), s->to) ==
			     0);
		s->handle = rig_reserve(s->me);
	} else {
		for (int i = 0; i < STRIDES - 2; i++)
			held[i] = rig_reserve(me);
	}
	fall_asleep(s);
}

/* One call that gives it something. */
static void call(const struct sleeper *s, uint64_t *held)
{
	uint64_t handle = 0;

	while (s->kind != ROOM && !*held)
		held++;
	if (s->kind == MAIL)
		need(aether_route(me, *held,
				  aether_participant_tenancy(s->me)) == 0);
	if (s->kind == SPACE)
		need(aether_stride_release(me, *held) == 0);
	if (s->kind == ROOM)
		need(aether_route_take(me, &handle) == 0);
	else
		*held = 0;
}

/* ---- how a wake is paid */

static void by_paying(void)
{
	aether_wake_pay(me);
}

static void by_a_smaller_limit(void)
{
	aether_wake_defer(me, 2);
}

static void by_a_larger_limit(void)
{
	aether_wake_defer(me, 1000);
}

static void by_no_limit(void)
{
	aether_wake_defer(me, 0);
}

static void by_waiting(void)
{
	need(aether_route_until(me, spare, aether_participant_tenancy(third),
				aether_clock_after(MS)) == AETHER_ETIMEDOUT);
}

static void by_looking_once(void)
{
	need(aether_route_until(me, spare, aether_participant_tenancy(third),
				0) == AETHER_ETIMEDOUT);
}

static void by_leaving(void)
{
	aether_participant_leave(me);
	me = NULL;
}

/* One scene: `owed` calls ring nobody, then `pay`, or one more call, does. */
struct scene {
	uint32_t limit;
	int owed;
	void (*pay)(void); /* NULL: one more call */
	const char *name;
};

static const struct scene scenes[] = {
	{ 0, 0, NULL, "no limit: at once" },
	{ 1, 0, NULL, "a limit of 1: at once" },
	{ 2, 1, NULL, "a limit of 2" },
	{ 7, 6, NULL, "a limit of 7" },
	{ 4, 1, by_paying, "paid after one call" },
	{ 4, 3, by_paying, "paid after three calls" },
	{ UINT32_MAX, 5, by_paying, "the largest limit" },
	{ 4, 2, by_no_limit, "no limit any more" },
	{ 4, 3, by_a_smaller_limit, "a smaller limit" },
	{ 4, 3, by_a_larger_limit, "a larger limit" },
	{ 4, 1, by_waiting, "a wait of who owes" },
	{ 4, 1, by_looking_once, "a wait that only looks" },
	{ 4, 2, by_leaving, "who owes leaves" },
};

struct seen {
	int before, after;
	int result;
	uint64_t took; /* ns */
};

static void play(const struct scene *scene, int kind, struct seen *seen)
{
	uint64_t held[STRIDES] = { 0 };
	struct sleeper s;

	begin();
	lay_down(&s, kind, held);
	aether_wake_defer(me, scene->limit);
	for (int i = 0; i < scene->owed; i++)
		call(&s, held);
	seen->before = rings(&s);
	if (scene->pay)
		scene->pay();
	else
		call(&s, held);
	seen->after = rings(&s);
	seen->took = aether_clock_now() - s.began;
	seen->result = wake_up(&s);
	end();
}

static void owed(const struct scene *scene, int kind)
{
	int gone = kind == ROOM && scene->pay == by_leaving;
	struct seen seen;
	int tries = 0;

	do
		play(scene, kind, &seen);
	while (seen.took > SHORT && ++tries < TRIES);
	is_int(seen.before, 0, "%s: %s: not rung for %d calls", kinds[kind],
	       scene->name, scene->owed);
	/* who leaves gives back what it holds, and says so */
	ok(seen.after == 1 || (seen.after > 1 && scene->pay == by_leaving),
	   "%s: %s: rung once (%d)", kinds[kind], scene->name, seen.after);
	is_int(seen.result, gone ? AETHER_EGONE : 0, "%s: %s: it goes on",
	       kinds[kind], scene->name);
}

/* ---- several at once, and those who are not asleep */

#define MANY 6

static void several_once(int *before, int *after, uint64_t *took)
{
	struct sleeper s[MANY];

	begin();
	for (int i = 0; i < MANY; i++) {
		join_sleeper(&s[i], 1);
		fall_asleep(&s[i]);
	}
	aether_wake_defer(me, 1000);
	for (int i = 0; i < 2 * (MANY - 1); i++)
		need(aether_route(me, rig_reserve(me),
				  aether_participant_tenancy(
					  s[i % (MANY - 1)].me)) == 0);
	*before = *after = 0;
	for (int i = 0; i < MANY; i++)
		*before += rings(&s[i]);
	aether_wake_pay(me);
	for (int i = 0; i < MANY - 1; i++)
		*after += rings(&s[i]) == 1;
	*after += 100 * rings(&s[MANY - 1]); /* to whom nothing is owed */
	*took = aether_clock_now() - s[0].began;
	need(aether_route(me, spare,
			  aether_participant_tenancy(s[MANY - 1].me)) == 0);
	aether_wake_pay(me);
	for (int i = 0; i < MANY; i++)
		need(wake_up(&s[i]) == 0);
	end();
}

static void several(void)
{
	int before, after, tries = 0;
	uint64_t took;

	do
		several_once(&before, &after, &took);
	while (took > SHORT && ++tries < TRIES);
	is_int(before, 0, "several: nobody is rung by what is owed");
	is_int(after, MANY - 1, "several: each whom I owe is rung once");
}

/* Owes a wake of each kind, and pays: then nothing is owed any more. The
 * mailbox is that of the slot in which the sleeper will sit. */
static void pay_all(void)
{
	struct aether_participant *other = rig_join(plane);
	uint64_t handle, mine = aether_participant_tenancy(me);

	need(aether_route(other, rig_reserve(other), mine) == 0);
	need(aether_route_take(me, &handle) == 0);
	need(aether_stride_release(me, handle) == 0);
	need(aether_route(me, rig_reserve(me),
			  aether_participant_tenancy(other)) == 0);
	aether_participant_leave(other);
	aether_wake_pay(me);
}

/* Seven calls after all was paid. */
static void paid_once(int kind, struct seen *seen)
{
	uint64_t held[STRIDES] = { 0 };
	struct sleeper s;

	begin();
	aether_wake_defer(me, 8);
	pay_all();
	lay_down(&s, kind, held);
	aether_wake_pay(me);
	seen->before = rings(&s);
	for (int i = 0; i < 7; i++)
		call(&s, held);
	seen->after = rings(&s);
	seen->took = aether_clock_now() - s.began;
	aether_wake_defer(me, 0);
	need(wake_up(&s) == 0);
	end();
}

static void nothing_owed(void)
{
	for (int kind = MAIL; kind <= ROOM; kind++) {
		struct seen seen;
		int tries = 0;

		do
			paid_once(kind, &seen);
		while (seen.took > SHORT && ++tries < TRIES);
		is_int(seen.before, 0, "%s: paying twice rings nobody",
		       kinds[kind]);
		is_int(seen.after, 0, "%s: it is counted anew then",
		       kinds[kind]);
	}
}

static void spinning(void)
{
	struct sleeper s;

	begin();
	join_sleeper(&s, UINT64_MAX);
	s.bell = bell_of(&s);
	start(&s);
	rig_sleep(10 * MS);
	aether_wake_defer(me, 1000);
	need(aether_route(me, rig_reserve(me),
			  aether_participant_tenancy(s.me)) == 0);
	rig_await(&s.done, 1); /* or the test hangs, and fails */
	is_int(rings(&s), 0, "who spins has it at once, and is not rung");
	is_int(wake_up(&s), 0, "it is the mail");
	end();
}

/* ---- death */

struct debtor {
	uint64_t to;
	struct aether_word64 *told; /* 1: it is there; 2: go on; 3: it owes */
};

static int owe_for_ever(void *argument)
{
	struct debtor *d = argument;
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *self = rig_join(again);

	aether_wake_defer(self, 1000);
	rig_tell(&d->told[0], 1);
	rig_await(&d->told[1], 1);
	need(aether_route(self, rig_reserve(self), d->to) == 0);
	rig_tell(&d->told[0], 2);
	for (;;)
		pause();
}

static void kill_debtor(struct debtor *d, struct seen *seen)
{
	struct sleeper s;
	pid_t pid;

	begin();
	join_sleeper(&s, 1);
	rig_tell(&d->told[0], 0);
	rig_tell(&d->told[1], 0);
	d->to = aether_participant_tenancy(s.me);
	pid = rig_fork(owe_for_ever, d);
	rig_await(&d->told[0], 1);
	fall_asleep(&s);
	rig_tell(&d->told[1], 1);
	rig_await(&d->told[0], 2);
	seen->before = rings(&s);
	kill(pid, SIGKILL);
	need(rig_wait(pid) == 128 + SIGKILL);
	rig_await(&s.done, 1);
	seen->took = aether_clock_now() - s.began;
	seen->after = rings(&s);
	seen->result = wake_up(&s);
	end();
}

static void killed(void)
{
	struct debtor d = { .told = rig_shared(64) };
	struct seen seen;
	int tries = 0;

	do
		kill_debtor(&d, &seen);
	while (seen.took > SHORT && ++tries < TRIES);
	is_int(seen.before, 0, "killed: it owes a ring");
	ok(seen.after >= 1, "killed: who waits is rung by who reaps");
	ok(seen.took <= SHORT, "killed: after %d ms, and not after a second",
	   (int)(seen.took / MS));
	is_int(seen.result, 0, "killed: the mail is there");
	munmap(d.told, 64);
}

static void tests(void)
{
	for (int kind = MAIL; kind <= ROOM; kind++)
		for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
			owed(&scenes[i], kind);
	several();
	nothing_owed();
	spinning();
	killed();
}

int main(void)
{
	return rig_run(tests);
}
