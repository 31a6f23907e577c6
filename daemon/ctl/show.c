// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// JSON as text: scalars, members by path, tables that fit a terminal.
#include <stdio.h>
#include <string.h>

#include "daemon/ctl/ctl.h"
#include "lib/base/text.h"

const char *ctl_text(const struct json_node *n)
{
    bool b;
    if (json_string(n))
        return json_string(n);
    if (json_number_text(n))
        return json_number_text(n);
    if (json_bool(n, &b))
        return b ? "yes" : "no";
    return "-";
}

const char *ctl_member(const struct json_node *object, const char *path)
{
    char name[64];
    const char *dot = strchr(path, '.');
    size_t len = dot ? (size_t)(dot - path) : strlen(path);
    if (len >= sizeof name)
        return "-";
    memcpy(name, path, len);
    name[len] = '\0';
    const struct json_node *n = json_get(object, name);
    return dot ? ctl_member(n, dot + 1) : ctl_text(n);
}

static void cell(const char *text, int width, bool last)
{
    if (last || width == 0)
        printf("%s\n", text);
    else
        printf("%-*.*s  ", width, width, text);
}

void ctl_table(const struct json_node *rows, const struct column *columns, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cell(columns[i].title, columns[i].width, i + 1 == count);
    for (size_t r = 0; r < json_size(rows); r++)
        for (unsigned i = 0; i < count; i++)
            cell(ctl_member(json_at(rows, r), columns[i].member), columns[i].width, i + 1 == count);
    if (json_size(rows) == 0)
        puts("(none)");
}
