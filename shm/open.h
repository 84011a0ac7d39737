/*
 * Opens and closes meters. One meter for each path and process, one attachment for each segment and process; opening
 * and closing again and again leaks nothing, also in vain. A segment that is made anew under the path is another one:
 * the mapping of the one before stays, because handles lead into it.
 */
#ifndef SHMETER_SHM_OPEN_H
#define SHMETER_SHM_OPEN_H

#include <stdlib.h>

#include "registry/family.h"
#include "segment/segment.h"
#include "slots/claim.h"
#include "slots/worker.h"

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

/* What is wrong with options, as a sentence's end; NULL: nothing. */
SHMETER_LOCAL const char *
shmeter_open_wrong(const struct shmeter_options *given)
{
    const unsigned char *bytes = (const unsigned char *)given;
    uint32_t known = (uint32_t)sizeof *given, i;
    __asm__("" : "+r"(bytes)); /* a later release's options have more bytes than compilers know of */
    if (!given || (given->struct_bytes >= 8 && given->struct_bytes <= known))
        return NULL;
    if (given->struct_bytes > 65536 || (given->struct_bytes && given->struct_bytes < 8))
        return "is not opened as asked: struct_bytes of its options is not their size (SHMETER_OPTIONS sets it)";
    if (given->struct_bytes) {
        for (i = known; i < given->struct_bytes; i++)
            if (bytes[i])
                return "is not opened as asked: an option is set that this release does not know";
        return NULL;
    }
    for (i = 0; i < known; i++)
        if (bytes[i])
            return "is not opened as asked: struct_bytes of its options is not set (SHMETER_OPTIONS sets it)";
    return NULL;
}

/* The fields of options that the program knows of; defaults for the others. */
SHMETER_LOCAL struct shmeter_options
shmeter_open_options(const struct shmeter_options *given)
{
    struct shmeter_options options;
    size_t bytes = given ? given->struct_bytes : 0;
    memset((void *)&options, 0, sizeof options);
    options.group = -1;
    if (given && bytes >= 8)
        memcpy((void *)&options, given, bytes < sizeof options ? bytes : sizeof options);
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
        memset((void *)&plain, 0, sizeof plain);
        shmeter_sizes_header(&plain, &header, &why);
    }
    attachment = shmeter_attachment_make(&header);
    if (!attachment)
        return NULL;
    attachment->state = (struct shmeter_state *)shmeter_heap_take(sizeof(struct shmeter_state));
    if (!attachment->state) {
        shmeter_attachment_give(attachment);
        return NULL;
    }
    attachment->lanes.losses = attachment->state->losses;
    attachment->unwiped = 0; /* no slot is claimed in it, and its private memory is a child's own in any case */
    shmeter_attachment_calibrate(attachment);
    return attachment;
}

SHMETER_LOCAL void
shmeter_open_complain(struct shmeter *meter, int result, const char *why)
{
    char buffer[24], end[SHMETER_MESSAGE_BYTES];
    const char *space = why ? shmeter_header_names(why) : "";
    size_t at = shmeter_text_append(end, sizeof end, 0, why);
    at = shmeter_text_append(end, sizeof end, at, space);
    if (*space)
        shmeter_text_append(end, sizeof end, at, meter->path);
    if (why && *why)
        shmeter_meter_say(meter, "segment ", meter->path, " ", end);
    else
        shmeter_meter_say(meter, "segment ", meter->path, " cannot be had: ", shmeter_text_errno(-result, buffer));
}

/*
 * Gives the meter an attachment in the place of the one that it has (NULL none): to the segment, or a detached one when
 * it has none. 0 or -errno.
 */
SHMETER_LOCAL int
shmeter_open_attach(struct shmeter *meter, const struct shmeter_attachment *now, const struct shmeter_options *options,
                    int path_result)
{
    struct shmeter_attachment *attachment = NULL;
    const char *why = "is no segment's name: letters, digits, '_', '.', '-' (at most 64), or a path with a '/' (at "
                      "most 255)";
    int result = path_result, own = !meter->path[0]; /* memory of the process, as it was asked for */
    if (!result && !own)
        result = shmeter_segment_have(meter->path, options, &attachment, &why);
    if (result)
        shmeter_open_complain(meter, result, why);
    if ((result || own) && !now)
        attachment = shmeter_open_detached(options);
    if (attachment)
        shmeter_segment_adopt(meter, SHMETER_ADDRESS(now), attachment);
    attachment = shmeter_meter_attachment(meter);
    if (!attachment)
        return -ENOMEM;
    if (!now) /* before anybody has the meter */
        meter->ticks_kind = attachment->timer_kind;
    return result;
}

/* The meter of this path in a list; NULL: it is not there. */
SHMETER_LOCAL struct shmeter *
shmeter_open_find(uint64_t newest, const char *path)
{
    struct shmeter *meter = SHMETER_POINTER(struct shmeter *, newest);
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
    /* pairs with shmeter_claim_release */
    shmeter_add(&meter->opened_n, 1);
    shmeter_fork_check(attachment);
    if (attachment->unwiped)
        shmeter_fork_watch(); /* another copy of the header may have opened it */
    if (!attachment->base || attachment->own)
        return shmeter_open_attach(meter, attachment, options, path_result);
    shmeter_claim_opened(attachment);
    shmeter_meter_refresh(meter);
    return 0;
}

/* Gives back a meter that nobody has seen. */
SHMETER_LOCAL void
shmeter_open_give(struct shmeter *meter)
{
    if (meter && shmeter_meter_attachment(meter))
        shmeter_attachment_give(shmeter_meter_attachment(meter));
    shmeter_heap_give(meter, sizeof *meter);
}

/* A new meter, attached if it can be. NULL when there is no memory. */
SHMETER_LOCAL struct shmeter *
shmeter_open_new(const char *path, const struct shmeter_options *options, int *result)
{
    struct shmeter *meter = (struct shmeter *)shmeter_heap_take(sizeof *meter);
    if (!meter)
        return NULL;
    shmeter_text_append(meter->path, sizeof meter->path, 0, path);
    shmeter_open_worker(meter, options->worker);
    meter->opened_n = 1;
    *result = shmeter_open_attach(meter, NULL, options, *result);
    if (shmeter_meter_attachment(meter))
        return meter;
    shmeter_open_give(meter);
    return NULL;
}

/*
 * The process's meter of this path, added if it is not there. It is added only to the list in which it was not found:
 * of threads that open one segment at once all get one meter, and those that were slower give theirs back. *result: of
 * the path, then 0 or -errno. NULL when there is no memory.
 */
SHMETER_LOCAL struct shmeter *
shmeter_open_have(const char *path, const struct shmeter_options *given, int *result)
{
    struct shmeter_options options = shmeter_open_options(given);
    struct shmeter *meter, *own = NULL;
    uint64_t newest, none = 0;
    int own_result = *result;
    for (;;) {
        /* pairs with shmeter_open_have */
        newest = shmeter_load_acquire(&shmeter_process_v3.meters);
        meter = shmeter_open_find(newest, path);
        if (meter)
            break;
        if (!own)
            own = shmeter_open_new(path, &options, &own_result);
        if (!own)
            return NULL;
        own->next = SHMETER_POINTER(struct shmeter *, newest);
        /* pairs with shmeter_open_have */
        if (shmeter_cas(&shmeter_process_v3.meters, &newest, SHMETER_ADDRESS(own)))
            break;
    }
    if (meter) {
        shmeter_open_give(own);
        *result = shmeter_open_again(meter, &options, *result);
    } else {
        meter = own;
        *result = own_result;
    }
    shmeter_cas(&shmeter_process_v3.wiped, &none,
                SHMETER_ADDRESS(&SHMETER_WIPED(shmeter_meter_attachment(meter))->lane_seed));
    return meter;
}

/* Undoes one open, if there is one. The last one gives the slot back. */
SHMETER_LOCAL void
shmeter_open_undo(struct shmeter *meter)
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
    /* pairs with shmeter_open_again */
    uint64_t seen = shmeter_load_acquire(&meter->opened_n);
    do {
        if (!seen)
            return;
        /* pairs with shmeter_open_again */
    } while (!shmeter_cas(&meter->opened_n, &seen, seen - 1));
    if (seen > 1 || !attachment)
        return;
    shmeter_fork_check(attachment);                     /* the slot may be the parent's */
    shmeter_family_all(attachment, shmeter_family_end); /* what it has listed goes with its slot */
    shmeter_claim_release(attachment);
    if (!shmeter_attachment_closed(attachment)) /* another thread has opened it meanwhile */
        shmeter_claim_list(attachment);
}

/*
 * The name that is meant: the argument, else SHMETER_SEGMENT (not in a setuid program), else "default". "": none, since
 * SHMETER_SEGMENT says that the process counts in its own memory.
 */
SHMETER_LOCAL const char *
shmeter_open_name(const char *segment)
{
    static const char *const own[] = { "", "off", "private" };
    const char *said = NULL;
    uint32_t i;
    if (segment)
        return *segment ? segment : "default";
    if (!shmeter_libc_getauxval_(23 /* AT_SECURE */))
        said = getenv("SHMETER_SEGMENT");
    for (i = 0; said && i < 3; i++)
        if (shmeter_definition_same(said, own[i]))
            return "";
    return said ? said : "default";
}

#endif
