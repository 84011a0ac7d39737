/* The arguments of a subcommand: options and names. It opens no segment. */
#ifndef SHMETER_CLI_ARGUMENTS_H
#define SHMETER_CLI_ARGUMENTS_H

#include <stdint.h>

#include "cli/command.h"

struct arguments {
    const struct command *command;
    const char *values[COMMAND_OPTIONS]; /* by index of the option; "": without argument; NULL: not given */
    const char **names;
    uint32_t names_n;
};

enum arguments_verdict { ARGUMENTS_RUN, ARGUMENTS_HELP, ARGUMENTS_WRONG };

/* argv[0] is the subcommand. A mistake is reported on stderr in one sentence. names and values point into argv. */
enum arguments_verdict arguments_parse(struct arguments *out, const struct command *command, int argc, char **argv);

/* The last value given for an option; NULL: the option was not given. */
const char *arguments_value(const struct arguments *given, const char *option);

/*
 * Reads a whole number from least to most. with_units 1: it may end in K, M or G (times 1024). Returns 0 and *out
 * (unchanged when the option was not given), or EXIT_USAGE after a sentence on stderr.
 */
int arguments_number(const struct arguments *given, const char *option, int with_units, uint64_t least, uint64_t most,
                     uint64_t *out);

/* Prints "shmeter SUB: SENTENCE" on stderr, and how to get help. Returns EXIT_USAGE. */
int arguments_wrong(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

void arguments_help(const struct command *command);

#endif
