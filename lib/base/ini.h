// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Strict INI reader over bytes. Lines: blank, "# comment" or "; comment" at the start only, "[section]" or
// "[section \"name\"]", "key = value". Keys are [a-z0-9_-]+. No continuation, no inline comments, no quotes, no lines
// above INI_LINE_MAX, no NUL or control bytes but TAB, no BOM, CRLF refused, a key before any section refused. Indented
// lines are refused (other readers take them as continuations), and so is a value wrapped in quotes. A name is 1 to 64
// printable ASCII characters. Whether a section or key may come twice is for the callback to decide.
#ifndef PAPERGUARD_BASE_INI_H
#define PAPERGUARD_BASE_INI_H

#include <stddef.h>

#include "lib/base/err.h"

#define INI_LINE_MAX 16384
#define INI_LINES_MAX 10000

struct ini_item {
    const char *file;    // as given
    unsigned line;       // 1-based
    const char *section; // "risk"
    const char *name;    // of [strategy "core"], or NULL
    const char *key;     // NULL: the section header itself
    const char *value;   // trimmed; may be empty
};

// Called per section header and per key; the item's strings are valid for the call. A non-zero return stops the reading
// and is returned, with "FILE:LINE: " put in front of the err's text unless it starts so already.
typedef int ini_item_fn(void *arg, const struct ini_item *item, struct err *err);

// Parses `len` bytes. Errors read "FILE:LINE: what". 0, -1, or what the callback returned.
int ini_parse(const char *file, const char *bytes, size_t len, ini_item_fn *fn, void *arg, struct err *err) MUST_CHECK;

#endif
