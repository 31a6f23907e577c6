// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders at the broker that are not ours: the list, and an operator's word about one of them in two steps.
#include <string.h>

#include "daemon/ctl/ctl.h"

#define TOKEN_AT 1 // ORDER TOKEN

int ctl_quarantine(struct ctl *c)
{
    static const struct ctl_column columns[] = {
        {"ORDER ID", "order_id", 0},
        {"KIND", "kind", 0},
        {"SYMBOL", "symbol", 0},
        {"SIDE", "side", 0},
        {"QTY", "qty", CTL_RIGHT},
        {"STATUS", "status", CTL_TONE},
        {"FILLED", "filled_qty", CTL_RIGHT | CTL_MAY_GO},
        {"OUTCOME", "outcome", CTL_MAY_GO},
        {"CLIENT ORDER ID", "client_order_id", CTL_MAY_GO},
        {"FIRST SEEN", "first_seen_at", CTL_MAY_GO},
        {"REASON", "reason", CTL_MAY_GO},
    };
    static const char *const statuses[] = {"open", "closed", "all", "adopted", "canceled", "filled"};
    struct ctl_answer a;
    char path[160];
    const char *status = c->options.status ? c->options.status : "open";
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        known |= str_equal(statuses[i], status);
    if (c->word_count && !str_equal(c->words[0], "list"))
        return ctl_unknown("word", c->words[0], (const char *const[]){"list", "adopt", "cancel"}, 3);
    if (!known)
        return ctl_unknown("status", status, statuses, ARRAY_LEN(statuses));
    snprintf(path, sizeof path, "/admin/quarantine?limit=%lld&status=%s",
             (long long)(c->options.limit ? c->options.limit : 100), status);
    int code = ctl_ask(c, "GET", path, NULL, &a);
    if (code != EX_OK)
        return code;
    const struct json_node *rows = ctl_at(ctl_root(&a), "quarantine");
    if (!c->options.json && json_size(rows) == 0)
        printf("no orders in quarantine: every order at the broker is ours\n");
    else if (!c->options.json)
        ctl_table(c, rows, columns, ARRAY_LEN(columns));
    ctl_answer_free(&a);
    return EX_OK;
}

static int post(struct ctl *c, const char *path, struct ctl_answer *out)
{
    struct text body;
    struct json_out o;
    ctl_body_begin(&body, &o);
    ctl_step_put(c, TOKEN_AT, &o);
    if (c->options.strategy) {
        json_key(&o, "strategies");
        json_array_begin(&o);
        json_add_string(&o, c->options.strategy);
        json_array_end(&o);
    }
    return ctl_post(c, path, &body, &o, out);
}

static void show(const struct ctl *c, const struct json_node *root, const char *verb)
{
    const struct json_node *row = ctl_at(root, "order");
    const char *id = ctl_text(row, "order_id"), *strategy = c->options.strategy;
    const char *qty = ctl_text(row, "qty");
    bool adopt = str_equal(verb, "adopt");
    ctl_line("order", "%s: %s %s %s, %s, %s, filled %s", id, ctl_text(row, "side"),
             qty[0] ? qty : ctl_text(row, "notional"), ctl_text(row, "symbol"), ctl_text(row, "type"),
             ctl_text(row, "status"), ctl_text(row, "filled_qty"));
    ctl_line("", "client order id %s", ctl_text(row, "client_order_id"));
    ctl_step_token(root, adopt ? "To make it ours, with its fills from now on booked to"
                               : "To have it cancelled at the broker:");
    if (adopt)
        ctl_line("", "%s:", strategy ? strategy : "unassigned");
    ctl_line("", "paperguard quarantine %s %s %s REASON%s%s", verb, id, ctl_text(root, "code"),
             strategy ? " --strategy " : "", strategy ? strategy : "");
}

static int step(struct ctl *c, const char *verb)
{
    static const struct ctl_orders orders = {.path = "/admin/quarantine?status=open&limit=500",
                                             .member = "quarantine",
                                             .id = "order_id",
                                             .none = "no order is in quarantine",
                                             .one = "order in quarantine",
                                             .several = "orders in quarantine"};
    struct ctl_answer a;
    char id[CTL_ORDER_ID_MAX], path[220];
    int code = ctl_step_check(c, TOKEN_AT);
    if (code == EX_OK)
        code = ctl_order_id(c, &orders, c->words[0], id);
    if (code != EX_OK)
        return code;
    snprintf(path, sizeof path, "/admin/quarantine/%s/%s", verb, id);
    code = post(c, path, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json && ctl_step_confirms(c, TOKEN_AT))
        ctl_line("quarantine", "%s %s", id,
                 str_equal(verb, "adopt") ? "is ours and is followed: paperguard orders --status open"
                                          : "is being cancelled: paperguard quarantine list --status all");
    else if (!c->options.json)
        show(c, ctl_root(&a), verb);
    ctl_answer_free(&a);
    return EX_OK;
}

int ctl_quarantine_adopt(struct ctl *c)
{
    return step(c, "adopt");
}

int ctl_quarantine_cancel(struct ctl *c)
{
    return step(c, "cancel");
}
