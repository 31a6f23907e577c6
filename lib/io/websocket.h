// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// WebSockets (RFC 6455) on the loop: the door of wslay and libssl. A client (resolve, connect, TLS with the host's name
// verified, HTTP/1.1 upgrade checked strictly) and the server's half, which takes over a connection of http_server;
// both share framing, pings and the closing handshake. No extensions, no subprotocols, no redirects, no proxies.
//
// A conversation has exactly one end: `ended` is called once, from the loop, never from within a call of this header,
// and the websocket is dead after it. websocket_cancel ends it at once, and no callback follows.
#ifndef PAPERGUARD_IO_WEBSOCKET_H
#define PAPERGUARD_IO_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/tls_state.h"
#include "lib/io/http_server.h"
#include "lib/io/loop.h"
#include "lib/io/resolver.h"

struct sockaddr;
struct websocket;

// REFUSED: impossible or vetoed, or the peer did not agree to a WebSocket. TIMEOUT: it was not open in time.
// CLOSED: ended by the closing handshake, of either side. LOST: broken, silent, too large or against the protocol.
enum websocket_result { WEBSOCKET_REFUSED, WEBSOCKET_TIMEOUT, WEBSOCKET_CLOSED, WEBSOCKET_LOST };
const char *websocket_result_name(enum websocket_result r);

struct websocket_ending {
    enum websocket_result result;
    bool was_open;
    bool vetoed;        // REFUSED by before_send: nothing of the request was sent
    int status;         // of an HTTP answer that was not 101; 0 none
    int code;           // of the peer's closing frame; 0 none
    const char *detail; // why; borrowed for the callback, never a secret
};

struct websocket_events {
    void (*opened)(void *arg); // may be NULL; a server's half is open from the start
    void (*message)(void *arg, bool is_text, const char *bytes, size_t len); // NUL-terminated; borrowed
    void (*ended)(void *arg, const struct websocket_ending *ending);
    void *arg;
};

struct websocket_limits {
    int64_t open_ms;    // from websocket_open to the peer's 101
    int64_t ping_ms;    // how often we ping; 0: never
    int64_t pong_ms;    // a ping that is not answered for so long: LOST
    int64_t close_ms;   // the closing handshake
    size_t message_max; // bytes of one message, however many frames it comes in
    size_t unsent_max;  // bytes that may wait for a peer who does not read (pongs included)
};

// TLS of clients: trusted authorities, read once. ca_file NULL: the system's.
struct websocket_tls;
struct websocket_tls *websocket_tls_new(const char *ca_file, struct err *err);
void websocket_tls_free(struct websocket_tls *tls); // NULL is fine; open websockets keep what they need

struct websocket_wire { // what is about to be sent, as the transport sees it
    const char *method, *scheme, *host, *target;
    int port;
    const char *peer; // numeric address of the connected peer
    struct tls_state tls;
};

struct websocket_client {
    struct loop *loop;
    struct resolver *resolver; // outlives the websocket
    struct websocket_tls *tls; // for https
    const char *scheme;        // "https", or "http" to this machine only
    const char *host, *target; // copied
    const char *user_agent;    // copied; NULL: none
    int port;
    struct websocket_limits limits;
    struct websocket_events events;
    // Last word on an address before connect; NULL allows all.
    bool (*allow_peer)(void *arg, const char *host, const struct sockaddr *peer);
    // Called once, right before the first byte of the request is sent; false: REFUSED. May be NULL.
    bool (*before_send)(void *arg, const struct websocket_wire *wire);
    void *arg; // of these two
};

struct websocket *websocket_open(const struct websocket_client *params);
// The server's half: answers an upgrade request and takes its connection, or answers 400 or 426 and returns NULL. x is
// dead in either case.
struct websocket *websocket_accept(struct loop *loop, struct http_exchange *x, const struct websocket_limits *limits,
                                   const struct websocket_events *events);

// Queues a message; -1 when it is not open or too much waits already.
int websocket_send(struct websocket *w, bool is_text, const char *bytes, size_t len) MUST_CHECK;
// Begins the closing handshake (what is queued goes out first); `ended` follows within close_ms. Before it is open:
// ends it. reason: at most 123 bytes.
void websocket_close(struct websocket *w, int code, const char *reason);
void websocket_cancel(struct websocket *w); // NULL is fine; no callback follows, w is dead
bool websocket_is_open(const struct websocket *w);
// Neither reads nor writes from now on, but keeps the connection (fault injection of the simulator).
void websocket_freeze(struct websocket *w);

#endif
