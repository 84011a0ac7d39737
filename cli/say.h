/*
 * Output for people: sentences on stderr, and sizes and ages with units.
 */
#ifndef SHMETER_CLI_SAY_H
#define SHMETER_CLI_SAY_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define SAY_BYTES 2048u

/* Prints a line "shmeter: SENTENCE" on stderr, without control characters. */
void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a line on stdout, without control characters. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "12.3 MiB"; out: 32 bytes; returns out. */
const char *say_size(char *out, uint64_t bytes);

/* "3d 4h", "5m 2s", "12s"; "-" when age_ns is STATUS_NEVER. out: 32 bytes; returns out. */
const char *say_age(char *out, uint64_t age_ns);

/* Nanoseconds since the real time created_ns; STATUS_NEVER when that is unknown or in the future. */
uint64_t say_age_since(uint64_t created_ns);

/*
 * Prints text on stdout as it is; on a terminal without control characters, since label values come from strangers, and
 * a terminal would execute control sequences in them. Returns 0, or -ENOMEM after a sentence.
 */
int say_text(const char *text, size_t len);

/* A JSON string of bytes that need not be valid UTF-8. NULL: no memory. */
json_t *say_json_string(const char *text);

/* Prints json, indented, and frees it. Returns the exit code: 0; or 1 after a sentence, if json is NULL (no memory). */
int say_json(json_t *json);

#endif
