// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Assertions that stay on in every build, and the compiler attributes used across the house.
// CHECK is for invariants of our own code only, never for what a peer, a file or an operator may do.
#ifndef PAPERGUARD_BASE_CHECK_H
#define PAPERGUARD_BASE_CHECK_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define NORETURN __attribute__((noreturn))
#define NEVER_NULL __attribute__((returns_nonnull))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            check_failed(#cond, __FILE__, __LINE__, __func__);                                                         \
    } while (0)

// Writes one line to stderr (no allocation, no log) and aborts.
NORETURN void check_failed(const char *condition, const char *file, int line, const char *function);

// Allocation that cannot fail: an exhausted heap ends the process with a line on stderr (nothing half-done is sent).
// The caller owns what is returned and frees it with free().
NEVER_NULL void *check_alloc(size_t count, size_t size); // zeroed
NEVER_NULL void *check_realloc(void *old, size_t size);
NEVER_NULL char *check_strdup(const char *s);
NEVER_NULL char *check_strndup(const char *s, size_t len);

#endif
