/*
 * Infos: metrics of constant value 1, whose labels carry the information. Infos of one name are exposed as one metric,
 * whatever label names each has; one of them can replace the others. shmeter.h documents the functions.
 */
#ifndef SHMETER_CLIENT_INFO_H
#define SHMETER_CLIENT_INFO_H

#include "lookup.h"

#define SHMETER_INFO_TRIES 64u

/* The infos that replace and hide look for: those of this name with these first labels. */
struct shmeter_info_group {
    const struct shmeter_binding *binding;
    const struct shmeter_definition *definition;
    struct shmeter_values same;    /* the first values, joined */
    uint32_t same_n, labels_bytes; /* the first labels, and the bytes of their names */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Joins values as records have them. Returns 0 when they are not valid, so that no record has them. */
SHMETER_LOCAL int
shmeter_info_join(struct shmeter_values *out, const char *const *values, uint32_t values_n)
{
    uint32_t i;
    int fits = 1;
    for (i = 0; i < values_n; i++)
        if (!values[i])
            return 0;
    if (!shmeter_values_join(out, values, values_n))
        return 0;
    shmeter_values_repair(out, values_n, &fits);
    return fits;
}

/* Returns 0 when there is no segment, or arguments are wrong. */
SHMETER_LOCAL int
shmeter_info_group_of(const struct shmeter_family *family, const char *const *values, uint32_t same_n,
                      struct shmeter_info_group *out)
{
    const char *label;
    uint32_t i;
    if (!family || family->definition.type != SHMETER_INFO || same_n > family->definition.labels_n)
        return 0;
    out->binding = shmeter_family_binding(family);
    out->definition = &family->definition;
    out->same_n = same_n;
    label = family->definition.strings + family->definition.name_bytes + family->definition.help_bytes +
            family->definition.unit_bytes;
    out->labels_bytes = 0;
    for (i = 0; i < same_n; i++)
        while (label[out->labels_bytes++])
            ;
    return out->binding && shmeter_info_join(&out->same, values, same_n);
}

/* Whether a family's record has the group's name and first labels. */
SHMETER_LOCAL int
shmeter_info_is_family(const struct shmeter_info_group *group, uint64_t unit)
{
    const struct shmeter_attachment *attachment = group->binding->attachment;
    const struct shmeter_family_record *record = shmeter_arena_family(attachment, unit);
    const struct shmeter_definition *definition = group->definition;
    const char *name;
    uint64_t labels;
    if (!record || record->type != SHMETER_INFO || record->labels_n < group->same_n ||
        record->name_bytes != definition->name_bytes || record->labels_bytes < group->labels_bytes)
        return 0;
    labels = (uint64_t)record->name_bytes + record->help_bytes + record->unit_bytes;
    if (record->bounds_n || !shmeter_arena_at(attachment, unit, sizeof *record + labels + group->labels_bytes))
        return 0;
    name = (const char *)(record + 1);
    return !memcmp(name, definition->strings, definition->name_bytes) &&
           !memcmp(name + labels,
                   definition->strings + definition->name_bytes + definition->help_bytes + definition->unit_bytes,
                   group->labels_bytes);
}

/* The record at a unit, if it is a visible series of the group; else NULL. A record that is LEAVING is hidden first. */
SHMETER_LOCAL struct shmeter_series_record *
shmeter_info_member(const struct shmeter_info_group *group, uint64_t unit)
{
    const struct shmeter_attachment *attachment = group->binding->attachment;
    struct shmeter_series_record *record = shmeter_arena_series(attachment, unit);
    /* pairs with shmeter_registry_show */
    uint32_t state = record ? SHMETER_STATE_KIND(shmeter_load_acquire(&record->state)) : (uint32_t)SHMETER_UNPUBLISHED;
    if (!record || (state != SHMETER_VISIBLE && state != SHMETER_LEAVING) || record->values_bytes < group->same.bytes ||
        !shmeter_arena_at(attachment, unit, sizeof *record + record->values_bytes) ||
        memcmp(record + 1, group->same.text, group->same.bytes) || !shmeter_info_is_family(group, record->family))
        return NULL;
    if (state == SHMETER_LEAVING)
        shmeter_series_out(attachment, record, (uint32_t)unit);
    return state == SHMETER_VISIBLE ? record : NULL;
}

/* The next visible member from *unit on, which moves behind it; *at is the member's unit. NULL: there is none. */
SHMETER_LOCAL struct shmeter_series_record *
shmeter_info_next(const struct shmeter_info_group *group, uint64_t *unit, uint64_t *at)
{
    struct shmeter_series_record *record;
    int kind;
    while ((kind = shmeter_arena_next(group->binding->attachment, unit, at)) >= 0) {
        record = kind == SHMETER_KIND_SERIES ? shmeter_info_member(group, *at) : NULL;
        if (record)
            return record;
    }
    return NULL;
}

/* Hides all members but the one at unit kept (0: all). */
SHMETER_LOCAL void
shmeter_info_hide_others(const struct shmeter_info_group *group, uint64_t kept)
{
    struct shmeter_series_record *record;
    uint64_t unit = 0, at;
    while ((record = shmeter_info_next(group, &unit, &at)))
        if (at != kept)
            shmeter_series_out(group->binding->attachment, record, (uint32_t)at);
}

/* Hides each member that has a newer one behind it. Returns how many visible members it found. */
SHMETER_LOCAL uint32_t
shmeter_info_hide_older(const struct shmeter_info_group *group)
{
    struct shmeter_series_record *record, *older = NULL;
    uint64_t unit = 0, at, older_at = 0;
    uint32_t n = 0;
    for (; (record = shmeter_info_next(group, &unit, &at)); older = record, older_at = at, n++)
        if (older)
            shmeter_series_out(group->binding->attachment, older, (uint32_t)older_at);
    return n;
}

/* The unit of the record with these values; 0: there is none. */
SHMETER_LOCAL uint64_t
shmeter_info_unit(const struct shmeter_info_group *group, const struct shmeter_values *values)
{
    struct shmeter_key key = shmeter_series_key(group->binding, values);
    struct shmeter_probe probe = shmeter_registry_probe(group->binding->attachment, &key);
    return probe.entry ? probe.seen & UINT32_MAX : 0;
}

SHMETER_COLD void
shmeter_info_of_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len)
{
    struct shmeter_series series;
    if (!family)
        return;
    series = shmeter_series_of(family, family->definition.type == SHMETER_INFO, values, values_len);
    if (series.binding)
        shmeter_noted_put(series.binding, shmeter_series_unit(family, series.binding, values, values_len));
}

/*
 * Hides the other infos, shows its own, and looks again until it finds exactly one. When several processes replace at
 * once, there may be more than one, or none because each has hidden another's. But the process that makes the last
 * change looks once more afterwards, so it sees the final state, and makes it exactly one. The number of tries is
 * bounded, so that the call ends even while others go on replacing.
 */
SHMETER_COLD void
shmeter_info_replace_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len,
                       uint32_t same_len)
{
    struct shmeter_info_group group;
    struct shmeter_values own;
    uint32_t tries, n = 0;
    int grouped = family && values_len == family->definition.labels_n && same_len <= values_len &&
                  shmeter_info_join(&own, values, values_len) &&
                  shmeter_info_group_of(family, values, same_len, &group);
    if (grouped)
        shmeter_info_hide_others(&group, shmeter_info_unit(&group, &own));
    for (tries = 0; tries < SHMETER_INFO_TRIES && n != 1; tries++) {
        if (!n)
            shmeter_info_of_v(family, values, values_len);
        /* The segment may be another one by now. */
        if (!grouped || !shmeter_info_group_of(family, values, same_len, &group))
            return;
        if (!shmeter_info_unit(&group, &own))
            return; /* a limit was reached, which the lookup has counted as a loss: do not try again */
        n = shmeter_info_hide_older(&group);
    }
}

SHMETER_COLD void
shmeter_info_hide_v(const struct shmeter_family *family, const char *const *values, uint32_t same_len)
{
    struct shmeter_info_group group;
    if (shmeter_info_group_of(family, values, same_len, &group))
        shmeter_info_hide_others(&group, 0);
}

SHMETER_COLD int
shmeter_info_shown_v(const struct shmeter_family *family, const char *const *values, uint32_t same_len)
{
    struct shmeter_info_group group;
    uint64_t unit = 0, at;
    return shmeter_info_group_of(family, values, same_len, &group) && shmeter_info_next(&group, &unit, &at);
}

#ifdef __cplusplus
}
#endif

#endif
