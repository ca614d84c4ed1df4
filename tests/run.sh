#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one test for prove: a program, or a Python script. A test that hangs is
# a test that fails; a busy machine may take ten times as long as an idle one.
limit=${TEST_TIMEOUT:-1800}
case $1 in
*.py) exec timeout -k 5 "$limit" python3 "$@" ;;
*) exec timeout -k 5 "$limit" "$@" ;;
esac
