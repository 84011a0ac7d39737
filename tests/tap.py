"""What the tests in Python share: a runner that prints TAP, and waiting for a condition. A test's name is the sentence
that it proves.

A test waits for a condition however long that takes: the machine may be busy. What hangs is ended by meson's time-out,
and run() then says where it was.
"""
import contextlib
import os
import signal
import sys
import time
import traceback

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
    failed, runner = 0, os.getpid()
    for number, (name, function) in enumerate(cases, 1):
        try:
            function()
        except Skip as why:
            print(f"ok {number} - {name} # SKIP {why}", flush=True)
        except Exception:
            failed += 1
            say_failed(number, name)
        except SystemExit:
            if os.getpid() == runner:
                say_failed(number, name)
            raise
        else:
            print(f"ok {number} - {name}", flush=True)
    sys.exit(1 if failed else 0)


def say_failed(number, name):
    print(f"not ok {number} - {name}", flush=True)
    print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="", flush=True)


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
    try:
        while True:
            with contextlib.suppress(OSError):
                if got := condition():
                    return got
            time.sleep(0.02)
    except SystemExit:
        print(f"# ended while it waited for: {what}", flush=True)
        raise


def need_other_users():
    """Skips a test that runs programs as other users, where this one cannot, or where they can reach none."""
    if os.geteuid():
        raise Skip("only root can run a program as another user")
    if not os.stat("/").st_mode & 0o001:
        raise Skip("other users may not enter the root directory here")


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} is not {wanted!r}")


def nothing(found, what):
    """Asserts that a list of complaints is empty."""
    if found:
        raise AssertionError("\n".join([f"{what}:", *map(str, found)]))
