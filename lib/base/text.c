// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Bounded text. Once an add did not fit, all later adds are dropped too: a text with a hole in it is worse than a cut
// one.
#include "lib/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTED_WHOLE 24
#define QUOTED_CUT 11
#define TEXT_FIRST_CAP 64
#define NEAREST_WORD_MAX 63

void text_init(struct text *t, size_t max)
{
    CHECK(max < SIZE_MAX / 4); // sums of lengths stay far from wrapping
    *t = (struct text){.max = max};
}

void text_free(struct text *t)
{
    free(t->data);
    text_init(t, t->max);
}

void text_wipe_free(struct text *t)
{
    if (t->data != NULL)
        mem_wipe(t->data, t->cap);
    text_free(t);
}

void text_clear(struct text *t)
{
    t->len = 0;
    t->overflow = false;
    if (t->data != NULL)
        t->data[0] = '\0';
}

// Makes room for `more` bytes and the NUL, or sets overflow. Growth copies and wipes instead of realloc, so that no old
// copy of a secret stays behind in the heap.
static bool text_grow(struct text *t, size_t more)
{
    if (t->overflow || more > t->max - t->len) {
        t->overflow = true;
        return false;
    }
    size_t need = t->len + more + 1;
    if (need <= t->cap)
        return true;
    size_t cap = t->cap == 0 ? TEXT_FIRST_CAP : t->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    char *data = check_alloc(cap, 1);
    if (t->data != NULL) {
        memcpy(data, t->data, t->len + 1);
        mem_wipe(t->data, t->cap);
        free(t->data);
    }
    t->data = data;
    t->cap = cap;
    return true;
}

void text_addn(struct text *t, const char *s, size_t len)
{
    if (!text_grow(t, len))
        return;
    if (len > 0)
        memcpy(t->data + t->len, s, len);
    t->len += len;
    t->data[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
    text_addn(t, s, strlen(s));
}

void text_addc(struct text *t, char c)
{
    text_addn(t, &c, 1);
}

void text_addf(struct text *t, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(n >= 0);
    if (text_grow(t, (size_t)n)) {
        (void)vsnprintf(t->data + t->len, (size_t)n + 1, format, again);
        t->len += (size_t)n;
    }
    va_end(again);
}

const char *text_str(const struct text *t)
{
    return t->data == NULL ? "" : t->data;
}

char *text_take(struct text *t)
{
    char *data = t->data == NULL ? check_strdup("") : t->data;
    text_init(t, t->max);
    return data;
}

size_t str_char(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t more = s[0] < 0x80 ? 0 : s[0] >= 0xc2 && s[0] <= 0xdf ? 1 : s[0] >= 0xe0 && s[0] <= 0xef ? 2 : 3;
    if (more == 3 && (s[0] < 0xf0 || s[0] > 0xf4))
        return 0;
    for (size_t i = 1; i <= more; i++)
        if ((s[i] & 0xc0) != 0x80) // the NUL at the end stops here too
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return more + 1;
}

void str_make_readable(char *s)
{
    while (*s) {
        const size_t len = str_char(s);
        const unsigned char c = (unsigned char)*s, next = (unsigned char)s[1];
        if (c == '\n' || c == '\t')
            *s = ' ';
        else if (len == 0 || c < ' ' || c == 0x7f || (c == 0xc2 && next < 0xa0))
            memset(s, '?', len ? len : 1);
        s += len ? len : 1;
    }
}

bool str_copy(char *out, size_t size, const char *s)
{
    CHECK(size > 0);
    size_t n = strnlen(s, size);
    bool fits = n < size;
    if (!fits)
        for (n = size - 1; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
            n--;
    memmove(out, s, n);
    out[n] = '\0';
    return fits;
}

void str_copy_cut(char *out, size_t size, const char *s)
{
    (void)!str_copy(out, size, s);
}

bool str_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

bool str_has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words + strspn(words, " "); *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, word, n) == 0)
            return true;
        at += n;
    }
    return false;
}

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n >= k && memcmp(s + n - k, suffix, k) == 0;
}

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_equal_nocase(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    while (*a != '\0' && ascii_lower(*a) == ascii_lower(*b)) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}

bool str_int64(const char *s, int64_t min, int64_t max, int64_t *out)
{
    if (s == NULL)
        return false;
    bool negative = *s == '-';
    if (negative)
        s++;
    if (*s == '\0')
        return false;
    int64_t n = 0;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, 10, &n))
            return false;
        int digit = *s - '0';
        if (__builtin_add_overflow(n, negative ? -digit : digit, &n))
            return false;
    }
    if (n < min || n > max)
        return false;
    *out = n;
    return true;
}

// Edit distance with one row; a swap of neighbours counts as two edits.
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NEAREST_WORD_MAX + 1];
    size_t len_b = strlen(b);
    for (size_t j = 0; j <= len_b; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < len_b; j++) {
            size_t best = diagonal + (ascii_lower(a[i]) != ascii_lower(b[j]));
            diagonal = row[j + 1];
            if (diagonal + 1 < best)
                best = diagonal + 1;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            row[j + 1] = best;
        }
    }
    return row[len_b];
}

const char *str_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t len = strlen(word), best = 4;
    const char *found = NULL;
    if (len > NEAREST_WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (candidates[i] == NULL || strlen(candidates[i]) > NEAREST_WORD_MAX)
            continue;
        size_t d = edit_distance(word, candidates[i]);
        if (d < best && d * 2 < len) {
            best = d;
            found = candidates[i];
        }
    }
    return found;
}

int str_quoted(const char *value)
{
    size_t len = strlen(value);
    return len > QUOTED_WHOLE ? QUOTED_CUT : (int)len;
}

void mem_wipe(void *p, size_t len)
{
    explicit_bzero(p, len);
}

const char *key_redact(const char *key_id, char out[16])
{
    size_t len = key_id == NULL ? 0 : strlen(key_id);
    if (len < 8)
        (void)snprintf(out, 16, "\u2026");
    else
        (void)snprintf(out, 16, "%.2s\u2026%.4s", key_id, key_id + len - 4);
    return out;
}
