#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The models of the protocol hold, and checking them can fail: planted defects
# and rejected designs are found. The larger scenarios are in model/README.md.
set -u
cd "$(dirname "$0")/../model" || exit 1
model=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
n=0
failed=0

check() { # wanted errors (0 or some), what, model file, flags of spin...
	wanted=$1
	what=$2
	file=$model/$3
	shift 3
	n=$((n + 1))
	rm -f pan*
	spin "$@" -a "$file" >log 2>&1 &&
		gcc -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=6000 -DNOFAIR -w \
			-o pan pan.c >>log 2>&1 &&
		./pan -m500000 -n >>log 2>&1
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' log)
	case $wanted:${errors:-none} in
	0:0 | some:[1-9]*) echo "ok $n - $what" ;;
	*)
		failed=1
		echo "not ok $n - $what (errors: ${errors:-none})"
		tail -n 5 log | sed 's/^/# /'
		;;
	esac
}

for scenario in 1 2 3 9; do
	check 0 "lease.pml scenario $scenario, three deaths" lease.pml \
		-DSCEN=$scenario -DKILLS=3 -DDEFECT=0
done
check 0 "lease.pml scenario 1 with registers" lease.pml \
	-DSCEN=1 -DKILLS=3 -DDEFECT=0 -DBITS=1
check some "no second look at the seat: found" lease.pml \
	-DSCEN=1 -DKILLS=2 -DDEFECT=1
check some "seats without stamps: found" lease.pml \
	-DSCEN=2 -DKILLS=3 -DDEFECT=2
check some "taking back without comparing: found" lease.pml \
	-DSCEN=1 -DKILLS=2 -DDEFECT=4
check some "entry after the commit: found" lease.pml \
	-DSCEN=2 -DKILLS=3 -DDEFECT=5
check some "late entries dropped: found" lease.pml \
	-DSCEN=1 -DKILLS=2 -DDEFECT=6
check 0 "wake.pml: no wake-up is lost" wake.pml
check some "a plain store announces: found" wake.pml -DNOFENCE
check some "a reaper that rings nobody: found" wake.pml -DNOREAPWAKE
for design in bitfirst claim list; do
	check some "rejected design $design: fails" naive/$design.pml
done
echo "1..$n"
exit $failed
