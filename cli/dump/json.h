/*
 * A model as JSON.
 */
#ifndef SHMETER_CLI_DUMP_JSON_H
#define SHMETER_CLI_DUMP_JSON_H

#include <jansson.h>

#include "model/model.h"

/*
 * {"families": [{"name", "type", "help", "unit", "series": [{"labels": {}, "created", "created_ns", "value"}]}]}.
 * Instead of a value, a series of a summary has "sum" and "count", and one of a histogram also "buckets":
 * [{"le": "0.1", "count": cumulative}], and "native" if it is exponential. Numbers that JSON does not have (NaN, +Inf,
 * -Inf, integers above INT64_MAX) are strings. Returns a new reference, or NULL: no memory.
 */
json_t *dump_json(const struct model *model);

#endif
