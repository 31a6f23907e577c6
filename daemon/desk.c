// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One conversation per order:
//   judging -> committing (intent) -> waiting (rate slot) -> sending -> live -> ended
//                                                       \-> looking (UNKNOWN: ask by client order id) -> live | ended
// An UNKNOWN order stays reserved until the broker tells of it, or has denied for a minute, by id and in its list, that
// it ever came. A change is written to the ledger first and told after; a change the ledger could not take is written
// again until it is.
#include "daemon/desk_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define ENDED_KEPT_MAX 200u // ended orders of earlier runs that are remembered
#define COMMIT_RETRY_MS 1000
#define IN_HAND_MAX 64u // on their way at a time: reads, cancels and the ledger's heartbeat wait behind no more
#define UNKNOWN_FOR_MS 60000
#define ANSWER_WITHIN_MS 15000

static const char *const state_names[] = {DESK_STATES(FSM_NAME)};
static const uint32_t moves[] = {
    [DESK_JUDGING] = FSM_BIT(DESK_COMMITTING) | FSM_BIT(DESK_LOOKING) | FSM_BIT(DESK_LIVE) | FSM_BIT(DESK_ENDED),
    [DESK_COMMITTING] = FSM_BIT(DESK_WAITING) | FSM_BIT(DESK_LOOKING) | FSM_BIT(DESK_ENDED),
    [DESK_WAITING] = FSM_BIT(DESK_SENDING) | FSM_BIT(DESK_ENDED),
    [DESK_SENDING] = FSM_BIT(DESK_COMMITTING) | FSM_BIT(DESK_LIVE) | FSM_BIT(DESK_LOOKING) | FSM_BIT(DESK_ENDED),
    [DESK_LOOKING] = FSM_BIT(DESK_COMMITTING) | FSM_BIT(DESK_LIVE) | FSM_BIT(DESK_ENDED),
    [DESK_LIVE] = FSM_BIT(DESK_ENDED),
    [DESK_ENDED] = FSM_BIT(DESK_LIVE) | FSM_BIT(DESK_COMMITTING), // there after all; or an operator has it sent again
};

struct desk *desk_new(const struct desk_params *params)
{
    struct desk *d = check_alloc(1, sizeof *d);
    d->p = *params;
    if (d->p.unknown_for_ms == 0)
        d->p.unknown_for_ms = UNKNOWN_FOR_MS;
    if (d->p.answer_within_ms == 0)
        d->p.answer_within_ms = ANSWER_WITHIN_MS;
    list_init(&d->open);
    list_init(&d->ended);
    list_init(&d->changes);
    list_init(&d->queue);
    d->by_client_id = map_new();
    return d;
}

static void order_free(struct desk_order *o)
{
    struct desk *d = o->desk;
    list_remove(&o->node);
    list_remove(&o->queued);
    loop_cancel(d->p.loop, &o->timer);
    loop_cancel(d->p.loop, &o->until_timer);
    loop_cancel(d->p.loop, &o->told_timer);
    map_remove(d->by_client_id, o->row.intent.order.client_order_id);
    receipt_drop(&o->receipt);
    free(o->body);
    free(o->retry);
    free(o);
}

void desk_free(struct desk *d)
{
    if (!d)
        return;
    LIST_EACH(n, tmp, &d->changes)
    desk_change_free(LIST_ENTRY(n, struct change, node));
    LIST_EACH(n, tmp, &d->open)
    order_free(LIST_ENTRY(n, struct desk_order, node));
    LIST_EACH(n, tmp, &d->ended)
    order_free(LIST_ENTRY(n, struct desk_order, node));
    map_free(d->by_client_id);
    free(d);
}

static bool is_in_hand(enum desk_state s)
{
    return s == DESK_COMMITTING || s == DESK_WAITING || s == DESK_SENDING;
}

static void start_next(struct desk *d);

void desk_set_state(struct desk_order *o, enum desk_state to)
{
    struct desk *d = o->desk;
    bool was = is_in_hand(o->state), is = is_in_hand(to);
    if (o->state == to)
        return;
    fsm_move("order", o->row.intent.order.client_order_id, moves, state_names, o->state, to);
    o->state = to;
    d->in_hand = d->in_hand + is - was;
    if (was && !is)
        start_next(d);
}

void desk_make_body(struct desk_order *o)
{
    struct text body;
    text_init(&body, 4096);
    order_request_write(&o->row.intent.order, &body);
    o->body_len = body.len;
    o->body = text_take(&body);
}

static struct desk_order *order_new(struct desk *d, const struct intent *intent)
{
    struct desk_order *o = check_alloc(1, sizeof *o);
    list_init(&o->node);
    list_init(&o->queued);
    o->desk = d;
    o->row.intent = *intent;
    o->row.status = ORDER_INTENT;
    o->lookup_delay_ms = LOOKUP_FIRST_MS;
    map_put(d->by_client_id, intent->order.client_order_id, o);
    list_append(&d->open, &o->node);
    d->open_count++;
    return o;
}

// Ended orders are kept for a while: their run asks how they ended, and one that was given up may turn up after all.
static void prune_ended(struct desk *d, const struct desk_order *last)
{
    LIST_EACH(n, tmp, &d->ended)
    {
        struct desk_order *o = LIST_ENTRY(n, struct desk_order, node);
        const char *run_id = o->row.intent.run_id;
        if (d->ended_count <= ENDED_KEPT_MAX || o == last || (*run_id && str_equal(run_id, last->row.intent.run_id)))
            return;
        if (o->calls > 0 || desk_change_pending(o))
            continue;
        order_free(o);
        d->ended_count--;
    }
}

// A word of a bounded set stands for the reason's text; what reached the market has none.
static void count_ended(const struct desk_order *o)
{
    char label[64];
    enum order_status s = o->row.status;
    bool refused = s == ORDER_DENIED || s == ORDER_REJECTED || s == ORDER_NOT_PLACED || s == ORDER_DRY_RUN;
    snprintf(label, sizeof label, "%s,%s", order_status_name(s), refused && o->why ? o->why : "");
    metrics_add(o->desk->p.metrics, METRIC_ORDERS, label, 1);
}

static const char *broker_word(int status)
{
    switch (status) {
    case 401:
        return "broker_401";
    case 403:
        return "broker_403";
    case 404:
        return "broker_404";
    case 422:
        return "broker_422";
    case 429:
        return "broker_429";
    default:
        return "broker_4xx";
    }
}

static void file_ended(struct desk_order *o)
{
    struct desk *d = o->desk;
    list_remove(&o->node);
    list_append(&d->ended, &o->node);
    d->open_count--;
    d->ended_count++;
    prune_ended(d, o);
}

void desk_end_order(struct desk_order *o)
{
    struct desk *d = o->desk;
    if (o->state == DESK_ENDED)
        return;
    desk_set_state(o, DESK_ENDED);
    loop_cancel(d->p.loop, &o->timer);
    loop_cancel(d->p.loop, &o->until_timer);
    receipt_drop(&o->receipt);
    free(o->body);
    o->body = NULL;
    if (o->row.status == ORDER_DENIED || o->row.status == ORDER_NOT_PLACED)
        exposure_withdraw(d->p.exposure, o->row.intent.order.client_order_id);
    else
        exposure_release(d->p.exposure, o->row.intent.order.client_order_id);
    count_ended(o);
    file_ended(o);
}

struct desk_order *desk_take_ended(struct desk *d, const struct order_row *row)
{
    struct desk_order *o = order_new(d, &row->intent);
    o->row = *row;
    o->answered = true;
    desk_set_state(o, DESK_ENDED);
    file_ended(o);
    return o;
}

// What may be at the broker all the same is not denied: not_placed is what its word can still be taken after.
void desk_refuse(struct desk_order *o, const char *source, const char *reason)
{
    desk_set_status(o, o->was_out ? ORDER_NOT_PLACED : ORDER_DENIED, source, reason);
}

// --- what the broker says

// As the ledger's order_may_move: by rank, at the same rank by the broker's time. More filled is always news.
static bool is_news(const struct desk_order *o, const struct order_state *s)
{
    const struct order_row *row = &o->row;
    if (order_status_terminal(row->status))
        return false;
    int old_rank = order_status_rank(row->status), new_rank = order_status_rank(s->status);
    if (new_rank != old_rank)
        return new_rank > old_rank;
    bool older = o->broker_at && s->updated_at && s->updated_at <= o->broker_at;
    return (s->status != row->status && !older) || s->filled_qty.nanos > row->filled_qty.nanos;
}

void desk_apply_state(struct desk_order *o, const struct order_state *s, const char *source)
{
    struct desk *d = o->desk;
    str_copy_cut(o->row.order_id, sizeof o->row.order_id, s->id);
    if (o->state == DESK_LOOKING || o->state == DESK_SENDING) {
        loop_cancel(d->p.loop, &o->timer);
        desk_set_state(o, DESK_LIVE);
    }
    bool news = is_news(o, s), up = order_status_rank(s->status) > order_status_rank(o->row.status);
    if (news ? up || s->updated_at > o->broker_at : s->status == o->row.status && s->updated_at > o->broker_at)
        o->broker_at = s->updated_at;
    if (!news)
        return;
    o->row.status = s->status;
    o->row.updated_at = s->updated_at;
    o->row.reason[0] = '\0';
    if (s->filled_qty.nanos > o->row.filled_qty.nanos) {
        o->row.filled_qty = s->filled_qty;
        o->row.filled_avg_price = s->has_filled_avg_price ? s->filled_avg_price : o->row.filled_avg_price;
        exposure_filled(d->p.exposure, s->client_order_id, s->filled_qty, clock_boot_ns());
    }
    desk_changed(o, s->updated_at, source);
    if (o->cancel_wanted && o->state == DESK_LIVE)
        desk_send_cancel(o);
}

void desk_broker_says(struct desk *d, const struct order_state *state, const char *source)
{
    struct desk_order *o = map_get(d->by_client_id, state->client_order_id);
    // An order still before its wire cannot be known to the broker; such news belongs to an earlier life and is looked
    // up.
    if (o && (o->state == DESK_LIVE || o->state == DESK_LOOKING || o->state == DESK_SENDING))
        desk_apply_state(o, state, source);
    if (o && o->state == DESK_ENDED && o->row.status == ORDER_NOT_PLACED)
        desk_turned_up(o, state, source);
}

// --- sending

static void refused(struct desk_order *o, const struct broker_answer *answer)
{
    // The broker knows this id already: an earlier try got through. Never a refusal.
    o->why = broker_word(answer->status);
    if (answer->status == 422 && strstr(answer->error.message, "client_order_id must be unique"))
        desk_become_unknown(o, answer->detail);
    else if (answer->status != 429 || !desk_send_later(o))
        desk_set_status(o, ORDER_REJECTED, "submit", answer->detail);
}

// The order as the answer tells it, when it does; else why not.
static const char *order_told(const struct desk_order *o, const struct broker_answer *answer, struct order_state *state)
{
    struct err err;
    if (!answer->json || alpaca_order_parse(answer->json, state, &err) != 0)
        return "the broker's answer is not an order";
    if (!str_equal(state->client_order_id, o->row.intent.order.client_order_id))
        return "the broker answered with another order";
    return NULL;
}

static void sent(void *arg, const struct broker_answer *answer)
{
    struct desk_order *o = arg;
    struct order_state state;
    o->calls--;
    const char *odd = answer->result == BROKER_OK ? order_told(o, answer, &state) : NULL;
    if (o->state != DESK_SENDING && (answer->result != BROKER_OK || odd))
        return; // a read told more than this answer can
    if (o->desk->leaving && answer->result == BROKER_DENIED)
        return; // by ourselves, without the lead
    o->row.sent_at = answer->sent_wall_ns;
    o->row.answered_at = answer->answered_wall_ns;
    switch (answer->result) {
    case BROKER_OK:
        if (odd)
            desk_become_unknown(o, odd);
        else
            desk_apply_state(o, &state, "submit");
        return;
    case BROKER_REJECTED:
        refused(o, answer);
        return;
    case BROKER_DENIED:
        o->why = "guard";
        desk_refuse(o, "guard", answer->detail);
        return;
    case BROKER_NOT_SENT:
        if (desk_send_when_reached(o, answer->detail))
            return;
        o->why = "not_sent";
        desk_set_status(o, ORDER_NOT_PLACED, "desk", answer->detail);
        return;
    case BROKER_UNKNOWN:
        desk_become_unknown(o, answer->detail);
        return;
    }
}

// The time to send it is over. Asked by the wall clock at the last moment: the timer that ends its run may come late,
// after a stop of the process or the machine, and what leaves then would wait at the broker for the next session.
bool desk_too_late(const struct desk_order *o)
{
    return o->row.intent.send_until && clock_wall_ns() >= o->row.intent.send_until;
}

// A rate slot is ours for this moment: clear and go.
static void slot_ready(void *arg)
{
    struct desk_order *o = arg;
    struct desk *d = o->desk;
    struct wire_request request;
    struct cleared_order *cleared = NULL;
    struct guard_verdict verdict;
    if (d->leaving)
        return;
    if (o->cancel_wanted && !(o->next_waits && o->was_out)) {
        o->why = "cancelled";
        desk_set_status(o, ORDER_NOT_PLACED, "desk",
                        o->was_out ? "cancelled before it was sent again" : DESK_NEVER_SENT);
        return;
    }
    if (desk_too_late(o)) {
        log_notice("order %s: not sent: its deadline has passed", o->row.intent.order.client_order_id);
        o->why = "deadline";
        desk_set_status(o, ORDER_NOT_PLACED, "desk", "deadline: it passed before the order could be sent");
        return;
    }
    if (desk_waits_for_lease(o) || !desk_judged_again(o))
        return;
    desk_port_request(o, &request);
    if (guard_clear_order(d->p.guard, desk_facts(d), &o->receipt, &request, clock_boot_ns(), &cleared, &verdict) != 0) {
        metrics_add(d->p.metrics, METRIC_GUARD_DENIALS, guard_check_name(verdict.check), 1);
        desk_decided(o, "guard", guard_answer_name(verdict.answer), guard_check_name(verdict.check), verdict.detail);
        o->why = guard_check_name(verdict.check);
        desk_refuse(o, "guard", verdict.detail);
        return;
    }
    // The host may be frozen before the first byte: the deadline holds at the wire too.
    if (o->row.intent.send_until)
        cleared_order_expires(cleared, clock_boot_ns() + (o->row.intent.send_until - clock_wall_ns()));
    desk_set_state(o, DESK_SENDING);
    o->row.status = ORDER_SENDING;
    o->calls++;
    // Not waited for: what the broker answers is written after it, in this order.
    desk_port_update(o, &(struct change){.status = ORDER_SENDING, .source = "desk"}, NULL, NULL);
    desk_port_submit(o, &cleared, sent);
}

void desk_wait_for_slot(struct desk_order *o)
{
    desk_port_slot(o, slot_ready);
}

// --- judging and committing

// Nothing of ours was written. A row with this id may be there all the same, and belongs to who wrote it: not touched.
static void refused_by_ledger(struct desk_order *o, const char *detail)
{
    o->row.status = ORDER_DENIED;
    o->why = "ledger";
    snprintf(o->row.reason, sizeof o->row.reason, "ledger: %s", detail);
    desk_log_change(o, "ledger");
    desk_end_order(o);
    desk_tell(o);
}

// Asked again for as long as it takes, but nobody at the door waits so long: told that it is an intent. A run waits.
static void commit_later(struct desk_order *o)
{
    o->judge_again = true;
    o->timer = loop_after_ms(o->desk->p.loop, COMMIT_RETRY_MS, desk_commit, o);
    if (o->commit_lost && !o->row.intent.run_id[0])
        desk_tell_meanwhile(o, "Postgres has not told yet whether its intent is committed");
}

static void committed(void *arg, enum ledger_result result, struct receipt *receipt, const char *detail)
{
    struct desk_order *o = arg;
    struct desk *d = o->desk;
    switch (result) {
    case LEDGER_OK:
        o->commit_lost = false;
        o->receipt = receipt;
        if (d->p.record_only) {
            receipt_drop(&o->receipt);
            o->why = "record";
            desk_set_status(o, ORDER_DRY_RUN, "desk", "orders = record: not sent");
            return;
        }
        desk_set_state(o, DESK_WAITING);
        desk_wait_for_slot(o);
        return;
    case LEDGER_LOST:    // perhaps committed, perhaps later: the same call asks, however long it takes
        commit_later(o); // once more at once: the connection may have broken for a moment
        o->commit_lost = true;
        return;
    case LEDGER_CONFLICT:
        if (o->again) // it was out there: whatever the ledger has of it, that is no refusal
            desk_become_unknown(o, "the ledger has other news of it");
        else
            refused_by_ledger(o, detail);
        return;
    case LEDGER_DOWN:
        if (o->commit_lost || desk_may_wait(o)) {
            commit_later(o);
            return;
        }
        o->why = "ledger";
        desk_refuse(o, "ledger", detail);
        return;
    }
}

void desk_commit(void *arg)
{
    struct desk_order *o = arg;
    o->timer = 0;
    if (o->desk->leaving)
        return;
    desk_port_commit(o, committed);
}

// Judged and reserved are all that are placed; ledger and broker get them a few at a time.
static void start_next(struct desk *d)
{
    while (!d->leaving && d->in_hand < IN_HAND_MAX && !list_empty(&d->queue)) {
        struct desk_order *o = LIST_ENTRY(d->queue.next, struct desk_order, queued);
        list_remove(&o->queued);
        desk_set_state(o, DESK_COMMITTING);
        desk_commit(o);
    }
}

static void tell_denied(void *arg)
{
    struct desk_order *o = arg;
    o->timer = 0;
    desk_end_order(o);
    desk_tell(o);
}

static void deny(struct desk_order *o, const char *rule, const char *detail)
{
    struct desk *d = o->desk;
    o->row.status = ORDER_DENIED;
    o->why = rule;
    snprintf(o->row.reason, sizeof o->row.reason, "%s: %s", rule, detail);
    desk_decided(o, "risk", "denied", rule, detail);
    desk_log_change(o, "risk");
    o->timer = loop_post(d->p.loop, tell_denied, o);
}

static bool judge_intent(const struct desk *d, const struct intent *intent, struct risk_verdict *out)
{
    struct risk_view view;
    if (!(d->p.view ? d->p.view(d->p.arg, intent, &view)
                    : exposure_view_intent(d->p.exposure, intent, clock_boot_ns(), &view)))
        return false;
    risk_judge(d->p.limits, &view, &intent->order, out);
    return true;
}

bool desk_judge(const struct desk *d, const struct order_request *order, const char *run_id, struct day session,
                struct risk_verdict *out)
{
    struct risk_view view;
    if (!exposure_view(d->p.exposure, order, run_id, session, clock_boot_ns(), &view))
        return false;
    risk_judge(d->p.limits, &view, order, out);
    return true;
}

void desk_place(struct desk *d, const struct intent *intent, void (*done)(void *arg, const struct order_row *row),
                void *arg)
{
    CHECK(!map_get(d->by_client_id, intent->order.client_order_id));
    struct desk_order *o = order_new(d, intent);
    struct risk_verdict verdict;
    struct err err;
    o->done = done;
    o->arg = arg;
    if (order_request_check(&intent->order, &err) != 0) {
        deny(o, "order", err.text);
        return;
    }
    if (!judge_intent(d, intent, &verdict)) {
        deny(o, "exposure", "sums of the account do not fit; exposure is unknown");
        return;
    }
    if (d->p.judged)
        d->p.judged(d->p.arg, &verdict);
    if (verdict.answer != RISK_PASS) {
        metrics_add(d->p.metrics, METRIC_RISK_DENIALS, risk_row_name(verdict.row), 1);
        deny(o, risk_row_name(verdict.row), verdict.detail);
        return;
    }
    o->row.intent.reserved = verdict.value;
    o->row.intent.reduces = verdict.reduces;
    desk_make_body(o);
    exposure_reserve(d->p.exposure, &o->row.intent, clock_boot_ns());
    list_append(&d->queue, &o->queued);
    desk_answer_in_time(o);
    start_next(d);
}

// --- adopt, lookups

void desk_adopt(struct desk *d, const struct order_row *row)
{
    if (map_get(d->by_client_id, row->intent.order.client_order_id))
        return;
    struct desk_order *o = order_new(d, &row->intent);
    o->row = *row;
    o->answered = true;
    if (order_status_terminal(row->status)) { // kept open by the ledger only because fills are missing
        desk_end_order(o);
        return;
    }
    exposure_reserve_again(d->p.exposure, &o->row.intent);
    if (row->filled_qty.nanos > 0)
        exposure_filled(d->p.exposure, row->intent.order.client_order_id, row->filled_qty, clock_boot_ns());
    if (row->order_id[0]) {
        desk_set_state(o, DESK_LIVE);
        desk_cancel_in_time(o);
        return;
    }
    // An earlier life may have sent it in its last moment.
    desk_make_body(o); // the same, should it turn out that it has not
    desk_become_unknown(o, "found without an answer at start");
    desk_cancel_in_time(o);
}

size_t desk_open_count(const struct desk *d)
{
    return d->open_count;
}

size_t desk_open_of_others(const struct desk *d, const char *except_run_id)
{
    size_t n = 0;
    LIST_EACH(node, tmp, (struct list *)&d->open)
    {
        const struct intent *in = &LIST_ENTRY(node, struct desk_order, node)->row.intent;
        n += in->run_id[0] ? !str_equal(in->run_id, except_run_id ? except_run_id : "") : in->strategy[0] != '\0';
    }
    return n;
}

bool desk_moves_book(const struct desk_order *o)
{
    return o->row.intent.run_id[0] || o->row.intent.strategy[0];
}

int64_t desk_oldest_open_ns(const struct desk *d)
{
    return d->open_count ? LIST_ENTRY(d->open.next, struct desk_order, node)->row.intent.created_at : 0;
}

size_t desk_unknown_count(const struct desk *d)
{
    size_t n = 0;
    LIST_EACH(node, tmp, (struct list *)&d->open)
    n += LIST_ENTRY(node, struct desk_order, node)->state == DESK_LOOKING;
    return n;
}

const struct order_row *desk_order(const struct desk *d, const char *client_order_id)
{
    const struct desk_order *o = map_get(d->by_client_id, client_order_id);
    return o ? &o->row : NULL;
}
