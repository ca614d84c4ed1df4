/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plane: one contiguous region of memory that processes share, cut into
 * strides, with the registry that says who owns which.
 *
 * Named planes are files in the shared-memory file system (/dev/shm, or the
 * directory in the environment variable AETHER_DIR) and outlive everybody who
 * used them; `aether_plane_destroy` ends them. They get their name last, with
 * all their memory reserved: a name never shows half a plane. Anonymous planes
 * (no name) live as long as their descriptors and mappings, cannot be resized
 * by anybody, and are handed to others as a descriptor (aether_plane_fd).
 *
 * What a process has mapped is neither inherited by fork() nor written into
 * core dumps. A process may attach to the same plane several times.
 *
 * At once: create, attach, destroy and list by anybody. One `struct
 * aether_plane` may be read by several threads; detach when all others are
 * done with it.
 */
#ifndef AETHER_PLANE_H
#define AETHER_PLANE_H

#include <aether/api.h>
#include <aether/error.h>
#include <aether/geometry.h>

#ifdef __cplusplus
extern "C" {
#endif

struct aether_plane; /* one attachment: private to the process */

/* All zero asks for the defaults. */
struct aether_plane_options {
	const char *layout;    /* NULL: "lean" */
	uint32_t tier;         /* enum aether_tier: how much data */
	uint32_t strides;      /* 0: as many as the tier's data hold */
	uint64_t stride_size;  /* bytes; 0: AETHER_STRIDE_SIZE_DEFAULT */
	uint32_t participants; /* slots; 0: as many as fit, at most 64 */
	uint32_t mode;         /* file mode of a named plane; 0: 0600 */
	uint32_t group;        /* its group; 0: the creator's */
	uint32_t flags;        /* AETHER_FLAG_HUGE, _LOCK, _ZERO */
	uint32_t segments; /* parts with rights of their own; 0: undivided */
};

/*
 * The memory objects of a plane, as descriptors: one, control, or, if it is
 * divided, also two for each segment. -1: not there, and then not granted.
 */
struct aether_plane_objects {
	int control;
	uint32_t segments; /* 0: undivided */
	int leases[AETHER_SEGMENTS_MAX];
	int data[AETHER_SEGMENTS_MAX];
};

/*
 * How to attach. All zero asks for all that one may have; each set, a bit per
 * segment, asks for less. A plane that is not divided has segment 0, and
 * cannot be hidden.
 */
struct aether_attach_options {
	uint32_t flags;     /* AETHER_ATTACH_OBSERVE */
	uint32_t patience;  /* ms, over a socket; 0: the default (serve.h) */
	uint64_t hidden;    /* of these nothing is mapped */
	uint64_t no_data;   /* of these no data: who only routes needs none */
	uint64_t read_only; /* of these the data for reading only */
};

struct aether_plane_info {
	struct aether_geometry geometry;
	char layout[16];
	uint64_t id[2];        /* random, made at creation */
	uint64_t created;      /* ns since 1970 */
	uint32_t flags;        /* what was asked for: AETHER_FLAG_... */
	uint32_t tag;          /* of its handles */
	uint64_t deaths;       /* participants that died and were reaped */
	uint64_t huge_bytes;   /* granted to this mapping in huge pages */
	uint64_t locked_bytes; /* granted to this process: tables and data */
};

/* aether_plane_attach: map read-only; no slot can be taken. */
#define AETHER_ATTACH_OBSERVE 1u

/*
 * Creates a plane and attaches to it. NULL as name: anonymous. Space is
 * reserved first, so that later writes cannot fail for want of it.
 * With AETHER_FLAG_ZERO every stride is zeroed when its lease ends, however it
 * ends, before anybody else can have it.
 * A divided plane's mode and group are those of all its files; segment by
 * segment they are an administrator's to change (docs/segment.md).
 * Huge pages and locking are tried when asked for; what was granted is in
 * aether_plane_look (`huge_bytes`, `locked_bytes`), not in the result.
 * Errors: AETHER_ENAME, AETHER_EEXIST, AETHER_EINVAL, AETHER_ELAYOUT,
 * AETHER_EGEOMETRY, AETHER_ENOSPC, AETHER_EACCES, AETHER_ESYS. Nothing is left
 * behind.
 */
AETHER_API int aether_plane_create(const char *name,
				   const struct aether_plane_options *options,
				   struct aether_error *error,
				   struct aether_plane **plane);

/*
 * Attaches to the plane of that name; one that has a '/' is the path of an
 * attach socket (serve.h). Everything in its header is checked before it is
 * believed; the error names what differs.
 * Errors: AETHER_ENAME, AETHER_ENOENT, AETHER_EACCES, AETHER_EPLANE,
 * AETHER_EFORMAT, AETHER_ELAYOUT, AETHER_ETRUNC, AETHER_ECORRUPT, AETHER_ESYS;
 * over a socket also AETHER_EBUSY, AETHER_EFILES, AETHER_ETIMEDOUT.
 */
AETHER_API int aether_plane_attach(const char *name, uint32_t flags,
				   struct aether_error *error,
				   struct aether_plane **plane);

/* The same, asking for less. Also AETHER_EINVAL. What rights came of it tells
 * aether_segment_look: of each segment what its files' modes allow. */
AETHER_API int aether_plane_attach_with(
	const char *name, const struct aether_attach_options *options,
	struct aether_error *error, struct aether_plane **plane);

/*
 * The same by descriptors, which stay the caller's. What each allows, and
 * whether it is there, are the rights. Each is checked before it is believed:
 * its size, and of an anonymous plane that nobody can change it. `options` may
 * be NULL. Also AETHER_EINVAL (a descriptor, or their number).
 */
AETHER_API int
aether_plane_attach_objects(const struct aether_plane_objects *objects,
			    const struct aether_attach_options *options,
			    struct aether_error *error,
			    struct aether_plane **plane);

/*
 * The same by all descriptors of another attachment of this process, or, after
 * fork(), of its parent's: of that a child may ask nothing else than its
 * segments (segment.h), for nothing of it is mapped there. One that came over a
 * socket is attached to over it anew, as long as somebody serves there.
 */
AETHER_API int
aether_plane_reattach(const struct aether_plane *other,
		      const struct aether_attach_options *options,
		      struct aether_error *error, struct aether_plane **plane);

/* The same by the descriptor of control alone: of a divided plane's segments
 * nothing is granted. */
AETHER_API int aether_plane_attach_fd(int fd, uint32_t flags,
				      struct aether_error *error,
				      struct aether_plane **plane);

/*
 * Unmaps and frees the attachment. AETHER_EBUSY: participants that joined
 * through it have not left. NULL is allowed and does nothing.
 */
AETHER_API int aether_plane_detach(struct aether_plane *plane);

/*
 * Ends a named plane: its name is gone at once, its memory when the last one
 * detaches. Also removes a damaged plane, and what a creator left that was
 * killed.
 * Errors: AETHER_ENAME, AETHER_ENOENT, AETHER_EACCES, AETHER_ESYS.
 */
AETHER_API int aether_plane_destroy(const char *name,
				    struct aether_error *error);

/* The descriptor of the plane's memory, of a divided one's control; it stays
 * the plane's. */
AETHER_API int aether_plane_fd(const struct aether_plane *plane);

/* All descriptors of this attachment; they stay the plane's. Returns 0. */
AETHER_API int aether_plane_objects(const struct aether_plane *plane,
				    struct aether_plane_objects *objects);

/* The base of the mapping: offsets count from here. */
AETHER_API void *aether_plane_base(const struct aether_plane *plane);

/* What the plane is, and what was granted. Never fails; returns 0. */
AETHER_API int aether_plane_look(const struct aether_plane *plane,
				 struct aether_plane_info *info);

/*
 * Calls `each` with the name of every named plane, in no order, until it
 * returns other than 0, which is then the result. The names are valid during
 * the call. Errors: AETHER_ESYS, AETHER_EACCES.
 */
AETHER_API int aether_plane_list(int (*each)(const char *name, void *user),
				 void *user);

#ifdef __cplusplus
}
#endif

#endif
