/*
 * Parses a command line word by word, by a table of options. Names of options cannot be abbreviated, because an
 * abbreviation that is unique today may be ambiguous in a later version. Options and operands may be mixed; after "--"
 * there are only operands. All state is in the struct.
 */
#ifndef SHMETER_BASE_ARGV_H
#define SHMETER_BASE_ARGV_H

#include <stddef.h>

struct argv_entry {
    const char *name;     /* without "--" */
    const char *argument; /* its word in the help; NULL: takes none */
    const char *help;     /* lines separated by \n; may be NULL if argv_help() is not called */
};

struct argv {
    int argc;
    char **words;
    const void *entries; /* each begins with its struct argv_entry */
    size_t entries_n, entry_bytes;
    int at;            /* index of the next word; 1 at first */
    int operands_only; /* 1: "--" was read */
    const char *word;  /* the last one that was read */
    const char *value; /* an option's argument; "" where it takes none */
    size_t idx;        /* of the option's entry */
};

enum argv_found {
    ARGV_END,
    ARGV_OPERAND,
    ARGV_OPTION,
    ARGV_HELP,     /* --help or -h, whether the table has it or not */
    ARGV_UNKNOWN,  /* there is no such option */
    ARGV_MISSING,  /* it needs an argument */
    ARGV_UNWANTED, /* it takes none */
};

enum argv_found argv_next(struct argv *argv);

/* Prints " --NAME=ARGUMENT" and the lines of the entry's help, which begin in this column. */
void argv_help(const struct argv_entry *entry, int column);

#endif
