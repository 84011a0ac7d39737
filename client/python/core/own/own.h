/*
 * What a metric of a registry that a function has made did in this process: it is kept beside the handle, in memory of
 * the process, and is what such a registry shows. All of it is counted in the segment too.
 *
 * own.c has the values, share.c what the gauges of a process have in the segment, use.c which families are in use.
 */
#ifndef SHMETER_PYTHON_OWN_H
#define SHMETER_PYTHON_OWN_H

#include "../core.h"

struct share;

/* Of one series. */
struct own {
    uint64_t order;      /* of series in this process, as they were made; samples are in this order */
    double created;      /* seconds since 1970 */
    double value;        /* of a counter or a gauge; sum of observations; number of a state */
    PyObject *said;      /* an info's (names, values), or NULL */
    struct share *share; /* NULL: nothing in the segment */
    double given;        /* of the value, to the share; in another process, nothing */
    uint64_t given_in;   /* number of the process, as forks are counted */
    int is_info;         /* use_info() has been told of it */
    uint32_t buckets_n;
    uint64_t buckets[]; /* of a histogram, with +Inf; of a summary, the number of observations */
};

enum own_change { OWN_SET, OWN_ADD, OWN_TOUCH };

int own_begin(struct metric_object *metric); /* of one that is ready; 0, or -1 with an exception */
void own_leave(struct metric_object *metric);
void metric_let_go(struct held *held, const struct shmeter_attachment *attachment);
void own_free(struct metric_object *metric);
void own_zero(struct metric_object *metric);
void own_count(struct metric_object *counter, double amount);
void own_observe(struct metric_object *metric, double value);
void own_gauge(struct metric_object *gauge, enum own_change change, double value); /* in the segment too */
/* Sets a gauge, whatever it shows. */
static inline void
own_put(struct metric_object *gauge, double value)
{
    if (SHMETER_UNLIKELY(gauge->own != NULL))
        own_gauge(gauge, OWN_SET, value);
    else
        shmeter_gauge_set(gauge->handle.gauge, value);
}

int own_info(struct metric_object *info, PyObject *names, PyObject *values);
PyObject *own_samples(PyObject *self, PyObject *args);
PyObject *own_forked(PyObject *module, PyObject *unused);

/* share.c: what all gauges of this process that are one series have together in the segment. */
struct share_table { /* by cell */
    struct share **lists;
    size_t mask, n;
};
void share_say(struct metric_object *gauge, enum own_change change, double value); /* as gauges of the pool do */
void share_give(struct metric_object *gauge, enum own_change change, double value);
void share_take_back(struct metric_object *gauge);
void share_follow(struct metric_object *gauge); /* its handle may be of another series than before, or of none */
void share_unset(struct metric_object *gauge);  /* without a share: this process says nothing of the series any more */

/* use.c: which families the objects of this process use. Behind the lock no code of Python may run. */
void use_lock(void);
void use_unlock(void);
void use_forked(void);
uint64_t use_process(void);                  /* the number of this process, as forks are counted */
int use_begin(struct metric_object *metric); /* 0, or -1 with an exception */
void use_share(struct metric_object *child, const struct metric_object *of);
void use_end(struct metric_object *metric);
struct share_table *use_shares(const struct metric_object *metric);
int use_by_pool(const struct metric_object *metric); /* whether metrics of the name show the pool's values */
int use_info(const struct metric_object *info,
             int by); /* infos that keep a view of their own; whether nobody has one now */
int use_elsewhere(const struct metric_object *metric); /* whether another living process has the family open */

#endif
