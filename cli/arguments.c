/* Parses the command line of a subcommand by its table of options. */
#include "cli/arguments.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/say.h"

#define HELP_COLUMN 28

int
arguments_wrong(const struct command *command, const char *format, ...)
{
    char sentence[SAY_BYTES];
    va_list list;

    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    say_error("%s: %s (see shmeter %s --help)", command->name, sentence, command->name);
    return EXIT_USAGE;
}

void
arguments_help(const struct command *command)
{
    static const struct argv_entry help = { "help", NULL, "print this and exit" };
    size_t i;

    printf("Usage: shmeter %s [OPTION]... %s\n%s\n\n", command->name, command->operands, command->summary);
    for (i = 0; i < command->options_n; i++)
        argv_help(&command->options[i], HELP_COLUMN);
    argv_help(&help, HELP_COLUMN);
    if (command->details)
        printf("\n%s", command->details);
}

enum arguments_verdict
arguments_parse(struct arguments *out, const struct command *command, int argc, char **argv)
{
    struct argv words = { .argc = argc, .words = argv, .at = 1 };
    enum argv_found found;
    int n;

    words.entries = command->options;
    words.entries_n = command->options_n;
    words.entry_bytes = sizeof *command->options;
    memset(out, 0, sizeof *out);
    out->command = command;
    out->names = calloc((size_t)argc + 1, sizeof *out->names);
    if (!out->names) {
        say_error("out of memory");
        return ARGUMENTS_WRONG;
    }
    while ((found = argv_next(&words)) != ARGV_END) {
        if (found == ARGV_OPERAND)
            out->names[out->names_n++] = words.word;
        else if (found == ARGV_OPTION)
            out->values[words.idx] = words.value;
        else if (found == ARGV_HELP)
            return ARGUMENTS_HELP;
        else {
            arguments_wrong(command,
                            found == ARGV_MISSING    ? "option '%s' needs an argument"
                            : found == ARGV_UNWANTED ? "option '%s' takes no argument"
                                                     : "there is no option '%s'",
                            words.word);
            return ARGUMENTS_WRONG;
        }
    }
    n = (int)out->names_n;
    if (n >= command->operands_least && (command->operands_most < 0 || n <= command->operands_most))
        return ARGUMENTS_RUN;
    if (n < command->operands_least)
        arguments_wrong(command, "the segment's NAME is missing");
    else
        arguments_wrong(command, "'%s' is one argument too many", out->names[command->operands_most]);
    return ARGUMENTS_WRONG;
}

const char *
arguments_value(const struct arguments *given, const char *option)
{
    size_t i;

    for (i = 0; i < given->command->options_n; i++)
        if (!strcmp(given->command->options[i].name, option))
            return given->values[i];
    return NULL;
}

static uint64_t
unit_of(char letter)
{
    switch (toupper((unsigned char)letter)) {
    case 'K':
        return UINT64_C(1) << 10;
    case 'M':
        return UINT64_C(1) << 20;
    case 'G':
        return UINT64_C(1) << 30;
    default:
        return 0;
    }
}

int
arguments_number(const struct arguments *given, const char *option, int with_units, uint64_t least, uint64_t most,
                 uint64_t *out)
{
    const char *text = arguments_value(given, option);
    uint64_t number, unit = 1;
    char *end;

    if (!text)
        return 0;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (with_units && *end) {
        unit = unit_of(*end);
        end++;
    }
    if (isdigit((unsigned char)*text) && !*end && unit && !errno && number <= most / unit && number * unit >= least) {
        *out = number * unit;
        return 0;
    }
    return arguments_wrong(given->command, "--%s=%s: a whole number from %llu to %llu is wanted%s", option, text,
                           (unsigned long long)least, (unsigned long long)most,
                           with_units ? ", which may end in K, M or G" : "");
}
