/*
 * Opening and refusing segments, and looking where they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "read/file/reader.h"
#include "shm/layout/header.h"
#include "tests/read/image.h"

/* Opens, expects the fault, and a sentence that names the path and says what to do. */
static void
expect_fault(const char *name, const struct shmeter_reader_options *options, enum shmeter_reader_fault fault,
             const char *words)
{
    struct shmeter_reader *reader;
    struct shmeter_reader_error error;

    assert_true(shmeter_reader_open(&reader, name, options, &error) < 0);
    assert_null(reader);
    if ((int)error.fault != (int)fault || !strstr(error.text, name) || !strstr(error.text, words))
        print_error("fault %d, wanted %d: %s\n", (int)error.fault, (int)fault, error.text);
    assert_int_equal(error.fault, fault);
    assert_non_null(strstr(error.text, name));
    assert_non_null(strstr(error.text, words));
}

static void
a_good_segment_opens_and_maps_read_only(void **state)
{
    struct image image;
    struct shmeter_reader *reader;
    char line[512], wanted[64];
    FILE *maps;
    int found = 0;
    (void)state;

    image_make(&image, NULL);
    assert_int_equal(shmeter_reader_open(&reader, image.path, NULL, NULL), 0);
    assert_string_equal(reader->path, image.path);
    assert_int_equal(reader->bytes, image.bytes);
    assert_int_equal(reader->mode, 0600);
    snprintf(wanted, sizeof wanted, "%lx-", (unsigned long)(uintptr_t)reader->base);
    maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (!strncmp(line, wanted, strlen(wanted)))
            found = strstr(line, " r--s ") != NULL;
    fclose(maps);
    assert_true(found);
    assert_int_equal(fcntl(reader->fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_true(fcntl(reader->fd, F_GETFD) & FD_CLOEXEC);
    shmeter_reader_close(reader);
    image_free(&image);
}

static void
what_is_not_there_and_what_cannot_be_a_name_are_told_apart(void **state)
{
    struct shmeter_reader *reader;
    struct shmeter_reader_error error;
    (void)state;

    expect_fault("/dev/shm/shmeter-no-such-directory/x", NULL, SHMETER_READER_ABSENT, "shmeter create");
    expect_fault("a b", NULL, SHMETER_READER_BAD_NAME, "letters");
    assert_int_equal(shmeter_reader_open(&reader, "", NULL, &error), -EINVAL);
    assert_int_equal(error.fault, SHMETER_READER_BAD_NAME);
}

static void
a_name_is_a_file_in_dev_shm_and_a_slash_makes_a_path(void **state)
{
    char path[64];
    (void)state;

    assert_int_equal(shmeter_reader_path("shop", path, sizeof path), 0);
    assert_string_equal(path, "/dev/shm/shmeter.shop.v1");
    assert_int_equal(shmeter_reader_path("./shop", path, sizeof path), 0);
    assert_string_equal(path, "./shop");
    assert_int_equal(shmeter_reader_path("shop", path, 10), -EINVAL);
}

/* Puts something else at the image's path. */
static void
displace(struct image *image)
{
    assert_int_equal(unlink(image->path), 0);
}

static void
directories_fifos_sockets_and_links_are_no_segments(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct image image;
    char target[128];
    int fd;
    (void)state;

    image_make(&image, NULL);
    expect_fault("/dev/shm/.", NULL, SHMETER_READER_NOT_SEGMENT, "a directory");
    displace(&image);
    assert_int_equal(mkfifo(image.path, 0600), 0);
    expect_fault(image.path, NULL, SHMETER_READER_NOT_SEGMENT, "a FIFO");
    displace(&image);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", image.path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    expect_fault(image.path, NULL, SHMETER_READER_NOT_SEGMENT, "socket");
    close(fd);
    displace(&image);
    snprintf(target, sizeof target, "%s/other", image.directory);
    assert_int_equal(symlink(target, image.path), 0);
    expect_fault(image.path, NULL, SHMETER_READER_NOT_SEGMENT, "symbolic link");
    image_free(&image);
}

static void
other_contents_are_told_from_damage_and_from_another_abi(void **state)
{
    struct image image;
    (void)state;

    image_make(&image, NULL);
    image.header->magic ^= 1;
    expect_fault(image.path, NULL, SHMETER_READER_NOT_SEGMENT, "not a shmeter segment");
    image.header->magic ^= 1;
    image.header->abi_major = 9;
    image_seal(&image);
    expect_fault(image.path, NULL, SHMETER_READER_OTHER_ABI, "version 9.3");
    image.header->abi_major = SHMETER_ABI_MAJOR;
    image.header->features = 4;
    image_seal(&image);
    expect_fault(image.path, NULL, SHMETER_READER_OTHER_ABI, "abi");
    image.header->features = 0;
    image_seal(&image);
    image.header->slots_n++;
    expect_fault(image.path, NULL, SHMETER_READER_DAMAGED, "rm --force");
    image_seal(&image); /* sealed, but the sections do not follow from the sizes */
    expect_fault(image.path, NULL, SHMETER_READER_DAMAGED, "rm --force");
    image_free(&image);
}

/* No damaged header is ever used. */
static void
every_flipped_bit_of_the_header_is_refused(void **state)
{
    struct image image;
    unsigned bit;
    (void)state;

    image_make(&image, NULL);
    for (bit = 0; bit < 8 * sizeof *image.header; bit++) {
        struct shmeter_reader *reader;
        image.base[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_true(shmeter_reader_open(&reader, image.path, NULL, NULL) < 0);
        image.base[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    image_free(&image);
}

static void
a_shorter_file_is_damaged_and_an_empty_one_is_no_segment(void **state)
{
    struct image image;
    (void)state;

    image_make(&image, NULL);
    assert_int_equal(ftruncate(image.fd, (off_t)image.bytes - 1), 0);
    expect_fault(image.path, NULL, SHMETER_READER_DAMAGED, "truncated");
    assert_int_equal(ftruncate(image.fd, 300), 0);
    expect_fault(image.path, NULL, SHMETER_READER_DAMAGED, "truncated");
    assert_int_equal(ftruncate(image.fd, 0), 0);
    expect_fault(image.path, NULL, SHMETER_READER_NOT_SEGMENT, "not a shmeter segment");
    image_free(&image);
}

static void
what_others_may_write_or_somebody_else_owns_is_refused(void **state)
{
    uint32_t other = getuid() + 1, both[2] = { other, getuid() };
    struct shmeter_reader_options only_other = { &other, 1, 0 }, accepted = { both, 2, 0 };
    struct shmeter_reader *reader;
    struct image image;
    char name[128];
    (void)state;

    image_make(&image, NULL);
    assert_int_equal(chmod(image.path, 0602), 0);
    expect_fault(image.path, NULL, SHMETER_READER_NOT_OURS, "o-w");
    assert_int_equal(chmod(image.path, 0660), 0);
    expect_fault(image.path, &only_other, SHMETER_READER_NOT_OURS, "belongs to user");
    assert_int_equal(shmeter_reader_open(&reader, image.path, &accepted, NULL), 0);
    shmeter_reader_close(reader);
    snprintf(name, sizeof name, "%s/second", image.directory);
    assert_int_equal(link(image.path, name), 0);
    expect_fault(image.path, NULL, SHMETER_READER_NOT_OURS, "2 names");
    unlink(name);
    image_free(&image);
}

/* In a child: a root that gave up its rights may not read a 0600 file of root's. */
static void
a_file_without_read_permission_is_not_ours(void **state)
{
    struct image image;
    int status;
    pid_t child;
    (void)state;

    if (getuid() != 0)
        skip();
    image_make(&image, NULL);
    assert_int_equal(chmod(image.directory, 0755), 0);
    child = fork();
    if (!child) {
        struct shmeter_reader *reader;
        struct shmeter_reader_error error;
        if (setuid(65534) || shmeter_reader_open(&reader, image.path, NULL, &error) != -EACCES)
            _exit(1);
        _exit(error.fault != SHMETER_READER_NOT_OURS || !strstr(error.text, "65534") || !strstr(error.text, "0640"));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    image_free(&image);
}

/* ---- where it is ---- */

static void
a_look_tells_here_unlinked_replaced_and_truncated_apart(void **state)
{
    struct image image, other;
    struct shmeter_reader *reader;
    char moved[128];
    (void)state;

    image_make(&image, NULL);
    image_make(&other, NULL);
    assert_int_equal(shmeter_reader_open(&reader, image.path, NULL, NULL), 0);
    assert_int_equal(shmeter_reader_look(reader), SHMETER_READER_HERE);
    snprintf(moved, sizeof moved, "%s/moved", image.directory);
    assert_int_equal(rename(image.path, moved), 0); /* it still has a name, but not this one */
    assert_int_equal(shmeter_reader_look(reader), SHMETER_READER_UNLINKED);
    unlink(moved);
    assert_int_equal(shmeter_reader_look(reader), SHMETER_READER_UNLINKED);
    assert_int_equal(rename(other.path, image.path), 0);
    assert_int_equal(shmeter_reader_look(reader), SHMETER_READER_REPLACED);
    assert_int_equal(reader->dead, 0);
    assert_int_equal(ftruncate(image.fd, (off_t)image.bytes + 4096), 0); /* growing is no better than shrinking */
    assert_int_equal(shmeter_reader_look(reader), SHMETER_READER_TRUNCATED);
    assert_int_equal(ftruncate(image.fd, (off_t)image.bytes), 0);
    assert_int_equal(shmeter_reader_look(reader), SHMETER_READER_TRUNCATED);
    shmeter_reader_close(reader);
    image_free(&image);
    image_free(&other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_segment_opens_and_maps_read_only),
        cmocka_unit_test(what_is_not_there_and_what_cannot_be_a_name_are_told_apart),
        cmocka_unit_test(a_name_is_a_file_in_dev_shm_and_a_slash_makes_a_path),
        cmocka_unit_test(directories_fifos_sockets_and_links_are_no_segments),
        cmocka_unit_test(other_contents_are_told_from_damage_and_from_another_abi),
        cmocka_unit_test(every_flipped_bit_of_the_header_is_refused),
        cmocka_unit_test(a_shorter_file_is_damaged_and_an_empty_one_is_no_segment),
        cmocka_unit_test(what_others_may_write_or_somebody_else_owns_is_refused),
        cmocka_unit_test(a_file_without_read_permission_is_not_ours),
        cmocka_unit_test(a_look_tells_here_unlinked_replaced_and_truncated_apart),
    };
    return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
