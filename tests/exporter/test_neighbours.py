"""One exporter, several segments, and not enough memory for one of them: it is left out and told by its own series, and
the others' scrapes are whole. With a limit on the address space, which makes allocations fail; then without, and
everything is back."""

import resource

from lib import equal, main, note, segment_path, status_field, test, true, value

MIB = 1 << 20
HOG = 60000  # series: some 50 MiB of the exporter


def limit(exporter, more):
    """Bytes that the exporter's address space may grow by; None: as it likes."""
    most = resource.RLIM_INFINITY if more is None else status_field(exporter.pid, "VmSize") * 1024 + more
    resource.prlimit(exporter.pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def readable(found, name):
    return value(found, "shmeter_segment_readable", segment=name)


def requests(found, name):
    return value(found, "shop_requests_total", method="GET", status="200", segment=name)


@test
def a_segment_that_takes_all_memory_is_left_out_and_the_others_are_served(bench):
    name = bench.name()
    good, hog = name + "-z", name + "-a"  # the hog is read first
    worker = bench.feeder(good)
    worker.do("requests", "GET", "200", 1)
    exporter = bench.exporter(f"--segment={name}-*")
    equal(requests(exporter.samples(), good), 1)
    bench.feeder(hog, max_series=HOG + 10).do("many", 0, HOG)
    left_out = 0
    for round_n, more in enumerate((8, 12, 16, 24, 32, 40, 48, 64, 96, 160), 2):
        worker.do("requests", "GET", "200", 1)
        limit(exporter, more * MIB)
        found = exporter.samples()
        equal(requests(found, good), round_n, f"{more} MiB: the good segment's counter")
        equal(readable(found, good), 1)
        is_there = ("shop_many_total", frozenset({("number", "7"), ("segment", hog)})) in found
        equal(readable(found, hog), int(is_there), f"{more} MiB: what the hog's own series say")
        left_out += not is_there
        limit(exporter, None)
    true(left_out >= 3, "memory was never short: nothing was tested")
    note(f"left out {left_out} times of 10")
    for _ in range(6):  # it is tried again
        found = exporter.samples()
        equal(readable(found, good), 1)
    equal(readable(found, hog), 1, "with memory enough again")
    equal(value(found, "shop_many_total", number=str(HOG - 1), segment=hog), 1)
    equal(value(found, "shmeter_segment_generation", segment=hog), 1, "nothing was created again")


@test
def health_says_which_segment_has_no_memory(bench):
    name = bench.name()
    good, hog = name + "-a", name + "-z"
    bench.feeder(good).do("requests", "GET", "200", 1)
    exporter = bench.exporter(f"--segment={name}-*")
    exporter.samples()
    bench.feeder(hog, max_series=HOG + 10).do("many", 0, HOG)
    limit(exporter, 12 * MIB)
    equal(requests(exporter.samples(), good), 1)
    text = exporter.ask("/health").body.decode()
    true(f"{segment_path(hog)} takes more memory than there is" in text, text)


@test
def a_segment_whose_mapping_finds_no_room_costs_nobody_else_a_scrape(bench):
    name = bench.name()
    good, large = name + "-z", name + "-a"
    bench.feeder(good).do("requests", "GET", "200", 3)
    exporter = bench.exporter(f"--segment={name}-*")
    exporter.samples()
    limit(exporter, 48 * MIB)
    bench.feeder(large, max_series=1000000).do("requests", "GET", "200", 1)
    for _ in range(4):
        found = exporter.samples()
        equal((requests(found, good), readable(found, good), readable(found, large)), (3, 1, 0))
    limit(exporter, None)
    for _ in range(5):
        found = exporter.samples()
    equal((requests(found, good), requests(found, large)), (3, 1))


if __name__ == "__main__":
    main()
