/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing all of a piece to whatever the output is: short writes go on,
 * descriptors that do not block are waited for, a signal may stop the stage.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include "stage.h"

/* 0: a signal that means nothing to me; else failed. */
static int refused(struct ae_stage *stage, int os)
{
	switch (os) {
	case EINTR:
		return ae_stage_interrupted(stage, "writing");
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ae_stage_fail(stage, AETHER_ENOSPC, os,
				     "writing the output");
	default:
		return ae_stage_fail(stage, AETHER_EIO, os,
				     "writing the output");
	}
}

int ae_write(struct ae_stage *stage, int fd, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	ssize_t n;
	int rc = 0;

	while (length && rc == 0) {
		n = write(fd, at, length);
		if (n > 0) {
			at += n;
			length -= (size_t)n;
			stage->report->bytes_out += (uint64_t)n;
		} else if (n == 0) {
			rc = refused(stage, EIO);
		} else if (errno != EAGAIN || poll(&ready, 1, -1) < 0) {
			rc = refused(stage, errno);
		}
	}
	return rc;
}
