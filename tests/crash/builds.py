"""All builds of the operations through the crash tests, one on each of two CPUs at a time, and what was done in all.

Usage: builds.py CRASH BUILD...
"""
import concurrent.futures
import os
import queue
import re
import signal
import subprocess
import sys

CRASH, BUILDS = sys.argv[1], sys.argv[2:]
FULL_SET = 6  # gcc and clang, -O0, -O2 and -O3
BOUNDARIES, KILLS = 1_000_000, 100_000  # so many at least, of a full set
CASE = re.compile(r"(ok|not ok) \d+ - (.*)")
FIGURE = re.compile(r"(\d+) ([a-z][a-z ]*)")

running = set()


def kill_all(_number, _frame):
    for one in list(running):
        one.terminate()  # it takes its own children and files along
    os._exit(1)


def run(build, cpus):
    """Exit code and output of one build's tests."""
    cpu = cpus.get()
    with subprocess.Popen([CRASH, "--long", f"--cpu={cpu}", build], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as one:
        running.add(one)
        said = one.communicate()[0]
    running.discard(one)
    cpus.put(cpu)
    return one.returncode, said


class Report:
    """Prints cases as one TAP document, and adds figures up."""

    def __init__(self):
        self.cases = self.failed = 0
        self.sums = {}
        self.lines = []
        self.lanes = ""

    def case(self, good, name):
        self.cases += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.cases} - {name}", flush=True)

    def add(self, build, code, said):
        """What the tests of a build have printed, but for the plan and the group's name."""
        for line in said.splitlines():
            case = CASE.match(line)
            if case:
                self.case(case[1] == "ok", case[2])
            elif line.startswith(f"# {build}, ") and " boundaries, " in line:
                self.line(line)
            elif not line.startswith("1.."):
                print(line if line.startswith("#") else f"# {line}", flush=True)
        self.case(code == 0, f"{build} was run to its end")

    def line(self, line):
        self.lines.append(line)
        self.lanes = re.search(r"\w+ lanes", line)[0]
        for number, unit in FIGURE.findall(line.split("lanes: ")[1]):
            self.sums[unit] = self.sums.get(unit, 0) + int(number)

    def end(self):
        complete = len(self.lines) == FULL_SET
        if complete:
            wanted = self.sums["boundaries"] >= BOUNDARIES and self.sums["kills"] >= KILLS
            self.case(wanted, f"at least {BOUNDARIES} boundaries were looked at, and {KILLS} kills made")
        else:
            self.case(True, f"both compilers and all optimizations are there # SKIP only {len(self.lines)} builds")
        print("\n".join(self.lines))
        print(f"# all {len(self.lines)} builds, {self.lanes}: "
              + ", ".join(f"{number} {unit}" for unit, number in self.sums.items()))
        print(f"1..{self.cases}", flush=True)


def main():
    signal.signal(signal.SIGTERM, kill_all)
    signal.signal(signal.SIGINT, kill_all)
    allowed = sorted(os.sched_getaffinity(0))[:2]
    cpus = queue.SimpleQueue()
    for cpu in allowed:
        cpus.put(cpu)
    report = Report()
    with concurrent.futures.ThreadPoolExecutor(len(allowed)) as workers:
        for build, (code, said) in zip(BUILDS, workers.map(lambda build: run(build, cpus), BUILDS)):
            report.add(build, code, said)
    report.end()
    return 1 if report.failed else 0


sys.exit(main())
