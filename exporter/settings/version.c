/*
 * Versions as Prometheus' own programs print them.
 */
#include "exporter/settings/version.h"

#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>

const char *
version_of_exporter(void)
{
    return SHMETER_VERSION;
}

const char *
version_of_microhttpd(void)
{
    return MHD_get_version();
}

const char *
version_of_compiler(void)
{
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

const char *
version_of_platform(void)
{
#if defined(__x86_64__)
    return "linux/amd64";
#else
    return "linux/arm64";
#endif
}

void
version_print(void)
{
    printf("shmeter-exporter, version %s\n", version_of_exporter());
    printf("  compiler:       %s\n", version_of_compiler());
    printf("  platform:       %s\n", version_of_platform());
    printf("  libmicrohttpd:  %s (built with %s)\n", version_of_microhttpd(), MICROHTTPD_VERSION);
    printf("  jansson:        %s\n", jansson_version_str());
}
