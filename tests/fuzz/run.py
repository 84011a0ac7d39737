"""Builds the fuzzers by clang with AddressSanitizer and UndefinedBehaviorSanitizer, replays what they found in earlier
days, and runs each for a while, as many at a time as there are CPUs.

Usage: run.py SOURCE_FOLDER BUILD_FOLDER NAME...        ($SHMETER_FUZZ_LONG=1: long)

Each makes so many executions, from the same seed each time, so that what fails is the change's; long, from any seed for
a minute, and those of LONG until they have made so many executions, on all CPUs. Of one that has not made them within
LONG_MOST seconds it is told how many it made: that is no failure, a finding is one.

tests/fuzz/corpus/NAME holds inputs that reached something of their own, tests/fuzz/found/NAME those that showed a fault
once. An input that shows one now is left in BUILD_FOLDER/NAME.crash-*: with the fix, it belongs into found/.
"""
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "api"))
from seeds import SEEDS  # noqa: E402
from tap import main, test  # noqa: E402

SOURCE, BUILD = map(os.path.abspath, sys.argv[1:3])
NAMES = sys.argv[3:]
HERE = os.path.join(SOURCE, "tests/fuzz")
PROGRAMS = os.path.join(BUILD, "clang")
IS_LONG = os.environ.get("SHMETER_FUZZ_LONG") == "1"
CPUS = len(os.sched_getaffinity(0))
# Of each: 10 to 15 seconds of a CPU.
EXECUTIONS = {"accept": 600000, "api": 800, "config": 25000, "expression": 220000, "http": 8000, "number": 2400000,
              "saved": 30000, "segment": 600,
              "segment_200": 9000, "segment_loads": 50000, "segment_small": 90000, "text": 30000, "web_config": 14000}
LONG = {"segment_small": 10**8, "segment_200": 10**7}
LONG_MOST = 3600
# Variants of some with a bug (segment/seed.py): what is told of it, within so many executions.
SEEDED = {
    "segment_loads_head": ("a_length_that_is_loaded_again",
                           r"stack-buffer-overflow .* in (snapshot_copy|shmeter_hash_bytes)"),
    "segment_loads_bucket": ("a_bucket_that_is_loaded_again",
                             r"seeded_bucket.c:\d+:\d+: runtime error: index \d+ out of bounds"),
    "segment_small_record": ("a_record_that_reaches_past_the_backed_mark", r"use-after-poison .* in shmeter_load"),
    "segment_small_block": ("a_slot_without_memory_that_is_read", r"use-after-poison .* in shmeter_load"),
}
SEEDED_MOST = 200000
MOST_BRANCHES = 0.75
API_MOST = 2000  # executions for each bug of api/seeds.py
OPTIONS = ["-print_final_stats=1", "-timeout=600", "-rss_limit_mb=2048", "-max_len=4096", "-close_fd_mask=1",
           "-entropic=0"]
ORDER = sorted(NAMES, key=lambda name: name in LONG)  # those that want all CPUs come last
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:malloc_context_size=4:quarantine_size_mb=16",
              "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
# Those that read an image in place have a heap of their own, which tells of a leak after each execution
# (segment/heap.h).
IN_PLACE = ["segment_small", "segment_200", "segment_loads"]
IN_PLACE_OPTIONS = ["-max_len=1024", "-len_control=0", "-detect_leaks=0"]

READER = r"/lib/read/(file/(reader|guard|liveness)|(snapshot|give)(/\w+)?/\w+)\.c$"  # whose branches are counted

SCRATCH = tempfile.mkdtemp(prefix="shmeter-fuzz-")
RUNNING = set()


def outcome(command, environment=SANITIZERS):
    """What a program returns and says."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          env={**os.environ, **environment}) as process:
        RUNNING.add(process)
        said = process.communicate()[0]
        RUNNING.discard(process)
    return process.returncode, said


def run(command, environment=SANITIZERS):
    code, said = outcome(command, environment)
    assert code == 0, f"{' '.join(command)}\n{said[-6000:]}"
    return said


def inputs(kind, name):
    folder = os.path.join(HERE, kind, name)
    return [folder] if os.path.isdir(folder) else []


def program(name):
    return os.path.join(PROGRAMS, "tests/fuzz", "fuzz_" + name)


def fuzz(name, *options):
    """Executions, executions a second, edges and inputs of a run over corpus and finds."""
    scratch = tempfile.mkdtemp(prefix=name + ".", dir=SCRATCH)
    options = [*OPTIONS, *(IN_PLACE_OPTIONS if name in IN_PLACE else []), *options, f"-artifact_prefix={BUILD}/{name}."]
    told = run([program(name), *options, scratch, *inputs("corpus", name), *inputs("found", name)])
    executed = int(re.search(r"stat::number_of_executed_units: (\d+)", told)[1])
    rate = int(re.search(r"stat::average_exec_per_sec: +(\d+)", told)[1])
    covered = re.findall(r"cov: (\d+) ft: \d+ corp: (\d+)", told)[-1]
    return executed, rate, int(covered[0]), int(covered[1])


RUNS = {}
SEEKERS = {}  # the cases that seek a bug: what they call, while other cases wait for fuzzers
POOL = concurrent.futures.ThreadPoolExecutor(CPUS)


@test
def the_fuzzers_build():
    environment = {"CC": "clang", "CXX": "clang++"}
    if not os.path.exists(os.path.join(PROGRAMS, "build.ninja")):
        shutil.rmtree(PROGRAMS, ignore_errors=True)
        run(["meson", "setup", PROGRAMS, SOURCE, "-Dfuzz=true", "-Dbuildtype=debugoptimized",
             "-Db_sanitize=address,undefined",
             "-Db_lundef=false"], environment)
    run(["ninja", "-C", PROGRAMS, *(f"tests/fuzz/fuzz_{name}" for name in [*NAMES, *SEEDED, "api_seeded"]),
         *(f"tests/fuzz/replay_{name}" for name in IN_PLACE)], environment)
    for name, call in SEEKERS.items():
        RUNS[name] = POOL.submit(*call)
    for name in ORDER:
        if IS_LONG and name in LONG:
            limits = [f"-runs={LONG[name] // CPUS}", f"-max_total_time={LONG_MOST}"]
            RUNS[name] = [POOL.submit(fuzz, name, *limits) for _ in range(CPUS)]
        else:
            RUNS[name] = [POOL.submit(fuzz, name, *(["-max_total_time=60"] if IS_LONG
                                                    else ["-seed=1", f"-runs={EXECUTIONS[name]}"]))]


def case(name):
    def runs():
        assert name in RUNS, "it was not built"
        told = [one.result() for one in RUNS[name]]
        executed, rate = (sum(one[part] for one in told) for part in (0, 1))
        edges, kept = (max(one[part] for one in told) for part in (2, 3))
        wanted = f" of {LONG[name]} wanted" if IS_LONG and name in LONG else ""
        print(f"# {name}: {executed} executions{wanted}, {rate} a second, {edges} edges, {kept} inputs", flush=True)
        assert executed > len(told) * len(os.listdir(inputs("corpus", name)[0])), "nothing was run but the corpus"

    runs.__name__ = f"{name}_takes_any_input"
    test(runs)


def find_seeded(name, oracle):
    """After how many executions a fuzzer finds its bug."""
    scratch = tempfile.mkdtemp(prefix=name + ".", dir=SCRATCH)
    options = [*OPTIONS, *IN_PLACE_OPTIONS, "-seed=1", f"-runs={SEEDED_MOST}", f"-artifact_prefix={scratch}/", scratch]
    code, said = outcome([program(name), *options])
    assert code and re.search(oracle, said), f"it was not found: {said[-6000:]}"
    crash, = glob.glob(f"{scratch}/crash-*")
    again, said_again = outcome([program(name), crash])
    assert again and re.search(oracle, said_again), f"not again by the same input: {said_again[-6000:]}"
    return "found after " + re.search(r"stat::number_of_executed_units: (\d+)", said)[1] + " executions"


def find_api_seeded(number):
    """What the fuzzer of calls says of a bug of api/seeds.py."""
    scratch = tempfile.mkdtemp(prefix="api_seeded.", dir=SCRATCH)
    options = [*OPTIONS, "-seed=1", f"-runs={API_MOST}", f"-artifact_prefix={scratch}/", scratch,
               *inputs("corpus", "api")]
    code, said = outcome([program("api_seeded"), *options], {**SANITIZERS, "API_SEED": str(number)})
    assert code and "not as in the model: " in said, f"it was not found: {said[-6000:]}"
    return re.search(r"not as in the model: .*", said)[0]


def seeded_case(name, find, *arguments):
    def finds():
        assert name in RUNS, "it was not built"
        print("#", RUNS[name].result(), flush=True)

    finds.__name__ = name
    SEEKERS[name] = (find, *arguments)
    test(finds)


def reader_branches():
    """Branches of the reader that all inputs of this run reach together."""
    profiles = []
    for name in IN_PLACE:
        profiles.append(f"{SCRATCH}/{name}.profraw")
        replay = program(name).replace("fuzz_", "replay_")
        folders = [*inputs("corpus", name), *inputs("found", name), *glob.glob(f"{SCRATCH}/{name}.*/")]
        run([replay, *folders], {"LLVM_PROFILE_FILE": profiles[-1]})
    run(["llvm-profdata-14", "merge", "-o", f"{SCRATCH}/profile", *profiles])
    said = run(["llvm-cov-14", "export", "-summary-only", f"-instr-profile={SCRATCH}/profile", replay])
    files = [file for file in json.loads(said)["data"][0]["files"] if re.search(READER, file["filename"])]
    return {os.path.basename(file["filename"]): file["summary"]["branches"] for file in files}


def the_fuzzers_of_segments_reach_most_branches_of_the_reader():
    files = reader_branches()
    covered, count = (sum(file[part] for file in files.values()) for part in ("covered", "count"))
    for name, file in sorted(files.items()):
        print(f"# {name}: {file['covered']} of {file['count']}")
    print(f"# {covered} of {count} branches of the reader", flush=True)
    assert covered > MOST_BRANCHES * count, "the corpora have lost their way"


for one in ORDER:
    case(one)
for one, (bug, oracle) in SEEDED.items():
    seeded_case(f"{'_'.join(one.split('_')[:2])}_finds_{bug}", find_seeded, one, oracle)
for place, one in enumerate(SEEDS, 1):
    seeded_case(f"api_finds_that_{one[0].replace(' ', '_')}", find_api_seeded, place)
test(the_fuzzers_of_segments_reach_most_branches_of_the_reader)

if __name__ == "__main__":
    try:
        main()
    finally:  # also at a signal, and at the first error
        POOL.shutdown(wait=False, cancel_futures=True)
        for process in list(RUNNING):
            process.terminate()
        shutil.rmtree(SCRATCH, ignore_errors=True)
