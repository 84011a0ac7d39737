/*
 * A kernel without locks of open file descriptions, preloaded into the exporter: fcntl(2) refuses F_OFD_GETLK. It knows
 * nothing of the exporter.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
hand_fcntl(int fd, int command, void *argument)
{
    if (command == F_OFD_GETLK) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

int hand_fcntl_32(int fd, int command, ...) __asm__("fcntl");
int hand_fcntl_64(int fd, int command, ...) __asm__("fcntl64");

int
hand_fcntl_32(int fd, int command, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, command);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    return hand_fcntl(fd, command, argument);
}

int
hand_fcntl_64(int fd, int command, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, command);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    return hand_fcntl(fd, command, argument);
}
