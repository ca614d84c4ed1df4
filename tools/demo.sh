#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job on a real file, as a user would do it: the compiler's own cc1,
# or the file that is named.
set -eu

aether=${O:-build}/aether
file=${1:-}
[ -n "$file" ] || file=$(gcc -print-prog-name=cc1)
[ -f "$file" ] && [ -r "$file" ] || {
	echo "demo: cannot read '$file'; name another: make demo FILE=path" >&2
	exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "The file: $file ($(wc -c <"$file") bytes)"
echo
echo "1. It streams through a plane: sliced into bit-planes by one process,"
echo "   burned (xor with 5a) in place by two others, un-sliced by a last."
echo "   \$ aether run --burn xor:5a --workers 2 --verify IN OUT"
"$aether" run --burn xor:5a --workers 2 --verify "$file" "$work/burned"
echo
echo "2. The same burn once more gives the file back."
echo "   \$ aether run --burn xor:5a OUT BACK && cmp IN BACK"
"$aether" run --burn xor:5a "$work/burned" "$work/back"
cmp "$file" "$work/back"
echo "   identical"
echo
echo "3. The same with a copy on the way in and out, to see the counter count."
echo "   \$ aether run --copy --burn xor:5a IN OUT"
"$aether" run --copy --burn xor:5a "$file" "$work/copied"
cmp "$work/burned" "$work/copied"
echo
echo "4. An appliance is killed in the middle of a run, and the run goes on. First"
echo "   it is stopped, so that it has work when it dies; a slow reader of the"
echo "   output gives us time for that."
plane=demo.$$
run=
reader=
tidy() { # also when it fails half way
	[ -z "$run" ] || kill "$run" || :
	[ -z "$reader" ] || kill -KILL "$reader" || :
	rm -rf "$work"
}
trap 'tidy 2>/dev/null' EXIT
mkfifo "$work/slow"
await() { # a command that succeeds in time
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		if [ $tries -ge 1200 ]; then
			echo "demo: after a minute there is no sign of: $*" >&2
			return 1
		fi
		sleep 0.05
	done
}
appliances() { # pid, strides, strides on their way to it, heir
	"$aether" who "$plane" --role appliance 2>/dev/null |
		awk '$3 == "appliance" && $5 == "alive" { print $4, $6, $7, $9 }'
}
a_victim() { # work goes to those that have an heir, and answered when called
	victim=$(appliances | awk '$4 != "-" && !$2 && !$3 { print $1; exit }')
	[ -n "$victim" ]
}
work_of_the_victim() {
	appliances | awk -v it="$victim" '$1 == it && $2 + $3 { found = 1 }
		END { exit !found }'
}
a_new_appliance() {
	[ "$(appliances | grep -cv "^$victim ")" = 2 ]
}
cp "$file" "$work/long"
while [ "$(wc -c <"$work/long")" -lt 4000000 ]; do
	echo >>"$work/long" # more than the plane holds
	cat "$work/long" "$work/long" >"$work/longer"
	mv "$work/longer" "$work/long"
done
{
	await [ -e "$work/go" ] # so slow that the run cannot be over before
	exec cat
} <"$work/slow" >"$work/survived" &
reader=$!
echo "   \$ aether run --plane $plane --strides 16 --workers 2 --verify IN OUT"
"$aether" run --plane "$plane" --strides 16 --workers 2 --verify \
	--burn xor:5a "$work/long" "$work/slow" >"$work/said" &
run=$!
await a_victim
kill -STOP "$victim"
: >"$work/go"
await work_of_the_victim
sleep 1 # the others go on without it, as far as they can
"$aether" who "$plane"
echo "   \$ kill -9 $victim"
kill -STOP $reader # or the run may be over before it looks who has died
kill -9 "$victim"
await a_new_appliance
kill -CONT $reader
wait $run
run=
wait $reader
reader=
cat "$work/said"
grep -q ', verified, 1 respawned$' "$work/said"
echo "   \$ aether run --burn xor:5a OUT BACK && cmp IN BACK"
"$aether" run --burn xor:5a "$work/survived" "$work/again"
cmp "$work/long" "$work/again"
echo "   identical: nothing of its work was lost"
echo
echo "Done. Next: README.md; \`$aether --help\`; make test; make bench."
