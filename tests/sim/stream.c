// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// lib/io/websocket.h for clients: a conversation with the exchange's end of the stream, which lets in who has the keys
// and then tells what the exchange's own feed has. A message that is late is overtaken by those behind it.
#include "tests/sim/stream.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim.h"
#include "lib/base/check.h"
#include "lib/base/json_read.h"
#include "lib/base/list.h"
#include "lib/base/when.h"
#include "lib/io/websocket.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"

#define MS NS_PER_MS
#define LATE_MAX_NS (INT64_C(20) * NS_PER_S)
#define LOOK_NS (INT64_C(60) * NS_PER_S)
#define MESSAGE_MAX (1u << 20)

struct websocket {
    struct list node;
    struct websocket_client p;
    struct host *host;
    uint64_t number; // its own
    char *address, *target;
    bool open, let_in, listens, silent;
    uint64_t told; // the newest update it was given
    int64_t last_arrival;
    loop_timer next, open_by;
};

struct parcel { // on its way; who it is for may be gone when it arrives
    uint64_t to;
    char *text;
};

static struct {
    struct sim *exchange;
    struct stream_faults faults;
    struct list all;
    uint64_t numbers;
    bool ticks;
} stream;

static bool hit(int64_t ppm)
{
    bool it_is = world_chance(DRAW_STREAM, ppm);
    world_sum(SUM_STREAM, it_is);
    return it_is;
}

static struct websocket *find(uint64_t number)
{
    LIST_EACH(node, tmp, &stream.all)
    if (LIST_ENTRY(node, struct websocket, node)->number == number)
        return LIST_ENTRY(node, struct websocket, node);
    return NULL;
}

static void let_go(struct websocket *w)
{
    loop_cancel(w->p.loop, &w->next);
    loop_cancel(w->p.loop, &w->open_by);
    list_remove(&w->node);
    free(w->address);
    free(w->target);
    free(w);
}

static void life_ends(struct host *h)
{
    LIST_EACH(node, tmp, &stream.all)
    if (LIST_ENTRY(node, struct websocket, node)->host == h)
        list_remove(node); // its memory ends with the process
}

void stream_begin(struct sim *exchange)
{
    stream.exchange = exchange;
    list_init(&stream.all);
    world_on_end(life_ends);
}

struct stream_faults *stream_faults(void)
{
    return &stream.faults;
}

bool stream_listens(const struct host *h)
{
    LIST_EACH(node, tmp, &stream.all)
    {
        const struct websocket *w = LIST_ENTRY(node, struct websocket, node);
        if (w->host == h && w->listens && !w->silent)
            return true;
    }
    return false;
}

static void over(struct websocket *w, enum websocket_result result, bool vetoed, const char *detail)
{
    struct websocket_events events = w->p.events;
    const struct websocket_ending ending = {.result = result, .was_open = w->open, .vetoed = vetoed, .detail = detail};
    world_note("stream: over, %s", detail);
    let_go(w);
    events.ended(events.arg, &ending);
}

static void breaks(void *arg)
{
    struct websocket *w = arg;
    w->next = 0;
    over(w, WEBSOCKET_LOST, false, "the peer does not answer pings");
}

static void closes(void *arg)
{
    struct websocket *w = arg;
    w->next = 0;
    over(w, WEBSOCKET_CLOSED, false, "the peer closed the connection");
}

// Half open: whoever still thinks that it is connected learns of it by its own pings.
static void fall_silent(struct websocket *w)
{
    const struct websocket_limits *l = &w->p.limits;
    if (w->silent)
        return;
    w->silent = true;
    if (w->open)
        w->next = world_timer(w->host, world_between(DRAW_STREAM, l->pong_ms, l->ping_ms + l->pong_ms) * MS, breaks, w);
}

// --- from the exchange

static void arrives(void *arg)
{
    struct parcel *parcel = arg;
    struct websocket *w = find(parcel->to);
    if (w && w->open && !w->silent)
        w->p.events.message(w->p.events.arg, false, parcel->text, strlen(parcel->text));
    free(parcel->text);
    free(parcel);
}

static void bring(struct websocket *w, const char *text, int64_t late_ns)
{
    struct parcel *parcel = check_alloc(1, sizeof *parcel);
    int64_t at = world_ns() + world_between(DRAW_STREAM, MS / 2, 20 * MS);
    if (at <= w->last_arrival)
        at = w->last_arrival + 1;
    if (late_ns == 0)
        w->last_arrival = at;
    *parcel = (struct parcel){w->number, check_strdup(text)};
    world_tell(w->host, at + late_ns - world_ns(), arrives, parcel);
}

static void tell(struct websocket *w, const char *text)
{
    const struct stream_faults *x = &stream.faults;
    if (world_ns() < wire_faults()->down_until || hit(x->silent))
        fall_silent(w);
    if (w->silent || hit(x->lost))
        return;
    if (hit(x->closed)) {
        w->silent = true;
        w->next = world_timer(w->host, world_between(DRAW_STREAM, 0, 20 * MS), closes, w);
        return;
    }
    if (hit(x->garbled)) {
        char *half = check_strndup(text, strlen(text) / 2);
        bring(w, half, 0);
        free(half);
        return;
    }
    bring(w, text, hit(x->late) ? world_between(DRAW_STREAM, MS, LATE_MAX_NS) : 0);
    if (hit(x->repeated))
        bring(w, text, world_between(DRAW_STREAM, MS, LATE_MAX_NS));
}

void stream_send(void)
{
    struct text message;
    if (!stream.ticks)
        return;
    text_init(&message, MESSAGE_MAX);
    LIST_EACH(node, tmp, &stream.all)
    {
        struct websocket *w = LIST_ENTRY(node, struct websocket, node);
        for (; w->listens && sim_update_after(stream.exchange, &w->told, &message); text_clear(&message))
            tell(w, text_str(&message));
    }
    text_free(&message);
}

// Without a request the exchange goes on by itself.
static void tick(void *arg)
{
    struct exchange *e = sim_exchange(stream.exchange);
    (void)arg;
    exchange_advance(e, world_wall_ns());
    stream_send();
    int64_t wait = exchange_next(e) - world_wall_ns();
    world_after(wait < 0 ? 0 : wait > NS_PER_S / 4 ? NS_PER_S / 4 : wait + 1, tick, NULL);
}

static void begin_ticks(void)
{
    if (!stream.ticks)
        world_after(0, tick, NULL);
    stream.ticks = true;
}

// --- to the exchange

static void take(struct websocket *w, const struct json_node *root)
{
    const struct json_node *data = json_get(root, "data");
    const char *action = json_string(json_get(root, "action"));
    if (str_equal(action, "authenticate")) {
        w->let_in = sim_key_fits(stream.exchange, json_string(json_get(data, "key_id")),
                                 json_string(json_get(data, "secret_key")));
        tell(w,
             w->let_in
                 ? "{\"stream\":\"authorization\",\"data\":{\"action\":\"authenticate\",\"status\":\"authorized\"}}"
                 : "{\"stream\":\"authorization\",\"data\":{\"action\":\"authenticate\",\"status\":\"unauthorized\"}}");
    } else if (str_equal(action, "listen") && w->let_in) {
        w->listens = true;
        w->told = sim_updates_last(stream.exchange);
        tell(w, "{\"stream\":\"listening\",\"data\":{\"streams\":[\"trade_updates\"]}}");
    }
}

static void taken(void *arg)
{
    struct parcel *parcel = arg;
    struct websocket *w = find(parcel->to);
    struct json_doc *doc = NULL;
    struct err err;
    if (w && !w->silent && json_doc_parse(parcel->text, strlen(parcel->text), &doc, &err) == 0)
        take(w, json_doc_root(doc));
    json_doc_free(doc);
    free(parcel->text);
    free(parcel);
}

// --- lib/io/websocket.h

static void opened(void *arg)
{
    struct websocket *w = arg;
    w->next = 0;
    if (w->silent)
        return; // until it is late
    loop_cancel(w->p.loop, &w->open_by);
    w->open = true;
    world_note("stream: open");
    w->p.events.opened(w->p.events.arg);
}

static void open_late(void *arg)
{
    struct websocket *w = arg;
    w->open_by = 0;
    over(w, WEBSOCKET_TIMEOUT, false, "it was not open in time");
}

static void connects(void *arg)
{
    struct websocket *w = arg;
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons((uint16_t)w->p.port)};
    w->next = 0;
    inet_pton(AF_INET, "127.0.0.1", &peer.sin_addr);
    if (world_ns() < wire_faults()->down_until || hit(stream.faults.refused)) {
        if (world_chance(DRAW_STREAM, 500000))
            over(w, WEBSOCKET_REFUSED, false, "connection refused");
        return; // or nothing, until it is late
    }
    if (w->p.allow_peer && !w->p.allow_peer(w->p.arg, w->address, (const struct sockaddr *)&peer)) {
        over(w, WEBSOCKET_REFUSED, true, "the peer is not allowed");
        return;
    }
    uint64_t redeemed = wire_redeemed();
    const struct websocket_wire onto = {.method = "GET",
                                        .scheme = w->p.scheme,
                                        .host = w->address,
                                        .target = w->target,
                                        .port = w->p.port,
                                        .peer = "127.0.0.1",
                                        .tls = {.known = true}};
    if (w->p.before_send && !w->p.before_send(w->p.arg, &onto)) {
        over(w, WEBSOCKET_REFUSED, true, "refused before the first byte");
        return;
    }
    wire_left(redeemed);
    w->next = world_timer(w->host, world_between(DRAW_STREAM, MS, 40 * MS), opened, w);
}

struct websocket *websocket_open(const struct websocket_client *params)
{
    struct websocket *w = check_alloc(1, sizeof *w);
    *w = (struct websocket){.p = *params, .host = host_current(), .number = ++stream.numbers};
    w->address = check_strdup(params->host);
    w->target = check_strdup(params->target);
    list_append(&stream.all, &w->node);
    begin_ticks();
    w->open_by = loop_after_ms(w->p.loop, params->limits.open_ms, open_late, w);
    w->next = loop_after_ms(w->p.loop, world_between(DRAW_STREAM, 0, 3), connects, w);
    return w;
}

int websocket_send(struct websocket *w, bool is_text, const char *bytes, size_t len)
{
    struct parcel *parcel = check_alloc(1, sizeof *parcel);
    (void)is_text;
    *parcel = (struct parcel){w->number, check_strndup(bytes, len)};
    world_after(world_between(DRAW_STREAM, MS / 2, 20 * MS), taken, parcel);
    return 0;
}

void websocket_cancel(struct websocket *w)
{
    if (w)
        let_go(w);
}

struct websocket_tls *websocket_tls_new(const char *ca_file, struct err *err)
{
    (void)ca_file;
    err_set(err, "no TLS here");
    return NULL;
}

void websocket_tls_free(struct websocket_tls *tls)
{
    (void)tls;
}
