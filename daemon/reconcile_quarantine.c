// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Open orders at the broker that no intent of this ledger is of: another hand's, or with a client order id of ours that
// nothing here wrote. Each is kept in Postgres, alerted once, counted like an order of ours, and followed by the passes
// until it ends or an operator adopts it. Nothing is cancelled without an operator's word.
#include "daemon/reconcile_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/messages.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"

#define LOOKUPS_MAX 10 // in one pass: the rate is everybody's
#define CANCEL_AGAIN_NS (2 * NS_PER_S)
#define PRICE_AGAIN_NS (5 * NS_PER_S)
#define WORD_AGAIN_MS 200

struct quarantined {
    struct reconcile *r;
    struct order_state state; // as the broker told it last
    bool listed;              // in this pass
    bool changed;             // Postgres does not have it yet
    bool priced, ended;
    bool cancel;                       // an operator wants it to be cancelled
    int64_t cancel_after, price_after; // boot time from which it is asked for (again)
    unsigned calls;                    // answers outstanding: not freed before they came
    bool writing, looking, pricing;    // which of them
};

struct word {         // on its way into the ledger
    struct list node; // in reconcile->words
    struct reconcile *r;
    loop_timer again;
    char id[ORDER_ID_MAX], client_order_id[CLIENT_ORDER_ID_MAX], strategy[BOOK_NAME_MAX], reason[200], who[64];
    bool adopt, doubt; // doubt: it may be in the ledger already
    struct day session;
    struct money value;
    int64_t at; // the ledger knows this word by it
    void (*done)(void *arg, bool ok, const char *detail);
    void *arg;
};

static struct quarantined *of_id(const struct reconcile *r, const char *client_order_id)
{
    return map_get(r->quarantine, client_order_id);
}

static void count(struct reconcile *r)
{
    metrics_set(r->p.metrics, METRIC_QUARANTINED_ORDERS, "", (int64_t)reconcile_quarantined(r));
}

size_t reconcile_quarantined(const struct reconcile *r)
{
    size_t cursor = 0, n = 0;
    const char *key;
    void *value;
    while (map_each(r->quarantine, &cursor, &key, &value))
        n += !((const struct quarantined *)value)->ended;
    return n;
}

static void word_free(struct word *w)
{
    loop_cancel(w->r->p.loop, &w->again);
    list_remove(&w->node);
    free(w);
}

void reconcile_quarantine_free(struct reconcile *r)
{
    size_t cursor = 0;
    const char *key;
    void *value;
    while (map_each(r->quarantine, &cursor, &key, &value))
        free(value);
    map_free(r->quarantine);
    LIST_EACH(n, tmp, &r->words)
    word_free(LIST_ENTRY(n, struct word, node)); // whoever said it is not told any more
}

// Those that have ended, are written, and that nobody will call back for.
static void sweep(struct reconcile *r)
{
    size_t cursor = 0;
    const char *key;
    void *value;
    while (map_each(r->quarantine, &cursor, &key, &value)) {
        struct quarantined *q = value;
        q->listed = false;
        if (!q->ended || q->changed || q->calls > 0)
            continue;
        map_remove(r->quarantine, q->state.client_order_id);
        free(q);
        cursor = 0; // the map has changed
    }
}

// --- what it counts for

// At its limit, its stop and the market, whichever is most.
static bool worth(const struct quarantined *q, struct money *out)
{
    const struct order_state *s = &q->state;
    struct price price = {0}, most = s->has_limit_price ? s->limit_price : (struct price){0};
    int64_t wall, boot;
    if (!s->has_qty) {
        *out = s->notional;
        return s->has_notional;
    }
    if (s->has_stop_price && s->stop_price.nanos > most.nanos)
        most = s->stop_price;
    if (exposure_price(q->r->p.exposure, s->symbol, &price, &wall, &boot) && price.nanos > most.nanos)
        most = price;
    return most.nanos > 0 && notional_up(most, s->qty, out);
}

static void as_intent(const struct quarantined *q, struct money reserved, struct intent *out)
{
    const struct order_state *s = &q->state;
    *out = (struct intent){.reserved = reserved, .created_at = s->submitted_at};
    str_copy_cut(out->account, sizeof out->account, q->r->account);
    str_copy_cut(out->order.client_order_id, sizeof out->order.client_order_id, s->client_order_id);
    str_copy_cut(out->order.symbol, sizeof out->order.symbol, s->symbol);
    out->order.side = s->side;
    out->order.type = s->type;
    out->order.tif = s->tif;
    if (s->type == ORDER_LIMIT)
        out->order.limit_price = s->limit_price;
    if (s->has_qty)
        out->order.qty = s->qty;
    else
        out->order.notional = s->notional;
}

static void reserve(struct quarantined *q)
{
    struct exposure *e = q->r->p.exposure;
    struct money value = {0};
    struct intent in;
    q->priced = worth(q, &value);
    as_intent(q, value, &in);
    exposure_release(e, q->state.client_order_id);
    exposure_reserve_foreign(e, &in, q->priced);
    exposure_filled(e, q->state.client_order_id, q->state.filled_qty, clock_boot_ns());
}

static void price_read(void *arg, bool ok, const char *detail)
{
    struct quarantined *q = arg;
    q->calls--;
    q->pricing = false;
    if (!ok)
        log_notice("reconcile: what order %s is worth is not known: %s", q->state.id, detail);
    if (!q->ended)
        reserve(q);
}

static void ask_price(struct quarantined *q)
{
    const char *symbol = q->state.symbol;
    int64_t now = clock_boot_ns();
    if (q->pricing || now < q->price_after)
        return;
    q->price_after = now + PRICE_AGAIN_NS;
    q->pricing = true;
    q->calls++;
    reconcile_refresh(q->r, &symbol, 1, price_read, q);
}

// --- into the ledger

static void tell(const struct quarantined *q)
{
    const struct order_state *s = &q->state;
    char qty[DECIMAL_TEXT_MAX], detail[400];
    snprintf(detail, sizeof detail, "%s %s%s %s, %s, client order id %s: not an order of this ledger; %s",
             order_side_name(s->side), s->has_qty ? "" : "for dollars ",
             decimal_format(s->has_qty ? s->qty.nanos : s->notional.nanos, qty), s->symbol, s->status_word,
             s->client_order_id, order_status_terminal(s->status) ? "it has ended" : "paperguard quarantine");
    log_message(
        LOG_LEVEL_WARNING, MESSAGE_ORDER_QUARANTINED,
        ((struct log_field[]){{"ORDER_ID", s->id}, {"CLIENT_ORDER_ID", s->client_order_id}, {"SYMBOL", s->symbol}}),
        "order %s at the broker is not ours: %s", s->id, detail);
    q->r->p.alert(q->r->p.arg, client_order_id_ours(s->client_order_id) ? "orphan_order" : "foreign_order", s->id,
                  detail);
}

static void written(void *arg, enum ledger_result result, bool news, bool cancel)
{
    struct quarantined *q = arg;
    q->calls--;
    q->writing = false;
    if (result != LEDGER_OK)
        q->changed = true; // again in the next pass
    if (result == LEDGER_OK && news)
        tell(q);
    q->cancel |= cancel;
}

static void write_down(struct quarantined *q)
{
    struct reconcile *r = q->r;
    if (!q->changed || q->writing)
        return;
    q->changed = false;
    q->writing = true;
    q->calls++;
    ledger_quarantine_seen(r->p.ledger, r->account, &q->state, clock_wall_ns(), written, q);
}

// --- what the broker says

static void end(struct quarantined *q)
{
    q->ended = true;
    exposure_release(q->r->p.exposure, q->state.client_order_id);
    log_notice("reconcile: order %s, which is not ours, is %s", q->state.id, q->state.status_word);
    count(q->r);
}

static void take(struct quarantined *q, const struct order_state *s)
{
    bool news = s->status != q->state.status || s->filled_qty.nanos != q->state.filled_qty.nanos;
    q->listed = true;
    if (!news || q->ended || s->updated_at < q->state.updated_at)
        return;
    q->state = *s;
    q->changed = true;
    exposure_filled(q->r->p.exposure, s->client_order_id, s->filled_qty, clock_boot_ns());
    if (order_status_terminal(s->status))
        end(q);
}

static struct quarantined *add(struct reconcile *r, const struct order_state *s)
{
    struct quarantined *q = check_alloc(1, sizeof *q);
    q->r = r;
    q->state = *s;
    q->listed = true;
    q->ended = order_status_terminal(s->status); // it came and went between two passes
    map_put(r->quarantine, s->client_order_id, q);
    if (!q->ended)
        reserve(q);
    if (!q->ended && !q->priced)
        ask_price(q);
    count(r);
    return q;
}

bool reconcile_quarantine_says(struct reconcile *r, const struct order_state *s)
{
    struct quarantined *q = of_id(r, s->client_order_id);
    if (q)
        take(q, s);
    return q != NULL;
}

void reconcile_quarantine_put(struct reconcile *r, const struct order_state *s)
{
    if (reconcile_quarantine_says(r, s))
        return;
    struct quarantined *q = add(r, s);
    q->changed = true;
    write_down(q);
}

void reconcile_quarantine_load(struct reconcile *r, const struct ledger_quarantined *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (of_id(r, rows[i].state.client_order_id))
            continue;
        struct quarantined *q = add(r, &rows[i].state);
        str_copy_cut(q->state.status_word, sizeof q->state.status_word, order_status_name(q->state.status));
        q->cancel = rows[i].cancel;
    }
    count(r); // also when there are none
}

// --- after the lists were read

static void looked_up(void *arg, const struct broker_answer *a)
{
    struct quarantined *q = arg;
    struct order_state s;
    struct err err = {.text = ""};
    q->calls--;
    q->looking = false;
    if (a->result == BROKER_OK && a->json && alpaca_order_parse(a->json, &s, &err) == 0 && str_equal(s.id, q->state.id))
        take(q, &s);
    else
        log_notice("reconcile: order %s, which is not ours, not read (%s)", q->state.id,
                   err.text[0] ? err.text : a->detail);
    write_down(q);
}

static void look_up(struct quarantined *q)
{
    q->looking = true;
    q->calls++;
    broker_call(q->r->p.broker, OP_ORDER, q->state.id, NULL, looked_up, q);
}

static void cancelled(void *arg, const struct broker_answer *a)
{
    struct quarantined *q = arg;
    q->calls--;
    if (a->result != BROKER_OK)
        log_notice("reconcile: the cancel of order %s, which is not ours, is not taken (%s); asked for again",
                   q->state.id, a->detail);
    reconcile_kick(q->r);
}

// For as long as it lives: a refusal may mean that it came too early.
static void send_cancel(struct quarantined *q)
{
    int64_t now = clock_boot_ns();
    if (now < q->cancel_after)
        return;
    q->cancel_after = now + CANCEL_AGAIN_NS;
    q->calls++;
    broker_call(q->r->p.broker, OP_CANCEL, q->state.id, NULL, cancelled, q);
}

void reconcile_quarantine_begin(struct reconcile *r)
{
    sweep(r);
}

void reconcile_quarantine_pass(struct reconcile *r)
{
    size_t cursor = 0, asked = 0;
    const char *key;
    void *value;
    while (map_each(r->quarantine, &cursor, &key, &value)) {
        struct quarantined *q = value;
        write_down(q);
        if (q->ended)
            continue;
        if (!q->listed && !q->looking && asked++ < LOOKUPS_MAX) // not open any more, or the list lags
            look_up(q);
        if (!q->priced)
            ask_price(q);
        if (q->cancel)
            send_cancel(q);
        r->again |= q->cancel || !q->listed;
    }
}

// --- an operator's word

const struct order_state *reconcile_quarantine_find(const struct reconcile *r, const char *id)
{
    size_t cursor = 0;
    const char *key;
    void *value;
    while (map_each(r->quarantine, &cursor, &key, &value)) {
        const struct quarantined *q = value;
        if (!q->ended && (str_equal(q->state.id, id) || str_equal(key, id)))
            return &q->state;
    }
    return NULL;
}

static void word_end(struct word *w, bool ok, const char *detail)
{
    const char *did = w->adopt ? "adopt" : "cancel";
    char text[400];
    snprintf(text, sizeof text, "%s: %s%s%s", w->who, w->reason, ok ? "" : "; refused: ", detail);
    ledger_decision(w->r->p.ledger, "operator", w->client_order_id, ok ? did : "denied", "quarantine", text,
                    clock_wall_ns());
    log_message(
        LOG_LEVEL_NOTICE, MESSAGE_QUARANTINE_WORD,
        ((struct log_field[]){{"ORDER_ID", w->id}, {"CLIENT_ORDER_ID", w->client_order_id}, {"REASON", w->reason}}),
        "order %s in quarantine: %s, says %s", w->id, did, text);
    w->done(w->arg, ok, detail);
    word_free(w);
}

static void word_send(void *arg);

// What may be done is asked for until the ledger tells: the same call changes nothing then.
static void word_again(struct word *w)
{
    w->doubt = true;
    w->again = loop_after_ms(w->r->p.loop, WORD_AGAIN_MS, word_send, w);
}

static void adopted_read(void *arg, enum ledger_result result, const struct order_row *row)
{
    struct word *w = arg;
    struct reconcile *r = w->r;
    struct quarantined *q = of_id(r, w->client_order_id);
    if (result == LEDGER_LOST || result == LEDGER_DOWN) {
        word_again(w);
        return;
    }
    if (result != LEDGER_OK || !row) {
        word_end(w, false, "it is adopted, and Postgres does not tell the order: it is followed after the next start");
        return;
    }
    if (q) {
        q->ended = true;
        q->changed = false;
        exposure_release(r->p.exposure, w->client_order_id);
        count(r);
    }
    exposure_reserve_late(r->p.exposure, &row->intent);
    desk_adopt(r->p.desk, row);
    if (q)
        desk_broker_says(r->p.desk, &q->state, "list"); // newer than what the ledger has, perhaps
    reconcile_kick(r);
    word_end(w, true, "");
}

static void word_written(void *arg, enum ledger_result result, const char *detail)
{
    struct word *w = arg;
    struct quarantined *q = of_id(w->r, w->client_order_id);
    if (result == LEDGER_LOST || (result == LEDGER_DOWN && w->doubt)) {
        word_again(w);
    } else if (result != LEDGER_OK) {
        word_end(w, false, detail && detail[0] ? detail : ledger_result_name(result));
    } else if (w->adopt) {
        ledger_order_find(w->r->p.ledger, w->client_order_id, adopted_read, w);
    } else {
        if (q && !q->ended) {
            q->cancel = true;
            q->cancel_after = 0;
            send_cancel(q);
        }
        word_end(w, true, "");
    }
}

static void word_send(void *arg)
{
    struct word *w = arg;
    struct reconcile *r = w->r;
    w->again = 0;
    if (w->adopt)
        ledger_quarantine_adopt(r->p.ledger, r->account, w->id, w->strategy, w->session, w->value, w->reason, w->who,
                                w->at, word_written, w);
    else
        ledger_quarantine_cancel(r->p.ledger, r->account, w->id, w->reason, w->who, w->at, word_written, w);
}

void reconcile_quarantine_word(struct reconcile *r, const char *id, const struct quarantine_word *said,
                               void (*done)(void *arg, bool ok, const char *detail), void *arg)
{
    const struct order_state *s = reconcile_quarantine_find(r, id);
    if (!s) {
        done(arg, false, "no order in quarantine has this id");
        return;
    }
    struct word *w = check_alloc(1, sizeof *w);
    *w = (struct word){.r = r, .adopt = said->adopt, .session = said->session, .done = done, .arg = arg};
    list_init(&w->node);
    list_append(&r->words, &w->node);
    w->at = clock_wall_ns();
    str_copy_cut(w->id, sizeof w->id, s->id);
    str_copy_cut(w->client_order_id, sizeof w->client_order_id, s->client_order_id);
    str_copy_cut(w->strategy, sizeof w->strategy, said->strategy);
    str_copy_cut(w->reason, sizeof w->reason, said->reason);
    str_copy_cut(w->who, sizeof w->who, said->who);
    if (w->adopt && !worth(of_id(r, s->client_order_id), &w->value))
        word_end(w, false, "what it is worth is not known yet; try again");
    else
        word_send(w);
}
