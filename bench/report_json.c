/* Prints the report as one JSON object, for programs. */
#include <jansson.h>
#include <stdio.h>

#include "bench/bench.h"

static json_t *
machine_object(const struct machine *machine)
{
    return json_pack("{s:s, s:i, s:b, s:f, s:s, s:s, s:s, s:s, s:s, s:b}", "cpu", machine->cpu, "cpus", machine->cpus_n,
                     "virtual", machine->virtual_machine, "load", machine->load, "kernel", machine->kernel, "libc",
                     machine->libc, "compiler", machine->compiler, "flags", machine->flags, "clock_source",
                     machine->clock, "rseq", machine->rseq);
}

static json_t *
target_object(const struct bench_row *row)
{
    json_t *target = json_object();
    if (row->max_ratio > 0)
        json_object_set_new(target, "ratio", json_real(row->max_ratio));
    if (row->max_value > 0)
        json_object_set_new(target, "value", json_real(row->max_value));
    return target;
}

static json_t *
row_object(const struct bench_report *report, size_t idx)
{
    const struct bench_row *row = row_at(idx);
    const struct bench_value *value = &report->values[idx];
    struct judge_line line = judge_row(report, idx);
    json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "section", row->section, "name", row->name, "what", row->what,
                               "unit", row->unit);
    if (value->present) {
        json_object_set_new(object, "value", json_real(value->median));
        json_object_set_new(object, "low", json_real(value->low));
        json_object_set_new(object, "high", json_real(value->high));
    }
    if (line.floor > 0)
        json_object_set_new(object, "floor", json_pack("{s:s, s:f}", "name", row->floor, "value", line.floor));
    if (line.ratio > 0)
        json_object_set_new(object, "ratio", json_real(line.ratio));
    if (row->max_ratio > 0 || row->max_value > 0)
        json_object_set_new(object, "target", target_object(row));
    if (line.verdict != JUDGE_NONE)
        json_object_set_new(object, "verdict", json_string(judge_words[line.verdict]));
    return object;
}

int
report_json(const struct bench_report *report, const struct machine *machine)
{
    json_t *results = json_array(), *notes = json_array();
    for (size_t i = 0; i < rows_n(); i++)
        if (report->wanted[i])
            json_array_append_new(results, row_object(report, i));
    for (unsigned i = 0; i < report->notes_n; i++)
        json_array_append_new(notes, json_string(report->notes[i]));
    json_t *root = json_pack("{s:o, s:b, s:i, s:o, s:o, s:i}", "machine", machine_object(machine), "quick",
                             report->quick, "processes", (int)report->processes, "results", results, "notes", notes,
                             "missed", (int)judge_missed(report));
    int failed = !root || json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) != 0 ||
                 putchar('\n') == EOF;
    json_decref(root);
    return failed ? -1 : 0;
}
