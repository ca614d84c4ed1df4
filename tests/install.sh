#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `make install` puts under DESTDIR serves a stranger: his program builds
# with pkg-config against the shared and the static library and runs, the
# command finds its bench, the man page renders.
set -eu
cd "$(dirname "$0")/.."
# man warns of locales that are not there, and of lines for narrow terminals
export LC_ALL=C.UTF-8 MANWIDTH=80
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
n=0
ok() {
	n=$((n + 1))
	echo "ok $n - $1"
}

make -s install DESTDIR="$root" PREFIX=/usr
ok "make install DESTDIR= PREFIX="
export PKG_CONFIG_PATH="$root/usr/lib/pkgconfig"
export PKG_CONFIG_SYSROOT_DIR="$root"
flags=$(pkg-config --cflags --libs aether)
# shellcheck disable=SC2086
gcc -Wall -Wextra -Wpedantic -Werror -std=c11 examples/01_hello.c $flags \
	-o "$root/shared"
LD_LIBRARY_PATH="$root/usr/lib" "$root/shared" | grep -q "same memory"
ok "the example builds with pkg-config and runs with the shared library"
# shellcheck disable=SC2046
gcc -std=c11 examples/01_hello.c $(pkg-config --cflags aether) \
	"$root/usr/lib/libaether.a" -o "$root/static"
"$root/static" | grep -q "same memory"
ok "and with the static library"
sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d' >"$root/readme.c"
[ -s "$root/readme.c" ]
# shellcheck disable=SC2086
gcc -Wall -Wextra -Werror -std=c11 "$root/readme.c" $flags -o "$root/readme"
LD_LIBRARY_PATH="$root/usr/lib" "$root/readme" | grep -q hello
ok "README's example compiles as it stands and runs"
"$root/usr/bin/aether" --version | grep -q '[0-9]'
"$root/usr/bin/aether" bench --list | grep -q handoff
ok "the installed command runs and finds its bench"
for constants in rust/layout.rs go/system/layout.go js/layout.mjs \
	js/layout.d.mts python/aether_layout.py nasm/layout.inc; do
	grep -qi 'offset_*bird_*state' "$root/usr/share/aether/$constants"
done
ok "constants for five languages are installed"
man --warnings -l "$root/usr/share/man/man1/aether.1" 2>&1 >/dev/null |
	{ ! grep .; }
ok "the man page renders without warnings"
echo "1..$n"
