/* Prints the report as a table, for people. */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"

static void
print_machine(const struct machine *machine)
{
    printf("%s, %d CPU%s%s, load %.1f; %s; %s; clock source %s; restartable sequences %s\n%s %s\n", machine->cpu,
           machine->cpus_n, machine->cpus_n == 1 ? "" : "s", machine->virtual_machine ? " (virtual machine)" : "",
           machine->load, machine->kernel, machine->libc, machine->clock, machine->rseq ? "in use" : "NOT in use",
           machine->compiler, machine->flags);
}

/* A number with three significant digits. */
static const char *
number(char *text, size_t bytes, double value)
{
    snprintf(text, bytes, "%.*f", value >= 100 ? 0 : value >= 10 ? 1 : value >= 0.1 || value <= 0 ? 2 : 4, value);
    return text;
}

static void
target_of(char *text, size_t bytes, const struct bench_row *row)
{
    char value[32] = "", ratio[32] = "";
    if (row->max_value > 0)
        snprintf(value, sizeof value, "%g %s", row->max_value, row->unit);
    if (row->max_ratio > 0)
        snprintf(ratio, sizeof ratio, "x%.*f", row->max_ratio < 0.1 ? 3 : 2, row->max_ratio);
    snprintf(text, bytes, "%s%s%s%s", *value || *ratio ? "<= " : "", ratio, *value && *ratio ? ", " : "", value);
}

static void
print_row(const struct bench_report *report, size_t idx)
{
    char value[32], floor[32] = "", ratio[32] = "", target[80];
    const struct bench_row *row = row_at(idx);
    struct judge_line line = judge_row(report, idx);
    if (line.floor > 0)
        number(floor, sizeof floor, line.floor);
    if (line.ratio > 0)
        snprintf(ratio, sizeof ratio, "x%.*f", line.ratio < 0.1 ? 4 : 2, line.ratio);
    target_of(target, sizeof target, row);
    if (!report->values[idx].present)
        snprintf(value, sizeof value, "-");
    else
        number(value, sizeof value, report->values[idx].median);
    printf("  %-60s %9s %-9s %9s %9s  %-16s %s\n", row->what, value, row->unit, floor, ratio, target,
           line.verdict == JUDGE_MISS ? "MISS" : judge_words[line.verdict]);
}

void
report_table(const struct bench_report *report, const struct machine *machine)
{
    const char *section = "";
    print_machine(machine);
    printf("CPU time of one operation, median of rounds and of %u process%s%s. floor: the plain machine's way to do "
           "the same, in "
           "this run.\n",
           report->processes, report->processes == 1 ? "" : "es", report->quick ? " (--quick: a rough figure)" : "");
    for (size_t i = 0; i < rows_n(); i++) {
        const struct bench_row *row = row_at(i);
        if (!report->wanted[i] || (row->flags & BENCH_HIDDEN))
            continue;
        if (strcmp(section, row->section) != 0) {
            section = row->section;
            printf("\n%-62s %9s %-9s %9s %9s  %-16s %s\n", section, "", "", "floor", "ratio", "target", "verdict");
        }
        print_row(report, i);
    }
    printf("\n");
    for (unsigned i = 0; i < report->notes_n; i++)
        printf("%s\n", report->notes[i]);
    unsigned missed = judge_missed(report);
    printf("%u target%s missed.\n", missed, missed == 1 ? "" : "s");
}
