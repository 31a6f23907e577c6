// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// HTTP client on libcurl's multi interface (libcurl's door). One client = one locked-down configuration; no redirects,
// no proxies, no netrc, HTTP/1.1, https only unless allow_loopback_http. A request is transmitted at most once:
// libcurl's silent second transmission is aborted before its first byte.
#ifndef PAPERGUARD_IO_HTTP_CLIENT_H
#define PAPERGUARD_IO_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base/err.h"
#include "lib/base/tls_state.h"
#include "lib/io/loop.h"

struct http_client;
struct http_call; // one request under way; owned by the client, dead after its completion

// OK: an HTTP answer arrived whole (any status). REFUSED: vetoed or impossible before a byte was sent. TIMEOUT / LOST:
// the request may have been received (see maybe_sent). CANCELLED: by http_client_cancel; no callback follows a cancel.
enum http_result { HTTP_RESULT_OK, HTTP_RESULT_REFUSED, HTTP_RESULT_TIMEOUT, HTTP_RESULT_CANCELLED, HTTP_RESULT_LOST };
const char *http_result_name(enum http_result r);

struct http_client_params {
    struct loop *loop;
    bool allow_loopback_http; // plain http to 127.0.0.0/8 and ::1 only
    const char *unix_socket;  // NULL, or connect here instead (copied)
    size_t answer_max;        // bytes of body; a longer answer is LOST with detail
    unsigned max_connections; // to one host
    const char *ca_file;      // trusted authorities; NULL: the system's (copied)
    const char *user_agent;   // copied
    // Last word on a peer before connect; NULL allows all. Called with the resolved address.
    bool (*allow_peer)(void *arg, const char *host, const struct sockaddr *peer);
    void *allow_peer_arg;
};

struct http_wire {                               // what is about to go on the wire, as the transport sees it
    const char *method, *scheme, *host, *target; // target with query
    int port;
    const char *body;
    size_t body_len;
    const char *peer; // numeric address of the connected peer
    struct tls_state tls;
    unsigned attempt; // 1, 2, ... within this call; 2 is always aborted by the client itself
};

struct http_answer {
    enum http_result result;
    bool maybe_sent;  // a byte may have reached the peer
    int status;       // when OK
    const char *body; // NUL-terminated; borrowed for the callback
    size_t body_len;
    const char *content_type;                       // "" when none
    const char *request_id;                         // X-Request-ID, "" when none
    int64_t rate_limit, rate_remaining, rate_reset; // X-RateLimit-*, -1 when absent
    int64_t retry_after_s;                          // -1 when absent
    const char *peer;                               // numeric address, "" when none
    const char *detail;                             // why it is not OK; never holds a secret
    int64_t duration_ns;
};

struct http_request {
    const char *method, *scheme, *host, *target; // all copied
    int port;
    const char *body; // NULL for none; copied
    size_t body_len;
    const char *const *headers; // "Name: value"; CR or LF in one refuses the request; copied, wiped after use
    size_t header_count;
    int64_t timeout_ms;
    // Called right before the first byte is sent, on each attempt; false aborts with REFUSED. May be NULL.
    bool (*before_send)(void *arg, const struct http_wire *wire);
    void (*done)(void *arg, const struct http_answer *answer); // exactly once, never from within http_client_send
    void *arg;
};

// Global set-up of the transport: unsets proxies, netrc and SSLKEYLOGFILE, loads the CA bundle. Once, before any
// client.
int http_client_global_init(struct err *err) MUST_CHECK;
struct http_client *http_client_new(const struct http_client_params *params);
void http_client_free(struct http_client *c); // cancels what is under way
struct http_call *http_client_send(struct http_client *c, const struct http_request *request);
void http_client_cancel(struct http_call *call); // no callback follows
size_t http_client_in_flight(const struct http_client *c);
const char *http_client_names_trouble(const struct http_client *c, int64_t *unanswered_since_ns); // resolver_trouble

#endif
