/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this port share: errors with texts, the port's part of a
 * plane, names and their paths.
 */
#ifndef POSIX_H
#define POSIX_H

#include "ae_base.h"
#include "ae_host.h"

/* The port's part of an attachment. */
struct ae_posix_plane {
	int fd;   /* of the plane's memory */
	int test; /* a description of its own, to ask about life locks */
	size_t size;
	size_t mapped; /* with what aligning added */
	void *mapping;
	uint64_t huge;                /* bytes granted */
	uint64_t locked;              /* bytes granted */
	struct aether_word32 joined;  /* participants of this attachment */
	struct ae_posix_watch *watch; /* for deaths; NULL: it could not be */
	struct ae_posix_trap *trap;   /* of guards; NULL: there can be none */
	struct ae_posix_bell *bell;   /* for event descriptors; the same */
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

/* Maps the plane's memory and binds it. */
int ae_posix_map(int fd, const struct aether_geometry *geometry, uint32_t flags,
		 struct aether_error *error, struct aether_plane **plane);

/* trap.c: what an attachment needs for trap mode. NULL: no memory. */
struct ae_posix_trap *ae_posix_trap_make(void);
void ae_posix_trap_free(struct ae_posix_trap *trap);

/* Asks for huge pages and locking, and notes what was granted. */
void ae_posix_grant(struct aether_plane *plane, uint32_t flags);

#endif
