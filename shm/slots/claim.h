/*
 * This process's slot: claimed at the first use, given back at close, looked for again where none was free. Lock-free,
 * async-signal-safe.
 *
 * The claim and the slot's address stand in the wiped page and move by one compare-and-swap: {0, 0} none, {claim,
 * address}, and {claim, 0} while gauges that have counted privately are carried, and where no lock holds the slot:
 * another process may take it. Updates that find an address ask no more; the others ask whether the slot is this
 * process's still.
 *
 * A gauge or a heartbeat of a forked child asks the kernel SHMETER_CLAIM_TRIES questions at most (shm/slots/search.h)
 * and goes on at the next one; its other system calls, some 30 and one for each lane, do not depend on the number of
 * slots. Opening and shmeter_attach_worker ask for every slot if they must.
 */
#ifndef SHMETER_SHM_CLAIM_H
#define SHMETER_SHM_CLAIM_H

#include "../registry/family.h"
#include "private.h"
#include "search.h"

#if !defined(SHMETER_CLAIM_RETRY_NS)
#define SHMETER_CLAIM_RETRY_NS \
    UINT64_C(1000000000) /* from a search in vain to the next one, if no slot is given back */
#endif

/*
 * Where neither /proc nor the kernel tells this process's namespaces: those of its parent, when that had them at its
 * claim. A child in a new pid namespace has no parent there. Returns 0 when this is not known either.
 */
SHMETER_LOCAL uint32_t
shmeter_claim_namespaces(const struct shmeter_attachment *attachment)
{
    uint64_t origin = shmeter_load_relaxed(&attachment->origin);
    return origin && (uint32_t)origin == (uint32_t)shmeter_sys(SYS_getppid, 0, 0, 0, 0, 0, 0) ? (uint32_t)(origin >> 32)
                                                                                              : 0;
}

/* Who this process is: asked once in its life. */
SHMETER_LOCAL void
shmeter_claim_identify(struct shmeter_attachment *attachment, struct shmeter_claimant *claimant)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    /* pairs with shmeter_claim_identify */
    uint64_t known = shmeter_load_acquire(&wiped->known), boot[2];
    claimant->pid = shmeter_sys_pid();
    claimant->image = shmeter_identity_image();
    if (known) {
        claimant->self.identity = shmeter_load_relaxed(&wiped->identity);
        claimant->self.proc_is_ours = known > 1;
        return;
    }
    boot[0] = attachment->header.boot_id[0];
    if (!attachment->same_boot)
        shmeter_identity_boot(boot);
    claimant->self = shmeter_identity_self(boot[0]);
    if (!SHMETER_IDENTITY_NAMESPACES(claimant->self.identity))
        claimant->self.identity |= (uint64_t)shmeter_claim_namespaces(attachment) << 32;
    if (SHMETER_IDENTITY_NAMESPACES(claimant->self.identity))
        shmeter_store_relaxed(&attachment->origin,
                              SHMETER_IDENTITY(claimant->pid, SHMETER_IDENTITY_NAMESPACES(claimant->self.identity)));
    shmeter_store_relaxed(&wiped->identity, claimant->self.identity);
    /* pairs with shmeter_claim_identify */
    shmeter_store_release(&wiped->known, claimant->self.proc_is_ours ? 2 : 1);
}

/* Locks of slots that another copy of the header in this process gave back after this one. */
SHMETER_LOCAL void
shmeter_claim_sweep(const struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t claim;
    uint32_t i;
    for (i = 0; i < SHMETER_HELD; i++) {
        /* pairs with shmeter_lock_note */
        claim = shmeter_load_acquire(&wiped->held[i].claim);
        if (claim) {
            /* pairs with none: a lock whose slot is given back this moment is dropped at the next claim */
            uint64_t owner = shmeter_load_acquire(&shmeter_slot_word_at(attachment, shmeter_slot_of(claim))->owner);
            if (!shmeter_claim_is_owned(owner) || SHMETER_OWNER_GENERATION(owner) != claim >> 32)
                shmeter_lock_drop(wiped, claim);
        }
    }
}

/*
 * Gives this process's slot back, unless the meter is open again; gauges count privately then. The claim and the
 * address go by one compare-and-swap, which fails where somebody has opened meanwhile (shmeter_claim_opened).
 */
SHMETER_LOCAL void
shmeter_claim_release(struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t seen[2];
    if (!attachment->base)
        return;
    /* pairs with shmeter_claim_opened */
    seen[0] = shmeter_load_acquire(&wiped->claim);
    seen[1] = shmeter_load_acquire(&wiped->slot);
    do {
        if (!SHMETER_CLAIM_KEY(seen[0]) || !shmeter_attachment_closed(attachment))
            return;
        /* pairs with shmeter_claim_block */
    } while (!shmeter_cas16(&wiped->claim, seen, seen[0] & SHMETER_CLAIM_PRIVATE, 0));
    shmeter_slot_leave(attachment, SHMETER_CLAIM_KEY(seen[0]));
}

/* After an open has been counted: whoever has seen none before lets the slot be. */
SHMETER_LOCAL void
shmeter_claim_opened(struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t seen[2], next;
    /* pairs with shmeter_claim_release */
    seen[0] = shmeter_load_acquire(&wiped->claim);
    seen[1] = shmeter_load_acquire(&wiped->slot);
    do {
        if (!SHMETER_CLAIM_KEY(seen[0]))
            return;
        next = (seen[0] & ~SHMETER_CLAIM_OPENS) | ((seen[0] + SHMETER_CLAIM_OPENED) & SHMETER_CLAIM_OPENS);
        /* pairs with shmeter_claim_release */
    } while (!shmeter_cas16(&wiped->claim, seen, next, seen[1]));
}

/*
 * Makes a slot that was taken or joined this process's. 0: it is given back, because another thread, or a signal's
 * handler in here, was faster, or has begun to count privately, which is not carried into a slot that another copy of
 * the header uses.
 */
SHMETER_LOCAL int
shmeter_claim_publish(struct shmeter_attachment *attachment, uint64_t key, int joined)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    const struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, shmeter_slot_of(key));
    uint64_t address = SHMETER_ADDRESS(shmeter_slot_block_at(attachment, shmeter_slot_of(key)));
    uint64_t seen[2] = { 0, 0 }, claim = key;
    int carries;
    if (shmeter_slot_is_mapped(word, SHMETER_OWNER(0, key >> 32, 0)))
        claim |= SHMETER_CLAIM_MAPPED;
    else
        address = 0; /* it can be robbed: updates ask each time */
    do {
        carries = (seen[0] & SHMETER_CLAIM_PRIVATE) != 0;
        if (SHMETER_CLAIM_KEY(seen[0]) || (carries && joined)) {
            shmeter_slot_leave(attachment, key);
            return 0;
        }
        /* pairs with shmeter_claim_block */
    } while (!shmeter_cas16(&wiped->claim, seen, claim | (seen[0] & SHMETER_CLAIM_PRIVATE), carries ? 0 : address));
    if (carries) {
        shmeter_private_carry(attachment, key);
        seen[0] = claim | SHMETER_CLAIM_PRIVATE;
        seen[1] = 0;
        /* pairs with shmeter_claim_block */
        while (SHMETER_CLAIM_KEY(seen[0]) == key && (seen[0] & SHMETER_CLAIM_PRIVATE) &&
               !shmeter_cas16(&wiped->claim, seen, seen[0] & ~SHMETER_CLAIM_PRIVATE, address))
            ;
    }
    shmeter_claim_release(attachment); /* if it was closed meanwhile */
    return 1;
}

/* Nothing was found: when to look again, and the loss, once in a process or for each that asks (always). */
SHMETER_LOCAL void
shmeter_claim_refused(struct shmeter_attachment *attachment, int result, uint64_t given, int always)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t none = 0;
    if (result == -EAGAIN)
        return;
    shmeter_store_relaxed(&wiped->given_seen, given);
    shmeter_store_relaxed(&wiped->retry_ns, shmeter_clock_ns() + SHMETER_CLAIM_RETRY_NS);
    if (result == -ENOSPC)
        return; /* counted where there was no memory for it */
    shmeter_store_relaxed(&attachment->state->slots_given.refused_ticks, shmeter_attachment_ticks(attachment));
    if (shmeter_cas(&wiped->refused, &none, 1) || always)
        shmeter_lane_lose(&attachment->lanes, SHMETER_LOSS_SLOTS_EXHAUSTED);
}

/* Whether a process that has found no slot should look again. */
SHMETER_LOCAL int
shmeter_claim_due(const struct shmeter_attachment *attachment)
{
    const struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t retry_ns = shmeter_load_relaxed(&wiped->retry_ns);
    return !retry_ns || shmeter_load_relaxed(&wiped->search_at) ||
           shmeter_load_relaxed(&attachment->state->slots_given.value) != shmeter_load_relaxed(&wiped->given_seen) ||
           shmeter_clock_ns() >= retry_ns;
}

/* Lists in the slot what this process has open. */
SHMETER_LOCAL void
shmeter_claim_list(const struct shmeter_attachment *attachment)
{
    shmeter_family_all(attachment, shmeter_family_settle);
}

/*
 * Claims this process's slot if it has none. tries: see above; INT64_MAX for as many questions as it takes. Returns 0,
 * -EUSERS when all are taken, -EAGAIN when the search is not over, -ENOTCONN detached, -ESHUTDOWN closed, or another
 * -errno; gauges count in private memory then. With system calls.
 */
SHMETER_LOCAL int
shmeter_claim(struct shmeter_attachment *attachment, int64_t tries)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    struct shmeter_claimant claimant;
    uint64_t claim = 0, given;
    int result;
    if (!attachment->base)
        return -ENOTCONN;
    /* pairs with shmeter_claim_publish */
    if (SHMETER_CLAIM_KEY(shmeter_load_acquire(&wiped->claim)))
        return 0;
    if (shmeter_attachment_closed(attachment))
        return -ESHUTDOWN;
    if (tries == INT64_MAX)
        shmeter_store_relaxed(&wiped->search_at, 0);
    /* pairs with shmeter_slot_give */
    given = shmeter_load_acquire(&attachment->state->slots_given.value);
    shmeter_populate(attachment);
    shmeter_claim_sweep(attachment);
    shmeter_claim_identify(attachment, &claimant);
    claimant.tries = tries;
    claimant.no_memory = 0;
    /* pairs with none: shmeter_claim_publish asks again */
    claimant.joins = !(shmeter_load_acquire(&wiped->claim) & SHMETER_CLAIM_PRIVATE);
    claimant.fd = shmeter_lock_open(attachment);
    result = shmeter_claim_acquire(attachment, &claimant, &claim);
    if (claimant.fd >= 0)
        shmeter_sys_close(claimant.fd); /* the mapping has the lock */
    if (result <= 0) {
        shmeter_claim_refused(attachment, result, given, tries == INT64_MAX);
        /* pairs with shmeter_claim_publish */
        return SHMETER_CLAIM_KEY(shmeter_load_acquire(&wiped->claim)) ? 0 : result;
    }
    shmeter_store_relaxed(&wiped->refused, 0);
    shmeter_store_relaxed(&wiped->retry_ns, 0);
    shmeter_claim_publish(attachment, claim, claimant.joins);
    shmeter_epoch_tell(attachment, shmeter_load_relaxed(&attachment->parked) ? 0 : attachment->epoch);
    shmeter_claim_list(attachment);
    return 0;
}

/*
 * Whether the slot that this process holds is its own still. Who holds it by a lock cannot lose it; another one may
 * have been taken for dead by a process of other namespaces.
 */
SHMETER_LOCAL int
shmeter_claim_kept(const struct shmeter_attachment *attachment)
{
    /* pairs with shmeter_claim_publish */
    uint64_t claim = shmeter_load_acquire(&SHMETER_WIPED(attachment)->claim);
    /* pairs with shmeter_slot_take */
    return !SHMETER_CLAIM_KEY(claim) || (claim & SHMETER_CLAIM_MAPPED) ||
           shmeter_slot_is_held(shmeter_load_acquire(&shmeter_slot_word_at(attachment, shmeter_slot_of(claim))->owner),
                                claim);
}

/* Forgets a slot that was robbed; the next use claims another. */
SHMETER_LOCAL void
shmeter_claim_forget(struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    uint64_t seen[2], key;
    /* pairs with shmeter_claim_publish */
    seen[0] = shmeter_load_acquire(&wiped->claim);
    seen[1] = shmeter_load_acquire(&wiped->slot);
    key = SHMETER_CLAIM_KEY(seen[0]);
    if (!key || shmeter_claim_kept(attachment))
        return;
    /* pairs with shmeter_claim_block */
    while (!shmeter_cas16(&wiped->claim, seen, seen[0] & SHMETER_CLAIM_PRIVATE, 0))
        if (SHMETER_CLAIM_KEY(seen[0]) != key)
            return;
    shmeter_lock_drop(wiped, key);
}

/* The rest of shmeter_claim_block(). */
SHMETER_LOCAL __attribute__((cold, noinline)) uint64_t
shmeter_claim_block_slow(struct shmeter_attachment *attachment)
{
    struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    if (!attachment->base)
        return 0;
    shmeter_claim_forget(attachment);
    /* pairs with shmeter_claim_publish */
    if (!SHMETER_CLAIM_KEY(shmeter_load_acquire(&wiped->claim)) && !shmeter_attachment_closed(attachment) &&
        shmeter_claim_due(attachment))
        shmeter_claim(attachment, SHMETER_CLAIM_TRIES);
    return shmeter_private_slot(attachment);
}

/* The address of this process's slot block, claimed if need be and due; 0: it has none, and the private one counts. */
SHMETER_INLINE uint64_t
shmeter_claim_block(struct shmeter_attachment *attachment)
{
    const struct shmeter_wiped *wiped = SHMETER_WIPED(attachment);
    /* pairs with shmeter_claim_publish */
    uint64_t at = shmeter_load_acquire(&wiped->slot);
    if (SHMETER_LIKELY(at && (shmeter_load_relaxed(&wiped->claim) & SHMETER_CLAIM_MAPPED)))
        return at;
    return shmeter_claim_block_slow(attachment);
}

/* This process's slot block, or the private one; NULL where nobody will ever see it: detached, or closed. */
SHMETER_LOCAL struct shmeter_slot_block *
shmeter_claim_block_of(struct shmeter_attachment *attachment)
{
    uint64_t at = shmeter_claim_block(attachment);
    if (!at) {
        if (!attachment->base || shmeter_attachment_closed(attachment))
            return NULL;
        if (!shmeter_private_begin(SHMETER_WIPED(attachment)))
            at = shmeter_private_slot(attachment);
    }
    return SHMETER_POINTER(struct shmeter_slot_block *, at ? at : SHMETER_ADDRESS(attachment->private_block));
}

/*
 * Where it is now, after something was said in block: another one when the private block was carried meanwhile, and
 * that may have been missed.
 */
SHMETER_LOCAL struct shmeter_slot_block *
shmeter_claim_moved(const struct shmeter_attachment *attachment, struct shmeter_slot_block *block)
{
    uint64_t at;
    if (SHMETER_ADDRESS(block) != SHMETER_ADDRESS(attachment->private_block))
        return block;
    at = shmeter_private_slot(attachment);
    return at ? SHMETER_POINTER(struct shmeter_slot_block *, at) : block;
}

#endif
