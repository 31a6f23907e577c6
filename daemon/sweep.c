// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// idle -> cancelling -> cleared; an order that turns up later starts it again. The desk cancels what it follows, and
// again when the broker did not take that. The broker's list is what counts: what is ours and open in two lists, or is
// not followed, is cancelled there by its id.
#include "daemon/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker.h"
#include "daemon/ledger.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/when.h"

#define PAGE 500
#define PAGES_MAX 100
#define PAGE_OVERLAP_NS NS_PER_MS // "after" leaves out what was submitted at that very moment
#define READ_AGAIN_NS (NS_PER_S)
#define CANCEL_AGAIN_NS (5 * NS_PER_S)

enum page { PAGE_ODD, PAGE_MORE, PAGE_LAST };

struct list { // of open orders at the broker, read page by page
    int64_t after_ns;
    unsigned pages;
    size_t ours;
    int64_t not_ours;
    bool had, again; // the one before had some; it is time to cancel them
    struct map *seen;
};

struct sweep {
    struct sweep_params p;
    struct sweep_moment now;
    enum fact_halt level; // that is swept for; RUNNING: none
    bool looked;          // at all: a halt that is there the first time is of an earlier life
    bool earlier;         // and this is that one: it may be swept already
    bool reading, alerted;
    unsigned round; // of a halt: an answer of the one before does not count
    unsigned asked; // in which round the list was asked for
    int64_t read_boot_ns, cancelled_boot_ns;
    size_t following, listed;   // open: with the desk, at the broker
    size_t followed_when_asked; // with the desk, when the list was asked for last
    struct list list;
    struct halt_orders view;
};

struct sweep *sweep_new(const struct sweep_params *params)
{
    struct sweep *s = check_alloc(1, sizeof *s);
    s->p = *params;
    s->level = HALT_RUNNING;
    metrics_set(params->metrics, METRIC_HALT_ORDERS_OPEN, "", 0);
    metrics_set_decimal(params->metrics, METRIC_HALT_CLEARED, "", 0);
    return s;
}

void sweep_free(struct sweep *s)
{
    if (s)
        map_free(s->list.seen);
    free(s);
}

static void show(struct sweep *s)
{
    s->view.open = (int64_t)(s->following > s->listed ? s->following : s->listed);
    if (s->view.open > s->view.cancelled)
        s->view.cancelled = s->view.open;
    halt_set_orders(s->p.halt, &s->view);
    metrics_set(s->p.metrics, METRIC_HALT_ORDERS_OPEN, "", s->view.open);
}

static int64_t took_ns(const struct sweep *s)
{
    int64_t ns = s->now.wall_ns - s->now.since_ns;
    return ns > 0 ? ns : 0;
}

static void begin(struct sweep *s)
{
    s->level = s->now.halt;
    s->round++;
    s->earlier = !s->looked;
    s->alerted = false;
    s->read_boot_ns = s->cancelled_boot_ns = 0;
    s->listed = 0;
    s->view = (struct halt_orders){.state = HALT_ORDERS_CANCELLING};
}

static void end(struct sweep *s)
{
    s->level = HALT_RUNNING;
    s->round++;
    s->following = s->listed = 0;
    s->view = (struct halt_orders){.state = HALT_ORDERS_NONE};
    show(s);
}

// --- the broker's list

// Only what the desk knows to reduce may stay, and only under reduce-only.
static bool may_stay(const struct sweep *s, const struct order_row *row)
{
    return s->level == HALT_REDUCE_ONLY && row && row->intent.reduces;
}

static void cancel_told(void *arg, const struct broker_answer *a)
{
    (void)arg, (void)a; // the next list tells
}

static void take(struct sweep *s, const struct order_state *o)
{
    const struct order_row *row = desk_order(s->p.desk, o->client_order_id);
    if (order_status_terminal(o->status) || may_stay(s, row) || map_get(s->list.seen, o->id))
        return;
    map_put(s->list.seen, o->id, s);
    if (!row && !client_order_id_ours(o->client_order_id)) {
        s->list.not_ours++;
        return;
    }
    s->list.ours++;
    if (s->list.again)
        broker_call(s->p.broker, OP_CANCEL, o->id, NULL, cancel_told, s);
}

static enum page page_taken(struct sweep *s, const struct json_node *page)
{
    struct order_state o;
    struct err err;
    size_t n = json_size(page);
    int64_t newest = 0;
    for (size_t i = 0; i < n; i++) {
        if (alpaca_order_parse(json_at(page, i), &o, &err) != 0) {
            log_notice("halt: the broker's list of open orders: %s", err.text);
            return PAGE_ODD;
        }
        newest = o.submitted_at > newest ? o.submitted_at : newest;
        take(s, &o);
    }
    if (s->list.again || !s->list.had)
        s->cancelled_boot_ns = s->now.boot_ns;
    if (n < PAGE)
        return PAGE_LAST;
    // A page of one moment does not lead on: which orders it leaves out cannot be told.
    if (newest - PAGE_OVERLAP_NS <= s->list.after_ns || ++s->list.pages >= PAGES_MAX)
        return PAGE_ODD;
    s->list.after_ns = newest - PAGE_OVERLAP_NS;
    return PAGE_MORE;
}

static void record(struct sweep *s)
{
    char detail[160];
    int64_t ms = s->view.took_ns / NS_PER_MS;
    snprintf(detail, sizeof detail,
             "%s: %lld open orders cancelled; the broker has none of ours %lld.%03lld s after it",
             fact_halt_name(s->level), (long long)s->view.cancelled, (long long)(ms / 1000), (long long)(ms % 1000));
    log_notice("halt: %s", detail);
    ledger_decision(s->p.ledger, "halt", s->now.account, "cleared", "open_orders", detail, s->now.wall_ns);
    metrics_set_decimal(s->p.metrics, METRIC_HALT_CLEARED, "", s->view.took_ns);
}

// An earlier life may have done it, and what it took is on record: nothing was open, so nothing took time.
static void cleared(struct sweep *s)
{
    if (s->view.state == HALT_ORDERS_CLEARED)
        return;
    s->view.state = HALT_ORDERS_CLEARED;
    s->view.took_ns = s->earlier && !s->view.cancelled ? -1 : took_ns(s);
    if (s->view.took_ns >= 0)
        record(s);
}

static void page_read(void *arg, const struct broker_answer *a);

static void ask_page(struct sweep *s)
{
    char query[120], at[WHEN_TEXT_MAX];
    int n = snprintf(query, sizeof query, "status=open&direction=asc&limit=%d", PAGE);
    if (s->list.after_ns)
        snprintf(query + n, sizeof query - (size_t)n, "&after=%s", when_format(s->list.after_ns, at));
    broker_call(s->p.broker, OP_ORDERS, NULL, query, page_read, s);
}

static void page_read(void *arg, const struct broker_answer *a)
{
    struct sweep *s = arg;
    bool counts = s->asked == s->round && s->level != HALT_RUNNING && a->result == BROKER_OK && a->json;
    enum page page = counts ? page_taken(s, a->json) : PAGE_ODD;
    s->reading = page == PAGE_MORE;
    if (!counts)
        return;
    if (page == PAGE_LAST || s->list.ours > s->listed)
        s->listed = s->list.ours;
    s->view.not_ours = s->list.not_ours;
    s->following = desk_cancel_open(s->p.desk, NULL, s->level == HALT_REDUCE_ONLY);
    show(s);
    if (page == PAGE_LAST && s->listed == 0 && s->following == 0 && s->now.adopted)
        cleared(s);
    halt_set_orders(s->p.halt, &s->view);
    if (page == PAGE_MORE)
        ask_page(s);
}

static void read_list(struct sweep *s)
{
    bool ended = s->following == 0 && s->followed_when_asked > 0, had = s->listed > 0;
    if (s->reading || (s->read_boot_ns && !ended && s->now.boot_ns - s->read_boot_ns < READ_AGAIN_NS))
        return;
    s->reading = true;
    s->followed_when_asked = s->following;
    s->asked = s->round;
    s->read_boot_ns = s->now.boot_ns;
    map_free(s->list.seen);
    s->list = (struct list){
        .had = had, .again = had && s->now.boot_ns - s->cancelled_boot_ns >= CANCEL_AGAIN_NS, .seen = map_new()};
    ask_page(s);
}

// --- with every tick

static void late(struct sweep *s)
{
    char detail[200];
    if (s->alerted || (s->earlier && !s->view.cancelled) || took_ns(s) < *s->p.within_ms * NS_PER_MS)
        return;
    s->alerted = true;
    snprintf(detail, sizeof detail,
             "%lld orders are still open %lld s after the halt; they are cancelled again and again",
             (long long)s->view.open, (long long)(took_ns(s) / NS_PER_S));
    s->p.alert(s->p.arg, "halt_orders_open", s->now.account, detail);
}

static bool wanted(const struct sweep *s)
{
    return s->now.halt == HALT_HALTED || s->now.halt == HALT_REDUCE_ONLY;
}

void sweep_look(struct sweep *s, const struct sweep_moment *m)
{
    s->now = *m;
    if (!wanted(s) || m->lead == LEAD_STANDBY) { // another host's orders are its own
        if (s->level != HALT_RUNNING)
            end(s);
        s->looked = true;
        return;
    }
    if (s->level != m->halt)
        begin(s);
    s->looked = true;
    s->following = desk_cancel_open(s->p.desk, NULL, s->level == HALT_REDUCE_ONLY);
    if (s->following && s->view.state == HALT_ORDERS_CLEARED) // it turned up
        s->view.state = HALT_ORDERS_CANCELLING;
    show(s);
    if (s->view.state == HALT_ORDERS_CLEARED)
        return;
    if (m->lead == LEAD_HELD && m->account[0])
        read_list(s);
    late(s);
}
