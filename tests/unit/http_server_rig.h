// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A server with clients over real loopback sockets, all in one process and on one loop. Nothing waits by sleeping: the
// loop is turned until what is awaited has happened, or the test fails after PATIENCE_MS.
#ifndef PAPERGUARD_TEST_HTTP_SERVER_RIG_H
#define PAPERGUARD_TEST_HTTP_SERVER_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/io/http_server.h"
#include "lib/io/http_server_event.h"

#define PATIENCE_MS 5000
#define HELD_MAX 8
#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct http_server_params params;
    struct http_exchange *held[HELD_MAX]; // requests for /hold..., answered by the test
    size_t held_count, handled, gone, sent_true, sent_false;
    unsigned roles;
    char service[32], peer[64], body[256];
    bool has_ids;
    uid_t uid;
    size_t big; // body bytes of /big
    struct bufferevent *taken;
};

struct client {
    struct fixture *f;
    int fd;
    struct text in;
    bool eof; // FIN or RST came
};

static inline int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// ---- the server's owner ----

static inline void on_sent(void *arg, bool sent)
{
    struct fixture *f = arg;
    if (sent)
        f->sent_true++;
    else
        f->sent_false++;
}

static inline void answer(struct http_exchange *x, const char *text)
{
    http_reply(x, 200, "text/plain", text, strlen(text), NULL, 0);
}

static inline void answer_big(struct fixture *f, struct http_exchange *x)
{
    char *big = check_alloc(f->big, 1);
    memset(big, 'b', f->big);
    http_reply(x, 200, "text/plain", big, f->big, NULL, 0);
    free(big);
}

static inline void note(struct fixture *f, struct http_exchange *x)
{
    size_t len;
    pid_t pid;
    gid_t gid;
    f->handled++;
    f->roles = http_exchange_roles(x);
    str_copy_cut(f->service, sizeof f->service, http_exchange_service(x));
    str_copy_cut(f->peer, sizeof f->peer, http_exchange_peer(x));
    str_copy_cut(f->body, sizeof f->body, http_exchange_body(x, &len));
    f->has_ids = http_exchange_peer_ids(x, &pid, &f->uid, &gid);
    http_exchange_on_sent(x, on_sent, f);
}

static inline void on_request(void *arg, struct http_exchange *x)
{
    struct fixture *f = arg;
    const char *path = http_exchange_path(x);
    static const struct http_reply_header headers[] = {{"X-Request-ID", "r1"}, {"X-Bad", "a\r\nX-Injected: b"}};
    note(f, x);
    if (str_starts(path, "/hold") && f->held_count < HELD_MAX)
        f->held[f->held_count++] = x;
    else if (str_equal(path, "/big"))
        answer_big(f, x);
    else if (str_equal(path, "/headers"))
        http_reply(x, 200, "text/plain", "h", 1, headers, 2);
    else if (str_equal(path, "/none"))
        http_reply(x, 204, NULL, NULL, 0, NULL, 0);
    else if (str_equal(path, "/drop"))
        http_reply_drop(x);
    else if (str_equal(path, "/drain"))
        http_server_drain(f->server), answer(x, "draining");
    else if (http_exchange_wants_upgrade(x))
        f->taken = http_exchange_take(x);
    else
        answer(x, path);
}

static inline void on_gone(void *arg, struct http_exchange *x)
{
    struct fixture *f = arg;
    f->gone++;
    for (size_t i = 0; i < f->held_count; i++) {
        if (f->held[i] == x)
            f->held[i] = NULL;
    }
}

static inline int setup(void **state)
{
    struct fixture *f = check_alloc(1, sizeof *f);
    f->loop = loop_new();
    f->params = (struct http_server_params){.loop = f->loop,
                                            .max_connections = 8,
                                            .request_deadline_ms = 3000,
                                            .idle_ms = 3000,
                                            .reply_deadline_ms = 3000,
                                            .body_max = 1000,
                                            .handle = on_request,
                                            .gone = on_gone,
                                            .arg = f};
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    http_server_free(f->server);
    loop_free(f->loop);
    free(f);
    return 0;
}

static inline void must_listen(struct fixture *f, const struct http_listen *l)
{
    struct err err = {""};
    if (http_server_listen(f->server, l, &err) != 0)
        fail_msg("%s", err.text);
}

static inline void start(struct fixture *f)
{
    static const char *const hosts[] = {"localhost", "staging.example", "other.example:9000"};
    f->server = http_server_new(&f->params);
    must_listen(f, &(struct http_listen){.address = "127.0.0.1:0",
                                         .fd = -1,
                                         .roles = HTTP_ROLE_HEALTH,
                                         .hosts = hosts,
                                         .host_count = ARRAY_LEN(hosts)});
}

// ---- clients ----

static inline int connect_to(const char *address)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } a;
    memset(&a, 0, sizeof a);
    socklen_t len = sizeof a.v4;
    const char *port = strrchr(address, ':') + 1;
    a.any.sa_family = AF_INET;
    if (str_starts(address, "unix:")) {
        a.any.sa_family = AF_UNIX;
        len = sizeof a.local;
        str_copy_cut(a.local.sun_path, sizeof a.local.sun_path, address + 5);
    } else if (address[0] == '[') {
        a.any.sa_family = AF_INET6;
        len = sizeof a.v6;
        a.v6.sin6_addr = in6addr_loopback;
        a.v6.sin6_port = htons((uint16_t)atoi(port));
    } else {
        a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.v4.sin_port = htons((uint16_t)atoi(port));
    }
    int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, &a.any, len) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline struct client client_at(struct fixture *f, size_t listener)
{
    struct client c = {.f = f, .fd = connect_to(http_server_address(f->server, listener))};
    assert_true(c.fd >= 0);
    text_init(&c.in, 64u << 20);
    return c;
}

static inline struct client client_new(struct fixture *f)
{
    return client_at(f, 0);
}

static inline void client_end(struct client *c)
{
    close(c->fd);
    text_free(&c->in);
}

static inline void client_send(struct client *c, const char *bytes)
{
    size_t len = strlen(bytes);
    assert_int_equal(send(c->fd, bytes, len, MSG_NOSIGNAL), len);
}

static inline void client_read(struct client *c)
{
    char bytes[65536];
    ssize_t n;
    while ((n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        text_addn(&c->in, bytes, (size_t)n);
    if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        c->eof = true;
}

#define TURN_UNTIL(f, condition)                                                                                       \
    do {                                                                                                               \
        for (int64_t until = now_ms() + PATIENCE_MS; !(condition);) {                                                  \
            if (now_ms() > until)                                                                                      \
                fail_msg("waited in vain for: %s", #condition);                                                        \
            (void)loop_step((f)->loop, 5);                                                                             \
        }                                                                                                              \
    } while (0)

static inline bool client_has(struct client *c, const char *text)
{
    client_read(c);
    return strstr(text_str(&c->in), text) != NULL;
}

static inline bool client_ended(struct client *c)
{
    client_read(c);
    return c->eof;
}

static inline void expect(struct client *c, const char *text)
{
    TURN_UNTIL(c->f, client_has(c, text));
}

static inline void expect_end(struct client *c)
{
    TURN_UNTIL(c->f, client_ended(c));
}

// One connection, one answer with this status, then the end.
static inline void expect_refusal(struct fixture *f, const char *bytes, const char *status)
{
    struct client c = client_new(f);
    size_t handled = f->handled;
    uint64_t rejected = http_server_rejected(f->server);
    char line[64];
    snprintf(line, sizeof line, "HTTP/1.1 %s ", status);
    client_send(&c, bytes);
    expect_end(&c);
    if (!str_starts(text_str(&c.in), line))
        fail_msg("expected %s, got %s", status, text_str(&c.in));
    assert_true(client_has(&c, "Connection: close\r\n"));
    assert_true(client_has(&c, "Content-Length: "));
    assert_int_equal(f->handled, handled);
    assert_int_equal(http_server_rejected(f->server), rejected + 1);
    client_end(&c);
}

#endif
