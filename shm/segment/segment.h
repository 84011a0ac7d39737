/*
 * Creates a segment, complete or not at all, and attaches to one. A segment appears under its name by one link(2) or
 * rename(2) of a file that is finished; whoever finds the name taken attaches to what is there. Nothing is ever
 * half-made, so there is nothing to wait for and nothing to repair.
 */
#ifndef SHMETER_SHM_SEGMENT_H
#define SHMETER_SHM_SEGMENT_H

#include "../layout/numa.h"
#include "../process/ticks.h"
#include "epoch.h"
#include "fork.h"
#include "meter.h"
#include "park.h"
#include "sizes.h"

/* Writes the beginning of a new segment into its still nameless file. */
SHMETER_LOCAL int
shmeter_segment_fill(int fd, const struct shmeter_options *options, const struct shmeter_header *header)
{
    uint64_t bytes = header->index_off; /* header, state, slot words, common gauges */
    long mapped;
    int result = shmeter_sys_chmod(fd, options->mode ? options->mode : 0600);
    if (!result && options->group > 0)
        result = shmeter_sys_chgrp(fd, options->group);
    if (!result && shmeter_sys_file_limit() < header->segment_bytes)
        result = -EFBIG; /* ftruncate would raise SIGXFSZ */
    if (!result)
        result = shmeter_sys_truncate(fd, header->segment_bytes);
    if (!result)
        result = shmeter_sys_allocate_new(fd, bytes);
    if (result)
        return result;
    mapped = shmeter_sys_map(SHMETER_PAGE, SHMETER_PROT_READ | SHMETER_PROT_WRITE, SHMETER_MAP_SHARED, fd);
    if (shmeter_sys_failed(mapped))
        return (int)mapped;
    memcpy(SHMETER_POINTER(void *, mapped), header, sizeof *header);
    shmeter_sys_unmap(SHMETER_POINTER(void *, mapped), SHMETER_PAGE);
    shmeter_numa_place(fd, header);
    return 0;
}

/* A file of a temporary name beside path, for where there is no O_TMPFILE or no /proc. */
SHMETER_LOCAL int
shmeter_segment_temporary(const char *path, uint64_t nonce, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = shmeter_text_append(out, 300, 0, path);
    at = shmeter_text_append(out, 300, at, ".making-");
    for (; nonce && at + 1 < 300; nonce >>= 4)
        out[at++] = digits[nonce & 15];
    out[at] = 0;
    return shmeter_sys_open_apart(
        out, SHMETER_O_RDWR | SHMETER_O_CREAT | SHMETER_O_EXCL | SHMETER_O_NOFOLLOW | SHMETER_O_CLOEXEC, 0600);
}

/*
 * Gives a finished file its name instead of its temporary one: by one step, so that dying here leaves no file with two
 * names, which nobody would trust. By two where the filesystem cannot. made: what became of the making; the file goes
 * when that failed.
 */
SHMETER_LOCAL int
shmeter_segment_name(const char *temporary, const char *path, int made)
{
    int result = made ? made : shmeter_sys_rename(temporary, path);
    if (!result)
        return 0;
    if (!made && (result == -EINVAL || shmeter_sys_refused(result)))
        result = shmeter_sys_link(temporary, path, 0);
    shmeter_sys_unlink(temporary);
    return result;
}

/* Puts more into a file that is to become a segment and has no name yet. 0 or -errno: then there is no segment. */
typedef int (*shmeter_segment_fill_fn)(void *argument, int fd, const struct shmeter_header *header);

/* The file's beginning, and what the creator has for it (NULL nothing). */
SHMETER_LOCAL int
shmeter_segment_fill_with(int fd, const struct shmeter_options *options, const struct shmeter_header *header,
                          shmeter_segment_fill_fn more, void *argument)
{
    int result = shmeter_segment_fill(fd, options, header);
    return result || !more ? result : more(argument, fd, header);
}

/* Returns 0 when this process's segment now has the name, -EEXIST when another's has, or another -errno and *why. */
SHMETER_LOCAL int
shmeter_segment_create_with(const char *path, const struct shmeter_options *options, shmeter_segment_fill_fn more,
                            void *argument, const char **why)
{
    struct shmeter_header header;
    char directory[256], temporary[300], self[32] = "/proc/self/fd/";
    size_t n = 0, slash = 0, at = 14;
    int fd, result, number;
    for (; path[n]; n++)
        slash = path[n] == '/' ? n : slash;
    memcpy(directory, path, slash + 1);
    directory[slash ? slash : 1] = 0;
    temporary[0] = 0;
    result = shmeter_sizes_header(options, &header, why);
    if (result)
        return result;
    *why = NULL;
    fd = shmeter_sys_open_apart(directory, SHMETER_O_TMPFILE | SHMETER_O_RDWR | SHMETER_O_CLOEXEC, 0600);
    if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -EINVAL)
        fd = shmeter_segment_temporary(path, header.nonce[0], temporary);
    if (fd < 0)
        return fd;
    result = shmeter_segment_fill_with(fd, options, &header, more, argument);
    if (!result && !temporary[0]) {
        for (number = 1; number <= fd / 10; number *= 10)
            ;
        for (; number; number /= 10)
            self[at++] = (char)('0' + fd / number % 10);
        self[at] = 0;
        result = shmeter_sys_link(self, path, SHMETER_AT_SYMLINK_FOLLOW);
        if (result == -ENOENT ||
            shmeter_sys_refused(result)) { /* no /proc: a second file, with a name for the moment */
            shmeter_sys_close(fd);
            fd = shmeter_segment_temporary(path, header.nonce[0], temporary);
            result = fd < 0 ? fd : shmeter_segment_fill_with(fd, options, &header, more, argument);
        }
    }
    if (temporary[0])
        result = shmeter_segment_name(temporary, path, result);
    if (fd >= 0)
        shmeter_sys_close(fd);
    return result;
}

SHMETER_LOCAL int
shmeter_segment_create(const char *path, const struct shmeter_options *options, const char **why)
{
    return shmeter_segment_create_with(path, options, NULL, NULL, why);
}

/* 1 + the group that is asked to share the segment, whoever of it has made it; 0: none is. */
SHMETER_LOCAL uint32_t
shmeter_segment_sharers(const struct shmeter_options *options)
{
    if (!(options->mode & 020))
        return 0;
    return 1 + (options->group > 0 ? (uint32_t)options->group : shmeter_sys_gid());
}

/* Checks type, links, owner and mode, before a byte of the file is believed. */
SHMETER_LOCAL int
shmeter_segment_trusted(const struct shmeter_file *file, const struct shmeter_options *options, const char **why)
{
    *why = "is no regular file; choose another name, or remove it";
    if ((file->mode & SHMETER_S_IFMT) != SHMETER_S_IFREG)
        return -EINVAL;
    *why = "has several hard links, as no segment has; remove it";
    if (file->links > 1)
        return -EPERM;
    *why = "belongs to another user; remove it as that user, or set any_owner to accept it";
    if (!options->any_owner && file->uid != shmeter_sys_uid() && file->uid != 0 &&
        !((file->mode & 020) && shmeter_segment_sharers(options) == 1 + file->gid))
        return -EPERM;
    *why = "may be written by every user; remove it, or chmod it to 0600, 0640 or 0660";
    if (file->mode & 02)
        return -EPERM;
    *why = "";
    return 0;
}

/* Opens path and reads its checked header. Returns the descriptor, or -errno and *why (NULL: the errno says it). */
SHMETER_LOCAL int
shmeter_segment_open(const char *path, const struct shmeter_options *options, struct shmeter_header *header,
                     struct shmeter_file *file, const char **why)
{
    int fd, result;
    *why = NULL;
    memset(header, 0, sizeof *header);
    fd = shmeter_sys_open_apart(path, SHMETER_O_RDWR | SHMETER_O_NOFOLLOW | SHMETER_O_CLOEXEC | SHMETER_O_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    result = shmeter_sys_stat(fd, NULL, file);
    if (!result && !file->links)
        result = -ENOENT; /* removed this moment: there is no segment */
    if (!result)
        result = shmeter_segment_trusted(file, options, why);
    if (!result) {
        long got = shmeter_sys_read_first(fd, header, sizeof *header);
        if (got < 0)
            result = (int)got;
        else if (got != (long)sizeof *header) {
            *why = "is no shmeter segment (it is shorter than a header); choose another name, or remove the file";
            result = -EINVAL;
        }
    }
    if (!result)
        result = shmeter_header_check(header, file->bytes, why);
    if (result) {
        shmeter_sys_close(fd);
        return result;
    }
    return fd;
}

/* Gives back an attachment that nobody has seen, with its mapping. */
SHMETER_LOCAL void
shmeter_attachment_give(struct shmeter_attachment *attachment)
{
    shmeter_epoch_give(attachment);
    if (attachment->base)
        shmeter_sys_unmap(attachment->base, attachment->header.segment_bytes);
    else
        shmeter_heap_give(attachment->state, sizeof *attachment->state);
    shmeter_sys_unmap(attachment, shmeter_attachment_bytes(&attachment->header));
}

/* NULL when there is no memory. */
SHMETER_LOCAL struct shmeter_attachment *
shmeter_attachment_make(const struct shmeter_header *header)
{
    struct shmeter_attachment *attachment;
    uint64_t bytes = shmeter_attachment_bytes(header);
    long mapped = shmeter_sys_map(bytes, SHMETER_PROT_READ | SHMETER_PROT_WRITE,
                                  SHMETER_MAP_PRIVATE | SHMETER_MAP_ANONYMOUS, -1);
    if (shmeter_sys_failed(mapped))
        return NULL;
    attachment = SHMETER_POINTER(struct shmeter_attachment *, mapped);
    if (shmeter_sys_advise(SHMETER_WIPED(attachment), bytes - SHMETER_ATTACHMENT_BYTES, SHMETER_MADV_WIPEONFORK))
        attachment->unwiped = 1;
    attachment->pid = shmeter_sys_pid();
    memcpy(&attachment->header, header, sizeof *header);
    attachment->lanes.attachment = attachment;
    attachment->private_block = (unsigned char *)SHMETER_WIPED(attachment) + SHMETER_PAGE;
    return attachment;
}

/* An attachment to a segment that is mapped at base. NULL when there is no memory. */
SHMETER_LOCAL struct shmeter_attachment *
shmeter_attachment_of(const struct shmeter_header *header, unsigned char *base)
{
    struct shmeter_attachment *attachment = shmeter_attachment_make(header);
    if (!attachment)
        return NULL;
    attachment->base = base;
    attachment->state = (struct shmeter_state *)(void *)(base + header->state_off);
    shmeter_attachment_calibrate(attachment);
    attachment->lanes.cpu = base + header->cpu_lanes_off;
    attachment->lanes.shared = base + header->shared_lanes_off;
    shmeter_lanes_use(&attachment->lanes, shmeter_rseq_usable() && attachment->same_boot ? header->cpu_lanes_n : 0);
    attachment->lanes.shift = header->lane_shift;
    attachment->lanes.shared_mask = header->shared_lanes_n - 1;
    attachment->lanes.losses = attachment->state->losses;
    return attachment;
}

/*
 * Maps the segment's file, without memory for its holes, also in a process that locks all that it maps. mlockall(2)
 * later fills each mapping from its first page on, up to the first one that cannot be had: a guard page in the place of
 * the header, which nobody reads there, keeps it from all others (Linux 6.15; before that MCL_ONFAULT does).
 */
SHMETER_LOCAL long
shmeter_segment_map(uint64_t bytes, int fd)
{
    int locked = 0;
    long mapped = shmeter_sys_map_sparse(bytes, SHMETER_PROT_READ | SHMETER_PROT_WRITE, fd, 0, &locked);
    if (shmeter_sys_failed(mapped))
        return mapped;
    shmeter_sys_advise(SHMETER_POINTER(void *, mapped), SHMETER_PAGE, SHMETER_MADV_GUARD_INSTALL);
    if (locked)
        shmeter_sys_lock_used(mapped, bytes);
    return mapped;
}

/*
 * Maps the segment in a file, and backs its index. path: NULL when it has no name yet; then the descriptor stays open
 * for as long as the attachment is used. Returns 0 and *out, or -errno and *why (NULL: the errno says it).
 */
SHMETER_LOCAL int
shmeter_segment_attach_to(int fd, const char *path, const struct shmeter_header *header,
                          const struct shmeter_file *file, struct shmeter_attachment **out, const char **why)
{
    struct shmeter_attachment *attachment;
    long mapped = shmeter_segment_map(header->segment_bytes, fd);
    int result;
    *why = NULL;
    if (shmeter_sys_failed(mapped))
        return (int)mapped;
    attachment = shmeter_attachment_of(header, SHMETER_POINTER(unsigned char *, mapped));
    if (!attachment) {
        shmeter_sys_unmap(SHMETER_POINTER(void *, mapped), header->segment_bytes);
        return -ENOMEM;
    }
    attachment->device = file->device;
    attachment->inode = file->inode;
    attachment->nameless = path ? 0 : (uint32_t)fd + 1;
    shmeter_text_append(attachment->path, sizeof attachment->path, 0, path);
    result = attachment->unwiped ? shmeter_fork_watch() : 0;
    if (result)
        *why =
            "cannot be used: neither the kernel (MADV_WIPEONFORK) nor libc (pthread_atfork) tells a forked child apart";
    else
        result = shmeter_back(attachment, header->index_off, header->index_entries * 8);
    if (result) {
        shmeter_attachment_give(attachment);
        return result;
    }
    shmeter_epoch_attach(attachment, fd);
    shmeter_populate(attachment);
    *out = attachment;
    return 0;
}

/*
 * Maps the segment at path, and backs its index. Returns 0 and *out, or -errno and *why (NULL: the errno says it).
 */
SHMETER_LOCAL int
shmeter_segment_attach(const char *path, const struct shmeter_options *options, struct shmeter_attachment **out,
                       const char **why)
{
    struct shmeter_header header;
    struct shmeter_file file;
    int result, fd = shmeter_segment_open(path, options, &header, &file, why);
    if (fd < 0)
        return fd;
    result = shmeter_segment_attach_to(fd, path, &header, &file, out, why);
    shmeter_sys_close(fd);
    if (result)
        return result;
    (*out)->any_owner = options->any_owner;
    (*out)->sharers = shmeter_segment_sharers(options);
    return 0;
}

/*
 * Gives the meter the attachment in the place of the one that it had (0 none). When another thread was faster, the
 * attachment is given back: a meter never has two of one segment.
 */
SHMETER_LOCAL void
shmeter_segment_adopt(struct shmeter *meter, uint64_t had, struct shmeter_attachment *attachment)
{
    memcpy(attachment->worker, meter->worker, SHMETER_WORKER_BYTES);
    attachment->opened_n = &meter->opened_n;
    attachment->before = SHMETER_POINTER(struct shmeter_attachment *, had);
    /* pairs with shmeter_meter_attachment */
    if (!shmeter_cas(&meter->attachment, &had, SHMETER_ADDRESS(attachment)))
        shmeter_attachment_give(attachment);
}

/* Attaches to path, creating it when it is not there. */
SHMETER_LOCAL int
shmeter_segment_have(const char *path, const struct shmeter_options *options, struct shmeter_attachment **out,
                     const char **why)
{
    int tries, result = -EAGAIN;
    for (tries = 0; tries < 64; tries++) { /* others may create and remove it as often as they like */
        result = shmeter_segment_attach(path, options, out, why);
        if (result != -ENOENT)
            return result;
        result = shmeter_segment_create(path, options, why);
        if (result && result != -EEXIST)
            return result;
    }
    return result;
}

#endif
