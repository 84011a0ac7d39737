"""The C that the models run for a restartable sequence has the same accesses in the same order as the instructions.

Usage: test_sequences.py SOURCE_FOLDER ACCESSES_PROGRAM
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, test  # noqa: E402

SOURCE, PROGRAM = sys.argv[1:3]
CELL, BUCKETS = 0x10000, 4
CASES = [(seq, record, bucket) for seq in (0, 1, 6) for record in (0, 3, BUCKETS, 1 << 60) for bucket in (0, 2)]


def instructions(file, function):
    with open(os.path.join(SOURCE, "shm/machine", file), encoding="utf-8") as stream:
        body = re.search(rf"^{function}\(.*?^}}", stream.read(), re.DOTALL | re.MULTILINE).group()
    body = body[body.index("SHMETER_RSEQ_BEGIN"):body.index("SHMETER_RSEQ_END")]
    found = [line.split(None, 1) for text in re.findall(r'"([^"]*)\\n"', body) for line in [text.strip()]]
    assert len(found) > 15, found
    return [(one[0], re.sub(r"%%|%[xwd]?(?=\[)", "", one[1] if len(one) > 1 else "")) for one in found]


class Machine:
    """Runs a sequence on one cell, whose words are numbers, and writes down its accesses."""

    def __init__(self, registers, seq, record, bucket):
        self.r = {"[bucket]": bucket, "[buckets_n]": BUCKETS, "[v]": 1, "[cell]": CELL, **registers}
        self.memory = {CELL: seq, CELL + 8 + 24 * (seq & 1): record}
        self.accesses = []
        self.below = True

    def load(self, at, order="r"):
        self.accesses.append(f"load {order} {at - CELL}")
        return self.memory.get(at, 0)

    def store(self, at, value, order="r"):
        self.accesses.append(f"store {order} {at - CELL}")
        self.memory[at] = value

    def run(self, code):
        i = 0
        while i < len(code):
            name, operands = code[i]
            if name.endswith(":"):
                pass
            elif name in ("jae", "b.hs"):
                if not self.below:
                    i = next(k for k in range(i, len(code)) if code[k][0] == operands.rstrip("f") + ":")
            else:
                self.step(name, operands)
            i += 1
        return self.accesses


class X86(Machine):
    NAMES = {"eax": "rax", "edx": "rdx", "esi": "rsi", "edi": "rdi"}

    def address(self, text):
        offset, inside = re.fullmatch(r"(-?\d*)\((.*)\)", text).groups()
        parts = inside.split(",")
        scale = int(parts[2]) if len(parts) > 2 else 1
        return int(offset or 0) + self.r[parts[0]] + (self.r[parts[1]] * scale if len(parts) > 1 else 0)

    def value(self, text):
        text = self.NAMES.get(text, text)
        return int(text[1:]) if text.startswith("$") else self.load(self.address(text)) if "(" in text else self.r[text]

    def step(self, name, operands):
        source, target = re.split(r",\s*(?![^(]*\))", operands)
        target = self.NAMES.get(target, target)
        if name == "leaq":
            self.r[target] = self.address(source)
        elif name == "cmpq":
            self.below = self.value(target) < self.value(source)
        elif name in ("movq", "movl", "movsd"):
            if "(" in target:
                self.store(self.address(target), self.value(source))
            else:
                self.r[target] = self.value(source)
        elif name in ("addq", "addsd", "subq", "andl"):
            a, b = self.r[target], self.value(source)
            self.r[target] = a - b if name == "subq" else a & b if name == "andl" else a + b
        else:
            raise AssertionError(f"what is {name} {operands}?")


class Aarch64(Machine):
    def address(self, text):
        parts = [part.strip() for part in text.strip("[]").split(",")]
        return self.r[parts[0]] + (int(parts[1][1:]) if len(parts) > 1 else 0)

    def value(self, text):
        return int(text[1:]) if text.startswith("#") else self.r[text]

    def step(self, name, operands):
        parts = [part.strip() for part in re.split(r",(?![^\[]*\])", operands)]
        if name in ("ldr", "ldar"):
            self.r[parts[0]] = self.load(self.address(parts[1]), "A" if name == "ldar" else "r")
        elif name in ("str", "stlr"):
            self.store(self.address(parts[1]), self.r[parts[0]], "l" if name == "stlr" else "r")
        elif name == "cmp":
            self.below = self.value(parts[0]) < self.value(parts[1])
        elif name in ("add", "fadd", "sub", "and"):
            a, b = self.r[parts[1]], self.value(parts[2])
            b <<= int(parts[3].removeprefix("lsl #")) if len(parts) > 3 else 0
            self.r[parts[0]] = a - b if name == "sub" else a & b if name == "and" else a + b
        else:
            raise AssertionError(f"what is {name} {operands}?")


def model(kind, case):
    done = subprocess.run([PROGRAM, kind, *map(str, case)], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def compare(kind, machine, code):
    for case in CASES:
        assert machine(*case).run(code) == model(kind, case), (case, machine(*case).run(code), model(kind, case))


def x86(*case):
    return X86({"rax": 0}, *case)


def aarch64(*case):
    return Aarch64({"x16": 0}, *case)


@test
def an_observation_on_x86_64_has_the_models_accesses():
    compare("x", x86, instructions("rseq_x86_64.h", "shmeter_rseq_observe"))


@test
def an_observation_on_aarch64_has_the_models_accesses():
    compare("a", aarch64, instructions("rseq_aarch64.h", "shmeter_rseq_observe"))


@test
def another_order_is_noticed():
    for kind, machine, file in (("x", x86, "rseq_x86_64.h"), ("a", aarch64, "rseq_aarch64.h")):
        code = instructions(file, "shmeter_rseq_observe")
        stores = [i for i, one in enumerate(code) if one[0] in ("str", "stlr")
                  or re.search(r",\s*[^,(]*\([^)]*\)$", one[1])]
        first, second = stores[-2:]
        swapped = code[:first] + [code[second]] + code[first + 1:second] + [code[first]] + code[second + 1:]
        try:
            compare(kind, machine, swapped)
        except AssertionError:
            continue
        raise AssertionError("the commit before the sum was not noticed")


if __name__ == "__main__":
    main()
