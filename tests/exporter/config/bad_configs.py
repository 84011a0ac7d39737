"""Configurations with one mistake each: the text, the line that has it, and words of the sentence that tells."""


def entry(*lines):
    """An entry of segments with the lines after its name, the first of which is line 3."""
    return "segments:\n  - name: shop\n" + "".join(f"    {line}\n" for line in lines)


SYNTAX = [
    ("a: [1, 2\nb: 3\n", 1, "is not closed"),
    ("segments:\n\t- name: shop\n", 2, "a tab"),
    ("segments:\n  - name: 'shop\n", 2, "the quote that opens here is not closed"),
    ("segments:\n  - name: shop\n   prefix: a_\n", 3, "indented"),
    ("health:\n  stuck_after: 1m\n capacity: {}\n", 3, "indented"),
    ("health: stuck_after: 1m\n", 1, "a ':' stands where no key can be"),
    ("segments:\n  - name: @shop\n", 2, "has to stand in quotes"),
    ("segments:\n  - name: *\n", 2, ""),
    ("segments:\n  - name: *shop\n", 2, "aliases"),
    ("segments: &all\n  - name: shop\n", 1, "anchors"),
    ("segments:\n  - name: !!str shop\n", 2, "tags"),
    ("segments:\n  - <<: {name: shop}\n", 2, "merge keys"),
    ("health: {}\n---\nhealth: {}\n", 2, "a second document"),
    ("health: {}\n\nsegments: []\nhealth: {}\n", 4, "key 'health' is given twice, here and in line 1"),
    ("a: \xff\n".encode("latin-1"), 1, "not UTF-8"),
    (b"# good\nhealth:\n  stuck_after: 1\x00m\n", 3, "control character"),
    ("\ufeffhealth:\n  stuck: 1m\n", 2, "unknown key 'stuck'"),
    ("? [a]\n: b\n", 1, "no list or map"),
    ("health: [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]\n", 1, "nested more than 16 deep"),
]

WHOLE = [
    ("hello\n", 1, "this file holds a text"),
    ("- segments\n", 1, "this file holds a list"),
    ("segmets: []\n", 1, "unknown key 'segmets'; did you mean 'segments'?"),
    ("# labels\n\nlabels: {site: berlin}\n", 3,
     "unknown key 'labels'; known ones are segments, openmetrics, processes, health"),
    ("segments: []\nrules: []\n", 2, "rules is a part of health; put it below the key health, indented"),
    ("stuck_after: 1m\n", 1, "stuck_after is a part of health"),
    ("web:\n  listen_address: ':80'\n", 1, "unknown key 'web'"),
    ("openmetrics:\n  created: yes\n", 2, "created is 'yes'; true or false is wanted"),
    ("openmetrics:\n  created: 'true'\n", 2, "without quotes"),
    ("openmetrics:\n  created:\n", 2, "created has no value"),
    ("openmetrics:\n  create: true\n", 2, "unknown key 'create' in openmetrics; did you mean 'created'?"),
    ("processes:\n  pool: 1\n", 2, "pool is '1'; true or false is wanted"),
    ("processes:\n  worker: true\n", 2, "unknown key 'worker' in processes; did you mean 'workers'?"),
    ("processes: {pool: false, workers: true}\n", 1, "workers without pool"),
    ("openmetrics: true\n", 1, "openmetrics holds a text"),
]

SEGMENTS = [
    ("segments: shop\n", 1, "segments holds a text; a list is wanted, of which every item begins with '- '"),
    ("segments:\n  name: shop\n", 2, "segments holds a map; a list is wanted"),
    ("segments:\n  - shop\n", 2, "segments holds a text; lines of the form 'key: value' are wanted"),
    ("segments:\n  - labels: {a: b}\n", 2, "segments lacks the key 'name'"),
    ("segments:\n  -\n", 2, "segments lacks the key 'name'"),
    ("segments:\n  - name:\n", 2, "name has no value"),
    ("segments:\n  - name: ''\n", 2, "a segment's name consists of"),
    ("segments:\n  - name: [shop]\n", 2, "name is a list; a text is wanted"),
    ("segments:\n  - name: shop floor\n", 2, "name is 'shop floor': a segment's name consists of"),
    (entry("labls: {site: berlin}"), 3, "unknown key 'labls' in segments; did you mean 'labels'?"),
    (entry("idle-timeout: 1h"), 3, "did you mean 'idle_timeout'?"),
    (entry("scrape_interval: 1h"), 3, "unknown key 'scrape_interval' in segments; known ones are name, labels"),
    (entry("labels: [site, berlin]"), 3, "labels holds a list; names with values are wanted, as in {site: berlin}"),
    (entry("labels: site=berlin"), 3, "labels holds a text"),
    (entry("labels:", "  site: berlin", "  site: paris"), 5, "key 'site' is given twice, here and in line 4"),
    (entry("labels:", "  site: berlin", "  le: x"), 5, '"le" is reserved'),
    (entry("labels:", "  site: berlin", "  segment: x"), 5, '"segment" is reserved'),
    (entry("labels: {__name__: x}"), 3, "no valid label name"),
    (entry("labels: {2nd: x}"), 3, "no valid label name"),
    (entry("labels: {site: ''}"), 3, '"site" has no value'),
    (entry("labels:", "  site:"), 4, "site has no value"),
    (entry("labels: {site: [a]}"), 3, "site is a list; a text is wanted"),
    (entry("labels:", *[f"  l{i}: x" for i in range(17)]), 2, "more than 16 labels"),
    (entry("prefix: 9_"), 3, "cannot begin a metric name"),
    (entry("prefix: app-"), 3, "cannot begin a metric name"),
    (entry("prefix: shmeter_"), 3, "reserved"),
    (entry("prefix: " + "p" * 65), 3, "longer than 64 bytes"),
    (entry("idle_timeout: 3600"), 3, "idle_timeout is '3600', without a unit; a duration from 0 to"),
    (entry("idle_timeout: -5m"), 3, "idle_timeout is '-5m'; a duration"),
    (entry("idle_timeout: 30m1h"), 3, "a duration from 0 to"),
    (entry("idle_timeout: 1.5h"), 3, "a duration from 0 to"),
    (entry("idle_gauges: true"), 3, "idle_gauges does nothing without an idle_timeout"),
    (entry("idle_timeout: 1h", "idle_gauges: 1"), 4, "idle_gauges is '1'; true or false is wanted"),
    (entry("allow: shop_.*"), 3, "allow holds a text; a list is wanted"),
    (entry("allow: []"), 3, "allow is empty"),
    (entry("allow:", "  - shop_.*", "  - 'shop_('"), 5, "no regular expression"),
    (entry("allow: ['']"), 3, "an expression is empty"),
    (entry("allow: [[a]]"), 3, "allow is a list; a text is wanted"),
    (entry("deny:", "  - a", "  -"), 5, "deny has no value"),
    (entry("deny: ['(a)\\1']"), 3, "back reference"),
    (entry("deny: ['(a{100}){100}']"), 3, "repeats too much"),
    (entry("deny: ['a**']"), 3, "no regular expression"),
    (entry("deny: ['\\pL{100}']"), 3, "is too large for the 1024 KiB"),
    (entry("deny:", *[f"  - a{i}" for i in range(65)]), 2, "deny has more than 64 expressions"),
    (entry() + "  - name: shop\n", 3, "segment 'shop' has an entry in line 2 already"),
    ("segments:\n  - name: shop-*\n    prefix: a_\n  - name: shop-a\n", 4,
     "this entry never counts: 'shop-*' in line 2"),
    ("segments:\n  - name: '*'\n  - name: shop-*\n", 3, "this entry never counts: '*' in line 2"),
    ("segments:\n" + "".join(f"  - name: s{i}\n" for i in range(257)), 258, "more than 256 entries"),
]

HEALTH = [
    ("health: ok\n", 1, "health holds a text"),
    ("health:\n  stuck-after: 1m\n", 2, "did you mean 'stuck_after'?"),
    ("health:\n  stuck_after: 60\n", 2, "stuck_after is '60', without a unit"),
    ("health:\n  stuck_after: soon\n", 2, "stuck_after is 'soon'; a duration"),
    ("health:\n  stuck_after: [1m]\n", 2, "stuck_after is a list; a duration"),
    ("health:\n  capacity: 0.8\n", 2, "capacity holds a text"),
    ("health:\n  capacity: [degraded, failing]\n", 2, "capacity holds a list"),
    ("health:\n  rules:\n    - [name, expr]\n", 3, "rules holds a list"),
    ("health:\n  summaries:\n    - [histogram]\n", 3, "summaries holds a list"),
    ("health:\n  capacity: {degraded: 80}\n", 2, "degraded is '80'; a number from 0.01 to 1 is wanted"),
    ("health:\n  capacity: {degraded: 80%}\n", 2, "degraded is '80%'; a number"),
    ("health:\n  capacity: {degraded: 0}\n", 2, "a number from 0.01 to 1 is wanted"),
    ("health:\n  capacity:\n    degraded: .nan\n", 3, "a number from 0.01 to 1 is wanted"),
    ("health:\n  capacity:\n    degraded: 0.9\n    failing: 0.8\n", 3,
     "degraded is 0.9 and failing is 0.8; degraded has to be the smaller one"),
    ("health:\n  capacity: {degraded: 0.5, failing: 0.5}\n", 2, "degraded has to be the smaller one"),
    ("health:\n  capacity:\n    failing: 0.7\n", 3, "degraded is 0.8 by default and failing is 0.7"),
    ("health:\n  capacity: {warning: 0.7}\n", 2, "unknown key 'warning' in capacity; known ones are degraded, failing"),
]



def rules(*lines):
    """A rule with the lines after its name, the first of which is line 4."""
    return "health:\n  rules:\n    - name: errors\n" + "".join(f"      {line}\n" for line in lines)


def summary(*lines):
    """A summary with the lines after its histogram, the first of which is line 4."""
    return "health:\n  summaries:\n    - histogram: shop_seconds\n" + "".join(f"      {line}\n" for line in lines)


GOOD = "expr: sum(x_total) > 1"

RULES = [
    ("health:\n  rules: errors\n", 2, "rules holds a text; a list is wanted"),
    ("health:\n  rules:\n    name: errors\n", 3, "rules holds a map; a list is wanted"),
    ("health:\n  rules:\n    - errors\n", 3, "rules holds a text; lines of the form 'key: value' are wanted"),
    (rules(), 3, "rules lacks the key 'expr'"),
    ("health:\n  rules:\n    - expr: sum(x_total) > 1\n", 3, "rules lacks the key 'name'"),
    ("health:\n  rules:\n    - alert: errors\n", 3,
     "unknown key 'alert' in rules; known ones are name, expr, for, severity, message"),
    (rules(GOOD, "foor: 1m"), 5, "unknown key 'foor' in rules; did you mean 'for'?"),
    (rules(GOOD, "for: 60"), 5, "for is '60', without a unit"),
    (rules(GOOD, "for: 2d"), 5, "for is '2d'; a duration from 0 to 1d"),
    (rules(GOOD, "severity: critical"), 5, "severity is 'critical'; degraded or failing is wanted"),
    (rules(GOOD, "severity: ok"), 5, "severity is 'ok'; degraded or failing is wanted"),
    (rules(GOOD, "severity: [failing]"), 5, "severity is a list; a text is wanted"),
    (rules(GOOD, 'message: "a\\nb"'), 5, "one line of at most 256 bytes"),
    (rules("expr:"), 4, "expr has no value"),
    (rules("expr: sum(x_total)"), 4, "expr: "),
    (rules("expr: sum(x_total) >"), 4, "expr: "),
    (rules("expr: sum(rate(x_total[5m]) > 1"), 4, "expr: "),
    (rules("expr: sum(rate(x_total[2h])) > 1"), 4, "expr: "),
    (rules("expr: sum(rate(x_total{status=~\"(\"}[5m])) > 1"), 4, ""),
    (rules("severity: failing", "expr: average(x_total) > 1"), 5, "expr: a condition"),
    (rules("expr: sum(x_total) > 1: 2"), 4, "a ':' stands where no key can be"),
    (rules(GOOD) + "    - name: other\n      expr: sum(x) > 2\n    - name: errors\n      expr: sum(x) > 3\n", 7,
     "another rule, in line 3, is called 'errors' already"),
    ("health:\n  rules:\n    - name: " + "e" * 129 + "\n      expr: sum(x) > 1\n", 3, "one line of 1 to 128 bytes"),
    ("health:\n  rules:\n" + "".join(f"    - {{name: r{i}, expr: sum(x) > 1}}\n" for i in range(1001)), 1003,
     "rules has more than 1000 entries"),
    (summary("apdx: 1"), 4, "unknown key 'apdx' in summaries; did you mean 'apdex'?"),
    (summary("apdex: 0"), 4, "apdex is '0'; a number from 1e-09 to 1e+09 is wanted"),
    (summary("apdex: 300ms"), 4, "apdex is '300ms'; a number"),
    (summary("over: 1s"), 4, "over is '1s'; a duration from 5s to 1h"),
    (summary("over: 1d"), 4, "over is '1d'; a duration from 5s to 1h"),
    (summary("by: method"), 4, "by holds a text; a list is wanted"),
    (summary("by:", "  - method", "  - le"), 6, "no name of a label by which there can be groups"),
    (summary("by: [method, route, method]"), 4, '"method" is given twice'),
    (summary("by: [a, b, c, d, e, f, g, h, i]"), 4, "at most 8 labels"),
    ("health:\n  summaries:\n    - by: [method]\n", 3, "summaries lacks the key 'histogram'"),
    ("health:\n  summaries:\n    - histogram: shop seconds\n", 3, "no name of a histogram"),
    (summary("apdex: 0.3") + "    - histogram: shop_seconds\n", 5, "the summary in line 3 is of the same histogram"),
]

ALL = SYNTAX + WHOLE + SEGMENTS + HEALTH + RULES
