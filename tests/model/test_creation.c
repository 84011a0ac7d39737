/*
 * Creation: processes that want the same segment at once, and die between any two system calls. All who live have the
 * same segment, complete; there is one file of the name, and no other but what a dead one has left under a temporary
 * name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/checker/report.h"

#define shmeter_sys_open         kernel_sys_open
#define shmeter_sys_open_apart   kernel_sys_open_apart
#define shmeter_sys_close        kernel_sys_close
#define shmeter_sys_stat         kernel_sys_stat
#define shmeter_sys_read_first   kernel_sys_read_first
#define shmeter_sys_map          kernel_sys_map
#define shmeter_sys_map_sparse   kernel_sys_map_sparse
#define shmeter_sys_unmap        kernel_sys_unmap
#define shmeter_sys_advise       kernel_sys_advise
#define shmeter_sys_truncate     kernel_sys_truncate
#define shmeter_sys_file_limit   kernel_sys_file_limit
#define shmeter_sys_allocate_new kernel_sys_allocate_new
#define shmeter_sys_chmod        kernel_sys_chmod
#define shmeter_sys_link         kernel_sys_link
#define shmeter_sys_rename       kernel_sys_rename
#define shmeter_sys_unlink       kernel_sys_unlink
#define shmeter_sys_uid          kernel_sys_uid
#define shmeter_sys_random       kernel_sys_random
#define shmeter_sys_slurp        kernel_sys_slurp
#include "shm/machine/files.h"
#undef shmeter_sys_open
#undef shmeter_sys_open_apart
#undef shmeter_sys_close
#undef shmeter_sys_stat
#undef shmeter_sys_read_first
#undef shmeter_sys_map
#undef shmeter_sys_map_sparse
#undef shmeter_sys_unmap
#undef shmeter_sys_advise
#undef shmeter_sys_truncate
#undef shmeter_sys_file_limit
#undef shmeter_sys_allocate_new
#undef shmeter_sys_chmod
#undef shmeter_sys_link
#undef shmeter_sys_rename
#undef shmeter_sys_unlink
#undef shmeter_sys_uid
#undef shmeter_sys_random
#undef shmeter_sys_slurp

#define PROCESSES  3u
#define FILES      6u
#define FILE_BYTES 8192u /* of each, as much as anybody looks at */
#define FIRST_FD   10
#define PATH       "/x/segment"

/* ---- a filesystem: a file's number is its descriptor, less FIRST_FD ---- */

static struct {
    uint32_t named; /* file + 1 that has the name                                                               */
    uint32_t files_n;
    uint32_t temporary[FILES]; /* the file has a name of its own                                                    */
    uint32_t mine[PROCESSES + 1]; /* the file that a process made last                                              */
    uint64_t bytes[FILES];
} filesystem;
static _Alignas(64) unsigned char contents[FILES][FILE_BYTES];

static struct {
    _Alignas(16) unsigned char bytes[2 * 4096 + 8192]; /* an attachment, what fork wipes, and the private block */
} privates[PROCESSES];

static uint32_t no_tmpfile, named_at_once; /* the second is a seeded bug */

static int
shmeter_sys_open(const char *path, int flags, uint32_t mode)
{
    uint32_t file;
    (void)mode;

    if (!strncmp(path, "/proc/", 6))
        return -ENOENT; /* nobody changes that */
    model_step("open");
    if (!(flags & (SHMETER_O_CREAT | 020000000 /* O_TMPFILE without O_DIRECTORY */)))
        return strcmp(path, PATH) ? -ENOENT : filesystem.named ? FIRST_FD + (int)filesystem.named - 1 : -ENOENT;
    if (!(flags & SHMETER_O_CREAT) && no_tmpfile)
        return -EOPNOTSUPP;
    if (filesystem.files_n == FILES)
        abort();
    file = filesystem.mine[model_self()] = filesystem.files_n++;
    filesystem.temporary[file] = (flags & SHMETER_O_CREAT) != 0;
    if (named_at_once && !filesystem.named)
        filesystem.named = file + 1;
    return FIRST_FD + (int)file;
}

static int
shmeter_sys_open_apart(const char *path, int flags, uint32_t mode)
{
    return shmeter_sys_open(path, flags, mode);
}

static int
shmeter_sys_close(int fd)
{
    (void)fd;
    return 0;
}

static int
shmeter_sys_stat(int fd, const char *path, struct shmeter_file *out)
{
    uint32_t file = (uint32_t)(fd - FIRST_FD);
    (void)path;

    model_step("stat");
    memset(out, 0, sizeof *out);
    out->inode = file + 1;
    out->bytes = filesystem.bytes[file];
    out->links = filesystem.temporary[file] + (filesystem.named == file + 1);
    out->mode = SHMETER_S_IFREG | 0600;
    return 0;
}

static long
shmeter_sys_read_first(int fd, void *buffer, size_t bytes)
{
    uint64_t have = filesystem.bytes[fd - FIRST_FD];

    model_step("pread");
    bytes = bytes > have ? (size_t)have : bytes;
    memcpy(buffer, contents[fd - FIRST_FD], bytes);
    return (long)bytes;
}

static long
shmeter_sys_map(uint64_t bytes, int protection, int flags, int fd)
{
    if (protection == SHMETER_PROT_NONE)
        return -ENOMEM; /* no epoch is locked: nothing is removed here */
    if (flags & SHMETER_MAP_ANONYMOUS) {
        if (bytes > sizeof privates[0])
            abort();
        memset(&privates[model_self()], 0, sizeof privates[0]);
        return (long)(uintptr_t)&privates[model_self()];
    }
    model_step("mmap");
    return (long)(uintptr_t)contents[fd - FIRST_FD];
}

static long
shmeter_sys_map_sparse(uint64_t bytes, int protection, int fd, uint64_t off, int *locked)
{
    (void)off;
    *locked = 0;
    return shmeter_sys_map(bytes, protection, SHMETER_MAP_SHARED, fd);
}

static int
shmeter_sys_unmap(void *at, uint64_t bytes)
{
    (void)at, (void)bytes;
    return 0;
}

static int
shmeter_sys_advise(void *at, uint64_t bytes, int advice)
{
    (void)at, (void)bytes, (void)advice;
    return 0;
}

static int
shmeter_sys_truncate(int fd, uint64_t bytes)
{
    model_step("ftruncate");
    filesystem.bytes[fd - FIRST_FD] = bytes;
    return 0;
}

static uint64_t
shmeter_sys_file_limit(void)
{
    return UINT64_MAX;
}

static int
shmeter_sys_allocate_new(int fd, uint64_t bytes)
{
    (void)fd, (void)bytes;
    return 0;
}

static int
shmeter_sys_chmod(int fd, uint32_t mode)
{
    (void)fd, (void)mode;
    return 0;
}

/* A process gives a name to nothing but the file that it made last. */
static int
shmeter_sys_link(const char *from, const char *to, int flags)
{
    (void)from, (void)to, (void)flags;
    model_step("link");
    if (filesystem.named)
        return -EEXIST;
    filesystem.named = filesystem.mine[model_self()] + 1;
    return 0;
}

static int
shmeter_sys_rename(const char *from, const char *to)
{
    (void)from, (void)to;
    model_step("rename");
    if (filesystem.named)
        return -EEXIST;
    filesystem.named = filesystem.mine[model_self()] + 1;
    filesystem.temporary[filesystem.mine[model_self()]] = 0;
    return 0;
}

static int
shmeter_sys_unlink(const char *path)
{
    (void)path;
    model_step("unlink");
    filesystem.temporary[filesystem.mine[model_self()]] = 0;
    return 0;
}

static uint32_t
shmeter_sys_uid(void)
{
    return 0;
}

static int
shmeter_sys_random(void *buffer, size_t bytes)
{
    memset(buffer, 1 + (int)model_self(), bytes);
    return 0;
}

static int
shmeter_sys_slurp(const char *path, char *buffer, size_t bytes)
{
    if (strstr(path, "boot_id"))
        return snprintf(buffer, bytes, "00000000-0000-0000-0000-000000000001");
    return strstr(path, "/present") ? snprintf(buffer, bytes, "0") : -ENOENT;
}

#include "tests/model/still_clock.h"

#include "client/shmeter.h"

#include "client/cold.h"

/* ---- the model ---- */

static struct {
    struct shmeter_heap_chunk chunk;
    unsigned char bytes[60000];
} heap;

static struct {
    struct shmeter_attachment *attachment[PROCESSES];
    int64_t result[PROCESSES];
} ghost;
static uint32_t processes_n;

static void
process(void *argument)
{
    struct shmeter_options options = { .struct_bytes = sizeof options, .group = -1, .max_gauges = 1, .max_slots = 1 };
    uint32_t who = model_self();
    const char *why = NULL;
    (void)argument;

    ghost.result[who] = shmeter_segment_have(PATH, &options, &ghost.attachment[who], &why);
    if (ghost.result[who])
        model_fail("process %u: %lld %s", who, (long long)ghost.result[who], why ? why : "");
}

static void
at_end(void)
{
    const struct shmeter_header *header = NULL;
    uint32_t i, left = 0;
    const char *why;

    if (filesystem.named)
        header = (const struct shmeter_header *)(const void *)contents[filesystem.named - 1];
    if (header && shmeter_header_check(header, filesystem.bytes[filesystem.named - 1], &why))
        model_fail("what has the name is no segment: %s", why);
    for (i = 0; i < processes_n; i++)
        if (!model_is_dead(i) && (!header || ghost.attachment[i]->base != (const unsigned char *)header ||
                                  memcmp(&ghost.attachment[i]->header, header, sizeof *header) != 0))
            model_fail("process %u has another segment", i);
    for (i = 0; i < filesystem.files_n; i++)
        left += filesystem.temporary[i];
    if (left > model_deaths())
        model_fail("%u files are left under temporary names", left);
}

static void
setup(void)
{
    static const char *const names[] = { "process 0", "process 1", "process 2" };
    uint32_t i;

    memset(&filesystem, 0, sizeof filesystem);
    memset(contents, 0, sizeof contents);
    memset(privates, 0, sizeof privates);
    memset(&heap, 0, sizeof heap);
    memset(&ghost, 0, sizeof ghost);
    memset(&shmeter_process_v3, 0, sizeof shmeter_process_v3);
    heap.chunk.bytes = sizeof heap;
    heap.chunk.used = sizeof heap.chunk;
    shmeter_process_v3.heap = SHMETER_ADDRESS(&heap);
    model_keep(&filesystem, sizeof filesystem);
    model_keep(contents, sizeof contents);
    model_keep(privates, sizeof privates);
    model_keep(&heap.chunk, sizeof heap.chunk);
    model_keep(&ghost, sizeof ghost);
    model_keep(&shmeter_process_v3, sizeof shmeter_process_v3);
    model_share(&ghost, 8); /* something: system calls are the choice points here */
    for (i = 0; i < processes_n && i < sizeof names / sizeof *names; i++)
        model_actor(names[i], i, process, NULL);
}

static char name[96];
static struct model_case creation = { .name = name, .setup = setup, .at_end = at_end, .die_anywhere = 1 };

static void
bounds(uint32_t processes, uint32_t deaths, uint32_t by_rename)
{
    processes_n = processes;
    no_tmpfile = by_rename;
    creation.deaths = deaths;
    snprintf(name, sizeof name, "%u processes create a segment by %s", processes, by_rename ? "rename" : "link");
}

static void
one_segment_complete_for_all(void **state)
{
    (void)state;
    bounds(3, 1, 0);
    expect_right(&creation, MEMORY_SC);
    bounds(2, 2, 1);
    expect_right(&creation, MEMORY_SC);
    bounds(3, report_long() ? 1 : 0, 1);
    expect_right(&creation, MEMORY_SC);
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    bounds(2, 0, 0);
    named_at_once = 1;
    expect_wrong(&creation, MEMORY_SC, "a file that has its name before it is finished");
    named_at_once = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_segment_complete_for_all),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model creation", tests, NULL, NULL);
}
