"""When a series began, as all formats have it: a counter that begins again has a new time, else readers take it for one
that has lost counts."""
import time

from lib import equal, in_child, join, main, test

from shmeter.prometheus import CollectorRegistry, Counter, generate_latest, Histogram, REGISTRY, Summary
from shmeter.prometheus.openmetrics import exposition


def shown(text, name):
    """The values of NAME_created in a text, with or without labels."""
    return [float(line.split()[1]) for line in text.decode().splitlines()
            if line.startswith((name + "_created ", name + "_created{"))]


def created(registry, name, labels):
    """What all ways of reading say; they say the same."""
    collected = registry.get_sample_value(name + "_created", labels)
    texts = generate_latest(registry), exposition.generate_latest(registry)
    equal([shown(text, name) for text in texts], [[collected]] * 2)
    return collected


def begins_with(act, registry, name, labels):
    """Asserts that the series begins when act() is called, and shows 1 then."""
    before, first = time.time(), created(registry, name, labels)
    act()
    again = created(registry, name, labels)
    assert first <= before <= again <= time.time(), (name, act, first, before, again)


def a_registry(shared):
    return REGISTRY if shared is None else CollectorRegistry(shared=shared)


@test
def a_counter_that_is_reset_removed_or_cleared_begins_then():
    for number, shared in enumerate((None, True, False)):
        registry, name = a_registry(shared), f"c{number}"
        family = Counter(name, "C.", ["a"], registry=registry)
        family.labels("x").inc()

        def removed():
            family.remove("x")
            family.labels("x").inc()

        def cleared():
            family.clear()
            family.labels("x").inc()

        for act in (removed, cleared, lambda: family.labels("x").reset(), removed):
            begins_with(act, registry, name, {"a": "x"})


@test
def counters_and_histograms_without_labels_too():
    for number, shared in enumerate((None, True, False)):
        registry = a_registry(shared)
        counter, histogram, summary = (kind(f"{kind.__name__.lower()}{number}", "W.", registry=registry)
                                       for kind in (Counter, Histogram, Summary))
        counter.inc()
        histogram.observe(1)
        summary.observe(1)
        begins_with(counter.reset, registry, counter._name, {})
        begins_with(histogram._reset, registry, histogram._name, {})
        begins_with(summary._reset, registry, summary._name, {})


@test
def what_nobody_has_begun_again_stays():
    family = Counter("stays", "S.", ["a"])
    family.labels("x").inc()
    family.labels("y").inc()
    of_x = REGISTRY.get_sample_value("stays_created", {"a": "x"})
    family.remove("y")
    family.labels("y").inc(2)
    equal(REGISTRY.get_sample_value("stays_created", {"a": "x"}), of_x)
    equal(min(shown(generate_latest(), "stays")), of_x)


@test
def a_process_sees_it_that_has_read_before():
    family = Counter("elsewhere", "E.", ["a"])
    family.labels("x").inc()

    def other():
        family.remove("x")
        family.labels("x").inc()

    begins_with(lambda: join([in_child(other)]), REGISTRY, "elsewhere", {"a": "x"})


if __name__ == "__main__":
    main()
