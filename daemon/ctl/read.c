// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Verbs that only look.
#include <string.h>

#include "daemon/ctl/ctl.h"
#include "lib/base/when.h"

#define PATH_MAX_LEN 1024

// Times for people are New York's; the JSON has UTC.
static const char *ny(const char *utc, char buf[WHEN_TEXT_MAX])
{
    int64_t ns;
    return when_parse(utc, &ns) ? when_format_ny(ns, buf) : utc;
}

static void show_health(const struct json_node *h)
{
    const char *why = ctl_text(h, "why"), *check = ctl_text(h, "guard.check");
    bool simulator = strcmp(ctl_text(h, "mode"), "SIMULATOR") == 0;
    ctl_line("paperguard", "%s (commit %s), %s, instance %s%s", ctl_text(h, "version"), ctl_text(h, "commit"),
             ctl_text(h, "environment"), ctl_text(h, "instance"), simulator ? ", SIMULATOR" : "");
    ctl_line("health", "%s%s%s", ctl_text(h, "status"), why[0] ? ": " : "", why);
    ctl_line("orders", "%s", ctl_text(h, "orders_text"));
    ctl_line("guard", "%s%s%s%s%s", ctl_text(h, "guard.answer"), check[0] ? ": " : "", check, check[0] ? ": " : "",
             ctl_text(h, "guard.detail"));
    ctl_line("peers", "Postgres %s, Alpaca %s, Redis %s", ctl_text(h, "details.database"),
             ctl_text(h, "details.alpaca"), ctl_text(h, "details.redis"));
}

static void show_halt(const struct json_node *halt)
{
    char since[WHEN_TEXT_MAX];
    const char *state = ctl_text(halt, "state"), *reason = ctl_text(halt, "reason"), *detail = ctl_text(halt, "detail");
    if (strcmp(state, "running") == 0) {
        ctl_line("halt", "none");
        return;
    }
    ctl_line("halt", "%s%s%s", state, reason[0] ? ": " : "", reason);
    ctl_line("", "by %s, since %s", ctl_text(halt, "source"), ny(ctl_text(halt, "since"), since));
    if (detail[0] && !str_starts(detail, reason)) // another one than that in memory, or what cannot be read
        ctl_line("", "%s", detail);
    ctl_line("", "memory %s, state file %s, Postgres %s", ctl_text(halt, "memory"), ctl_text(halt, "file"),
             ctl_text(halt, "database"));
}

static void show_runs(const struct json_node *root)
{
    char at[WHEN_TEXT_MAX];
    const struct json_node *last = ctl_at(root, "scheduler.last_run");
    const char *next = ctl_text(root, "orchestration.next_run_time"),
               *trigger = ctl_text(root, "scheduler.job.trigger");
    ctl_line("scheduler", "%s, next run %s%s%s%s", ctl_text(root, "scheduler.status"), next[0] ? ny(next, at) : "none",
             trigger[0] ? " (" : "", trigger, trigger[0] ? ")" : "");
    if (json_type_of(last) != JSON_IS_OBJECT)
        return;
    ctl_line("last run", "%s %s%s, started %s", ctl_text(last, "run_id"), ctl_text(last, "status"),
             strcmp(ctl_text(last, "settled"), "yes") == 0 ? ", settled" : "", ny(ctl_text(last, "started_at"), at));
    ctl_line("", "%s signals, %s orders sent, %s accepted, %s rejected, %s fills", ctl_text(last, "num_signals"),
             ctl_text(last, "num_orders_submitted"), ctl_text(last, "num_orders_accepted"),
             ctl_text(last, "num_orders_rejected"), ctl_text(last, "fills"));
    if (ctl_text(last, "detail")[0])
        ctl_line("", "%s", ctl_text(last, "detail"));
}

static void show_status(const struct json_node *root)
{
    const struct json_node *execution = ctl_at(root, "health.scheduler.execution");
    bool ready = strcmp(ctl_text(root, "ready"), "yes") == 0;
    show_health(ctl_at(root, "health"));
    show_halt(ctl_at(root, "halt"));
    if (ctl_text(root, "account.account_number")[0])
        ctl_line("account", "%s, equity %s, cash %s", ctl_text(root, "account.account_number"),
                 ctl_text(root, "account.equity"), ctl_text(root, "account.cash"));
    ctl_line("positions", "%s, gross exposure %s; %s orders open, %s unknown", ctl_text(execution, "positions_synced"),
             ctl_text(execution, "gross_exposure")[0] ? ctl_text(execution, "gross_exposure") : "not known",
             ctl_text(execution, "orders_open"), ctl_text(execution, "orders_unknown"));
    ctl_line("ready", "%s%s%s", ready ? "yes" : "no", ready ? "" : ": ", ctl_text(root, "ready_reason"));
    if (strcmp(ctl_text(root, "needs_opening"), "yes") == 0)
        ctl_line("", "look at the account, then: paperguard opening accept");
    show_runs(root);
}

int ctl_status(struct ctl *c)
{
    struct ctl_answer a;
    int code = ctl_ask(c, "GET", "/admin/status", NULL, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json)
        show_status(ctl_root(&a));
    code = strcmp(ctl_text(ctl_root(&a), "health.status"), "unhealthy") == 0 ? CTL_REFUSED : EX_OK;
    ctl_answer_free(&a);
    return code;
}

// --- lists

static void add_parameter(struct text *path, const char *name, const char *value)
{
    if (!value)
        return;
    text_addf(path, "%c%s=", strchr(text_str(path), '?') ? '&' : '?', name);
    for (; *value; value++) {
        unsigned char b = (unsigned char)*value;
        if ((b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || strchr("-._", b))
            text_addc(path, *value);
        else
            text_addf(path, "%%%02X", b);
    }
}

static int show_list(struct ctl *c, const char *path, const char *member, const struct ctl_column *columns,
                     size_t count)
{
    struct text target;
    struct ctl_answer a;
    char limit[24];
    text_init(&target, PATH_MAX_LEN);
    text_add(&target, path);
    snprintf(limit, sizeof limit, "%lld", (long long)c->options.limit);
    add_parameter(&target, "limit", c->options.limit ? limit : NULL);
    add_parameter(&target, "run_id", c->options.run);
    add_parameter(&target, "symbol", c->options.symbol);
    add_parameter(&target, "status", c->options.status);
    add_parameter(&target, "strategy", c->options.strategy);
    int code = ctl_ask(c, "GET", text_str(&target), NULL, &a);
    text_free(&target);
    if (code != EX_OK)
        return code;
    const struct json_node *rows = ctl_at(ctl_root(&a), member);
    if (!c->options.json && json_size(rows) == 0)
        printf("no %s\n", member);
    else if (!c->options.json)
        ctl_table(rows, columns, count);
    ctl_answer_free(&a);
    return EX_OK;
}

int ctl_runs(struct ctl *c)
{
    static const struct ctl_column columns[] = {
        {"RUN", "run_id", false, false},
        {"STATUS", "status", false, false},
        {"SETTLED", "settled", false, false},
        {"ORDERS", "num_orders_submitted", true, false},
        {"FILLS", "fills", true, false},
        {"SESSION", "session", false, true},
        {"SLOT", "slot", false, true},
        {"REJECTED", "num_orders_rejected", true, true},
        {"SECONDS", "duration_seconds", true, true},
        {"CAUSE", "cause", false, true},
        {"STRATEGIES", "strategy_id", false, true},
        {"DETAIL", "detail", false, true},
    };
    return show_list(c, "/admin/runs", "runs", columns, ARRAY_LEN(columns));
}

int ctl_orders(struct ctl *c)
{
    static const struct ctl_column columns[] = {
        {"CLIENT ORDER ID", "client_order_id", false, false},
        {"SYMBOL", "symbol", false, false},
        {"SIDE", "side", false, false},
        {"QTY", "qty", true, false},
        {"STATUS", "status", false, false},
        {"FILLED", "filled_qty", true, true},
        {"AVG PRICE", "filled_avg_price", true, true},
        {"TYPE", "type", false, true},
        {"CREATED", "created_at", false, true},
        {"RUN", "run_id", false, true},
        {"REASON", "reason", false, true},
    };
    return show_list(c, "/admin/orders", "orders", columns, ARRAY_LEN(columns));
}

int ctl_fills(struct ctl *c)
{
    static const struct ctl_column columns[] = {
        {"TIME", "transaction_time", false, false},
        {"SYMBOL", "symbol", false, false},
        {"SIDE", "side", false, false},
        {"QTY", "qty", true, false},
        {"PRICE", "price", true, false},
        {"AMOUNT", "amount", true, false},
        {"SLIPPAGE BPS", "slippage_bps", true, true},
        {"CLIENT ORDER ID", "client_order_id", false, true},
        {"RUN", "run_id", false, true},
    };
    return show_list(c, "/admin/fills", "fills", columns, ARRAY_LEN(columns));
}

int ctl_positions(struct ctl *c)
{
    static const struct ctl_column columns[] = {
        {"BOOK", "book", false, false},
        {"SYMBOL", "symbol", false, false},
        {"SIDE", "side", false, true},
        {"QTY", "qty", true, false},
        {"AVG ENTRY", "avg_entry_price", true, false},
        {"COST", "cost", true, true},
    };
    return show_list(c, "/admin/positions", "positions", columns, ARRAY_LEN(columns));
}
