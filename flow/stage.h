/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stages share: waiting that notices when others are gone, cargo that
 * is checked before it is believed, failing with a text, and the one way bytes
 * are ever copied. All of it is on the data path: nothing here allocates.
 */
#ifndef AE_STAGE_H
#define AE_STAGE_H

#include <aether/aether.h>

/* The bytes that a stage moves at once when it copies. */
#define AE_COPY_PIECE 65536

/* A stage that this one routes to: it must live. */
struct ae_peer {
	uint64_t tenancy;
	const char *role; /* for texts */
};

struct ae_stage {
	struct aether_participant *me;
	const struct aether_plane *plane;
	struct aether_error *error; /* may be NULL */
	struct aether_flow_report *report;
	struct aether_flow_patience patience;
	int (*stopped)(void); /* asked after a signal; NULL: it stops me */
	uint32_t role;        /* enum aether_role */
	int begun;            /* the first stride has come */
	uint64_t teller;      /* who tells me how the stream ends, whatever the
				 others do; 0: nobody */
	uint32_t peers;
	struct ae_peer peer[AETHER_FLOW_WORKERS_MAX + 1];
};

/* A stride of the stream that is mine, and what it says, checked. */
struct ae_cargo {
	uint64_t handle;
	uint8_t *bytes;
	size_t size;   /* of the stride */
	size_t length; /* of the content */
	size_t padded; /* the content in whole tiles; raw: the same as length */
	uint32_t format;
	uint32_t tile;
	struct aether_parcel_seg parcel; /* as it was when looked at */
};

/* stage.c */

/* Clears the report and begins, in this role. */
void ae_stage_init(struct ae_stage *stage, struct aether_participant *me,
		   uint32_t role, struct aether_error *error,
		   struct aether_flow_report *report);

/* right.c: what a role needs; and has it that, anywhere? AETHER_EACCES. */
uint32_t ae_stage_right(uint32_t role);
int ae_stage_check(struct ae_stage *stage);

/* Wakes whoever is owed it. */
void ae_stage_end(struct ae_stage *stage);

/* The depth that was asked for, as route.h has it; 0: the usual one, or more
 * where strides are small. */
uint32_t ae_stage_depth(const struct ae_stage *stage, uint32_t asked,
			uint32_t usual);

void ae_stage_peer(struct ae_stage *stage, uint64_t tenancy, const char *role);

/* Fills the error and returns `code`. Where `os` is not 0 its text is added,
 * where the text does not end with a full stop the remedy of the code is. */
int ae_stage_fail(struct ae_stage *stage, int code, int os, const char *what,
		  ...) __attribute__((format(printf, 4, 5)));

/* The same for an answer of the library while doing `what`. */
int ae_stage_refused(struct ae_stage *stage, int code, const char *what);

/* The same for what it answered when I routed the stride: of AETHER_EACCES it
 * is the other one who has no right. */
int ae_stage_not_routed(struct ae_stage *stage, int code, uint64_t handle,
			uint64_t to);

/* The stage that I route to has left: fails with AETHER_ESTAGE. */
int ae_stage_lost(struct ae_stage *stage, uint64_t tenancy);

/* Does the tenancy sit there, and live? */
int ae_stage_is_there(const struct ae_stage *stage, uint64_t tenancy);

/* A round of waiting has passed: are those that I need still there? */
int ae_stage_watch(struct ae_stage *stage);

/* The same for mail that did not come: also, does who feeds me live, and is
 * there time left? 0: something came after all; AETHER_EAGAIN: wait on. */
int ae_stage_missing(struct ae_stage *stage, uint64_t *handle);

/* A signal came while doing `what`. 0: go on; else fails with AETHER_EINTR. */
int ae_stage_interrupted(struct ae_stage *stage, const char *what);

/* As in stride.h and route.h, waiting as long as those that I need live. */
int ae_stage_reserve(struct ae_stage *stage, uint64_t *handle);
int ae_stage_route(struct ae_stage *stage, uint64_t handle, uint64_t to);
int ae_stage_take(struct ae_stage *stage, uint64_t *handle);

/* The first and the last for some time only: AETHER_EAGAIN when it is over. */
int ae_stage_reserve_within(struct ae_stage *stage, uint64_t ns,
			    uint64_t *handle);
int ae_stage_take_within(struct ae_stage *stage, uint64_t ns, uint64_t *handle);

/* Nanoseconds of a round of waiting. */
uint64_t ae_stage_round(void);

/* parcel.c */

/* Looks at what the lease that I took says. AETHER_ESTAGE: its sender gave up.
 * No bytes are looked at: who has none can do it. */
int ae_cargo_label(struct ae_stage *stage, uint64_t handle,
		   struct ae_cargo *cargo);

/* The same, and where its bytes are. */
int ae_cargo_look(struct ae_stage *stage, uint64_t handle,
		  struct ae_cargo *cargo);

/* right.c: may I write its bytes, to have it "burned" or the like?
 * AETHER_EACCES. */
int ae_cargo_writable(struct ae_stage *stage, const struct ae_cargo *cargo,
		      const char *why);

/* Writes the parcel of a stride of mine. */
int ae_parcel_put(struct ae_stage *stage, uint64_t handle,
		  const struct aether_parcel_seg *parcel);

/* Tells somebody with a stride of mine that there will be no more, unless he
 * has gone: AETHER_PARCEL_END. */
int ae_parcel_end(struct ae_stage *stage, uint64_t handle, uint64_t to);

/* For a stride that is mine, has this and should not. */
int ae_cargo_wrong(struct ae_stage *stage, uint64_t handle, const char *what);

/*
 * Tells all peers that I give up, in a quarter of a second at most. `held` is a
 * stride of mine that may be used for it, or 0. Whoever cannot be told has
 * gone, or learns of it when I leave.
 */
void ae_parcel_abort(struct ae_stage *stage, uint64_t held);

/* copy.c: counts what it copies. */
void ae_copy(struct ae_stage *stage, void *to, const void *from, size_t length);

/* write.c */

/* Writes all of it. AETHER_EIO, AETHER_ENOSPC, AETHER_EINTR. */
int ae_write(struct ae_stage *stage, int fd, const void *bytes, size_t length);

/* window.c: setup, not data path. Strides that came before their turn. */
struct ae_window {
	uint64_t *handles; /* by sequence modulo size; 0: none */
	uint32_t size;
};
int ae_window_open(struct ae_window *window, uint32_t size);
void ae_window_close(struct ae_window *window);

/* signal.c: setup. Turns SIGPIPE of this thread into an error. */
struct ae_sigpipe {
	int pending; /* it was already so before */
	int blocked;
};
void ae_sigpipe_hold(struct ae_sigpipe *hold);
void ae_sigpipe_let(const struct ae_sigpipe *hold);

#endif
