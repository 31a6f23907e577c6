// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders that were given up and that an operator has sent once more, under their id, as long as their time is not over.
// First the broker is asked whether it has the order after all, then the figures are read anew and risk judges. Only
// then is it reserved, reopened in the ledger, and goes the way of all others: intent -> receipt -> cleared -> submit.
#include "daemon/desk_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/messages.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"

#define REOPEN_RETRY_MS 1000

struct retry { // one under way
    struct day session;
    bool act;
    bool lost;  // perhaps it is reopened, and only the answer is missing
    int64_t at; // the ledger knows this reopening by it
    char reason[161], who[64];
    void (*done)(void *arg, const struct desk_retried *r);
    void *arg;
};

static bool refuse(struct desk_retried *r, bool later, const char *format, ...) PRINTF_LIKE(3, 4);
static bool refuse(struct desk_retried *r, bool later, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->refused, sizeof r->refused, format, args);
    va_end(args);
    r->later = later;
    return true;
}

// --- what the order and the moment say

static bool order_refuses(const struct desk *d, const struct order_row *row, struct day session, struct desk_retried *r)
{
    char was[WHEN_TEXT_MAX], is[WHEN_TEXT_MAX];
    const struct intent *in = &row->intent;
    if (row->status != ORDER_NOT_PLACED || row->order_id[0] || row->filled_qty.nanos > 0)
        return refuse(r, false, "the order is %s: only one that was never placed is sent again",
                      order_status_name(row->status));
    if (!str_equal(in->account, facts_view(d->p.facts)->account_number))
        return refuse(r, false, "the order is of account %s, which this daemon does not guard", in->account);
    if (day_compare(in->session, session) != 0)
        return refuse(r, false, "the order is of session %s, and it is %s by now: it is not sent again",
                      day_format(in->session, was), day_format(session, is));
    if (!in->send_until)
        return refuse(r, false, "until when it may leave is not known");
    if (clock_wall_ns() >= in->send_until)
        return refuse(r, false, "its time was over at %s: nothing leaves after its deadline",
                      when_format_ny(in->send_until, was));
    return false;
}

// As it is at this moment; when it leaves, the guard has the last word.
static bool guard_refuses(const struct desk *d, const struct intent *in, struct desk_retried *r)
{
    const struct guard_facts *f = facts_view(d->p.facts);
    struct guard_result results[GUARD_CHECK_COUNT];
    const struct guard_result *halt = &results[CHECK_HALT];
    const enum fact_halt said[] = {f->halt_memory, f->halt_file, f->halt_database};
    bool good = guard_table(f, clock_boot_ns(), false, results) == GUARD_PASS, reduce_only = true;
    enum guard_check worst = guard_table_worst(results);
    for (size_t i = 0; i < ARRAY_LEN(said); i++)
        reduce_only = reduce_only && (said[i] == HALT_RUNNING || said[i] == HALT_REDUCE_ONLY);
    if (!good && worst != GUARD_CHECK_COUNT)
        return refuse(r, results[worst].answer == GUARD_UNKNOWN, "guard: %s: %s", guard_check_name(worst),
                      results[worst].detail);
    if (halt->answer != GUARD_PASS && !(reduce_only && in->reduces))
        return refuse(r, halt->answer == GUARD_UNKNOWN, "halt: %s", halt->detail);
    return false;
}

static bool refused(const struct desk_order *o, struct desk_retried *r)
{
    if (o->state != DESK_ENDED)
        return refuse(r, false, "the order is %s: it is followed", order_status_name(o->row.status));
    if (desk_change_pending(o)) // written after it is reopened, it would undo that
        return refuse(r, true, "the ledger has not taken yet what was told of the order");
    return order_refuses(o->desk, &o->row, o->retry->session, r) || guard_refuses(o->desk, &o->row.intent, r);
}

static bool risk_refuses(const struct desk_order *o, struct risk_verdict *v, struct desk_retried *r)
{
    const struct intent *in = &o->row.intent;
    if (!desk_judge(o->desk, &in->order, in->run_id, in->session, v))
        return refuse(r, false, "exposure: sums of the account do not fit; exposure is unknown");
    if (v->answer != RISK_PASS)
        return refuse(r, v->answer == RISK_UNKNOWN, "%s: %s", risk_row_name(v->row), v->detail);
    if (in->reduces && !v->reduces)
        return refuse(r, false, "reduces: it would not only shrink the position any more");
    return false;
}

// --- the steps

static void record(const struct desk_order *o, const struct desk_retried *r)
{
    const struct retry *t = o->retry;
    const char *id = o->row.intent.order.client_order_id;
    char detail[600];
    snprintf(detail, sizeof detail, "%s: %s%s%s", t->who, t->reason, r->refused[0] ? "; refused: " : "", r->refused);
    ledger_decision(o->desk->p.ledger, "operator", id, r->refused[0] ? "denied" : "retry", "retry", detail,
                    clock_wall_ns());
    log_message(LOG_LEVEL_NOTICE, MESSAGE_ORDER_RETRIED,
                ((struct log_field[]){{"CLIENT_ORDER_ID", id}, {"REASON", t->reason}}), "order %s: sent again, says %s",
                id, detail);
}

static void answer(struct desk_order *o, struct desk_retried *r)
{
    struct retry *t = o->retry;
    if (t->act)
        record(o, r);
    o->retry = NULL;
    o->calls--;
    r->row = &o->row;
    t->done(t->arg, r);
    free(t);
}

static void reopen(void *arg);

static void reopened(void *arg, enum ledger_result result, const char *detail)
{
    struct desk_order *o = arg;
    struct desk_retried r = {.later = false};
    o->retry->lost = o->retry->lost || result == LEDGER_LOST;
    if (o->retry->lost && (result == LEDGER_LOST || result == LEDGER_DOWN)) { // perhaps done: the same call asks
        o->timer = loop_after_ms(o->desk->p.loop, REOPEN_RETRY_MS, reopen, o);
        return;
    }
    if (result != LEDGER_OK) {
        refuse(&r, result != LEDGER_CONFLICT, "the ledger does not reopen it: %s", detail);
        o->why = "ledger";
        desk_end_order(o);
        answer(o, &r);
        return;
    }
    o->row.status = ORDER_INTENT;
    str_copy_cut(o->row.reason, sizeof o->row.reason, o->retry->reason);
    o->again = o->judge_again = true;
    desk_log_change(o, "operator");
    answer(o, &r);
    desk_cancel_in_time(o);
    desk_tell(o);
    desk_commit(o);
}

static void reopen(void *arg)
{
    struct desk_order *o = arg;
    const struct retry *t = o->retry;
    o->timer = 0;
    ledger_order_reopen(o->desk->p.ledger, o->row.intent.order.client_order_id, t->session, t->reason, t->who, t->at,
                        reopened, o);
}

// Reserved first: at what it is worth now, or was, whichever is more. The intent stays word for word what it was.
static void take(struct desk_order *o, const struct risk_verdict *v)
{
    struct intent reserved = o->row.intent;
    if (v->value.nanos > reserved.reserved.nanos)
        reserved.reserved = v->value;
    desk_open_again(o);
    desk_set_state(o, DESK_COMMITTING);
    exposure_reserve_late(o->desk->p.exposure, &reserved);
    desk_make_body(o);
    o->why = NULL;
    o->was_out = true;
    o->cancel_wanted = o->cancel_sent = o->alerted = o->unlisted = false;
    o->missing_since_ns = o->unknown_since_ns = 0;
    o->lookup_delay_ms = LOOKUP_FIRST_MS;
    o->cancels = o->stale = o->unsent = o->sent_again = o->limited = 0;
    o->retry->at = clock_wall_ns();
    reopen(o);
}

static void figures_read(void *arg, bool ok, const char *detail)
{
    struct desk_order *o = arg;
    struct desk_retried r = {.later = false};
    struct risk_verdict v;
    if (!ok) // risk denies what is too old
        log_notice("order %s: figures were not read: %s", o->row.intent.order.client_order_id, detail);
    if (refused(o, &r) || risk_refuses(o, &v, &r) || !o->retry->act)
        answer(o, &r);
    else
        take(o, &v);
}

static void asked(void *arg, const struct desk_inquiry *i)
{
    struct desk_order *o = arg;
    const struct desk_params *p = &o->desk->p;
    struct desk_retried r = {.later = false};
    if (i->word == DESK_BROKER_KNOWS)
        refuse(&r, false, "the broker has it after all (%s), and it is followed", i->said);
    else if (i->word == DESK_BROKER_SILENT)
        refuse(&r, true, "the broker does not tell whether it has the order (%s)", i->said);
    if (r.refused[0])
        answer(o, &r);
    else if (p->refresh)
        p->refresh(p->arg, o->row.intent.order.symbol, figures_read, o);
    else
        figures_read(o, true, "");
}

void desk_retry(struct desk *d, const struct order_row *row, struct day session, const char *reason, const char *who,
                void (*done)(void *arg, const struct desk_retried *r), void *arg)
{
    struct desk_order *o = map_get(d->by_client_id, row->intent.order.client_order_id);
    struct desk_retried r = {.row = row};
    if (!o && !order_refuses(d, row, session, &r))
        o = desk_take_ended(d, row);
    else if (o && (o->retry || o->inquired))
        refuse(&r, true, "somebody asks for this order already");
    if (!o || r.refused[0]) {
        done(arg, &r);
        return;
    }
    struct retry *t = o->retry = check_alloc(1, sizeof *t);
    *t = (struct retry){.session = session, .act = reason != NULL, .done = done, .arg = arg};
    str_copy_cut(t->reason, sizeof t->reason, reason ? reason : "");
    str_copy_cut(t->who, sizeof t->who, who ? who : "");
    if (o->state == DESK_ENDED)
        o->row.intent.send_until = row->intent.send_until;
    o->calls++;
    if (refused(o, &r) || !desk_inquire(d, row->intent.order.client_order_id, asked, o))
        answer(o, &r);
}

// --- when its run's time is over

static void time_over(void *arg)
{
    struct desk_order *o = arg;
    o->until_timer = 0;
    if (!desk_too_late(o)) { // the wall clock was set back
        desk_cancel_in_time(o);
        return;
    }
    log_notice("order %s: its run's deadline has come; it is cancelled", o->row.intent.order.client_order_id);
    desk_cancel(o->desk, o->row.intent.order.client_order_id);
}

// What its run would have done, were it not over.
void desk_cancel_in_time(struct desk_order *o)
{
    const struct intent *in = &o->row.intent;
    int64_t ms = (in->send_until - clock_wall_ns()) / NS_PER_MS + 1;
    if (in->run_id[0] && in->send_until)
        o->until_timer = loop_after_ms(o->desk->p.loop, ms > 0 ? ms : 0, time_over, o);
}
