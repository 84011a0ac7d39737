/*
 * Files of certificates and keys: their bytes, and whether they have changed. It does not look into them.
 */
#ifndef SHMETER_EXPORTER_TLS_FILES_H
#define SHMETER_EXPORTER_TLS_FILES_H

#include <gnutls/gnutls.h>

#include "exporter/tls/tls.h"

/*
 * The bytes of a part, to be given to tls_part_free(). Returns 0, or -errno and a report. part TLS_PART_KEY: warns when
 * others may read it.
 */
int tls_part_read(const struct tls_settings *settings, enum tls_part part, gnutls_datum_t *out, struct report *report);
void tls_part_free(gnutls_datum_t *datum); /* wipes it */

/* Tells one state of all files from another: inode, size and times (stat(2)). Equal for equal states. */
uint64_t tls_files_mark(const struct tls_settings *settings);

#endif
