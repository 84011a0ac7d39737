/*
 * Saves the values of a segment as a text, before a reboot or the end of a pod, and loads them into a new segment
 * afterwards. docs/saved.md has the format.
 *
 * A load makes a complete segment or none: it fills a file that has no name yet, so no process sees a part of it, and
 * it never adds to a segment that exists. All functions report an error in one sentence. Not thread-safe on one
 * argument; not async-signal-safe.
 */
#ifndef SHMETER_SAVED_SAVED_H
#define SHMETER_SAVED_SAVED_H

#include <stdint.h>

#include "base/containers/buffer.h"
#include "base/report.h"

struct shmeter_options;

/* What a text has. */
struct saved_facts {
    uint64_t nonce[2]; /* of the segment that was saved */
    uint64_t saved_ns; /* CLOCK_REALTIME of the reading */
    uint32_t families, series;
    uint32_t workers; /* workers that lived at that moment; their later updates are not in the text */
};

/*
 * Reads the segment called name (NAME, or a path with a /) and appends its text to out. Counters, histograms, summaries
 * and gauges of the retained modes are saved, with their definitions and creation times. Returns 0, or -errno and why.
 */
int saved_write(struct buffer *out, const char *name, struct saved_facts *facts, struct report *report);

/* A text, and its name in sentences. */
struct saved_text {
    const char *bytes;
    size_t len;
    const char *file;
};

/* Reads the beginning of a text: all facts except the numbers of families and series. Returns 0, or -EINVAL and why. */
int saved_facts_of(const struct saved_text *text, struct saved_facts *out, struct report *report);

/*
 * Makes the segment at path from a text. A size that is 0 in options is that of the segment that was saved; options
 * NULL: all sizes are. The whole text is checked before the segment gets its name. Returns 0; -EEXIST (path exists, and
 * stays as it is); -EINVAL (a mistake in the text: the sentence has the line); -ENOMEM (the sizes are too small for the
 * text); -ENOSPC; or another -errno.
 */
int saved_load(const char *path, const struct shmeter_options *options, const struct saved_text *text,
               struct saved_facts *facts, struct report *report);

/*
 * Replaces a file by a text. A temporary file beside it (mode 0600) is written, synchronised and renamed, and then the
 * directory is synchronised, so that after a crash there is the old file or the new one. "-" is standard output.
 * Returns 0, or -errno and why.
 */
int saved_file_write(const char *file, const struct buffer *text, struct report *report);

/*
 * Appends the contents of a file to out; "-" is standard input. Returns 0, or -errno (-ENOENT: there is no file) and
 * why.
 */
int saved_file_read(const char *file, struct buffer *out, struct report *report);

/* Removes a file, and synchronises its directory. Returns 0, or -errno and why. */
int saved_file_remove(const char *file, struct report *report);

#endif
