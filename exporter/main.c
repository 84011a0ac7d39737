/*
 * shmeter-exporter: reads segments, serves what they hold. This file is the order in which things start and stop, and the loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "exporter/log.h"
#include "exporter/scraper.h"
#include "exporter/settings/config.h"
#include "exporter/settings/options.h"
#include "exporter/version.h"
#include "exporter/web/activation.h"
#include "exporter/web/http.h"
#include "exporter/web/listen.h"

#define DRAIN_MS       2000 /* for answers under way when the end is asked for */
#define SENTENCE_BYTES 1024u

static int
fail(const char *sentence)
{
    log_event(LOG_LEVEL_ERROR, sentence, NULL);
    return EXIT_FAILURE;
}

/* Whoever starts us with a standard descriptor closed must not get the log written into a client's connection. */
static int
standard_descriptors_open(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

/* Signals are read from a descriptor; they are blocked before the first thread, which inherits that. */
static int
signals_open(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Returns 1 when the program is to end. */
static int
signals_take(int fd)
{
    struct signalfd_siginfo info;
    int end = 0;

    while (read(fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            log_event(LOG_LEVEL_INFO, "nothing to reload: everything is set by options", "signal", "SIGHUP", NULL);
            continue;
        }
        log_event(LOG_LEVEL_INFO, "stopping", "signal", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
        end = 1;
    }
    return end;
}

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One turn, of at most limit_ms (-1: none). Returns 1 when a signal asks for the end. */
static int
turn(struct http *http, int signals, int limit_ms)
{
    struct pollfd fds[2] = { { .fd = signals, .events = POLLIN }, { .fd = http_fd(http), .events = POLLIN } };
    int wait_ms = http_timeout_ms(http);

    if (limit_ms >= 0 && (wait_ms < 0 || wait_ms > limit_ms))
        wait_ms = limit_ms;
    poll(fds, 2, wait_ms);
    http_run(http);
    return signals_take(signals);
}

static void
serve(struct http *http, struct listen_sockets *sockets, int signals)
{
    int64_t end_ms;

    while (!turn(http, signals, -1))
        ;
    listen_remove(sockets);
    http_quiesce(http);
    end_ms = now_ms() + DRAIN_MS;
    while (http_active(http) && now_ms() < end_ms)
        if (turn(http, signals, (int)(end_ms - now_ms())))
            return; /* asked twice */
}

/* Opens all addresses, or takes what the service manager has opened; all or none. */
static int
sockets_open(const struct options *options, struct listen_sockets *sockets)
{
    char sentence[SENTENCE_BYTES];
    int result = options->systemd_socket ? activation_take(sockets, sentence, sizeof sentence)
                                         : listen_open_all(sockets, options->addresses, options->addresses_n,
                                                           options->unix_mode, sentence, sizeof sentence);

    return result ? fail(sentence) : 0;
}

static void
say_listening(int fd)
{
    char name[LISTEN_TEXT_BYTES];

    listen_name(fd, name, sizeof name);
    log_event(LOG_LEVEL_INFO, "listening", "address", name, NULL);
    if (!listen_is_loopback(fd))
        log_event(LOG_LEVEL_WARN, "other machines can reach this address, and there is neither TLS nor a password",
                  "address", name, NULL);
}

static int
check_configs(const struct options *options)
{
    char sentence[SENTENCE_BYTES];

    if (options->config_file && config_check(options->config_file, "settings by file", sentence, sizeof sentence))
        return fail(sentence);
    if (options->web_config_file &&
        config_check(options->web_config_file, "TLS and password settings", sentence, sizeof sentence))
        return fail(sentence);
    return 0;
}

static int
run(const struct options *options, struct scraper *scraper, struct listen_sockets *sockets, int signals)
{
    const struct http_options settings = { scraper, options->telemetry_path, options->request_seconds };
    struct http *http = http_new(&settings);
    int result = http ? 0 : -ENOMEM;
    uint32_t i;

    for (i = 0; i < sockets->n; i++)
        if (result)
            close(sockets->all[i].fd);
        else
            result = http_listen(http, sockets->all[i].fd);
    for (i = 0; !result && i < sockets->n; i++)
        say_listening(sockets->all[i].fd);
    if (!result)
        serve(http, sockets, signals);
    listen_remove(sockets);
    http_free(http);
    return result ? fail("the HTTP server cannot be started: no memory or descriptors") : 0;
}

static int
start(const struct options *options)
{
    const struct round_options settings = { options->segments, options->segments_n,    options->owners,
                                            options->owners_n, options->stuck_seconds, options->telemetry_path };
    int signals = signals_open(), result;
    struct listen_sockets sockets;
    struct scraper *scraper;

    if (check_configs(options) || sockets_open(options, &sockets))
        return EXIT_FAILURE;
    log_event(LOG_LEVEL_INFO, "starting", "version", version_of_exporter(), "microhttpd", version_of_microhttpd(),
              NULL);
    scraper = signals < 0 ? NULL : scraper_start(&settings);
    if (!scraper) {
        listen_close(&sockets);
        return fail("cannot start: no memory, threads or descriptors");
    }
    result = run(options, scraper, &sockets, signals);
    scraper_free(scraper);
    log_event(LOG_LEVEL_INFO, "stopped", NULL);
    return result;
}

int
main(int argc, char **argv)
{
    struct options options;

    if (standard_descriptors_open())
        return EXIT_FAILURE;
    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_DONE:
        return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
    case OPTIONS_WRONG:
        return 2;
    default:
        break;
    }
    log_configure(options.log_level, options.log_format);
    mallopt(M_ARENA_MAX, 1); /* two threads that seldom allocate at once: a second arena would only cost memory */
    return start(&options);
}
