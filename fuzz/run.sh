#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fuzzes one target for some seconds. What is found lies in $O/fuzz/found, new
# inputs that reach further in $O/fuzz/corpus; those of the tree are read only.
set -u

usage="usage: fuzz/run.sh TARGET SECONDS    ($(cd "$(dirname "$0")" &&
	ls fuzz_*.c fuzz_schema.py | sed 's/fuzz_//;s/\..*//' | tr '\n' ' '))"
[ $# = 2 ] || { echo "$usage" >&2; exit 2; }
cd "$(dirname "$0")/.." || exit 2
target=$1 seconds=$2 at=${O:-build}/fuzz

if [ "$target" = schema ]; then
	exec python3 fuzz/fuzz_schema.py --seconds "$seconds" \
		--seed "$(date +%s)"
fi
[ -f "fuzz/fuzz_$target.c" ] || { echo "$usage" >&2; exit 2; }
mkdir -p "$at/corpus/$target" "$at/found" || exit 2
log=$at/$target.log
# an input of a few hundred bytes is some dozens of calls
"$at/fuzz_$target" -max_total_time="$seconds" -timeout=10 -max_len=250 \
	-rss_limit_mb=2048 -print_final_stats=1 -entropic=0 \
	-artifact_prefix="$at/found/$target-" \
	"$at/corpus/$target" "fuzz/corpus/$target" >"$log" 2>&1
status=$?
runs=$(sed -n 's/.*number_of_executed_units: //p' "$log")
if [ $status != 0 ]; then
	grep -v '^#[0-9]' "$log" | head -n 40 >&2
	echo "$target: found something after ${runs:-some} runs, see $log" >&2
	exit 1
fi
echo "$target: $runs runs, nothing found"
