// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// paperguard's own configuration, as far as it says what variables say too: it is held to the same rules, and to agree
// with the environment files of its host. The rest is for `paperguard check --config`.
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/gate.h"
#include "lib/base/ini.h"
#include "lib/base/text.h"

struct reader {
    struct gate *g;
    struct gate_scope *s;
    const char *file;
};

static const struct {
    const char *section, *key, *variable;
} same[] = {
    {"staging", "dry_run", "DRY_RUN"},
    {"staging", "alpaca_paper", "ALPACA_PAPER"},
    {"staging", "environment", "ENVIRONMENT"},
    {"broker", "endpoint", "ALPACA_ENDPOINT"},
    {"broker", "data_endpoint", "ALPACA_DATA_URL"},
    {"database", "url", "DATABASE_URL"},
    {"redis", "url", "REDIS_URL"},
};

static int on_item(void *arg, const struct ini_item *item, struct err *err)
{
    const struct reader *r = arg;

    (void)err;
    for (size_t i = 0; item->key && item->value[0] && i < ARRAY_LEN(same); i++)
        if (str_equal(item->section, same[i].section) && str_equal(item->key, same[i].key))
            gate_put(r->g, r->s, same[i].variable, item->value, r->file, item->line);
    return 0;
}

void gate_conf(struct gate *g, const char *path)
{
    struct reader r = {.g = g, .s = gate_scope_new(g, path, path, 1)};
    char *text = r.s ? gate_read(g, path, &r.file) : NULL;
    struct err err;

    if (!text)
        return;
    r.s->guarded = true;
    if (ini_parse(path, text, strlen(text), on_item, &r, &err) != 0) {
        int64_t line = 1;
        const char *told = err.text + strlen(path); // "FILE:LINE: what"
        const size_t digits = str_starts(err.text, path) && *told == ':' ? strspn(told + 1, "0123456789") : 0;
        if (digits) {
            char *number = check_strndup(told + 1, digits);
            if (!str_int64(number, 1, INI_LINES_MAX, &line))
                line = 1;
            free(number);
            told += digits + 1 + (told[digits + 1] == ':');
        }
        gate_say(g, GATE_ERROR, "syntax", r.file, (unsigned)line, "", "%s",
                 digits ? told + strspn(told, " ") : err.text);
    }
    mem_wipe(text, strlen(text));
    free(text);
}
