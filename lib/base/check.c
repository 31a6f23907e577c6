// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Assertions that stay on, and allocation that cannot fail.
#include "lib/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void stderr_line(const char *line, int len, size_t size)
{
    if (len < 0)
        return;
    size_t n = (size_t)len < size ? (size_t)len : size - 1;
    // Nothing can be done about a stderr that is gone.
    if (write(STDERR_FILENO, line, n) < 0)
        return;
}

void check_failed(const char *condition, const char *file, int line, const char *function)
{
    char buf[512];
    stderr_line(
        buf,
        snprintf(buf, sizeof buf, "paperguard: broken invariant: %s (%s:%d, %s)\n", condition, file, line, function),
        sizeof buf);
    abort();
}

static NORETURN void out_of_memory(size_t size)
{
    char buf[128];
    stderr_line(buf, snprintf(buf, sizeof buf, "paperguard: out of memory, %zu bytes wanted\n", size), sizeof buf);
    abort();
}

void *check_alloc(size_t count, size_t size)
{
    // A zero size still gives a pointer of its own.
    void *p = count == 0 || size == 0 ? calloc(1, 1) : calloc(count, size);
    if (p == NULL)
        out_of_memory(size);
    return p;
}

void *check_realloc(void *old, size_t size)
{
    void *p = realloc(old, size == 0 ? 1 : size);
    if (p == NULL)
        out_of_memory(size);
    return p;
}

char *check_strdup(const char *s)
{
    return check_strndup(s, strlen(s));
}

char *check_strndup(const char *s, size_t len)
{
    size_t n = strnlen(s, len);
    char *p = check_alloc(n + 1, 1);
    memcpy(p, s, n);
    return p;
}
