#include "base/argv.h"

#include <stdio.h>
#include <string.h>

/* The entry of the option with this name, of len bytes; NULL: there is none. */
static const struct argv_entry *
find(struct argv *argv, const char *name, size_t len)
{
    const char *at = argv->entries;

    for (argv->idx = 0; argv->idx < argv->entries_n; argv->idx++, at += argv->entry_bytes) {
        const struct argv_entry *entry = (const struct argv_entry *)(const void *)at;
        if (!strncmp(entry->name, name, len) && !entry->name[len])
            return entry;
    }
    return NULL;
}

/* NAME, or NAME=VALUE. */
static enum argv_found
take(struct argv *argv, const char *name)
{
    const size_t len = strcspn(name, "=");
    const struct argv_entry *entry = find(argv, name, len);
    const int is_help = len == 4 && !memcmp(name, "help", len);

    if (!entry && !is_help)
        return ARGV_UNKNOWN;
    if (!entry || !entry->argument)
        return name[len] ? ARGV_UNWANTED : is_help ? ARGV_HELP : ARGV_OPTION;
    if (name[len])
        argv->value = name + len + 1;
    else if (argv->at < argv->argc)
        argv->value = argv->words[argv->at++];
    else
        return ARGV_MISSING;
    return ARGV_OPTION;
}

enum argv_found
argv_next(struct argv *argv)
{
    argv->value = "";
    if (argv->at < argv->argc && !argv->operands_only && !strcmp(argv->words[argv->at], "--")) {
        argv->operands_only = 1;
        argv->at++;
    }
    if (argv->at >= argv->argc)
        return ARGV_END;
    argv->word = argv->words[argv->at++];
    if (argv->operands_only || argv->word[0] != '-' || !argv->word[1])
        return ARGV_OPERAND;
    if (argv->word[1] == '-')
        return take(argv, argv->word + 2);
    return argv->word[1] == 'h' ? ARGV_HELP : ARGV_UNKNOWN;
}

void
argv_help(const struct argv_entry *entry, int column)
{
    const char *line, *end;
    int at = printf("  --%s", entry->name);

    if (entry->argument)
        at += printf("=%s", entry->argument);
    if (at >= column) {
        putchar('\n');
        at = 0;
    }
    for (line = entry->help; line; line = end ? end + 1 : NULL, at = 0) {
        end = strchr(line, '\n');
        printf("%*s%.*s\n", column - at, "", end ? (int)(end - line) : (int)strlen(line), line);
    }
}
