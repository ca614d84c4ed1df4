/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two processes, the receiving one: creates a plane with a name, takes what is
 * routed to it, and says what it read. Start it first; examples/03_send.c is
 * the other one.
 */
#include <aether/aether.h>
#include <stdio.h>

#define COUNT 1000
#define PATIENCE (10 * UINT64_C(1000000000)) /* ns */

static int receive(struct aether_participant *me)
{
	for (uint64_t i = 0; i < COUNT; i++) {
		uint64_t deadline = aether_clock_after(PATIENCE);
		struct aether_pointer pointer;
		uint64_t handle;
		void *bytes;
		int err = aether_route_take_until(me, deadline, &handle);

		if (err == 0) /* how much the sender put in: pointer.length */
			err = aether_stride_resolve(me, handle, &pointer);
		if (err == 0)
			err = aether_stride_bytes(me, handle, NULL, &bytes);
		if (err < 0)
			return err;
		if (i == COUNT - 1)
			printf("%d strides; the last says: %.*s\n", COUNT,
			       (int)pointer.length, (char *)bytes);
		aether_stride_release(me, handle);
	}
	return 0;
}

int main(void)
{
	struct aether_participant_options who = { .name = "receiver" };
	struct aether_participant *me = NULL;
	struct aether_plane *plane = NULL;
	struct aether_error error;
	int err = aether_plane_create("example", NULL, &error, &plane);

	if (err == 0)
		err = aether_participant_join(plane, &who, &error, &me);
	if (err < 0)
		fprintf(stderr, "%s\n", error.text);
	if (err == 0 && (err = receive(me)) < 0)
		fprintf(stderr, "receive: %s\n", aether_error_message(err));
	aether_participant_leave(me);
	if (plane)
		aether_plane_destroy("example", NULL);
	aether_plane_detach(plane);
	return err < 0;
}
