#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that building (`build`) or testing (`test`)
# needs and this machine lacks. Does nothing, and asks for nothing, when all
# is there.
set -u

has_header() {
	[ -e "/usr/include/$1" ] || [ -e "/usr/include/$(uname -m)-linux-gnu/$1" ]
}
has_library() {
	[ -e "/usr/lib/$1" ] || [ -e "/usr/lib/$(uname -m)-linux-gnu/$1" ]
}
has_fuzzer() {
	ls /usr/lib/llvm-14/lib/clang/*/lib/linux/libclang_rt.fuzzer*
}
want() { # package, and a command that succeeds when it is there
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}

missing=
want gcc command -v gcc
want libc6-dev has_header stdio.h
want capnproto command -v capnp
want python3 command -v python3
want libjansson-dev has_header jansson.h
want libxxhash-dev has_header xxhash.h
if [ "${1:-}" = test ]; then
	want perl command -v prove
	want g++ command -v g++
	want libisal2 has_library libisal.so.2
	want clang-14 command -v clang-14
	want libclang-rt-14-dev has_fuzzer
	want clang-format-14 command -v clang-format-14
	want lld-14 command -v wasm-ld-14
	want nodejs command -v node
	want golang-go command -v go
	want rustc command -v rustc
	want nasm command -v nasm
	want pkg-config command -v pkg-config
	want man-db command -v man
	want spin command -v spin
fi
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "need.sh: install as root first: apt-get install$missing" >&2
		exit 1
	}
	sudo=sudo
fi
echo "installing:$missing" >&2
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { $sudo apt-get update -q && $sudo apt-get install -y -q \
	--no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 5 "$log" >&2
	echo "need.sh: could not install:$missing" >&2
	exit 1
fi
