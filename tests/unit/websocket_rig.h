// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// WebSockets over real loopback sockets on one loop: our client against our server half, and against a raw peer whose
// bytes the test writes itself. Nothing waits by sleeping: the loop is turned until what is awaited has happened.
#ifndef PAPERGUARD_TEST_WEBSOCKET_RIG_H
#define PAPERGUARD_TEST_WEBSOCKET_RIG_H

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/base/when.h"
#include "lib/io/clock.h"
#include "lib/io/http_server.h"
#include "lib/io/websocket.h"
#include "lib/io/websocket_upgrade.h"

#define PATIENCE_MS 10000
#define LIMITS                                                                                                         \
    (struct websocket_limits)                                                                                          \
    {                                                                                                                  \
        .open_ms = 5000, .close_ms = 5000, .message_max = 4096, .unsent_max = 65536                                    \
    }

struct fixture;

struct side { // of our own code
    struct fixture *f;
    struct websocket *ws;
    int opened, ended, texts, binaries;
    struct text got; // all messages, each followed by |
    struct websocket_ending ending;
    char detail[400];
    bool echo, cancel_on_message, cancel_on_end;
};

struct fixture {
    struct loop *loop;
    struct resolver *resolver;
    struct http_server *http;
    int http_port;
    struct websocket_limits limits; // of both sides
    struct side client, server;
    int listener, raw, raw_port; // a peer of the test's own
    char request[4096];          // what it read
    bool allow;
    int asked, sends;
    bool may_send;
    char seen[256]; // what before_send saw
    struct tls_state tls;
};

#define UNTIL(f, condition)                                                                                            \
    do {                                                                                                               \
        int64_t end_ns = clock_monotonic_ns() + PATIENCE_MS * NS_PER_MS;                                               \
        while (!(condition)) {                                                                                         \
            if (clock_monotonic_ns() > end_ns)                                                                         \
                fail_msg("waited in vain for %s", #condition);                                                         \
            loop_step((f)->loop, 5);                                                                                   \
        }                                                                                                              \
    } while (0)

static inline void on_opened(void *arg)
{
    struct side *s = arg;
    s->opened++;
}

static inline void on_message(void *arg, bool is_text, const char *bytes, size_t len)
{
    struct side *s = arg;
    assert_int_equal(s->ended, 0);
    assert_int_equal(bytes[len], '\0');
    s->texts += is_text ? 1 : 0;
    s->binaries += is_text ? 0 : 1;
    text_addn(&s->got, bytes, len);
    text_addc(&s->got, '|');
    if (s->echo)
        assert_int_equal(websocket_send(s->ws, is_text, bytes, len), 0);
    if (s->cancel_on_message) {
        websocket_cancel(s->ws);
        s->ws = NULL;
    }
}

static inline void on_ended(void *arg, const struct websocket_ending *ending)
{
    struct side *s = arg;
    s->ended++;
    s->ending = *ending;
    str_copy_cut(s->detail, sizeof s->detail, ending->detail);
    if (s->cancel_on_end)
        websocket_cancel(s->ws);
    s->ws = NULL;
}

static inline struct websocket_events events_of(struct side *s)
{
    return (struct websocket_events){.opened = on_opened, .message = on_message, .ended = on_ended, .arg = s};
}

static inline void on_request(void *arg, struct http_exchange *x)
{
    struct fixture *f = arg;
    struct websocket_events events = events_of(&f->server);
    f->server.ws = websocket_accept(f->loop, x, &f->limits, &events);
}

static inline bool on_peer(void *arg, const char *host, const struct sockaddr *peer)
{
    struct fixture *f = arg;
    assert_non_null(host);
    assert_int_equal(peer->sa_family, AF_INET);
    f->asked++;
    return f->allow;
}

static inline bool on_before_send(void *arg, const struct websocket_wire *wire)
{
    struct fixture *f = arg;
    f->sends++;
    f->tls = wire->tls;
    snprintf(f->seen, sizeof f->seen, "%s %s://%s%s from %s", wire->method, wire->scheme, wire->host, wire->target,
             wire->peer);
    return f->may_send;
}

static inline int raw_listen(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static inline int setup(void **state)
{
    struct fixture *f = check_alloc(1, sizeof *f);
    struct err err = {""};
    static const char *const hosts[] = {"localhost"};
    f->loop = loop_new();
    f->resolver = resolver_new(f->loop, NULL);
    f->limits = LIMITS;
    f->allow = f->may_send = true;
    f->client.f = f->server.f = f;
    text_init(&f->client.got, 1u << 20);
    text_init(&f->server.got, 1u << 20);
    f->http = http_server_new(&(struct http_server_params){.loop = f->loop,
                                                           .max_connections = 8,
                                                           .request_deadline_ms = 3000,
                                                           .idle_ms = 3000,
                                                           .reply_deadline_ms = 3000,
                                                           .body_max = 1000,
                                                           .handle = on_request,
                                                           .arg = f});
    if (http_server_listen(f->http,
                           &(struct http_listen){.address = "127.0.0.1:0", .fd = -1, .hosts = hosts, .host_count = 1},
                           &err) != 0)
        fail_msg("%s", err.text);
    f->http_port = atoi(strrchr(http_server_address(f->http, 0), ':') + 1);
    f->listener = raw_listen(&f->raw_port);
    f->raw = -1;
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    websocket_cancel(f->client.ws);
    websocket_cancel(f->server.ws);
    http_server_free(f->http);
    resolver_free(f->resolver);
    loop_free(f->loop);
    text_free(&f->client.got);
    text_free(&f->server.got);
    close(f->listener);
    if (f->raw >= 0)
        close(f->raw);
    free(f);
    return 0;
}

static inline struct websocket_client client_params(struct fixture *f, int port)
{
    return (struct websocket_client){.loop = f->loop,
                                     .resolver = f->resolver,
                                     .scheme = "http",
                                     .host = "127.0.0.1",
                                     .port = port,
                                     .target = "/stream",
                                     .user_agent = "paperguard/test",
                                     .limits = f->limits,
                                     .events = events_of(&f->client),
                                     .allow_peer = on_peer,
                                     .before_send = on_before_send,
                                     .arg = f};
}

static inline void open_to(struct fixture *f, int port)
{
    struct websocket_client p = client_params(f, port);
    f->client.ws = websocket_open(&p);
    assert_int_equal(f->client.ended, 0); // never from within
}

static inline void both_open(struct fixture *f)
{
    open_to(f, f->http_port);
    UNTIL(f, f->client.opened == 1 && f->server.ws != NULL);
}

// ---- the raw peer ----

static inline bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

static inline void raw_send(struct fixture *f, const void *bytes, size_t len)
{
    assert_int_equal(send(f->raw, bytes, len, MSG_NOSIGNAL), len);
}

// Exactly len bytes from our client.
static inline void raw_read(struct fixture *f, void *bytes, size_t len)
{
    for (size_t have = 0; have < len;) {
        UNTIL(f, readable(f->raw));
        ssize_t n = recv(f->raw, (char *)bytes + have, len - have, 0);
        assert_true(n > 0);
        have += (size_t)n;
    }
}

static inline void raw_accept(struct fixture *f)
{
    size_t len = 0;
    UNTIL(f, readable(f->listener));
    f->raw = accept(f->listener, NULL, NULL);
    assert_true(f->raw >= 0);
    while (strstr(f->request, "\r\n\r\n") == NULL) {
        assert_true(len + 1 < sizeof f->request);
        raw_read(f, f->request + len++, 1);
    }
}

static inline void raw_key(struct fixture *f, char out[WEBSOCKET_KEY_MAX])
{
    const char *at = strstr(f->request, "Sec-WebSocket-Key: ");
    assert_non_null(at);
    snprintf(out, WEBSOCKET_KEY_MAX, "%s", at + 19);
}

// A raw peer that has agreed, with bytes right behind its answer.
static inline void raw_open(struct fixture *f, const void *behind, size_t len)
{
    char key[WEBSOCKET_KEY_MAX], accept[WEBSOCKET_ACCEPT_MAX], answer[4096];
    open_to(f, f->raw_port);
    raw_accept(f);
    raw_key(f, key);
    websocket_accept_of(key, accept);
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n\r\n",
                     accept);
    if (len > 0)
        memcpy(answer + n, behind, len);
    raw_send(f, answer, (size_t)n + len);
    UNTIL(f, f->client.opened == 1);
}

// One short frame of our client: masked, as it must be. Returns its opcode byte.
static inline unsigned char raw_frame(struct fixture *f, char *payload, size_t *len)
{
    unsigned char head[6];
    raw_read(f, head, sizeof head);
    assert_true((head[1] & 0x80) != 0);
    *len = head[1] & 0x7f;
    assert_true(*len < 126);
    raw_read(f, payload, *len);
    for (size_t i = 0; i < *len; i++)
        payload[i] = (char)((unsigned char)payload[i] ^ head[2 + i % 4]);
    payload[*len] = '\0';
    return head[0];
}

#endif
