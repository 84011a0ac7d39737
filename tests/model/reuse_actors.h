/*
 * What the actors of test_reuse.c do, with its series and its counts. Included by it.
 */
#ifndef SHMETER_TESTS_MODEL_REUSE_ACTORS_H
#define SHMETER_TESTS_MODEL_REUSE_ACTORS_H

/* Removes A, says that it has nothing of it, and makes B in its room. */
static void
remover(void *argument)
{
    uint64_t unit;
    (void)argument;

    hide(REMOVER);
    quiescent(REMOVER, 1);
    if (wanted.mover)
        quiescent(REMOVER, 1);
    unit = have(REMOVER, 1);
    if (unit)
        count(REMOVER, unit, 1);
}

/* Finds A and counts in it, says that it is done with it, and finds B. Who moves the epoch does so before and after. */
static void
holder(void *argument)
{
    uint64_t unit;
    (void)argument;

    if (wanted.mover)
        quiescent(HOLDER, 1);
    unit = look(HOLDER, 0);
    if (unit)
        count(HOLDER, unit, 0);
    quiescent(HOLDER, (int)wanted.mover);
    if (wanted.mover)
        quiescent(HOLDER, 1);
    unit = look(HOLDER, 1);
    if (unit)
        count(HOLDER, unit, 1);
}

/* Parks with a handle of A, and counts in it; then looks for B, with a lock again. 2: it was parked before A was made. */
static void
parker(void *argument)
{
    struct shmeter_attachment *attachment = world_attachment(HOLDER);
    uint64_t unit = wanted.parker == 2 ? 0 : look(HOLDER, 0);
    (void)argument;

    if (unit)
        count(HOLDER, unit, 0);
    if (wanted.parker == 1) {
        if (epochs_bugs.early_unmap)
            shmeter_epoch_unmap(attachment, 0);
        shmeter_park_begin(attachment);
        if (unit)
            count(HOLDER, unit, 0);
    }
    shmeter_park_end(attachment);
    unit = look(HOLDER, 1);
    if (unit)
        count(HOLDER, unit, 1);
}

/* Makes B or C in the room of A, when it is there. */
static void
maker(void *argument)
{
    uint32_t series = wanted.maker_same ? 1 : 2;
    uint64_t unit;
    (void)argument;

    quiescent(MAKER, 1);
    unit = have(MAKER, series);
    if (unit)
        count(MAKER, unit, series);
}

/* Looks at all records, of which others are in the middle. */
static void
sweeper(void *argument)
{
    (void)argument;
    quiescent(MAKER, 1);
    shmeter_reuse_sweep(world_attachment(MAKER));
}

/* Forked of who had a handle of A, and says nothing. */
static void
child(void *argument)
{
    (void)argument;
    count(CHILD, unit_a, 0);
    count(CHILD, unit_a, 0);
}

/*
 * Trusts its handle for as long as the count of changes stands, and may say at any time that it has
 * no others. 2: it has had it for long, and somebody who was about to remove A has died: with the
 * bug no_count, after it could be seen and before it was counted.
 */
static void
python(void *argument)
{
    const uint64_t *changes = &segment.state.changes_begun.value;
    uint64_t since = wanted.python == 2 ? 0 : shmeter_load_acquire(changes);
    uint64_t unit = wanted.python == 2 ? unit_a : look(HOLDER, 0);
    (void)argument;

    quiescent(HOLDER, 0);
    if (unit && shmeter_load_relaxed(changes) == since)
        count(HOLDER, unit, 0);
    quiescent(HOLDER, 1);
    if (unit && shmeter_load_relaxed(changes) == since)
        count(HOLDER, unit, 0);
}

/* As lib/read/snapshot/shown/reuse.c: the state, the text, the cells, and the state once more. */
static void
reader(void *argument)
{
    const struct shmeter_series_record *record = series_at(unit_a);
    uint64_t state, sum, least;
    uint32_t series;
    (void)argument;

    state = shmeter_load_acquire(&record->state);
    if (SHMETER_STATE_KIND(state) != SHMETER_VISIBLE && SHMETER_STATE_KIND(state) != SHMETER_LEAVING)
        return;
    series = (uint32_t)(*(const char *)(record + 1) - 'a');
    model_remember(series);
    sum = shmeter_load_relaxed(word_of(REMOVER, unit_a));
    sum += shmeter_load_relaxed(word_of(HOLDER, unit_a));
    shmeter_fence_acquire();
    if (!epochs_bugs.no_second_look &&
        SHMETER_STATE_EPOCH(shmeter_load_acquire(&record->state)) != SHMETER_STATE_EPOCH(state))
        return;
    least = UINT64_C(1) << 8 * series;
    if (sum % least || sum >= least << 8)
        model_fail("%c is read with %#llx", 'a' + (char)series, (unsigned long long)sum);
}

#endif
