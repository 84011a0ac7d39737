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

/* The directory of a path; out: SHMETER_READER_PATH_BYTES bytes. */
void doctor_directory(const char *path, char *out);

/*
 * Processes that have a file mapped which had the segment's path and was removed. Returns 1 when there are any; then
 * this has told of a segment that is not there.
 */
int doctor_removed(struct findings *findings, const struct segment_status *status);

/* Workers that a signal or a debugger has stopped. */
void doctor_stopped(struct findings *findings, const struct segment_status *status);

/* Exporters that run, and whether they may read the file. */
void doctor_exporter(struct findings *findings, const char *path);

/* One segment: whether it can be read, its owner, version and age, how much of it is used, its workers and losses. */
void doctor_segment(struct findings *findings, const struct segment_status *status);

#endif
