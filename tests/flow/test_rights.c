/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages that lack rights: one that could never work is refused before it
 * begins, with what is missing; one that could here and there is refused at
 * the stride where it cannot, and no store faults. What a stage does not need
 * it is not asked for.
 */
#include "flow_trial.h"

#define LENGTH 1600000
#define BOTH 3u /* segments, a bit each */
#define LAST 2u

static uint8_t input[LENGTH];

/* The stage joins anew, by an attachment that has less. */
static void put(struct trial *t, int index, struct aether_attach_options less)
{
	struct aether_participant_options who = { .role = trial_role(index),
						  .no_data = index == DESK };
	struct trial_stage *s = &t->stage[index];
	struct aether_plane *plane;

	aether_participant_leave(s->me);
	if (aether_plane_reattach(t->plane, &less, NULL, &plane) < 0 ||
	    aether_participant_join(plane, &who, NULL, &s->me) < 0)
		abort();
}

static int begin(struct trial *t)
{
	t->segments = 2;
	t->strides = 64;
	t->stride_size = 16384;
	t->workers = 1;
	t->ingress.fd = trial_file(input, LENGTH);
	t->egress.fd = trial_file("", 0);
	return is_int(trial_open(t), 0, "a plane");
}

/* Attachments that were made here end with the process. */
static void finish(struct trial *t)
{
	close(t->ingress.fd);
	close(t->egress.fd);
	ok(trial_close(t), "every stride came back");
}

static int run(struct trial *t, int index, struct aether_error *error)
{
	static void *(*const body[])(void *) = { trial_ingress, trial_desk,
						 trial_egress, trial_worker };
	struct trial_stage *s = &t->stage[index];

	body[index](s);
	*error = s->error;
	return s->result;
}

/* Alone, for it must not wait for any other. */
static void test_at_once(void)
{
	static const struct {
		int stage;
		const char *needs;
		struct aether_attach_options less;
		const char *has;
	} tries[] = {
		{ INGRESS, "write", { .read_only = BOTH }, "is read;" },
		{ INGRESS, "write", { .no_data = BOTH }, "is route;" },
		{ WORKER, "write", { .read_only = BOTH }, "is read;" },
		{ WORKER, "write", { .no_data = BOTH }, "is route;" },
		{ WORKER, "write", { .hidden = BOTH }, "is none;" },
		{ EGRESS, "read", { .no_data = BOTH }, "is route;" },
		{ EGRESS, "read", { .hidden = BOTH }, "is none;" },
		{ DESK, "route", { .hidden = BOTH }, "is none;" },
	};

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		int stage = tries[i].stage;
		struct aether_error error;
		struct trial t = { .workers = 0 };

		if (!begin(&t))
			return;
		t.ingress.to = trial_tenancy(&t, DESK);
		t.desk.egress = trial_tenancy(&t, EGRESS);
		put(&t, stage, tries[i].less);
		is_int(run(&t, stage, &error), AETHER_EACCES, "refused");
		ok(strstr(error.text, tries[i].needs) &&
			   strstr(error.text, tries[i].has) &&
			   strstr(error.text, "mode or group"),
		   "it says which right: %s", error.text);
		for (int other = 0; other <= WORKER; other++)
			if (other != stage)
				aether_participant_leave(t.stage[other].me);
		finish(&t);
	}
}

static void expect(struct trial *t, int stage, const char *word)
{
	struct trial_stage *s = &t->stage[stage];

	ok(s->result == AETHER_EACCES && s->error.code == AETHER_EACCES &&
		   strstr(s->error.text, word),
	   "stage %d answers %s: %s", stage, aether_error_name(s->result),
	   s->error.text);
}

static int invert(void *state, const struct aether_piece *piece)
{
	uint8_t *bytes = piece->bytes;

	(void)state;
	for (size_t i = 0; i < piece->length; i++)
		bytes[i] ^= 0xFF;
	return 0;
}

static struct aether_burn burn = { .name = "invert",
				   .burn = invert,
				   .undo = invert };

/* It may write in the first segment, and is given strides of the other. */
static void test_burned_where_it_reads(void)
{
	struct trial t = { .worker = { { .burns = &burn, .count = 1 } } };

	if (!begin(&t))
		return;
	put(&t, INGRESS, (struct aether_attach_options) { .no_data = 1 });
	put(&t, WORKER, (struct aether_attach_options) { .read_only = LAST });
	trial_go(&t);
	expect(&t, WORKER, "is burned where it lies");
	is_int(t.stage[EGRESS].result, AETHER_ESTAGE, "the egress is told");
	finish(&t);
}

static void see(void *user, const void *bytes, size_t length)
{
	uint64_t *seen = user;

	(void)bytes;
	*seen += length;
}

/* An egress that only reads writes out what is not sliced. */
static void test_egress_that_reads(void)
{
	for (uint32_t format = 0; format <= AETHER_FORMAT_SLICED; format++) {
		struct trial t = { .ingress.format = format };

		if (!begin(&t))
			return;
		put(&t, EGRESS,
		    (struct aether_attach_options) { .read_only = BOTH });
		put(&t, DESK,
		    (struct aether_attach_options) { .no_data = BOTH });
		trial_go(&t);
		if (format == AETHER_FORMAT_SLICED)
			expect(&t, EGRESS, "is un-sliced where it lies");
		else
			ok(trial_holds(t.egress.fd, input, LENGTH),
			   "the content, written by one that only reads");
		finish(&t);
	}
}

static void test_tap_that_undoes(void)
{
	uint64_t seen = 0;
	struct trial t = {
		.worker = { { .burns = &burn, .count = 1 } },
		.egress = { .burns = &burn, .count = 1, .tap = { see, &seen } }
	};

	if (!begin(&t))
		return;
	put(&t, EGRESS, (struct aether_attach_options) { .read_only = BOTH });
	trial_go(&t);
	expect(&t, EGRESS, "is un-burned where it lies");
	is_int(seen, 0, "nothing was shown");
	finish(&t);
}

/* Who routes to one that does not see the stride says who lacks what. */
static void test_who_does_not_see(void)
{
	struct trial t = { .workers = 1 };

	if (!begin(&t))
		return;
	put(&t, INGRESS, (struct aether_attach_options) { .no_data = 1 });
	put(&t, EGRESS, (struct aether_attach_options) { .hidden = LAST });
	trial_go(&t);
	expect(&t, WORKER, "the egress in slot");
	expect(&t, WORKER, "does not see segment 1");
	finish(&t);
}

int main(void)
{
	for (size_t i = 0; i < LENGTH; i++)
		input[i] = (uint8_t)(i * 31 + i / 251);
	test_at_once();
	test_burned_where_it_reads();
	test_egress_that_reads();
	test_tap_that_undoes();
	test_who_does_not_see();
	return tap_end();
}
