/* SPDX-License-Identifier: Apache-2.0 */
/* The input as memory, where that saves a copy: for the ingress. */
#ifndef AE_MAPPED_H
#define AE_MAPPED_H

#include <stddef.h>
#include <stdint.h>

struct ae_mapped {
	const uint8_t *bytes; /* of the whole file; NULL: it is not mapped */
	size_t size;
};

/* Maps the file if it lies in huge pages; setup, not data path. */
void ae_mapped_open(struct ae_mapped *mapped, int fd);
void ae_mapped_close(struct ae_mapped *mapped);

#endif
