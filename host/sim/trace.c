/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schedule that people can read: which actor did what to which word, at which
 * place of core, and what it made of what.
 */
#include <stdarg.h>
#include "state.h"

void ae_sim_say(const char *format, ...)
{
	va_list args;

	printf("# %5u ", ae_sim.steps);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void ae_sim_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ae_sim.failure, sizeof(ae_sim.failure), format, args);
	va_end(args);
	ae_sim.failed = 1;
	setcontext(&ae_sim.escape);
	abort();
}

const char *ae_sim_name(uint32_t actor)
{
	if (actor == AE_SIM_MONITOR)
		return "monitor";
	if (!ae_sim.scene->actors[actor].name)
		return "nobody";
	return ae_sim.scene->actors[actor].name;
}

static const char *const states[8] = { "dormant", "busy", "routed",
				       "shared",  "cont", "suspect?",
				       "ending",  "kept" };
static const char *const seats[8] = { "free",  "active", "leaving", "dead",
				      "four?", "five?",  "six?",    "seven?" };

static void lease_text(char *text, size_t size, uint64_t word)
{
	unsigned long long g = AETHER_LEASE_GENERATION(word);
	unsigned int state = (unsigned int)AETHER_LEASE_STATE(word);

	if (state == AETHER_STATE_DORMANT || state == AETHER_STATE_SHARED)
		snprintf(text, size, "%s g%llu", states[state], g);
	else if (state == AETHER_STATE_CONT)
		snprintf(text, size, "cont -%u g%llu",
			 (unsigned int)AETHER_CONT_DISTANCE(word), g);
	else if (state == AETHER_STATE_KEPT)
		snprintf(text, size, "kept by %u, %u g%llu",
			 (unsigned int)AETHER_KEPT_PAIR(word),
			 (unsigned int)AETHER_KEPT_BUFFER(word), g);
	else
		snprintf(text, size, "%s%s %u#%u g%llu",
			 word & AE_SUSPECT ? "suspect " : "", states[state],
			 (unsigned int)AETHER_LEASE_SEAT(word),
			 (unsigned int)AETHER_LEASE_STAMP(word), g);
}

static void place_text(char *text, size_t size, uint64_t word)
{
	unsigned int lap = (unsigned int)AETHER_PLACE_LAP(word);

	if (!AETHER_PLACE_FULL(word))
		snprintf(text, size, "empty lap %u", lap);
	else
		snprintf(text, size, "stride %u g%u lap %u",
			 (unsigned int)AETHER_PLACE_STRIDE(word),
			 (unsigned int)AETHER_PLACE_GENERATION(word), lap);
}

/* The offset of a word in a table, or -1. */
static long within(const void *word, const void *table, size_t size)
{
	uintptr_t offset = (uintptr_t)word - (uintptr_t)table;

	return offset < size ? (long)offset : -1;
}

/* What a word holds, in words; good until the next call. */
const char *ae_sim_word(const void *word, uint64_t value)
{
	const struct aether_plane *p = &ae_sim.plane;
	const struct aether_geometry *g = &p->geometry;
	static char text[80];
	long at = within(word, p->leases, g->strides * sizeof(p->leases[0]));

	snprintf(text, sizeof(text), "%llx", (unsigned long long)value);
	if (at >= 0 && at % (long)sizeof(p->leases[0]) == 0)
		lease_text(text, sizeof(text), value);
	at = within(word, p->seats, g->participants * sizeof(p->seats[0]));
	if (at >= 0 && at % (long)sizeof(p->seats[0]) == 0)
		snprintf(text, sizeof(text), "%s #%llu",
			 seats[AETHER_SEAT_STATE(value)],
			 (unsigned long long)AETHER_SEAT_STAMP(value));
	at = within(word, p->places,
		    (size_t)g->participants * g->places * sizeof(p->places[0]));
	if (at >= 0)
		place_text(text, sizeof(text), value);
	return text;
}

#define FIELD(record, name) \
	{ \
		offsetof(struct record, name), #name \
	}
static const struct field {
	size_t at;
	const char *name;
} seat_fields[] = {
	FIELD(aether_participant_seg, seat),
	FIELD(aether_participant_seg, doorbell),
	FIELD(aether_participant_seg, parked),
	FIELD(aether_participant_seg, drain_waiters),
	FIELD(aether_participant_seg, heir),
	FIELD(aether_participant_seg, head),
	FIELD(aether_participant_seg, warm),
	{ 0, NULL },
}, lease_fields[] = {
	FIELD(aether_lease_seg, word),
	FIELD(aether_lease_seg, run),
	FIELD(aether_lease_seg, hops),
	FIELD(aether_lease_seg, readers_even),
	FIELD(aether_lease_seg, readers_odd),
	FIELD(aether_lease_seg, sigma),
	{ 0, NULL },
}, header_fields[] = {
	FIELD(aether_header_seg, joins),
	FIELD(aether_header_seg, deaths),
	FIELD(aether_header_seg, space_waiters),
	{ 0, NULL },
};

static const char *field_name(const struct field *fields, size_t at)
{
	for (; fields->name; fields++)
		if (fields->at == at)
			return fields->name;
	return "record";
}

static void name_word(char *text, size_t size, const void *word)
{
	const struct aether_plane *p = &ae_sim.plane;
	const struct aether_geometry *g = &p->geometry;
	size_t one = sizeof(p->leases[0]);
	long at = within(word, p->leases, g->strides * one);

	snprintf(text, size, "private");
	if (at >= 0)
		snprintf(text, size, "stride %ld.%s", at / (long)one,
			 field_name(lease_fields, (size_t)at % one));
	one = sizeof(p->seats[0]);
	at = within(word, p->seats, g->participants * one);
	if (at >= 0)
		snprintf(text, size, "slot %ld.%s", at / (long)one,
			 field_name(seat_fields, (size_t)at % one));
	one = g->places * sizeof(p->places[0]);
	at = within(word, p->places, g->participants * one);
	if (at >= 0)
		snprintf(text, size, "box %ld[%ld]", at / (long)one,
			 at % (long)one / 8);
	at = within(word, p->registers, g->registers * sizeof(uint32_t));
	if (at >= 0)
		snprintf(text, size, "register %ld", at / 4);
	at = within(word, p->header, sizeof(*p->header));
	if (at >= 0)
		snprintf(text, size, "header.%s",
			 field_name(header_fields, (size_t)at));
}

static const char *order_name(int order)
{
	switch (order) {
	case __ATOMIC_SEQ_CST:
		return "seq_cst";
	case __ATOMIC_ACQUIRE:
		return "acquire";
	case __ATOMIC_RELEASE:
		return "release";
	default:
		return "relaxed";
	}
}

void ae_sim_trace(int kind, int order, int done, uint64_t now)
{
	static const char *const kinds[] = { "load", "store", "fetch", "cas" };
	const struct ae_sim_runner *me = ae_sim_runner();
	char name[64], old[80];

	name_word(name, sizeof(name), me->word);
	snprintf(old, sizeof(old), "%s", ae_sim_word(me->word, me->old));
	ae_sim_say("%-9s %s:%d  %s %s %s: %s%s%s", ae_sim_name(me->number),
		   me->function, me->line, order_name(order), kinds[kind], name,
		   old,
		   !done                 ? ", refused"
		   : kind == AE_SIM_LOAD ? ""
					 : " -> ",
		   done && kind != AE_SIM_LOAD ? ae_sim_word(me->word, now)
					       : "");
}
