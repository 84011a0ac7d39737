/* shmeter doctor: examines the machine, the filesystem and the segment, and gives advice. */
#include <stdio.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/say.h"
#include "cli/watch.h"

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
    for (i = 0; i < watch.statuses_n; i++) {
        const struct segment_status *status = watch.statuses[i];
        uint64_t more = status->segment_bytes > status->backed_bytes ? status->segment_bytes - status->backed_bytes : 0;
        doctor_filesystem(&findings, status->path, status->readable ? status->uid : geteuid(), more);
        doctor_segment(&findings, status);
    }
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
