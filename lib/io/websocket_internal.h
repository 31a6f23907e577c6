// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the files of the WebSocket share: the conversation (websocket.c), its bytes below (websocket_wire.c), and how a
// client comes to be open (websocket_client.c).
#ifndef PAPERGUARD_IO_WEBSOCKET_INTERNAL_H
#define PAPERGUARD_IO_WEBSOCKET_INTERNAL_H

#include <sys/types.h>
#include <wslay/wslay.h>

#include "lib/base/fsm.h"
#include "lib/base/text.h"
#include "lib/io/websocket.h"

#define WS_DETAIL_MAX 320
#define WS_OUT_MAX 16384 // bytes of our part of the handshake
#define WS_IN_MAX 131072 // bytes that may come together with the end of the handshake

struct ssl_st;

// A connected descriptor, with or without TLS. Non-blocking.
struct ws_wire {
    int fd;                                  // -1: none
    struct ssl_st *ssl;                      // NULL: plain
    bool read_needs_write, write_needs_read; // TLS wants the other direction first
};
#define WS_WIRE_AGAIN (-1)
#define WS_WIRE_FAILED (-2)
// Bytes moved, 0 at the peer's orderly end (read only), AGAIN, or FAILED with err.
ssize_t ws_wire_read(struct ws_wire *wire, void *bytes, size_t len, struct err *err);
ssize_t ws_wire_write(struct ws_wire *wire, const void *bytes, size_t len, struct err *err);
// Client's TLS on a connected descriptor; host is a name or an address in digits, and the certificate must be for it.
int ws_wire_secure(struct ws_wire *wire, struct websocket_tls *tls, const char *host, struct err *err) MUST_CHECK;
// 1 when TLS stands and the peer is proven, 0 not yet, -1 with err.
int ws_wire_handshake(struct ws_wire *wire, struct err *err) MUST_CHECK;
void ws_wire_close(struct ws_wire *wire);
struct tls_state ws_wire_look(const struct ws_wire *wire, const char *host); // what it really is

#define WS_STATES(X)                                                                                                   \
    X(WS_RESOLVING, "resolving")                                                                                       \
    X(WS_CONNECTING, "connecting")                                                                                     \
    X(WS_SECURING, "securing")                                                                                         \
    X(WS_UPGRADING, "upgrading")                                                                                       \
    X(WS_OPEN, "open")                                                                                                 \
    X(WS_CLOSING, "closing")                                                                                           \
    X(WS_ENDED, "ended")
enum ws_state { WS_STATES(FSM_ENUM) };

struct ws_dial; // websocket_client.c

struct websocket {
    struct loop *loop;
    struct websocket_limits limits;
    struct websocket_events events;
    enum ws_state state;
    char id[24];
    struct ws_wire wire;
    struct loop_watch *watch;
    struct text out, in; // bytes of the handshake to be sent; bytes read before (or with) the handshake's end
    size_t out_at, in_at;
    wslay_event_context_ptr frames; // once open
    struct ws_dial *dial;           // of a client until it is open
    loop_timer deadline, ping, deliver, resume;
    uint64_t pings;
    size_t budget; // bytes that may still be read in this turn
    bool awaiting_pong, was_open, cancelled, frozen;
    unsigned depth; // how deep we are in our own event or the owner's code
    enum websocket_result result;
    bool vetoed;
    int status, code;
    bool close_waits; // our closing frame is still to be queued
    uint16_t close_code;
    char reason[124];
    char detail[WS_DETAIL_MAX];
};

struct websocket *ws_new(struct loop *loop, const struct websocket_limits *limits,
                         const struct websocket_events *events, enum ws_state state);
void ws_set_state(struct websocket *w, enum ws_state to);
// Between enter and leave nothing is freed; leave frees what was cancelled meanwhile, else sets what is watched.
void ws_enter(struct websocket *w);
void ws_leave(struct websocket *w);
// The one end. The owner is told from the loop.
void ws_end(struct websocket *w, enum websocket_result result, const char *format, ...) PRINTF_LIKE(3, 4);
void ws_start_frames(struct websocket *w, bool server); // state becomes OPEN
void ws_resume_later(struct websocket *w);              // there is more to read than the descriptor tells
void ws_attach(struct websocket *w);                    // watches wire.fd
void ws_detach(struct websocket *w);                    // and closes it
// Sends what is left of out; false: it ended.
bool ws_flush_out(struct websocket *w);

void ws_dial_step(struct websocket *w); // CONNECTING, SECURING, UPGRADING: something may have moved
void ws_dial_free(struct ws_dial *d);   // NULL is fine

#endif
