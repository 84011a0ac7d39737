"""Summaries, infos and enums, over processes."""
import os

from lib import equal, FOLDER, in_child, join, main, raises, test

import shmeter
from shmeter.prometheus import CollectorRegistry, Enum, generate_latest, Info, Summary


def lines(registry):
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")
            and "_created" not in line]


@test
def summaries_of_four_processes_add_up():
    registry = CollectorRegistry(shared=True)
    summary = Summary("work", "Work.", ["a"], registry=registry)
    join([in_child(lambda: summary.labels("x").observe(2.5)) for _ in range(4)])
    equal(lines(registry), ['work_count{a="x"} 4.0', 'work_sum{a="x"} 10.0'])
    with summary.labels("x").time():
        pass
    equal(registry.get_sample_value("work_count", {"a": "x"}), 5)
    raises(ValueError, "summary metric is missing label values", lambda: summary.observe(1))
    raises(ValueError, "Reserved label metric name: quantile",
           lambda: Summary("bad", "Bad.", ["quantile"], registry=registry))


@test
def what_was_said_last_of_an_info_is_shown():
    registry = CollectorRegistry(shared=True)
    info = Info("build", "Build.", registry=registry)
    equal(lines(registry), ["build_info 1.0"])
    info.info({"version": "1", "host": "a"})
    equal(lines(registry), ['build_info{host="a",version="1"} 1.0'])
    join([in_child(lambda: info.info({"version": "2"}))])
    equal(lines(registry), ['build_info{version="2"} 1.0'])
    info.info({"version": "1", "host": "a"})
    equal(lines(registry), ['build_info{host="a",version="1"} 1.0'], "what was there before")
    raises(ValueError, "Label value cannot be None", lambda: info.info({"version": None}))
    equal(lines(registry), ['build_info{host="a",version="1"} 1.0'], "what cannot be said changes nothing")


@test
def infos_with_labels_stand_beside_each_other():
    registry = CollectorRegistry(shared=True)
    info = Info("parts", "Parts.", ["part"], registry=registry)
    info.labels("a").info({"version": "1"})
    join([in_child(lambda: info.labels("b").info({"build": "x"}))])
    info.labels("a").info({"version": "2"})
    equal(sorted(lines(registry)), ['parts_info{build="x",part="b"} 1.0', 'parts_info{part="a",version="2"} 1.0'])
    info.remove("b")
    equal(lines(registry), ['parts_info{part="a",version="2"} 1.0'])
    info.clear()
    equal(lines(registry), [])
    raises(ValueError, "Overlapping labels for Info metric, metric: ('part',) child: {'part': 'x'}",
           lambda: info.labels("a").info({"part": "x"}))


@test
def an_info_of_another_process_is_not_overwritten_by_a_new_object():
    join([in_child(lambda: Info("elsewhere", "E.").info({"version": "1"}))])
    registry = CollectorRegistry(shared=True)
    Info("elsewhere", "E.", registry=registry)
    equal(lines(registry), ['elsewhere_info{version="1"} 1.0'])


@test
def making_and_removing_read_no_more_than_they_must():
    meter = shmeter.open(os.path.join(FOLDER.name, "unread"))
    counter = meter.counter("unread_total", labels=["a"])
    counter.labels("x").inc()
    info = meter.info("unread_info")
    info.say(version="1")
    meter.info("unread_info")
    parts = meter.info("parts_info", labels=["part"])
    parts.labels("a").say(version="1")
    raises(KeyError, "('y',)", lambda: counter.remove("y"))
    raises(KeyError, "('b',)", lambda: parts.remove("b"))
    join([in_child(lambda: (counter.labels("z").inc(), parts.labels("c").say(build="2")))])
    counter.remove("z")
    parts.remove("c")
    equal(meter._families(), [], "nobody has taken a snapshot")
    text = meter.expose().decode()
    equal([line for line in text.splitlines() if not line.startswith("#")],
          ['parts_info{part="a",version="1"} 1.0', 'unread_info{version="1"} 1.0', 'unread_total{a="x"} 1.0'])


@test
def long_values_of_an_info_are_cut():
    registry = CollectorRegistry(shared=True)
    info = Info("long", "Long.", registry=registry)
    info.info({"text": "\u00fc" * 400})
    equal(lines(registry), ['long_info{text="' + "\u00fc" * 127 + '"} 1.0'])
    raises(ValueError, "the labels of an Info have more than 1023 bytes: long",
           lambda: info.info({name: "x" * 255 for name in "abcde"}))


@test
def an_enum_shows_the_state_that_was_set_last():
    registry = CollectorRegistry(shared=True)
    enum = Enum("state", "State.", ["a"], states=["starting", "running"], registry=registry)
    enum.labels("x")
    equal(lines(registry), ['state{a="x",state="starting"} 1.0', 'state{a="x",state="running"} 0.0'])
    join([in_child(lambda: enum.labels("x").state("running"))])
    equal(lines(registry), ['state{a="x",state="starting"} 0.0', 'state{a="x",state="running"} 1.0'])
    raises(ValueError, "'gone' is not in list", lambda: enum.labels("x").state("gone"))
    raises(ValueError, "stateset metric is missing label values", lambda: enum.state("running"))
    raises(ValueError, "No states provided for Enum metric: none", lambda: Enum("none", "None.", registry=registry))
    raises(ValueError, "Overlapping labels for Enum metric: a",
           lambda: Enum("a", "A.", ["a"], states=["x"], registry=registry))


@test
def those_of_one_name_are_one_in_registries_of_the_pool():
    first, second = CollectorRegistry(shared=True), CollectorRegistry(shared=True)
    kept = [Enum("twice", "T.", states=["a", "b"], registry=registry) for registry in (first, second)]
    kept[1].state("b")
    infos = [Info("twice_info", "T.", registry=registry) for registry in (first, second)]
    infos[1].info({"v": "1"})
    for registry in (first, second):
        equal(lines(registry), ['twice{twice="a"} 0.0', 'twice{twice="b"} 1.0', 'twice_info_info{v="1"} 1.0'])


@test
def those_of_one_name_have_what_was_said_in_their_registry():
    first, second = CollectorRegistry(shared=False), CollectorRegistry(shared=False)
    kept = [Enum("twice", "T.", states=["a", "b"], registry=registry) for registry in (first, second)]
    kept[1].state("b")
    infos = [Info("twice_info", "T.", registry=registry) for registry in (first, second)]
    infos[1].info({"v": "1"})
    equal(lines(first), ['twice{twice="a"} 1.0', 'twice{twice="b"} 0.0', "twice_info_info 1.0"])
    equal(lines(second), ['twice{twice="a"} 0.0', 'twice{twice="b"} 1.0', 'twice_info_info{v="1"} 1.0'])


if __name__ == "__main__":
    main()
