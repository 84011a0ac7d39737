"""What the C core is asked that cannot be: each error branch is entered, and gives the exception that a Python user
expects, whole."""
import gc
import os
import sys
import threading

from lib import FOLDER, equal, main, raises, test

import shmeter
from shmeter import _core
from shmeter.prometheus import CollectorRegistry, Counter, generate_latest
from shmeter.prometheus.samples import Sample

meter = shmeter.open(os.path.join(FOLDER.name, "errors"))


class Own:
    """An awaitable without send, throw and close."""

    def __init__(self, steps=(1,), result=None):
        self.steps, self.result = list(steps), result

    def __await__(self):
        return self

    __iter__ = __await__

    def __next__(self):
        if self.steps:
            return self.steps.pop(0)
        raise StopIteration(self.result)


def web(app=None, resolve=lambda *_: "/e", excluded=None, prefix="w", always=True):
    route = ("m", "e")
    metrics = (meter.counter(f"{prefix}_total", labels=(*route, "s")),
               meter.histogram(f"{prefix}_seconds", labels=route),
               meter.gauge(f"{prefix}_now", labels=route), meter.histogram(f"{prefix}_in", labels=route),
               meter.histogram(f"{prefix}_out", labels=route))
    return _core.web(app, resolve, excluded, metrics, always)


def counted(prefix):
    """{status: requests} of a web."""
    meter._take()
    return {labels["s"]: value for _, labels, value in meter._samples(f"{prefix}_total", prefix, lambda *sample: sample,
                                                                      False) if value}


def begun(prefix, app=lambda *_: Own()):
    awaiting = web(app, prefix=prefix).asgi({"type": "http", "path": "/", "method": "GET", "headers": []}, None, None)
    equal(awaiting.send(None), 1)
    return awaiting


@test
def what_is_thrown_into_an_awaitable_without_throw_ends_it():
    raises(OSError, "", lambda: begun("t").throw(OSError))
    raises(OSError, "x", lambda: begun("t").throw(OSError("x")))
    raises(OSError, "y", lambda: begun("t").throw(OSError, "y"))
    raises(OSError, "z", lambda: begun("t").throw(OSError, OSError("z"), None))
    equal(counted("t"), {"500": 4.0})
    for wrong in (5, None, int):
        raises(TypeError, f"exceptions must be classes or instances deriving from BaseException, not {type(wrong)!r}",
               lambda: begun("u").throw(wrong))
    raises(TypeError, "throw expected at least 1 argument, got 0", lambda: begun("u").throw())
    raises(KeyboardInterrupt, "", lambda: begun("v").throw(KeyboardInterrupt))
    equal(counted("v"), {"499": 1.0})


@test
def what_is_awaited_is_handed_on_and_ended():
    raises(AttributeError, "'Own' object has no attribute 'send'", lambda: begun("a").send(5))
    equal(counted("a"), {"500": 1.0})
    equal(begun("b").close(), None, "an awaitable without close")
    equal(counted("b"), {"499": 1.0})
    begun("c")
    gc.collect()
    equal(counted("c"), {"499": 1.0}, "nobody went on with it")
    try:
        begun("d", lambda *_: Own(result=7)).send(None)
        raise AssertionError("no StopIteration")
    except StopIteration as end:
        equal(end.value, 7)
    raises(TypeError, "object <class 'int'> can't be used in 'await' expression", lambda: begun("e", lambda *_: 5))
    equal(counted("e"), {"500": 1.0})

    class Stubborn(Own):
        def close(self):
            raise RuntimeError("not closed")

    raises(RuntimeError, "not closed", lambda: begun("f", lambda *_: Stubborn()).close())
    equal(counted("f"), {"499": 1.0})
    equal(next(iter(begun("g", lambda *_: Own([1, 2])))), 2)


@test
def a_web_wants_its_arguments():
    scope = {"type": "http", "path": "/"}
    raises(TypeError, "asgi() takes scope, receive and send", lambda: web().asgi(scope))
    raises(ZeroDivisionError, "division by zero", lambda: web(excluded=lambda path: 1 / 0).asgi(scope, None, None))
    raises(ZeroDivisionError, "division by zero", lambda: web(lambda *_: 1 / 0, prefix="x").asgi(scope, None, None))
    equal(counted("x"), {"500": 1.0})
    equal(web(lambda *given: given, excluded=lambda path: path == "/").asgi(scope, 1, 2), (scope, 1, 2), "excluded")
    equal(web(lambda *given: given).asgi({"type": "http"}, 1, 2), ({"type": "http"}, 1, 2), "without a path")
    equal(web(lambda *given: given).asgi(5, 1, 2), (5, 1, 2))
    wants = "wsgi() takes environ, method, path, root_path and request bytes"
    for arguments in (({}, "GET", "/", ""), ({}, "GET", 1, "", 0.0), ({}, "GET", "/", 1, 0.0)):
        raises(TypeError, wants, lambda: web().wsgi(*arguments))
    raises(TypeError, "must be real number, not str", lambda: web(prefix="y").wsgi({}, "GET", "/", "", "x"))
    equal(counted("y"), {}, "nothing has begun")
    counter, histogram, gauge = meter.counter("web_total"), meter.histogram("web_seconds"), meter.gauge("web_now")
    raises(TypeError, "a metric is wanted", lambda: _core.web(None, None, None, (counter, histogram, gauge, 5, None),
                                                              True))
    for metrics in ((None, histogram, gauge, None, None), (counter, None, gauge, None, None),
                    (counter, histogram, None, None, None),
                    (_core.Counter(), histogram, gauge, None, None)):
        raises(TypeError, "requests, durations and requests in progress are wanted",
               lambda: _core.web(None, None, None, metrics, True))


@test
def an_exchange_wants_a_status():
    exchange = web(prefix="s").wsgi({}, "GET", "/", "", 3.0)
    raises(TypeError, "'str' object cannot be interpreted as an integer", lambda: exchange.answer("x"))
    raises(TypeError, "'str' object cannot be interpreted as an integer", lambda: exchange.end("x", 1))
    raises(TypeError, "must be real number, not str", lambda: exchange.end(200, "x"))
    equal(counted("s"), {})
    exchange.answer(201)
    exchange.answer(202)
    exchange.end(203, 5)
    exchange.end(204, 6, 7)
    equal(counted("s"), {"201": 1.0}, "once, and by the first")
    meter._take()
    sums = [meter._samples(name, name, lambda *sample: sample, False)[-1][2] for name in ("s_in", "s_out")]
    equal(sums, [3.0, 5.0])
    web(prefix="o").wsgi({}, "GET", "/", "", 3.0)
    equal(counted("o"), {"499": 1.0}, "nobody has ended it")
    told, before = [], sys.unraisablehook
    sys.unraisablehook = lambda unraisable: told.append(str(unraisable.exc_value))
    try:
        web(resolve=lambda *_: 1 / 0, prefix="p").wsgi({}, "GET", "/", "", 0.0).end(200, 1)
    finally:
        sys.unraisablehook = before
    equal((told, counted("p")), (["division by zero"], {"200": 1.0}))


@test
def metrics_are_opened_with_what_they_need():
    number = "bad argument type for built-in operation"
    for kind, words, make in (
            (TypeError, number, lambda: meter.stateset("bad", states=[1])),
        (TypeError, number, lambda: meter.counter("bad_total", labels=[5])),
            (TypeError, "'NoneType' object is not iterable", lambda: meter.stateset("bad")),
            (TypeError, "'int' object is not iterable", lambda: meter.histogram("bad", bounds=5)),
            (TypeError, "'int' object is not iterable", lambda: meter.gauge("bad", labels=5)),
            (TypeError, "must be real number, not str", lambda: meter.histogram("bad", bounds=["x"])),
            (ValueError, "family bad needs 1 to 256 states, of 1 to 255 bytes, 8000 together",
             lambda: meter.stateset("bad", states=[])),
            (ValueError, "bad has more than 16 labels", lambda: meter.counter("bad_total", labels=map(str, range(17)))),
            (TypeError, "argument 1 must be list, not tuple", lambda: _core.render((), False, False)),
            (TypeError, "a list of open metrics is wanted", lambda: _core.render([_core.Counter()], False, False)),
            (TypeError, "argument 1 must be str, not int", lambda: meter._forget(5)),
            (TypeError, "argument 1 must be str or None, not int", lambda: _core.open(5)),
            (TypeError, "must be real number, not str", lambda: _core.number("x"))):
        raises(kind, words, make)
    counter = meter.counter("good_total")
    raises(RuntimeError, f"{counter} is open", lambda: meter._open_metric(counter, "x", "x", "", "", (), None, 0, None))
    metric = _core.Counter()
    refused = meter.gauge("refused")
    gauge = _core.Counter()
    raises(ValueError, refusal(gauge), lambda: meter._open_metric(gauge, "refused", "refused", "", "", (), None, 0,
                                                                  None))
    equal((gauge._name, gauge._labelnames, gauge._ready, metric._ready, refused._ready),
          (None, None, False, False, True), "as if nothing was tried")
    equal(meter._open_metric(gauge, "other_total", "other", "", "", (), None, 0, None), True)


def refusal(metric):
    try:
        meter._open_metric(metric, "refused", "refused", "", "", (), None, 0, None)
    except ValueError as error:
        assert "refused" in str(error), error
        return str(error)
    raise AssertionError("a name has two types")


@test
def updates_are_refused_whole():
    counter, gauge = meter.counter("up_total"), meter.gauge("up_level")
    histogram = meter.histogram("up_seconds", bounds=(1,))
    summary, labelled = meter.summary("up_bytes"), meter.gauge("up_labelled", labels=("a",))
    latest = meter.gauge("up_latest", mode="latest")
    for kind, words, call in (
            (ValueError, "Counters can only be incremented by non-negative amounts.", lambda: counter.inc(-1)),
            (TypeError, "inc() takes fewer positional arguments", lambda: counter.inc(1, {}, 3)),
            (TypeError, "inc() got multiple values for an argument", lambda: counter.inc(1, amount=2)),
            (TypeError, "inc() got multiple values for an argument", lambda: counter.inc(1, {}, exemplar={})),
            (TypeError, "inc() got an unexpected keyword argument 'by'", lambda: counter.inc(by=2)),
            (TypeError, "dec() got an unexpected keyword argument 'exemplar'", lambda: gauge.dec(exemplar={})),
            (TypeError, "set() takes fewer positional arguments", lambda: gauge.set(1, 2)),
            (TypeError, "set() missing 1 required positional argument: 'value'", lambda: gauge.set()),
            (ValueError, "could not convert string to float: 'x'", lambda: gauge._publish("x")),
            (RuntimeError, "inc must not be used with the mostrecent mode", latest.inc),
        (RuntimeError, "dec must not be used with the mostrecent mode", latest.dec),
            (TypeError, "observe() missing 1 required positional argument: 'amount'", lambda: histogram.observe()),
            (TypeError, "observe() missing 1 required positional argument: 'amount'", lambda: summary.observe()),
            (TypeError, "observe() got an unexpected keyword argument 'exemplar'",
             lambda: summary.observe(1, exemplar={})),
            (TypeError, "must be real number, not str", lambda: summary.observe("x")),
            (ValueError, "gauge metric is missing label values", lambda: labelled.set(1)),
            (ValueError, "gauge metric is missing label values", lambda: labelled._publish(1)),
            (ValueError, "gauge metric is missing label values", labelled._hide),
        (ValueError, "gauge metric is missing label values", labelled._begin_again),
            (ValueError, "unopened metric is missing label values", _core.Histogram().time),
            (ValueError, "gauge metric is missing label values", lambda: labelled.time().__exit__(None, None, None)),
            (ValueError, "Incorrect label count", lambda: labelled.time().labels()),
            (ValueError, "Incorrect label names", lambda: labelled.labels(b=1)),
        (ValueError, "Incorrect label names", lambda: labelled.labels(a=1, b=2)),
            (ValueError, "Can't pass both *args and **kwargs", lambda: labelled.labels(1, a=1)),
            (ValueError, "Incorrect label count (expected 1, got ('x', 'y'))", lambda: labelled.remove("x", "y")),
            (KeyError, "('x',)", lambda: labelled.remove("x")),
            (ValueError, f"No label names were set when constructing {gauge}", lambda: gauge.labels("x")),
            (ValueError, f"No label names were set when constructing {gauge}", lambda: gauge.remove("x")),
            (TypeError, "function takes exactly 1 argument (0 given)", lambda: gauge.time()())):
        raises(kind, words, call)
    child = labelled.labels("v")
    raises(ValueError, f"{child} already has labels set ({{'a': 'v'}}); can not chain calls to .labels()",
           lambda: child.labels("x"))
    meter._take()
    equal([meter._samples(name, name, lambda *sample: sample[2], False)
           for name in ("up_total", "up_level", "up_bytes")], [[0.0], [0.0], [0.0, 0.0]])
    counter.inc(amount=2, exemplar={})
    counter.inc(3, None)
    histogram.observe(amount=0.5, exemplar={"t": "1"})
    gauge.set(value="1.5")
    gauge.inc(amount=2)
    gauge.dec(amount=0.5)
    meter._take()
    equal([meter._samples(name, name, lambda *sample: sample[2], False)
           for name in ("up_total", "up_level", "up_seconds")],
          [[5.0], [3.0], [1.0, 1.0, 1.0, 0.5]])


@test
def exemplars_that_are_none_are_refused():
    counter = meter.counter("exemplar_total")
    for kind, words, exemplar in (
            (ValueError, "Reserved label metric name: __a", {"__a": "b"}),
        (ValueError, "Invalid label metric name: ", {"": "b"}),
            (ValueError, "Invalid label metric name: __\u00fc", {"__\u00fc": "b"}),
        (ValueError, "Invalid label metric name: a\0", {"a\0": "b"}),
            (TypeError, "expected string or bytes-like object, got 'int'", {5: "b"}),
        (TypeError, "object of type 'int' has no len()", {"a": 5}),
            (AttributeError, "'int' object has no attribute 'items'", 5),
            (ValueError, "Exemplar labels have 129 UTF-8 characters, exceeding the limit of 128",
             {"a": "\u00fc" * 128})):
        raises(kind, words, lambda: counter.inc(1, exemplar))

    class Odd(dict):
        def __bool__(self):
            raise OSError("on purpose")

    raises(OSError, "on purpose", lambda: counter.inc(1, Odd()))
    counter.inc(1, {"a": "\u00fc" * 127})


@test
def an_info_says_texts():
    info, labelled = meter.info("said_info"), meter.info("parts_info", labels=("part",))
    for kind, words, call in (
            (ValueError, "as many values as names are wanted", lambda: info._put(("a",), ())),
        (TypeError, "say() takes keyword arguments only", lambda: info.say(1)),
            (TypeError, "must be str, not int", lambda: info.say(a=1)),
        (TypeError, "bad argument type for built-in operation", lambda: info._put((1,), ("x",))),
            (ValueError, "info metric is missing label values", lambda: labelled.say(a="1")),
            (ValueError, "said has more than 16 labels", lambda: info.say(**{f"a{i}": "x" for i in range(17)}))):
        raises(kind, words, call)
    info.say()
    meter._take()
    equal(meter._samples("said_info", "said", lambda *sample: sample, False), [("said_info", {}, 1.0)])
    states = meter.stateset("number", states=("a", "b"))
    raises(OverflowError, "can't convert negative value to unsigned int", lambda: states._put(-1))
    raises(TypeError, "an integer is required", lambda: states._put("x"))
    raises(ValueError, "unopened metric is missing label values", lambda: _core.Stateset().enter("x"))
    states._put(1 << 40)
    meter._take()
    equal([sample[2] for sample in meter._samples("number", "number", lambda *sample: sample, False)], [1.0, 0.0],
          "a state that is none changes nothing")


@test
def a_sample_that_cannot_be_made_ends_the_list():
    meter.counter("made_total").inc()
    meter._take()
    raises(ZeroDivisionError, "division by zero", lambda: meter._samples("made_total", "made", lambda *_: 1 / 0, False))
    raises(TypeError, "'int' object is not callable", lambda: meter._samples("made_total", "made", 5, False))
    equal(meter._samples("none", "none", 5, False), [])
    equal(shmeter.open(os.path.join(FOLDER.name, "untaken"))._samples("made_total", "made", 5, False), [],
          "nobody has looked yet")


@test
def a_segment_that_is_read_while_samples_are_made_changes_none_of_them():
    roomy = shmeter.open(os.path.join(FOLDER.name, "roomy"), max_series=65536, max_family_series=10000,
                         lane_bytes=8 << 20)
    counter = roomy.counter("moving_total", labels=["number"])
    histogram = roomy.histogram("moving", labels=["number"], bounds=range(20))
    for number in range(40):
        counter.labels(str(number)).inc(number)
        histogram.labels(str(number)).observe(number)
    made = [0]

    def disturbing(*sample):
        for _ in range(30):
            made[0] += 1
            counter.labels(f"more {made[0]}").inc(1000)
            histogram.labels(f"more {made[0]}").observe(1)
        roomy._take()
        return Sample(*sample)

    roomy._take()
    wanted = [roomy._samples(name, name, Sample, False) for name in ("moving_total", "moving")]
    got = roomy._samples("moving_total", "moving_total", disturbing, False)
    equal(got, wanted[0])
    histogram.clear()
    roomy._take()
    for number in range(3):
        histogram.labels(f"last {number}").observe(number)
    roomy._take()
    wanted = roomy._samples("moving", "moving", Sample, False)
    equal(roomy._samples("moving", "moving", disturbing, False), wanted)
    equal(len(wanted), 3 * 23)


@test
def threads_that_collect_at_once_have_whole_samples():
    registry = CollectorRegistry()
    counter = Counter("at_once", "A.", ["number"], registry=registry)
    failed = []

    def work(mine):
        try:
            for number in range(100):
                counter.labels(f"{mine} {number}").inc(7)
                values = {sample.value for sample in counter.collect()[0].samples if sample.name == "at_once_total"}
                assert values <= {0.0, 7.0}, values
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal((failed, generate_latest(registry).decode().count("at_once_total{")), ([], 300))


@test
def objects_have_their_types_and_members():
    metric = meter.gauge("member_bytes", "M.", ["a"], "bytes")
    equal((metric._name, metric._stored_name, metric._documentation, metric._unit, metric._labelnames,
           metric._labelvalues, metric._meter),
          ("member_bytes", "member_bytes", "M.", "bytes", ("a",), (), meter))
    equal(metric.labels("x")._labelvalues, ("x",))
    awaiting = begun("z")
    equal([type(one) for one in (web(), web().wsgi({}, "GET", "/", "", 0.0), awaiting, metric.time(), meter)],
          [_core.Web, _core.Exchange, _core.Awaiting, _core.Timer, _core.Meter])
    awaiting.close()
    for kind in (_core.Web, _core.Exchange, _core.Awaiting, _core.Meter, _core.Route):
        raises(TypeError, f"cannot create 'shmeter._core.{kind.__name__}' instances", kind)
    equal(_core.SUFFIXES, {"counter": "_total", "gauge": "", "histogram": "", "summary": "", "info": "_info",
                           "stateset": ""})
    equal(sorted(_core.MODES), ["all", "liveall", "livemax", "livemin", "livemostrecent", "livesum", "max", "min",
                                "mostrecent", "sum"])
    equal((_core.POOL in _core.MODES.values(), shmeter.__version__ == _core.__version__), (False, True))


@test
def a_meter_tells_what_it_cannot_do():
    raises(ValueError, "health is 'ok', 'degraded' or 'failing', not 'well'", lambda: meter.check("a", "well"))
    raises(TypeError, "function missing required argument 'health' (pos 2)", lambda: meter.check("a"))
    raises(ValueError, "mode is pool, sum, min, max, latest, all, or one of the last five with live_ before it, not x",
           lambda: meter.gauge("a", mode="x"))
    closed = shmeter.open(os.path.join(FOLDER.name, "closed"))
    closed.close()
    closed.close()
    try:
        closed.attach_worker()
        raise AssertionError("a closed meter has a slot")
    except shmeter.Error as error:
        equal((error.strerror, bool(error.errno)), (closed.error, True))
        assert closed.error


if __name__ == "__main__":
    main()
