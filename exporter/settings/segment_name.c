/*
 * Names, patterns and paths are distinguished by their characters alone.
 */
#include "exporter/settings/segment_name.h"

#include <string.h>

const char *
segment_name_wrong(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-*?[]!^";

    if (!*name || (!strchr(name, '/') && name[strspn(name, allowed)]))
        return "a segment's name consists of letters, digits and _ . -, may be a pattern with * ? [ ], and is a path "
               "when it has a /";
    return NULL;
}
