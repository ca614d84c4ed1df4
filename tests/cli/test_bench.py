#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench: choosing rows, what it prints, the page, that rows which cannot be
measured are skipped, that a wrong pipeline fails, and that nothing is left in
memory however it ends. How fast anything is, is no test: tests/rows.sh."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (BIN, Skip, aether, bad, environment, good,  # noqa: E402
                  must, objects, same, until)

PROGRAM = Path(BIN).parent / "aether-bench"
KEYS = ("baseline baseline_value better name p50 p99 p999 ratio unit "
        "value").split()


def needs_program():
    if not os.access(PROGRAM, os.X_OK):
        raise Skip(f"this build has no {PROGRAM.name}")


def folders():
    """What a bench whose TMPDIR is the test's folder keeps there."""
    return list(tool.planes.glob("aether-bench.*"))


def bench_with(script):
    """A bench for which the command aether is this shell script."""
    place = tool.planes / "bin"
    place.mkdir(exist_ok=True)
    bench = shutil.copy(PROGRAM, place / "aether-bench")
    command = place / "aether"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return bench


def pipeline_with(script):
    return aether("--quick", "--json", "pipeline", binary=bench_with(script),
                  env={"TMPDIR": str(tool.planes)})


@contextlib.contextmanager
def endless(*words):
    """A bench in a row that streams and does not end, and the process of its
    pipeline."""
    told = tool.planes / "told"
    bench = bench_with(f'echo $$ >"{told}.part"\nmv "{told}.part" "{told}"\n'
                       "exec sleep 600")
    process = subprocess.Popen([bench, "--quick", "pipeline", *words],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=environment(TMPDIR=str(tool.planes)))
    try:
        until(told.exists, "the row streams")
        stream = int(told.read_text())
        told.unlink()
        yield process, stream
    finally:
        process.terminate()
        process.communicate(timeout=tool.TIMEOUT)


def is_gone(pid):
    """Nobody, or a zombie that its new parent has not noticed."""
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_choosing():
    help_text = good("bench", "--help").out
    for option in ("--against", "--json", "--list", "--output", "--quick"):
        must(option in help_text, "--help lacks", option)
    bad(2, "AETHER_EUSAGE", "bench", "--nonsense")
    needs_program()
    listed = good("bench", "--list").out.splitlines()
    names = [line.split()[0] for line in listed]
    must({"handoff", "slice", "slice-avx2", "pipeline", "flat-file-4G",
          "peer-ucx"} <= set(names), "rows", names)
    same(len(names), len(set(names)), "rows that are twice there")
    bad(2, "AETHER_EUSAGE", "bench", "metadata", "nonsense",
        says="there is no row 'nonsense'; aether bench --list")
    wrong = bad(2, "AETHER_EUSAGE", "bench", "no\x1b[1m\nsense\xff")
    must("'no?[1m?sense" in wrong.err, "nothing of it reaches a terminal",
         wrong.err)
    for number in ("1", "77", "-1", "x"):
        same(aether(f"--row-to={number}", "metadata", binary=PROGRAM).status,
             2, "what is for the program itself")


def test_rows_as_json():
    needs_program()
    found = objects(good("bench", "reserve", "--quick", "--json", "metadata"))
    same([row["name"] for row in found], ["reserve", "metadata"], "rows")
    # what is timed: the median of ratios, which noise takes from that of medians
    for row, most in zip(found, (10, 1.01)):
        same(sorted(row), KEYS, "keys")
        of_two = row["ratio"] * row["baseline_value"] / row["value"]
        must(1 / most < of_two < most, "the ratio is that of the two", row)
    same((found[1]["p99"], found[1]["unit"]), (None, "bytes"), "metadata")


def test_table():
    needs_program()
    head, line, row = good("bench", "metadata").out.splitlines()
    same(len({len(head), len(line), len(row)}), 1, "widths")
    must(re.match(r"\| metadata +\| +\d+ bytes \|.*\| <= 0.01 +\| yes \|$",
                  row), "the row", row)


def children_of(pid):
    try:
        return [int(x) for x in
                Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def killed_in(row):
    """What a bench of the row says, one of whose processes is killed."""
    process = subprocess.Popen([PROGRAM, row], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True,
                               env=environment())
    while process.poll() is None:
        at_it = [y for x in children_of(process.pid) for y in children_of(x)]
        if at_it:
            with contextlib.suppress(ProcessLookupError):
                os.kill(at_it[0], signal.SIGKILL)
            break
    _, err = process.communicate(timeout=tool.TIMEOUT)
    return process.returncode, err


def test_a_process_of_a_row_dies():
    """It is said, and the row does not wait for it for ever."""
    needs_program()
    for row in ("wake", "wake-spin", "fanout", "handoff", "pingpong"):
        for _ in range(20):
            status, err = killed_in(row)
            if status:
                break
        same(status, 1, f"{row} without one of its processes")
        must("ended before its work was done" in err, row, "says", err)


def test_instruction_sets():
    """One that is not there: the tool refuses, and the program itself skips
    the row. One of a row's own is used whatever the environment says."""
    needs_program()
    same(aether("bench", "metadata", env={"AETHER_ISA": "mmx"}).status, 2)
    result = good("--json", "metadata", env={"AETHER_ISA": "mmx"},
                  binary=PROGRAM)
    same(result.out, "", "no row")
    must(re.search(r"^aether bench: metadata: skipped: .*mmx", result.err,
                   re.M), "it says why", result.err)
    rows = objects(good("--quick", "--json", "slice-scalar", binary=PROGRAM,
                        env={"AETHER_ISA": "mmx"}))
    same([row["name"] for row in rows], ["slice-scalar"], "its own set")


def test_page():
    needs_program()
    page = tool.planes / "bench.md"
    page.write_text("old\n")
    good("bench", "--output", page, "metadata", env={"AETHER_ISA": "scalar"})
    text = page.read_text()
    for what in (f"    aether bench --output {page} metadata\n", "- Date: ",
                 "- Machine: ", "instruction set in use: scalar", "- Kernel: ",
                 "| row ", "| metadata "):
        must(what in text, "the page lacks", what, text)
    same([path.name for path in tool.planes.iterdir()], ["bench.md"],
         "nothing beside it")
    good("--output", page, "metadata", env={"AETHER_ISA": "mmx"},
         binary=PROGRAM)
    must("- metadata: skipped: " in page.read_text(), "what was skipped")
    bad(1, "AETHER_ESYS", "bench", "--output", tool.planes / "no" / "x",
        "metadata", says="cannot write")


def test_peers_that_are_not_there():
    needs_program()
    result = good("bench", "peer-ucx", "peer-iceoryx",
                  env={"PATH": str(tool.planes)})
    for name in ("peer-ucx", "peer-iceoryx"):
        must(re.search(rf"^aether bench: {name}: skipped: .*; install",
                       result.err, re.M), name, result.err)
    must("| peer" not in result.out, "no row", result.out)


def test_wrong_pipelines():
    needs_program()
    right = pipeline_with(f'exec "{BIN}" "$@"')
    same((right.status, len(objects(right))), (0, 1), right.err)
    for script, says in (('exec cp "$4" "$5"', "differs"),
                         ('head -c 1000 "$4" >"$5"', "differs"),
                         ("exit 7", "status 7")):
        wrong = pipeline_with(script)
        same(wrong.status, 1, script)
        must(says in wrong.err, script, wrong.err)
        found = objects(wrong)
        same([found[0][k] for k in ("verb", "ok", "name")],
             ["bench", False, "pipeline"], script)
        must(len(found) == 1 and found[0]["code"] in
             ("AETHER_EVERIFY", "AETHER_ESTAGE"), "its object", found)
        must(f"aether bench: {found[0]['message']}\n" in wrong.err, "the same",
             found, wrong.err)
    same(folders(), [], "left behind")


def test_failures_as_json():
    """As of every verb: one object, which says what standard error says. A
    row that fails does not take the others' rows away."""
    needs_program()
    one = {next(iter(os.sched_getaffinity(0)))}
    bad(1, "AETHER_ESYS", "bench", "metadata", says="fewer than two",
        preexec_fn=lambda: os.sched_setaffinity(0, one))
    both = aether("--quick", "--json", "pipeline", "metadata",
                  binary=bench_with("exit 7"),
                  env={"TMPDIR": str(tool.planes)})
    same((both.status, [(o["name"], o.get("ok", True)) for o in objects(both)]),
         (1, [("metadata", True), ("pipeline", False)]), "both")
    bench = subprocess.Popen([PROGRAM, "--json", "handoff"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=environment())
    until(lambda: children_of(bench.pid), "its row begins")
    for pid in children_of(bench.pid):
        os.kill(pid, signal.SIGKILL)
    out, err = bench.communicate(timeout=tool.TIMEOUT)
    found = json.loads(out)
    same((bench.returncode, found["code"]), (1, "AETHER_ESTAGE"), "a row dies")
    must(found["message"] in err.decode(), "it says so", found, err)


def test_ended_by_a_signal():
    needs_program()
    for number in (signal.SIGTERM, signal.SIGINT):
        with endless("--output", str(tool.planes / "page")) as (bench, stream):
            same(len(folders()), 1, "folders")
            bench.send_signal(number)
            bench.wait(tool.TIMEOUT)
            same(bench.returncode, -number, "its status")
            same([path.name for path in tool.planes.iterdir()], ["bin"],
                 "left behind")
            until(lambda: is_gone(stream), "the pipeline ends")


def test_killed():
    """What a killed bench leaves, the next one removes; not what one that
    lives has."""
    needs_program()
    another = ("bench", "--quick", "pipeline")
    with endless() as (bench, stream):
        first = folders()
        good(*another, env={"TMPDIR": str(tool.planes)})
        same(folders(), first, "the folder of one that lives")
        bench.kill()
        bench.wait(tool.TIMEOUT)
        until(lambda: is_gone(stream), "the pipeline ends with the bench")
    good(*another, env={"TMPDIR": str(tool.planes)})
    same(folders(), [], "the folder of the killed")


TESTS = [value for name, value in list(globals().items())
         if name.startswith("test_")]
if __name__ == "__main__":
    sys.exit(tool.run(TESTS))
