#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The models of all but leases hold, and checking them can fail: planted defects
# and rejected designs are found.
. "$(dirname "$0")/model_check.sh"

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
checked
