// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One call = one struct: waits for a slot (rate budget and a free connection), asks the guard for a permit, goes out,
// and spends the permit in the transport's last callback before the first byte. Permits are minted as late as that so
// that none ages in a queue.
#include "daemon/broker_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"
#include "lib/io/http_client.h"

#define ANSWER_MAX (16u << 20)
#define REQUEST_ID_MAX 128
#define QUEUE_MAX 4096u        // callers waiting for a slot
#define CANCEL_RESERVE_PART 10 // a tenth of the budget is for cancels

const char *broker_result_name(enum broker_result r)
{
    static const char *const names[] = {"ok", "rejected", "denied", "unknown", "not_sent"};
    return names[r];
}

static bool peer_allowed(void *arg, const char *host, const struct sockaddr *peer)
{
    (void)host;
    const struct broker *b = arg;
    return guard_peer_allowed(facts_view(b->p.facts), peer);
}

struct broker *broker_new(const struct broker_params *params)
{
    struct broker *b = check_alloc(1, sizeof *b);
    b->p = *params;
    list_init(&b->cancels);
    list_init(&b->waiting);
    list_init(&b->under_way);
    b->keys = broker_keys_new(params->facts);
    b->tokens_milli = params->requests_per_minute * 1000;
    b->refilled_ns = clock_monotonic_ns();
    b->asked_boot_ns = clock_boot_ns();
    for (enum broker_result e = BROKER_UNKNOWN; e <= BROKER_NOT_SENT; e++) // a rule sees a count rise, not appear
        metrics_add(b->p.metrics, METRIC_BROKER_ERRORS, broker_result_name(e), 0);
    b->http = http_client_new(&(struct http_client_params){
        .loop = params->loop,
        .allow_loopback_http = facts_simulator(params->facts),
        .answer_max = ANSWER_MAX,
        .max_connections = params->connections,
        .user_agent = params->user_agent,
        .allow_peer = peer_allowed,
        .allow_peer_arg = b,
    });
    return b;
}

static void call_free(struct call *c)
{
    list_remove(&c->node);
    permit_drop(&c->permit);
    cleared_order_drop(&c->cleared);
    loop_cancel(c->broker->p.loop, &c->defer);
    broker_keys_drop(c->keys);
    free(c->target);
    free(c->body);
    free(c);
}

void broker_free(struct broker *b)
{
    if (!b)
        return;
    http_client_free(b->http);
    LIST_EACH(n, tmp, &b->cancels)
    call_free(LIST_ENTRY(n, struct call, node));
    LIST_EACH(n, tmp, &b->waiting)
    call_free(LIST_ENTRY(n, struct call, node));
    LIST_EACH(n, tmp, &b->under_way)
    call_free(LIST_ENTRY(n, struct call, node));
    loop_cancel(b->p.loop, &b->pump);
    loop_cancel(b->p.loop, &b->hold);
    broker_keys_drop(b->keys);
    free(b);
}

// --- rate budget and slots

static void refill(struct broker *b)
{
    int64_t now = clock_monotonic_ns(), rate = b->p.requests_per_minute;
    int64_t cap = rate * 1000, passed = now - b->refilled_ns;
    int64_t gained = passed > 60 * NS_PER_S ? cap : passed / 1000 * rate / 60000; // milli-tokens
    if (gained <= 0)
        return;
    b->refilled_ns = now;
    b->tokens_milli = b->tokens_milli + gained > cap ? cap : b->tokens_milli + gained;
}

static bool slot_free(struct broker *b, bool cancel)
{
    refill(b);
    int64_t keep = cancel ? 0 : b->p.requests_per_minute * 1000 / CANCEL_RESERVE_PART;
    return b->in_flight < b->p.connections && b->tokens_milli - keep >= 1000;
}

static void pump(void *arg);

static void pump_later(struct broker *b, int64_t ms)
{
    if (!b->pump)
        b->pump = loop_after_ms(b->p.loop, ms, pump, b);
}

static void send_call(struct call *c);

// Cancels first. NULL: nobody waits, or nothing may go.
static struct call *next_of(struct broker *b)
{
    if (b->holding)
        return NULL;
    if (!list_empty(&b->cancels))
        return LIST_ENTRY(b->cancels.next, struct call, node);
    LIST_EACH(n, tmp, &b->waiting)
    {
        struct call *c = LIST_ENTRY(n, struct call, node);
        if (!c->ready || !b->orders_held)
            return c;
    }
    return NULL;
}

// Gives slots to who waits, in order. One turn of the loop at most hands out all that are free.
static void pump(void *arg)
{
    struct broker *b = arg;
    b->pump = 0;
    for (struct call *c; (c = next_of(b)) != NULL;) {
        bool cancel = !list_empty(&b->cancels);
        if (!slot_free(b, cancel)) {
            if (b->in_flight < b->p.connections)
                pump_later(b, 20); // out of tokens; an ending call pumps by itself otherwise
            return;
        }
        list_remove(&c->node);
        b->waiting_count--;
        b->tokens_milli -= 1000;
        if (!c->ready) {
            send_call(c);
            continue;
        }
        b->slot_open = true;
        c->ready(c->arg);
        if (b->slot_open) // nothing was sent after all
            b->tokens_milli += 1000;
        b->slot_open = false;
        call_free(c);
    }
}

void broker_pump(struct broker *b)
{
    loop_cancel(b->p.loop, &b->pump);
    pump_later(b, 0);
}

static void enqueue(struct call *c)
{
    struct broker *b = c->broker;
    bool cancel = !c->ready && guard_op_class(c->op) == GUARD_CANCEL;
    list_append(cancel ? &b->cancels : &b->waiting, &c->node);
    b->waiting_count++;
    broker_pump(b);
}

// --- endings

static void finish(struct call *c, const struct broker_answer *answer)
{
    struct broker *b = c->broker;
    broker_done_fn *done = c->done;
    void *arg = c->arg;
    call_free(c);
    done(arg, answer);
    broker_pump(b);
}

static void finish_early(void *arg)
{
    struct call *c = arg;
    c->defer = 0;
    char detail[sizeof c->verdict.detail]; // the call is gone when its caller reads the answer
    str_copy_cut(detail, sizeof detail, c->verdict.detail);
    struct broker_answer answer = {.result = c->early, .detail = detail, .request_id = ""};
    finish(c, &answer);
}

static void defer_ending(struct call *c, enum broker_result result)
{
    c->early = result;
    list_append(&c->broker->under_way, &c->node);
    c->defer = loop_post(c->broker->p.loop, finish_early, c);
}

void broker_denied(struct broker *b, enum guard_op op, const struct guard_verdict *v)
{
    metrics_add(b->p.metrics, METRIC_GUARD_DENIALS, guard_check_name(v->check), 1);
    if (v->check == CHECK_REQUEST_HOST || v->check == CHECK_ENDPOINT)
        metrics_add(b->p.metrics, METRIC_LIVE_ATTEMPTS, "", 1);
    if (b->p.denied)
        b->p.denied(b->p.arg, op, v);
}

// Whether the broker is there: it is when it answers in its own words, whatever they are. A refusal for the rate, or of
// what everything else rests on, is as good as none.
static void learn_presence(struct broker *b, const struct call *c, const struct broker_answer *answer)
{
    bool account = c->op == OP_ACCOUNT || c->op == OP_ACCOUNT_BOOT, clock = c->op == OP_CLOCK || c->op == OP_CLOCK_BOOT;
    bool refused = answer->result == BROKER_REJECTED && (account || clock || answer->status == 429);
    if (answer->result == BROKER_DENIED && !account && !clock)
        return; // by ourselves
    b->connected = answer->result == BROKER_OK || (answer->result == BROKER_REJECTED && !refused);
    struct text t;
    text_init(&t, sizeof b->trouble - 1);
    if (!b->connected)
        text_addf(&t, "%s: %s", guard_op_name(c->op), answer->detail);
    str_copy_cut(b->trouble, sizeof b->trouble, text_str(&t));
    text_free(&t);
}

// The member of the account that keeps it from trading; "" none.
static const char *account_blocked(const struct alpaca_account *a)
{
    if (a->account_blocked)
        return "account_blocked is true";
    if (a->trading_blocked)
        return "trading_blocked is true";
    return a->trade_suspended_by_user ? "trade_suspended_by_user is true" : "";
}

// What an account or clock answer tells of identity goes to facts at once, whoever asked.
static void learn(struct broker *b, const struct call *c, const struct broker_answer *answer)
{
    struct err err;
    int64_t boot = clock_boot_ns();
    bool account = c->op == OP_ACCOUNT || c->op == OP_ACCOUNT_BOOT, clock = c->op == OP_CLOCK || c->op == OP_CLOCK_BOOT;
    if (c->keys && c->keys != b->keys) // of the former pair: tells nothing of the one in use
        return;
    if (answer->result == BROKER_REJECTED && answer->status == 401 && !guard_op_is_data(c->op))
        facts_set_key_accepted(b->p.facts_mut, false);
    if (!guard_op_is_data(c->op)) {
        b->asked_boot_ns = boot;
        learn_presence(b, c, answer);
    }
    if (!account && !clock)
        return;
    if (account && answer->result == BROKER_REJECTED && answer->status == 403)
        facts_set_key_accepted(b->p.facts_mut, false);
    if (answer->result != BROKER_OK)
        return;
    struct alpaca_account a;
    struct alpaca_clock k;
    if (account && alpaca_account_parse(answer->json, &a, &err) == 0) {
        facts_set_key_accepted(b->p.facts_mut, true);
        facts_set_account(b->p.facts_mut, a.account_number, a.status, account_blocked(&a), boot);
    }
    if (clock && alpaca_clock_parse(answer->json, &k, &err) == 0)
        facts_set_clock(b->p.facts_mut, answer->answered_wall_ns - k.timestamp, boot);
}

// The broker's own words: an object with a message. Other JSON comes from something in between.
static bool is_envelope(const struct json_doc *doc)
{
    const char *message = json_string(json_get(json_doc_root(doc), "message"));
    return message && *message;
}

// Sorts a whole HTTP answer: only a 2xx with JSON (or 204) is OK and only a 4xx with an error envelope is a refusal;
// all else tells nothing about what the broker did.
static void judge_http(const struct http_answer *h, const struct broker_keys *keys, struct json_doc **doc,
                       struct broker_answer *out, struct err *err)
{
    if (h->status == 204) {
        out->result = BROKER_OK;
        return;
    }
    bool json = json_doc_parse(h->body, h->body_len, doc, err) == 0;
    if (h->status >= 200 && h->status < 300) {
        out->result = json ? BROKER_OK : BROKER_UNKNOWN;
        out->json = json ? json_doc_root(*doc) : NULL;
        if (!json)
            err_wrap(err, "HTTP %d with a body that is not JSON", h->status);
        return;
    }
    alpaca_error_parse(h->body, h->body_len, &out->error);
    broker_keys_mask(keys, out->error.message);
    bool refusal = h->status >= 400 && h->status < 500 && h->status != 408 && json && is_envelope(*doc);
    out->result = refusal ? BROKER_REJECTED : BROKER_UNKNOWN;
    err_set(err, "HTTP %d code %d: %s", h->status, out->error.code, out->error.message);
}

// The transport or the broker's side failed; a 4xx that is not understood is neither.
static bool call_failed(const struct broker_answer *a)
{
    return (a->result == BROKER_UNKNOWN || a->result == BROKER_NOT_SENT) && (a->status < 400 || a->status >= 500);
}

static void answered(void *arg, const struct http_answer *h)
{
    struct call *c = arg;
    struct broker *b = c->broker;
    struct err err = {.text = ""};
    struct json_doc *doc = NULL;
    char request_id[REQUEST_ID_MAX];
    str_copy_cut(request_id, sizeof request_id, h->request_id);
    broker_keys_mask(c->keys, request_id);
    struct broker_answer answer = {
        .status = h->status,
        .request_id = request_id,
        .sent_wall_ns = c->sent_wall_ns,
        .sent_boot_ns = c->sent_boot_ns,
        .answered_wall_ns = clock_wall_ns(),
    };
    b->in_flight--;
    if (h->result == HTTP_RESULT_OK) {
        judge_http(h, c->keys, &doc, &answer, &err);
        if (h->status == 429) // the broker counts otherwise than we do: begin anew from nothing
            b->tokens_milli = 0;
    } else if (c->denied_at_wire && !h->maybe_sent) {
        answer.result = BROKER_DENIED;
        err_set(&err, "%s", c->verdict.detail);
        broker_denied(b, c->op, &c->verdict);
    } else {
        answer.result = h->maybe_sent ? BROKER_UNKNOWN : BROKER_NOT_SENT;
        err_set(&err, "%s: %s", http_result_name(h->result), h->detail);
    }
    answer.detail = err.text;
    metrics_observe_ms(b->p.metrics, METRIC_BROKER_DURATION, guard_op_name(c->op), h->duration_ns / NS_PER_MS);
    if (answer.result == BROKER_UNKNOWN || answer.result == BROKER_NOT_SENT)
        metrics_add(b->p.metrics, METRIC_BROKER_ERRORS, broker_result_name(answer.result), 1);
    if (b->p.called && answer.result != BROKER_DENIED)
        b->p.called(b->p.arg, call_failed(&answer));
    learn(b, c, &answer);
    finish(c, &answer);
    json_doc_free(doc);
}

// --- the wire

void broker_wire_request(const struct broker *b, enum guard_op op, const char *target, const char *body,
                         size_t body_len, struct wire_request *out)
{
    const struct guard_facts *f = facts_view(b->p.facts);
    bool data = guard_op_is_data(op);
    *out = (struct wire_request){
        .method = guard_op_method(op),
        .scheme = data ? f->data_scheme : f->trading_scheme,
        .host = data ? f->data_host : f->trading_host,
        .port = data ? f->data_port : f->trading_port,
        .target = target,
        .body = body,
        .body_len = body_len,
        .key_fingerprint = *broker_keys_fingerprint(b->keys),
    };
}

// The last check: what the transport is really about to send against the permit, over the facts of this moment.
static bool redeem(void *arg, const struct http_wire *wire)
{
    struct call *c = arg;
    struct broker *b = c->broker;
    if (wire->attempt > 1) // the client aborts it; the first one may have arrived, so this is no denial
        return false;
    const struct wire_request actual = {
        .method = wire->method,
        .scheme = wire->scheme,
        .host = wire->host,
        .port = wire->port,
        .target = wire->target,
        .body = wire->body,
        .body_len = wire->body_len,
        .key_fingerprint = *broker_keys_fingerprint(c->keys),
        .peer = wire->peer,
        .tls = wire->tls,
    };
    const struct guard_facts *f = facts_view(b->p.facts);
    int64_t now = clock_boot_ns();
    bool good = c->cleared ? guard_redeem_order(b->p.guard, c->cleared, f, &actual, now, &c->verdict)
                           : guard_redeem(b->p.guard, c->permit, f, &actual, now, &c->verdict);
    c->denied_at_wire = !good;
    facts_set_peer(b->p.facts_mut, wire->peer, &wire->tls, now);
    c->sent_wall_ns = clock_wall_ns();
    c->sent_boot_ns = now;
    return good;
}

static void transmit(struct call *c)
{
    struct broker *b = c->broker;
    struct wire_request w;
    broker_wire_request(b, c->op, c->target, c->body, c->body_len, &w);
    const char *headers[] = {NULL, NULL, "Accept: application/json", "Content-Type: application/json"};
    c->keys = broker_keys_hold(b->keys);
    broker_keys_headers(c->keys, headers);
    c->begun_boot_ns = clock_boot_ns();
    list_append(&b->under_way, &c->node);
    b->in_flight++;
    metrics_add(b->p.metrics, METRIC_BROKER_REQUESTS, guard_op_name(c->op), 1);
    c->http = http_client_send(b->http, &(struct http_request){
                                            .method = w.method,
                                            .scheme = w.scheme,
                                            .host = w.host,
                                            .port = w.port,
                                            .target = w.target,
                                            .body = w.body,
                                            .body_len = w.body_len,
                                            .headers = headers,
                                            .header_count = c->body ? 4 : 3,
                                            .timeout_ms = b->p.request_timeout_ms,
                                            .before_send = redeem,
                                            .done = answered,
                                            .arg = c,
                                        });
}

static void send_call(struct call *c)
{
    struct broker *b = c->broker;
    struct wire_request w;
    broker_wire_request(b, c->op, c->target, NULL, 0, &w);
    if (guard_permit(b->p.guard, facts_view(b->p.facts), c->op, &w, clock_boot_ns(), &c->permit, &c->verdict) != 0) {
        broker_denied(b, c->op, &c->verdict);
        defer_ending(c, BROKER_DENIED);
        return;
    }
    transmit(c);
}

static void add_encoded(struct text *t, const char *s)
{
    for (; *s; s++) {
        bool plain =
            (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("-._~", *s);
        if (plain)
            text_addc(t, *s);
        else
            text_addf(t, "%%%02X", (unsigned)(unsigned char)*s);
    }
}

static char *target_of(enum guard_op op, const char *id, const char *query)
{
    struct text t;
    text_init(&t, 8192);
    const char *path = guard_op_path(op), *hole = strstr(path, "{id}");
    text_addn(&t, path, hole ? (size_t)(hole - path) : strlen(path));
    if (hole)
        add_encoded(&t, id);
    if (query)
        text_addf(&t, "?%s", query);
    return text_take(&t);
}

static struct call *call_new(struct broker *b, enum guard_op op, broker_done_fn *done, void *arg)
{
    struct call *c = check_alloc(1, sizeof *c);
    list_init(&c->node);
    c->broker = b;
    c->op = op;
    c->done = done;
    c->arg = arg;
    return c;
}

void broker_call(struct broker *b, enum guard_op op, const char *id, const char *query, broker_done_fn *done, void *arg)
{
    CHECK(guard_op_class(op) != GUARD_OPEN && guard_op_class(op) != GUARD_REDUCE);
    struct call *c = call_new(b, op, done, arg);
    c->target = target_of(op, id ? id : "", query);
    if (b->waiting_count >= QUEUE_MAX) {
        str_copy_cut(c->verdict.detail, sizeof c->verdict.detail, "too many broker calls are waiting");
        defer_ending(c, BROKER_NOT_SENT);
        return;
    }
    enqueue(c);
}

void broker_order_request(const struct broker *b, const char *body, size_t body_len, struct wire_request *request)
{
    broker_wire_request(b, OP_SUBMIT_OPEN, guard_op_path(OP_SUBMIT_OPEN), body, body_len, request);
}

void broker_rate_wait(struct broker *b, void (*ready)(void *arg), void *arg)
{
    struct call *c = call_new(b, OP_SUBMIT_OPEN, NULL, arg);
    c->ready = ready;
    enqueue(c);
}

void broker_rate_forget(struct broker *b, const void *arg)
{
    LIST_EACH(n, tmp, &b->waiting)
    {
        struct call *c = LIST_ENTRY(n, struct call, node);
        if (!c->ready || c->arg != arg)
            continue;
        b->waiting_count--;
        call_free(c);
    }
}

void broker_take_slot(struct broker *b)
{
    CHECK(b->slot_open); // only from a broker_rate_wait callback: the rate budget is the broker's
    b->slot_open = false;
}

const struct broker_params *broker_params_of(const struct broker *b)
{
    return &b->p;
}

void broker_submit(struct broker *b, struct cleared_order **cleared, broker_done_fn *done, void *arg)
{
    broker_take_slot(b);
    const struct receipt_terms *terms = cleared_order_terms(*cleared);
    struct call *c = call_new(b, terms->reduces ? OP_SUBMIT_REDUCE : OP_SUBMIT_OPEN, done, arg);
    c->target = target_of(c->op, "", NULL);
    c->body = check_strndup(terms->body, terms->body_len);
    c->body_len = terms->body_len;
    c->cleared = *cleared;
    *cleared = NULL;
    transmit(c);
}
