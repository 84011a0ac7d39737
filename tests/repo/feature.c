/*
 * Counts in a metric of the type, and the loss, that test_feature.py has added to its copy of the tree, and prints the
 * segment in a format: feature FILE text|openmetrics|protobuf.
 */
#include "shmeter.h"

#include <stdio.h>

#include "exposition/exposition.h"
#include "exposition/own.h"
#include "formats/encode.h"

static const char *const labels[] = { "room", NULL };
static const struct shmeter_desc tallies = {
    .type = SHMETER_TALLY,
    .name = "feature_guests",
    .help = "Guests.",
    .labels = labels,
};

static void
count(const char *path)
{
    struct shmeter *meter;
    struct shmeter_counter tally;

    shmeter_open(&meter, path, NULL);
    tally = shmeter_counter_of(shmeter_family(meter, &tallies), "blue");
    shmeter_counter_add(tally, 41);
    shmeter_counter_inc(tally);
    shmeter_meter_lose(meter, SHMETER_LOSS_GUESTS_LEFT);
    if (*shmeter_error(meter))
        fprintf(stderr, "%s\n", shmeter_error(meter));
    shmeter_close(meter);
}

static const struct encoder *
encoder_of(const char *name)
{
    return !strcmp(name, encode_text.name)          ? &encode_text
           : !strcmp(name, encode_openmetrics.name) ? &encode_openmetrics
                                                    : &encode_protobuf;
}

static int
add(void *exposition, struct model *model)
{
    return own_add(((const struct exposition *)exposition)->store, model);
}

int
main(int argc, char **argv)
{
    const struct store_options options = { .names = (const char *const *)&argv[1], .names_n = 1, .keep_removed = 1 };
    struct buffer out = { 0 };
    struct exposition *exposition;
    int result;

    if (argc != 3)
        return 2;
    count(argv[1]);
    exposition = exposition_new(&options);
    result = !exposition || exposition_read(exposition, add, exposition) ||
             exposition_render(exposition, encoder_of(argv[2]), &out) ||
             fwrite(out.data, 1, out.len, stdout) != out.len;
    buffer_free(&out);
    exposition_free(exposition);
    return result;
}
