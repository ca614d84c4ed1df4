/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether slice and unslice: the format of sliced strides for files, without a
 * plane. A stream of any length goes through in pieces of whole tiles, so the
 * result is that of one call on all of it.
 */
#include "cli.h"

#include <stdlib.h>

#define TILE_MIN 8u
#define TILE_MAX (1u << 20)
#define PIECE_MIN (1u << 20) /* bytes, worth a system call */

enum {
	KEY_TILE = 1
};

typedef int transform(void *out, const void *in, size_t length, size_t tile);

struct slice {
	struct cli_common common;
	const char *in;
	const char *out;
	size_t tile;
	transform *transform;
};

/* One piece, of whole tiles, as it comes and as it goes. */
struct piece {
	size_t size;
	char *in;
	char *out;
};

static const struct argp_option options[] = {
	{ .name = "tile",
	  .key = KEY_TILE,
	  .arg = "N",
	  .doc = "Bytes of one bit-plane in a tile, a power of two from 8 to "
		 "1M (64)" },
	{ 0 },
};

static void parse_tile(struct slice *slice, const char *text)
{
	uint64_t tile;

	if (cli_size(text, &tile) < 0 || tile < TILE_MIN || tile > TILE_MAX ||
	    (tile & (tile - 1)))
		cli_usage(&slice->common,
			  "--tile is '%s'; give a power of "
			  "two from %u to %uM",
			  text, TILE_MIN, TILE_MAX >> 20);
	slice->tile = (size_t)tile;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct slice *slice = state->input;

	switch (key) {
	case KEY_TILE:
		parse_tile(slice, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (slice->out)
			return ARGP_ERR_UNKNOWN;
		*(slice->in ? &slice->out : &slice->in) = arg;
		return 0;
	case ARGP_KEY_END:
		if (!slice->out)
			argp_error(state, "IN and OUT are needed; - is "
					  "standard input or output");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Streams everything; the bytes, or an error. */
static int64_t stream(const struct slice *slice, const struct piece *piece,
		      const struct cli_input *in, const struct cli_output *out,
		      struct aether_error *error)
{
	int64_t total = 0;
	ssize_t length;
	int err;

	do {
		length = cli_read(in->fd, piece->in, piece->size, in->path,
				  error);
		if (length <= 0)
			break;
		err = slice->transform(piece->out, piece->in, (size_t)length,
				       slice->tile);
		if (err < 0)
			return cli_error(error, err, 0, "cannot slice %s: %s",
					 in->path, aether_error_message(err));
		err = cli_write(out->fd, piece->out, (size_t)length, out->path,
				error);
		if (err < 0)
			return err;
		total += length;
	} while ((size_t)length == piece->size);
	return length < 0 ? length : total;
}

static int64_t transform_file(const struct slice *slice,
			      const struct piece *piece,
			      struct aether_error *error)
{
	struct cli_input in;
	struct cli_output out;
	int64_t total;
	int err;

	err = cli_input_open(slice->in, error, &in);
	if (err)
		return err;
	err = cli_output_open(slice->out, &in, error, &out);
	if (err) {
		total = err;
		goto done;
	}
	cli_output_guard(&out);
	total = stream(slice, piece, &in, &out, error);
	if (total < 0)
		cli_output_abort(&out);
	else if ((err = cli_output_commit(&out, error)) < 0)
		total = err;
done:
	cli_input_close(&in);
	return total;
}

static int finish(const struct slice *slice, int64_t total,
		  const struct aether_error *error)
{
	json_t *object;

	if (total < 0)
		return cli_fail_error(&slice->common, error);
	if (!slice->common.json)
		return CLI_OK;
	object = cli_object(&slice->common);
	cli_set(object, "bytes_in", json_integer(total));
	cli_set(object, "bytes_out", json_integer(total));
	cli_set(object, "tile", json_integer((json_int_t)slice->tile));
	cli_print(object);
	return CLI_OK;
}

static int run(struct slice *slice, const struct argp *argp, const char *verb,
	       int argc, char **argv)
{
	struct aether_error error = { 0 };
	struct piece piece = { 0 };
	size_t tiles;
	int result;

	slice->tile = AETHER_TILE;
	cli_parse(argp, verb, argc, argv, slice);
	tiles = AETHER_PLANES * slice->tile;
	piece.size = tiles > PIECE_MIN ? tiles : PIECE_MIN;
	piece.in = malloc(piece.size);
	piece.out = malloc(piece.size);
	if (!piece.in || !piece.out)
		result = cli_fail(&slice->common, AETHER_ENOMEM,
				  "no room for a tile of %zu bytes",
				  slice->tile);
	else
		result = finish(slice, transform_file(slice, &piece, &error),
				&error);
	free(piece.in);
	free(piece.out);
	return result;
}

int cli_slice(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "IN OUT",
		.doc = "Turn the bytes of IN into bit-planes, tile by tile. "
		       "- is standard input or output. OUT appears when it is "
		       "whole."
	};
	struct slice slice = { .transform = aether_slice };

	return run(&slice, &argp, "slice", argc, argv);
}

int cli_unslice(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "IN OUT",
		.doc = "Turn bit-planes back into bytes; the tile must be the "
		       "one they were made with. - is standard input or "
		       "output. OUT appears when it is whole."
	};
	struct slice slice = { .transform = aether_unslice };

	return run(&slice, &argp, "unslice", argc, argv);
}
