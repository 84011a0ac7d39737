/*
 * Which format and which coding a client is given: from its Accept and Accept-Encoding headers to a choice (RFC 9110,
 * 12.4.2, 12.5.1 and 12.5.3). It knows no connection.
 *
 * Every request gets an answer: text 0.0.4 when no other format fits, as in all Prometheus clients.
 */
#ifndef SHMETER_EXPORTER_WEB_NEGOTIATE_H
#define SHMETER_EXPORTER_WEB_NEGOTIATE_H

enum negotiate_format { NEGOTIATE_TEXT, NEGOTIATE_OPENMETRICS, NEGOTIATE_PROTOBUF };

/*
 * accept: the header's value, several of them joined by commas; NULL: there is none. The entry with the highest weight
 * that can be served counts, and of equal ones the first. What is no media range is passed over. Pure.
 */
enum negotiate_format negotiate_format(const char *accept);

/*
 * Whether the body is to be compressed by gzip: it is accepted with a weight above 0 that is not below identity's.
 * Pure.
 */
int negotiate_gzip(const char *accept_encoding);

#endif
