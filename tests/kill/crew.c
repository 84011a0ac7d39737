#include "tests/kill/crew.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/tools/scratch.h"

uint64_t
kill_crew_number(const char *environment, uint64_t otherwise)
{
    const char *text = getenv(environment);

    return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static void
give_up(const char *what)
{
    perror(what);
    exit(1);
}

void
kill_crew_open(struct kill_crew *crew, uint64_t seed, const char *path)
{
    static uint32_t opened;
    char file[24];

    memset(crew, 0, sizeof *crew);
    crew->seed = crew->random = kill_crew_number("SHMETER_TEST_SEED", seed);
    crew->ledger_fd = memfd_create("ledger", 0);
    if (crew->ledger_fd < 0 || ftruncate(crew->ledger_fd, sizeof *crew->ledger))
        give_up("memfd_create");
    crew->ledger = mmap(NULL, sizeof *crew->ledger, PROT_READ | PROT_WRITE, MAP_SHARED, crew->ledger_fd, 0);
    if (crew->ledger == MAP_FAILED)
        give_up("mmap");
    snprintf(file, sizeof file, "kill%u", opened++);
    snprintf(crew->path, sizeof crew->path, "%s", path ? path : scratch_path(file));
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* whom a killed worker leaves is ours to wait for */
    kill_worker_open(crew->path, "fork");
}

void
kill_crew_close(struct kill_crew *crew)
{
    uint32_t place;

    for (place = 0; place < WORKERS; place++)
        if (crew->pids[place])
            kill_crew_kill(crew, place);
    munmap(crew->ledger, sizeof *crew->ledger);
    close(crew->ledger_fd);
    unlink(crew->path);
}

void
kill_crew_main(int argc, char **argv)
{
    struct ledger *ledger;

    if (argc != 5 || strcmp(argv[0], "kill_worker") != 0)
        return;
    ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[2]), 0);
    if (ledger == MAP_FAILED)
        give_up("mmap");
    kill_worker_open(argv[1], "exec");
    kill_worker_run(ledger, (uint32_t)atoi(argv[3]), strtoull(argv[4], NULL, 10));
}

void
kill_crew_start(struct kill_crew *crew, uint32_t place, int anew)
{
    struct worker_ledger *own = &crew->ledger->workers[place];
    char arguments[3][24];
    uint64_t seed = scratch_random(&crew->random);
    uint32_t i;

    for (i = 0; i < MODES; i++)
        own->held[i].now = own->held[i].next = (double)NAN;
    own->quiet = 0;
    own->order = ORDER_NONE;
    crew->pids[place] = scratch_fork();
    setpgid(crew->pids[place], 0); /* by both, as neither may be late */
    if (crew->pids[place])
        return;
    if (!anew)
        kill_worker_run(crew->ledger, place, seed);
    snprintf(arguments[0], sizeof arguments[0], "%d", crew->ledger_fd);
    snprintf(arguments[1], sizeof arguments[1], "%u", place);
    snprintf(arguments[2], sizeof arguments[2], "%" PRIu64, seed);
    execl("/proc/self/exe", "kill_worker", crew->path, arguments[0], arguments[1], arguments[2], (char *)NULL);
    _exit(1);
}

/* The worker has ended, or will: waits for it and whom it leaves, and resolves the ledger. Returns how it ended. */
static int
bury(struct kill_crew *crew, uint32_t place)
{
    struct worker_ledger *own = &crew->ledger->workers[place];
    pid_t pid = crew->pids[place];
    int ended = scratch_wait(pid);

    while (waitpid(-pid, NULL, 0) > 0) /* its child, which was killed with it */
        ;
    crew->pids[place] = 0;
    crew->in_doubt += own->stage == STAGE_INSIDE;
    kill_worker_resolve(own);
    return ended;
}

int
kill_crew_kill(struct kill_crew *crew, uint32_t place)
{
    kill(-crew->pids[place], SIGKILL);
    crew->kills++;
    return bury(crew, place) == 128 + SIGKILL ? 0 : -1;
}

static int
wait_for_obedience(const uint32_t *order)
{
    const struct timespec moment = { 0, 100000 };

    while (__atomic_load_n(order, __ATOMIC_ACQUIRE) != ORDER_NONE) {
        if (scratch_mourns())
            return -1;
        nanosleep(&moment, NULL);
    }
    return 0;
}

int
kill_crew_tell(struct kill_crew *crew, uint32_t place, enum order order)
{
    uint32_t *at = &crew->ledger->workers[place].order;

    if (wait_for_obedience(at))
        return -1;
    __atomic_store_n(at, order, __ATOMIC_RELEASE);
    return 0;
}

int
kill_crew_order(struct kill_crew *crew, uint32_t place, enum order order)
{
    if (kill_crew_tell(crew, place, order))
        return -1;
    if (order == ORDER_LEAVE)
        return bury(crew, place) ? -1 : 0;
    return wait_for_obedience(&crew->ledger->workers[place].order);
}

uint32_t
kill_crew_pause(struct kill_crew *crew)
{
    static uint32_t pause;
    uint32_t place;

    __atomic_store_n(&crew->ledger->pause, ++pause, __ATOMIC_RELEASE);
    for (place = 0; place < WORKERS; place++)
        if (crew->pids[place] && scratch_until(&crew->ledger->workers[place].quiet, pause))
            return place + 1;
    return 0;
}

void
kill_crew_resume(struct kill_crew *crew)
{
    __atomic_store_n(&crew->ledger->pause, 0, __ATOMIC_RELEASE);
}
