#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The slicing kernel for WebAssembly; see tests/wasm.py."""
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import wasm  # noqa: E402

wasm.test("slice")
