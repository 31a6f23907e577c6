// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Closing what strategies hold, in two steps.
#include <string.h>

#include "daemon/ctl/ctl.h"

#define FLATTEN_TIMEOUT_S 120

// Where the token stands: behind "all", or first when a strategy is named.
static int token_at(const struct ctl *c, size_t *at)
{
    bool all = c->word_count > 0 && strcmp(c->words[0], "all") == 0;
    *at = all ? 1 : 0;
    if (all != (c->options.strategy != NULL))
        return ctl_step_check(c, *at);
    fprintf(stderr, "paperguard: say whose positions are to be closed: all, or --strategy STRATEGY\n");
    return EX_USAGE;
}

static int post(struct ctl *c, size_t at, struct ctl_answer *out)
{
    struct text body;
    struct json_out o;
    ctl_body_begin(&body, &o);
    ctl_step_put(c, at, &o);
    if (c->options.strategy) {
        json_key(&o, "strategies");
        json_array_begin(&o);
        json_add_string(&o, c->options.strategy);
        json_array_end(&o);
    }
    c->call_timeout_s = FLATTEN_TIMEOUT_S;
    return ctl_post(c, "/admin/flatten", &body, &o, out);
}

static void show_unassigned(const struct json_node *rows)
{
    for (size_t i = 0; i < json_size(rows); i++)
        ctl_line("unassigned", "%s of %s: no strategy's, not touched", ctl_text(json_at(rows, i), "qty"),
                 ctl_text(json_at(rows, i), "symbol"));
    if (json_size(rows))
        ctl_line("", "to have it closed too: paperguard positions assign SYMBOL STRATEGY first");
}

static void show_asked(const struct ctl *c, const struct json_node *root)
{
    static const struct ctl_column columns[] = {
        {"STRATEGY", "strategy", 0},
        {"SIDE", "side", 0},
        {"SYMBOL", "symbol", 0},
        {"QTY", "qty", CTL_RIGHT},
        {"PRICE", "price", CTL_RIGHT},
        {"NOTIONAL", "notional", CTL_RIGHT},
        {"WOULD BE REFUSED", "refused", CTL_MAY_GO},
    };
    const char *token = ctl_text(root, "code"), *strategy = c->options.strategy;
    const struct json_node *rows = ctl_at(root, "orders");
    if (json_size(rows)) {
        ctl_table(c, rows, columns, ARRAY_LEN(columns));
        ctl_line("orders", "%zu at market, worth about %s", json_size(rows), ctl_text(root, "notional"));
    } else {
        ctl_line("orders", "none: %s nothing", strategy ? "it holds" : "the strategies hold");
    }
    show_unassigned(ctl_at(root, "unassigned"));
    if (token[0]) {
        ctl_step_token(root, "To have them placed:");
        ctl_line("", "paperguard flatten %s%s %s REASON", strategy ? "--strategy " : "", strategy ? strategy : "all",
                 token);
    }
}

static void show_done(const struct ctl *c, const struct json_node *root)
{
    static const struct ctl_column columns[] = {
        {"STRATEGY", "strategy", 0},        {"SIDE", "side", 0},     {"SYMBOL", "symbol", 0},
        {"QTY", "qty", CTL_RIGHT},          {"STATUS", "status", 0}, {"REASON", "reason", CTL_MAY_GO},
        {"REFUSED", "refused", CTL_MAY_GO},
    };
    ctl_table(c, ctl_at(root, "orders"), columns, ARRAY_LEN(columns));
    ctl_line("orders", "%lld placed, %lld refused, %lld without an answer yet; follow them with paperguard orders",
             (long long)ctl_int(root, "placed"), (long long)ctl_int(root, "refused"),
             (long long)ctl_int(root, "unanswered"));
    show_unassigned(ctl_at(root, "unassigned"));
}

int ctl_flatten(struct ctl *c)
{
    struct ctl_answer a;
    size_t at;
    int code = token_at(c, &at);
    if (code == EX_OK)
        code = post(c, at, &a);
    if (code != EX_OK)
        return code;
    if (ctl_step_confirms(c, at)) {
        code = ctl_int(ctl_root(&a), "refused") > 0 ? CTL_REFUSED : EX_OK;
        if (!c->options.json)
            show_done(c, ctl_root(&a));
    } else if (!c->options.json) {
        show_asked(c, ctl_root(&a));
    }
    ctl_answer_free(&a);
    return code;
}
