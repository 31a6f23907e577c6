// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the owner of an exchange may ask about it.
#include "lib/io/http_conn.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/io/clock.h"

enum http_method http_exchange_method(const struct http_exchange *x)
{
    return http_parser_method(x->conn->parser);
}

const char *http_exchange_target(const struct http_exchange *x)
{
    return http_parser_target(x->conn->parser);
}

const char *http_exchange_path(const struct http_exchange *x)
{
    return http_parser_path(x->conn->parser);
}

const char *http_exchange_query(const struct http_exchange *x)
{
    return http_parser_query(x->conn->parser);
}

const char *http_exchange_header(const struct http_exchange *x, const char *name)
{
    return http_parser_header(x->conn->parser, name);
}

const char *http_exchange_body(const struct http_exchange *x, size_t *len)
{
    return http_parser_body(x->conn->parser, len);
}

bool http_exchange_wants_upgrade(const struct http_exchange *x)
{
    return http_parser_wants_upgrade(x->conn->parser);
}

unsigned http_exchange_roles(const struct http_exchange *x)
{
    return x->conn->listener->roles;
}

const char *http_exchange_service(const struct http_exchange *x)
{
    return x->conn->listener->service;
}

const char *http_exchange_peer(const struct http_exchange *x)
{
    return x->conn->peer;
}

bool http_exchange_peer_ids(const struct http_exchange *x, pid_t *pid, uid_t *uid, gid_t *gid)
{
    const struct http_conn *c = x->conn;
    if (!c->has_ids)
        return false;
    *pid = c->ids.pid;
    *uid = c->ids.uid;
    *gid = c->ids.gid;
    return true;
}

void http_exchange_begin(struct http_exchange *x)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";
    struct http_server *s = x->conn->server;
    const char *given = http_exchange_header(x, "X-Request-Id");
    size_t len = given != NULL ? strlen(given) : 0;
    x->began_ns = clock_monotonic_ns();
    x->label = "";
    s->next_request++;
    if (len > 0 && len < sizeof x->request_id && strspn(given, plain) == len)
        str_copy_cut(x->request_id, sizeof x->request_id, given);
    else
        snprintf(x->request_id, sizeof x->request_id, "%s-%llu", s->salt, (unsigned long long)s->next_request);
}

const char *http_exchange_request_id(const struct http_exchange *x)
{
    return x->request_id;
}

void http_exchange_set_label(struct http_exchange *x, const char *label)
{
    x->label = label;
}

const char *http_exchange_label(const struct http_exchange *x)
{
    return x->label;
}

void http_exchange_set_context(struct http_exchange *x, void *context)
{
    x->context = context;
}

void *http_exchange_context(const struct http_exchange *x)
{
    return x->context;
}

void http_exchange_on_sent(struct http_exchange *x, void (*fn)(void *arg, bool sent), void *arg)
{
    x->conn->sent = fn;
    x->conn->sent_arg = arg;
}
