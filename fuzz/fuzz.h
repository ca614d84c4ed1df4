/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share: a small valid plane between guard pages that is
 * as new for each input, actors that join it through a port without an
 * operating system, scribbles over its tables, and the rules that hold for each
 * call whatever the plane says. See docs/fuzz.md.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz_hook.h"
#include "ae_base.h"
#include "ae_host.h"

#define FUZZ_ACTORS 3
#define FUZZ_PART 2  /* the actor that sees a part of a divided plane */
#define FUZZ_SLOTS 5 /* two stay free, or are forged */
#define FUZZ_STRIDES 37
#define FUZZ_STRIDE_SIZE 4096
#define FUZZ_KEPT 16 /* numbers that later calls choose from, of a kind */

/* The bytes of an input, taken from the front; zeros when there are no more. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

struct fuzz {
	struct aether_plane plane;
	struct aether_plane part;      /* the same memory, with fewer rights */
	const struct aether_plane *by; /* which of them the next call uses */
	struct fuzz_input in;
	struct aether_participant *actors[FUZZ_ACTORS];
	int joined[FUZZ_ACTORS];
	uint32_t
		lives[FUZZ_SLOTS]; /* who holds the life lock, and 1; 0: free */
	uint64_t handles[FUZZ_KEPT];
	uint32_t kept;     /* handles ever kept */
	uint64_t now;      /* ns */
	uint64_t deadline; /* of the call that runs */
	uint64_t steps;    /* of the call that runs, since it waited */
	uint64_t due;      /* the step of the next scribble */
	uint32_t clock;    /* how often it read the clock since then */
	uint32_t late;     /* waits of that call after its deadline */
	uint64_t touched;  /* a sum of bytes, so that they are read */
	int mute;          /* the kernel answers no questions about lives */
	/* In the place of waiting; NULL: time passes. Its answer is park's. */
	int (*parked)(void);
};

extern struct fuzz fuzz;

/* rig.c */

/* What may be called `what` is wrong: the fuzzer keeps the input. */
void fuzz_fail(const char *what, const char *why) __attribute__((noreturn));

/* Makes the plane, of the layout of that name, once; 0 segments: undivided. Of
 * a divided one, FUZZ_PART has rights that the input chooses. */
void fuzz_plane(const char *layout, uint32_t segments);

/* A new input: the plane as it was made, nobody there. */
void fuzz_begin(const uint8_t *data, size_t size);

uint32_t fuzz_byte(void);
uint64_t fuzz_number(int bytes);

/* A deadline: none, one that has passed, or one soon. */
uint64_t fuzz_deadline(void);

/* A call of the library: so many steps at most, and what it may answer. */
#define FUZZ_MAY(error) (UINT64_C(1) << -AETHER_##error)
#define FUZZ_CALL(errors, call) \
	(fuzz_call_begins(), fuzz_call_ends((call), (errors), #call))
void fuzz_call_begins(void);
void fuzz_call_waits(uint64_t deadline);
int fuzz_call_ends(int rc, uint64_t errors, const char *what);

/* Bytes that a call gave lie within these of the plane, and can be touched. */
void fuzz_inside(const void *bytes, uint64_t size, uint64_t from, uint64_t to);

/* forge.c */

/* Reads a scribble from the input and does it, at once or during the next
 * call. */
void fuzz_scribble(void);

/* Scribbles that are due at this step. */
void fuzz_scribbles_due(uint64_t step);
void fuzz_scribbles_forget(void);

/* actor.c */

/* Actors without a seat; frees nothing. */
void fuzz_actors_reset(void);

/* One of those that sit there, by a byte of the input; NULL: nobody does. */
struct aether_participant *fuzz_actor(void);

void fuzz_join(uint32_t actor);
void fuzz_leave(uint32_t actor);
void fuzz_die(uint32_t actor); /* and what it had in memory is gone */

/* Joins, leaves or dies, as the input says. */
void fuzz_come_and_go(void);

/* Two join; scribbles, comings and goings and calls, as the input says, until
 * it is used up; all leave. */
void fuzz_play(void (*call)(struct aether_participant *me, uint32_t what));

/* All who are there leave. */
void fuzz_leave_all(void);

/* A tenancy: an actor's, that of a slot as its seat word says, or any number.*/
uint64_t fuzz_tenancy(void);

/* A handle that was kept, or any number. */
uint64_t fuzz_handle(void);
void fuzz_keep(uint64_t handle);

/* Looks at all that can be looked at. */
void fuzz_look(void);

#endif
