#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one test for prove: a program, or a Python script. A test that hangs is
# a test that fails.
limit=${TEST_TIMEOUT:-300}
[ -n "$SOAK" ] && limit=1800
case $1 in
*.py) exec timeout -k 5 "$limit" python3 "$@" ;;
*) exec timeout -k 5 "$limit" "$@" ;;
esac
