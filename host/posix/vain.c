/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that could never mean what they say: whoever makes one is told so then,
 * and not he whom it was to help. What another rule, or the plane's user, could
 * still make true is not refused.
 */
#include <sys/stat.h>
#include "serve.h"

#define READ_WRITE 06u /* a class's bits of a mode */

static int may(mode_t mode, unsigned int shift)
{
	return (mode >> shift & READ_WRITE) == READ_WRITE;
}

/*
 * Whom do files keep from being opened anew for writing, as each client of a
 * server needs it? 1: everybody but their user and root, of whom `grant` is
 * none. Bits of a group are also the mask of an access list, so where there are
 * some, or others', it may be anybody.
 */
static int is_shut(const struct aether_plane *plane,
		   const struct aether_grant *grant, uint32_t *owner)
{
	struct aether_plane_objects objects;
	struct stat st;

	aether_plane_objects(plane, &objects);
	for (uint32_t i = 0; i < ae_posix_object_count(&plane->geometry); i++) {
		struct ae_posix_object o = ae_posix_object(&plane->geometry,
							   &objects, i);

		if (fstat(*o.fd, &st) < 0 || may(st.st_mode, 0) ||
		    may(st.st_mode, 3))
			continue;
		*owner = st.st_uid;
		if (grant->who != AETHER_WHO_USER ||
		    (grant->id != st.st_uid && grant->id != 0))
			return 1;
	}
	return 0;
}

/* Serving takes part in all of the plane. */
static int refuse_serve(const struct aether_plane *plane,
			const struct aether_grant *grant,
			struct aether_error *error)
{
	uint32_t least = plane->geometry.segments ? AETHER_RIGHT_READ
						  : AETHER_RIGHT_WRITE;
	uint32_t owner;

	if (grant->flags & AETHER_GRANT_OBSERVE)
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "who may only observe cannot serve; "
					 "grant write+serve, or observe "
					 "alone.");
	if (grant->right == AETHER_RIGHT_UNSAID)
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "a rule that is forgotten lets nobody "
					 "serve; grant write+serve, or default "
					 "alone.");
	if (grant->right < least)
		return aether_error_fill(
			error, AETHER_EINVAL, 0,
			"who serves must have all of the "
			"plane, and with %s has not; grant "
			"write+serve, or %s alone.",
			aether_segment_right_name(grant->right),
			aether_segment_right_name(grant->right));
	if (is_shut(plane, grant, &owner))
		return aether_error_fill(
			error, AETHER_EINVAL, 0,
			"only user %u and root could serve: a server opens the "
			"plane's files anew, and their modes let nobody else; "
			"grant it without +serve, or serve a named plane of "
			"another --mode.",
			owner);
	return 0;
}

int ae_serve_vain(const struct aether_plane *plane,
		  const struct aether_grant *grant, struct aether_error *error)
{
	if (!plane->geometry.segments && grant->right == AETHER_RIGHT_ROUTE)
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "the plane is not divided, so route "
					 "allows nothing there; grant write, "
					 "or read, which is to observe, or "
					 "serve a plane of --segments 1.");
	return grant->flags & AETHER_GRANT_SERVE
		       ? refuse_serve(plane, grant, error)
		       : 0;
}
