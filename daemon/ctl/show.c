// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Tables that fit the terminal: columns that may go are left out from the right, then the widest text is cut. Into a
// pipe, and with --wide, everything is written whole.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "daemon/ctl/ctl.h"

#define COLUMNS_MAX 16
#define GAP 2
#define NARROWEST 8
#define WIDTH_MAX 100000

const struct json_node *ctl_at(const struct json_node *n, const char *path)
{
    char name[64];
    while (n && *path) {
        size_t len = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)len, path);
        n = json_get(n, name);
        path += len + (path[len] == '.');
    }
    return n;
}

const char *ctl_text(const struct json_node *n, const char *path)
{
    bool b;
    n = ctl_at(n, path);
    if (json_string(n))
        return json_string(n);
    if (json_type_of(n) == JSON_IS_NUMBER)
        return json_number_text(n);
    return n && json_bool(n, &b) ? (b ? "yes" : "no") : "";
}

bool ctl_is(const struct json_node *n, const char *path, const char *value)
{
    return strcmp(ctl_text(n, path), value) == 0;
}

int64_t ctl_int(const struct json_node *n, const char *path)
{
    int64_t value;
    return json_int64(ctl_at(n, path), &value) ? value : 0;
}

const char *ctl_ny(const char *utc, char buf[WHEN_TEXT_MAX])
{
    int64_t ns;
    return when_parse(utc, &ns) ? when_format_ny(ns, buf) : utc;
}

void ctl_print(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static void line(const char *label, enum ctl_tone tone, const char *format, va_list args) PRINTF_LIKE(3, 0);
static void line(const char *label, enum ctl_tone tone, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    printf("%-10s %s", label, ctl_tone_on(tone));
    ctl_print(stdout, text);
    printf("%s\n", tone != CTL_PLAIN ? ctl_tone_off() : "");
}

void ctl_line(const char *label, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line(label, CTL_PLAIN, format, args);
    va_end(args);
}

void ctl_toned(const char *label, const char *word, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line(label, ctl_tone_of(word), format, args);
    va_end(args);
}

// 0: no limit. COLUMNS comes first, as for other tools.
static size_t terminal_width(const struct ctl *c)
{
    struct winsize size;
    int64_t columns;
    const char *wanted = getenv("COLUMNS");
    if (c->options.wide || !isatty(STDOUT_FILENO))
        return 0;
    if (wanted && str_int64(wanted, 1, WIDTH_MAX, &columns))
        return (size_t)columns;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// Characters, not bytes: continuation bytes of UTF-8 take no place.
static size_t width_of(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

struct layout {
    size_t width[COLUMNS_MAX];
    bool shown[COLUMNS_MAX];
    size_t count, left_out;
};

static size_t total_width(const struct layout *l)
{
    size_t sum = 0;
    for (size_t i = 0; i < l->count; i++)
        sum += l->shown[i] ? l->width[i] + (sum ? GAP : 0) : 0;
    return sum;
}

static void fit(struct layout *l, const struct ctl_column *columns, size_t limit)
{
    for (size_t i = l->count; i-- > 0 && total_width(l) > limit;)
        if (columns[i].flags & CTL_MAY_GO) {
            l->shown[i] = false;
            l->left_out++;
        }
    while (total_width(l) > limit) {
        size_t widest = l->count; // numbers are never cut: a line that wraps is better than a wrong quantity
        for (size_t i = 0; i < l->count; i++)
            if (l->shown[i] && !(columns[i].flags & CTL_RIGHT) &&
                (widest == l->count || l->width[i] > l->width[widest]))
                widest = i;
        if (widest == l->count || l->width[widest] <= NARROWEST)
            return;
        l->width[widest]--;
    }
}

// A byte of text; n counts the characters written so far.
static bool put_cut(const char *at, size_t *n, size_t have, size_t width)
{
    bool starts = ((unsigned char)*at & 0xc0) != 0x80;
    if (starts && have > width && *n + 1 >= width) {
        fputs("…", stdout);
        ++*n;
        return false;
    }
    *n += starts;
    fputc((unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at, stdout);
    return true;
}

static void print_cell(const char *text, size_t width, unsigned flags, bool last)
{
    size_t have = width_of(text), n = 0;
    enum ctl_tone tone = flags & CTL_TONE ? ctl_tone_of(text) : CTL_PLAIN;
    if (flags & CTL_RIGHT && have < width)
        printf("%*s", (int)(width - have), "");
    fputs(ctl_tone_on(tone), stdout);
    while (*text && put_cut(text, &n, have, width))
        text++;
    if (tone != CTL_PLAIN)
        fputs(ctl_tone_off(), stdout);
    if (!(flags & CTL_RIGHT) && !last && n < width)
        printf("%*s", (int)(width - n), "");
}

static void print_row(const struct layout *l, const struct ctl_column *columns, const struct json_node *row)
{
    size_t last = 0;
    bool first = true;
    for (size_t i = 0; i < l->count; i++) // no blanks at the end of a line
        if (l->shown[i] && (!row || ctl_text(row, columns[i].member)[0]))
            last = i;
    for (size_t i = 0; i < l->count; i++) {
        if (!l->shown[i] || i > last)
            continue;
        if (!first)
            printf("%*s", GAP, "");
        print_cell(row ? ctl_text(row, columns[i].member) : columns[i].title, l->width[i], columns[i].flags, i == last);
        first = false;
    }
    fputc('\n', stdout);
}

void ctl_table(const struct ctl *c, const struct json_node *rows, const struct ctl_column *columns, size_t count)
{
    struct layout l = {.count = count};
    size_t limit = terminal_width(c);
    CHECK(count <= COLUMNS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t widest = 0, title = width_of(columns[i].title);
        for (size_t r = 0; r < json_size(rows); r++) {
            size_t w = width_of(ctl_text(json_at(rows, r), columns[i].member));
            widest = w > widest ? w : widest;
        }
        l.shown[i] = widest > 0 || !(columns[i].flags & CTL_MAY_GO);
        l.width[i] = widest > title ? widest : title;
    }
    if (limit)
        fit(&l, columns, limit);
    print_row(&l, columns, NULL);
    for (size_t r = 0; r < json_size(rows); r++)
        print_row(&l, columns, json_at(rows, r));
    if (l.left_out)
        printf("%s(--wide: %zu more)%s\n", ctl_tone_on(CTL_DIM), l.left_out, ctl_tone_off());
}
