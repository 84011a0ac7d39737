/*
 * shmeter: counters, gauges and histograms of a pool of processes, in shared memory.
 *
 * Open a meter, open families, get handles. Then update through the handles, from any thread, any
 * forked child and any signal handler, in a few nanoseconds. A separate program, shmeter-exporter,
 * serves the metrics to Prometheus.
 *
 *     struct shmeter *m;
 *     shmeter_open(&m, "shop", NULL);
 *     static const char *const labels[] = { "method", "status", NULL };
 *     static const struct shmeter_desc requests = {
 *         .type = SHMETER_COUNTER, .name = "shop_requests_total", .help = "Requests served.", .labels = labels
 *     };
 *     const struct shmeter_family *f = shmeter_family(m, &requests);
 *     struct shmeter_counter ok = shmeter_counter_of(f, "GET", "200");
 *     shmeter_counter_inc(ok);
 *
 * C11 and C++17, gcc >= 11 and clang >= 14, Linux on x86-64 and aarch64. No library is needed: all
 * functions are static in the including file. Define SHMETER_LINK before the include to take the
 * functions outside the hot path from libshmeter.so, and SHMETER_NO_CK to use the compiler's
 * atomics instead of Concurrency Kit's.
 *
 * All functions are thread-safe and lock-free: no call waits for another thread or process. They
 * are of three kinds:
 *   hot   Updates. They return nothing, cannot fail, make no system call, take no lock, allocate
 *         nothing, and are async-signal-safe and reentrant. In a forked child the first gauge or
 *         heartbeat claims a slot, with a bounded number of system calls (some 70, and one for
 *         each lane); shmeter_attach_worker does it ahead of time.
 *   warm  Lookups. No system call when the series exists.
 *   cold  All else. They return 0 or -errno; shmeter_error has the words.
 *
 * No call has to succeed. A lookup without a segment, with wrong arguments, or in a family that
 * could not be registered returns a handle that counts privately: in the process's own memory,
 * which is not exposed. An update through a zeroed handle does nothing. Handles stay valid until
 * the process ends, also after fork and shmeter_close.
 *
 * Children of vfork or CLONE_VM must not call these functions before exec: they use their parent's
 * memory for restartable sequences (rseq(2)) without being registered for them. "Surroundings",
 * below the prototypes, has the rest: descriptors, full segments, compiler flags, clocks, mlockall.
 */
#ifndef SHMETER_H
#define SHMETER_H

#include <stddef.h>
#include <stdint.h>

/* Warnings that some programs turn on, about a style that compiles as C and as C++. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#ifdef __cplusplus
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuseless-cast"
#pragma GCC diagnostic ignored "-Wshadow" /* shmeter_family is a struct and a function, as stat is */
#endif
#endif

#include "../shm/machine/linkage.h"

#include "../shm/layout/types.h"

#include "../shm/layout/options.h"

#include "../shm/layout/desc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- meters and families (cold) --------------------------------------------------------------- */

struct shmeter;
struct shmeter_family;
typedef struct shmeter_family shmeter_family_type; /* its name in C++, where the function hides the struct */

/*
 * Attaches to a segment, creating it if need be, and claims this process's slot in it. segment: a
 * name ([A-Za-z0-9_.-], at most 64 bytes), or a path of a file on a tmpfs (anything with a '/');
 * NULL: $SHMETER_SEGMENT, or "default"; where $SHMETER_SEGMENT is "private", "off" or empty, as in
 * tests, the meter counts privately, and that is no error. options: NULL for the defaults; sizes
 * are used only by the process that creates the segment.
 *
 * Returns 0 or -errno; the result may be ignored. After an error *out is still a usable meter: it
 * is detached, and its handles count privately. *out is NULL only when the process has no memory at
 * all; every function treats NULL like a detached meter. -EINVAL: a bad name, options without
 * struct_bytes, or a file that is not a segment; -EPERM, -EACCES: the file is another user's;
 * -EPROTONOSUPPORT: the segment has another ABI; -ENOSPC: the filesystem is full. A process that
 * opens a segment twice gets the same meter, also when two threads do it at once. Thread-safe; not
 * async-signal-safe.
 */
SHMETER_COLD int shmeter_open(struct shmeter **out, const char *segment, const struct shmeter_options *options);

/*
 * Undoes one open. The last close releases this process's slot. From then on updates of gauges have
 * no effect until the segment is opened again; At exit(3), at a return from main and at
 * quick_exit(3) all that is open is closed, likewise what a shared library with a copy of this
 * header has open when it is unloaded. A process that ends by _exit(2) closes first, if it is to be
 * told from one that died. Thread-safe.
 */
SHMETER_COLD void shmeter_close(struct shmeter *meter);

/*
 * The last error in words, "" if none. What shmeter_family has said goes with the next family that
 * it has nothing to say about; other words stay until there are others. Valid until some errors
 * later; never NULL. Thread-safe.
 */
SHMETER_COLD const char *shmeter_error(const struct shmeter *meter);

/*
 * Opens a family: validates the description, and finds or adds its record. Call it once per process
 * and family. The same description again gives the same family, also to threads that open it at
 * once. The result is NULL only without memory; lookups in NULL return zeroed handles. A bad
 * description, or a second one of the same name in this process, gives a family that counts
 * privately, and shmeter_error says why. When two threads open different descriptions of one name
 * at once, one of the two is the second. Thread-safe; not async-signal-safe.
 *
 * When processes have different definitions of one name, one of them is in force, which means
 * exposed: of those that living processes have open, the one opened last. The values of the others
 * are added to it, or are a loss (docs/health.md, "Definitions"). A family stays open until
 * shmeter_family_forget, the last shmeter_close or the process's end; opening it again meanwhile
 * changes nothing. A forked child that opens a family claims a slot.
 */
SHMETER_FAMILY const struct shmeter_family *shmeter_family(struct shmeter *meter, const struct shmeter_desc *desc);

/*
 * Whether what counts in a family is exposed: 0; -EINVAL, its description is refused; -EEXIST,
 * another description has its name in this process, or it was given up; -ENOSPC, the segment or its
 * filesystem has no room for it; -ENOTCONN, the meter is detached; -ENOMEM, of NULL. A family that
 * had no room is tried again. Thread-safe; not async-signal-safe.
 */
SHMETER_COLD int shmeter_family_result(const struct shmeter_family *family);

/*
 * Gives up a family's name, so that another description may take it in this process. This process
 * then no longer has the family open: if a living process has another definition of the name open,
 * that one is in force. Earlier handles stay safe and go on counting. Handles from later lookups in
 * the old family count privately, until the same description opens it again; then it is in force,
 * because it was opened last. Thread-safe: a thread that opens a family of this name at the same
 * time does so before or after this call. Not async-signal-safe.
 */
SHMETER_COLD void shmeter_family_forget(struct shmeter *meter, const char *name);

/* ---- handles: small, passed by value; their members are not for users -------------------------- */

struct shmeter_lanes;
struct shmeter_buckets;

struct shmeter_counter {
    unsigned char *cell; /* in CPU lane 0, or private */
    uint64_t lanes; /* {CPU lanes:16 (low), shift:6, log2 of shared lanes:2, (shared lane 0's cell - cell) / 8:40} */
};

struct shmeter_counter_f64 {
    const struct shmeter_lanes *lanes;
    uint64_t cell; /* offset in a lane */
};

struct shmeter_gauge {
    const uint64_t *slot; /* points to the address of this process's slot block */
    uint64_t cell;        /* {plain:1 (low), private:1, mode:6, offset in the block:45, plain:11} */
};

struct shmeter_histogram { /* of a summary too */
    const struct shmeter_buckets *buckets;
    uint64_t cell; /* offset in a lane */
};

struct shmeter_stateset {
    struct shmeter_gauge gauge; /* its value is the number of the state */
    uint64_t states_n;
};

/* ---- lookups (warm) ---------------------------------------------------------------------------- */

/*
 * The handle of the series with these label values, in the order of the family's labels. A series
 * that does not exist is made. Values are UTF-8 (other bytes become U+FFFD), at most 255 bytes
 * each, 1023 together. Past a limit the handle is that of the series whose values are all
 * __overflow__ (with a system call in one lookup a second), or without labels a private one;
 * shmeter_error says so, once for each limit of a family. A summary's handle is a histogram's. A
 * stateset is in its first state until another one is set. Thread-safe; async-signal-safe where the
 * series exists.
 *
 * In C and C++ the same names without _v take the values as arguments. The compiler checks their
 * types; their number is checked at run time:
 *     shmeter_counter_of(family, "GET", "200")
 * In C++ a value may also have data() and size(), as std::string and std::string_view do.
 */
SHMETER_WARM struct shmeter_counter shmeter_counter_of_v(const struct shmeter_family *family, const char *const *values,
                                                         uint32_t values_len);
SHMETER_WARM struct shmeter_counter_f64 shmeter_counter_f64_of_v(const struct shmeter_family *family,
                                                                 const char *const *values, uint32_t values_len);
SHMETER_WARM struct shmeter_gauge shmeter_gauge_of_v(const struct shmeter_family *family, const char *const *values,
                                                     uint32_t values_len);
SHMETER_WARM struct shmeter_histogram shmeter_histogram_of_v(const struct shmeter_family *family,
                                                             const char *const *values, uint32_t values_len);
SHMETER_WARM struct shmeter_stateset shmeter_stateset_of_v(const struct shmeter_family *family,
                                                           const char *const *values, uint32_t values_len);
SHMETER_COLD void shmeter_info_of_v(const struct shmeter_family *family, const char *const *values,
                                    uint32_t values_len);

/*
 * A label value with its length. It need not end with a zero byte; zero bytes in it become U+FFFD.
 */
struct shmeter_value {
    const char *text;
    size_t bytes;
};

/* The same lookups for values with a length, which are copied onto the stack first. */
SHMETER_WARM struct shmeter_counter shmeter_counter_of_n(const struct shmeter_family *family,
                                                         const struct shmeter_value *values, uint32_t values_len);
SHMETER_WARM struct shmeter_counter_f64
shmeter_counter_f64_of_n(const struct shmeter_family *family, const struct shmeter_value *values, uint32_t values_len);
SHMETER_WARM struct shmeter_gauge shmeter_gauge_of_n(const struct shmeter_family *family,
                                                     const struct shmeter_value *values, uint32_t values_len);
SHMETER_WARM struct shmeter_histogram shmeter_histogram_of_n(const struct shmeter_family *family,
                                                             const struct shmeter_value *values, uint32_t values_len);
SHMETER_WARM struct shmeter_stateset shmeter_stateset_of_n(const struct shmeter_family *family,
                                                           const struct shmeter_value *values, uint32_t values_len);
SHMETER_COLD void shmeter_info_of_n(const struct shmeter_family *family, const struct shmeter_value *values,
                                    uint32_t values_len);

/*
 * Infos whose labels change while the program runs. Infos of one name may have different label
 * names, each set of names in a family of its own; they are exposed together as one metric. replace
 * shows the info with these values and hides all other infos of the name whose first same_len
 * labels have the same names and values (0: all infos of the name), whichever process made them.
 * When several processes replace at once, one of their infos stays. A scrape at that moment may
 * show none. hide hides all infos with those first labels; values has same_len elements. shown
 * tells whether an info with those first labels is exposed, whichever process made it; it walks
 * through all records of the segment. Thread-safe; not async-signal-safe.
 */
SHMETER_COLD void shmeter_info_replace_v(const struct shmeter_family *family, const char *const *values,
                                         uint32_t values_len, uint32_t same_len);
SHMETER_COLD void shmeter_info_hide_v(const struct shmeter_family *family, const char *const *values,
                                      uint32_t same_len);
SHMETER_COLD int shmeter_info_shown_v(const struct shmeter_family *family, const char *const *values,
                                      uint32_t same_len);

/*
 * Takes a series, or all of a family, out of the exposition, and its share of each limit with it:
 * asked for again it starts anew. Handles from before stay safe and count unseen. Its room (record,
 * cell, gauge cell) is used for other series as soon as no process can have a handle of it any
 * more: processes say so by shmeter_quiescent, or end. Thread-safe; not async-signal-safe.
 *
 * In a segment of a release before ABI 1.4 no room comes back, a counter or histogram that is asked
 * for again uses up more of it, and a gauge's handles from before count again when it is asked for.
 */
SHMETER_COLD void shmeter_hide_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len);
SHMETER_COLD void shmeter_hide_n(const struct shmeter_family *family, const struct shmeter_value *values,
                                 uint32_t values_len);
SHMETER_COLD void shmeter_hide_all(const struct shmeter_family *family);

/*
 * Says that this process uses no handle any more of a series that was removed before this call, by
 * whichever process, and that no other thread of it is in a call that is not an update. A program
 * that keeps handles only of series that nobody removes may call it at any time; another one where
 * it has dropped the others, such as between two requests. Room is used again when all processes
 * that were attached at the removal have said so since, or have ended; children that were forked
 * before it speak for themselves. A process that never does holds back what is removed after it was
 * attached, and nothing else.
 *
 * Costs a few loads when nothing was removed, else some system calls (20 us) and those of them that
 * find out whether other processes are done, at most once in 1 ms. Never waits. Where the segment's
 * file cannot be opened (after chroot, or as another user) it changes nothing. A process without a
 * slot says nothing while its gauges count privately. Of several copies of this header in a process
 * that do not share a meter each speaks for itself. Thread-safe; not async-signal-safe.
 */
SHMETER_COLD void shmeter_quiescent(struct shmeter *meter);

/*
 * Removes the series of all families with idle_seconds, of whichever process, whose values have stayed the same for
 * longer, and returns how many; does so only where a quarter of the shortest of these times, or 1 s, has passed since
 * some process did. Lookups that make a series and shmeter_quiescent call it, so that a program needs it only if it
 * does neither for long; shmeter expire does it from outside.
 *
 * A value has stayed the same when two looks have found the same contents, and none between them has found others. So
 * a series goes after idle_seconds, and at most after one and a half of them and 3 s where these calls are frequent.
 * What lasts is: an info, a series without labels, __overflow__, and a gauge of a LIVE mode for which a worker has a
 * value other than 0 that lives, or whose slot nobody has taken since it died. The family's idle_seconds and evict are
 * those of the process that opened it last.
 *
 * It is a removal: handles from before count unseen. A program that keeps handles compares shmeter_changes, or looks
 * the series up each time: then an update brings it back, from 0. In a segment of a release before ABI 1.4 nothing is
 * removed. Costs some 10 ns for each record, and some for each lane of each series, or slot of a gauge. Thread-safe; not
 * async-signal-safe.
 */
SHMETER_COLD uint32_t shmeter_expire(struct shmeter *meter);

/*
 * Parks this process: until its next call that is not an update it holds back only the room of
 * series that are there now. For a program that is about to do nothing but wait, or to update
 * handles that it has: the master of a pool when it has forked its workers, a worker that has
 * registered all that it counts. The next call that looks something up, or shmeter_quiescent, ends it, and
 * opens the segment's file for that: where it cannot (after a change of user or root), no room is used again
 * in this segment. A child that is forked of a parked process is parked.
 *
 * No other thread of the process is in a call that is not an update. Some 20 us. Returns 1 when the
 * process is parked; 0 when it cannot be: the segment gives no room back, its file cannot be opened,
 * or another thread says shmeter_quiescent. Not async-signal-safe.
 */
SHMETER_COLD int shmeter_park(struct shmeter *meter);

/*
 * Whether a series with these values is exposed, whichever process made it. It is one lookup, and
 * makes no series. Thread-safe; not async-signal-safe.
 */
SHMETER_COLD int shmeter_shown_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len);

/*
 * The address of a count that every process increases before it hides a series or shows a hidden
 * one again. Load it with acquire ordering (__atomic_load_n(p, __ATOMIC_ACQUIRE)) before a lookup.
 * As long as a relaxed load finds the same count, the handle's series is exposed; when the count
 * differs, look the series up again. NULL: the meter is detached. Async-signal-safe.
 */
SHMETER_INLINE const uint64_t *shmeter_changes(const struct shmeter *meter);

/* ---- updates (hot) ------------------------------------------------------------------------------ */

/* All updates are thread-safe and async-signal-safe. add: wraps around at 2^64. */
SHMETER_HOT void shmeter_counter_inc(struct shmeter_counter counter);
SHMETER_HOT void shmeter_counter_add(struct shmeter_counter counter, uint64_t n);

/* v < 0 or NaN is refused, and counted as a loss. */
SHMETER_HOT void shmeter_counter_f64_add(struct shmeter_counter_f64 counter, double v);

/*
 * set: NaN is a valid value, but MIN and MAX modes refuse it, and count that as a loss. add, sub,
 * inc and dec: see enum shmeter_mode.
 */
SHMETER_HOT void shmeter_gauge_set(struct shmeter_gauge gauge, double v);
SHMETER_HOT void shmeter_gauge_add(struct shmeter_gauge gauge, double v);
SHMETER_HOT void shmeter_gauge_sub(struct shmeter_gauge gauge, double v);
SHMETER_HOT void shmeter_gauge_inc(struct shmeter_gauge gauge);
SHMETER_HOT void shmeter_gauge_dec(struct shmeter_gauge gauge);

/*
 * Sets a gauge that was never set to 0, so that it is exposed; a gauge that has a value keeps it.
 * In mode POOL that is the pool's value, in other modes this worker's. In LATEST modes it does
 * nothing.
 */
SHMETER_WARM void shmeter_gauge_touch(struct shmeter_gauge gauge);

/*
 * state: its number, from 0 in the order of the family's states. A higher number is refused, and
 * counted as a loss.
 */
SHMETER_WARM void shmeter_stateset_set(struct shmeter_stateset stateset, uint32_t state);

/* NaN is refused, and counted as a loss. An infinity counts in its bucket and not in the sum. */
SHMETER_HOT_LARGE void shmeter_histogram_observe(struct shmeter_histogram histogram, double v);

/* Observes the seconds since start_ticks. */
SHMETER_HOT_LARGE void shmeter_histogram_observe_since(struct shmeter_histogram histogram, uint64_t start_ticks);

/*
 * The time in ticks, from a cheap monotonic clock: the CPU's counter or CLOCK_MONOTONIC, as the
 * first segment says that the process opens. The unit stays the same until the process ends. Ticks
 * of two processes can be compared when both opened the same segment first, in one boot and one
 * time namespace.
 */
SHMETER_HOT uint64_t shmeter_ticks(const struct shmeter *meter);

/*
 * Seconds from start_ticks to now; 0 when start_ticks is later. Time in which the machine was
 * suspended counts if the CPU's counter went on in it. In the first second after the process has
 * opened its first segment the result may be wrong by some 100 ns.
 */
SHMETER_HOT double shmeter_seconds_since(const struct shmeter *meter, uint64_t start_ticks);

/* ---- the worker itself -------------------------------------------------------------------------- */

/*
 * Claims a slot for this process now, if it has none: after fork, before seccomp and chroot.
 * Returns 0; or -errno, and gauges count privately. Another call tries again. -EUSERS: all slots
 * are taken; -ENOTCONN: the meter is detached; -ESHUTDOWN: it is closed. Where it cannot tell
 * otherwise which slots are free, it asks the kernel about each one, which takes 1 us or more per
 * slot. Thread-safe: when several threads call it, one claims the slot for all. Not
 * async-signal-safe.
 */
SHMETER_COLD int shmeter_attach_worker(struct shmeter *meter);

/*
 * Signs of life for the exporter's health checks. On a closed or detached meter they do nothing.
 * Thread-safe, async-signal-safe.
 */
SHMETER_WARM void shmeter_heartbeat(struct shmeter *meter); /* "I am alive", for health */
SHMETER_WARM void shmeter_busy(struct shmeter *meter);      /* a unit of work begins ... */
SHMETER_WARM void shmeter_idle(struct shmeter *meter);      /* ... and ends */

/*
 * Sets the state of one of up to 8 named checks of this worker. A name has at most 47 bytes, a
 * message 95; longer ones are cut. A ninth check is refused, and counted as a loss. Thread-safe:
 * reports of several threads and signal handlers are shown whole, one after the other, and those of
 * one thread in its order. While another thread is reporting, it may take over this thread's
 * report, which is then shown when that thread's call ends. Async-signal-safe; a signal handler
 * must not leave it by longjmp.
 */
SHMETER_COLD void shmeter_check(struct shmeter *meter, const char *check, enum shmeter_health health,
                                const char *message);

/*
 * ---- surroundings --------------------------------------------------------------------------------
 *
 * Descriptors. None stays open: mappings hold the segment and the lock that shows other processes
 * that this one lives. A descriptor that is open for a moment never has the number of a standard
 * stream, even if the program has closed those streams.
 *
 * All slots taken. A process that finds no free slot counts its gauges privately; only the set of a
 * POOL gauge needs no slot. At the next update of a gauge, heartbeat, busy, idle or check it looks
 * again, if a slot was released meanwhile or a second has passed. Its gauges, checks and count of
 * work are then carried into the new slot.
 *
 * Flags. -ffast-math, -Ofast and the options that they turn on do not change what the header does.
 * There is one exception: programs linked with -ffast-math flush subnormal numbers, so in their
 * threads a sum below 2.3e-308 is 0.
 *
 * Clocks. Where the kernel cannot read its clock without a system call (clock sources hpet and
 * acpi_pm; xen without its page), shmeter_ticks, timers, heartbeats, busy and sets of LATEST gauges
 * make the system call clock_gettime(2) each time. Counters, histograms and other gauges read no
 * clock.
 *
 * mlockall(2) does not fill the segment's holes with memory if it is called before shmeter_open, or
 * on Linux 6.15 and later. On earlier kernels a program that calls it after shmeter_open has to use
 * MCL_ONFAULT, or the whole segment gets memory and is locked. Memory that the header allocates in
 * the segment is locked as the program asked, unless that would use up its RLIMIT_MEMLOCK.
 *
 * Fork. Where the kernel does not wipe memory at fork (gVisor), a child of clone(2) or _Fork(3) has
 * to call shmeter_attach_worker before it updates gauges.
 */

#ifdef __cplusplus
}
#endif

/* ======== nothing below is for users ============================================================= */

#include "values.h"

#include "update.h"

#if !defined(SHMETER_LINK) || defined(SHMETER_BUILD_LIBRARY)
#include "cold.h"
#endif

#pragma GCC diagnostic pop

#endif
