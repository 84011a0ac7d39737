#include "cli/watch.h"

#include <stdlib.h>
#include <string.h>

#include "cli/say.h"

const char *
watch_standard_name(void)
{
    const char *name = getenv("SHMETER_SEGMENT");

    return name && *name ? name : "default";
}

static int
collect(struct watch *watch)
{
    const struct store *store = watch->exposition->store;
    uint32_t i;

    watch->statuses_n = store_status_n(store);
    watch->statuses = calloc(watch->statuses_n + 1, sizeof *watch->statuses);
    if (!watch->statuses)
        return -1;
    for (i = 0; i < watch->statuses_n; i++)
        watch->statuses[i] = store_status(store, i);
    return 0;
}

static int
read_segments(struct exposition *exposition, enum snapshot_depth depth)
{
    return depth == SNAPSHOT_ALL ? exposition_read(exposition, NULL, NULL) : store_take(exposition->store, depth);
}

int
watch_open(struct watch *out, const struct arguments *given, const char *otherwise, enum snapshot_depth depth)
{
    struct store_options options = { .names = given->names, .names_n = given->names_n };

    if (!given->names_n) {
        options.names = &otherwise;
        options.names_n = 1;
    }
    memset(out, 0, sizeof *out);
    out->exposition = exposition_new(&options);
    if (out->exposition && !read_segments(out->exposition, depth) && !collect(out))
        return 0;
    say_error("out of memory");
    watch_close(out);
    return EXIT_FAILED;
}

void
watch_close(struct watch *watch)
{
    free(watch->statuses);
    exposition_free(watch->exposition);
    memset(watch, 0, sizeof *watch);
}

uint32_t
watch_complain(const struct watch *watch)
{
    uint32_t i, n = 0;

    for (i = 0; i < watch->statuses_n; i++)
        if (!watch->statuses[i]->readable) {
            say_error("%s", watch->statuses[i]->error);
            n++;
        }
    return n;
}
