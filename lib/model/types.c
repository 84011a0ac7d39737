/*
 * The rows of types.def, by the number of the type.
 */
#include "model/model.h"

const struct model_kind model_kinds[] = {
#define TYPE(name, word, text, protobuf, suffix, otherwise, value) \
    [MODEL_##name] = { word, text, suffix, otherwise, MODEL_VALUE_##value },
#include "model/types.def"
};
