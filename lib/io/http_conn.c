// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One connection of the HTTP server: requests are read, handed over and answered one after the other. Reading stays
// enabled while an answer is awaited, so that a FIN or RST is seen when it comes and libevent takes the descriptor out
// of its set itself: nothing is left that could spin. Only a client that has sent more than INPUT_MAX ahead is no
// longer read but looked at by a timer. (Not libevent's high watermark: with the buffer at it, the read callback is run
// again and again.) Connections are unlinked at once and freed by the server's sweep.
#include "lib/io/clock.h"
#include "lib/io/http_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "lib/base/fsm.h"
#include "lib/base/text.h"
#include "lib/io/http_reply.h"
#include "lib/io/http_server_event.h"
#include "lib/io/loop_event.h"

#define INPUT_MAX 16384   // beyond the request under way; reading ends at the first read that passes it
#define FEEDS_PER_TURN 64 // then the others have their turn
#define LINGER_MS 2000    // how long a closing connection may go on sending, so that our answer is not cut by a RST
#define LINGER_BYTES_MAX (16u << 20)
#define LOOK_MS 1000 // how often a full connection is looked at for its client's leaving

static const char *const conn_names[] = {CONN_STATES(FSM_NAME)};

static const uint32_t conn_moves[] = {
    [CONN_IDLE] = FSM_BIT(CONN_READING) | FSM_BIT(CONN_LINGER) | FSM_BIT(CONN_CLOSED),
    [CONN_READING] = FSM_BIT(CONN_WAITING) | FSM_BIT(CONN_WRITING) | FSM_BIT(CONN_CLOSED),
    [CONN_WAITING] = FSM_BIT(CONN_WRITING) | FSM_BIT(CONN_ORPHAN) | FSM_BIT(CONN_CLOSED),
    [CONN_WRITING] = FSM_BIT(CONN_IDLE) | FSM_BIT(CONN_LINGER) | FSM_BIT(CONN_CLOSED),
    [CONN_LINGER] = FSM_BIT(CONN_CLOSED),
    [CONN_ORPHAN] = FSM_BIT(CONN_CLOSED), // the client has left, the owner still holds the exchange
    [CONN_CLOSED] = 0,
};

static void conn_advance(struct http_conn *c);
static void conn_deadline(void *arg);

// ---- state ----

static bool state_is_busy(enum conn_state s)
{
    return s == CONN_READING || s == CONN_WAITING || s == CONN_WRITING || s == CONN_ORPHAN;
}

static void conn_set_state(struct http_conn *c, enum conn_state to)
{
    fsm_move("http connection", c->id, conn_moves, conn_names, c->state, to);
    c->server->busy -= state_is_busy(c->state) ? 1 : 0;
    c->server->busy += state_is_busy(to) ? 1 : 0;
    c->state = to;
}

static void conn_set_deadline(struct http_conn *c, int64_t ms)
{
    loop_cancel(c->server->params.loop, &c->deadline);
    if (ms > 0)
        c->deadline = loop_after_ms(c->server->params.loop, ms, conn_deadline, c);
}

static void sweep_run(void *arg)
{
    struct http_server *s = arg;
    s->sweep = 0;
    LIST_EACH(node, tmp, &s->dead)
    http_conn_sweep(node);
}

static void conn_tell_sent(struct http_conn *c, bool sent)
{
    sent_fn *fn = c->sent;
    c->sent = NULL;
    if (fn == NULL)
        return;
    c->server->callbacks++;
    fn(c->sent_arg, sent);
    c->server->callbacks--;
}

static void conn_close(struct http_conn *c)
{
    struct http_server *s = c->server;
    conn_set_state(c, CONN_CLOSED);
    loop_cancel(s->params.loop, &c->deadline);
    loop_cancel(s->params.loop, &c->resume);
    if (c->bev != NULL) {
        bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
        bufferevent_disable(c->bev, EV_READ | EV_WRITE);
    }
    s->conn_count--;
    list_remove(&c->node);
    list_append(&s->dead, &c->node);
    if (s->sweep == 0)
        s->sweep = loop_post(s->params.loop, sweep_run, s);
    conn_tell_sent(c, false);
}

static void conn_resume(void *arg)
{
    struct http_conn *c = arg;
    c->resume = 0;
    conn_advance(c);
}

static void conn_resume_later(struct http_conn *c)
{
    if (c->resume == 0)
        c->resume = loop_post(c->server->params.loop, conn_resume, c);
}

static bool conn_reads(const struct http_conn *c)
{
    return c->state == CONN_IDLE || c->state == CONN_READING;
}

static size_t conn_buffered(const struct http_conn *c)
{
    return evbuffer_get_length(bufferevent_get_input(c->bev));
}

static void conn_pause(struct http_conn *c)
{
    if (c->paused || conn_buffered(c) < INPUT_MAX)
        return;
    c->paused = true;
    bufferevent_disable(c->bev, EV_READ);
    if (c->state == CONN_WAITING)
        conn_set_deadline(c, LOOK_MS);
}

static void conn_drained(struct http_conn *c, size_t len)
{
    evbuffer_drain(bufferevent_get_input(c->bev), len);
    if (!c->paused || conn_buffered(c) >= INPUT_MAX)
        return;
    c->paused = false;
    if (!c->peer_eof)
        bufferevent_enable(c->bev, EV_READ);
}

// ---- answers ----

// A close() with unread input would make the system send RST, and the client might lose the answer.
static void conn_linger(struct http_conn *c)
{
    if (c->peer_eof) {
        conn_close(c);
        return;
    }
    conn_set_state(c, CONN_LINGER);
    shutdown(c->fd, SHUT_WR);
    conn_set_deadline(c, LINGER_MS);
    conn_drained(c, conn_buffered(c));
}

// The last byte of the answer went out.
static void conn_written(struct http_conn *c)
{
    conn_tell_sent(c, true);
    if (c->close_after || c->server->draining) {
        conn_linger(c);
        return;
    }
    http_parser_reset(c->parser);
    c->head_checked = c->continued = false;
    conn_set_state(c, CONN_IDLE);
    conn_set_deadline(c, c->server->params.idle_ms);
    if (!c->advancing && (conn_buffered(c) > 0 || c->peer_eof))
        conn_resume_later(c);
}

// Most answers fit the socket's buffer: sent at once they cost no turn of the loop. The rest goes through the
// bufferevent.
static void conn_send(struct http_conn *c, const char *body, size_t len)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    struct iovec part[2] = {{c->head.data, c->head.len}, {(void *)(uintptr_t)body, len}};
    struct msghdr message = {.msg_iov = part, .msg_iovlen = len > 0 ? 2 : 1};
    ssize_t n = 0;
    if (evbuffer_get_length(out) == 0) {
        n = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            conn_close(c);
            return;
        }
    }
    size_t done = n > 0 ? (size_t)n : 0;
    if (done == c->head.len + len) {
        conn_written(c);
        return;
    }
    size_t from_head = done < c->head.len ? done : c->head.len;
    evbuffer_add(out, c->head.data + from_head, c->head.len - from_head);
    if (len > 0)
        evbuffer_add(out, body + (done - from_head), len - (done - from_head));
    conn_set_deadline(c, c->server->params.reply_deadline_ms);
}

static void conn_answer(struct http_conn *c, struct http_answer_head *head, const char *body)
{
    CHECK(head->status >= 200 && head->status <= 599);
    if (!http_parser_keep_alive(c->parser) || c->server->draining)
        c->close_after = true;
    head->close = c->close_after;
    text_clear(&c->head);
    http_reply_head(&c->head, head);
    if (c->head.overflow) { // not even a cut head may go out
        text_clear(&c->head);
        head->header_count = 0;
        http_reply_head(&c->head, head);
    }
    c->server->answered[head->status / 100]++;
    conn_set_state(c, CONN_WRITING);
    conn_set_deadline(c, 0);
    bool no_body = http_parser_method(c->parser) == HTTP_HEAD || !http_reply_has_body(head->status);
    conn_send(c, body, no_body ? 0 : head->length);
}

// One answer and the end of the connection. Reasons are our own constant texts.
static void conn_refuse(struct http_conn *c, int status, const char *reason)
{
    static const struct http_reply_header allow = {"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"};
    char body[256];
    int len = snprintf(body, sizeof body, "{\"code\":%d,\"message\":\"%s\"}", status, reason);
    CHECK(len > 0 && (size_t)len < sizeof body);
    struct http_answer_head head = {.status = status,
                                    .content_type = "application/json",
                                    .length = (size_t)len,
                                    .headers = &allow,
                                    .header_count = status == 405 ? 1 : 0};
    c->server->rejected++;
    c->close_after = true;
    conn_answer(c, &head, body);
}

// ---- requests ----

static void conn_dispatch(struct http_conn *c)
{
    struct http_server *s = c->server;
    struct http_exchange *x = check_alloc(1, sizeof *x);
    x->conn = c;
    http_exchange_begin(x);
    c->exchange = x;
    conn_set_state(c, CONN_WAITING);
    conn_set_deadline(c, c->paused ? LOOK_MS : 0);
    s->callbacks++;
    s->params.handle(s->params.arg, x);
    s->callbacks--;
}

// A web page must not make its reader's browser write here. Programs send no Origin, or (some WebSocket clients) our
// own.
static bool conn_is_cross_site(const struct http_conn *c)
{
    enum http_method m = http_parser_method(c->parser);
    bool writes = m != HTTP_GET && m != HTTP_HEAD && m != HTTP_OPTIONS;
    bool upgrades = http_parser_wants_upgrade(c->parser);
    const char *site = http_parser_header(c->parser, "Sec-Fetch-Site");
    const char *origin = http_parser_header(c->parser, "Origin");
    if (!writes && !upgrades)
        return false;
    if (origin != NULL &&
        !(upgrades && str_starts(origin, "http://") && str_equal(origin + 7, http_parser_host(c->parser))))
        return true;
    return site != NULL && !str_equal(site, "none") && !(upgrades && str_equal(site, "same-origin"));
}

// What can be said as soon as the head is there, before any of the body is waited for.
static void conn_check_head(struct http_conn *c)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    size_t len;
    if (!c->head_checked) {
        c->head_checked = true;
        if (!c->listener->socket.is_unix && !http_hosts_allow(&c->listener->hosts, http_parser_host(c->parser))) {
            conn_refuse(c, 421,
                        "the Host is not one this listener answers to: use its address or add the name to its hosts");
            return;
        }
        if (conn_is_cross_site(c)) {
            conn_refuse(c, 403, "writes from web pages (Origin, Sec-Fetch-Site) are not accepted");
            return;
        }
    }
    http_parser_body(c->parser, &len);
    if (http_parser_state(c->parser) == HTTP_PARSE_BODY && http_parser_expects_continue(c->parser) && len == 0 &&
        !c->continued) {
        c->continued = true;
        bufferevent_write(c->bev, go_on, sizeof go_on - 1);
    }
}

static void conn_feed(struct http_conn *c, const struct evbuffer_iovec *bytes)
{
    if (c->state == CONN_IDLE) {
        conn_set_state(c, CONN_READING);
        conn_set_deadline(c, c->server->params.request_deadline_ms);
    }
    size_t taken = http_parser_feed(c->parser, bytes->iov_base, bytes->iov_len);
    conn_drained(c, taken);
    if (http_parser_state(c->parser) == HTTP_PARSE_FAILED) {
        conn_refuse(c, http_parser_status(c->parser), http_parser_reason(c->parser));
        return;
    }
    if (http_parser_head_done(c->parser))
        conn_check_head(c);
    if (c->state == CONN_READING && http_parser_state(c->parser) == HTTP_PARSE_DONE)
        conn_dispatch(c);
}

static void conn_advance(struct http_conn *c)
{
    struct evbuffer_iovec bytes;
    c->advancing = true;
    for (unsigned n = 0; conn_reads(c); n++) {
        if (evbuffer_peek(bufferevent_get_input(c->bev), -1, NULL, &bytes, 1) < 1 || bytes.iov_len == 0)
            break;
        if (n == FEEDS_PER_TURN) {
            conn_resume_later(c);
            break;
        }
        conn_feed(c, &bytes);
    }
    c->advancing = false;
    bool last = c->peer_eof || (c->server->draining && c->state == CONN_IDLE);
    if (conn_reads(c) && last && conn_buffered(c) == 0)
        conn_close(c);
}

// ---- events ----

// The client left while its answer was awaited.
static void conn_gone(struct http_conn *c)
{
    struct http_server *s = c->server;
    if (s->params.gone == NULL) {
        conn_set_state(c, CONN_ORPHAN);
        conn_set_deadline(c, 0);
        bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
        bufferevent_disable(c->bev, EV_READ | EV_WRITE);
        return;
    }
    struct http_exchange *x = c->exchange;
    c->exchange = NULL;
    c->sent = NULL;
    s->callbacks++;
    s->params.gone(s->params.arg, x);
    s->callbacks--;
    free(x);
    conn_close(c);
}

// FIN is seen by poll also behind unread bytes.
static void conn_look(struct http_conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    if (poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
        conn_gone(c);
    else
        conn_set_deadline(c, LOOK_MS);
}

static void conn_deadline(void *arg)
{
    struct http_conn *c = arg;
    c->deadline = 0;
    if (c->state == CONN_READING)
        conn_refuse(c, 408, "the request did not come whole within its time");
    else if (c->state == CONN_WAITING)
        conn_look(c);
    else
        conn_close(c);
}

static void conn_linger_read(struct http_conn *c)
{
    c->lingered += conn_buffered(c);
    conn_drained(c, conn_buffered(c));
    if (c->lingered > LINGER_BYTES_MAX)
        conn_close(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct http_conn *c = arg;
    (void)bev;
    if (conn_reads(c))
        conn_advance(c);
    else if (c->state == CONN_LINGER)
        conn_linger_read(c);
    else
        conn_pause(c);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    struct http_conn *c = arg;
    if (c->state != CONN_WRITING || evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        return;
    conn_written(c);
    conn_advance(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct http_conn *c = arg;
    (void)bev;
    c->peer_eof = true;
    if (c->state == CONN_WAITING)
        conn_gone(c);
    else if ((what & BEV_EVENT_ERROR) != 0 || c->state == CONN_LINGER)
        conn_close(c);
    else if (c->state != CONN_WRITING) // an answer under way still goes out
        conn_advance(c);
}

// ---- life ----

static void conn_describe_peer(struct http_conn *c, const struct sockaddr *peer)
{
    socklen_t len = sizeof c->ids;
    const int one = 1;
    if (c->listener->socket.is_unix) {
        c->has_ids = getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &c->ids, &len) == 0;
        str_copy_cut(c->peer, sizeof c->peer, "unix");
        return;
    }
    const void *address = &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
    if (peer->sa_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    inet_ntop(peer->sa_family, address, c->peer, sizeof c->peer);
    if (str_starts(c->peer, "::ffff:") && strchr(c->peer, '.') != NULL) // an inherited socket may take both families
        memmove(c->peer, c->peer + 7, strlen(c->peer + 7) + 1);
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one); // a vanished client of a pending answer
}

void http_conn_open(struct http_listener *l, int fd, const struct sockaddr *peer)
{
    struct http_server *s = l->server;
    struct http_conn *c = check_alloc(1, sizeof *c);
    c->server = s;
    c->listener = l;
    c->fd = fd;
    c->bev = bufferevent_socket_new(loop_event_base(s->params.loop), fd, BEV_OPT_CLOSE_ON_FREE);
    CHECK(c->bev != NULL);
    c->parser = http_parser_new(&(struct http_parse_limits){.body_max = s->params.body_max});
    text_init(&c->head, HTTP_REPLY_HEAD_MAX);
    snprintf(c->id, sizeof c->id, "%llu", (unsigned long long)++s->next_id);
    conn_describe_peer(c, peer);
    list_append(&s->conns, &c->node);
    s->conn_count++;
    conn_set_deadline(c, s->params.idle_ms);
    bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
    CHECK(bufferevent_enable(c->bev, EV_READ | EV_WRITE) == 0);
}

void http_conn_drain(struct list *node)
{
    struct http_conn *c = LIST_ENTRY(node, struct http_conn, node);
    if (c->state == CONN_IDLE && !c->advancing)
        conn_close(c);
}

void http_conn_sweep(struct list *node)
{
    struct http_conn *c = LIST_ENTRY(node, struct http_conn, node);
    list_remove(&c->node);
    if (c->bev != NULL)
        bufferevent_free(c->bev);
    http_parser_free(c->parser);
    text_wipe_free(&c->head);
    free(c->exchange);
    free(c);
}

void http_conn_free(struct list *node)
{
    struct http_conn *c = LIST_ENTRY(node, struct http_conn, node);
    if (c->state == CONN_WAITING)
        conn_gone(c);
    if (c->state != CONN_CLOSED)
        conn_close(c);
    http_conn_sweep(&c->node);
}

// ---- the exchange, for its owner ----

static struct http_conn *exchange_end(struct http_exchange *x)
{
    struct http_conn *c = x->conn;
    CHECK(c->exchange == x && (c->state == CONN_WAITING || c->state == CONN_ORPHAN));
    c->exchange = NULL;
    free(x);
    return c;
}

void http_reply(struct http_exchange *x, int status, const char *content_type, const char *body, size_t len,
                const struct http_reply_header *headers, size_t header_count)
{
    const struct http_server_params *p = &x->conn->server->params;
    if (p->answered != NULL)
        p->answered(p->arg, x, status, clock_monotonic_ns() - x->began_ns);
    struct http_conn *c = exchange_end(x);
    struct http_answer_head head = {.status = status,
                                    .content_type = content_type,
                                    .length = len,
                                    .headers = headers,
                                    .header_count = header_count};
    if (c->state == CONN_ORPHAN)
        conn_close(c);
    else
        conn_answer(c, &head, body);
}

void http_reply_drop(struct http_exchange *x)
{
    conn_close(exchange_end(x));
}

struct bufferevent *http_exchange_take(struct http_exchange *x)
{
    struct http_conn *c = exchange_end(x);
    struct bufferevent *bev = c->state == CONN_ORPHAN ? NULL : c->bev;
    if (bev != NULL) {
        bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
        bufferevent_disable(bev, EV_READ | EV_WRITE);
        c->bev = NULL;
    }
    conn_close(c);
    return bev;
}
