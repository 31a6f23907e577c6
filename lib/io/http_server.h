// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// HTTP server on bufferevents over lib/base/http_parse (libevent's door). Several listeners, each with roles, a service
// name and a Host list; total deadline per request, caps on connections and sizes, pipelining in order, keep-alive,
// Unix sockets, inherited descriptors. Answers may be given later; a client that leaves is noticed (also one that only
// closes its sending half while it waits). Refused before the handler: what the parser refuses, a Host that is not
// listed (421; Unix sockets take any), and writes or upgrades from a web page (Origin, Sec-Fetch-Site: 403). Each
// refusal closes the connection.
#ifndef PAPERGUARD_IO_HTTP_SERVER_H
#define PAPERGUARD_IO_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/base/http_parse.h"
#include "lib/io/loop.h"

#define HTTP_ROLE_HEALTH 1u
#define HTTP_ROLE_API 2u
#define HTTP_ROLE_GATEWAY 4u
#define HTTP_ROLE_ADMIN 8u // Unix socket only

struct http_server;
struct http_exchange; // one request and its pending answer; valid until replied or gone() was called

struct http_listen {
    const char *address; // "127.0.0.1:8001", "[::1]:8001", "unix:/run/paperguard/admin.sock"; port 0 = any free
    int fd;              // >= 0: an inherited listening socket instead of address (becomes the server's); else -1
    unsigned roles;
    const char *service; // shown in /health, NULL = "paperguard"
    // Further allowed Host values (a name without port: also with this listener's); the address, localhost and the
    // loopback addresses with the port always are.
    const char *const *hosts;
    size_t host_count;
    // Addresses and networks that may connect (lib/base/netmask); none: all. Others are closed at accept.
    const char *const *allow;
    size_t allow_count;
    unsigned unix_mode; // file mode of a Unix socket, e.g. 0660
};

struct http_server_params {
    struct loop *loop;
    unsigned max_connections;    // further ones are closed at accept
    int64_t request_deadline_ms; // from first byte of a request to its last
    int64_t idle_ms;             // keep-alive
    int64_t reply_deadline_ms;   // writing an answer to a slow reader
    size_t body_max;
    // Called once per request. Must answer with http_reply now or later.
    void (*handle)(void *arg, struct http_exchange *x);
    // The client left before the answer, or the server is freed; x is dead after it returns. NULL: x lives on until its
    // http_reply (or http_server_free), which then goes nowhere.
    void (*gone)(void *arg, struct http_exchange *x);
    // Each answer of the handler's, while x still lives; took_ns since it was handed over. May be NULL.
    void (*answered)(void *arg, const struct http_exchange *x, int status, int64_t took_ns);
    void *arg;
};

struct http_server *http_server_new(const struct http_server_params *params);
int http_server_listen(struct http_server *s, const struct http_listen *listen, struct err *err) MUST_CHECK;
// "127.0.0.1:43121" actually bound, for listener i in order of listening; NULL past the end.
const char *http_server_address(const struct http_server *s, size_t i);
// Stops accepting, closes idle connections; answers carry Connection: close from now on.
void http_server_drain(struct http_server *s);
size_t http_server_in_flight(const struct http_server *s); // requests begun and not yet wholly answered
void http_server_free(struct http_server *s);              // cuts what is left; never from within handle, gone or sent
// Counters for metrics.
uint64_t http_server_requests(const struct http_server *s, int status_class); // 2..5
uint64_t http_server_rejected(const struct http_server *s);                   // by the parser or the Host rule

enum http_method http_exchange_method(const struct http_exchange *x);
const char *http_exchange_target(const struct http_exchange *x);
const char *http_exchange_path(const struct http_exchange *x);
const char *http_exchange_query(const struct http_exchange *x);
const char *http_exchange_header(const struct http_exchange *x, const char *name); // NULL when absent
const char *http_exchange_body(const struct http_exchange *x, size_t *len);
bool http_exchange_wants_upgrade(const struct http_exchange *x); // Connection: upgrade plus Upgrade:
unsigned http_exchange_roles(const struct http_exchange *x);
const char *http_exchange_service(const struct http_exchange *x);
const char *http_exchange_peer(const struct http_exchange *x);                                  // "127.0.0.1" or "unix"
bool http_exchange_peer_ids(const struct http_exchange *x, pid_t *pid, uid_t *uid, gid_t *gid); // Unix sockets
// What X-Request-Id said, if that is 1 to 64 letters, digits and -_.: , else one that is made here.
#define HTTP_REQUEST_ID_MAX 65
const char *http_exchange_request_id(const struct http_exchange *x);
// The path as metrics shall name it: a constant, "" until set.
void http_exchange_set_label(struct http_exchange *x, const char *label);
const char *http_exchange_label(const struct http_exchange *x);
void http_exchange_set_context(struct http_exchange *x, void *context);
void *http_exchange_context(const struct http_exchange *x);

// fn is told once what became of the answer: true when its last byte was handed to the system, false when the
// connection broke before. Not called when gone was. May run within http_reply; must not touch the server's
// connections.
void http_exchange_on_sent(struct http_exchange *x, void (*fn)(void *arg, bool sent), void *arg);

struct http_reply_header {
    const char *name, *value;
};
// Sends the answer (status 200..599) and ends the exchange: x is dead when it returns. Body is copied. HEAD sends the
// head only, 204 neither body nor length. content_type NULL: no body type. A header with a CR, LF or NUL in it is left
// out.
void http_reply(struct http_exchange *x, int status, const char *content_type, const char *body, size_t len,
                const struct http_reply_header *headers, size_t header_count);
// Closes the connection without an answer (fault injection of the simulator).
void http_reply_drop(struct http_exchange *x);
const char *http_status_text(int status);

#endif
