/* shmeter doctor: examines the machine, the filesystem and the segment, and gives advice. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/say.h"
#include "cli/watch.h"
#include "read/file/reader.h"

static const struct argv_entry options[] = {
    { "json", NULL, "print findings as JSON" },
};

static int
report(const struct findings *findings, int as_json)
{
    if (findings->out_of_memory || (as_json && say_json(findings_json(findings)))) {
        say_error("out of memory");
        return FINDING_FAIL;
    }
    if (!as_json)
        findings_print(findings);
    return (int)findings_worst(findings);
}

/* The file's owner; of one that is not there, who asks. */
static uint32_t
owner_of(const char *path)
{
    struct stat file;

    return stat(path, &file) ? geteuid() : file.st_uid;
}

/* Where no name was given and the standard one leads to nothing: the name that may have been meant. */
static void
suggest(struct findings *findings, const struct arguments *given, const struct segment_status *status)
{
    const char *name = getenv("SHMETER_SEGMENT");
    struct shmeter_reader_names names;

    if (given->names_n || (name && *name) || status->fault != SHMETER_READER_ABSENT ||
        shmeter_reader_list(&names, NULL, 0))
        return;
    if (names.names_n == 1)
        finding_advise(findings, "SHMETER_SEGMENT is not set; the only segment in /dev/shm is %s: shmeter doctor %s",
                       names.names[0], names.names[0]);
    shmeter_reader_list_free(&names);
}

static void
examine(struct findings *findings, const struct arguments *given, const struct segment_status *status)
{
    uint64_t more = status->segment_bytes > status->backed_bytes ? status->segment_bytes - status->backed_bytes : 0;
    int removed;

    doctor_filesystem(findings, status->path, status->readable ? status->uid : owner_of(status->path), more);
    removed = doctor_removed(findings, status);
    if (removed && status->fault == SHMETER_READER_ABSENT)
        return;
    doctor_segment(findings, status);
    if (!status->readable)
        suggest(findings, given, status);
    if (status->readable)
        doctor_stopped(findings, status);
    if (status->fault != SHMETER_READER_ABSENT)
        doctor_exporter(findings, status->path);
}

static int
doctor_run(const struct arguments *given)
{
    struct findings findings = { NULL, 0, 0, 0 };
    struct watch watch;
    uint32_t i;
    int result;

    if (watch_open(&watch, given, watch_standard_name(), SNAPSHOT_ALL))
        return FINDING_FAIL;
    doctor_machine(&findings);
    if (!watch.statuses_n) {
        doctor_filesystem(&findings, "/dev/shm/", geteuid(), 0);
        finding_add(&findings, FINDING_FAIL, "segment", "none matches '%s'", given->names[0]);
        finding_advise(&findings, "shmeter ls lists all there are");
    }
    for (i = 0; i < watch.statuses_n; i++)
        examine(&findings, given, watch.statuses[i]);
    result = report(&findings, arguments_value(given, "json") != NULL);
    findings_free(&findings);
    watch_close(&watch);
    return result;
}

const struct command command_doctor = {
    .name = "doctor",
    .operands = "[NAME]",
    .summary = "examine this machine and a segment, with advice",
    .details = "Each line: ok, warn or fail; what was looked at; what was seen; and below it what to do about it.\n\n"
               "Exit codes: 0 all ok, 1 a warning, 2 a failure (wrong usage is 2, too).\n",
    .options = options,
    .options_n = sizeof options / sizeof *options,
    .operands_most = 1,
    .run = doctor_run,
};
