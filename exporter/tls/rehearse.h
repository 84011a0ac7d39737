/*
 * A handshake with a session of our own, in memory: finds out at load whether GnuTLS will use a certificate with its
 * key and the settings. GnuTLS loads certificates that it refuses in every handshake.
 */
#ifndef SHMETER_EXPORTER_TLS_REHEARSE_H
#define SHMETER_EXPORTER_TLS_REHEARSE_H

#include "exporter/tls/tls.h"

/*
 * Rehearses a handshake of one version; the client accepts every certificate and has none. Returns 0, or GnuTLS' error:
 * no client of this version will come through.
 */
int tls_rehearse(struct tls *tls, enum tls_version version);

#endif
