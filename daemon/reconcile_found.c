// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders that the broker tells of and the desk does not follow. One that is alive there and was given up in an earlier
// life goes back to the desk; one that is not ours goes into quarantine. Of refused fills the orders are asked for by
// their ids, since they may be of any age and in no list that is read: once it is known whose they are the fills wait
// no longer.
#include "daemon/reconcile_internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define OTHERS_MAX 10000u // remembered; after so many all are asked for anew

static void remember(struct reconcile *r, const char *client_order_id)
{
    if (map_size(r->others) >= OTHERS_MAX) {
        map_free(r->others);
        r->others = map_new();
    }
    map_put(r->others, client_order_id, r);
}

static void found(void *arg, enum ledger_result result, const struct order_row *row)
{
    struct job *j = arg;
    struct reconcile *r = j->r;
    const struct order_state *s = &j->listed;
    const char *id = s->client_order_id;
    bool ours = row && str_equal(row->intent.account, r->account);
    if (result != LEDGER_OK)
        log_debug("reconcile: order %s at the broker: the ledger does not say whose it is", id);
    else if (ours && row->status == ORDER_NOT_PLACED)
        desk_found(r->p.desk, row, s, "list");
    else if (!ours && !desk_order(r->p.desk, id))
        reconcile_quarantine_put(r, s);
    else
        remember(r, id);
    if (ours && result == LEDGER_OK && order_status_terminal(row->status) && row->status != ORDER_NOT_PLACED)
        log_warning("order %s: %s in the ledger, and %s at the broker (order %s)", id, order_status_name(row->status),
                    s->status_word, s->id);
    reconcile_job_end(j);
}

static bool may_be_followed(const struct reconcile *r, const struct order_state *s)
{
    return !order_status_terminal(s->status) && !map_get(r->others, s->client_order_id);
}

void reconcile_not_followed(struct reconcile *r, const struct order_state *s)
{
    if (reconcile_quarantine_says(r, s) || !may_be_followed(r, s))
        return;
    struct job *j = reconcile_job_new(r, NULL, 0);
    j->listed = *s;
    ledger_order_find(r->p.ledger, s->client_order_id, found, j);
}

// --- orders that cannot be read

static const char *text_of(const struct json_node *n, const char *name)
{
    const char *text = json_string(json_get(n, name));
    return text ? text : "";
}

// It has ended, another hand placed it, and it is of a kind that is not known here (of several legs, say).
static bool may_be_passed_over(const struct reconcile *r, const char *client_order_id, const char *status)
{
    enum order_status s = order_status_parse(status);
    bool ended = s > ORDER_PENDING_NEW && order_status_terminal(s);
    return ended && client_order_id[0] && !client_order_id_ours(client_order_id) &&
           !desk_order(r->p.desk, client_order_id);
}

enum order_read reconcile_order_read(struct reconcile *r, const struct json_node *n, struct order_state *s,
                                     struct err *err)
{
    struct err why;
    char detail[400];
    const char *id = text_of(n, "id"), *client_order_id = text_of(n, "client_order_id");
    if (alpaca_order_parse(n, s, &why) == 0)
        return ORDER_READ;
    *s = (struct order_state){.submitted_at = 0};
    snprintf(detail, sizeof detail, "order %.64s: %.280s", id, why.text);
    if (!id[0] || !may_be_passed_over(r, client_order_id, text_of(n, "status"))) {
        err_set(err, "%s", detail);
        return ORDER_UNREADABLE;
    }
    if (!when_parse(text_of(n, "submitted_at"), &s->submitted_at))
        s->submitted_at = 0;
    if (!map_get(r->others, id)) { // told once
        map_put(r->others, id, r);
        snprintf(detail, sizeof detail, "cannot be read (%.280s), has ended, and is passed over", why.text);
        log_warning("reconcile: order %s, which is not ours, %s", id, detail);
        r->p.alert(r->p.arg, "foreign_order", id, detail);
    }
    return ORDER_PASSED_OVER;
}

// --- orders of refused fills

static void ask_next(struct reconcile *r);

static void listed(void *arg, enum ledger_result result, const char *detail)
{
    struct reconcile *r = arg;
    if (result == LEDGER_CONFLICT)
        log_warning("reconcile: the order of a refused fill is not taken by the ledger: %s", detail);
    if (reconcile_take_answer(r))
        ask_next(r);
}

static void take_order(struct reconcile *r, const struct order_state *s)
{
    desk_broker_says(r->p.desk, s, "lookup");
    bool theirs = reconcile_quarantine_says(r, s) || !may_be_followed(r, s);
    if (!desk_order(r->p.desk, s->client_order_id) && theirs) {
        r->waiting = true;
        ledger_order_listed(r->p.ledger, r->account, s, clock_wall_ns(), listed, r);
        return;
    }
    if (!desk_order(r->p.desk, s->client_order_id))
        reconcile_not_followed(r, s); // the next pass knows more
    ask_next(r);
}

static void order_read(void *arg, const struct broker_answer *a)
{
    struct reconcile *r = arg;
    const char *id = r->doubt_ids[r->doubt_next - 1];
    struct order_state s;
    struct err err = {.text = ""};
    if (!reconcile_take_answer(r))
        return;
    bool answered = a->result == BROKER_OK && a->json;
    if (answered && alpaca_order_parse(a->json, &s, &err) == 0 && str_equal(s.id, id)) {
        take_order(r, &s);
        return;
    }
    log_notice("reconcile: order %s of a refused fill not read (%s); asked again in the next pass", id,
               !answered     ? a->detail
               : err.text[0] ? err.text
                             : "the answer is about another order");
    if (answered || a->result == BROKER_REJECTED)
        ask_next(r);
    else
        reconcile_good(r, RC_ACCOUNT); // the broker does not answer now
}

static void ask_next(struct reconcile *r)
{
    if (r->doubt_next == r->doubt_count) {
        reconcile_good(r, RC_ACCOUNT);
        return;
    }
    r->waiting = true;
    broker_call(r->p.broker, OP_ORDER, r->doubt_ids[r->doubt_next++], NULL, order_read, r);
}

static void whose_read(void *arg, enum ledger_result result, const char *const *order_ids, size_t count)
{
    struct reconcile *r = arg;
    size_t first = 0;
    if (!reconcile_ledger_usable(r, result, "orders of refused fills"))
        return;
    // Sorted: on from where the last pass ended, so that none waits for others that the broker does not tell.
    while (r->doubt_count && first < count && strcmp(order_ids[first], r->doubt_ids[r->doubt_count - 1]) <= 0)
        first++;
    r->doubt_count = r->doubt_next = 0;
    for (size_t i = 0; i < count && i < DOUBT_ORDERS_MAX; i++)
        str_copy_cut(r->doubt_ids[r->doubt_count++], ORDER_ID_MAX, order_ids[(first + i) % count]);
    ask_next(r);
}

void reconcile_ask_doubt(struct reconcile *r)
{
    r->waiting = true;
    ledger_fills_whose(r->p.ledger, r->account, r->page, r->page_count, whose_read, r);
}
