// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// How a client's WebSocket comes to be open: addresses, connect, TLS, upgrade. Addresses are tried one after the other
// until a connection stands; from then on there is no second try, so at most one request is ever sent.
#include "lib/io/websocket_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/io/websocket_upgrade.h"

struct ws_dial {
    struct websocket_client p; // with its own copies of the texts
    struct resolver_query *query;
    char address[RESOLVER_ADDRESSES_MAX][INET6_ADDRSTRLEN];
    size_t count, next;
    char peer[INET6_ADDRSTRLEN];
    char key[WEBSOCKET_KEY_MAX];
    bool vetoed; // an address was not allowed
    char failure[128];
};

void ws_dial_free(struct ws_dial *d)
{
    if (d == NULL)
        return;
    if (d->query != NULL)
        resolver_cancel(d->query);
    free((char *)(uintptr_t)d->p.scheme);
    free((char *)(uintptr_t)d->p.host);
    free((char *)(uintptr_t)d->p.target);
    free((char *)(uintptr_t)d->p.user_agent);
    free(d);
}

static bool is_https(const struct ws_dial *d)
{
    return str_equal(d->p.scheme, "https");
}

// ---- connect ----

static bool address_of(const char *text, int port, struct sockaddr_storage *out, socklen_t *len)
{
    memset(out, 0, sizeof *out);
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *len = sizeof *v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    *len = sizeof *v6;
    return true;
}

static bool is_loopback(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

static bool peer_allowed(struct ws_dial *d, const struct sockaddr_storage *a)
{
    return (is_https(d) || is_loopback(a)) &&
           (d->p.allow_peer == NULL || d->p.allow_peer(d->p.arg, d->p.host, (const struct sockaddr *)(const void *)a));
}

// The next address; false when there is none left that may be tried.
static bool connect_next(struct websocket *w)
{
    struct ws_dial *d = w->dial;
    struct sockaddr_storage a;
    socklen_t len;
    const int one = 1;
    while (d->next < d->count) {
        const char *text = d->address[d->next++];
        if (!address_of(text, d->p.port, &a, &len))
            continue;
        if (!peer_allowed(d, &a)) {
            d->vetoed = true;
            continue;
        }
        int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || (connect(fd, (struct sockaddr *)&a, len) != 0 && errno != EINPROGRESS)) {
            str_copy_cut(d->failure, sizeof d->failure, strerror(errno));
            if (fd >= 0)
                close(fd);
            continue;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        str_copy_cut(d->peer, sizeof d->peer, text);
        w->wire.fd = fd;
        ws_attach(w);
        return true;
    }
    return false;
}

static void connect_or_end(struct websocket *w)
{
    struct ws_dial *d = w->dial;
    if (connect_next(w))
        return;
    if (d->failure[0] != '\0')
        ws_end(w, WEBSOCKET_REFUSED, "cannot connect to %.128s: %s", d->p.host, d->failure);
    else if (d->vetoed)
        ws_end(w, WEBSOCKET_REFUSED, "refused before connecting: no address of %.128s is an allowed peer", d->p.host);
    else
        ws_end(w, WEBSOCKET_REFUSED, "%.128s has no address", d->p.host);
}

static void start_upgrade(struct websocket *w);

static void connected(struct websocket *w)
{
    struct ws_dial *d = w->dial;
    struct err err;
    int failure = 0;
    socklen_t len = sizeof failure;
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;
    if (getsockopt(w->wire.fd, SOL_SOCKET, SO_ERROR, &failure, &len) != 0)
        failure = errno;
    if (failure == 0 && getpeername(w->wire.fd, (struct sockaddr *)&peer, &peer_len) != 0) {
        if (errno == ENOTCONN)
            return; // woken early
        failure = errno;
    }
    if (failure != 0) {
        str_copy_cut(d->failure, sizeof d->failure, strerror(failure));
        ws_detach(w);
        connect_or_end(w);
        return;
    }
    if (!is_https(d)) {
        start_upgrade(w);
        return;
    }
    ws_set_state(w, WS_SECURING);
    if (ws_wire_secure(&w->wire, d->p.tls, d->p.host, &err) != 0)
        ws_end(w, WEBSOCKET_REFUSED, "%s", err.text);
}

// ---- upgrade ----

static void start_upgrade(struct websocket *w)
{
    struct ws_dial *d = w->dial;
    bool own_port = d->p.port == (is_https(d) ? 443 : 80);
    struct text host;
    struct websocket_wire wire = {.method = "GET",
                                  .scheme = d->p.scheme,
                                  .host = d->p.host,
                                  .target = d->p.target,
                                  .port = d->p.port,
                                  .peer = d->peer,
                                  .tls = ws_wire_look(&w->wire, d->p.host)};
    ws_set_state(w, WS_UPGRADING);
    bool may = d->p.before_send == NULL || d->p.before_send(d->p.arg, &wire);
    if (w->state == WS_ENDED) // cancelled in there
        return;
    if (!may) {
        w->vetoed = true;
        ws_end(w, WEBSOCKET_REFUSED, "refused before sending: the last check before the wire said no");
        return;
    }
    text_init(&host, 512);
    text_addf(&host, strchr(d->p.host, ':') != NULL ? "[%s]" : "%s", d->p.host);
    if (!own_port)
        text_addf(&host, ":%d", d->p.port);
    websocket_key_make(d->key);
    websocket_request_write(&w->out, text_str(&host), d->p.target, d->key, d->p.user_agent);
    text_free(&host);
    CHECK(!w->out.overflow);
    (void)ws_flush_out(w);
}

static void opened(struct websocket *w, size_t head)
{
    w->in_at = head; // what follows is for the frames
    ws_set_state(w, WS_OPEN);
    ws_start_frames(w, false);
    ws_dial_free(w->dial);
    w->dial = NULL;
    if (w->events.opened != NULL)
        w->events.opened(w->events.arg);
}

static void read_answer(struct websocket *w)
{
    struct err err;
    char bytes[WEBSOCKET_ANSWER_MAX];
    size_t used = 0;
    enum websocket_answer answer = WEBSOCKET_ANSWER_MORE;
    while (answer == WEBSOCKET_ANSWER_MORE) {
        ssize_t n = ws_wire_read(&w->wire, bytes, sizeof bytes, &err);
        if (n == WS_WIRE_AGAIN)
            return;
        if (n <= 0) {
            ws_end(w, WEBSOCKET_LOST, "%s", n < 0 ? err.text : "the peer closed the connection instead of an answer");
            return;
        }
        text_addn(&w->in, bytes, (size_t)n);
        answer = websocket_answer_read(w->in.data, w->in.len, w->dial->key, &used, &w->status, &err);
    }
    if (answer == WEBSOCKET_ANSWER_YES)
        opened(w, used);
    else
        ws_end(w, WEBSOCKET_REFUSED, "%s", err.text);
}

static void secure(struct websocket *w)
{
    struct err err;
    int rc = ws_wire_handshake(&w->wire, &err);
    if (rc < 0)
        ws_end(w, WEBSOCKET_REFUSED, "%.128s: %s", w->dial->p.host, err.text);
    else if (rc > 0)
        start_upgrade(w);
}

void ws_dial_step(struct websocket *w)
{
    if (w->state == WS_CONNECTING)
        connected(w);
    else if (w->state == WS_SECURING)
        secure(w);
    else if (ws_flush_out(w))
        read_answer(w);
}

// ---- start ----

static void on_resolved(void *arg, const struct resolver_answer *answer)
{
    struct websocket *w = arg;
    struct ws_dial *d = w->dial;
    d->query = NULL;
    ws_enter(w);
    if (answer->count == 0) {
        ws_end(w, WEBSOCKET_REFUSED, "%s", answer->detail);
    } else {
        for (size_t i = 0; i < answer->count && i < RESOLVER_ADDRESSES_MAX; i++)
            str_copy_cut(d->address[d->count++], sizeof d->address[0], answer->addresses[i]);
        ws_set_state(w, WS_CONNECTING);
        connect_or_end(w);
    }
    ws_leave(w);
}

static void open_late(void *arg)
{
    struct websocket *w = arg;
    static const char *const doing[] = {"resolving its name", "connecting", "the TLS handshake", "the upgrade"};
    w->deadline = 0;
    ws_end(w, WEBSOCKET_TIMEOUT, "not open within %lld ms, still at %s", (long long)w->limits.open_ms, doing[w->state]);
}

static bool is_printable(const char *s, size_t max)
{
    size_t len = strnlen(s, max + 1);
    for (size_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] >= 0x7f)
            return false;
    return len > 0 && len <= max;
}

static const char *wrong_with(const struct websocket_client *p)
{
    static const char host_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    if (!str_equal(p->scheme, "https") && !str_equal(p->scheme, "http"))
        return "the scheme must be https";
    if (str_equal(p->scheme, "https") && p->tls == NULL)
        return "https needs the trusted authorities";
    if (p->host[0] == '\0' || strlen(p->host) > 253 ||
        (strspn(p->host, host_chars) != strlen(p->host) && !resolver_is_literal(p->host)))
        return "the host is neither a name nor an address";
    if (p->port < 1 || p->port > 65535)
        return "the port must be 1 to 65535";
    if (p->target[0] != '/' || !is_printable(p->target, 4096) || strchr(p->target, '#') != NULL)
        return "the target must begin with / and hold no blanks, controls or fragment";
    if (p->user_agent != NULL && !is_printable(p->user_agent, 256))
        return "the user agent holds a character that a header may not hold";
    return NULL;
}

struct websocket *websocket_open(const struct websocket_client *params)
{
    CHECK(params->limits.open_ms > 0 && params->events.message != NULL && params->events.ended != NULL);
    struct websocket *w = ws_new(params->loop, &params->limits, &params->events, WS_RESOLVING);
    const char *wrong = wrong_with(params);
    if (wrong != NULL) {
        ws_end(w, WEBSOCKET_REFUSED, "refused before connecting: %s", wrong);
        return w;
    }
    str_copy_cut(w->id, sizeof w->id, params->host);
    struct ws_dial *d = check_alloc(1, sizeof *d);
    w->dial = d;
    d->p = *params;
    d->p.scheme = check_strdup(params->scheme);
    d->p.host = check_strdup(params->host);
    d->p.target = check_strdup(params->target);
    d->p.user_agent = params->user_agent != NULL ? check_strdup(params->user_agent) : NULL;
    w->deadline = loop_after_ms(w->loop, params->limits.open_ms, open_late, w);
    d->query = resolver_lookup(params->resolver, d->p.host, params->limits.open_ms, on_resolved, w);
    return w;
}
