"""Counting what calls leave behind: blocks of Python, references of what all calls have in common, and memory of the C
library."""
import ctypes
import gc
import sys

from shmeter import _core

ROUNDS = 300
TYPES = [one for one in vars(_core).values() if isinstance(one, type)]


class Heap(ctypes.Structure):
    """struct mallinfo2 of malloc.h."""
    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks",
                                                     "fsmblks", "uordblks", "fordblks",
                                                     "keepcost")]


def heap_function():
    try:
        function = ctypes.CDLL(None).mallinfo2
    except AttributeError:  # another C library
        return None
    function.restype = Heap
    return function


_heap = heap_function()


def heap_bytes():
    if not _heap:
        return 0
    info = _heap()
    return info.uordblks + info.hblkhd


def left_behind(act, watched=()):
    """What ROUNDS calls of act leave: {what: how much}, of what is a piece for each call, again and again; caches fill
    once."""
    names = {"None": None, "True": True, "False": False, "()": (), "\"\"": "", **{one.__name__: one for one in TYPES},
             **{f"{type(one).__name__} {at}": one for at, one in enumerate(watched)}}

    def count():
        gc.collect()
        return {"blocks": sys.getallocatedblocks(), "bytes of C": heap_bytes() // 16,
                **{name: sys.getrefcount(one) for name, one in names.items()}}

    def measure():
        before = count()
        for _ in range(ROUNDS):
            act()
        after = count()
        return {name: after[name] - before[name] for name in before
                if 10 * abs(after[name] - before[name]) >= 9 * ROUNDS}

    for _ in range(60):
        act()
    count()
    return measure() and measure() and measure()


def quiet(call, kind=Exception):
    """A function that calls and wants the exception."""
    def act():
        try:
            call()
        except kind:
            return
        raise AssertionError("nothing was raised")
    return act
