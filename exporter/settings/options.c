/* The parser and --help use the same table of options. */
#include "exporter/settings/options.h"

#include <errno.h>
#include <math.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/argv.h"
#include "exporter/settings/segment_name.h"
#include "exporter/settings/version.h"

#define DEFAULT_ADDRESS "127.0.0.1:10077"
#define HELP_COLUMN     33

/* Takes an option's argument. Returns NULL, or what is wrong with it. */
typedef const char *take_fn(struct options *options, const char *argument);

struct entry {
    struct argv_entry option;
    take_fn *take;
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
    if (!strcmp(argument, "/health") || !strncmp(argument, "/-/", 3) || !strncmp(argument, "/api/", 5))
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
take_open_probes(struct options *options, const char *argument)
{
    (void)argument;
    options->open_probes = 1;
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
    { { "segment", "NAME",
        "segment to serve: its name, a pattern of names such as\n"
        "'shop-*', or the path of its file (also a pattern);\n"
        "repeatable (default: those of --config.file, else\n"
        "$SHMETER_SEGMENT, else default)" },
      take_segment },
    { { "segment.owner", "USER",
        "serve only segments whose file belongs to this user\n"
        "(name or number); repeatable (default: anybody's)" },
      take_owner },
    { { "web.listen-address", "ADDRESS",
        "HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH; port 0 is\n"
        "any free one; repeatable (default: " DEFAULT_ADDRESS ")" },
      take_address },
    { { "web.unix-mode", "MODE", "who may connect to unix:PATH, in octal (default: 660)" }, take_unix_mode },
    { { "web.systemd-socket", NULL,
        "serve the sockets that systemd passes, instead of\n"
        "--web.listen-address" },
      take_systemd_socket },
    { { "web.telemetry-path", "PATH", "where the metrics are (default: /metrics)" }, take_telemetry_path },
    { { "web.request-timeout", "SECONDS",
        "time that a client has for sending a request, and again\n"
        "for taking the answer (default: 15)" },
      take_request_timeout },
    { { "web.max-connections", "N",
        "open at one time; the one that has waited longest makes\n"
        "room for the next (default: 224)" },
      take_connections },
    { { "web.max-connections-per-address", "N", "likewise, of one client (default: 64)" },
      take_connections_per_address },
    { { "web.config.file", "FILE",
        "TLS, client certificates, passwords and headers, as\n"
        "Prometheus' exporters read them (docs/web.md)" },
      take_web_config_file },
    { { "config.file", "FILE",
        "settings of segments and health (docs/configuration.md);\n"
        "an option that says the same wins" },
      take_config_file },
    { { "config.check", NULL,
        "check --config.file and --web.config.file, say what is\n"
        "wrong in one sentence with its line, and exit" },
      take_config_check },
    { { "web.enable-lifecycle", NULL, "let POST /-/reload read both files again, as SIGHUP does" },
      take_enable_lifecycle },
    { { "web.probes-without-password", NULL,
        "answer /-/healthy and /-/ready to everybody, also when\n"
        "--web.config.file asks for passwords" },
      take_open_probes },
    { { "openmetrics.created", NULL, "add the time of creation (_created) to OpenMetrics" }, take_openmetrics_created },
    { { "health.stuck-after", "SECONDS",
        "a worker that is busy with one thing for longer is\n"
        "stuck; 0: never\n"
        "(default: that of --config.file, else 60)" },
      take_stuck_after },
    { { "log.level", "LEVEL", "debug, info, warn or error (default: info)" }, take_log_level },
    { { "log.format", "FORMAT", "logfmt or json (default: logfmt)" }, take_log_format },
    { { "version", NULL, "print the version and exit" }, NULL },
    { { "help", NULL, "print this and exit" }, NULL },
};
#define ENTRIES_N (sizeof entries / sizeof *entries)

static void
help_print(void)
{
    size_t i;

    puts("Usage: shmeter-exporter [OPTION]...\n"
         "Serves the metrics and the health of shmeter segments over HTTP.\n");
    for (i = 0; i < ENTRIES_N; i++)
        argv_help(&entries[i].option, HELP_COLUMN);
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

static enum options_verdict
take(struct options *options, const struct entry *entry, const char *argument)
{
    char subject[512];
    const char *why;

    if (!strcmp(entry->option.name, "version")) {
        version_print();
        return OPTIONS_DONE;
    }
    why = entry->take(options, argument);
    if (!why)
        return OPTIONS_RUN;
    snprintf(subject, sizeof subject, "--%s=%s: ", entry->option.name, argument);
    return wrong(subject, why);
}

enum options_verdict
options_parse(struct options *out, int argc, char **argv)
{
    static const char *const sentences[] = {
        [ARGV_OPERAND] = "only options are taken",
        [ARGV_UNKNOWN] = "there is no such option",
        [ARGV_MISSING] = "this option needs an argument",
        [ARGV_UNWANTED] = "this option takes no argument",
    };
    struct argv words = { argc, argv, entries, ENTRIES_N, sizeof *entries, 1, 0, NULL, NULL, 0 };
    enum options_verdict verdict;
    enum argv_found found;
    char subject[512];

    defaults(out);
    while ((found = argv_next(&words)) == ARGV_OPTION) {
        verdict = take(out, &entries[words.idx], words.value);
        if (verdict != OPTIONS_RUN)
            return verdict;
    }
    if (found == ARGV_END)
        return complete(out);
    if (found == ARGV_HELP) {
        help_print();
        return OPTIONS_DONE;
    }
    snprintf(subject, sizeof subject, "%s: ", words.word);
    return wrong(subject, sentences[found]);
}
