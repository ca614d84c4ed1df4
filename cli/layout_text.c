/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of aether layout: a table each of the regions, epochs, pairs,
 * guards and tiers. A layout of a user's may have names of any length, so
 * columns are as wide as what is in them; a list that is empty has no table.
 */
#include "layout.h"

#include <string.h>

#define COLUMNS 8
#define CELL CLI_ROLES_MAX /* bytes of one; what would be more is cut off */

#define TEXT(id, number, text, doc) [number] = text,
#define TIER(id, number, text, data) [number] = text,

const char *const layout_kinds[] = { AETHER_EPOCH_KIND_LIST(TEXT) };
const char *const layout_modes[] = { AETHER_GUARD_MODE_LIST(TEXT) };
const char *const layout_tiers[] = { AETHER_TIER_LIST(TIER) };

struct table {
	const char *headings[COLUMNS]; /* up to the first NULL */
	const char *sides;             /* one each: 'r' numbers, 'l' words */
	void (*row)(const struct aether_layout *, uint32_t, char[][CELL]);
};

static void put(char cell[CELL], const char *text)
{
	snprintf(cell, CELL, "%s", text);
}

static void put_number(char cell[CELL], uint64_t number)
{
	snprintf(cell, CELL, "%llu", (unsigned long long)number);
}

/* An epoch by the name that this layout has for it. 0 is none: no pair and no
 * guard signals IDX_KERNEL_READY. */
static void put_epoch(const struct aether_layout *has, uint32_t index,
		      char cell[CELL])
{
	if (index)
		put_number(cell, index);
	else
		put(cell, "-");
	for (uint32_t i = 0; index && i < has->epoch_count; i++)
		if (has->epochs[i].index == index && has->epochs[i].count == 1)
			put(cell, has->epochs[i].name);
}

static void epoch_row(const struct aether_layout *has, uint32_t i,
		      char cells[][CELL])
{
	const struct aether_layout_epoch *epoch = &has->epochs[i];

	put_number(cells[0], epoch->index);
	if (epoch->count > 1)
		snprintf(cells[0], CELL, "%u-%u", epoch->index,
			 epoch->index + epoch->count - 1);
	put(cells[1], epoch->name);
	put(cells[2], layout_kinds[epoch->kind]);
	put(cells[3], epoch->signaler);
	put(cells[4], epoch->waiter);
}

static void pair_row(const struct aether_layout *has, uint32_t i,
		     char cells[][CELL])
{
	const struct aether_layout_pair *pair = &has->pairs[i];
	size_t at = 0;

	put_number(cells[0], i);
	put(cells[1], pair->name);
	put_number(cells[2], pair->size);
	put_number(cells[3], pair->item_size);
	put_number(cells[4], pair->items);
	put_epoch(has, pair->epoch, cells[5]);
	put_epoch(has, pair->mirror, cells[6]);
	for (uint32_t b = 0; b < pair->buffers && at < CELL; b++)
		at += (size_t)snprintf(cells[7] + at, CELL - at, "%s0x%010llX",
				       b ? " " : "",
				       (unsigned long long)pair->offset[b]);
}

static void guard_row(const struct aether_layout *has, uint32_t i,
		      char cells[][CELL])
{
	const struct aether_layout_guard *guard = &has->guards[i];

	put_number(cells[0], i);
	put(cells[1], guard->region);
	put(cells[2], layout_modes[guard->mode]);
	put_epoch(has, guard->epoch, cells[3]);
	cli_roles_text(guard->mode == AETHER_GUARD_MODE_READ_ONLY
			       ? 0 /* nobody does so through a guard */
			       : guard->writers,
		       cells[4]);
	cli_roles_text(guard->readers, cells[5]);
}

static void tier_row(const struct aether_layout *has, uint32_t i,
		     char cells[][CELL])
{
	const struct aether_layout_tier *tier = &has->tiers[i];

	put(cells[0], layout_tiers[tier->tier]);
	put_number(cells[1], tier->size);
	put_number(cells[2], tier->entities);
	put(cells[3], tier->peer_role);
}

static const struct table epochs = { { "epoch", "name", "kind", "signaler",
				       "waiter" },
				     "rllll",
				     epoch_row },
			  pairs = { { "pair", "name", "bytes", "item", "items",
				      "epoch", "mirror", "buffers" },
				    "rlrrrlll",
				    pair_row },
			  guards = { { "guard", "region", "mode", "epoch",
				       "writers", "readers" },
				     "rlllll",
				     guard_row },
			  tiers = { { "tier", "bytes", "entities",
				      "role among peers" },
				    "lrrl",
				    tier_row };

/* No blanks behind the last. */
static void print_cell(const struct table *table, uint32_t column,
		       const char *cell, const int *widths)
{
	int last = column + 1 == strlen(table->sides);

	if (table->sides[column] == 'r')
		printf("%*s", widths[column], cell);
	else
		printf("%-*s", last ? 0 : widths[column], cell);
	fputs(last ? "\n" : "  ", stdout);
}

static void print_table(const struct table *table, uint32_t rows,
			const struct aether_layout *has)
{
	uint32_t columns = (uint32_t)strlen(table->sides);
	char cells[COLUMNS][CELL];
	int widths[COLUMNS];

	if (!rows)
		return;
	for (uint32_t c = 0; c < columns; c++)
		widths[c] = (int)strlen(table->headings[c]);
	for (uint32_t i = 0; i < rows; i++) {
		table->row(has, i, cells);
		for (uint32_t c = 0; c < columns; c++)
			if ((int)strlen(cells[c]) > widths[c])
				widths[c] = (int)strlen(cells[c]);
	}
	putchar('\n');
	for (uint32_t c = 0; c < columns; c++)
		print_cell(table, c, table->headings[c], widths);
	for (uint32_t i = 0; i < rows; i++) {
		table->row(has, i, cells);
		for (uint32_t c = 0; c < columns; c++)
			print_cell(table, c, cells[c], widths);
	}
}

static void measure_kind(const struct region *region, void *user)
{
	int *width = user, length = (int)strlen(region->kind);

	if (length > *width)
		*width = length;
}

static void print_region(const struct region *region, void *user)
{
	const int *width = user;

	printf("0x%010llX  0x%010llX  %12llu  ",
	       (unsigned long long)region->offset,
	       (unsigned long long)(region->offset + region->size - 1),
	       (unsigned long long)region->size);
	if (region->name)
		printf("%-*s  %s%s\n", *width, region->kind, region->name,
		       region->addition ? " (addition)" : "");
	else
		puts(region->kind);
}

static void print_segments(const struct layout *layout)
{
	if (!layout->segments)
		return;
	if (!strchr(layout->name, '/')) /* a socket has none that one knows */
		printf("\nfiles of segment N: aether..%s@%016llx.leases.N and "
		       ".data.N beside the plane's\n",
		       layout->name, (unsigned long long)layout->id);
	printf("\n%8s  %-6s %8s %8s  %-12s  %s\n", "segment", "right", "first",
	       "strides", "leases", "data");
	for (uint32_t i = 0; i < layout->segments; i++) {
		const struct aether_segment_info *is = &layout->is[i];

		printf("%8u  %-6s %8u %8u  0x%010llX  0x%010llX\n", i,
		       aether_segment_right_name(layout->right[i]), is->first,
		       is->strides, (unsigned long long)is->leases_offset,
		       (unsigned long long)is->data_offset);
	}
}

void layout_print(const struct layout *layout, const struct aether_layout *has,
		  const struct aether_geometry *is, const struct region *all,
		  size_t count)
{
	int width = (int)strlen("kind");

	printf("layout %s, hash 0x%016llX: %u strides of %llu bytes, %u "
	       "participants, %llu bytes\n",
	       has->name, (unsigned long long)has->hash, is->strides,
	       (unsigned long long)is->stride_size, is->participants,
	       (unsigned long long)is->plane_size);
	layout_walk(all, count, is->plane_size, measure_kind, &width);
	printf("\n%-12s  %-12s  %12s  %-*s  %s\n", "first", "last", "bytes",
	       width, "kind", "region");
	layout_walk(all, count, is->plane_size, print_region, &width);
	print_segments(layout);
	print_table(&epochs, has->epoch_count, has);
	print_table(&pairs, has->pair_count, has);
	print_table(&guards, has->guard_count, has);
	print_table(&tiers, has->tier_count, has);
}
