"""What the tests in Python share: a runner that prints TAP, and waiting for a condition. A test's name is the sentence that it proves."""
import signal
import sys
import time
import traceback

DEADLINE = 30  # seconds until a test gives up waiting for something that has to happen

TESTS = []


class Skip(Exception):
    """A test that cannot run here; says why."""


def test(function):
    """Marks a function as a test."""
    TESTS.append(function)
    return function


def run(cases):
    """Runs (name, function) pairs, prints TAP, and exits with 1 when one failed."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that cleaning up happens
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(cases, 1):
        try:
            function()
        except Skip as why:
            print(f"ok {number} - {name} # SKIP {why}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
        else:
            print(f"ok {number} - {name}", flush=True)
    sys.exit(1 if failed else 0)


def main():
    """Runs the marked tests."""
    run([(one.__name__, one) for one in TESTS])


def main_with(bench, wanted):
    """Runs the marked tests, or those named, each with a bench() of its own that goes away with it."""
    def case(one):
        def function():
            with bench() as made:
                one(made)
        return one.__name__, function
    run([case(one) for one in TESTS if not wanted or one.__name__ in wanted])


def wait_for(condition, what):
    """Asks until condition() is true and returns what it gave. A condition that raises OSError is not true yet."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            got = condition()
        except OSError:
            got = None
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"in vain waited for: {what}")
        time.sleep(0.02)


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} is not {wanted!r}")


def nothing(found, what):
    """Asserts that a list of complaints is empty."""
    if found:
        raise AssertionError("\n".join([f"{what}:", *map(str, found)]))
