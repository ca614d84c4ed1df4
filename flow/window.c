/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the egress for strides that arrive before their turn, and of the
 * orchestrator for what it knows of strides: taken before the stream begins,
 * given back after it, so that the stages themselves allocate nothing. A
 * stride that waits is a stride of the plane, so as many places as strides are
 * always enough.
 */
#include <stdlib.h>
#include "desk.h"

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

int ae_table_open(struct ae_table *table, uint32_t size)
{
	table->entries = calloc(size, sizeof(*table->entries));
	table->size = size;
	return table->entries ? 0 : AETHER_ENOMEM;
}

void ae_table_close(struct ae_table *table)
{
	free(table->entries);
	table->entries = NULL;
}
