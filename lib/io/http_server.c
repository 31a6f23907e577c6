// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Listeners, accepting and counters. What happens on a connection is in http_conn.
#include "lib/io/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/listener.h>

#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/io/http_conn.h"
#include "lib/io/loop_event.h"

#define ACCEPT_AGAIN_MS 200

struct http_server *http_server_new(const struct http_server_params *params)
{
    CHECK(params->handle != NULL && params->max_connections > 0);
    CHECK(params->request_deadline_ms > 0 && params->idle_ms > 0 && params->reply_deadline_ms > 0);
    struct http_server *s = check_alloc(1, sizeof *s);
    s->params = *params;
    uint32_t salt;
    random_bytes(&salt, sizeof salt);
    snprintf(s->salt, sizeof s->salt, "%08x", salt);
    list_init(&s->listeners);
    list_init(&s->conns);
    list_init(&s->dead);
    return s;
}

// ---- accepting ----

static bool peer_allowed(struct http_listener *l, const struct sockaddr *peer)
{
    char text[INET6_ADDRSTRLEN] = "";
    const void *address = &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
    if (l->allow_count == 0 || l->socket.is_unix)
        return true;
    if (peer->sa_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    inet_ntop(peer->sa_family, address, text, sizeof text);
    for (size_t i = 0; i < l->allow_count; i++)
        if (netmask_covers(&l->allow[i], text))
            return true;
    uint64_t n = ++l->server->strangers;
    l->server->rejected++;
    if ((n & (n - 1)) == 0) // 1, 2, 4, 8, ...: the journal is not theirs to fill
        log_notice("http: %s is not allowed on %s and was closed (%llu so far)", text, l->socket.address,
                   (unsigned long long)n);
    return false;
}

static void on_accept(struct evconnlistener *accept, evutil_socket_t fd, struct sockaddr *peer, int len, void *arg)
{
    struct http_listener *l = arg;
    (void)accept;
    (void)len;
    if (!peer_allowed(l, peer)) {
        close(fd);
        return;
    }
    if (l->server->conn_count >= l->server->params.max_connections) {
        log_debug("http: a connection on %s was closed: all %u are taken", l->socket.address,
                  l->server->params.max_connections);
        close(fd);
        return;
    }
    http_conn_open(l, fd, peer);
}

static void accept_again(void *arg)
{
    struct http_listener *l = arg;
    l->again = 0;
    if (l->accept != NULL)
        evconnlistener_enable(l->accept);
}

// Out of descriptors or memory: the connection stays queued, and asking again at once would spin.
static void on_accept_failed(struct evconnlistener *accept, void *arg)
{
    struct http_listener *l = arg;
    log_warning("http: cannot accept on %s: %s", l->socket.address,
                evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    evconnlistener_disable(accept);
    if (l->again == 0)
        l->again = loop_after_ms(l->server->params.loop, ACCEPT_AGAIN_MS, accept_again, l);
}

static void listener_stop(struct http_listener *l)
{
    loop_cancel(l->server->params.loop, &l->again);
    if (l->accept != NULL)
        evconnlistener_free(l->accept);
    l->accept = NULL;
    http_socket_close(&l->socket);
}

static void listener_free(struct http_listener *l)
{
    listener_stop(l);
    list_remove(&l->node);
    http_hosts_free(&l->hosts);
    free(l->allow);
    free(l->service);
    free(l);
}

static int allow_init(struct http_listener *l, const struct http_listen *spec, struct err *err)
{
    l->allow = check_alloc(spec->allow_count + 1, sizeof *l->allow);
    for (size_t i = 0; i < spec->allow_count; i++)
        if (netmask_parse(spec->allow[i], &l->allow[i], err) != 0)
            return err_wrap(err, "who may connect to %s", l->socket.address);
    l->allow_count = spec->allow_count;
    return 0;
}

static int listener_open(struct http_listener *l, const struct http_listen *spec, struct err *err)
{
    if (http_socket_open(spec, &l->socket, err) != 0)
        return -1;
    if ((spec->roles & HTTP_ROLE_ADMIN) != 0 && !l->socket.is_unix)
        return err_set(err, "%s has the role admin, which is for Unix sockets only", l->socket.address);
    if (http_hosts_init(&l->hosts, spec, &l->socket, err) != 0 || allow_init(l, spec, err) != 0)
        return -1;
    // The socket listens already, with the longest queue the system grants. Closing it is ours, not libevent's.
    l->accept = evconnlistener_new(loop_event_base(l->server->params.loop), on_accept, l, LEV_OPT_CLOSE_ON_EXEC, 0,
                                   l->socket.fd);
    CHECK(l->accept != NULL);
    evconnlistener_set_error_cb(l->accept, on_accept_failed);
    return 0;
}

int http_server_listen(struct http_server *s, const struct http_listen *listen, struct err *err)
{
    struct http_listener *l = check_alloc(1, sizeof *l);
    l->server = s;
    l->socket.fd = -1;
    l->roles = listen->roles;
    l->service = check_strdup(listen->service != NULL ? listen->service : "paperguard");
    list_init(&l->node);
    if (listener_open(l, listen, err) != 0) {
        listener_free(l);
        return -1;
    }
    list_append(&s->listeners, &l->node);
    return 0;
}

const char *http_server_address(const struct http_server *s, size_t i)
{
    LIST_EACH(node, tmp, &s->listeners)
    {
        if (i-- == 0)
            return LIST_ENTRY(node, struct http_listener, node)->socket.address;
    }
    return NULL;
}

// ---- end ----

void http_server_drain(struct http_server *s)
{
    s->draining = true;
    LIST_EACH(node, tmp, &s->listeners)
    {
        listener_stop(LIST_ENTRY(node, struct http_listener, node));
    }
    LIST_EACH(node, tmp, &s->conns)
    {
        http_conn_drain(node);
    }
}

void http_server_free(struct http_server *s)
{
    if (s == NULL)
        return;
    CHECK(s->callbacks == 0);
    http_server_drain(s);
    while (!list_empty(&s->conns))
        http_conn_free(s->conns.next);
    while (!list_empty(&s->dead))
        http_conn_sweep(s->dead.next);
    loop_cancel(s->params.loop, &s->sweep);
    LIST_EACH(node, tmp, &s->listeners)
    {
        listener_free(LIST_ENTRY(node, struct http_listener, node));
    }
    free(s);
}

// ---- counters ----

size_t http_server_in_flight(const struct http_server *s)
{
    return s->busy;
}

uint64_t http_server_requests(const struct http_server *s, int status_class)
{
    CHECK(status_class >= 2 && status_class <= 5);
    return s->answered[status_class];
}

uint64_t http_server_rejected(const struct http_server *s)
{
    return s->rejected;
}
