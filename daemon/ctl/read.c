// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Verbs that only read.
#include <stdio.h>
#include <string.h>

#include "daemon/ctl/ctl.h"

static int show_list(struct ctl *c, int argc, const char *verb, const char *list, const struct column *columns,
                     unsigned count)
{
    char target[160];
    struct reply r;
    int code;
    if (argc > 0)
        return ctl_usage(ctl_verb(verb));
    snprintf(target, sizeof target, "/admin/%s?limit=100%s%s", list, c->run_id ? "&run_id=" : "",
             c->run_id ? c->run_id : "");
    if (!ctl_get(c, target, &r, &code))
        return code;
    ctl_table(json_get(json_doc_root(r.doc), list), columns, count);
    ctl_reply_free(&r);
    return CTL_OK;
}

int verb_runs(struct ctl *c, int argc, char **argv)
{
    static const struct column columns[] = {
        {"run_id", "RUN", 36}, {"session", "SESSION", 10},          {"slot", "SLOT", 20},
        {"state", "STATE", 9}, {"num_orders_submitted", "SENT", 4}, {"num_orders_rejected", "REFUSED", 7},
        {"fills", "FILLS", 5}, {"settled", "SETTLED", 7},           {"detail", "DETAIL", 0}};
    (void)argv;
    return show_list(c, argc, "runs", "runs", columns, ARRAY_LEN(columns));
}

int verb_orders(struct ctl *c, int argc, char **argv)
{
    static const struct column columns[] = {{"client_order_id", "CLIENT ORDER ID", 36},
                                            {"symbol", "SYMBOL", 6},
                                            {"side", "SIDE", 4},
                                            {"qty", "QTY", 14},
                                            {"status", "STATUS", 16},
                                            {"filled_qty", "FILLED", 14},
                                            {"filled_avg_price", "AVG PRICE", 12},
                                            {"reason", "REASON", 0}};
    (void)argv;
    return show_list(c, argc, "orders", "orders", columns, ARRAY_LEN(columns));
}

int verb_fills(struct ctl *c, int argc, char **argv)
{
    static const struct column columns[] = {{"transaction_time", "TIME", 27},
                                            {"symbol", "SYMBOL", 6},
                                            {"side", "SIDE", 4},
                                            {"qty", "QTY", 14},
                                            {"price", "PRICE", 12},
                                            {"client_order_id", "CLIENT ORDER ID", 0}};
    (void)argv;
    return show_list(c, argc, "fills", "fills", columns, ARRAY_LEN(columns));
}

int verb_positions(struct ctl *c, int argc, char **argv)
{
    static const struct column columns[] = {{"book", "BOOK", 20},
                                            {"symbol", "SYMBOL", 6},
                                            {"qty", "QTY", 16},
                                            {"avg_entry_price", "AVG PRICE", 14},
                                            {"cost", "COST", 0}};
    (void)argv;
    return show_list(c, argc, "positions", "positions", columns, ARRAY_LEN(columns));
}

int verb_status(struct ctl *c, int argc, char **argv)
{
    static const struct {
        const char *title, *path;
    } lines[] = {{"status", "health.status"},
                 {"why", "health.why"},
                 {"mode", "health.mode"},
                 {"orders", "health.orders_text"},
                 {"version", "health.version"},
                 {"guard", "health.guard.answer"},
                 {"  detail", "health.guard.detail"},
                 {"halt", "health.halt.state"},
                 {"Postgres", "health.details.database"},
                 {"Alpaca", "health.details.alpaca"},
                 {"Redis", "health.details.redis"},
                 {"next run", "scheduler.job.next_run_time"},
                 {"trigger", "scheduler.job.trigger"},
                 {"last run", "scheduler.last_run.run_id"},
                 {"  status", "scheduler.last_run.status"},
                 {"account", "account.account_number"},
                 {"equity", "account.equity"},
                 {"cash", "account.cash"}};
    struct reply r;
    int code;
    (void)argv;
    if (argc > 0)
        return ctl_usage(ctl_verb("status"));
    code = ctl_call(c, "GET", "/admin/status", NULL, &r);
    if (code != CTL_OK)
        return code;
    code = ctl_status(c, &r);
    const struct json_node *root = r.doc ? json_doc_root(r.doc) : NULL;
    for (unsigned i = 0; code == CTL_OK && !c->json && i < ARRAY_LEN(lines); i++)
        printf("%-14s %s\n", lines[i].title, ctl_member(root, lines[i].path));
    const char *status = ctl_member(root, "health.status");
    if (code == CTL_OK && strcmp(status, "healthy") != 0 && strcmp(status, "degraded") != 0)
        code = CTL_NO;
    ctl_reply_free(&r);
    return code;
}
