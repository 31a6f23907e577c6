// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Bounded text: a growable buffer with a hard cap, and small helpers on C strings.
#ifndef PAPERGUARD_BASE_TEXT_H
#define PAPERGUARD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/check.h"

struct text {
    char *data; // always NUL-terminated once anything was added; owned; NULL when nothing was
    size_t len; // without the NUL
    size_t cap;
    size_t max; // hard bound on len; beyond it adds are dropped and overflow is set
    bool overflow;
};

void text_init(struct text *t, size_t max);
void text_free(struct text *t);      // also re-initialises with the same max
void text_wipe_free(struct text *t); // for secrets: overwritten before it is freed
void text_clear(struct text *t);     // keeps the memory
void text_add(struct text *t, const char *s);
void text_addn(struct text *t, const char *s, size_t len);
void text_addc(struct text *t, char c);
void text_addf(struct text *t, const char *format, ...) PRINTF_LIKE(2, 3);
const char *text_str(const struct text *t); // "" when empty
char *text_take(struct text *t);            // hands the buffer to the caller (free()); t is empty after

// Bytes of the UTF-8 character at s (1 to 4), or 0 when it is none (overlong, a surrogate, beyond U+10FFFF, cut).
size_t str_char(const char *text);
// What is quoted may come from anywhere: makes of it one line of whole characters that moves no cursor.
void str_make_readable(char *s);
// Bounded copy; returns false (and cuts, between characters and always NUL-terminated) when it does not fit.
bool str_copy(char *out, size_t size, const char *s) MUST_CHECK;
void str_copy_cut(char *out, size_t size, const char *s); // cutting is fine
bool str_equal(const char *a, const char *b);             // NULL-safe: NULL equals only NULL
bool str_has_word(const char *words, const char *word);   // one of those between spaces
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
bool str_equal_nocase(const char *a, const char *b); // ASCII only
// Integer from the whole of a string, base 10, no blanks, no plus. false when anything is off or out of [min, max].
bool str_int64(const char *s, int64_t min, int64_t max, int64_t *out) MUST_CHECK;
// How many bytes of a wrong value are repeated: all of a short one; of a long one the beginning, as it may be a secret
// that got into the wrong place. For "%.*s".
int str_quoted(const char *value);
// The candidate nearest to word by edit distance (at most 3, and less than half the word), or NULL. Case ignored.
const char *str_nearest(const char *word, const char *const *candidates, size_t count);
// Overwrites memory in a way the compiler keeps.
void mem_wipe(void *p, size_t len);
// "PK…last4" form of a key id (UTF-8 ellipsis); shorter than 8 characters shows only "…".
const char *key_redact(const char *key_id, char out[16]);

#endif
