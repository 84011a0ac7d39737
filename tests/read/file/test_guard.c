/*
 * The guard under which a segment is read: a truncation makes the reader dead, and other faults go to the handler that
 * was installed before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "read/file/reader.h"
#include "tests/read/image.h"

struct touch {
    const volatile unsigned char *at;
    int reached;
};

static int
touch(void *argument)
{
    struct touch *touch = argument;
    touch->reached += *touch->at < 255;
    return 17;
}

static void
a_truncated_segment_is_a_dead_reader_and_not_a_dead_process(void **state)
{
    struct image image;
    struct shmeter_reader *reader;
    struct touch t = { 0 };
    (void)state;

    image_make(&image, NULL);
    assert_int_equal(shmeter_reader_open(&reader, image.path, NULL, NULL), 0);
    t.at = reader->base + image.bytes - 1;
    assert_int_equal(shmeter_reader_guard(reader, touch, &t), 17);
    assert_int_equal(ftruncate(image.fd, 4096), 0);
    assert_int_equal(shmeter_reader_guard(reader, touch, &t), -EFAULT);
    assert_int_equal(t.reached, 1);
    assert_int_equal(reader->dead, 1);
    assert_int_equal(ftruncate(image.fd, (off_t)image.bytes), 0); /* fresh zeroes are not the old counters */
    assert_int_equal(shmeter_reader_guard(reader, touch, &t), -EFAULT);
    assert_int_equal(t.reached, 1);
    shmeter_reader_close(reader);
    image_free(&image);
}

static void *
guarded_thread(void *argument)
{
    struct shmeter_reader *reader = argument;
    struct touch t = { reader->base + reader->bytes - 1, 0 };

    return shmeter_reader_guard(reader, touch, &t) == -EFAULT ? reader : NULL;
}

static void
each_thread_has_a_guard_of_its_own(void **state)
{
    struct image images[4];
    struct shmeter_reader *readers[4];
    pthread_t threads[4];
    void *result;
    int i;
    (void)state;

    for (i = 0; i < 4; i++) {
        image_make(&images[i], NULL);
        assert_int_equal(shmeter_reader_open(&readers[i], images[i].path, NULL, NULL), 0);
        assert_int_equal(ftruncate(images[i].fd, 4096), 0);
    }
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, guarded_thread, readers[i]), 0);
    for (i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, readers[i]);
        shmeter_reader_close(readers[i]);
        image_free(&images[i]);
    }
}

static volatile unsigned char *strange;

static int
touch_strange(void *argument)
{
    (void)argument;
    return *strange;
}

static void
leave(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    _exit(info->si_addr == (void *)(uintptr_t)strange ? 42 : 1);
}

/*
 * How a process ends that faults elsewhere. how 0: SIGBUS has its default action, 1: a handler from before the guard.
 */
static void
fault_elsewhere(int how, int guarded, int *code, int *number)
{
    struct image image, other;
    pid_t child;
    int status;

    image_make(&image, NULL);
    image_make(&other, NULL);
    child = fork();
    if (!child) {
        execl("/proc/self/exe", "test-expo-reader_guard", "fault", how ? "1" : "0", guarded ? "1" : "0", image.path,
              other.path, NULL);
        _exit(3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    *number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    image_free(&image);
    image_free(&other);
}

/* The program of that child: a fresh process, so that the guard is installed after the handler. */
static int
fault_program(char **arguments)
{
    struct sigaction action = { .sa_sigaction = leave, .sa_flags = SA_SIGINFO };
    struct shmeter_reader *reader;
    struct touch t;
    int fd = open(arguments[4], O_RDWR);
    struct stat file;

    signal(SIGBUS, SIG_DFL); /* whatever a sanitizer has put there */
    if (arguments[1][0] == '1')
        sigaction(SIGBUS, &action, NULL);
    if (fd < 0 || fstat(fd, &file) || shmeter_reader_open(&reader, arguments[3], NULL, NULL))
        return 2;
    strange = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_SHARED, fd, 0);
    t.at = reader->base;
    t.reached = 0;
    if (strange == MAP_FAILED || shmeter_reader_guard(reader, touch, &t) != 17 || ftruncate(fd, 0))
        return 2; /* cppcheck-suppress resourceLeak ; the process ends */
    if (arguments[2][0] == '1')
        shmeter_reader_guard(reader, touch_strange, NULL);
    else
        touch_strange(NULL);
    return 5;
}

static void
faults_that_are_not_the_guards_go_where_they_went_before(void **state)
{
    int guarded, code, number;
    (void)state;

    for (guarded = 0; guarded < 2; guarded++) {
        fault_elsewhere(0, guarded, &code, &number);
        assert_int_equal(number, SIGBUS);
        fault_elsewhere(1, guarded, &code, &number);
        assert_int_equal(code, 42);
    }
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_truncated_segment_is_a_dead_reader_and_not_a_dead_process),
        cmocka_unit_test(each_thread_has_a_guard_of_its_own),
        cmocka_unit_test(faults_that_are_not_the_guards_go_where_they_went_before),
    };

    if (argc == 6 && !strcmp(argv[1], "fault"))
        return fault_program(argv + 1);
    return cmocka_run_group_tests_name("reader guard", tests, NULL, NULL);
}
