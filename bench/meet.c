/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two processes that measure something together: the second is a child, which
 * ends with the first, and a page is shared by both. Participants are not
 * inherited: each attaches by the plane's descriptor and joins.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

int bench_meet(struct aether_plane *plane, size_t size,
	       struct bench_meeting *meeting)
{
	meeting->plane = plane;
	meeting->size = size;
	meeting->page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	meeting->child = meeting->page == MAP_FAILED ? -1 : fork();
	if (meeting->child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return 1;
	}
	if (meeting->child > 0)
		return 0;
	if (meeting->page != MAP_FAILED)
		munmap(meeting->page, size);
	aether_plane_detach(plane);
	return bench_fail("cannot start a second process", AETHER_ESYS);
}

int bench_part(struct bench_meeting *meeting, int err, struct bench_row *row)
{
	int status;

	if (err < 0)
		kill(meeting->child, SIGKILL);
	waitpid(meeting->child, &status, 0);
	munmap(meeting->page, meeting->size);
	aether_plane_detach(meeting->plane);
	if (err == 0 && status)
		err = AETHER_ESTAGE;
	return err < 0 ? bench_fail(row->name, err) : 0;
}
