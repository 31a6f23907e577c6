// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
#include "lib/base/http_text.h"

#include <string.h>

#define C_TOKEN 1u
#define C_TARGET 2u
#define C_BOTH (C_TOKEN | C_TARGET)
static const unsigned char byte_class[256] = {
    ['0' ... '9'] = C_BOTH, ['A' ... 'Z'] = C_BOTH, ['a' ... 'z'] = C_BOTH, ['!'] = C_BOTH,   ['$'] = C_BOTH,
    ['%'] = C_BOTH,         ['&'] = C_BOTH,         ['\''] = C_BOTH,        ['*'] = C_BOTH,   ['+'] = C_BOTH,
    ['-'] = C_BOTH,         ['.'] = C_BOTH,         ['_'] = C_BOTH,         ['~'] = C_BOTH,   ['#'] = C_TOKEN,
    ['^'] = C_TOKEN,        ['`'] = C_TOKEN,        ['|'] = C_TOKEN,        ['('] = C_TARGET, [')'] = C_TARGET,
    [','] = C_TARGET,       ['/'] = C_TARGET,       [':'] = C_TARGET,       [';'] = C_TARGET, ['='] = C_TARGET,
    ['?'] = C_TARGET,       ['@'] = C_TARGET,       ['['] = C_TARGET,       [']'] = C_TARGET,
};

static const char *const method_names[HTTP_METHOD_COUNT] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

const char *http_method_name(enum http_method m)
{
    CHECK((unsigned)m < HTTP_METHOD_COUNT);
    return method_names[m];
}

bool http_method_parse(const char *word, enum http_method *out)
{
    for (unsigned m = 0; m < HTTP_METHOD_COUNT; m++) {
        if (strcmp(word, method_names[m]) == 0) {
            *out = (enum http_method)m;
            return true;
        }
    }
    return false;
}

bool http_byte_is_token(unsigned char c)
{
    return (byte_class[c] & C_TOKEN) != 0;
}

bool http_byte_is_target(unsigned char c)
{
    return (byte_class[c] & C_TARGET) != 0;
}

bool http_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static unsigned char ascii_lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

int http_hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static unsigned char escape_value(const char *s)
{
    return (unsigned char)(http_hex_value((unsigned char)s[1]) * 16 + http_hex_value((unsigned char)s[2]));
}

bool http_path_has_dot_segment(const char *path)
{
    size_t dots = 0, others = 0;
    for (const char *s = path;; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '%') {
            c = escape_value(s);
            s += 2;
        }
        if (c == '/' || c == '\0') {
            if (others == 0 && (dots == 1 || dots == 2))
                return true;
            dots = others = 0;
        } else if (c == '.') {
            dots++;
        } else {
            others++;
        }
        if (c == '\0')
            return false;
    }
}

static bool port_valid(const char *s)
{
    unsigned port = 0;
    size_t digits = 0;
    for (; digits < 5 && http_is_digit(s[digits]); digits++)
        port = port * 10 + (unsigned)(s[digits] - '0');
    return digits > 0 && s[digits] == '\0' && port > 0 && port <= 65535;
}

static bool is_name_byte(unsigned char c)
{
    return http_is_digit((char)c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' || c == '.' ||
           c == '_';
}

bool http_host_valid(const char *host)
{
    size_t n = 0;
    if (host[0] == '[') {
        n = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
        if (n < 3 || host[n] != ']')
            return false;
        n++;
    } else {
        while (is_name_byte((unsigned char)host[n]))
            n++;
        if (n == 0 || n > 255)
            return false;
    }
    return host[n] == '\0' || (host[n] == ':' && port_valid(host + n + 1));
}

bool http_length_parse(const char *value, uint64_t *out)
{
    size_t digits = 0;
    uint64_t n = 0;
    for (; http_is_digit(value[digits]); digits++)
        n = digits < 18 ? n * 10 + (uint64_t)(value[digits] - '0') : UINT64_MAX;
    if (digits == 0 || value[digits] != '\0' || (value[0] == '0' && digits > 1))
        return false;
    *out = n;
    return true;
}

static bool option_is(const char *s, size_t len, const char *name)
{
    size_t i = 0;
    while (i < len && name[i] != '\0' && ascii_lower((unsigned char)s[i]) == (unsigned char)name[i])
        i++;
    return i == len && name[i] == '\0';
}

bool http_connection_options(const char *value, bool *close, bool *upgrade)
{
    for (const char *s = value; *s != '\0';) {
        s += strspn(s, " \t,");
        size_t len = 0;
        while (http_byte_is_token((unsigned char)s[len]))
            len++;
        const char *end = s + len + strspn(s + len, " \t");
        if (*end != '\0' && *end != ',')
            return false;
        if (option_is(s, len, "close"))
            *close = true;
        else if (option_is(s, len, "upgrade"))
            *upgrade = true;
        s = end;
    }
    return true;
}

// ---- queries ----

// Decodes len bytes into out; false when malformed, NUL, or too long.
static bool query_decode(const char *s, size_t len, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            if (len - i < 3 || http_hex_value((unsigned char)s[i + 1]) < 0 ||
                http_hex_value((unsigned char)s[i + 2]) < 0)
                return false;
            c = (char)escape_value(s + i);
            i += 2;
        }
        if (c == '\0' || n + 1 >= size)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static bool query_name_is(const char *s, size_t len, const char *name)
{
    char decoded[128];
    return query_decode(s, len, decoded, sizeof decoded) && strcmp(decoded, name) == 0;
}

enum http_query http_query_find(const char *query, const char *name, char *out, size_t size)
{
    const char *found = NULL;
    size_t found_len = 0;
    for (const char *s = query; *s != '\0';) {
        size_t len = strcspn(s, "&");
        size_t name_len = strcspn(s, "&=");
        if (query_name_is(s, name_len, name)) {
            if (found != NULL)
                return HTTP_QUERY_BAD;
            found = s + name_len + (name_len < len ? 1 : 0);
            found_len = (size_t)(s + len - found);
        }
        s += len + (s[len] == '&' ? 1 : 0);
    }
    if (found == NULL)
        return HTTP_QUERY_NONE;
    if (size == 0 || !query_decode(found, found_len, out, size))
        return HTTP_QUERY_BAD;
    return HTTP_QUERY_FOUND;
}

bool http_query_get(const char *query, const char *name, char *out, size_t size)
{
    return http_query_find(query, name, out, size) == HTTP_QUERY_FOUND;
}
