/*
 * How functions of the header are compiled. The one header serves three kinds of translation unit:
 *   by default  everything is static in the unit that includes it;
 *   SHMETER_LINK  the cold functions are declared only and come from libshmeter.so; updates stay inline;
 *   SHMETER_BUILD_LIBRARY  libshmeter.so itself: all public functions are symbols, updates too (for FFI).
 */
#ifndef SHMETER_SHM_LINKAGE_H
#define SHMETER_SHM_LINKAGE_H

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
/* Where the library has an older or newer struct shmeter_desc than the program, the program says which. */
#if defined(SHMETER_LINK) && !defined(SHMETER_BUILD_LIBRARY)
#define SHMETER_FAMILY SHMETER_HOT
#else
#define SHMETER_FAMILY SHMETER_COLD
#endif
/* A member's default value: C++ has one, C has zeros. And a struct of which all members have theirs. */
/* clang-format off */
#ifdef __cplusplus
#define SHMETER_INIT(value) = value
#define SHMETER_ZEROED {}
#else
#define SHMETER_INIT(value)
#define SHMETER_ZEROED { 0 }
#endif
/* clang-format on */

#endif
