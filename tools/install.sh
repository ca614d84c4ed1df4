#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what was built: tools/install.sh DESTDIR PREFIX BUILD VERSION SO GEN
set -eu

dest=$1$2
prefix=$2
build=$3
version=$4
so=$5
gen=$6

put() { # mode, directory, files...
	mode=$1
	directory=$dest/$2
	shift 2
	install -d "$directory"
	install -m "$mode" "$@" "$directory"
}

put 644 include/aether include/aether/*.h "$gen/aether/layout.h"
put 644 lib "$build/libaether.a"
put 755 lib "$build/libaether.so.$version"
ln -sf "libaether.so.$version" "$dest/lib/libaether.so.$so"
ln -sf "libaether.so.$version" "$dest/lib/libaether.so"
put 755 bin "$build/aether"
put 755 libexec/aether "$build/aether-bench"
put 644 share/man/man1 docs/man/aether.1
put 644 share/doc/aether README.md LICENSE CHANGELOG.md CONTRIBUTING.md
put 644 share/doc/aether/docs docs/*.md "$gen/format-tables.md"
put 644 share/doc/aether/docs/decisions docs/decisions/*.md
put 644 share/doc/aether/examples examples/*.c
put 644 share/doc/aether/examples/layout examples/layout/*
for language in rust go/system js python nasm; do
	put 644 "share/aether/$language" "$gen/$language"/*layout*
done
install -d "$dest/lib/pkgconfig"
cat >"$dest/lib/pkgconfig/aether.pc" <<END
prefix=$prefix
includedir=\${prefix}/include
libdir=\${prefix}/lib

Name: aether
Description: Processes hand each other memory instead of messages
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -laether
Libs.private: -lpthread
END
