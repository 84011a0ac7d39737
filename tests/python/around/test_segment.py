"""Which segment a process counts in when it names none: the shared one, or one of its own that leaves nothing
behind."""
import importlib.util
import os
import subprocess
import sys

from lib import FOLDER, Skip, equal, main, test

PROGRAM = """if True:
    import os, sys
    import shmeter
    from shmeter.prometheus import Counter, REGISTRY
    counter = Counter("counted", "C.", ["by"])
    counter.labels("parent").inc()
    if not os.fork():
        counter.labels("parent").inc(2)
        counter.labels("child").inc()
        os._exit(0)
    os.wait()
    print([REGISTRY.get_sample_value("counted_total", {"by": by}) for by in ("parent", "child")], shmeter.open().attached,
          os.path.exists(shmeter.open().path), os.getpid())
"""
# A program's tests, as people write them: a metric of the module, and a count that begins at 0.
SUITE = """
import os, subprocess, sys, unittest
from shmeter.prometheus import Counter, REGISTRY

COUNTED = Counter("counted", "C.")


class Counts(unittest.TestCase):
    def test_it(self):
        COUNTED.inc()
        self.assertEqual(REGISTRY.get_sample_value("counted_total"), 1)

    def test_a_program_that_is_started_counts_where_it_is_told(self):
        program = "import shmeter.prometheus as p; p.Counter('started', 'S.').inc(); print(p.store.shared().path)"
        environment = {**os.environ, "SHMETER_SEGMENT": os.environ["TOLD"]}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), os.environ["TOLD"])


if __name__ == "__main__":
    unittest.main()
"""


def run(*arguments, cwd=None, **environment):
    environment = {**os.environ, **environment}
    environment = {name: value for name, value in environment.items() if value is not None}
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=cwd,
                          env=environment)
    equal(done.returncode, 0, done.stdout + done.stderr)
    return done.stdout


def left(pid):
    return [name for name in os.listdir("/dev/shm") if name.startswith(f".shmeter-private-{pid}-")]


def segment(name):
    return os.path.join(FOLDER.name, name)


def count(name):
    """What PROGRAM says, but for its process, which must have left nothing."""
    said, _, pid = run("-c", PROGRAM, SHMETER_SEGMENT=name).strip().rpartition(" ")
    equal(left(pid), [], "files that are left")
    return said


@test
def a_private_store_is_that_of_the_process_and_its_children_and_gone_with_them():
    for word in ("private", "off", ""):
        for _ in range(2):
            equal(count(word), "[3.0, 1.0] True False", f"SHMETER_SEGMENT={word}")


@test
def children_that_count_before_their_parent_does_share_its_store():
    program = """if True:
        import multiprocessing
        from shmeter.prometheus import Counter, REGISTRY

        def task(number):
            Counter("tasks", "T.", registry=None).inc()
            again = Counter("again", "A.")
            again.inc()
            REGISTRY.unregister(again)

        with multiprocessing.get_context("fork").Pool(3) as pool:
            pool.map(task, range(60), 1)
        print(REGISTRY.get_sample_value("tasks_total"), REGISTRY.get_sample_value("again_total"))
    """
    equal(run("-c", program, SHMETER_SEGMENT="private"), "60.0 60.0\n")


@test
def what_was_saved_of_a_shared_segment_is_not_loaded_into_a_private_store():
    """The file is none that could be loaded: who tried would warn."""
    saved = segment("saved")
    with open(saved, "w", encoding="utf-8") as file:
        file.write("not what shmeter save writes\n")
    program = "import warnings; warnings.simplefilter('error'); import shmeter; print(shmeter.open().attached)"
    equal(run("-c", program, SHMETER_SEGMENT="private", SHMETER_LOAD=saved), "True\n")


@test
def a_segment_that_has_a_name_is_shared():
    equal(count(segment("named")), "[3.0, 1.0] True True")
    equal(count(segment("named")), "[6.0, 2.0] True True")


@test
def open_without_a_name_is_the_private_store_and_with_a_name_is_not():
    program = """if True:
        import shmeter
        meters = shmeter.open(), shmeter.open(), shmeter.open(%r)
        meters[0].counter("some_total").inc()
        meters[1].counter("some_total").inc()
        print([line for line in meters[0].expose().decode().splitlines() if line.startswith("some_total")], meters[2].path)
    """ % segment("told")
    equal(run("-c", program, SHMETER_SEGMENT="private"), f"['some_total 2.0'] {segment('told')}\n")


@test
def the_package_knows_which_store_a_meter_is():
    program = """if True:
        from shmeter import remade, segment
        own, named = segment.attach(), segment.attach(%r)
        print(segment.is_own(), segment.is_own_of(own), segment.is_own_of(named), segment.is_maker())
        print(remade.begins_anew(own), remade.begins_anew(named))
        for meter in own, named:
            remade.note(meter.counter("noted_total"), meter.path, ())
        print([path == own.path for path in remade._made])
        meter, path = segment.nameless()
        print(meter.path == path, meter.attached, path in (own.path, segment.nameless()[1]), segment.under_test_runner(), segment.path())
    """ % segment("told-too")
    equal(run("-c", program, SHMETER_SEGMENT="private"),
          "True True False True\nTrue False\n[True]\nTrue True False False /dev/shm/shmeter.private.v1\n")


@test
def what_is_made_again_begins_at_zero_in_a_private_store():
    program = """if True:
        from shmeter.prometheus import CollectorRegistry, Counter, Gauge, Histogram, REGISTRY
        for labels in ("a", "b"), ("b", "a"), ("a", "b"), ("a",), ("b", "a"):
            made = Counter("made", "M.", labels), Histogram("took", "T.", labels), Gauge("level", "L.", labels)
            values = dict.fromkeys(labels, "x")
            made[0].labels(**values).inc()
            made[1].labels(**values).observe(1)
            made[2].labels(**values).inc(2)
            print(*(REGISTRY.get_sample_value(name, values) for name in ("made_total", "took_count", "level")))
            for metric in made:
                REGISTRY.unregister(metric)
    """
    equal(run("-c", program, SHMETER_SEGMENT="private"), "1.0 1.0 2.0\n" * 5)


@test
def processes_that_are_killed_at_their_start_leave_nothing_for_long():
    """What one of them has left, the next one takes away at once: no process of this number is there any more."""
    program = [sys.executable, "-B", "-c",
               "import shmeter.prometheus as p; p.Counter('killed', 'K.'); print(end='.', flush=True); input()"]
    environment = {**os.environ, "SHMETER_SEGMENT": "private"}
    killed = []
    for number in range(12):  # before the first metric, in the middle of it, and behind it
        process = subprocess.Popen(program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if number % 3 == 0:
            process.stdout.read(1)
        killed.append(process.pid)
        process.kill()
        process.communicate()
    path = f"/dev/shm/.shmeter-private-{killed[0]}-{os.stat('/proc/self/ns/pid').st_ino}-left"
    with open(path, "w", encoding="utf-8"):
        pass  # as if one of them had been killed in the middle
    subprocess.run(program, env=environment, input=b"\n", stdout=subprocess.PIPE, check=True)
    equal([name for pid in killed for name in left(pid)], [])


@test
def what_a_living_process_has_or_one_of_another_container_stays():
    ours, other = os.stat("/proc/self/ns/pid").st_ino, 1
    paths = [f"/dev/shm/.shmeter-private-{pid}-{processes}-stays-{os.getpid()}"
             for pid, processes in ((os.getpid(), ours), (1 << 30, other))]
    for path in paths:
        with open(path, "w", encoding="utf-8"):
            pass
    try:
        program = "import shmeter.prometheus as p; p.Counter('other', 'O.')"
        subprocess.run([sys.executable, "-B", "-c", program], check=True,
                       env={**os.environ, "SHMETER_SEGMENT": "private"})
        equal([os.path.exists(path) for path in paths], [True, True])
    finally:
        for path in paths:
            os.unlink(path)


@test
def what_a_killed_process_has_left_is_taken_away_by_the_next():
    old, new = (f"/dev/shm/.shmeter-private-1-test-{os.getpid()}-{word}" for word in ("old", "new"))
    try:
        for path in (old, new):
            with open(path, "wb"):
                pass
        os.utime(old, (1, 1))
        run("-c", "import shmeter; shmeter.open()", SHMETER_SEGMENT="private")
        equal((os.path.exists(old), os.path.exists(new)), (False, True))
    finally:
        for path in (old, new):
            if os.path.exists(path):
                os.unlink(path)


def runs_twice(name, *arguments, **environment):
    """Asserts that the suite passes twice, and counts nothing where SHMETER_SEGMENT says."""
    folder = segment(name)
    os.mkdir(folder)
    with open(os.path.join(folder, "test_counts.py"), "w", encoding="utf-8") as file:
        file.write(SUITE)
    live = segment(name + "-live")
    for _ in range(2):
        run(*arguments, cwd=folder, SHMETER_SEGMENT=live, TOLD=segment(name + "-told"), **environment)
    equal(os.path.exists(live), False, "the live segment")


@test
def a_suite_of_unittest_passes_twice_and_counts_into_no_live_segment():
    runs_twice("unittest", "-B", "-m", "unittest", "-q")


@test
def a_suite_of_pytest_passes_twice_and_counts_into_no_live_segment():
    if not importlib.util.find_spec("pytest"):
        raise Skip("pytest is missing (python3-pytest)")
    runs_twice("pytest", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider")


@test
def a_program_that_calls_pytest_is_a_test_runner():
    if not importlib.util.find_spec("pytest"):
        raise Skip("pytest is missing (python3-pytest)")
    runs_twice("pytest-called", "-B", "-c",
               "import pytest, sys; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', 'test_counts.py']))")


@test
def a_segment_can_be_named_for_test_runs():
    path = segment("for-tests")
    program = "import shmeter.prometheus as p; p.Counter('for_tests', 'F.').inc(); print(p.store.shared().path)"
    folder = segment("named-tests")
    os.mkdir(folder)
    with open(os.path.join(folder, "test_it.py"), "w", encoding="utf-8") as file:
        file.write(program)
    equal(run("-B", "-m", "unittest", "-q", "test_it", cwd=folder, SHMETER_TEST_SEGMENT=path,
              SHMETER_SEGMENT=segment("never")).split()[0], path)
    equal((os.path.exists(path), os.path.exists(segment("never"))), (True, False))


@test
def a_program_that_is_named_like_a_test_runner_is_none():
    folder = segment("named")
    os.makedirs(folder + "-like", exist_ok=True)
    for name, *arguments in (("pytest",), ("trial",), ("manage.py", "test"), ("unittest",)):
        path = os.path.join(folder + "-like", name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("from shmeter import segment\nprint(segment.under_test_runner(), segment.is_own())\n")
        equal(run(path, *arguments, SHMETER_SEGMENT=segment("like")), "False False\n", name)


FIXTURE = """
import pytest
from shmeter.prometheus import Counter, Gauge, Histogram, Info, REGISTRY

COUNTED = Counter("counted", "C.", ["by"])
HELD = COUNTED.labels("held")
SECONDS = Histogram("seconds", "S.", buckets=(1, 2))
GAUGE = Gauge("gauge", "G.")


@pytest.mark.parametrize("time", range(3))
def test_each_begins_anew(time, shmeter_metrics):
    assert shmeter_metrics.value("counted_total", by="held") == 0
    assert shmeter_metrics.value("counted_total", by="other") is None
    assert shmeter_metrics.value("seconds_count") == 0 and shmeter_metrics.value("gauge") == 0
    HELD.inc()
    COUNTED.labels("other").inc(2)
    SECONDS.observe(1.5)
    GAUGE.set(5)
    assert COUNTED.labels("held") is HELD
    assert shmeter_metrics.value("counted_total", by="held") == 1
    assert shmeter_metrics.value("counted_total", by="other") == 2
    assert shmeter_metrics.value("seconds_bucket", le="2.0") == 1 and shmeter_metrics.value("gauge") == 5
"""


@test
def a_fixture_has_all_metrics_begin_again():
    if not importlib.util.find_spec("pytest"):
        raise Skip("pytest is missing (python3-pytest)")
    folder = segment("fixture")
    os.mkdir(folder)
    with open(os.path.join(folder, "test_fixture.py"), "w", encoding="utf-8") as file:
        file.write(FIXTURE)
    said = run("-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "shmeter.pytest_plugin", cwd=folder)
    assert "3 passed" in said, said


@test
def nothing_begins_again_in_a_segment_that_is_shared():
    program = """if True:
        import shmeter.prometheus as p
        from shmeter import testing
        p.Counter("shared", "S.").inc()
        try:
            testing.begin_again()
        except RuntimeError as error:
            print(error, testing.value("shared_total"))
    """
    path = segment("kept")
    equal(run("-c", program, SHMETER_SEGMENT=path),
          f"{path} is shared with other processes: nothing is reset in it. Set SHMETER_SEGMENT=private 1.0\n")


if __name__ == "__main__":
    main()
