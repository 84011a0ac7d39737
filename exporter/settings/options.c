/*
 * One table of options: what --help prints is what the parser takes.
 */
#include "exporter/settings/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/settings/segment_name.h"
#include "exporter/settings/version.h"

#define DEFAULT_ADDRESS "127.0.0.1:10077"
#define HELP_COLUMN     33

/* Takes an argument. Returns NULL, or what is wrong with it. */
typedef const char *take_fn(struct options *options, const char *argument);

struct entry {
    const char *name;
    const char *argument; /* NULL: takes none */
    take_fn *take;
    const char *help; /* lines apart by \n */
};

static const char *
take_segment(struct options *options, const char *argument)
{
    const char *wrong = segment_name_wrong(argument);

    if (wrong)
        return wrong;
    if (options->segments_n == OPTIONS_SEGMENTS)
        return "there may be at most 64 of them: use a pattern";
    options->segments[options->segments_n++] = argument;
    return NULL;
}

static const char *
take_owner(struct options *options, const char *argument)
{
    const struct passwd *user;
    size_t digits = strspn(argument, "0123456789");

    if (options->owners_n == OPTIONS_OWNERS)
        return "there may be at most 32 of them";
    if (digits && !argument[digits] && digits < 10) {
        options->owners[options->owners_n++] = (uint32_t)strtoul(argument, NULL, 10);
        return NULL;
    }
    user = getpwnam(argument);
    if (!user)
        return "there is no such user: give the name or the number of one";
    options->owners[options->owners_n++] = user->pw_uid;
    return NULL;
}

static const char *
take_address(struct options *options, const char *argument)
{
    const char *why = NULL;

    if (options->addresses_n == LISTEN_ADDRESSES)
        return "there may be at most 8 of them";
    if (listen_parse(argument, &options->addresses[options->addresses_n], &why))
        return why;
    options->addresses_n++;
    return NULL;
}

static const char *
take_systemd_socket(struct options *options, const char *argument)
{
    (void)argument;
    options->systemd_socket = 1;
    return NULL;
}

static const char *
take_unix_mode(struct options *options, const char *argument)
{
    size_t digits = strspn(argument, "01234567");

    if (!digits || digits > 4 || argument[digits] || strtoul(argument, NULL, 8) > 0777)
        return "a mode is an octal number from 0 to 777, as for chmod";
    options->unix_mode = (mode_t)strtoul(argument, NULL, 8);
    return NULL;
}

static const char *
take_telemetry_path(struct options *options, const char *argument)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/";

    if (argument[0] != '/' || !argument[1] || argument[strspn(argument, allowed)])
        return "a path begins with / and consists of letters, digits and _ . - ~ /";
    if (!strcmp(argument, "/health") || !strncmp(argument, "/-/", 3))
        return "the exporter has another page there: choose another path";
    options->telemetry_path = argument;
    return NULL;
}

static const char *
take_seconds(const char *argument, double least, double *out)
{
    char *end;
    double seconds = strtod(argument, &end);

    if (end == argument || *end || !(seconds >= least) || seconds > 1e9)
        return least > 0 ? "a number of seconds is wanted, 0.1 or more" : "a number of seconds is wanted, 0 or more";
    *out = seconds;
    return NULL;
}

static const char *
take_request_timeout(struct options *options, const char *argument)
{
    return take_seconds(argument, 0.1, &options->request_seconds);
}

static const char *
take_number(const char *argument, uint32_t *out)
{
    size_t digits = strspn(argument, "0123456789");
    unsigned long number = digits && digits < 7 && !argument[digits] ? strtoul(argument, NULL, 10) : 0;

    if (number < 1 || number > 100000)
        return "a number from 1 to 100000 is wanted";
    *out = (uint32_t)number;
    return NULL;
}

static const char *
take_connections(struct options *options, const char *argument)
{
    return take_number(argument, &options->connections_n);
}

static const char *
take_connections_per_address(struct options *options, const char *argument)
{
    return take_number(argument, &options->connections_per_address_n);
}

static const char *
take_stuck_after(struct options *options, const char *argument)
{
    const char *wrong = take_seconds(argument, 0, &options->stuck_seconds);

    if (!wrong && options->stuck_seconds == 0)
        options->stuck_seconds = -1;
    return wrong;
}

static const char *
take_config_file(struct options *options, const char *argument)
{
    options->config_file = argument;
    return NULL;
}

static const char *
take_web_config_file(struct options *options, const char *argument)
{
    options->web_config_file = argument;
    return NULL;
}

static const char *
take_config_check(struct options *options, const char *argument)
{
    (void)argument;
    options->config_check = 1;
    return NULL;
}

static const char *
take_enable_lifecycle(struct options *options, const char *argument)
{
    (void)argument;
    options->lifecycle = 1;
    return NULL;
}

static const char *
take_openmetrics_created(struct options *options, const char *argument)
{
    (void)argument;
    options->openmetrics_created = 1;
    return NULL;
}

static const char *
take_log_level(struct options *options, const char *argument)
{
    return log_level_parse(argument, &options->log_level) ? "it is one of debug, info, warn, error" : NULL;
}

static const char *
take_log_format(struct options *options, const char *argument)
{
    return log_format_parse(argument, &options->log_format) ? "it is one of logfmt, json" : NULL;
}

static const struct entry entries[] = {
    { "segment", "NAME", take_segment,
      "segment to serve: its name, a pattern of names such as\n"
      "'shop-*', or the path of its file (also a pattern);\n"
      "repeatable (default: those of --config.file, else\n"
      "$SHMETER_SEGMENT, else default)" },
    { "segment.owner", "USER", take_owner,
      "serve only segments whose file belongs to this user\n"
      "(name or number); repeatable (default: anybody's)" },
    { "web.listen-address", "ADDRESS", take_address,
      "HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH; port 0 is\n"
      "any free one; repeatable (default: " DEFAULT_ADDRESS ")" },
    { "web.unix-mode", "MODE", take_unix_mode, "who may connect to unix:PATH, in octal (default: 660)" },
    { "web.systemd-socket", NULL, take_systemd_socket,
      "serve the sockets that systemd passes, instead of\n"
      "--web.listen-address" },
    { "web.telemetry-path", "PATH", take_telemetry_path, "where the metrics are (default: /metrics)" },
    { "web.request-timeout", "SECONDS", take_request_timeout,
      "time that a client has for sending a request, and again\n"
      "for taking the answer (default: 15)" },
    { "web.max-connections", "N", take_connections,
      "open at one time; the one that has waited longest makes\n"
      "room for the next (default: 224)" },
    { "web.max-connections-per-address", "N", take_connections_per_address, "likewise, of one client (default: 64)" },
    { "web.config.file", "FILE", take_web_config_file,
      "TLS, client certificates, passwords and headers, as\n"
      "Prometheus' exporters read them (docs/web.md)" },
    { "config.file", "FILE", take_config_file,
      "settings of segments and health (docs/configuration.md);\n"
      "an option that says the same wins" },
    { "config.check", NULL, take_config_check,
      "check --config.file and --web.config.file, say what is\n"
      "wrong in one sentence with its line, and exit" },
    { "web.enable-lifecycle", NULL, take_enable_lifecycle, "let POST /-/reload read both files again, as SIGHUP does" },
    { "openmetrics.created", NULL, take_openmetrics_created, "add the time of creation (_created) to OpenMetrics" },
    { "health.stuck-after", "SECONDS", take_stuck_after,
      "a worker that is busy with one thing, or whose\n"
      "heartbeat is silent, for longer is stuck; 0: never\n"
      "(default: that of --config.file, else 60)" },
    { "log.level", "LEVEL", take_log_level, "debug, info, warn or error (default: info)" },
    { "log.format", "FORMAT", take_log_format, "logfmt or json (default: logfmt)" },
    { "version", NULL, NULL, "print the version and exit" },
    { "help", NULL, NULL, "print this and exit" },
};
#define ENTRIES_N (sizeof entries / sizeof *entries)

static void
help_print(void)
{
    const char *line, *end;
    size_t i;
    int column;

    puts("Usage: shmeter-exporter [OPTION]...\n"
         "Serves the metrics and the health of shmeter segments over HTTP.\n");
    for (i = 0; i < ENTRIES_N; i++) {
        column = printf("  --%s", entries[i].name);
        if (entries[i].argument)
            column += printf("=%s", entries[i].argument);
        for (line = entries[i].help; line; line = end ? end + 1 : NULL, column = 0) {
            end = strchr(line, '\n');
            if (column >= HELP_COLUMN) {
                putchar('\n');
                column = 0;
            }
            printf("%*s%.*s\n", HELP_COLUMN - column, "", end ? (int)(end - line) : (int)strlen(line), line);
        }
    }
    puts("\nMetrics are at /metrics, health as JSON at /health, probes at /-/healthy and /-/ready, and a\n"
         "page for people at /.");
}

static enum options_verdict
wrong(const char *subject, const char *sentence)
{
    fprintf(stderr, "shmeter-exporter: %s%s (--help lists the options)\n", subject, sentence);
    return OPTIONS_WRONG;
}

static void
defaults(struct options *options)
{
    memset(options, 0, sizeof *options);
    options->telemetry_path = "/metrics";
    options->unix_mode = 0660;
    options->connections_n = 224;
    options->connections_per_address_n = 64;
    options->request_seconds = 15;
    options->log_level = LOG_LEVEL_INFO;
    options->log_format = LOG_FORMAT_LOGFMT;
}

static enum options_verdict
complete(struct options *options)
{
    const char *name = getenv("SHMETER_SEGMENT");
    const char *why;

    options->standard_segment = name && *name ? name : "default";
    if (!options->segments_n && (why = segment_name_wrong(options->standard_segment))) {
        fprintf(stderr, "shmeter-exporter: SHMETER_SEGMENT=%s: %s\n", name, why);
        return OPTIONS_WRONG;
    }
    if (options->config_check && !options->config_file && !options->web_config_file)
        return wrong("--config.check: ", "there is nothing to check without --config.file or --web.config.file");
    if (options->systemd_socket && options->addresses_n)
        return wrong("--web.systemd-socket: ",
                     "the sockets come from systemd, so --web.listen-address cannot be given beside it");
    if (!options->addresses_n && !options->systemd_socket)
        take_address(options, DEFAULT_ADDRESS);
    return OPTIONS_RUN;
}

/* getopt takes any unique beginning of a name, which would stop being unique one day; this program does not. */
static int
is_whole(const char *word, const char *name)
{
    size_t len = strlen(name);

    return !strncmp(word, "--", 2) && !strncmp(word + 2, name, len) && (!word[2 + len] || word[2 + len] == '=');
}

static enum options_verdict
take(struct options *options, const struct entry *entry, const char *argument)
{
    char subject[512];
    const char *why;

    if (!strcmp(entry->name, "help")) {
        help_print();
        return OPTIONS_DONE;
    }
    if (!strcmp(entry->name, "version")) {
        version_print();
        return OPTIONS_DONE;
    }
    why = entry->take(options, argument);
    if (!why)
        return OPTIONS_RUN;
    snprintf(subject, sizeof subject, "--%s=%s: ", entry->name, argument);
    return wrong(subject, why);
}

enum options_verdict
options_parse(struct options *out, int argc, char **argv)
{
    struct option longs[ENTRIES_N + 1];
    enum options_verdict verdict;
    char subject[512];
    int at, found;
    size_t i;

    memset(longs, 0, sizeof longs);
    for (i = 0; i < ENTRIES_N; i++) {
        longs[i].name = entries[i].name;
        longs[i].has_arg = entries[i].argument ? required_argument : no_argument;
        longs[i].val = 256 + (int)i;
    }
    defaults(out);
    opterr = 0;
    for (at = optind; (found = getopt_long(argc, argv, "+:h", longs, NULL)) != -1; at = optind) {
        i = found == 'h' ? ENTRIES_N - 1 : (size_t)(found == ':' ? optopt : found) - 256;
        snprintf(subject, sizeof subject, "%s: ", argv[at]);
        if (found == '?' || i >= ENTRIES_N || (found != 'h' && !is_whole(argv[at], entries[i].name)))
            return wrong(subject, optopt >= 256 ? "this option takes no argument" : "there is no such option");
        if (found == ':')
            return wrong(subject, "this option needs an argument");
        verdict = take(out, &entries[i], optarg);
        if (verdict != OPTIONS_RUN)
            return verdict;
    }
    if (optind < argc) {
        snprintf(subject, sizeof subject, "%s: ", argv[optind]);
        return wrong(subject, "only options are taken");
    }
    return complete(out);
}
