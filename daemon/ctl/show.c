// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Tables that fit the terminal: columns that may go are left out from the right, then the widest text is cut. Into a
// pipe everything is written whole.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "daemon/ctl/ctl.h"

#define COLUMNS_MAX 16
#define GAP 2
#define NARROWEST 8

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

void ctl_print(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

void ctl_line(const char *label, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    printf("%-10s ", label);
    ctl_print(stdout, text);
    fputc('\n', stdout);
}

// 0: not a terminal, no limit.
static size_t terminal_width(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
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
    size_t count;
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
        if (columns[i].optional)
            l->shown[i] = false;
    while (total_width(l) > limit) {
        size_t widest = l->count; // numbers are never cut: a line that wraps is better than a wrong quantity
        for (size_t i = 0; i < l->count; i++)
            if (l->shown[i] && !columns[i].right && (widest == l->count || l->width[i] > l->width[widest]))
                widest = i;
        if (widest == l->count || l->width[widest] <= NARROWEST)
            return;
        l->width[widest]--;
    }
}

static void print_cell(const char *text, size_t width, bool right, bool last)
{
    size_t have = width_of(text), n = 0;
    if (right && have < width)
        printf("%*s", (int)(width - have), "");
    for (; *text; text++) {
        bool starts = ((unsigned char)*text & 0xc0) != 0x80;
        if (starts && have > width && n + 1 >= width) {
            fputs("…", stdout);
            n++;
            break;
        }
        n += starts;
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, stdout);
    }
    if (!right && !last && n < width)
        printf("%*s", (int)(width - n), "");
}

static void print_row(const struct layout *l, const struct ctl_column *columns, const struct json_node *row)
{
    size_t last = 0;
    bool first = true;
    for (size_t i = 0; i < l->count; i++)
        if (l->shown[i])
            last = i;
    for (size_t i = 0; i < l->count; i++) {
        if (!l->shown[i])
            continue;
        if (!first)
            printf("%*s", GAP, "");
        print_cell(row ? ctl_text(row, columns[i].member) : columns[i].title, l->width[i], columns[i].right, i == last);
        first = false;
    }
    fputc('\n', stdout);
}

void ctl_table(const struct json_node *rows, const struct ctl_column *columns, size_t count)
{
    struct layout l = {.count = count};
    size_t limit = terminal_width();
    CHECK(count <= COLUMNS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t widest = 0, title = width_of(columns[i].title);
        for (size_t r = 0; r < json_size(rows); r++) {
            size_t w = width_of(ctl_text(json_at(rows, r), columns[i].member));
            widest = w > widest ? w : widest;
        }
        l.shown[i] = widest > 0 || !columns[i].optional;
        l.width[i] = widest > title ? widest : title;
    }
    if (limit)
        fit(&l, columns, limit);
    print_row(&l, columns, NULL);
    for (size_t r = 0; r < json_size(rows); r++)
        print_row(&l, columns, json_at(rows, r));
}
