/*
 * Names with more than one definition: two releases of a program, or two programs in one segment. The definition in
 * force is the one opened last of those that living processes have open; when they have none open, the one opened last
 * of all. Counters, gauges and histograms that fit the one in force are added to it. Definitions that do not fit are
 * superseded: they are not exposed, and their updates are a loss.
 *
 * Each process lists in its slot what it has open (shm/registry/opened.h). The lists are read only where a name has
 * several definitions.
 */
#include <math.h>

#include "base/saturate.h"
#include "read/snapshot/internal.h"

#define REASONS_MOST 64u /* at most so many superseded definitions are listed in the status */

static struct snapshot_family *
family_of(const struct snapshot *snapshot, uint32_t number)
{
    return number ? &snapshot->families[number - 1] : NULL;
}

void
snapshot_several_add(struct snapshot *snapshot, uint32_t known, uint32_t number)
{
    struct snapshot_family *family = &snapshot->families[known];
    struct snapshot_several *name;

    if (!family->several) {
        name = &snapshot->several[snapshot->several_n];
        name->last = name->in_force = known + 1;
        family->several = ++snapshot->several_n;
    }
    name = &snapshot->several[family->several - 1];
    snapshot->families[number].several = family->several;
    snapshot->families[number].namesake = name->last;
    name->last = number + 1;
}

struct snapshot_family *
snapshot_family_in_force(const struct snapshot *snapshot, struct snapshot_family *family)
{
    return family->several ? family_of(snapshot, snapshot->several[family->several - 1].in_force) : family;
}

/* ---- what is open ---- */

static void
note_open(struct snapshot *snapshot, uint32_t slot, uint64_t entry, uint64_t opens)
{
    uint32_t behind = (uint32_t)opens - SHMETER_OPENED_NUMBER(entry);
    struct snapshot_family *family = SHMETER_OPENED_NUMBER(entry)
                                         ? snapshot_family_at(snapshot, SHMETER_OPENED_UNIT(entry))
                                         : NULL;
    uint64_t number = behind < opens ? opens - behind : 0;

    if (!family || !family->several)
        return;
    if (!family->open_n++)
        family->open_slot = slot;
    if (number > family->open)
        family->open = number;
}

/*
 * The slot may get another owner meanwhile, which is visible in the slot word before that owner writes the list.
 * Returns 1 when it is known since when its owner has had something open; who has nothing may have been there before
 * all others.
 */
static int
read_list(struct snapshot *snapshot, uint32_t slot)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    const uint64_t block = header->slot_blocks_off + slot * header->slot_block_bytes;
    const uint64_t *of = snapshot_word(snapshot, block + offsetof(struct shmeter_slot_block, opened_of));
    const uint64_t *owner = snapshot_word(snapshot, header->slot_words_off + slot * sizeof(struct shmeter_slot_word));
    const uint64_t *list = snapshot_word(snapshot, block + offsetof(struct shmeter_slot_block, opened));
    const uint64_t *opens = snapshot_word(snapshot, header->state_off + offsetof(struct shmeter_state, opens));
    const uint64_t *least = snapshot_word(snapshot, block + offsetof(struct shmeter_slot_block, opened_first));
    uint64_t entries[SHMETER_OPENED], counted, first;
    uint32_t n, i;

    /* pairs with shmeter_opened_begin */
    if (shmeter_load_acquire(of) != snapshot->slots[slot].owner.owner)
        return 0;
    for (n = 0; n < SHMETER_OPENED && (entries[n] = shmeter_load_relaxed(&list[n])); n++)
        ;
    first = shmeter_load_relaxed(least);
    /* pairs with shmeter_opened_number */
    shmeter_fence_acquire();
    counted = shmeter_load_relaxed(opens); /* at least the number of each entry */
    if (shmeter_load_relaxed(owner) != snapshot->slots[slot].owner.owner)
        return 0;
    for (i = 0; i < n; i++)
        note_open(snapshot, slot, entries[i], counted);
    snapshot->opens = counted;
    if (first < snapshot->open_first)
        snapshot->open_first = first;
    return first != 0;
}

/* What all living processes have open is known when none of them can be without a slot, and each list was read. */
static void
read_lists(struct snapshot *snapshot)
{
    uint32_t i, live_n = 0, known_n = 0;

    snapshot->open_first = UINT64_MAX;
    for (i = 0; i < snapshot->slots_n && snapshot->state_held; i++) {
        live_n += snapshot->slots[i].live != 0;
        if (snapshot->slots[i].live && snapshot_has_block(snapshot, i))
            known_n += (uint32_t)read_list(snapshot, i);
    }
    snapshot->opens_known = live_n && known_n == live_n && live_n < snapshot->slots_n;
}

/* ---- which one is in force ---- */

/*
 * The number of a definition's last open: by living processes that have it open, or else by any process. Processes
 * before ABI 1.3 do not number their opens.
 */
static uint64_t
last_open(const struct snapshot *snapshot, const struct snapshot_family *family)
{
    return family->open_n ? family->open
                          : snapshot_load(snapshot, snapshot_record_off(snapshot, family->unit) +
                                                        offsetof(struct shmeter_family_record, opened));
}

static int
is_later(const struct snapshot *snapshot, const struct snapshot_family *a, const struct snapshot_family *b)
{
    uint64_t a_open = last_open(snapshot, a), b_open = last_open(snapshot, b);

    if (!a->open_n != !b->open_n)
        return a->open_n != 0;
    return a_open != b_open ? a_open > b_open : a->unit > b->unit;
}

static int
same_strings(const char *const *a, const char *const *b, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (strcmp(a[i], b[i]))
            return 0;
    return 1;
}

int
snapshot_label_order(const struct snapshot_family *from, const struct snapshot_family *to, uint8_t *order)
{
    uint32_t i, k;

    if (from->labels_n != to->labels_n)
        return 0;
    for (i = 0; i < to->labels_n; i++) {
        for (k = 0; k < from->labels_n && strcmp(to->labels[i], from->labels[k]); k++)
            ;
        if (k == from->labels_n)
            return 0;
        order[i] = (uint8_t)k;
    }
    return 1;
}

/* Counters of integers and of doubles can be added up. */
static int
same_type(const struct snapshot_family *a, const struct snapshot_family *b)
{
    return a->type == b->type || (a->type <= SHMETER_COUNTER_F64 && b->type <= SHMETER_COUNTER_F64);
}

/*
 * In what a definition differs, so that it does not fit the one in force; NULL: it fits. The mode of a gauge and the
 * unit may differ.
 */
static const char *
difference(const struct snapshot_family *family, const struct snapshot_family *in_force)
{
    uint8_t order[SHMETER_MAX_LABELS];

    if (in_force->unknown || !same_type(family, in_force))
        return "another type";
    if (family->type == SHMETER_INFO)
        return NULL;
    if (!snapshot_label_order(family, in_force, order) || family->by_pid != in_force->by_pid ||
        snapshot_per_worker(family) != snapshot_per_worker(in_force))
        return "other labels";
    if (family->states_n != in_force->states_n || !same_strings(family->states, in_force->states, family->states_n))
        return "other states";
    if (family->buckets_n != in_force->buckets_n || family->bounds_n != in_force->bounds_n ||
        family->exponential != in_force->exponential || family->schema != in_force->schema ||
        family->first_index != in_force->first_index || family->zero_threshold != in_force->zero_threshold ||
        (family->bounds_n && memcmp(family->bounds, in_force->bounds, family->bounds_n * sizeof *family->bounds)))
        return "other buckets";
    return NULL;
}

int
snapshot_adds_up(const struct snapshot_family *family, const struct snapshot_family *in_force)
{
    return !difference(family, in_force);
}

/* A POOL gauge that no process has open is not updated any more, so its value is not added. */
static int
is_left_behind(const struct snapshot_family *family)
{
    return family->type == SHMETER_GAUGE && family->mode == SHMETER_POOL && !family->open_n;
}

/* ---- the verdict ---- */

static int
tell(struct snapshot *snapshot, const struct snapshot_family *family, const char *differs)
{
    struct segment_status *status = &snapshot->status;
    struct status_superseded *out;

    status->superseded_n++;
    if (status->superseded_len == REASONS_MOST)
        return 0;
    if (array_room(&status->superseded, &snapshot->superseded_capacity, status->superseded_len + 1,
                   sizeof *status->superseded))
        return -ENOMEM;
    out = &status->superseded[status->superseded_len++];
    out->name = family->name;
    out->differs = differs;
    out->slot = family->open_slot;
    out->workers_n = family->open_n;
    return 0;
}

/* 1 + number of the definition in force. In a replaced segment it stays the same, even when processes die. */
static uint32_t
choose(const struct snapshot *snapshot, const struct snapshot_several *name)
{
    uint32_t best = name->last, number = best;
    struct snapshot_family *chosen = family_of(snapshot, best), *family;

    if (snapshot->replaced)
        return name->in_force;
    for (; (family = family_of(snapshot, number)); number = family->namesake)
        if (family != chosen && is_later(snapshot, family, chosen)) {
            chosen = family;
            best = number;
        }
    return best;
}

/*
 * Decides for one name. Returns 1 when the definition in force, or a definition that joins it, is not the same as in
 * the last take; 0; or -ENOMEM.
 */
static int
judge(struct snapshot *snapshot, struct snapshot_several *name, uint32_t in_force)
{
    struct snapshot_family *chosen = family_of(snapshot, in_force), *family;
    uint32_t number, as_f64 = 0;
    int changed = name->in_force != in_force;

    name->in_force = in_force;
    for (number = name->last; (family = family_of(snapshot, number)); number = family->namesake) {
        const char *differs = family == chosen ? NULL : difference(family, chosen);
        uint32_t superseded = differs || (family != chosen && is_left_behind(family));
        uint32_t joins = superseded || family == chosen || family->type == SHMETER_INFO ? 0 : in_force;
        changed |= family->superseded != superseded || family->joins != joins;
        family->superseded = superseded;
        family->joins = joins;
        as_f64 |= joins && shmeter_type_counter_f64(family->type);
        if (differs && family->open_n && tell(snapshot, family, differs))
            return -ENOMEM;
    }
    if (chosen) {
        changed |= chosen->as_f64 != as_f64;
        chosen->as_f64 = as_f64;
    }
    return changed;
}

int
snapshot_take_in_force(struct snapshot *snapshot)
{
    struct snapshot_family *family;
    uint32_t i;
    int result = 0, changed = 0, wanted = 0;

    snapshot->status.superseded_len = 0;
    snapshot->status.superseded_n = 0;
    snapshot->opens_known = 0;
    for (i = 0; i < snapshot->families_n; i++) {
        family = &snapshot->families[i];
        family->open = family->open_n = 0;
        wanted |= family->several || snapshot_may_leave(family);
    }
    if (wanted)
        read_lists(snapshot);
    for (i = 0; i < snapshot->several_n && result >= 0; i++) {
        result = judge(snapshot, &snapshot->several[i], choose(snapshot, &snapshot->several[i]));
        changed |= result > 0;
    }
    snapshot->chosen_n += (uint32_t)changed;
    return result < 0 ? result : 0;
}

void
snapshot_keep_in_force(struct snapshot *snapshot)
{
    snapshot->replaced = 1;
}

uint32_t
snapshot_chosen_n(const struct snapshot *snapshot)
{
    return snapshot->chosen_n;
}

/* ---- the loss ---- */

/*
 * By how much a value has grown: observations of a histogram, or the increase of a counter, rounded up. before NULL:
 * from 0.
 */
static uint64_t
growth(const struct snapshot_family *family, const uint64_t *now, const uint64_t *before)
{
    uint64_t grown = 0, was;
    double more;
    uint32_t i;

    if (shmeter_type_counter_f64(family->type)) {
        more = ceil(snapshot_f64(now[0]) - (before ? snapshot_f64(before[0]) : 0));
        return more >= 0x1p63 ? UINT64_C(1) << 63 : more > 0 ? (uint64_t)more : 0;
    }
    for (i = shmeter_type_histogram(family->type) ? 1 : 0; i < snapshot_sum_words(family); i++) {
        was = before ? before[i] : 0;
        if (now[i] > was)
            grown = saturate_add(grown, now[i] - was);
    }
    return grown;
}

/*
 * Whether updates of the family are lost: it is superseded, and a process has it open, or it was superseded in the last
 * take already.
 */
static int
loses(const struct snapshot_family *family)
{
    return family->superseded && (family->open_n || family->was_superseded);
}

/* Whether the series was another one, or none, in the last take, which has had its words then. */
static int
is_new(const struct snapshot *snapshot, uint32_t number)
{
    return snapshot->reuses && snapshot->bonds[number].binds && snapshot->bonds[number].take == snapshot->takes_n;
}

/*
 * Adds to the loss the counts of superseded definitions that no take has exposed: the growth since the last take, whose
 * sums are still in snapshot->next. At the first take these are the whole values of the definitions that processes have
 * open.
 */
void
snapshot_count_superseded(struct snapshot *snapshot)
{
    struct snapshot_family *family;
    uint32_t i, number, losing = 0;

    for (i = 0; i < snapshot->several_n; i++)
        for (number = snapshot->several[i].last; (family = family_of(snapshot, number)); number = family->namesake)
            losing |= (uint32_t)(loses(family) && (snapshot->next || !snapshot->carries_on));
    for (i = 0; losing && i < snapshot->series_n; i++) {
        const struct snapshot_series *series = &snapshot->series[i];
        uint64_t end;
        family = &snapshot->families[series->family];
        end = series->place + (uint64_t)snapshot_sum_words(family);
        if (loses(family) && series->shown && family->cell_bytes && end <= snapshot->sums_words)
            snapshot->superseded = saturate_add(
                snapshot->superseded, growth(family, snapshot->sums + series->place,
                                             snapshot->next && !is_new(snapshot, i) && end <= snapshot->next_words
                                                 ? snapshot->next + series->place
                                                 : NULL));
    }
    for (i = 0; i < snapshot->several_n; i++)
        for (number = snapshot->several[i].last; (family = family_of(snapshot, number)); number = family->namesake)
            family->was_superseded = family->superseded;
    snapshot->status.losses[SHMETER_LOSS_SUPERSEDED] = snapshot->superseded;
}
