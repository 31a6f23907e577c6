// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Connection strings: the password is taken out of them before anybody else sees them, and words that say production
// are found. Both forms libpq knows, read as libpq reads them: URL and key = value.
#include <stdlib.h>
#include <string.h>

#include "daemon/facts_internal.h"
#include "lib/base/text.h"
#include "lib/base/http_text.h"

#define DSN_MAX 4096
#define BLANKS " \t\n\v\f\r"

// Percent-decoded copy, or NULL (a bad escape, a NUL, empty).
static char *decoded(const char *s, size_t len)
{
    char *out = check_alloc(1, len + 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        out[n] = s[i];
        if (s[i] == '%') {
            const int high = i + 2 < len ? http_hex_value((unsigned char)s[i + 1]) : -1,
                      low = i + 2 < len ? http_hex_value((unsigned char)s[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0) {
                free(out);
                return NULL;
            }
            out[n] = (char)(high * 16 + low);
            i += 2;
        }
        n++;
    }
    if (n == 0) {
        free(out);
        return NULL;
    }
    return out;
}

static int bad_password(struct err *err)
{
    return err_set(err, "the password in it is empty, there twice or badly escaped; percent-encode it, or set "
                        "STAGING_DB_PASSWORD instead");
}

// ?a=b&password=x: copies all but the password.
static int query_split(const char *query, struct text *clean, char **password, struct err *err)
{
    char separator = '?';

    for (const char *p = query; *p;) {
        const size_t len = strcspn(p, "&");
        if (memchr(p, '%', strcspn(p, "=&")))
            return err_set(err, "the name of a parameter has a %%-escape; write it plainly");
        if (len >= 9 && strncmp(p, "password=", 9) == 0) {
            if (*password || !(*password = decoded(p + 9, len - 9)))
                return bad_password(err);
        } else if (len) {
            text_addc(clean, separator);
            text_addn(clean, p, len);
            separator = '&';
        }
        p += len + (p[len] == '&');
    }
    return 0;
}

static int url_split(const char *dsn, struct text *clean, char **password, struct err *err)
{
    const char *p = strstr(dsn, "://") + 3;
    const size_t authority = strcspn(p, "/?#");
    const char *at = memchr(p, '@', authority);

    text_addn(clean, dsn, (size_t)(p - dsn));
    if (!at && memchr(p, '@', strcspn(p, "/"))) // libpq takes all of it for user and password
        return bad_password(err);
    if (at) {
        const char *colon = memchr(p, ':', (size_t)(at - p));
        if (memchr(at + 1, '@', authority - (size_t)(at + 1 - p)))
            return bad_password(err);
        if (colon && !(*password = decoded(colon + 1, (size_t)(at - colon - 1))))
            return bad_password(err);
        text_addn(clean, p, (size_t)((colon ? colon : at) - p));
        p = at;
    }
    const size_t rest = strcspn(p, "?");
    text_addn(clean, p, rest);
    return p[rest] ? query_split(p + rest + 1, clean, password, err) : 0;
}

// One value of a key = value string, quotes and backslashes taken away; returns what follows, NULL when a quote stays
// open.
static const char *value_read(const char *p, struct text *value)
{
    const bool quoted = *p == '\'';

    for (p += quoted; *p && !strchr(quoted ? "'" : BLANKS, *p); p++) {
        if (*p == '\\' && !*++p)
            break;
        text_addc(value, *p);
    }
    if (quoted)
        return *p ? p + 1 : NULL;
    return p;
}

static int words_split(const char *dsn, struct text *clean, char **password, struct err *err)
{
    for (const char *p = dsn + strspn(dsn, BLANKS); *p; p += strspn(p, BLANKS)) {
        const char *start = p;
        const size_t key = strcspn(p, BLANKS "=");
        struct text value;

        p += key;
        p += strspn(p, BLANKS);
        if (*p != '=' || key == 0)
            return err_set(err, "expected postgresql://… or key=value pairs");
        p += 1 + strspn(p + 1, BLANKS);
        text_init(&value, DSN_MAX);
        p = value_read(p, &value);
        if (!p) {
            text_wipe_free(&value);
            return err_set(err, "a quote in it stays open");
        }
        if (key == 8 && strncmp(start, "password", 8) == 0) {
            const bool twice = *password != NULL;
            if (!twice)
                *password = check_strdup(text_str(&value));
            if (twice || !value.len) {
                text_wipe_free(&value);
                return bad_password(err);
            }
        } else {
            if (clean->len)
                text_addc(clean, ' ');
            text_addn(clean, start, (size_t)(p - start));
        }
        text_wipe_free(&value);
    }
    return 0;
}

int facts_dsn_split(const char *dsn, char **clean, char **password, struct err *err)
{
    const bool url = str_starts(dsn, "postgresql://") || str_starts(dsn, "postgres://");
    struct text out;
    char *found = NULL;

    if (!dsn[0])
        return err_set(err, "is set but empty; unset it");
    if (strlen(dsn) >= DSN_MAX || (!url && strstr(dsn, "://")))
        return err_set(err, "expected a postgresql://… URL or key=value pairs");
    text_init(&out, DSN_MAX);
    const int rc = url ? url_split(dsn, &out, &found, err) : words_split(dsn, &out, &found, err);
    if (rc) {
        if (found)
            mem_wipe(found, strlen(found));
        free(found);
        text_wipe_free(&out);
        return -1;
    }
    *clean = text_take(&out);
    *password = found;
    return 0;
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool facts_looks_production(const char *text, char word[16])
{
    static const char *const words[] = {"prod", "production", "prd", "live"};
    bool negated = false; // "non-prod", "not_live"

    for (const char *p = text; *p;) {
        size_t len = 0;
        while (letter(p[len]))
            len++;
        char part[16] = "";
        if (len < sizeof part)
            str_copy_cut(part, len + 1, p);
        for (size_t i = 0; len && !negated && i < ARRAY_LEN(words); i++)
            if (str_equal_nocase(part, words[i])) {
                str_copy_cut(word, 16, part);
                return true;
            }
        negated = str_equal_nocase(part, "non") || str_equal_nocase(part, "not");
        p += len;
        if (*p)
            p++;
    }
    return false;
}
