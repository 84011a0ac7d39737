"""What is done again and again, or by other code in the middle of it: one child for each set of label values, and
nothing is left behind."""
import os
import sys
import threading
import warnings

import shmeter
from lib import FOLDER, equal, main, raises, test

ROUNDS = 2000
THREADS = 4


def small(name):
    """A meter with room for a few wide histograms."""
    return shmeter.open(os.path.join(FOLDER.name, name), lane_bytes=65536, max_series=64, max_slots=4, max_gauges=64)


def flat(act):
    """Asserts that calls of act leave nothing behind that Python has allocated."""
    for _ in range(100):
        act()
    before = sys.getallocatedblocks()
    for _ in range(ROUNDS):
        act()
    left = sys.getallocatedblocks() - before
    assert left < ROUNDS // 10, f"{left} blocks are left by {ROUNDS} calls"


@test
def a_child_that_is_made_while_it_is_being_made_is_the_same():
    """The warning that there is no room runs the program's own code."""
    family = small("full").histogram("wide", labels=["l"], bounds=range(1000))
    inner, warned = [], warnings.showwarning

    def show(*_):
        if not inner:
            inner.append(None)
            inner[0] = family.labels(str(number))

    try:
        warnings.showwarning = show
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = show
            number = 0
            while not inner:
                number += 1
                outer = family.labels(str(number))
                assert number < 100, "there is room for all"
    finally:
        warnings.showwarning = warned
    assert inner[0] is outer
    assert family.labels(str(number)) is outer
    equal(len(family._metrics), number)


@test
def threads_that_make_children_at_once_have_the_same():
    family = small("threads").gauge("at_once", labels=["l"])
    barrier, made = threading.Barrier(THREADS), [[] for _ in range(THREADS)]

    def work(mine):
        for number in range(50):
            barrier.wait()
            mine.append(family.labels(str(number % 20)))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(children == made[0] for children in made)
    equal(len(family._metrics), 20)


@test
def errors_leave_nothing_behind():
    meter = small("errors")
    meter.close()

    def fail():
        try:
            meter.attach_worker()
        except shmeter.Error:
            return
        raise AssertionError("a closed meter has a slot")

    flat(fail)
    family = meter.gauge("failing", labels=["l"])
    flat(lambda: raises(ValueError, "Incorrect label count", lambda: family.labels("a", "b")))


@test
def opens_and_children_leave_nothing_behind():
    family = small("children").gauge("again", labels=["l"])

    def again():
        family.labels("x").set(1)
        family.remove("x")
        small("children").close()

    flat(again)


if __name__ == "__main__":
    main()
