/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chaos: participants of a plane of their own do everything that participants
 * do, at random; a supervisor kills them; both look whether what the plane
 * promises still holds. Participants are forked and know each other through
 * the plane alone.
 *
 * What they tell their supervisor lies in one mapping that all of them share:
 * every field has one writer, is a number, and is for counting and for looking
 * alone. Nothing is decided by the order in which two fields are seen.
 */
#ifndef CHAOS_H
#define CHAOS_H

#include "cli.h"

#define CHAOS_STRIDES 256 /* unless told otherwise */
#define CHAOS_STRIDES_MAX 4096
#define CHAOS_RUN_MOST 6
#define CHAOS_TEXT 200
#define CHAOS_FINDINGS 16 /* that are kept in words */

#define CHAOS_US UINT64_C(1000)
#define CHAOS_MS (1000 * CHAOS_US)
#define CHAOS_SECOND (1000 * CHAOS_MS)
/* Without progress for so long, and not stopped: hung. A busy machine, or a
 * virtual one that is not run, lets a process stand still for seconds. */
#define CHAOS_PATIENCE (10 * CHAOS_SECOND)
/* The supervisor itself stood still: nobody can be blamed for that time. */
#define CHAOS_LATE (CHAOS_SECOND / 2)

/* X(name, text, weight): what a participant does, and how often. */
#define CHAOS_OPS(X) \
	X(REST, "rest", 0) \
	X(ATTACH, "attach", 0) \
	X(JOIN, "join", 0) \
	X(LEAVE, "leave", 0) \
	X(RESERVE, "reserve", 24) \
	X(RESERVE_UNTIL, "reserve, waiting", 4) \
	X(RESERVE_RUN, "reserve a run", 6) \
	X(RELEASE, "release", 18) \
	X(ROUTE, "route", 24) \
	X(ROUTE_UNTIL, "route, waiting", 4) \
	X(TAKE, "take", 26) \
	X(TAKE_UNTIL, "take, waiting", 8) \
	X(SHARE, "share", 6) \
	X(REWRITE, "rewrite", 6) \
	X(VERIFY, "verify", 3) \
	X(STALE, "use an old handle", 3) \
	X(MAIL, "look for lost mail", 1) \
	X(POLICY, "set a route", 1) \
	X(HEIR, "name an heir", 2) \
	X(REAP, "reap", 3) \
	X(REJOIN, "join again", 1) \
	X(WORDS, "use an epoch, a guard or a pair", 0)

#define CHAOS_OP_NAME(name, text, weight) CHAOS_##name,
enum chaos_op {
	CHAOS_OPS(CHAOS_OP_NAME) CHAOS_OP_COUNT
};
#undef CHAOS_OP_NAME

/* What must never be found, and the keys of the last line. */
#define CHAOS_KINDS(X) \
	X(LOST, "lost") X(DOUBLE, "double") X(HUNG, "hung") X(DIRTY, "dirty")

#define CHAOS_KIND_NAME(name, text) CHAOS_##name,
enum chaos_kind {
	CHAOS_KINDS(CHAOS_KIND_NAME) CHAOS_KIND_COUNT
};
#undef CHAOS_KIND_NAME

enum chaos_phase {
	CHAOS_WORK,
	CHAOS_CALM, /* begin nothing; sleep until mail comes */
	CHAOS_FULL, /* hold all there is; sleep until a stride is free */
	CHAOS_END   /* look at all that you hold, leave, end */
};

/* What the supervisor tells a participant: bits. */
enum chaos_command {
	CHAOS_DIE = 1,  /* in the middle of what you do next */
	CHAOS_STOP = 2, /* the same: until you are continued */
	CHAOS_REAP_NEXT = 4,
	CHAOS_GIVE = 8 /* give a sleeper what it waits for */
};

/* X(name): what is counted for people. */
#define CHAOS_COUNTS(X) \
	X(operations) \
	X(reserved) X(routed) X(taken) X(shared) X(inherited) X(suspect)

/* Written by one participant after the other of the same number. */
struct chaos_record {
	uint64_t tenancy; /* 0: not joined */
	uint64_t beat;    /* operations begun by this process */
	uint64_t began;   /* when the last of them was, by the clock */
	uint64_t until;   /* by when the next must begin */
	uint64_t op;      /* enum chaos_op */
	uint64_t found[CHAOS_KIND_COUNT];
	uint64_t rested;       /* the step in which it came to rest last */
	uint64_t gave;         /* the order by which it gave last */
	uint64_t texts;        /* how many findings were put into words */
	char text[CHAOS_TEXT]; /* the last of them */
#define CHAOS_COUNT(name) uint64_t name;
	CHAOS_COUNTS(CHAOS_COUNT)
#undef CHAOS_COUNT
	uint64_t noticed; /* what would be found if nobody scribbled */
	int64_t code;     /* AETHER_E...: it could not go on, which says nothing
			 about the plane */
	char error[AETHER_ERROR_TEXT_SIZE];
};

/* Written by the supervisor. */
struct chaos_order {
	uint64_t number;  /* of the order; each is carried out once */
	uint64_t command; /* enum chaos_command */
	uint64_t stops;   /* how often it was stopped */
};

struct chaos_shared {
	int scribbled;  /* somebody writes over the plane: no answer is wrong */
	uint64_t flips; /* how often: the scribbler's */
	uint64_t phase; /* enum chaos_phase; as `step` the supervisor's */
	uint64_t step;  /* counts phases */
	pid_t supervisor;
	struct chaos_order orders[AETHER_PARTICIPANTS_MAX];
	struct chaos_record records[AETHER_PARTICIPANTS_MAX];
};

/* Numbers that are random, and the same for the same seed. */
static inline uint64_t chaos_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return x ^ x >> 31;
}

static inline uint64_t chaos_random(uint64_t *seed)
{
	return chaos_mix(*seed += UINT64_C(0x9E3779B97F4A7C15));
}

static inline uint64_t chaos_below(uint64_t *seed, uint64_t limit)
{
	return chaos_random(seed) % limit;
}

/* One of two waits long, sleeps while the others rest, and always watches who
 * dies. */
static inline int chaos_is_patient(uint32_t self)
{
	return self % 2 == 0;
}

/* ---- chaos_content.c: what is in a stride */

/* Every 32 bytes of a stride say who wrote them, into which lease. */
struct chaos_stamp {
	uint64_t handle;
	uint64_t writer; /* tenancy */
	uint64_t sequence;
	uint64_t check;
};

struct chaos_stamp chaos_stamp_make(uint64_t handle, uint64_t writer,
				    uint64_t sequence);
void chaos_content_write(void *bytes, size_t size,
			 const struct chaos_stamp *stamp);

/*
 * Whether all of it (`whole`), or begin, middle and end, is as `stamp` says.
 * If not, says in `text` what is there instead, and of whom.
 */
int chaos_content_check(const void *bytes, size_t size, int whole,
			const struct chaos_stamp *stamp, char *text);

/* The stamp that the content itself shows; 0 if it shows none. */
int chaos_content_read(const void *bytes, struct chaos_stamp *stamp);

/* Whether all bytes are zero. */
int chaos_content_zero(const void *bytes, size_t size);

/* ---- chaos_lease.c: what a participant holds */

enum chaos_hold {
	CHAOS_OWN,     /* content as the stamp says */
	CHAOS_SUSPECT, /* content unknown */
	CHAOS_READ     /* shared with me; content as the stamp says */
};

struct chaos_lease {
	uint64_t handle;
	uint32_t hold;
	uint32_t span; /* strides known to be its own */
	struct chaos_stamp stamp;
};

/* One participant: a process of its own. */
struct chaos_worker {
	struct chaos_shared *shared;
	struct chaos_order *order;
	struct chaos_record *record;
	struct aether_plane *plane;
	struct aether_participant *me;
	uint64_t tenancy;
	uint32_t self;
	uint32_t slots;
	uint32_t strides;
	uint64_t size;  /* of a stride */
	uint32_t tag;   /* of the plane's handles */
	uint32_t greed; /* how many leases it wants to hold */
	int patient;    /* waits long at times, and sleeps when all rest */
	int zero;       /* the plane zeroes what was released */
	uint64_t seed;
	uint64_t sequence;
	uint64_t stops;  /* of my order, as the operation began */
	uint64_t orders; /* the last one that I saw */
	uint64_t slept;  /* the step in which I slept last */
	uint64_t weights[CHAOS_OP_COUNT];
	uint64_t weight; /* their sum */
	uint32_t count;
	struct chaos_lease held[CHAOS_STRIDES_MAX];
	uint8_t mine[CHAOS_STRIDES_MAX];   /* 1: among what I hold */
	uint64_t next[CHAOS_STRIDES_MAX];  /* least generation of a new lease */
	uint64_t least[CHAOS_STRIDES_MAX]; /* and of one that comes by mail */
};

/* Counts a finding and keeps it in words. */
void chaos_found(struct chaos_worker *w, enum chaos_kind kind, uint64_t handle,
		 const char *what, ...) __attribute__((format(printf, 4, 5)));

/* A lease came by reserving, or by mail. */
void chaos_lease_reserved(struct chaos_worker *w, uint64_t handle);
void chaos_lease_taken(struct chaos_worker *w, uint64_t handle);

/* Writes into it, anew. Looks whether it is as it was left. */
void chaos_lease_write(struct chaos_worker *w, struct chaos_lease *lease);
void chaos_lease_check(struct chaos_worker *w, struct chaos_lease *lease,
		       int whole);

/* Puts the name of its addressee (0: several) to it. */
void chaos_lease_address(struct chaos_worker *w, struct chaos_lease *lease,
			 uint64_t to);

/* It is not mine any more; `over`: it has ended. */
void chaos_lease_gone(struct chaos_worker *w, uint32_t at, int over);

/* Ends it. Accepts it, if it is suspect. */
void chaos_lease_release(struct chaos_worker *w, uint32_t at);
void chaos_lease_accept(struct chaos_worker *w, struct chaos_lease *lease);

/* ---- chaos_work.c, chaos_hand.c, chaos_life.c: what a participant does */

/* Tells the supervisor what begins, and by when it must be over. */
void chaos_begin(struct chaos_worker *w, enum chaos_op op, uint64_t deadline);

/* It is over. `deadline`: as given to a call that waits; else 0. */
void chaos_over(struct chaos_worker *w, uint64_t deadline);

/* How long to wait: mostly shorter than what others take to answer. */
uint64_t chaos_deadline(struct chaos_worker *w);

/* Somebody who lives, and is not me; 0: this time nobody. */
uint64_t chaos_somebody(struct chaos_worker *w);

/* An answer that is none of those which a call may give. */
void chaos_unheard(struct chaos_worker *w, int err, uint64_t handle,
		   const char *call);

/* One of those that I hold, and so. 0: there is none. */
int chaos_pick(struct chaos_worker *w, enum chaos_hold hold, uint32_t *at);

/* The calls that hand strides on. `end`: until when to wait; 0: not at all. */
int chaos_reserve(struct chaos_worker *w, uint64_t end);
void chaos_reserve_run(struct chaos_worker *w);
void chaos_release(struct chaos_worker *w);
void chaos_route(struct chaos_worker *w, uint64_t end);
void chaos_share(struct chaos_worker *w);
int chaos_take(struct chaos_worker *w, uint64_t end);

/* Carries out what I was told, if anything: sets the timers. */
void chaos_obey(struct chaos_worker *w);

/* One operation, any. */
void chaos_step(struct chaos_worker *w);

/* Takes until nothing comes. 0: still more came. */
int chaos_take_all(struct chaos_worker *w);

/* Sleeps until there is mail, or (`space`) a stride. */
void chaos_sleep(struct chaos_worker *w, int space);

/* Reserves until nothing is free. */
void chaos_hoard(struct chaos_worker *w);

/* Routes something to one who sleeps for it, or releases something. */
void chaos_give(struct chaos_worker *w, int space);

/* Makes the timers that kill and stop. */
void chaos_work_init(void);

/* Looks whether all mail that is on its way to me can be taken. */
void chaos_mail(struct chaos_worker *w);

/* Leaves, and comes back as another. */
void chaos_rejoin(struct chaos_worker *w);

/* Gives up: the machine, and not the plane, is at fault. */
void chaos_cannot(struct chaos_worker *w, int code, const char *text)
	__attribute__((noreturn));

/* A participant's whole life. `fd` is the plane's. */
void chaos_live(struct chaos_shared *shared, uint32_t self,
		const struct aether_plane *plane, uint64_t seed)
	__attribute__((noreturn));

/* The last of a round: joins the plane alone, so that what the dead left is
 * settled, and leaves. */
void chaos_settle(struct chaos_shared *shared, const struct aether_plane *plane)
	__attribute__((noreturn));

/* ---- chaos_herd.c, chaos_kill.c: the participants, seen from above */

struct chaos_member {
	pid_t pid;       /* 0: there is none */
	uint64_t lives;  /* how many there were of this number */
	uint64_t doomed; /* when its death was decided; 0: it was not */
	int stops;       /* 1: it was told to stop */
	uint64_t
		stopped; /* it has: when it shall go on or die; 0: it has not */
	int dies;        /* it shall die then */
	uint64_t excused; /* until then it need not have made progress */
	uint64_t beat;    /* as it was looked at last */
	uint64_t since;   /* when it was first seen to sleep on its mail */
	uint64_t sleeps;  /* the beat of that sleep */
};

struct chaos {
	struct cli_common common;
	uint64_t seconds;
	uint64_t rate; /* kills a second */
	uint32_t participants;
	uint32_t strides;
	uint32_t segments; /* 0: undivided */
	uint32_t flags;    /* of the plane */
	uint64_t seed;
	const char *layout; /* of the plane; NULL: as ever */

	struct aether_plane *plane;
	struct chaos_shared *shared;
	struct chaos_member members[AETHER_PARTICIPANTS_MAX];
	uint64_t dice; /* the supervisor's own random numbers */
	sigset_t before;
	int signals; /* descriptor */
	int signal;  /* that ended us; 0: none */
	uint64_t began;
	uint64_t ticked;
	uint64_t kills; /* of those that were seen to be dead */
	uint64_t sent;  /* of those that were decided */
	uint64_t stops; /* decided */
	uint64_t rounds;
	uint64_t crashes;                 /* ends by a signal of its own */
	uint64_t noticed;                 /* by the doctor */
	uint64_t stale;                   /* hints that were wrong at rest */
	uint64_t found[CHAOS_KIND_COUNT]; /* by the supervisor itself */
	uint64_t texts[AETHER_PARTICIPANTS_MAX]; /* of each record, seen */
	uint32_t findings;
	char text[CHAOS_FINDINGS][CHAOS_TEXT];
	uint8_t lost[CHAOS_STRIDES_MAX];        /* counted before */
	uint64_t generation[CHAOS_STRIDES_MAX]; /* at the last rest */
};

/* What it does, in words. */
const char *chaos_op_name(uint64_t op);

/* Counts what the supervisor found, and keeps it in words. */
void chaos_note(struct chaos *c, enum chaos_kind kind, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

/* Starts one participant, or (`settles`) the one that settles. */
int chaos_herd_start(struct chaos *c, uint32_t i, int settles,
		     struct aether_error *error);

/* Starts those that are missing. */
int chaos_herd_fill(struct chaos *c, struct aether_error *error);

/* Sleeps for a moment, or until somebody has ended; looks who, and who hangs.
 * Fails if one could not go on. */
int chaos_herd_tick(struct chaos *c, struct aether_error *error);

/* How many there are. */
uint32_t chaos_herd_count(const struct chaos *c);

/* Kills one now. */
void chaos_kill_one(struct chaos *c, uint32_t i);

/* Kills as many as are due. */
void chaos_kill_due(struct chaos *c);

/* What was begun: who was stopped goes on or dies when its time has come (or,
 * `all`, now), who was told to die and did not is killed. */
void chaos_kill_rest(struct chaos *c, int all);

/* Stops it, now (0) or by a command, for a while. */
void chaos_kill_stop(struct chaos *c, uint32_t i, uint64_t command);

/* It has stopped, as it was told to. */
void chaos_kill_stopped(struct chaos *c, uint32_t i);

/* Gives an order: enum chaos_command. */
void chaos_kill_order(struct chaos *c, uint32_t i, uint64_t command);

/* ---- chaos_round.c: what must hold when nothing moves */

/* Lets all come to rest, one way or the other, and looks at the plane. */
int chaos_round_end(struct chaos *c, struct aether_error *error);

/* Kills all at one instant, and waits until they have ended. */
void chaos_round_kill(struct chaos *c);

/* Counts what of the plane is not free, though nobody is there. */
void chaos_round_check(struct chaos *c);

/* ---- chaos_scribble.c, chaos_words.c: somebody writes over the plane */

/* The plane on which all of it happens. */
int chaos_make_plane(struct chaos *c, struct aether_error *error);

/* Rounds, each on a plane of its own, until the time is over. */
int chaos_scribble(struct chaos *c, struct aether_error *error);

/* Writes over the plane until it is killed. */
void chaos_scribbler(struct chaos_shared *shared, int fd,
		     const struct aether_geometry *geometry, uint64_t seed)
	__attribute__((noreturn));

/* One call on an epoch, a guard or a pair, and what comes of it. */
void chaos_words(struct chaos_worker *w);

/* The last line. */
void chaos_scribble_print(const struct chaos *c);

#endif
