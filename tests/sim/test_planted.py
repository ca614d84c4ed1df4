#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the simulator find what it is for? Each defect is planted in a copy of
one file of core, by exact text, and the scene named must then fail by its
own judgement: with a schedule, and not by a crash. A text that is not found
is a failure: the defect is to be planted anew.

    O    where the simulator was built (build); what is missing or old there is built here
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
O = Path(os.environ.get("O") or ROOT / "build")
CC = os.environ.get("CC") or "gcc"
FLAGS = ["-std=c11", "-O1", "-I" + str(ROOT / "include"), "-I" + str(ROOT / "build" / "gen"),
         "-I" + str(ROOT / "host" / "sim")]

# what it is, who finds it (test:part of a scene's name, and a bound other than
# its quick one:preemptions:deaths), the file, and pairs of old and new text
DEFECTS = [
    ("an entry that comes after its commit", "route:waits for mail", "route.c",
     """	err = ae_mailbox_enter(me->plane, (uint32_t)AETHER_TENANCY_SLOT(to),
			       handle, &sender->cursor);
	if (err < 0)
		return err;
""", "",
     """	return commit(me, handle, to, word);
""", """	err = commit(me, handle, to, word);
	if (err == 0)
		ae_mailbox_enter(me->plane, (uint32_t)AETHER_TENANCY_SLOT(to),
				 handle, &sender->cursor);
	return err;
"""),
    ("a commit that releases nothing", "route:waits for mail", "route.c",
     "seen = ae_cas64_seq_cst(&lease->word, word, gone);",
     "seen = ae_cas64_acquire(&lease->word, word, gone);"),
    ("no second look at the seat after the commit", "leave:leaves with mail", "route.c",
     """		if (ae_cas64_acquire(&lease->word, gone, word) == gone)
			return AETHER_EGONE;
""", "		;\n"),
    ("mail met too early is forgotten", "route:waits for mail", "mailbox.c",
     "return is_coming(me, word) ? AETHER_EAGAIN : AETHER_EOWNER;",
     "return is_coming(me, word) ? AETHER_EOWNER : AETHER_EOWNER;"),
    ("a generation that does not rise at release", "route:waits for mail", "lease.c",
     """	uint64_t next = ae_word_generation(AETHER_LEASE_GENERATION(word) + 1);

	/* seq_cst: releases the bytes to the next owner""",
     """	uint64_t next = ae_word_generation(AETHER_LEASE_GENERATION(word));

	/* seq_cst: releases the bytes to the next owner"""),
    ("a generation that does not rise at the lease's end", "run:out of three", "lease.c",
     """	uint64_t next = me->ending |
			ae_word_generation(AETHER_LEASE_GENERATION(word) + 1);
""", """	uint64_t next = me->ending |
			ae_word_generation(AETHER_LEASE_GENERATION(word));
"""),
    ("a release that releases nothing", "route:sends two", "lease.c",
     "return ae_cas64_seq_cst(&plane->leases[index].word, word, next);",
     "return ae_cas64_acquire(&plane->leases[index].word, word, next);"),
    ("a run freed from its head on", "run:wanted", "lease.c",
     """	while (--run)
		free_tail(plane, index + run);
	if (free_word(plane, index, word) != word)
		return;
""", """	if (free_word(plane, index, word) != word)
		return;
	while (--run)
		free_tail(plane, index + run);
"""),
    ("tenancies compared without their stamps", "join:while one sends", "settle.c",
     """	if (ae_low_stamp(AETHER_SEAT_STAMP(seat)) != AETHER_LEASE_STAMP(word))
		return 1;
""", ""),
    ("a reaper that stores instead of comparing", "route:two reap:1:1", "settle.c",
     """	if (ae_cas64_seq_cst(&s->plane->leases[index].word, word, next) != word)
		return;
	ae_lease_finish(""", """	ae_store64_release(&s->plane->leases[index].word, next);
	ae_lease_finish("""),
    ("a reaper that takes over first and sends then", "heir:all pieces", "settle.c",
     "	/* a full box is searched once in a pass, and not for each stride */\n",
     """	uint64_t mine = (s->ending & ~AETHER_LEASE_STATE_MASK) |
			AETHER_STATE_BUSY | (word & AE_GENERATION);

	if (ae_cas64_seq_cst(&plane->leases[index].word, word, mine) != word)
		return 1;
	word = mine;
"""),
    ("work in hand that is inherited as if it were done", "heir:all pieces", "settle.c",
     "	int suspect = AETHER_LEASE_STATE(word) == AETHER_STATE_BUSY ||",
     "	int suspect ="),
    ("a stride of a zeroing plane that is not zeroed", "run:is zeroed before", "lease.c",
     "	if (plane->flags & AETHER_FLAG_ZERO)\n		clear_bytes(",
     "	if (0)\n		clear_bytes("),
    ("a seat that is marked dead without comparing", "join:reaped at once:1:1", "reap.c",
     "	seen = ae_cas64_seq_cst(seat, word, dead);\n",
     "	ae_store64_release(seat, dead);\n	seen = word;\n"),
    ("an heir that is forgotten by who takes the slot over", "join:names its heir", "participant.c",
     "		reset_record(me, options, born, pid);\n",
     "		reset_record(me, options, born, pid);\n"
     "		ae_store64_relaxed(&me->seat->heir, 0);\n"),
    ("a reaper that rings nobody", "wait:space", "wait.c",
     """		if (AETHER_SEAT_STATE(word) != AETHER_SEAT_ACTIVE)
			continue;
		ae_wait_ring(plane, i);
""", "		(void)word;\n"),
    ("a reaper that asks nobody who is dead", "route:waits for mail", "reap.c",
     """	if (AETHER_SEAT_STATE(word) == AETHER_SEAT_FREE ||
	    ae_host_life_test(plane, slot) != 0)
""", "	if (AETHER_SEAT_STATE(word) == AETHER_SEAT_FREE)\n"),
    ("a sleeper that does not look again", "wait:space:1:0", "wait.c",
     """	announce(me, wait);
	err = attempt(me, wait);
""", """	err = attempt(me, wait);
	announce(me, wait);
"""),
    ("a wait of one who owes a ring", "wake:wait for each other:0:0", "wait.c",
     "	if (must_wait(err) && me->wakes_calls) {\n", "	if (0) {\n",
     "		aether_wake_pay(me); /* looking may empty places */\n", "",
     "	if (me->wakes_calls)\n		owe(me);\n", "	(void)me;\n"),
    ("a leave that owes a ring", "wake:owes leaves:0:0", "participant.c",
     "		aether_wake_pay(me);\n", ""),
    ("a limit that is never reached", "wake:reaches its limit:0:0", "wait.c",
     "	if (++me->wakes_calls >= me->wakes_limit)\n",
     "	if (++me->wakes_calls > me->wakes_limit)\n"),
    ("a share beyond the depth of its route", "share:room for one:0:0", "share.c",
     """	if (sender->to != to || !sender->depth ||
	    count_shares(me, slot) < sender->depth)
""", """	if (sender->to != to || !sender->depth ||
	    !count_shares(me, slot) || 1)
"""),
    ("a boot that rings nobody", "epoch:begins, on a doorbell:0:0", "epoch.c",
     """			   hash);
	ae_wait_ring_all(me->plane);
""", """			   hash);
"""),
    ("a wait that goes on in another boot", "epoch:context:0:0", "epoch.c",
     "	if (found && ae_context_check(me))\n		return AETHER_ECONTEXT;\n", ""),
    ("who names an heir in vain loses the one that it had", "join:in another's place:1:0", "reap.c",
     "	ae_cas64_seq_cst(&me->seat->heir, word, before);\n", "	(void)before;\n"),
    ("a tail that is freed while its head is not", "run:another leaves:0:0", "settle.c",
     "	if (AETHER_LEASE_STATE(head) != AETHER_STATE_DORMANT)\n		return;\n",
     "	(void)head;\n"),
    ("a length that is left to the next lease", "stride:reserved again:0:0", "stride.c",
     "	ae_store64_relaxed(&lease->length, 0);\n", ""),
    ("work that is accepted and still suspect", "stride:accepts:0:0", "stride.c",
     """	if (ae_cas64_acquire(&lease->word, word | AE_SUSPECT, word) !=
	    (word | AE_SUSPECT))
		return AETHER_ECORRUPT;
""", ""),
    ("a pin that is revoked in its writer's mind alone", "pingpong:is revoked", "pin.c",
     "	seen = ae_cas64_seq_cst(&pins->pin[slot], word, unpinned(word));\n	if",
     "	seen = word;\n	if"),
    ("a pin of one who is gone that is kept", "pingpong:who pinned one leaves:0:0", "pin.c",
     "	if (is_over(me, slot, word)) {\n", "	if (is_over(me, slot, word) && 0) {\n"),
    ("a flag that its dead writer owed", "pingpong:take turns:0:1", "pingpong.c",
     "	mirror(p, active);\n", ""),
    ("a reader's end that releases nothing", "share:wants", "share.c",
     "uint64_t seen = ae_cas64_seq_cst(half, now,",
     "uint64_t seen = ae_cas64_acquire(half, now,"),
    ("a signal that looks before it changes", "epoch:one signals twice:1:0", "epoch.c",
     """	ae_add32_seq_cst(word, 1);
	return tell(plane, index, epoch);
""", """	tell(plane, index, epoch);
	ae_add32_seq_cst(word, 1);
	return 0;
"""),
    ("a reaper that wakes no epoch's word", "epoch:one signals twice", "wait.c",
     "		ae_epoch_ring_parked(plane, i);\n", ""),
    ("a pass that leaves their epochs to the dead", "epoch:owns it frees", "settle.c",
     "	settle_epochs(settler);\n", "	(void)settle_epochs;\n"),
    ("an epoch that is owned before it is said to be in use", "epoch:two allocate", "pool.c",
     "		ae_or64_seq_cst(used, bit);\n", "		(void)bit;\n"),
    ("an epoch that is freed in silence", "epoch:owns it frees:0:0", "pool.c",
     """	note(plane, index, 0);
	ae_wait_ring_set(plane, &plane->epochs[index].bells);
""", "	note(plane, index, 0);\n"),
    ("an epoch that is given twice by one name", "epoch:two allocate:0:0", "pool.c",
     "0, 0, 0, after(AETHER_HOLDER_GENERATION(word)), 0);",
     "0, 0, 0, AETHER_HOLDER_GENERATION(word), 0);"),
    ("a panic that rings nobody", "epoch:on a doorbell:0:0", "epoch.c",
     """			   code);
	ae_wait_ring_all(me->plane);
""", """			   code);
"""),
    ("a settler that keeps what the dead withdrew", "route:withdraws what went round", "settle.c",
     """		 put_back(s, index, word))
		return 1;
""", """		 (0 && put_back(s, index, word)))
		return 1;
"""),
    ("a withdrawal that nobody is told of", "route:withdraws what went round", "route.c",
     "	ae_store64_relaxed(&me->seat->withdrawal, withdrawal);\n",
     "	(void)withdrawal;\n"),
    ("what is put back without a look at its addressee", "route:so does the addressee", "settle.c",
     """		 put_back(s, index, word))
		return 1;
""", """		 put_back(s, index, word))
		return 0;
"""),
    ("somebody else's mail that is withdrawn", "route:withdraws what went round", "route.c",
     "	if (ae_load32_relaxed(&lease->hops) != sent->hops) {\n", "	if (0) {\n"),
    ("a newcomer that stays in the set of a dead one", "epoch:another sits", "participant.c",
     "	ae_epoch_inherit(me->plane, me->slot);\n", ""),
    ("a dead one's guard that is taken without comparing", "guard:two write", "guard.c",
     """		if (ae_cas64_seq_cst(&record->writer, word, mine) != word)
			continue;
		*before = word;
""", """		ae_store64_release(&record->writer, mine);
		*before = word;
"""),
    ("a guard that is settled without comparing", "guard:two write", "guard.c",
     """		if (ae_cas64_release(&record->writer, word, nobody) != word)
			continue;
""", "		ae_store64_release(&record->writer, nobody);\n"),
    ("a guard that the dead keep", "guard:two write", "guard.c",
     """		if (held && !ae_holder_is(me, word) &&
		    !ae_holder_gone(me->plane, word))
""", "		if (held && !ae_holder_is(me, word))\n",
     """		if (!ae_holder_gone(plane, word))
			continue;
""", "		continue;\n"),
    ("a guard that does not open and is kept", "guard:does not open:0:0", "guard.c",
     """	if (ae_holder_is(me, word))
		ae_cas64_release(&record->writer, word, left);
""", "	(void)word;\n	(void)left;\n"),
    ("a guard that does not open and hides a death", "guard:does not open", "guard.c",
     "			0, 0, 0, AETHER_HOLDER_GENERATION(before) + 1, 1);\n",
     "			0, 0, 0, AETHER_HOLDER_GENERATION(before) + 1, 0);\n"),
    ("a death that is counted before it is settled", "guard:so does who takes over", "guard.c",
     """		if (ae_cas64_release(&record->writer, word, nobody) != word)
			continue;
		/* relaxed: a counter. */
		ae_add32_relaxed(&record->recovered, 1);
""", """		ae_add32_relaxed(&record->recovered, 1);
		ae_cas64_release(&record->writer, word, nobody);
"""),
    ("a leaver that keeps its guards", "guard:leaves while", "participant.c",
     "	ae_guard_leave(me);\n", "	me->guards = 0;\n"),
    ("a writer of a pair that nobody is told of", "pingpong:is reaped", "pingpong.c",
     "nobody(word, 1));", "nobody(word, 0));"),
    ("a leaver that takes a pair from its writer", "pingpong:the writer leaves", "pingpong.c",
     "		if ((me->pairs & bit(&p)) && ae_holder_is(me, word))\n", ""),
    ("a dead writer of whom its reaper's death hides that it was", "pingpong:and who reaps it",
     "pingpong.c",
     """		if (ae_holder_gone(plane, word))
			end_writer(&p, word);
""", """		if (ae_holder_gone(plane, word)) {
			ae_store64_release(&p.record->writer, nobody(word, 0));
			ae_cas64_release(&p.record->writer, nobody(word, 0),
					 nobody(word, 1));
		}
"""),
    ("a pass that takes a pair from the living", "pingpong:is reaped", "pingpong.c",
     """	ae_cas64_release(&p->record->writer, word, nobody(word, 1));
""", """	ae_store64_release(&p->record->writer, nobody(word, 1));
"""),
    ("a newcomer that reads what its predecessor was to", "share:another sits down:2:1", "share.c",
     "	if (me->stamp > ae_load64_relaxed(&lease->sigma))\n",
     "	if (0 > ae_load64_relaxed(&lease->sigma))\n"),
    ("a run that is kept before its pair names it", "room:another reaps:0:1", "room.c",
     """	/* relaxed: the swap orders it. */
	ae_store64_relaxed(&p->pins->runs[buffer], handle);
""", "",
     """		return AETHER_ECORRUPT;
	return 0;
}

/* Room for so many""", """		return AETHER_ECORRUPT;
	ae_store64_relaxed(&p->pins->runs[buffer], handle);
	return 0;
}

/* Room for so many"""),
    ("an old run that goes after the new one is named", "room:another reaps:0:1", "room.c",
     """	if (old->run)
		let_go(me, old);
""", "",
     """		return AETHER_ECORRUPT;
	return 0;
}

/* Room for so many""", """		return AETHER_ECORRUPT;
	if (old->run)
		let_go(me, old);
	return 0;
}

/* Room for so many"""),
    ("a reaper that frees what a pair keeps", "room:another reaps:0:1", "settle.c",
     "	       state == AETHER_STATE_ENDING;\n",
     "	       state == AETHER_STATE_ENDING || state == AETHER_STATE_KEPT;\n"),
    ("a run that is let go while it is read", "room:buffers that grow, a checked:0:0",
     "room.c",
     "	buffer = (uint32_t)AETHER_PAIR_STATE_WRITING(state) - 1;\n",
     "	buffer = (uint32_t)AETHER_PAIR_STATE_ACTIVE(state);\n"),
    ("a slot that is freed by who sees a part", "segment:two who see a part", "reap.c",
     "		if (!ae_sight_strike(plane, i, dead[i])) {\n",
     "		if (!ae_sight_strike(plane, i, dead[i]) && 0) {\n"),
    ("a slot that is taken over by who sees a part", "segment:newcomer sees a part",
     "participant.c",
     "		    !ae_sight_within(me->plane, slot))\n",
     "		    !ae_sight_within(me->plane, slot) && 0)\n"),
    ("segments that are struck off before they are settled", "segment:two who see a part",
     "reap.c",
     "	pass(me, s);\n	if (!s->report.pending)\n		free_seats(s, dead);\n",
     "	free_seats(s, dead);\n	pass(me, s);\n"),
    ("segments that are struck off without comparing", "segment:two who see a part:1:1",
     "segment.c",
     "		seen = ae_cas64_seq_cst(sight, word, next);\n",
     "		ae_store64_relaxed(sight, next);\n		seen = word;\n"),
    ("a newcomer that has sat there, and whose segments are struck off",
     "segment:settled in parts:1:2", "segment.c",
     "	       ae_load64_seq_cst(&plane->seats[slot].seat) == dead;\n",
     "	       (ae_load64_seq_cst(&plane->seats[slot].seat) == dead || 1);\n"),
    ("a slot that a newcomer died of, and nobody has again", "segment:newcomer died",
     "segment.c",
     "		if (AETHER_SIGHT_STAMP(word) != stamp &&\n"
     "		    !has_failed(plane, slot, dead))\n",
     "		if (AETHER_SIGHT_STAMP(word) != stamp)\n"),
    ("an heir that does not see what it gets", "segment:neither mail", "settle.c",
     "	       ae_sight_check(plane, *slot, *stamp, index) == 0;\n", "	       1;\n"),
    ("mail for one who does not see it", "segment:neither mail:0:0", "route.c",
     "	if (err == 0)\n		err = ae_sight_check(me->plane,\n",
     "	if (err > 0)\n		err = ae_sight_check(me->plane,\n"),
    ("bytes of another's that are to be cleared still", "segment:zeroed by:0:0", "lease.c",
     "	clear_data(plane, index, 1);\n", ""),
    ("what was still to be cleared is inherited", "segment:zeroed by", "settle.c",
     "	    ae_lease_is_uncleared(plane, index))\n",
     "	    ae_lease_is_uncleared(plane, index) && 0)\n"),
]


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True)


def compile_c(source, target, *flags):
    result = run(CC, *FLAGS, *flags, "-c", source, "-o", target)
    if result.returncode:
        raise RuntimeError(f"{source} does not compile:\n{result.stderr}")


def hooked(core):
    """Flags for a file of core: what it may see, and the hook before it."""
    return ["-I" + str(core), "-ffreestanding", "-include",
            ROOT / "host" / "sim" / "hook.h"]


def newest():
    """When anything that the simulator is made of was changed last."""
    return max(path.stat().st_mtime for folder in ("core", "host/sim", "include/aether")
               for path in (ROOT / folder).iterdir())


def objects(folder, names, work, flags):
    """The objects of a folder of ROOT, by name: those of the build, or new ones."""
    found, changed = {}, newest()
    for source in sorted((ROOT / folder).glob(names)):
        built = O / "sim" / folder / (source.stem + ".o")
        if not built.is_file() or built.stat().st_mtime < changed:
            built = work / (folder.replace("/", "_") + "_" + source.stem + ".o")
            compile_c(source, built, *flags)
        found[source.name] = built
    return found


class Bench:
    """All that is compiled once."""

    def __init__(self, work):
        self.work, core = work, ROOT / "core"
        plain = ["-I" + str(core), "-I" + str(ROOT / "tests"), "-D_GNU_SOURCE"]
        self.core = objects("core", "*.c", work, hooked(core))
        self.sim = objects("host/sim", "*.c", work, plain)
        self.plain, self.tests = plain, {}

    def test(self, name):
        if name not in self.tests:
            self.tests[name] = self.work / f"test_{name}.o"
            compile_c(ROOT / "tests" / "sim" / f"test_{name}.c", self.tests[name], *self.plain)
        return self.tests[name]

    def planted(self, finder, file, pairs):
        """What the scene says of core with these texts replaced; None: as it is."""
        text = (ROOT / "core" / file).read_text()
        for old, new in pairs:
            if text.count(old) != 1:
                return f"the text is there {text.count(old)} times: {old.strip()!r}"
            text = text.replace(old, new)
        source = self.work / file
        source.write_text(text)
        core = dict(self.core)
        core[file] = self.work / "planted.o"
        compile_c(source, core[file], *hooked(ROOT / "core"))
        program = self.work / "planted"
        test, *scene = finder.split(":")
        result = run(CC, self.test(test), *self.sim.values(), *core.values(), "-o", program)
        if result.returncode:
            return result.stderr
        return run("timeout", "300", program, *scene)


def sites():
    """Each operation of the wrapper has a line in host/sim/sites.inc."""
    wrapper = (ROOT / "core" / "ae_atomic.h").read_text()
    listed = set(re.findall(r"define (ae_\w+)\(", (ROOT / "host/sim/sites.inc").read_text()))
    made = set()
    for kind, args in re.findall(r"^AE_(LOAD|STORE|XCHG|FETCH|CAS)\((.*?)\)$", wrapper, re.M):
        args = [a.strip() for a in args.split(",")]
        name = args.pop(0) if kind == "FETCH" else kind.lower()
        made.add(f"ae_{name}{args[0]}_{args[1]}")
    return sorted(made ^ listed) if made else ["no operation found"]


def main():
    count = failed = 0

    def say(good, name, why=""):
        nonlocal count, failed
        count += 1
        failed += not good
        print(f"{'' if good else 'not '}ok {count} - {name}")
        for line in why.rstrip().split("\n")[-30:] if not good else ():
            print("#   " + line)
        sys.stdout.flush()

    say(not sites(), "sites.inc names the operations of ae_atomic.h", " ".join(sites()))
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(Path(work))
        for what, finder, file, *texts in DEFECTS:
            got = bench.planted(finder, file, list(zip(texts[::2], texts[1::2])))
            if isinstance(got, str):
                say(False, what, got)
                continue
            found = got.returncode == 1 and "the schedule that failed" in got.stdout
            why = re.findall(r"^not ok \d+ - (.*?):.*\n#\s+(.*)$", got.stdout, re.M)
            say(found, f"{what}: " + ("; ".join(map(": ".join, why[:1])) or "not found"),
                f"status {got.returncode}\n{got.stdout}{got.stderr}")
    print(f"1..{count}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
