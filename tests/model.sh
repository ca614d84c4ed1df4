#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The model of leases holds, and checking it can fail: planted defects are
# found. A selection of some minutes; SOAK=1 in the environment: all scenarios,
# which takes most of an hour (model/README.md).
. "$(dirname "$0")/model_check.sh"

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

checked
