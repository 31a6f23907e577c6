// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// How ledger and broker differ, and taking the broker's side of exactly the difference that was looked at.
#include "daemon/admin_internal.h"

static void answer(struct admin *a, struct http_exchange *x)
{
    struct text t;
    struct json_out o;
    api_answer_begin(&t, &o);
    reconcile_write_drift(a->p.reconcile, &o);
    api_answer_end(a->p.api, x, 200, &t, &o);
}

static void passed(void *arg, bool in_step, const char *detail)
{
    struct api_wait *w = arg;
    struct admin *a = w->owner;
    struct http_exchange *x = api_wait_end(w);
    (void)in_step, (void)detail;
    if (x)
        answer(a, x);
}

// Compared anew, unless the broker is away: then what was seen last.
void admin_serve_drift(struct admin *a, struct http_exchange *x, const char *who)
{
    const struct snapshot *s = a->p.snapshot(a->p.arg);
    (void)who;
    if (!s->broker_connected || !s->database_connected) {
        answer(a, x);
        return;
    }
    struct api_wait *w = api_wait_new(a->p.api, x);
    if (!w)
        return;
    w->owner = a;
    reconcile_pass(a->p.reconcile, passed, w);
}

void admin_serve_drift_accept(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    unsigned both = API_BODY_CODE | API_BODY_REASON;
    if (!api_body_read(x, both, both, &body))
        return;
    struct api_wait *w = api_wait_new(a->p.api, x);
    if (!w)
        return;
    reconcile_accept_drift(a->p.reconcile, body.code, body.reason, who, admin_answer_accepted, w);
}
