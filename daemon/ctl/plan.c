// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a strategy would do now, unsent; and how much of the limits is used.
#include <string.h>

#include "daemon/ctl/ctl.h"

#define PLAN_TIMEOUT_S 600

static void show_targets(const struct ctl *c, const struct json_node *targets)
{
    static const struct ctl_column columns[] = {
        {"TARGET", "symbol", 0}, {"WEIGHT", "weight", CTL_RIGHT}, {"REASON", "reason", CTL_MAY_GO}};
    putchar('\n');
    if (json_size(targets))
        ctl_table(c, targets, columns, ARRAY_LEN(columns));
    else
        ctl_line("targets", "none: everything in its book would be sold");
}

static void show_orders(const struct ctl *c, const struct json_node *orders)
{
    static const struct ctl_column columns[] = {
        {"LEG", "leg", CTL_RIGHT},      {"SIDE", "side", 0},
        {"SYMBOL", "symbol", 0},        {"QTY", "qty", CTL_RIGHT},
        {"PRICE", "price", CTL_RIGHT},  {"NOTIONAL", "notional", CTL_RIGHT},
        {"CLASS", "class", CTL_MAY_GO}, {"WOULD BE REFUSED", "refused", CTL_MAY_GO},
    };
    putchar('\n');
    if (json_size(orders))
        ctl_table(c, orders, columns, ARRAY_LEN(columns));
    else
        ctl_line("orders", "none: its book is where it should be, or the changes are smaller than its band");
}

static void show_plan(const struct ctl *c, const struct json_node *root)
{
    char at[WHEN_TEXT_MAX];
    const struct json_node *orders = ctl_at(root, "orders");
    size_t refused = 0;
    for (size_t i = 0; i < json_size(orders); i++)
        refused += !ctl_is(json_at(orders, i), "would_pass", "yes");
    ctl_line("strategy", "%s, model %s %s, session %s, as of %s", ctl_text(root, "strategy"),
             ctl_text(root, "model_name"), ctl_text(root, "model_version"), ctl_text(root, "session"),
             ctl_ny(ctl_text(root, "as_of"), at));
    ctl_line("capital", "%s of equity %s, cash %s", ctl_text(root, "capital"), ctl_text(root, "equity"),
             ctl_text(root, "cash"));
    show_targets(c, ctl_at(root, "targets"));
    show_orders(c, orders);
    printf("\n%zu orders, %zu of them would be refused. Nothing was sent.\n", json_size(orders), refused);
}

int ctl_plan(struct ctl *c)
{
    struct text body;
    struct json_out o;
    struct ctl_answer a;
    ctl_body_begin(&body, &o);
    ctl_put_strategies(c, 1, &o);
    c->call_timeout_s = c->options.timeout_s ? c->options.timeout_s : PLAN_TIMEOUT_S; // the strategy has its own
    int code = ctl_post(c, "/admin/plan", &body, &o, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json)
        show_plan(c, ctl_root(&a));
    ctl_answer_free(&a);
    return EX_OK;
}

// --- limits

static void show_words(const char *label, const struct json_node *words, const char *none)
{
    struct text t;
    text_init(&t, 4000);
    for (size_t i = 0; i < json_size(words); i++)
        text_addf(&t, "%s%s", i ? " " : "", ctl_text(json_at(words, i), ""));
    ctl_line(label, "%s", json_size(words) ? text_str(&t) : none);
    text_free(&t);
}

int ctl_limits(struct ctl *c)
{
    static const struct ctl_column columns[] = {
        {"LIMIT", "name", 0},         {"CEILING", "ceiling", CTL_RIGHT},  {"EFFECTIVE", "effective", CTL_RIGHT},
        {"USED", "used", CTL_RIGHT},  {"LEFT", "left", CTL_RIGHT},        {"UNIT", "unit", 0},
        {"NOTE", "note", CTL_MAY_GO}, {"REFUSES AS", "code", CTL_MAY_GO},
    };
    struct ctl_answer a;
    int code = ctl_ask(c, "GET", "/admin/limits", NULL, &a);
    if (code != EX_OK)
        return code;
    const struct json_node *root = ctl_root(&a);
    if (!c->options.json) {
        ctl_line("session", "%s%s", ctl_text(root, "session")[0] ? ctl_text(root, "session") : "not known yet",
                 ctl_is(root, "account_known", "yes") ? "" : "; the account is not known yet: usage is empty");
        ctl_table(c, ctl_at(root, "limits"), columns, ARRAY_LEN(columns));
        ctl_line("long only", "%s", ctl_text(root, "long_only"));
        show_words("allowed", ctl_at(root, "allow"), "every symbol that is not denied");
        show_words("denied", ctl_at(root, "deny"), "none");
    }
    ctl_answer_free(&a);
    return EX_OK;
}
