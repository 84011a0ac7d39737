#include "tests/model/checker/report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define STATES_SHORT UINT64_C(5000000)
#define STATES_LONG  UINT64_C(100000000)

static int is_long, traces;

void
report_arguments(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++) {
        is_long |= !strcmp(argv[i], "--long");
        traces |= !strcmp(argv[i], "--trace");
    }
}

int
report_long(void)
{
    return is_long;
}

static const char *
name_of(enum memory memory)
{
    return memory == MEMORY_SC ? "SC" : memory == MEMORY_TSO ? "TSO" : "WEAK";
}

static double
seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void
run(const struct model_case *model, enum memory memory, uint64_t states_limit, const char *bug, struct outcome *out)
{
    double from = seconds();
    char interrupts[16] = "any";

    if (model->interrupts != MODEL_ANY)
        snprintf(interrupts, sizeof interrupts, "%u", model->interrupts);

    model_run(model, memory, states_limit, traces && !bug, out);
    print_message(
        "# %s, %s%s%s: %llu states, %llu steps, %llu ends, depth %u, %u deaths, %s interrupts, %s, %.1f s%s%s\n",
        model->name, name_of(memory), bug ? ", seeded: " : "", bug ? bug : "", (unsigned long long)out->states,
        (unsigned long long)out->steps, (unsigned long long)out->ends, out->depth, model->deaths, interrupts,
        out->exhausted    ? "exhausted"
        : *out->violation ? "stopped"
                          : "bounded",
        seconds() - from, *out->violation ? ": " : "", out->violation);
}

static uint64_t
states_most(void)
{
    return is_long ? STATES_LONG : STATES_SHORT;
}

void
report_right(const struct model_case *model, enum memory memory, const char *file, int line)
{
    struct outcome out;

    run(model, memory, states_most(), NULL, &out);
    _assert_true(!*out.violation, out.violation, file, line);
    _assert_true(out.exhausted, "all states were seen", file, line);
    _assert_true(out.ends > 0, "an end was reached", file, line);
}

void
report_bounded(const struct model_case *model, enum memory memory, uint64_t states, const char *file, int line)
{
    struct outcome out;

    run(model, memory, states, NULL, &out);
    _assert_true(!*out.violation, out.violation, file, line);
    _assert_true(out.ends > 0, "an end was reached", file, line);
}

void
report_wrong(const struct model_case *model, enum memory memory, const char *bug, const char *file, int line)
{
    struct outcome out;

    run(model, memory, states_most(), bug, &out);
    _assert_true(*out.violation != 0, bug, file, line);
}
