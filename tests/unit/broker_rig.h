// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The rig of test_broker.c: the real broker channel and the real guard between doubles of what surrounds them - a
// transport that keeps what it is given and answers when the test says so, facts that the test sets, and a loop whose
// time only passes when the test lets it.
#ifndef PAPERGUARD_TESTS_BROKER_RIG_H
#define PAPERGUARD_TESTS_BROKER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/broker.h"
#include "lib/io/clock.h"
#include "lib/io/http_client.h"
#include "tests/unit/guard_good.h"

#define OTHER_KEY "PKTESTTESTTEST000002"
#define OTHER_SECRET "Zq7xW3vT9rB5nM1kJ8hG"
#define TIMERS_MAX 4096
#define WIRES_MAX 4096

struct http_call { // what the broker handed to the transport
    struct http_request request;
    char *target, *body, *key_header;
    bool over;
};

static struct rig {
    struct broker *broker;
    struct guard *guard;
    struct metrics *metrics;
    struct guard_facts facts;
    bool other_key; // facts hold it
    // time
    int64_t now_ns;
    struct {
        loop_timer id;
        int64_t at_ns;
        loop_fn *fn;
        void *arg;
    } timers[TIMERS_MAX];
    loop_timer last_timer;
    // wire
    struct http_call *wires[WIRES_MAX];
    int wire_count;
    // pushed facts
    int key_accepted, key_refused, accounts, clocks;
    char account_blocked[64];
    char account_number[ACCOUNT_NUMBER_MAX];
    // the audit's door
    int denials;
    int calls, failed_calls; // told as ended
    enum guard_check denied_check;
    // answers
    int answers;
    struct broker_answer last;
    char detail[FACT_TEXT_MAX];
    char order[200]; // of operations as they are answered or become ready
} r;

// --- time

int64_t clock_monotonic_ns(void)
{
    return r.now_ns;
}

int64_t clock_boot_ns(void)
{
    return r.now_ns;
}

int64_t clock_wall_ns(void)
{
    return INT64_C(1791400000) * NS_PER_S + r.now_ns;
}

loop_timer loop_after_ms(struct loop *l, int64_t delay_ms, loop_fn *fn, void *arg)
{
    (void)l;
    for (size_t i = 0; i < TIMERS_MAX; i++)
        if (!r.timers[i].id) {
            r.timers[i].id = ++r.last_timer;
            r.timers[i].at_ns = r.now_ns + delay_ms * NS_PER_MS;
            r.timers[i].fn = fn;
            r.timers[i].arg = arg;
            return r.timers[i].id;
        }
    fail_msg("too many timers");
    return 0;
}

loop_timer loop_post(struct loop *l, loop_fn *fn, void *arg)
{
    return loop_after_ms(l, 0, fn, arg);
}

void loop_cancel(struct loop *l, loop_timer *id)
{
    (void)l;
    for (size_t i = 0; *id && i < TIMERS_MAX; i++)
        if (r.timers[i].id == *id)
            r.timers[i].id = 0;
    *id = 0;
}

static size_t next_timer(void)
{
    size_t best = TIMERS_MAX;
    for (size_t i = 0; i < TIMERS_MAX; i++)
        if (r.timers[i].id && (best == TIMERS_MAX || r.timers[i].at_ns < r.timers[best].at_ns ||
                               (r.timers[i].at_ns == r.timers[best].at_ns && r.timers[i].id < r.timers[best].id)))
            best = i;
    return best;
}

static void pass_ms(int64_t ms)
{
    int64_t until = r.now_ns + ms * NS_PER_MS;
    for (;;) {
        size_t i = next_timer();
        if (i == TIMERS_MAX || r.timers[i].at_ns > until)
            break;
        r.timers[i].id = 0;
        r.now_ns = r.timers[i].at_ns > r.now_ns ? r.timers[i].at_ns : r.now_ns;
        r.timers[i].fn(r.timers[i].arg);
    }
    r.now_ns = until;
}

static void settle(void)
{
    pass_ms(0);
}

// --- facts

const struct guard_facts *facts_view(const struct facts *f)
{
    (void)f;
    r.facts.account_boot_ns = r.facts.database_boot_ns = r.facts.clock_boot_ns = r.now_ns;
    r.facts.lead_until_boot_ns = INT64_MAX;
    return &r.facts;
}

const struct facts_secrets *facts_secrets(const struct facts *f)
{
    static const struct facts_secrets secrets = {.key_id = GOOD_KEY, .secret = "secret"},
                                      others = {.key_id = OTHER_KEY, .secret = OTHER_SECRET};
    (void)f;
    return r.other_key ? &others : &secrets;
}

bool facts_simulator(const struct facts *f)
{
    (void)f;
    return false;
}

void facts_set_key_accepted(struct facts *f, bool accepted)
{
    (void)f;
    r.key_accepted += accepted;
    r.key_refused += !accepted;
}

void facts_set_account(struct facts *f, const char *number, const char *status, const char *blocked, int64_t boot_ns)
{
    (void)f, (void)status, (void)boot_ns;
    r.accounts++;
    snprintf(r.account_blocked, sizeof r.account_blocked, "%s", blocked);
    snprintf(r.account_number, sizeof r.account_number, "%s", number);
}

void facts_set_peer(struct facts *f, const char *peer, const struct tls_state *tls, int64_t boot_ns)
{
    (void)f, (void)peer, (void)tls, (void)boot_ns;
}

void facts_set_clock(struct facts *f, int64_t skew_ns, int64_t boot_ns)
{
    (void)f, (void)skew_ns, (void)boot_ns;
    r.clocks++;
}

// --- the wire

struct http_client *http_client_new(const struct http_client_params *params)
{
    assert_false(params->allow_loopback_http);
    assert_non_null(params->allow_peer);
    return (struct http_client *)&r;
}

const char *http_client_names_trouble(const struct http_client *c, int64_t *unanswered_since_ns)
{
    (void)c;
    *unanswered_since_ns = 0;
    return "";
}

void http_client_free(struct http_client *c)
{
    (void)c;
    for (int i = 0; i < r.wire_count; i++) {
        free(r.wires[i]->target);
        free(r.wires[i]->body);
        free(r.wires[i]->key_header);
        free(r.wires[i]);
    }
    r.wire_count = 0;
}

struct http_call *http_client_send(struct http_client *c, const struct http_request *request)
{
    (void)c;
    assert_true(r.wire_count < WIRES_MAX);
    struct http_call *call = check_alloc(1, sizeof *call);
    call->request = *request;
    call->target = check_strndup(request->target, strlen(request->target));
    call->body = request->body ? check_strndup(request->body, request->body_len) : NULL;
    call->key_header = check_strndup(request->headers[0], strlen(request->headers[0]));
    r.wires[r.wire_count++] = call;
    return call;
}

const char *http_result_name(enum http_result result)
{
    static const char *const names[] = {"ok", "refused", "timeout", "cancelled", "lost"};
    return names[result];
}

static struct http_call *wire(int i)
{
    assert_true(i < r.wire_count);
    assert_false(r.wires[i]->over);
    return r.wires[i];
}

// The transport is about to send the i-th request, for the attempt-th time: may it?
static inline bool may_send_body(int i, unsigned attempt, const char *body)
{
    struct http_call *c = wire(i);
    return c->request.before_send(c->request.arg, &(struct http_wire){
                                                      .method = c->request.method,
                                                      .scheme = c->request.scheme,
                                                      .host = c->request.host,
                                                      .target = c->target,
                                                      .port = c->request.port,
                                                      .body = body,
                                                      .body_len = body ? strlen(body) : 0,
                                                      .peer = "1.2.3.4",
                                                      .tls = GOOD_TLS,
                                                      .attempt = attempt,
                                                  });
}

static inline bool may_send(int i, unsigned attempt)
{
    return may_send_body(i, attempt, wire(i)->body);
}

static void end_wire(int i, const struct http_answer *answer)
{
    struct http_call *c = wire(i);
    c->over = true;
    c->request.done(c->request.arg, answer);
    settle();
}

static void wire_answers(int i, int status, const char *body)
{
    end_wire(i, &(struct http_answer){.result = HTTP_RESULT_OK,
                                      .maybe_sent = true,
                                      .status = status,
                                      .body = body,
                                      .body_len = strlen(body),
                                      .content_type = "application/json",
                                      .request_id = "",
                                      .peer = "",
                                      .detail = ""});
}

static inline void wire_fails(int i, enum http_result result, bool maybe_sent)
{
    end_wire(i, &(struct http_answer){.result = result,
                                      .maybe_sent = maybe_sent,
                                      .content_type = "",
                                      .request_id = "",
                                      .peer = "",
                                      .detail = "as the test wants it"});
}

// --- the broker's callers

static void on_denied(void *arg, enum guard_op op, const struct guard_verdict *v)
{
    (void)arg, (void)op;
    r.denials++;
    r.denied_check = v->check;
}

static void on_called(void *arg, bool failed)
{
    (void)arg;
    r.calls++;
    r.failed_calls += failed;
}

static void on_answer(void *arg, const struct broker_answer *answer)
{
    r.answers++;
    r.last = *answer;
    snprintf(r.detail, sizeof r.detail, "%s", answer->detail); // borrowed, and read when the call is gone
    snprintf(r.order + strlen(r.order), sizeof r.order - strlen(r.order), "%s", arg ? (const char *)arg : "");
    r.last.json = NULL;
}

static void broker_of(int64_t per_minute, unsigned connections)
{
    r.broker = broker_new(&(struct broker_params){
        .guard = r.guard,
        .metrics = r.metrics,
        .requests_per_minute = per_minute,
        .request_timeout_ms = 10000,
        .connections = connections,
        .user_agent = "test",
        .denied = on_denied,
        .called = on_called,
    });
}

static int set_up(void **state)
{
    (void)state;
    memset(&r, 0, sizeof r);
    r.now_ns = GOOD_NOW;
    r.facts = good_facts();
    r.guard = guard_new();
    r.metrics = metrics_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    broker_free(r.broker);
    metrics_free(r.metrics);
    guard_free(r.guard);
    return 0;
}

// --- an order on its way

static inline void submit(void *arg)
{
    struct text body;
    struct receipt_terms terms = good_terms(&r.facts, false, &body);
    terms.committed_boot_ns = r.now_ns;
    struct receipt *receipt = receipt_mint(&terms);
    struct wire_request request;
    struct cleared_order *cleared = NULL;
    struct guard_verdict v;
    broker_order_request(r.broker, text_str(&body), body.len, &request);
    assert_int_equal(guard_clear_order(r.guard, &r.facts, &receipt, &request, r.now_ns, &cleared, &v), 0);
    text_free(&body);
    broker_submit(r.broker, &cleared, on_answer, arg);
    assert_null(cleared);
}

// Brings one order to the transport and over the guard's last check; returns its wire.
static inline int order_on_the_wire(void)
{
    broker_rate_wait(r.broker, submit, NULL);
    settle();
    int i = r.wire_count - 1;
    assert_true(i >= 0);
    assert_true(may_send(i, 1));
    return i;
}

#endif
