# SPDX-License-Identifier: Apache-2.0
"""A good little tree that every lint passes, and TAP to say what happened.

Each test copies the tree, plants one fault and asks whether exactly that fault
is found, at its line. Whatever a lint must accept is in the good tree, so an
overzealous lint fails the first test of its name.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"

GOOD = {
    "include/aether/api.h": """
#ifndef AETHER_API_H
#define AETHER_API_H
#include <stdint.h>
#include <aether/layout.h>
#ifdef __cplusplus
extern "C" {
#endif
#define AETHER_API __attribute__((visibility("default")))
enum aether_role { AETHER_ROLE_INGRESS, AETHER_ROLE_EGRESS = (3) };
struct aether_ring;
struct aether_piece {
	uint32_t length; /* of what int foo(void); says */
};
AETHER_API int aether_ring_push(struct aether_ring *ring, uint32_t value);
AETHER_API int aether_api(void);
AETHER_API __attribute__((format(printf, 1, 2))) int
aether_ring_say(const char *text, ...);
static inline int aether_piece_full(const struct aether_piece *piece)
{
	return piece->length != 0;
}
#ifdef __cplusplus
}
#endif
#endif
""",
    "core/ae_atomic.h": """
#include <stdint.h>
struct ae_word {
	uint32_t raw;
};
static inline uint32_t ae_load32_acquire(const struct ae_word *word)
{
	return __atomic_load_n(&word->raw, __ATOMIC_ACQUIRE);
}
#if defined(__x86_64__)
static inline void ae_pause(void)
{
	__asm__ volatile("pause");
}
#endif
""",
    "core/ring.c": """
#include <stddef.h>
#include <aether/api.h>
#include "ae_atomic.h"

/* volatile and _Atomic in a comment, __sync_x too */
static int slot_at(struct aether_ring *ring)
{
	static const char text[] = "volatile { __atomic_";
	uint32_t table[2][2] = { { 1, 2 }, { 3, 4 } };

	/* relaxed: only this side writes. */
	ae_store32_relaxed(&ring->head, table[0][0]);
	ae_store32_relaxed(&ring->tail, text[0]);
	return 0;
}

int aether_ring_push(struct aether_ring *ring, uint32_t value)
{
	slot_at(ring);
	/*
	 * release: the slot before the cursor. pairs: acquire in
	 * aether_ring_pop, acquire in kernel_js
	 */
	ae_store32_release(&ring->head,
			   value);
	return 0;
}

int aether_ring_pop(struct aether_ring *ring)
{
	/* acquire: the cursor first. pairs: release in aether_ring_push */
	if (ae_load32_acquire(&ring->head))
		return 1;
	return ae_cas32_acq_rel(ring); /* acq_rel: both. pairs: acq_rel in
					  ae_ring_take */
}

__attribute__((format(printf, 6, 7))) int
ae_ring_log(int a, int (*b)(int, int), int c, int d, int e, const char *f, ...)
{
}

int ae_ring_take(struct aether_ring *ring)
{
	for (;;) {
		switch (slot_at(ring)) {
		case 1: {
			struct aether_piece piece = {
				.length = 1,
			};
			if (piece.length) {
				slot_at(ring);
			}
		}
		}
	}
	/* acq_rel: takes and hands on. pairs: release in aether_ring_pop */
	return ae_cas32_acq_rel(ring);
}
""",
    "model/pairs.txt": "kernel_js # the browser's side\n",
    "host/posix/map.c": """
#include <unistd.h>
#include "core/ae_atomic.h"
#include "map.h"
#ifdef __linux__
static volatile sig_atomic_t stopped;
#endif
int ae_host_map(void)
{
	return stopped;
}
""",
    "host/posix/map.h": "int ae_host_map(void);\n",
    "host/wasm/wait.h": "int ae_host_wait(void);\n",
    "slice/slice.h": "int ae_slice_scalar(void);\n",
    "slice/slice_avx2.c": """
#include <immintrin.h>
#include "slice.h"
#ifdef __AVX2__
#endif
""",
    "appliance/xor.h": "int ae_xor(void);\n",
    "flow/ingress.c": '#include "slice/slice.h"\n#include "../appliance/xor.h"\n',
    "flow/flow.h": "struct flow_options {\n\tint raw;\n\tint tile;\n};\n",
    "cli/main.c": '#include "flow/flow.h"\nint main(void)\n{\n\treturn 0;\n}\n',
    "bench/bench.h": "#include <aether/api.h>\n",
    "tests/tap.h": "void ok(int good);\n",
    "tests/core/test_ring.c": """
#include "tap.h"
#include "core/ae_atomic.h"
static void a_torn_word(struct ae_word *word)
{
	/* raw: plants what no store could write */
	word->raw = 7;
	word->raw = 8; /* raw: and once more */
}
static void *torn(void)
{
	a_torn_word(torn());
}
/* https://example.org/a/line/with/one/token/that/nobody/could/break/at/all.html */
""",
    "tests/schema/golden/layout.h": "struct aether_x_seg { int a; };\n"
                                    "int f(void) { return w.raw; }\n",
    "docs/threats.md": """# Threats

| a table | `of nothing` |
|---|---|
| elsewhere | |

## Attacks

| attack | test |
|---|---|
| a torn word | `core/ring.c` `tests/core/test_ring.c: a_torn_word, torn` |
| a script | `tests/cli/test_x.py: test_x` |

## Later

| nothing | |
""",
    "tests/cli/test_x.py": "def test_x():\n    pass\n\n\nprint(globals())\n",
    "examples/01_hello.c": "#include <aether/api.h>\n",
    "schema/gen.py": "#!/usr/bin/env python3\nBASE = 'build/work/x'\n",
}


def plant(root, planted):
    for name, text in {**GOOD, **planted}.items():
        path = Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        ours = path.suffix in (".c", ".h") and "golden" not in name
        licence = SPDX if ours and not text.startswith("/* No") else ""
        path.write_text(licence + text.lstrip("\n") if ours else text)


def run(tool, *args, cwd=None):
    command = [sys.executable] if tool.endswith(".py") else ["sh"]
    done = subprocess.run(command + [str(TOOLS / tool), *map(str, args)],
                          capture_output=True, text=True, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, shown=""):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}")
        if not good:
            for line in str(shown).split("\n"):
                print(f"# {line}")

    def good(self, tool):
        with tempfile.TemporaryDirectory() as root:
            plant(root, {})
            status, out, err = run(tool, root)
            self.ok((status, out) == (0, ""), f"{tool}: a good tree passes",
                    out + err)
            status, out, _ = run(tool, "--help")
            self.ok(status == 0 and "usage:" in out, f"{tool}: has --help")
            status, _, err = run(tool, root + "/nowhere")
            self.ok(status == 2 and err, f"{tool}: no such root is misuse")

    def fault(self, tool, file, old, new, *expected):
        """Replace `old` by `new` in `file` (None: append). `expected` goes
        MARKER, WHAT, MARKER, WHAT...: on each line that holds a marker its
        WHAT must be found, and nothing else anywhere."""
        text = GOOD.get(file, "")
        assert old is None or old in text, f"{file} lacks {old}"
        text = text + new if old is None else text.replace(old, new, 1)
        with tempfile.TemporaryDirectory() as root:
            plant(root, {file: text})
            status, out, err = run(tool, root)
            lines = Path(root, file).read_text().split("\n")
        wanted = sorted((n, what)
                        for marker, what in zip(expected[::2], expected[1::2])
                        for n, line in enumerate(lines, 1) if marker in line)
        found = sorted(out.splitlines(), key=lambda f: int(f.split(":")[1]))
        good = len(wanted) == len(found) > 0 and all(
            f.startswith(f"{file}:{n}: ") and what in f and f.count(": ") > 1
            for f, (n, what) in zip(found, wanted))
        self.ok(status == 1 and good, f"{tool}: {file}: {expected[1]}",
                f"wanted {wanted}, got {status}\n{out}{err}")

    def done(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)
