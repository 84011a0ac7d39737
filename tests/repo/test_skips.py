"""Skipped cases, as meson counts them: a program all of whose cases were skipped is a skip, and no failure; so it is
with each case.

Usage: test_skips.py SOURCE_FOLDER MESON
"""
import json
import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import equal, main, test, wait_for  # noqa: E402

SOURCE, MESON = os.path.abspath(sys.argv[1]), sys.argv[2]
RUNNER = [sys.executable, "-B", os.path.join(SOURCE, "tests/tap_skips.py")]
PROGRAMS = {  # what cmocka prints, and how it ends
    "all skipped": ("1..2\n# no such hardware\nnot ok 1 # SKIP first\nnot ok 2 # SKIP second\n# ok - group\n", 0),
    "one skipped": ("1..2\nok 1 - first\n# no such hardware\nnot ok 2 # SKIP second\n", 0),
    "one failed": ("1..2\nnot ok 1 - first\nnot ok 2 # SKIP second\n", 1),
    "failed while skipped": ("1..1\nnot ok 1 # SKIP first\n", 3),
}


def run(text, code=0):
    script = f"cat <<END\n{text}END\nexit {code}"
    return subprocess.run([*RUNNER, "sh", "-c", script], stdout=subprocess.PIPE, text=True, check=False)


@test
def a_skipped_case_is_written_as_one_with_its_reason():
    done = run("1..3\n# why not\nnot ok 1 # SKIP first\nnot ok 2 - second\nnot ok 3 # SKIP third\n")
    equal(done.stdout, "1..3\n# why not\nok 1 - first # SKIP why not\nnot ok 2 - second\nok 3 - third # SKIP \n")


@test
def all_else_is_passed_on_byte_by_byte():
    text = "1..2\n# not ok 1 # SKIP a\nok 1 - not ok 1 # SKIP b\nnot ok 2 - c\nno newline"
    done = subprocess.run([*RUNNER, "printf", "%s", text + "\u00fc\x01"], stdout=subprocess.PIPE, check=False)
    equal(done.stdout, (text + "\u00fc\x01").encode())


@test
def the_end_is_that_of_the_program():
    for code in (0, 1, 77):
        equal(run("1..0\n", code).returncode, code)
    for number in (signal.SIGKILL, signal.SIGABRT, signal.SIGTERM):
        done = subprocess.run([*RUNNER, "sh", "-c", f"ulimit -c 0; kill -{int(number)} $$"], check=False)
        equal(done.returncode, -number)


@test
def a_program_that_is_ended_cleans_up_before_its_runner_ends():
    with tempfile.TemporaryDirectory() as folder:
        begun, cleaned = os.path.join(folder, "begun"), os.path.join(folder, "cleaned")
        script = f"trap 'sleep 0.2; touch {cleaned}; exit 5' TERM; touch {begun}; while :; do sleep 0.05; done"
        with subprocess.Popen([*RUNNER, "sh", "-c", script], start_new_session=True) as runner:
            wait_for(lambda: os.path.exists(begun), "the program")
            os.killpg(runner.pid, signal.SIGTERM)
            equal(runner.wait(), 5)
            assert os.path.exists(cleaned), "the runner ended first"


def results(folder, setup):
    """{name: result} as meson sees them, and what tools/test_summary.py says in the end."""
    with open(os.path.join(folder, "meson.build"), "w", encoding="utf-8") as file:
        file.write("project('skips', meson_version: '>= 1.0')\n" + setup)
        for name, (text, code) in PROGRAMS.items():
            script = f"cat <<END\n{text}END\nexit {code}"
            file.write(f"test('{name}', find_program('sh'), args: ['-c', '''{script}'''], protocol: 'tap')\n")
    build = os.path.join(folder, "build")
    subprocess.run([MESON, "setup", build, folder], check=True, stdout=subprocess.DEVNULL)
    code = subprocess.run([MESON, "test", "-C", build], check=False, stdout=subprocess.DEVNULL).returncode
    log = os.path.join(build, "meson-logs/testlog.json")
    said = subprocess.run([sys.executable, "-B", os.path.join(SOURCE, "tools/test_summary.py"), log, str(code)],
                          stdout=subprocess.PIPE,
                          text=True, check=False).stdout
    with open(log, encoding="utf-8") as file:
        return {run["name"]: run["result"] for run in map(json.loads, file)}, said.splitlines()[-1]


@test
def a_program_with_skipped_cases_alone_is_a_skip_for_meson_too():
    with open(os.path.join(SOURCE, "tests/meson.build"), encoding="utf-8") as file:
        setup = next(line for line in file if line.startswith("add_test_setup("))
    setup = setup.replace("python,", "find_program('python3'),").replace("meson.current_source_dir()",
                                                                         f"'{SOURCE}/tests'")
    with tempfile.TemporaryDirectory(prefix="shmeter-skips-") as folder:
        seen, last = results(folder, setup)
    equal(seen, {"all skipped": "SKIP", "one skipped": "OK", "one failed": "ERROR", "failed while skipped": "ERROR"})
    equal(last, "1 passed, 2 failed, 5 skipped")


if __name__ == "__main__":
    main()
