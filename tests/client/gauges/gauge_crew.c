#include "tests/client/gauges/gauge_crew.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/tools/scratch.h"

struct order {
    enum crew_action action;
    uint32_t mode;
    double value;
};

const char *const crew_names[SHMETER_MODES] = { "g_pool",        "g_live_sum", "g_live_min", "g_live_max",
                                                "g_live_latest", "g_live_all", "g_sum",      "g_min",
                                                "g_max",         "g_latest",   "g_all" };
static struct crew_worker workers[16];
static uint32_t workers_n;
struct scrape *crew_scrape;

/*
 * ---- a worker
 * ----------------------------------------------------------------------------------------------------------
 */

static const struct shmeter_family *
family_of(struct shmeter *meter, uint32_t mode)
{
    struct shmeter_desc desc = {
        .type = SHMETER_GAUGE, .name = crew_names[mode], .help = "Of a test.", .mode = (enum shmeter_mode)mode
    };
    return shmeter_family(meter, &desc);
}

static int
obey(struct shmeter *meter, struct shmeter_gauge *gauges, const struct order *order)
{
    static const struct shmeter_desc work = { .type = SHMETER_COUNTER, .name = "g_work_total", .help = "Work." };

    switch (order->action) {
    case CREW_SET:
        shmeter_gauge_set(gauges[order->mode], order->value);
        return 0;
    case CREW_ADD:
        shmeter_gauge_add(gauges[order->mode], order->value);
        return 0;
    case CREW_TOUCH:
        shmeter_gauge_touch(gauges[order->mode]);
        return 0;
    case CREW_SHOW:
        gauges[order->mode] = shmeter_gauge_of(family_of(meter, order->mode));
        return 0;
    case CREW_HIDE:
        shmeter_hide_all(family_of(meter, order->mode));
        return 0;
    case CREW_COUNT:
        shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &work)));
        return 0;
    case CREW_ATTACH:
        return shmeter_attach_worker(meter);
    default:
        shmeter_close(meter);
        return 0;
    }
}

static void
work(const char *path, const char *name, int orders, int answers)
{
    struct shmeter_options options = { .struct_bytes = sizeof options, .worker = name, .group = -1, .max_slots = 2 };
    struct shmeter_gauge gauges[SHMETER_MODES];
    struct shmeter *meter;
    struct order order;
    uint32_t mode;
    int answer = shmeter_open(&meter, path, &options);

    for (mode = 0; mode < SHMETER_MODES; mode++)
        gauges[mode] = shmeter_gauge_of(family_of(meter, mode));
    while (write(answers, &answer, sizeof answer) == (ssize_t)sizeof answer &&
           read(orders, &order, sizeof order) == (ssize_t)sizeof order)
        answer = obey(meter, gauges, &order);
    _exit(0);
}

/*
 * ---- the test's side
 * ----------------------------------------------------------------------------------------------------
 */

static int
answer_of(const struct crew_worker *worker)
{
    int answer;

    assert_int_equal(read(worker->answers, &answer, sizeof answer), sizeof answer);
    return answer;
}

int
crew_tell(const struct crew_worker *worker, enum crew_action action, uint32_t mode, double value)
{
    struct order order;

    memset(&order, 0, sizeof order);
    order.action = action;
    order.mode = mode;
    order.value = value;
    assert_int_equal(write(worker->orders, &order, sizeof order), sizeof order);
    return answer_of(worker);
}

void
crew_tell_all(const struct crew_worker *worker, enum crew_action action, double value)
{
    uint32_t mode;

    for (mode = 0; mode < SHMETER_MODES; mode++)
        crew_tell(worker, action, mode, value);
}

struct crew_worker *
crew_start(const char *name)
{
    struct crew_worker *worker = &workers[workers_n++];
    const char *path = scratch_path("gauges");
    int orders[2], answers[2];

    assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
    assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
    worker->pid = scratch_fork();
    if (!worker->pid) {
        close(orders[1]);
        close(answers[0]);
        work(path, name, orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    worker->orders = orders[1];
    worker->answers = answers[0];
    assert_int_equal(answer_of(worker), 0);
    return worker;
}

void
crew_kill(struct crew_worker *worker)
{
    if (!worker->pid)
        return;
    kill(worker->pid, SIGKILL);
    scratch_wait(worker->pid);
    close(worker->orders);
    close(worker->answers);
    worker->pid = 0;
}

void
crew_expect(uint32_t mode, double expected, int line)
{
    double value;

    scrape_take(crew_scrape);
    value = scrape_value(crew_scrape, "%s", crew_names[mode]);
    if (isnan(expected) ? scrape_count(crew_scrape, crew_names[mode]) != 0 : value != expected)
        fail_msg("line %d: %s is %g, expected %g", line, crew_names[mode], value, expected);
}

void
crew_expect_each(uint32_t mode, uint32_t expected, int line)
{
    scrape_take(crew_scrape);
    if (scrape_count(crew_scrape, crew_names[mode]) != expected)
        fail_msg("line %d: %s has %u samples, expected %u", line, crew_names[mode],
                 scrape_count(crew_scrape, crew_names[mode]), expected);
}

double
crew_worker_value(uint32_t mode, const char *worker, int slot)
{
    return scrape_value(crew_scrape, "%s{worker=\"%s\",slot=\"%d\"}", crew_names[mode], worker, slot);
}

void
crew_expect_lost(uint32_t loss, uint64_t expected)
{
    scrape_take(crew_scrape);
    assert_int_equal(scrape_status(crew_scrape)->losses[loss], expected);
}

int
crew_set_up(void **state)
{
    (void)state;
    workers_n = 0;
    crew_scrape = scrape_open(scratch_path("gauges"));
    return 0;
}

int
crew_tear_down(void **state)
{
    (void)state;
    while (workers_n)
        crew_kill(&workers[--workers_n]);
    scrape_close(crew_scrape);
    scratch_remove("gauges");
    return 0;
}
