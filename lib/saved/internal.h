/* What the files of saved/ share: the words of a saved text. No other file includes it. */
#ifndef SHMETER_SAVED_INTERNAL_H
#define SHMETER_SAVED_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "saved/saved.h"

#define SAVED_VERSION    1u
#define SAVED_TYPE_BYTES 16u

/* The word of a type (enum shmeter_type): "counter_f64". out has SAVED_TYPE_BYTES. */
void saved_type_word(uint32_t type, char *out);

/* The sum of all bytes before the line "end". */
uint64_t saved_sum(const char *bytes, size_t len);

/* Whether a gauge of this mode keeps the values of dead workers. */
int saved_mode_stays(uint32_t mode);

/* ---- reading words ---- */

struct saved_words {
    const struct saved_text *text;
    const char *at, *line_end; /* the next byte, and the end of the line */
    uint32_t line;             /* the line's number */
    struct report *report;
};

/* Reports a mistake in the present line. Returns -EINVAL. */
int saved_words_fail(struct saved_words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Goes to the next line. Returns 0; or -EINVAL: there is none, or it is not complete. */
int saved_words_next(struct saved_words *words);

/* Whether the line begins with this word; if it does, skips the word. */
int saved_words_begins(struct saved_words *words, const char *word);

/* Whether there is one more word in the line. */
int saved_words_more(const struct saved_words *words);

/* Read the next word of the line as a number. 0, or -EINVAL and a sentence. */
int words_u64(struct saved_words *words, uint64_t *out);
int words_u32(struct saved_words *words, uint32_t *out);
int words_i32(struct saved_words *words, int32_t *out);
int words_f64(struct saved_words *words, double *out);
int saved_words_hex(struct saved_words *words, uint64_t *out);
/* Reads a string of at most capacity - 1 bytes, valid UTF-8 without a zero byte. len may be NULL. */
int saved_words_string(struct saved_words *words, char *out, size_t capacity, size_t *len);
/* Reads a word without quotes, of at most capacity - 1 bytes. */
int saved_words_word(struct saved_words *words, char *out, size_t capacity);
/* Checks that the line ends here. 0, or -EINVAL and a sentence. */
int saved_words_done(struct saved_words *words);

/* ---- parts of a text; 0, -EINVAL or -ENOMEM, and why ---- */

struct arena;
struct shmeter_desc;

/* head.c: the lines before the first family. */
int saved_head(struct saved_words *words, struct saved_facts *facts, struct shmeter_options *sizes);
/*
 * describe.c: reads a family's lines, from behind the word "family" on, up to the first line that is not one of them.
 * The strings of the description are in the arena.
 */
int saved_describe(struct saved_words *words, struct arena *arena, struct shmeter_desc *desc, uint64_t *created_ns);

#endif
