/*
 * One process writes random bytes over a whole live segment (damage.h), others go on using it (producers.h), and this
 * one scrapes it: every format is rendered, the text held against a strict parser, health judged. All are built with
 * AddressSanitizer and UndefinedBehaviorSanitizer: a process that touches memory that is not its own ends, and the test
 * fails.
 *
 * Usage: hammer [SCRAPES]. $SHMETER_TEST_SEED replaces the seed, which is random and printed.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "exposition/exposition.h"
#include "exposition/own.h"
#include "formats/encode.h"
#include "health/json.h"
#include "tests/hammer/damage.h"
#include "tests/hammer/producers.h"
#include "tests/read/strict.h"
#include "tests/tools/scratch.h"

#define SCRAPES     10000u
#define PRODUCERS   2u
#define REOPEN_EACH 40u /* scrapes: then the reader forgets all it knows                                     */

struct shared {
    struct damage_done damage;
    struct producers_done producers;
};

static struct {
    char path[160];
    uint64_t seed, random, wanted;
    struct shared *shared;
    pid_t damager, producers[PRODUCERS];
    struct exposition *exposition;
    struct buffer text, other;
    uint64_t scrapes, read, with_damage, samples, ended;
} hammer;

static void
reopen(void)
{
    const char *path = hammer.path;
    struct store_options options = { .names = &path, .names_n = 1, .label = STORE_LABEL_ALWAYS };

    exposition_free(hammer.exposition);
    hammer.exposition = exposition_new(&options);
    assert_non_null(hammer.exposition);
}

static void
render(const struct encoder *encoder, struct buffer *out)
{
    out->len = 0;
    assert_int_equal(exposition_render(hammer.exposition, encoder, out), 0);
}

static void
check_text(void)
{
    struct strict parsed = { 0 };

    strict_parse(&parsed, hammer.text.data ? hammer.text.data : "", hammer.text.len);
    if (*parsed.error)
        fail_msg("%s", parsed.error);
    hammer.samples += parsed.samples_n;
    strict_free(&parsed);
}

static void
check_health(const struct segment_status *status)
{
    struct health health;
    char *json;

    assert_int_equal(health_judge(&health, &status, 1, NULL), 0);
    json = health_json_text(&health, &status, 1); /* fails where anything is not UTF-8 */
    assert_non_null(json);
    free(json);
    health_free(&health);
}

static void
scrape(void)
{
    const struct segment_status *status;

    if (hammer.scrapes++ % REOPEN_EACH == 0)
        reopen();
    assert_int_equal(exposition_read(hammer.exposition, own_add, hammer.exposition->store), 0);
    render(&encode_text, &hammer.text);
    check_text();
    render(&encode_openmetrics, &hammer.other);
    render(&encode_openmetrics_created, &hammer.other);
    render(&encode_protobuf, &hammer.other);
    assert_int_equal(store_status_n(hammer.exposition->store), 1);
    status = store_status(hammer.exposition->store, 0);
    check_health(status);
    hammer.read += status->readable;
    hammer.with_damage += status->readable && (status->series_damaged || status->families_damaged);
}

/* Whoever has ended well gets a successor. */
static void
tend_producers(void)
{
    uint32_t i;
    int status;

    for (i = 0; i < PRODUCERS; i++) {
        if (hammer.producers[i] && waitpid(hammer.producers[i], &status, WNOHANG) == 0)
            continue;
        if (hammer.producers[i]) {
            if (status) {
                hammer.producers[i] = 0;
                fail_msg("a producer ended with wait status 0x%x", (unsigned)status);
            }
            hammer.ended++;
        }
        hammer.producers[i] = producers_start(hammer.path, scratch_random(&hammer.random), &hammer.shared->producers);
    }
}

/* However the machine shares its time out: damage was made, much of it was read, and producers met it. */
static int
it_has_hit(void)
{
    const struct shared *shared = hammer.shared;

    return hammer.read > hammer.wanted / 4 && hammer.with_damage > hammer.wanted / 20 &&
           hammer.samples > 10 * hammer.wanted && shared->damage.writes > 10 * hammer.wanted && hammer.ended > 0 &&
           shared->producers.opened > 0 && shared->producers.refused > 0;
}

static void
readers_and_producers_survive_any_bytes(void **state)
{
    const struct shared *shared = hammer.shared;

    (void)state;
    print_message("# seed %" PRIu64 "\n", hammer.seed);
    while (hammer.scrapes < hammer.wanted || !it_has_hit()) {
        tend_producers();
        scrape();
    }
    print_message("# %" PRIu64 " scrapes, %" PRIu64 " of which could read, %" PRIu64
                  " of these saw damaged records; %" PRIu64 " samples; %" PRIu64 " writes, %" PRIu64 " repairs\n",
                  hammer.scrapes, hammer.read, hammer.with_damage, hammer.samples, shared->damage.writes,
                  shared->damage.repairs);
    print_message("# %" PRIu64 " producers ended well, after %" PRIu64 " updates and %" PRIu64 " lookups; %" PRIu64
                  " had attached, %" PRIu64 " were refused\n",
                  hammer.ended, shared->producers.updates, shared->producers.lookups, shared->producers.opened,
                  shared->producers.refused);
}

static void
the_damage_ends_and_the_segment_is_read_again(void **state)
{
    uint32_t i;

    (void)state;
    kill(hammer.damager, SIGKILL);
    assert_int_equal(scratch_wait(hammer.damager), 128 + SIGKILL);
    hammer.damager = 0;
    for (i = 0; i < PRODUCERS; i++) {
        int ended = scratch_wait(hammer.producers[i]);
        hammer.producers[i] = 0;
        assert_int_equal(ended, 0);
    }
    unlink(hammer.path);
    producers_make_segment(hammer.path);
    scrape();
    assert_true(store_status(hammer.exposition->store, 0)->readable);
    assert_non_null(strstr(hammer.text.data, "hammer_total{"));
}

static int
set_up(void **state)
{
    const char *seed = getenv("SHMETER_TEST_SEED");

    (void)state;
    if (seed && *seed)
        hammer.seed = strtoull(seed, NULL, 0);
    else if (getrandom(&hammer.seed, sizeof hammer.seed, 0) != sizeof hammer.seed)
        return -1;
    hammer.random = hammer.seed;
    hammer.shared = scratch_shared(sizeof *hammer.shared);
    snprintf(hammer.path, sizeof hammer.path, "%s", scratch_path("hammered"));
    producers_make_segment(hammer.path);
    hammer.damager = damage_start(hammer.path, scratch_random(&hammer.random), &hammer.shared->damage);
    return 0;
}

static void
end(pid_t pid)
{
    if (!pid)
        return;
    kill(pid, SIGKILL);
    scratch_wait(pid);
}

static int
tear_down(void **state)
{
    uint32_t i;

    (void)state;
    end(hammer.damager);
    for (i = 0; i < PRODUCERS; i++)
        end(hammer.producers[i]);
    exposition_free(hammer.exposition);
    buffer_free(&hammer.text);
    buffer_free(&hammer.other);
    return 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_and_producers_survive_any_bytes),
        cmocka_unit_test(the_damage_ends_and_the_segment_is_read_again),
    };

    hammer.wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : SCRAPES;
    return cmocka_run_group_tests_name("hammer", tests, set_up, tear_down);
}
