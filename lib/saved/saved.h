/*
 * What a segment has counted, as a text that outlives the segment: saved before a reboot or the end of a pod, and
 * loaded into a new segment after it. docs/saved.md has the format.
 *
 * A load makes a segment or none: it fills a file that has no name yet, so nobody ever sees a part of it, and it never
 * adds to a segment that is there. All functions say what is wrong in one sentence (report). Not thread-safe on one
 * argument; not async-signal-safe.
 */
#ifndef SHMETER_SAVED_SAVED_H
#define SHMETER_SAVED_SAVED_H

#include <stdint.h>

#include "base/containers/buffer.h"
#include "base/report.h"

struct shmeter_options;

/* What a text has in it. */
struct saved_facts {
    uint64_t nonce[2]; /* of the segment that was saved                                                   */
    uint64_t saved_ns; /* CLOCK_REALTIME of the reading                                                  */
    uint32_t families, series;
    uint32_t workers; /* that lived at that moment: what they counted later is not in the text              */
};

/*
 * Reads the segment called name (NAME, or a path with a /) and appends its text to out. Counters, histograms, summaries
 * and gauges of the retained modes are saved, with their definitions and creation times. Returns 0, or -errno and why.
 */
int saved_write(struct buffer *out, const char *name, struct saved_facts *facts, struct report *report);

/* A text, and what it is called in sentences. */
struct saved_text {
    const char *bytes;
    size_t len;
    const char *file;
};

/*
 * Reads the beginning of a text: its facts but for families and series. Returns 0, or -EINVAL and why.
 */
int saved_facts_of(const struct saved_text *text, struct saved_facts *out, struct report *report);

/*
 * Makes the segment at path with what the text says. Sizes that options leave 0 are those of the segment that was
 * saved; NULL options leave all. The whole text is checked before the segment gets its name. Returns 0, -EEXIST (there
 * is a segment, or another file, and it stays as it is), -EINVAL (of the text: the sentence has the line), -ENOMEM (the
 * sizes are too small for it), -ENOSPC, or another -errno.
 */
int saved_load(const char *path, const struct shmeter_options *options, const struct saved_text *text,
               struct saved_facts *facts, struct report *report);

/*
 * Replaces file by text: a temporary file beside it (mode 0600) is written, synchronised and renamed, and so is the
 * directory, so that after a crash there is the old file or the new one. "-" is standard output. Returns 0, or -errno
 * and why.
 */
int saved_file_write(const char *file, const struct buffer *text, struct report *report);

/* Appends all of file to out; "-" is standard input. Returns 0, or -errno (-ENOENT: there is none) and why. */
int saved_file_read(const char *file, struct buffer *out, struct report *report);

/* Removes file, and synchronises its directory. Returns 0, or -errno and why. */
int saved_file_remove(const char *file, struct report *report);

#endif
