"""The tests can fail: the client or its reader with one thing wrong, and the oracle that must notice.

Usage: mutants.py SOURCE CRASH_LIBRARY TOOLS_LIBRARY MODEL_LIBRARY HAMMER_LIBRARY READER_LIBRARY... [WORD]

Each mutant is a copy of the sources in which a text that stands there a stated number of times is another. A test is
compiled with it, linked with all else as it is, and run; it must fail, with a message of the named oracle. A mutant
that does not match or does not compile fails the run. Two are under way at a time. WORD: only those whose name or test
has it.
"""
import sys

del sys.path[0]  # this folder, where a module of Python's own has a namesake
import concurrent.futures  # noqa: E402
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [HERE, os.path.dirname(HERE)]
from table import MUTANTS  # noqa: E402
from tap import Skip, run  # noqa: E402

SOURCE, CRASH, TOOLS, MODEL, HAMMER, *READER = map(pathlib.Path, sys.argv[1:])
WORD = "" if READER[-1].suffix == ".a" else str(READER.pop())
CC = ["gcc", "-O2", "-g", "-std=gnu11", "-D_GNU_SOURCE"]
OTHERS = ["-lck", "-lisal", "-ljansson", "-lprotobuf-c", "-lre2", "-lstdc++", "-lcmocka", "-pthread"]
LIBS = [*READER, *OTHERS]
# as tests/hammer/meson.build has it
CHECKED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-U_FORTIFY_SOURCE"]
WITHOUT_RSEQ = "glibc.pthread.rseq=0"
BUILD = "gcc -O2"  # as it is called where instructions are counted
LANES = ("CPU", "shared")
RUN = re.compile("^(not )?ok (?!.*# SKIP)", re.MULTILINE)  # something was
WATCHED = {"registry", "hide"}  # models whose plain accesses are watched, as tests/model/meson.build says

cpus = queue.SimpleQueue()  # that no test is on
running = set()


def command(line, **options):
    """Exit code and output. Ends with this program."""
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options) as one:
        running.add(one)
        said = one.communicate()[0]
        running.discard(one)
    # of one that could not: tests/tools/scratch.c
    shutil.rmtree(f"/dev/shm/shmeter-test-{one.pid}", ignore_errors=True)
    return one.returncode, said


def must(line):
    code, said = command(line)
    assert code == 0, said


def mutate(workspace, changes):
    """A copy of the sources with the changes, amalgamated."""
    for folder in ("shm", "client", "lib"):
        shutil.copytree(SOURCE / folder, workspace / folder)
    for name, count, old, new in changes:
        path = workspace / name
        text = path.read_text()
        assert text.count(old) == count, f"{name} has {text.count(old)} times instead of {count}: {old}"
        path.write_text(text.replace(old, new))
    must([sys.executable, "-B", workspace / "client/amalgamate.py", "--output", workspace / "shmeter.h"])


def crash(workspace, include, build):
    """The crash tests of these operations."""
    program, made = workspace / "crash", ["-DOPS_NAME=mutant", f'-DOPS_BUILD="{build}"']
    must([*CC, "-fPIE", *include, *made, "-c", SOURCE / "tests/crash/ops.c", "-o", workspace / "ops.o"])
    must([*CC, "-fPIE", *include, "-DOP_TABLES=ONE(mutant)", SOURCE / "tests/crash/main.c", workspace / "ops.o", "-o",
          program, CRASH,
          f"-Wl,-rpath,{CRASH.parent}", "-Wl,-z,now"])
    return program


def client(workspace, include, name):
    program = workspace / name
    must([*CC, *include, *(SOURCE / "tests/shm").rglob(name + ".c"), "-o", program, TOOLS, *LIBS])
    return program


def model(workspace, include, name):
    program, watched = workspace / name, ["-fsanitize=thread"] if name in WATCHED else []
    must([*CC, "-DSHMETER_ATOMIC_HOOKS", "-U_FORTIFY_SOURCE", *watched, *include, "-c",
          SOURCE / f"tests/model/test_{name}.c", "-o",
          workspace / "model.o"])
    must(["gcc", workspace / "model.o", "-o", program, MODEL, *LIBS])
    return program


def hammer(workspace, include, _name):
    """With what was changed of the reader, and with the client's header; all else is in the library."""
    program = workspace / "hammer"
    changed = [path for path in (workspace / "lib").rglob("*.c")
               if path.read_bytes() != (SOURCE / path.relative_to(workspace)).read_bytes()]
    must([*CC, *CHECKED, *include, *changed, *(SOURCE / f"tests/hammer/{one}.c" for one in ("hammer", "producers")),
          "-o", program, HAMMER,
          *OTHERS])
    return program


def outcome(workspace, test, where, cpu):
    """What a test says of the workspace's sources."""
    include = [f"-I{folder}{floor}" for folder in (workspace, SOURCE) for floor in ("", "/lib")]
    tunables = WITHOUT_RSEQ if where == "shared" else ""
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", GLIBC_TUNABLES=tunables)
    if where in LANES:
        line = [crash(workspace, include, "mutant"), f"--cpu={cpu}", "mutant", test]
    elif where == "count":
        line = [sys.executable, "-B", SOURCE / f"tests/crash/{test}.py", crash(workspace, include, BUILD), BUILD]
    else:
        line = [{"shm": client, "model": model, "hammer": hammer}[where](workspace, include, test)]
    return command(line, env=environment)


def verdict(changes, test, where):
    cpu = cpus.get()
    try:
        with tempfile.TemporaryDirectory() as folder:
            workspace = pathlib.Path(folder)
            mutate(workspace, changes)
            return outcome(workspace, test, where, cpu)
    finally:
        cpus.put(cpu)


def unchanged(test, where):
    """What all other verdicts stand on: the same way of building, without a change."""
    started = pool.submit(verdict, [], test, where)

    def function():
        code, said = started.result()
        assert code == 0 and "not ok" not in said, said
    return f"{named(test, where)}, built this way, passes", function


def case(name, changes, test, where, oracle):
    started = pool.submit(verdict, changes, test, where)

    def function():
        code, said = started.result()
        if not RUN.search(said) and "# SKIP" in said:
            raise Skip(said)
        assert code, f"it was not noticed:\n{said}"
        found = re.search(f"^(?:# )*(.*(?:{oracle}).*)$", said, re.MULTILINE)
        assert found, f"something else noticed it than {oracle}:\n{said}"
        print(f"# {found[1]}")
    return f"{named(test, where)} notices: {name}", function


def named(test, where):
    return f"crash of {test} ({where} lanes)" if where in LANES else f"model {test}" if where == "model" else test


def end(_number, _frame):
    pool.shutdown(wait=False, cancel_futures=True)
    for one in list(running):
        one.terminate()  # it takes its own children and files along
    raise SystemExit(1)


allowed = sorted(os.sched_getaffinity(0))[:2]
for one_cpu in allowed:
    cpus.put(one_cpu)
pool = concurrent.futures.ThreadPoolExecutor(len(allowed))
mutants = [one for one in MUTANTS if WORD in named(one[2], one[3]) + one[0]]
tests = sorted({(one[2], one[3]) for one in mutants}, key=lambda one: (one[1], one[0]))
cases = [unchanged(*one) for one in tests] + [case(*one) for one in mutants]
run(cases)
