// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The broker's key: which it is, since when, and another one in its place.
#include "daemon/admin_internal.h"
#include "lib/base/log.h"

static void put_key(const struct snapshot *s, struct json_out *o)
{
    const struct snapshot_key *k = &s->key;
    json_put_string(o, "key", k->shown);
    json_put_string(o, "key_pin", k->fingerprint);
    json_put_bool(o, "in_file", k->in_file);
    json_put_bool(o, "locked_in_memory", k->locked);
    if (k->first_seen) {
        json_put_when(o, "first_seen", k->first_seen);
        json_put_int(o, "age_seconds", (s->at_wall_ns - k->first_seen) / NS_PER_S);
    } else {
        json_put_null(o, "first_seen");
        json_put_null(o, "age_seconds");
    }
}

void admin_put_key(const struct admin *a, struct json_out *o)
{
    json_key(o, "key");
    json_object_begin(o);
    put_key(a->p.snapshot(a->p.arg), o);
    json_object_end(o);
}

void admin_serve_keys(struct admin *a, struct http_exchange *x, const char *who)
{
    struct text t;
    struct json_out o;
    (void)who;
    api_answer_begin(&t, &o);
    put_key(a->p.snapshot(a->p.arg), &o);
    api_answer_end(a->p.api, x, 200, &t, &o);
}

static void rotated(void *arg, const struct rotation_result *r)
{
    struct api_wait *w = arg;
    struct api *api = w->api;
    struct http_exchange *x = api_wait_end_if(w, r->end == ROTATION_ROTATED, 409, r->detail);
    struct text t;
    struct json_out o;
    if (!x)
        return;
    api_answer_begin(&t, &o);
    json_put_string(&o, "result", "rotated");
    json_put_string(&o, "detail", r->detail);
    json_put_string(&o, "key", r->key);
    json_put_string(&o, "key_pin", r->pin);
    json_put_string(&o, "former_key", r->former);
    json_put_bool(&o, "smoke_passed", r->smoke_passed);
    json_put_string(&o, "smoke", r->smoke);
    json_put_string(&o, "former_key_state", r->old_key);
    json_put_string(&o, "former_key_detail", r->old_detail);
    api_answer_end(api, x, 200, &t, &o);
}

void admin_serve_keys_rotate(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    if (!api_body_read(x, 0, 0, &body))
        return;
    struct api_wait *w = api_wait_new(a->p.api, x);
    if (!w)
        return;
    log_notice("a rotation of the key is asked for by %s", who);
    a->p.rotate(a->p.arg, rotated, w);
}
