// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For tests of the HTTP client: a small hostile server on plain sockets in a thread, which counts what really reached
// it, and what the client told.
#ifndef PAPERGUARD_TESTS_HTTP_CLIENT_RIG_H
#define PAPERGUARD_TESTS_HTTP_CLIENT_RIG_H

#include "lib/io/http_client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/base/when.h"
#include "lib/io/clock.h"

#define WAIT_MS 20000
#define HEAD_MAX 8192

// --- the server

enum act { ACT_ANSWER, ACT_CLOSE, ACT_TRUNCATE, ACT_HUGE, ACT_HEADERS, ACT_HTML, ACT_HANG, ACT_REDIRECT, ACT_NONSENSE };

struct server {
    int fd, port;
    pthread_t thread;
    enum act acts[4]; // per request; the last one goes on
    atomic_uint connections, requests;
    char head[HEAD_MAX]; // of the last request
    size_t body_len;
};

static void put(int fd, const char *s)
{
    size_t len = strlen(s);
    while (len > 0) {
        ssize_t n = send(fd, s, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        s += n;
        len -= (size_t)n;
    }
}

static void act_out(struct server *s, int fd, enum act act)
{
    char text[512], block[1024];
    memset(block, 'x', sizeof block - 1);
    block[sizeof block - 1] = '\0';
    switch (act) {
    case ACT_ANSWER:
        put(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-ID: req-1\r\nX-RateLimit-Limit: 200\r\n"
                "X-RateLimit-Remaining: 199\r\nX-RateLimit-Reset: 1700000000\r\nRetry-After: 3\r\n"
                "Content-Length: 11\r\n\r\n{\"ok\":true}");
        break;
    case ACT_TRUNCATE:
        put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":");
        break;
    case ACT_HUGE:
        put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        for (int i = 0; i < 100; i++)
            put(fd, block);
        break;
    case ACT_HEADERS:
        put(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 200; i++) {
            put(fd, "X-More: ");
            put(fd, block);
            put(fd, "\r\n");
        }
        put(fd, "Content-Length: 0\r\n\r\n");
        break;
    case ACT_HTML:
        put(fd, "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>");
        break;
    case ACT_REDIRECT:
        snprintf(text, sizeof text,
                 "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/other\r\nContent-Length: 0\r\n\r\n", s->port);
        put(fd, text);
        break;
    case ACT_NONSENSE:
        put(fd, "220 mail.example.com ESMTP\r\n");
        break;
    case ACT_CLOSE:
    case ACT_HANG:
        break;
    }
}

// Reads one request with its body; false when the client is gone.
static bool read_request(struct server *s, int fd)
{
    char head[HEAD_MAX], drop[65536];
    size_t len = 0, want = 0;
    char *end = NULL;
    while (end == NULL && len < sizeof head - 1) {
        ssize_t n = recv(fd, head + len, sizeof head - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        head[len] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    if (end == NULL)
        return false;
    const char *length = strstr(head, "Content-Length: ");
    if (length != NULL && length < end)
        want = (size_t)atol(length + 16);
    size_t have = len - (size_t)(end + 4 - head);
    while (have < want) {
        ssize_t n = recv(fd, drop, sizeof drop, 0);
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    s->body_len = have;
    memcpy(s->head, head, sizeof head);
    return true;
}

static void serve(struct server *s, int fd)
{
    char c;
    while (read_request(s, fd)) {
        unsigned i = atomic_fetch_add(&s->requests, 1);
        enum act act = s->acts[i < ARRAY_LEN(s->acts) ? i : ARRAY_LEN(s->acts) - 1];
        act_out(s, fd, act);
        if (act == ACT_HANG)
            (void)recv(fd, &c, 1, 0); // until the client leaves
        if (act != ACT_ANSWER && act != ACT_REDIRECT && act != ACT_HTML)
            return;
    }
}

static void *serve_all(void *arg)
{
    struct server *s = arg;
    int fd;
    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        atomic_fetch_add(&s->connections, 1);
        serve(s, fd);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

static inline void server_start_on(struct server *s, int fd, const enum act acts[4])
{
    memset(s, 0, sizeof *s);
    memcpy(s->acts, acts, sizeof s->acts);
    s->fd = fd;
    assert_int_equal(listen(fd, 16), 0);
}

static inline void server_start(struct server *s, enum act a, enum act b, enum act c)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    server_start_on(s, fd, (enum act[4]){a, b, c, c});
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve_all, s), 0);
}

// After the client is freed: returns once everything that was sent has been read and counted.
static inline void server_stop(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

// --- the client's side

struct seen {
    unsigned done, sends, allow_calls;
    enum http_result result;
    bool maybe_sent, veto_send, veto_peer;
    int status;
    size_t body_len;
    char body[64], type[64], id[64], peer[64], detail[400];
    int64_t limit, remaining, reset, retry;
    struct http_wire wire;
    char wire_target[128], wire_peer[64], wire_body[64];
};

static struct loop *loop;
static struct seen seen;

static void on_done(void *arg, const struct http_answer *a)
{
    struct seen *s = arg;
    s->done++;
    s->result = a->result;
    s->maybe_sent = a->maybe_sent;
    s->status = a->status;
    s->body_len = a->body_len;
    str_copy_cut(s->body, sizeof s->body, a->body);
    str_copy_cut(s->type, sizeof s->type, a->content_type);
    str_copy_cut(s->id, sizeof s->id, a->request_id);
    str_copy_cut(s->peer, sizeof s->peer, a->peer);
    str_copy_cut(s->detail, sizeof s->detail, a->detail);
    s->limit = a->rate_limit;
    s->remaining = a->rate_remaining;
    s->reset = a->rate_reset;
    s->retry = a->retry_after_s;
    assert_true(a->duration_ns >= 0);
}

static bool before_send(void *arg, const struct http_wire *wire)
{
    struct seen *s = arg;
    s->sends++;
    s->wire = *wire;
    str_copy_cut(s->wire_target, sizeof s->wire_target, wire->target);
    str_copy_cut(s->wire_peer, sizeof s->wire_peer, wire->peer);
    str_copy_cut(s->wire_body, sizeof s->wire_body, wire->body != NULL ? wire->body : "");
    return !s->veto_send;
}

static bool allow_peer(void *arg, const char *host, const struct sockaddr *peer)
{
    struct seen *s = arg;
    s->allow_calls++;
    assert_non_null(host);
    assert_true(peer->sa_family == AF_INET || peer->sa_family == AF_INET6);
    return !s->veto_peer;
}

static inline struct http_client *client(void)
{
    memset(&seen, 0, sizeof seen);
    struct http_client_params p = {.loop = loop,
                                   .allow_loopback_http = true,
                                   .answer_max = 20000,
                                   .max_connections = 4,
                                   .user_agent = "paperguard-test",
                                   .allow_peer = allow_peer,
                                   .allow_peer_arg = &seen};
    return http_client_new(&p);
}

static struct http_request request_to(int port, const char *method, const char *target, const char *body)
{
    return (struct http_request){.method = method,
                                 .scheme = "http",
                                 .host = "127.0.0.1",
                                 .target = target,
                                 .port = port,
                                 .body = body,
                                 .body_len = body != NULL ? strlen(body) : 0,
                                 .timeout_ms = 10000,
                                 .before_send = before_send,
                                 .done = on_done,
                                 .arg = &seen};
}

static void wait_done(unsigned count)
{
    int64_t end = clock_monotonic_ns() + WAIT_MS * NS_PER_MS;
    while (seen.done < count) {
        if (clock_monotonic_ns() >= end)
            fail_msg("waited too long");
        loop_step(loop, 100);
    }
    assert_int_equal(seen.done, count);
}

static void run(struct http_client *c, const struct http_request *r)
{
    unsigned want = seen.done + 1;
    assert_non_null(http_client_send(c, r));
    assert_int_equal(seen.done, want - 1); // never from within
    wait_done(want);
}

static int set_up(void **state)
{
    (void)state;
    struct err err;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "socks5://127.0.0.1:1", 1);
    setenv("SSLKEYLOGFILE", "/tmp/never", 1);
    if (http_client_global_init(&err) != 0 || getenv("http_proxy") != NULL || getenv("SSLKEYLOGFILE") != NULL)
        return -1;
    loop = loop_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

#endif
