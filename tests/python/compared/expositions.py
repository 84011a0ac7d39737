"""Compares expositions: both are parsed by prometheus_client, and what they say is held against each other."""
import math

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text


def key_of(sample):
    return sample.name, tuple(sorted(sample.labels.items()))


def comparable(name, value, timed):
    """Times are there or not; what a timer measured is some time."""
    if name.endswith("_created") or name in timed:
        return "some time" if value >= 0 else value
    return "NaN" if math.isnan(value) else value


def families(text, openmetrics, timed=frozenset()):
    """{family: (type, help, unit, {sample: value})}"""
    found = {}
    for family in (parse_openmetrics if openmetrics else parse_text)(text):
        if family.name in found:
            raise AssertionError(f"the family {family.name} appears twice")
        samples = {}
        for sample in family.samples:
            key = key_of(sample)
            if key in samples:
                raise AssertionError(f"the sample {key} appears twice")
            if family.name in timed and not sample.name.endswith("_count"):
                samples[key] = "of a timer"
            else:
                samples[key] = comparable(sample.name, sample.value, timed)
        found[family.name] = (family.type, family.documentation, family.unit, samples)
    return found


def differences(wanted, got):
    """Lines that say what got has, or lacks, or has otherwise."""
    lines = []
    for name in sorted(wanted.keys() | got.keys()):
        if name not in got:
            lines.append(f"family {name} is missing")
        elif name not in wanted:
            lines.append(f"family {name} should not be there")
        elif wanted[name] != got[name]:
            for what, one, other in zip(("type", "help", "unit"), wanted[name], got[name]):
                if one != other:
                    lines.append(f"{name}: {what} {other!r}, should be {one!r}")
            one, other = wanted[name][3], got[name][3]
            lines += [f"{key}: {other.get(key, 'missing')}, should be {one.get(key, 'missing')}"
                      for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key)]
    return lines
