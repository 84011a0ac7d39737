"""shmeter hide and shmeter expire: series that are taken out of a living segment."""

import os

from lib import contains, equal, main, test, wait_for


def shown(bench, name):
    """The series of one metric, without its name."""
    lines = bench.good("dump", bench.name).splitlines()
    return [line.rsplit(" ", 1)[0][len(name):] for line in lines if line.startswith(name)]


def jobs(bench, *names):
    worker = bench.worker()
    for name in names:
        worker.do(f"job {name}")
    return worker


@test
def hide_takes_out_what_a_selector_chooses(bench):
    jobs(bench, "a", "b", "c1", "c2", "d")
    bench.good("hide", bench.name, 'shop_jobs_total{job="a"}')
    equal(shown(bench, "shop_jobs_total"), [f'{{job="{job}",kind="batch"}}' for job in ("b", "c1", "c2", "d")])
    equal(bench.good("hide", bench.name, 'shop_jobs_total{job=~"c.",kind="batch"}'), f"hid 2 series of {bench.name}\n")
    equal(shown(bench, "shop_jobs_total"), [f'{{job="{job}",kind="batch"}}' for job in "bd"])
    bench.good("hide", bench.name, 'shop_jobs_total{job!="d"}')
    equal(shown(bench, "shop_jobs_total"), ['{job="d",kind="batch"}'])
    bench.good("hide", bench.name, 'shop_jobs_total{job!~"[a-c]+"}')
    equal(shown(bench, "shop_jobs_total"), [])


@test
def hide_of_a_metric_takes_out_all_of_it_and_nothing_else(bench):
    worker = jobs(bench, "a", "b")
    worker.do("path /x")
    before = bench.good("dump", bench.name)
    bench.good("hide", bench.name, "shop_jobs_total", "shop_path_seconds_bucket")
    equal((shown(bench, "shop_jobs_total"), shown(bench, "shop_path_seconds")), ([], []))
    worker.do("job a")
    worker.do("path /x")
    contains(bench.good("dump", bench.name), 'shop_jobs_total{job="a",kind="batch"} 1\n',
             'shop_path_seconds_count{path="/x"} 1\n')
    equal([line for line in before.splitlines() if "shop_requests" in line or "shop_latency" in line],
          [line for line in bench.good("dump", bench.name).splitlines() if "shop_requests" in line
           or "shop_latency" in line])


@test
def hide_gives_a_worker_the_places_of_an_exploded_label_back(bench):
    bench.good("create", bench.name, "--max-family-series=10")
    worker = jobs(bench, *(str(number) for number in range(20)))
    equal(len(shown(bench, "shop_jobs_total")), 11)
    bench.good("hide", bench.name, "shop_jobs_total")
    for number in range(10):
        worker.do(f"job new{number}")
    equal(shown(bench, "shop_jobs_total"), [f'{{job="new{number}",kind="batch"}}' for number in range(10)])


@test
def a_dry_run_prints_and_changes_nothing(bench):
    jobs(bench, 'a "b" \\', "c")
    before = bench.good("dump", bench.name)
    equal(bench.good("hide", "--dry-run", bench.name, 'shop_jobs_total{job!="c"}', "shop_ceiling"),
          'shop_ceiling\nshop_jobs_total{job="a \\"b\\" \\\\",kind="batch"}\n')
    equal(bench.good("dump", bench.name), before)
    equal(bench.good("hide", bench.name, 'shop_jobs_total{job="a \\"b\\" \\\\"}'), f"hid 1 series of {bench.name}\n")


@test
def no_slot_is_taken_and_no_worker_dies(bench):
    jobs(bench, "a")
    before = bench.json("ls", bench.name, "--json")[0]["workers"]
    bench.good("hide", bench.name, "shop_jobs_total")
    bench.good("expire", bench.name)
    equal(bench.json("ls", bench.name, "--json")[0]["workers"], before)
    equal(bench.run("health", bench.name).stdout.split(":")[0], "ok")


@test
def a_mistake_is_one_sentence_and_hides_nothing(bench):
    jobs(bench, "a")
    for selector in ("shop_jobs_total{", 'shop_jobs_total{job="a"', "shop_jobs_total{job=a}",
                     'shop_jobs_total{job=~"("}', "", "1x",
                     'shop_jobs_total{job="a"} 1', "sum(shop_jobs_total)", 'shop_path_seconds_bucket{le="1"}', "a b"):
        bench.refused("hide", bench.name, selector, code=2)
        bench.refused("expire", bench.name, selector, code=2)
    contains(bench.refused("hide", bench.name, code=2), "which series")
    contains(bench.refused("hide", bench.name, 'shop_jobs_total{job="z"}'), "has no series", 'job="z"')
    contains(bench.refused("hide", bench.name + "-no", "a"), "does not exist")
    contains(bench.refused("expire", bench.name + "-no"), "does not exist")
    for after in ("0", "-1", "1.5", "x", "67108865"):
        bench.refused("expire", f"--after={after}", bench.name, code=2)
    equal(len(shown(bench, "shop_jobs_total")), 1)


@test
def expire_removes_what_was_idle_between_calls(bench):
    """busy is counted before each look: no look finds the same number twice."""
    worker = jobs(bench, "idle")

    def gone():
        worker.do("job busy")
        bench.good("expire", bench.name)
        return shown(bench, "shop_jobs_total") == ['{job="busy",kind="batch"}']
    wait_for(gone, "the idle series goes")
    equal(shown(bench, "shop_requests_total"), ['{method="GET",status="a \\"b\\""}'])


@test
def after_is_for_all_families_or_those_that_are_chosen(bench):
    worker = jobs(bench)
    for path in ("/a", "/b", "/c"):
        worker.do(f"path {path}")

    def gone():
        bench.good("expire", "--after=1", bench.name, 'shop_path_seconds{path=~"/[ab]"}')
        return shown(bench, "shop_path_seconds_count") == ['{path="/c"}']
    wait_for(gone, "those that are chosen go")
    wait_for(lambda: bench.good("expire", "--after=1", bench.name) and not shown(bench, "shop_path_seconds"), "all go")
    equal(shown(bench, "shop_ceiling"), [""])


@test
def a_segment_that_may_not_be_written_is_named(bench):
    jobs(bench, "a")
    os.chmod(bench.path, 0o644)
    words = ["hide", bench.name, "shop_jobs_total"]
    done = bench.run_as_nobody(*words)
    equal((done.returncode, done.stdout), (1, ""))
    contains(done.stderr, bench.path, "run as its owner")
    equal(len(shown(bench, "shop_jobs_total")), 1)


main()
