#include "health/rules/term/terms.h"

#include <errno.h>
#include <stdlib.h>

int64_t
terms_add(struct terms *terms, const struct term_want *want)
{
    struct term **list;
    uint32_t i;

    for (i = 0; i < terms->n; i++)
        if (term_same(&terms->list[i]->want, want))
            return i;
    list = realloc(terms->list, (terms->n + 1) * sizeof *list);
    if (!list)
        return -ENOMEM;
    terms->list = list;
    list[terms->n] = term_new(want);
    if (!list[terms->n])
        return -ENOMEM;
    return terms->n++;
}

static void
take(struct term **to, struct terms *former)
{
    const struct term_want want = (*to)->want;
    uint32_t i;

    for (i = 0; i < former->n; i++)
        if (former->list[i] && term_same(&former->list[i]->want, &want)) {
            term_free(*to);
            *to = former->list[i];
            (*to)->want = want; /* strings in want belong to the rule */
            former->list[i] = NULL;
            return;
        }
}

void
terms_take(struct terms *terms, struct terms *former)
{
    uint32_t i;

    for (i = 0; i < terms->n; i++)
        take(&terms->list[i], former);
}

void
terms_free(struct terms *terms)
{
    uint32_t i;

    for (i = 0; i < terms->n; i++)
        term_free(terms->list[i]);
    free(terms->list);
}
