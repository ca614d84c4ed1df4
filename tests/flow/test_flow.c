/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows that go well: any length, raw and sliced, any number of workers, few
 * strides, slow workers, pipes; what the reports and the taps say.
 */
#include <sys/stat.h>
#include "flow_trial.h"

#define ROOM (1024 * 1024)

static uint8_t input[ROOM], expected[ROOM];
static const uint8_t key[] = { 0x5A, 0x00, 0xFF, 0x13, 0x77 };

/* A checksum that depends on order; enough to tell streams apart. */
struct sum {
	uint64_t value;
	uint64_t bytes;
};

static void add(void *user, const void *bytes, size_t length)
{
	struct sum *sum = user;
	const uint8_t *at = bytes;

	for (size_t i = 0; i < length; i++)
		sum->value = (sum->value ^ at[i]) * UINT64_C(0x100000001B3);
	sum->bytes += length;
}

static uint64_t sum_of(const uint8_t *bytes, size_t length)
{
	struct sum sum = { 0, 0 };

	add(&sum, bytes, length);
	return sum.value;
}

/* One stream through one flow; everything that must hold of it. */
static int streams(struct trial *t, const char *spec, size_t length)
{
	struct aether_burn burns[1];
	struct sum in = { 0, 0 }, out = { 0, 0 };
	uint64_t hops = 0, copied = 0;
	int good = aether_burn_open(spec, NULL, burns) == 0;
	int stages = WORKER + (int)t->workers;
	int burned = strcmp(spec, "none") && t->workers;

	for (size_t i = 0; i < length; i++)
		expected[i] = input[i] ^ (burned ? key[i % sizeof(key)] : 0);
	t->ingress.fd = trial_file(input, length);
	t->egress.fd = trial_file("", 0);
	t->ingress.tap = (struct aether_flow_tap) { add, &in };
	t->egress.tap = (struct aether_flow_tap) { add, &out };
	t->egress.burns = burns;
	t->egress.count = t->workers ? 1 : 0;
	for (uint32_t i = 0; i < t->workers; i++)
		t->worker[i] = (struct aether_flow_appliance) { .burns = burns,
								.count = 1 };
	good = good && trial_open(t) == 0;
	if (!good)
		goto done;
	trial_go(t);
	for (int i = 0; i < stages; i++) {
		if (t->stage[i].result)
			printf("# stage %d: %s\n", i, t->stage[i].error.text);
		good = good && t->stage[i].result == 0;
		hops += i == EGRESS ? 0 : t->stage[i].report.strides;
		copied += t->stage[i].report.copied;
	}
	good = good && trial_holds(t->egress.fd, expected, length);
	good = good && in.bytes == length && out.bytes == length;
	good = good && in.value == sum_of(input, length);
	good = good && out.value == in.value;
	good = good && t->stage[INGRESS].report.bytes_in == length;
	good = good && t->stage[EGRESS].report.bytes_out == length;
	good = good &&
	       hops == t->stage[EGRESS].report.strides * (t->workers ? 3 : 2);
	good = good && copied == (t->ingress.copy ? length : 0) +
					 (t->egress.copy ? length : 0);
	good = trial_close(t) && good;
done:
	aether_burn_close(burns);
	close(t->ingress.fd);
	close(t->egress.fd);
	return good;
}

static void test_lengths(void)
{
	static const size_t lengths[] = { 0,     1,      7,      63,    64,
					  511,   512,    513,    65535, 65536,
					  65537, 131072, 300001, ROOM };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct trial raw = { .workers = 1 };
		struct trial cut = { .workers = 2 };

		cut.ingress.format = AETHER_FORMAT_SLICED;
		ok(streams(&raw, "xor:5A00FF1377", lengths[i]),
		   "%zu bytes, raw", lengths[i]);
		ok(streams(&cut, "xor:5a00ff1377", lengths[i]),
		   "%zu bytes, sliced, two workers", lengths[i]);
	}
}

static void test_shapes(void)
{
	static const uint32_t tiles[] = { 8, 16, 128, 512 };

	for (size_t i = 0; i < 4; i++) {
		struct trial t = { .workers = 1 };

		t.ingress.format = AETHER_FORMAT_SLICED;
		t.ingress.tile = tiles[i];
		ok(streams(&t, "xor:5A00FF1377", 200003), "tile %u", tiles[i]);
	}
	for (uint32_t workers = 0; workers <= 8; workers += 4) {
		struct trial t = { .workers = workers };

		t.ingress.depth = 1;
		t.desk.depth = 1;
		ok(streams(&t, "none", 700001), "%u workers, depth 1", workers);
	}
	for (int way = 1; way < 4; way++) {
		struct trial t = { .workers = 1 };

		t.ingress.copy = way & 1;
		t.egress.copy = way >> 1;
		ok(streams(&t, "none", 200003), "copies are counted (%d)", way);
	}
}

static void test_few_strides(void)
{
	for (uint32_t strides = 1; strides <= 4; strides++)
		for (uint32_t workers = 0; workers <= 3; workers++) {
			struct trial t = { .strides = strides,
					   .stride_size = 1 << 20,
					   .workers = workers };

			t.ingress.format = AETHER_FORMAT_SLICED;
			ok(streams(&t, "xor:5A00FF1377", ROOM),
			   "%u strides, %u workers", strides, workers);
		}
}

/* The first worker is slow with each of its strides. */
static int slow(void *state, const struct aether_piece *piece)
{
	(void)state;
	(void)piece;
	usleep(3000);
	return 0;
}

/* Did the others do more meanwhile? */
static int slow_once(void)
{
	struct aether_burn burn = { .name = "slow",
				    .burn = slow,
				    .undo = slow };
	struct trial t = { .strides = 64, .stride_size = 16384, .workers = 3 };
	int more;

	t.ingress.fd = trial_file(input, ROOM);
	t.egress.fd = trial_file("", 0);
	t.desk.depth = 1;
	t.worker[0] = (struct aether_flow_appliance) { .burns = &burn,
						       .count = 1 };
	if (!is_int(trial_open(&t), 0, "a plane for the slow worker"))
		return 0;
	trial_go(&t);
	ok(trial_holds(t.egress.fd, input, ROOM), "a slow worker keeps order");
	more = 4 * t.stage[WORKER].report.strides <
	       t.stage[EGRESS].report.strides;
	ok(trial_close(&t), "all strides came back");
	close(t.ingress.fd);
	close(t.egress.fd);
	return more;
}

/* Played again if they did not: they may have been stopped. */
static void test_order(void)
{
	int more = slow_once();

	for (int i = 1; !more && i < 20; i++)
		more = slow_once();
	ok(more, "the others do more meanwhile");
}

static void test_depth(uint32_t depth, uint32_t wanted)
{
	struct aether_registry_counts counts = { .states = { 0 } };
	struct trial t = { .workers = 0 };
	struct trial_stage *s = &t.stage[INGRESS];

	t.ingress.fd = trial_file(input, ROOM);
	t.ingress.depth = depth;
	if (!is_int(trial_open(&t), 0, "a plane for a depth"))
		return;
	t.ingress.to = trial_tenancy(&t, DESK);
	pthread_create(&s->thread, NULL, trial_ingress, s);
	do { /* or the test hangs, and fails */
		usleep(1000);
		aether_registry_count(t.plane, &counts);
	} while (counts.states[AETHER_STATE_ROUTED] < wanted ||
		 counts.states[AETHER_STATE_BUSY] < 1);
	usleep(30000); /* in which more would come */
	aether_registry_count(t.plane, &counts);
	is_int(counts.states[AETHER_STATE_ROUTED], wanted,
	       "depth %u: so many are on their way", depth);
	is_int(counts.states[AETHER_STATE_BUSY], 1, "and one waits");
	for (int i = DESK; i <= EGRESS; i++)
		aether_participant_leave(t.stage[i].me);
	pthread_join(s->thread, NULL);
	is_int(s->result, AETHER_ESTAGE, "the orchestrator has left");
	ok(trial_close(&t), "all strides came back");
	close(t.ingress.fd);
}

/* Where it is written to, and where it comes out. */
struct trickle {
	int to, out;
};

/* Writes a little, the next when that has come out, then ends. */
static void *trickle(void *user)
{
	const struct trickle *t = user;
	struct stat st;

	for (size_t at = 0; at < 5000; at += 500) {
		if (write(t->to, input + at, 500) != 500)
			abort();
		do /* or the test hangs, and fails */
			usleep(1000);
		while (fstat(t->out, &st) == 0 && st.st_size < (off_t)at + 500);
	}
	close(t->to);
	return NULL;
}

static void test_trickle(void)
{
	struct aether_burn burn;
	struct trial t = { .workers = 2 };
	struct trickle way;
	pthread_t writer;
	int ends[2];

	if (!ok(pipe(ends) == 0 &&
			aether_burn_open("xor:5A00FF1377", NULL, &burn) == 0,
		"a pipe and a burn"))
		return;
	for (size_t i = 0; i < 5000; i++)
		expected[i] = input[i] ^ key[i % sizeof(key)];
	t.ingress.fd = ends[0];
	t.ingress.format = AETHER_FORMAT_SLICED;
	t.egress.fd = trial_file("", 0);
	t.worker[0] = (struct aether_flow_appliance) { .burns = &burn,
						       .count = 1 };
	t.worker[1] = t.worker[0];
	if (!is_int(trial_open(&t), 0, "a plane for the stream"))
		return;
	way = (struct trickle) { ends[1], t.egress.fd };
	pthread_create(&writer, NULL, trickle, &way);
	trial_go(&t);
	pthread_join(writer, NULL);
	ok(trial_holds(t.egress.fd, expected, 5000), "a trickle arrives");
	ok(t.stage[EGRESS].report.strides > 3,
	   "in pieces, not at the end (%llu)",
	   (unsigned long long)t.stage[EGRESS].report.strides);
	ok(trial_close(&t), "all strides came back");
	aether_burn_close(&burn);
	close(ends[0]);
	close(t.egress.fd);
}

int main(void)
{
	uint64_t random = 3;

	for (size_t i = 0; i < sizeof(input); i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		input[i] = (uint8_t)(random >> 56);
	}
	test_lengths();
	test_shapes();
	test_few_strides();
	test_order();
	test_depth(2, 2);
	test_depth(0, AETHER_FLOW_DEPTH_INGRESS);
	test_trickle();
	return tap_end();
}
