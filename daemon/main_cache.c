// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What other readers find in Redis: values when they change, events as they happen. All of it may be lost; who needs
// the truth asks the ledger (or HTTP).
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"

#define EVENT_MAX 4096
#define RUNS_SHOWN 20
#define SIGNALS_SHOWN 500
#define LISTS_AFTER_NS (1 * NS_PER_S) // what has changed is written by then; several changes make one list

// --- events: {"event":"order",...,"at":"..."}

static void event_begin(struct text *t, struct json_out *o, const char *name)
{
    text_init(t, EVENT_MAX);
    json_out_init(o, t);
    json_object_begin(o);
    json_put_string(o, "event", name);
}

static void event_end(struct daemon *d, struct text *t, struct json_out *o)
{
    json_put_when(o, "at", clock_wall_ns());
    json_object_end(o);
    if (!t->overflow)
        cache_publish(d->cache, text_str(t));
    text_free(t);
}

static void put_text(struct json_out *o, const char *key, const char *s)
{
    json_put_string(o, key, s[0] ? s : NULL);
}

void daemon_cache_order(struct daemon *d, const struct order_row *row)
{
    const struct order_request *q = &row->intent.order;
    struct text t;
    struct json_out o;
    if (!cache_up(d->cache))
        return;
    event_begin(&t, &o, "order");
    json_put_string(&o, "client_order_id", q->client_order_id);
    put_text(&o, "order_id", row->order_id);
    put_text(&o, "run_id", row->intent.run_id);
    json_put_string(&o, "symbol", q->symbol);
    json_put_string(&o, "side", order_side_name(q->side));
    json_put_decimal(&o, "qty", q->qty.nanos);
    json_put_string(&o, "status", order_status_name(row->status));
    json_put_decimal(&o, "filled_qty", row->filled_qty.nanos);
    put_text(&o, "reason", row->reason);
    event_end(d, &t, &o);
}

void daemon_cache_fills(void *arg, const struct alpaca_fill *fills, size_t count)
{
    struct daemon *d = arg;
    for (size_t i = 0; i < count && cache_up(d->cache); i++) {
        const struct alpaca_fill *f = &fills[i];
        struct text t;
        struct json_out o;
        event_begin(&t, &o, "fill");
        json_put_string(&o, "activity_id", f->id);
        json_put_string(&o, "order_id", f->order_id);
        json_put_string(&o, "symbol", f->symbol);
        json_put_string(&o, "side", order_side_name(f->side));
        json_put_decimal(&o, "qty", f->qty.nanos);
        json_put_decimal(&o, "price", f->price.nanos);
        json_put_when(&o, "transaction_time", f->transaction_time);
        event_end(d, &t, &o);
    }
}

static void tell_run(struct daemon *d, const struct run_row *row)
{
    struct text t;
    struct json_out o;
    bool first = !str_equal(d->cache_told.run, row->id);
    if (!first && d->cache_told.run_status == row->status && d->cache_told.run_settled == row->settled)
        return;
    str_copy_cut(d->cache_told.run, sizeof d->cache_told.run, row->id);
    d->cache_told.run_status = row->status;
    d->cache_told.run_settled = row->settled;
    d->cache_told.lists_due_boot_ns = clock_boot_ns();
    event_begin(&t, &o, row->completed_at ? "run_ended" : first ? "run_started" : "run");
    json_put_string(&o, "run_id", row->id);
    json_put_string(&o, "status", run_status_name(row->status));
    json_key(&o, "session");
    json_add_day(&o, row->session);
    json_put_string(&o, "slot", row->slot_key);
    json_put_string(&o, "strategies", row->strategies);
    json_put_int(&o, "signals", row->signals);
    json_put_int(&o, "orders_submitted", row->orders_submitted);
    json_put_int(&o, "orders_accepted", row->orders_accepted);
    json_put_int(&o, "orders_rejected", row->orders_rejected);
    json_put_int(&o, "fills", row->fills);
    json_put_bool(&o, "settled", row->settled);
    put_text(&o, "detail", row->detail);
    event_end(d, &t, &o);
}

// --- values

static void put_prices(struct daemon *d)
{
    for (size_t i = 0; i < d->config->strategy_count; i++) {
        const struct config_words *w = &d->config->strategies[i].symbols;
        for (size_t k = 0; k < w->count; k++) {
            struct price price;
            int64_t at, boot;
            if (exposure_price(d->exposure, w->words[k], &price, &at, &boot))
                cache_put_price(d->cache, w->words[k], price, at);
        }
    }
}

void daemon_cache_run(struct daemon *d, const struct run_row *row)
{
    if (row->completed_at)
        put_prices(d);
    tell_run(d, row);
    daemon_cache_look(d);
}

static void runs_listed(void *arg, enum ledger_result result, const char *json)
{
    struct daemon *d = arg;
    if (result == LEDGER_OK)
        cache_put_runs(d->cache, json, clock_wall_ns());
    else
        d->cache_told.lists_due_boot_ns = clock_boot_ns();
}

static void signals_listed(void *arg, enum ledger_result result, const char *json)
{
    struct daemon *d = arg;
    d->cache_told.asked = false;
    if (result == LEDGER_OK)
        cache_put_signals(d->cache, json, clock_wall_ns());
    else
        d->cache_told.lists_due_boot_ns = clock_boot_ns();
}

static void tell_halt(struct daemon *d)
{
    enum fact_halt halt = halt_state(d->halt);
    struct text t;
    struct json_out o;
    if (halt == d->cache_told.halt && d->cache_told.halt_known)
        return;
    d->cache_told.halt = halt;
    d->cache_told.halt_known = true;
    event_begin(&t, &o, "halt");
    json_put_string(&o, "state", fact_halt_name(halt));
    put_text(&o, "detail", halt == HALT_RUNNING ? "" : facts_view(d->facts)->halt_detail);
    event_end(d, &t, &o);
}

// With every tick: what has changed since. The two lists are asked for at most once at a time.
void daemon_cache_look(struct daemon *d)
{
    cache_set_account(d->cache, facts_view(d->facts)->account_number);
    if (!cache_up(d->cache))
        return;
    cache_look_for_halts(d->cache, clock_boot_ns());
    tell_halt(d);
    int64_t due = d->cache_told.lists_due_boot_ns;
    if (!due || clock_boot_ns() - due < LISTS_AFTER_NS || d->cache_told.asked || d->ledger_state != LEDGER_READY)
        return;
    d->cache_told.lists_due_boot_ns = 0;
    d->cache_told.asked = true;
    ledger_query(d->ledger, LEDGER_QUERY_RUNS, &(struct ledger_filter){.limit = RUNS_SHOWN}, runs_listed, d);
    ledger_query(d->ledger, LEDGER_QUERY_SIGNALS, &(struct ledger_filter){.limit = SIGNALS_SHOWN}, signals_listed, d);
}

void daemon_cache_state(void *arg, bool up, const char *detail)
{
    struct daemon *d = arg;
    str_copy_cut(d->cache_detail, sizeof d->cache_detail, detail ? detail : "");
    d->snapshot.at_boot_ns = 0;
    log_info("redis: %s", up ? "connected" : d->cache_detail);
    d->cache_told.lists_due_boot_ns = clock_boot_ns(); // it may have come back empty
    d->cache_told.halt_known = false;
    if (up && d->exposure)
        put_prices(d);
}
