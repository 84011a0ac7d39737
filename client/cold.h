/*
 * Functions outside the hot path: opening, closing, families, the worker's own state; includes those of lookup.h,
 * info.h and fallback.h. shmeter.h documents them.
 */
#ifndef SHMETER_CLIENT_COLD_H
#define SHMETER_CLIENT_COLD_H

#include "../shm/ends.h"
#include "../shm/open.h"
#include "../shm/series.h"
#include "../shm/slots/worker.h"

#include "fallback.h"
#include "info.h"
#include "lookup.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- attachment ---- */

SHMETER_COLD int
shmeter_open(struct shmeter **out, const char *segment, const struct shmeter_options *options)
{
    const char *wrong = shmeter_open_wrong(options);
    char path[256];
    int result;
    segment = shmeter_open_name(segment);
    result = *segment ? shmeter_segment_path(segment, path) : 0;
    if (!result) {
        segment = *segment ? path : segment;
        result = wrong ? -EINVAL : 0;
    }
    *out = shmeter_open_have(segment, wrong ? NULL : options, &result);
    if (*out && wrong) {
        shmeter_meter_say(*out, "segment ", segment, " ", wrong);
        result = -EINVAL;
    }
    if (*out)
        shmeter_ends_opened(*out);
    if (*out && !result) /* now, so that no update of this process has to claim a slot */
        shmeter_claim(shmeter_meter_attachment(*out), INT64_MAX);
    return *out ? result : -ENOMEM;
}

SHMETER_COLD void
shmeter_close(struct shmeter *meter)
{
    if (!meter)
        return;
    shmeter_ends_closed(meter);
    shmeter_open_undo(meter);
}

SHMETER_COLD void
shmeter_quiescent(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    int begun;
    if (!attachment || !attachment->base || !shmeter_attachment_reuses(attachment))
        return;
    shmeter_fork_check(attachment);
    shmeter_park_end(attachment);
    shmeter_idle_mind(attachment);
    if (!shmeter_epoch_is_due(attachment))
        return;
    shmeter_reuse_wake_all(attachment);
    begun = shmeter_reuse_begin(attachment);
    shmeter_epoch_quiescent(attachment, shmeter_epoch_now(attachment), begun);
}

SHMETER_COLD uint32_t
shmeter_expire(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    if (!attachment || !attachment->base)
        return 0;
    shmeter_fork_check(attachment);
    shmeter_park_end(attachment);
    return shmeter_idle_mind(attachment);
}

SHMETER_COLD int
shmeter_park(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    if (!attachment || !attachment->base || !shmeter_attachment_reuses(attachment))
        return 0;
    shmeter_fork_check(attachment);
    return shmeter_park_begin(attachment);
}

SHMETER_COLD const char *
shmeter_error(const struct shmeter *meter)
{
    /* pairs with shmeter_meter_say */
    uint64_t at = meter ? shmeter_load_acquire(&meter->error) : 0;
    return at ? SHMETER_POINTER(const char *, at & ~UINT64_C(1)) : meter ? "" : "out of memory";
}

/*
 * Opens an accepted family in the segment. A forked child that does so claims a slot, because its parent's slot does
 * not list the family.
 */
SHMETER_LOCAL void
shmeter_family_use(struct shmeter_family *family)
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(family->meter);
    struct shmeter_binding *binding = shmeter_family_bound(family, attachment);
    int was_open = binding && shmeter_load_relaxed(&binding->opened);
    binding = shmeter_family_binding(family);
    if (!binding)
        return;
    shmeter_lifetime_declare(attachment, binding->record, binding->unit,
                             shmeter_load_relaxed(&family->definition.idle));
    if (family->definition.labels_n) /* the overflow series is made with the family */
        shmeter_series_overflow(binding, &family->definition, 0);
    if (was_open)
        return;
    shmeter_family_settle(family, binding);
    shmeter_claim_block(attachment);
}

/* A family of a description that is right. NULL when there is no memory. */
SHMETER_LOCAL const struct shmeter_family *
shmeter_family_of(struct shmeter *meter, const struct shmeter_desc *desc)
{
    struct shmeter_definition definition;
    struct shmeter_family *family;
    uint64_t marks;
    if (shmeter_definition_make(desc, &definition))
        return NULL;
    shmeter_meter_refresh(meter);
    family = shmeter_family_have(meter, &definition, 0);
    if (!family)
        return NULL;
    shmeter_store_relaxed(&family->definition.idle, shmeter_definition_idle(desc));
    if (!shmeter_family_accept(family)) {
        shmeter_meter_say(meter, "family ", family->definition.strings,
                          " is open in this process with another type, labels or buckets; this one counts privately",
                          NULL);
        shmeter_meter_lose(meter, SHMETER_LOSS_FAMILY_CONFLICTS);
        return family;
    }
    if (family->definition.exponential && family->definition.schema != desc->schema)
        shmeter_meter_say(meter, "family ", family->definition.strings,
                          ": the schema is coarser than asked for, so that the range fits 320 buckets", NULL);
    marks = shmeter_load_relaxed(&family->marks);
    while (!shmeter_cas(&family->marks, &marks, marks & ~SHMETER_FAMILY_NO_ROOM)) /* this call tells it again */
        ;
    shmeter_family_use(family);
    shmeter_populate(shmeter_meter_attachment(meter));
    return family;
}

/* In the library shmeter_family is a symbol, by which programs ask that may know less of a description, or more. */
#if defined(SHMETER_BUILD_LIBRARY)
SHMETER_LOCAL const struct shmeter_family *
shmeter_family_open(struct shmeter *meter, const struct shmeter_desc *desc)
#else
SHMETER_COLD const struct shmeter_family *
shmeter_family(struct shmeter *meter, const struct shmeter_desc *desc)
#endif
{
    const struct shmeter_family *family;
    const char *why;
    uint64_t said;
    if (!meter || !desc)
        return NULL;
    said = shmeter_load_relaxed(&meter->messages_n);
    why = shmeter_definition_check(desc);
    if (why) {
        shmeter_meter_say(meter, "family ", desc->name ? desc->name : "(no name)", " ", why);
        shmeter_meter_lose(meter, SHMETER_LOSS_FAMILIES_REFUSED);
        family = shmeter_family_refuse(meter, desc);
    } else
        family = shmeter_family_of(meter, desc);
    shmeter_meter_end_family(meter, said);
    return family;
}

#if defined(SHMETER_BUILD_LIBRARY)
#define SHMETER_DESC_BYTES_FIRST 84u /* up to by_pid: the part that every version of the symbol shmeter_family reads */
SHMETER_STATIC_ASSERT(SHMETER_DESC_BYTES >= SHMETER_DESC_BYTES_FIRST, "descriptions only grow");

SHMETER_COLD const struct shmeter_family *
shmeter_family_sized(struct shmeter *meter, const struct shmeter_desc *desc, size_t desc_bytes)
{
    static const struct shmeter_desc none = SHMETER_ZEROED;
    struct shmeter_desc known = none;
    const unsigned char *bytes = (const unsigned char *)desc;
    size_t i;
    if (!meter || !desc)
        return NULL;
    memcpy((void *)&known, desc, desc_bytes < SHMETER_DESC_BYTES ? desc_bytes : SHMETER_DESC_BYTES);
    for (i = SHMETER_DESC_BYTES; i < desc_bytes; i++)
        if (bytes[i]) {
            shmeter_meter_say(meter, "family ", known.name ? known.name : "(no name)",
                              " asks for what this release of libshmeter.so does not know", NULL);
            shmeter_meter_lose(meter, SHMETER_LOSS_FAMILIES_REFUSED);
            shmeter_meter_end_family(meter, UINT64_MAX);
            return shmeter_family_refuse(meter, &known);
        }
    return shmeter_family_open(meter, &known);
}

SHMETER_COLD const struct shmeter_family *
shmeter_family(struct shmeter *meter, const struct shmeter_desc *desc)
{
    return shmeter_family_sized(meter, desc, SHMETER_DESC_BYTES_FIRST);
}
#endif

SHMETER_COLD int
shmeter_family_result(const struct shmeter_family *family)
{
    if (!family)
        return -ENOMEM;
    if (SHMETER_FAMILY_INVALID(family))
        return -EINVAL;
    if (shmeter_family_refused(family))
        return -EEXIST;
    if (shmeter_family_binding(family))
        return 0;
    return shmeter_meter_attachment(family->meter)->base ? -ENOSPC : -ENOTCONN;
}

SHMETER_COLD void
shmeter_family_forget(struct shmeter *meter, const char *name)
{
    /* pairs with shmeter_family_have */
    uint64_t at = meter && name ? shmeter_load_acquire(&meter->families) : 0;
    struct shmeter_family *family = SHMETER_POINTER(struct shmeter_family *, at);
    struct shmeter_binding *binding;
    for (; family; family = family->next)
        if (!SHMETER_FAMILY_INVALID(family) && family->first == family &&
            shmeter_definition_same(family->definition.strings, name))
            shmeter_family_give_up(family);
    for (family = SHMETER_POINTER(struct shmeter_family *, at); family; family = family->next) {
        binding = shmeter_family_bound(family, shmeter_meter_attachment(meter));
        if (binding && !SHMETER_FAMILY_INVALID(family) && shmeter_definition_same(family->definition.strings, name))
            shmeter_family_settle(family, binding);
    }
}

/* ---- the worker itself ---- */

SHMETER_COLD int
shmeter_attach_worker(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    char buffer[24];
    int result;
    if (!attachment)
        return -ENOMEM;
    shmeter_fork_check(attachment);
    shmeter_claim_forget(attachment);
    result = shmeter_claim(attachment, INT64_MAX);
    if (result == -EUSERS)
        shmeter_meter_say(meter, "segment ", meter->path,
                          ": all slots are taken (create it with more: max_slots); gauges count privately", NULL);
    else if (result == -ENOTCONN)
        shmeter_meter_say(meter, "segment ", meter->path,
                          ": no slot, because it could not be had; all counts privately", NULL);
    else if (result == -ESHUTDOWN)
        shmeter_meter_say(meter, "segment ", meter->path, ": no slot, because it is closed; gauges count privately",
                          NULL);
    else if (result)
        shmeter_meter_say(meter, "segment ", meter->path, ": no slot: ", shmeter_text_errno(-result, buffer));
    return result;
}

SHMETER_WARM void
shmeter_heartbeat(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    struct shmeter_slot_block *block, *now;
    block = attachment ? shmeter_claim_block_of(attachment) : NULL;
    if (!block)
        return;
    shmeter_store_relaxed(&block->heartbeat_ticks, shmeter_attachment_ticks(attachment));
    now = shmeter_claim_moved(attachment, block);
    if (now != block)
        shmeter_store_relaxed(&now->heartbeat_ticks, shmeter_attachment_ticks(attachment));
}

SHMETER_WARM void
shmeter_busy(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    struct shmeter_slot_block *block, *now;
    uint64_t ticks;
    block = attachment ? shmeter_claim_block_of(attachment) : NULL;
    if (!block)
        return;
    ticks = shmeter_attachment_ticks(attachment);
    shmeter_store_relaxed(&block->busy_ticks, ticks);
    shmeter_add(&block->work_n, 1);
    now = shmeter_claim_moved(attachment, block);
    if (now != block) {
        shmeter_store_relaxed(&now->busy_ticks, ticks);
        shmeter_private_move_work(block, now);
    }
}

SHMETER_WARM void
shmeter_idle(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    struct shmeter_slot_block *block, *now;
    block = attachment ? shmeter_claim_block_of(attachment) : NULL;
    if (!block)
        return;
    shmeter_store_relaxed(&block->busy_ticks, 0);
    now = shmeter_claim_moved(attachment, block);
    if (now != block)
        shmeter_store_relaxed(&now->busy_ticks, 0);
}

SHMETER_COLD void
shmeter_check(struct shmeter *meter, const char *check, enum shmeter_health health, const char *message)
{
    struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    if (attachment && check && *check)
        shmeter_worker_check(attachment, check, health, message);
}

#ifdef __cplusplus
}
#endif

#endif
