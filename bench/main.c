/*
 * shmeter-bench: options, and a directory for segments that is gone when the program ends (but by SIGKILL, which
 * leaves it).
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

static const char help[] =
    "Usage: shmeter-bench [OPTION]...\n"
    "Measures what shmeter costs and compares it with the plain machine's way to do the same, in one run.\n"
    "\n"
    "  --filter NAME    only what has NAME in its section or name\n"
    "  --quick          one process, short rounds, nothing large: a rough figure in seconds\n"
    "  --processes N    medians over N processes, 1 to 32 (7)\n"
    "  --json           one JSON object instead of the table\n"
    "  --strict         exit status 1 when a target is missed\n"
    "  --list           what can be measured\n"
    "  --help           this text\n"
    "  --version        the version\n"
    "\n"
    "Exit status: 0; 1 with --strict and a missed target; 2 when it could not measure or the options are wrong.\n"
    "Segments stand in a directory of their own under /dev/shm, which is removed at the end. SHMETER_BENCH_DIR names\n"
    "another place;\n"
    "SHMETER_EXPORTER the exporter to be measured, when it is not ../exporter/shmeter-exporter from here;\n"
    "SHMETER_BENCH_GO the program for client_golang, when it is not shmeter-bench-go beside this one.\n";

enum { OPTION_SAMPLE = 256, OPTION_DIRECTORY, OPTION_HEAVY, OPTION_SHARED_LANE };

static const struct option long_options[] = {
    { "filter", required_argument, NULL, 'f' },
    { "quick", no_argument, NULL, 'q' },
    { "processes", required_argument, NULL, 'p' },
    { "json", no_argument, NULL, 'j' },
    { "strict", no_argument, NULL, 's' },
    { "list", no_argument, NULL, 'l' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },
    /* how the program starts itself: */
    { "sample", required_argument, NULL, OPTION_SAMPLE },
    { "directory", required_argument, NULL, OPTION_DIRECTORY },
    { "sample-heavy", no_argument, NULL, OPTION_HEAVY },
    { "sample-shared-lane", no_argument, NULL, OPTION_SHARED_LANE },
    { NULL, 0, NULL, 0 },
};

struct command {
    struct collect_options collect;
    int json, strict, list;
    int sample; /* descriptor for values; -1: not a measuring process */
    int heavy, shared_lane;
};

static char directory[200];

/* The handler ends the measuring process, and with it the run; the directory is removed on the ordinary way out. */
static volatile sig_atomic_t caught;

static void
on_signal(int signal)
{
    caught = signal;
    collect_stop();
}

static void
catch_signals(void)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction action = { .sa_handler = on_signal };
        sigaction(signals[i], &action, NULL);
    }
}

static void
make_directory(void)
{
    const char *place = getenv("SHMETER_BENCH_DIR");
    snprintf(directory, sizeof directory, "%s/shmeter-bench-XXXXXX", place && *place ? place : "/dev/shm");
    if (!mkdtemp(directory))
        bench_fail("cannot make the directory %s for segments: %s", directory, strerror(errno));
}

static void
remove_directory(void)
{
    char path[512];
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    while (entries && (entry = readdir(entries)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2)
            unlink(path);
    }
    if (entries)
        closedir(entries);
    rmdir(directory);
}

static void
list_rows(const struct command *command)
{
    unsigned char wanted[BENCH_MAX_ROWS];
    rows_choose(wanted, command->collect.filter, command->collect.quick);
    for (size_t i = 0; i < rows_n(); i++)
        if (wanted[i] && !(row_at(i)->flags & BENCH_HIDDEN))
            printf("%-28s %-12s %s\n", row_at(i)->name, row_at(i)->section, row_at(i)->what);
}

static unsigned
processes_of(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || n < 1 || n > BENCH_MAX_PROCESSES)
        bench_fail("--processes takes a number from 1 to %u, not '%s'", BENCH_MAX_PROCESSES, text);
    return (unsigned)n;
}

static int
parse(struct command *command, int argc, char **argv)
{
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'f':
            command->collect.filter = optarg;
            break;
        case 'q':
            command->collect.quick = 1;
            break;
        case 'p':
            command->collect.processes = processes_of(optarg);
            break;
        case 'j':
            command->json = 1;
            break;
        case 's':
            command->strict = 1;
            break;
        case 'l':
            command->list = 1;
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        case 'v':
            puts("shmeter-bench " SHMETER_VERSION);
            exit(0);
        case OPTION_SAMPLE:
            command->sample = atoi(optarg);
            break;
        case OPTION_DIRECTORY:
            command->collect.directory = optarg;
            break;
        case OPTION_HEAVY:
            command->heavy = 1;
            break;
        case OPTION_SHARED_LANE:
            command->shared_lane = 1;
            break;
        default:
            return -1;
        }
    }
    if (optind < argc)
        fprintf(stderr, "shmeter-bench: unexpected argument '%s'\n", argv[optind]);
    return optind < argc ? -1 : 0;
}

static void
check_filter(const struct command *command)
{
    unsigned char wanted[BENCH_MAX_ROWS];
    rows_choose(wanted, command->collect.filter, command->collect.quick);
    if (!memchr(wanted, 1, rows_n()))
        bench_fail("nothing matches '%s'%s; --list shows what there is", command->collect.filter,
                   command->collect.quick ? " with --quick" : "");
}

static int
run_all(struct command *command)
{
    static struct bench_report report;
    static struct machine machine;
    struct collect_options *options = &command->collect;
    if (!options->processes)
        options->processes = options->quick ? 1 : 7;
    options->heavy_processes = options->processes < 3 ? options->processes : 3;
    machine_describe(&machine); /* before it is busy with us */
    catch_signals();
    make_directory();
    options->directory = directory;
    int failed = collect_all(&report, options);
    remove_directory();
    if (caught) {
        signal(caught, SIG_DFL);
        raise(caught);
    }
    if (failed)
        return 2;
    judge_notes(&report);
    if (command->json)
        failed = report_json(&report, &machine);
    else
        report_table(&report, &machine);
    if (failed || fflush(stdout) != 0)
        bench_fail("cannot write the report: %s", strerror(errno));
    return judge_status(&report, command->strict);
}

int
main(int argc, char **argv)
{
    struct command command = { .sample = -1 };
    rows_use(bench_tables, bench_tables_n);
    if (parse(&command, argc, argv)) {
        fputs("Try 'shmeter-bench --help'.\n", stderr);
        return 2;
    }
    check_filter(&command);
    if (command.list) {
        list_rows(&command);
        return 0;
    }
    if (command.sample >= 0)
        return collect_sample(&command.collect, command.sample, command.shared_lane, command.heavy);
    return run_all(&command);
}
