// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For fuzz targets: what every text for people must be, and the input as a string or a file.
#ifndef PAPERGUARD_TESTS_FUZZ_TEXT_H
#define PAPERGUARD_TESTS_FUZZ_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Bytes of the character at s, 0 when it is none: UTF-8 without control characters.
static inline size_t text_char(const unsigned char *s)
{
    if (s[0] < 0x80)
        return s[0] >= ' ' && s[0] != 0x7f ? 1 : 0;
    const size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || (s[0] == 0xc2 && s[1] < 0xa0))
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

// A failure says something, in one line that a terminal shows as it is.
static inline void text_check(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t len = 1;
    while (*s && (len = text_char(s)) > 0)
        s += len;
    if (*text && !*s)
        return;
    fprintf(stderr, "not for people at byte %zu: \"%s\"\n", (size_t)((const char *)s - text), text);
    abort();
}

// Exactly as long as the input, so that reading past its end is seen.
static inline char *text_input(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

// The path of a file with these bytes, for the next call to write over; it is nowhere on disk.
static inline const char *text_file(const char *bytes, size_t len)
{
    static char path[32];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        CHECK(fd >= 0 && fchmod(fd, 0600) == 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, len, 0) == (ssize_t)len);
    return path;
}

#endif
