#include "tests/crash/walker.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/tools/scratch.h"

static struct walk current;
static pid_t walker;
static int to_walker[2], from_walker; /* both ends of its requests: it may have ended when the next one is written */

static void
serve(struct result *result, int from, int to)
{
    struct stage stage;
    walker_fn run;

    stepper_bind(current.cpu);
    stage_make(&stage, current.table, current.op, current.shape, result);
    stage_walk(&stage, current.reads);
    while (read(from, &run, sizeof run) == sizeof run) {
        run(&stage);
        if (write(to, "", 1) != 1)
            break;
    }
    exit(0);
}

static void
begin(const struct walk *walk, struct result *result)
{
    int back[2];

    if (pipe(to_walker) || pipe(back))
        abort();
    current = *walk;
    walker = scratch_fork();
    if (!walker) {
        close(to_walker[1]);
        close(back[0]);
        serve(result, to_walker[0], back[1]);
    }
    close(back[1]);
    from_walker = back[0];
}

/* Returns its exit code. */
static int
end(void)
{
    int status;

    if (!walker)
        return 0;
    close(to_walker[0]);
    close(to_walker[1]);
    close(from_walker);
    status = scratch_wait(walker);
    walker = 0;
    return status;
}

void
walker_end(void)
{
    end();
}

static int
is_current(const struct walk *walk)
{
    return walker && walk->table == current.table && walk->op == current.op && walk->shape == current.shape &&
           walk->cpu == current.cpu && walk->reads == current.reads;
}

int
walker_run(const struct walk *walk, walker_fn run, struct result *result)
{
    int status;
    char done;

    if (!is_current(walk)) {
        walker_end();
        begin(walk, result);
    }
    if (write(to_walker[1], &run, sizeof run) == sizeof run && read(from_walker, &done, 1) == 1)
        return 0;
    status = end();
    return status ? status : 1; /* it has ended without a word */
}
