// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Strategies: what they are, how they did last, and taking one out of runs for a while.
#include <string.h>

#include "daemon/ctl/ctl.h"

// The row of the history that belongs to a strategy; NULL when it never ran.
static const struct json_node *history_of(const struct json_node *history, const char *name)
{
    for (size_t i = 0; i < json_size(history); i++)
        if (ctl_is(json_at(history, i), "strategy", name))
            return json_at(history, i);
    return NULL;
}

static void put_text(struct json_out *o, const char *key, const struct json_node *n, const char *path)
{
    json_put_string(o, key, ctl_text(n, path));
}

// One table out of what is configured and what happened.
static int show(const struct ctl *c, const struct json_node *rows, const struct json_node *history)
{
    static const struct ctl_column columns[] = {
        {"STRATEGY", "name", 0},
        {"STATE", "state", CTL_TONE},
        {"SCHEDULE", "schedule", 0},
        {"ALLOCATION", "allocation", CTL_RIGHT},
        {"LAST", "last", CTL_TONE},
        {"POSITIONS", "positions", CTL_RIGHT | CTL_MAY_GO},
        {"VALUE", "value", CTL_RIGHT | CTL_MAY_GO},
        {"LAST RUN", "last_run", CTL_MAY_GO},
        {"WHY", "why", CTL_MAY_GO},
    };
    struct text t;
    struct json_out o;
    struct json_doc *doc;
    text_init(&t, 1u << 20);
    json_out_init(&o, &t);
    json_array_begin(&o);
    for (size_t i = 0; i < json_size(rows); i++) {
        const struct json_node *row = json_at(rows, i), *past = history_of(history, ctl_text(row, "name"));
        bool paused = ctl_is(row, "paused", "yes");
        json_object_begin(&o);
        put_text(&o, "name", row, "name");
        put_text(&o, "state", row, "state");
        put_text(&o, "schedule", row, "schedule");
        put_text(&o, "allocation", row, "allocation");
        put_text(&o, "last", past, "last_status");
        put_text(&o, "positions", past, "book.positions");
        put_text(&o, "value", past, "book.market_value");
        put_text(&o, "last_run", past, "last_run_id");
        json_put_string(&o, "why", paused ? ctl_text(row, "paused_reason") : ctl_text(past, "last_detail"));
        json_object_end(&o);
    }
    json_array_end(&o);
    if (json_doc_parse(text_str(&t), t.len, &doc, NULL) == 0) {
        ctl_table(c, json_doc_root(doc), columns, ARRAY_LEN(columns));
        json_doc_free(doc);
    }
    text_free(&t);
    return EX_OK;
}

int ctl_strategies(struct ctl *c)
{
    struct ctl_answer a, past = {0};
    int code = c->options.json ? ctl_ask(c, "GET", "/admin/strategies", NULL, &a) : ctl_get(c, "/admin/strategies", &a);
    if (code != EX_OK)
        return code;
    const struct json_node *rows = ctl_at(ctl_root(&a), "strategies");
    if (!c->options.json && json_size(rows) == 0) {
        printf("no strategies are configured\n");
    } else if (!c->options.json) {
        if (ctl_call(c, "GET", "/admin/strategies/history?limit=500", NULL, &past) != EX_OK)
            past = (struct ctl_answer){0};
        show(c, rows, ctl_at(ctl_root(&past), "strategies"));
        ctl_answer_free(&past);
    }
    ctl_answer_free(&a);
    return EX_OK;
}

// NAME [REASON]: the reason is wanted for a pause; a resume may do without.
static int change(struct ctl *c, const char *path, const char *done)
{
    struct text body;
    struct json_out o;
    struct ctl_answer a;
    ctl_body_begin(&body, &o);
    ctl_put_strategies(c, 1, &o);
    ctl_put_reason(c, 1, "resumed", &o);
    int code = ctl_post(c, path, &body, &o, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json)
        ctl_line("strategy", "%s %s", c->words[0], done);
    ctl_answer_free(&a);
    return EX_OK;
}

int ctl_strategies_pause(struct ctl *c)
{
    return change(c, "/admin/strategies/pause",
                  "paused: runs leave it out and its book stays as it is, also after a restart, until it is resumed");
}

int ctl_strategies_resume(struct ctl *c)
{
    return change(c, "/admin/strategies/resume", "resumed: it takes part in the next run of its slot");
}
