/*
 * Whether systemd-logind deletes a user's files in /dev/shm when that user's last session ends (logind.conf(5),
 * RemoveIPC=).
 */
#ifndef SHMETER_CLI_DOCTOR_LOGIND_H
#define SHMETER_CLI_DOCTOR_LOGIND_H

#include <stddef.h>
#include <stdint.h>

enum logind_removal { LOGIND_ABSENT, LOGIND_KEEPS, LOGIND_REMOVES };

/*
 * Reads logind.conf and logind.conf.d/ *.conf below root ("" for this machine) as systemd does: the main file from the
 * first of etc, run, usr/local/lib and usr/lib that has one, then the drop-ins of all these folders, sorted by file
 * name. A drop-in in an earlier folder masks one of the same name in a later folder. The last setting wins; the default
 * is to remove. where: the file that decided, or "the default". LOGIND_ABSENT: there is no logind below root, or
 * systemd does not run the machine.
 */
enum logind_removal logind_removal(const char *root, char *where, size_t where_bytes);

/*
 * Whether logind never removes this user's files: root and system users (ids up to SYS_UID_MAX of login.defs, which is
 * 999).
 */
int logind_spares(uint32_t uid);

#endif
