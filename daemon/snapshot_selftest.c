// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The last self-test, as readers see it.
#include "daemon/snapshot_internal.h"

void snapshot_put_self_test(const struct snapshot *s, struct json_out *o)
{
    json_key(o, "self_test");
    if (!s->self_test.at) {
        json_add_null(o);
        return;
    }
    json_object_begin(o);
    json_put_bool(o, "passed", s->self_test.passed);
    json_put_string(o, "cause", s->self_test.cause);
    snapshot_put_when(o, "at", s->self_test.at);
    json_put_int(o, "rows", s->self_test.rows);
    json_put_int(o, "failed", s->self_test.failed);
    json_put_int(o, "took_microseconds", s->self_test.took_ns / 1000);
    json_put_string(o, "detail", s->self_test.detail);
    json_object_end(o);
}
