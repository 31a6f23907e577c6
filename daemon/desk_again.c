// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders that go out once more, under their id: handed back to the ledger as an intent first, which alone can be
// cleared anew. As long as the ledger has not taken what was told of the order before, it is not handed back; when the
// ledger has other news of it, it is UNKNOWN again, never refused. Before it leaves it is judged again, for the account
// and the market are others by now; figures that have become too old are read anew.
#include "daemon/desk_internal.h"

#include <stdio.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define HAND_BACK_RETRY_MS 1000
#define LIMITED_MAX 5u // times an order is sent again after the broker's rate limit refused it
#define LEASE_WAIT_MS 200
#define WAIT_FIRST_MS 1000
#define WAIT_DOUBLED_MAX 4u

static void hand_back(void *arg);

static void handed_back(void *arg, enum ledger_result result, const char *detail)
{
    struct desk_order *o = arg;
    bool again = result == LEDGER_DOWN || result == LEDGER_LOST;
    if (result == LEDGER_CONFLICT) {
        log_warning("order %s: not taken back: %s", o->row.intent.order.client_order_id, detail);
        desk_become_unknown(o, "the ledger has other news of it");
        return;
    }
    o->timer = loop_after_ms(o->desk->p.loop, again ? HAND_BACK_RETRY_MS : o->again_after_ms,
                             again ? hand_back : desk_commit, o);
}

static void hand_back(void *arg)
{
    struct desk_order *o = arg;
    o->timer = 0;
    if (desk_change_pending(o)) { // written after this, it would undo it
        o->timer = loop_after_ms(o->desk->p.loop, HAND_BACK_RETRY_MS, hand_back, o);
        return;
    }
    ledger_order_update(o->desk->p.ledger, o->row.intent.order.client_order_id, "", ORDER_INTENT, (struct qty){0},
                        (struct price){0}, 0, clock_wall_ns(), "desk", o->row.reason, handed_back, o);
}

void desk_send_again(struct desk_order *o, const char *why, int64_t after_ms)
{
    str_copy_cut(o->row.reason, sizeof o->row.reason, why);
    o->row.status = ORDER_INTENT;
    o->again = o->judge_again = true;
    o->again_after_ms = after_ms;
    desk_set_state(o, DESK_COMMITTING);
    hand_back(o);
}

void desk_leave(struct desk *d)
{
    d->leaving = true;
}

static int64_t wait_ms(unsigned times)
{
    return WAIT_FIRST_MS << (times < WAIT_DOUBLED_MAX ? times : WAIT_DOUBLED_MAX);
}

bool desk_send_later(struct desk_order *o)
{
    if (o->limited >= LIMITED_MAX)
        return false;
    desk_send_again(o, "refused by the broker's rate limit", wait_ms(o->limited++));
    log_notice("order %s: refused by the broker's rate limit; sent again later", o->row.intent.order.client_order_id);
    return true;
}

bool desk_may_wait(const struct desk_order *o)
{
    return o->row.intent.run_id[0] && o->row.intent.send_until && !o->cancel_wanted && !desk_too_late(o);
}

bool desk_send_when_reached(struct desk_order *o, const char *why)
{
    if (!desk_may_wait(o))
        return false;
    log_notice("order %s: not sent yet: %s", o->row.intent.order.client_order_id, why);
    desk_send_again(o, why, wait_ms(o->unsent++));
    return true;
}

// --- the verdict anew

static void slot_again(void *arg)
{
    struct desk_order *o = arg;
    o->timer = 0;
    desk_wait_for_slot(o);
}

// After an outage of Postgres the ledger may be back before the lease is renewed. Who leads otherwise is the guard's to
// say.
bool desk_waits_for_lease(struct desk_order *o)
{
    const struct guard_facts *f = desk_facts(o->desk);
    if (f->lead != LEAD_HELD || clock_boot_ns() < f->lead_until_boot_ns || !desk_may_wait(o))
        return false;
    o->judge_again = true;
    o->timer = loop_after_ms(o->desk->p.loop, LEASE_WAIT_MS, slot_again, o);
    return true;
}

static void figures_read(void *arg, bool ok, const char *detail)
{
    struct desk_order *o = arg;
    o->calls--;
    if (!ok)
        log_notice("order %s: figures were not read: %s", o->row.intent.order.client_order_id, detail);
    if (o->state == DESK_WAITING)
        o->timer = loop_post(o->desk->p.loop, slot_again, o);
}

static void read_figures(void *arg)
{
    struct desk_order *o = arg;
    o->timer = 0;
    o->calls++;
    o->desk->p.refresh(o->desk->p.arg, o->row.intent.order.symbol, figures_read, o);
}

bool desk_judged_again(struct desk_order *o)
{
    struct desk *d = o->desk;
    const struct intent *in = &o->row.intent;
    struct risk_view view;
    struct risk_verdict v;
    char reason[sizeof o->row.reason];
    if (!o->judge_again)
        return true;
    if (!exposure_view_again(d->p.exposure, in, clock_boot_ns(), &view)) {
        o->why = "exposure";
        desk_refuse(o, "risk", "exposure: sums of the account do not fit; exposure is unknown");
        return false;
    }
    risk_judge(d->p.limits, &view, &in->order, &v);
    if (v.answer == RISK_PASS && (v.reduces || !in->reduces))
        return true;
    // Until what was filled is read, sums may count it twice: too much, for a denial that is final.
    bool unsure = v.answer == RISK_UNKNOWN || (v.answer != RISK_PASS && !exposure_settled(d->p.exposure));
    if (unsure && d->p.refresh && desk_may_wait(o)) {
        o->timer = loop_after_ms(d->p.loop, wait_ms(o->stale++), read_figures, o);
        return false;
    }
    const char *rule = v.answer == RISK_PASS ? "reduces" : risk_row_name(v.row);
    const char *detail = v.answer == RISK_PASS ? "it would not only shrink the position any more" : v.detail;
    metrics_add(d->p.metrics, METRIC_RISK_DENIALS, rule, 1);
    ledger_decision(d->p.ledger, "risk", in->order.client_order_id, "denied", rule, detail, clock_wall_ns());
    snprintf(reason, sizeof reason, "%s: %.120s", rule, detail);
    o->why = rule;
    desk_refuse(o, "risk", reason);
    return false;
}
