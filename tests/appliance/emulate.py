# SPDX-License-Identifier: Apache-2.0
"""As much of an x86-64 as the kernels of gf256_*.S use, for instruction sets
that the machine at hand lacks. It runs the machine code as objdump reads it, so
that what is tested is what was assembled.

Vector registers are Python integers. Memory is what map() gave it; anything
else that is touched is an error, and so is an instruction that it does not
know, an aligned access of a vector off its alignment, a return with a register
of the caller's changed, with stores past the caches that no fence follows, or
with upper halves of vectors in use.
"""
import re
import subprocess

REGISTERS = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9",
             "r10", "r11", "r12", "r13", "r14", "r15")
KEPT = ("rbx", "rbp", "rsp", "r12", "r13", "r14", "r15")
ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
WIDTH = {"x": 16, "y": 32, "z": 64}
MASK = (1 << 64) - 1
STACK = 0x7000_0000_0000
RETURN = 0x6666_0000
OPERAND = re.compile(r"(-?0x[0-9a-f]+|-?\d+)?\((%\w+)?(?:,(%\w+)(?:,(\d))?)?\)$")
IGNORED = ("nop", "nopw", "nopl", "data16", "cs", "endbr64", "xchg")


class Fault(Exception):
    pass


def disassemble(path, symbol):
    """address -> (name, operands, next address) of one function."""
    text = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", f"--disassemble={symbol}", path],
        capture_output=True, text=True, check=True).stdout
    found = [(int(at, 16), line.split("#")[0].split("<")[0].strip())
             for at, line in re.findall(r"^\s*([0-9a-f]+):\t(.*)$", text, re.M)]
    code = {}
    for (at, line), after in zip(found, [at for at, _ in found[1:]] + [None]):
        name, _, rest = line.partition(" ")
        if name == "notrack":
            name, _, rest = rest.strip().partition(" ")
        operands = re.findall(r"[^,(]*\([^)]*\)|[^,]+", rest.strip())
        code[at] = (name, [x.strip().strip(",") for x in operands], after)
    return code


class Machine:
    def __init__(self, code):
        self.code = code
        self.memory = {}  # start -> bytes
        self.registers = dict.fromkeys(REGISTERS, 0)
        self.vectors = [0] * 32
        self.flags = (0, 0)  # what was compared
        self.steps = 0
        self.unfenced = False  # stores past the caches
        self.upper = False     # of ymm0-15 or zmm0-15, written since vzeroupper
        self.map(STACK - 4096, 4096)

    def map(self, at, size_or_bytes):
        self.memory[at] = bytearray(size_or_bytes)

    def region(self, at, size):
        for start, data in self.memory.items():
            if start <= at and at + size <= start + len(data):
                return data, at - start
        raise Fault(f"{size} bytes at {at:#x}")

    def load(self, at, size):
        data, offset = self.region(at, size)
        return int.from_bytes(data[offset:offset + size], "little")

    def store(self, at, size, value):
        data, offset = self.region(at, size)
        data[offset:offset + size] = value.to_bytes(size, "little")

    def address(self, operand):
        match = OPERAND.match(operand)
        if not match:
            raise Fault(f"operand {operand}")
        offset, base, index, scale = match.groups()
        at = int(offset or "0", 0)
        if base == "%rip":
            return at + self.after
        at += self.registers[base[1:]] if base else 0
        if index:
            at += self.registers[index[1:]] * int(scale or "1")
        return at & MASK

    def read(self, operand, size):
        if operand[0] == "$":
            return int(operand[1:], 0) & MASK
        if operand[0] != "%":
            return self.load(self.address(operand), size)
        vector = re.match(r"%([xyz])mm(\d+)$", operand)
        if vector:
            return self.vectors[int(vector[2])] & ((1 << 8 * size) - 1)
        if operand[1:] in REGISTERS:
            return self.registers[operand[1:]]
        return self.registers[self.whole(operand)] & 0xFFFF_FFFF

    @staticmethod
    def whole(operand):
        name = operand[1:]
        name = name[:-1] if name[-1] == "d" else "r" + name[1:]
        if name not in REGISTERS:
            raise Fault(f"register {operand}")
        return name

    def write(self, operand, size, value):
        if operand[0] != "%":
            return self.store(self.address(operand), size, value)
        vector = re.match(r"%([xyz])mm(\d+)$", operand)
        if vector:
            self.vectors[int(vector[2])] = value
            if size > 16 and int(vector[2]) < 16:
                self.upper = True
        elif operand[1:] in REGISTERS:
            self.registers[operand[1:]] = value & MASK
        else:
            self.registers[self.whole(operand)] = value & 0xFFFF_FFFF
        return None

    def call(self, at, *arguments):
        """Runs the function, which returns."""
        self.registers["rsp"] = STACK - 8
        for name in KEPT[:2] + KEPT[3:]:
            self.registers[name] = hash(name) & MASK
        kept = {name: self.registers[name] for name in KEPT}
        self.store(STACK - 8, 8, RETURN)
        for name, value in zip(ARGUMENTS, arguments):
            self.registers[name] = value
        kept["rsp"] = STACK
        while at != RETURN:
            if at not in self.code:
                raise Fault(f"jump to {at:#x}")
            name, operands, self.after = self.code[at]
            at = self.step(name, operands)
            self.steps += 1
        if self.unfenced:
            raise Fault("returns without sfence after stores past the caches")
        if self.upper:
            raise Fault("returns without vzeroupper")
        for name, value in kept.items():
            if self.registers[name] != value:
                raise Fault(f"{name} is changed")

    def step(self, name, operands):
        if name == "vzeroupper":
            self.vectors[:16] = [x & (1 << 128) - 1 for x in self.vectors[:16]]
            self.upper = False
            return self.after
        if name == "sfence":
            self.unfenced = False
            return self.after
        if name[0] == "v":
            self.vector(name, operands)
            return self.after
        if name[0] == "j":
            return self.jump(name, operands[0])
        if name in ("ret", "retq"):
            return self.pop()
        self.scalar(name.rstrip("q") if name != "sub" else name, operands)
        return self.after

    def pop(self):
        value = self.load(self.registers["rsp"], 8)
        self.registers["rsp"] += 8
        return value

    def jump(self, name, operand):
        if operand[0] == "*":
            return self.read(operand[1:], 8)
        a, b = self.flags
        taken = {"jmp": True, "je": a == b, "jne": a != b, "jae": a >= b,
                 "jb": a < b}
        if name not in taken:
            raise Fault(f"instruction {name}")
        return int(operand, 16) if taken[name] else self.after

    def scalar(self, name, operands):
        narrow = any(x[0] == "%" and x[1:] not in REGISTERS for x in operands)
        size = 4 if narrow or name.endswith("l") else 8
        name = name[:-1] if name in ("movl", "testl") else name
        if name == "push":
            self.registers["rsp"] -= 8
            self.store(self.registers["rsp"], 8, self.read(operands[0], 8))
        elif name == "pop":
            self.write(operands[0], 8, self.pop())
        elif name == "leave":
            self.registers["rsp"] = self.registers["rbp"]
            self.registers["rbp"] = self.pop()
        elif name == "lea":
            self.write(operands[1], 8, self.address(operands[0]))
        elif name == "mov":
            self.write(operands[1], size, self.read(operands[0], size))
        elif name in ("add", "sub", "and", "xor", "cmp", "test"):
            self.arithmetic(name, operands, size)
        elif name not in IGNORED and not name.startswith("prefetch"):
            raise Fault(f"instruction {name}")

    def arithmetic(self, name, operands, size):
        b, a = (self.read(x, size) for x in operands)
        if name == "cmp":
            self.flags = (a, b)
            return
        result = {"add": a + b, "sub": a - b, "and": a & b, "xor": a ^ b,
                  "test": a & b}[name] & MASK
        self.flags = (result, 0)
        if name != "test":
            self.write(operands[1], size, result)

    def vector(self, name, operands):
        size = max((WIDTH[x[1]] for x in operands
                    if re.match(r"%[xyz]mm", x)), default=0)
        name = re.sub(r"(32|64|[dq])$", "", name)
        if name in ("vmovdqu", "vmovdqa", "vmovntd", "vmovnt"):
            past = not name.startswith("vmovdq")
            aligned = past or not name.startswith("vmovdqu")
            self.unfenced = self.unfenced or past
            for x in operands:
                if aligned and x[0] != "%" and self.address(x) % size:
                    raise Fault(f"{name} {operands} is not aligned")
            self.write(operands[1], size, self.read(operands[0], size))
        elif name == "vpxor":
            a, b = (self.read(x, size) for x in operands[:2])
            self.write(operands[2], size, a ^ b)
        elif name == "vpternlog" and operands[0] == "$0x96":
            a, b, c = (self.read(x, size) for x in operands[1:])
            self.write(operands[3], size, a ^ b ^ c)
        else:
            raise Fault(f"instruction {name} {operands}")
