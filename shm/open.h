/*
 * Opens and closes meters. One meter for each path and process, one attachment for each segment and process; opening
 * and closing again and again leaks nothing.
 */
#ifndef SHMETER_SHM_OPEN_H
#define SHMETER_SHM_OPEN_H

#include <stdlib.h>

#include "family.h"
#include "segment.h"
#include "slot.h"
#include "worker.h"

/* The command's name, for whoever gives none. */
SHMETER_LOCAL void
shmeter_open_worker(struct shmeter *meter, const char *worker)
{
    char name[64];
    int n = 0;
    if (!worker || !*worker) {
        n = shmeter_sys_slurp("/proc/self/comm", name, sizeof name);
        if (n > 0 && name[n - 1] == '\n')
            name[n - 1] = 0;
        worker = n > 0 ? name : "worker";
    }
    shmeter_worker_copy(meter->worker, worker, SHMETER_WORKER_BYTES);
}

/* The fields of options that the program knows of; defaults for the others. */
SHMETER_LOCAL struct shmeter_options
shmeter_open_options(const struct shmeter_options *given)
{
    struct shmeter_options options;
    size_t bytes = given ? given->struct_bytes : 0;
    memset(&options, 0, sizeof options);
    options.group = -1;
    if (given && bytes >= 8)
        memcpy(&options, given, bytes < sizeof options ? bytes : sizeof options);
    options.struct_bytes = sizeof options;
    return options;
}

/* An attachment to nothing, in which everything counts privately. NULL when there is no memory. */
SHMETER_LOCAL struct shmeter_attachment *
shmeter_open_detached(const struct shmeter_options *options)
{
    struct shmeter_options plain = *options;
    struct shmeter_attachment *attachment;
    struct shmeter_header header;
    const char *why;
    if (shmeter_sizes_header(&plain, &header, &why)) {
        memset(&plain, 0, sizeof plain);
        shmeter_sizes_header(&plain, &header, &why);
    }
    attachment = shmeter_attachment_make(&header);
    if (!attachment)
        return NULL;
    attachment->state = (struct shmeter_state *)shmeter_heap_take(sizeof(struct shmeter_state));
    attachment->lanes.losses = attachment->state ? attachment->state->losses : NULL;
    shmeter_attachment_calibrate(attachment);
    return attachment;
}

SHMETER_LOCAL void
shmeter_open_complain(struct shmeter *meter, int result, const char *why)
{
    char buffer[24];
    if (why && *why)
        shmeter_meter_say(meter, "segment ", meter->path, " ", why);
    else
        shmeter_meter_say(meter, "segment ", meter->path, " cannot be had: ", shmeter_text_errno(-result, buffer));
}

/* Gives the meter an attachment: to the segment, or a detached one when it has none yet. 0 or -errno. */
SHMETER_LOCAL int
shmeter_open_attach(struct shmeter *meter, int path_result)
{
    struct shmeter_attachment *attachment = NULL, *now = shmeter_meter_attachment(meter);
    uint64_t seen = SHMETER_ADDRESS(now);
    const char *why = "is no segment's name: letters, digits, '_', '.', '-' (at most 64), or a path with a '/'";
    int result = path_result;
    if (!result)
        result = shmeter_segment_have(meter->path, &meter->options, &attachment, &why);
    if (result) {
        shmeter_open_complain(meter, result, why);
        if (!now)
            attachment = shmeter_open_detached(&meter->options);
    }
    if (attachment) {
        memcpy(attachment->worker, meter->worker, SHMETER_WORKER_BYTES);
        meter->ticks_kind = attachment->same_boot ? attachment->header.ticks_kind
                                                  : (uint32_t)SHMETER_TICKS_MONOTONIC_NS;
        shmeter_cas(&meter->attachment, &seen, SHMETER_ADDRESS(attachment));
    }
    return shmeter_meter_attachment(meter) ? result : -ENOMEM;
}

SHMETER_LOCAL struct shmeter *
shmeter_open_find(const char *path)
{
    struct shmeter *meter = SHMETER_POINTER(struct shmeter *, shmeter_load_acquire(&shmeter_process_v1.meters));
    for (; meter; meter = meter->next)
        if (shmeter_definition_same(meter->path, path))
            return meter;
    return NULL;
}

/* A meter that is open already, or was: it takes its slot again, and tries again for a segment that it did not get. */
SHMETER_LOCAL int
shmeter_open_again(struct shmeter *meter, const struct shmeter_options *options, int path_result)
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
    shmeter_add(&meter->opened_n, 1);
    if (!attachment->base) {
        meter->options = shmeter_open_options(options);
        meter->options.worker = NULL;
        return shmeter_open_attach(meter, path_result);
    }
    if (attachment->closed) {
        attachment->closed = 0;
        shmeter_slot_forget(attachment);
    }
    shmeter_meter_refresh(meter);
    return 0;
}

/* A new meter in the process's list. NULL when there is no memory. */
SHMETER_LOCAL struct shmeter *
shmeter_open_new(const char *path, const char *name, const struct shmeter_options *options, int *result)
{
    struct shmeter *meter = (struct shmeter *)shmeter_heap_take(sizeof *meter);
    uint64_t newest = shmeter_load_acquire(&shmeter_process_v1.meters);
    if (!meter)
        return NULL;
    shmeter_text_append(meter->path, sizeof meter->path, 0, *result ? name : path);
    meter->options = shmeter_open_options(options);
    shmeter_open_worker(meter, meter->options.worker);
    meter->options.worker = NULL; /* copied: the program's string may go away */
    meter->opened_n = 1;
    *result = shmeter_open_attach(meter, *result);
    if (!shmeter_meter_attachment(meter))
        return NULL;
    do
        meter->next = SHMETER_POINTER(struct shmeter *, newest);
    while (!shmeter_cas(&shmeter_process_v1.meters, &newest, SHMETER_ADDRESS(meter)));
    return meter;
}

/* The name that is meant: the argument, else SHMETER_SEGMENT (not in a setuid program), else "default". */
SHMETER_LOCAL const char *
shmeter_open_name(const char *segment)
{
    if (!segment && !shmeter_libc_getauxval_(23 /* AT_SECURE */))
        segment = getenv("SHMETER_SEGMENT");
    return segment && *segment ? segment : "default";
}

#endif
