/*
 * Two processes replace an info at once: before each access to the segment that one of them makes, and before each two
 * accesses, the other one makes its whole replacement. Afterwards exactly one of the two infos is there. The header's
 * own code with hooked atomics, in order of program only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/shmeter.h"
#include "tests/shm/hooked.h"
#include "tests/tools/place.h"

static uint64_t accesses, turns[2]; /* so far; the other one's turns are before these, 0 never */
static int nested;                  /* it is the other one's turn */
static void (*other)(void);

static void
before_access(void)
{
    if (nested)
        return;
    accesses++;
    if (accesses == turns[0] || accesses == turns[1]) {
        nested = 1;
        other();
        nested = 0;
    }
}

static const struct shmeter_family *plain, *longer;

static void
replace_plain(void)
{
    static const char *const values[] = { "1" };

    shmeter_info_replace_v(plain, values, 1, 0);
}

static void
replace_longer(void)
{
    static const char *const values[] = { "2", "c0ffee" };

    shmeter_info_replace_v(longer, values, 2, 0);
}

static int
visible_n(const struct shmeter *meter)
{
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
    uint64_t unit = 0, at;
    int kind, n = 0;

    while ((kind = shmeter_arena_next(attachment, &unit, &at)) >= 0)
        n += kind == SHMETER_KIND_SERIES &&
             SHMETER_STATE_KIND(shmeter_arena_series(attachment, at)->state) == SHMETER_VISIBLE;
    return n;
}

static const struct shmeter_family *
info(struct shmeter *meter, const char *const *labels)
{
    struct shmeter_desc desc;

    memset(&desc, 0, sizeof desc);
    desc.type = SHMETER_INFO;
    desc.name = "build_info";
    desc.labels = labels;
    return shmeter_family(meter, &desc);
}

static struct shmeter *
fresh(void)
{
    static const char *const version[] = { "version", NULL }, *const both[] = { "version", "commit", NULL };
    struct shmeter *meter;

    unlink(place_path("info"));
    assert_int_equal(shmeter_open(&meter, place_path("info"), NULL), 0);
    plain = info(meter, version);
    longer = info(meter, both);
    return meter;
}

/* before: what is there at the beginning: 0 nothing, 1 and 2 one's info. Returns the accesses of the first one. */
static uint64_t
try_at(const struct shmeter *meter, int before, void (*first)(void), uint64_t turn, uint64_t second_turn)
{
    if (before)
        (before == 1 ? replace_plain : replace_longer)();
    else
        shmeter_info_hide_v(plain, NULL, 0);
    other = first == replace_plain ? replace_longer : replace_plain;
    accesses = 0;
    turns[0] = turn;
    turns[1] = second_turn;
    first();
    turns[0] = turns[1] = 0;
    if (visible_n(meter) != 1)
        print_error("%d infos when the other's turns are before accesses %llu and %llu\n", visible_n(meter),
                    (unsigned long long)turn, (unsigned long long)second_turn);
    assert_int_equal(visible_n(meter), 1);
    return accesses;
}

static void (*const both_of_them[])(void) = { replace_plain, replace_longer };

static void
of_two_new_infos_exactly_one_stays_whenever_the_other_one_comes_in_between(void **state)
{
    uint64_t turn, n;
    int before, i;
    (void)state;

    for (before = 0; before < 3; before++)
        for (i = 0; i < 2; i++)
            for (turn = 0, n = 1; turn <= n; turn++) {
                struct shmeter *meter = fresh();
                uint64_t made = try_at(meter, before, both_of_them[i], turn, 0);
                if (!turn)
                    n = made;
                assert_true(n > 20);
                shmeter_close(meter);
            }
}

static void
exactly_one_info_stays_when_the_other_one_comes_in_between_twice(void **state)
{
    struct shmeter *meter = fresh();
    uint64_t turn, second, made;
    int before, i;
    (void)state;

    for (before = 0; before < 3; before++)
        for (i = 0; i < 2; i++) {
            for (turn = 1, made = 1; turn <= made; turn++) {
                made = try_at(meter, before, both_of_them[i], turn, 0);
                for (second = turn + 1; second <= made; second++)
                    try_at(meter, before, both_of_them[i], turn, second);
            }
            assert_true(turn > 20);
        }
    shmeter_close(meter);
}

static int
run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_new_infos_exactly_one_stays_whenever_the_other_one_comes_in_between),
        cmocka_unit_test(exactly_one_info_stays_when_the_other_one_comes_in_between_twice),
    };
    return cmocka_run_group_tests_name("info_turns", tests, NULL, NULL);
}

int
main(void)
{
    return place_run("info-turns", run);
}
