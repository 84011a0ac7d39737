/*
 * A program of calls by several processes, against a plain model. The input's bytes are the program: processes open,
 * fork, die, register, update, hide and close, in any order and with any arguments, also wrong ones; scrapes in between
 * and at the end say what the model says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/api/world.h"

#include "exposition/exposition.h"
#include "exposition/own.h"
#include "formats/encode.h"
#include "tests/fuzz/api/compare.h"
#include "tests/fuzz/api/input.h"

#define CALLS    120
#define SCRAPES  4 /* before the last */
#define HANDLES  64
#define ORPHANED 8 /* parents that do nothing any more */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct family {
    const struct shmeter_family *real;
    struct api_family *model;
};

struct handle {
    struct api_handle model;
    union {
        struct shmeter_counter counter;
        struct shmeter_counter_f64 counter_f64;
        struct shmeter_gauge gauge;
        struct shmeter_histogram histogram;
        struct shmeter_stateset stateset;
    } real;
};

struct program { /* what a process's variables hold */
    struct family families[HANDLES];
    struct handle handles[HANDLES];
    uint32_t families_n, handles_n;
};

struct run {
    struct input input;
    struct api_model model;
    struct program programs[API_PROCESSES];
    int parents[ORPHANED];
    uint32_t parents_n;
    struct exposition *exposition;
    struct api_reader reader; /* of exposition */
    uint32_t scrapes_n;
};

static struct run run;

#if defined(API_SEEDED)
int api_seed; /* the bug that is awake */

__attribute__((constructor)) static void
wake(void)
{
    const char *number = getenv("API_SEED");

    api_seed = number ? atoi(number) : 0;
}
#endif

static void
must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* ---- scrapes ---- */

/* with_own: the segment's own series too. */
static void
scrape(struct exposition *exposition, struct api_reader *reader, int with_own)
{
    static struct buffer text;

    text.len = 0;
    must(!exposition_read(exposition, with_own ? own_add : NULL, exposition->store) &&
             !exposition_render(exposition, &encode_text, &text),
         "no memory to read");
    must(store_status_n(exposition->store) == 1 && store_status(exposition->store, 0)->readable,
         "the segment cannot be read");
    api_compare(&run.model, reader, text.data ? text.data : "", text.len, store_status(exposition->store, 0));
}

static struct exposition *
new_exposition(void)
{
    const char *path = world_path();
    const struct store_options options = { .names = &path, .names_n = 1, .label = STORE_LABEL_NEVER };
    struct exposition *exposition = exposition_new(&options);

    must(exposition != NULL, "no memory for a store");
    return exposition;
}

/* ---- calls ---- */

static void
call_open(int process)
{
    static const char *const workers[] = { "w", "a worker", "abcdefghijabcdefghijabcdefghijabcdefghij" };
    struct shmeter_options options = { .struct_bytes = sizeof options,
                                       .lane_bytes = API_LANE_BYTES,
                                       .max_series = API_SERIES,
                                       .max_family_series = API_FAMILY_SERIES,
                                       .max_slots = API_SLOTS,
                                       .max_gauges = API_GAUGES,
                                       .ring_bytes = 4096,
                                       .group = -1 };
    uint8_t how = input_byte(&run.input);
    int pid = world_run(process);

    options.worker = workers[how % 3];
    must(!world_open(process, &options, how < 128), "the segment cannot be had");
    api_model_open(&run.model, process, pid, options.worker);
    if (!run.exposition)
        run.exposition = new_exposition();
}

static void
call_family(int process, struct shmeter *meter)
{
    struct program *program = &run.programs[process];
    struct family *family = &program->families[program->families_n % HANDLES];
    struct api_desc desc;
    struct shmeter_desc real = { 0 };

    input_desc(&run.input, &desc);
    real.type = (enum shmeter_type)desc.type;
    real.mode = (enum shmeter_mode)desc.mode;
    real.name = desc.name;
    real.help = desc.help;
    real.unit = desc.unit;
    real.labels = desc.labels;
    if (desc.type == SHMETER_STATESET)
        real.states = desc.states;
    else
        real.bounds = desc.bounds;
    real.bounds_len = desc.bounds_n;
    real.max_series = desc.max_series;
    real.schema = desc.schema;
    real.min_value = desc.min_value;
    real.max_value = desc.max_value;
    real.by_pid = (uint32_t)desc.by_pid;
    family->real = shmeter_family(meter, &real);
    family->model = api_model_family(&run.model, process, &desc);
    must(!family->real == !family->model, "a family, or none");
    program->families_n += program->families_n < HANDLES - 1;
}

static const struct family *
a_family(struct program *program)
{
    return &program->families[input_byte(&run.input) % (program->families_n + 1)];
}

static uint32_t
labels_of(const struct family *family)
{
    return family->model ? family->model->definition.labels_n : 1;
}

static void
call_of(int process)
{
    struct program *program = &run.programs[process];
    const struct family *family = a_family(program);
    uint8_t how = input_byte(&run.input);
    struct handle *handle = &program->handles[program->handles_n % HANDLES];
    int type = how < 224 && family->model ? family->model->definition.type : how % SHMETER_TYPES;
    struct api_values values;

    input_values(&run.input, labels_of(family), &values);
    memset(handle, 0, sizeof *handle);
    if (api_is_histogram(type)) /* one call for both */
        type = family->model && family->model->definition.type == SHMETER_SUMMARY ? SHMETER_SUMMARY : SHMETER_HISTOGRAM;
    switch (type) {
    case SHMETER_COUNTER:
        handle->real.counter = shmeter_counter_of_v(family->real, values.texts, values.n);
        break;
    case SHMETER_COUNTER_F64:
        handle->real.counter_f64 = shmeter_counter_f64_of_v(family->real, values.texts, values.n);
        break;
    case SHMETER_GAUGE:
        handle->real.gauge = shmeter_gauge_of_v(family->real, values.texts, values.n);
        break;
    case SHMETER_STATESET:
        handle->real.stateset = shmeter_stateset_of_v(family->real, values.texts, values.n);
        break;
    case SHMETER_HISTOGRAM:
    case SHMETER_SUMMARY:
        handle->real.histogram = shmeter_histogram_of_v(family->real, values.texts, values.n);
        break;
    default:
        shmeter_info_of_v(family->real, values.texts, values.n);
    }
    handle->model = api_model_of(&run.model, family->model, type, &values);
    program->handles_n += program->handles_n < HANDLES - 1;
}

static void
call_update(int process)
{
    struct program *program = &run.programs[process];
    struct handle *handle = &program->handles[input_byte(&run.input) % (program->handles_n + 1)];
    double v;
    uint64_t n;

    switch (handle->model.type) {
    case SHMETER_COUNTER:
        n = input_count(&run.input);
        shmeter_counter_add(handle->real.counter, n);
        api_model_add_u64(handle->model, n);
        break;
    case SHMETER_COUNTER_F64:
        v = input_addend(&run.input);
        shmeter_counter_f64_add(handle->real.counter_f64, v);
        api_model_add_f64(&run.model, handle->model, v);
        break;
    case SHMETER_GAUGE:
        n = input_byte(&run.input);
        v = input_f64(&run.input);
        if (n >= 224) {
            shmeter_gauge_touch(handle->real.gauge);
            api_model_gauge_touch(&run.model, process, handle->model);
        } else if (n % 2) {
            shmeter_gauge_add(handle->real.gauge, v);
            api_model_gauge_add(&run.model, process, handle->model, v);
        } else {
            shmeter_gauge_set(handle->real.gauge, v);
            api_model_gauge_set(&run.model, process, handle->model, v);
        }
        break;
    case SHMETER_STATESET:
        n = input_byte(&run.input) % 5;
        shmeter_stateset_set(handle->real.stateset, (uint32_t)n);
        api_model_state(&run.model, process, handle->model, (uint32_t)n);
        break;
    case SHMETER_HISTOGRAM:
    case SHMETER_SUMMARY:
        v = input_addend(&run.input);
        if (api_model_is_close(handle->model, v))
            break;
        shmeter_histogram_observe(handle->real.histogram, v);
        api_model_observe(&run.model, handle->model, v);
        break;
    default:
        break;
    }
}

static void
call_forget(int process, struct shmeter *meter)
{
    const struct family *family = a_family(&run.programs[process]);
    const char *name = family->model ? family->model->definition.name : "a_total";

    shmeter_family_forget(meter, name);
    api_model_forget(&run.model, process, name);
}

static void
call_hide(int process, int all)
{
    const struct family *family = a_family(&run.programs[process]);
    struct api_values values;

    if (all) {
        shmeter_hide_all(family->real);
        api_model_hide_all(&run.model, family->model);
        return;
    }
    input_values(&run.input, labels_of(family), &values);
    shmeter_hide_v(family->real, values.texts, values.n);
    api_model_hide(&run.model, family->model, &values);
}

static void
call_worker(int process, struct shmeter *meter)
{
    static const char *const names[] = { "a",
                                         "b",
                                         "c",
                                         "d",
                                         "e",
                                         "f",
                                         "g",
                                         "h",
                                         "i",
                                         "",
                                         NULL,
                                         "a long name a long name a long name a long name",
                                         "a long name a long name a long name a long na" };
    static const char *const messages[] = { NULL, "", "fine",
                                            "a long message a long message a long message a long message a long "
                                            "message a long message" };
    uint8_t what = input_byte(&run.input), more = input_byte(&run.input);
    struct api_block *block = NULL;

    if (what % 5 < 3 && meter)
        block = api_model_block(&run.model, process);
    switch (what % 5) {
    case 0:
        shmeter_heartbeat(meter);
        if (block)
            block->has_beaten = 1;
        break;
    case 1:
        shmeter_busy(meter);
        if (block) {
            block->is_busy = 1;
            block->work_n++;
        }
        break;
    case 2:
        shmeter_idle(meter);
        if (block)
            block->is_busy = 0;
        break;
    case 3:
        shmeter_attach_worker(meter);
        api_model_attach_worker(&run.model, process);
        break;
    default:
        shmeter_check(meter, names[more % 13], (enum shmeter_health)(more / 13 % 4), messages[what / 5 % 4]);
        api_model_check(&run.model, process, names[more % 13], more / 13 % 4, messages[what / 5 % 4]);
    }
}

static void
call_die(int process)
{
    struct program *program = &run.programs[process];
    int pid = world_run(process), all = input_byte(&run.input) % 2;

    if (!all && run.parents_n) {
        pid = run.parents[--run.parents_n];
        world_kill_pid(pid);
    } else {
        world_kill(process);
        memset(program, 0, sizeof *program);
    }
    api_model_dies(&run.model, pid);
}

static void
call_fork(int process)
{
    int pid;

    if (run.parents_n == ORPHANED || !world_meter(process))
        return;
    pid = world_fork(process, &run.parents[run.parents_n++]);
    api_model_forks(&run.model, process, pid);
}

static void
call(uint8_t which, int process)
{
    struct shmeter *meter;

    world_run(process);
    meter = world_meter(process);
    run.model.now++;
    switch (which) {
    case 0:
        call_open(process);
        break;
    case 1:
        shmeter_close(meter);
        api_model_close(&run.model, process);
        break;
    case 2:
    case 3:
        call_family(process, meter);
        break;
    case 4:
    case 5:
    case 6:
        call_of(process);
        break;
    case 7:
        call_hide(process, 0);
        break;
    case 8:
        call_hide(process, 1);
        break;
    case 19:
        call_forget(process, meter);
        break;
    case 9:
        call_worker(process, meter);
        break;
    case 10:
        call_die(process);
        break;
    case 11:
        call_fork(process);
        break;
    case 12:
        if (run.exposition && run.scrapes_n++ < SCRAPES)
            scrape(run.exposition, &run.reader, 0);
        break;
    default:
        call_update(process);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct exposition *fresh;
    uint32_t i;

    memset(&run, 0, sizeof run);
    run.input = (struct input){ data, bytes };
    for (i = 0; i < CALLS && run.input.left; i++) {
        uint8_t head = input_byte(&run.input);
        call(head / API_PROCESSES % 20, head % API_PROCESSES);
    }
    if (run.exposition) {
        scrape(run.exposition, &run.reader, 0);
        memset(&run.reader, 0, sizeof run.reader);
        fresh = new_exposition();
        scrape(fresh, &run.reader, 1);
        exposition_free(fresh);
        exposition_free(run.exposition);
    }
    while (run.parents_n)
        world_kill_pid(run.parents[--run.parents_n]);
    world_end();
    api_model_free(&run.model);
    return 0;
}
