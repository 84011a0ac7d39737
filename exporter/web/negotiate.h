/*
 * Chooses the format and coding for a client by its Accept and Accept-Encoding headers (RFC 9110, 12.4.2, 12.5.1 and
 * 12.5.3). It knows no connections.
 *
 * Every request gets an answer: text 0.0.4 when no other format fits, as in all Prometheus clients.
 */
#ifndef SHMETER_EXPORTER_WEB_NEGOTIATE_H
#define SHMETER_EXPORTER_WEB_NEGOTIATE_H

enum negotiate_format { NEGOTIATE_TEXT, NEGOTIATE_OPENMETRICS, NEGOTIATE_PROTOBUF };

/*
 * accept: the header's value, several values joined by commas; NULL: there is none. Of the entries that can be served,
 * the one with the highest weight is chosen, and of equal ones the first. Entries that are not media ranges are
 * skipped. Pure.
 */
enum negotiate_format negotiate_format(const char *accept);

/* Whether to compress by gzip: if gzip is accepted with a weight above 0 and not below that of identity. Pure. */
int negotiate_gzip(const char *accept_encoding);

#endif
