/* Files of certificates and keys: reads them, and detects when they change. It does not parse them. */
#ifndef SHMETER_EXPORTER_TLS_FILES_H
#define SHMETER_EXPORTER_TLS_FILES_H

#include <gnutls/gnutls.h>

#include "exporter/tls/tls.h"

/*
 * Reads the bytes of a part; free them with tls_part_free(). Returns 0, or -errno and a report. For TLS_PART_KEY the
 * log has a warning when other users may read the file.
 */
int tls_part_read(const struct tls_settings *settings, enum tls_part part, gnutls_datum_t *out, struct report *report);
void tls_part_free(gnutls_datum_t *datum); /* wipes and frees */

/* A hash of inode, size and times (stat(2)) of all files. It changes when a file changes. */
uint64_t tls_files_mark(const struct tls_settings *settings);

#endif
