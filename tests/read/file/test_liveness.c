/* Which owners are alive, as far as a reader can tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "read/file/liveness.h"
#include "shm/process/identity.h"
#include "tests/read/image.h"

static uint32_t
start_of(pid_t pid)
{
    struct shmeter_stat stat;

    assert_int_equal(shmeter_identity_stat((uint32_t)pid, &stat), 0);
    assert_int_equal(stat.pid, pid);
    return stat.start_ticks;
}

static uint64_t lock; /* word of the slots asked for: 0 unknown */

static enum shmeter_liveness
ask(pid_t pid, uint32_t start, uint32_t namespaces, int fd, uint64_t now_ns)
{
    static struct shmeter_liveness_memo memo;
    struct shmeter_owner owner = { SHMETER_OWNER(SHMETER_SLOT_LIVE, 1, pid), SHMETER_IDENTITY(start, namespaces),
                                   lock };
    struct shmeter_observer observer;

    if (!now_ns)
        memset(&memo, 0, sizeof memo);
    shmeter_observer_init(&observer, fd);
    assert_int_equal(observer.proc_is_ours, 1);
    return shmeter_liveness(&memo, &observer, &owner, 3, now_ns + 1);
}

static void
slots_that_nobody_owns_have_no_life(void **state)
{
    struct shmeter_liveness_memo memo = { 0 };
    struct shmeter_owner never = { 0, 0, 0 }, released = { SHMETER_OWNER(SHMETER_SLOT_RELEASED, 1, getpid()), 0, 0 };
    struct shmeter_observer observer = { .namespaces = 1, .proc_is_ours = 1, .fd = -1 };
    (void)state;

    assert_int_equal(shmeter_liveness(&memo, &observer, &never, 0, 1), SHMETER_LIVENESS_FREE);
    assert_int_equal(shmeter_liveness(&memo, &observer, &released, 0, 1), SHMETER_LIVENESS_FREE);
}

static void
the_living_live_and_another_start_time_is_another_process(void **state)
{
    uint32_t here = shmeter_namespaces_hash(), start = start_of(getpid());
    (void)state;

    assert_int_equal(ask(getpid(), start, here, -1, 0), SHMETER_LIVENESS_LIVE);
    assert_int_equal(ask(getpid(), start + 1, here, -1, 0), SHMETER_LIVENESS_DEAD);
    assert_int_equal(ask(getpid(), 0, here, -1, 0), SHMETER_LIVENESS_LIVE); /* start time unknown */
    assert_int_equal(ask(1, start_of(1), here, -1, 0), SHMETER_LIVENESS_LIVE);
}

static void
numbers_that_no_process_has_are_dead(void **state)
{
    uint32_t here = shmeter_namespaces_hash();
    (void)state;

    assert_int_equal(ask(0, 0, here, -1, 0), SHMETER_LIVENESS_DEAD);
    assert_int_equal(ask(-1, 0, here, -1, 0), SHMETER_LIVENESS_DEAD);
    assert_int_equal(ask(INT32_MAX, 0, here, -1, 0), SHMETER_LIVENESS_DEAD);
}

static void
a_zombie_is_dead_and_so_is_who_was_waited_for(void **state)
{
    uint32_t here = shmeter_namespaces_hash(), start;
    siginfo_t info;
    pid_t child = fork();
    (void)state;

    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    start = start_of(child);
    assert_int_equal(ask(child, start, here, -1, 0), SHMETER_LIVENESS_LIVE);
    kill(child, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    /* /proc is asked at most once a second; then the zombie is found out */
    assert_int_equal(ask(child, start, here, -1, 500000000), SHMETER_LIVENESS_LIVE);
    assert_int_equal(ask(child, start, here, -1, 1000000000), SHMETER_LIVENESS_DEAD);
    waitpid(child, NULL, 0);
    assert_int_equal(ask(child, start, here, -1, 1000000001), SHMETER_LIVENESS_DEAD);
}

static int exit_pipe[2];

static void *
outlive_leader(void *argument)
{
    char byte;
    (void)argument;
    while (read(exit_pipe[0], &byte, 1) < 0)
        ;
    _exit(0);
}

static void
a_leader_that_ended_before_its_threads_is_alive(void **state)
{
    uint32_t here = shmeter_namespaces_hash();
    struct shmeter_stat stat = { 0, 0, 0, 0 };
    pid_t child;
    (void)state;

    assert_int_equal(pipe(exit_pipe), 0);
    child = fork();
    if (!child) {
        pthread_t thread;
        close(exit_pipe[1]); /* so that a parent that dies lets us end */
        pthread_create(&thread, NULL, outlive_leader, NULL);
        pthread_exit(NULL);
    }
    while (stat.state != 'Z') { /* until the leader is a zombie */
        assert_int_equal(shmeter_identity_stat((uint32_t)child, &stat), 0);
        usleep(1000);
    }
    assert_int_equal(ask(child, stat.start_ticks, here, -1, 0), SHMETER_LIVENESS_LIVE);
    close(exit_pipe[1]);
    close(exit_pipe[0]);
    waitpid(child, NULL, 0);
}

static void
in_another_namespace_the_lock_decides(void **state)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 3, .l_len = 1 };
    uint32_t elsewhere = shmeter_namespaces_hash() + 1;
    struct image image;
    int holder, reader;
    (void)state;

    image_make(&image, NULL);
    holder = open(image.path, O_RDWR | O_CLOEXEC);
    reader = open(image.path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(ask(77, 5, elsewhere, reader, 0), SHMETER_LIVENESS_DEAD);
    assert_int_equal(fcntl(holder, F_OFD_SETLK, &lock), 0);
    assert_int_equal(ask(77, 5, elsewhere, reader, 0), SHMETER_LIVENESS_LIVE);
    lock.l_start = 4;
    lock.l_len = 0;
    lock.l_type = F_UNLCK;
    assert_int_equal(fcntl(holder, F_OFD_SETLK, &lock), 0);
    assert_int_equal(ask(77, 5, elsewhere, reader, 0), SHMETER_LIVENESS_LIVE);
    close(holder); /* as when the worker is killed */
    assert_int_equal(ask(77, 5, elsewhere, reader, 0), SHMETER_LIVENESS_DEAD);
    assert_int_equal(ask(77, 5, elsewhere, -1, 0), SHMETER_LIVENESS_UNKNOWN);
    close(reader);
    image_free(&image);
}

static void
a_mapped_lock_that_is_gone_is_a_dead_owner_wherever_it_was(void **state)
{
    struct flock held = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 3, .l_len = 1 };
    uint32_t here = shmeter_namespaces_hash(), start = start_of(getpid());
    struct image image;
    int holder, reader;
    (void)state;

    image_make(&image, NULL);
    holder = open(image.path, O_RDWR | O_CLOEXEC);
    reader = open(image.path, O_RDONLY | O_CLOEXEC);
    lock = SHMETER_LOCK(SHMETER_LOCK_MAPPED, 1);
    assert_int_equal(ask(getpid(), start, here, reader, 0), SHMETER_LIVENESS_DEAD); /* another program by now: exec */
    assert_int_equal(ask(getpid(), start, here + 1, reader, 0), SHMETER_LIVENESS_DEAD);
    assert_int_equal(ask(getpid(), start, here, -1, 0), SHMETER_LIVENESS_LIVE); /* nothing to be learnt of locks */
    assert_int_equal(fcntl(holder, F_OFD_SETLK, &held), 0);
    assert_int_equal(ask(getpid(), start, here, reader, 0), SHMETER_LIVENESS_LIVE);
    assert_int_equal(ask(77, 5, here + 1, reader, 0), SHMETER_LIVENESS_LIVE);
    assert_int_equal(ask(INT32_MAX, 5, here, reader, 0), SHMETER_LIVENESS_DEAD); /* a child has its descriptor */
    lock = SHMETER_LOCK(SHMETER_LOCK_MAPPED, 2);                                 /* of another owner of the slot */
    held.l_type = F_UNLCK;
    assert_int_equal(fcntl(holder, F_OFD_SETLK, &held), 0);
    assert_int_equal(ask(getpid(), start, here, reader, 0), SHMETER_LIVENESS_LIVE);
    lock = 0;
    close(holder);
    close(reader);
    image_free(&image);
}

#define MANY 20u

/* Reads all slots once; how many owners are dead. */
static uint32_t
read_many(struct shmeter_observer *observer, struct shmeter_liveness_memo *memos, pid_t pid, uint64_t now_ns)
{
    const struct shmeter_owner owner = { SHMETER_OWNER(SHMETER_SLOT_LIVE, 1, pid),
                                         SHMETER_IDENTITY(0, observer->namespaces),
                                         SHMETER_LOCK(SHMETER_LOCK_MAPPED, 1) };
    uint32_t i, dead = 0;

    shmeter_observer_begin(observer, now_ns);
    for (i = 0; i < MANY; i++)
        dead += shmeter_liveness(&memos[i], observer, &owner, i, now_ns) == SHMETER_LIVENESS_DEAD;
    return dead;
}

/* The locks of all are held by somebody else: as by children that have the descriptors by accident. */
static void
numbers_of_many_owners_with_locks_are_asked_for_in_turn(void **state)
{
    struct flock held = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = MANY };
    struct shmeter_liveness_memo memos[MANY] = { 0 };
    struct shmeter_observer observer;
    struct image image;
    uint64_t second = 1000000000, now = second;
    pid_t child = fork();
    int holder, reader;
    (void)state;

    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    image_make(&image, NULL);
    holder = open(image.path, O_RDWR | O_CLOEXEC);
    reader = open(image.path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fcntl(holder, F_OFD_SETLK, &held), 0);
    shmeter_observer_init(&observer, reader);
    assert_int_equal(read_many(&observer, memos, child, now), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(read_many(&observer, memos, child, now), 0); /* asked for a moment ago */
    assert_int_equal(read_many(&observer, memos, child, now += 2 * second), 4);
    assert_int_equal(read_many(&observer, memos, child, now), 12);
    assert_int_equal(read_many(&observer, memos, child, now), MANY);
    assert_int_equal(read_many(&observer, memos, child, now += 15 * second), MANY);
    close(holder);
    assert_int_equal(read_many(&observer, memos, getpid(), now), MANY); /* without the lock nobody is asked for */
    close(reader);
    image_free(&image);
}

/* A file with locks of MANY owners, and a reader of it that the kernel tells of closes. */
struct watched {
    struct image image;
    struct shmeter_observer observer;
    struct shmeter_liveness_memo memos[MANY];
    int holder;
    pid_t pid;
};

static void
lock_all(const struct watched *watched, short type)
{
    struct flock all = { .l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = MANY };

    assert_int_equal(fcntl(watched->holder, F_OFD_SETLK, &all), 0);
}

static void
watched_start(struct watched *watched)
{
    memset(watched, 0, sizeof *watched);
    image_make(&watched->image, NULL);
    watched->holder = open(watched->image.path, O_RDWR | O_CLOEXEC);
    shmeter_observer_init(&watched->observer, open(watched->image.path, O_RDONLY | O_CLOEXEC));
    shmeter_observer_watch(&watched->observer);
    watched->pid = getpid();
    lock_all(watched, F_WRLCK);
    if (watched->observer.ends < 0)
        print_message("# inotify cannot be had here\n");
}

static void
watched_stop(struct watched *watched)
{
    shmeter_observer_end(&watched->observer);
    close(watched->observer.fd);
    close(watched->holder);
    image_free(&watched->image);
}

static uint32_t
watched_dead(struct watched *watched, uint64_t now_ns)
{
    return read_many(&watched->observer, watched->memos, watched->pid, now_ns);
}

/* What no owner does: gives its lock up and keeps the file open. So it is visible whether somebody asks. */
static void
while_nobody_closes_the_file_locks_are_asked_for_in_turn_only(void **state)
{
    const uint64_t second = 1000000000;
    struct watched watched;
    (void)state;

    watched_start(&watched);
    if (watched.observer.ends >= 0) {
        assert_int_equal(watched_dead(&watched, second), 0);
        lock_all(&watched, F_UNLCK);
        assert_int_equal(watched_dead(&watched, second + 1), 0);
        assert_int_equal(watched_dead(&watched, 3 * second), 4); /* the last of three turns */
        assert_int_equal(watched_dead(&watched, 3 * second), 12);
        assert_int_equal(watched_dead(&watched, 3 * second), MANY);
    }
    watched_stop(&watched);
}

static void
when_a_writer_closes_the_file_all_are_asked_for(void **state)
{
    const uint64_t second = 1000000000;
    struct watched watched;
    int other;
    (void)state;

    watched_start(&watched);
    other = open(watched.image.path, O_RDWR | O_CLOEXEC);
    assert_int_equal(watched_dead(&watched, second), 0);
    lock_all(&watched, F_UNLCK);
    close(other);
    assert_int_equal(watched_dead(&watched, second + 1), MANY);
    lock_all(&watched, F_WRLCK);
    assert_int_equal(watched_dead(&watched, second + 2), 0);
    if (watched.observer.ends >=
        0) { /* the event comes before the lock goes: so a lock that was held then is not trusted */
        lock_all(&watched, F_UNLCK);
        assert_int_equal(watched_dead(&watched, second + 3), MANY);
        lock_all(&watched, F_WRLCK);
        assert_int_equal(watched_dead(&watched, 9 * second), 0);
        lock_all(&watched, F_UNLCK);
        assert_int_equal(watched_dead(&watched, 9 * second + 1), 4); /* those whose turn it is */
    }
    watched_stop(&watched);
}

static void
readers_and_files_that_are_read_only_tell_of_nothing(void **state)
{
    const uint64_t second = 1000000000;
    struct watched watched;
    int other;
    (void)state;

    watched_start(&watched);
    assert_int_equal(watched_dead(&watched, second), 0);
    other = open(watched.image.path, O_RDONLY | O_CLOEXEC);
    close(other);
    assert_int_equal(watched_dead(&watched, 2 * second), 0);
    assert_int_equal(watched.observer.ended_ns, 0);
    watched_stop(&watched);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_that_nobody_owns_have_no_life),
        cmocka_unit_test(the_living_live_and_another_start_time_is_another_process),
        cmocka_unit_test(numbers_that_no_process_has_are_dead),
        cmocka_unit_test(a_zombie_is_dead_and_so_is_who_was_waited_for),
        cmocka_unit_test(a_leader_that_ended_before_its_threads_is_alive),
        cmocka_unit_test(in_another_namespace_the_lock_decides),
        cmocka_unit_test(a_mapped_lock_that_is_gone_is_a_dead_owner_wherever_it_was),
        cmocka_unit_test(numbers_of_many_owners_with_locks_are_asked_for_in_turn),
        cmocka_unit_test(while_nobody_closes_the_file_locks_are_asked_for_in_turn_only),
        cmocka_unit_test(when_a_writer_closes_the_file_all_are_asked_for),
        cmocka_unit_test(readers_and_files_that_are_read_only_tell_of_nothing),
    };
    return cmocka_run_group_tests_name("liveness", tests, NULL, NULL);
}
