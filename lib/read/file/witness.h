/*
 * How a process has ended, for a program that is not its parent: a descriptor of the process (pidfd_open(2)) tells the
 * exit status when its parent has waited for it. Since Linux 6.15. One thread at a time.
 */
#ifndef SHMETER_READ_FILE_WITNESS_H
#define SHMETER_READ_FILE_WITNESS_H

#include <stdint.h>

enum witness_end {
    WITNESS_UNKNOWN, /* it lives, or nobody has waited for it yet, or there is no descriptor                */
    WITNESS_EXITED,  /* by itself, whatever its exit status is                                             */
    WITNESS_ASKED,   /* by SIGTERM, SIGINT, SIGHUP or SIGQUIT: by order                                     */
    WITNESS_KILLED   /* by any other signal                                                               */
};

/*
 * A descriptor of this process of the same pid namespace; -1: the kernel does not tell, or so many descriptors are open
 * that others might lack them. The caller makes sure that the process was still the one meant after this call.
 */
int witness_open(uint32_t pid, uint32_t spare_fds);
void witness_close(int fd); /* -1 is fine */

enum witness_end witness_end(int fd);

#endif
