// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders over HTTP. Placing goes through the desk like any other order: refused before anything is written when nothing
// may be sent now, else
//   known by this id (desk, ledger)? -> prices are read -> desk -> its first answer
// The same id with the same order is the same order, however often it is sent; with another order it is a conflict.
#include "daemon/api_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/run.h"
#include "lib/base/json_read.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"

#define RETRY_S 2
#define SEND_WITHIN_NS (60 * NS_PER_S)
#define ORDINAL_MAX 20 // repeats of one refused order in a session

struct order_call { // one request until its answer
    struct api_wait *wait;
    struct intent intent;
    char id[CLIENT_ORDER_ID_MAX]; // of a cancel
};

static struct http_exchange *call_end(struct order_call *c)
{
    struct http_exchange *x = api_wait_end(c->wait);
    free(c);
    return x;
}

static struct order_call *call_new(struct api *a, struct http_exchange *x)
{
    struct api_wait *w = api_wait_new(a, x);
    if (!w)
        return NULL;
    struct order_call *c = check_alloc(1, sizeof *c);
    c->wait = w;
    w->more = c;
    return c;
}

// Who asked for it, on record.
static void keep_who(struct api *a, struct http_exchange *x, const char *id, const char *what)
{
    char detail[160];
    snprintf(detail, sizeof detail, "%s, request %s", http_exchange_peer(x), http_exchange_request_id(x));
    ledger_decision(a->p.ledger, "operator", id, what, "http", detail, clock_wall_ns());
}

// --- answers

static void put_optional(struct json_out *o, const char *key, int64_t nanos)
{
    if (nanos)
        json_put_decimal(o, key, nanos);
    else
        json_put_null(o, key);
}

static void put_time(struct json_out *o, const char *key, int64_t ns)
{
    if (ns)
        json_put_when(o, key, ns);
    else
        json_put_null(o, key);
}

static void put_order(struct json_out *o, const struct order_row *row)
{
    const struct order_request *r = &row->intent.order;
    json_put_string(o, "client_order_id", r->client_order_id);
    json_put_string(o, "order_id", row->order_id[0] ? row->order_id : NULL);
    json_put_string(o, "run_id", row->intent.run_id[0] ? row->intent.run_id : NULL);
    json_put_string(o, "strategy", row->intent.strategy[0] ? row->intent.strategy : NULL);
    json_key(o, "session");
    json_add_day(o, row->intent.session);
    json_put_string(o, "symbol", r->symbol);
    json_put_string(o, "side", order_side_name(r->side));
    json_put_string(o, "type", order_type_name(r->type));
    json_put_string(o, "order_type", order_type_name(r->type)); // the names that other gateways gave these
    json_put_string(o, "broker_order_id", row->order_id[0] ? row->order_id : NULL);
    json_put_string(o, "time_in_force", order_tif_name(r->tif));
    put_optional(o, "qty", r->qty.nanos);
    put_optional(o, "notional", r->notional.nanos);
    put_optional(o, "limit_price", r->limit_price.nanos);
    json_put_bool(o, "extended_hours", r->extended_hours);
    json_put_string(o, "status", order_status_name(row->status));
    json_put_decimal(o, "filled_qty", row->filled_qty.nanos);
    put_optional(o, "filled_avg_price", row->filled_avg_price.nanos);
    json_put_string(o, "reason", row->reason);
    json_put_string(o, "message", row->reason[0] ? row->reason : order_status_name(row->status));
    put_time(o, "created_at", row->intent.created_at);
    put_time(o, "sent_at", row->sent_at);
    put_time(o, "answered_at", row->answered_at);
}

static void answer_order(struct api *a, struct http_exchange *x, int status, const struct order_row *row,
                         const char *flag)
{
    struct text t;
    struct json_out o;
    api_answer_begin(&t, &o);
    put_order(&o, row);
    json_put_bool(&o, flag, true);
    api_answer_end(a, x, status, &t, &o);
}

static void answer_refused(struct api *a, struct http_exchange *x, int status, const char *code, const char *detail,
                           const struct order_row *row)
{
    struct text t;
    struct json_out o;
    api_answer_begin(&t, &o);
    json_put_int(&o, "status", status);
    json_put_string(&o, "error", http_status_text(status));
    json_put_string(&o, "code", code);
    json_put_string(&o, "detail", detail);
    if (row) {
        json_key(&o, "order");
        json_object_begin(&o);
        put_order(&o, row);
        json_object_end(&o);
    }
    api_answer_end(a, x, status, &t, &o);
}

// --- may anything be sent now?

bool api_orders_refused(struct api *a, struct day *session, struct api_refusal *r)
{
    const struct snapshot *s = api_snapshot(a);
    enum guard_check worst = guard_table_worst(s->guard);
    if (s->draining)
        *r = (struct api_refusal){503, "stopping", "the daemon is stopping"};
    else if (s->guard_answer != GUARD_PASS && worst != GUARD_CHECK_COUNT)
        *r = (struct api_refusal){s->guard[worst].answer == GUARD_FAIL ? 403 : 503, guard_check_name(worst),
                                  s->guard[worst].detail};
    else if (!s->database_connected)
        *r = (struct api_refusal){503, "database", "Postgres is not ready: no order without a committed intent"};
    else if (s->halt != HALT_RUNNING && s->halt != HALT_REDUCE_ONLY)
        *r = (struct api_refusal){403, "halt", s->halt_detail[0] ? s->halt_detail : "halted"};
    else if (!s->in_step)
        *r = (struct api_refusal){503, "in_step",
                                  s->in_step_reason[0] ? s->in_step_reason : "ledger and broker are not in step"};
    else if (!scheduler_session(a->p.scheduler, clock_wall_ns(), session))
        *r = (struct api_refusal){503, "calendar", "the exchange calendar does not reach today"};
    else
        return false;
    return true;
}

// What reduces may leave under reduce-only: the guard knows which.
static bool scope_refusal(const struct api *a, const struct intent *in, struct api_refusal *r)
{
    const struct scope *c = in->strategy[0] ? scopes_of(a->p.scopes, in->strategy) : NULL;
    if (!c || c->record.state == HALT_REDUCE_ONLY)
        return false;
    *r = (struct api_refusal){403, "halt", c->record.reason};
    return true;
}

// A strategy sells what its own book holds. While orders of a run, or of a strategy, are out, that cannot be told. What
// a run plans from the book, or has planned, no order beside it changes.
static bool book_refusal(struct api *a, const struct intent *in, struct api_refusal *r)
{
    struct qty held;
    bool sell = in->order.side == ORDER_SELL;
    if (!in->strategy[0])
        return false;
    if (runs_need_book(a->p.runs, in->strategy))
        *r = (struct api_refusal){503, "in_flight",
                                  "a run is planning, or sending, from the strategy's book: ask again later"};
    else if (sell &&
             (desk_open_of_others(a->p.desk, "") > 0 || !runs_held(a->p.runs, in->strategy, in->order.symbol, &held)))
        *r = (struct api_refusal){503, "in_flight",
                                  "orders are out that may change the strategy's book: ask again when they have ended"};
    else if (sell && in->order.qty.nanos > held.nanos)
        *r = (struct api_refusal){422, "long_only", "the strategy's book holds less than that"};
    else
        return false;
    return true;
}

// --- what became of it

// The desk's reason is "row: detail" when risk refused, and the guard's own words when the guard did.
static bool risk_code(const char *reason, char code[32])
{
    size_t len = strcspn(reason, ":");
    if (len >= 32 || !reason[len])
        return false;
    snprintf(code, 32, "%.*s", (int)len, reason);
    for (int i = 0; i < RISK_ROW_COUNT; i++)
        if (str_equal(code, risk_row_name((enum risk_row)i)))
            return true;
    return false;
}

static void answer_denied(struct api *a, struct http_exchange *x, const struct order_row *row)
{
    const struct snapshot *s = api_snapshot(a);
    enum guard_check worst = guard_table_worst(s->guard);
    char code[32];
    if (risk_code(row->reason, code))
        answer_refused(a, x, 422, code, row->reason + strlen(code) + 2, row);
    else if (str_starts(row->reason, "exposure: "))
        answer_refused(a, x, 422, "exposure", row->reason + 10, row);
    else if (str_starts(row->reason, "ledger: "))
        answer_refused(a, x, 409, "client_order_id", row->reason + 8, row);
    else if (!s->database_connected)
        answer_refused(a, x, 503, "database", row->reason, row);
    else if (s->halt != HALT_RUNNING || str_starts(row->reason, "halt of strategy "))
        answer_refused(a, x, 403, "halt", row->reason, row);
    else
        answer_refused(a, x, 403, worst == GUARD_CHECK_COUNT ? "guard" : guard_check_name(worst), row->reason, row);
}

static void answer_row(struct api *a, struct http_exchange *x, const struct order_row *row)
{
    switch (row->status) {
    case ORDER_DENIED:
        answer_denied(a, x, row);
        return;
    case ORDER_REJECTED:
        answer_refused(a, x, 422, "broker_rejected", row->reason, row);
        return;
    case ORDER_NOT_PLACED:
        answer_refused(a, x, 503, "not_placed", row->reason, row);
        return;
    default:
        break;
    }
    bool told = row->status != ORDER_UNKNOWN && row->status != ORDER_INTENT && row->status != ORDER_SENDING;
    answer_order(a, x, told ? 201 : 202, row, "created");
}

static void answered(void *arg, const struct order_row *row)
{
    struct order_call *c = arg;
    struct api *a = c->wait->api;
    struct http_exchange *x = call_end(c);
    if (x)
        answer_row(a, x, row);
}

// --- placing

static bool refused_for_good(enum order_status status)
{
    return status == ORDER_DENIED || status == ORDER_REJECTED;
}

// What was refused is refused again, in the same words.
static void answer_known(struct api *a, struct http_exchange *x, const struct intent *asked,
                         const struct order_row *row)
{
    if (api_order_same(asked, &row->intent) && (refused_for_good(row->status) || row->status == ORDER_NOT_PLACED))
        answer_row(a, x, row);
    else if (api_order_same(asked, &row->intent))
        answer_order(a, x, 200, row, "duplicate");
    else
        answer_refused(a, x, 409, "client_order_id", "another order has this client_order_id", row);
}

// Who asks waits for the answer: what cannot leave in a minute, or before the close that it was asked for, does not.
int64_t api_send_until(const struct api *a, const struct intent *in, size_t before)
{
    bool always_open;
    const struct calendar days = scheduler_calendar(a->p.scheduler, &always_open);
    const struct session_day *day = session_find(&days, in->session);
    bool ends = day && !always_open && in->order.tif == TIF_DAY && !in->order.extended_hours;
    int64_t until = clock_wall_ns() + SEND_WITHIN_NS + (int64_t)before * NS_PER_S / 2,
            close = ends ? session_close_ns(day) : 0;
    return close > in->created_at && close < until ? close : until;
}

void api_order_price(const struct api *a, struct intent *in)
{
    struct alpaca_quote quote;
    int64_t boot;
    if (!exposure_price(a->p.exposure, in->order.symbol, &in->decision_price, &in->price_at, &boot)) {
        in->decision_price = (struct price){0};
        in->price_at = 0;
    }
    if (exposure_quote(a->p.exposure, in->order.symbol, &quote)) {
        in->bid = quote.bid;
        in->ask = quote.ask;
        in->quote_at = quote.at;
    }
}

// The desk knows it by now, or it is placed.
static void prices_read(void *arg, bool ok, const char *detail)
{
    struct order_call *c = arg;
    struct api *a = c->wait->api;
    struct intent *in = &c->intent;
    const struct order_row *known = c->wait->x ? desk_order(a->p.desk, in->order.client_order_id) : NULL;
    if (!c->wait->x) { // whoever asked is gone: nothing was sent, nothing is
        call_end(c);
        return;
    }
    if (known) {
        struct intent asked = *in;
        answer_known(a, call_end(c), &asked, known);
        return;
    }
    // Meanwhile seconds may have passed.
    struct api_refusal r;
    struct day session = in->session;
    if (api_orders_refused(a, &session, &r) || scope_refusal(a, in, &r) || book_refusal(a, in, &r)) {
        answer_refused(a, call_end(c), r.status, r.code, r.detail, NULL);
        return;
    }
    if (day_compare(session, in->session) != 0) {
        answer_refused(a, call_end(c), 503, "calendar", "the session has just turned: ask again", NULL);
        return;
    }
    if (!ok)
        log_notice("order %s: prices were not refreshed: %s", in->order.client_order_id, detail);
    api_order_price(a, in);
    keep_who(a, c->wait->x, in->order.client_order_id, "placed");
    in->created_at = clock_wall_ns();
    in->send_until = api_send_until(a, in, 0);
    desk_place(a->p.desk, in, answered, c);
    reconcile_kick(a->p.reconcile);
}

static void answer_known_row(struct api *a, struct http_exchange *x, const struct intent *asked,
                             const struct json_node *row, const char *json)
{
    struct intent known;
    enum order_status status;
    struct err err;
    struct text t;
    struct json_out o;
    if (api_order_from_row(row, &known, &status, &err) != 0 || !api_order_same(asked, &known)) {
        answer_refused(a, x, 409, "client_order_id", "another order has this client_order_id", NULL);
        return;
    }
    if (refused_for_good(status) || status == ORDER_NOT_PLACED) {
        struct order_row was = {.intent = known, .status = status};
        const char *reason = NULL;
        if (json_opt_string(row, "order", "reason", &reason, &err) == 0 && reason)
            str_copy_cut(was.reason, sizeof was.reason, reason);
        answer_row(a, x, &was);
        return;
    }
    api_answer_begin(&t, &o);
    json_put_bool(&o, "duplicate", true);
    text_addc(&t, ',');
    text_addn(&t, json + 2, strlen(json) - 4); // without the brackets of list and row
    api_answer_end(a, x, 200, &t, &o);
}

// The one row of an answer of the ledger; NULL: none has this id.
static const struct json_node *row_of(const char *json, struct json_doc **doc)
{
    if (json[0] != '[' || json[1] != '{' || json_doc_parse(json, strlen(json), doc, NULL) != 0) {
        *doc = NULL;
        return NULL;
    }
    return json_at(json_doc_root(*doc), 0);
}

static void read_prices(struct order_call *c)
{
    const char *const symbols[] = {c->intent.order.symbol};
    reconcile_refresh(c->wait->api->p.reconcile, symbols, 1, prices_read, c);
}

static void looked_up(void *arg, enum ledger_result result, const char *json)
{
    struct order_call *c = arg;
    struct api *a = c->wait->api;
    struct json_doc *doc = NULL;
    if (!c->wait->x) {
        call_end(c);
        return;
    }
    if (result != LEDGER_OK || !json) {
        api_reply_retry(call_end(c), 503, RETRY_S, "Postgres does not answer: it cannot be told whether this is new");
        return;
    }
    const struct json_node *row = row_of(json, &doc);
    if (row) {
        struct intent asked = c->intent;
        answer_known_row(a, call_end(c), &asked, row, json);
    } else {
        read_prices(c);
    }
    json_doc_free(doc);
}

// In the desk first: it knows what the ledger may not have yet.
static void look_up(struct order_call *c)
{
    struct api *a = c->wait->api;
    const struct order_row *known = desk_order(a->p.desk, c->intent.order.client_order_id);
    if (known) {
        struct intent asked = c->intent;
        answer_known(a, call_end(c), &asked, known);
        return;
    }
    const struct ledger_filter filter = {.id = c->intent.order.client_order_id, .limit = 1};
    ledger_query(a->p.ledger, LEDGER_QUERY_ORDERS, &filter, looked_up, c);
}

// --- derived ids

// As the desk has it, which knows what the ledger may not have yet; else as the ledger has.
static bool is_known(const struct order_call *c, const struct json_node *rows, enum order_status *status)
{
    const char *id = c->intent.order.client_order_id;
    const struct order_row *known = desk_order(c->wait->api->p.desk, id);
    if (known)
        *status = known->status;
    for (size_t i = 0; !known && i < json_size(rows); i++) {
        const struct json_node *row = json_at(rows, i);
        const char *row_id = json_string(json_get(row, "client_order_id")),
                   *word = json_string(json_get(row, "status"));
        if (row_id && word && str_equal(row_id, id)) {
            *status = order_status_parse(word);
            return true;
        }
    }
    return known != NULL;
}

// The same order is the last one that was not refused for good. One that was may be asked for anew, under an id that
// was never used: a refusal may have left no trace in an earlier life, so that a gap says nothing of the ids behind it.
static bool find_ordinal(struct order_call *c, const struct json_node *rows)
{
    enum order_status status;
    int same = -1, unused = -1;
    for (int ordinal = 0; ordinal <= ORDINAL_MAX; ordinal++) {
        api_order_derive_id(&c->intent, ordinal);
        if (is_known(c, rows, &status))
            same = refused_for_good(status) ? same : ordinal;
        else if (unused < 0)
            unused = ordinal;
    }
    bool found = same >= 0 || unused < 0;
    api_order_derive_id(&c->intent, same >= 0 ? same : found ? ORDINAL_MAX : unused);
    return found;
}

static void ordinals_read(void *arg, enum ledger_result result, const char *json)
{
    struct order_call *c = arg;
    struct json_doc *doc = NULL;
    if (!c->wait->x) {
        call_end(c);
        return;
    }
    if (result != LEDGER_OK || !json || json_doc_parse(json, strlen(json), &doc, NULL) != 0) {
        api_reply_retry(call_end(c), 503, RETRY_S, "Postgres does not answer: it cannot be told whether this is new");
        return;
    }
    if (find_ordinal(c, json_doc_root(doc)))
        look_up(c);
    else
        read_prices(c);
    json_doc_free(doc);
}

static void read_ordinals(struct order_call *c)
{
    struct text ids;
    text_init(&ids, (ORDINAL_MAX + 1) * CLIENT_ORDER_ID_MAX);
    for (int ordinal = 0; ordinal <= ORDINAL_MAX; ordinal++) {
        api_order_derive_id(&c->intent, ordinal);
        text_addf(&ids, "%s%s", ordinal ? " " : "", c->intent.order.client_order_id);
    }
    const struct ledger_filter filter = {.id = text_str(&ids), .limit = ORDINAL_MAX + 1};
    ledger_query(c->wait->api->p.ledger, LEDGER_QUERY_ORDERS, &filter, ordinals_read, c);
    text_free(&ids);
}

void api_serve_order_new(const struct api_call *call)
{
    struct api *a = call->api;
    struct http_exchange *x = call->x;
    struct intent in = {.leg = 0};
    struct err err;
    struct api_refusal r;
    if (api_write_refused(a, x) || api_standby_refused(api_snapshot(a), x))
        return;
    if (api_orders_refused(a, &in.session, &r)) {
        answer_refused(a, x, r.status, r.code, r.detail, NULL);
        return;
    }
    const struct snapshot *s = api_snapshot(a);
    str_copy_cut(in.account, sizeof in.account, s->account_number);
    int status = api_order_read(x, s->config, &in, &err);
    if (status) {
        api_reply_problem(x, status, "%s", err.text);
        return;
    }
    const struct order_row *known = desk_order(a->p.desk, in.order.client_order_id);
    if (known && !(client_order_id_ours(in.order.client_order_id) && refused_for_good(known->status))) {
        answer_known(a, x, &in, known);
        return;
    }
    struct order_call *c = call_new(a, x);
    if (!c)
        return;
    c->intent = in;
    log_with(LOG_LEVEL_NOTICE,
             ((struct log_field[]){{"REQUEST_ID", http_exchange_request_id(x)},
                                   {"CLIENT_ORDER_ID", in.order.client_order_id},
                                   {"SYMBOL", in.order.symbol}}),
             "order %s is asked for by http %s: %s %s", in.order.client_order_id, http_exchange_peer(x),
             order_side_name(in.order.side), in.order.symbol);
    if (client_order_id_ours(in.order.client_order_id)) // derived
        read_ordinals(c);
    else
        look_up(c);
}

// --- cancelling

static void cancel(struct api *a, struct http_exchange *x, const struct order_row *row)
{
    char detail[200];
    if (order_status_terminal(row->status)) {
        snprintf(detail, sizeof detail, "the order is %s: there is nothing to cancel", order_status_name(row->status));
        answer_refused(a, x, 409, "not_open", detail, row);
        return;
    }
    const char *id = row->intent.order.client_order_id;
    log_with(LOG_LEVEL_NOTICE,
             ((struct log_field[]){{"REQUEST_ID", http_exchange_request_id(x)}, {"CLIENT_ORDER_ID", id}}),
             "order %s: cancel is asked for by http %s", id, http_exchange_peer(x));
    keep_who(a, x, id, "cancel");
    desk_cancel(a->p.desk, id);
    row = desk_order(a->p.desk, id);
    CHECK(row);
    answer_order(a, x, 202, row, "cancel_requested");
}

static void cancel_looked_up(void *arg, enum ledger_result result, const char *json)
{
    struct order_call *c = arg;
    struct api *a = c->wait->api;
    struct json_doc *doc = NULL;
    struct order_row known = {.filled_qty = {0}};
    struct err err;
    struct http_exchange *x = call_end(c);
    if (!x)
        return;
    if (result != LEDGER_OK || !json) {
        api_reply_retry(x, 503, RETRY_S, "Postgres does not answer: the order cannot be looked up now");
        return;
    }
    const struct json_node *row = row_of(json, &doc);
    if (!row || api_order_from_row(row, &known.intent, &known.status, &err) != 0) {
        api_reply_problem(x, 404, "no order has this id");
    } else {
        const struct order_row *open = desk_order(a->p.desk, known.intent.order.client_order_id);
        if (open || order_status_terminal(known.status))
            cancel(a, x, open ? open : &known);
        else
            api_reply_retry(x, 503, RETRY_S, "the order is not followed yet: ledger and broker are being compared");
    }
    json_doc_free(doc);
}

void api_serve_order_cancel(const struct api_call *call)
{
    struct api *a = call->api;
    if (api_write_refused(a, call->x) || api_standby_refused(api_snapshot(a), call->x))
        return;
    const struct order_row *row = desk_order(a->p.desk, call->id);
    if (row) {
        cancel(a, call->x, row);
        return;
    }
    struct order_call *c = call_new(a, call->x);
    if (!c)
        return;
    str_copy_cut(c->id, sizeof c->id, call->id);
    const struct ledger_filter filter = {.id = c->id, .limit = 1};
    ledger_query(a->p.ledger, LEDGER_QUERY_ORDERS, &filter, cancel_looked_up, c);
}
