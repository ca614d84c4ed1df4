/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages and descriptors over an attach socket, for both sides.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "wire.h"

/* The kernel passes no more in one message. */
#define KERNEL_FDS 253

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(KERNEL_FDS * sizeof(int))];
};

void ae_wire_head(struct ae_wire_head *head, enum ae_wire_kind kind,
		  size_t size)
{
	*head = (struct ae_wire_head) { .magic = AE_WIRE_MAGIC,
					.version = AE_WIRE_VERSION,
					.kind = (uint16_t)kind,
					.size = (uint32_t)size };
}

int ae_wire_is(const struct ae_wire_head *head, size_t size, size_t expected)
{
	return size == expected && head->magic == AE_WIRE_MAGIC &&
	       head->version == AE_WIRE_VERSION && head->size == expected;
}

/* Mostly their numbers follow each other: then one call will do. */
void ae_wire_close(const int *fds, uint32_t count)
{
	uint32_t row = 1;

	while (row < count && fds[row] == fds[0] + (int)row)
		row++;
	if (count > 1 && row == count &&
	    close_range((unsigned int)fds[0], (unsigned int)fds[count - 1],
			0) == 0)
		return;
	for (uint32_t i = 0; i < count; i++)
		close(fds[i]);
}

int ae_wire_send(int fd, const void *bytes, size_t size, const int *fds,
		 uint32_t count)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)bytes,
			      .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control;
	ssize_t n;

	if (count) {
		size_t length = count * sizeof(int);
		struct cmsghdr *head = &control.align;

		memset(&control, 0, CMSG_SPACE(length));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(length);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(length);
		memcpy(CMSG_DATA(head), fds, length);
	}
	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	return n == (ssize_t)size ? 0 : EMSGSIZE;
}

/* All descriptors that came, however they are packed: as many as there is
 * room for are kept, the others closed. */
static uint32_t collect(struct msghdr *message, int *fds, uint32_t room)
{
	uint32_t came = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c;
	     c = CMSG_NXTHDR(message, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++, came++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (came < room)
				fds[came] = fd;
			else
				close(fd);
		}
	}
	return came;
}

int ae_wire_receive(int fd, void *bytes, size_t size, int *fds, uint32_t *count)
{
	struct iovec part = { .iov_base = bytes, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control;
	uint32_t came;
	ssize_t n;

	if (fds) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	do
		n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	came = fds ? collect(&message, fds, AE_WIRE_FDS) : 0;
	/* there is room for all that can come, but not for so many files; a
	 * server takes none: there the kernel has dropped them */
	if (message.msg_flags & MSG_TRUNC || came > AE_WIRE_FDS ||
	    (fds && message.msg_flags & MSG_CTRUNC)) {
		ae_wire_close(fds, came < AE_WIRE_FDS ? came : AE_WIRE_FDS);
		return fds && message.msg_flags & MSG_CTRUNC ? -EMFILE
							     : -EMSGSIZE;
	}
	if (count)
		*count = came;
	return (int)n;
}
