"""Every format says what the model has. The judges know nothing of our encoders: prometheus_client's parsers of text
0.0.4 and of OpenMetrics, and the protobuf runtime with what protoc makes of exposition.proto. The model is what
`shmeter dump --json` prints."""

import importlib.util
import json
import math
import os
import subprocess
import sys

from google.protobuf.internal.decoder import _DecodeVarint32 as decode_varint
from google.protobuf.internal.encoder import _VarintBytes as encode_varint
from lib import Bench, equal, main_with, test
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

PROTO = os.path.abspath(sys.argv[3])


def number(value):
    """A value of the JSON: numbers that JSON does not have are strings."""
    if not isinstance(value, str):
        return value
    return int(value) if value.isdigit() else float(value)


def same(got, wanted):
    """Bit by bit the same double; one NaN is as good as another."""
    return got == wanted and math.copysign(1, got) == math.copysign(1, wanted) or (got != got and wanted != wanted)


def series_key(labels):
    """An empty label is none."""
    return tuple(sorted((name, value) for name, value in labels.items() if value))


class Scene(Bench):
    """A segment that a hostile worker has filled; self.model: name -> family, and in a family series: labels ->
    series."""

    def __enter__(self):
        super().__enter__()
        self.hostile = subprocess.Popen([self.feeder, self.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        equal(self.hostile.stdout.readline(), b"ready\n", "the hostile worker")
        self.model = {}
        for family in json.loads(self.dump("--json"))["families"]:
            series = {series_key(one["labels"]): one for one in family["series"]}
            equal(len(series), len(family["series"]), "label sets of " + family["name"])
            self.model[family["name"]] = {**family, "series": series}
        return self

    def __exit__(self, *what):
        self.hostile.stdin.close()
        self.hostile.wait()
        self.hostile.stdout.close()
        super().__exit__(*what)

    def dump(self, *options):
        done = subprocess.run([self.program, "dump", self.name, *options], stdout=subprocess.PIPE, check=True)
        return done.stdout

    def protobuf(self):
        """The families of the delimited format, decoded: name -> message."""
        subprocess.run(["protoc", f"--proto_path={os.path.dirname(PROTO)}", f"--python_out={self.folder}", PROTO],
                       check=True)
        place = importlib.util.spec_from_file_location("exposition_pb2", os.path.join(self.folder, "exposition_pb2.py"))
        module = importlib.util.module_from_spec(place)
        place.loader.exec_module(module)
        data, at, families = self.dump("--format=protobuf"), 0, {}
        while at < len(data):
            length, start = decode_varint(data, at)
            equal(data[at:start], encode_varint(length), "a length in its shortest form")
            at = start + length
            family = module.MetricFamily()
            equal(family.ParseFromString(data[start:at]), length)
            equal(len(family.SerializeToString()), length, "no field twice, no number longer than it must be, in "
                  + family.name)
            equal(family.name in families, False, family.name)
            families[family.name] = family
        equal(at, len(data))
        return families


# ---- the model against what was put in ----

@test
def the_model_has_what_the_worker_put_in(scene):
    text = "".join(one["labels"][label] for one in scene.model["t_unicode_total"]["series"].values()
                   for label in "abcd")
    points = [point for point in range(1, 0x110000) if not 0xd800 <= point < 0xe000]
    equal(sorted(text), sorted(map(chr, points)), "all of Unicode, control characters as they are")
    hostile = {one["labels"]["value"]: one["value"] for one in scene.model["t_hostile_total"]["series"].values()
               if one["labels"]["other"] == "1"}
    equal({"\"", "\\", "\n", "\\n", "\n\\\"\n", "\ufffd", "a\ufffd\ufffdz", "\ufffd\ufffd\ufffd", "cut \ufffd\ufffd",
           "# EOF\n",
           "\U0001f631\u82b1\u706b"} - set(hostile), set(), "hostile values")
    whole = [number(scene.model["t_whole_total"]["series"][(("n", str(n)),)]["value"]) for n in range(6)]
    equal(whole, [0, 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1])
    any_ = [number(scene.model["t_any"]["series"][(("n", str(n)),)]["value"]) for n in range(7)]
    assert all(map(same, any_, [-0.0, -1, -5e-324, -sys.float_info.max, math.inf, -math.inf, math.nan])), any_
    equal({f"t_mode_{mode}" for mode in range(11)} - set(scene.model), set(), "gauge modes")
    equal(scene.model["t_log_3"]["series"][()]["native"]["schema"], 3)
    equal({one["labels"]["t_pump_state"]: one["value"] for one in scene.model["t_pump_state"]["series"].values()
           if one["labels"]["pump"] == "last"}, {"off": 0, "\"on\"\n": 0, "\ufffd": 1}, "states")
    equal(number(scene.model["t_summary_seconds"]["series"][()]["sum"]), 0.1 + 0.2 + 1e-300)
    equal(len(scene.model), 57, sorted(scene.model))


# ---- text formats ----

def wanted_samples(family, counts_sum=lambda family, one: True):
    """(sample name, labels) -> value, as text has them."""
    found = {}
    for key, one in family["series"].items():
        if family["type"] not in ("histogram", "summary"):
            found[family["name"], key] = number(one["value"])
            continue
        for bucket in one.get("buckets", []):
            found[family["name"] + "_bucket", tuple(sorted(key + (("le", bucket["le"]),)))] = number(bucket["count"])
        allowed = counts_sum(family, one)
        if allowed:
            found[family["name"] + "_sum", key] = number(one["sum"])
        if allowed or family["type"] == "summary":
            found[family["name"] + "_count", key] = number(one["count"])
    return found


def got_samples(samples):
    found = {}
    for sample in samples:
        key = sample.name, series_key(sample.labels)
        equal(key in found, False, key)
        equal((sample.timestamp, sample.exemplar), (None, None), key)
        found[key] = sample.value
    return found


def same_samples(got, wanted, convert=lambda value: value):
    equal(set(got) ^ set(wanted), set(), "samples that only one has")
    wrong = [(key, got[key], wanted[key]) for key in got if not same(got[key], convert(wanted[key]))]
    equal(wrong, [], "values")


@test
def text_says_what_the_model_has(scene):
    families = {}
    for got in parse_text(scene.dump().decode()):
        name = got.name + "_total" if got.type == "counter" and got.name + "_total" in scene.model else got.name
        equal(name in families, False, name)
        families[name] = got
    equal(set(families), set(scene.model), "families")
    for name, got in families.items():
        family = scene.model[name]
        equal((got.type, got.documentation),
              ({"info": "gauge", "stateset": "gauge"}.get(family["type"], family["type"]), family["help"]), name)
        # it adds _total to all
        samples = [one._replace(name=name) if got.type == "counter" else one for one in got.samples]
        same_samples(got_samples(samples), wanted_samples(family), float)


# How OpenMetrics shows the families whose names clash or lack a suffix: name -> (family's name, type).
OTHERWISE = {"n_a_total": ("n_a_total", "unknown"), "n_b_total": ("n_b_total", "unknown"),
             "n_c_created_total": ("n_c_created_total", "unknown"), "n_jobs": ("n_jobs", "unknown"),
             "n_f": ("n_f", "gauge"),
             "n_a_info": ("n_a_info", "gauge"), "n_c_info": ("n_c_info", "gauge"),
             "n_k_sum_total": ("n_k_sum_total", "unknown"),
             "n_k_created_total": ("n_k_created_total", "unknown"), "n_k_total": ("n_k_total", "unknown"),
             "n_k_bucket_info": ("n_k_bucket_info", "gauge"), "n_u_sum_total": ("n_u_sum_total", "unknown")}


# Beside NAME_created.
APART = {"n_h": ("_bucket", "_sum", "_count"), "n_s": ("_sum", "_count")}


def openmetrics_name(family):
    suffix = {"counter": "_total", "info": "_info"}.get(family["type"], "")
    return OTHERWISE.get(family["name"], (family["name"].removesuffix(suffix), family["type"]))


def openmetrics_sum(family, one):
    """No sum, nor a histogram's count, where the specification forbids the sum."""
    return all(float(bucket["le"]) >= 0 for bucket in one.get("buckets",
                                                              [])[:1]) and number(one["sum"]) >= 0 or family["name"] == "n_h"


def check_openmetrics(scene, option, created):
    families = {got.name: got for got in parse_openmetrics(scene.dump(option).decode())}
    for name, suffixes in APART.items():
        apart = [families.pop(name + suffix) for suffix in suffixes]
        equal([(got.type, got.documentation) for got in apart],
              [("unknown", scene.model[name]["help"])] * len(suffixes), name)
        same_samples(got_samples(sample for got in apart for sample in got.samples), wanted_samples(scene.model[name]))
    equal(set(families), {openmetrics_name(family)[0] for name, family in scene.model.items() if name not in APART},
          "families")
    seen_created = 0
    for family in scene.model.values():
        if family["name"] in APART:
            continue
        name, type_ = openmetrics_name(family)
        got = families[name]
        unit = family["unit"] if name.endswith("_" + family["unit"]) and family["unit"] and type_ != "stateset" else ""
        equal((got.type, got.documentation, got.unit), (type_, family["help"], unit), name)
        stamps = [one for one in got.samples if one.name == name + "_created"] if type_ in ("counter", "histogram",
                                                                                            "summary") else []
        same_samples(got_samples(one for one in got.samples if one not in stamps),
                     wanted_samples(family, openmetrics_sum),
                     lambda value: value or 0)  # the parser reads -0 as an integer
        if type_ in ("counter", "histogram", "summary") and created:
            equal({series_key(one.labels): one.value for one in stamps},
                  {key: float("%d.%09d" % divmod(one["created_ns"], 10**9)) for key, one in family["series"].items()},
                  name)
            seen_created += len(stamps)
        else:
            equal(stamps, [], name)
    equal(seen_created > 4000, created, "series with a created line")


@test
def openmetrics_says_what_the_model_has(scene):
    check_openmetrics(scene, "--format=openmetrics", False)


@test
def openmetrics_with_created_lines_says_what_the_model_has(scene):
    check_openmetrics(scene, "--format=openmetrics-created", True)


# ---- protobuf ----

TYPES = {"counter": 0, "gauge": 1, "info": 1, "stateset": 1, "summary": 2, "histogram": 4}


def native(histogram):
    """index -> count of a native histogram's buckets, decoded as the protocol says: by spans and differences."""
    index, count, deltas, found = 0, 0, iter(histogram.positive_delta), {}
    for number_, span in enumerate(histogram.positive_span):
        assert number_ == 0 or span.offset > 2, "a gap that is not worth a span"
        index += span.offset
        for _ in range(span.length):
            count += next(deltas)
            found[index] = count
            index += 1
    equal(list(deltas), [], "differences without a span")
    return found


def same_histogram(got, one, name):
    equal((got.sample_count, [(bucket.upper_bound, bucket.cumulative_count) for bucket in got.bucket]),
          (number(one["count"]), [(float(bucket["le"]), number(bucket["count"])) for bucket in one["buckets"][:-1]]),
          name)
    assert same(got.sample_sum, number(one["sum"])), (name, got.sample_sum, one["sum"])
    equal(got.HasField("schema"), "native" in one, name)
    if "native" in one:
        wanted = one["native"]
        equal((got.schema, got.zero_threshold, got.zero_count),
              (wanted["schema"], wanted["zero_threshold"], wanted["zero_count"]))
        assert got.positive_span, "nothing says that this is a native histogram"
        buckets = native(got)
        equal({index: count for index, count in buckets.items() if count},
              {bucket["index"]: bucket["count"] for bucket in wanted["buckets"]}, name)
        equal(sum(buckets.values()) + got.zero_count, got.sample_count, name)
    else:
        equal((len(got.positive_span), len(got.positive_delta), got.zero_threshold), (0, 0, 0), name)


@test
def protobuf_says_what_the_model_has(scene):
    families = scene.protobuf()
    equal(list(families), list(scene.model), "families")
    for name, got in families.items():
        family = scene.model[name]
        equal((got.type, got.help, got.unit), (TYPES[family["type"]], family["help"], family["unit"]), name)
        metrics = {tuple(sorted((label.name, label.value) for label in metric.label)): metric for metric in got.metric}
        equal((len(got.metric), set(metrics)), (len(family["series"]), set(family["series"])), name)
        for key, metric in metrics.items():
            one = family["series"][key]
            field = {0: "counter", 1: "gauge", 2: "summary", 4: "histogram"}[got.type]
            equal([found.name for found, _ in metric.ListFields() if found.name != "label"], [field], name)
            value = getattr(metric, field)
            if field == "histogram":
                same_histogram(value, one, name)
            elif field == "summary":
                equal((value.sample_count, value.sample_sum), (number(one["count"]), number(one["sum"])), name)
            else:
                assert same(value.value, float(number(one["value"]))), (name, key, value.value, one["value"])
            if field != "gauge":
                equal(value.start_timestamp.seconds * 10**9 + value.start_timestamp.nanos, one["created_ns"], name)


# ---- exponential histograms ----

@test
def exponential_histograms_have_few_classic_buckets_whose_counts_are_exact(scene):
    for name in ("t_log_none", "t_log_zero", "t_log_3", "t_log_8", "t_log_0", "t_log_wide", "t_log_coarser"):
        one = scene.model[name]["series"][()]
        own = one["native"]
        factor = 2.0 ** -own["schema"]
        bounds = [float(bucket["le"]) for bucket in one["buckets"]]
        assert 3 <= len(bounds) <= 41, (name, bounds)
        equal((bounds[0], bounds[-1], bounds), (own["zero_threshold"], math.inf, sorted(bounds)), name)
        for bound, bucket in zip(bounds[1:-1], one["buckets"][1:-1]):
            index = math.log2(bound) / factor
            assert abs(index - round(index)) < 1e-6, (name, bound, "is no bound of its schema")
            below = own["zero_count"] + sum(each["count"] for each in own["buckets"] if each["index"] <= round(index))
            equal(bucket["count"], below, f"{name} le={bound}")
    equal([bucket["le"] for bucket in scene.model["t_log_none"]["series"][()]["buckets"]],
          [bucket["le"] for bucket in scene.model["t_log_3"]["series"][()]["buckets"]],
          "bounds that depend on nothing observed")
    clamped = scene.model["t_log_3"]["series"][()]
    equal(number(clamped["count"]) - number(clamped["buckets"][-2]["count"]),
          sum(value > float(clamped["buckets"][-2]["le"]) for value in (90, 99, 100, 5000, math.inf)),
          "above the last bound")


main_with(Scene, sys.argv[4:])
