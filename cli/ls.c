/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether ls: the planes of this machine. A damaged one is listed with what is
 * wrong: it is what people look for.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct names {
	char **name;
	size_t count;
};

struct row {
	const char *name;
	int err;
	struct aether_error error;
	struct aether_plane_info info;
	uint32_t alive;
	uint32_t free;   /* of those seen */
	uint32_t unseen; /* strides whose leases I do not see */
	uint32_t segments;
	uint32_t right[AETHER_SEGMENTS_MAX]; /* that a participant would have */
};

static int collect(const char *name, void *user)
{
	struct names *names = user;
	size_t size = (names->count + 1) * sizeof(*names->name);
	char **grown = realloc(names->name, size);

	if (!grown)
		return AETHER_ENOMEM;
	names->name = grown;
	grown[names->count] = strdup(name);
	if (!grown[names->count])
		return AETHER_ENOMEM;
	names->count++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static uint32_t count_alive(const struct aether_plane *plane, uint32_t slots)
{
	struct aether_participant_info info;
	uint32_t slot, alive = 0;

	for (slot = 0; slot < slots; slot++)
		if (!aether_participant_look(plane, slot, &info) &&
		    info.tenancy && info.alive)
			alive++;
	return alive;
}

static void look(const char *name, struct row *row)
{
	struct aether_registry_counts counts;
	struct aether_plane *plane;

	memset(row, 0, sizeof(*row));
	row->name = name;
	row->err = aether_plane_attach(name, AETHER_ATTACH_OBSERVE, &row->error,
				       &plane);
	if (row->err)
		return;
	aether_plane_look(plane, &row->info);
	aether_registry_count(plane, &counts);
	row->free = counts.states[AETHER_STATE_DORMANT];
	row->unseen = counts.unseen;
	row->segments = row->info.geometry.segments;
	if (!row->segments)
		row->segments = 1;
	for (uint32_t i = 0; i < row->segments; i++)
		row->right[i] = cli_right(plane, i);
	row->alive = count_alive(plane, row->info.geometry.participants);
	aether_plane_detach(plane);
}

static json_t *rights_json(const struct row *row)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < row->segments; i++)
		cli_add(list,
			json_string(aether_segment_right_name(row->right[i])));
	return list;
}

/* A letter a segment. */
static const char *rights_text(const struct row *row,
			       char text[AETHER_SEGMENTS_MAX + 1])
{
	static const char letters[] = { [AETHER_RIGHT_NONE] = '-',
					[AETHER_RIGHT_ROUTE] = 'o',
					[AETHER_RIGHT_READ] = 'r',
					[AETHER_RIGHT_WRITE] = 'w' };
	uint32_t i;

	for (i = 0; i < row->segments; i++)
		text[i] = letters[row->right[i]];
	text[i] = 0;
	return text;
}

static json_t *as_json(const struct row *row)
{
	const struct aether_geometry *is = &row->info.geometry;
	json_t *object = json_object();

	cli_set(object, "name", cli_text(row->name, SIZE_MAX));
	if (row->err) {
		cli_set(object, "code",
			cli_text(aether_error_name(row->err), SIZE_MAX));
		cli_set(object, "message",
			cli_text(row->error.text, sizeof(row->error.text)));
		return object;
	}
	cli_set(object, "layout",
		cli_text(row->info.layout, sizeof(row->info.layout)));
	cli_set(object, "strides", json_integer(is->strides));
	cli_set(object, "stride_size",
		json_integer((json_int_t)is->stride_size));
	cli_set(object, "segments", json_integer(is->segments));
	cli_set(object, "rights", rights_json(row));
	cli_set(object, "plane_size", json_integer((json_int_t)is->plane_size));
	cli_set(object, "participants", json_integer(is->participants));
	cli_set(object, "alive", json_integer(row->alive));
	cli_set(object, "free",
		cli_counted(row->free, row->unseen, is->strides));
	cli_set(object, "unseen", json_integer(row->unseen));
	return object;
}

static void print_row(const struct row *row)
{
	const struct aether_geometry *is = &row->info.geometry;
	char rights[AETHER_SEGMENTS_MAX + 1], unused[CLI_COUNTED_MAX];

	if (row->err) {
		cli_show(stdout, row->name, SIZE_MAX);
		printf("  %s: ", aether_error_name(row->err));
		cli_show(stdout, row->error.text, sizeof(row->error.text));
		putchar('\n');
		return;
	}
	printf("%-20s %-10s %8u %9llu %12llu %6u/%-2u %8s  %s\n", row->name,
	       row->info.layout, is->strides,
	       (unsigned long long)is->stride_size,
	       (unsigned long long)is->plane_size, row->alive, is->participants,
	       cli_counted_text(row->free, row->unseen, is->strides, unused),
	       rights_text(row, rights));
}

static void list(const struct cli_common *common, const struct names *names)
{
	json_t *object = cli_object(common), *planes = json_array();
	struct row row;
	size_t i;

	if (!common->json && names->count)
		printf("%-20s %-10s %8s %9s %12s %9s %8s  %s\n", "name",
		       "layout", "strides", "size", "plane", "alive", "free",
		       "rights");
	for (i = 0; i < names->count; i++) {
		look(names->name[i], &row);
		if (row.err == AETHER_ENOENT)
			continue; /* destroyed meanwhile */
		if (common->json)
			cli_add(planes, as_json(&row));
		else
			print_row(&row);
	}
	cli_set(object, "planes", planes);
	if (common->json)
		cli_print(object);
	else
		json_decref(object);
}

int cli_ls(int argc, char **argv)
{
	static const struct argp argp = {
		.doc = "List the planes of this machine: layout, strides, "
		       "their size, bytes in all, participants alive of "
		       "slots, free strides (? where you may not see them); "
		       "of each segment what you may: w write, r read, o "
		       "route only, - nothing. A damaged "
		       "plane is listed with what is wrong with it."
	};
	struct cli_common common = { 0 };
	struct aether_error error = { 0 };
	struct names names = { 0 };
	int err, result = CLI_OK;

	cli_parse(&argp, "ls", argc, argv, &common);
	err = aether_plane_list(collect, &names);
	if (err < 0) {
		cli_error(&error, err, 0,
			  "cannot read the directory of planes, %.100s; see to "
			  "it that you may, or name another in AETHER_DIR.",
			  cli_directory());
		cli_explain(err, &error);
		result = cli_fail_error(&common, &error);
		goto done;
	}
	if (names.count)
		qsort(names.name, names.count, sizeof(*names.name), compare);
	list(&common, &names);
done:
	while (names.count)
		free(names.name[--names.count]);
	free(names.name);
	return result;
}
