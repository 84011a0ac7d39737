/*
 * Messages to the service manager: the protocol of sd_notify(3) and sd_watchdog_enabled(3), NOTIFY_SOCKET and
 * WATCHDOG_USEC. It does not know the meaning of the messages. Without a NOTIFY_SOCKET its functions do nothing.
 *
 * To be called by one thread. A message that cannot be sent at once is dropped, so that the program never waits for the
 * service manager.
 */
#ifndef SHMETER_DAEMON_NOTIFY_H
#define SHMETER_DAEMON_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd; /* -1: there is no service manager */
    struct sockaddr_un address;
    socklen_t address_bytes;
    uint64_t watchdog_ns; /* the longest time without a message; 0: there is no watchdog */
};

/* Reads the environment and unsets the variables. Not thread-safe (environment). */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

int notify_wanted(const struct notify *notify);

/* The service is ready. */
void notify_ready(const struct notify *notify);

/* A reload of the settings begins. notify_ready() ends it, whether it succeeded or not. */
void notify_reloading(const struct notify *notify);

/* The service is stopping. */
void notify_stopping(const struct notify *notify);

/* The service is alive. To be called at least every watchdog_ns. */
void notify_alive(const struct notify *notify);

/* One line for people; line ends in it become spaces. */
void notify_status(const struct notify *notify, const char *line);

#endif
