/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for strides that arrive before their turn: taken before the stream
 * begins, given back after it, so that the egress itself allocates nothing. A
 * stride that waits is a stride of the plane, so as many places as strides are
 * always enough.
 */
#include <stdlib.h>
#include "stage.h"

int ae_window_open(struct ae_window *window, uint32_t size)
{
	window->handles = calloc(size, sizeof(*window->handles));
	window->size = size;
	return window->handles ? 0 : AETHER_ENOMEM;
}

void ae_window_close(struct ae_window *window)
{
	free(window->handles);
	window->handles = NULL;
}
