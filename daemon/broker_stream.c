// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The broker channel's order stream: one connection = one struct. It waits for a rate slot as every request does, asks
// the guard for a permit, spends it right before the upgrade's first byte, and sends the keys once the peer has proven
// to be the allowed host. What comes then is handed on unread.
#include "daemon/broker_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/json_write.h"
#include "lib/io/clock.h"
#include "lib/io/websocket.h"

#define PING_MS 10000
#define PONG_MS 10000
#define CLOSE_MS 2000
#define MESSAGE_MAX (1u << 20)
#define UNSENT_MAX (256u << 10)
#define AUTH_MAX 1024

struct broker_stream {
    struct broker *broker;
    struct broker_stream_events events;
    struct resolver *resolver;
    struct websocket_tls *tls;
    struct websocket *ws;
    struct permit *permit;
    struct guard_verdict verdict;
    bool waiting; // for a slot
    bool telling; // within ended
    bool authorized, denied_at_wire;
    enum broker_result result; // of an end without the transport
    char detail[300];
    loop_timer auth, defer;
};

static struct loop *loop_of(const struct broker_stream *s)
{
    return broker_params_of(s->broker)->loop;
}

static void stream_free(struct broker_stream *s)
{
    loop_cancel(loop_of(s), &s->auth);
    loop_cancel(loop_of(s), &s->defer);
    websocket_cancel(s->ws);
    permit_drop(&s->permit);
    websocket_tls_free(s->tls);
    resolver_free(s->resolver);
    free(s);
}

static void stream_tell(void *arg)
{
    struct broker_stream *s = arg;
    struct broker_stream_ending ending = {.result = s->result, .detail = s->detail};
    s->defer = 0;
    s->telling = true; // a cancel from within frees nothing
    s->events.ended(s->events.arg, &ending);
    stream_free(s);
}

// The owner is told from the loop.
static void stream_end(struct broker_stream *s, enum broker_result result, const char *detail)
{
    if (s->defer)
        return;
    loop_cancel(loop_of(s), &s->auth);
    s->result = result;
    str_copy_cut(s->detail, sizeof s->detail, detail);
    s->defer = loop_post(loop_of(s), stream_tell, s);
}

// --- what the transport says

static bool redeem(void *arg, const struct websocket_wire *wire)
{
    struct broker_stream *s = arg;
    const struct broker_params *p = broker_params_of(s->broker);
    struct wire_request actual;
    broker_wire_request(s->broker, OP_STREAM, wire->target, NULL, 0, &actual); // the key's fingerprint is ours
    actual.method = wire->method;
    actual.scheme = wire->scheme;
    actual.host = wire->host;
    actual.port = wire->port;
    actual.peer = wire->peer;
    actual.tls = wire->tls;
    s->denied_at_wire = !guard_redeem(p->guard, s->permit, facts_view(p->facts), &actual, clock_boot_ns(), &s->verdict);
    return !s->denied_at_wire;
}

static void auth_late(void *arg)
{
    struct broker_stream *s = arg;
    s->auth = 0;
    websocket_cancel(s->ws);
    s->ws = NULL;
    stream_end(s, BROKER_UNKNOWN, "the order stream did not answer the authentication in time");
}

static void on_opened(void *arg)
{
    struct broker_stream *s = arg;
    const struct broker_params *p = broker_params_of(s->broker);
    const struct facts_secrets *secrets = facts_secrets(p->facts);
    struct text t;
    struct json_out o;
    text_init(&t, AUTH_MAX);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_string(&o, "action", "authenticate");
    json_key(&o, "data");
    json_object_begin(&o);
    json_put_string(&o, "key_id", secrets->key_id);
    json_put_string(&o, "secret_key", secrets->secret);
    json_object_end(&o);
    json_object_end(&o);
    bool sent = !t.overflow && websocket_send(s->ws, true, text_str(&t), t.len) == 0;
    text_wipe_free(&t);
    s->auth = loop_after_ms(p->loop, sent ? p->request_timeout_ms : 0, auth_late, s);
}

// The first message: {"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}.
static void take_authorization(struct broker_stream *s, const char *text, size_t len)
{
    struct json_doc *doc = NULL;
    struct err err = {.text = ""};
    bool json = json_doc_parse(text, len, &doc, &err) == 0;
    const struct json_node *root = json ? json_doc_root(doc) : NULL, *data = json_get(root, "data");
    bool about = str_equal(json_string(json_get(root, "stream")), "authorization");
    const char *status = json_string(json_get(data, "status"));
    loop_cancel(loop_of(s), &s->auth);
    s->authorized = about && str_equal(status, "authorized");
    if (s->authorized) {
        json_doc_free(doc);
        s->events.authorized(s->events.arg);
        return;
    }
    bool refused = about && str_equal(status, "unauthorized");
    json_doc_free(doc);
    websocket_cancel(s->ws);
    s->ws = NULL;
    stream_end(s, refused ? BROKER_REJECTED : BROKER_UNKNOWN,
               refused ? "the order stream refuses the keys"
                       : "the order stream's first message does not answer the authentication");
}

static void on_message(void *arg, bool is_text, const char *bytes, size_t len)
{
    struct broker_stream *s = arg;
    (void)is_text; // paper sends JSON in binary frames, live and others in text
    if (s->authorized)
        s->events.message(s->events.arg, bytes, len);
    else
        take_authorization(s, bytes, len);
}

static void on_ended(void *arg, const struct websocket_ending *e)
{
    struct broker_stream *s = arg;
    enum broker_result result = e->result == WEBSOCKET_REFUSED && e->status == 0 ? BROKER_NOT_SENT : BROKER_UNKNOWN;
    s->ws = NULL;
    if (s->denied_at_wire) {
        broker_denied(s->broker, OP_STREAM, &s->verdict);
        result = BROKER_DENIED;
    }
    char detail[sizeof s->detail];
    str_copy_cut(detail, sizeof detail, s->denied_at_wire ? s->verdict.detail : e->detail);
    broker_mask(s->broker, detail);
    stream_end(s, result, detail);
}

// --- opening

static bool peer_allowed(void *arg, const char *host, const struct sockaddr *peer)
{
    const struct broker_stream *s = arg;
    (void)host;
    return guard_peer_allowed(facts_view(broker_params_of(s->broker)->facts), peer);
}

static void dial(struct broker_stream *s, const struct wire_request *w)
{
    const struct broker_params *p = broker_params_of(s->broker);
    struct err err;
    if (str_equal(w->scheme, "https") && (s->tls = websocket_tls_new(NULL, &err)) == NULL) {
        stream_end(s, BROKER_NOT_SENT, err.text);
        return;
    }
    s->resolver = resolver_new(p->loop, NULL);
    s->ws = websocket_open(&(struct websocket_client){
        .loop = p->loop,
        .resolver = s->resolver,
        .tls = s->tls,
        .scheme = w->scheme,
        .host = w->host,
        .port = w->port,
        .target = w->target,
        .user_agent = p->user_agent,
        .limits = {.open_ms = p->request_timeout_ms,
                   .ping_ms = PING_MS,
                   .pong_ms = PONG_MS,
                   .close_ms = CLOSE_MS,
                   .message_max = MESSAGE_MAX,
                   .unsent_max = UNSENT_MAX},
        .events = {.opened = on_opened, .message = on_message, .ended = on_ended, .arg = s},
        .allow_peer = peer_allowed,
        .before_send = redeem,
        .arg = s,
    });
}

static void slot_ready(void *arg)
{
    struct broker_stream *s = arg;
    const struct broker_params *p = broker_params_of(s->broker);
    struct wire_request w;
    s->waiting = false;
    broker_wire_request(s->broker, OP_STREAM, guard_op_path(OP_STREAM), NULL, 0, &w);
    if (guard_permit(p->guard, facts_view(p->facts), OP_STREAM, &w, clock_boot_ns(), &s->permit, &s->verdict) != 0) {
        broker_denied(s->broker, OP_STREAM, &s->verdict);
        stream_end(s, BROKER_DENIED, s->verdict.detail);
        return;
    }
    broker_take_slot(s->broker);
    metrics_add(p->metrics, METRIC_BROKER_REQUESTS, guard_op_name(OP_STREAM), 1);
    dial(s, &w);
}

struct broker_stream *broker_stream_open(struct broker *b, const struct broker_stream_events *events)
{
    struct broker_stream *s = check_alloc(1, sizeof *s);
    s->broker = b;
    s->events = *events;
    s->waiting = true;
    broker_rate_wait(b, slot_ready, s);
    return s;
}

int broker_stream_send(struct broker_stream *s, const char *text, size_t len)
{
    return s->authorized && s->ws != NULL ? websocket_send(s->ws, true, text, len) : -1;
}

void broker_stream_cancel(struct broker_stream *s)
{
    if (s == NULL || s->telling)
        return;
    if (s->waiting)
        broker_rate_forget(s->broker, s);
    s->waiting = false;
    stream_free(s);
}
