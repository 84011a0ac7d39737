/*
 * What compilers differ in.
 */
#ifndef SHMETER_SHM_COMPILER_H
#define SHMETER_SHM_COMPILER_H

#include "linkage.h"

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

#ifdef __cplusplus
#define SHMETER_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define SHMETER_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define SHMETER_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define SHMETER_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* The conversions between stored addresses and pointers, in one place for C and C++. */
#define SHMETER_POINTER(type, address) ((type)(uintptr_t)(address))
#define SHMETER_ADDRESS(pointer)       ((uint64_t)(uintptr_t)(pointer))

#endif
