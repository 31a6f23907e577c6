// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Texts are built beside the struct and then copied, so that a caller may format an err's own text into it.
#include "lib/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

int err_set(struct err *err, const char *format, ...)
{
    if (err == NULL)
        return -1;
    char buf[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(buf, sizeof buf, format, args);
    va_end(args);
    str_make_readable(buf);
    memcpy(err->text, buf, strlen(buf) + 1);
    return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
    if (err == NULL)
        return -1;
    char buf[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(buf, sizeof buf, format, args);
    va_end(args);
    char whole[2 * ERR_TEXT_MAX + 2];
    (void)snprintf(whole, sizeof whole, "%s: %s", buf, err->text);
    whole[ERR_TEXT_MAX - 1] = '\0';
    str_make_readable(whole);
    memcpy(err->text, whole, strlen(whole) + 1);
    return -1;
}
