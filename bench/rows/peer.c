/* Runs programs of other languages that print their figures. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/rows/peer.h"

/* Reads lines "NAME VALUE" and reports the values. */
static void
take_lines(struct bench_run *run, FILE *lines)
{
    char line[128], name[96];
    double ns;
    while (fgets(line, sizeof line, lines))
        if (sscanf(line, "%95s %lf", name, &ns) == 2)
            run_put(run, name, ns);
}

void
peer_take(struct bench_run *run, char *const arguments[])
{
    int ends[2], status;
    pid_t pid;
    if (pipe(ends) || (pid = fork()) < 0)
        bench_fail("%s cannot be started: %s", arguments[0], strerror(errno));
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(arguments[0], arguments);
        _exit(127);
    }
    close(ends[1]);
    FILE *lines = fdopen(ends[0], "r");
    if (!lines)
        bench_fail("no memory to read from %s", arguments[0]);
    take_lines(run, lines);
    fclose(lines);
    if (waitpid(pid, &status, 0) != pid || status)
        bench_fail("%s failed", arguments[0]);
}

void
peer_without(struct bench_run *run, const struct bench_row *rows, size_t len, const char *why)
{
    run_note(run, "%s", why);
    for (size_t i = 0; i < len; i++)
        run->have[row_find(rows[i].name)] = 1;
}
