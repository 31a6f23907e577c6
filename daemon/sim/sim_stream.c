// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// See sim_stream.h. A message on its way to one client is a `parcel`: sent at once, or kept for a fault.
#include "daemon/sim/sim_stream.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/json_read.h"
#include "lib/base/json_write.h"
#include "lib/base/list.h"
#include "lib/io/websocket.h"

#define CLIENTS_MAX 64
#define REQUEST_MAX 65536
#define UNSENT_MAX (4u << 20)
#define MESSAGE_MAX (1u << 20)
#define PARCELS_MAX 1024 // kept for faults
#define DELAY_MAX_MS 600000

// Faults that last for `count` messages to each client that listens then; half_open, drop and send happen at once.
#define STREAM_FAULTS(X)                                                                                               \
    X(FAULT_DUPLICATE, "duplicate") /* sent twice */                                                                   \
    X(FAULT_REORDER, "reorder")     /* sent after the next one, or after delay_ms */                                   \
    X(FAULT_DELAY, "delay")         /* sent after delay_ms */                                                          \
    X(FAULT_LOSE, "lose")           /* not sent */
enum stream_fault { STREAM_FAULTS(SIM_FAULT_ENUM) STREAM_FAULT_COUNT };
#define FAULT_WORD(symbol, word) word,
static const char *const fault_words[] = {STREAM_FAULTS(FAULT_WORD)};

struct sim_stream {
    struct loop *loop;
    struct sim *sim;
    struct list clients;
    size_t count;
    int64_t opened; // since the start
    int64_t left[STREAM_FAULT_COUNT], delay_ms;
};

struct client {
    struct list node;
    struct sim_stream *stream;
    struct websocket *ws;
    bool authorized, listening, half_open;
    uint64_t number; // of the newest update it was given
    int64_t sent;
    struct list parcels; // that wait
    size_t parcel_count;
};

struct parcel {
    struct list node;
    struct client *client;
    struct text message;
    bool swaps; // goes out behind the next message
    loop_timer timer;
};

// ---- sending ----

static void parcel_free(struct parcel *p)
{
    loop_cancel(p->client->stream->loop, &p->timer);
    list_remove(&p->node);
    p->client->parcel_count--;
    text_free(&p->message);
    free(p);
}

static void client_free(struct client *c)
{
    LIST_EACH(node, tmp, &c->parcels)
    parcel_free(LIST_ENTRY(node, struct parcel, node));
    websocket_cancel(c->ws);
    c->stream->count--;
    list_remove(&c->node);
    free(c);
}

// A client that does not read is closed, as any server does.
static void put(struct client *c, const struct text *message)
{
    if (websocket_send(c->ws, false, text_str(message), message->len) == 0)
        c->sent++;
    else
        websocket_close(c->ws, 1008, "too slow");
}

static void parcel_send(struct parcel *p)
{
    put(p->client, &p->message);
    parcel_free(p);
}

static void parcel_due(void *arg)
{
    parcel_send(arg);
}

static void keep(struct client *c, const struct text *message, bool swaps)
{
    struct sim_stream *s = c->stream;
    if (c->parcel_count == PARCELS_MAX)
        return;
    struct parcel *p = check_alloc(1, sizeof *p);
    p->client = c;
    p->swaps = swaps;
    text_init(&p->message, MESSAGE_MAX);
    text_addn(&p->message, text_str(message), message->len);
    list_append(&c->parcels, &p->node);
    c->parcel_count++;
    p->timer = loop_after_ms(s->loop, s->delay_ms, parcel_due, p);
}

static struct parcel *swapping(struct client *c)
{
    LIST_EACH(node, tmp, &c->parcels)
    {
        struct parcel *p = LIST_ENTRY(node, struct parcel, node);
        if (p->swaps)
            return p;
    }
    return NULL;
}

// One update to one client, through the faults that were ordered.
static void deliver(struct client *c, const struct text *message, const bool hit[STREAM_FAULT_COUNT])
{
    struct parcel *earlier = swapping(c);
    if (hit[FAULT_LOSE])
        return;
    if (hit[FAULT_DELAY] || (hit[FAULT_REORDER] && earlier == NULL)) {
        keep(c, message, !hit[FAULT_DELAY]);
        return;
    }
    put(c, message);
    if (hit[FAULT_DUPLICATE])
        put(c, message);
    if (earlier != NULL)
        parcel_send(earlier);
}

// Whether this update is hit by each of the faults, when anybody wants it: all clients share what was ordered.
static void draw_faults(struct sim_stream *s, bool wanted, bool hit[STREAM_FAULT_COUNT])
{
    for (int i = 0; i < STREAM_FAULT_COUNT; i++) {
        hit[i] = wanted && s->left[i] > 0;
        s->left[i] -= hit[i] ? 1 : 0;
    }
}

static bool any_wants(const struct sim_stream *s, uint64_t number)
{
    LIST_EACH(node, tmp, &s->clients)
    {
        const struct client *c = LIST_ENTRY(node, struct client, node);
        if (c->listening && !c->half_open && c->number < number)
            return true;
    }
    return false;
}

static uint64_t oldest_wanted(const struct sim_stream *s)
{
    uint64_t oldest = sim_updates_last(s->sim);
    LIST_EACH(node, tmp, &s->clients)
    {
        const struct client *c = LIST_ENTRY(node, struct client, node);
        if (c->listening && c->number < oldest)
            oldest = c->number;
    }
    return oldest;
}

void sim_stream_send(struct sim_stream *s)
{
    struct text message;
    bool hit[STREAM_FAULT_COUNT] = {false};
    text_init(&message, MESSAGE_MAX);
    for (uint64_t n = oldest_wanted(s); sim_update_after(s->sim, &n, &message); text_clear(&message)) {
        draw_faults(s, any_wants(s, n), hit);
        LIST_EACH(node, tmp, &s->clients)
        {
            struct client *c = LIST_ENTRY(node, struct client, node);
            if (!c->listening || c->number >= n)
                continue;
            c->number = n;
            if (!c->half_open)
                deliver(c, &message, hit);
        }
    }
    text_free(&message);
}

// ---- what clients say ----

static void answer(struct client *c, const char *stream, const char *action, const char *status, const char *message)
{
    struct text t;
    struct json_out o;
    text_init(&t, 1024);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_string(&o, "stream", stream);
    json_key(&o, "data");
    json_object_begin(&o);
    json_put_string(&o, "action", action);
    if (message != NULL)
        json_put_string(&o, "message", message);
    json_put_string(&o, "status", status);
    json_object_end(&o);
    json_object_end(&o);
    put(c, &t);
    text_free(&t);
}

static void authenticate(struct client *c, const char *key, const char *secret)
{
    if (sim_key_fits(c->stream->sim, key, secret)) {
        c->authorized = true;
        answer(c, "authorization", "authenticate", "authorized", NULL);
        return;
    }
    c->authorized = c->listening = false;
    answer(c, "authorization", "authenticate", "unauthorized", "access key verification failed");
}

// The list replaces the former one; only trade_updates is known.
static void listen_to(struct client *c, const struct json_node *streams)
{
    struct text t;
    struct json_out o;
    bool wanted = false;
    if (!c->authorized) {
        answer(c, "authorization", "listen", "unauthorized", NULL);
        return;
    }
    for (size_t i = 0; i < json_size(streams); i++)
        wanted = wanted || str_equal(json_string(json_at(streams, i)), "trade_updates");
    if (wanted && !c->listening)
        c->number = sim_updates_last(c->stream->sim);
    c->listening = wanted;
    text_init(&t, 1024);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_string(&o, "stream", "listening");
    json_key(&o, "data");
    json_object_begin(&o);
    json_key(&o, "streams");
    json_array_begin(&o);
    if (wanted)
        json_add_string(&o, "trade_updates");
    json_array_end(&o);
    json_object_end(&o);
    json_object_end(&o);
    put(c, &t);
    text_free(&t);
}

static void on_message(void *arg, bool is_text, const char *bytes, size_t len)
{
    struct client *c = arg;
    struct json_doc *doc = NULL;
    struct err err;
    (void)is_text;
    if (json_doc_parse(bytes, len, &doc, &err) != 0) {
        websocket_close(c->ws, 1003, "not JSON");
        return;
    }
    const struct json_node *root = json_doc_root(doc), *data = json_get(root, "data");
    const char *action = json_string(json_get(root, "action"));
    if (str_equal(action, "authenticate"))
        authenticate(c, json_string(json_get(data, "key_id")), json_string(json_get(data, "secret_key")));
    else if (str_equal(action, "auth"))
        authenticate(c, json_string(json_get(root, "key")), json_string(json_get(root, "secret")));
    else if (str_equal(action, "listen"))
        listen_to(c, json_get(data, "streams"));
    json_doc_free(doc);
}

static void on_ended(void *arg, const struct websocket_ending *ending)
{
    struct client *c = arg;
    (void)ending;
    c->ws = NULL;
    client_free(c);
}

void sim_stream_open(struct sim_stream *s, struct http_exchange *x)
{
    static const struct websocket_limits limits = {
        .ping_ms = 30000, .pong_ms = 30000, .close_ms = 5000, .message_max = REQUEST_MAX, .unsent_max = UNSENT_MAX};
    if (s->count == CLIENTS_MAX) {
        static const char full[] = "{\"code\":42910000,\"message\":\"too many connections\"}";
        http_reply(x, 429, "application/json", full, sizeof full - 1, NULL, 0);
        return;
    }
    struct client *c = check_alloc(1, sizeof *c);
    struct websocket_events events = {.message = on_message, .ended = on_ended, .arg = c};
    c->stream = s;
    list_init(&c->parcels);
    c->ws = websocket_accept(s->loop, x, &limits, &events);
    if (c->ws == NULL) {
        free(c);
        return;
    }
    list_append(&s->clients, &c->node);
    s->count++;
    s->opened++;
}

// ---- /sim/stream ----

static void put_client(struct json_out *o, const struct client *c)
{
    json_object_begin(o);
    json_put_bool(o, "authorized", c->authorized);
    json_put_bool(o, "listening", c->listening);
    json_put_bool(o, "half_open", c->half_open);
    json_put_int(o, "sent", c->sent);
    json_object_end(o);
}

static void tell(struct sim_stream *s, struct http_exchange *x)
{
    struct text t;
    struct json_out o;
    text_init(&t, 65536);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_int(&o, "opened", s->opened);
    json_key(&o, "clients");
    json_array_begin(&o);
    LIST_EACH(node, tmp, &s->clients)
    put_client(&o, LIST_ENTRY(node, struct client, node));
    json_array_end(&o);
    json_key(&o, "faults");
    json_object_begin(&o);
    for (int i = 0; i < STREAM_FAULT_COUNT; i++)
        json_put_int(&o, fault_words[i], s->left[i]);
    json_object_end(&o);
    json_object_end(&o);
    http_reply(x, 200, "application/json; charset=UTF-8", text_str(&t), t.len, NULL, 0);
    text_free(&t);
}

static void drop_all(struct sim_stream *s)
{
    LIST_EACH(node, tmp, &s->clients)
    client_free(LIST_ENTRY(node, struct client, node));
}

static void freeze_all(struct sim_stream *s)
{
    LIST_EACH(node, tmp, &s->clients)
    {
        struct client *c = LIST_ENTRY(node, struct client, node);
        c->half_open = true;
        websocket_freeze(c->ws);
    }
}

static void send_all(struct sim_stream *s, const char *message)
{
    struct text t;
    text_init(&t, MESSAGE_MAX);
    text_add(&t, message);
    LIST_EACH(node, tmp, &s->clients)
    {
        struct client *c = LIST_ENTRY(node, struct client, node);
        if (c->listening && !c->half_open)
            put(c, &t);
    }
    text_free(&t);
}

static int number(const struct json_node *root, const char *name, int64_t min, int64_t max, int64_t *out,
                  struct err *err)
{
    const struct json_node *n = json_get(root, name);
    int64_t got = *out;
    if (n != NULL && (!json_int64(n, &got) || got < min || got > max))
        return err_set(err, "stream.%s: expected a whole number from %lld to %lld", name, (long long)min,
                       (long long)max);
    *out = got;
    return 0;
}

static int order_fault(struct sim_stream *s, const struct json_node *root, struct err *err)
{
    static const char *const names[] = {"action", "count", "delay_ms", "message"};
    const char *action, *message = json_string(json_get(root, "message"));
    int64_t count = 1, delay_ms = 1000;
    if (json_only(root, "stream", names, ARRAY_LEN(names), err) != 0 ||
        json_want_string(root, "stream", "action", &action, err) != 0 ||
        number(root, "count", 1, INT32_MAX, &count, err) != 0 ||
        number(root, "delay_ms", 1, DELAY_MAX_MS, &delay_ms, err) != 0)
        return -1;
    if (str_equal(action, "send") != (message != NULL))
        return err_set(err, "stream.message: the text for the action send, and for no other");
    if (str_equal(action, "drop"))
        drop_all(s);
    else if (str_equal(action, "half_open"))
        freeze_all(s);
    else if (str_equal(action, "send"))
        send_all(s, message);
    else if (str_equal(action, "clear"))
        memset(s->left, 0, sizeof s->left);
    else {
        int i = 0;
        while (i < STREAM_FAULT_COUNT && !str_equal(fault_words[i], action))
            i++;
        if (i == STREAM_FAULT_COUNT)
            return err_set(err, "stream.action \"%.32s\" is not known", action);
        s->left[i] = count;
        s->delay_ms = delay_ms;
    }
    return 0;
}

void sim_stream_admin(struct sim_stream *s, struct http_exchange *x)
{
    struct json_doc *doc = NULL;
    struct err err = {.text = "GET or POST"};
    size_t len;
    const char *body = http_exchange_body(x, &len);
    bool post = http_exchange_method(x) == HTTP_POST, ok = http_exchange_method(x) == HTTP_GET;
    if (post)
        ok = json_doc_parse(body, len, &doc, &err) == 0 && order_fault(s, json_doc_root(doc), &err) == 0;
    json_doc_free(doc);
    if (ok) {
        tell(s, x);
        return;
    }
    struct text t;
    struct json_out o;
    text_init(&t, 2048);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_string(&o, "message", err.text);
    json_object_end(&o);
    http_reply(x, post ? 400 : 405, "application/json; charset=UTF-8", text_str(&t), t.len, NULL, 0);
    text_free(&t);
}

// ---- life ----

struct sim_stream *sim_stream_new(struct loop *loop, struct sim *sim)
{
    struct sim_stream *s = check_alloc(1, sizeof *s);
    s->loop = loop;
    s->sim = sim;
    s->delay_ms = 1000;
    list_init(&s->clients);
    return s;
}

void sim_stream_free(struct sim_stream *s)
{
    if (s == NULL)
        return;
    drop_all(s);
    free(s);
}
