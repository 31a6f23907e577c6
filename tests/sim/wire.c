// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// lib/io/http_client.h over the simulated wire, and the exchange at its other end.
#include "tests/sim/wire.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/list.h"
#include "lib/guard/guard.h"
#include "lib/io/http_client.h"
#include "lib/io/clock.h"
#include "tests/sim/check.h"
#include "tests/sim/stream.h"
#include "tests/sim/world.h"

#define MS NS_PER_MS
#define LATE_MAX_NS (INT64_C(150) * NS_PER_S)

struct http_client {
    struct http_client_params p;
    struct host *host;
    struct list calls;
    size_t in_flight;
};

struct flight {             // what is on the way; lives until the exchange had it and the answer came or was lost
    struct http_call *call; // NULL: nobody waits any more
    struct host *host;
    unsigned life;
    char *method, *target, *body, *key, *secret;
    size_t body_len, order; // order: index + 1 in the list of orders
    struct sim_reply reply;
    bool answered;
};

struct http_call {
    struct list node;
    struct http_client *client;
    struct flight *flight;
    char *method, *scheme, *host, *target, *body, *key, *secret;
    int port;
    size_t body_len;
    int64_t timeout_ms, begun;
    loop_timer start, timeout;
    bool (*before_send)(void *arg, const struct http_wire *wire);
    void (*done)(void *arg, const struct http_answer *answer);
    void *arg;
    bool sent;
};

static struct {
    struct sim *exchange;
    struct wire_faults faults;
    struct wire_order *orders;
    size_t order_count, order_cap, under_way;
    uint64_t redeemed, unpermitted;
    void (*spoil)(const char *target, struct sim_reply *reply);
    struct {
        int64_t by_ns, told_ns;
        struct text positions; // as they were then
    } behind;
} wire;

void wire_begin(struct sim *exchange)
{
    wire.exchange = exchange;
}

void wire_spoil(void (*fn)(const char *target, struct sim_reply *reply))
{
    wire.spoil = fn;
}

struct sim *wire_exchange(void)
{
    return wire.exchange;
}

struct wire_faults *wire_faults(void)
{
    return &wire.faults;
}

void wire_behind(int64_t ns)
{
    if (ns && !wire.behind.by_ns)
        text_init(&wire.behind.positions, 1u << 20);
    wire.behind.by_ns = ns;
    wire.behind.told_ns = -ns;
}

size_t wire_under_way(void)
{
    return wire.under_way;
}

size_t wire_orders(void)
{
    return wire.order_count;
}

const struct wire_order *wire_order_at(size_t i)
{
    return &wire.orders[i];
}

uint64_t wire_unpermitted(void)
{
    return wire.unpermitted;
}

uint64_t wire_redeemed(void)
{
    return wire.redeemed;
}

void wire_left(uint64_t redeemed_before)
{
    wire.unpermitted += wire.redeemed != redeemed_before + 1;
}

// The linker hands the guard's two redeems here first: what leaves without one of them saying yes is a violation.
__typeof__(guard_redeem) __real_guard_redeem, __wrap_guard_redeem;
__typeof__(guard_redeem_order) __real_guard_redeem_order, __wrap_guard_redeem_order;

static bool counted(bool good)
{
    wire.redeemed += good;
    return good;
}

bool __wrap_guard_redeem(struct guard *g, struct permit *p, const struct guard_facts *f,
                         const struct wire_request *actual, int64_t now, struct guard_verdict *v)
{
    return counted(__real_guard_redeem(g, p, f, actual, now, v));
}

bool __wrap_guard_redeem_order(struct guard *g, struct cleared_order *c, const struct guard_facts *f,
                               const struct wire_request *actual, int64_t now, struct guard_verdict *v)
{
    return counted(__real_guard_redeem_order(g, c, f, actual, now, v));
}

// --- the exchange's end

static void flight_free(struct flight *f)
{
    if (f->answered)
        sim_reply_free(&f->reply);
    free(f->method);
    free(f->target);
    free(f->body);
    free(f->key);
    free(f->secret);
    free(f);
}

static bool waits(const struct flight *f)
{
    return f->call && host_alive(f->host) && host_life(f->host) == f->life;
}

static void call_end(struct http_call *c, const struct http_answer *answer);

static void reply_arrives(void *arg)
{
    struct flight *f = arg;
    struct http_call *c = f->call;
    if (!c) {
        flight_free(f);
        return;
    }
    char peer[] = "127.0.0.1";
    call_end(c, &(struct http_answer){.result = HTTP_RESULT_OK,
                                      .maybe_sent = true,
                                      .status = f->reply.status,
                                      .body = text_str(&f->reply.body),
                                      .body_len = f->reply.body.len,
                                      .content_type = f->reply.content_type ? f->reply.content_type : "",
                                      .request_id = f->reply.request_id,
                                      .rate_limit = f->reply.has_rate ? f->reply.rate_limit : -1,
                                      .rate_remaining = f->reply.has_rate ? f->reply.rate_remaining : -1,
                                      .rate_reset = f->reply.has_rate ? f->reply.rate_reset : -1,
                                      .retry_after_s = -1,
                                      .peer = peer,
                                      .detail = "",
                                      .duration_ns = world_ns() - c->begun});
    flight_free(f);
}

static void broken(void *arg)
{
    struct flight *f = arg;
    struct http_call *c = f->call;
    if (c)
        call_end(c, &(struct http_answer){.result = HTTP_RESULT_LOST,
                                          .maybe_sent = true,
                                          .body = "",
                                          .content_type = "",
                                          .request_id = "",
                                          .rate_limit = -1,
                                          .rate_remaining = -1,
                                          .rate_reset = -1,
                                          .retry_after_s = -1,
                                          .peer = "127.0.0.1",
                                          .detail = "the connection was reset",
                                          .duration_ns = world_ns() - c->begun});
    flight_free(f);
}

static void leave(struct http_call *c);
static bool may_leave(struct http_call *c, unsigned attempt);

// A connection that was used before may have been closed before the request came: libcurl would write it once more.
static void closed(void *arg)
{
    struct flight *f = arg;
    struct http_call *c = f->call;
    if (c && may_leave(c, 2)) {
        check_violation("%s %s is transmitted a second time under one permit", c->method, c->target);
        f->call = NULL;
        flight_free(f);
        leave(c);
        return;
    }
    broken(f);
}

// The host learns of it, unless its life is over; or never, and its own deadline ends the call.
static void back(struct flight *f, loop_fn *fn, bool silent)
{
    if (silent || !waits(f)) {
        if (f->call && waits(f))
            f->call->flight = NULL;
        f->call = NULL;
        flight_free(f);
        return;
    }
    world_tell(f->host, world_between(DRAW_WIRE, 1 * MS, 30 * MS), fn, f);
}

static void refuse(struct flight *f, int status, int code, const char *message, bool html)
{
    f->answered = true;
    f->reply = (struct sim_reply){.status = status, .content_type = html ? "text/html" : "application/json"};
    text_init(&f->reply.body, 4096);
    if (html)
        text_addf(&f->reply.body, "<html><body>%d %s</body></html>", status, message);
    else
        text_addf(&f->reply.body, "{\"code\":%d,\"message\":\"%s\"}", code, message);
}

// What was told last stays so for a while, whatever was filled since.
static void tell_old_positions(struct flight *f)
{
    struct text *old = &wire.behind.positions;
    if (!wire.behind.by_ns || !str_equal(f->target, "/v2/positions") || f->reply.status != 200)
        return;
    if (world_ns() - wire.behind.told_ns >= wire.behind.by_ns) {
        wire.behind.told_ns = world_ns();
        text_clear(old);
        text_add(old, text_str(&f->reply.body));
    } else if (!str_equal(text_str(old), text_str(&f->reply.body))) {
        world_sum(SUM_WIRE, 1);
        world_note("wire: positions as they were %lld ms ago",
                   (long long)((world_ns() - wire.behind.told_ns) / NS_PER_MS));
        text_clear(&f->reply.body);
        text_add(&f->reply.body, text_str(old));
    }
}

static void serve(struct flight *f)
{
    char *query = strchr(f->target, '?');
    struct sim_request q = {
        .key = f->key, .secret = f->secret, .body = f->body ? f->body : "", .body_len = f->body_len};
    if (query)
        *query++ = '\0';
    q.path = f->target;
    q.query = query ? query : "";
    q.method = str_equal(f->method, "POST")     ? HTTP_POST
               : str_equal(f->method, "DELETE") ? HTTP_DELETE
               : str_equal(f->method, "PATCH")  ? HTTP_PATCH
                                                : HTTP_GET;
    sim_handle(wire.exchange, &q, world_wall_ns(), &f->reply);
    tell_old_positions(f);
    if (f->reply.status == 200 && wire.spoil)
        wire.spoil(f->target, &f->reply);
    stream_send();
    f->answered = true;
}

// As by a proxy that sends once more; the answer is that to the second.
static void serve_twice(struct flight *f)
{
    world_note("wire: sent twice by something in between");
    serve(f);
    sim_reply_free(&f->reply);
    serve(f);
}

// The exchange takes it, and something in between says that it is not there.
static void serve_and_lie(struct flight *f)
{
    serve(f);
    sim_reply_free(&f->reply);
    refuse(f, 503, 50310000, "service unavailable", false);
}

static bool is_cancel(const char *method)
{
    return str_equal(method, "DELETE");
}

static bool hit(int64_t ppm)
{
    bool it_is = world_chance(DRAW_WIRE, ppm);
    world_sum(SUM_WIRE, it_is);
    return it_is;
}

static void at_exchange(void *arg)
{
    struct flight *f = arg;
    const struct wire_faults *x = &wire.faults;
    wire.under_way--;
    if (world_ns() < x->down_until || hit(x->lost)) {
        world_note("wire: %s %s is lost", f->method, f->target);
        back(f, broken, world_chance(DRAW_WIRE, 500000));
        return;
    }
    if (f->order)
        check_order_arrives(wire.orders[f->order - 1].client_order_id, wire.orders[f->order - 1].left_ns);
    if (hit(x->limited) || (is_cancel(f->method) && x->cancels_limited && hit(x->cancels_limited)))
        refuse(f, 429, 42910000, "rate limit exceeded", false);
    else if (hit(x->gateway_after))
        serve_and_lie(f);
    else if (hit(x->gateway))
        refuse(f, 503, 50310000, "service unavailable", false);
    else if (hit(x->html))
        refuse(f, 502, 0, "bad gateway", true);
    else if (f->order && hit(x->duplicated))
        serve_twice(f);
    else
        serve(f);
    world_note("wire: %s %s is answered %d", f->method, f->target, f->reply.status);
    if (f->order) {
        wire.orders[f->order - 1].arrived = true;
        wire.orders[f->order - 1].status = f->reply.status;
    }
    if (hit(x->answer_lost)) {
        world_note("wire: the answer is lost");
        back(f, broken, world_chance(DRAW_WIRE, 500000));
        return;
    }
    if (x->closed && hit(x->closed)) {
        world_note("wire: the connection is closed without an answer");
        back(f, closed, false);
        return;
    }
    if (f->reply.body.len > 2 && hit(x->truncated)) {
        back(f, broken, false); // the length does not fit: the client drops it
        return;
    }
    back(f, reply_arrives, false);
}

// --- the client's end

static void call_unlink(struct http_call *c)
{
    list_remove(&c->node);
    c->client->in_flight--;
    loop_cancel(c->client->p.loop, &c->start);
    loop_cancel(c->client->p.loop, &c->timeout);
    if (c->flight)
        c->flight->call = NULL;
    free(c->method);
    free(c->scheme);
    free(c->host);
    free(c->target);
    free(c->body);
    free(c->key);
    free(c->secret);
    free(c);
}

static void call_end(struct http_call *c, const struct http_answer *answer)
{
    void (*done)(void *, const struct http_answer *) = c->done;
    void *done_arg = c->arg;
    call_unlink(c);
    done(done_arg, answer);
}

static void call_fail(struct http_call *c, enum http_result result, const char *detail)
{
    call_end(c, &(struct http_answer){.result = result,
                                      .maybe_sent = c->sent,
                                      .body = "",
                                      .content_type = "",
                                      .request_id = "",
                                      .rate_limit = -1,
                                      .rate_remaining = -1,
                                      .rate_reset = -1,
                                      .retry_after_s = -1,
                                      .peer = "",
                                      .detail = detail,
                                      .duration_ns = world_ns() - c->begun});
}

static void timed_out(void *arg)
{
    struct http_call *c = arg;
    c->timeout = 0;
    call_fail(c, HTTP_RESULT_TIMEOUT, "no answer in time");
}

static size_t order_note(const struct http_call *c)
{
    static const char member[] = "\"client_order_id\":\"";
    if (!str_equal(c->method, "POST") || strncmp(c->target, "/v2/orders", 10) != 0 || !c->body)
        return 0;
    const char *id = strstr(c->body, member);
    if (wire.order_count == wire.order_cap) {
        wire.order_cap = wire.order_cap ? 2 * wire.order_cap : 64;
        wire.orders = check_realloc(wire.orders, wire.order_cap * sizeof *wire.orders);
    }
    struct wire_order *o = &wire.orders[wire.order_count++];
    *o = (struct wire_order){.host = host_index(c->client->host), .left_ns = world_ns()};
    if (id)
        snprintf(o->client_order_id, sizeof o->client_order_id, "%.*s", (int)strcspn(id + sizeof member - 1, "\""),
                 id + sizeof member - 1);
    return wire.order_count;
}

static void leave(struct http_call *c)
{
    struct flight *f = check_alloc(1, sizeof *f);
    *f = (struct flight){.call = c, .host = c->client->host, .life = host_life(c->client->host)};
    f->method = check_strdup(c->method);
    f->target = check_strdup(c->target);
    f->body = c->body ? check_strdup(c->body) : NULL;
    f->body_len = c->body_len;
    f->key = c->key ? check_strdup(c->key) : NULL;
    f->secret = c->secret ? check_strdup(c->secret) : NULL;
    f->order = order_note(c);
    if (f->order)
        check_order_leaves(f->host, wire.orders[f->order - 1].client_order_id, clock_wall_ns());
    c->flight = f;
    c->sent = true;
    wire.under_way++;
    int64_t takes = world_between(DRAW_WIRE, 1 * MS, 20 * MS);
    if (hit(wire.faults.late) || (is_cancel(c->method) && wire.faults.cancels_late && hit(wire.faults.cancels_late)))
        takes = world_between(DRAW_WIRE, NS_PER_S, LATE_MAX_NS);
    if (f->order && world_chance(DRAW_LATE, wire.faults.orders_late)) {
        world_sum(SUM_WIRE, 1);
        takes = world_between(DRAW_LATE, NS_PER_S, LATE_MAX_NS);
    }
    world_note("wire: %s %s %s", c->method, c->target, c->body ? c->body : "");
    world_after(takes, at_exchange, f);
}

static void connected(void *arg)
{
    struct http_call *c = arg;
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->port)};
    c->start = 0;
    inet_pton(AF_INET, "127.0.0.1", &peer.sin_addr);
    const struct http_client_params *p = &c->client->p;
    if (p->allow_peer && !p->allow_peer(p->allow_peer_arg, c->host, (const struct sockaddr *)&peer)) {
        call_fail(c, HTTP_RESULT_REFUSED, "the peer is not allowed");
        return;
    }
    uint64_t redeemed = wire.redeemed;
    if (!may_leave(c, 1)) {
        call_fail(c, HTTP_RESULT_REFUSED, "refused before the first byte");
        return;
    }
    wire_left(redeemed);
    leave(c);
}

static bool may_leave(struct http_call *c, unsigned attempt)
{
    const struct http_wire onto = {.method = c->method,
                                   .scheme = c->scheme,
                                   .host = c->host,
                                   .target = c->target,
                                   .port = c->port,
                                   .body = c->body,
                                   .body_len = c->body_len,
                                   .peer = "127.0.0.1",
                                   .tls = {.known = true},
                                   .attempt = attempt};
    return !c->before_send || c->before_send(c->arg, &onto);
}

// Cleared, and not on the wire yet: shorter than a permit lasts, or longer than a lease.
static void freeze(struct host *h)
{
    static const int64_t most_ms[] = {1990, 1990, 60000};
    int64_t most = most_ms[world_between(DRAW_WIRE, 0, 2)];
    world_note("frozen with an order on its way to the wire");
    host_freeze(h, world_between(DRAW_WIRE, 1300, most) * MS);
}

static char *header_value(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (strncasecmp(r->headers[i], name, strlen(name)) == 0 && r->headers[i][strlen(name)] == ':')
            return check_strdup(r->headers[i] + strlen(name) + 2);
    return NULL;
}

int http_client_global_init(struct err *err)
{
    (void)err;
    return 0;
}

struct http_client *http_client_new(const struct http_client_params *params)
{
    struct http_client *c = check_alloc(1, sizeof *c);
    c->p = *params;
    c->host = host_current();
    list_init(&c->calls);
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    LIST_EACH(node, tmp, &c->calls)
    call_unlink(LIST_ENTRY(node, struct http_call, node)); // cancelled: nobody is told
    free(c);
}

struct http_call *http_client_send(struct http_client *c, const struct http_request *r)
{
    struct http_call *call = check_alloc(1, sizeof *call);
    *call = (struct http_call){.client = c,
                               .method = check_strdup(r->method),
                               .scheme = check_strdup(r->scheme),
                               .host = check_strdup(r->host),
                               .target = check_strdup(r->target),
                               .body = r->body ? check_strndup(r->body, r->body_len) : NULL,
                               .body_len = r->body_len,
                               .port = r->port,
                               .key = header_value(r, "APCA-API-KEY-ID"),
                               .secret = header_value(r, "APCA-API-SECRET-KEY"),
                               .timeout_ms = r->timeout_ms,
                               .begun = world_ns(),
                               .before_send = r->before_send,
                               .done = r->done,
                               .arg = r->arg};
    list_append(&c->calls, &call->node);
    c->in_flight++;
    if (wire.faults.stands_still && str_equal(r->method, "POST") && hit(wire.faults.stands_still))
        freeze(c->host);
    call->timeout = loop_after_ms(c->p.loop, r->timeout_ms, timed_out, call);
    call->start = loop_after_ms(c->p.loop, world_between(DRAW_WIRE, 0, 3), connected, call);
    return call;
}

void http_client_cancel(struct http_call *call)
{
    call_unlink(call);
}

const char *http_client_names_trouble(const struct http_client *c, int64_t *unanswered_since_ns)
{
    (void)c;
    *unanswered_since_ns = 0;
    return "";
}

size_t http_client_in_flight(const struct http_client *c)
{
    return c->in_flight;
}

const char *http_result_name(enum http_result r)
{
    static const char *const names[] = {"ok", "refused", "timeout", "cancelled", "lost"};
    return names[r];
}
