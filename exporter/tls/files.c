/* Symbolic links are followed, because containers mount secrets as links, and renew them by renaming links. */
#include "exporter/tls/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define PEM_BYTES (1u << 20) /* a larger file is refused */

static int
fail(const char *file, int result, enum tls_part part, struct report *report)
{
    report_field(report, part, 0, "%s cannot be read: %s", file,
                 result == -EFBIG    ? "it has more than 1 MiB"
                 : result == -EISDIR ? "it is no file"
                                     : strerror(-result));
    return result;
}

static int
read_whole(int fd, gnutls_datum_t *out)
{
    size_t len = 0;
    ssize_t got;

    out->data = malloc(PEM_BYTES + 1);
    if (!out->data)
        return -ENOMEM;
    while ((got = read(fd, out->data + len, PEM_BYTES + 1 - len)) > 0)
        len += (size_t)got;
    out->size = (unsigned)len;
    return got < 0 ? -errno : len > PEM_BYTES ? -EFBIG : 0;
}

static void
check_mode(const char *file, const struct stat *stat)
{
    if (stat->st_mode & (S_IROTH | S_IWOTH))
        log_event(LOG_LEVEL_WARN, "every user of this machine may read or write the private key: chmod o-rwx it",
                  "file", file, NULL);
}

/* O_NONBLOCK: opening a FIFO must not block. */
static int
read_file(const char *file, enum tls_part part, gnutls_datum_t *out)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), result;
    struct stat stat;

    if (fd < 0)
        return -errno;
    result = fstat(fd, &stat) ? -errno : !S_ISREG(stat.st_mode) ? -EISDIR : read_whole(fd, out);
    close(fd);
    if (!result && part == TLS_PART_KEY)
        check_mode(file, &stat);
    return result;
}

int
tls_part_read(const struct tls_settings *settings, enum tls_part part, gnutls_datum_t *out, struct report *report)
{
    const struct tls_pem *pem = &settings->parts[part];
    int result;

    *out = (gnutls_datum_t){ NULL, 0 };
    if (pem->file) {
        result = read_file(pem->file, part, out);
        if (!result)
            return 0;
        tls_part_free(out);
        return fail(pem->file, result, part, report);
    }
    out->size = (unsigned)strlen(pem->text);
    out->data = malloc(out->size + 1u);
    if (!out->data)
        return fail("the text", -ENOMEM, part, report);
    memcpy(out->data, pem->text, out->size);
    return 0;
}

void
tls_part_free(gnutls_datum_t *datum)
{
    if (datum->data)
        explicit_bzero(datum->data, datum->size);
    free(datum->data);
    *datum = (gnutls_datum_t){ NULL, 0 };
}

/* FNV-1a: detects changes; it does not resist forgery. */
static uint64_t
mix(uint64_t mark, uint64_t word)
{
    unsigned i;

    for (i = 0; i < 64; i += 8)
        mark = (mark ^ (word >> i & 0xff)) * 0x100000001b3u;
    return mark;
}

uint64_t
tls_files_mark(const struct tls_settings *settings)
{
    uint64_t mark = 0xcbf29ce484222325u;
    struct stat now;
    unsigned i;

    for (i = 0; i < TLS_PARTS; i++) {
        if (!settings->parts[i].file)
            continue;
        if (stat(settings->parts[i].file, &now)) {
            mark = mix(mark, (uint64_t)errno);
            continue;
        }
        mark = mix(mark, now.st_dev);
        mark = mix(mark, now.st_ino);
        mark = mix(mark, (uint64_t)now.st_size);
        mark = mix(mark, (uint64_t)now.st_mtim.tv_sec * 1000000000u + (uint64_t)now.st_mtim.tv_nsec);
        mark = mix(mark, (uint64_t)now.st_ctim.tv_sec * 1000000000u + (uint64_t)now.st_ctim.tv_nsec);
    }
    return mark;
}
