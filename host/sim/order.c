/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens before what. The steps themselves are taken one after another;
 * beside them run vector clocks that pass on only what the orders named in the
 * code pass on, as C11 says (a relaxed store ends a release sequence, as C++20
 * has it). So a payload that is handed over by too weak an order is noticed,
 * though here it always arrives.
 */
#include "state.h"

/* The clock that a word carries for whoever acquires it. */
struct carried {
	uint32_t run; /* of which execution */
	struct ae_sim_clock clock;
};

#define WORDS (1u << 15)
static struct carried words[WORDS];

/* Who touched a stride's payload last, or the fields of its lease. */
struct touched {
	uint32_t run;
	uint32_t writer;
	uint16_t written;
	struct ae_sim_clock read;
};

static struct touched payloads[2 * AE_SIM_STRIDES];

void ae_sim_order_clear(void)
{
	memset(words, 0, sizeof(words));
	memset(payloads, 0, sizeof(payloads));
}

void ae_sim_join_clock(struct ae_sim_clock *to, const struct ae_sim_clock *from)
{
	for (int i = 0; i < 8; i++)
		if (to->at[i] < from->at[i])
			to->at[i] = from->at[i];
}

/* Words of a plane by offset; the few private ones share the last. */
static struct carried *carried_by(const void *word)
{
	uintptr_t offset = (uintptr_t)word - (uintptr_t)ae_sim.plane.base;
	uintptr_t at = offset / sizeof(struct aether_word32);
	struct carried *c = &words[at < WORDS ? at : WORDS - 1];

	if (c->run != ae_sim.run) {
		c->run = ae_sim.run;
		memset(&c->clock, 0, sizeof(c->clock));
	}
	return c;
}

static int acquires(int order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL ||
	       order == __ATOMIC_SEQ_CST;
}

static int releases(int order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL ||
	       order == __ATOMIC_SEQ_CST;
}

void ae_sim_order(const void *word, int kind, int order, int done)
{
	struct ae_sim_runner *me = ae_sim_runner();
	struct carried *c = carried_by(word);

	if (kind != AE_SIM_STORE && acquires(order))
		ae_sim_join_clock(&me->clock, &c->clock);
	me->clock.at[me->number]++;
	if (kind == AE_SIM_LOAD || !done)
		return;
	if (kind == AE_SIM_STORE)
		memset(&c->clock, 0, sizeof(c->clock));
	if (releases(order))
		ae_sim_join_clock(&c->clock, &me->clock);
}

static void unordered(uint32_t stride, const char *does, uint32_t other,
		      const char *did)
{
	ae_sim_fail("stride %u%s: %s %s what %s %s, unordered",
		    stride % AE_SIM_STRIDES,
		    stride < AE_SIM_STRIDES ? "" : ", its fields",
		    ae_sim_name(ae_sim.current), does, ae_sim_name(other), did);
}

/*
 * The current actor reads or writes the payload of a stride: after the step
 * that it is at, or, `before`, before it. Behind the strides are the fields of
 * their leases, which belong to the holder as the payload does.
 */
void ae_sim_order_payload(uint32_t stride, int write, int before)
{
	struct ae_sim_runner *me = ae_sim_runner();
	struct touched *t = &payloads[stride];
	uint16_t now;

	if (t->run != ae_sim.run) {
		memset(t, 0, sizeof(*t));
		t->run = ae_sim.run;
	}
	if (t->writer != me->number && t->written > me->clock.at[t->writer])
		unordered(stride, write ? "writes over" : "reads", t->writer,
			  "wrote");
	for (uint32_t i = 0; write && i < AE_SIM_ALL; i++)
		if (i != me->number && t->read.at[i] > me->clock.at[i])
			unordered(stride, "writes over", i, "reads");
	/* its next step is the first that can pass this on */
	now = (uint16_t)(me->clock.at[me->number] + !before);
	if (!write) {
		t->read.at[me->number] = now;
		return;
	}
	t->writer = me->number;
	t->written = now;
}
