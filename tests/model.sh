#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The models of the protocol hold, and checking them can fail: planted defects
# and rejected designs are found. A selection of some minutes; SOAK=1 in the
# environment: all scenarios, which takes most of an hour (model/README.md).
set -u
cd "$(dirname "$0")/../model" || exit 1
model=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
n=0
failed=0
# compiling a model well takes longer than most of them run
optimize=-O0
[ "${SOAK-}" ] && optimize=-O2

check() { # wanted errors (0 or some), what, model file, flags of spin...
	wanted=$1
	what=$2
	file=$model/$3
	shift 3
	n=$((n + 1))
	rm -f pan*
	spin "$@" -a "$file" >log 2>&1 &&
		gcc $optimize -DSAFETY -DCOLLAPSE -DMEMLIM=6000 -DNOFAIR -w \
			-o pan pan.c >>log 2>&1 &&
		./pan -m1000000 -n >>log 2>&1
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' log)
	# a search that was cut short has proved nothing
	grep -q 'max search depth too small\|out of memory' log && errors=cut
	case $wanted:${errors:-none} in
	0:0 | some:[1-9]*) echo "ok $n - $what" ;;
	*)
		failed=1
		echo "not ok $n - $what (errors: ${errors:-none})"
		tail -n 5 log | sed 's/^/# /'
		;;
	esac
}

holds() { # scenarios with this many deaths, flags...
	deaths=$1
	scenarios=$2
	shift 2
	for scenario in $scenarios; do
		check 0 "lease.pml scenario $scenario, $deaths deaths $*" \
			lease.pml -DSCEN="$scenario" -DKILLS="$deaths" "$@"
	done
}

found() { # defect, scenario, deaths, what, flags...
	defect=$1
	scenario=$2
	deaths=$3
	what=$4
	shift 4
	check some "$what: found" lease.pml -DDEFECT="$defect" \
		-DSCEN="$scenario" -DKILLS="$deaths" "$@"
}

if [ "${SOAK-}" ]; then
	holds 3 "1 2 3 5 9 11 15 20 24 25 27"
	holds 2 "4 6 7 8 12 14 21 22 23 26 28 29 30 31 32"
	holds 1 10
	holds 3 1 -DBITS=1
	holds 2 "1 2 3 20" -DSTOPS=1
else
	holds 2 "1 2 20 24 27 28"
	holds 3 25
	holds 1 "4 30"
	holds 1 1 -DBITS=1
fi

found 1 1 2 "no second look at the seat"
found 2 2 3 "seats without stamps"
found 4 9 2 "taking back without comparing"
found 5 2 3 "entry after the commit"
found 6 1 2 "late entries dropped"
found 20 20 2 "mail of the dead is no late entry"
found 21 20 2 "an heir's entry after its word"
found 22 25 2 "no second look at what was handed to an heir"
found 23 22 2 "an heir word without the name of who wrote it"
found 24 22 2 "a newcomer clears the heir word before its pass"
found 25 24 2 "a route drops the suspect bit"
found 26 20 2 "a settler owns what it hands to an heir"
found 27 20 2 "mail of the dead is suspect"
found 28 20 2 "the heir of a dead heir is not asked"
found 29 31 2 "the seat is freed though something is pending"
found 30 26 2 "a newcomer forgets what is pending"
found 31 28 2 "two threads of one name, and one of them leaves"
found 32 30 2 "freed first, zeroed then"
found 33 22 2 "the seat is read before the word"
found 34 29 2 "the head is read before its tail"
found 35 30 2 "zeroed by what the dead owner said of the run"
found 36 27 2 "withdrawn without a look at the hops"
found 37 27 2 "mail put back without a look at the seat"
found 38 1 2 "a dead one keeps its stride warm" -DBITS=1
found 39 31 2 "who leaves frees its seat though something is pending"
found 40 25 2 "who named the dead keeps its name"
found 43 25 2 "a swap of a settler fails and nobody looks again"
found 44 6 0 "a generation that does not rise at release"
found 45 27 2 "what the dead withdrew is settled as its work"
found 46 32 2 "a withdrawal word without the name of who wrote it"
found 47 27 2 "no second look at what was put back"
if [ "${SOAK-}" ]; then
	found 3 5 3 "halves without generation"
	found 7 6 3 "a run's head freed before its tails"
	found 8 2 3 "a reaper that does not compare"
	found 9 3 3 "mail to one that leaves is left to it"
	found 10 7 3 "an entry into another lap"
	found 11 5 3 "readers without sigma"
	found 12 2 3 "the debt of a pass is not written down"
	found 13 5 3 "no second look at a reader's seat"
	found 15 9 2 "a mended bit without a second look" -DBITS=1
fi

check 0 "wake.pml: no wake-up is lost" wake.pml
check some "a plain store announces: found" wake.pml -DNOFENCE
check some "a change that lingers: found" wake.pml -DLATECHANGE
check some "a reaper that rings nobody: found" wake.pml -DNOREAPWAKE
check some "a newcomer that rings nobody: found" wake.pml -DNOTAKEWAKE
check some "rung before it is settled: found" wake.pml -DEARLYRING
check some "a reaper that rings the set: found" wake.pml -DSETONLY
check some "a ring that is owed for ever: found" wake.pml -DOWESFOREVER
check some "a bit that is cleared after its ring: found" wake.pml -DCLEARAFTER
check 0 "epoch.pml: no signal is missed" epoch.pml
check some "a plain store announces: found" epoch.pml -DNOFENCE
check some "a signal that lingers: found" epoch.pml -DLATECHANGE
check some "a waiter that looks first: found" epoch.pml -DLOOKFIRST
check some "a signaller that takes the set: found" epoch.pml -DTAKESET
check some "a reaper that wakes no word: found" epoch.pml -DNOREAPWAKE
check 0 "epoch.pml: the epochs of the dead come back" epoch.pml -DPOOL
check some "owned before it is in use: found" epoch.pml -DPOOL -DLATEUSED
check 0 "leave.pml: a commit and a leave see each other" leave.pml
check some "a commit that lingers: found" leave.pml -DWEAKCOMMIT
check some "a leave that lingers: found" leave.pml -DWEAKLEAVE
check some "a leaver that looks first: found" leave.pml -DLOOKFIRST
check some "a sender that does not look: found" leave.pml -DNOLOOK
check 0 "guard.pml: one writer, and the dead hold nothing" guard.pml
check some "a settler that does not compare: found" guard.pml -DNOCOMPARE
check some "a holder known by its slot alone: found" guard.pml -DNOSTAMP
check some "silence taken for death: found" guard.pml -DSILENCE
check some "a leaver that drops its lock first: found" guard.pml -DDROPFIRST
check some "a settler that leaves no mark: found" guard.pml -DNOMARK
check 0 "pingpong.pml: no torn reading is called sound" pingpong.pml
check 0 "pingpong.pml: a pin keeps the writer away" pingpong.pml -DPINNED
check some "bytes before the odd counter: found" pingpong.pml -DNOFENCE
check some "a last byte after the last look: found" pingpong.pml -DLATELOOK
check some "another commit than was named: found" pingpong.pml -DNORECHECK
check some "a signal that the dead owed: found" pingpong.pml -DNOREPAIR
check some "a pin that lingers: found" pingpong.pml -DPINNED -DLATEPIN
check some "a flip that lingers: found" pingpong.pml -DPINNED -DLATEFLIP
check some "a pin without a second look: found" pingpong.pml -DPINNED -DNOLOOK
check 0 "room.pml: no run is lost" room.pml
check 0 "room.pml: a reader finds what was committed" room.pml -DREADS=1
check some "named after it is kept: found" room.pml -DLATENAME
check some "the old run ends last: found" room.pml -DLATEEND
check some "a reaper frees what a pair keeps: found" room.pml -DREAPKEPT
check some "room before the odd counter: found" room.pml -DREADS=1 -DEVEN
check 0 "sight.pml: a seat is freed when all is settled" sight.pml -DSCEN=2
[ "${SOAK-}" ] && check 0 "sight.pml: with three reapers" sight.pml
check some "freed by who sees a part: found" sight.pml -DSCEN=2 -DNOSIGHT
check some "taken over by who sees a part: found" sight.pml -DSCEN=2 -DTAKEOVER
check some "struck off before it is settled: found" sight.pml -DSCEN=2 \
	-DEARLYSTRIKE
check some "a living newcomer's sight: found" sight.pml -DSCEN=2 -DSTRIKELIVE
check some "one who sat down and died: found" sight.pml -DSCEN=2 -DNOLOOK
check some "a dead newcomer's sight: found" sight.pml -DSCEN=2 -DKEEPFOREIGN
check some "struck off without comparing: found" sight.pml -DSCEN=2 \
	-DBLINDSTRIKE
for design in bitfirst claim list; do
	check some "rejected design $design: fails" naive/$design.pml
done
echo "1..$n"
exit $failed
