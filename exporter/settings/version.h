/* The program's version, for --version, the build_info series, the log and the page. */
#ifndef SHMETER_EXPORTER_SETTINGS_VERSION_H
#define SHMETER_EXPORTER_SETTINGS_VERSION_H

const char *version_of_exporter(void);   /* "0.1.0" */
const char *version_of_microhttpd(void); /* of the library that is loaded: "0.9.75" */
const char *version_of_compiler(void);   /* "gcc 12.2.0" */
const char *version_of_platform(void);   /* "linux/amd64" */

void version_print(void); /* several lines, on standard output */

#endif
