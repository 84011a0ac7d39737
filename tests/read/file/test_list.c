/*
 * Finding segments by name and pattern.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "read/file/reader.h"
#include "tests/read/image.h"

static int
listed(const struct shmeter_reader_names *names, const char *name)
{
    uint32_t i, found = 0;

    for (i = 0; i < names->names_n; i++)
        found += !strcmp(names->names[i], name);
    return (int)found;
}

static void
names_patterns_and_paths_are_listed_once_each(void **state)
{
    char a[64], b[64], a_path[128], b_path[128], pattern[80], glob[128];
    const char *patterns[4];
    struct shmeter_reader_names names;
    struct image image;
    uint32_t i;
    (void)state;

    image_make(&image, NULL);
    snprintf(a, sizeof a, "list-%d-a", (int)getpid());
    snprintf(b, sizeof b, "list-%d-b", (int)getpid());
    assert_int_equal(shmeter_reader_path(a, a_path, sizeof a_path), 0);
    assert_int_equal(shmeter_reader_path(b, b_path, sizeof b_path), 0);
    close(open(a_path, O_CREAT | O_RDWR, 0600));
    close(open(b_path, O_CREAT | O_RDWR, 0600));
    snprintf(pattern, sizeof pattern, "list-%d-?", (int)getpid());
    snprintf(glob, sizeof glob, "%s/seg*", image.directory);
    patterns[0] = pattern;
    patterns[1] = b;
    patterns[2] = glob;
    patterns[3] = "absent-plain-name";
    assert_int_equal(shmeter_reader_list(&names, patterns, 4), 0);
    assert_int_equal(names.names_n, 4);
    assert_true(listed(&names, a) == 1 && listed(&names, b) == 1 && listed(&names, image.path) == 1 &&
                listed(&names, "absent-plain-name") == 1);
    for (i = 1; i < names.names_n; i++)
        assert_true(strcmp(names.names[i - 1], names.names[i]) < 0);
    shmeter_reader_list_free(&names);
    assert_int_equal(shmeter_reader_list(&names, NULL, 0), 0);
    assert_true(listed(&names, a) == 1 && listed(&names, b) == 1);
    shmeter_reader_list_free(&names);
    unlink(a_path);
    unlink(b_path);
    image_free(&image);
}

static void
a_name_is_told_from_what_a_pattern_would_find(void **state)
{
    (void)state;

    assert_true(shmeter_reader_lists("shop", "shop"));
    assert_false(shmeter_reader_lists("shop", "shop-2"));
    assert_true(shmeter_reader_lists("shop-*", "shop-2"));
    assert_false(shmeter_reader_lists("shop-*", "/dev/shm/shmeter.shop-2.v1")); /* a pattern of names finds no paths, */
    assert_false(shmeter_reader_lists("/dev/shm/*", "shop-2"));                 /* ... nor the other way round        */
    assert_true(shmeter_reader_lists("/run/*/seg[0-9]", "/run/a/seg1"));
    assert_false(shmeter_reader_lists("/run/*", "/run/a/seg1"));
    assert_false(shmeter_reader_lists("/run/*", "/run/.hidden"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_patterns_and_paths_are_listed_once_each),
        cmocka_unit_test(a_name_is_told_from_what_a_pattern_would_find),
    };
    return cmocka_run_group_tests_name("reader list", tests, NULL, NULL);
}
