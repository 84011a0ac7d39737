"""Where the store cannot be had: each system call is refused in turn by a filter, as a container's may do, and the
segment's name is what no segment can have. The program runs on, it is told once and truly, and its own exposition has
what it counts."""
import ctypes
import errno
import os
import struct
import subprocess
import sys
import tempfile
import warnings

from lib import FOLDER, Skip, equal, main, nothing, test

import shmeter
from shmeter import _core
from shmeter.prometheus import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CALLS = 462  # system calls of Linux 6.8, on every architecture
SHOWN = ("hits_total 3.0", 'level{a="k"} 7.0', "lat_count 1.0")
LIBC = ctypes.CDLL(None, use_errno=True)
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # of the kernel's classic BPF
ALLOW, REFUSE = 0x7fff0000, 0x00050000
NEEDED = 9, 222, 12, 214, 98, 202, 60, 93, 94, 231  # by libc: mmap, brk, futex, exit, exit_group, of x86-64 and aarch64


def refuse(call, error, argument=None, value=0):
    """From now on the kernel refuses a call; or only those calls of it whose argument of this number is value."""
    operations = [(LOAD, 0, 0, 0), (EQUAL, 0, 1 if argument is None else 3, call)]
    if argument is not None:
        operations += [(LOAD, 0, 0, 16 + 8 * argument), (EQUAL, 0, 1, value)]
    operations += [(RETURN, 0, 0, REFUSE | error), (RETURN, 0, 0, ALLOW)]
    code = b"".join(struct.pack("HBBI", *one) for one in operations)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxQ", len(operations), ctypes.addressof(buffer))
    assert LIBC.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    return LIBC.prctl(22, 2, program, 0, 0) == 0  # PR_SET_SECCOMP


def count_and_look():
    """What is wrong: 0 nothing, 1 nothing and the program was told, else something is."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        Counter("hits", "H.").inc(3)
        Gauge("level", "L.", ["a"]).labels("k").set(7)
        Histogram("lat", "L.").observe(0.2)
        text = generate_latest().decode()
    if not all(line in text for line in SHOWN):
        return 2
    if len(told) > 1 or any("not shared" not in str(one.message) for one in told):
        return 3
    return len(told)


def in_fork(function):
    """What function returns, a small number, in a process of its own, which leaves nothing in this one."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    result = 9
    try:
        result = int(function())
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(result)


def outcome(call, error, *argument):
    """What count_and_look() finds in a process to which a call is refused, and whether another process finds the
    numbers in the segment."""
    path = os.environ["SHMETER_SEGMENT"] = os.path.join(FOLDER.name, "refused")
    result = in_fork(lambda: count_and_look() if refuse(call, error, *argument) else 77)
    if result == 77:
        raise Skip("no seccomp")
    stored = os.path.exists(path) and in_fork(lambda: b"hits_total 3" in _core.open(path).expose()) == 1
    if os.path.exists(path):
        os.unlink(path)
    return result, stored


def complaint(call, error, *argument):
    """Nothing is wrong when the numbers are in the segment, and when they are not and the program knows."""
    result, stored = outcome(call, error, *argument)
    return "" if (result, stored) in ((0, True),
                                      (1,
                                       False)) else f"{call} {errno.errorcode[error]} {argument}: {result}, stored: {stored}"


@test
def each_system_call_may_be_refused():
    nothing([one for one in (complaint(call, errno.EPERM) for call in range(CALLS) if call not in NEEDED) if one],
            "what a refusal does harm to")


@test
def shared_mappings_may_be_refused_and_advice_that_old_kernels_do_not_know():
    mmap, madvise = (9, 28) if os.uname().machine == "x86_64" else (222, 233)
    equal(outcome(mmap, errno.EPERM, 3, 1), (1, False))
    for advice in (18, 23, 102):  # MADV_WIPEONFORK, MADV_POPULATE_WRITE, MADV_GUARD_INSTALL
        equal(outcome(madvise, errno.EINVAL, 2, advice), (0, True), advice)


def says_what_is_refused():
    assert refuse(9 if os.uname().machine == "x86_64" else 222, errno.EPERM)
    try:
        _core.open(os.path.join(FOLDER.name, "unmapped"))
    except OSError as error:
        equal((type(error), error.errno, str(error)), (shmeter.Error, errno.EPERM, "[Errno 1] no memory for a meter: mmap(2): Operation not permitted"))
        return 0
    return 1


@test
def without_any_mapping_the_error_says_what_is_refused():
    code = "import test_refused as t, os; r = t.says_what_is_refused(); os._exit(r)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=os.path.dirname(os.path.abspath(__file__)))
    equal((done.returncode, done.stderr), (0, ""))


PROGRAM = """if True:
    import warnings
    from shmeter.prometheus import Counter, Gauge, Histogram, CollectorRegistry, generate_latest
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        counter = Counter("hits", "H.")
        counter.inc(3)
        Gauge("level", "L.", ["a"]).labels("k").set(7)
        Histogram("lat", "L.").observe(0.2)
        registry = CollectorRegistry()
        Counter("mine", "M.", registry=registry).inc(4)
    print(len(told), *(one.message for one in told))
    for _ in range(3):
        text = generate_latest().decode()
        print(*(line for line in text.splitlines() if line.startswith(("hits_total", "level", "lat_count"))), sep="; ")
    print(registry.get_sample_value("mine_total"))
"""


def lines_of(segment):
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True,
                          env={**os.environ, "SHMETER_SEGMENT": segment})
    equal(done.stderr, "")
    return done.stdout.splitlines()


@test
def a_name_that_no_segment_can_have_is_told_once_and_the_numbers_are_shown():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for segment in ("my shop", "shop*", "n\u00e9", "a" * 65, folder + "/" + "a" * 300, folder + "/no/folder",
                        folder, "/etc/hostname"):
            told, *shown, mine = lines_of(segment)
            assert told.startswith("1 segment ") and segment[:250] in told and told.endswith("metrics of this process "
                                                                                             "are not shared"), told
            equal(shown, ["; ".join(SHOWN)] * 3, segment)
            equal(mine, "4.0")


@test
def a_path_with_signs_of_patterns_is_that_very_path():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for name in ("a[1]", "b*", "c?", "d\\", "e\\*"):
            told, *shown, mine = lines_of(f"{folder}/{name}")
            equal((told, mine), ("0", "4.0"))
            equal(shown, ["; ".join(SHOWN)] * 3, name)


@test
def a_wrong_name_in_a_call_is_the_callers_mistake_and_one_of_the_environment_is_not():
    for name in ("my shop", "a" * 65):
        try:
            shmeter.open(name)
            raise AssertionError(f"{name} was accepted")
        except ValueError as error:
            assert name in str(error), error
    os.environ["SHMETER_SEGMENT"] = "my  shop"
    meter = _core.open()
    equal(meter.attached, False)
    assert "my  shop" in meter.error, meter.error
    meter.counter("plain_total").inc(2)
    assert b"plain_total 2" in meter.expose(), meter.expose()


@test
def what_is_forked_counts_with_its_parent_also_without_a_store():
    os.environ["SHMETER_SEGMENT"] = "my shop"
    meter = _core.open()
    counter, gauge = meter.counter("forked_total"), meter.gauge("live", mode="live_sum")
    gauge.set(1)
    for _ in range(3):
        pid = os.fork()
        if not pid:
            counter.inc()
            gauge.set(10)
            os._exit(0)
        os.waitpid(pid, 0)
    text = meter.expose().decode()
    assert "forked_total 3" in text and "live 1" in text, text


@test
def a_segment_that_can_be_had_later_is_taken_then():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = folder + "/later/segment"
        meter = _core.open(path)
        counter = meter.counter("later_total", "", ["a"])
        counter.labels("x").inc()
        assert b'later_total{a="x"} 1' in meter.expose() and not meter.attached
        os.mkdir(folder + "/later")
        again = _core.open(path)
        equal(again.attached, True)
        again.counter("later_total", "", ["a"]).labels("y").inc(5)
        assert b'later_total{a="y"} 5' in again.expose(), again.expose()
        assert b'later_total{a="y"} 5' in meter.expose(), meter.expose()


if __name__ == "__main__":
    main()
