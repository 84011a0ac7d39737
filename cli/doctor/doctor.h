/* The doctor's examinations. Each one examines a subject and adds its findings. */
#ifndef SHMETER_CLI_DOCTOR_DOCTOR_H
#define SHMETER_CLI_DOCTOR_DOCTOR_H

#include "cli/doctor/findings.h"
#include "read/snapshot/status.h"

/* The machine and this process: restartable sequences, NUMA nodes. */
void doctor_machine(struct findings *findings);

/*
 * The filesystem of path: kind, size, room for wanted more bytes, mount options; and whether logind deletes uid's files
 * there.
 */
void doctor_filesystem(struct findings *findings, const char *path, uint32_t uid, uint64_t wanted);

/* One segment: whether it can be read, its owner, version and age, how much of it is used, its workers and losses. */
void doctor_segment(struct findings *findings, const struct segment_status *status);

#endif
