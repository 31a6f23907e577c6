// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A change is written to the ledger first and told after. While the ledger is away the change is told once and written
// again until it stands there; compare-and-set keeps late writes from undoing newer ones.
#include "daemon/desk_internal.h"

#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define LEDGER_RETRY_MS 1000

void desk_change_free(struct change *c)
{
    loop_cancel(c->order->desk->p.loop, &c->timer);
    list_remove(&c->node);
    free(c);
}

bool desk_change_pending(const struct desk_order *o)
{
    LIST_EACH(n, tmp, &o->desk->changes)
    if (LIST_ENTRY(n, struct change, node)->order == o)
        return true;
    return false;
}

void desk_tell(struct desk_order *o)
{
    struct desk *d = o->desk;
    bool first = !o->answered && o->row.status != ORDER_INTENT && o->row.status != ORDER_SENDING;
    if (first) {
        o->answered = true;
        if (o->done)
            o->done(o->arg, &o->row);
    }
    if (d->p.on_order)
        d->p.on_order(d->p.arg, &o->row);
}

void desk_tell_meanwhile(struct desk_order *o, const char *why)
{
    if (o->answered)
        return;
    o->answered = true;
    if (!o->row.reason[0])
        str_copy_cut(o->row.reason, sizeof o->row.reason, why);
    if (o->done)
        o->done(o->arg, &o->row);
}

// Whatever it waits for: its turn behind others, Postgres, a rate slot, the broker.
static void answer_late(void *arg)
{
    struct desk_order *o = arg;
    o->told_timer = 0;
    desk_tell_meanwhile(o, "it has no answer yet, and is followed");
}

void desk_answer_in_time(struct desk_order *o)
{
    const struct desk_params *p = &o->desk->p;
    if (!o->row.intent.run_id[0])
        o->told_timer = loop_after_ms(p->loop, p->answer_within_ms, answer_late, o);
}

// --- changes into the ledger

static bool moves_book(const struct change *c)
{
    return c->filled_qty.nanos > 0 && desk_moves_book(c->order);
}

int64_t desk_books_after(const struct desk *d)
{
    LIST_EACH(n, tmp, (struct list *)&d->changes)
    if (moves_book(LIST_ENTRY(n, struct change, node)))
        return INT64_MAX;
    return d->filled_boot_ns;
}

static void write_change(void *arg);

static void change_written(void *arg, enum ledger_result result, const char *detail)
{
    struct change *c = arg;
    struct desk_order *o = c->order;
    if (result == LEDGER_CONFLICT)
        log_debug("order %s: the ledger has newer news than %s (%s)", o->row.intent.order.client_order_id,
                  order_status_name(c->status), detail);
    bool again = result == LEDGER_DOWN || result == LEDGER_LOST;
    if (again)
        c->timer = loop_after_ms(o->desk->p.loop, LEDGER_RETRY_MS, write_change, c);
    bool told = c->told;
    c->told = true;
    if (!again && moves_book(c))
        o->desk->filled_boot_ns = clock_boot_ns();
    if (!again)
        desk_change_free(c);
    if (!told)
        desk_tell(o);
}

static void write_change(void *arg)
{
    struct change *c = arg;
    c->timer = 0;
    desk_port_update(c->order, c, change_written, c);
}

void desk_log_change(const struct desk_order *o, const char *source)
{
    if (o->desk->p.ports) // an example, no order
        return;
    const struct order_row *r = &o->row;
    char qty[DECIMAL_TEXT_MAX], avg[DECIMAL_TEXT_MAX];
    log_with(LOG_LEVEL_INFO,
             ((struct log_field[]){{"RUN_ID", r->intent.run_id[0] ? r->intent.run_id : NULL},
                                   {"SYMBOL", r->intent.order.symbol},
                                   {"CLIENT_ORDER_ID", r->intent.order.client_order_id},
                                   {"ORDER_ID", r->order_id[0] ? r->order_id : NULL},
                                   {"REASON", r->reason[0] ? r->reason : NULL}}),
             "order %s %s %s is %s (%s), filled %s at %s%s%s", r->intent.order.client_order_id,
             order_side_name(r->intent.order.side), r->intent.order.symbol, order_status_name(r->status), source,
             decimal_format(r->filled_qty.nanos, qty), decimal_format(r->filled_avg_price.nanos, avg),
             r->reason[0] ? ": " : "", r->reason);
}

// The row has changed: into the ledger, then told.
void desk_changed(struct desk_order *o, int64_t broker_at, const char *source)
{
    struct desk *d = o->desk;
    struct change *c = check_alloc(1, sizeof *c);
    *c = (struct change){.order = o,
                         .status = o->row.status,
                         .filled_qty = o->row.filled_qty,
                         .filled_avg_price = o->row.filled_avg_price,
                         .broker_at = broker_at};
    str_copy_cut(c->order_id, sizeof c->order_id, o->row.order_id);
    str_copy_cut(c->source, sizeof c->source, source);
    str_copy_cut(c->reason, sizeof c->reason, o->row.reason);
    list_append(&d->changes, &c->node);
    desk_log_change(o, source);
    if (order_status_terminal(o->row.status))
        desk_end_order(o);
    write_change(c);
}

void desk_set_status(struct desk_order *o, enum order_status status, const char *source, const char *reason)
{
    o->row.status = status;
    o->row.updated_at = clock_wall_ns();
    str_copy_cut(o->row.reason, sizeof o->row.reason, reason);
    desk_changed(o, 0, source); // our clock is no time of the broker's
}
