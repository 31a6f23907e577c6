// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The server's half: judges an upgrade request that http_server has parsed, answers it, and goes on with the
// connection.
#include "lib/io/websocket_internal.h"

#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "lib/base/http_text.h"
#include "lib/io/http_server_event.h"
#include "lib/io/websocket_upgrade.h"

// Why it is no opening handshake, or NULL.
static const char *wrong_with(const struct http_exchange *x, int *status)
{
    const char *upgrade = http_exchange_header(x, "Upgrade"),
               *version = http_exchange_header(x, "Sec-WebSocket-Version");
    *status = 400;
    if (http_exchange_method(x) != HTTP_GET || !http_exchange_wants_upgrade(x) ||
        !str_equal_nocase(upgrade, "websocket")) {
        *status = 426;
        return "this path speaks WebSocket: send GET with Upgrade: websocket";
    }
    if (!str_equal(version, "13")) {
        *status = 426;
        return "Sec-WebSocket-Version must be 13";
    }
    if (!websocket_key_valid(http_exchange_header(x, "Sec-WebSocket-Key")))
        return "Sec-WebSocket-Key must be 16 bytes in base64";
    return NULL;
}

static void refuse(struct http_exchange *x, int status, const char *why)
{
    static const struct http_reply_header headers[] = {{"Sec-WebSocket-Version", "13"}, {"Upgrade", "websocket"}};
    struct text body;
    text_init(&body, 256);
    text_addf(&body, "{\"code\":%d,\"message\":\"%s\"}", status, why);
    http_reply(x, status, "application/json", text_str(&body), body.len, headers, status == 426 ? 2 : 0);
    text_free(&body);
}

// The descriptor of a connection, with what was read from it already.
static int take_descriptor(struct bufferevent *bev, struct text *read)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t len = evbuffer_get_length(in);
    int fd = bufferevent_getfd(bev);
    if (len > 0)
        text_addn(read, (const char *)evbuffer_pullup(in, -1), len);
    CHECK(bufferevent_setfd(bev, -1) == 0); // it would close it
    bufferevent_free(bev);
    return fd;
}

struct websocket *websocket_accept(struct loop *loop, struct http_exchange *x, const struct websocket_limits *limits,
                                   const struct websocket_events *events)
{
    char accept[WEBSOCKET_ACCEPT_MAX];
    int status;
    const char *wrong = wrong_with(x, &status);
    if (wrong != NULL) {
        refuse(x, status, wrong);
        return NULL;
    }
    websocket_accept_of(http_exchange_header(x, "Sec-WebSocket-Key"), accept);
    struct websocket *w = ws_new(loop, limits, events, WS_OPEN);
    str_copy_cut(w->id, sizeof w->id, http_exchange_peer(x));
    struct bufferevent *bev = http_exchange_take(x);
    if (bev == NULL) {
        ws_end(w, WEBSOCKET_LOST, "the peer left before the answer");
        return w;
    }
    w->wire.fd = take_descriptor(bev, &w->in);
    text_addf(&w->out,
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: %s\r\n\r\n",
              accept);
    ws_enter(w);
    ws_start_frames(w, true);
    ws_attach(w);
    (void)ws_flush_out(w);
    if (w->in.len > 0 && w->state == WS_OPEN)
        ws_resume_later(w);
    ws_leave(w);
    return w;
}
