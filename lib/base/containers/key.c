#include "base/containers/key.h"

#include <pthread.h>
#include <sys/random.h>

#include "shm/machine/hash.h"
#include "shm/process/clock.h"

static uint64_t key;

static void
make(void)
{
    uint64_t random = 0;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random) {
        /*
         * A machine that has just started may have no random numbers yet: use other values that are not known outside
         * the process.
         */
        random = shmeter_hash_word((uint64_t)(uintptr_t)&random, shmeter_clock_ns());
        random = shmeter_hash_word(random, shmeter_clock_real_ns());
    }
    key = random;
}

uint64_t
key_of_process(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make);
    return key;
}
