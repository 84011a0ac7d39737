"""Limits that are reached: the program is told once for each metric, truly, and what it keeps in memory does not grow
with what the store refuses."""
import os
import subprocess
import sys
import tempfile

from lib import equal, main, test


def run(program, **options):
    """What a program prints that has opened a segment with these sizes, and all its warnings."""
    begin = f"""if True:
        import warnings
        told = []
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, category, filename, *rest: told.append((category.__name__, filename, str(message)))
        import shmeter
        meter = shmeter.open(**{options!r})
        from shmeter.prometheus import *
        from shmeter.prometheus import REGISTRY
        value = REGISTRY.get_sample_value
    """
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        done = subprocess.run([sys.executable, "-c", begin + program], capture_output=True, text=True, check=False,
                              env={**os.environ, "SHMETER_SEGMENT": folder + "/segment"})
    equal((done.returncode, done.stderr), (0, ""))
    return done.stdout.splitlines()


@test
def metrics_without_labels_for_which_there_is_no_room_are_told_of():
    lines = run("""
        counters = [Counter(f"limit_{number}", "L.") for number in range(300)]
        for counter in counters:
            counter.inc()
        shown = sum(value(f"limit_{number}_total") == 1 for number in range(300))
        print(shown, len(told), len(set(told)), {one[:2] for one in told})
        print(all("not exposed, and counts in this process alone" in one[2] and "__overflow__" not in one[2] for one in told))
        print("limit_299_total" in meter.error)
    """, max_series=256)
    count, told, different, kinds = lines[0].split(" ", 3)
    assert 240 <= int(count) <= 256, lines  # the registry's own metrics have taken some
    equal((told, different, kinds), (str(300 - int(count)), told, "{('RuntimeWarning', '<string>')}"))
    equal(lines[1:], ["True", "True"])


@test
def a_family_past_its_limit_is_told_of_once():
    equal(run("""
        counter, gauge = Counter("many", "M.", ["a"]), Gauge("level", "L.", ["a"])
        histogram, summary = Histogram("seconds", "S.", ["a"]), Summary("bytes", "B.", ["a"])
        for number in range(100):
            counter.labels(str(number)).inc()
            gauge.labels(str(number)).set(number)
            histogram.labels(str(number)).observe(1)
            summary.labels(a=number).observe(1)
        print(len(told), sum("__overflow__" in one[2] and "the family has all the series" in one[2] for one in told))
        print(sorted(one[2].split()[6].rstrip(":") for one in told), {one[1] for one in told})
        print(value("many_total", {"a": "__overflow__"}), value("seconds_count", {"a": "__overflow__"}), value("many_total", {"a": "9"}))
    """, max_family_series=10), ["4 4", "['bytes', 'level', 'many_total', 'seconds']" + " {'<string>'}",
                                 "90.0 90.0 1.0"])


@test
def infos_and_metrics_of_the_plain_api_are_told_of_too():
    lines = run("""
        for number in range(20):
            meter.counter(f"plain_{number}_total").inc()
        print(len(told), {one[:2] for one in told}, "plain_19_total" in told[-1][2])
        told.clear()
        Info("version", "V.").info({"a": "b"})
        print(len(told), "version_info" in told[0][2], told[0][1].endswith("<string>") or told[0][1])
    """, max_series=10)
    equal(lines[0], "10 {('RuntimeWarning', '<string>')} True")
    assert lines[1].startswith("1 True"), lines


@test
def warnings_that_are_errors_come_out_of_the_metric():
    equal(run("""
        warnings.simplefilter("error")
        counter = Counter("many", "M.", ["a"])
        for number in range(11):
            try:
                counter.labels(str(number)).inc()
            except RuntimeWarning as error:
                print(number, "many_total" in str(error))
        counter.labels("more").inc()
        print(value("many_total", {"a": "__overflow__"}))
    """, max_family_series=10), ["10 True", "1.0"])


@test
def label_sets_past_the_limit_take_no_memory():
    lines = run("""
        import resource
        counter = Counter("many", "M.", ["a", "b"])
        for number in range(2000):
            counter.labels(str(number), "x").inc()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(2000, 300000):
            counter.labels(str(number), "x").inc()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        print(value("many_total", {"a": "__overflow__", "b": "__overflow__"}), len(counter._metrics))
    """, max_family_series=1000)
    assert int(lines[0]) < 4096, f"{lines[0]} KiB"  # 298,000 objects take more than 100 MiB
    equal(lines[1], "299000.0 1001")


@test
def a_child_past_the_limit_counts_removes_and_clears_like_any_other():
    equal(run("""
        gauge = Gauge("level", "L.", ["a"])
        for number in range(10):
            gauge.labels(str(number)).set(1)
        beyond = gauge.labels("x")
        beyond.set(3)
        gauge.labels("y").inc(2)
        print(beyond is gauge.labels("z"), value("level", {"a": "__overflow__"}))
        gauge.remove("x")
        gauge.clear()
        gauge.labels("0").set(7)
        print(value("level", {"a": "0"}), value("level", {"a": "__overflow__"}))
    """, max_family_series=10), ["True 5.0", "7.0 None"])


if __name__ == "__main__":
    main()
