/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this port share: errors with texts, the port's part of a
 * plane, names and their paths.
 */
#ifndef POSIX_H
#define POSIX_H

#include <sys/types.h>
#include "ae_plane.h"
#include "ae_host.h"

/* The port's part of an attachment. */
struct ae_posix_plane {
	struct aether_plane_objects objects;
	int test; /* to ask about life by: of its own, or control's where nobody
		     locks through that (AE_POSIX_ASK_BY_CONTROL) */
	size_t size;
	size_t mapped; /* with what aligning added */
	void *mapping;
	uint64_t huge;                /* bytes granted */
	uint64_t locked;              /* bytes granted */
	struct aether_word32 joined;  /* participants of this attachment */
	struct ae_posix_watch *watch; /* for deaths; NULL: it could not be */
	struct ae_posix_trap *trap;   /* of guards; NULL: there can be none */
	struct ae_posix_bell *bell;   /* for event descriptors; the same */
	struct ae_line *line; /* came over an attach socket; NULL: did not */
	uint32_t user;        /* then: who its server says that we are */
	int asked_less;       /* and: attached for less than we may have */
};

/* The library's code for an errno. */
int ae_posix_code(int os);

/* Counts the participants of an attachment: 1 joined, -1 left. */
static inline void ae_posix_joined(struct ae_posix_plane *p, int change)
{
	/* relaxed: detach is called when all others are done with the plane. */
	ae_add32_relaxed(&p->joined, (uint32_t)change);
}

#define AE_POSIX_PATH 512
#define AE_POSIX_FILE (AE_POSIX_PATH + 64) /* of a segment */

/* Where a plane of that name lies. AETHER_ENAME, with a text. */
int ae_posix_path(const char *name, char path[AE_POSIX_PATH],
		  struct aether_error *error);

/* Letters, digits, '.', '_', '-', not first a '.' or '-'; in any locale. */
int ae_posix_is_name(const char *name);

/* The directory of named planes: AETHER_DIR, or /dev/shm. */
const char *ae_posix_directory(void);

#define AE_POSIX_PREFIX "aether."

/* Is there memory for `want` bytes, for all that can be asked? `fd` lies in the
 * file system that is to hold them, or is -1. AETHER_ENOSPC names the limit. */
int ae_posix_space(uint64_t want, int fd, struct aether_error *error);

/* What a segment's leases or data are in, or all else: an object. */
enum ae_posix_kind {
	AE_POSIX_CONTROL,
	AE_POSIX_LEASES,
	AE_POSIX_DATA,
};

struct ae_posix_object {
	enum ae_posix_kind kind;
	uint32_t segment;
	uint64_t at; /* where it is mapped, from the plane's base */
	uint64_t size;
	int *fd; /* in the objects */
};

/* object.c: how many a plane has, control first, and one of them. */
uint32_t ae_posix_object_count(const struct aether_geometry *geometry);
struct ae_posix_object ae_posix_object(const struct aether_geometry *geometry,
				       struct aether_plane_objects *objects,
				       uint32_t number);

/* None is open. */
void ae_posix_objects_none(struct aether_plane_objects *objects,
			   uint32_t segments);

/* Closes those that are open. */
void ae_posix_objects_close(struct aether_plane_objects *objects);

/* "control", "leases of segment 3" */
const char *ae_posix_object_text(const struct ae_posix_object *object,
				 char text[40]);

/* files.c: where the file of a segment's object lies; `id` is that of the file
 * that has the plane's name. */
void ae_posix_segment_path(const char *name, uint64_t id,
			   const struct ae_posix_object *object,
			   char path[AE_POSIX_FILE]);

/* Opens the files of the segments, as far as the caller may and wants. */
int ae_posix_files_open(const char *name,
			const struct aether_geometry *geometry,
			const struct aether_attach_options *options,
			struct aether_plane_objects *objects,
			struct aether_error *error);

/* Removes the files of segments of planes of that name that are no more: whose
 * destroyer or creator was killed. Those of the ID `gone`, if it is not 0,
 * without asking. */
void ae_posix_files_sweep(const char *name, uint64_t gone);

/* Of the flags of attaching, for ae_posix_map: ask about lives through the
 * description of control. */
#define AE_POSIX_ASK_BY_CONTROL (1u << 31)

/* Maps the plane's memory, each segment with its right, and binds it. Takes the
 * descriptors over if it succeeds. */
int ae_posix_map(const struct aether_plane_objects *objects,
		 const struct aether_geometry *geometry, const uint8_t *rights,
		 uint32_t flags, struct aether_error *error,
		 struct aether_plane **plane);

/* What came over a socket. */
struct ae_posix_came {
	struct aether_plane_objects objects;
	const uint8_t *rights; /* that were granted, to each segment */
	dev_t device;          /* out: control's */
	ino_t inode;
};

/* header.c: why ae_plane_check refused it with this code; `size` is control's,
 * `name` for messages. Returns the code. */
int ae_posix_header_refuse(int code, const char *name,
			   const struct aether_header_seg *h,
			   const struct aether_geometry *g, uint64_t size,
			   struct aether_error *error);

/* attach.c: by descriptors that are taken over if it succeeds; `name` is for
 * texts. That of control is of a description that nobody else has, and through
 * which nobody locks: others are asked about through it. AETHER_EACCES: what
 * was granted cannot be mapped. */
int ae_posix_attach_own(const char *name, struct ae_posix_came *came,
			const struct aether_attach_options *options,
			struct aether_error *error,
			struct aether_plane **plane);

/* How an object is mapped by one who has that right to its segment: PROT_... */
int ae_posix_protection(enum ae_posix_kind kind, uint32_t right, int observer);

/* trap.c: what an attachment needs for trap mode. NULL: no memory. */
struct ae_posix_trap *ae_posix_trap_make(void);
void ae_posix_trap_free(struct ae_posix_trap *trap);

/* Asks for huge pages and locking, and notes what was granted. */
void ae_posix_grant(struct aether_plane *plane, uint32_t flags);

#endif
