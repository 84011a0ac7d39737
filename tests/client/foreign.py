#!/usr/bin/env python3
"""Counts in a segment through libshmeter.so's symbols: what misuse_link.c compares with the scrape."""
import ctypes
import sys


class Handle(ctypes.Structure):  # every handle is a pointer and one word
    _fields_ = [("at", ctypes.c_void_p), ("word", ctypes.c_uint64)]


class Desc(ctypes.Structure):  # struct shmeter_desc
    _fields_ = [("type", ctypes.c_int), ("name", ctypes.c_char_p), ("help", ctypes.c_char_p), ("unit", ctypes.c_char_p),
                ("labels", ctypes.POINTER(ctypes.c_char_p)), ("bounds", ctypes.POINTER(ctypes.c_double)),
                ("bounds_len", ctypes.c_uint32), ("max_series", ctypes.c_uint32), ("mode", ctypes.c_int),
                ("schema", ctypes.c_int32), ("min_value", ctypes.c_double), ("max_value", ctypes.c_double)]


COUNTER, HISTOGRAM = 0, 3


def load(path):
    lib = ctypes.CDLL(path)
    values = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p), ctypes.c_uint32]
    lib.shmeter_open.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_void_p]
    lib.shmeter_family.argtypes, lib.shmeter_family.restype = [ctypes.c_void_p, ctypes.POINTER(Desc)], ctypes.c_void_p
    lib.shmeter_counter_of_v.argtypes, lib.shmeter_counter_of_v.restype = values, Handle
    lib.shmeter_histogram_of_v.argtypes, lib.shmeter_histogram_of_v.restype = values, Handle
    lib.shmeter_counter_inc.argtypes, lib.shmeter_counter_inc.restype = [Handle], None
    lib.shmeter_counter_add.argtypes, lib.shmeter_counter_add.restype = [Handle, ctypes.c_uint64], None
    lib.shmeter_histogram_observe.argtypes = [Handle, ctypes.c_double]
    lib.shmeter_histogram_observe.restype = None
    lib.shmeter_error.argtypes, lib.shmeter_error.restype = [ctypes.c_void_p], ctypes.c_char_p
    lib.shmeter_close.argtypes, lib.shmeter_close.restype = [ctypes.c_void_p], None
    return lib


def main(library, segment):
    lib = load(library)
    meter = ctypes.c_void_p()
    if lib.shmeter_open(ctypes.byref(meter), segment.encode(), None):
        sys.exit(lib.shmeter_error(meter).decode())
    labels = (ctypes.c_char_p * 2)(b"who", None)
    counters = lib.shmeter_family(meter, Desc(type=COUNTER, name=b"foreign_total", labels=labels))
    histograms = lib.shmeter_family(meter, Desc(type=HISTOGRAM, name=b"foreign_seconds"))
    counter = lib.shmeter_counter_of_v(counters, (ctypes.c_char_p * 1)(b"a"), 1)
    histogram = lib.shmeter_histogram_of_v(histograms, None, 0)
    for _ in range(1000):
        lib.shmeter_counter_inc(counter)
        lib.shmeter_histogram_observe(histogram, 0.5)
    lib.shmeter_counter_add(counter, 3)
    error = lib.shmeter_error(meter).decode()
    lib.shmeter_close(meter)
    sys.exit(error or 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
