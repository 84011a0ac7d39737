/*
 * A subcommand as an entry of a table. The parser and --help use the same table of options.
 */
#ifndef SHMETER_CLI_COMMAND_H
#define SHMETER_CLI_COMMAND_H

#include <stddef.h>

#include "base/argv.h"

#define COMMAND_OPTIONS 16u

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct arguments; /* see arguments.h */

struct command {
    const char *name;
    const char *operands; /* "[NAME...]", for the usage line */
    const char *summary;  /* one line */
    const char *details;  /* more text for --help, exit codes included */
    const struct argv_entry *options;
    size_t options_n;
    int operands_least, operands_most;         /* number of NAMEs; operands_most -1: any number */
    int (*run)(const struct arguments *given); /* returns the exit code */
};

extern const struct command command_create, command_ls, command_dump, command_health, command_doctor, command_save,
    command_load, command_rm, command_expire, command_hide;

#endif
