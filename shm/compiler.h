/*
 * How functions of the header are compiled. The one header serves three kinds of translation unit:
 *   by default  everything is static in the unit that includes it;
 *   SHMETER_LINK  the cold functions are declared only and come from libshmeter.so; updates stay inline;
 *   SHMETER_BUILD_LIBRARY  libshmeter.so itself: all public functions are symbols, updates too (for FFI).
 */
#ifndef SHMETER_SHM_COMPILER_H
#define SHMETER_SHM_COMPILER_H

#if defined(SHMETER_BUILD_LIBRARY)
#define SHMETER_HOT       __attribute__((visibility("default")))
#define SHMETER_HOT_LARGE SHMETER_HOT
#define SHMETER_WARM      __attribute__((visibility("default"), noinline))
#define SHMETER_COLD      __attribute__((visibility("default"), cold, noinline))
#else
#define SHMETER_HOT       static inline __attribute__((unused, always_inline)) /* compilers overrate an asm's size */
#define SHMETER_HOT_LARGE static inline __attribute__((unused))
#if defined(SHMETER_LINK)
#define SHMETER_WARM
#define SHMETER_COLD
#else
#define SHMETER_WARM static __attribute__((unused, noinline))
#define SHMETER_COLD static __attribute__((unused, cold, noinline))
#endif
#endif
/* Not public: inlined into updates, or used by cold functions only. */
#define SHMETER_INLINE static inline __attribute__((unused, always_inline))
#define SHMETER_LOCAL  static __attribute__((unused))

#if defined(__SANITIZE_THREAD__)
#define SHMETER_THREAD_SANITIZER 1
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHMETER_THREAD_SANITIZER 1
#endif
#if __has_feature(memory_sanitizer)
#define SHMETER_MEMORY_SANITIZER 1
#endif
#endif

#define SHMETER_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define SHMETER_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* The conversions between stored addresses and pointers, in one place for C and C++. */
#define SHMETER_POINTER(type, address) ((type)(uintptr_t)(address))
#define SHMETER_ADDRESS(pointer)       ((uint64_t)(uintptr_t)(pointer))

#endif
