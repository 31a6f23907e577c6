// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The self-test, now, because an operator wants to see it.
#include "daemon/admin_internal.h"
#include "lib/base/log.h"

void admin_serve_selftest(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    struct text t;
    struct json_out o;
    const struct selftest *s = a->p.selftest;
    if (!api_body_read(x, 0, 0, &body))
        return;
    log_info("a self-test is asked for by %s", who);
    a->p.selftest_run(a->p.arg, "operator");
    api_answer_begin(&t, &o);
    json_put_bool(&o, "passed", s->failed == 0);
    json_put_string(&o, "detail", s->detail);
    json_put_int(&o, "took_microseconds", s->took_ns / 1000);
    json_key(&o, "rows");
    json_array_begin(&o);
    for (size_t i = 0; i < s->count; i++) {
        const struct selftest_row *r = &s->rows[i];
        json_object_begin(&o);
        json_put_string(&o, "kind", selftest_kind_name(r->kind));
        json_put_string(&o, "code", r->code);
        json_put_bool(&o, "fired", r->fired);
        json_put_string(&o, "found", r->found);
        json_object_end(&o);
    }
    json_array_end(&o);
    api_answer_end(a->p.api, x, 200, &t, &o);
}
