// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the tables say, for people: the effective config with origins, the sample file, the manual.
#include <string.h>

#include "daemon/config_internal.h"
#include "lib/base/check.h"

#define SAMPLE_WIDTH 100

void config_dump(const struct config *c, struct text *out)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const struct option *o = &config_options[i];
        text_addf(out, "%s.%s = ", o->section, o->key);
        option_value_write(o->type, (const char *)c + o->offset, out);
        text_addf(out, "  # %s\n", config_origin(c, o->section, o->key));
    }
    for (size_t i = 0; i < c->details->item_count; i++) {
        const struct config_item *item = &c->details->items[i];
        if (item->name && item->key)
            text_addf(out, "%s \"%s\".%s = %s  # %s\n", item->section, item->name, item->key, item->value,
                      item->origin);
    }
}

// Prose as comment lines of bounded width.
static void add_comment(struct text *out, const char *prose)
{
    size_t column = 0;

    for (const char *p = prose; *p;) {
        const size_t len = strcspn(p, " ");
        if (column && column + 1 + len > SAMPLE_WIDTH) {
            text_addc(out, '\n');
            column = 0;
        }
        text_add(out, column ? " " : "# ");
        text_addn(out, p, len);
        column += (column ? 1 : 2) + len;
        p += len + (p[len] == ' ');
    }
    text_addc(out, '\n');
}

static void add_bounds(struct text *out, const struct option *o)
{
    const char *unit = o->type == OPTION_DURATION_MS ? "ms" : "";

    if (o->min[0])
        text_addf(out, "# %s, from %s%s to %s%s%s\n", option_type_name(o->type), o->min, unit, o->max, unit,
                  o->reload ? "; read again at reload" : "");
}

static void sample_listens(struct text *out)
{
    static const struct {
        const char *name, *address, *roles, *service;
    } rows[] = {
        {"signals", "127.0.0.1:8001", "health api", "signal_service"},
        {"execution", "127.0.0.1:8002", "health api", "execution_gateway"},
        {"orchestrator", "127.0.0.1:8003", "health api", "orchestrator"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        text_addf(out, "\n[listen \"%s\"]\naddress = %s\nroles = %s\nservice = %s\n", rows[i].name, rows[i].address,
                  rows[i].roles, rows[i].service);
}

static void sample_named(struct text *out, const char *section, const char *name, const char *comment)
{
    add_comment(out, comment);
    text_addf(out, "#[%s \"%s\"]\n", section, name);
    for (size_t i = 0; i < config_named_key_count; i++) {
        const struct named_key *k = &config_named_keys[i];
        if (!str_equal(k->section, section))
            continue;
        add_comment(out, k->prose);
        if (!k->def)
            text_add(out, "# Must be given.\n");
        else if (!str_equal(k->def, k->example))
            text_addf(out, "# Default: %s.\n", k->def[0] ? k->def : "empty");
        text_addf(out, "#%s = %s\n", k->key, k->example);
    }
}

void config_sample(struct text *out)
{
    const char *section = "";

    add_comment(out, "paperguard: the config of one instance. Every option is shown with its default; delete the # in "
                     "front of a line to change it. Drop-ins are read from paperguard.conf.d/*.conf; a key may be set "
                     "once in all files. This file must not be readable by others (mode 0640) and holds no secrets.");
    for (size_t i = 0; i < config_option_count; i++) {
        const struct option *o = &config_options[i];
        if (!str_equal(section, o->section))
            text_addf(out, "\n[%s]\n", o->section);
        section = o->section;
        add_comment(out, o->prose);
        add_bounds(out, o);
        text_addf(out, "#%s =%s%s\n", o->key, o->def[0] ? " " : "", o->def);
    }
    text_addc(out, '\n');
    add_comment(out, "Where health and api are served. Ports and names are those that staging hosts know.");
    sample_listens(out);
    text_addc(out, '\n');
    sample_named(out, "strategy", "core", "One section for each strategy.");
    text_addc(out, '\n');
    sample_named(out, "symbol", "THIN", "What holds for one symbol alone.");
}

// Text for mdoc: no backslash escapes, no control lines.
static void add_mdoc(struct text *out, const char *prose)
{
    if (prose[0] == '.' || prose[0] == '\'')
        text_add(out, "\\&");
    for (const char *p = prose; *p; p++) {
        if (*p == '\\')
            text_add(out, "\\e");
        else
            text_addc(out, *p);
    }
    text_addc(out, '\n');
}

static void manual_named(struct text *out, const char *section)
{
    text_addf(out, ".Ss [%s \"NAME\"]\n.Bl -tag -width Ds\n", section);
    for (size_t i = 0; i < config_named_key_count; i++) {
        const struct named_key *k = &config_named_keys[i];
        if (!str_equal(k->section, section))
            continue;
        text_addf(out, ".It Cm %s No = Ar %s\n", k->key, option_type_name(k->type));
        add_mdoc(out, k->prose);
        if (k->def)
            text_addf(out, "Default: %s.\n", k->def[0] ? k->def : "empty");
        else
            text_add(out, "Must be given.\n");
    }
    text_add(out, ".El\n");
}

static void manual_option(struct text *out, const struct option *o)
{
    text_addf(out, ".It Cm %s No = Ar %s\n", o->key, option_type_name(o->type));
    add_mdoc(out, o->prose);
    text_addf(out, "Default: %s", o->def[0] ? o->def : "empty");
    if (o->min[0])
        text_addf(out, "; from %s to %s%s%s", o->min, o->max, o->unit[0] ? " " : "", o->unit);
    text_addf(out, ".\n%s", o->reload ? "Read again at reload.\n" : "");
}

void config_manual(struct text *out)
{
    const char *section = "";

    for (size_t i = 0; i < config_option_count; i++) {
        const struct option *o = &config_options[i];
        if (!str_equal(section, o->section))
            text_addf(out, "%s.Ss [%s]\n.Bl -tag -width Ds\n", section[0] ? ".El\n" : "", o->section);
        section = o->section;
        manual_option(out, o);
    }
    text_add(out, ".El\n");
    manual_named(out, "listen");
    manual_named(out, "strategy");
    manual_named(out, "symbol");
}
