/* The command line, parsed and checked by a table of options. It opens no file. */
#ifndef SHMETER_EXPORTER_SETTINGS_OPTIONS_H
#define SHMETER_EXPORTER_SETTINGS_OPTIONS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"
#include "daemon/listen/address.h"

#define OPTIONS_SEGMENTS 64u
#define OPTIONS_OWNERS   32u

struct options {
    const char *segments[OPTIONS_SEGMENTS]; /* NAMEs, paths and patterns of --segment */
    uint32_t segments_n;
    const char *standard_segment;    /* served when neither options nor the file name a segment */
    uint32_t owners[OPTIONS_OWNERS]; /* user ids; owners_n 0: segments of all users are read */
    uint32_t owners_n;
    struct listen_address addresses[LISTEN_ADDRESSES];
    uint32_t addresses_n;    /* at least 1 after parsing, unless systemd_socket */
    int systemd_socket;      /* the service manager passes the sockets */
    mode_t unix_mode;        /* of Unix sockets */
    const char *config_file; /* NULL: none */
    const char *web_config_file;
    const char *telemetry_path; /* begins with '/' */
    double request_seconds;     /* time limit for sending a request, and again for taking the answer */
    double stuck_seconds;       /* a worker that is busy or silent for longer is stuck; negative: never; 0: not given */
    uint32_t connections_n;     /* open at one time */
    uint32_t connections_per_address_n;
    int openmetrics_created; /* 1: OpenMetrics has _created */
    int lifecycle;           /* 1: POST /-/reload is allowed */
    int open_probes;         /* 1: /-/healthy and /-/ready need no password */
    int config_check;        /* 1: only check the files, of which at least one is given */
    enum log_level log_level;
    enum log_format log_format;
};

enum options_verdict {
    OPTIONS_RUN,
    OPTIONS_DONE, /* the text of --help or --version was printed */
    OPTIONS_WRONG /* one sentence was printed on standard error */
};

/* Strings of *out point into argv and the environment. */
enum options_verdict options_parse(struct options *out, int argc, char **argv);

#endif
