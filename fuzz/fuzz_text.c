/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from a command line: sizes, numbers, tiers, and descriptions of burns,
 * with their keys in words and in files. No text opens a file of this machine
 * or loads code: paths are led to where there is nothing. What opens is used:
 * a burn that is undone gives back what it burnt.
 */
#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>
#include "run.h"
#include "fuzz.h"

#define TEXT_MAX 400
#define KEY "xor-file:"

static jmp_buf ended; /* where cli code thinks that the process ends */
static int key_file;

void fuzz_exit(int status) __attribute__((noreturn));
void fuzz_exit(int status)
{
	if (status != CLI_USAGE)
		fuzz_fail("a value", "ends the process with another status");
	longjmp(ended, 1);
}

/* In the place of cli/common.c, which prints. */
void cli_failed(const char *verb, int json, int code, const char *text)
{
	(void)json;
	if (!verb || code != AETHER_EUSAGE || !text || !text[0])
		fuzz_fail("a value", "is refused without a text");
}

int cli_error(struct aether_error *error, int code, int os, const char *what,
	      ...)
{
	return aether_error_fill(error, code, os, "%s", what);
}

static void values(const char *text, uint32_t how)
{
	struct cli_common common = { .verb = "fuzz" };
	uint64_t size = 0;
	uint32_t count = 0;

	if (setjmp(ended))
		return;
	if (how == 0 && cli_size(text, &size) == 0 && size == 0 &&
	    !strchr(text, '0'))
		fuzz_fail(text, "is nothing");
	if (how == 1 && cli_number(text, 3, 1000, &size) == 0 &&
	    (size < 3 || size > 1000))
		fuzz_fail(text, "is not within its bounds");
	if (how == 2) {
		cli_count(&common, "workers", text, 32, &count);
		if (count < 1 || count > 32)
			fuzz_fail(text, "is no count");
	}
	if (how == 3) {
		cli_tier(&common, text, &count);
		if (count > AETHER_TIER_DEDICATED)
			fuzz_fail(text, "is no tier");
	}
	if (how == 4) {
		cli_stride(&common, text, &size);
		if (size & (size - 1) || size < AETHER_STRIDE_SIZE_MIN)
			fuzz_fail(text, "is no stride's size");
	}
}

/* Burns and takes it back: the bytes are as they were. */
static void use(const struct aether_burn *burn)
{
	uint8_t bytes[512] __attribute__((aligned(64))), before[512];
	struct aether_piece piece = { .bytes = bytes,
				      .format = fuzz_byte() & 1 };

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = before[i] = (uint8_t)(i * 7);
	piece.length = piece.format ? 512 : fuzz_number(2) % 513;
	piece.tile = piece.format ? 8u << fuzz_byte() % 4 : 0;
	piece.offset = fuzz_number(4);
	if (burn->burn(burn->state, &piece) < 0 ||
	    burn->undo(burn->state, &piece) < 0)
		fuzz_fail("burn", "fails");
	if (memcmp(bytes, before, sizeof(bytes)))
		fuzz_fail("burn", "is not undone");
}

/* A key in a file: the rest of the input. */
static void fill_key(void)
{
	if (ftruncate(key_file, 0) < 0 ||
	    pwrite(key_file, fuzz.in.at, fuzz.in.left, 0) !=
		    (ssize_t)fuzz.in.left)
		fuzz_fail("key", "cannot be written");
}

static void burn(const char *text, uint32_t how)
{
	struct aether_error error = { .code = 0 };
	char spec[TEXT_MAX + 64];
	struct aether_burn opened;

	if (how & 1) {
		fill_key();
		snprintf(spec, sizeof(spec), KEY "/proc/self/fd/%d", key_file);
	} else if (strncmp(text, KEY, strlen(KEY)) == 0) {
		snprintf(spec, sizeof(spec), KEY "/nowhere/%s",
			 text + strlen(KEY));
	} else if (aether_burn_is_module(text)) {
		snprintf(spec, sizeof(spec), "/nowhere/%s", text);
	} else {
		snprintf(spec, sizeof(spec), "%s", text);
	}
	if (aether_burn_open(spec, &error, &opened) < 0) {
		if (!error.text[0] || !error.code)
			fuzz_fail(spec, "is refused without a text");
		return;
	}
	aether_burn_takes(&opened, fuzz_byte() & 1, &error);
	use(&opened);
	aether_burn_close(&opened);
}

/* What is said of a user's burn that killed its process. */
static void blame(const char *spec, uint32_t how)
{
	struct run run = { .options = { .specs = { spec }, .burns = 1 } };
	struct run_note note = { .doing = how % 5, .offset = how };
	char text[300];

	run_burns_blame(&run, &note, text, sizeof(text));
	if (strlen(text) > 200)
		fuzz_fail(spec, "makes a long text");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX + 1];
	uint32_t how, length;

	if (!key_file)
		key_file = memfd_create("key", MFD_CLOEXEC);
	fuzz.in.at = data;
	fuzz.in.left = size;
	how = fuzz_byte();
	length = fuzz_byte() + (how >> 7) * (TEXT_MAX - 255);
	for (uint32_t i = 0; i < length; i++)
		text[i] = (char)fuzz_byte();
	text[length] = 0;
	if (how % 8 < 5)
		values(text, how % 8);
	else if (how % 8 < 7)
		burn(text, how >> 3);
	else
		blame(text, how >> 3);
	return 0;
}
