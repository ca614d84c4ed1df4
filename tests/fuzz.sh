#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every input that the fuzz targets ever stumbled over, and those that reach
# furthest, again: none may crash, loop, or break a rule of docs/fuzz.md.
set -u
cd "$(dirname "$0")/.." || exit 2
at=${O:-build}/fuzz
number=0 failed=0

report() { # status, name, log
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$3" | tail -n 40
		failed=1
	fi
}

log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
for folder in fuzz/corpus/*/; do
	target=$(basename "$folder")
	"$at/fuzz_$target" -timeout=20 -artifact_prefix="$at/" "$folder"/* \
		>"$log" 2>&1
	report $? "$target: $(find "$folder" -type f | wc -l) inputs" "$log"
done
python3 fuzz/fuzz_schema.py --runs 300 >"$log" 2>&1
report $? "schema: 300 inputs" "$log"
echo "1..$number"
exit $failed
