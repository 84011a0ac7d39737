/* shmeter: shows, creates and removes segments, and series in them. This file has the table of subcommands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/descriptors.h"
#include "cli/arguments.h"
#include "cli/say.h"

static const struct command *const commands[] = { &command_create, &command_ls,   &command_dump, &command_health,
                                                  &command_doctor, &command_save, &command_load, &command_expire,
                                                  &command_hide,   &command_rm };
#define COMMANDS_N (sizeof commands / sizeof *commands)

static void
usage(void)
{
    size_t i;

    puts("Usage: shmeter COMMAND [OPTION]... [NAME]...\n"
         "Looks at shmeter segments, makes them and removes them.\n");
    for (i = 0; i < COMMANDS_N; i++)
        printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
    puts("  help     print the help of a command\n\n"
         "  --help     print this and exit\n"
         "  --version  print the version and exit\n\n"
         "NAME stands for /dev/shm/shmeter.NAME.v1; with a / it is the path of a segment's file. Where it may be\n"
         "left out, it is $SHMETER_SEGMENT, else default.\n\n"
         "Exit codes: 0 done, 1 it could not be done, 2 wrong usage. health and doctor answer with theirs: 0 ok,\n"
         "1 degraded or a warning, 2 failing.");
}

static const struct command *
find(const char *name)
{
    size_t i;

    for (i = 0; i < COMMANDS_N; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    say_error("there is no command '%s' (see shmeter --help)", name);
    return NULL;
}

static int
run(const struct command *command, int argc, char **argv)
{
    struct arguments given;
    int result = EXIT_USAGE;

    switch (arguments_parse(&given, command, argc, argv)) {
    case ARGUMENTS_HELP:
        arguments_help(command);
        result = EXIT_GOOD;
        break;
    case ARGUMENTS_RUN:
        result = command->run(&given);
        break;
    case ARGUMENTS_WRONG:
        break;
    }
    free(given.names);
    return result;
}

static int
help(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find(argv[1]) : NULL;

    if (argc > 2) {
        say_error("help: '%s' is one argument too many (see shmeter --help)", argv[2]);
        return EXIT_USAGE;
    }
    if (argc > 1 && !command)
        return EXIT_USAGE;
    if (command)
        arguments_help(command);
    else
        usage();
    return EXIT_GOOD;
}

static int
dispatch(int argc, char **argv)
{
    const char *word = argv[1];
    const struct command *command;

    if (!strcmp(word, "--version")) {
        puts("shmeter " SHMETER_VERSION);
        return EXIT_GOOD;
    }
    if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help"))
        return help(argc - 1, argv + 1);
    if (word[0] == '-') {
        say_error("there is no option '%s' (see shmeter --help)", word);
        return EXIT_USAGE;
    }
    command = find(word);
    return command ? run(command, argc - 1, argv + 1) : EXIT_USAGE;
}

int
main(int argc, char **argv)
{
    int result;

    if (argc < 2) {
        say_error("which command? create, ls, dump, health, doctor, save, load, expire, hide, rm or help (see shmeter "
                  "--help)");
        return EXIT_USAGE;
    }
    descriptors_raise(); /* each segment has one */
    result = dispatch(argc, argv);
    if (fflush(stdout) || ferror(stdout)) {
        say_error("the output cannot be written");
        return result ? result : EXIT_FAILED;
    }
    return result;
}
