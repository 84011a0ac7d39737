"""Numbers by any flags: a program that is compiled with flags which let compilers think that NaN, infinities, negative
zeros or subnormal numbers never come has the results of one that is compiled without; and the header neither compares
nor sums doubles in C.

Usage: number_flags.py SOURCE_FOLDER FOLDER_OF_SHMETER_H SHMETER_COMMAND
"""
import atexit
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, main, nothing, test  # noqa: E402

SOURCE, INCLUDE, COMMAND = sys.argv[1:4]
USE = os.path.join(SOURCE, "tests/client/number_flags.c")
C, CXX = ["-std=c11", "-x", "c"], ["-std=c++20", "-x", "c++"]
LANGUAGES = {"gcc": C, "clang": C, "g++": CXX, "clang++": CXX}

FOLDER = tempfile.mkdtemp(prefix="shmeter-flags-", dir="/dev/shm")
atexit.register(shutil.rmtree, FOLDER, True)


def succeed(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    assert done.returncode == 0, f"{' '.join(command)}\nended with {done.returncode} and said:\n{done.stdout}"
    return done.stdout


@functools.lru_cache(None)
def compiled(compiler, *flags):
    """The object; of the same flags once."""
    part = os.path.join(FOLDER, f"use-{compiled.cache_info().misses}.o")
    succeed([compiler, *LANGUAGES[compiler], "-w", *flags, "-I", INCLUDE, "-c", USE, "-o", part])
    return part


def results(compiler, flags, link, rseq=True):
    """What a program of these flags is told and what a reader then exposes."""
    if not shutil.which(compiler):
        raise Skip(f"{compiler} is not installed")
    program, segment = (os.path.join(FOLDER, name) for name in ("use", "segment"))
    succeed([compiler, *link, compiled(compiler, *flags), "-o", program])
    try:
        environment = dict(os.environ, GLIBC_TUNABLES="" if rseq else "glibc.pthread.rseq=0")
        told = succeed([program, segment], env=environment)
        return told.splitlines() + succeed([COMMAND, "dump", segment]).splitlines()
    finally:
        if os.path.exists(segment):
            os.unlink(segment)


@functools.lru_cache(None)
def plain():
    lines = results("gcc", ["-O2"], [])
    assert sum(line.startswith("fraction_") for line in lines) == 18, "not all fractional counters are exposed"
    return lines


def same(compiler, flags, link, rseq=True):
    got, wanted = results(compiler, flags, link, rseq), plain()
    differ = [f"{mine}\n  instead of {theirs}" for mine, theirs in zip(got, wanted) if mine != theirs]
    nothing(differ[:20], f"{len(differ)} lines differ")
    assert len(got) == len(wanted)
    print(f"# {len(got)} lines")


SETS = {
    "finite_math_only": ["-O2", "-ffinite-math-only"],
    "no_signed_zeros_and_any_order": ["-O2", "-fno-signed-zeros", "-fno-trapping-math", "-fassociative-math",
                                      "-freciprocal-math"],
    "unsafe_math": ["-O2", "-funsafe-math-optimizations"],
    "fast_math": ["-O2", "-ffast-math"],
    "Ofast": ["-Ofast"],
    "fast_math_without_optimisation": ["-O0", "-ffast-math"],
}
for each_name, each_flags in SETS.items():
    for each_compiler in LANGUAGES if "-ffast-math" in each_flags else ("gcc", "clang"):
        case = functools.partial(same, each_compiler, each_flags, [])
        case.__name__ = f"{each_compiler.replace('+', 'p')}_{each_name}_changes_nothing"
        test(case)


@test
def nor_does_any_compiler_without_flags():
    for compiler in LANGUAGES:
        same(compiler, ["-O2"], [])


@test
def nor_do_flushed_subnormals_which_linking_with_fast_math_brings():
    for compiler in ("gcc", "clang"):
        same(compiler, ["-O2", "-ffast-math"], ["-ffast-math"])


@test
def nor_shared_lanes():
    same("gcc", ["-Ofast"], [], rseq=False)


@test
def nor_the_compilers_own_atomics():
    for compiler in LANGUAGES:
        same(compiler, ["-O3", "-ffast-math", "-DSHMETER_NO_CK"], [])


@test
def nor_the_older_floating_point_unit_and_single_precision_constants():
    same("gcc", ["-O2", "-ffast-math", "-fsingle-precision-constant", "-mpc64"], ["-mpc64"])


# The IR of clang at -O0 has what the source has. Doubles are only made of integers and multiplied, for seconds out of
# ticks.
ARITHMETIC = {"shmeter_seconds_since": {"fmul"}, "shmeter_histogram_observe_since": {"fmul"},
              "shmeter_ns_per_tick_slow": {"fdiv"}}


@test
def the_header_compares_no_doubles_and_sums_none_in_C():
    if not shutil.which("clang"):
        raise Skip("clang is not installed")
    found, functions = [], 0
    for target in ("x86_64-linux-gnu", "aarch64-linux-gnu"):
        code = succeed(["clang", "--target=" + target, "-std=c11", "-O0", "-S", "-emit-llvm", "-w", "-DSHMETER_NO_CK",
                        "-I", INCLUDE,
                        os.path.join(SOURCE, "client/libshmeter.c"), "-o", "-"])
        for name, body in re.findall(r"^define [^@]*@(\w+)\(.*?\{\n(.*?)^\}", code, re.M | re.S):
            functions += 1
            used = set(re.findall(r"= (fcmp|fadd|fsub|fmul|fdiv|frem|fneg)\b",
                                  body)) | set(re.findall(r"\b(x86_fp80|fp128)\b", body))
            found += [f"{name} ({target}): {what}" for what in sorted(used - ARITHMETIC.get(name, set()))]
    assert functions > 150, functions
    nothing(found, "arithmetic of doubles that flags may change")
    print(f"# {functions} functions")


if __name__ == "__main__":
    main()
