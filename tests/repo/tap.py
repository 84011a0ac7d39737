"""Runs the functions marked with @test and prints TAP. A test's name is the sentence that it proves."""
import sys
import traceback

TESTS = []


class Skip(Exception):
    """A test that cannot run here; says why."""


def test(function):
    TESTS.append(function)
    return function


def main():
    print(f"1..{len(TESTS)}", flush=True)
    failed = 0
    for number, one in enumerate(TESTS, 1):
        try:
            one()
        except Skip as why:
            print(f"ok {number} - {one.__name__} # SKIP {why}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {one.__name__}", flush=True)
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
        else:
            print(f"ok {number} - {one.__name__}", flush=True)
    sys.exit(1 if failed else 0)


def nothing(found, what):
    """Asserts that a list of complaints is empty."""
    if found:
        raise AssertionError("\n".join([f"{what}:", *map(str, found)]))
