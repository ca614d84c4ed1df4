/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two processes, the sending one: attaches to the plane by name, finds the
 * receiver by name, and hands it a thousand strides. What is on its way when
 * it leaves still arrives.
 */
#include <aether/aether.h>
#include <stdio.h>

#define COUNT 1000
#define PATIENCE (10 * UINT64_C(1000000000)) /* ns */

static int send(struct aether_participant *me, uint64_t to)
{
	for (int i = 1; i <= COUNT; i++) {
		uint64_t deadline = aether_clock_after(PATIENCE);
		uint64_t handle;
		size_t size;
		void *bytes;
		int err = aether_stride_reserve_until(me, deadline, &handle);

		if (err == 0)
			err = aether_stride_bytes(me, handle, &size, &bytes);
		if (err < 0)
			return err;
		size = (size_t)snprintf(bytes, size, "number %d", i);
		aether_stride_describe(me, handle, size, AETHER_FORMAT_RAW, 0);
		err = aether_route_until(me, handle, to, deadline);
		if (err < 0)
			return err;
	}
	return 0;
}

int main(void)
{
	struct aether_participant *me = NULL;
	struct aether_plane *plane = NULL;
	struct aether_error error;
	uint64_t to;
	int err = aether_plane_attach("example", 0, &error, &plane);

	if (err == 0)
		err = aether_participant_join(plane, NULL, &error, &me);
	if (err < 0)
		fprintf(stderr, "%s\n", error.text);
	if (err == 0 &&
	    (err = aether_participant_find(plane, "receiver", &to)) < 0)
		fprintf(stderr, "find: %s\n", aether_error_message(err));
	else if (err == 0 && (err = send(me, to)) < 0)
		fprintf(stderr, "send: %s\n", aether_error_message(err));
	aether_participant_leave(me);
	aether_plane_detach(plane);
	return err < 0;
}
