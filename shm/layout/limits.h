/*
 * How much there may be of what a segment has, and in which steps it is handed out. docs/ABI.md has
 * these numbers too.
 */
#ifndef SHMETER_SHM_LIMITS_H
#define SHMETER_SHM_LIMITS_H

#include <stdint.h>

#define SHMETER_UNIT_BYTES          64u    /* records are allocated and numbered in these */
#define SHMETER_CHUNK_BYTES         32768u /* backing grows by so much: the arena, each CPU lane */
#define SHMETER_FIRST_CELL_OFF      256u   /* a lane's first cell: clear of rseq's cache set */
#define SHMETER_MAX_CPU_LANES       8192u
#define SHMETER_MAX_SHARED_LANES    8u
#define SHMETER_MIN_LANE_SHIFT      15u
#define SHMETER_MAX_LANE_SHIFT      32u
#define SHMETER_MAX_LANES_BYTES     (UINT64_C(1) << 43) /* and one more: so a handle holds it */
#define SHMETER_MAX_SERIES          (1u << 24)
#define SHMETER_MAX_SLOTS           16384u
#define SHMETER_MAX_GAUGES          (1u << 20)
#define SHMETER_MAX_LABELS          16u   /* label names of a family */
#define SHMETER_MAX_VALUE_BYTES     256u  /* one label value */
#define SHMETER_MAX_TEXT_BYTES      1023u /* all label values of a series, without zeros */
#define SHMETER_MAX_VALUES_BYTES    (SHMETER_MAX_TEXT_BYTES + SHMETER_MAX_LABELS)
#define SHMETER_MAX_NAME_BYTES      200u /* a metric's name; a label's name */
#define SHMETER_MAX_HELP_BYTES      1000u
#define SHMETER_MAX_BOUNDS          1000u /* explicit buckets without +Inf */
#define SHMETER_MAX_LOG_BUCKETS     320u  /* exponential buckets, the zero bucket not counted */
#define SHMETER_MAX_STATES          256u  /* of a stateset */
#define SHMETER_MAX_STATES_BYTES    8000u /* all their names, with their ending zeros */
#define SHMETER_LOSS_LINES          32u
#define SHMETER_PROBE_LIMIT         512u /* index entries, or records of one, that a lookup looks at */
#define SHMETER_LIMBO_RINGS         8u   /* of hints where room is: one for some kinds of cells */
#define SHMETER_WORKER_BYTES        32u
#define SHMETER_CHECKS              8u
#define SHMETER_CHECK_NAME_BYTES    48u
#define SHMETER_CHECK_MESSAGE_BYTES 96u
#define SHMETER_NOTE_BYTES          8u    /* at a record's end: when a series was seen to change, a family's seconds */
#define SHMETER_MAX_CELL_BYTES      8072u /* of a histogram with all buckets */
#define SHMETER_OPENED              200u  /* families that a slot lists */

#endif
