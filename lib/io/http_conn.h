// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Between the two halves of the HTTP server: http_server (listeners, accept, counters) and http_conn (one connection).
#ifndef PAPERGUARD_IO_HTTP_CONN_H
#define PAPERGUARD_IO_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/base/fsm.h"
#include "lib/base/list.h"
#include "lib/base/netmask.h"
#include "lib/base/text.h"
#include "lib/io/http_listen.h"
#include "lib/io/http_server.h"

struct bufferevent;
struct evconnlistener;

struct http_listener {
    struct list node;
    struct http_server *server;
    struct http_socket socket;
    struct http_hosts hosts;
    struct netmask *allow; // owned; who may connect
    size_t allow_count;    // 0: all
    unsigned roles;
    char *service;
    struct evconnlistener *accept; // NULL once draining
    loop_timer again;              // accepting goes on after a shortage of descriptors
};

struct http_server {
    struct http_server_params params;
    struct list listeners;
    struct list conns; // open ones
    struct list dead;  // to be freed by the sweep
    loop_timer sweep;
    size_t conn_count;
    size_t busy;        // connections with a request that is begun and not wholly answered
    unsigned callbacks; // how deep we are in the owner's code
    bool draining;
    char salt[9]; // of the request ids made here
    uint64_t next_request;
    uint64_t next_id, strangers, rejected, answered[6]; // by status class
};

#define CONN_STATES(X)                                                                                                 \
    X(CONN_IDLE, "idle")                                                                                               \
    X(CONN_READING, "reading")                                                                                         \
    X(CONN_WAITING, "waiting")                                                                                         \
    X(CONN_WRITING, "writing")                                                                                         \
    X(CONN_LINGER, "lingering")                                                                                        \
    X(CONN_ORPHAN, "orphan")                                                                                           \
    X(CONN_CLOSED, "closed")
enum conn_state { CONN_STATES(FSM_ENUM) };
// Allocated per request, so that a stale pointer is a memory error and never another client's answer.
struct http_exchange {
    struct http_conn *conn;
    void *context;
    int64_t began_ns;  // monotonic, when it was handed over
    const char *label; // of its path, for metrics
    char request_id[HTTP_REQUEST_ID_MAX];
};

typedef void sent_fn(void *arg, bool sent);

struct http_conn {
    struct list node;
    struct http_server *server;
    struct http_listener *listener;
    struct bufferevent *bev; // NULL once taken over
    struct http_parser *parser;
    struct http_exchange *exchange; // while WAITING or ORPHAN
    struct text head;
    sent_fn *sent;
    void *sent_arg;
    enum conn_state state;
    loop_timer deadline, resume;
    int fd;
    bool advancing;    // conn_advance is on the stack and goes on by itself
    bool head_checked; // Host and origin of this request are fine
    bool continued;    // 100 Continue was sent
    bool close_after;  // the answer under way is the last one
    bool peer_eof;
    bool paused; // not read from: enough is buffered
    size_t lingered;
    bool has_ids;
    struct ucred ids;
    char id[24];
    char peer[INET6_ADDRSTRLEN];
};

// Takes the accepted descriptor.
void http_exchange_begin(struct http_exchange *x); // http_exchange.c
void http_conn_open(struct http_listener *l, int fd, const struct sockaddr *peer);
// Closes it if no request is begun on it.
void http_conn_drain(struct list *node);
// For http_server_free: tells the owner of a pending exchange, then frees at once.
void http_conn_free(struct list *node);
// Frees a connection of the dead list.
void http_conn_sweep(struct list *node);

#endif
