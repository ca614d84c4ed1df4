/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows that go wrong: whatever fails, every stage returns, says why, and no
 * stride is lost. A plane is untrusted: strides that hold what no stage writes
 * are refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include "flow_trial.h"

#define LENGTH 6000000 /* more than the plane holds */

static uint8_t input[LENGTH];

static void expect(struct trial *t, int stage, int code, const char *word)
{
	struct trial_stage *s = &t->stage[stage];

	ok(s->result == code && s->error.code == code &&
		   strstr(s->error.text, word),
	   "stage %d answers %s: %s", stage, aether_error_name(s->result),
	   s->error.text);
}

/* Opens a trial whose output goes to `to`. */
static int begin(struct trial *t, int from, int to)
{
	t->ingress.fd = from;
	t->egress.fd = to;
	t->ingress.format = AETHER_FORMAT_SLICED;
	return is_int(trial_open(t), 0, "a plane");
}

static void finish(struct trial *t)
{
	close(t->ingress.fd);
	close(t->egress.fd);
	ok(trial_close(t), "every stride came back");
}

static void test_input_fails(void)
{
	struct trial t = { .workers = 2 };

	if (!begin(&t, open("/tmp", O_RDONLY), trial_file("", 0)))
		return;
	trial_go(&t);
	expect(&t, INGRESS, AETHER_EIO, "directory");
	for (int i = DESK; i < WORKER + 2; i++)
		expect(&t, i, AETHER_ESTAGE, "gave up");
	finish(&t);
}

static void test_output_fails(void)
{
	struct trial t = { .workers = 2 };

	if (!begin(&t, trial_file(input, LENGTH), open("/dev/full", O_WRONLY)))
		return;
	trial_go(&t);
	expect(&t, EGRESS, AETHER_ENOSPC, "No space left");
	expect(&t, DESK, AETHER_ESTAGE, "");
	expect(&t, INGRESS, AETHER_ESTAGE, "orchestrator");
	finish(&t);
}

static void test_reader_leaves(void)
{
	struct trial t = { .workers = 1 };
	int ends[2];

	if (!is_int(pipe(ends), 0, "a pipe"))
		return;
	close(ends[0]);
	if (!begin(&t, trial_file(input, LENGTH), ends[1]))
		return;
	trial_go(&t);
	expect(&t, EGRESS, AETHER_EIO, "pipe");
	ok(1, "SIGPIPE did not end this program");
	finish(&t);
}

static int break_down(void *state, const struct aether_piece *piece)
{
	(void)state;
	return piece->offset >= 500000 ? AETHER_ENOMEM : 0;
}

static void test_burn_fails(void)
{
	struct aether_burn burn = { .name = "brittle", .burn = break_down };
	struct trial t = { .workers = 1 };

	t.worker[0] = (struct aether_flow_appliance) { .burns = &burn,
						       .count = 1 };
	if (!begin(&t, trial_file(input, LENGTH), trial_file("", 0)))
		return;
	trial_go(&t);
	expect(&t, WORKER, AETHER_EBURN, "brittle");
	expect(&t, EGRESS, AETHER_ESTAGE, "gave up");
	/* whom it misses first: the worker, or the egress that heard of it */
	expect(&t, DESK, AETHER_ESTAGE,
	       strstr(t.stage[DESK].error.text, "egress") ? "egress"
							  : "appliance");
	expect(&t, INGRESS, AETHER_ESTAGE, "orchestrator");
	finish(&t);
}

static void see(void *user, const void *bytes, size_t length)
{
	(void)user;
	(void)bytes;
	(void)length;
}

static void test_no_undo(void)
{
	struct aether_burn burn = { .name = "one-way", .burn = break_down };
	struct trial t = { .workers = 1 };

	t.egress.burns = &burn;
	t.egress.count = 1;
	t.egress.tap.bytes = see;
	if (!begin(&t, trial_file(input, LENGTH), trial_file("", 0)))
		return;
	trial_go(&t);
	expect(&t, EGRESS, AETHER_EBURN, "one-way");
	finish(&t);
}

static void test_options(void)
{
	static const uint32_t tiles[] = { 4, 96, 1024 };

	for (int i = 0; i < 3; i++) {
		struct trial t = { .workers = 1 };

		t.ingress.tile = tiles[i];
		if (!begin(&t, trial_file("", 0), trial_file("", 0)))
			return;
		trial_go(&t);
		expect(&t, INGRESS, AETHER_EINVAL, "tile");
		finish(&t);
	}
}

/* Routes one stride to a stage, with whatever is to be tried. */
struct poison {
	uint64_t sequence;
	uint64_t next;
	uint32_t flags;
	uint32_t tile;   /* written past the library; 0: leave it */
	uint64_t length; /* the same */
	uint64_t format;
};

static void send_poison(struct trial *t, struct aether_participant *me,
			const struct poison *p, uint64_t to)
{
	struct aether_parcel_seg parcel = { .sequence = p->sequence,
					    .next = p->next,
					    .flags = p->flags };
	struct aether_plane_info info;
	struct aether_lease_seg *lease;
	uint64_t handle;
	void *user;

	aether_plane_look(t->plane, &info);
	if (aether_stride_reserve(me, &handle) ||
	    aether_stride_describe(me, handle, 100, AETHER_FORMAT_SLICED, 64) ||
	    aether_stride_user(me, handle, &user))
		abort();
	memcpy(user, &parcel, sizeof(parcel));
	lease = (struct aether_lease_seg *)((uint8_t *)aether_plane_base(
						    t->plane) +
					    info.geometry.leases_offset);
	lease += AETHER_HANDLE_STRIDE(handle);
	if (p->tile)
		/* raw: what no stage would store */
		lease->tile.raw = p->tile;
	if (p->length)
		/* raw: what no stage would store */
		lease->length.raw = p->length;
	if (p->format)
		/* raw: what no stage would store */
		lease->format.raw = (uint32_t)p->format;
	if (aether_route(me, handle, to))
		abort();
}

/* The test itself is the stage before this one. */
static void poison(int stage, const struct poison *p, int code)
{
	struct trial t = { .workers = 1 };
	struct aether_error error;
	struct aether_flow_report report;
	struct aether_participant *me;
	int rc;

	if (!begin(&t, -1, trial_file("", 0)))
		return;
	me = t.stage[stage].me;
	t.desk.egress = trial_tenancy(&t, EGRESS);
	send_poison(&t, t.stage[INGRESS].me, p, trial_tenancy(&t, stage));
	if (stage == EGRESS)
		rc = aether_flow_egress(me, &t.egress, &error, &report);
	else if (stage == DESK)
		rc = aether_flow_orchestrate(me, &t.desk, &error, &report);
	else
		rc = aether_flow_work(me, &t.worker[0], &error, &report);
	ok(rc == code, "stage %d: %s: %s", stage, aether_error_name(rc),
	   error.text);
	for (int i = 0; i < WORKER + 1; i++)
		aether_participant_leave(t.stage[i].me);
	finish(&t);
}

static void test_poison(void)
{
	static const struct poison far = { .sequence = 16 };
	static const struct poison end = { .flags = AETHER_PARCEL_END };
	static const struct poison abort = { .flags = AETHER_PARCEL_ABORT };
	static const struct poison large_tile = { .tile = 1024 };
	static const struct poison odd_tile = { .tile = 63 };
	static const struct poison no_tile = { .tile = UINT32_MAX };
	static const struct poison nowhere = { .next = 0x1234567 };
	static const struct poison long_one = { .length = 65537 };
	static const struct poison endless = { .length = UINT64_MAX };
	static const struct poison shape = { .format = 7 };

	poison(EGRESS, &far, AETHER_ECORRUPT);
	poison(EGRESS, &end, AETHER_ECORRUPT);
	poison(EGRESS, &abort, AETHER_ESTAGE);
	poison(EGRESS, &large_tile, AETHER_ECORRUPT);
	poison(EGRESS, &odd_tile, AETHER_ECORRUPT);
	poison(EGRESS, &long_one, AETHER_ECORRUPT);
	poison(EGRESS, &shape, AETHER_ECORRUPT);
	poison(WORKER, &no_tile, AETHER_ECORRUPT);
	poison(WORKER, &endless, AETHER_ECORRUPT);
	poison(WORKER, &nowhere, AETHER_ESTAGE);
	poison(WORKER, &abort, AETHER_ESTAGE);
	poison(DESK, &long_one, AETHER_ECORRUPT);
	poison(DESK, &abort, AETHER_ESTAGE);
}

/* Twice the same place in the stream. */
static void test_twice(void)
{
	static const struct poison later = { .sequence = 3 };
	struct trial t = { .workers = 1 };
	struct aether_error error;
	struct aether_flow_report report;

	if (!begin(&t, -1, trial_file("", 0)))
		return;
	for (int i = 0; i < 2; i++)
		send_poison(&t, t.stage[INGRESS].me, &later,
			    trial_tenancy(&t, EGRESS));
	is_int(aether_flow_egress(t.stage[EGRESS].me, &t.egress, &error,
				  &report),
	       AETHER_ECORRUPT, "the same number twice is refused");
	for (int i = 0; i < WORKER + 1; i++)
		aether_participant_leave(t.stage[i].me);
	finish(&t);
}

static void test_patience(void)
{
	struct trial t = { .workers = 1 };
	struct aether_error error;
	struct aether_flow_report report;
	uint64_t took;

	if (!begin(&t, -1, trial_file("", 0)))
		return;
	for (int i = 0; i < 20; i++) { /* again if it was stopped meanwhile */
		took = aether_clock_now();
		t.egress.patience.first = aether_clock_after(30000000);
		is_int(aether_flow_egress(t.stage[EGRESS].me, &t.egress, &error,
					  &report),
		       AETHER_ETIMEDOUT, "no first stride in time");
		took = aether_clock_now() - took;
		if (took < 2000000000)
			break;
	}
	ok(took < 2000000000, "and soon");
	t.egress.patience.first = 0;
	t.egress.patience.feeders = 1u << AETHER_ROLE_INGRESS;
	send_poison(&t, t.stage[INGRESS].me, &(struct poison) { 0 },
		    trial_tenancy(&t, EGRESS));
	aether_participant_leave(t.stage[INGRESS].me);
	is_int(aether_flow_egress(t.stage[EGRESS].me, &t.egress, &error,
				  &report),
	       AETHER_ESTAGE, "nobody is left to feed it");
	for (int i = DESK; i < WORKER + 1; i++)
		aether_participant_leave(t.stage[i].me);
	finish(&t);
}

static void wake(int number)
{
	(void)number;
}

static void *drain(void *user)
{
	struct trial_stage *s = user;

	s->result = aether_flow_egress(s->me, &s->trial->egress, &s->error,
				       &s->report);
	return NULL;
}

static void test_signal(void)
{
	struct sigaction action = { .sa_handler = wake };
	struct trial t = { .workers = 1 };
	struct trial_stage *s = &t.stage[EGRESS];

	sigaction(SIGUSR1, &action, NULL);
	if (!begin(&t, -1, trial_file("", 0)))
		return;
	s->result = 1;
	pthread_create(&s->thread, NULL, drain, s);
	do { /* one that comes before it waits does nothing */
		usleep(50000);
		pthread_kill(s->thread, SIGUSR1);
	} while (pthread_tryjoin_np(s->thread, NULL) == EBUSY);
	expect(&t, EGRESS, AETHER_EINTR, "signal");
	for (int i = 0; i < WORKER + 1; i++)
		aether_participant_leave(t.stage[i].me);
	finish(&t);
}

static int asked[2], stop[2];

/* Says that it was asked; stops when there is a byte for it. */
static int stopped(void)
{
	char byte = 0;

	if (write(asked[1], &byte, 1) != 1)
		return 1;
	return read(stop[0], &byte, 1) == 1;
}

/* A signal that means something else ends nobody who asks. */
static void test_other_signal(void)
{
	struct sigaction action = { .sa_handler = wake };
	struct trial t = { .workers = 1 };
	struct trial_stage *s = &t.stage[EGRESS];
	char byte = 0;

	sigaction(SIGUSR1, &action, NULL);
	if (pipe2(asked, O_NONBLOCK) < 0 || pipe2(stop, O_NONBLOCK) < 0 ||
	    !begin(&t, -1, trial_file("", 0)))
		return;
	t.egress.stopped = stopped;
	pthread_create(&s->thread, NULL, drain, s);
	while (read(asked[0], &byte, 1) != 1) {
		pthread_kill(s->thread, SIGUSR1);
		usleep(5000);
	}
	usleep(50000);
	ok(pthread_tryjoin_np(s->thread, NULL) == EBUSY, "it goes on");
	is_int(write(stop[1], &byte, 1), 1, "until it is told to stop");
	while (pthread_tryjoin_np(s->thread, NULL) == EBUSY) {
		pthread_kill(s->thread, SIGUSR1);
		usleep(5000);
	}
	expect(&t, EGRESS, AETHER_EINTR, "signal");
	for (int i = 0; i < WORKER + 1; i++)
		aether_participant_leave(t.stage[i].me);
	finish(&t);
	for (int i = 0; i < 2; i++) {
		close(asked[i]);
		close(stop[i]);
	}
}

int main(void)
{
	memset(input, 'x', sizeof(input));
	test_input_fails();
	test_output_fails();
	test_reader_leaves();
	test_burn_fails();
	test_no_undo();
	test_options();
	test_poison();
	test_twice();
	test_patience();
	test_signal();
	test_other_signal();
	return tap_end();
}
