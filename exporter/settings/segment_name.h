/*
 * Which names, patterns and paths of segments are valid in options and settings.
 */
#ifndef SHMETER_EXPORTER_SETTINGS_SEGMENT_NAME_H
#define SHMETER_EXPORTER_SETTINGS_SEGMENT_NAME_H

/* NULL, or what is wrong with a segment's NAME, path or pattern. */
const char *segment_name_wrong(const char *name);

#endif
