"""quickstart: one round proves the numbers, and nothing stays behind however it ends.

Usage: test_quickstart.py SOURCE_FOLDER BUILD_FOLDER
"""
import contextlib
import functools
import os
import re
import select
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, test, wait_for  # noqa: E402

SOURCE, BUILD = map(os.path.abspath, sys.argv[1:3])
COMMAND = [sys.executable, "-B", os.path.join(SOURCE, "examples/pool/quickstart.py"), "--build", BUILD]


def processes_with(word):
    """Processes that have a word in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if word.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            continue
    return found


def children_of(pid):
    """All processes below one, in this instant; the guardian first, then the one that does the work."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            direct = list(map(int, file.read().split()))
    except OSError:
        return []
    return direct + [below for child in direct for below in children_of(child)]


@test
def one_round_shows_that_the_scraped_total_is_the_work_done():
    done = subprocess.run([*COMMAND, "--once"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout
    segment = re.search(r"^segment +(\S+)", done.stdout, re.MULTILINE)[1]
    assert "with -9" in done.stdout and "nothing lost, nothing twice" in done.stdout, done.stdout
    assert not os.path.exists(segment), segment
    assert not processes_with(os.path.basename(segment).removeprefix("shmeter.").removesuffix(".v1"))


def expected_code(number, whom):
    """-9 when it was killed itself, else the shell's way of saying which signal ended it."""
    return -number if number == signal.SIGKILL and whom in ("it", "all") else 128 + number


def leaves_nothing(moment, number, whom):
    """Ends a live quickstart, or one of its processes, when it prints a line, and looks for what is left."""
    process = subprocess.Popen(COMMAND, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True,
                               start_new_session=True)
    segment, below, descriptors = None, [], []
    try:
        for line in process.stdout:
            found = re.match(r"segment +(\S+)", line)
            segment = found[1] if found else segment
            if re.match(moment, line):
                break
        assert segment, "quickstart ended early"
        below = children_of(process.pid)
        assert len(below) > 1, "it has no processes"
        for child in below:
            with contextlib.suppress(ProcessLookupError):
                descriptors.append(os.pidfd_open(child))
        if whom == "all":
            os.killpg(process.pid, number)
        else:
            os.kill({"it": process.pid, "guardian": below[0], "work": below[1]}[whom], number)
        process.communicate()
        name = os.path.basename(segment).removeprefix("shmeter.").removesuffix(".v1")
        wait_for(lambda: not os.path.exists(segment), f"{segment} is left")
        for descriptor in descriptors:
            select.select([descriptor], [], [])  # until that process has ended
        wait_for(lambda: not processes_with(name), f"{processes_with(name)} are left")
        assert process.returncode == expected_code(number, whom)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


MOMENTS = {"when_it_has_the_segment": r"segment ", "when_the_pool_runs": r"pool ",
           "when_the_exporter_runs": r"exporter ",
           "under_load": r" *\d+ +\d+ "}
CASES = [(how, number, "it", when) for when in MOMENTS for how, number in (("sigterm", signal.SIGTERM),
                                                                           ("sigkill", signal.SIGKILL))]
CASES += [("sighup", signal.SIGHUP, "it", "under_load"), ("ctrl_c", signal.SIGINT, "all", "under_load"),
          ("sigkill_to_its_group", signal.SIGKILL, "all", "under_load"),
          ("sigkill_to_its_guardian", signal.SIGKILL, "guardian", "when_the_pool_runs"),
          ("sigkill_to_its_guardian", signal.SIGKILL, "guardian", "under_load"),
          ("sigkill_to_the_one_that_works", signal.SIGKILL, "work", "under_load")]
for each_how, each_number, each_whom, each_when in CASES:
    case = functools.partial(leaves_nothing, MOMENTS[each_when], each_number, each_whom)
    case.__name__ = f"nothing_is_left_after_{each_how}_{each_when}"
    test(case)


if __name__ == "__main__":
    main()
