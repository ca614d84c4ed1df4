/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input as memory. Slicing out of a mapping saves the copy that read()
 * makes, and costs the mapping of its pages: with pages of 2 MiB that is
 * nothing, with pages of 4 KiB it is more than the copy (docs/performance.md).
 * Which they are is seen by mapping and touching the beginning, and asking the
 * kernel how it was mapped. Other file systems than tmpfs gain nothing even
 * where they have large pages. All of this is setup; the stream only reads.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "mapped.h"

#define HUGE ((size_t)2 << 20)

/* Younger than some C libraries; a kernel that lacks it says so. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* Are there huge pages among those of the mapping that were touched? */
static int is_huge(const void *address)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long long from, to, kib = 0;
	char line[512];
	int inside = 0;

	while (smaps && kib == 0 && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%llx-%llx ", &from, &to) == 2)
			inside = from == (uintptr_t)address;
		else if (inside)
			(void)!sscanf(line, "ShmemPmdMapped: %llu", &kib);
	}
	if (smaps)
		fclose(smaps);
	return kib > 0;
}

/* Reading a hole through a mapping fills it, if there is space for it. */
static int has_holes(const struct stat *st)
{
	return (uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size;
}

void ae_mapped_open(struct ae_mapped *mapped, int fd)
{
	struct stat st;
	void *bytes;

	memset(mapped, 0, sizeof(*mapped));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || has_holes(&st) ||
	    st.st_size < (off_t)(2 * HUGE) || (uint64_t)st.st_size > SIZE_MAX)
		return;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return;
	mapped->bytes = bytes;
	mapped->size = (size_t)st.st_size;
	if (madvise(bytes, HUGE, MADV_POPULATE_READ) < 0 || !is_huge(bytes))
		ae_mapped_close(mapped);
}

void ae_mapped_close(struct ae_mapped *mapped)
{
	if (mapped->bytes)
		munmap((void *)(uintptr_t)mapped->bytes, mapped->size);
	memset(mapped, 0, sizeof(*mapped));
}
