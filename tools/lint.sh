#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# All checks of the source text at once, so that there is one thing to run
# before a commit and one thing for CI to call. It adds no rule of its own:
# each lint says what it protects with --help. What only objects can show is
# tools/lint_symbols.sh, which the build calls.

set -u

case ${1-} in
--help|-h)
	echo "usage: tools/lint.sh [ROOT]"
	echo "Prints 'ok NAME' for each lint, or its findings; exits 1 if any."
	exit 0 ;;
-*)
	echo "usage: tools/lint.sh [ROOT]" >&2
	exit 2 ;;
esac

tools=$(cd "$(dirname "$0")" && pwd) || exit 2
root=${1-$(dirname "$tools")}
[ -d "$root" ] && [ $# -le 1 ] ||
	{ echo "usage: tools/lint.sh [ROOT]" >&2; exit 2; }
cd "$root" || exit 2

failed=0
lint()
{
	name=$1
	shift
	if "$@"; then
		echo "ok $name"
	else
		failed=1
	fi
}

for name in lint_atomics pairs lint_model lint_arrows lint_sizes lint_names \
	lint_threats; do
	lint $name python3 "$tools/$name.py" .
done
lint format sh "$tools/format.sh" --check .
exit $failed
