/*
 * A meter: one process's attachment to one segment name, and its last error in words. Meters and attachments are found
 * through the process-wide lists and are never freed, because handles stay valid until the process ends.
 */
#ifndef SHMETER_SHM_METER_H
#define SHMETER_SHM_METER_H

#include "../lanes/lane.h"
#include "../layout/options.h"
#include "../process/backing.h"
#include "../process/heap.h"

#define SHMETER_MESSAGES      4u
#define SHMETER_MESSAGE_BYTES 512u

struct shmeter {
    struct shmeter *next;
    uint64_t attachment;    /* address of the struct shmeter_attachment in use; another one after re-creation       */
    uint64_t families;      /* address of the newest struct shmeter_family, a list                             */
    uint64_t error;         /* address of the last message, 0 none; odd: said by shmeter_family               */
    uint64_t messages_n;    /* messages so far; the last SHMETER_MESSAGES stay readable                         */
    uint64_t opened_n;      /* opens less closes                                                              */
    uint64_t overflowed_ns; /* when a lookup past a limit last looked for a segment that was created again */
    uint32_t ticks_kind;    /* of shmeter_ticks: the process's, so that it never changes                     */
    uint32_t reserved;
    char worker[SHMETER_WORKER_BYTES];
    char path[256];
    char messages[SHMETER_MESSAGES][SHMETER_MESSAGE_BYTES]; /* the last byte of each is always 0             */
};

SHMETER_INLINE struct shmeter_attachment *
shmeter_meter_attachment(const struct shmeter *meter)
{
    /* pairs with shmeter_segment_adopt */
    return SHMETER_POINTER(struct shmeter_attachment *, shmeter_load_acquire(&meter->attachment));
}

/* Whether all that opened it have closed it. */
SHMETER_INLINE int
shmeter_attachment_closed(const struct shmeter_attachment *attachment)
{
    /* pairs with shmeter_open_again */
    return attachment->opened_n && !shmeter_load_acquire(attachment->opened_n);
}

/* Appends text to out, of bytes bytes, and keeps its last byte 0. */
SHMETER_LOCAL size_t
shmeter_text_append(char *out, size_t bytes, size_t at, const char *text)
{
    for (; text && *text && at + 1 < bytes; text++)
        out[at++] = *text;
    out[at] = 0;
    return at;
}

/* The name of an errno value that this library returns; other numbers in decimal. buffer: 16 bytes. */
SHMETER_LOCAL const char *
shmeter_text_errno(int error, char *buffer)
{
    static const struct {
        int error;
        const char *text;
    } names[] = { { ENOENT, "no such file" },
                  { EACCES, "permission denied" },
                  { EPERM, "operation not permitted" },
                  { ENOSPC, "the filesystem is full" },
                  { ENOMEM, "out of memory" },
                  { ELOOP, "it is a symbolic link" },
                  { EMFILE, "too many open files" },
                  { EROFS, "the filesystem is read-only" },
                  { ENOSYS, "the kernel does not have a system call for it, or refuses it" },
                  { EOPNOTSUPP, "the filesystem cannot do it" },
                  { EINVAL, "the kernel does not know how" },
                  { ENFILE, "too many open files on the machine" },
                  { EEXIST, "it exists" },
                  { ENOTDIR, "a part of the path is no directory" },
                  { EFBIG, "it is larger than this process may make a file" } };
    size_t i, at = 0;
    char digits[12];
    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].error == error)
            return names[i].text;
    for (i = 0; error > 0 && i < sizeof digits; error /= 10)
        digits[i++] = (char)('0' + error % 10);
    memcpy(buffer, "errno ", 6);
    for (at = 6; i; at++)
        buffer[at] = digits[--i];
    buffer[at] = 0;
    return buffer;
}

/* Makes one sentence of the parts (NULL counts as empty) the meter's last error. Thread-safe: the last one wins. */
SHMETER_LOCAL void
shmeter_meter_say(struct shmeter *meter, const char *a, const char *b, const char *c, const char *d)
{
    char *out = meter->messages[shmeter_add(&meter->messages_n, 1) % SHMETER_MESSAGES];
    size_t at = shmeter_text_append(out, SHMETER_MESSAGE_BYTES, 0, a);
    at = shmeter_text_append(out, SHMETER_MESSAGE_BYTES, at, b);
    at = shmeter_text_append(out, SHMETER_MESSAGE_BYTES, at, c);
    shmeter_text_append(out, SHMETER_MESSAGE_BYTES, at, d);
    /* pairs with shmeter_error */
    shmeter_store_release(&meter->error, SHMETER_ADDRESS(out));
}

/*
 * Ends a call of shmeter_family, at whose beginning so many messages had been said. What it has said stays until the
 * next call that has nothing to say.
 */
SHMETER_LOCAL void
shmeter_meter_end_family(struct shmeter *meter, uint64_t before)
{
    uint64_t seen = shmeter_load_relaxed(&meter->error); /* the words are not looked at */
    int said = shmeter_load_relaxed(&meter->messages_n) != before;
    if (seen && said != (int)(seen & 1))
        shmeter_cas(&meter->error, &seen, said ? seen | 1 : 0);
}

SHMETER_LOCAL void
shmeter_meter_lose(struct shmeter *meter, enum shmeter_loss loss)
{
    shmeter_lane_lose(&shmeter_meter_attachment(meter)->lanes, loss);
}

/*
 * The path of a segment's name: /dev/shm/shmeter.NAME.v1, or NAME itself when it holds a slash. Returns 0, or -EINVAL
 * for another name than [A-Za-z0-9_.-]{1,64} and -ENAMETOOLONG. out: 256 bytes.
 */
SHMETER_LOCAL int
shmeter_segment_path(const char *name, char *out)
{
    size_t n = 0, at, directory = 0;
    int slash = 0, other = 0;
    for (; name[n]; n++) {
        char c = name[n];
        slash |= c == '/';
        other |= !((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                   c == '-');
    }
    out[0] = 0;
    if (slash) {
        if (name[0] != '/') { /* made absolute: the program may change its directory */
            long got = shmeter_sys(SYS_getcwd, SHMETER_SYS_POINTER(out), 255, 0, 0, 0, 0);
            shmeter_sys_filled(out, got);
            if (got < 2)
                return got < 0 ? (int)got : -ENOENT;
            directory = (size_t)got - 1;
            out[directory++] = '/';
            out[directory] = 0;
        }
        if (directory + n > 255)
            return -ENAMETOOLONG;
        shmeter_text_append(out, 256, directory, name);
        return 0;
    }
    if (!n || n > 64 || other)
        return -EINVAL;
    at = shmeter_text_append(out, 256, 0, "/dev/shm/shmeter.");
    at = shmeter_text_append(out, 256, at, name);
    shmeter_text_append(out, 256, at, ".v1");
    return 0;
}

#endif
