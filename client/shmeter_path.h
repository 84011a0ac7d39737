/*
 * Paths of requests as label values. Parts of the path that name one object among many, such as an
 * order number, become {id}, so that the number of series does not grow with the number of objects.
 * Needs neither a segment nor shmeter.h.
 */
#ifndef SHMETER_PATH_H
#define SHMETER_PATH_H

#include <stddef.h>
#include <stdint.h>

#include "../shm/machine/linkage.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Writes the path of a request to out, with {id} in place of each part that names one object. path:
 * path_len bytes of any value; it ends before the first zero byte, '?' or '#'. out gets as many
 * whole path segments as fit into out_bytes, and a zero byte; 256 bytes are enough for a label.
 * Returns the bytes before the zero; 0 when out_bytes is 0. No system call, no allocation.
 * Thread-safe, async-signal-safe.
 *
 * Empty segments are left out, also at the end; an empty path is "/". A segment becomes {id} when,
 * without an extension of up to 5 letters, it is
 *     a number, date or time    42  -7  3.14  2024-01-31  2024-01-31T10:00:00Z  20240131  1.2.3
 *     a UUID                    123e4567-e89b-12d3-a456-426614174000
 *     hexadecimal               deadbeef01 (8 digits or more, one of them 0 to 9)  0x1f
 *     mostly digits             INV-2024-001  user-12345 (4 digits or more, not fewer than letters)
 *     a random token            V1StGXR8_Z5jdHi6B-myT  01ARZ3NDEKTSV4RRFFQ69G5FAV (16 bytes or
 *                               more, two of them digits, that keep changing between small
 *                               letters, capitals and digits)
 *     an e-mail address         jo@example.org
 *     longer than 64 bytes.
 * Others stay: v1 oauth2 sha-256 page2 user-123 my-first-post-2024 ipv4 OAuth2AuthorizationServer.
 * Where the framework knows the template of a request's route, use that instead.
 */
SHMETER_WARM size_t shmeter_normalize_path(char *out, size_t out_bytes, const char *path, size_t path_len);

#ifdef __cplusplus
}
#endif

/* ======== nothing below is for users ============================================================= */

#if !defined(SHMETER_LINK) || defined(SHMETER_BUILD_LIBRARY)

#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif
#endif

#include "normalize.h"

#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

#endif

#endif
