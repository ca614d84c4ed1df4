/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening burns: what is accepted, what is refused and with which words, and
 * that what was opened does what its description says. Shared objects are made
 * from burn_puppet.c, with what is wrong with them as macros.
 */
#include <dlfcn.h>
#include <stdlib.h>
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
	refuses("XOR:55", AETHER_EBURN, "\"XOR:\"");
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

/* Compiles the puppet as NAME; 0: there is no compiler. */
static int build(const char *name, const char *macros)
{
	const char *cc = getenv("CC");
	char command[600];

	snprintf(command, sizeof(command),
		 "%s -shared -fPIC -w -Iinclude -Ibuild/gen %s "
		 "tests/flow/burn_puppet.c -o %s",
		 cc ? cc : "cc", macros, path(name));
	return system(command) == 0;
}

/* "FOLDER/NAME.so:ARGS" */
static const char *module(const char *name, const char *args)
{
	static char text[400];

	snprintf(text, sizeof(text), "%s%s", path(name), args);
	return text;
}

/* A puppet with this in its table is refused in these words, and unloaded. */
static void refuses_table(const char *macros, const char *words)
{
	if (!build("bad.so", macros)) {
		ok(0, "%s does not compile", macros);
		return;
	}
	refuses(module("bad.so", ""), AETHER_EBURN, words);
	ok(!dlopen(path("bad.so"), RTLD_NOLOAD | RTLD_NOW), "%s is unloaded",
	   macros);
	unlink(path("bad.so"));
}

static void test_tables(void)
{
	refuses_table("-DTABLE=other", "no symbol aether_burn_module");
	refuses_table("-DVERSION=2", "has version 2, this library 1; rebuild");
	refuses_table("-DVERSION=0", "has version 0, this library 1; rebuild");
	refuses_table("-DSIZE=0", "a table of 0 bytes, this library one of 56");
	refuses_table("-DSIZE=32", "a table of 32 bytes");
	refuses_table("-DSIZE=45", "a table of 45 bytes");
	refuses_table("-DSIZE=0xFFFFFFF8", "a table of 4294967288 bytes");
	refuses_table("-DSIZE=64 -DBEYOND='(void *)1'",
		      "uses what is beyond the 56");
	refuses_table("-DZERO=9", "9 as zero");
	refuses_table("-DFORMATS=0xFFFF", "0xFFFF as formats");
	refuses_table("-DFORMATS=4", "0x4 as formats");
	refuses_table("-DBURN=NULL", "no function burn");
	refuses_table("-DNAME=NULL", "no name");
	refuses_table("-DNAME='\"\"'", "no name");
	refuses_table("-DNAME='\"a\\33[2Jb\"'", "no name");
	refuses_table("-DNAME='(char[65]){[0 ... 63] = 97}'", "no name");
}

static void test_files(void)
{
	char text[5000];

	refuses(module("", ""), AETHER_EBURN, "it is a directory");
	refuses(module("missing.so", ":x"), AETHER_EBURN, "No such file");
	make("text.so", "not an object", 13);
	refuses(module("text.so", ""), AETHER_EBURN, "cannot be loaded");
	unlink(path("text.so"));
	make("text.so", "", 0);
	refuses(module("text.so", ""), AETHER_EBURN, "cannot be loaded");
	chmod(path("text.so"), 0);
	if (geteuid() == 0)
		skip("root may read everything");
	else
		refuses(module("text.so", ""), AETHER_EBURN, "ermission");
	unlink(path("text.so"));
	mkfifo(path("pipe.so"), 0600);
	refuses(module("pipe.so", ""), AETHER_EBURN, "it is a pipe");
	unlink(path("pipe.so"));
	memset(text, '/', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	refuses(text, AETHER_EBURN, "has 4999 bytes");
	text[3000] = ':';
	refuses(text, AETHER_EBURN, "directory");
}

static void test_opens(void)
{
	refuses(module("good.so", ":open,-32"), AETHER_EBURN, "its arguments");
	refuses(module("good.so", ":open,-19"), -19, "cannot be opened");
	refuses(module("good.so", ":open,7"), AETHER_EBURN, "gave 7");
	refuses(module("good.so", ":open,-9999"), AETHER_EBURN, "gave -9999");
	refuses(module("good.so", ":open,text"), AETHER_EBURN, "good.so: xxxx");
	ok(!dlopen(path("good.so"), RTLD_NOLOAD | RTLD_NOW), "it is unloaded");
	build("closed.so", "-DOPEN=NULL");
	refuses(module("closed.so", ":"), AETHER_EBURN, "takes no arguments");
	ok(gives(module("closed.so", ""), 0,
		 "\377\377\377\377\377\377\377\377"),
	   "without open and without arguments it works");
	unlink(path("closed.so"));
}

static void takes(const char *macros, uint32_t raw, uint32_t sliced)
{
	struct aether_error error;
	struct aether_burn burn;

	if (!build("some.so", macros) ||
	    aether_burn_open(module("some.so", ""), NULL, &burn) < 0) {
		ok(0, "%s", macros);
		return;
	}
	error.text[0] = '\0';
	is_int(aether_burn_takes(&burn, AETHER_FORMAT_RAW, &error),
	       raw ? 0 : AETHER_EBURN, "raw: %s", error.text);
	is_int(aether_burn_takes(&burn, AETHER_FORMAT_SLICED, &error),
	       sliced ? 0 : AETHER_EBURN, "sliced: %s", error.text);
	aether_burn_close(&burn);
	unlink(path("some.so"));
}

static void test_modules(void)
{
	struct aether_burn one, two;

	is_int(aether_burn_is_module("./a.so"), 1, "a path");
	is_int(aether_burn_is_module("/a:b"), 1, "a path and arguments");
	is_int(aether_burn_is_module("xor-file:/a"), 0, "a file of a burn's");
	is_int(aether_burn_is_module("a.so"), 0, "no slash");
	is_int(aether_burn_is_module(""), 0, "nothing");
	if (!build("good.so", "")) {
		skip("no C compiler");
		return;
	}
	ok(gives(module("good.so", ""), 7, "\377\377\377\377\377\377\377\377"),
	   "a module burns, undoes and is closed");
	ok(gives(module("good.so", ":a:b:c"), 7,
		 "\377\377\377\377\377\377\377\377"),
	   "arguments with colons");
	ok(!dlopen(path("good.so"), RTLD_NOLOAD | RTLD_NOW), "it is unloaded");
	is_int(aether_burn_open(module("good.so", ""), NULL, &one), 0, "once");
	is_int(aether_burn_open(module("good.so", ":x,y"), NULL, &two), 0,
	       "and once more");
	ok(strcmp(one.name, "puppet") == 0 && one.state != two.state,
	   "each has a state of its own");
	aether_burn_close(&one);
	is_int(two.burn(two.state, &(struct aether_piece) { 0 }), 0,
	       "closing one leaves the other");
	aether_burn_close(&two);
	test_tables();
	test_files();
	test_opens();
	takes("", 1, 1);
	takes("-DFORMATS=3", 1, 1);
	takes("-DFORMATS=1", 1, 0);
	takes("-DFORMATS=2", 0, 1);
	takes("-DSIZE=64", 1, 1);
	takes("-DSIZE=48 -DOPEN=NULL", 1, 1);
	unlink(path("good.so"));
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	test_refusals();
	test_meaning();
	test_modules();
	rmdir(folder);
	return tap_end();
}
