/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The specification's multi-phase stress: 1024 strides, over which systematic,
 * coded, recoded and repair traffic goes at once, from two processes that are
 * ingresses by way of two orchestrators and four appliances to two egresses.
 * Orchestrators lose an eighth of all packets and full routes some more; any
 * of the ten is killed at any moment, reaped and replaced. What arrives is
 * compared bit for bit; in the end all strides are free. Then the same with
 * defects planted, each of which must be found.
 *
 *	test_phases [SEED]     the same choices again; scheduling is not
 *
 * SOAK=1: at least a minute, and from a random seed.
 */
#include <sys/random.h>
#include "phases_ends.h"

#define U(number) ((unsigned long long)(number))

#define KILLS (RIG_SLOW ? 30 : 200)
#define WHOLE (RIG_SLOW ? 10 : 150) /* generations of each kind */

struct herd {
	struct worker workers[WORKERS];
	pid_t pids[WORKERS];
	uint64_t seed, kills[ROLES];
	uint64_t least; /* clock; no end before it */
	uint32_t peak;  /* most strides that were seen not free */
};

static uint64_t seed_given;
static int is_given;

static uint64_t kills_of(const struct herd *h)
{
	uint64_t sum = 0;

	for (int i = 0; i < ROLES; i++)
		sum += h->kills[i];
	return sum;
}

static uint64_t whole(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < KINDS; i++)
		sum += rig_told(&world->whole[i]);
	return sum;
}

static uint64_t figure(enum figure which)
{
	return rig_told(&world->figures[which]);
}

static void join(struct worker *w)
{
	static const uint32_t roles[ROLES] = { AETHER_ROLE_INGRESS,
					       AETHER_ROLE_ORCHESTRATOR,
					       AETHER_ROLE_APPLIANCE,
					       AETHER_ROLE_EGRESS };
	struct aether_participant_options options = { .role = roles[w->role] };
	uint64_t limit = aether_clock_after(RIG_HANG / 2);
	int err;

	/* as many slots as workers: the dead must make room */
	do {
		err = aether_participant_join(w->plane, &options, NULL, &w->me);
		if (err == AETHER_ESEATS)
			rig_sleep(MS);
	} while (err == AETHER_ESEATS && aether_clock_now() < limit);
	must(err, "join");
	w->tenancy = aether_participant_tenancy(w->me);
	rig_tell(&world->tenancies[w->self], w->tenancy);
	count(STAYS, 1);
}

/* A route to each newcomer has its depth again: who only sends waits, the
 * orchestrator never does. */
static void set_up(struct worker *w, uint32_t whom)
{
	uint64_t to = rig_told(&world->tenancies[whom]);
	int err = 0;

	if (to == w->known[whom])
		return;
	if (w->role == INGRESS && whom >= first_of[DESK] &&
	    whom < first_of[APPLIANCE])
		err = aether_route_set(w->me, to, 128, AETHER_POLICY_BLOCK);
	else if (w->role == DESK && whom >= first_of[APPLIANCE])
		err = aether_route_set(w->me, to, 96,
				       whom % 2 ? AETHER_POLICY_DROP_NEW
						: AETHER_POLICY_DROP_OLDEST);
	if (err == 0)
		w->known[whom] = to;
	else if (err != AETHER_EGONE)
		must(err, "route_set");
}

/* All but ingresses have an orchestrator as heir, which sends on what was on
 * its way to them. */
static void name_heir(struct worker *w)
{
	uint32_t whom = first_of[DESK] + (w->self + 1) % DESKS;
	uint64_t to = rig_told(&world->tenancies[whom]);
	int err;

	if (w->role == INGRESS || to == w->heir)
		return;
	err = aether_participant_heir(w->me, to);
	if (err == 0)
		w->heir = to;
	else if (err != AETHER_EGONE && err != AETHER_EBOX)
		must(err, "heir");
}

static int works(void *argument)
{
	static void (*const work[ROLES])(
		struct worker * w) = { ingress, desk, appliance, egress };
	struct worker *w = argument;

	w->plane = rig_again(plane);
	join(w);
	for (uint32_t i = 0; i < WORKERS; i++)
		rig_await(&world->tenancies[i], 1);
	while (!rig_told(&world->stop)) {
		for (uint32_t i = 0; i < WORKERS; i++)
			set_up(w, i);
		name_heir(w);
		work[w->role](w);
	}
	aether_participant_leave(w->me);
	return aether_plane_detach(w->plane) < 0;
}

static void start(struct herd *h, uint32_t i)
{
	struct worker *w = &h->workers[i];

	*w = (struct worker) { .self = i, .seed = rig_random(&h->seed) };
	while (i >= first_of[w->role + 1])
		w->role++;
	h->pids[i] = rig_fork(works, w);
}

/* Ends without having been told to, and without having said why. */
static void must_be(struct herd *h, uint32_t i, int wanted)
{
	int status = rig_wait(h->pids[i]);

	if (status == wanted || status == 128 + SIGKILL)
		return;
	if (ae_add32_relaxed(&world->failed, 1) == 0)
		snprintf(world->failure, sizeof(world->failure),
			 "worker %u ends with status %d", i, status);
}

/* One, or two at one instant. */
static void kill_some(struct herd *h)
{
	uint32_t a = (uint32_t)(rig_random(&h->seed) % WORKERS);
	uint32_t n = rig_random(&h->seed) % 4 ? 1 : 2, b[2];

	for (uint32_t i = 0; i < n; i++) {
		b[i] = (a + i * (1 + (uint32_t)(rig_random(&h->seed) %
						(WORKERS - 1)))) %
		       WORKERS;
		kill(h->pids[b[i]], SIGKILL);
	}
	for (uint32_t i = 0; i < n; i++) {
		must_be(h, b[i], 128 + SIGKILL);
		h->kills[h->workers[b[i]].role]++;
		start(h, b[i]);
	}
}

static void look(struct herd *h)
{
	struct aether_registry_counts counts;
	uint32_t taken;

	aether_registry_count(plane, &counts);
	taken = STRIDES - counts.states[AETHER_STATE_DORMANT];
	if (taken > h->peak)
		h->peak = taken;
}

static int has_enough(const struct herd *h)
{
	if (world->planted)
		return kills_of(h) > (world->planted < UNREAPED ? 1000 : 5);
	if (kills_of(h) < KILLS || aether_clock_now() < h->least)
		return 0;
	for (int i = 0; i < ROLES; i++)
		if (h->kills[i] < 2)
			return 0;
	for (int i = 0; i < KINDS; i++)
		if (rig_told(&world->whole[i]) < WHOLE)
			return 0;
	return 1;
}

/* Until some more generations were right. 0: something is wrong, or they
 * hang. */
static int progress(struct herd *h, uint64_t more)
{
	uint64_t limit = aether_clock_after(RIG_HANG), until = whole() + more;

	while (whole() < until) {
		if (ae_load32_relaxed(&world->failed))
			return 0;
		if (aether_clock_now() > limit) {
			ae_add32_relaxed(&world->failed, 1);
			snprintf(world->failure, sizeof(world->failure),
				 "nothing arrives any more");
			return 0;
		}
		look(h);
		rig_sleep(MS / 4);
	}
	return !ae_load32_relaxed(&world->failed);
}

/* In the end one half leaves with what it has, the other is killed. */
static void end(struct herd *h)
{
	rig_tell(&world->stop, 1);
	for (uint32_t i = 0; i < WORKERS; i++)
		if (i % 2)
			kill(h->pids[i], SIGKILL);
	for (uint32_t i = 0; i < WORKERS; i++)
		must_be(h, i, 0);
}

static void run(struct herd *h)
{
	for (uint32_t place = 0; place < OPEN; place++)
		rig_tell(&world->begun[place], OPEN + place);
	for (uint32_t i = 0; i < WORKERS; i++)
		start(h, i);
	while (progress(h, rig_random(&h->seed) % 6) && !has_enough(h)) {
		rig_sleep(rig_random(&h->seed) % (4 * MS));
		kill_some(h);
	}
	end(h);
}

/* Notes are of entries that the dead had not taken. */
static int tell(const struct aether_finding *finding, void *user)
{
	uint32_t *findings = user;

	if (!finding->wrong)
		return 0;
	printf("# %s %u: %s\n", aether_doctor_name(finding->what),
	       finding->index, aether_doctor_why(finding->what));
	++*findings;
	return 0;
}

/* What a reaper that overlooks one would leave. */
static void leave_one_owned(void)
{
	struct aether_participant *me = rig_join(plane);
	struct aether_word64 *word;
	uint64_t handle = rig_reserve(me), owned;

	word = &plane->leases[victim_stride(handle)].word;
	owned = ae_load64_relaxed(word);
	aether_participant_leave(me);
	ae_store64_relaxed(word, owned);
}

/* How much is wrong in a plane that all have left. */
static uint32_t left_over(void)
{
	struct aether_participant *me = rig_join(plane), *other = NULL;
	uint32_t findings = 0;
	uint64_t handle = 0;

	aether_reap(me, NULL);
	if (world->planted == UNREAPED)
		leave_one_owned();
	if (world->planted == LEFT_OWNED) {
		other = rig_join(plane);
		rig_reserve(other);
	}
	aether_doctor_look(plane, tell, &findings);
	findings += !rig_all_free(plane);
	findings += aether_stride_reserve_run(me, STRIDES, &handle) != 0;
	aether_participant_leave(other);
	aether_participant_leave(me);
	for (uint32_t i = 0; i < WORKERS; i++)
		findings += victim_seat_state(plane, i) != AETHER_SEAT_FREE;
	return findings;
}

static void report(const struct herd *h)
{
	for (int i = 0; i < KINDS; i++)
		printf("# %s: %llu generations whole; %llu sources sent, %llu "
		       "packets made, %llu arrived\n",
		       kind_name[i], U(rig_told(&world->whole[i])),
		       U(rig_told(&world->sent[i])),
		       U(rig_told(&world->made[i])),
		       U(rig_told(&world->arrived[i])));
	printf("# lost: %llu dropped, %llu by full routes, %llu suspect, %llu "
	       "without addressee, %llu for want of room; %llu late, %llu "
	       "redundant\n",
	       U(figure(DROPPED)), U(figure(POLICY)), U(figure(SUSPECT)),
	       U(figure(UNROUTED)), U(figure(PRESSURE)), U(figure(LATE)),
	       U(figure(REDUNDANT)));
	printf("# killed: %llu ingresses, %llu orchestrators, %llu appliances, "
	       "%llu egresses; %llu joined\n",
	       U(h->kills[INGRESS]), U(h->kills[DESK]), U(h->kills[APPLIANCE]),
	       U(h->kills[EGRESS]), U(figure(STAYS)));
	printf("# %llu burns, %llu bytes compared, at most %u strides in use\n",
	       U(figure(BURNS)), U(figure(BYTES)), h->peak);
}

static void begin(struct herd *h, uint64_t chosen, enum planted planted)
{
	const char *soak = getenv("SOAK");

	/* no watch of my own: it would reap in the middle of my looks */
	plane = victim_quiet(STRIDES, SIZE, WORKERS);
	world = rig_shared(sizeof(*world));
	world->seed = h->seed = chosen;
	world->planted = planted;
	if (soak && *soak && planted == SOUND)
		h->least = aether_clock_after(60 * SECOND);
}

static void finish(void)
{
	need(aether_plane_detach(plane) == 0);
	munmap(world, sizeof(*world));
}

static void sound(uint64_t chosen)
{
	struct herd h = { .least = 0 };

	printf("# seed %llu\n", U(chosen));
	begin(&h, chosen, SOUND);
	run(&h);
	report(&h);
	if (!ok(!ae_load32_relaxed(&world->failed), "all that arrived is right "
						    "bit for bit"))
		printf("# %s\n", world->failure);
	ok(has_enough(&h), "%llu generations, %llu kills", U(whole()),
	   U(kills_of(&h)));
	ok(figure(DROPPED) && figure(BYTES) >= whole() * SIZE,
	   "%llu lost on purpose, %llu bytes compared", U(figure(DROPPED)),
	   U(figure(BYTES)));
	is_int(left_over(), 0, "no stride is lost or owned, nothing to repair");
	finish();
}

/* Found while it runs, by bytes or coefficients, or, if it is one of the end,
 * then. */
static void finds(enum planted planted, const char *what)
{
	struct herd h = { .least = 0 };
	uint32_t left = 0;
	int failed;

	begin(&h, 99, planted);
	run(&h);
	failed = ae_load32_relaxed(&world->failed) != 0;
	if (planted >= UNREAPED)
		left = left_over();
	ok(planted >= UNREAPED ? !failed && left
			       : strstr(world->failure, "wrong bytes") ||
					 strstr(world->failure, "head"),
	   "found: %s (%s)", what, failed ? world->failure : "in the end");
	finish();
}

static void tests(void)
{
	uint64_t chosen = seed_given;
	const char *soak = getenv("SOAK");

	make_field();
	if (!is_given)
		chosen = 7;
	if (!is_given && soak && *soak)
		need(getrandom(&chosen, sizeof(chosen), 0) == sizeof(chosen));
	sound(chosen);
	finds(WRONG_BURN, "a recode by another coefficient");
	finds(WRONG_WORDS, "a recode that says another coefficient");
	finds(SWAPPED, "a repair with two shards exchanged");
	finds(WRITES_ON, "a write to what was routed");
	finds(UNREAPED, "a stride that is not reaped");
	finds(LEFT_OWNED, "a stride that somebody keeps");
}

int main(int argc, char **argv)
{
	is_given = argc > 1;
	if (is_given)
		seed_given = strtoull(argv[1], NULL, 0);
	return rig_run(tests);
}
