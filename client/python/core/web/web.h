/*
 * What the files of the middleware share. A web has the metrics of one middleware; a route their handles for one method
 * and endpoint; an exchange is one request and its answer, or one WebSocket connection.
 */
#ifndef SHMETER_PYTHON_WEB_H
#define SHMETER_PYTHON_WEB_H

#include "../core.h"

#define WEB_STATUSES 11u /* handles that a route keeps, by status modulo this: the usual ones are apart */

enum web_word { /* interned: what scopes and messages are asked for */
                WORD_TYPE,
                WORD_METHOD,
                WORD_PATH,
                WORD_HEADERS,
                WORD_ROUTE,
                WORD_ENDPOINT,
                WORD_STATUS,
                WORD_BODY,
                WORD_BYTES,
                WORD_TEXT,
                WORD_ROOT_PATH,
                WORD_MORE_BODY,
                WORDS
};

struct web_object {
    PyObject_HEAD struct core *core;
    PyObject *app;      /* an ASGI application; None with WSGI */
    PyObject *resolve;  /* resolve(scope, path, root_path, status) -> endpoint, for requests that come a new way */
    PyObject *excluded; /* skip(path) -> bool, or None */
    struct metric_object *requests, *durations, *in_progress, *request_sizes, *response_sizes;
    struct shmeter *meter;
    const uint64_t *changes; /* as in struct metric_object */
    PyObject *links;         /* {b"METHOD /normalised/path": route} as learnt */
    PyObject *routes;        /* {(method, endpoint): route} */
    PyObject *words[WORDS];
    PyObject *coroutine; /* types.CoroutineType */
    uint64_t active;     /* exchanges of this process under way */
    int always;          /* every request is resolved */
    int tracked;         /* its metrics keep what they did in this process: see tracked.c */
    PyObject *weak;
};

struct route_object {
    PyObject_HEAD PyObject *method, *endpoint;
    PyObject *token; /* what the framework said that it is: its route, or its endpoint; NULL nothing */
    uint64_t seen;   /* the web's changes when the handles were had */
    const uint64_t *changes;
    struct held held;
    struct held_series in_progress_series, durations_series, request_sizes_series, response_sizes_series;
    struct shmeter_gauge in_progress;
    struct shmeter_histogram durations, request_sizes, response_sizes;
    int statuses[WEB_STATUSES];
    struct shmeter_counter_f64 requests[WEB_STATUSES];
};

enum web_kind { WEB_HTTP, WEB_SOCKET };

struct exchange_object {
    PyObject_HEAD struct web_object *web;
    struct route_object *route;    /* where it is in progress */
    struct route_object *answered; /* where it was counted; NULL: not yet */
    PyObject *link;                /* key in the web's links */
    PyObject *scope, *path, *root_path, *receive, *send;
    uint64_t start_ticks;
    double request_bytes, response_bytes;
    int method; /* index of a method's name */
    int status; /* 0: no answer has begun */
    char kind, request_known, response_known, disconnected, done;
};

/* Each of these files uses those above it only. */

/* route.c */
#define ROUTE_HEAD   2 /* indices of methods */
#define ROUTE_SOCKET 10
extern PyType_Spec route_spec;
int route_method(PyObject *method); /* Index of a method; 0: another one. */
/* b"METHOD /normalised/path": the way by which a request comes. New reference, NULL with an exception. */
PyObject *route_link(int method, PyObject *path);
/* The route of a method and an endpoint, or of what has none; new reference, NULL with an exception. */
struct route_object *route_get(struct web_object *web, int method, PyObject *endpoint);
struct route_object *route_unmatched(struct web_object *web, int method);
int route_bind(struct web_object *web,
               struct route_object *route); /* has the handles again; 0, or -1 with an exception */
void route_let_go(struct held *held, const struct shmeter_attachment *attachment);
void route_count(struct web_object *web, struct route_object *route, int status);

/* exchange.c */
extern PyType_Spec exchange_spec;
/* Begins an exchange: in progress, busy. path and root_path: str. NULL with an exception. */
struct exchange_object *exchange_begin(struct web_object *web, enum web_kind kind, PyObject *method, PyObject *path,
                                       PyObject *root_path, PyObject *scope);
/*
 * Counts it, once, under the endpoint that it has turned out to be of: before its client can see the status, so that no
 * answer that a client has seen is missing when the worker is killed then. Keeps the exception that is set.
 */
void exchange_answer(struct exchange_object *exchange, int status);
/* Ends it, once: its duration and sizes. Keeps the exception that is set. */
void exchange_end(struct exchange_object *exchange, int status);
/* The status of an exchange that has ended; error: the type of the exception that it ended with, or NULL. */
int exchange_status(const struct exchange_object *exchange, PyObject *error);

/* message.c: what the application receives, and what it sends. */
void message_received(struct exchange_object *exchange, PyObject *message);
void message_sent(struct exchange_object *exchange, PyObject *message);
/* The number of a Content-Length header; -1: there is none, or it is no number. */
double message_content_length(PyObject *headers);

/* awaiting.c */
enum awaiting_kind { AWAITING_CALL, AWAITING_RECEIVE };
extern PyType_Spec awaiting_spec;
/* Watches an awaitable, whose reference it takes over; NULL, also for one that is NULL, with an exception. */
PyObject *awaiting_new(struct exchange_object *exchange, PyObject *awaitable, enum awaiting_kind kind);

/* asgi.c */
PyObject *asgi_call(PyObject *self, PyObject *const *args, Py_ssize_t nargs);

/* web.c */
extern PyType_Spec web_spec;
PyObject *web_new(PyObject *module, PyObject *args);
PyObject *web_normalize(PyObject *module, PyObject *path);

/* tracked.c */
void tracked_count(struct web_object *web, const struct route_object *route, int status);
void tracked_in_progress(struct web_object *web, const struct route_object *route, int by);
void tracked_observe(struct metric_object *metric, const struct route_object *route, double value);

#endif
