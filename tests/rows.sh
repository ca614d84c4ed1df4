#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every row of `aether bench` is printed, as JSON that can be read, with a
# ratio. Not a timed test: what the ratios are is for people to judge.
set -eu
cd "$(dirname "$0")/.."
build/aether bench --json | python3 -c '
import json, sys
rows = [json.loads(line) for line in sys.stdin]
names = [row["name"] for row in rows]
wanted = {"handoff", "reserve", "reserve-2", "metadata"}
assert wanted <= set(names), names
keys = {"name", "value", "unit", "better", "p50", "p99", "p999", "baseline",
        "baseline_value", "ratio"}
for row in rows:
    assert set(row) == keys, row
    assert row["ratio"] > 0, row
    print("#", row["name"], "ratio", round(row["ratio"], 4))
metadata = [row for row in rows if row["name"] == "metadata"][0]
assert metadata["ratio"] <= 0.01, metadata
print("ok 1 - every row is printed, metadata is at most 1 %")
print("1..1")
'
