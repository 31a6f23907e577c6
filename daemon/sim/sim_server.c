// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// See sim_server.h.
#include <stdlib.h>

#include "daemon/sim/sim_server.h"
#include "daemon/sim/sim_stream.h"
#include "lib/base/json_write.h"
#include "lib/base/list.h"
#include "lib/io/clock.h"
#include "lib/io/http_server.h"

#define CONNECTIONS_MAX 256
#define DEADLINE_MS 30000
#define IDLE_MS 75000
#define REQUEST_BODY_MAX (1024 * 1024)
#define ADMIN_ROLE HTTP_ROLE_HEALTH // the mark of the admin's own port
#define LOGGED_MAX (64 * 1024)      // bytes of one body in the log
#define LOG_LINE_MAX (1024 * 1024)

struct sim_server {
    struct loop *loop;
    struct sim *sim;
    struct http_server *http;
    struct sim_stream *stream;
    FILE *log;
    loop_timer tick;
    int64_t now;         // never goes back, whatever the wall clock does
    struct list delayed; // of struct delayed
    bool admin_apart;    // /sim/ is served on the admin's port only
};

struct delayed { // an answer that waits
    struct list node;
    struct sim_server *server;
    struct http_exchange *exchange;
    struct sim_fault fault;
    struct sim_reply reply;
    bool processed;
    loop_timer timer;
};

static int64_t now_of(struct sim_server *s)
{
    int64_t wall = clock_wall_ns();
    s->now = wall > s->now ? wall : s->now;
    return s->now;
}

// Keeps events at their time although nobody asks.
static void tick(void *arg)
{
    struct sim_server *s = arg;
    exchange_advance(sim_exchange(s->sim), now_of(s));
    int64_t next = exchange_next(sim_exchange(s->sim)), wait_ms = (next - s->now) / NS_PER_MS + 1;
    loop_cancel(s->loop, &s->tick);
    s->tick = loop_after_ms(s->loop, wait_ms < 60000 ? wait_ms : 60000, tick, s);
    sim_stream_send(s->stream);
}

static struct sim_request request_of(struct http_exchange *x)
{
    struct sim_request q = {.method = http_exchange_method(x),
                            .path = http_exchange_path(x),
                            .query = http_exchange_query(x),
                            .key = http_exchange_header(x, "APCA-API-KEY-ID"),
                            .secret = http_exchange_header(x, "APCA-API-SECRET-KEY")};
    q.body = http_exchange_body(x, &q.body_len);
    q.admin = (http_exchange_roles(x) & ADMIN_ROLE) != 0;
    return q;
}

static void put_cut(struct json_out *o, const char *name, const char *bytes, size_t len)
{
    char *cut = check_strndup(bytes == NULL ? "" : bytes, len < LOGGED_MAX ? len : LOGGED_MAX);
    json_put_string(o, name, cut);
    free(cut);
}

// One line of JSON; the secret never enters and the key is redacted.
static void log_request(struct sim_server *s, struct http_exchange *x, const struct sim_fault *fault,
                        const struct sim_reply *reply)
{
    if (s->log == NULL)
        return;
    struct sim_request q = request_of(x);
    struct text line;
    struct json_out o;
    char key[16];
    text_init(&line, LOG_LINE_MAX);
    json_out_init(&o, &line);
    json_object_begin(&o);
    json_put_when(&o, "at", s->now);
    json_put_string(&o, "request_id", reply != NULL ? reply->request_id : NULL);
    json_put_string(&o, "method", http_method_name(q.method));
    json_put_string(&o, "target", http_exchange_target(x));
    json_put_string(&o, "key", q.key != NULL ? key_redact(q.key, key) : NULL);
    bool keys = str_equal(q.path, "/sim/keys");
    put_cut(&o, "body", keys ? NULL : q.body, keys ? 0 : q.body_len);
    json_put_string(&o, "fault", fault->action != SIM_FAULT_NONE ? sim_fault_name(fault->action) : NULL);
    json_put_int(&o, "status", reply != NULL ? reply->status : 0);
    bool shown = reply != NULL && fault->action != SIM_FAULT_ECHO;
    put_cut(&o, "answer", shown ? reply->body.data : NULL, shown ? reply->body.len : 0);
    json_object_end(&o);
    fprintf(s->log, "%s\n", text_str(&line));
    fflush(s->log);
    text_free(&line);
}

static void send_reply(struct http_exchange *x, const struct sim_reply *r)
{
    char limit[24], remaining[24], reset[24];
    struct http_reply_header headers[4] = {{"X-Request-ID", r->request_id}};
    size_t count = 1;
    if (r->has_rate) {
        snprintf(limit, sizeof limit, "%lld", (long long)r->rate_limit);
        snprintf(remaining, sizeof remaining, "%lld", (long long)r->rate_remaining);
        snprintf(reset, sizeof reset, "%lld", (long long)r->rate_reset);
        headers[count++] = (struct http_reply_header){"X-RateLimit-Limit", limit};
        headers[count++] = (struct http_reply_header){"X-RateLimit-Remaining", remaining};
        headers[count++] = (struct http_reply_header){"X-RateLimit-Reset", reset};
    }
    http_reply(x, r->status, r->content_type, text_str(&r->body), r->body.len, headers, count);
}

// Processes (unless the fault says otherwise) and spoils; the reply is the caller's to send and free.
static void process(struct sim_server *s, struct http_exchange *x, const struct sim_fault *fault,
                    struct sim_reply *reply)
{
    struct sim_request q = request_of(x);
    if (!sim_fault_processes(fault->action))
        q.path = "/"; // nothing there: only the reply's frame is made
    sim_handle(s->sim, &q, now_of(s), reply);
    if (fault->action == SIM_FAULT_DUPLICATE) { // as by a proxy that sends once more
        sim_reply_free(reply);
        sim_handle(s->sim, &q, now_of(s), reply);
    }
    if (fault->action != SIM_FAULT_NONE)
        sim_fault_spoil(fault, reply);
    log_request(s, x, fault, reply);
    tick(s);
}

static void delayed_end(struct delayed *d)
{
    loop_cancel(d->server->loop, &d->timer);
    list_remove(&d->node);
    if (d->processed)
        sim_reply_free(&d->reply);
    free(d);
}

static void delay_over(void *arg)
{
    struct delayed *d = arg;
    d->timer = 0;
    if (!d->processed)
        process(d->server, d->exchange, &d->fault, &d->reply);
    d->processed = true;
    send_reply(d->exchange, &d->reply);
    delayed_end(d);
}

static void delay(struct sim_server *s, struct http_exchange *x, const struct sim_fault *fault)
{
    struct delayed *d = check_alloc(1, sizeof *d);
    d->server = s;
    d->exchange = x;
    d->fault = *fault;
    list_append(&s->delayed, &d->node);
    if (fault->action == SIM_FAULT_DELAY) {
        process(s, x, fault, &d->reply);
        d->processed = true;
    }
    d->timer = loop_after_ms(s->loop, fault->delay_ms, delay_over, d);
}

// What belongs to the order stream and is no matter of the exchange's.
static bool handle_stream(struct sim_server *s, struct http_exchange *x, const struct sim_request *q)
{
    struct sim_fault none = {0};
    if (str_equal(q->path, "/sim/stream") && (q->admin || !s->admin_apart)) {
        sim_stream_admin(s->stream, x);
        return true;
    }
    if (q->admin || !http_exchange_wants_upgrade(x) ||
        (!str_equal(q->path, "/stream") && !str_equal(q->path, "/stream/")))
        return false;
    log_request(s, x, &none, NULL);
    sim_stream_open(s->stream, x);
    return true;
}

static void handle(void *arg, struct http_exchange *x)
{
    struct sim_server *s = arg;
    struct sim_request q = request_of(x);
    struct sim_fault fault = {0};
    struct sim_reply reply;
    if (!q.admin && !str_starts(q.path, "/sim/"))
        fault = sim_fault_take(s->sim, &q);
    if (fault.action == SIM_FAULT_DROP_BEFORE) {
        log_request(s, x, &fault, NULL);
        http_reply_drop(x);
        return;
    }
    if (fault.action == SIM_FAULT_DELAY || fault.action == SIM_FAULT_DELAY_BEFORE) {
        delay(s, x, &fault);
        return;
    }
    if (fault.action == SIM_FAULT_NONE && handle_stream(s, x, &q))
        return;
    process(s, x, &fault, &reply);
    if (fault.action == SIM_FAULT_DROP_AFTER)
        http_reply_drop(x);
    else
        send_reply(x, &reply);
    sim_reply_free(&reply);
}

struct sim_server *sim_server_new(struct loop *loop, struct sim *sim, FILE *request_log, int64_t not_before,
                                  bool admin_apart)
{
    struct sim_server *s = check_alloc(1, sizeof *s);
    s->loop = loop;
    s->sim = sim;
    s->log = request_log;
    s->now = not_before;
    s->admin_apart = admin_apart;
    s->stream = sim_stream_new(loop, sim);
    list_init(&s->delayed);
    struct http_server_params params = {.loop = loop,
                                        .max_connections = CONNECTIONS_MAX,
                                        .request_deadline_ms = DEADLINE_MS,
                                        .idle_ms = IDLE_MS,
                                        .reply_deadline_ms = DEADLINE_MS,
                                        .body_max = REQUEST_BODY_MAX,
                                        .handle = handle,
                                        .gone = NULL, // an answer to a client that left goes nowhere
                                        .arg = s};
    s->http = http_server_new(&params);
    tick(s);
    return s;
}

int sim_server_listen(struct sim_server *s, const char *address, bool admin, struct err *err)
{
    struct http_listen listen = {
        .address = address, .fd = -1, .roles = admin ? ADMIN_ROLE : HTTP_ROLE_API, .service = "paperguard-sim"};
    return http_server_listen(s->http, &listen, err);
}

const char *sim_server_address(const struct sim_server *s, size_t i)
{
    return http_server_address(s->http, i);
}

void sim_server_free(struct sim_server *s)
{
    if (s == NULL)
        return;
    LIST_EACH(node, tmp, &s->delayed)
    delayed_end(LIST_ENTRY(node, struct delayed, node));
    loop_cancel(s->loop, &s->tick);
    sim_stream_free(s->stream);
    http_server_free(s->http);
    free(s);
}
