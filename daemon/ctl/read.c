// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Lists: runs, orders, fills, positions.
#include <string.h>

#include "daemon/ctl/ctl.h"
#include "lib/trade/order.h"

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

static const char *const RUN_STATUSES[] = {"running",   "claimed", "planned", "sending", "settling",
                                           "completed", "partial", "failed",  "missed"};

static int check_status(const char *status, const char *const *known, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(known[i], status) == 0)
            return EX_OK;
    return ctl_unknown("status", status, known, count);
}

static int check_order_status(const char *status)
{
    const char *known[ORDER_STATUS_COUNT + 4] = {"open", "closed", "all", "parked"};
    size_t count = 4;
    for (int i = 0; i < ORDER_STATUS_COUNT; i++)
        known[count++] = order_status_name((enum order_status)i);
    return check_status(status, known, count);
}

// An empty list may mean a name that does not exist.
static int check_names(struct ctl *c)
{
    int code = c->options.strategy ? ctl_check_strategy(c, c->options.strategy) : EX_OK;
    if (code == EX_OK && c->options.book)
        code = ctl_check_book(c, c->options.book);
    if (code == EX_OK && c->options.symbol)
        code = ctl_check_symbol(c, c->options.symbol);
    return code;
}

struct list {
    const char *path, *member, *status;
    const struct ctl_column *columns;
    size_t count;
};

static void list_target(const struct ctl *c, const struct list *l, const char *run, struct text *target)
{
    char limit[24];
    text_init(target, CTL_PATH_MAX);
    text_add(target, l->path);
    snprintf(limit, sizeof limit, "%lld", (long long)c->options.limit);
    add_parameter(target, "limit", c->options.limit ? limit : NULL);
    add_parameter(target, "run_id", run);
    add_parameter(target, "symbol", c->options.symbol);
    add_parameter(target, "status", l->status);
    add_parameter(target, "strategy", c->options.book ? c->options.book : c->options.strategy);
}

static int show_list(struct ctl *c, const struct list *l)
{
    struct text target;
    struct ctl_answer a;
    char run[64];
    int code = c->options.run ? ctl_run_id(c, c->options.run, run) : EX_OK;
    if (code != EX_OK)
        return code;
    list_target(c, l, c->options.run ? run : NULL, &target);
    code = ctl_ask(c, "GET", text_str(&target), NULL, &a);
    text_free(&target);
    if (code != EX_OK)
        return code;
    const struct json_node *rows = ctl_at(ctl_root(&a), l->member);
    if (json_size(rows) == 0)
        code = check_names(c);
    if (!c->options.json && json_size(rows) == 0 && code == EX_OK)
        printf("no %s\n", l->member);
    else if (!c->options.json && json_size(rows) > 0)
        ctl_table(c, rows, l->columns, l->count);
    ctl_answer_free(&a);
    return code;
}

int ctl_runs(struct ctl *c)
{
    static const struct ctl_column columns[] = {
        {"RUN", "run_id", 0},
        {"STATUS", "status", CTL_TONE},
        {"SETTLED", "settled", 0},
        {"ORDERS", "num_orders_submitted", CTL_RIGHT},
        {"FILLS", "fills", CTL_RIGHT},
        {"SESSION", "session", CTL_MAY_GO},
        {"SLOT", "slot", CTL_MAY_GO},
        {"REJECTED", "num_orders_rejected", CTL_RIGHT | CTL_MAY_GO},
        {"SECONDS", "duration_seconds", CTL_RIGHT | CTL_MAY_GO},
        {"CAUSE", "cause", CTL_MAY_GO},
        {"STRATEGIES", "strategy_id", CTL_MAY_GO},
        {"DETAIL", "detail", CTL_MAY_GO},
    };
    if (c->options.status && check_status(c->options.status, RUN_STATUSES, ARRAY_LEN(RUN_STATUSES)) != EX_OK)
        return EX_USAGE;
    return show_list(c, &(struct list){"/admin/runs", "runs", c->options.status, columns, ARRAY_LEN(columns)});
}

int ctl_orders(struct ctl *c)
{
    static const struct ctl_column columns[] = {
        {"CLIENT ORDER ID", "client_order_id", 0},
        {"SYMBOL", "symbol", 0},
        {"SIDE", "side", 0},
        {"QTY", "qty", CTL_RIGHT},
        {"STATUS", "status", CTL_TONE},
        {"FILLED", "filled_qty", CTL_RIGHT | CTL_MAY_GO},
        {"AVG PRICE", "filled_avg_price", CTL_RIGHT | CTL_MAY_GO},
        {"TYPE", "type", CTL_MAY_GO},
        {"CREATED", "created_at", CTL_MAY_GO},
        {"RUN", "run_id", CTL_MAY_GO},
        {"REASON", "reason", CTL_MAY_GO},
    };
    const char *status = c->options.parked ? "parked" : c->options.status;
    if (c->options.parked && c->options.status) {
        fprintf(stderr, "paperguard: --parked is a status already; leave --status out\n");
        return EX_USAGE;
    }
    if (status && check_order_status(status) != EX_OK)
        return EX_USAGE;
    return show_list(c, &(struct list){"/admin/orders", "orders", status, columns, ARRAY_LEN(columns)});
}

int ctl_fills(struct ctl *c)
{
    static const struct ctl_column columns[] = {
        {"TIME", "transaction_time", 0},
        {"SYMBOL", "symbol", 0},
        {"SIDE", "side", 0},
        {"QTY", "qty", CTL_RIGHT},
        {"PRICE", "price", CTL_RIGHT},
        {"AMOUNT", "amount", CTL_RIGHT},
        {"SLIPPAGE BPS", "slippage_bps", CTL_RIGHT | CTL_MAY_GO},
        {"CLIENT ORDER ID", "client_order_id", CTL_MAY_GO},
        {"RUN", "run_id", CTL_MAY_GO},
    };
    return show_list(c, &(struct list){"/admin/fills", "fills", c->options.status, columns, ARRAY_LEN(columns)});
}

int ctl_positions(struct ctl *c)
{
    static const struct ctl_column columns[] = {
        {"BOOK", "book", 0},
        {"SYMBOL", "symbol", 0},
        {"SIDE", "side", CTL_MAY_GO},
        {"QTY", "qty", CTL_RIGHT},
        {"AVG ENTRY", "avg_entry_price", CTL_RIGHT},
        {"COST", "cost", CTL_RIGHT | CTL_MAY_GO},
    };
    return show_list(c,
                     &(struct list){"/admin/positions", "positions", c->options.status, columns, ARRAY_LEN(columns)});
}
