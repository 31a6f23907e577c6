// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A list that was written since then must say of every run what the ledger says; one from before may be old.
#include "tests/sim/cached.h"

#include <string.h>

#include "lib/base/json_read.h"
#include "tests/sim/check.h"
#include "tests/sim/redis.h"
#include "tests/sim/store.h"

void cached_check(int64_t calm_ns)
{
    struct json_doc *doc;
    struct err err;
    int64_t set_ns = 0;
    const char *value = redis_value(":runs", &set_ns);
    if (!value || set_ns < calm_ns)
        return;
    if (json_doc_parse(value, strlen(value), &doc, &err) != 0) {
        check_violation("the runs in Redis are no JSON: %s", err.text);
        return;
    }
    const struct json_node *runs = json_get(json_doc_root(doc), "runs");
    for (size_t i = 0; i < json_size(runs); i++) {
        const char *id = json_string(json_get(json_at(runs, i), "run_id"));
        const char *status = json_string(json_get(json_at(runs, i), "status"));
        const char *kept = store_value("SELECT status FROM runs WHERE run_id = $1", id);
        if (!id || !status || strcmp(status, kept) != 0)
            check_violation("run %s is %s in Redis and %s in the ledger", id ? id : "-", status ? status : "-", kept);
    }
    json_doc_free(doc);
}
