/*
 * Paths as label values: what becomes {id} and what stays, and that no bytes of any length are read or written beside
 * their buffers (under AddressSanitizer, in buffers of exactly their size).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shmeter.h"
#include "shmeter_path.h"

static void
expect(const char *path, const char *wanted)
{
    char out[256];
    size_t n = shmeter_normalize_path(out, sizeof out, path, strlen(path));
    if (strcmp(out, wanted) || n != strlen(wanted))
        fail_msg("%s became %s, not %s", path, out, wanted);
}

static void
what_names_one_thing_among_many_becomes_id(void **state)
{
    static const char *const segments[] = {
        "42",
        "0",
        "-7",
        "+1",
        "3.14",
        "1.2.3",
        "192.168.0.1",
        "2024-01-31",
        "2024-01-31T10:00:00Z",
        "2024-01-31T10:00:00.123+02:00",
        "20240131",
        "20240131T100000Z",
        "31.01.2024",
        "12:30",
        "123e4567-e89b-12d3-a456-426614174000",
        "123E4567-E89B-12D3-A456-426614174000",
        "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeee1",
        "deadbeef01",
        "507f1f77bcf86cd799439011",
        "d41d8cd98f00b204e9800998ecf8427e",
        "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "0x1f",
        "0xDEAD",
        "INV-2024-001",
        "user-12345",
        "q3-2024",
        "V1StGXR8_Z5jdHi6B-myT",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "cjld2cjxh0000qzrmn831i7rn",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.X",
        "0ujtsYcgvSTl8PAuAdqWYSMnLOv",
        "jo@example.org",
        "42.json",
        "d41d8cd98f00b204e9800998ecf8427e.png",
        "12345.tar",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    };
    char path[256], wanted[64];
    size_t i;
    (void)state;

    for (i = 0; i < sizeof segments / sizeof *segments; i++) {
        snprintf(path, sizeof path, "/things/%s/parts", segments[i]);
        snprintf(wanted, sizeof wanted, "/things/{id}/parts");
        expect(path, wanted);
    }
}

static void
what_a_program_names_stays(void **state)
{
    static const char *const segments[] = { "v1",
                                            "v2.1",
                                            "oauth2",
                                            "sha-256",
                                            "page2",
                                            "user-123",
                                            "my-first-post-2024",
                                            "covid-19-vaccine-2021-phase2",
                                            "ipv4toipv6gateway",
                                            "OAuth2AuthorizationServer",
                                            "getUserByIdAndDepartmentName2",
                                            "well-known",
                                            ".well-known",
                                            "facade",
                                            "defaced",
                                            "feedfacecafe",
                                            "3d-models",
                                            "2fa",
                                            "x509",
                                            "s3",
                                            "index.html",
                                            "main.3.js",
                                            "@me",
                                            "@vite",
                                            "a@b",
                                            "{id}",
                                            "{path:path}",
                                            "*",
                                            "..",
                                            "-",
                                            "caf\xc3\xa9",
                                            "\xff\xfe",
                                            "a b",
                                            "%20",
                                            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" };
    char path[256];
    size_t i;
    (void)state;

    for (i = 0; i < sizeof segments / sizeof *segments; i++) {
        snprintf(path, sizeof path, "/things/%s", segments[i]);
        expect(path, path);
    }
}

static void
slashes_queries_and_fragments_are_cut(void **state)
{
    (void)state;
    expect("", "/");
    expect("/", "/");
    expect("//", "/");
    expect("/a/", "/a");
    expect("//a///b//", "/a/b");
    expect("a/b", "/a/b");
    expect("/a?b=/1", "/a");
    expect("/a/?b", "/a");
    expect("/a#b/1", "/a");
    expect("?a", "/");
    expect("/1/2/3?4", "/{id}/{id}/{id}");
    expect("*", "/*");
}

static void
whole_segments_are_put_out_as_far_as_there_is_room(void **state)
{
    static const struct {
        size_t bytes;
        const char *wanted;
    } cuts[] = { { 1, "" },        { 2, "/" },        { 3, "/a" },           { 7, "/a" },
                 { 8, "/a/{id}" }, { 11, "/a/{id}" }, { 12, "/a/{id}/bcd" }, { 99, "/a/{id}/bcd" } };
    char out[100];
    size_t i;
    (void)state;

    assert_int_equal(shmeter_normalize_path(out, 0, "/a", 2), 0);
    assert_int_equal(shmeter_normalize_path(NULL, 9, "/a", 2), 0);
    assert_int_equal(shmeter_normalize_path(out, 9, NULL, 2), 1);
    for (i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        size_t n;
        memset(out, 'x', sizeof out);
        n = shmeter_normalize_path(out, cuts[i].bytes, "/a/12/bcd", 9);
        if (strcmp(out, cuts[i].wanted) || n != strlen(out) || (cuts[i].bytes < 99 && out[cuts[i].bytes] != 'x'))
            fail_msg("in %zu bytes: %s", cuts[i].bytes, out);
    }
    shmeter_normalize_path(out, sizeof out, "/a/b\0c", 6); /* a zero ends it */
    assert_string_equal(out, "/a/b");
    shmeter_normalize_path(out, sizeof out, "/a/bc", 4);
    assert_string_equal(out, "/a/b");
}

static void
any_bytes_of_any_length_stay_inside_of_their_buffers(void **state)
{
    static const char likely[] = "//0123456789abcdefABCDEFxyzXYZ-_.@?#%~:{}";
    uint64_t random = UINT64_C(0x9e3779b97f4a7c15);
    int round;
    (void)state;

    for (round = 0; round < 200000; round++) {
        size_t path_len, out_bytes, n, i;
        char *path, *out;
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        path_len = random % 100;
        out_bytes = (random >> 8) % 80;
        path = malloc(path_len);
        out = malloc(out_bytes);
        for (i = 0; i < path_len; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            path[i] = (char)((round & 1) ? likely[random % (sizeof likely - 1)] : (char)(random >> 24));
        }
        n = shmeter_normalize_path(out, out_bytes, path, path_len);
        if (out_bytes) {
            assert_true(n < out_bytes);
            assert_int_equal(out[n], 0);
            assert_true(out_bytes == 1 || out[0] == '/');
            assert_null(strchr(out, '?'));
            assert_null(strstr(out, "//"));
            if (out_bytes > path_len * 3 + 6) { /* a second time changes nothing */
                char again[128];
                shmeter_normalize_path(again, sizeof again, out, n);
                assert_string_equal(again, out);
            }
        }
        free(path);
        free(out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_names_one_thing_among_many_becomes_id),
        cmocka_unit_test(what_a_program_names_stays),
        cmocka_unit_test(slashes_queries_and_fragments_are_cut),
        cmocka_unit_test(whole_segments_are_put_out_as_far_as_there_is_room),
        cmocka_unit_test(any_bytes_of_any_length_stay_inside_of_their_buffers),
    };
    return cmocka_run_group_tests_name("normalize", tests, NULL, NULL);
}
