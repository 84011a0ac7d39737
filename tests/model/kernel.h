/*
 * The system of a model's processes: calls, locks, and a clock that stands still. What others can change (who is alive,
 * who holds a lock) is a choice point. Included by world.h.
 */
#ifndef SHMETER_TESTS_MODEL_KERNEL_H
#define SHMETER_TESTS_MODEL_KERNEL_H

/* The model's kernel in the place of these. */
#define shmeter_sys_open        kernel_sys_open
#define shmeter_sys_open_apart  kernel_sys_open_apart
#define shmeter_sys_close       kernel_sys_close
#define shmeter_sys_stat        kernel_sys_stat
#define shmeter_sys_map         kernel_sys_map
#define shmeter_sys_unmap       kernel_sys_unmap
#define shmeter_sys_advise      kernel_sys_advise
#define shmeter_sys_pid         kernel_sys_pid
#define shmeter_sys_probe       kernel_sys_probe
#define shmeter_sys_lock_byte   kernel_sys_lock_byte
#define shmeter_sys_unlock_byte kernel_sys_unlock_byte
#define shmeter_sys_slurp       kernel_sys_slurp
#define shmeter_sys_share_bytes kernel_sys_share_bytes
#define shmeter_sys_bytes_held  kernel_sys_bytes_held
#define shmeter_sys_map_at      kernel_sys_map_at
#include "shm/machine/files.h"
#include "shm/machine/locks.h"
#undef shmeter_sys_open
#undef shmeter_sys_open_apart
#undef shmeter_sys_close
#undef shmeter_sys_stat
#undef shmeter_sys_map
#undef shmeter_sys_unmap
#undef shmeter_sys_advise
#undef shmeter_sys_pid
#undef shmeter_sys_probe
#undef shmeter_sys_lock_byte
#undef shmeter_sys_unlock_byte
#undef shmeter_sys_slurp
#undef shmeter_sys_share_bytes
#undef shmeter_sys_bytes_held
#undef shmeter_sys_map_at

#define PROCESSES     4u
#define WORLD_SLOTS   3u
#define WORLD_GAUGES  3u
#define WORLD_ENTRIES 8u
#define WORLD_UNITS   24u
#define WORLD_LIMBO   4u
#define WORLD_CELLS   1024u /* bytes of a CPU lane */

#define WORLD_LOCK_PAGES 4096u /* apart: the addresses of locks' pages */

/* ---- processes ---- */

static struct {
    uint32_t process_of[8]; /* actor -> process                                                                     */
    uint32_t lock[WORLD_SLOTS];   /* actor + 1 whose descriptor took it                                             */
    uint32_t mapped[WORLD_SLOTS]; /* a mapping holds it                                                          */
    uint64_t memory[8];           /* of each actor, for what it maps                                             */
    uint32_t namespaces[PROCESSES];
    uint64_t image[PROCESSES];
    uint32_t unmapped_n;
} world;

static uint32_t world_lies; /* a seeded bug: everybody is dead */

static uint32_t
world_self(void)
{
    return world.process_of[model_self()];
}

/* Killed. One that has ended lives on in these models, so that its slot stays its own. */
static int
world_is_dead(uint32_t process)
{
    uint32_t i;

    for (i = 0; i < 8; i++)
        if (world.process_of[i] == process && model_is_dead(i))
            return 1;
    return 0;
}

static uint32_t
shmeter_sys_pid(void)
{
    return 100 + world_self();
}

static int
shmeter_sys_probe(uint32_t pid)
{
    model_step("kill(2)");
    return world_lies || pid < 100 || pid >= 100 + PROCESSES || world_is_dead(pid - 100) ? -ESRCH : 0;
}

/* Of an actor's one descriptor of the segment at a time. */
static int
world_fd(void)
{
    return 60 + (int)model_self();
}

static int
shmeter_sys_open(const char *path, int flags, uint32_t mode)
{
    (void)flags, (void)mode;
    return strstr(path, "/ns/") ? 50 : world_fd();
}

static int
shmeter_sys_open_apart(const char *path, int flags, uint32_t mode)
{
    return shmeter_sys_open(path, flags, mode);
}

static int
shmeter_sys_stat(int fd, const char *path, struct shmeter_file *out)
{
    (void)path;
    memset(out, 0, sizeof *out);
    out->inode = fd == 50 ? 7 + world.namespaces[world_self()] : 0;
    return 0;
}

/* ---- locks: of descriptors, held by them or by mappings ---- */

static int
world_is_locked(uint64_t slot)
{
    return world.lock[slot] && !world_is_dead(world.process_of[world.lock[slot] - 1]);
}

static int
shmeter_sys_lock_byte(int fd, uint64_t at)
{
    (void)fd;
    model_step("lock");
    if (world_is_locked(at))
        return -EAGAIN;
    world.lock[at] = model_self() + 1;
    world.mapped[at] = 0;
    return 0;
}

static void
world_unlock(uint64_t slot)
{
    world.lock[slot] = world.mapped[slot] = 0;
}

static void
shmeter_sys_unlock_byte(int fd, uint64_t at)
{
    (void)fd;
    model_step("unlock");
    if (world.lock[at] == model_self() + 1 && !world.mapped[at])
        world_unlock(at);
}

static int
shmeter_sys_close(int fd)
{
    uint64_t i;

    if (fd != world_fd())
        return 0;
    model_step("close");
    for (i = 0; i < WORLD_SLOTS; i++)
        if (world.lock[i] == model_self() + 1 && !world.mapped[i])
            world_unlock(i);
    return 0;
}

/* The address of a lock's page tells the slot. */
static long
shmeter_sys_map(uint64_t bytes, int protection, int flags, int fd)
{
    uint64_t i;
    (void)protection, (void)flags;

    if (fd < 0 && bytes <= sizeof world.memory[0]) {
        world.memory[model_self()] = 0;
        return (long)(uintptr_t)&world.memory[model_self()];
    }
    for (i = 0; fd == world_fd() && i < WORLD_SLOTS; i++)
        if (world.lock[i] == model_self() + 1 && !world.mapped[i]) {
            world.mapped[i] = 1;
            return (long)((i + 1) * WORLD_LOCK_PAGES);
        }
    return -ENOMEM;
}

static int
shmeter_sys_unmap(void *at, uint64_t bytes)
{
    uint64_t slot = (uint64_t)(uintptr_t)at / WORLD_LOCK_PAGES - 1;
    (void)bytes;

    if (slot < WORLD_SLOTS) {
        model_step("unlock by munmap");
        world_unlock(slot);
    } else {
        world.unmapped_n++;
    }
    return 0;
}

static int
shmeter_sys_advise(void *at, uint64_t bytes, int advice)
{
    (void)at, (void)bytes, (void)advice;
    return 0;
}

static int
shmeter_sys_slurp(const char *path, char *buffer, size_t bytes)
{
    uint32_t pid = 100 + world_self();

    if (strstr(path, "boot_id"))
        return snprintf(buffer, bytes, "00000000-0000-0000-0000-000000000001");
    sscanf(path, "/proc/%u/stat", &pid);
    return snprintf(buffer, bytes, "%u (w) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 %u", pid, 1000 + pid);
}

#include "tests/model/still_clock.h"

#define shmeter_identity_image kernel_identity_image
#include "shm/process/identity.h"
#undef shmeter_identity_image

static uint64_t
shmeter_identity_image(void)
{
    return world.image[world_self()];
}

#endif
