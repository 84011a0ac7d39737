"""What `shmeter save` has kept is there again where a program creates the segment: SHMETER_LOAD and open(load=...).

Usage: test_saved.py PYTHON_PACKAGE SHMETER
"""
import os
import subprocess
import sys
import warnings

PACKAGE, SHMETER = (os.path.abspath(path) for path in sys.argv[1:3])
sys.path[:0] = [PACKAGE, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

from lib import equal, FOLDER, main, test  # noqa: E402

import shmeter  # noqa: E402

POOL = """
import os
from shmeter.prometheus import Counter, Gauge, Histogram, generate_latest
def count():
    Counter("shop_requests", "R.", ["who"]).labels("a\\n").inc(0.1)
    Histogram("shop_seconds", "S.").observe(0.25)
    Gauge("shop_last", "L.", multiprocess_mode="mostrecent").set(7)
    Gauge("shop_now", "N.").set(1)
pids = []
for _ in range(4):
    pid = os.fork()
    if not pid:
        count()
        os._exit(0)
    pids.append(pid)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
"""

serial = 0


def fresh():
    """A segment's path and a file's."""
    global serial
    serial += 1
    return os.path.join(FOLDER.name, f"s{serial}"), os.path.join(FOLDER.name, f"f{serial}")


def run(segment, text=POOL, **environment):
    """Runs a program in the segment; returns what it has to say on stderr."""
    done = subprocess.run([sys.executable, "-B", "-c", text], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": PACKAGE, "SHMETER_SEGMENT": segment, **environment})
    equal((done.returncode, done.stdout), (0, ""), done.stderr)
    return done.stderr


def command(*words):
    return subprocess.run([SHMETER, *words], check=True, capture_output=True, text=True).stdout


def exposed(segment):
    lines = command("dump", segment).splitlines()
    return {line.rsplit(" ", 1)[0]: line.rsplit(" ", 1)[1] for line in lines if line[0] != "#"}


@test
def a_pool_that_begins_after_a_reboot_goes_on_counting():
    segment, file = fresh()
    equal(run(segment, SHMETER_LOAD=file), "", "the first start, when nothing was saved")
    command("save", file, segment)
    os.unlink(segment)
    equal(run(segment, SHMETER_LOAD=file), "", "after the reboot")
    values = exposed(segment)
    equal((values["shop_seconds_count"], values["shop_seconds_sum"], values["shop_last"]), ("8", "2", "7"))
    equal(round(float(values['shop_requests_total{who="a\\n"}']), 9), 0.8)
    equal(run(segment, SHMETER_LOAD=file), "", "the segment is there")
    equal(exposed(segment)["shop_seconds_count"], "12")


@test
def open_takes_the_file_as_an_option():
    segment, file = fresh()
    run(segment)
    command("save", file, segment)
    os.unlink(segment)
    meter = shmeter.open(segment, load=file)
    equal(exposed(segment)["shop_seconds_count"], "4")
    meter.close()


@test
def a_damaged_file_is_a_warning_and_the_segment_begins_empty():
    segment, file = fresh()
    with open(file, "w", encoding="utf-8") as damaged:
        damaged.write("shmeter-saved 1\nhello\n")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        meter = shmeter.open(segment, load=file)
    equal([(one.category, str(one.message)) for one in told],
          [(RuntimeWarning, f"{file}:2: a line 'segment' is expected; the segment begins empty")])
    equal((meter.attached, exposed(segment)), (True, {}))
    meter.counter("goes_on_total").inc()
    equal(exposed(segment), {"goes_on_total": "1"})
    meter.close()


@test
def many_that_start_at_once_load_once():
    segment, file = fresh()
    run(segment)
    command("save", file, segment)
    os.unlink(segment)
    many = [subprocess.Popen([sys.executable, "-B", "-c", POOL],
                             env={**os.environ, "PYTHONPATH": PACKAGE, "SHMETER_SEGMENT": segment,
                                  "SHMETER_LOAD": file})
            for _ in range(4)]
    equal([one.wait() for one in many], [0] * 4)
    equal(exposed(segment)["shop_seconds_count"], "20")


main()
