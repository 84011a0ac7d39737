/*
 * shmeter: counters, gauges and histograms of a pool of processes, in shared memory.
 *
 * Open a meter, open families, get handles; then update through the handles, from any thread, any
 * forked child and any signal handler, in about a nanosecond. A separate program,
 * shmeter-exporter, serves them to Prometheus.
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
 * C11 and C++17, gcc >= 11 and clang >= 14, Linux on x86-64 and aarch64. No library is needed:
 * everything is static in the including file. Define SHMETER_LINK before the include to take the
 * cold functions from libshmeter.so, and SHMETER_NO_CK to use the compiler's atomics instead of
 * Concurrency Kit's.
 *
 * Temperatures. All functions are thread-safe and lock-free: nothing waits for another thread or
 * process.
 *   hot   Updates. They return nothing, cannot fail, make no system call, take no lock, allocate
 *         nothing, and are async-signal-safe and reentrant. In a forked child the first gauge or
 *         heartbeat claims a slot, with a bounded number of system calls (some 70, and one for
 *         each lane); shmeter_attach_worker does it ahead of time.
 *   warm  Lookups. No system call when the series exists.
 *   cold  All else. They return 0 or -errno; shmeter_error has the words.
 *
 * Nothing has to succeed. A handle that could not be had (no segment, a limit, wrong arguments) or
 * is zeroed counts into private memory. Handles stay valid until the process ends, also after fork
 * and shmeter_close.
 *
 * Not for children of vfork or CLONE_VM before exec: they share their parent's area of restartable
 * sequences, unregistered. "Surroundings", below the prototypes, has the rest: descriptors, full
 * segments, compiler flags, clocks, mlockall.
 */
#ifndef SHMETER_H
#define SHMETER_H

#include <stddef.h>
#include <stdint.h>

/* Warnings that some programs ask for, about the way of writing that C and C++ share. */
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
 * name ([A-Za-z0-9_.-], at most 64), or a path of a file on a tmpfs (anything with a '/'); NULL:
 * $SHMETER_SEGMENT, or "default"; where that is private, off or empty, as for tests, the meter counts
 * into private memory and this is no error. options: NULL for the defaults; sizes count only for the creator.
 *
 * Returns 0, or -errno and *out is still a usable meter, detached, whose handles count privately;
 * the result may be ignored. *out is NULL only when the process has no memory at all, and every
 * function takes that as detached. -EINVAL: a bad name, options without struct_bytes, or a file
 * that is no segment; -EPERM, -EACCES: another user's; -EPROTONOSUPPORT: another ABI; -ENOSPC.
 * The same segment opened twice is one meter, also by two threads at once. Thread-safe; not
 * async-signal-safe.
 */
SHMETER_COLD int shmeter_open(struct shmeter **out, const char *segment, const struct shmeter_options *options);

/*
 * Undoes one open. The last one releases this process's slot; gauges count for nobody until the
 * segment is opened again, when they begin unset. At exit(3), at a return from main and at
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
 * Opens a family: validates the description, finds or adds its record. Call it once per process and
 * family; the same description again gives the same family, also to threads that open it at once.
 * Never NULL as long as there is memory, and NULL is taken as a family that counts privately. A bad
 * description, or a second one under one name in this process, is told by shmeter_error and counts
 * privately: of two that are opened at once, one is the second. Thread-safe; not async-signal-safe.
 *
 * Of several definitions of a name, in several processes, the one is in force that was opened last
 * of those that living processes have open. What others count is added to it, or is a loss
 * (docs/health.md, "Definitions"). A family stays open until it is given up, the meter is closed or
 * the process ends; to open it again meanwhile changes nothing. A forked child that opens one
 * claims its slot.
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
 * Gives a family's name up: another description may take it in this process. This process has the
 * family open no more, so that another one of its name is in force if a living process has one
 * open. Handles of before stay safe and count on; lookups in the old family count privately, until
 * the same description opens it again. Then it is in force, as what was opened last. Thread-safe: a
 * thread that opens a family of this name meanwhile does so before or after it. Not
 * async-signal-safe.
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
    const uint64_t *slot; /* where the address of this process's slot block stands */
    uint64_t cell;        /* {plain:1 (low), private:1, mode:6, offset in the block:45, plain:11} */
};

struct shmeter_histogram { /* and of a summary */
    const struct shmeter_buckets *buckets;
    uint64_t cell; /* offset in a lane */
};

struct shmeter_stateset {
    struct shmeter_gauge gauge; /* its value is the number of the state */
    uint64_t states_n;
};

/* ---- lookups (warm) ---------------------------------------------------------------------------- */

/*
 * The handle of the series with these label values, in the order of the family's labels; made when
 * it is new. Values are UTF-8 (other bytes become U+FFFD), at most 255 bytes each, 1023 together.
 * Past a limit the handle is that of the series whose values are all __overflow__ (with a system
 * call in one lookup a second), or without labels a private one; shmeter_error says so, once for
 * each limit of a family. A summary's handle is a histogram's. A stateset is in its first state
 * until another one is set. Thread-safe; async-signal-safe where the series exists.
 *
 * In C and C++ these names without _v take the values as arguments, of which the type is checked
 * when it is compiled and the number when it runs:
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

/* A label value of so many bytes, which need not end with a zero; zeros in it become U+FFFD. */
struct shmeter_value {
    const char *text;
    size_t bytes;
};

/* The same of values with a length, which are copied onto the stack first. */
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
 * names, in a family each; they stand together as one metric. replace shows the info of these
 * values and hides all others of the name that have the same first same_len labels, names and
 * values (0: all), whichever process made them; when several do so at once, one of theirs stays.
 * There may be none for a moment. hide hides all with those first labels; values has same_len of
 * them. shown tells whether one with those first labels is exposed, whichever process made it: it
 * reads each record of the segment once, and no values. Thread-safe; not async-signal-safe.
 */
SHMETER_COLD void shmeter_info_replace_v(const struct shmeter_family *family, const char *const *values,
                                         uint32_t values_len, uint32_t same_len);
SHMETER_COLD void shmeter_info_hide_v(const struct shmeter_family *family, const char *const *values,
                                      uint32_t same_len);
SHMETER_COLD int shmeter_info_shown_v(const struct shmeter_family *family, const char *const *values,
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
 * Whether a series of these values is exposed, whichever process made it: one lookup, that makes
 * none. Thread-safe; not async-signal-safe.
 */
SHMETER_COLD int shmeter_shown_v(const struct shmeter_family *family, const char *const *values, uint32_t values_len);

/*
 * The address of a counter that any process increases before it hides a series or shows one again.
 * Load it with acquire ordering (__atomic_load_n(p, __ATOMIC_ACQUIRE)) before a lookup. While a
 * relaxed load finds the same count, the handle's series is exposed; at another count look the
 * series up again. NULL: no memory. Async-signal-safe.
 */
SHMETER_INLINE const uint64_t *shmeter_changes(const struct shmeter *meter);

/* ---- updates (hot) ------------------------------------------------------------------------------ */

/* Thread-safe and async-signal-safe, all of them. add: wraps around at 2^64. */
SHMETER_HOT void shmeter_counter_inc(struct shmeter_counter counter);
SHMETER_HOT void shmeter_counter_add(struct shmeter_counter counter, uint64_t n);

/* v < 0 or NaN is refused and counted. */
SHMETER_HOT void shmeter_counter_f64_add(struct shmeter_counter_f64 counter, double v);

/* set: NaN is a value, but MIN and MAX refuse and count it. add and its like: see the mode, enum shmeter_mode. */
SHMETER_HOT void shmeter_gauge_set(struct shmeter_gauge gauge, double v);
SHMETER_HOT void shmeter_gauge_add(struct shmeter_gauge gauge, double v);
SHMETER_HOT void shmeter_gauge_sub(struct shmeter_gauge gauge, double v);
SHMETER_HOT void shmeter_gauge_inc(struct shmeter_gauge gauge);
SHMETER_HOT void shmeter_gauge_dec(struct shmeter_gauge gauge);

/*
 * Makes a gauge that was never set 0, so that it is exposed, and changes no other: POOL for all
 * workers and for good, the other modes this worker's value. In LATEST modes a gauge stays unset.
 */
SHMETER_WARM void shmeter_gauge_touch(struct shmeter_gauge gauge);

/* The state of this number, from 0 in the order of the family's states; another one is refused and counted. */
SHMETER_WARM void shmeter_stateset_set(struct shmeter_stateset stateset, uint32_t state);

/* NaN is refused and counted; an infinity counts in its bucket and not in the sum. */
SHMETER_HOT_LARGE void shmeter_histogram_observe(struct shmeter_histogram histogram, double v);

/* Observes the seconds since start_ticks. */
SHMETER_HOT_LARGE void shmeter_histogram_observe_since(struct shmeter_histogram histogram, uint64_t start_ticks);

/*
 * Monotonic and cheap. The unit is the machine's, as the first segment says that the process opens;
 * it stays for as long as the process lives, whatever segments come and go. So it is the same for
 * all processes that open the same segment first, of one boot and one time namespace.
 */
SHMETER_HOT uint64_t shmeter_ticks(const struct shmeter *meter);

/*
 * Seconds from start_ticks to now; 0 when the start is later. Time in which the machine was
 * suspended counts where its counter goes on. In the first second after the process has opened it
 * may be wrong by some 100 ns.
 */
SHMETER_HOT double shmeter_seconds_since(const struct shmeter *meter, uint64_t start_ticks);

/* ---- the worker itself -------------------------------------------------------------------------- */

/*
 * Claims this process's slot now (after fork, before seccomp and chroot), if it has none. 0, or
 * -errno and gauges count privately; calling it again tries again. -EUSERS: all are taken;
 * -ENOTCONN: detached; -ESHUTDOWN: closed. Asks the kernel for each slot, if it must: 1 us and more
 * for each. Thread-safe: of several threads one gets the slot for all. Not async-signal-safe.
 */
SHMETER_COLD int shmeter_attach_worker(struct shmeter *meter);

/* What the worker says of itself; of a closed or detached meter, nothing. Thread-safe, async-signal-safe. */
SHMETER_WARM void shmeter_heartbeat(struct shmeter *meter); /* "I am alive", for health */
SHMETER_WARM void shmeter_busy(struct shmeter *meter);      /* a unit of work begins ... */
SHMETER_WARM void shmeter_idle(struct shmeter *meter);      /* ... and ends */

/*
 * The state of one of up to 8 named checks of this worker (name 47, message 95 bytes; longer ones
 * are cut). A ninth one is refused and counted. Thread-safe; what threads and signal handlers
 * report at once is shown one after the other, whole, and each thread's in its order. A report may
 * be left to the thread that is reporting already, and is shown when that one has ended.
 * Async-signal-safe; not to be left by longjmp.
 */
SHMETER_COLD void shmeter_check(struct shmeter *meter, const char *check, enum shmeter_health health,
                                const char *message);

/*
 * ---- surroundings --------------------------------------------------------------------------------
 *
 * Descriptors. None stays open: the segment, and the lock that tells others that this process
 * lives, are held by mappings. Descriptors that are open for a moment never have the numbers of
 * standard streams, also where the program has closed those.
 *
 * All slots taken. A process that finds no slot counts its gauges privately, but for the value of a
 * POOL that it sets, which needs none. It looks again at gauges, heartbeats, busy, idle and checks,
 * when a slot has been given back or a second has gone; its gauges, checks and work go along.
 *
 * Flags. -ffast-math, -Ofast and their parts change nothing in the header; only sums of numbers
 * below 2.3e-308 are 0 in a thread that flushes them, as programs do that are linked with
 * -ffast-math.
 *
 * Clocks. Where the kernel cannot read its clock without a system call (clock sources hpet and
 * acpi_pm; xen without its page), shmeter_ticks, timers, heartbeats, busy and sets of LATEST gauges
 * each make one, clock_gettime(2). Counters, histograms and other gauges read no clock.
 *
 * mlockall(2) gives no memory to what of the segment has none, if it is called before shmeter_open,
 * or on Linux 6.15 and later; on earlier kernels a program that locks afterwards does so with
 * MCL_ONFAULT, or locks the whole segment. Memory that is handed out is locked as the program wants
 * it, unless that would use up its RLIMIT_MEMLOCK.
 *
 * Where the kernel does not wipe memory at fork (gVisor), a child of clone(2) or _Fork(3) calls
 * shmeter_attach_worker before it sets gauges.
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
