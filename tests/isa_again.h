/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test's own program once more, with AETHER_ISA set and the set's name as
 * its argument: which kernel is in use is decided once in a process.
 */
#ifndef AETHER_TESTS_ISA_AGAIN_H
#define AETHER_TESTS_ISA_AGAIN_H

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap.h"

/* `what`: what is so if it ends with 0. With 2 it says that there is no such
 * set here. */
static inline void isa_again(char *program, const char *name, const char *what)
{
	char *argv[] = { program, (char *)(uintptr_t)name, NULL };
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		setenv("AETHER_ISA", name, 1);
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	if (child > 0)
		waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		skip("AETHER_ISA=%s: this processor or build lacks it", name);
	else
		is_int(status, 0, "AETHER_ISA=%s: %s", name, what);
}

#endif
