/*
 * A model as JSON.
 */
#ifndef SHMETER_CLI_DUMP_JSON_H
#define SHMETER_CLI_DUMP_JSON_H

#include <jansson.h>

#include "model/model.h"

/*
 * {"families": [{"name", "type", "help", "unit", "series": [{"labels": {}, "created", "value"}]}]}; a histogram's
 * series has "sum", "count" and "buckets": [{"le": "0.1", "count": cumulative}] instead of a value. Numbers that JSON
 * does not have (NaN, +Inf, -Inf, integers past 2^63 - 1) are strings. Returns a new reference, or NULL: no memory.
 */
json_t *dump_json(const struct model *model);

#endif
