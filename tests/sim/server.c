// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// lib/io/http_server.h without sockets.
#include "tests/sim/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/list.h"
#include "lib/base/text.h"
#include "lib/base/when.h"

struct http_server {
    struct http_server_params p;
    struct host *host;
    unsigned life, roles;
    struct list exchanges;
    size_t in_flight;
    bool draining;
};

struct http_exchange {
    struct list node;
    struct http_server *server;
    struct host *host;
    unsigned life, role;
    enum http_method method;
    char *target, *path, *query, *body, *authorization;
    char request_id[24];
    uint64_t number;
    int64_t asked_ns;
    bool left;
    const char *label;
    void *context;
    void (*sent)(void *arg, bool sent);
    void *sent_arg;
    server_answer_fn *answered;
    void *answered_arg;
    struct list waiting; // in no server's hands yet, or in one's: all of them, for lives that end
};

#define SERVERS_MAX 8
static struct {
    struct http_server *servers[SERVERS_MAX];
    struct list all;
    uint64_t numbers;
} web;

static void exchange_free(struct http_exchange *x)
{
    list_remove(&x->node);
    list_remove(&x->waiting);
    free(x->target);
    free(x->path);
    free(x->query);
    free(x->body);
    free(x->authorization);
    free(x);
}

static void lives_end(struct host *h)
{
    for (size_t i = 0; i < SERVERS_MAX; i++)
        if (web.servers[i] && web.servers[i]->host == h)
            web.servers[i] = NULL;
    LIST_EACH(node, tmp, &web.all)
    {
        struct http_exchange *x = LIST_ENTRY(node, struct http_exchange, waiting);
        if (x->host != h)
            continue;
        if (x->answered)
            x->answered(x->answered_arg, 0, "");
        list_remove(&x->waiting); // the rest ends with the process
    }
}

void server_begin(void)
{
    list_init(&web.all);
    world_on_end(lives_end);
}

static void arrives(void *arg)
{
    struct http_exchange *x = arg;
    struct http_server *s = NULL;
    for (size_t i = 0; i < SERVERS_MAX; i++)
        if (web.servers[i] && web.servers[i]->host == x->host && (web.servers[i]->roles & x->role))
            s = web.servers[i];
    if (!s || s->draining) {
        if (x->answered)
            x->answered(x->answered_arg, 0, "");
        exchange_free(x);
        return;
    }
    x->server = s;
    s->in_flight++;
    list_append(&s->exchanges, &x->node);
    s->p.handle(s->p.arg, x);
}

uint64_t server_ask(struct host *h, unsigned role, enum http_method method, const char *target, const char *body,
                    const char *token, server_answer_fn *answered, void *arg)
{
    if (!host_alive(h)) {
        answered(arg, 0, "");
        return 0;
    }
    struct http_exchange *x = check_alloc(1, sizeof *x);
    const char *query = strchr(target, '?');
    *x = (struct http_exchange){.host = h,
                                .life = host_life(h),
                                .role = role,
                                .method = method,
                                .target = check_strdup(target),
                                .path = check_strndup(target, strcspn(target, "?")),
                                .query = check_strdup(query ? query + 1 : ""),
                                .body = check_strdup(body ? body : ""),
                                .label = "",
                                .answered = answered,
                                .answered_arg = arg};
    x->number = ++web.numbers;
    x->asked_ns = world_ns();
    snprintf(x->request_id, sizeof x->request_id, "sim-%llu", (unsigned long long)x->number);
    if (token) {
        char text[200];
        snprintf(text, sizeof text, "Bearer %s", token);
        x->authorization = check_strdup(text);
    }
    list_init(&x->node);
    list_append(&web.all, &x->waiting);
    uint64_t number = x->number;
    world_tell(h, NS_PER_MS, arrives, x);
    return number;
}

static struct http_exchange *find(uint64_t number)
{
    LIST_EACH(node, tmp, &web.all)
    {
        struct http_exchange *x = LIST_ENTRY(node, struct http_exchange, waiting);
        if (x->number == number)
            return x;
    }
    return NULL;
}

static void leaves(void *arg)
{
    uint64_t *number = arg;
    struct http_exchange *x = find(*number);
    free(number);
    if (!x || !x->server || !x->server->p.gone) // answered meanwhile
        return;
    x->server->p.gone(x->server->p.arg, x);
    x->server->in_flight--;
    exchange_free(x);
}

bool server_hang_up(uint64_t request, int64_t waited_ns)
{
    struct http_exchange *x = find(request);
    if (!x || x->left || world_ns() < x->asked_ns + waited_ns)
        return false;
    uint64_t *number = check_alloc(1, sizeof *number);
    *number = request;
    x->answered = NULL;
    x->left = true;
    world_tell(x->host, NS_PER_MS, leaves, number);
    return true;
}

struct http_server *http_server_new(const struct http_server_params *params)
{
    struct http_server *s = check_alloc(1, sizeof *s);
    size_t i = 0;
    s->p = *params;
    s->host = host_current();
    s->life = host_life(s->host);
    list_init(&s->exchanges);
    while (web.servers[i])
        CHECK(++i < SERVERS_MAX);
    web.servers[i] = s;
    return s;
}

int http_server_listen(struct http_server *s, const struct http_listen *listen, struct err *err)
{
    (void)err;
    s->roles |= listen->roles;
    return 0;
}

const char *http_server_address(const struct http_server *s, size_t i)
{
    (void)s;
    return i == 0 ? "127.0.0.1:1" : NULL;
}

void http_server_drain(struct http_server *s)
{
    s->draining = true;
}

size_t http_server_in_flight(const struct http_server *s)
{
    return s->in_flight;
}

static void end(struct http_exchange *x, int status, const char *body)
{
    struct http_server *s = x->server;
    s->in_flight--;
    server_answer_fn *answered = x->answered;
    void *arg = x->answered_arg;
    if (x->sent)
        x->sent(x->sent_arg, true);
    exchange_free(x);
    if (answered)
        answered(arg, status, body);
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < SERVERS_MAX; i++)
        if (web.servers[i] == s)
            web.servers[i] = NULL;
    LIST_EACH(node, tmp, &s->exchanges)
    {
        struct http_exchange *x = LIST_ENTRY(node, struct http_exchange, node);
        if (s->p.gone)
            s->p.gone(s->p.arg, x);
        if (x->answered)
            x->answered(x->answered_arg, 0, "");
        exchange_free(x);
    }
    free(s);
}

uint64_t http_server_requests(const struct http_server *s, int status_class)
{
    (void)s, (void)status_class;
    return 0;
}

uint64_t http_server_rejected(const struct http_server *s)
{
    (void)s;
    return 0;
}

enum http_method http_exchange_method(const struct http_exchange *x)
{
    return x->method;
}

const char *http_exchange_target(const struct http_exchange *x)
{
    return x->target;
}

const char *http_exchange_path(const struct http_exchange *x)
{
    return x->path;
}

const char *http_exchange_query(const struct http_exchange *x)
{
    return x->query;
}

const char *http_exchange_header(const struct http_exchange *x, const char *name)
{
    if (strcasecmp(name, "Authorization") == 0)
        return x->authorization;
    if (strcasecmp(name, "Content-Type") == 0)
        return "application/json";
    return NULL;
}

const char *http_exchange_body(const struct http_exchange *x, size_t *len)
{
    *len = strlen(x->body);
    return x->body;
}

bool http_exchange_wants_upgrade(const struct http_exchange *x)
{
    (void)x;
    return false;
}

unsigned http_exchange_roles(const struct http_exchange *x)
{
    return x->server->roles;
}

const char *http_exchange_service(const struct http_exchange *x)
{
    (void)x;
    return "paperguard";
}

const char *http_exchange_peer(const struct http_exchange *x)
{
    return x->role == HTTP_ROLE_ADMIN ? "unix" : "127.0.0.1";
}

bool http_exchange_peer_ids(const struct http_exchange *x, pid_t *pid, uid_t *uid, gid_t *gid)
{
    *pid = 1;
    *uid = 0;
    *gid = 0;
    return x->role == HTTP_ROLE_ADMIN;
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
    x->sent = fn;
    x->sent_arg = arg;
}

void http_reply(struct http_exchange *x, int status, const char *content_type, const char *body, size_t len,
                const struct http_reply_header *headers, size_t header_count)
{
    (void)content_type, (void)headers, (void)header_count;
    char *copy = check_strndup(body ? body : "", body ? len : 0);
    struct http_server *s = x->server;
    if (s->p.answered)
        s->p.answered(s->p.arg, x, status, 0);
    end(x, status, copy);
    free(copy);
}

void http_reply_drop(struct http_exchange *x)
{
    end(x, 0, "");
}

const char *http_status_text(int status)
{
    (void)status;
    return "";
}
