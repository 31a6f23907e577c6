// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One conversation over a WebSocket, once it is open, and the ends of all of them. wslay frames, masks, joins
// fragments, checks UTF-8 and answers pings; it is entered from loop events only, and it never sees the descriptor. A
// peer that is silent is found by our own pings, for a connection may be dead for minutes before the system says so.
#include "lib/io/websocket_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"

#define TURN_BYTES 65536  // read in one turn of the loop; then the others have theirs
#define CONTROLS_MAX 1000 // queued messages, however small

static const char *const ws_names[] = {WS_STATES(FSM_NAME)};

static const uint32_t ws_moves[] = {
    [WS_RESOLVING] = FSM_BIT(WS_CONNECTING) | FSM_BIT(WS_ENDED),
    [WS_CONNECTING] = FSM_BIT(WS_SECURING) | FSM_BIT(WS_UPGRADING) | FSM_BIT(WS_ENDED),
    [WS_SECURING] = FSM_BIT(WS_UPGRADING) | FSM_BIT(WS_ENDED),
    [WS_UPGRADING] = FSM_BIT(WS_OPEN) | FSM_BIT(WS_ENDED),
    [WS_OPEN] = FSM_BIT(WS_CLOSING) | FSM_BIT(WS_ENDED),
    [WS_CLOSING] = FSM_BIT(WS_ENDED),
    [WS_ENDED] = 0,
};

const char *websocket_result_name(enum websocket_result r)
{
    static const char *const names[] = {"refused", "timeout", "closed", "lost"};
    CHECK((size_t)r < ARRAY_LEN(names));
    return names[r];
}

// ---- life ----

void ws_set_state(struct websocket *w, enum ws_state to)
{
    fsm_move("websocket", w->id, ws_moves, ws_names, w->state, to);
    w->state = to;
}

struct websocket *ws_new(struct loop *loop, const struct websocket_limits *limits,
                         const struct websocket_events *events, enum ws_state state)
{
    CHECK(limits->message_max > 0 && limits->unsent_max > 0 && limits->close_ms > 0);
    CHECK(limits->ping_ms == 0 || limits->pong_ms > 0);
    struct websocket *w = check_alloc(1, sizeof *w);
    w->loop = loop;
    w->limits = *limits;
    w->events = *events;
    w->state = state;
    w->wire.fd = -1;
    text_init(&w->out, WS_OUT_MAX);
    text_init(&w->in, WS_IN_MAX);
    return w;
}

static void ws_free(struct websocket *w)
{
    CHECK(w->state == WS_ENDED && w->watch == NULL);
    if (w->frames != NULL)
        wslay_event_context_free(w->frames);
    ws_dial_free(w->dial);
    text_wipe_free(&w->out);
    text_wipe_free(&w->in);
    free(w);
}

void ws_detach(struct websocket *w)
{
    loop_watch_free(w->watch);
    w->watch = NULL;
    ws_wire_close(&w->wire);
}

static void ws_stop(struct websocket *w)
{
    ws_set_state(w, WS_ENDED);
    loop_cancel(w->loop, &w->deadline);
    loop_cancel(w->loop, &w->ping);
    loop_cancel(w->loop, &w->resume);
    ws_detach(w);
    if (w->dial != NULL)
        ws_dial_free(w->dial);
    w->dial = NULL;
}

static void ws_deliver(void *arg)
{
    struct websocket *w = arg;
    struct websocket_ending ending = {.result = w->result,
                                      .was_open = w->was_open,
                                      .vetoed = w->vetoed,
                                      .status = w->status,
                                      .code = w->code,
                                      .detail = w->detail};
    w->deliver = 0;
    w->depth++; // a cancel in there frees nothing
    w->events.ended(w->events.arg, &ending);
    ws_free(w);
}

void ws_end(struct websocket *w, enum websocket_result result, const char *format, ...)
{
    va_list args;
    if (w->state == WS_ENDED)
        return;
    va_start(args, format);
    (void)vsnprintf(w->detail, sizeof w->detail, format, args);
    va_end(args);
    w->result = result;
    ws_stop(w);
    w->deliver = loop_post(w->loop, ws_deliver, w);
}

void websocket_cancel(struct websocket *w)
{
    if (w == NULL || w->cancelled)
        return;
    w->cancelled = true;
    if (w->state != WS_ENDED)
        ws_stop(w);
    loop_cancel(w->loop, &w->deliver);
    if (w->depth == 0)
        ws_free(w);
}

// ---- what is watched ----

static bool wants_write(const struct websocket *w)
{
    if (w->wire.write_needs_read)
        return false;
    return w->state == WS_CONNECTING || w->close_waits || w->wire.read_needs_write || w->out_at < w->out.len ||
           (w->frames != NULL && wslay_event_want_write(w->frames) != 0);
}

void ws_enter(struct websocket *w)
{
    w->depth++;
}

void ws_leave(struct websocket *w)
{
    CHECK(w->depth > 0);
    if (--w->depth > 0)
        return;
    if (w->cancelled)
        ws_free(w);
    else if (w->watch != NULL)
        loop_watch_set(w->watch, w->frozen ? 0 : LOOP_READ | (wants_write(w) ? LOOP_WRITE : 0));
}

bool ws_flush_out(struct websocket *w)
{
    struct err err;
    while (w->out_at < w->out.len) {
        ssize_t n = ws_wire_write(&w->wire, w->out.data + w->out_at, w->out.len - w->out_at, &err);
        if (n == WS_WIRE_AGAIN)
            return true;
        if (n < 0) {
            ws_end(w, WEBSOCKET_LOST, "%s", err.text);
            return false;
        }
        w->out_at += (size_t)n;
    }
    return true;
}

// ---- frames ----

// wslay: bytes from the peer, first those that came with the handshake.
static ssize_t on_recv(wslay_event_context_ptr frames, uint8_t *bytes, size_t len, int flags, void *arg)
{
    struct websocket *w = arg;
    struct err err;
    ssize_t n = WS_WIRE_AGAIN;
    (void)flags;
    if (w->state == WS_ENDED) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    len = len < w->budget ? len : w->budget;
    if (w->in_at < w->in.len && len > 0) {
        n = (ssize_t)(len < w->in.len - w->in_at ? len : w->in.len - w->in_at);
        memcpy(bytes, w->in.data + w->in_at, (size_t)n);
        w->in_at += (size_t)n;
    } else if (len > 0) {
        n = ws_wire_read(&w->wire, bytes, len, &err);
    }
    if (n > 0) {
        w->budget -= (size_t)n;
        return n;
    }
    if (n == 0)
        ws_end(w, WEBSOCKET_LOST, "the peer closed the connection without a closing frame");
    else if (n == WS_WIRE_FAILED)
        ws_end(w, WEBSOCKET_LOST, "%s", err.text);
    wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK); // what ended was told already
    return -1;
}

static ssize_t on_send(wslay_event_context_ptr frames, const uint8_t *bytes, size_t len, int flags, void *arg)
{
    struct websocket *w = arg;
    struct err err;
    ssize_t n = WS_WIRE_AGAIN;
    (void)flags;
    if (w->state != WS_ENDED && w->out_at == w->out.len)
        n = ws_wire_write(&w->wire, bytes, len, &err);
    if (n >= 0)
        return n;
    if (n == WS_WIRE_FAILED)
        ws_end(w, WEBSOCKET_LOST, "%s", err.text);
    wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
    return -1;
}

static int on_mask(wslay_event_context_ptr frames, uint8_t *bytes, size_t len, void *arg)
{
    (void)frames;
    (void)arg;
    random_bytes(bytes, len);
    return 0;
}

static void ping_later(struct websocket *w);

static void take_pong(struct websocket *w, const struct wslay_event_on_msg_recv_arg *m)
{
    if (!w->awaiting_pong || m->msg_length != sizeof w->pings || memcmp(m->msg, &w->pings, sizeof w->pings) != 0)
        return; // unasked or late: allowed, and proves nothing
    w->awaiting_pong = false;
    ping_later(w);
}

static void on_message(wslay_event_context_ptr frames, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
    struct websocket *w = arg;
    (void)frames;
    if (w->state == WS_ENDED)
        return;
    if (m->opcode == WSLAY_PONG)
        take_pong(w, m);
    else if (m->opcode == WSLAY_CONNECTION_CLOSE)
        w->code = m->status_code != 0 ? m->status_code : WSLAY_CODE_NO_STATUS_RCVD;
    else if (wslay_is_ctrl_frame(m->opcode) || w->state != WS_OPEN)
        return;
    else {
        char *copy = check_alloc(m->msg_length + 1, 1); // the library's has no NUL at its end
        if (m->msg_length > 0)
            memcpy(copy, m->msg, m->msg_length);
        w->events.message(w->events.arg, m->opcode == WSLAY_TEXT_FRAME, copy, m->msg_length);
        free(copy);
    }
}

static void send_frames(struct websocket *w)
{
    if (!ws_flush_out(w) || w->out_at < w->out.len || w->wire.write_needs_read)
        return;
    int rc = wslay_event_send(w->frames);
    if (rc != 0 && w->state != WS_ENDED)
        ws_end(w, WEBSOCKET_LOST, "framing failed while sending (%d)", rc);
}

// wslay has stopped to read and queued a closing frame that says why.
static void end_broken(struct websocket *w)
{
    send_frames(w);
    unsigned why = wslay_event_get_status_code_sent(w->frames);
    if (why == WSLAY_CODE_MESSAGE_TOO_BIG)
        ws_end(w, WEBSOCKET_LOST, "the peer's message is longer than %zu bytes", w->limits.message_max);
    else if (why == WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA)
        ws_end(w, WEBSOCKET_LOST, "the peer's text is not UTF-8");
    else
        ws_end(w, WEBSOCKET_LOST, "the peer broke the WebSocket protocol (%u)", why);
}

static void close_late(void *arg)
{
    struct websocket *w = arg;
    w->deadline = 0;
    ws_end(w, WEBSOCKET_LOST, "the peer did not finish the closing handshake within %lld ms",
           (long long)w->limits.close_ms);
}

static void start_closing(struct websocket *w)
{
    ws_set_state(w, WS_CLOSING);
    loop_cancel(w->loop, &w->ping);
    w->deadline = loop_after_ms(w->loop, w->limits.close_ms, close_late, w);
}

static void check_closed(struct websocket *w)
{
    bool received = wslay_event_get_close_received(w->frames) != 0;
    bool sent = wslay_event_get_close_sent(w->frames) != 0;
    if (w->state == WS_ENDED)
        return;
    if (received && sent)
        ws_end(w, WEBSOCKET_CLOSED, "closed with code %d", w->code);
    else if (!received && wslay_event_get_read_enabled(w->frames) == 0)
        end_broken(w);
    else if (received && w->state == WS_OPEN)
        start_closing(w);
}

// wslay sends control frames before all others, so ours waits until what was queued before has gone out.
static void send_close(struct websocket *w)
{
    if (!w->close_waits || w->state != WS_CLOSING || wslay_event_get_queued_msg_count(w->frames) > 0)
        return;
    w->close_waits = false;
    if (wslay_event_get_close_received(w->frames) != 0) // the answer to it went out
        return;
    if (wslay_event_queue_close(w->frames, w->close_code, (const uint8_t *)w->reason, strlen(w->reason)) == 0)
        send_frames(w);
    else
        ws_end(w, WEBSOCKET_LOST, "the closing frame cannot be queued");
}

static void resume(void *arg);

void ws_resume_later(struct websocket *w)
{
    if (w->resume == 0)
        w->resume = loop_post(w->loop, resume, w);
}

static void frames_turn(struct websocket *w)
{
    w->budget = TURN_BYTES;
    int rc = wslay_event_want_read(w->frames) != 0 ? wslay_event_recv(w->frames) : 0;
    if (rc != 0)
        ws_end(w, WEBSOCKET_LOST, "framing failed while reading (%d)", rc);
    if (w->state != WS_ENDED)
        send_frames(w);
    if (w->state != WS_ENDED)
        send_close(w);
    if (w->state != WS_ENDED)
        check_closed(w);
    if (w->state != WS_ENDED && (wslay_event_get_queued_msg_length(w->frames) > w->limits.unsent_max ||
                                 wslay_event_get_queued_msg_count(w->frames) > CONTROLS_MAX))
        ws_end(w, WEBSOCKET_LOST, "the peer does not read: more than %zu bytes wait for it", w->limits.unsent_max);
    // What TLS has decrypted already wakes nobody.
    if (w->state != WS_ENDED && w->budget == 0)
        ws_resume_later(w);
}

static void step(struct websocket *w)
{
    enum ws_state before;
    if (w->frozen)
        return;
    ws_enter(w);
    do {
        before = w->state;
        if (w->state >= WS_CONNECTING && w->state <= WS_UPGRADING)
            ws_dial_step(w);
        else if (w->state == WS_OPEN || w->state == WS_CLOSING)
            frames_turn(w);
    } while (w->state != before && w->state != WS_ENDED);
    ws_leave(w);
}

static void resume(void *arg)
{
    struct websocket *w = arg;
    w->resume = 0;
    step(w);
}

static void on_fd(void *arg, int fd, unsigned events)
{
    (void)fd;
    (void)events;
    step(arg);
}

void ws_attach(struct websocket *w)
{
    w->watch = loop_watch_new(w->loop, w->wire.fd, LOOP_READ | LOOP_WRITE, on_fd, w);
}

// ---- pings ----

static void pong_missing(void *arg)
{
    struct websocket *w = arg;
    w->ping = 0;
    ws_end(w, WEBSOCKET_LOST, "the peer is silent: no pong within %lld ms", (long long)w->limits.pong_ms);
}

static void ping_due(void *arg)
{
    struct websocket *w = arg;
    w->pings++;
    struct wslay_event_msg m = {.opcode = WSLAY_PING, .msg = (const uint8_t *)&w->pings, .msg_length = sizeof w->pings};
    w->ping = 0;
    if (w->state != WS_OPEN)
        return;
    ws_enter(w);
    if (wslay_event_queue_msg(w->frames, &m) == 0) {
        w->awaiting_pong = true;
        w->ping = loop_after_ms(w->loop, w->limits.pong_ms, pong_missing, w);
        send_frames(w);
    } else {
        ws_end(w, WEBSOCKET_LOST, "a ping cannot be queued");
    }
    ws_leave(w);
}

static void ping_later(struct websocket *w)
{
    loop_cancel(w->loop, &w->ping);
    if (w->limits.ping_ms > 0)
        w->ping = loop_after_ms(w->loop, w->limits.ping_ms, ping_due, w);
}

void ws_start_frames(struct websocket *w, bool server)
{
    struct wslay_event_callbacks callbacks = {.recv_callback = on_recv,
                                              .send_callback = on_send,
                                              .genmask_callback = on_mask,
                                              .on_msg_recv_callback = on_message};
    int rc = server ? wslay_event_context_server_init(&w->frames, &callbacks, w)
                    : wslay_event_context_client_init(&w->frames, &callbacks, w);
    CHECK(rc == 0);
    wslay_event_config_set_max_recv_msg_length(w->frames, w->limits.message_max);
    loop_cancel(w->loop, &w->deadline);
    w->was_open = true;
    ping_later(w);
}

// ---- the interface ----

bool websocket_is_open(const struct websocket *w)
{
    return w->state == WS_OPEN;
}

int websocket_send(struct websocket *w, bool is_text, const char *bytes, size_t len)
{
    struct wslay_event_msg m = {
        .opcode = is_text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, .msg = (const uint8_t *)bytes, .msg_length = len};
    if (w->state != WS_OPEN || wslay_event_get_queued_msg_length(w->frames) + len > w->limits.unsent_max ||
        wslay_event_queue_msg(w->frames, &m) != 0)
        return -1;
    ws_enter(w); // sent at the next turn: wslay is not entered from its own callback
    ws_leave(w);
    return 0;
}

void websocket_close(struct websocket *w, int code, const char *reason)
{
    CHECK(code >= 1000 && code < 5000 && str_copy(w->reason, sizeof w->reason, reason));
    if (w->state == WS_ENDED || w->state == WS_CLOSING)
        return;
    if (w->state != WS_OPEN) {
        ws_end(w, WEBSOCKET_CLOSED, "closed before it was open");
        return;
    }
    ws_enter(w);
    w->close_code = (uint16_t)code;
    w->close_waits = true;
    start_closing(w);
    ws_leave(w);
}

void websocket_freeze(struct websocket *w)
{
    ws_enter(w);
    w->frozen = true;
    loop_cancel(w->loop, &w->ping);
    ws_leave(w);
}
