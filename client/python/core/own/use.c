/*
 * Which families the metric objects of this process use: their number for each name. With the last one the process
 * closes the family, so that readers do not take it for one that somebody has, and another definition may have the
 * name.
 *
 * The table is the process's, as the families are: the objects of all interpreters are counted in it. It is locked for
 * some instructions, in which no code of Python runs.
 */
#include "own.h"

#include <sched.h>
#include <stdlib.h>

struct use {
    struct use *next;
    const struct shmeter_family *first; /* of its name */
    struct shmeter *meter;
    uint64_t objects_n, pool_n; /* all; those that show the pool's values */
    uint64_t infos_n;           /* infos that show what they said themselves */
    struct share_table shares;  /* of gauges */
};

static struct use *uses;
static uint64_t locked;
static uint64_t process; /* forks that lead to this process */

void
use_lock(void)
{
    uint64_t seen = 0;

    /* pairs with use_unlock */
    while (!shmeter_cas(&locked, &seen, 1)) {
        seen = 0;
        sched_yield();
    }
}

void
use_unlock(void)
{
    /* pairs with use_lock */
    shmeter_store_release(&locked, 0);
}

/* Whoever held the lock is not in this process. */
void
use_forked(void)
{
    process++;
    use_unlock();
}

uint64_t
use_process(void)
{
    return process;
}

static struct use *
find(const struct shmeter_family *first)
{
    struct use *use = uses;

    while (use && use->first != first)
        use = use->next;
    return use;
}

static void
count(struct use *use, const struct metric_object *metric, int by)
{
    use->objects_n += (uint64_t)by;
    use->pool_n += metric->shows_own ? 0 : (uint64_t)by;
}

int
use_begin(struct metric_object *metric)
{
    struct use *use;

    use_lock();
    use = find(metric->family->first);
    if (!use && (use = calloc(1, sizeof *use))) {
        use->first = metric->family->first;
        use->meter = metric->meter->meter;
        use->next = uses;
        uses = use;
    }
    if (use)
        count(use, metric, 1);
    metric->use = use;
    use_unlock();
    if (use)
        return 0;
    PyErr_NoMemory();
    return -1;
}

void
use_share(struct metric_object *child, const struct metric_object *of)
{
    if (!of->use)
        return;
    use_lock();
    child->use = of->use;
    count(child->use, child, 1);
    use_unlock();
}

/* Nobody in this process has a family of the name. */
static void
close_name(const struct use *use)
{
    /* pairs with shmeter_family_have */
    uint64_t at = shmeter_load_acquire(&use->meter->families);
    struct shmeter_family *family = SHMETER_POINTER(struct shmeter_family *, at);

    shmeter_family_give_up(SHMETER_POINTER(struct shmeter_family *, SHMETER_ADDRESS(use->first)));
    for (; family; family = family->next) {
        struct shmeter_binding *binding = family->first == use->first && !SHMETER_FAMILY_INVALID(family)
                                              ? shmeter_family_bound(family, shmeter_meter_attachment(use->meter))
                                              : NULL;
        if (binding)
            shmeter_family_settle(family, binding);
    }
}

void
use_end(struct metric_object *metric)
{
    struct use *use = metric->use, **at = &uses;

    if (!use)
        return;
    metric->use = NULL;
    use_lock();
    count(use, metric, -1);
    if (!use->objects_n) {
        while (*at != use)
            at = &(*at)->next;
        *at = use->next;
        close_name(use);
        free(use->shares.lists);
        free(use);
    }
    use_unlock();
}

struct share_table *
use_shares(const struct metric_object *metric)
{
    return &metric->use->shares;
}

int
use_by_pool(const struct metric_object *metric)
{
    return metric->use->pool_n != 0;
}

int
use_info(const struct metric_object *info, int by)
{
    struct use *use = info->use;
    int nobody;

    if (!use)
        return 0;
    use_lock();
    use->infos_n += (uint64_t)by;
    nobody = !use->infos_n && !use->pool_n;
    use_unlock();
    return nobody;
}

/* ---- other processes ---- */

static int
is_listed(const struct shmeter_slot_block *block, uint32_t unit)
{
    uint64_t entry = 1;
    uint32_t i;

    for (i = 0; i < SHMETER_OPENED && entry; i++) {
        entry = shmeter_load_relaxed(&block->opened[i]);
        if (SHMETER_OPENED_UNIT(entry) == unit && SHMETER_OPENED_NUMBER(entry))
            return 1;
    }
    return 0;
}

/* Whether its owner lives, as far as can be told: of a process of another namespace the lock tells, if it has one. */
static int
lives(const struct shmeter_attachment *attachment, const struct shmeter_claimant *self, uint32_t slot,
      const uint64_t owner[2])
{
    const enum shmeter_life life = shmeter_identity_life(owner[0], owner[1], &self->self);
    uint64_t at;
    int fd, held;

    if (life != SHMETER_LIFE_UNKNOWN || !shmeter_slot_is_mapped(shmeter_slot_word_at(attachment, slot), owner[0]))
        return life != SHMETER_LIFE_DEAD;
    fd = shmeter_lock_open(attachment);
    held = fd < 0 ? fd : shmeter_sys_bytes_held(fd, slot, 1, &at);
    if (fd >= 0)
        shmeter_sys_close(fd);
    return held != 0;
}

/* Whether the slot is another living process's, and its list has the unit. */
static int
has_open(const struct shmeter_attachment *attachment, const struct shmeter_claimant *self, uint32_t slot, uint32_t unit)
{
    const struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, slot);
    const struct shmeter_slot_block *block = shmeter_opened_block_at(attachment, slot);
    uint64_t owner[2];

    shmeter_slot_owner(word, owner);
    if (SHMETER_OWNER_STATE(owner[0]) != SHMETER_SLOT_LIVE || block == shmeter_opened_block(attachment))
        return 0;
    /* pairs with shmeter_opened_begin */
    return shmeter_load_relaxed(&word->backed) >= sizeof *block &&
           shmeter_load_acquire(&block->opened_of) == owner[0] && is_listed(block, unit) &&
           lives(attachment, self, slot, owner);
}

int
use_elsewhere(const struct metric_object *metric)
{
    const struct shmeter_binding *binding = metric->use ? shmeter_family_binding(metric->family) : NULL;
    struct shmeter_claimant self;
    uint32_t i;

    if (binding)
        shmeter_claim_identify(binding->attachment->lanes.attachment, &self);
    for (i = 0; binding && i < binding->attachment->header.slots_n; i++)
        if (has_open(binding->attachment, &self, i, binding->unit))
            return 1;
    return 0;
}
