/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of an attach socket. They lie in a memfd, 0600 and sealed, of which
 * each server has a description of its own; it is read and written, never
 * mapped. There are two copies; a writer, under a lock, writes the one that is
 * not in use and then the number that says which is: killed anywhere it leaves
 * the old rules. A reader checks that what it has read is one copy, whole, and
 * can be.
 *
 * Locks on its bytes: 0, who changes the rules; 1, shared by all who serve.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "rules.h"

#define MAGIC UINT64_C(0x53454C5552454141)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define TRIES 8 /* of a read that writers overtake */

enum byte {
	CHANGING,
	SERVING
};

struct copy {
	uint64_t number;
	uint64_t hash;
	struct ae_rules rules;
};

struct object {
	uint64_t magic;
	uint64_t current; /* number of the copy in use; its parity says which */
	struct ae_rules_socket socket;
	struct copy copy[2];
};

static uint64_t hash_of(const struct copy *copy)
{
	const unsigned char *at = (const unsigned char *)&copy->rules;
	uint64_t hash = UINT64_C(0xCBF29CE484222325) ^ copy->number;

	for (size_t i = 0; i < sizeof(copy->rules); i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001B3);
	return hash;
}

static int lock_byte(int fd, enum byte byte, short kind)
{
	struct flock lock = { .l_type = kind,
			      .l_whence = SEEK_SET,
			      .l_start = byte,
			      .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &lock);
}

static int write_at(int fd, const void *bytes, size_t size, size_t at)
{
	return pwrite(fd, bytes, size, (off_t)at) == (ssize_t)size
		       ? 0
		       : AETHER_ESYS;
}

static int read_at(int fd, void *bytes, size_t size, size_t at)
{
	return pread(fd, bytes, size, (off_t)at) == (ssize_t)size
		       ? 0
		       : AETHER_ECORRUPT;
}

static size_t place(uint64_t number)
{
	return offsetof(struct object, copy) + number % 2 * sizeof(struct copy);
}

/* Writes the copy that is not in use, and then says that it is. */
static int write_copy(int fd, struct copy *copy, uint64_t number)
{
	int err;

	copy->number = number;
	copy->hash = hash_of(copy);
	err = write_at(fd, copy, sizeof(*copy), place(number));
	if (err < 0)
		return err;
	return write_at(fd, &number, sizeof(number),
			offsetof(struct object, current));
}

int ae_rules_make(const struct ae_rules *rules)
{
	const uint64_t magic = MAGIC;
	struct copy copy = { .rules = *rules };
	int fd = memfd_create("aether-rules", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int os;

	if (fd < 0)
		return -1;
	if (fchmod(fd, 0600) == 0 &&
	    ftruncate(fd, sizeof(struct object)) == 0 &&
	    write_copy(fd, &copy, 1) == 0 &&
	    write_at(fd, &magic, sizeof(magic), 0) == 0 &&
	    fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	os = errno;
	close(fd);
	errno = os;
	return -1;
}

int ae_rules_known(int fd)
{
	uint64_t magic = 0;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	int mode = fcntl(fd, F_GETFL);

	if (seals < 0 || (seals & SEALS) != SEALS || mode < 0 ||
	    (mode & O_ACCMODE) != O_RDWR || fstat(fd, &st) < 0 ||
	    st.st_size != (off_t)sizeof(struct object) ||
	    read_at(fd, &magic, sizeof(magic), 0) < 0 || magic != MAGIC)
		return AETHER_EPLANE;
	return 0;
}

/* One whole copy. */
static int read_copy(int fd, struct copy *copy)
{
	uint64_t current = 0, after = 0;
	const size_t at = offsetof(struct object, current);

	for (int i = 0; i < TRIES; i++) {
		if (read_at(fd, &current, sizeof(current), at) < 0 ||
		    read_at(fd, copy, sizeof(*copy), place(current)) < 0)
			return AETHER_ECORRUPT;
		if (copy->number == current && copy->hash == hash_of(copy))
			return ae_rules_check(&copy->rules) ? 0
							    : AETHER_ECORRUPT;
		if (read_at(fd, &after, sizeof(after), at) < 0 ||
		    after == current)
			return AETHER_ECORRUPT;
	}
	return AETHER_EAGAIN;
}

int ae_rules_read(int fd, struct ae_rules *rules)
{
	struct copy copy;
	int err = read_copy(fd, &copy);

	if (err == 0)
		*rules = copy.rules;
	return err;
}

int ae_rules_refresh(int fd, struct ae_rules_cache *cache)
{
	uint64_t current;
	struct copy copy;
	int err = read_at(fd, &current, sizeof(current),
			  offsetof(struct object, current));

	if (err == 0 && current && current == cache->number)
		return 0;
	if (err == 0)
		err = read_copy(fd, &copy);
	if (err < 0) {
		cache->number = 0;
		return err;
	}
	cache->number = copy.number;
	cache->rules = copy.rules;
	return 0;
}

int ae_rules_change(int fd, const struct aether_grant *grant, uint32_t segments)
{
	struct copy copy;
	int err;

	if (lock_byte(fd, CHANGING, F_WRLCK) < 0)
		return errno == EAGAIN || errno == EACCES ? AETHER_EBUSY
							  : AETHER_ESYS;
	err = read_copy(fd, &copy);
	if (err == 0)
		err = ae_rules_put(&copy.rules, grant, segments);
	if (err == 0)
		err = write_copy(fd, &copy, copy.number + 1);
	lock_byte(fd, CHANGING, F_UNLCK);
	return err;
}

int ae_rules_socket_write(int fd, const struct ae_rules_socket *socket)
{
	return write_at(fd, socket, sizeof(*socket),
			offsetof(struct object, socket));
}

int ae_rules_socket_read(int fd, struct ae_rules_socket *socket)
{
	return read_at(fd, socket, sizeof(*socket),
		       offsetof(struct object, socket));
}

int ae_rules_enter(int fd)
{
	if (lock_byte(fd, SERVING, F_RDLCK) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? AETHER_EGONE : AETHER_ESYS;
}

/* Two who end at once are in each other's way, so who is not the last gives his
 * lock back before he asks again: of two the second to do so finds nobody. */
int ae_rules_last(int fd)
{
	if (lock_byte(fd, SERVING, F_WRLCK) == 0)
		return 1;
	lock_byte(fd, SERVING, F_UNLCK);
	return lock_byte(fd, SERVING, F_WRLCK) == 0;
}
