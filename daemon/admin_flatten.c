// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Closing what strategies hold, in two steps: first what would be sold or bought, with a token; then, with the token
// and a reason, it goes over the desk as market orders that can only shrink a position.
//   nothing in flight? -> prices are read -> nothing in flight still, the same holdings? -> shown, or placed
// The token is for exactly what was shown and names the orders (client order ids), so that none is placed twice; after
// a crash nothing is closed before what was placed has ended and stands in the books.
#include "daemon/admin_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define DERIVED_DIGITS 32
#define WHY_MAX 400

struct leg {
    struct flatten *flatten;
    struct intent intent;
    struct money notional;
    char refused[240]; // "row: detail" when the desk would refuse it now; "" = it would pass
    bool grows;        // it would not only shrink the account's position: never placed
    enum order_status status;
    char reason[160]; // the order's
};

struct flatten { // one request until its answer
    struct api_wait *wait;
    char scope[BOOK_NAME_MAX]; // a strategy, "": all
    bool act;
    char subject[DIGEST_HEX_MAX]; // all that is held
    char code[32], reason[API_REASON_MAX + 1], who[64];
    size_t waiting, placed, refused, unanswered; // orders
    size_t leg_count;
    struct leg legs[];
};

// --- what is held

static bool in_scope(const struct book *b, const char *scope)
{
    return !str_equal(b->name, BOOK_UNASSIGNED) && (!scope[0] || str_equal(b->name, scope));
}

static void leg_set(struct leg *leg, const struct book *b, const struct holding *h)
{
    struct intent *in = &leg->intent;
    str_copy_cut(in->strategy, sizeof in->strategy, b->name);
    str_copy_cut(in->order.symbol, sizeof in->order.symbol, h->symbol);
    in->order.side = h->qty.nanos > 0 ? ORDER_SELL : ORDER_BUY;
    in->order.qty.nanos = h->qty.nanos > 0 ? h->qty.nanos : -h->qty.nanos;
    in->order.type = ORDER_MARKET;
    in->order.tif = TIF_DAY;
}

static void subject_set(struct flatten *f)
{
    char qty[DECIMAL_TEXT_MAX];
    struct digest_state *s = digest_new();
    digest_add_field(s, f->scope);
    for (size_t i = 0; i < f->leg_count; i++) {
        const struct intent *in = &f->legs[i].intent;
        digest_add_field(s, in->strategy);
        digest_add_field(s, in->order.symbol);
        digest_add_field(s, order_side_name(in->order.side));
        digest_add_field(s, decimal_format(in->order.qty.nanos, qty));
    }
    struct digest d = digest_finish(s);
    digest_hex(&d, f->subject);
}

// As the books are now; asked of them again after every wait.
static struct flatten *flatten_new(const struct admin *a, const char *scope)
{
    const struct ledger_books *books = runs_books(a->p.runs);
    size_t count = 0;
    for (size_t i = 0; books && i < books->count; i++)
        count += in_scope(&books->books[i], scope) ? books->books[i].count : 0;
    struct flatten *f = check_alloc(1, sizeof *f + count * sizeof f->legs[0]);
    str_copy_cut(f->scope, sizeof f->scope, scope);
    for (size_t i = 0; books && i < books->count; i++)
        for (size_t k = 0; in_scope(&books->books[i], scope) && k < books->books[i].count; k++)
            leg_set(&f->legs[f->leg_count++], &books->books[i], &books->books[i].items[k]);
    subject_set(f);
    return f;
}

static struct http_exchange *flatten_end(struct flatten *f)
{
    struct api_wait *w = f->wait;
    w->more = NULL;
    free(f);
    return api_wait_end(w);
}

// --- may anything be closed now?

PRINTF_LIKE(3, 4) static int no(char why[WHY_MAX], int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, WHY_MAX, format, args);
    va_end(args);
    return status;
}

static const struct scope *halted_strategy(const struct admin *a, const char *strategy)
{
    const struct scope *s = strategy[0] ? scopes_of(a->p.scopes, strategy) : NULL;
    return s && s->record.state != HALT_REDUCE_ONLY ? s : NULL;
}

// 0, or the status to answer.
static int refused_now(const struct admin *a, const char *scope, struct day *session, char why[WHY_MAX])
{
    struct api_refusal r;
    const char *text;
    const struct scope *halted = halted_strategy(a, scope);
    if (api_orders_refused(a->p.api, session, &r)) {
        if (!str_equal(r.code, "halt"))
            return no(why, r.status, "nothing may be sent now: %s: %.200s", r.code, r.detail);
        return no(why, 409,
                  "halted (%.120s): nothing leaves, not even what reduces. Release it (paperguard release request "
                  "REASON, release confirm TOKEN), halt with paperguard halt REASON --reduce-only, then flatten",
                  r.detail);
    }
    if (halted)
        return no(why, 409,
                  "strategy %s is halted (%.120s): paperguard release request REASON --strategy %s, release confirm "
                  "TOKEN, then flatten",
                  scope, halted->record.reason, scope);
    if (runs_at_rest(a->p.runs, &text))
        return 0;
    reconcile_kick(a->p.reconcile); // the books may be read soon
    return no(why, 409, "%s", text);
}

// --- each order

// As the desk would judge it this moment.
static void judge(const struct admin *a, struct leg *leg, struct day session)
{
    struct intent *in = &leg->intent;
    const struct scope *halted = halted_strategy(a, in->strategy);
    struct risk_verdict v;
    in->session = session;
    str_copy_cut(in->account, sizeof in->account, a->p.snapshot(a->p.arg)->account_number);
    api_order_price(a->p.api, in);
    if (!notional_up(in->decision_price, in->order.qty, &leg->notional))
        leg->notional = (struct money){0};
    leg->grows = true;
    if (halted)
        snprintf(leg->refused, sizeof leg->refused, "halt of strategy %s: %.120s", in->strategy, halted->record.reason);
    else if (!desk_judge(a->p.desk, &in->order, "", session, &v))
        snprintf(leg->refused, sizeof leg->refused, "exposure: sums of the account do not fit");
    else if (leg->grows = !v.reduces, leg->grows)
        snprintf(leg->refused, sizeof leg->refused, "reduces: it would not only shrink the account's position");
    else if (v.answer != RISK_PASS)
        snprintf(leg->refused, sizeof leg->refused, "%s: %s", risk_row_name(v.row), v.detail);
}

// What the token was given out for is placed under these names and no others.
static void name_order(struct intent *in, const char *code)
{
    char day[WHEN_TEXT_MAX], hex[DIGEST_HEX_MAX];
    struct digest_state *s = digest_new();
    digest_add_field(s, "flatten");
    digest_add_field(s, in->account);
    digest_add_field(s, day_format(in->session, day));
    digest_add_field(s, code);
    digest_add_field(s, in->strategy);
    digest_add_field(s, in->order.symbol);
    struct digest d = digest_finish(s);
    snprintf(in->order.client_order_id, sizeof in->order.client_order_id, "pg1-%.*s", DERIVED_DIGITS,
             digest_hex(&d, hex));
}

// --- answers

static void put_leg(struct json_out *o, const struct leg *leg, bool act)
{
    const struct intent *in = &leg->intent;
    bool sent = in->order.client_order_id[0] != '\0';
    json_object_begin(o);
    json_put_string(o, "strategy", in->strategy);
    json_put_string(o, "side", order_side_name(in->order.side));
    json_put_string(o, "symbol", in->order.symbol);
    json_put_decimal(o, "qty", in->order.qty.nanos);
    json_put_decimal(o, "price", in->decision_price.nanos);
    json_put_decimal(o, "notional", leg->notional.nanos);
    json_put_string(o, "refused", act && sent ? "" : leg->refused);
    if (act) {
        json_put_string(o, "client_order_id", sent ? in->order.client_order_id : NULL);
        json_put_string(o, "status", sent ? order_status_name(leg->status) : "not_placed");
        json_put_string(o, "reason", leg->reason);
    }
    json_object_end(o);
}

static void put_unassigned(const struct admin *a, struct json_out *o)
{
    const struct book *b = runs_book(a->p.runs, BOOK_UNASSIGNED);
    json_key(o, "unassigned");
    json_array_begin(o);
    for (size_t i = 0; b && i < b->count; i++) {
        json_object_begin(o);
        json_put_string(o, "symbol", b->items[i].symbol);
        json_put_decimal(o, "qty", b->items[i].qty.nanos);
        json_object_end(o);
    }
    json_array_end(o);
}

static void answer(struct admin *a, struct flatten *f)
{
    struct text t;
    struct json_out o;
    struct money sum = {0};
    bool any = false;
    api_answer_begin(&t, &o);
    json_put_string(&o, "scope", f->scope[0] ? f->scope : "all");
    json_key(&o, "orders");
    json_array_begin(&o);
    for (size_t i = 0; i < f->leg_count; i++) {
        any = any || !f->legs[i].refused[0];
        if (!money_add(sum, f->legs[i].notional, &sum))
            sum = (struct money){INT64_MAX};
        put_leg(&o, &f->legs[i], f->act);
    }
    json_array_end(&o);
    json_put_decimal(&o, "notional", sum.nanos);
    put_unassigned(a, &o);
    if (f->act) {
        json_put_int(&o, "placed", (int64_t)f->placed);
        json_put_int(&o, "refused", (int64_t)f->refused);
        json_put_int(&o, "unanswered", (int64_t)f->unanswered);
    } else {
        admin_step_put_token(&o, &a->flatten, any ? f->subject : NULL);
    }
    struct http_exchange *x = flatten_end(f);
    if (x) {
        api_answer_end(a->p.api, x, 200, &t, &o);
        return;
    }
    text_free(&t);
}

// --- placing

static void one_told(struct flatten *f)
{
    struct admin *a = f->wait->owner;
    if (--f->waiting == 0)
        answer(a, f);
}

static void answered(void *arg, const struct order_row *row)
{
    struct leg *leg = arg;
    struct flatten *f = leg->flatten;
    enum order_status s = leg->status = row->status;
    str_copy_cut(leg->reason, sizeof leg->reason, row->reason);
    if (s == ORDER_DENIED || s == ORDER_REJECTED || s == ORDER_NOT_PLACED)
        f->refused++;
    else if (s == ORDER_UNKNOWN || s == ORDER_INTENT || s == ORDER_SENDING)
        f->unanswered++;
    else
        f->placed++;
    one_told(f);
}

static void record(const struct admin *a, const struct flatten *f, const char *subject, const char *said)
{
    char detail[400];
    snprintf(detail, sizeof detail, "%s: %s", f->who, f->reason);
    ledger_decision(a->p.ledger, "operator", subject, said, "flatten", detail, clock_wall_ns());
}

static void place(struct admin *a, struct flatten *f, struct day session)
{
    size_t before = 0;
    f->waiting = 1;
    record(a, f, f->scope[0] ? f->scope : "all", "flatten");
    log_notice("flatten of %s is asked for by %s: %s", f->scope[0] ? f->scope : "all strategies", f->who, f->reason);
    for (size_t i = 0; i < f->leg_count; i++) {
        struct leg *leg = &f->legs[i];
        struct intent *in = &leg->intent;
        judge(a, leg, session); // beside those that were placed before it
        if (leg->grows) {
            f->refused++;
            continue;
        }
        leg->flatten = f;
        in->created_at = clock_wall_ns();
        name_order(in, f->code);
        in->send_until = api_send_until(a->p.api, in, before++);
        record(a, f, in->order.client_order_id, "placed");
        f->waiting++;
        desk_place(a->p.desk, in, answered, leg);
    }
    reconcile_kick(a->p.reconcile);
    one_told(f);
}

// --- the steps

static void refuse(struct flatten *f, int status, const char *why)
{
    struct http_exchange *x = flatten_end(f);
    if (x)
        api_reply_problem(x, status, "%s", why);
}

// Whoever asked and is gone places nothing.
static void refreshed(void *arg, bool ok, const char *detail)
{
    struct flatten *asked = arg;
    struct api_wait *w = asked->wait;
    struct admin *a = w->owner;
    struct day session;
    char why[WHY_MAX];
    int status = refused_now(a, asked->scope, &session, why);
    if (!ok) // risk denies what is too old
        log_notice("flatten: figures were not read: %s", detail);
    if (status || !w->x) {
        refuse(asked, status, why);
        return;
    }
    struct flatten *f = flatten_new(a, asked->scope);
    if (asked->act && !str_equal(f->subject, asked->subject)) {
        free(f);
        refuse(asked, 409, "what is held is not what was shown any more: ask again");
        return;
    }
    f->wait = w;
    f->act = asked->act;
    str_copy_cut(f->code, sizeof f->code, asked->code);
    str_copy_cut(f->reason, sizeof f->reason, asked->reason);
    str_copy_cut(f->who, sizeof f->who, asked->who);
    free(asked);
    w->more = f;
    if (f->act) {
        place(a, f, session);
        return;
    }
    for (size_t i = 0; i < f->leg_count; i++)
        judge(a, &f->legs[i], session);
    answer(a, f);
}

static bool is_among(const char *const *symbols, size_t count, const char *symbol)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(symbols[i], symbol))
            return true;
    return false;
}

static void refresh(struct admin *a, struct flatten *f)
{
    const char **symbols = check_alloc(f->leg_count + 1, sizeof *symbols);
    size_t count = 0;
    for (size_t i = 0; i < f->leg_count; i++)
        if (!is_among(symbols, count, f->legs[i].intent.order.symbol))
            symbols[count++] = f->legs[i].intent.order.symbol;
    reconcile_refresh(a->p.reconcile, symbols, count, refreshed, f);
    free(symbols);
}

void admin_serve_flatten(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    struct day session;
    char why[WHY_MAX];
    enum admin_step step = admin_step_read(x, API_BODY_STRATEGIES, 0, &body);
    if (step == ADMIN_STEP_NONE)
        return;
    const char *scope = body.has & API_BODY_STRATEGIES ? body.strategies : "";
    bool books_only = scope[0] && !str_equal(scope, BOOK_UNASSIGNED) && runs_book(a->p.runs, scope);
    if (scope[0] && !books_only && !admin_strategy_exists(a, x, scope)) // one that the config has no more may hold
        return;
    int status = refused_now(a, scope, &session, why);
    if (status) {
        api_reply_problem(x, status, "%s", why);
        return;
    }
    struct flatten *f = flatten_new(a, scope);
    f->act = step == ADMIN_STEP_CONFIRM;
    struct api_wait *w = NULL;
    if (!f->act || admin_step_confirmed(&a->flatten, x, f->subject, body.code, "for what is held now"))
        w = api_wait_new(a->p.api, x);
    if (!w) {
        free(f);
        return;
    }
    if (f->act) {
        str_copy_cut(f->code, sizeof f->code, body.code);
        str_copy_cut(f->reason, sizeof f->reason, body.reason);
    }
    str_copy_cut(f->who, sizeof f->who, who);
    f->wait = w;
    w->more = f;
    w->owner = a;
    refresh(a, f);
}
