// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What goes into the chain of decisions that no module decides by itself: requests that change something, or that were
// refused. And where the chain's heads go.
#include <stdio.h>

#include "daemon/daemon.h"
#include "lib/base/log.h"

static void asker(const struct http_exchange *x, char *out, size_t size)
{
    pid_t pid;
    uid_t uid;
    gid_t gid;
    if (http_exchange_peer_ids(x, &pid, &uid, &gid))
        snprintf(out, size, "admin socket, user id %u", (unsigned)uid);
    else
        snprintf(out, size, "%.60s, request %.64s", http_exchange_peer(x), http_exchange_request_id(x));
}

void daemon_request_decided(struct daemon *d, const struct http_exchange *x, int status)
{
    enum http_method method = http_exchange_method(x);
    bool reads = method == HTTP_GET || method == HTTP_HEAD;
    char subject[200], rule[12], detail[160];
    if (!d->ledger || (reads && status != 401 && status != 403))
        return;
    snprintf(subject, sizeof subject, "%s %.180s", http_method_name(method), http_exchange_path(x));
    snprintf(rule, sizeof rule, "%d", status);
    asker(x, detail, sizeof detail);
    ledger_decision(d->ledger, "request", subject, status < 400 ? "accepted" : "denied", rule, detail, clock_wall_ns());
}

static int head_url(const struct config *c, struct notify_url *out, struct err *err)
{
    if (notify_url_parse(c->head_url, out, err) != 0)
        return err_wrap(err, "[audit] head_url (%s)", config_origin(c, "audit", "head_url"));
    return 0;
}

int daemon_judge_audit(const struct config *c, struct err *err)
{
    struct notify_url url;
    return c->head_url[0] ? head_url(c, &url, err) : 0;
}

void daemon_heads_new(struct daemon *d)
{
    struct notify_url url;
    struct err err;
    const struct guard_facts *f = facts_view(d->facts);
    bool has_url = d->config->head_url[0] && head_url(d->config, &url, &err) == 0; // judged before
    if (has_url && url.port == f->trading_port && str_equal(url.host, f->trading_host)) {
        log_error("[audit] head_url is the simulator in the broker's place: nothing is posted there");
        has_url = false;
    }
    d->heads = heads_new(&(struct heads_params){
        .loop = d->loop,
        .ledger = d->ledger,
        .disk = d->disk,
        .metrics = d->metrics,
        .environment = facts_environment_name(d->facts),
        .host = d->host,
        .instance = d->config->instance,
        .file = d->config->head_file,
        .url = has_url ? &url : NULL,
        .keep_days = d->config->audit_keep_days,
        .alert = daemon_alert,
        .arg = d,
    });
}

void daemon_heads_look(struct daemon *d)
{
    if (d->heads && d->ledger_state == LEDGER_READY)
        heads_look(d->heads, clock_wall_ns(), clock_boot_ns());
}
