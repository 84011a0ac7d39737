/*
 * Which families an answer is to have, by the parameters name[] and collect[] of its request. Empty: all of them. It
 * knows names and no values.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_SELECTION_H
#define SHMETER_EXPORTER_SCRAPE_SELECTION_H

#include <stddef.h>
#include <stdint.h>

#define SELECTION_BYTES 1024u

struct selection {
    uint32_t groups;             /* bits of collect[] */
    uint32_t len;                /* of names */
    char names[SELECTION_BYTES]; /* of name[], each with a zero behind it */
};

/*
 * Adds the value of one parameter, decoded. Returns 0; -EINVAL: there is no such group; -E2BIG: all names together have
 * too many bytes.
 */
int selection_add_name(struct selection *selection, const char *name);
int selection_add_group(struct selection *selection, const char *group);

static inline int
selection_is_empty(const struct selection *selection)
{
    return !selection->groups && !selection->len;
}

int selection_same(const struct selection *a, const struct selection *b);

/*
 * Whether a family is chosen: it is in one of the groups, or has one of the names. A name is the family's, or that of a
 * sample of it (NAME_bucket), or OpenMetrics' name of the family (NAME without _total).
 */
int selection_has(const struct selection *selection, const char *family);

/* Decodes %XX and + in place. Returns 0, or -EINVAL: a broken escape, or one of a zero byte. */
int selection_decode(char *text);

#endif
