/*
 * crypt_r(3) under a test's control, preloaded into the exporter: calls are counted, their arguments are recorded, and
 * a call returns when the test lets it. It knows nothing of the exporter. $SHMETER_TEST_HASHES names the file of a
 * struct hand.
 */
#include <crypt.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define HASHES_MOST 64 /* whose settings are written down                                                  */

struct hand {
    uint32_t held;  /* no hash ends while it is set                                                     */
    uint32_t begun; /* so many have begun                                                               */
    char settings[HASHES_MOST][8]; /* how each begins: $2b$13$ and a zero                            */
};

typedef char *crypt_fn(const char *password, const char *setting, struct crypt_data *data);

static struct hand *hand;
static crypt_fn *crypt_of_library;

__attribute__((constructor)) static void
hand_open(void)
{
    const char *path = getenv("SHMETER_TEST_HASHES");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *hand, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void *function = dlsym(RTLD_NEXT, "crypt_r");

    if (memory == MAP_FAILED || !function) {
        perror("SHMETER_TEST_HASHES");
        _exit(99);
    }
    close(fd);
    hand = memory;
    memcpy(&crypt_of_library, &function, sizeof function);
}

char *
crypt_r(const char *password, const char *setting, struct crypt_data *data)
{
    const struct timespec moment = { .tv_nsec = 1000000 };
    uint32_t number = __atomic_load_n(&hand->begun, __ATOMIC_RELAXED);

    if (number < HASHES_MOST)
        snprintf(hand->settings[number], sizeof hand->settings[number], "%s", setting);
    __atomic_store_n(&hand->begun, number + 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&hand->held, __ATOMIC_ACQUIRE))
        nanosleep(&moment, NULL);
    return crypt_of_library(password, setting, data);
}
