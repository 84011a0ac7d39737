/*
 * Processes around a segment: who counts in a file of its name that was removed, which workers are stopped, and whether
 * an exporter that runs may read it. All of /proc that this user may look at.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "cli/users.h"
#include "read/file/reader.h"
#include "shm/process/identity.h"

#define NAMED_MOST    8u
#define EXPORTER_COMM "shmeter-exporte" /* as long as the kernel keeps of it */
#define PIDS_MOST     4194304u

/* ---- files that were removed ---- */

/* The processes that count in removed files of this path, in words; returns how many. */
static uint32_t
removed_users(const char *path, char *out, size_t bytes)
{
    char directory[SHMETER_READER_PATH_BYTES];
    struct user users[NAMED_MOST];
    struct stat folder;
    uint32_t n;

    doctor_directory(path, directory);
    if (stat(directory, &folder))
        return 0;
    n = users_find_removed(folder.st_dev, path, users, NAMED_MOST);
    users_name(users, n, NAMED_MOST, out, bytes);
    return n;
}

int
doctor_removed(struct findings *findings, const struct segment_status *status)
{
    char names[NAMED_MOST * 64u + 64u];
    uint32_t n = removed_users(status->path, names, sizeof names);

    if (!n)
        return 0;
    if (!status->readable) {
        finding_add(findings, FINDING_FAIL, "segment", "%s was removed, and %u processes still count in it: %s",
                    status->path, n, names);
        finding_advise(findings,
                       "look above what removes it (RemoveIPC); then restart them: only an exporter that had it "
                       "open before sees what they count");
        return 1;
    }
    finding_add(findings, FINDING_WARN, "earlier file",
                "%u processes have a file mapped that had this name before and was removed, and may count in it: %s", n,
                names);
    finding_advise(findings,
                   "look above what removes it (RemoveIPC); then restart them: only an exporter that had that "
                   "file open before sees what they count in it");
    return 1;
}

/* ---- workers ---- */

static int
is_stopped(const struct status_slot *slot)
{
    struct shmeter_stat stat;

    return slot->life == STATUS_LIVE && !slot->foreign && !shmeter_identity_stat(slot->pid, &stat) &&
           (stat.state == 'T' || stat.state == 't');
}

void
doctor_stopped(struct findings *findings, const struct segment_status *status)
{
    uint32_t i;

    for (i = 0; i < status->slots_len; i++) {
        const struct status_slot *slot = &status->slots[i];
        if (!is_stopped(slot))
            continue;
        finding_add(findings, FINDING_WARN, "stopped worker", "%s (pid %u) is stopped, by a signal or a debugger",
                    slot->worker, slot->pid);
        finding_advise(findings, "let it go on: kill -CONT %u", slot->pid);
    }
}

/* ---- the exporter ---- */

struct credentials {
    uint32_t uid, gid;
    uint32_t groups[64];
    uint32_t groups_n;
    uint64_t capabilities;
};

/* Those that a process opens files with, from /proc/PID/status (proc(5)). */
static int
credentials_of(uint32_t pid, struct credentials *out)
{
    char path[64], *line = NULL, *at, *end;
    size_t bytes = 0;
    FILE *file;
    int found = 0;

    memset(out, 0, sizeof *out);
    snprintf(path, sizeof path, "/proc/%u/status", pid);
    file = fopen(path, "re");
    while (file && getline(&line, &bytes, file) >= 0) {
        /* NOLINTBEGIN(cert-err34-c): the kernel's numbers */
        found += sscanf(line, "Uid: %*u %*u %*u %u", &out->uid) == 1;
        found += sscanf(line, "Gid: %*u %*u %*u %u", &out->gid) == 1;
        if (sscanf(line, "CapEff: %lx", &out->capabilities) == 1 || strncmp(line, "Groups:", 7) != 0)
            continue;
        /* NOLINTEND(cert-err34-c) */
        for (at = line + 7; out->groups_n < 64; at = end) {
            unsigned long group = strtoul(at, &end, 10);
            if (end == at)
                break;
            out->groups[out->groups_n++] = (uint32_t)group;
        }
    }
    free(line);
    if (file)
        fclose(file);
    return found == 2;
}

/* wanted: 4 to read, 1 to search. */
static int
may(const struct credentials *who, const struct stat *file, uint32_t wanted)
{
    const uint64_t overrides = UINT64_C(1) << 1 | UINT64_C(1) << 2; /* CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH */
    uint32_t i, in_group = who->gid == file->st_gid;

    if (who->capabilities & overrides)
        return 1;
    for (i = 0; i < who->groups_n; i++)
        in_group |= who->groups[i] == file->st_gid;
    return (file->st_mode >> (who->uid == file->st_uid ? 6 : in_group ? 3 : 0) & wanted) != 0;
}

static int
is_exporter(uint32_t pid)
{
    char path[64], comm[32] = "";
    FILE *file;

    snprintf(path, sizeof path, "/proc/%u/comm", pid);
    file = fopen(path, "re");
    if (file && !fgets(comm, sizeof comm, file))
        comm[0] = 0;
    if (file)
        fclose(file);
    comm[strcspn(comm, "\n")] = 0;
    return !strcmp(comm, EXPORTER_COMM);
}

static void
judge_exporter(struct findings *findings, uint32_t pid, const char *path, const struct stat *file)
{
    char directory[SHMETER_READER_PATH_BYTES];
    struct credentials who;
    struct stat folder;

    if (!credentials_of(pid, &who))
        return; /* it has just ended */
    doctor_directory(path, directory);
    if (stat(directory, &folder) == 0 && may(&who, &folder, 1) && may(&who, file, 4)) {
        finding_add(findings, FINDING_OK, "exporter", "pid %u (user %u) may read the segment", pid, who.uid);
        return;
    }
    finding_add(findings, FINDING_WARN, "exporter",
                "pid %u (user %u) may not read the segment: mode %04o, owner %u, group %u", pid, who.uid,
                (unsigned)(file->st_mode & 07777), (unsigned)file->st_uid, (unsigned)file->st_gid);
    finding_advise(
        findings,
        "run the exporter as user %u, or let its group read, as root: chgrp %u %s && chmod 0640 %s; and where "
        "the segment is created: --group=%u --mode=0640",
        (unsigned)file->st_uid, who.gid, path, path, who.gid);
}

void
doctor_exporter(struct findings *findings, const char *path)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    struct stat file;
    uint32_t n = 0;

    while (directory && stat(path, &file) == 0 && (entry = readdir(directory))) {
        unsigned long pid = isdigit((unsigned char)*entry->d_name) ? strtoul(entry->d_name, NULL, 10) : 0;
        if (!pid || pid > PIDS_MOST || !is_exporter((uint32_t)pid))
            continue;
        judge_exporter(findings, (uint32_t)pid, path, &file);
        n++;
    }
    if (directory)
        closedir(directory);
    if (!n)
        finding_add(findings, FINDING_OK, "exporter", "none can be seen from here");
}
