/*
 * Chooses the format and coding for a client by its Accept and Accept-Encoding headers (RFC 9110, 12.4.2, 12.5.1 and
 * 12.5.3). It knows no connections.
 *
 * Every request gets an answer: text 0.0.4 when no other format fits, as in all Prometheus clients.
 */
#ifndef SHMETER_EXPORTER_WEB_NEGOTIATE_H
#define SHMETER_EXPORTER_WEB_NEGOTIATE_H

#include <stddef.h>

#include "formats/escape.h"

enum negotiate_format { NEGOTIATE_TEXT, NEGOTIATE_OPENMETRICS, NEGOTIATE_PROTOBUF };

/*
 * accept: the header's value, several values joined by commas; NULL: there is none. Of the entries that can be served,
 * the one with the highest weight is chosen, and of equal ones the first. Entries that are not media ranges are
 * skipped. Pure.
 */
enum negotiate_format negotiate_format(const char *accept);

/* What a client gets, besides the format. */
struct negotiated {
    enum negotiate_format format;
    enum escaping escaping;
    int is_escaping_asked; /* 1: the entry has the parameter, so the answer names the scheme too */
    const char *version;   /* of the format, as the entry wants it */
};

/*
 * The same, with the escaping of names that the chosen entry asks for by its parameter escaping (underscores, dots,
 * values, allow-utf-8): underscores when it has none, or an unknown one.
 */
struct negotiated negotiate_accept(const char *accept);

/* The Content-Type of such an answer. bytes: NEGOTIATE_TYPE_BYTES are enough. */
#define NEGOTIATE_TYPE_BYTES 192u
void negotiate_type(const struct negotiated *negotiated, char *out, size_t bytes);

/* Whether to compress by gzip: if gzip is accepted with a weight above 0 and not below that of identity. Pure. */
int negotiate_gzip(const char *accept_encoding);

#endif
