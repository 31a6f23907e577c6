// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Files of KEY=VALUE lines: systemd's EnvironmentFile=, compose's env_file and .env, and what a shell sources. Where
// these readers disagree (a comment behind a value, a line end of another system), the text is taken as the strictest
// one takes it, so that a switch that only some of them understand is found.
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/gate.h"
#include "lib/base/text.h"

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_."

struct reader {
    struct gate *g;
    struct gate_scope *s;
    const char *file, *p;
    unsigned line;
};

static void skip_line(struct reader *r)
{
    r->p += strcspn(r->p, "\n");
}

// A value in quotes may go on over lines. False: the quote stays open.
static bool quoted(struct reader *r, struct text *value)
{
    const char quote = *r->p++;

    for (; *r->p && *r->p != quote; r->p++) {
        if (*r->p == '\n')
            r->line++;
        if (quote == '"' && *r->p == '\\' && r->p[1] && strchr("\"\\$`", r->p[1]))
            r->p++;
        text_addc(value, *r->p);
    }
    if (!*r->p)
        return false;
    r->p++;
    return true;
}

// Up to the end of the line; a backslash there joins the next one. Blanks at the end are not part of it.
static void unquoted(struct reader *r, struct text *value)
{
    for (; *r->p && *r->p != '\n'; r->p++) {
        if (*r->p == '\\' && r->p[1] == '\n') {
            r->p++;
            r->line++;
            continue;
        }
        text_addc(value, *r->p);
    }
    while (value->len && (value->data[value->len - 1] == ' ' || value->data[value->len - 1] == '\t'))
        value->data[--value->len] = '\0';
}

static void assignment(struct reader *r, const char *name, unsigned line)
{
    struct text value;
    bool literal = *r->p == '\'';

    text_init(&value, GATE_FILE_MAX);
    if (*r->p == '\'' || *r->p == '"') {
        if (!quoted(r, &value))
            gate_say(r->g, GATE_ERROR, "syntax", r->file, line, name, "the quote that begins here is never closed");
        r->p += strspn(r->p, " \t");
        if (*r->p && *r->p != '\n' && *r->p != '#')
            gate_say(r->g, GATE_ERROR, "syntax", r->file, line, name,
                     "text follows the closing quote; readers disagree "
                     "over what the value is");
    } else {
        unquoted(r, &value);
    }
    if (value.len && value.data[value.len - 1] == '\r')
        gate_say(r->g, GATE_ERROR, "syntax", r->file, line, name,
                 "the line ends with a carriage return, which becomes "
                 "part of the value; save the file with Unix line ends");
    const char *text = text_str(&value);
    gate_put(r->g, r->s, name, !literal && strstr(text, "${") ? NULL : text, r->file, line);
    text_wipe_free(&value);
}

static void line_read(struct reader *r)
{
    const unsigned line = r->line;

    r->p += strspn(r->p, " \t");
    if (!*r->p || *r->p == '\n' || *r->p == '#' || *r->p == ';')
        return;
    if (str_starts(r->p, "export "))
        r->p += 7 + strspn(r->p + 7, " \t");
    const size_t len = strspn(r->p, NAME_CHARS);
    if (len == 0 || (r->p[0] >= '0' && r->p[0] <= '9') || !strchr("=\n", r->p[len])) {
        gate_say(r->g, GATE_ERROR, "syntax", r->file, line, "", "expected NAME=VALUE without blanks around the =");
        skip_line(r);
        return;
    }
    char *name = check_strndup(r->p, len);
    r->p += len;
    if (*r->p == '=') {
        r->p++;
        assignment(r, name, line);
    } else {
        gate_put(r->g, r->s, name, NULL, r->file, line); // compose takes it from whoever calls it
    }
    free(name);
    skip_line(r);
}

int gate_env_file(struct gate *g, struct gate_scope *s, const char *path)
{
    struct reader r = {.g = g, .s = s, .line = 1};
    char *text = gate_read(g, path, &r.file);

    if (!text)
        return -1;
    for (r.p = text; *r.p; r.line++) {
        line_read(&r);
        skip_line(&r);
        r.p += *r.p == '\n';
    }
    mem_wipe(text, strlen(text));
    free(text);
    return 0;
}
