/* Which setting of logind.conf(5) decides about RemoveIPC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor/logind.h"

static char root[64], where[512];

static void
write_file(const char *path, const char *text)
{
    char full[512], *slash;
    FILE *file;

    snprintf(full, sizeof full, "%s%s", root, path);
    for (slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(full, 0700);
        *slash = '/';
    }
    file = fopen(full, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int
remove_one(const char *path, const struct stat *file, int kind, struct FTW *walk)
{
    (void)file, (void)kind, (void)walk;
    return remove(path);
}

static int
setup(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/shmeter-test-logind-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
expect(enum logind_removal wanted, const char *wanted_where)
{
    assert_int_equal(logind_removal(root, where, sizeof where), wanted);
    if (wanted_where)
        assert_non_null(strstr(where, wanted_where));
}

static void
without_logind_nothing_is_removed(void **state)
{
    (void)state;
    write_file("/etc/systemd/logind.conf", "[Login]\nRemoveIPC=yes\n");
    expect(LOGIND_ABSENT, NULL);
}

static void
where_systemd_is_installed_and_does_not_run_nothing_is_removed(void **state)
{
    (void)state;
    write_file("/lib/systemd/systemd-logind", "");
    write_file("/etc/systemd/logind.conf", "[Login]\nRemoveIPC=yes\n");
    expect(LOGIND_ABSENT, NULL);
    write_file("/run/systemd/system/running", "");
    expect(LOGIND_REMOVES, "logind.conf");
}

static void
the_default_is_to_remove(void **state)
{
    (void)state;
    write_file("/lib/systemd/systemd-logind", "");
    write_file("/run/systemd/system/running", "");
    expect(LOGIND_REMOVES, "default");
    write_file("/etc/systemd/logind.conf", "[Login]\n#RemoveIPC=no\n ; RemoveIPC=no\n[Other]\nRemoveIPC=no\n");
    expect(LOGIND_REMOVES, "default");
    write_file("/etc/systemd/logind.conf", "[Login]\nRemoveIPC=perhaps\n");
    expect(LOGIND_REMOVES, "default");
}

static void
the_last_setting_wins(void **state)
{
    (void)state;
    write_file("/lib/systemd/systemd-logind", "");
    write_file("/run/systemd/system/running", "");
    write_file("/etc/systemd/logind.conf", "[Login]\nRemoveIPC=yes\n  RemoveIPC = no  \n");
    expect(LOGIND_KEEPS, "/etc/systemd/logind.conf");
    write_file("/usr/lib/systemd/logind.conf", "[Login]\nRemoveIPC=yes\n"); /* behind /etc's: not read */
    expect(LOGIND_KEEPS, "/etc/systemd/logind.conf");
}

static void
drop_ins_go_by_name_and_earlier_folders_mask_later_ones(void **state)
{
    (void)state;
    write_file("/lib/systemd/systemd-logind", "");
    write_file("/run/systemd/system/running", "");
    write_file("/etc/systemd/logind.conf", "[Login]\nRemoveIPC=yes\n");
    write_file("/usr/lib/systemd/logind.conf.d/20-keep.conf", "[Login]\nRemoveIPC=off\n");
    expect(LOGIND_KEEPS, "20-keep.conf");
    write_file("/etc/systemd/logind.conf.d/10-remove.conf", "[Login]\nRemoveIPC=1\n");
    expect(LOGIND_KEEPS, "20-keep.conf");
    write_file("/etc/systemd/logind.conf.d/20-keep.conf", "");
    expect(LOGIND_REMOVES, "10-remove.conf");
}

static void
system_users_are_spared(void **state)
{
    (void)state;
    assert_true(logind_spares(0));
    assert_true(logind_spares(999));
    assert_false(logind_spares(1000));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_logind_nothing_is_removed),
        TEST(where_systemd_is_installed_and_does_not_run_nothing_is_removed),
        TEST(the_default_is_to_remove),
        TEST(the_last_setting_wins),
        TEST(drop_ins_go_by_name_and_earlier_folders_mask_later_ones),
        TEST(system_users_are_spared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
