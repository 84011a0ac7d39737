/*
 * Threads that take memory of the heap at once, as registrations do, and use what they get: for ThreadSanitizer. The
 * segment's path is the argument.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "shmeter.h"

#define THREADS 4
#define ROUNDS  400

static struct shmeter *meter;

static void *
registrar(void *argument)
{
    static const char *const labels[] = { "a", NULL };
    const int who = (int)(intptr_t)argument;
    char name[32], text[16];
    int i;

    for (i = 0; i < ROUNDS; i++) {
        struct shmeter_desc desc;
        const char *value = text;
        memset((void *)&desc, 0, sizeof desc);
        desc.type = SHMETER_HISTOGRAM;
        desc.name = name;
        desc.labels = labels;
        snprintf(name, sizeof name, "threads_%d", i % 100);
        snprintf(text, sizeof text, "%d", who);
        shmeter_histogram_observe(shmeter_histogram_of_v(shmeter_family(meter, &desc), &value, 1), 1);
        memset(shmeter_heap_take(5000), who, 5000);
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    intptr_t i;

    if (argc != 2 || shmeter_open(&meter, argv[1], NULL)) {
        puts(shmeter_error(meter));
        return 1;
    }
    for (i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, registrar, (void *)i);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    puts("good");
    return 0;
}
