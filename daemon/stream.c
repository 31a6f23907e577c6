// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One conversation: idle -> waiting -> opening -> listening -> connected, and back to waiting with every end. Waits
// double from a quarter of a second to a minute and are drawn between half and all of that, so that many daemons do not
// come back at once; a connection that has lasted makes them short again.
#include "daemon/stream.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/base/fsm.h"
#include "lib/base/json_read.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"

#define WAIT_FIRST_MS 250
#define WAIT_MAX_MS 60000
#define BROKER_AWAY_MS 1000 // how often a broker that does not answer requests is looked at again
#define LISTEN_MS 10000     // for the answer to our listen
#define LASTED_NS (30 * NS_PER_S)

#define STREAM_STATES(X)                                                                                               \
    X(STREAM_IDLE, "idle")                                                                                             \
    X(STREAM_WAITING, "waiting")                                                                                       \
    X(STREAM_OPENING, "opening")                                                                                       \
    X(STREAM_LISTENING, "listening")                                                                                   \
    X(STREAM_CONNECTED, "connected")
enum stream_state { STREAM_STATES(FSM_ENUM) };
static const char *const stream_names[] = {STREAM_STATES(FSM_NAME)};
static const uint32_t stream_moves[] = {
    [STREAM_IDLE] = FSM_BIT(STREAM_WAITING),
    [STREAM_WAITING] = FSM_BIT(STREAM_OPENING),
    [STREAM_OPENING] = FSM_BIT(STREAM_LISTENING) | FSM_BIT(STREAM_WAITING),
    [STREAM_LISTENING] = FSM_BIT(STREAM_CONNECTED) | FSM_BIT(STREAM_WAITING),
    [STREAM_CONNECTED] = FSM_BIT(STREAM_WAITING),
};

struct stream {
    struct stream_params p;
    enum stream_state state;
    struct broker_stream *link; // while opening or more
    struct stream_status status;
    loop_timer timer; // of the wait, or of the answer to our listen
    int64_t wait_ms, connected_boot_ns;
    bool told; // the present trouble was logged
};

static void set_state(struct stream *s, enum stream_state to)
{
    fsm_move("order stream", "", stream_moves, stream_names, s->state, to);
    s->state = to;
}

static void attempt(void *arg);

static void wait_then_attempt(struct stream *s, int64_t ms)
{
    loop_cancel(s->p.loop, &s->timer);
    s->timer = loop_after_ms(s->p.loop, ms, attempt, s);
}

static int64_t jittered(int64_t ms)
{
    uint32_t draw;
    random_bytes(&draw, sizeof draw);
    return ms / 2 + (int64_t)(draw % (uint32_t)(ms / 2 + 1));
}

// The link is gone or given up: told once, then tried again after a while.
static void link_down(struct stream *s, const char *detail)
{
    bool was = s->status.connected;
    s->link = NULL;
    s->status.connected = false;
    str_copy_cut(s->status.detail, sizeof s->status.detail, detail);
    set_state(s, STREAM_WAITING);
    if (was && clock_boot_ns() - s->connected_boot_ns >= LASTED_NS)
        s->wait_ms = WAIT_FIRST_MS;
    if (was || !s->told)
        log_notice("order stream: not connected (%s); orders are read by polling, and the stream is tried again",
                   detail);
    s->told = true;
    wait_then_attempt(s, jittered(s->wait_ms));
    s->wait_ms = s->wait_ms * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : s->wait_ms * 2;
    metrics_set(s->p.metrics, METRIC_STREAM_CONNECTED, "", 0);
    if (was)
        s->p.on_state(s->p.arg, false);
}

static void give_up(struct stream *s, const char *detail)
{
    broker_stream_cancel(s->link);
    link_down(s, detail);
}

// --- what the broker says

static void connected(struct stream *s)
{
    loop_cancel(s->p.loop, &s->timer);
    set_state(s, STREAM_CONNECTED);
    if (s->status.since_wall_ns != 0) {
        s->status.reconnects++;
        metrics_add(s->p.metrics, METRIC_STREAM_RECONNECTS, "", 1);
    }
    s->status.connected = true;
    s->status.since_wall_ns = clock_wall_ns();
    s->status.detail[0] = '\0';
    s->connected_boot_ns = clock_boot_ns();
    s->told = false;
    metrics_set(s->p.metrics, METRIC_STREAM_CONNECTED, "", 1);
    log_info("order stream: connected%s", s->status.reconnects > 0 ? " again; what happened meanwhile is read" : "");
    s->p.on_state(s->p.arg, true);
}

static bool holds(const struct json_node *list, const char *word)
{
    for (size_t i = 0; i < json_size(list); i++)
        if (str_equal(json_string(json_at(list, i)), word))
            return true;
    return false;
}

// Alpaca's words, for the metric; any other is "other", for a label must not be the peer's to choose.
static const char *event_label(const char *event)
{
    static const char *const known[] = {"new",
                                        "fill",
                                        "partial_fill",
                                        "canceled",
                                        "expired",
                                        "done_for_day",
                                        "replaced",
                                        "rejected",
                                        "pending_new",
                                        "accepted",
                                        "stopped",
                                        "pending_cancel",
                                        "pending_replace",
                                        "calculated",
                                        "suspended",
                                        "held",
                                        "restated",
                                        "order_replace_rejected",
                                        "order_cancel_rejected",
                                        "trade_bust",
                                        "trade_correct"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_equal(event, known[i]))
            return known[i];
    return "other";
}

// These tell of nothing to fetch when the order is ours: it is out, as the desk knows.
static bool changes_nothing(const char *event)
{
    return str_equal(event, "new") || str_equal(event, "pending_new") || str_equal(event, "accepted") ||
           str_equal(event, "pending_cancel") || str_equal(event, "pending_replace");
}

static void take_update(struct stream *s, const struct json_node *data)
{
    const char *event = event_label(json_string(json_get(data, "event")));
    const char *id = json_string(json_get(json_get(data, "order"), "client_order_id"));
    s->status.events++;
    s->status.event_wall_ns = clock_wall_ns();
    metrics_add(s->p.metrics, METRIC_STREAM_EVENTS, event, 1);
    log_with(LOG_LEVEL_DEBUG, ((struct log_field[]){{"CLIENT_ORDER_ID", id}}), "order stream: %s", event);
    bool ours = !s->p.known || !id || s->p.known(s->p.arg, id);
    if (!ours || !changes_nothing(event))
        s->p.on_event(s->p.arg);
}

static void on_message(void *arg, const char *text, size_t len)
{
    struct stream *s = arg;
    struct json_doc *doc = NULL;
    struct err err;
    if (json_doc_parse(text, len, &doc, &err) != 0) { // something happened, whatever it was
        metrics_add(s->p.metrics, METRIC_STREAM_EVENTS, "unreadable", 1);
        log_info("order stream: a message that is not JSON (%s)", err.text);
        s->p.on_event(s->p.arg);
        return;
    }
    const struct json_node *root = json_doc_root(doc), *data = json_get(root, "data");
    const char *stream = json_string(json_get(root, "stream"));
    bool refused =
        str_equal(stream, "authorization") && !str_equal(json_string(json_get(data, "status")), "authorized");
    if (str_equal(stream, "trade_updates"))
        take_update(s, data);
    else if (str_equal(stream, "listening") && holds(json_get(data, "streams"), "trade_updates")) {
        if (s->state == STREAM_LISTENING)
            connected(s);
    } else if (refused || str_equal(stream, "listening"))
        give_up(s, "the broker does not let us listen to trade_updates");
    json_doc_free(doc);
}

static void listen_late(void *arg)
{
    struct stream *s = arg;
    s->timer = 0;
    give_up(s, "the broker did not answer our listen");
}

static void on_authorized(void *arg)
{
    static const char listen[] = "{\"action\":\"listen\",\"data\":{\"streams\":[\"trade_updates\"]}}";
    struct stream *s = arg;
    set_state(s, STREAM_LISTENING);
    bool sent = broker_stream_send(s->link, listen, sizeof listen - 1) == 0;
    loop_cancel(s->p.loop, &s->timer);
    s->timer = loop_after_ms(s->p.loop, sent ? LISTEN_MS : 0, listen_late, s);
}

static void on_ended(void *arg, const struct broker_stream_ending *e)
{
    struct stream *s = arg;
    link_down(s, e->detail[0] ? e->detail : broker_result_name(e->result));
}

// --- trying

static void attempt(void *arg)
{
    struct stream *s = arg;
    s->timer = 0;
    if (!broker_connected(s->p.broker)) { // it would only be denied
        wait_then_attempt(s, BROKER_AWAY_MS);
        return;
    }
    set_state(s, STREAM_OPENING);
    s->link = broker_stream_open(s->p.broker,
                                 &(struct broker_stream_events){
                                     .authorized = on_authorized, .message = on_message, .ended = on_ended, .arg = s});
}

void stream_start(struct stream *s)
{
    if (s->state != STREAM_IDLE)
        return;
    s->status.wanted = true;
    set_state(s, STREAM_WAITING);
    wait_then_attempt(s, 0);
}

void stream_renew(struct stream *s)
{
    if (s->link)
        give_up(s, "the key was rotated");
}

const struct stream_status *stream_status(const struct stream *s)
{
    return &s->status;
}

struct stream *stream_new(const struct stream_params *params)
{
    struct stream *s = check_alloc(1, sizeof *s);
    s->p = *params;
    s->wait_ms = WAIT_FIRST_MS;
    str_copy_cut(s->status.detail, sizeof s->status.detail, "not tried yet");
    metrics_set(params->metrics, METRIC_STREAM_CONNECTED, "", 0);
    return s;
}

void stream_free(struct stream *s)
{
    if (s == NULL)
        return;
    broker_stream_cancel(s->link);
    loop_cancel(s->p.loop, &s->timer);
    free(s);
}
