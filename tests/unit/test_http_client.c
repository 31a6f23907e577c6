// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The HTTP client against a small hostile server on plain sockets in a thread: it counts what really reached it.
#include "lib/io/http_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/base/when.h"
#include "lib/io/clock.h"

#define WAIT_MS 20000
#define HEAD_MAX 8192

// --- the server
// --------------------------------------------------------------------------------------------------------

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

static void server_start_on(struct server *s, int fd, const enum act acts[4])
{
    memset(s, 0, sizeof *s);
    memcpy(s->acts, acts, sizeof s->acts);
    s->fd = fd;
    assert_int_equal(listen(fd, 16), 0);
}

static void server_start(struct server *s, enum act a, enum act b, enum act c)
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
static void server_stop(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

// --- the client's side
// -------------------------------------------------------------------------------------------------

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

static struct http_client *client(void)
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

// --- answers
// -----------------------------------------------------------------------------------------------------------

static void a_normal_answer(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    const char *headers[] = {"Content-Type: application/json", "X-Mine: yes", "X-Empty:"};
    struct http_request r = request_to(s.port, "POST", "/v2/orders/../x?a=%2F&b=1", "{\"qty\":\"1\"}");
    r.headers = headers;
    r.header_count = 3;
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    assert_true(seen.maybe_sent);
    assert_int_equal(seen.status, 200);
    assert_string_equal(seen.body, "{\"ok\":true}");
    assert_string_equal(seen.type, "application/json");
    assert_string_equal(seen.id, "req-1");
    assert_string_equal(seen.peer, "127.0.0.1");
    assert_int_equal(seen.limit, 200);
    assert_int_equal(seen.remaining, 199);
    assert_int_equal(seen.reset, 1700000000);
    assert_int_equal(seen.retry, 3);
    assert_int_equal(seen.sends, 1);
    assert_int_equal(seen.wire.attempt, 1);
    assert_int_equal(seen.wire.port, s.port);
    assert_string_equal(seen.wire_target, "/v2/orders/../x?a=%2F&b=1");
    assert_string_equal(seen.wire_body, "{\"qty\":\"1\"}");
    assert_string_equal(seen.wire_peer, "127.0.0.1");
    assert_int_equal(http_client_in_flight(c), 0);
    http_client_free(c);
    server_stop(&s);
    assert_true(str_starts(s.head, "POST /v2/orders/../x?a=%2F&b=1 HTTP/1.1\r\n")); // byte for byte
    assert_non_null(strstr(s.head, "X-Mine: yes\r\n"));
    assert_non_null(strstr(s.head, "X-Empty:\r\n"));
    assert_non_null(strstr(s.head, "User-Agent: paperguard-test\r\n"));
    assert_null(strstr(s.head, "urlencoded"));
}

static void names_of_this_machine_and_other_methods(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "DELETE", "/v2/orders/1", NULL);
    r.host = "localhost"; // through the resolver
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    r = request_to(s.port, "PATCH", "/v2/orders/1", "{}");
    r.host = "localhost";
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    http_client_free(c);
    server_stop(&s);
    assert_true(str_starts(s.head, "PATCH /v2/orders/1 HTTP/1.1\r\n"));
    assert_int_equal(s.connections, 1);
}

static void a_big_body_goes_at_once(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    size_t len = 2 * 1024 * 1024;
    char *body = check_alloc(len + 1, 1);
    memset(body, 'b', len);
    struct http_request r = request_to(s.port, "POST", "/", body);
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.body_len, len);
    assert_null(strstr(s.head, "Expect"));
    free(body);
}

static void html_is_an_answer(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_HTML, ACT_HTML, ACT_HTML);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "GET", "/v2/account", NULL);
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    assert_int_equal(seen.status, 502);
    assert_string_equal(seen.type, "text/html");
    assert_int_equal(seen.limit, -1);
    assert_int_equal(seen.retry, -1);
    http_client_free(c);
    server_stop(&s);
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_REDIRECT, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "GET", "/here", NULL);
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    assert_int_equal(seen.status, 302);
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.requests, 1);
}

// --- what goes wrong after sending
// -------------------------------------------------------------------------------------

// The reason for the whole care: libcurl would send the second order again over a new connection and report success.
static void an_order_is_transmitted_once(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_CLOSE, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{\"client_order_id\":\"1\"}");
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    r = request_to(s.port, "POST", "/v2/orders", "{\"client_order_id\":\"2\"}");
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_LOST);
    assert_true(seen.maybe_sent);
    assert_int_equal(seen.wire.attempt, 2); // it wanted to
    assert_non_null(strstr(seen.detail, "not sent a second time"));
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.requests, 2);
}

static void lost_after(enum act act, const char *word)
{
    struct server s;
    server_start(&s, act, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{}");
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_LOST);
    assert_true(seen.maybe_sent);
    assert_int_equal(seen.status, 0);
    assert_true(seen.body_len <= 20000);
    if (strstr(seen.detail, word) == NULL)
        fail_msg("no '%s' in: %s", word, seen.detail);
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.requests, 1);
}

static void unusable_answers_are_lost(void **state)
{
    (void)state;
    lost_after(ACT_TRUNCATE, "remaining");
    lost_after(ACT_HUGE, "longer than allowed");
    lost_after(ACT_HEADERS, "headers are longer");
    lost_after(ACT_NONSENSE, "");
    lost_after(ACT_CLOSE, "");
}

static void a_slow_answer_is_a_timeout(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_HANG, ACT_HANG, ACT_HANG);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{}");
    r.timeout_ms = 150;
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_TIMEOUT);
    assert_true(seen.maybe_sent);
    http_client_free(c);
    server_stop(&s);
}

// --- what never leaves
// -------------------------------------------------------------------------------------------------

static void a_refused_connection_sent_nothing(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    server_stop(&s); // the port is free again
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{}");
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_REFUSED);
    assert_false(seen.maybe_sent);
    assert_int_equal(seen.sends, 0);
    http_client_free(c);
}

static void allow_peer_vetoes(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    seen.veto_peer = true;
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{}");
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_REFUSED);
    assert_false(seen.maybe_sent);
    assert_int_equal(seen.allow_calls, 1);
    assert_non_null(strstr(seen.detail, "not an allowed peer"));
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.connections, 0);
}

static void before_send_vetoes(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "POST", "/v2/orders", "{}");
    for (int reused = 0; reused < 2; reused++) {
        seen.veto_send = true;
        run(c, &r);
        assert_int_equal(seen.result, HTTP_RESULT_REFUSED);
        assert_false(seen.maybe_sent);
        assert_non_null(strstr(seen.detail, "last check"));
        seen.veto_send = false;
        run(c, &r); // and leave a connection to be reused
        assert_int_equal(seen.result, HTTP_RESULT_OK);
    }
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.requests, 2);
}

static void refused_request(struct http_client *c, const struct http_request *r, const char *word)
{
    unsigned sends = seen.sends, allow_calls = seen.allow_calls;
    run(c, r);
    assert_int_equal(seen.result, HTTP_RESULT_REFUSED);
    assert_false(seen.maybe_sent);
    assert_int_equal(seen.sends, sends);
    assert_int_equal(seen.allow_calls, allow_calls); // not even a socket
    if (strstr(seen.detail, word) == NULL)
        fail_msg("no '%s' in: %s", word, seen.detail);
}

static void header_injection_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"X-A: 1\r\nX-B: 2",
                                      "X-A: 1\nX-B: 2",
                                      "X-A: 1\r",
                                      "X A: 1",
                                      "no colon",
                                      ": empty",
                                      "X-A\r\n: 1",
                                      "X-A: \x01",
                                      "Host: evil",
                                      "host: evil",
                                      "Content-Length: 5",
                                      "Transfer-Encoding: chunked",
                                      "Expect: 100-continue",
                                      "Connection: close"};
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct http_request r = request_to(s.port, "GET", "/", NULL);
        r.headers = &bad[i];
        r.header_count = 1;
        refused_request(c, &r, "header");
    }
    char endless[9000];
    memset(endless, 'x', sizeof endless);
    memcpy(endless, "X-A: ", 5);
    endless[sizeof endless - 1] = '\0';
    const char *line = endless;
    struct http_request r = request_to(s.port, "GET", "/", NULL);
    r.headers = &line;
    r.header_count = 1;
    refused_request(c, &r, "longer than 8192");
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.connections, 0);
}

static void odd_requests_are_refused(void **state)
{
    (void)state;
    static const char *const targets[] = {"", "x", "/a b", "/a\r\nX: 1", "/a#b", "/\xc3\xa9", "http://other/", "/\x7f"};
    static const char *const hosts[] = {"", "u@127.0.0.1", "127.0.0.1:80", "a b", "127.0.0.1/", "[::1]", "a%20b"};
    static const char *const methods[] = {"", "get", "GET /x HTTP/1.1\r\n", "G T"};
    struct http_client *c = client();
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct http_request r = request_to(1, "GET", targets[i], NULL);
        refused_request(c, &r, "target");
    }
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct http_request r = request_to(1, "GET", "/", NULL);
        r.host = hosts[i];
        refused_request(c, &r, "host");
    }
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct http_request r = request_to(1, methods[i], "/", NULL);
        refused_request(c, &r, "method");
    }
    struct http_request r = request_to(70000, "GET", "/", NULL);
    refused_request(c, &r, "port");
    r = request_to(1, "GET", "/", NULL);
    r.scheme = "ftp";
    refused_request(c, &r, "https");
    http_client_free(c);
}

static void plain_http_stays_on_this_machine(void **state)
{
    (void)state;
    static const char *const hosts[] = {"192.0.2.1",   "10.0.0.1",  "paper-api.alpaca.markets",
                                        "2001:db8::1", "128.0.0.1", "::ffff:192.0.2.1"};
    struct http_client *c = client();
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct http_request r = request_to(80, "GET", "/", NULL);
        r.host = hosts[i];
        refused_request(c, &r, "this machine only");
    }
    http_client_free(c);
    struct http_client_params p = {.loop = loop, .answer_max = 100, .max_connections = 1};
    c = http_client_new(&p); // without allow_loopback_http
    struct http_request r = request_to(80, "GET", "/", NULL);
    refused_request(c, &r, "not allowed");
    http_client_free(c);
}

// A server whose certificate nobody vouches for: the handshake ends it, the request never leaves.
static void an_unknown_certificate_is_refused(void **state)
{
    (void)state;
    char folder[] = "/tmp/hct.XXXXXX", command[900], line[200];
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -days 2 -subj /CN=127.0.0.1 "
             "-addext subjectAltName=IP:127.0.0.1 >/dev/null 2>&1",
             folder);
    bool have = system(command) == 0;
    int port = 0, out[2];
    pid_t pid = -1;
    assert_int_equal(pipe(out), 0);
    if (have && (pid = fork()) == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // a failed test leaves nobody behind
        dup2(out[1], 1);
        dup2(open("/dev/null", O_WRONLY), 2);
        if (chdir(folder) == 0)
            execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-key", "k", "-cert", "c", "-www",
                   (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    while (have && port == 0 && fgets(line, sizeof line, f) != NULL) {
        const char *colon = strrchr(line, ':');
        if (str_starts(line, "ACCEPT") && colon != NULL)
            port = atoi(colon + 1);
    }
    struct http_client *c = client();
    if (port != 0) {
        struct http_request r = request_to(port, "POST", "/v2/orders", "{}");
        r.scheme = "https";
        run(c, &r);
        assert_int_equal(seen.allow_calls, 1);
    }
    http_client_free(c);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    fclose(f);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    if (port == 0)
        skip();
    assert_int_equal(seen.result, HTTP_RESULT_REFUSED);
    assert_false(seen.maybe_sent);
    assert_int_equal(seen.sends, 0);
    assert_non_null(strstr(seen.detail, "certificate"));
}

// --- life
// --------------------------------------------------------------------------------------------------------------

static void unix_sockets(void **state)
{
    (void)state;
    struct server s;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "/tmp/hct.%d.sock", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    server_start_on(&s, fd, (enum act[4]){ACT_ANSWER, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER});
    assert_int_equal(pthread_create(&s.thread, NULL, serve_all, &s), 0);
    memset(&seen, 0, sizeof seen);
    struct http_client_params p = {
        .loop = loop, .unix_socket = un.sun_path, .answer_max = 1000, .max_connections = 1, .user_agent = "x"};
    struct http_client *c = http_client_new(&p);
    struct http_request r = request_to(80, "GET", "/status", NULL);
    r.host = "localhost";
    run(c, &r);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    assert_string_equal(seen.wire_peer, "unix");
    http_client_free(c);
    server_stop(&s);
    unlink(un.sun_path);
}

static void cancelled_calls_are_silent(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_HANG, ACT_ANSWER, ACT_ANSWER);
    struct http_client *c = client();
    struct http_request r = request_to(s.port, "GET", "/", NULL);
    struct http_call *call = http_client_send(c, &r);
    http_client_cancel(call); // before it began
    assert_int_equal(http_client_in_flight(c), 0);
    call = http_client_send(c, &r);
    while (seen.sends == 0)
        loop_step(loop, 100);
    http_client_cancel(call); // under way
    r.target = "bad";
    call = http_client_send(c, &r);
    http_client_cancel(call); // finished, not delivered
    r.target = "/";
    run(c, &r);
    assert_int_equal(seen.done, 1);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    r.timeout_ms = 5000;
    http_client_send(c, &r);
    http_client_free(c); // cancels
    while (loop_step(loop, 0))
        ;
    assert_int_equal(seen.done, 1);
    server_stop(&s);
}

static void many_at_once(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, ACT_ANSWER, ACT_ANSWER, ACT_ANSWER);
    memset(&seen, 0, sizeof seen);
    struct http_client_params p = {.loop = loop, .allow_loopback_http = true, .answer_max = 1000, .max_connections = 1};
    struct http_client *c = http_client_new(&p);
    struct http_request r = request_to(s.port, "POST", "/", "{}");
    for (int i = 0; i < 50; i++)
        http_client_send(c, &r);
    assert_int_equal(http_client_in_flight(c), 50);
    wait_done(50);
    assert_int_equal(seen.result, HTTP_RESULT_OK);
    http_client_free(c);
    server_stop(&s);
    assert_int_equal(s.requests, 50);
    assert_int_equal(s.connections, 1);
}

static struct http_client *doomed;

static void free_client(void *arg, const struct http_answer *a)
{
    assert_int_equal(a->result, HTTP_RESULT_REFUSED);
    http_client_free(doomed);
    on_done(arg, a);
}

static void freeing_within_a_completion_is_fine(void **state)
{
    (void)state;
    doomed = client();
    struct http_request r = request_to(1, "GET", "bad", NULL);
    r.done = free_client;
    http_client_send(doomed, &r);
    r.done = on_done;
    http_client_send(doomed, &r); // delivered by the same post, now cancelled
    while (loop_step(loop, 0))
        ;
    assert_int_equal(seen.done, 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_normal_answer),
        cmocka_unit_test(names_of_this_machine_and_other_methods),
        cmocka_unit_test(a_big_body_goes_at_once),
        cmocka_unit_test(html_is_an_answer),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(an_order_is_transmitted_once),
        cmocka_unit_test(unusable_answers_are_lost),
        cmocka_unit_test(a_slow_answer_is_a_timeout),
        cmocka_unit_test(a_refused_connection_sent_nothing),
        cmocka_unit_test(allow_peer_vetoes),
        cmocka_unit_test(before_send_vetoes),
        cmocka_unit_test(header_injection_is_refused),
        cmocka_unit_test(odd_requests_are_refused),
        cmocka_unit_test(plain_http_stays_on_this_machine),
        cmocka_unit_test(an_unknown_certificate_is_refused),
        cmocka_unit_test(unix_sockets),
        cmocka_unit_test(cancelled_calls_are_silent),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(freeing_within_a_completion_is_fine),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
