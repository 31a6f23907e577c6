// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Operators' words in two steps: an order whose fate nobody told, one that is sent once more, and a difference between
// ledger and broker.
#include <string.h>

#include "daemon/ctl/ctl.h"

#define WHOLE_ORDER_ID_MIN 30
#define ORDER_TOKEN_AT 1 // ORDER TOKEN

static int post(struct ctl *c, const char *path, size_t token_at, struct ctl_answer *out)
{
    struct text body;
    struct json_out o;
    ctl_body_begin(&body, &o);
    ctl_step_put(c, token_at, &o);
    return ctl_post(c, path, &body, &o, out);
}

// --- orders

// Of what looks like a whole id the daemon tells whether it has it.
static int order_id(struct ctl *c, const char *word, char out[CTL_ORDER_ID_MAX])
{
    static const struct ctl_orders orders = {.path = "/admin/orders?status=parked&limit=500",
                                             .member = "orders",
                                             .id = "client_order_id",
                                             .none = "no order is parked: every one has an answer",
                                             .one = "parked order",
                                             .several = "parked orders"};
    str_copy_cut(out, CTL_ORDER_ID_MAX, word);
    return strlen(word) >= WHOLE_ORDER_ID_MIN ? EX_OK : ctl_order_id(c, &orders, word, out);
}

static void show_inquiry(const struct json_node *root, const char *id)
{
    char at[WHEN_TEXT_MAX];
    const struct json_node *row = ctl_at(root, "ledger");
    const char *token = ctl_text(root, "code");
    ctl_line("ledger", "%s: %s %s %s, %s, filled %s, %s reserved", id, ctl_text(row, "side"), ctl_text(row, "qty"),
             ctl_text(row, "symbol"), ctl_text(row, "status"), ctl_text(row, "filled_qty"), ctl_text(row, "reserved"));
    ctl_line("", "written %s%s%s", ctl_ny(ctl_text(row, "created_at"), at), ctl_text(row, "reason")[0] ? ": " : "",
             ctl_text(row, "reason"));
    ctl_line("broker", "%s", ctl_text(root, "broker_says"));
    if (!token[0] && ctl_int(root, "wait_seconds") > 0) {
        ctl_line("", "not yet: it may still turn up by itself. Ask again in %lld s",
                 (long long)ctl_int(root, "wait_seconds"));
        return;
    }
    if (!token[0]) {
        ctl_line("", "nothing to resolve: %s",
                 ctl_is(root, "broker", "known") ? "the broker knows it, and it is followed"
                                                 : "the order has its answer");
        return;
    }
    if (ctl_is(row, "status", "unknown")) {
        ctl_step_token(root, "Look for the order at the broker; when it is not there and the daemon");
        ctl_line("", "cannot learn so by itself: paperguard orders resolve %s %s REASON", id, token);
        ctl_line("", "It ends not_placed, what it reserved is free again, and it is never sent again.");
    } else {
        ctl_step_token(root, "It never reached the broker and waits for somebody to see it:");
        ctl_line("", "paperguard orders resolve %s %s REASON", id, token);
        ctl_line("", "It is closed and not sent again; the next run plans what is missing.");
    }
}

// Step one or two of a verb about one order; confirming: that was the second.
static int order_step(struct ctl *c, const char *verb, char id[CTL_ORDER_ID_MAX], bool *confirming,
                      struct ctl_answer *out)
{
    char path[200];
    int code = ctl_step_check(c, ORDER_TOKEN_AT);
    if (code == EX_OK)
        code = order_id(c, c->words[0], id);
    if (code != EX_OK)
        return code;
    if (strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") != strlen(id)) {
        fprintf(stderr, "paperguard: that is no client order id\n");
        return EX_USAGE;
    }
    snprintf(path, sizeof path, "/admin/orders/%s/%s", verb, id);
    *confirming = ctl_step_confirms(c, ORDER_TOKEN_AT);
    return post(c, path, ORDER_TOKEN_AT, out);
}

int ctl_orders_resolve(struct ctl *c)
{
    struct ctl_answer a;
    char id[CTL_ORDER_ID_MAX];
    bool confirming;
    int code = order_step(c, "resolve", id, &confirming, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json && confirming)
        ctl_line("resolved", "%s is %s", id, ctl_text(ctl_root(&a), "status"));
    else if (!c->options.json)
        show_inquiry(ctl_root(&a), id);
    ctl_answer_free(&a);
    return EX_OK;
}

static void show_retry(const struct json_node *root, const char *id)
{
    char at[WHEN_TEXT_MAX];
    const struct json_node *row = ctl_at(root, "ledger");
    ctl_line("ledger", "%s: %s %s %s, %s, %s reserved for it", id, ctl_text(row, "side"), ctl_text(row, "qty"),
             ctl_text(row, "symbol"), ctl_text(row, "status"), ctl_text(row, "reserved"));
    ctl_line("", "written %s%s%s", ctl_ny(ctl_text(row, "created_at"), at), ctl_text(row, "reason")[0] ? ": " : "",
             ctl_text(row, "reason"));
    ctl_line("broker", "it does not have it, and risk passes it now");
    ctl_line("until", "%s: after that it does not leave any more", ctl_ny(ctl_text(root, "send_until"), at));
    ctl_step_token(root, "To send it again, as it was and under its id:");
    ctl_line("", "paperguard orders retry %s %s REASON", id, ctl_text(root, "code"));
}

int ctl_orders_retry(struct ctl *c)
{
    struct ctl_answer a;
    char id[CTL_ORDER_ID_MAX];
    bool confirming;
    int code = order_step(c, "retry", id, &confirming, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json && confirming)
        ctl_line("retry", "%s is on its way again: paperguard orders --symbol %s", id,
                 ctl_text(ctl_root(&a), "ledger.symbol"));
    else if (!c->options.json)
        show_retry(ctl_root(&a), id);
    ctl_answer_free(&a);
    return EX_OK;
}

// --- drift

static void show_drift(const struct ctl *c, const struct json_node *root)
{
    static const struct ctl_column columns[] = {
        {"SYMBOL", "symbol", 0}, {"LEDGER", "ledger", CTL_RIGHT}, {"BROKER", "broker", CTL_RIGHT}};
    bool agrees = ctl_is(root, "cash.agrees", "yes");
    const char *code = ctl_text(root, "code");
    if (!ctl_is(root, "compared", "yes")) {
        ctl_line("drift", "ledger and broker were not compared yet: %s", ctl_text(root, "reason"));
        return;
    }
    if (!code[0] && ctl_is(root, "in_step", "yes")) {
        ctl_line("drift", "none: ledger and broker agree");
        return;
    }
    ctl_line("drift", "%s", ctl_text(root, "reason"));
    if (json_size(ctl_at(root, "positions")))
        ctl_table(c, ctl_at(root, "positions"), columns, ARRAY_LEN(columns));
    ctl_line("cash", "ledger %s, broker %s%s", ctl_text(root, "cash.ledger"), ctl_text(root, "cash.broker"),
             agrees ? ": within a cent for each fill" : "");
    if (ctl_int(root, "held"))
        ctl_line("held", "%s activities of the broker that the ledger does not understand; the first: %s",
                 ctl_text(root, "held"), ctl_text(root, "first_held"));
    if (!code[0])
        return;
    ctl_line("",
             "Broker reads may lag some seconds. When the difference lasts and is explained, take the broker's side:");
    ctl_line("", "paperguard drift accept %s REASON", code);
    ctl_line("", "It is written as one correction, to unassigned and cash, with your reason.");
}

int ctl_drift(struct ctl *c)
{
    struct ctl_answer a;
    int code = ctl_ask(c, "GET", "/admin/drift", NULL, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json)
        show_drift(c, ctl_root(&a));
    code = ctl_is(ctl_root(&a), "in_step", "yes") && !ctl_text(ctl_root(&a), "code")[0] ? EX_OK : CTL_REFUSED;
    ctl_answer_free(&a);
    return code;
}

int ctl_drift_accept(struct ctl *c)
{
    struct ctl_answer a;
    int code = post(c, "/admin/drift/accept", 0, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json)
        ctl_line("drift", "accepted: the ledger says what the broker says%s%s",
                 ctl_text(ctl_root(&a), "detail")[0] ? "; " : "", ctl_text(ctl_root(&a), "detail"));
    ctl_answer_free(&a);
    return EX_OK;
}
