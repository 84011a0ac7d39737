"""Counts single test cases in meson's logs, names what was skipped, shows what failed, and ends with "N passed, N
failed, N skipped". Of more than one log, which a long check has, it shows the figures too: what programs that print TAP
say in comments, and how long each took.

A program that prints TAP counts with each of its cases; any other is one case by its exit code. What a program's exit
code, a timeout or a broken plan has against it counts as one more failure.

With --of, a file in which meson has all tests of the build, those that the log does not have are named.

Usage: test_summary.py [--of TESTS] (LOG EXIT_CODE_OF_MESON)...
"""
import json
import re
import sys

CASE = re.compile(r"(not )?ok\b\s*\d*\s*-?\s*([^#]*)(#\s*(skip|todo)\b.*)?", re.IGNORECASE)
FIGURE = re.compile(r"# (?!#)(?!(not )?ok - )(.*)")  # cmocka has lines of the second kind
PLAN = re.compile(r"1\.\.(\d+)(\s*#\s*skip\b.*)?", re.IGNORECASE)
GOOD = {"OK", "EXPECTEDFAIL"}
BAD = {"FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"}
SKIPPED = "SKIP"
SHOWN_LINES = 200


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.reasons = []
        self.skips = []

    def fail(self, reason):
        self.failed += 1
        self.reasons.append(reason)

    def skip(self, case):
        self.skipped += 1
        self.skips.append(case)


def count_tap(stdout, tally):
    """Adds a program's TAP cases. Returns whether there was any TAP."""
    planned, cases, plan_skips = None, 0, False
    for line in stdout.splitlines():
        plan = PLAN.match(line)
        if plan:
            planned, plan_skips = int(plan[1]), plan[2] is not None
            continue
        case = CASE.match(line)
        if not case:
            continue
        cases += 1
        directive = (case[4] or "").lower()
        if directive in ("skip", "todo"):  # cmocka says "not ok 1 # SKIP" where TAP has "ok"
            tally.skip((case[2].strip() + " " + case[3].lstrip("# ")).strip())
        elif case[1]:
            tally.fail("not ok: " + case[2].strip())
        else:
            tally.passed += 1
    if planned is None:
        if cases:
            tally.fail("no plan: the program ended before it had run all of its cases")
        return cases > 0
    if planned == 0 and cases == 0:
        if plan_skips:
            tally.skip("all of it")
        else:
            tally.fail("an empty plan: no case was run")
    elif planned != cases:
        tally.fail(f"{planned} cases planned, {cases} run")
    return True


def count_program(run):
    tally = Tally()
    tap = count_tap(run.get("stdout") or "", tally)
    result, code = run["result"], run["returncode"]
    if not tap:
        if result in GOOD:
            tally.passed += 1
        elif result == SKIPPED and code == 77:
            tally.skip("all of it")
        else:
            tally.fail(f"{result}, exit code {code}")
    elif result in ("TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"):
        tally.fail(result)
    elif code != 0 and not tally.failed:
        tally.fail(f"all cases ran, and then exit code {code}")
    return tally


def show(run, tally):
    print(f"\n==== {run['name']}")
    for reason in tally.reasons:
        print("  " + reason)
    for stream in ("stdout", "stderr"):
        lines = (run.get(stream) or "").splitlines()
        if not lines:
            continue
        print(f"---- {stream}" + (f", the last {SHOWN_LINES} lines" if len(lines) > SHOWN_LINES else ""))
        print("\n".join(lines[-SHOWN_LINES:]))


def show_figures(run):
    lines = [figure[2] for figure in map(FIGURE.fullmatch, (run.get("stdout") or "").splitlines()) if figure]
    if lines:
        print(f"\n==== {run['name']}, {run['duration']:.0f} s")
        print("\n".join(lines))


def count_log(path, meson_code, total, figures):
    try:
        with open(path, encoding="utf-8") as file:
            runs = [json.loads(line) for line in file]
    except OSError as error:
        print(f"No tests were run: {error}")
        total.fail("no log")
        return
    for run in runs:
        tally = count_program(run)
        total.passed += tally.passed
        total.failed += tally.failed
        total.skipped += tally.skipped
        for case in tally.skips:
            print(f"skipped: {run['name']}: {case}")
        if tally.failed:
            show(run, tally)
        elif figures:
            show_figures(run)
    if meson_code != 0 and not any(run["result"] in BAD for run in runs):
        total.fail(f"meson itself ended with exit code {meson_code}")
        print(total.reasons[-1])


def short(name):
    """A test's name without its project and suites."""
    return name.rpartition(" / ")[2]


def show_left_out(tests, log):
    with open(tests, encoding="utf-8") as file:
        names = [one["name"] for one in json.load(file)]
    try:
        with open(log, encoding="utf-8") as file:
            runs = [json.loads(line) for line in file]
    except OSError:
        return
    run_names = {short(run["name"]) for run in runs}
    longest = sorted(runs, key=lambda run: -run["duration"])[:3]
    print("\nThe longest of these were " + ", ".join(f"{short(run['name'])} ({run['duration']:.0f} s)"
                                                     for run in longest) + ".")
    print("Left out: " + ", ".join(name for name in names if name not in run_names) + ".")


def main():
    total = Tally()
    arguments = sys.argv[1:]
    tests = arguments[1] if arguments[:1] == ["--of"] else None
    arguments = arguments[2:] if tests else arguments
    logs = list(zip(arguments[::2], arguments[1::2]))
    for path, meson_code in logs:
        count_log(path, int(meson_code), total, figures=len(logs) > 1)
    if tests:
        show_left_out(tests, logs[0][0])
    if total.failed:
        print("\nEverything the tests printed is in build/meson-logs/")
    print(f"{total.passed} passed, {total.failed} failed" + (f", {total.skipped} skipped" if total.skipped else ""))
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
