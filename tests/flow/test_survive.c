/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers that die at their work: the flow goes on with others, the output is
 * right and in order, and nothing is counted twice. The workers are processes
 * of their own, with burns that kill them where a test says so; the other
 * stages are threads of the test.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "ae_atomic.h"
#include "flow_trial.h"

#define SIZE 262144 /* of a stride */
#define PIECES 24
#define LENGTH (PIECES * SIZE - 100)
#define HERD 12
#define SHOT (AETHER_FLOW_DEATHS_MAX - 1)

static uint8_t input[LENGTH], expected[LENGTH];

/* Shared with the workers. */
struct herd {
	int fatal[PIECES + 1];            /* how many more die at this piece */
	struct aether_word32 fatal_count; /* how many have died so */
	int slow;                         /* us for a piece */
	uint64_t tenancies[HERD];
};

static struct herd *herd;
static pid_t pids[HERD];
static uint32_t born;   /* of the herd, how many there are */
static uint32_t called; /* how many of them the flow has had */

static int burn(void *state, const struct aether_piece *piece)
{
	uint8_t *bytes = piece->bytes;
	int *fatal = &herd->fatal[piece->offset / SIZE];

	(void)state;
	for (size_t i = 0; i < piece->length / 2; i++)
		bytes[i] ^= 0xFF;
	if (*fatal) {
		--*fatal;
		ae_add32_relaxed(&herd->fatal_count, 1);
		kill(getpid(), SIGKILL); /* half done */
	}
	if (herd->slow)
		usleep((useconds_t)herd->slow);
	for (size_t i = piece->length / 2; i < piece->length; i++)
		bytes[i] ^= 0xFF;
	return 0;
}

/* A worker's whole life. */
static int worker(int plane, uint32_t index, int ready)
{
	struct aether_burn half = { .name = "half", .burn = burn };
	struct aether_flow_appliance options = { .burns = &half, .count = 1 };
	struct aether_participant_options who = {
		.role = AETHER_ROLE_APPLIANCE
	};
	struct aether_flow_report report;
	struct aether_participant *me;
	struct aether_plane *again;

	if (aether_plane_attach_fd(plane, 0, NULL, &again) < 0 ||
	    aether_participant_join(again, &who, NULL, &me) < 0)
		return 9;
	herd->tenancies[index] = aether_participant_tenancy(me);
	if (write(ready, "", 1) != 1)
		return 9;
	return aether_flow_work(me, &options, NULL, &report) < 0;
}

static void breed(const struct trial *t, uint32_t count)
{
	int ready[2];
	pid_t parent = getpid();
	char byte;

	fflush(stdout);
	if (pipe(ready) < 0)
		abort();
	called = 0;
	for (born = 0; born < count; born++) {
		pids[born] = fork();
		if (pids[born] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				_exit(9);
			_exit(worker(aether_plane_fd(t->plane), born,
				     ready[1]));
		}
	}
	close(ready[1]);
	for (uint32_t i = 0; i < count; i++)
		if (read(ready[0], &byte, 1) != 1)
			abort();
	close(ready[0]);
}

/* What the last of them had comes back when somebody joins. */
static int is_settled(struct trial *t)
{
	struct aether_participant *me;

	if (aether_participant_join(t->plane, NULL, NULL, &me) == 0)
		aether_participant_leave(me);
	return trial_close(t);
}

/* Ends those who wait for work in vain; how many died by a signal before. */
static int slaughter(void)
{
	int status, dead = 0;

	for (uint32_t i = 0; i < born; i++) {
		if (i >= called) {
			kill(pids[i], SIGTERM);
			waitpid(pids[i], &status, 0);
			continue;
		}
		waitpid(pids[i], &status, 0);
		dead += WIFSIGNALED(status);
	}
	return dead;
}

static pthread_mutex_t calling = PTHREAD_MUTEX_INITIALIZER;

static int next_one(void *user, uint32_t index, uint64_t *tenancy)
{
	int rc = AETHER_EAGAIN;

	(void)user;
	(void)index;
	pthread_mutex_lock(&calling);
	if (called < born) {
		*tenancy = herd->tenancies[called++];
		rc = 0;
	}
	pthread_mutex_unlock(&calling);
	return rc;
}

static int is_called(uint32_t index)
{
	int is;

	pthread_mutex_lock(&calling);
	is = index < called;
	pthread_mutex_unlock(&calling);
	return is;
}

static uint64_t seen_bytes, seen_sum;

static void see(void *user, const void *bytes, size_t length)
{
	(void)user;
	seen_bytes += length;
	for (size_t i = 0; i < length; i++)
		seen_sum = seen_sum * 31 + ((const uint8_t *)bytes)[i];
}

/* A flow of `count` workers at first, from this descriptor, with `spare` more
 * that come if asked for. */
static int open_flow(struct trial *t, int fd, uint32_t count, uint32_t spare)
{
	memset(herd, 0, sizeof(*herd));
	t->stride_size = SIZE;
	t->participants = WORKER + count + spare;
	t->ingress.fd = fd;
	t->ingress.format = AETHER_FORMAT_SLICED;
	t->egress.fd = trial_file("", 0);
	if (trial_open(t) < 0)
		return 0;
	breed(t, count + spare);
	t->ingress.to = trial_tenancy(t, DESK);
	t->desk.egress = trial_tenancy(t, EGRESS);
	t->desk.count = count;
	for (; called < count; called++)
		t->desk.workers[called] = herd->tenancies[called];
	t->ingress.tap.bytes = see;
	seen_bytes = seen_sum = 0;
	return 1;
}

static void go(struct trial *t)
{
	static void *(*const body[])(void *) = { trial_ingress, trial_desk,
						 trial_egress };

	for (int i = 0; i < WORKER; i++)
		pthread_create(&t->stage[i].thread, NULL, body[i],
			       &t->stage[i]);
	for (int i = 0; i < WORKER; i++)
		pthread_join(t->stage[i].thread, NULL);
}

/* All that must hold of a flow that went well. */
static void went_well(struct trial *t, int deaths, const char *what)
{
	uint64_t sum = 0;
	int died = slaughter();

	for (int i = 0; i < WORKER; i++)
		ok(t->stage[i].result == 0, "%s: stage %d ends well: %s", what,
		   i, t->stage[i].result ? t->stage[i].error.text : "");
	for (size_t i = 0; i < LENGTH; i++)
		sum = sum * 31 + input[i];
	ok(trial_holds(t->egress.fd, expected, LENGTH), "%s: it is right",
	   what);
	is_int(died, deaths, "%s: so many died", what);
	is_int(t->stage[INGRESS].report.again,
	       ae_load32_relaxed(&herd->fatal_count),
	       "%s: so often a piece was brought again", what);
	ok(seen_bytes == LENGTH && seen_sum == sum,
	   "%s: the tap saw everything once", what);
	ok(t->stage[INGRESS].report.bytes_in == LENGTH &&
		   t->stage[INGRESS].report.strides == PIECES &&
		   t->stage[DESK].report.bytes_in == LENGTH &&
		   t->stage[DESK].report.bytes_out == LENGTH &&
		   t->stage[DESK].report.strides == PIECES &&
		   t->stage[EGRESS].report.bytes_out == LENGTH,
	   "%s: nothing is counted twice", what);
	ok(is_settled(t), "%s: every stride came back", what);
	close(t->ingress.fd);
	close(t->egress.fd);
}

static void test_others_go_on(void)
{
	struct trial t = { .strides = 0 };

	if (!ok(open_flow(&t, trial_file(input, LENGTH), 3, 0), "a plane"))
		return;
	herd->fatal[5] = herd->fatal[11] = 1;
	go(&t);
	went_well(&t, 2, "two of three die");
	is_int(t.stage[DESK].report.again >= 2, 1, "what came back is counted");
}

static void test_replaced(uint32_t strides, uint32_t count)
{
	struct trial t = { .strides = strides };
	char what[60];

	snprintf(what, sizeof(what), "%u strides, %u workers, all die", strides,
		 count);
	if (!ok(open_flow(&t, trial_file(input, LENGTH), count, 6), "a plane"))
		return;
	t.desk.replace = next_one;
	/* the first, one after the other, one twice, and the last */
	herd->fatal[0] = herd->fatal[7] = herd->fatal[8] = 1;
	herd->fatal[15] = 2;
	herd->fatal[PIECES - 1] = 1;
	go(&t);
	went_well(&t, 6, what);
}

/* The input begins in the middle of its file. */
static void test_start(void)
{
	struct trial t = { .strides = 0 };
	uint8_t *file = malloc(LENGTH + 777);
	int fd;

	if (!file)
		return;
	memcpy(file + 777, input, LENGTH);
	fd = trial_file(file, LENGTH + 777);
	free(file);
	lseek(fd, 777, SEEK_SET);
	if (!ok(open_flow(&t, fd, 2, 0), "a plane"))
		return;
	herd->fatal[3] = 1;
	go(&t);
	went_well(&t, 1, "a file from its middle");
}

static void expect(struct trial *t, int stage, int code, const char *word)
{
	struct trial_stage *s = &t->stage[stage];

	ok(s->result == code && s->error.code == code &&
		   strstr(s->error.text, word),
	   "stage %d answers %s: %s", stage, aether_error_name(s->result),
	   s->error.text);
}

static void failed(struct trial *t)
{
	slaughter();
	ok(is_settled(t), "every stride came back");
	close(t->ingress.fd);
	close(t->egress.fd);
}

static void test_nobody_left(void)
{
	struct trial t = { .strides = 0 };

	if (!ok(open_flow(&t, trial_file(input, LENGTH), 2, 0), "a plane"))
		return;
	herd->fatal[2] = 2;
	go(&t);
	expect(&t, DESK, AETHER_ESTAGE, "appliance");
	expect(&t, EGRESS, AETHER_ESTAGE, "gave up");
	expect(&t, INGRESS, AETHER_ESTAGE, "orchestrator");
	failed(&t);
}

/* How many ms it waits. */
static uint64_t nobody_comes(void)
{
	struct trial t = { .strides = 0 };
	uint64_t began = aether_clock_now();

	if (!ok(open_flow(&t, trial_file(input, LENGTH), 1, 0), "a plane"))
		return UINT64_MAX;
	t.desk.replace = next_one;
	t.desk.stay = 700000000;
	herd->fatal[4] = 1;
	go(&t);
	began = (aether_clock_now() - began) / 1000000;
	expect(&t, DESK, AETHER_ETIMEDOUT, "0.7 s");
	failed(&t);
	return began;
}

/* Played again if it took longer: somebody may have been stopped. */
static void test_nobody_comes(void)
{
	uint64_t took = nobody_comes();

	for (int i = 1; took >= 3000 && i < 20; i++)
		took = nobody_comes();
	ok(took >= 700 && took < 3000, "it waits (%llu ms)",
	   (unsigned long long)took);
}

static void test_deadly_piece(void)
{
	struct trial t = { .strides = 0 };

	if (!ok(open_flow(&t, trial_file(input, LENGTH), 2, 10), "a plane"))
		return;
	t.desk.replace = next_one;
	herd->fatal[6] = 100;
	go(&t);
	is_int(ae_load32_relaxed(&herd->fatal_count), AETHER_FLOW_DEATHS_MAX,
	       "so many died");
	expect(&t, DESK, AETHER_EBURN, "8 appliances in a row");
	ok(strstr(t.stage[DESK].error.text, "bytes 1572864 to 1835007") != NULL,
	   "and where");
	failed(&t);
}

static void *feed(void *user)
{
	int fd = *(int *)user;

	signal(SIGPIPE, SIG_IGN);
	for (size_t at = 0; at < LENGTH;) {
		ssize_t n = write(fd, input + at, LENGTH - at);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	close(fd);
	return NULL;
}

/* A pipe gives its bytes once. */
static void test_pipe(void)
{
	struct trial t = { .strides = 0 };
	pthread_t writer;
	int ends[2];

	if (pipe(ends) < 0 || !ok(open_flow(&t, ends[0], 2, 4), "a plane"))
		return;
	t.desk.replace = next_one;
	herd->fatal[1] = 1;
	pthread_create(&writer, NULL, feed, &ends[1]);
	go(&t);
	slaughter(); /* they have the pipe, too */
	born = 0;
	close(ends[0]);
	t.ingress.fd = -1;
	pthread_join(writer, NULL);
	expect(&t, INGRESS, AETHER_ESUSPECT, "cannot be read a second time");
	ok(strstr(t.stage[INGRESS].error.text, "appliance in slot") != NULL,
	   "who died");
	expect(&t, DESK, AETHER_ESTAGE, "see what it said");
	failed(&t);
}

/* The file is cut while its last worker dies. */
static int cut_fd;

static int cut(void *user, uint32_t index, uint64_t *tenancy)
{
	if (ftruncate(cut_fd, 1000) < 0)
		abort();
	return next_one(user, index, tenancy);
}

static void test_shorter(void)
{
	struct trial t = { .strides = 1 };

	cut_fd = trial_file(input, LENGTH);
	if (!ok(open_flow(&t, cut_fd, 1, 4), "a plane"))
		return;
	t.desk.replace = cut;
	herd->fatal[3] = 2; /* the file is cut after the first of them */
	go(&t);
	expect(&t, INGRESS, AETHER_EIO, "shorter");
	failed(&t);
}

/* Workers that are killed from outside, whatever they do at that moment; one
 * less than would rightly end the flow if all had the same piece. */
static void *shoot(void *user)
{
	uint64_t random = *(uint64_t *)user;

	for (uint32_t i = 0; i < born - 1; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		usleep((useconds_t)(random >> 50));
		while (!is_called(i))
			usleep(100);
		kill(pids[i], SIGKILL);
	}
	return NULL;
}

static void test_shot(uint32_t strides, uint64_t seed)
{
	struct trial t = { .strides = strides };
	pthread_t hunter;
	char what[60];
	int died;

	snprintf(what, sizeof(what), "%u strides, shot at (%llu)", strides,
		 (unsigned long long)seed);
	if (!ok(open_flow(&t, trial_file(input, LENGTH), 2, SHOT - 1), "plane"))
		return;
	herd->slow = 3000;
	t.desk.replace = next_one;
	pthread_create(&hunter, NULL, shoot, &seed);
	go(&t);
	pthread_mutex_lock(&calling);
	called = born; /* the hunter must not wait for those who never came */
	pthread_mutex_unlock(&calling);
	pthread_join(hunter, NULL);
	kill(pids[born - 1], SIGTERM);
	died = slaughter();
	for (int i = 0; i < WORKER; i++)
		ok(t.stage[i].result == 0, "%s: stage %d ends well: %s", what,
		   i, t.stage[i].result ? t.stage[i].error.text : "");
	ok(died > 2 && trial_holds(t.egress.fd, expected, LENGTH),
	   "%s: it is right", what);
	ok(is_settled(&t), "%s: every stride came back", what);
	close(t.ingress.fd);
	close(t.egress.fd);
}

int main(void)
{
	uint64_t random = 5;

	herd = mmap(NULL, sizeof(*herd), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (herd == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < LENGTH; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		input[i] = (uint8_t)(random >> 56);
		expected[i] = input[i] ^ 0xFF;
	}
	test_others_go_on();
	test_replaced(16, 2);
	test_replaced(2, 1);
	test_replaced(1, 3);
	test_start();
	test_nobody_left();
	test_nobody_comes();
	test_deadly_piece();
	test_pipe();
	test_shorter();
	test_shot(16, 1);
	test_shot(1, 2);
	test_shot(4, 3);
	return tap_end();
}
