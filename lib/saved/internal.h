/*
 * The words of a saved text, which the writer and the reader share; no other file includes it.
 */
#ifndef SHMETER_SAVED_INTERNAL_H
#define SHMETER_SAVED_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "saved/saved.h"

#define SAVED_VERSION    1u
#define SAVED_TYPE_BYTES 16u

/* The word of a type (enum shmeter_type): "counter_f64". out has SAVED_TYPE_BYTES. */
void saved_type_word(uint32_t type, char *out);

/* Of all bytes before the line that ends the text. */
uint64_t saved_sum(const char *bytes, size_t len);

/* Whether a gauge of this mode keeps what the dead have set. */
int saved_mode_stays(uint32_t mode);

/* ---- reading words ---- */

struct saved_words {
    const struct saved_text *text;
    const char *at, *line_end; /* of the line under way                                                      */
    uint32_t line;             /* its number                                                              */
    struct report *report;
};

/* Says what is wrong in the line under way. Returns -EINVAL. */
int saved_words_fail(struct saved_words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Goes to the next line. Returns 0, or -EINVAL when there is none, or it is not complete. */
int saved_words_next(struct saved_words *words);

/* Whether the line begins with this word; then it is behind it. */
int saved_words_begins(struct saved_words *words, const char *word);

/* Whether there is one more word in the line. */
int saved_words_more(const struct saved_words *words);

/* What comes next in the line; 0, or -EINVAL and why. */
int words_u64(struct saved_words *words, uint64_t *out);
int words_u32(struct saved_words *words, uint32_t *out);
int words_i32(struct saved_words *words, int32_t *out);
int words_f64(struct saved_words *words, double *out);
int saved_words_hex(struct saved_words *words, uint64_t *out);
/* A string of at most capacity - 1 bytes, valid UTF-8 without a zero byte; *len may be NULL. */
int saved_words_string(struct saved_words *words, char *out, size_t capacity, size_t *len);
/* A bare word of at most capacity - 1 bytes. */
int saved_words_word(struct saved_words *words, char *out, size_t capacity);
/* The line ends here. */
int saved_words_done(struct saved_words *words);

/* ---- parts of a text; 0, -EINVAL or -ENOMEM, and why ---- */

struct arena;
struct shmeter_desc;

/* head.c: the lines before the first family. */
int saved_head(struct saved_words *words, struct saved_facts *facts, struct shmeter_options *sizes);
/*
 * describe.c: a family's lines, from behind the word "family" on; the words are at the line behind them. The strings of
 * the description are in the arena.
 */
int saved_describe(struct saved_words *words, struct arena *arena, struct shmeter_desc *desc, uint64_t *created_ns);

#endif
