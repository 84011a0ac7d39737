#include "tests/crash/counting/counts.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/crash/death.h"
#include "tests/tools/scratch.h"

#define SEGMENTS 4u /* each with another hash, so that one of them has a series where it is looked for first */

struct count {
    uint64_t own, other;
};

static void
nothing(void)
{
}

static int
is_own(const struct op_table *table, uint64_t at)
{
    return at >= (uint64_t)(uintptr_t)table->text && at < (uint64_t)(uintptr_t)table->text_end;
}

static void
count_run(const struct op_table *table, struct stepper *stepper, struct count *count)
{
    do
        if (is_own(table, stepper->at))
            count->own++;
        else
            count->other++;
    while (stepper_step(stepper));
    stepper_kill(stepper);
}

/* What it takes to come to a function and back from it: it stands in this library. */
static uint64_t
overhead(const struct op_table *table)
{
    const struct stepper_job job = { .run = nothing };
    struct count count = { 0, 0 };
    struct stepper stepper;

    stepper_start(&stepper, &job);
    count_run(table, &stepper, &count);
    return count.other - 1; /* its own return */
}

/* In a process that has seen no segment before. */
static void
count_once(const struct op_table *table, const struct op *op, struct count *out)
{
    const struct shape usual = { 0, 1 };
    static struct result result;
    struct stepper stepper;
    struct stage stage;

    stage_make(&stage, table, op, &usual, &result);
    table->fix_ticks();
    stage_begin(&stage, &stepper);
    count_run(table, &stepper, out);
    out->other -= overhead(table);
}

void
counts_print(const struct op_table *table)
{
    struct count *count = scratch_shared(sizeof *count), least = { 0, 0 };
    uint32_t i, k;
    pid_t pid;

    for (i = 0; i < table->ops_n; i++) {
        if (!(table->ops[i].flags & OP_HOT))
            continue;
        least.own = UINT64_MAX;
        for (k = 0; k < SEGMENTS; k++) {
            count->own = count->other = 0;
            pid = scratch_fork();
            if (!pid) {
                count_once(table, &table->ops[i], count);
                exit(0);
            }
            if (scratch_wait(pid))
                exit(1);
            if (count->own < least.own)
                least = *count;
        }
        printf("%s\t%s\t%s\t%s\t%llu\t%llu\n", table->build, table->version, stepper_has_rseq() ? "CPU" : "shared",
               table->ops[i].name, (unsigned long long)least.own, (unsigned long long)least.other);
    }
}
