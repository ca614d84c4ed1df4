#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every row of `aether bench` is printed, as JSON that can be read, with a
# ratio, or says why it cannot be measured here. Not a timed test: few rounds
# and small files; what the ratios are is for people to judge.
set -eu
cd "$(dirname "$0")/.."
exec python3 - "${O:-build}/aether" <<'END'
import json
import re
import subprocess
import sys

KEYS = {"name", "value", "unit", "better", "p50", "p99", "p999", "baseline",
        "baseline_value", "ratio"}
# these need no more than what every machine has
ALWAYS = {"handoff", "handoff-floor", "handoff-segments", "reserve", "reserve-2", "metadata",
          "reap", "parked", "attach-socket",
          "attach-segments", "pingpong", "pingpong-commit",
          "slice", "unslice", "slice-stream", "unslice-stream", "slice-hot",
          "unslice-hot", "slice-inplace", "unslice-inplace", "slice-scalar",
          "signal", "wake", "wake-spin", "fanout"}

listed = subprocess.run([sys.argv[1], "bench", "--list"], check=True,
                        capture_output=True, text=True).stdout.splitlines()
expected = {line.split()[0] for line in listed if "(--against)" not in line}
assert ALWAYS < expected, expected
done = subprocess.run([sys.argv[1], "bench", "--quick", "--json"],
                      capture_output=True, text=True)
assert done.returncode == 0, done
rows = {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}
skipped = dict(re.findall(r"^aether bench: (\S+): skipped: (.+)$", done.stderr,
                          re.M))
assert not set(rows) & set(skipped), (rows, skipped)
assert set(rows) | set(skipped) == expected, (rows, skipped)
assert ALWAYS <= set(rows), skipped
for name, row in rows.items():
    assert set(row) == KEYS, row
    assert row["ratio"] > 0 and row["value"] > 0, row
    assert row["better"] in ("lower", "higher") and row["baseline"], row
    print("#", name, "ratio", round(row["ratio"], 4))
for name, why in skipped.items():
    print("#", name, "skipped:", why)
assert rows["metadata"]["ratio"] <= 0.01, rows["metadata"]
print("ok 1 - every row is printed, metadata is at most 1 %")
print("1..1")
END
