#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# One hand writes all our C: clang-format 14, by .clang-format. That protects
# reviews: a diff shows what changed, never how somebody likes spaces. Version
# 14 and no other, because versions disagree about the same settings. It leaves
# alone what is generated: build/ and the goldens.

set -u

usage()
{
	cat <<'END'
usage: tools/format.sh [--check] [PATH...]

Formats the .c and .h files below each PATH (the whole tree without one).
--check changes nothing: it names the files that are not formatted, shows the
first 40 lines of the difference and exits 1. Exit 2: usage, or no clang-format.
END
}

check=
case ${1-} in
--help|-h) usage; exit 0 ;;
--check) check=1; shift ;;
-*) usage >&2; exit 2 ;;
esac

top=$(cd "$(dirname "$0")/.." && pwd) || exit 2
if [ $# -eq 0 ]; then
	cd "$top" || exit 2
	set -- .
fi
for path in "$@"; do
	[ -e "$path" ] || { echo "$path: no such file" >&2; exit 2; }
done

tool=$(command -v clang-format-14 || command -v clang-format)
case $([ -n "$tool" ] && "$tool" --version) in
*"version 14."*) ;;
*)
	echo "no clang-format 14: apt-get install clang-format-14" >&2
	exit 2 ;;
esac

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
find "$@" \( -name build -o -name .git -o -name golden \) -prune -o \
	-type f -name '*.[ch]' -print | sed 's,^\./,,' | sort >"$work/files"

style="--style=file:$top/.clang-format"
if [ -z "$check" ]; then
	xargs -r "$tool" -i "$style" <"$work/files"
	exit
fi

: >"$work/diff"
while read -r file; do
	"$tool" "$style" "$file" >"$work/out" || exit 2
	diff -u --label "$file" --label "$file (formatted)" \
		"$file" "$work/out" >"$work/one" && continue
	at=$(sed -n '/^@@/{s/^@@ -\([0-9]*\).*/\1/p;q;}' "$work/one")
	echo "$file:$at: not formatted: run tools/format.sh $file"
	cat "$work/one" >>"$work/diff"
done <"$work/files"
head -n 40 "$work/diff"
[ ! -s "$work/diff" ]
