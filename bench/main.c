/* shmeter-bench: options, and a directory for segments, which is removed when the program ends (unless by SIGKILL). */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/argv.h"
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

enum { FILTER, QUICK, PROCESSES, JSON, STRICT, LIST, VERSION, SAMPLE, DIRECTORY, HEAVY, SHARED_LANE, OPTIONS };

static const struct argv_entry options[OPTIONS] = {
    [FILTER] = { "filter", "NAME", NULL },
    [QUICK] = { "quick", NULL, NULL },
    [PROCESSES] = { "processes", "N", NULL },
    [JSON] = { "json", NULL, NULL },
    [STRICT] = { "strict", NULL, NULL },
    [LIST] = { "list", NULL, NULL },
    [VERSION] = { "version", NULL, NULL },
    /* how the program starts its measuring processes: */
    [SAMPLE] = { "sample", "DESCRIPTOR", NULL },
    [DIRECTORY] = { "directory", "PATH", NULL },
    [HEAVY] = { "sample-heavy", NULL, NULL },
    [SHARED_LANE] = { "sample-shared-lane", NULL, NULL },
};

struct command {
    struct collect_options collect;
    int json, strict, list;
    int sample; /* descriptor for values; -1: not a measuring process */
    int heavy, shared_lane;
};

static char directory[200];

/* The handler ends the measuring process, and so the run; main() then removes the directory. */
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

static void
take(struct command *command, size_t option, const char *value)
{
    switch (option) {
    case FILTER:
        command->collect.filter = value;
        break;
    case QUICK:
        command->collect.quick = 1;
        break;
    case PROCESSES:
        command->collect.processes = processes_of(value);
        break;
    case JSON:
        command->json = 1;
        break;
    case STRICT:
        command->strict = 1;
        break;
    case LIST:
        command->list = 1;
        break;
    case VERSION:
        puts("shmeter-bench " SHMETER_VERSION);
        exit(0);
    case SAMPLE:
        command->sample = atoi(value);
        break;
    case DIRECTORY:
        command->collect.directory = value;
        break;
    case HEAVY:
        command->heavy = 1;
        break;
    default:
        command->shared_lane = 1;
        break;
    }
}

static int
parse(struct command *command, int argc, char **argv)
{
    struct argv words = { argc, argv, options, OPTIONS, sizeof *options, 1, 0, NULL, NULL, 0 };
    enum argv_found found;
    while ((found = argv_next(&words)) == ARGV_OPTION)
        take(command, words.idx, words.value);
    if (found == ARGV_END)
        return 0;
    if (found == ARGV_HELP) {
        fputs(help, stdout);
        exit(0);
    }
    fprintf(stderr, "shmeter-bench: %s '%s'\n",
            found == ARGV_OPERAND    ? "unexpected argument"
            : found == ARGV_MISSING  ? "an argument is missing behind"
            : found == ARGV_UNWANTED ? "there is an argument too many in"
                                     : "there is no option",
            words.word);
    return -1;
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
    machine_describe(&machine); /* before the measurements load it */
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
