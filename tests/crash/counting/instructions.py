"""How many instructions each update takes, as each compiler makes it, against the table in instructions.tsv.

Usage: instructions.py CRASH [--renew | BUILD]

What stands in the header is counted exactly. What an operation executes in libraries is a row's second number: libc
chooses its memcmp and the like by the CPU, so that it may differ by a share and a few. Ticks are read from the CPU's
counter, whatever clock source the kernel has. Compilers of other versions than the table's are not compared. --renew
writes the table anew. BUILD: only that one.
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tap import Skip, nothing, run  # noqa: E402

CRASH = sys.argv[1]
TABLE = pathlib.Path(__file__).with_name("instructions.tsv")
HEAD = "build\tcompiler\tlanes\toperation\tinstructions\tin libraries\n"
WITHOUT_RSEQ = "glibc.pthread.rseq=0"
LANES = ("CPU", "shared")
CLOCK_SOURCE = pathlib.Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
SLACK, SLACK_SHARE = 24, 0.5  # of what is executed in libraries


def count(lanes, *build, under=()):
    """Lines of (build, compiler, lanes, operation, instructions, in libraries). under: the beginning of the command."""
    environment = dict(os.environ, GLIBC_TUNABLES="" if lanes == "CPU" else WITHOUT_RSEQ)
    done = subprocess.run([*under, CRASH, "--count", *build], capture_output=True, text=True, env=environment,
                          check=False)
    if done.returncode == 77:
        raise Skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(text):
    """{(build, lanes, operation): (compiler, instructions, in libraries)}."""
    cells = [line.split("\t") for line in text.splitlines() if line]
    return {(build, lanes, operation): (compiler, int(own), int(other))
            for build, compiler, lanes, operation, own, other in cells}


def close(got, wanted):
    return abs(got - wanted) <= SLACK + SLACK_SHARE * wanted


def compare(build, lanes, wanted, counted):
    """What is not as the table has it."""
    found = []
    for (_, _, operation), (compiler, own, other) in wanted.items():
        if (build, lanes, operation) not in counted:
            found.append(f"{operation} was not counted")
            continue
        got = counted[build, lanes, operation]
        if got[0] != compiler:
            raise Skip(f"the table is of {compiler}, this is {got[0]}")
        if got[1] != own or not close(got[2], other):
            found.append(f"{operation}: {got[1]} instructions and {got[2]} in libraries instead of {own} and {other}")
    found += [f"{key[2]} is not in the table" for key in counted if key[:2] == (build, lanes) and key not in wanted]
    return found


def case(build, lanes, counts):
    def function():
        wanted = {key: row for key, row in rows(TABLE.read_text().replace(HEAD, "")).items()
                  if key[:2] == (build, lanes)}
        if lanes not in counts:
            counts[lanes] = rows(count(lanes))
        if not any(key[:2] == (build, lanes) for key in counts[lanes]):
            raise Skip("no such compiler is here, or no restartable sequences")
        nothing(compare(build, lanes, wanted, counts[lanes]), "other numbers of instructions than in instructions.tsv")
        print(f"# {len(wanted)} operations")
    return f"{build}, {lanes} lanes: each update takes as many instructions as it did", function


def counts_are_of_our_code_alone(build, counts):
    """A kernel with another clock source makes programs read the clock in another way, which is no business of ours."""
    wanted = {key: row for key, row in counts.get("CPU", {}).items() if key[0] == build}
    if not wanted:
        raise Skip("no such compiler is here, or nothing can be counted")
    other = "kvm-clock" if CLOCK_SOURCE.is_file() and CLOCK_SOURCE.read_text().strip() == "tsc" else "tsc"
    got = rows(count("CPU", build, under=(sys.executable, "-B", pathlib.Path(__file__).with_name("clock_source.py"),
                                          other)))
    nothing([f"{key}: {got.get(key)} instead of {row}" for key, row in wanted.items() if got.get(key) != row],
            f"other numbers with {other}")


def main():
    if "--renew" in sys.argv:
        TABLE.write_text(HEAD + "".join(count(lanes) for lanes in LANES))
        return
    counts = {}
    builds = [sys.argv[2]] if len(sys.argv) > 2 else ["gcc -O2", "gcc -O3", "clang -O2", "clang -O3"]
    cases = [case(build, lanes, counts) for build in builds for lanes in LANES]
    cases.append(("with another clock source the kernel's clock is not counted",
                  lambda: counts_are_of_our_code_alone(builds[0], counts)))
    run(cases)


main()
