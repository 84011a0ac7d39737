"""?name[]= and ?collect[]=: which families an answer has."""
import urllib.parse

from lib import equal, main, samples, test, true

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"


def families(text):
    return {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}


def served(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    feeder.do("requests", "GET", "200", 3)
    feeder.do("latency", "/a", 0.3, 2)
    feeder.do("active", 2)
    feeder.do("build", "1.2")
    return bench.exporter(f"--segment={name}")


def chosen(exporter, *parameters, **more):
    return exporter.ask("/metrics?" + urllib.parse.urlencode(parameters), **more)


@test
def names_choose_families(bench):
    exporter = served(bench)
    table = {
        "shop_requests_total": {"shop_requests_total"}, "shop_requests": {"shop_requests_total"},
        "shop_latency_seconds": {"shop_latency_seconds"}, "shop_latency_seconds_bucket": {"shop_latency_seconds"},
        "shop_latency_seconds_count": {"shop_latency_seconds"}, "shop_build": {"shop_build_info"}, "shop_build_info": {"shop_build_info"},
        "shmeter_segments": {"shmeter_segments"}, "shop": set(), "shop_latency": set(), "": set(), "shop_latency_seconds_": set(),
    }
    for name, wanted in table.items():
        equal(families(chosen(exporter, ("name[]", name)).body.decode()), wanted, name)
    both = chosen(exporter, ("name[]", "shop_requests_total"), ("x", "y"), ("name[]", "shop_active")).body.decode()
    equal(families(both), {"shop_requests_total", "shop_active"})
    equal(samples(both), {key: number for key, number in exporter.samples().items() if key[0] in ("shop_requests_total", "shop_active")})
    for path in ("/metrics?name[]=shop_active", "/metrics?name%5B%5D=shop%5factive", "/metrics?a&name%5b]=shop_active&"):
        equal(families(exporter.text(path)), {"shop_active"}, path)


@test
def groups_choose_families(bench):
    exporter = served(bench)
    exporter.text()  # from then on scrapes are counted
    all_of_them = families(exporter.text())
    found = {group: families(chosen(exporter, ("collect[]", group)).body.decode())
             for group in ("application", "segments", "health", "processes", "exporter")}
    equal(set().union(*found.values()), all_of_them, "nothing is left out")
    equal({name for name in all_of_them if name.startswith("shop_")} - found["application"], set())
    equal(found["health"], {"shmeter_health_status", "shmeter_health_check_status"})
    true("shmeter_segment_readable" in found["segments"] and "shmeter_exporter_build_info" in found["exporter"], found)
    equal(families(chosen(exporter, ("collect[]", "health"), ("name[]", "shop_active")).body.decode()), found["health"] | {"shop_active"})


@test
def every_format_and_coding_is_chosen_from(bench):
    exporter = served(bench)
    open_metrics = chosen(exporter, ("name[]", "shop_requests"), headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    equal((families(open_metrics.body.decode()), open_metrics.body[-6:]), ({"shop_requests"}, b"# EOF\n"))
    protobuf = chosen(exporter, ("name[]", "shop_requests"), headers={"Accept": PROTOBUF}).body
    true(b"shop_requests_total" in protobuf and b"shop_active" not in protobuf, protobuf)
    zipped = chosen(exporter, ("name[]", "shop_active"), headers={"Accept-Encoding": "gzip"})
    equal((zipped.getheader("Content-Encoding"), len(zipped.body) < 200), ("gzip", True))
    true({"shop_active", "shmeter_segments"} <= families(exporter.text()), "who does not choose has all")


@test
def wrong_parameters_are_refused(bench):
    exporter = served(bench)
    for query in ("collect[]=cpu", "collect[]=", "collect[]", "name[]", "name[]=%", "name[]=%zz", "name[]=a%00b", "name[]=" + "x" * 1100,
                  "&".join(f"name[]=n{number:0100}" for number in range(11))):
        equal(exporter.ask("/metrics?" + query).status, 400, query)
    for query in ("name=shop_active", "name[x]=a", "collect=cpu", "%zz=1"):
        equal(exporter.ask("/metrics?" + query).status, 200, query)
    equal(exporter.ask("/health?collect[]=cpu").status, 200, "other pages ignore them")


if __name__ == "__main__":
    main()
