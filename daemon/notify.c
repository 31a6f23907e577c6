// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The host is looked at when the address is read, and again by the transport's last word before the first byte.
#include "daemon/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/netmask.h"
#include "lib/base/text.h"
#include "lib/io/http_client.h"

#define TIMEOUT_MS 10000
#define ANSWER_MAX 65536u
#define BROKER "alpaca.markets"

struct notify {
    struct http_client *http;
    struct http_call *call;
    struct notify_url url;
    void (*done)(void *arg, bool ok, const char *detail);
    void *arg;
};

static bool broker_host(const char *host)
{
    size_t len = strlen(host), own = strlen(BROKER);
    while (len && host[len - 1] == '.')
        len--;
    return len >= own && strncasecmp(host + len - own, BROKER, own) == 0 && (len == own || host[len - own - 1] == '.');
}

static bool loopback(const char *host)
{
    return netmask_any((const char *const[]){"127.0.0.0/8", "::1"}, 2, host);
}

// What is behind the scheme: host, port, and the rest as the target.
static int authority_parse(const char *at, struct notify_url *u, struct err *err)
{
    size_t len = strcspn(at, "/?");
    bool six = at[0] == '[';
    size_t name = six ? strcspn(at, "]") : strcspn(at, ":/?");
    const char *host = at + six, *rest = at + name + six;
    int64_t port = u->tls ? 443 : 80;
    char digits[8] = "";
    name -= six;
    if (memchr(at, '@', len))
        return err_set(err, "a user or password in the address: leave it out");
    if (name == 0 || name >= sizeof u->host || (size_t)(rest - at) > len)
        return err_set(err, "no host, or one that is too long");
    memcpy(u->host, host, name);
    u->host[name] = '\0';
    if (rest[0] == ':') {
        size_t n = len - (size_t)(rest - at) - 1;
        if (n >= sizeof digits)
            return err_set(err, "the port is not 1 to 65535");
        memcpy(digits, rest + 1, n);
        if (!str_int64(digits, 1, 65535, &port))
            return err_set(err, "the port is not 1 to 65535");
    } else if ((size_t)(rest - at) != len) {
        return err_set(err, "the host cannot be read");
    }
    u->port = (int)port;
    int written = snprintf(u->target, sizeof u->target, "%s%s", at[len] == '/' ? "" : "/", at + len);
    return written < (int)sizeof u->target ? 0 : err_set(err, "longer than %d bytes", NOTIFY_TARGET_MAX - 1);
}

int notify_url_parse(const char *url, struct notify_url *out, struct err *err)
{
    struct notify_url u = {.tls = str_starts(url, "https://")};
    for (const char *at = url; *at; at++)
        if (*at <= ' ' || *at >= 0x7f || *at == '#' || *at == '\\')
            return err_set(err, "a character that has no place in an address");
    if (!u.tls && !str_starts(url, "http://"))
        return err_set(err, "expected https://HOST/PATH, or http:// to a loopback address");
    if (authority_parse(url + (u.tls ? 8 : 7), &u, err) != 0)
        return -1;
    if (!u.tls && !loopback(u.host))
        return err_set(err, "plain http goes to a loopback address alone (127.0.0.0/8, [::1]): use https");
    if (broker_host(u.host))
        return err_set(err, "a host of the broker: nothing is posted there");
    *out = u;
    return 0;
}

struct notify *notify_new(struct loop *loop, const struct notify_url *url)
{
    struct notify *n = check_alloc(1, sizeof *n);
    n->url = *url;
    n->http = http_client_new(&(struct http_client_params){.loop = loop,
                                                           .allow_loopback_http = !url->tls,
                                                           .answer_max = ANSWER_MAX,
                                                           .max_connections = 1,
                                                           .user_agent = "paperguard"});
    return n;
}

void notify_free(struct notify *n)
{
    if (!n)
        return;
    if (n->call)
        http_client_cancel(n->call);
    http_client_free(n->http);
    free(n);
}

static bool before_send(void *arg, const struct http_wire *wire)
{
    const struct notify *n = arg;
    return !broker_host(wire->host) && strcmp(wire->host, n->url.host) == 0;
}

static void answered(void *arg, const struct http_answer *a)
{
    struct notify *n = arg;
    char detail[160];
    bool ok = a->result == HTTP_RESULT_OK && a->status >= 200 && a->status <= 299;
    n->call = NULL;
    if (a->result == HTTP_RESULT_OK)
        snprintf(detail, sizeof detail, "status %d", a->status);
    else
        snprintf(detail, sizeof detail, "%s: %.120s", http_result_name(a->result), a->detail);
    n->done(n->arg, ok, detail);
}

void notify_post(struct notify *n, const char *body, void (*done)(void *arg, bool ok, const char *detail), void *arg)
{
    static const char *const headers[] = {"Content-Type: application/json"};
    CHECK(!n->call);
    n->done = done;
    n->arg = arg;
    n->call = http_client_send(n->http, &(struct http_request){.method = "POST",
                                                               .scheme = n->url.tls ? "https" : "http",
                                                               .host = n->url.host,
                                                               .target = n->url.target,
                                                               .port = n->url.port,
                                                               .body = body,
                                                               .body_len = strlen(body),
                                                               .headers = headers,
                                                               .header_count = 1,
                                                               .timeout_ms = TIMEOUT_MS,
                                                               .before_send = before_send,
                                                               .done = answered,
                                                               .arg = n});
}
