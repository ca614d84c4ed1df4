/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stages say to each other, with the test in the place of one of
 * them: nobody gets content before he has named his heir; pieces are brought
 * again; nobody is told that it is over while content is out.
 */
#include "flow_trial.h"

#define SIZE 65536
#define LENGTH (3 * SIZE + 1000)
#define SOON 150000000              /* ns in which something would have come */
#define HANG UINT64_C(120000000000) /* ns after which it never will */

static uint8_t input[LENGTH];

static void begin(struct trial *t, int stage)
{
	static void *(*const body[])(void *) = { trial_ingress, trial_desk,
						 trial_egress };

	pthread_create(&t->stage[stage].thread, NULL, body[stage],
		       &t->stage[stage]);
}

static void ends(struct trial *t, int stage, int code, const char *word)
{
	struct trial_stage *s = &t->stage[stage];

	pthread_join(s->thread, NULL);
	ok(s->result == code && (!code || strstr(s->error.text, word)),
	   "stage %d ends with %s: %s", stage, aether_error_name(s->result),
	   code ? s->error.text : "");
}

static struct aether_parcel_seg parcel_of(struct aether_participant *me,
					  uint64_t handle)
{
	struct aether_parcel_seg parcel = { .flags = UINT32_MAX };
	void *user;

	if (aether_stride_user(me, handle, &user) == 0)
		memcpy(&parcel, user, sizeof(parcel));
	return parcel;
}

/* The next mail, and what it says; 0: nothing came. */
static uint64_t mail(struct aether_participant *me, uint64_t ns,
		     struct aether_parcel_seg *parcel)
{
	uint64_t handle;

	if (aether_route_take_until(me, aether_clock_after(ns), &handle) < 0)
		return 0;
	*parcel = parcel_of(me, handle);
	return handle;
}

static int send(struct aether_participant *me, uint64_t to,
		const struct aether_parcel_seg *parcel, uint64_t length)
{
	uint64_t handle;
	void *user;

	if (aether_stride_reserve(me, &handle) < 0 ||
	    aether_stride_describe(me, handle, length, AETHER_FORMAT_RAW, 0) ||
	    aether_stride_user(me, handle, &user) < 0)
		return -1;
	memcpy(user, parcel, sizeof(*parcel));
	return aether_route(me, handle, to);
}

static int open_trial(struct trial *t, uint32_t workers)
{
	t->workers = workers;
	t->ingress.fd = trial_file(input, LENGTH);
	t->egress.fd = trial_file("", 0);
	if (!is_int(trial_open(t), 0, "a plane"))
		return 0;
	t->ingress.to = trial_tenancy(t, DESK);
	t->desk.egress = trial_tenancy(t, EGRESS);
	t->desk.count = workers;
	for (uint32_t i = 0; i < workers; i++)
		t->desk.workers[i] = trial_tenancy(t, WORKER + (int)i);
	return 1;
}

/* How many strides are on their way to a stage. */
static uint32_t on_the_way(struct trial *t, int stage)
{
	uint32_t n = 0, count = t->strides ? t->strides : 16;

	for (uint32_t i = 0; i < count; i++) {
		struct aether_stride_info info;

		n += aether_registry_look(t->plane, i, &info) == 0 &&
		     info.state == AETHER_STATE_ROUTED &&
		     info.slot == AETHER_TENANCY_SLOT(trial_tenancy(t, stage));
	}
	return n;
}

/* Until there are so many; or the test hangs, and fails. */
static void await_on_the_way(struct trial *t, int stage, uint32_t wanted)
{
	while (on_the_way(t, stage) != wanted)
		usleep(1000);
}

/* Have the stages that are not the test ended? Who has ended has left. */
static int have_ended(struct trial *t, const uint64_t tenancies[WORKER])
{
	struct aether_participant_info info;

	for (uint32_t i = 0; i < WORKER; i++)
		if (aether_participant_look(
			    t->plane,
			    (uint32_t)AETHER_TENANCY_SLOT(tenancies[i]),
			    &info) < 0 ||
		    info.tenancy == tenancies[i])
			return 0;
	return 1;
}

static void close_trial(struct trial *t)
{
	for (uint32_t i = 0; i < t->workers; i++)
		aether_participant_leave(t->stage[WORKER + i].me);
	ok(trial_close(t), "every stride came back");
	close(t->ingress.fd);
	close(t->egress.fd);
}

/* The worker's answer to BEGIN. */
static void answer(struct aether_participant *me, uint64_t handle,
		   const struct aether_parcel_seg *parcel)
{
	is_int(aether_participant_heir(me, parcel->next), 0, "an heir");
	is_int(aether_route(me, handle, parcel->next), 0, "an answer");
}

/* The test is the only worker. */
static void test_handshake(void)
{
	struct trial t = { .strides = 0 };
	struct aether_parcel_seg parcel;
	struct aether_participant *me;
	uint64_t handle, kept = 0;

	if (!open_trial(&t, 1))
		return;
	me = t.stage[WORKER].me;
	for (int i = 0; i < WORKER; i++)
		begin(&t, i);
	handle = mail(me, HANG, &parcel);
	ok(handle && parcel.flags == AETHER_PARCEL_BEGIN &&
		   parcel.next == trial_tenancy(&t, DESK),
	   "first it is asked to name an heir");
	ok(!mail(me, SOON, &parcel), "nothing comes before it has");
	parcel.next = trial_tenancy(&t, DESK);
	answer(me, handle, &parcel);
	for (uint64_t i = 0; i < 4; i++) {
		handle = mail(me, HANG, &parcel);
		ok(handle && parcel.sequence == i &&
			   parcel.position == i * SIZE &&
			   parcel.flags == (i == 3 ? AETHER_PARCEL_LAST : 0u),
		   "then content %llu", (unsigned long long)i);
		if (i == 1)
			kept = handle;
		else
			aether_route(me, handle, parcel.next);
	}
	ok(!mail(me, SOON, &parcel), "no end while I have a piece");
	aether_route(me, kept, trial_tenancy(&t, EGRESS));
	handle = mail(me, HANG, &parcel);
	ok(handle && parcel.flags == AETHER_PARCEL_END, "then the end");
	aether_stride_release(me, handle);
	for (int i = 0; i < WORKER; i++)
		ends(&t, i, 0, "");
	ok(trial_holds(t.egress.fd, input, LENGTH), "all of it arrived");
	close_trial(&t);
}

/* A worker that leaves with everything: intact what it had not taken. */
static void test_leaver(void)
{
	struct trial t = { .strides = 0 };
	struct aether_parcel_seg parcel;
	struct aether_participant *me;
	uint64_t handle;
	int got = 0;

	if (!open_trial(&t, 2))
		return;
	me = t.stage[WORKER].me;
	for (int i = 0; i < WORKER; i++)
		begin(&t, i);
	answer(me, mail(me, HANG, &parcel), &parcel);
	is_int(mail(me, HANG, &parcel) != 0, 1, "it has one");
	await_on_the_way(&t, WORKER, 3);
	aether_participant_leave(me);
	t.stage[WORKER].me = NULL;
	me = t.stage[WORKER + 1].me;
	answer(me, mail(me, HANG, &parcel), &parcel);
	while ((handle = mail(me, HANG, &parcel)) != 0 &&
	       parcel.flags != AETHER_PARCEL_END) {
		aether_route(me, handle, parcel.next);
		got++;
	}
	is_int(got, 4, "the other one gets all");
	aether_stride_release(me, handle);
	for (int i = 0; i < WORKER; i++)
		ends(&t, i, 0, "");
	is_int(t.stage[INGRESS].report.again, 1, "one was brought again");
	is_int(t.stage[DESK].report.again, 4, "four came back");
	ok(trial_holds(t.egress.fd, input, LENGTH), "all of it arrived");
	close_trial(&t);
}

/* The only stride is with the orchestrator when it calls its workers. */
static void test_ride(int dies)
{
	struct trial t = { .strides = 1, .stride_size = 1 << 18 };
	struct aether_parcel_seg parcel = { .flags = 0 };
	struct aether_participant *me;
	uint64_t handle, stages[WORKER];

	if (!open_trial(&t, 2))
		return;
	for (int i = 0; i < WORKER; i++)
		stages[i] = trial_tenancy(&t, i);
	begin(&t, INGRESS);
	await_on_the_way(&t, DESK, 1);
	begin(&t, DESK);
	begin(&t, EGRESS);
	me = t.stage[WORKER].me;
	handle = mail(me, HANG, &parcel);
	ok(handle && parcel.flags == AETHER_PARCEL_BEGIN, "called with it");
	if (dies) {
		aether_participant_leave(me);
		t.stage[WORKER].me = NULL;
		me = t.stage[WORKER + 1].me;
		handle = mail(me, HANG, &parcel);
	}
	answer(me, handle, &parcel);
	handle = mail(me, HANG, &parcel);
	ok(handle && parcel.flags == AETHER_PARCEL_LAST && !parcel.sequence,
	   "then it has content");
	aether_route(me, handle, parcel.next);
	for (int i = 0; !have_ended(&t, stages); i++) {
		me = t.stage[WORKER + i % 2].me;
		if (!me || !(handle = mail(me, SOON / 10, &parcel)))
			continue;
		if (parcel.flags == AETHER_PARCEL_BEGIN)
			aether_route(me, handle, parcel.next);
		else
			aether_stride_release(me, handle);
	}
	for (int i = 0; i < WORKER; i++)
		ends(&t, i, 0, "");
	is_int(t.stage[INGRESS].report.again, dies, "brought again");
	ok(trial_holds(t.egress.fd, input, LENGTH), "all of it arrived");
	close_trial(&t);
}

/* The test is the orchestrator. Takes all strides of the stream. */
static struct aether_participant *open_ingress(struct trial *t)
{
	struct aether_parcel_seg parcel = { .flags = 0 };
	struct aether_participant *me;
	uint64_t handle = 1;

	if (!open_trial(t, 0))
		return NULL;
	me = t->stage[DESK].me;
	begin(t, INGRESS);
	while (handle && parcel.flags != AETHER_PARCEL_LAST) {
		handle = mail(me, HANG, &parcel);
		if (parcel.next != trial_tenancy(t, INGRESS))
			handle = 0;
		aether_stride_release(me, handle);
	}
	ok(handle, "the stream, with its sender's name");
	return me;
}

static void close_ingress(struct trial *t, int code, const char *word)
{
	ends(t, INGRESS, code, word);
	aether_participant_leave(t->stage[DESK].me);
	aether_participant_leave(t->stage[EGRESS].me);
	close_trial(t);
}

static void test_again(void)
{
	struct trial t = { .strides = 0 };
	struct aether_participant *me = open_ingress(&t);
	struct aether_parcel_seg redo = { .sequence = 2,
					  .position = 2 * SIZE,
					  .flags = AETHER_PARCEL_REDO };
	struct aether_parcel_seg parcel;
	struct aether_pointer pointer;
	uint64_t handle;
	void *bytes;

	if (!me)
		return;
	send(me, trial_tenancy(&t, INGRESS), &redo, SIZE);
	handle = mail(me, HANG, &parcel);
	ok(handle && parcel.sequence == 2 && parcel.position == 2 * SIZE &&
		   parcel.flags == 0 &&
		   aether_stride_bytes(me, handle, NULL, &bytes) == 0 &&
		   memcmp(bytes, input + 2 * SIZE, SIZE) == 0,
	   "a piece from the middle");
	aether_stride_release(me, handle);
	redo.sequence = 3;
	redo.position = 3 * SIZE;
	redo.flags |= AETHER_PARCEL_LAST;
	send(me, trial_tenancy(&t, INGRESS), &redo, 1000);
	handle = mail(me, HANG, &parcel);
	ok(handle && parcel.flags == AETHER_PARCEL_LAST &&
		   aether_stride_resolve(me, handle, &pointer) == 0 &&
		   pointer.length == 1000,
	   "the last piece, which says so again");
	aether_stride_release(me, handle);
	redo.flags = AETHER_PARCEL_END;
	send(me, trial_tenancy(&t, INGRESS), &redo, 0);
	close_ingress(&t, 0, "");
	is_int(t.stage[INGRESS].report.again, 2, "both are counted");
	ok(t.stage[INGRESS].report.bytes_in == LENGTH &&
		   t.stage[INGRESS].report.bytes_out == LENGTH &&
		   t.stage[INGRESS].report.strides == 4,
	   "as done again only");
}

/* Pieces that the ingress never brought. */
static void test_no_piece(void)
{
	static const struct aether_parcel_seg wrong[] = {
		{ .sequence = 4, .flags = AETHER_PARCEL_REDO },
		{ .position = LENGTH - 99, .flags = AETHER_PARCEL_REDO },
		{ .position = UINT64_MAX - 50, .flags = AETHER_PARCEL_REDO },
		{ .flags = AETHER_PARCEL_LAST },
		{ .flags = AETHER_PARCEL_BEGIN },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct trial t = { .strides = 0 };
		struct aether_participant *me = open_ingress(&t);

		if (!me)
			return;
		send(me, trial_tenancy(&t, INGRESS), &wrong[i], 100);
		close_ingress(&t, AETHER_ECORRUPT, "no piece");
	}
}

static void test_early_end(void)
{
	struct aether_parcel_seg end = { .flags = AETHER_PARCEL_END };
	struct trial t = { .strides = 0 };
	struct aether_participant *me;
	int ends_of[2];

	if (pipe(ends_of) < 0 || !open_trial(&t, 0))
		return;
	me = t.stage[DESK].me;
	close(t.ingress.fd);
	t.ingress.fd = ends_of[0];
	begin(&t, INGRESS);
	usleep(20000); /* mostly it reads by then */
	send(me, trial_tenancy(&t, INGRESS), &end, 0);
	close_ingress(&t, AETHER_ESTAGE, "before its end");
	close(ends_of[1]);
}

/* One of two workers never answers: the other one does all. */
static void test_silent_worker(void)
{
	struct trial t = { .strides = 0 };
	struct aether_parcel_seg parcel;
	struct aether_participant *me;
	uint64_t handle;
	int got = 0;

	if (!open_trial(&t, 2))
		return;
	me = t.stage[WORKER + 1].me;
	for (int i = 0; i < WORKER; i++)
		begin(&t, i);
	answer(me, mail(me, HANG, &parcel), &parcel);
	while ((handle = mail(me, HANG, &parcel)) != 0 &&
	       parcel.flags != AETHER_PARCEL_END) {
		aether_route(me, handle, parcel.next);
		got++;
	}
	aether_stride_release(me, handle);
	is_int(got, 4, "the other one does all");
	for (int i = 0; i < WORKER; i++)
		ends(&t, i, 0, "");
	me = t.stage[WORKER].me;
	handle = mail(me, SOON, &parcel);
	ok(handle && parcel.flags == AETHER_PARCEL_BEGIN, "it was called");
	handle = mail(me, SOON, &parcel);
	ok(handle && parcel.flags == AETHER_PARCEL_END, "and told of the end");
	close_trial(&t);
}

/*
 * The test is all but the worker. When the egress has the last piece it goes;
 * the worker, who has not been told that it is over, is no worse for that.
 */
static void test_told_late(void)
{
	struct aether_parcel_seg parcel = { .flags = AETHER_PARCEL_BEGIN };
	struct trial t = { .strides = 0 };
	struct trial_stage *worker = &t.stage[WORKER];
	struct aether_participant *desk, *egress;
	uint64_t handle, to;

	if (!open_trial(&t, 1))
		return;
	desk = t.stage[DESK].me;
	egress = t.stage[EGRESS].me;
	to = trial_tenancy(&t, WORKER);
	pthread_create(&worker->thread, NULL, trial_worker, worker);
	parcel.next = trial_tenancy(&t, DESK);
	is_int(send(desk, to, &parcel, 0), 0, "a call");
	handle = mail(desk, HANG, &parcel);
	is_int(aether_stride_release(desk, handle), 0, "it is answered");
	parcel = (struct aether_parcel_seg) { .flags = AETHER_PARCEL_LAST };
	parcel.next = trial_tenancy(&t, EGRESS);
	is_int(send(desk, to, &parcel, 1000), 0, "a piece");
	handle = mail(egress, HANG, &parcel);
	is_int(aether_stride_release(egress, handle), 0, "it is out");
	aether_participant_leave(egress);
	usleep(3 * 200000); /* longer than a stage waits before it looks */
	parcel = (struct aether_parcel_seg) { .flags = AETHER_PARCEL_END };
	is_int(send(desk, to, &parcel, 0), 0, "the end");
	ends(&t, WORKER, 0, "");
	aether_participant_leave(desk);
	aether_participant_leave(t.stage[INGRESS].me);
	t.workers = 0; /* it has left */
	close_trial(&t);
}

int main(void)
{
	for (size_t i = 0; i < LENGTH; i++)
		input[i] = (uint8_t)(i * 2654435761u >> 13);
	test_handshake();
	test_leaver();
	test_ride(0);
	test_ride(1);
	test_again();
	test_no_piece();
	test_early_end();
	test_silent_worker();
	test_told_late();
	return tap_end();
}
