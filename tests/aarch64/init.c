/*
 * The first and only process of a virtual machine for tests: runs the programs that the console names, one after the
 * other, and reports how each ended. It does not know what they do.
 *
 * A line of input is a program's path and arguments, separated by tabs. The program's output goes to the console
 * unchanged, followed by a line "== exit N" or "== signal N". The end of the input, or the line "off", turns the
 * machine off.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32u

static void
off(void)
{
    reboot(RB_POWER_OFF);
    _exit(1); /* the kernel panics, which ends the machine too */
}

static void
need(int failed, const char *what)
{
    if (!failed)
        return;
    printf("init: %s: %s\n", what, strerror(errno));
    off();
}

/* Standard input and output, without an echo and as they are written. */
static void
open_console(void)
{
    struct termios settings;
    int fd = open("/dev/console", O_RDWR);

    need(fd < 0 || dup2(fd, 0) || dup2(fd, 1) != 1 || dup2(fd, 2) != 2, "/dev/console");
    if (fd > 2)
        close(fd);
    need(tcgetattr(0, &settings), "tcgetattr");
    settings.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    settings.c_oflag &= ~(tcflag_t)OPOST;
    need(tcsetattr(0, TCSANOW, &settings), "tcsetattr");
}

static void
run(char *line)
{
    char *arguments[ARGUMENTS_MAX + 1], *rest;
    uint32_t n = 0;
    int status;
    pid_t pid;

    for (arguments[0] = strtok_r(line, "\t", &rest); n < ARGUMENTS_MAX - 1 && arguments[n]; n++)
        arguments[n + 1] = strtok_r(NULL, "\t", &rest);
    if (!arguments[0])
        return;
    pid = fork();
    if (!pid) {
        execv(arguments[0], arguments);
        printf("init: %s: %s\n", arguments[0], strerror(errno));
        _exit(127);
    }
    need(pid < 0, "fork");
    while (waitpid(-1, &status, 0) != pid) /* orphans end here too */
        ;
    if (WIFEXITED(status))
        printf("== exit %d\n", WEXITSTATUS(status));
    else
        printf("== signal %d\n", WTERMSIG(status));
}

int
main(void)
{
    char line[1024];

    setvbuf(stdout, NULL, _IONBF, 0);
    mkdir("/dev", 0755);
    mkdir("/proc", 0755);
    mkdir("/tmp", 0755);
    need(mount("devtmpfs", "/dev", "devtmpfs", 0, NULL), "/dev");
    open_console();
    mkdir("/dev/shm", 0755);
    need(mount("proc", "/proc", "proc", 0, NULL), "/proc");
    need(mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL), "/dev/shm");
    puts("== ready");
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!strcmp(line, "off"))
            break;
        run(line);
    }
    off();
    return 1;
}
