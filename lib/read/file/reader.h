/*
 * A segment for readers: found by name, checked, mapped PROT_READ, and read under a guard, so that a truncation of the
 * file makes the segment unreadable, and does not kill the reader. It knows the file and the header; lib/read/snapshot/
 * knows the other bytes.
 *
 * It never writes to a segment, never waits for a producer, and uses no byte of the segment that it has not checked.
 */
#ifndef SHMETER_READ_FILE_READER_H
#define SHMETER_READ_FILE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "shm/layout/layout.h"

#define SHMETER_READER_PATH_BYTES  512u
#define SHMETER_READER_ERROR_BYTES 1024u

/* Why a segment cannot be read. */
enum shmeter_reader_fault {
    SHMETER_READER_FINE,
    SHMETER_READER_ABSENT,      /* no such file */
    SHMETER_READER_BAD_NAME,    /* no file could have this name */
    SHMETER_READER_NOT_SEGMENT, /* a directory, FIFO, symbolic link, or a file with other contents */
    SHMETER_READER_NOT_OURS,    /* no permission; or any user may write the file; or its owner is not accepted */
    SHMETER_READER_OTHER_ABI,   /* made by a version of shmeter that this one does not understand */
    SHMETER_READER_DAMAGED,     /* truncated, or a header whose checksum or sizes do not fit */
    SHMETER_READER_FAILED       /* a system call failed: out of memory or descriptors */
};

struct shmeter_reader_error {
    enum shmeter_reader_fault fault;
    char text[SHMETER_READER_ERROR_BYTES]; /* one sentence that names the segment and says what to do */
    uint64_t bytes;                        /* of address space that could not be mapped, 0 none */
};

/*
 * A segment that this process has mapped itself, to count in it. base and header may change between two snapshots, when
 * the process attaches to another segment.
 */
struct shmeter_reader_memory {
    const unsigned char *base;           /* NULL: none */
    const struct shmeter_header *header; /* checked, of base */
    uint64_t device, inode;              /* of its file, as stat(2) has them */
    uint32_t alone;                      /* 1: it has no file, and no file is looked for */
};

struct shmeter_reader_options {
    const uint32_t *owners; /* user ids whose segments are read; owners_n 0: those of all users */
    uint32_t owners_n;
    uint32_t witness; /* 1: looks how workers end, by a descriptor of each (lib/read/file/witness.h) */
    const struct shmeter_reader_memory *memory; /* read where no file can be opened; NULL: none. Outlives readers */
    uint32_t spare_fds; /* descriptors that the process needs for other purposes: segments leave so many */
};

struct shmeter_reader {
    const unsigned char *base;    /* the mapping, PROT_READ; read it inside shmeter_reader_guard() only */
    uint64_t bytes;               /* of the mapping = header.segment_bytes */
    uint64_t file_bytes;          /* of the file when it was opened; if the size changes, the file was truncated */
    uint64_t held_bytes;          /* memory of the file at the last shmeter_reader_look() */
    struct shmeter_header header; /* a checked private copy; the one in the mapping is not used */
    int fd;                       /* read-only; for the slots' locks. -1: it reads memory of this process */
    const struct shmeter_reader_memory *memory; /* that one; NULL: a file */
    uint32_t dead;                              /* 1: the file was truncated; nothing may be read any more */
    uint32_t witness, spare_fds;                /* as the options have them */
    uint64_t device, inode;
    uint32_t uid, gid, mode;
    char name[SHMETER_READER_PATH_BYTES]; /* NAME or path, as it was asked for */
    char path[SHMETER_READER_PATH_BYTES];
};

/*
 * Opens and maps the segment called name: NAME stands for /dev/shm/shmeter.NAME.v1, a name with '/' is a file's path.
 * NULL options: any owner, and no memory. Returns 0 and *out, or -errno, *out NULL and, when error is not NULL, why.
 * Not signal-safe. A reader may be used by one thread at a time; it survives fork.
 */
int shmeter_reader_open(struct shmeter_reader **out, const char *name, const struct shmeter_reader_options *options,
                        struct shmeter_reader_error *error);

/* Unmaps and closes. NULL is fine. */
void shmeter_reader_close(struct shmeter_reader *reader);

/*
 * The file path that name stands for. Returns 0 or -EINVAL: empty, too long, or a NAME with characters outside
 * [A-Za-z0-9_.-].
 */
int shmeter_reader_path(const char *name, char *path, size_t path_bytes);

enum shmeter_reader_place {
    SHMETER_READER_HERE,     /* the name still leads to this very file */
    SHMETER_READER_UNLINKED, /* no file has the name */
    SHMETER_READER_REPLACED, /* the name leads to another file: the segment was created again */
    SHMETER_READER_TRUNCATED /* the file's size has changed; this sets reader->dead */
};

/* Returns where the name leads now. To be called before each take. Two system calls. */
enum shmeter_reader_place shmeter_reader_look(struct shmeter_reader *reader);

/*
 * Calls read(argument), which may read the reader's mapping, and returns its result. When an access raises SIGBUS, read
 * is left by siglongjmp, the reader is dead, and the result is -EFAULT. So read must not hold a lock, or memory that
 * only read itself would free. Guards of one thread do not nest. It installs a SIGBUS handler for the process, which
 * passes every other fault on to the handler that was installed before.
 */
int shmeter_reader_guard(struct shmeter_reader *reader, int (*read)(void *argument), void *argument);

/*
 * Finds the first part of the file between at and end that has memory. Returns 1, *from and *to; or 0: there is none.
 * (Reading a part without memory through the mapping would allocate some.) Where the kernel cannot tell, the whole file
 * counts as having memory. Two system calls.
 */
int shmeter_reader_part(const struct shmeter_reader *reader, uint64_t at, uint64_t end, uint64_t *from, uint64_t *to);

/* ---- finding ---- */

struct shmeter_reader_names {
    char **names; /* sorted, each once: NAMEs, or paths where a path was asked for */
    uint32_t names_n;
};

/* Whether name is a pattern: it has a *, ? or [. */
int shmeter_reader_is_pattern(const char *name);

/*
 * Expands patterns: NAME patterns (shop-*) match over /dev/shm/shmeter.*.v1, patterns with '/' over files. A name that
 * is not a pattern is in the result whether it exists or not. NULL patterns: all segments in /dev/shm. Returns 0 or
 * -ENOMEM.
 */
int shmeter_reader_list(struct shmeter_reader_names *out, const char *const *patterns, uint32_t patterns_n);
void shmeter_reader_list_free(struct shmeter_reader_names *names);

/* Whether shmeter_reader_list() would find a segment called name (NAME or path) by this pattern, if there were one. */
int shmeter_reader_lists(const char *pattern, const char *name);

#endif
