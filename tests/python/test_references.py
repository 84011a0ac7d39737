"""No function of the C core, and no error branch of it, leaves a reference, a block or memory behind, however often it
is called."""
import asyncio
import gc
import os
import re

from lib import FOLDER, equal, main, nothing, test
from references_lib import left_behind, quiet

import shmeter
import shmeter.asgi
from shmeter import _core
from shmeter.prometheus import CollectorRegistry, Counter, Enum, Gauge, generate_latest, Histogram, Info, Summary
from shmeter.prometheus.multiprocess import MultiProcessCollector
from shmeter.prometheus.openmetrics import exposition
from shmeter.prometheus.samples import Sample

SIZES = {"lane_bytes": 8 << 20, "max_series": 65536, "max_family_series": 10000}
meter = shmeter.open(os.path.join(FOLDER.name, "references"), **SIZES)


def checked(acts, *watched):
    found = []
    for name, act in acts.items():
        left = left_behind(act, (meter, *watched))
        if left:
            found.append(f"{name}: {left}")
    nothing(found, "left behind")


class Bad:
    def __str__(self):
        raise OSError("on purpose")

    def __float__(self):
        raise OSError("on purpose")


class Subclass(str):
    """A text that is no plain str."""


class Shown:
    """What is shown by a text that is no plain str."""

    def __str__(self):
        return Subclass("shown")


@test
def updates_leave_nothing():
    counter, gauge, latest = meter.counter("u_total"), meter.gauge("u"), meter.gauge("u_latest", mode="latest")
    histogram, summary = meter.histogram("u_seconds"), meter.summary("u_bytes")
    info, states = meter.info("u_info"), meter.stateset("u_state", states=("a", "b"))
    bad, exemplar, value = Bad(), {"name": "value"}, 123.456
    by_function = meter.gauge("u_function")
    by_function._by_function = True

    def timed():
        with histogram.time(), summary.time(), gauge.time(), by_function.time():
            pass

    checked({
        "inc": counter.inc, "inc(x)": lambda: counter.inc(value), "inc exemplar": lambda: counter.inc(value, exemplar),
        "inc by name": lambda: counter.inc(amount=value, exemplar=exemplar), "inc -1": quiet(lambda: counter.inc(-1.5)),
        "inc bad": quiet(lambda: counter.inc(bad)), "inc bad exemplar": quiet(lambda: counter.inc(1, {"a-b": "c"})),
        "inc exemplar no text": quiet(lambda: counter.inc(1, {"a": 5})),
        "inc exemplar no name": quiet(lambda: counter.inc(1, {5: "a"})),
        "inc no exemplar": quiet(lambda: counter.inc(1, 5)),
        "inc too long": quiet(lambda: counter.inc(1, {"a": "x" * 200})),
        "inc wrong name": quiet(lambda: counter.inc(x=1)), "inc twice": quiet(lambda: counter.inc(1, amount=1)),
        "inc of too many": quiet(lambda: counter.inc(1, 2, 3)), "set": lambda: gauge.set(value),
        "set text": lambda: gauge.set("1.5"),
        "set bad": quiet(lambda: gauge.set(bad)), "set bad text": quiet(lambda: gauge.set("x")),
        "set nothing": quiet(gauge.set),
        "gauge inc": gauge.inc, "gauge dec": lambda: gauge.dec(value), "gauge bad": quiet(lambda: gauge.inc(bad)),
        "latest": quiet(latest.inc), "publish": lambda: gauge._publish(value),
        "publish bad": quiet(lambda: gauge._publish("x")),
        "function": lambda: (by_function.set(value), by_function.inc(), by_function._publish(value)),
        "observe": lambda: histogram.observe(value, exemplar), "observe bad": quiet(lambda: histogram.observe(bad)),
        "observe bad exemplar": quiet(lambda: histogram.observe(1, {"a-b": "c"})),
        "observe nothing": quiet(histogram.observe),
        "summary": lambda: summary.observe(amount=value), "summary bad": quiet(lambda: summary.observe(bad)),
        "summary nothing": quiet(summary.observe),
        "say": lambda: info.say(version="1", host="a"), "say nothing": info.say,
        "say bad": quiet(lambda: info.say(a=5)), "say by position": quiet(lambda: info.say(1)),
        "say zero": lambda: info.say(a="x\0y"), "put": lambda: info._put(("a",), ("b",)),
        "put uneven": quiet(lambda: info._put(("a",), ())),
        "put no name": quiet(lambda: info._put((5,), ("x",))), "enter": lambda: states.enter("b"),
        "enter none": quiet(lambda: states.enter("c")),
        "state": lambda: states._put(1), "state bad": quiet(lambda: states._put(-1)),
        "state unopened": quiet(lambda: _core.Stateset().enter("x")),
        "timers": timed, "timer of none": quiet(_core.Histogram().time), "hide": lambda: (gauge._hide(), gauge.set(1)),
        "again": counter._begin_again, "reset": gauge._reset, "clear": gauge.clear,
    }, counter, gauge, histogram, info, states, exemplar, bad, value)


@test
def children_leave_nothing():
    family, two = meter.gauge("c", labels=["a"]), meter.counter("c_total", labels=["a", "b"])
    texts = [f"value {number}" for number in range(30)]
    child, sub, shown, bad, zero = family.labels("kept"), Subclass("sub"), Shown(), Bad(), "a\0b"
    info = meter.info("c_info", labels=["a"])

    def grow():
        for text in texts:
            family.labels(text).set(1)
        for text in texts:
            family.remove(text)

    def grow_and_clear():
        for text in texts[:12]:
            two.labels(text, b := text).inc()
        two.clear()
        return b

    def infos():
        info.labels("x").say(version="1")
        info.remove("x")
        info.clear()

    def labelled_timer():
        with family.time() as timer:
            timer.labels("timed")

    checked({
        "found": lambda: family.labels("kept"), "by name": lambda: two.labels(b="kept", a="kept"),
        "of another type": lambda: family.labels(5.5),
        "of a subclass": lambda: family.labels(sub), "of one that is shown by it": lambda: family.labels(shown),
        "of zeros": lambda: family.labels(zero), "of surrogates": lambda: family.labels("\ud800"),
        "removed": lambda: (family.labels("new"), family.remove("new")), "grown": grow,
        "grown and cleared": grow_and_clear,
        "too few": quiet(family.labels), "wrong names": quiet(lambda: family.labels(b=1)),
        "both": quiet(lambda: two.labels(1, b=2)),
        "bad text": quiet(lambda: two.labels("a", bad)), "chained": quiet(lambda: child.labels("x")),
        "of none": quiet(lambda: meter.gauge("c_none").labels("x")),
        "remove none": quiet(lambda: family.remove("none")), "remove too few": quiet(family.remove),
        "remove bad": quiet(lambda: two.remove("a", bad)),
        "missing": quiet(lambda: family.set(1)), "hide missing": quiet(family._hide),
        "again missing": quiet(family._begin_again),
        "children": lambda: family._metrics, "members": lambda: (child._labelvalues, child._name, child._meter,
                                                                 child._extra, child._ready),
        "infos": infos, "timer": labelled_timer, "timer without": quiet(lambda: family.time().__exit__()),
        "timer of too few": quiet(lambda: family.time().labels()),
    }, family, two, child, info, texts[0], sub, bad, zero)


@test
def opening_and_reading_leave_nothing():
    small = {"lane_bytes": 65536, "max_series": 64, "max_slots": 4, "max_gauges": 64}
    counter = meter.counter("o_total", labels=["a"])
    counter.labels("x").inc()
    meter.histogram("o_seconds", bounds=(1, 2), labels=["a"]).labels("y").observe(1)
    meter.stateset("o_state", states=("a", "b"))
    closed = shmeter.open(os.path.join(FOLDER.name, "closed references"), **small)
    closed.close()
    path = os.path.join(FOLDER.name, "again")
    kept, sick = shmeter.open(path, **small), shmeter.open(os.path.join(FOLDER.name, "sick"), **small)

    def sampled():
        meter._take()
        for stored, name, *_ in meter._families():
            meter._samples(stored, name, Sample, True)

    def failing(*_):
        raise OSError

    opened = [counter]
    checked({
        "open": lambda: shmeter.open(path).close(), "open a bad name": quiet(lambda: shmeter.open("a b")),
        "open wrongly": quiet(lambda: _core.open(x=1)),
        "metrics": lambda: (meter.counter("o_total", labels=["a"]), meter.gauge("o"), meter.summary("o_bytes"),
                            meter.info("o_info"),
                            meter.histogram("o_seconds", bounds=(1, 2), labels=["a"]),
                            meter.stateset("o_state", states=("a", "b"))),
        "another type": quiet(lambda: meter.gauge("o_total")), "bad mode": quiet(lambda: meter.gauge("o", mode="x")),
        "bad labels": quiet(lambda: meter.counter("o_total", labels=5)),
        "bad label": quiet(lambda: meter.counter("o_total", labels=[5])),
        "many labels": quiet(lambda: meter.counter("o_total", labels=map(str, range(17)))),
        "bad bounds": quiet(lambda: meter.histogram("o_seconds", bounds=["x"])),
        "no bounds": quiet(lambda: meter.histogram("o_seconds", bounds=5)),
        "bad states": quiet(lambda: meter.stateset("o_state", states=[1])),
        "no states": quiet(lambda: meter.stateset("o_state")), "no name": quiet(meter.counter),
        "no text": quiet(lambda: meter.gauge(5)),
        "open twice": quiet(lambda: meter._open_metric(counter, "x", "x", "", "", (), None, 0, None)),
        "open without": quiet(lambda: meter._open_metric(counter)), "forget": lambda: meter._forget("never"),
        "forget none": quiet(lambda: meter._forget(5)),
        "take": meter._take, "samples": sampled,
        "samples fail": quiet(lambda: meter._samples("o_total", "o", failing, True)),
        "samples of none": lambda: meter._samples("none", "none", Sample, True),
        "samples wrongly": quiet(lambda: meter._samples(5)),
        "families": meter._families, "expose": meter.expose, "expose openmetrics": lambda: meter.expose(True),
        "expose wrongly": quiet(lambda: meter.expose(1, 2)),
        "render": lambda: _core.render(opened, True, True), "render text": lambda: _core.render(opened, False, False),
        "render none": quiet(lambda: _core.render([_core.Counter()], False, False)),
        "render no metric": quiet(lambda: _core.render([opened[0], 5], True, True)),
        "health": meter.health,
        "health with reasons": lambda: (sick.check("a", "failing", "b" * 100), sick.health()),
        "check": lambda: meter.check("a", "ok", "b"), "check bad": quiet(lambda: meter.check("a", "x")),
        "worker": lambda: (meter.attach_worker(), meter.heartbeat(), meter.busy(), meter.idle()),
        "no worker": quiet(closed.attach_worker, shmeter.Error),
        "words": lambda: (meter.error, meter.path, meter.attached), "number": lambda: _core.number(123.456),
        "no number": quiet(lambda: _core.number("x")),
        "path": lambda: _core.normalize_path("/a/1"), "no path": lambda: _core.normalize_path(5),
        "unmade": quiet(_core.Meter),
        "forked": _core._forked, "handed over": lambda: _core._hand_over(shmeter.within),
    }, counter, kept, closed, opened, Sample, shmeter.within)


@test
def metrics_of_all_kinds_leave_nothing_when_they_go():
    def make(registry):
        Counter("g", "G.", ["a"], registry=registry).labels("x").inc()
        Gauge("g_level", "G.", registry=registry).set(1)
        Histogram("g_seconds", "G.", registry=registry).observe(1)
        Summary("g_bytes", "G.", registry=registry).observe(1)
        Info("g_said", "G.", registry=registry).info({"a": "b"})
        Enum("g_state", "G.", states=["a", "b"], registry=registry).state("b")

    pool = CollectorRegistry(shared=True)
    MultiProcessCollector(pool)
    for registry in (CollectorRegistry(shared=False), CollectorRegistry(shared=True)):
        make(registry)

        def again():
            for collector in list(registry._collector_to_names):
                registry.unregister(collector)
            make(registry)

        checked({"made again": again, "text": lambda: generate_latest(registry),
                 "openmetrics": lambda: exposition.generate_latest(registry),
                 "collect": lambda: list(registry.collect()),
                 "value": lambda: registry.get_sample_value("g_total", {"a": "x"}),
                 "pool": lambda: generate_latest(pool), "pool collect": lambda: list(pool.collect())}, registry, pool)


@test
def metrics_that_show_what_they_did_leave_nothing():
    def make(registry=None):
        registry = registry or CollectorRegistry(shared=False)
        return [Counter("v", "V.", ["a"], registry=registry), Gauge("v_level", "V.", ["a"], registry=registry),
                Histogram("v_seconds", "V.", registry=registry), Info("v_said", "V.", registry=registry),
                Enum("v_state", "V.", states=["a", "b"], registry=registry)]

    def failing(*_):
        raise OSError

    kept = CollectorRegistry(shared=False)
    counter, gauge, histogram, info, enum = make(kept)
    child, published = gauge.labels("kept"), Gauge("v_published", "P.", ["a"], multiprocess_mode="livemax")
    info.info({"a": "b"})
    checked({
        "a registry": make, "elsewhere": counter._elsewhere, "count": lambda: counter.labels("x").inc(0.5),
        "set": lambda: child.set(1.5),
        "add": lambda: child.inc(2.5), "observe": lambda: histogram.observe(1.5), "say": lambda: info.info({"a": "c"}),
        "enter": lambda: enum.state("b"),
        "children": lambda: [(gauge.labels(text), counter.labels(text)) for text in "abc"]
        and (gauge.clear(), counter.clear()),
        "removed": lambda: (gauge.labels("new"), gauge.remove("new")),
        "remove none": lambda: counter.remove("none"),
        "again": lambda: (counter.labels("x").reset(), histogram._begin_again()),
        "odd labels": lambda: counter.labels("\ud800\0")._own_samples(Sample, True),
        "samples": lambda: [one._own_samples(Sample, True) for one in (counter, gauge, histogram, info, enum)],
        "samples fail": quiet(lambda: histogram._own_samples(failing, True), OSError),
        "samples wrongly": quiet(lambda: histogram._own_samples(5)),
        "withdraw": lambda: (published.labels("x").set(1), published._withdraw("x")),
        "withdraw none": quiet(lambda: published._withdraw()),
        "rest": lambda: meter._render(True, True, frozenset({"v_total"})),
        "rest wrongly": quiet(lambda: meter._render(True, True, {1})),
    }, counter, gauge, histogram, info, enum, child, published, Sample)


@test
def metrics_go_while_the_collector_runs_at_every_step():
    """One that is half destroyed is never seen by it."""
    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for number in range(100):
            family = meter.gauge("e", labels=["a"])
            child = family.labels(str(number % 7))
            timer = child.time()
            cycle = [family, child, timer]
            cycle.append(cycle)
            meter.stateset("e_state", states=["a", "b"])
            shmeter.open(os.path.join(FOLDER.name, "references"))
            del family, child, timer, cycle
    finally:
        gc.set_threshold(*before)
    gc.collect()
    equal([one for one in gc.get_objects() if isinstance(one, _core.Metric) and one._stored_name in ("e", "e_state")],
          [])


@test
def a_metric_that_goes_is_never_seen_by_the_collector_half_destroyed():
    """What it has may run the collector when it goes with it."""
    class Extra:
        def __del__(self):
            gc.collect()
            seen.append(any(type(one) is _core.Gauge and one._stored_name == "h" for one in gc.get_objects()))

    seen = []
    for _ in range(50):
        gauge = _core.Gauge()
        meter._open_metric(gauge, "h", "h", "", "", (), Extra(), _core.POOL, None)
        del gauge
    equal(seen, [False] * 50)


class Own:
    """An awaitable that is no coroutine."""

    def __init__(self, error=None):
        self.error, self.steps = error, 1

    def __await__(self):
        return self

    __iter__ = __await__

    def __next__(self):
        self.steps -= 1
        if self.steps < 0:
            raise self.error or StopIteration(None)


@test
def requests_leave_nothing():
    registry = CollectorRegistry()

    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        await send({"type": "http.response.body", "body": b"x"})

    async def receive():
        return {"type": "http.request", "body": b"y", "more_body": False}

    async def send(message):
        pass

    async def broken(scope, receive, send):
        raise OSError

    def asked(app, **more):
        scope = {"type": "http", "method": "GET", "path": "/a/1", "headers": [(b"content-length", b"1")],
                 "root_path": "", **more}

        def act():
            awaiting = app(scope, receive, send)
            try:
                while True:
                    awaiting.send(None)
            except StopIteration:
                pass
        return act

    def middleware(inner, **more):
        return shmeter.asgi.Middleware(inner, prefix="r", registry=registry, **more)

    def closed(end):
        def act():
            awaiting = middleware_of_own(scope, receive, send)
            awaiting.send(None)
            end(awaiting)
        return act

    scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}
    whole, middleware_of_own = middleware(app), middleware(lambda *_: Own())
    web = middleware(app)._asgi.__self__
    checked({
        "requests": asked(whole), "of a new way": asked(middleware(app, endpoint=lambda scope: "/e")),
        "excluded": asked(middleware(app, excluded="/a/1")),
        "fail": quiet(asked(middleware(broken)), OSError),
        "fail at once": quiet(asked(middleware(lambda *_: 1 / 0)), ZeroDivisionError),
        "no awaitable": quiet(asked(middleware(lambda *_: 5)), TypeError), "own": asked(middleware_of_own),
        "own fails": quiet(asked(middleware(lambda *_: Own(OSError()))), OSError),
        "websocket": asked(middleware_of_own, type="websocket"),
        "lifespan": asked(middleware(lambda *_: (_ for _ in ())), type="lifespan"),
        "bad exclusion": quiet(asked(middleware(app, excluded=[re.compile("x")]), path=5), TypeError),
        "closed": closed(lambda one: one.close()), "dropped": closed(lambda one: None),
        "thrown": closed(quiet_throw(lambda: OSError)),
        "thrown whole": closed(quiet_throw(lambda: OSError("x"))), "thrown wrongly": closed(quiet_throw(lambda: 5)),
        "sent": closed(quiet_send),
        "wsgi": lambda: web.wsgi({}, "GET", "/", "", 1.0).end(200, 1, 2),
        "wsgi wrongly": quiet(lambda: web.wsgi({}, "GET", "/", 5, 1.0)),
        "wsgi no number": quiet(lambda: web.wsgi({}, "GET", "/", "", "x")),
        "unended": lambda: web.wsgi({}, "GET", "/", "", 1.0),
        "answer": lambda: web.wsgi({}, "GET", "/", "", 1.0).answer(200),
        "answer bad": quiet(lambda: web.wsgi({}, "GET", "/", "", 1.0).answer("x")),
        "end bad": quiet(lambda: web.wsgi({}, "GET", "/", "", 1.0).end("x")), "forked": web._forked,
        "webs": lambda: middleware(app), "web of none": quiet(lambda: _core.web(app, None, None,
                                                                                (5, None, None, None, None), True)),
        "web without": quiet(lambda: _core.web(app, None, None, (None, None, None, None, None), True)),
        "asgi wrongly": quiet(lambda: web.asgi(1)),
    }, app, receive, send, scope, web, registry)
    asyncio.run(whole(scope, receive, send))


def quiet_throw(what):
    return lambda awaiting: quiet(lambda: awaiting.throw(what()))()


def quiet_send(awaiting):
    quiet(lambda: awaiting.send(5), AttributeError)()


if __name__ == "__main__":
    main()
