/*
 * A plain model of what a segment holds after a sequence of calls: arrays, strings and doubles, one process after the
 * other. Written from what the header promises; it shares no code with it. model_define.c has what a description means,
 * model.c families and series, model_values.c what is counted in them, model_slots.c whose workers are alive.
 */
#ifndef SHMETER_TESTS_FUZZ_API_MODEL_H
#define SHMETER_TESTS_FUZZ_API_MODEL_H

#include <stdint.h>

#include "shm/layout/types.h"

/* The segment's sizes: so small that a program of some calls comes to each limit. */
#define API_PROCESSES     4
#define API_SLOTS         3
#define API_GAUGES        6
#define API_SERIES        24
#define API_FAMILY_SERIES 5
#define API_LANE_BYTES    32768u

#define API_LABELS   17 /* one more than there may be */
#define API_STATES   4
#define API_VALUES   1024
#define API_BOUNDS   1001
#define API_RECORDS  1024
#define API_FAMILIES 256
#define API_CHECKS   8

struct api_desc {
    int type, mode;
    const char *name, *help, *unit;
    const char *const *labels; /* ended by NULL; or NULL */
    const double *bounds;      /* or NULL */
    const char *const *states; /* of statesets: ended by NULL; or NULL */
    uint32_t bounds_n, max_series;
    int schema;
    double min_value, max_value;
    int by_pid;
};

enum api_loss {
    LOST_SERIES_REFUSED,
    LOST_SERIES_OVERFLOWED,
    LOST_FAMILIES_REFUSED,
    LOST_FAMILY_CONFLICTS,
    LOST_VALUES_REPAIRED,
    LOST_OBSERVATIONS_NAN,
    LOST_OBSERVATIONS_NEGATIVE,
    LOST_OBSERVATIONS_CLAMPED,
    LOST_ADDS_REFUSED,
    LOST_GAUGE_REFUSED,
    LOST_SLOTS_EXHAUSTED,
    LOST_SERIES_RENEWED,
    LOST_HANDLES_REFUSED,
    LOST_CHECKS_REFUSED,
    LOST_SUPERSEDED, /* counted by each reader for itself */
    LOST_KINDS
};
extern const char *const api_loss_words[LOST_KINDS];

/* What makes two families of one name differ. */
struct api_definition {
    int type, mode, exponential, schema, by_pid;
    uint32_t labels_n, bounds_n, buckets_n, states_n;
    char name[256], unit[256];
    char labels[API_LABELS][256], states[API_STATES][64];
    double bounds[API_BOUNDS]; /* exponential: of the zero bucket, then of the log buckets */
};

struct api_record { /* a definition in the segment */
    struct api_definition definition;
    uint32_t series_n;
    int made;        /* when, among all records */
    uint64_t opened; /* number of its last open */
};

struct api_series {
    int record;
    int visible, hidden; /* neither: made, and not shown yet */
    uint32_t bytes;
    char values[API_VALUES + 1]; /* each with its zero */
    uint64_t count;
    double sum, magnitude; /* what was added, and how much of it in absolute terms */
    int exact;             /* no rounding was possible: sum is equal in any order */
    uint64_t *buckets;
    int gauge; /* its cell */
    int made;
    uint64_t noted; /* number of the last open of its definition by which it was looked up */
};

struct api_gauge {
    int is_set;
    double value;
    uint64_t stamp; /* POOL: the epoch; LATEST: when it was set */
    int base_is_set;
    double base; /* of the slot's earlier owners */
};

struct api_check {
    char name[64], message[128];
    int health;
};

struct api_block { /* what a worker says, in a slot or in private memory */
    struct api_gauge gauges[API_GAUGES];
    struct api_check checks[API_CHECKS];
    uint32_t checks_n;
    uint64_t work_n;
    int has_beaten, is_busy;
    char worker[32];
};

enum api_slot_state { SLOT_NEVER_USED, SLOT_HELD, SLOT_RELEASED };

struct api_open { /* a definition that a process has open */
    int record;
    uint64_t number;
};

struct api_slot {
    enum api_slot_state state;
    int pid, is_dead; /* of the holder */
    uint32_t generation;
    uint64_t since; /* it was claimed, or released */
    struct api_block block;
    struct api_open open[API_FAMILIES];
    uint32_t open_n;
    uint64_t first; /* the least number that was ever in it */
};

enum { SLOT_NONE = -1, SLOT_PRIVATE = -2 };

struct api_family { /* as a process has opened it */
    struct api_definition definition;
    int is_invalid, is_accepted; /* neither: another one has its name in this process, or it was forgotten */
    int record;
    uint64_t opened; /* number of its open, 0: it is open no more */
    uint32_t max_series;
};

struct api_process {
    int pid; /* 0: it has not opened the segment */
    uint32_t opened_n;
    int is_closed;
    int was_refused;        /* a slot, and it has been counted                                                      */
    int slot;               /* or SLOT_NONE, SLOT_PRIVATE */
    struct api_block block; /* while it has none */
    struct api_family *families[API_FAMILIES];
    uint32_t families_n;
};

struct api_model {
    struct api_process processes[API_PROCESSES];
    struct api_slot slots[API_SLOTS];
    struct api_gauge common[API_GAUGES];
    struct api_record *records[API_FAMILIES];
    uint32_t records_n;
    struct api_series *series[API_RECORDS];
    uint32_t series_n, limited_n; /* all, and those that limits count */
    uint32_t gauges_n, cells_bytes;
    uint64_t losses[LOST_KINDS];
    uint64_t now, opens;
    int made;
    struct api_family *owned[API_PROCESSES * API_FAMILIES]; /* to be freed */
    uint32_t owned_n;
};

struct api_handle {
    int type;
    const struct api_family *family; /* NULL: zeroed */
    struct api_series *series;       /* NULL: it counts privately */
};

struct api_values {
    const char *texts[API_LABELS + 1];
    uint32_t n;
};

void api_model_free(struct api_model *model);

/* ---- families and series. NULL: a family without a meter ---- */
struct api_family *api_model_family(struct api_model *model, int process, const struct api_desc *desc);
struct api_handle api_model_of(struct api_model *model, const struct api_family *family, int type,
                               const struct api_values *values);
void api_model_hide(struct api_model *model, const struct api_family *family, const struct api_values *values);
void api_model_hide_all(struct api_model *model, const struct api_family *family);
void api_model_forget(struct api_model *model, int process, const char *name);

/* ---- values ---- */
void api_model_add_u64(struct api_handle handle, uint64_t n);
void api_model_add_f64(struct api_model *model, struct api_handle handle, double v);
void api_model_observe(struct api_model *model, struct api_handle handle, double v);
void api_model_gauge_set(struct api_model *model, int process, struct api_handle handle, double v);
void api_model_gauge_add(struct api_model *model, int process, struct api_handle handle, double v);
void api_model_gauge_touch(struct api_model *model, int process, struct api_handle handle);
void api_model_state(struct api_model *model, int process, struct api_handle handle, uint32_t state);
/* Whether v is so near a computed bound that its bucket depends on the bound's last bit. */
int api_model_is_close(struct api_handle handle, double v);
/* A gauge's value over all workers. Returns 0: it has none. */
int api_model_gauge(const struct api_model *model, const struct api_series *series, double *out);

/* ---- workers ---- */
void api_model_open(struct api_model *model, int process, int pid, const char *worker);
void api_model_close(struct api_model *model, int process);
void api_model_attach_worker(struct api_model *model, int process);
/*
 * The process's slot's block, or its private one: claimed if need be. Of a closed meter nobody will see anything: a
 * block for nothing.
 */
struct api_block *api_model_block(struct api_model *model, int process);
void api_model_check(struct api_model *model, int process, const char *name, int health, const char *message);
void api_model_dies(struct api_model *model, int pid);
/* The process goes on as a child of itself. */
void api_model_forks(struct api_model *model, int process, int pid);

/* ---- what is exposed ---- */
enum api_place { PLACE_IN_FORCE, PLACE_JOINS, PLACE_BESIDE, PLACE_AWAY };
/* Of a definition among those of its name; *in_force: which of them is. */
enum api_place api_model_place(const struct api_model *model, int record, int *in_force);
/* Living processes that have it open. */
uint32_t api_model_open_n(const struct api_model *model, int record);
int api_is_per_worker(const struct api_definition *definition);
/* Whether a gauge of mode POOL or an info is of before all that living processes have ever had open. */
int api_model_has_left(const struct api_model *model, const struct api_series *series);

/* For model*.c. The process opens the definition, if it is not open, or all that it has; its slot lists it. */
void api_model_opens(struct api_model *model, struct api_process *process, struct api_family *family);
void api_model_lists(struct api_model *model, struct api_process *process);
void api_model_ends(struct api_model *model, struct api_process *process, struct api_family *family);
void api_model_lose(struct api_model *model, enum api_loss loss);
int api_is_good(const struct api_desc *desc);
void api_define(const struct api_desc *desc, struct api_definition *out);
int api_is_histogram(int type); /* or a summary */
int api_is_gauge(int type);     /* or a stateset */
int api_same_definition(const struct api_definition *a, const struct api_definition *b);

#endif
