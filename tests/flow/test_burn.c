/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening burns: what is accepted, what is refused and with which words, and
 * that what was opened does what its description says.
 */
#include <sys/stat.h>
#include "flow_trial.h"

static char folder[] = "/tmp/aether-burn-XXXXXX";

static const char *path(const char *name)
{
	static char text[200];

	snprintf(text, sizeof(text), "%s/%s", folder, name);
	return text;
}

static const char *spec_of(const char *name)
{
	static char text[300];

	snprintf(text, sizeof(text), "xor-file:%s", path(name));
	return text;
}

static void make(const char *name, const void *bytes, size_t length)
{
	FILE *file = fopen(path(name), "w");

	if (!file || fwrite(bytes, 1, length, file) != length)
		abort();
	fclose(file);
}

static void refuses(const char *spec, int code, const char *word)
{
	struct aether_error error = { 0 };
	struct aether_burn burn, before;
	int rc;

	memset(&burn, 0x5A, sizeof(burn));
	before = burn;
	rc = aether_burn_open(spec, &error, &burn);
	ok(rc == code && error.code == code && strstr(error.text, word) &&
		   memcmp(&burn, &before, sizeof(burn)) == 0,
	   "%.40s is refused: %s", spec, error.text);
	is_int(aether_burn_open(spec, NULL, &burn), code,
	       "and without an error to fill");
}

static void test_refusals(void)
{
	refuses("", AETHER_EBURN, "no burn \"\"");
	refuses("rot13", AETHER_EBURN, "rot13");
	refuses("none:", AETHER_EBURN, "none:");
	refuses("XOR:55", AETHER_EBURN, "XOR:55");
	refuses("xor", AETHER_EBURN, "\"xor\"");
	refuses("xor:", AETHER_EBURN, "empty");
	refuses("xor:5", AETHER_EBURN, "1 digits");
	refuses("xor:12345", AETHER_EBURN, "5 digits");
	refuses("xor:12 4", AETHER_EBURN, "' ' in place 3");
	refuses("xor:g0", AETHER_EBURN, "'g' in place 1");
	refuses("xor:00\n0", AETHER_EBURN, "'\\x0A' in place 3");
	refuses("xor:00\xff", AETHER_EBURN, "'\\xFF' in place 3");
	refuses("xor-file:", AETHER_EBURN, "no file");
	refuses(spec_of("missing"), AETHER_EIO, "missing");
	refuses(spec_of("."), AETHER_EIO, "directory");
	make("empty", "", 0);
	refuses(spec_of("empty"), AETHER_EBURN, "empty");
	make("huge", "", 0);
	if (truncate(path("huge"), (64 << 20) + 1) == 0)
		refuses(spec_of("huge"), AETHER_EBURN, "64 MiB");
	unlink(path("empty"));
	unlink(path("huge"));
}

/* What the burn does to 8 zero bytes at this offset of the stream. */
static int gives(const char *spec, uint64_t offset, const char *bytes)
{
	uint8_t zero[8] = { 0 };
	struct aether_piece piece = { zero, 8, offset, AETHER_FORMAT_RAW, 0 };
	struct aether_burn burn;
	int good;

	if (aether_burn_open(spec, NULL, &burn) < 0)
		return 0;
	good = burn.burn(burn.state, &piece) == 0 &&
	       memcmp(zero, bytes, 8) == 0;
	good = burn.undo(burn.state, &piece) == 0 && good;
	for (int i = 0; i < 8; i++)
		good = good && zero[i] == 0;
	aether_burn_close(&burn);
	return good && !burn.name && !burn.burn;
}

static void test_meaning(void)
{
	struct aether_burn none = { 0 };

	ok(gives("none", 3, "\0\0\0\0\0\0\0"), "none does nothing");
	ok(gives("xor:41", 3, "AAAAAAAA"), "one byte");
	ok(gives("xor:6162634a", 0, "abcJabcJ"), "small letters");
	ok(gives("xor:6162634A", 5, "bcJabcJa"), "by position");
	make("key", "hello", 5);
	ok(gives(spec_of("key"), 0, "hellohel"), "a file");
	ok(gives(spec_of("key"), 4, "ohellohe"), "a file, by position");
	unlink(path("key"));
	aether_burn_close(&none);
	ok(!none.name, "closing an empty one");
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	test_refusals();
	test_meaning();
	rmdir(folder);
	return tap_end();
}
