// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The API's life, and its waits: an exchange that is answered later is reached only through a wait, so that a client
// that leaves, or the end of the api, only takes the exchange out of it.
#include "daemon/api_internal.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_S 1

struct api *api_new(const struct api_params *params)
{
    struct api *a = check_alloc(1, sizeof *a);
    a->p = *params;
    list_init(&a->waits);
    list_init(&a->questions);
    a->has_token = params->token && params->token[0];
    if (a->has_token)
        a->token = digest_of(params->token, strlen(params->token));
    metrics_add(a->p.metrics, METRIC_PRICE_CACHE, "hit", 0);
    metrics_add(a->p.metrics, METRIC_PRICE_CACHE, "miss", 0);
    a->p.token = NULL; // only its digest stays
    return a;
}

void api_free(struct api *a)
{
    if (!a)
        return;
    LIST_EACH(node, tmp, &a->waits)
    {
        struct api_wait *w = LIST_ENTRY(node, struct api_wait, node);
        loop_cancel(a->p.loop, &w->timer);
        list_remove(&w->node);
        free(w->more);
        free(w);
    }
    mem_wipe(&a->token, sizeof a->token);
    free(a);
}

struct api_wait *api_wait_new(struct api *a, struct http_exchange *x)
{
    if (a->wait_count >= API_WAITS_MAX) {
        api_reply_retry(x, 503, RETRY_S, "too many requests wait for an answer");
        return NULL;
    }
    struct api_wait *w = check_alloc(1, sizeof *w);
    w->api = a;
    w->x = x;
    list_append(&a->waits, &w->node);
    a->wait_count++;
    http_exchange_set_context(x, w);
    return w;
}

struct http_exchange *api_wait_end(struct api_wait *w)
{
    struct http_exchange *x = w->x;
    w->api->wait_count--;
    list_remove(&w->node);
    free(w);
    if (x)
        http_exchange_set_context(x, NULL);
    return x;
}

struct http_exchange *api_wait_end_if(struct api_wait *w, bool ok, int status, const char *why)
{
    struct http_exchange *x = api_wait_end(w);
    if (ok || !x)
        return x;
    api_reply_problem(x, status, "%s", why && why[0] ? why : "it was refused");
    return NULL;
}

void api_gone(struct api *a, struct http_exchange *x)
{
    struct api_wait *w = http_exchange_context(x);
    if (!w)
        return;
    w->x = NULL;
    if (!w->timer)
        return; // its completion is still to come
    loop_cancel(a->p.loop, &w->timer);
    a->auth_held--;
    api_wait_end(w);
}
