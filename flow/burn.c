/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening burns by their description. All memory that a burn needs is taken
 * here, before the stream; the burn itself only reads it. What is wrong with a
 * description is said with its place in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <aether/aether.h>
#include "gf256_burn.h"
#include "module.h"
#include "xor.h"

/* How much of a description a text has room for. */
#define SHOWN ((size_t)200)

#define XOR_HEX "xor:"
#define XOR_FILE "xor-file:"
#define GF256 "gf256:"

static int none_burn(void *state, const struct aether_piece *piece)
{
	(void)state;
	(void)piece;
	return 0;
}

static int xor_burn(void *state, const struct aether_piece *piece)
{
	return ae_xor_burn(state, piece);
}

/* A burn with this key, which is copied. */
static int open_xor(const uint8_t *key, size_t length, const char *name,
		    struct aether_error *error, struct aether_burn *burn)
{
	struct ae_xor * xor = malloc(sizeof(*xor) + ae_xor_size(length));

	if (!xor)
		return aether_error_fill(
			error, AETHER_ENOMEM, 0,
			"no memory for a key of %zu bytes; use a shorter "
			"one.",
			length);
	ae_xor_init(xor, xor+1, key, length, aether_slice);
	burn->name = name;
	burn->state = xor;
	burn->burn = xor_burn;
	burn->undo = xor_burn;
	burn->close = free;
	burn->formats = 0;
	burn->module = NULL;
	return 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Turns the digits into bytes. */
static int parse_hex(const char *hex, struct aether_error *error, uint8_t *key)
{
	size_t i;

	for (i = 0; hex[i]; i++) {
		if (digit(hex[i]) < 0) {
			char shown[8] = { hex[i] };

			if (hex[i] < ' ' || hex[i] > '~')
				snprintf(shown, sizeof(shown), "\\x%02X",
					 (unsigned int)(uint8_t)hex[i]);
			return aether_error_fill(
				error, AETHER_EBURN, 0,
				"xor: '%s' in place %zu of the key is no "
				"hexadecimal digit; use 0-9, a-f.",
				shown, i + 1);
		}
		if (i % 2)
			key[i / 2] = (uint8_t)(digit(hex[i - 1]) << 4 |
					       digit(hex[i]));
	}
	return 0;
}

static int open_hex(const char *hex, struct aether_error *error,
		    struct aether_burn *burn)
{
	size_t digits = strlen(hex);
	uint8_t *key;
	int rc;

	if (digits == 0)
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"xor: the key is empty; give at least one byte, as "
			"in xor:5A.");
	if (digits / 2 > AE_XOR_KEY_MAX)
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"xor: the key has %zu digits; use a key of at most "
			"%zu bytes.",
			digits, AE_XOR_KEY_MAX);
	key = malloc(digits / 2 + 1);
	if (!key)
		return aether_error_fill(
			error, AETHER_ENOMEM, 0,
			"no memory for a key of %zu bytes; use a shorter "
			"one.",
			digits / 2);
	rc = parse_hex(hex, error, key);
	if (rc == 0 && digits % 2)
		rc = aether_error_fill(
			error, AETHER_EBURN, 0,
			"xor: the key has %zu digits, an odd number; a byte "
			"has two.",
			digits);
	if (rc == 0)
		rc = open_xor(key, digits / 2, "xor", error, burn);
	free(key);
	return rc;
}

/* Makes room for more. */
static int grow(uint8_t **bytes, size_t *room)
{
	size_t size = *room ? 2 * *room : 4096;
	uint8_t *more = realloc(*bytes, size);

	if (!more)
		return AETHER_ENOMEM;
	*bytes = more;
	*room = size;
	return 0;
}

/* Reads what there is, up to a little more than a key may have. `*key` is the
 * caller's to free, also after a failure. */
static int read_key(int fd, const char *path, struct aether_error *error,
		    uint8_t **key, size_t *length)
{
	size_t room = 0, used = 0;
	ssize_t n = 1;

	while (n != 0 && used <= AE_XOR_KEY_MAX) {
		if (used == room && grow(key, &room) < 0)
			return aether_error_fill(
				error, AETHER_ENOMEM, 0,
				"no memory for the key file %s; use a "
				"shorter one.",
				path);
		n = read(fd, *key + used, room - used);
		if (n > 0)
			used += (size_t)n;
		else if (n < 0 && errno != EINTR)
			return aether_error_fill(error, AETHER_EIO, errno,
						 "reading the key file %s",
						 path);
	}
	*length = used;
	return 0;
}

static int check_key(size_t length, const char *path,
		     struct aether_error *error)
{
	if (length == 0)
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the key file %s is empty; it needs at least one "
			"byte.",
			path);
	if (length > AE_XOR_KEY_MAX)
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the key file %s is longer than %zu MiB, the "
			"longest key; use a shorter one.",
			path, AE_XOR_KEY_MAX >> 20);
	return 0;
}

static int open_file(const char *path, struct aether_error *error,
		     struct aether_burn *burn)
{
	uint8_t *key = NULL;
	size_t length = 0;
	int rc, fd;

	if (!*path)
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"xor-file: no file is named; use xor-file:PATH.");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return aether_error_fill(error, AETHER_EIO, errno,
					 "opening the key file %s", path);
	rc = read_key(fd, path, error, &key, &length);
	if (rc == 0)
		rc = check_key(length, path, error);
	if (rc == 0)
		rc = open_xor(key, length, "xor-file", error, burn);
	free(key);
	close(fd);
	return rc;
}

int aether_burn_open(const char *spec, struct aether_error *error,
		     struct aether_burn *burn)
{
	static const struct aether_burn none = { .name = "none",
						 .burn = none_burn,
						 .undo = none_burn };
	size_t length;

	if (strcmp(spec, "none") == 0) {
		*burn = none;
		return 0;
	}
	if (strncmp(spec, XOR_HEX, strlen(XOR_HEX)) == 0)
		return open_hex(spec + strlen(XOR_HEX), error, burn);
	if (strncmp(spec, XOR_FILE, strlen(XOR_FILE)) == 0)
		return open_file(spec + strlen(XOR_FILE), error, burn);
	if (strncmp(spec, GF256, strlen(GF256)) == 0)
		return ae_gf256_burn_open(spec + strlen(GF256), error, burn);
	if (aether_burn_is_module(spec))
		return ae_module_open(spec, error, burn);
	length = strcspn(spec, ":"); /* what follows may be a secret */
	length += spec[length] == ':';
	return aether_error_fill(
		error, AETHER_EBURN, 0,
		"there is no burn \"%.*s\"; use none, xor:HEX, "
		"xor-file:PATH, gf256:HH or ./BURN.so:ARGS.",
		(int)(length < SHOWN ? length : SHOWN), spec);
}

int aether_burn_is_module(const char *spec)
{
	return spec[strcspn(spec, ":/")] == '/';
}

int aether_burn_takes(const struct aether_burn *burn, uint32_t format,
		      struct aether_error *error)
{
	if (!burn->formats || (format < 32 && burn->formats >> format & 1))
		return 0;
	if (format == AETHER_FORMAT_RAW)
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the burn %s takes only bit-planes, and the stream is "
			"raw; send it sliced (without --raw).",
			burn->name);
	return aether_error_fill(error, AETHER_EBURN, 0,
				 "the burn %s takes only bytes, and the stream "
				 "is sliced into bit-planes; send it raw "
				 "(--raw).",
				 burn->name);
}

void aether_burn_close(struct aether_burn *burn)
{
	if (burn->close)
		burn->close(burn->state);
	if (burn->module)
		ae_module_close(burn->module);
	memset(burn, 0, sizeof(*burn));
}
