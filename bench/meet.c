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

static const pid_t *heeded;
static volatile sig_atomic_t heeded_count;

/* One that ended by itself, and badly, would be waited for for ever: by words,
 * by epochs, by spinning. So the row, which is this process, ends too. */
static void look_for_ends(int unused)
{
	static const char text[] = "aether bench: one of the processes of the "
				   "row ended before its work was done\n";

	(void)unused;
	for (int i = 0; i < heeded_count; i++) {
		siginfo_t end = { .si_pid = 0 };

		if (waitid(P_PID, (id_t)heeded[i], &end,
			   WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    !end.si_pid ||
		    (end.si_code == CLD_EXITED && end.si_status == 0))
			continue;
		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			_exit(2);
		_exit(1);
	}
}

void bench_heed(const pid_t *children, int count)
{
	heeded_count = 0;
	heeded = children;
	heeded_count = count;
	signal(SIGCHLD, count ? look_for_ends : SIG_DFL);
	look_for_ends(SIGCHLD); /* who ended before I heard */
}

int bench_meet(struct aether_plane *plane, size_t size,
	       struct bench_meeting *meeting)
{
	pid_t parent = getpid();

	meeting->plane = plane;
	meeting->size = size;
	meeting->page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	meeting->child = meeting->page == MAP_FAILED ? -1 : fork();
	if (meeting->child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		return 1;
	}
	if (meeting->child > 0) {
		bench_heed(&meeting->child, 1);
		return 0;
	}
	if (meeting->page != MAP_FAILED)
		munmap(meeting->page, size);
	aether_plane_detach(plane);
	return bench_fail("cannot start a second process", AETHER_ESYS);
}

int bench_part(struct bench_meeting *meeting, int err, struct bench_row *row)
{
	int status = 0;

	bench_heed(NULL, 0);
	if (err < 0)
		kill(meeting->child, SIGKILL);
	waitpid(meeting->child, &status, 0);
	munmap(meeting->page, meeting->size);
	aether_plane_detach(meeting->plane);
	if (err == 0 && status)
		err = AETHER_ESTAGE;
	return err < 0 ? bench_fail(row->name, err) : 0;
}
