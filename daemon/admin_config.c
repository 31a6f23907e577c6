// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The config as it runs, and what a reload would make of the files as they are now.
#include "daemon/admin_internal.h"

#include <stdio.h>

#include "lib/guard/guard.h"
#include "lib/io/clock.h"

void admin_serve_config(struct admin *a, struct http_exchange *x, const char *who)
{
    struct text t;
    struct json_out o;
    (void)who;
    api_answer_begin(&t, &o);
    json_put_string(&o, "file", a->p.config_path);
    json_key(&o, "options");
    config_write_json(a->p.config, &o);
    api_answer_end(a->p.api, x, 200, &t, &o);
}

// --- the difference

static const char *verdict_name(enum config_verdict v)
{
    switch (v) {
    case CONFIG_APPLIED:
        return "applied";
    case CONFIG_REFUSED:
        return "refused";
    case CONFIG_RESTART:
        return "restart";
    case CONFIG_SAME:
        break;
    }
    return "same";
}

static void put_difference(void *arg, const struct config_difference *d)
{
    struct json_out *o = arg;
    json_object_begin(o);
    json_put_string(o, "section", d->section);
    json_put_string(o, "name", d->name);
    json_put_string(o, "key", d->key);
    json_put_string(o, "running", d->running);
    json_put_string(o, "file", d->file);
    json_put_string(o, "origin", d->origin);
    json_put_string(o, "reload", verdict_name(d->verdict));
    json_object_end(o);
}

void admin_serve_config_diff(struct admin *a, struct http_exchange *x, const char *who)
{
    struct text t;
    struct json_out o;
    struct err err;
    struct config *fresh = NULL;
    (void)who;
    int rc = config_load(a->p.config_path, &fresh, &err);
    if (rc == 0)
        rc = facts_judge(fresh, a->p.config_path, a->p.envp, &err); // as at a reload
    api_answer_begin(&t, &o);
    json_put_string(&o, "file", a->p.config_path);
    json_put_string(&o, "trouble", rc == 0 ? NULL : err.text);
    json_key(&o, "differences");
    json_array_begin(&o);
    if (rc == 0)
        config_compare(a->p.config, fresh, put_difference, &o);
    json_array_end(&o);
    api_answer_end(a->p.api, x, 200, &t, &o);
    if (fresh)
        config_free(fresh);
}
