/*
 * getopt_long over a command's table.
 */
#include "cli/arguments.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/say.h"

#define HELP_COLUMN 28
#define HELP_VALUE  1000

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

static void
help_option(const char *name, const char *argument, const char *help)
{
    const char *line, *end;
    int column = printf("  --%s", name);

    if (argument)
        column += printf("=%s", argument);
    if (column >= HELP_COLUMN) {
        putchar('\n');
        column = 0;
    }
    for (line = help; line; line = end ? end + 1 : NULL, column = 0) {
        end = strchr(line, '\n');
        printf("%*s%.*s\n", HELP_COLUMN - column, "", end ? (int)(end - line) : (int)strlen(line), line);
    }
}

void
arguments_help(const struct command *command)
{
    size_t i;

    printf("Usage: shmeter %s [OPTION]... %s\n%s\n\n", command->name, command->operands, command->summary);
    for (i = 0; i < command->options_n; i++)
        help_option(command->options[i].name, command->options[i].argument, command->options[i].help);
    help_option("help", NULL, "print this and exit");
    if (command->details)
        printf("\n%s", command->details);
}

/* getopt takes any unique beginning of a name, which would stop being unique one day; this program does not. */
static int
is_whole(const char *word, const char *name)
{
    size_t len = strlen(name);

    return !strncmp(word, "--", 2) && !strncmp(word + 2, name, len) && (!word[2 + len] || word[2 + len] == '=');
}

static void
fill_longs(const struct command *command, struct option *longs)
{
    size_t i;

    memset(longs, 0, (COMMAND_OPTIONS + 2) * sizeof *longs);
    for (i = 0; i < command->options_n; i++) {
        longs[i].name = command->options[i].name;
        longs[i].has_arg = command->options[i].argument ? required_argument : no_argument;
        longs[i].val = 256 + (int)i;
    }
    longs[i].name = "help";
    longs[i].val = HELP_VALUE;
}

/* One option that getopt found in word, or did not. */
static enum arguments_verdict
take(struct arguments *out, int found, const char *word)
{
    const struct command *command = out->command;
    size_t i = (size_t)found - 256;

    if (found == 'h' || (found == HELP_VALUE && is_whole(word, "help")))
        return ARGUMENTS_HELP;
    if (found == ':') {
        arguments_wrong(command, "option '%s' needs an argument", word);
        return ARGUMENTS_WRONG;
    }
    if (found == '?' && optopt >= 256) {
        arguments_wrong(command, "option '%s' takes no argument", word);
        return ARGUMENTS_WRONG;
    }
    if (found == '?' || i >= command->options_n || !is_whole(word, command->options[i].name)) {
        arguments_wrong(command, "there is no option '%s'", word);
        return ARGUMENTS_WRONG;
    }
    out->values[i] = optarg ? optarg : "";
    return ARGUMENTS_RUN;
}

enum arguments_verdict
arguments_parse(struct arguments *out, const struct command *command, int argc, char **argv)
{
    struct option longs[COMMAND_OPTIONS + 2];
    enum arguments_verdict verdict;
    int at, found, n;

    memset(out, 0, sizeof *out);
    out->command = command;
    fill_longs(command, longs);
    opterr = 0;
    /* "-": names and options may be mixed, and argv keeps its order, so that argv[at] is what getopt looks at. */
    out->names = calloc((size_t)argc + 1, sizeof *out->names);
    if (!out->names) {
        say_error("out of memory");
        return ARGUMENTS_WRONG;
    }
    for (optind = 1, at = 1; (found = getopt_long(argc, argv, "-:h", longs, NULL)) != -1; at = optind) {
        if (found == 1) {
            out->names[out->names_n++] = optarg;
            continue;
        }
        verdict = take(out, found, argv[at]);
        if (verdict != ARGUMENTS_RUN)
            return verdict;
    }
    while (optind < argc)
        out->names[out->names_n++] = argv[optind++];
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
