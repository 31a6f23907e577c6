// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Strict INI reader: one line at a time, and every form that two readers might take differently is refused.
#include "lib/base/ini.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"

#define INI_NAME_MAX 64

struct reader {
    const char *file;
    unsigned line_number;
    char section[INI_NAME_MAX + 1];
    char name[INI_NAME_MAX + 1];
    bool in_section, has_name;
    ini_item_fn *fn;
    void *arg;
    struct err *err;
};

static int refuse(struct reader *r, const char *what)
{
    return err_set(r->err, "%s:%u: %s", r->file, r->line_number, what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static size_t key_span(const char *s)
{
    size_t n = 0;
    while (is_key_char(s[n]))
        n++;
    return n;
}

static char *skip_blanks(char *s)
{
    while (is_blank(*s))
        s++;
    return s;
}

static void trim_end(char *s)
{
    size_t n = strlen(s);
    while (n > 0 && is_blank(s[n - 1]))
        n--;
    s[n] = '\0';
}

static int deliver(struct reader *r, const char *key, const char *value)
{
    struct ini_item item = {.file = r->file,
                            .line = r->line_number,
                            .section = r->section,
                            .name = r->has_name ? r->name : NULL,
                            .key = key,
                            .value = value};
    if (r->err != NULL)
        r->err->text[0] = '\0';
    int rc = r->fn(r->arg, &item, r->err);
    if (rc == 0 || r->err == NULL)
        return rc;
    struct text place;
    text_init(&place, ERR_TEXT_MAX);
    text_addf(&place, "%s:%u", r->file, r->line_number);
    // A callback that named the place itself keeps its own words.
    if (!str_starts(r->err->text, text_str(&place)))
        (void)err_wrap(r->err, "%s", text_str(&place));
    text_free(&place);
    return rc;
}

// From the opening quote of [section "name"] to the byte after the closing one, or NULL.
static char *read_name(struct reader *r, char *s)
{
    char *start = ++s;
    while (*s >= ' ' && *s < 0x7f && *s != '"' && *s != '\\')
        s++;
    size_t len = (size_t)(s - start);
    if (*s != '"' || len == 0 || len > INI_NAME_MAX)
        return NULL;
    memcpy(r->name, start, len);
    r->name[len] = '\0';
    r->has_name = true;
    return s + 1;
}

static int read_section(struct reader *r, char *line)
{
    static const char expected[] =
        "malformed section header, expected [section] or [section \"name\"] and nothing behind it";
    char *s = skip_blanks(line + 1);
    size_t len = key_span(s);
    if (len == 0 || len > INI_NAME_MAX)
        return refuse(r, expected);
    memcpy(r->section, s, len);
    r->section[len] = '\0';
    r->in_section = true;
    r->has_name = false;
    char *after = skip_blanks(s + len);
    if (*after == '"') {
        if (after == s + len || (after = read_name(r, after)) == NULL)
            return refuse(r, expected);
        after = skip_blanks(after);
    }
    if (*after != ']' || after[1] != '\0')
        return refuse(r, expected);
    return deliver(r, NULL, NULL);
}

static bool is_quoted(const char *value)
{
    size_t n = strlen(value);
    return n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n - 1] == value[0];
}

static int read_key(struct reader *r, char *line)
{
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return refuse(r, "found neither a [section], a comment nor \"key = value\"");
    *equals = '\0';
    trim_end(line);
    size_t len = strlen(line);
    if (len == 0 || key_span(line) != len)
        return refuse(r, "malformed key before '=', expected only a-z, 0-9, '_' and '-'");
    if (!r->in_section)
        return refuse(r, "a key before any [section]");
    char *value = skip_blanks(equals + 1);
    if (is_quoted(value))
        return refuse(r, "the value is wrapped in quotes, which are not part of the syntax: write it without them");
    return deliver(r, line, value);
}

static int check_bytes(struct reader *r, const char *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\r')
        return refuse(r, "the line ends with CR LF, expected LF alone: convert the file to Unix line ends");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return err_set(r->err, "%s:%u: control byte 0x%02x in column %zu, expected text", r->file, r->line_number,
                           c, i + 1);
    }
    return 0;
}

static int read_line(struct reader *r, const char *bytes, size_t len, char line[INI_LINE_MAX + 1])
{
    if (++r->line_number > INI_LINES_MAX)
        return err_set(r->err, "%s:%u: more than %d lines", r->file, r->line_number, INI_LINES_MAX);
    if (len > INI_LINE_MAX)
        return err_set(r->err, "%s:%u: the line has %zu bytes, at most %d are read", r->file, r->line_number, len,
                       INI_LINE_MAX);
    if (check_bytes(r, bytes, len) != 0)
        return -1;
    memcpy(line, bytes, len);
    line[len] = '\0';
    trim_end(line);
    if (line[0] == '\0' || line[0] == '#' || line[0] == ';')
        return 0;
    if (is_blank(line[0]))
        return refuse(r, "the line is indented; lines are not continued here: remove the blanks in front");
    return line[0] == '[' ? read_section(r, line) : read_key(r, line);
}

int ini_parse(const char *file, const char *bytes, size_t len, ini_item_fn *fn, void *arg, struct err *err)
{
    struct reader r = {.file = file, .fn = fn, .arg = arg, .err = err};
    if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        return err_set(err, "%s:1: the file starts with a byte order mark: save it as UTF-8 without one", file);
    char line[INI_LINE_MAX + 1];
    const char *end = bytes + len;
    int rc = 0;
    while (rc == 0 && bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        size_t n = (size_t)((newline == NULL ? end : newline) - bytes);
        rc = read_line(&r, bytes, n, line);
        bytes += n + (newline == NULL ? 0 : 1);
    }
    mem_wipe(line, sizeof line); // a configuration may hold a password
    return rc;
}
