/*
 * What the gauges of a process that keep a view of their own have in the segment. Gauges of one series, in several
 * registries, have one cell in the process's slot: where the mode adds up, it holds the sum of what each of them says,
 * else what was said last. It is unset when the last of them is gone, so a series is exposed as long as a living
 * process has it.
 *
 * A POOL gauge's sum is the process's share of the value in force: a set() by a metric of the pool replaces it, and the
 * next change of one of these adds it anew. The common cell is left alone.
 */
#include "own.h"

#include <math.h>
#include <stdlib.h>

enum { MINUS_INFINITY, PLUS_INFINITY, NOT_A_NUMBER, NOT_FINITE };

struct share {
    struct share *next;   /* of the same place in the table of its family */
    const uint64_t *slot; /* of the handle: one for each attachment */
    uint64_t cell;        /* likewise, as the mode and the offset in the slot's block */
    uint64_t holders_n;   /* series objects of this process */
    uint64_t process;     /* in which the rest holds: a forked child has given nothing yet */
    double sum, rest;     /* of what is finite, exact to some 100 bits: what is taken back leaves no trace */
    uint64_t not_finite[NOT_FINITE];
    double stored;        /* of the sum, in the cell; without a slot, what was added */
    uint64_t stored_bits; /* as it stands there; 0: nothing */
};

static uint32_t
mode_of(const struct metric_object *gauge)
{
    return gauge->family->definition.mode;
}

/* Whether what several gauges of a series say is added up. */
static int
adds_up(const struct metric_object *gauge)
{
    const uint32_t mode = mode_of(gauge);

    return gauge->kind == KIND_GAUGE && (mode == SHMETER_POOL || mode == SHMETER_SUM || mode == SHMETER_LIVE_SUM);
}

/* Whether what was said stays when nobody says it any more: the modes whose values outlive their process. */
static int
is_retained(const struct metric_object *gauge)
{
    const uint32_t mode = mode_of(gauge);

    return gauge->kind == KIND_GAUGE && (mode == SHMETER_SUM || mode == SHMETER_MIN || mode == SHMETER_MAX ||
                                         mode == SHMETER_LATEST || mode == SHMETER_ALL);
}

/* ---- the sum ---- */

/* Adds one number with its sign, 1 or -1 (Knuth's exact sum of two doubles). */
static void
put(struct share *share, double value, int sign)
{
    double sum, part;

    if (!isfinite(value)) {
        share->not_finite[isnan(value) ? NOT_A_NUMBER : value > 0 ? PLUS_INFINITY : MINUS_INFINITY] += (uint64_t)sign;
        return;
    }
    value *= sign;
    sum = share->sum + value;
    part = sum - share->sum;
    share->rest += (share->sum - (sum - part)) + (value - part);
    share->sum = sum;
}

static double
sum_of(const struct share *share)
{
    const uint64_t *n = share->not_finite;

    if (n[NOT_A_NUMBER] || (n[PLUS_INFINITY] && n[MINUS_INFINITY]))
        return NAN;
    if (n[PLUS_INFINITY] || n[MINUS_INFINITY])
        return n[PLUS_INFINITY] ? INFINITY : -INFINITY;
    return share->sum + share->rest;
}

/* ---- the cell ---- */

/*
 * The cell's value with another sum in it, seen -> next. What stands there beside the sum is the pool's metrics' of
 * this process; nothing else there: the sum itself, and without holders nothing.
 */
static uint64_t
next_value(const struct share *share, uint64_t seen, double sum)
{
    if (!seen || seen == share->stored_bits)
        return share->holders_n ? shmeter_gauge_encode(sum) : 0;
    return shmeter_gauge_encode(shmeter_gauge_decode(seen) - share->stored + sum);
}

/* Of a POOL gauge; in a new epoch nothing stands there. */
static void
store_pool(const struct share *share, struct shmeter_gauge_cell *own, const struct shmeter_gauge_cell *common,
           double sum)
{
    uint64_t seen[2], epoch, next;

    seen[0] = shmeter_load_relaxed(&own->value);
    /* pairs with shmeter_gauge_add_pool */
    seen[1] = shmeter_load_acquire(&own->aux);
    do {
        /* pairs with shmeter_gauge_set_pool */
        epoch = shmeter_load_acquire(&common->aux);
        next = next_value(share, seen[1] == epoch ? seen[0] : 0, sum);
        /* pairs with snapshot_pair */
    } while (!shmeter_cas16(own, seen, next, next ? epoch : 0));
}

/* Of the others that add up. replaces: what stands there is of registries of this process that are gone. */
static void
store_value(const struct share *share, struct shmeter_gauge_cell *own, double sum, int replaces)
{
    uint64_t seen = shmeter_load_relaxed(&own->value);

    while (!shmeter_cas(&own->value, &seen, next_value(share, replaces ? 0 : seen, sum)))
        ;
}

/* Has the sum in the cell; where nobody holds the share any more, nothing. */
static void
store(const struct metric_object *gauge, struct share *share)
{
    const struct shmeter_gauge_place place = shmeter_gauge_place_of(gauge->handle.gauge);
    const double sum = sum_of(share);

    if (place.common && place.own) {
        if (place.mode == SHMETER_POOL)
            store_pool(share, place.own, place.common, sum);
        else
            store_value(share, place.own, sum, !share->stored_bits && is_retained(gauge) && !use_by_pool(gauge));
    } else if (isfinite(sum)) { /* no slot: its private cell can only be added to */
        shmeter_gauge_add(gauge->handle.gauge, sum - share->stored);
    } else {
        return;
    }
    share->stored = sum;
    share->stored_bits = shmeter_gauge_encode(sum);
}

/* The number of a gauge's cell in each block. */
static uint64_t
number_of(const struct shmeter_attachment *attachment, uint64_t cell)
{
    return (SHMETER_GAUGE_OFFSET(cell) - attachment->header.gauges_off) / sizeof(struct shmeter_gauge_cell);
}

/* Whether more than half of the segment's gauges are in use. */
static int
is_crowded(const struct shmeter_attachment *attachment)
{
    return 2 * shmeter_load_relaxed(&attachment->state->gauges_fill.value) > attachment->header.gauges_n;
}

/*
 * Whether the series is to be taken out: no process says anything of it. That makes other processes look their handles
 * up again, and a gauge that is not set is not exposed: so it is done where room is scarce. A stateset that is not set
 * has its first state.
 */
static int
is_over(const struct metric_object *gauge)
{
    const struct shmeter_gauge_place place = shmeter_gauge_place_of(gauge->handle.gauge);

    return place.common && (gauge->kind == KIND_STATESET || is_crowded(place.attachment)) &&
           !shmeter_series_is_set(place.attachment, number_of(place.attachment, gauge->handle.gauge.cell));
}

/* This process says nothing any more. */
static void
unset(const struct metric_object *gauge)
{
    const struct shmeter_gauge_place place = shmeter_gauge_place_of(gauge->handle.gauge);
    uint64_t seen[2];

    if (!place.common || !place.own)
        return;
    seen[0] = shmeter_load_relaxed(&place.own->value);
    seen[1] = shmeter_load_relaxed(&place.own->aux);
    /* pairs with snapshot_pair */
    while (!shmeter_cas16(place.own, seen, 0, 0))
        ;
}

/* ---- shares ---- */

static struct share **
list_of(struct share_table *table, uint64_t cell)
{
    return &table->lists[cell >> 12 & table->mask]; /* behind the mode's bits; cells are 16 bytes apart */
}

/* Room for one share more. -1: no memory. */
static int
grow(struct share_table *table)
{
    struct share_table more = { NULL, 2 * table->mask + 1, table->n };
    struct share *share;
    size_t i;

    if (table->lists && table->n <= table->mask)
        return 0;
    more.lists = calloc(more.mask + 1, sizeof(struct share *));
    if (!more.lists)
        return table->lists ? 0 : -1;
    for (i = 0; table->lists && i <= table->mask; i++)
        while ((share = table->lists[i])) {
            struct share **to = list_of(&more, share->cell);
            table->lists[i] = share->next;
            share->next = *to;
            *to = share;
        }
    free(table->lists);
    *table = more;
    return 0;
}

static struct share *
find(struct share_table *table, struct shmeter_gauge handle)
{
    struct share *share = table->lists ? *list_of(table, handle.cell) : NULL;

    while (share && (share->cell != handle.cell || share->slot != handle.slot))
        share = share->next;
    return share;
}

/* What the gauge gave; nothing in a forked child. */
static double
given(const struct own *own)
{
    return own->given_in == use_process() ? own->given : 0;
}

static void
begin_process(struct share *share)
{
    if (share->process == use_process())
        return;
    share->process = use_process();
    share->sum = share->rest = share->stored = 0;
    share->stored_bits = 0;
    memset(share->not_finite, 0, sizeof share->not_finite);
}

/* The share of its series, of which it is a holder from now on; NULL: no memory. */
static struct share *
hold(struct metric_object *gauge)
{
    struct share_table *table = use_shares(gauge);
    struct share *share = find(table, gauge->handle.gauge), **list;

    if (!share) {
        share = grow(table) ? NULL : calloc(1, sizeof *share);
        if (!share)
            return NULL;
        share->slot = gauge->handle.gauge.slot;
        share->cell = gauge->handle.gauge.cell;
        share->process = use_process();
        list = list_of(table, share->cell);
        share->next = *list;
        *list = share;
        table->n++;
    }
    share->holders_n++;
    gauge->own->share = share;
    gauge->own->given = 0;
    return share;
}

/* Of which nobody is a holder any more. */
static void
drop(struct share_table *table, struct share *share)
{
    struct share **at = list_of(table, share->cell);

    while (*at != share)
        at = &(*at)->next;
    *at = share->next;
    table->n--;
    free(share);
}

/* A holder less. */
static void
let_go(struct metric_object *gauge)
{
    struct share *share = gauge->own->share;

    gauge->own->share = NULL;
    if (!--share->holders_n)
        drop(use_shares(gauge), share);
}

static void
change(struct metric_object *gauge, struct share *share, double value)
{
    begin_process(share);
    put(share, given(gauge->own), -1);
    put(share, value, 1);
    gauge->own->given = value;
    gauge->own->given_in = use_process();
}

/* As gauges of the pool say it. */
void
share_say(struct metric_object *gauge, enum own_change what, double value)
{
    if (gauge->kind == KIND_STATESET && what == OWN_SET)
        shmeter_stateset_set(gauge->handle.stateset, (uint32_t)value);
    else if (gauge->kind == KIND_STATESET) /* it begins with its first state by itself */
        return;
    else if (what == OWN_SET)
        shmeter_gauge_set(gauge->handle.gauge, value);
    else if (what == OWN_ADD)
        shmeter_gauge_add(gauge->handle.gauge, value);
    else
        shmeter_gauge_touch(gauge->handle.gauge);
}

/* The share of the handle's series, if it is still that: the series may have been hidden, and have come back. */
static struct share *
same_share(struct metric_object *gauge)
{
    struct share *share = gauge->own->share;

    if (share && share->cell == gauge->handle.gauge.cell && share->slot == gauge->handle.gauge.slot)
        return share;
    if (share)
        let_go(gauge);
    return NULL;
}

static struct share *
share_of(struct metric_object *gauge)
{
    struct share *share = same_share(gauge);

    return share ? share : hold(gauge);
}

/* What was given to a series that is gone is not taken back: its cell may soon be another one's. */
void
share_follow(struct metric_object *gauge)
{
    use_lock();
    same_share(gauge);
    use_unlock();
}

void
share_give(struct metric_object *gauge, enum own_change what, double value)
{
    struct share *share;

    if (!gauge->use) /* nothing of it reaches the segment */
        return;
    if (shmeter_load_relaxed(gauge->changes) != gauge->seen)
        metric_bind(gauge);
    use_lock();
    share = share_of(gauge);
    if (share && adds_up(gauge)) {
        change(gauge, share, what == OWN_SET ? value : given(gauge->own) + value);
        store(gauge, share);
    } else if (share) {
        share_say(gauge, what, value);
    }
    use_unlock();
}

/*
 * Takes back what a gauge said; the last holder of a series, all that this process said of it, unless that is retained,
 * or metrics of the pool say it too. A forked child that has said nothing has nothing to take back.
 */
static void
take_back(struct metric_object *gauge, struct share *share)
{
    const int said = share->process == use_process();

    if (said)
        change(gauge, share, 0);
    gauge->own->share = NULL;
    share->holders_n--;
    if (said && adds_up(gauge) && (share->holders_n || !is_retained(gauge)))
        store(gauge, share);
    else if (said && !share->holders_n && !is_retained(gauge) && !use_by_pool(gauge))
        unset(gauge);
    if (!share->holders_n)
        drop(use_shares(gauge), share);
}

/*
 * A process that begins to say something of the series between the look and the removal is found hidden by its next
 * update, which shows it again.
 */
void
share_take_back(struct metric_object *gauge)
{
    int gone;

    use_lock();
    take_back(gauge, gauge->own->share);
    gone = !is_retained(gauge) && is_over(gauge);
    use_unlock();
    if (gone)
        metric_hide(gauge, gauge->labelvalues);
}

void
share_unset(struct metric_object *gauge)
{
    unset(gauge);
    if (is_over(gauge))
        metric_hide(gauge, gauge->labelvalues);
}
