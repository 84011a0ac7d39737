/*
 * The doctor's findings about a segment, from its status: permissions, version, origin, capacity, workers, definitions
 * and losses.
 */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/say.h"
#include "health/deaths.h"
#include "shm/layout/layout.h"
#include "shm/process/identity.h"
#include "shm/segment/sizes.h"

#define SHARE_WARN     0.80
#define SHARE_FAIL     0.95
#define DEATHS_SECONDS 300

static void
permissions(struct findings *findings, const struct segment_status *status)
{
    const struct passwd *user = getpwuid(status->uid);
    const struct group *group = getgrgid(status->gid);
    uint32_t mode = status->mode & 07777u;
    int usual = mode == 0600 || mode == 0640 || mode == 0660;

    finding_add(findings, usual ? FINDING_OK : FINDING_WARN, "permissions", "mode %04o, owner %s (%u), group %s (%u)",
                mode, user ? user->pw_name : "?", status->uid, group ? group->gr_name : "?", status->gid);
    if (!usual)
        finding_advise(findings, "chmod it to 0600, to 0640 for a group that reads, or to 0660 for one that writes");
}

static void
version(struct findings *findings, const struct segment_status *status)
{
    int later = status->abi_minor > SHMETER_ABI_MINOR;

    finding_add(findings, later ? FINDING_WARN : FINDING_OK, "abi", "segment %u.%u, this program %u.%u",
                status->abi_major, status->abi_minor, SHMETER_ABI_MAJOR, SHMETER_ABI_MINOR);
    if (later)
        finding_advise(findings, "update this program: what later versions have added is not shown");
}

static int
knows_boot(void)
{
    uint64_t boot[2];

    shmeter_identity_boot(boot);
    return boot[0] || boot[1];
}

static void
origin(struct findings *findings, const struct segment_status *status)
{
    const uint64_t age_ns = say_age_since(status->created_real_ns);
    char age[32], created[64] = "created at a time that this clock has not reached";

    if (age_ns != STATUS_NEVER)
        snprintf(created, sizeof created, "created %s ago", say_age(age, age_ns));
    if (status->same_boot) {
        finding_add(findings, FINDING_OK, "boot", "%s, in this boot of this machine", created);
    } else if (!knows_boot()) {
        finding_add(findings, FINDING_OK, "boot", "%s; in which boot cannot be told, as there is no /proc here",
                    created);
    } else {
        finding_add(findings, FINDING_WARN, "boot",
                    "%s, before the last boot or on another machine: updates from here use shared lanes", created);
        finding_advise(findings,
                       "it is exact, and slower; a new one has fast lanes, and its totals begin at 0: when no "
                       "worker runs, save what is needed, and remove it with shmeter rm");
    }
}

static void
lanes(struct findings *findings, const struct segment_status *status)
{
    uint32_t cpus = shmeter_sizes_cpus();

    finding_add(findings, status->cpu_lanes_n < cpus ? FINDING_WARN : FINDING_OK, "lanes",
                "%u CPU lane%s for %u CPU%s, %u shared", status->cpu_lanes_n, status->cpu_lanes_n == 1 ? "" : "s", cpus,
                cpus == 1 ? "" : "s", status->shared_lanes_n);
    if (status->cpu_lanes_n < cpus)
        finding_advise(findings, "create the segment again: updates on CPUs without a lane are slower (atomic)");
}

static void
level(struct findings *findings, const char *subject, uint64_t used, uint64_t capacity, int as_size, const char *advice)
{
    double share = capacity ? (double)used / (double)capacity : 0;
    enum finding_level worst = share >= SHARE_FAIL ? FINDING_FAIL : share >= SHARE_WARN ? FINDING_WARN : FINDING_OK;
    char used_text[32], capacity_text[32];

    if (as_size) {
        say_size(used_text, used);
        say_size(capacity_text, capacity);
    } else {
        snprintf(used_text, sizeof used_text, "%llu", (unsigned long long)used);
        snprintf(capacity_text, sizeof capacity_text, "%llu", (unsigned long long)capacity);
    }
    finding_add(findings, worst, subject, "%s of %s used (%.0f%%)", used_text, capacity_text, 100 * share);
    if (worst != FINDING_OK)
        finding_advise(findings, "create the segment again with %s, or look for labels with too many values", advice);
}

static void
over_memory(struct findings *findings, const struct segment_status *status)
{
    if (!status->series_over)
        return;
    finding_add(
        findings, FINDING_FAIL, "memory of readers",
        "%llu series are left out: all together would take more memory of this program than the file may ask for",
        (unsigned long long)status->series_over);
    finding_advise(findings, "use fewer or shorter label names, states and buckets, or look who writes to the segment");
}

static void
capacity(struct findings *findings, const struct segment_status *status)
{
    char used[32], size[32];

    finding_add(findings, FINDING_OK, "memory", "%s in use, %s when full", say_size(used, status->backed_bytes),
                say_size(size, status->segment_bytes));
    level(findings, "series", status->series_used, status->series_capacity, 0, "larger --max-series");
    level(findings, "cells", status->cells_used, status->cells_capacity, 1, "larger --lane-bytes");
    level(findings, "records", status->records_used, status->records_capacity, 1, "larger --max-series");
    level(findings, "gauges", status->gauges_used, status->gauges_capacity, 0, "larger --max-gauges");
    if (status->families_damaged || status->series_damaged) {
        finding_add(findings, FINDING_FAIL, "damage",
                    "%llu families and %llu series do not fit together and are left out",
                    (unsigned long long)status->families_damaged, (unsigned long long)status->series_damaged);
        finding_advise(findings,
                       "some program has written to the segment that is none of its own: find it, then remove the "
                       "segment with shmeter rm");
    }
    over_memory(findings, status);
}

static void
workers(struct findings *findings, const struct segment_status *status)
{
    int full = !status->slots_free && !status->slots_dead; /* a dead worker's slot can be had */

    finding_add(findings, full || status->slots_unknown ? FINDING_WARN : FINDING_OK, "slots",
                "%u of %u free; workers: %u live, %u dead, %u unknown", status->slots_free, status->slots_n,
                status->slots_live, status->slots_dead, status->slots_unknown);
    if (full)
        finding_advise(findings,
                       "create the segment again with larger --max-slots: the next worker's gauges are missing");
    else if (status->slots_unknown)
        finding_advise(findings,
                       "nobody can tell whether they live: run this where the workers' processes can be seen");
}

static void
deaths(struct findings *findings, const struct segment_status *status)
{
    const struct status_slot **dead;
    uint32_t n;

    if (deaths_find(status, DEATHS_SECONDS, &dead, &n)) {
        findings->out_of_memory = 1;
        return;
    }
    finding_add(findings, n ? FINDING_WARN : FINDING_OK, "deaths",
                "%llu workers have died with something under way; %u in the last 5 minutes without a successor",
                (unsigned long long)status->died, n);
    if (n)
        finding_advise(findings, "shmeter health names them; look in their log, and with dmesg for the kernel's "
                                 "(out of memory)");
    free(dead);
}

static const struct status_slot *
slot_of(const struct segment_status *status, uint32_t number)
{
    uint32_t i;

    for (i = 0; i + 1 < status->slots_len && status->slots[i].slot != number; i++)
        ;
    return &status->slots[i];
}

static void
superseded(struct findings *findings, const struct segment_status *status)
{
    uint32_t i;

    for (i = 0; i < status->superseded_len && status->slots_len; i++) {
        const struct status_superseded *one = &status->superseded[i];
        const struct status_slot *slot = slot_of(status, one->slot);
        finding_add(
            findings, FINDING_WARN, "definitions",
            "%s: %u workers (one is %s, pid %u) have a definition open that is not exposed: one with %s is in force",
            one->name, one->workers_n, slot->worker, slot->pid, one->differs);
        finding_advise(findings, "end the workers of the other release, or give two applications a segment each");
    }
    if (status->superseded_n > status->superseded_len)
        finding_add(findings, FINDING_WARN, "definitions", "%llu more, likewise",
                    (unsigned long long)(status->superseded_n - status->superseded_len));
}

static void
losses(struct findings *findings, const struct segment_status *status)
{
    char subject[FINDING_SUBJECT_BYTES];
    uint32_t i, kinds = 0;

    for (i = 0; i < status->losses_n && i < SHMETER_LOSSES; i++) {
        if (!status->losses[i])
            continue;
        kinds++;
        snprintf(subject, sizeof subject, "loss %s", status_loss_kind(i));
        finding_add(findings, FINDING_WARN, subject, "%llu %s", (unsigned long long)status->losses[i],
                    status_loss_help(i));
        finding_advise(findings, "%s", status_loss_advice(i));
    }
    if (!kinds)
        finding_add(findings, FINDING_OK, "losses", "none");
}

void
doctor_segment(struct findings *findings, const struct segment_status *status)
{
    if (!status->readable) {
        finding_add(findings, FINDING_FAIL, "segment", "%s", status->error);
        return;
    }
    finding_add(findings, status->unlinked ? FINDING_WARN : FINDING_OK, "segment", "%s (%s)%s", status->name,
                status->path, status->unlinked ? ": removed a moment ago" : " can be read");
    permissions(findings, status);
    version(findings, status);
    origin(findings, status);
    lanes(findings, status);
    capacity(findings, status);
    workers(findings, status);
    deaths(findings, status);
    superseded(findings, status);
    losses(findings, status);
}
