# SPDX-License-Identifier: Apache-2.0
# What the tests of models share: `check`, in a directory of its own; `checked`
# at the end.
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

checked() {
	echo "1..$n"
	exit $failed
}
