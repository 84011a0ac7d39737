"""shmeter.install(): prometheus_client's place is taken, for libraries too. And the plain API."""
import importlib
import os
import pkgutil
import shutil
import site
import subprocess
import sys
import tempfile

from lib import equal, main, nothing, raises, Skip, test

import shmeter
from shmeter.prometheus import store

THEIRS = "/usr/lib/python3/dist-packages/prometheus_client"
LEFT_OUT = {"mmap_dict", "twisted._exposition"}  # how its files are made; what twisted/__init__ imports
NOT_PUBLIC = {"metrics.T", "metrics.F", "parser.replace_escape_sequence"}


def run(program, **environment):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False,
                              env={**os.environ, "SHMETER_SEGMENT": folder + "/segment", **environment})
    equal(done.returncode, 0, done.stderr)
    return done.stdout


@test
def every_public_name_of_prometheus_client_is_there():
    missing = []
    for found in pkgutil.walk_packages([THEIRS], "prometheus_client."):
        name = found.name.partition(".")[2]
        if name in LEFT_OUT or name == "twisted":
            continue
        theirs, ours = importlib.import_module(found.name), importlib.import_module("shmeter.prometheus." + name)
        public = getattr(theirs, "__all__", [one for one, value in vars(theirs).items()
                                             if getattr(value, "__module__", None) == theirs.__name__])
        missing += [f"{name}.{one}" for one in public if not hasattr(ours, one) and not one.startswith("_")]
    top = importlib.import_module("prometheus_client")
    missing += [one for one in top.__all__ if one not in importlib.import_module("shmeter.prometheus").__all__]
    nothing(sorted(set(missing) - NOT_PUBLIC), "missing")


@test
def imports_of_prometheus_client_give_this_package():
    run("""if True:
        import shmeter
        shmeter.install()
        shmeter.install()
        import prometheus_client, prometheus_client.core, prometheus_client.openmetrics.exposition as openmetrics
        from prometheus_client import multiprocess, REGISTRY
        from prometheus_client.registry import CollectorRegistry
        from prometheus_client.metrics import MetricWrapperBase
        import shmeter.prometheus
        assert prometheus_client is shmeter.prometheus and prometheus_client.core is shmeter.prometheus.core
        assert openmetrics is shmeter.prometheus.openmetrics.exposition
        counter = prometheus_client.Counter("a", "A.")
        counter.inc()
        assert isinstance(counter, MetricWrapperBase) and REGISTRY.get_sample_value("a_total") == 1
    """)


@test
def installing_imports_nothing_that_the_program_has_not_asked_for():
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(folder + "/twisted/internet")
        for name in ("twisted/__init__.py", "twisted/internet/__init__.py"):
            with open(os.path.join(folder, name), "w", encoding="utf-8"):
                pass
        with open(folder + "/twisted/internet/reactor.py", "w", encoding="utf-8") as file:
            file.write("print('the reactor is made')")
        out = run("""if True:
            import sys, shmeter
            shmeter.install()
            print([name for name in sys.modules if name.startswith(("shmeter.prometheus", "prometheus_client", "twisted"))])
            import prometheus_client
            print("shmeter.prometheus.bridge" in sys.modules, "twisted" in sys.modules)
        """, PYTHONPATH=f"{folder}:{os.environ['PYTHONPATH']}")
    equal(out, "[]\nFalse False\n")


@test
def a_module_that_is_imported_by_both_names_is_one_and_keeps_its_own():
    out = run("""if True:
        import importlib.util, shmeter
        shmeter.install()
        print(importlib.util.find_spec("prometheus_client.core").name, importlib.util.find_spec("prometheus_client_other"))
        import prometheus_client.core as theirs, shmeter.prometheus.core as ours
        print(theirs is ours, ours.__name__, ours.__spec__.name, ours.Counter.__module__)
        spec = importlib.util.find_spec("prometheus_client.samples")
        module = spec.loader.create_module(spec)
        module.__spec__ = spec
        spec.loader.exec_module(module)
        print(module.__name__, module.__spec__.name)
        try:
            import prometheus_client.missing
        except ModuleNotFoundError as error:
            print(error.name, error)
    """)
    equal(out, "prometheus_client.core None\nTrue shmeter.prometheus.core shmeter.prometheus.core "
               "shmeter.prometheus.metrics\n"
               "shmeter.prometheus.samples shmeter.prometheus.samples\n"
               "prometheus_client.missing No module named 'prometheus_client.missing' (shmeter.prometheus.missing is "
               "in its place)\n")


@test
def a_variable_of_the_environment_installs_it_in_each_interpreter():
    if not site.ENABLE_USER_SITE:
        raise Skip("this Python imports no usercustomize")
    program = "import prometheus_client; print(prometheus_client.__name__)"
    equal((run(program, SHMETER_INSTALL="1"), run(program, SHMETER_INSTALL="")),
          ("shmeter.prometheus\n", "prometheus_client\n"))
    equal(run(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program!r}])", SHMETER_INSTALL="1"),
          "shmeter.prometheus\n")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "usercustomize.py"), "w", encoding="utf-8") as file:
            file.write("print('the user\\'s own')\n")
        path = f"{os.environ['PYTHONPATH']}:{folder}"
        equal(run(program, SHMETER_INSTALL="1", PYTHONPATH=path), "the user's own\nshmeter.prometheus\n")


@test
def modules_of_the_package_are_there_when_they_are_asked_for():
    out = run("""if True:
        import sys, shmeter
        print([name for name in sys.modules if name.startswith("shmeter.prom")], {"asgi", "wsgi", "testing"} <= set(dir(shmeter)))
        print(shmeter.asgi.Middleware.__module__, shmeter.wsgi.Middleware.__module__, shmeter.prometheus.Counter.__name__)
        try:
            shmeter.nothing
        except AttributeError as error:
            print(error)
    """)
    equal(out, "[] True\nshmeter.asgi shmeter.wsgi Counter\nmodule 'shmeter' has no attribute 'nothing'\n")


@test
def an_import_that_cannot_work_says_why():
    with tempfile.TemporaryDirectory() as folder:
        package = os.path.join(folder, "shmeter")
        shutil.copytree(os.path.dirname(shmeter.__file__), package,
                        ignore=shutil.ignore_patterns("_core*", "__pycache__"))
        program = "import sys; sys.platform = {!r}\ntry: import shmeter\nexcept ImportError as error: print(error)"
        say = run(program.format("linux"), PYTHONPATH=folder)
        wanted = f"shmeter's extension module _core is not in {package}, or not for this Python (cpython-"
        assert say.startswith(wanted), say
        equal(run(program.format("darwin"), PYTHONPATH=folder), "shmeter runs on Linux only, and this is darwin\n")


@test
def it_refuses_when_prometheus_client_is_there_already():
    out = run("""if True:
        import prometheus_client, shmeter
        try:
            shmeter.install()
        except RuntimeError as error:
            print(error)
    """)
    equal(out, "prometheus_client is imported already: call shmeter.install() before anything that imports it\n")


@test
def the_plain_api_counts_and_shows():
    meter = shmeter.open(worker="plain")
    assert store.shared() is meter and meter.attached and meter.path == os.environ["SHMETER_SEGMENT"]
    meter.counter("plain_total", "P.", ["a"]).labels("x").inc(2)
    meter.gauge("plain_gauge", mode="live_max").set(3)
    meter.histogram("plain_seconds", bounds=(1, 2)).observe(1.5)
    meter.summary("plain_bytes").observe(7)
    meter.info("plain_info", labels=["part"]).labels("x").say(version="1")
    states = meter.stateset("plain_state", states=("up", "down"))
    states.enter("down")
    raises(ValueError, "sequence.index(x): x not in sequence", lambda: states.enter("gone"))
    lines = [line for line in meter.expose().decode().splitlines() if not line.startswith("#")]
    equal(lines, ["plain_bytes_count 1.0", "plain_bytes_sum 7.0", "plain_gauge 3.0",
                  'plain_info{part="x",version="1"} 1.0',
                  'plain_seconds_bucket{le="1.0"} 0.0', 'plain_seconds_bucket{le="2.0"} 1.0',
                  'plain_seconds_bucket{le="+Inf"} 1.0',
                  "plain_seconds_count 1.0", "plain_seconds_sum 1.5", 'plain_state{plain_state="up"} 0.0',
                  'plain_state{plain_state="down"} 1.0',
                  'plain_total{a="x"} 2.0'])
    raises(ValueError, "mode is pool, sum, min, max, latest, all, or one of the last five with live_ before it, not "
                       "bad",
           lambda: meter.gauge("bad", mode="bad"))


@test
def the_plain_api_has_exponential_histograms():
    meter = shmeter.open()
    histogram = meter.histogram("exponential_seconds", "E.", ["a"], schema=0, min_value=0.5, max_value=8)
    for value in (0.1, 0.6, 3, 3, 100):
        histogram.labels("x").observe(value)
    raises(TypeError, "histogram() takes bounds, or a range (schema, min_value, max_value)",
           lambda: meter.histogram("both", bounds=(1, 2), max_value=3))
    raises(ValueError, None, lambda: meter.histogram("refused", schema=9, min_value=1, max_value=2))
    counts = {line.split()[0]: line.split()[1] for line in meter.expose().decode().splitlines()
              if line.startswith("exponential_seconds")}
    equal([counts[f'exponential_seconds_{suffix}'] for suffix in ('bucket{a="x",le="1.0"}', 'bucket{a="x",le="4.0"}',
                                                                  'bucket{a="x",le="+Inf"}',
                                                                  'sum{a="x"}')], ["2.0", "4.0", "5.0", "106.7"])


@test
def a_meter_is_closed_by_the_end_of_its_block_and_says_what_it_is():
    path = os.path.join(os.path.dirname(os.environ["SHMETER_SEGMENT"]), "block")
    with shmeter.open(path) as meter:
        meter.attach_worker()
        equal(repr(meter), f"<shmeter.Meter of {path}>")
    raises(shmeter.Error, None, meter.attach_worker)
    equal(repr(shmeter.open("/nowhere/at/all")),
          "<shmeter.Meter of private memory: segment /nowhere/at/all cannot be had: no such file>")


@test
def the_package_as_a_program_says_where_metrics_go():
    def say(*arguments, **environment):
        done = subprocess.run([sys.executable, "-m", "shmeter", *arguments], capture_output=True, text=True,
                              check=False, env={**os.environ, **environment})
        return done.returncode, (done.stdout + done.stderr).splitlines()

    first = f"shmeter {shmeter.__version__} in {os.path.dirname(shmeter.__file__)}"
    equal(say(SHMETER_SEGMENT="no-such-segment"), (0, [first,
                                                       "segment: /dev/shm/shmeter.no-such-segment.v1, which the first "
                                                       "process will create"]))
    equal(os.path.exists("/dev/shm/shmeter.no-such-segment.v1"), False)
    equal(say(), (0, [first, "segment: " + os.environ["SHMETER_SEGMENT"]]))
    equal(say(SHMETER_SEGMENT="private"),
          (0, [first, "segment: each process's own, shared with the children that it forks"]))
    with tempfile.TemporaryDirectory() as folder:
        command = os.path.join(folder, "shmeter")
        with open(command, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho the command \"$@\"\n")
        os.chmod(command, 0o755)
        equal(say("ls", "x", PATH=folder + ":" + os.environ["PATH"]), (0, ["the command ls x"]))
        os.unlink(command)
        equal(say("ls", PATH=folder)[0], 2)


@test
def health_knows_the_worker():
    meter = shmeter.open()
    meter.attach_worker()
    meter.heartbeat()
    meter.busy()
    meter.check("database", "failing", "gone")
    health = meter.health()
    equal((health["status"], health["worker_counts"]["live"]), ("failing", 1))
    assert any("gone" in reason["message"] for reason in health["reasons"]), health["reasons"]
    meter.check("database", "ok")
    meter.idle()
    equal(meter.health()["status"], "ok")
    raises(ValueError, "health is 'ok', 'degraded' or 'failing', not 'bad'", lambda: meter.check("x", "bad"))


@test
def a_worker_that_ends_in_order_is_not_called_dead():
    run("import shmeter.prometheus as p; p.Gauge('g', 'G.').set(1)", SHMETER_SEGMENT=os.environ["SHMETER_SEGMENT"])
    equal(shmeter.open().health()["worker_counts"]["dead"], 0)


if __name__ == "__main__":
    main()
