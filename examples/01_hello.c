/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest whole exchange: a plane, two participants, one stride handed
 * from the first to the second without a copy. Usually they sit in different
 * processes; here both sit in one.
 */
#include <aether/aether.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct aether_plane *plane;
	struct aether_participant *alice, *bob;
	uint64_t handle;
	void *bytes;

	if (aether_plane_create(NULL, NULL, NULL, &plane) < 0 ||
	    aether_participant_join(plane, NULL, NULL, &alice) < 0 ||
	    aether_participant_join(plane, NULL, NULL, &bob) < 0)
		return 1;
	aether_stride_reserve(alice, &handle);
	aether_stride_bytes(alice, handle, NULL, &bytes);
	strcpy(bytes, "hello from the same memory");
	aether_route(alice, handle, aether_participant_tenancy(bob));

	aether_route_take_until(bob, AETHER_FOREVER, &handle);
	aether_stride_bytes(bob, handle, NULL, &bytes);
	puts(bytes);
	aether_stride_release(bob, handle);
	aether_participant_leave(bob);
	aether_participant_leave(alice);
	return aether_plane_detach(plane) < 0;
}
