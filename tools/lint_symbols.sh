#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the linker sees must agree with what the design says: core asks for
# nothing but its port, a stage's data path allocates nothing, the library
# shows what its headers declare and stands on libc alone. Text can be argued
# with; symbols cannot. Never run it on objects of a sanitizer build: those
# ask for more, rightly.

set -u
export LC_ALL=C

usage()
{
	cat <<'END'
usage: tools/lint_symbols.sh core OBJ...
       tools/lint_symbols.sh nomalloc OBJ...
       tools/lint_symbols.sh exports LIB.so MAP HEADERDIR...
       tools/lint_symbols.sh libc LIB.so

core      the objects, linked together, need only ae_host_* and memcpy, memset,
          memmove, memcmp
nomalloc  no object needs malloc or a call that allocates, maps or opens
exports   LIB.so exports exactly what HEADERDIR/*.h declare with AETHER_API,
          all of it aether_*, and the linker's MAP neither lacks nor invents any
libc      LIB.so needs libc (with the loader and libpthread) and nothing else

Prints FILE:LINE: what: what to do. Exit 0 clean, 1 findings, 2 usage.
END
}

misused()
{
	echo "tools/lint_symbols.sh: $1" >&2
	usage >&2
	exit 2
}

# One finding: file, line, what, what to do
say()
{
	echo "$1:$2: $3: $4"
	found=1
}

# The symbols that an object needs, one a line, without versions.
needed()
{
	nm -u "$1" | awk 'NF { sub(/@.*/, "", $NF); print $NF }' | sort -u
}

check_core()
{
	ld -r -o "$work/core.o" "$@" || misused "the objects do not link"
	for symbol in $(needed "$work/core.o"); do
		case $symbol in
		ae_host_*|memcpy|memset|memmove|memcmp) continue ;;
		esac
		for object in "$@"; do
			needed "$object" | grep -Fqx "$symbol" || continue
			say "$object" 0 "core needs $symbol" \
				"ask the port for it in core/ae_host.h"
		done
	done
}

# Everything in libc that allocates, opens, maps, or hides one that does.
allocating='(__)?(malloc|calloc|realloc|reallocarray|free|cfree|strdup|strndup'
allocating="$allocating|v?asprintf|v?asprintf_chk|aligned_alloc|memalign"
allocating="$allocating|posix_memalign|valloc|pvalloc|getline|getdelim"
allocating="$allocating|open_memstream|fmemopen|fopen|fopen64|fdopen|freopen"
allocating="$allocating|tmpfile|tmpfile64|popen|opendir|scandir|mmap|mmap64"
allocating="$allocating|mremap|brk|sbrk|alloca|qsort|qsort_r|getaddrinfo"
allocating="$allocating|_?Zn[aw]m[A-Za-z0-9_]*)"

check_nomalloc()
{
	for object in "$@"; do
		for symbol in $(needed "$object" | grep -Ex "$allocating"); do
			say "$object" 0 "a data path needs $symbol" \
				"take memory before the data flow, or a stride"
		done
	done
}

# NAME FILE:LINE of each function declared with AETHER_API in the headers.
declared()
{
	for header in "$@"; do
		awk -v file="$header" '
		{
			line = $0
			while (1) {
				if (comment) {
					if (!match(line, /\*\//)) { line = ""; break }
					line = substr(line, RSTART + 2)
					comment = 0
				}
				if (!match(line, /\/\*/)) break
				rest = substr(line, RSTART + 2)
				line = substr(line, 1, RSTART - 1) " "
				if (match(rest, /\*\//))
					line = line substr(rest, RSTART + 2)
				else { comment = 1; break }
			}
			sub(/\/\/.*/, "", line)
			if (line ~ /^[ \t]*#/) next
			if (!open && match(line, /(^|[^A-Za-z0-9_])AETHER_API([^A-Za-z0-9_]|$)/)) {
				open = 1; text = ""; at = NR
				line = substr(line, RSTART + RLENGTH - 1)
			}
			if (!open) next
			text = text " " line
			if (line !~ /;/) next
			open = 0
			if (!match(text, /aether_[a-z0-9_]*[ \t]*\(/) &&
			    !match(text, /[a-z][A-Za-z0-9_]*[ \t]*\(/)) next
			name = substr(text, RSTART, RLENGTH - 1)
			gsub(/[ \t]/, "", name)
			print name, file ":" at
		}' "$header"
	done | sort -u
}

# The names and patterns that a linker map makes global, one a line.
mapped()
{
	tr '\n\t' '  ' <"$1" | sed 's,/\*[^*]*\*/, ,g; s,\([{};:]\),\n\1\n,g' |
	awk '/^[{};:]$/ { next }
	{
		gsub(/ /, "")
		if ($0 == "global") on = 1
		else if ($0 == "local") on = 0
		else if (on && $0 ~ /^[A-Za-z_*?][A-Za-z0-9_*?]*$/) print
	}' | sort -u
}

check_map()
{
	set -f
	for entry in $(mapped "$1"); do
		hit=
		while read -r name _; do
			# an entry of the map is a pattern, as it is here
			# shellcheck disable=SC2254
			case $name in $entry) hit=1 ;; esac
		done <"$work/declared"
		[ "$hit" ] || say "$1" "$(grep -nF -m1 -- "$entry" "$1" |
			cut -d: -f1)" "$entry is declared in no public header" \
			"drop it from the map"
	done
	set +f
}

check_exports()
{
	lib=$1 map=$2
	shift 2
	for folder in "$@"; do
		[ -d "$folder" ] || misused "$folder: no such folder"
		find "$folder" -name '*.h' | sort
	done >"$work/headers"
	# file names of ours hold no space
	# shellcheck disable=SC2046
	declared $(cat "$work/headers") >"$work/declared"
	nm -D --defined-only "$lib" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
		sort -u >"$work/exported"
	cut -d' ' -f1 "$work/declared" | sort -u >"$work/names"
	for name in $(comm -23 "$work/exported" "$work/names"); do
		say "$lib" 0 "exports $name, which no public header declares" \
			"declare it AETHER_API or hide it"
	done
	for name in $(comm -13 "$work/exported" "$work/names"); do
		place=$(awk -v n="$name" '$1 == n { print $2; exit }' "$work/declared")
		say "${place%:*}" "${place##*:}" "$name is declared, not exported" \
			"write it, or take AETHER_API away"
	done
	for name in $(sort -u "$work/exported" | grep -v '^aether_'); do
		say "$lib" 0 "exports $name" "name it aether_noun_verb or hide it"
	done
	check_map "$map"
}

check_libc()
{
	for name in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p'); do
		case $name in
		libc.so.6|libpthread.so.0|ld-linux*.so.*) ;;
		*) say "$1" 0 "needs $name" "libaether depends on libc alone" ;;
		esac
	done
}

case ${1-} in
--help|-h) usage; exit 0 ;;
core|nomalloc) [ $# -ge 2 ] || misused "no object named" ;;
exports) [ $# -ge 4 ] || misused "exports wants LIB.so MAP HEADERDIR" ;;
libc) [ $# -eq 2 ] || misused "libc wants one LIB.so" ;;
*) misused "which mode?" ;;
esac

mode=$1
shift
for file in "$@"; do
	[ -r "$file" ] || misused "$file: cannot be read"
done
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
found=0
"check_$mode" "$@"
exit $found
