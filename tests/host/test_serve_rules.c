/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of an attach socket: which there can be, what they mean, and the
 * object in which they lie.
 */
#include "life.h"
#include "rules.h"
#include "serving.h"

static struct serving scene;

/* ---- rules */

static void rules_alone(void)
{
	struct aether_grant bad[] = {
		{ 3, 0, AETHER_RIGHT_READ, 0, 1 },
		{ AETHER_WHO_ANYONE, 1, AETHER_RIGHT_READ, 0, 1 },
		{ AETHER_WHO_USER, 1, 4, 0, 1 },
		{ AETHER_WHO_USER, 1, AETHER_RIGHT_READ, 4, 1 },
		{ AETHER_WHO_USER, 1, AETHER_RIGHT_READ, 0, 0 },
		{ AETHER_WHO_USER, 1, AETHER_RIGHT_READ, 0, 16 },
	};
	struct aether_grant grant = { AETHER_WHO_USER, 0, AETHER_RIGHT_READ, 0,
				      15 };
	struct aether_server *server = NULL;
	struct aether_server_options o = { .mode = 0600 };
	struct stat st;
	int wrong = 0, n = 0;

	need(aether_server_open(scene.plane, serving_path, &o, NULL, &server) ==
	     0);
	need(stat(serving_path, &st) == 0);
	is_int(st.st_mode & 0777, 0600, "the mode that was asked for");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		wrong += aether_server_grant(server, &bad[i], NULL) !=
			 AETHER_EINVAL;
	is_int(wrong, 0, "rules that cannot be are refused");
	while (aether_server_grant(server, &grant, NULL) == 0) {
		n++;
		grant.id++;
	}
	is_int(n, 64, "64 users and groups have rules");
	is_int(aether_server_grant(server, &grant, NULL), AETHER_ENOSPC,
	       "there is no room for more");
	is_int(aether_server_rules(server, &grant, 1), 64, "all are counted");
	grant.id = 5;
	is_int(aether_server_grant(server, &grant, NULL), 0,
	       "but for a change");
	aether_server_close(server);
	o.count = 1;
	o.grants = &bad[0];
	is_int(aether_server_open(scene.plane, serving_path, &o, NULL, &server),
	       AETHER_EINVAL, "nor from the beginning");
	ok(stat(serving_path, &st) < 0, "and nothing is left");
}

/* Of two who end at once one is the last, though each is in the other's way. */
static void last_of_two(void)
{
	const struct ae_rules none = { .count = 0 };
	int fd = ae_rules_make(&none);
	int one = ae_posix_reopen(fd, O_RDWR),
	    two = ae_posix_reopen(fd, O_RDWR);

	need(one >= 0 && two >= 0);
	need(ae_rules_enter(one) == 0 && ae_rules_enter(two) == 0);
	ok(!ae_rules_last(one), "two serve: the first to end is not the last");
	ok(ae_rules_last(two),
	   "the second is, though the first has not closed");
	is_int(ae_rules_enter(one), AETHER_EGONE, "then nobody enters");
	close(one);
	close(two);
	close(fd);
}

/* Whoever is closest counts, for each segment; the order of rules does not. */
static void judged(void)
{
	struct aether_grant grants[] = {
		{ AETHER_WHO_ANYONE, 0, AETHER_RIGHT_ROUTE,
		  AETHER_GRANT_OBSERVE, 15 },
		{ AETHER_WHO_GROUP, 7, AETHER_RIGHT_READ, 0, 3 },
		{ AETHER_WHO_GROUP, 8, AETHER_RIGHT_WRITE, AETHER_GRANT_OBSERVE,
		  2 },
		{ AETHER_WHO_GROUP, 9, AETHER_RIGHT_WRITE, AETHER_GRANT_SERVE,
		  15 },
		{ AETHER_WHO_USER, 5, AETHER_RIGHT_NONE, 0, 2 },
		{ AETHER_WHO_USER, 5, AETHER_RIGHT_WRITE, 0, 8 },
		{ AETHER_WHO_USER, 100, AETHER_RIGHT_ROUTE, 0, 1 },
	};
	const gid_t groups[] = { 8, 7 };
	const struct {
		struct ae_peer peer;
		int rights, serves, observes;
	} all[] = {
		{ { 1, 1, NULL, 0 }, 1111, 0, 1 },
		{ { 1, 7, NULL, 0 }, 2211, 0, 0 },
		{ { 1, 1, groups, 2 }, 2311, 0, 0 },
		{ { 1, 1, groups, 1 }, 1311, 0, 1 },
		{ { 1, 9, groups, 2 }, 3333, 1, 0 },
		{ { 5, 9, groups, 2 }, 3033, 0, 0 },
		{ { 5, 1, NULL, 0 }, 1013, 0, 0 },
		{ { 100, 1, NULL, 0 }, 1333, 0, 0 }, /* the owner */
		{ { 0, 1, NULL, 0 }, 3333, 1, 0 },
	};
	int wrong = 0;

	for (int turn = 0; turn < 7; turn++) {
		struct ae_rules rules = { .owner = 100 };
		struct ae_verdict v;

		for (int i = 0; i < 7; i++)
			need(ae_rules_put(&rules, &grants[(i + turn) % 7], 4) ==
			     0);
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			ae_rules_judge(&rules, &all[i].peer, &v);
			wrong += v.right[0] * 1000 + v.right[1] * 100 +
						 v.right[2] * 10 + v.right[3] !=
					 all[i].rights ||
				 v.serves != all[i].serves ||
				 v.observes != all[i].observes || !v.any;
		}
	}
	is_int(wrong, 0, "nine peers by seven rules, put in any order");
}

/* ---- the rules' object */

static void damaged_rules(void)
{
	struct ae_rules rules = { .count = 0 }, read;
	struct aether_grant grant = { AETHER_WHO_USER, 5, AETHER_RIGHT_READ, 0,
				      1 };
	unsigned char bytes[256];
	int fd = ae_rules_make(&rules), own, wrong = 0;

	need(fd >= 0);
	own = ae_posix_reopen(fd, O_RDWR);
	is_int(ae_rules_known(fd), 0, "an object of rules");
	is_int(ae_rules_known(aether_plane_fd(scene.plane)), AETHER_EPLANE,
	       "a plane is none");
	need(ae_rules_change(fd, &grant, 4) == 0);
	is_int(ae_rules_read(own, &read), 0, "read by another description");
	is_int(read.count, 1, "what was changed");
	is_int(ae_rules_enter(fd), 0, "one serves");
	is_int(ae_rules_enter(own), 0, "another one too");
	is_int(ae_rules_last(fd), 0, "one is not the last");
	close(own);
	is_int(ae_rules_last(fd), 1, "now it is");
	own = ae_posix_reopen(fd, O_RDWR);
	is_int(ae_rules_enter(own), AETHER_EGONE, "and nobody else can enter");
	/* any byte of the copy in use that differs */
	for (off_t at = 48; at < 4000; at += 37) {
		off_t place = at;

		need(pread(fd, bytes, 1, place) == 1);
		bytes[0] ^= 0x40;
		need(pwrite(fd, bytes, 1, place) == 1);
		need(pread(fd, bytes + 1, 1, 8) == 1);
		if (bytes[1] % 2 == 0)
			wrong += ae_rules_read(own, &read) != AETHER_ECORRUPT;
		bytes[0] ^= 0x40;
		need(pwrite(fd, bytes, 1, place) == 1);
	}
	is_int(wrong, 0, "a damaged copy grants nothing");
	is_int(ae_rules_read(own, &read), 0, "mended");
	close(own);
	close(fd);
}

static void tests(void)
{
	int before = rig_descriptors();

	serving_begin(&scene);
	rules_alone();
	last_of_two();
	judged();
	damaged_rules();
	serving_end(&scene);
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
