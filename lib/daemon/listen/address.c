/* Addresses are parsed as text only. Whether the host exists is known when a socket is bound to it. */
#include "daemon/listen/address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static int
port_parse(const char *text, uint16_t *out)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long port;

    if (!digits || digits > 5 || text[digits])
        return -EINVAL;
    port = strtoul(text, NULL, 10);
    if (port > 65535)
        return -EINVAL;
    *out = (uint16_t)port;
    return 0;
}

/*
 * Only absolute paths: a relative one would change with the working directory, and an abstract name has no file mode to
 * protect it.
 */
static int
path_parse(const char *path, struct listen_address *out, const char **why)
{
    if (path[0] != '/' || path[strlen(path) - 1] == '/') {
        *why = "the path of a Unix socket is absolute, as in unix:/run/shmeter/http.sock";
        return -EINVAL;
    }
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
        *why = "the path of a Unix socket has at most 107 bytes";
        return -EINVAL;
    }
    memcpy(out->host, path, strlen(path));
    out->is_unix = 1;
    return 0;
}

int
listen_parse(const char *text, struct listen_address *out, const char **why)
{
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t host_len;

    memset(out, 0, sizeof *out);
    *why = "an address is HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH";
    if (!colon || strlen(text) >= sizeof out->text)
        return -EINVAL;
    if (!strncmp(text, "unix:", 5) && path_parse(text + 5, out, why))
        return -EINVAL;
    if (out->is_unix) {
        memcpy(out->text, text, strlen(text));
        return 0;
    }
    host_len = (size_t)(colon - text);
    if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
        host++;
        host_len -= 2;
        if (!host_len || !memchr(host, ':', host_len))
            return -EINVAL;
    } else if (memchr(host, ':', host_len)) {
        *why = "an IPv6 address stands in brackets, as in [::1]:10077";
        return -EINVAL;
    }
    if (port_parse(colon + 1, &out->port)) {
        *why = "a port is a number from 0 to 65535, where 0 is any free one";
        return -EINVAL;
    }
    memcpy(out->host, host, host_len);
    memcpy(out->text, text, strlen(text));
    return 0;
}
