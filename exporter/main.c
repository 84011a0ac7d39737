/*
 * shmeter-exporter: reads segments and serves their metrics and health. This file starts and stops the parts of the
 * exporter in order, and has the loop.
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
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/activation.h"
#include "daemon/descriptors.h"
#include "daemon/listen/listen.h"
#include "exporter/reload.h"
#include "exporter/scrape/scraper.h"
#include "exporter/scrape/traffic.h"
#include "exporter/service.h"
#include "exporter/settings/config.h"
#include "exporter/settings/options.h"
#include "exporter/settings/version.h"
#include "exporter/settings/web/config.h"
#include "exporter/web/http.h"

#define DRAIN_MS    2000 /* for answers under way when the exporter is told to stop */
#define LARGE_BYTES (256 << 10)

static int
fail(const char *sentence)
{
    log_event(LOG_LEVEL_ERROR, sentence, NULL);
    return EXIT_FAILURE;
}

/*
 * Opens standard descriptors that were closed when the exporter was started. Otherwise a connection could get
 * descriptor 2, and the log would be written to it.
 */
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

/*
 * Signals are read from a descriptor. They are blocked before the first thread is started, so that all threads inherit
 * the mask.
 */
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

/* Handles the signals that have arrived. Returns how many of them tell the exporter to stop. */
static int
signals_take(int fd, struct reload *reload)
{
    struct signalfd_siginfo info;
    int ends_n = 0;

    while (read(fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            reload_ask(reload);
            continue;
        }
        log_event(LOG_LEVEL_INFO, "stopping", "signal", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
        ends_n++;
    }
    return ends_n;
}

static int64_t
now_ms(void)
{
    return (int64_t)(clock_ns(CLOCK_MONOTONIC) / 1000000);
}

/* What a turn of the loop uses. */
struct loop {
    struct http *http;
    struct scraper *scraper;
    struct traffic *traffic;
    struct descriptors descriptors;
    struct service service;
    struct reload reload;
    struct listen_sockets sockets;
    int signals;
};

/* The shorter of two waits in milliseconds; a negative one is endless. */
static int
sooner(int a_ms, int b_ms)
{
    return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

/*
 * One turn of the loop. It waits at most limit_ms (-1: without limit). Returns how many signals have told the exporter
 * to stop.
 */
static int
turn(struct loop *loop, int limit_ms)
{
    struct pollfd fds[2] = { { .fd = loop->signals, .events = POLLIN },
                             { .fd = http_fd(loop->http), .events = POLLIN } };
    int ends_n;

    poll(fds, 2, sooner(limit_ms, sooner(http_timeout_ms(loop->http), service_timeout_ms(&loop->service))));
    http_run(loop->http);
    service_turn(&loop->service, loop->scraper);
    ends_n = signals_take(loop->signals, &loop->reload);
    reload_turn(&loop->reload);
    return ends_n;
}

static void
serve(struct loop *loop)
{
    int64_t end_ms;
    int ends_n;

    do
        ends_n = turn(loop, -1);
    while (!ends_n);
    service_stopping(&loop->service);
    listen_remove(&loop->sockets);
    http_quiesce(loop->http);
    end_ms = now_ms() + DRAIN_MS;
    while (ends_n < 2 && http_active(loop->http) && now_ms() < end_ms)
        ends_n += turn(loop, (int)(end_ms - now_ms()));
}

/* Opens all addresses, or takes the sockets that the service manager has opened; all or none. */
static int
sockets_open(const struct options *options, struct listen_sockets *sockets)
{
    struct report report = { 0 };
    int result = options->systemd_socket
                     ? activation_take(sockets, &report)
                     : listen_open_all(sockets, options->addresses, options->addresses_n, options->unix_mode, &report);

    return result ? fail(report.text) : 0;
}

static void
say_listening(int fd, const char *exposure)
{
    char name[LISTEN_TEXT_BYTES];

    listen_name(fd, name, sizeof name);
    log_event(LOG_LEVEL_INFO, "listening", "address", name, NULL);
    if (exposure && !listen_is_loopback(fd))
        log_event(LOG_LEVEL_WARN, exposure, "address", name, NULL);
}

static void
on_reload(void *argument)
{
    reload_ask(argument);
}

/* Runs the loop until the exporter is told to stop. Takes ownership of web. */
static int
run(const struct options *options, struct web_config *web, struct loop *loop)
{
    const struct http_options settings = { loop->scraper,
                                           options->telemetry_path,
                                           options->request_seconds,
                                           loop->descriptors.connections_n,
                                           options->connections_per_address_n,
                                           options->lifecycle ? on_reload : NULL,
                                           &loop->reload,
                                           options->open_probes,
                                           loop->traffic };
    const char *exposure = web_config_exposure(web);
    struct report report = { 0 };
    int result;
    uint32_t i;

    loop->http = http_new(&settings);
    result = loop->http ? http_configure(loop->http, web, &report) : -ENOMEM;
    if (result)
        web_config_free(web);
    for (i = 0; i < loop->sockets.n; i++)
        if (result)
            close(loop->sockets.all[i].fd);
        else
            result = http_listen(loop->http, loop->sockets.all[i].fd);
    for (i = 0; !result && i < loop->sockets.n; i++)
        say_listening(loop->sockets.all[i].fd, exposure);
    reload_open(&loop->reload, options, loop->scraper, loop->http, &loop->service);
    if (!result)
        serve(loop);
    listen_remove(&loop->sockets);
    http_free(loop->http);
    reload_close(&loop->reload);
    return result ? fail("the HTTP server cannot be started: no memory or descriptors") : 0;
}

static int
configs_read(const struct options *options, struct config **config, struct web_config **web, struct report *report)
{
    int result = config_read(config, options, report);

    if (result)
        return result;
    result = web_config_read(web, options->web_config_file, report);
    if (result)
        config_free(*config);
    return result;
}

/* --config.check: prints for each file that it is ok; or what is wrong with the first one that is not. */
static int
check(const struct options *options)
{
    struct report report = { 0 };
    struct web_config *web;
    struct config *config;

    if (configs_read(options, &config, &web, &report)) {
        fprintf(stderr, "%s\n", report.text);
        return EXIT_FAILURE;
    }
    config_free(config);
    web_config_free(web);
    if (options->config_file)
        printf("%s: ok\n", options->config_file);
    if (options->web_config_file)
        printf("%s: ok\n", options->web_config_file);
    return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
start(const struct options *options)
{
    struct loop loop = { .signals = signals_open(),
                         .traffic = traffic_new(),
                         .descriptors = descriptors_divide(options->connections_n) };
    const struct round_options settings = { options->owners, options->owners_n, options->telemetry_path,
                                            loop.descriptors.spare_n, loop.traffic };
    struct report report = { 0 };
    struct web_config *web;
    struct config *config;
    int result;

    service_open(&loop.service);
    if (configs_read(options, &config, &web, &report))
        return fail(report.text);
    if (sockets_open(options, &loop.sockets)) {
        config_free(config);
        web_config_free(web);
        return EXIT_FAILURE;
    }
    log_event(LOG_LEVEL_INFO, "starting", "version", version_of_exporter(), "microhttpd", version_of_microhttpd(),
              NULL);
    if (loop.signals >= 0 && loop.traffic)
        loop.scraper = scraper_start(&settings, config);
    else
        config_free(config);
    if (!loop.scraper) {
        listen_close(&loop.sockets);
        web_config_free(web);
        return fail("cannot start: no memory, threads or descriptors");
    }
    result = run(options, web, &loop);
    scraper_free(loop.scraper);
    traffic_free(loop.traffic);
    service_close(&loop.service);
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
    if (options.config_check)
        return check(&options);
    mallopt(M_ARENA_MAX, 1); /* two threads seldom allocate at once: a second arena would only cost memory */
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES); /* so that memory of large documents is returned to the system */
    return start(&options);
}
