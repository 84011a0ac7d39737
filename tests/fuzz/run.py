"""Builds the fuzzers by clang with AddressSanitizer and UndefinedBehaviorSanitizer, replays what they found in earlier days, and runs
each for some seconds.

Usage: run.py SOURCE_FOLDER BUILD_FOLDER NAME...        ($SHMETER_FUZZ_SECONDS: for each, 15)

tests/fuzz/corpus/NAME holds inputs that reached something of their own, tests/fuzz/found/NAME those that showed a fault once. An input
that shows one now is left in BUILD_FOLDER/NAME.crash-*: with the fix, it belongs into found/.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, test  # noqa: E402

SOURCE, BUILD = map(os.path.abspath, sys.argv[1:3])
NAMES = sys.argv[3:]
HERE = os.path.join(SOURCE, "tests/fuzz")
PROGRAMS = os.path.join(BUILD, "clang")
SECONDS = int(os.environ.get("SHMETER_FUZZ_SECONDS", "15"))
OPTIONS = ["-print_final_stats=1", "-timeout=20", "-rss_limit_mb=2048", "-max_len=4096", "-close_fd_mask=1", "-entropic=0"]


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **more)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}"
    return done.stdout


def inputs(kind, name):
    folder = os.path.join(HERE, kind, name)
    return [folder] if os.path.isdir(folder) else []


def program(name):
    return os.path.join(PROGRAMS, "tests/fuzz", "fuzz_" + name)


def fuzz(name, scratch, *options):
    """Output of a run over corpus and finds; what it finds anew goes to scratch."""
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:malloc_context_size=4:quarantine_size_mb=16", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    return run([program(name), *OPTIONS, *options, f"-artifact_prefix={BUILD}/{name}.", scratch, *inputs("corpus", name),
                *inputs("found", name)], env=environment)


@test
def the_fuzzers_build():
    environment = {**os.environ, "CC": "clang", "CXX": "clang++"}
    if not os.path.exists(os.path.join(PROGRAMS, "build.ninja")):
        shutil.rmtree(PROGRAMS, ignore_errors=True)
        run(["meson", "setup", PROGRAMS, SOURCE, "-Dfuzz=true", "-Dbuildtype=debugoptimized", "-Db_sanitize=address,undefined",
             "-Db_lundef=false"], env=environment)
    run(["ninja", "-C", PROGRAMS, *(f"tests/fuzz/fuzz_{name}" for name in NAMES)], env=environment)


def case(name):
    def runs():
        with tempfile.TemporaryDirectory(prefix="shmeter-fuzz-") as scratch:
            told = fuzz(name, scratch, f"-max_total_time={SECONDS}")
        executed = int(re.search(r"stat::number_of_executed_units: (\d+)", told)[1])
        rate = int(re.search(r"stat::average_exec_per_sec: +(\d+)", told)[1])
        covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", told)[-1]
        print(f"# {name}: {executed} executions, {rate} a second, {covered[0]} edges, {covered[2]} inputs", flush=True)
        assert executed > len(os.listdir(inputs("corpus", name)[0])), "nothing was run but the corpus"

    runs.__name__ = f"{name}_takes_any_input"
    test(runs)


for one in NAMES:
    case(one)

if __name__ == "__main__":
    main()
