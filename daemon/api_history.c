// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// History: what Postgres recorded, filtered and paged. A query that is not understood whole is refused, for a filter
// that is silently left out shows the wrong rows.
#include "daemon/api_internal.h"

#include <stdio.h>
#include <string.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 500
#define OFFSET_MAX 1000000
#define VALUE_MAX 64
#define RETRY_S 2

enum { P_LIMIT, P_OFFSET, P_RUN_ID, P_SYMBOL, P_STATUS, P_STRATEGY, P_COUNT };
static const char *const PARAMS[P_COUNT] = {"limit", "offset", "run_id", "symbol", "status", "strategy"};

struct query_values {
    bool has[P_COUNT];
    char value[P_COUNT][VALUE_MAX];
};

static const char *list_name(enum ledger_query query)
{
    switch (query) {
    case LEDGER_QUERY_RUNS:
        return "runs";
    case LEDGER_QUERY_ORDERS:
        return "orders";
    case LEDGER_QUERY_FILLS:
        return "fills";
    case LEDGER_QUERY_POSITIONS:
        return "positions";
    case LEDGER_QUERY_ALERTS:
        return "alerts";
    case LEDGER_QUERY_DECISIONS:
        return "decisions";
    case LEDGER_QUERY_EQUITY:
        return "equity";
    case LEDGER_QUERY_SIGNALS:
        return "signals";
    case LEDGER_QUERY_STRATEGIES:
        return "strategies";
    case LEDGER_QUERY_RUN:
        break;
    }
    return NULL;
}

static int known_names(const char *query, struct err *err)
{
    while (*query) {
        size_t part = strcspn(query, "&"), len = strcspn(query, "=&");
        char name[32];
        bool known = false;
        snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), query);
        for (int i = 0; i < P_COUNT; i++)
            known = known || str_equal(name, PARAMS[i]);
        if (!known) {
            const char *near = str_nearest(name, PARAMS, P_COUNT);
            return err_set(err, "unknown parameter \"%s\"%s%s%s", name, near ? "; did you mean \"" : "",
                           near ? near : "", near ? "\"?" : "");
        }
        query += part + (query[part] == '&');
    }
    return 0;
}

static bool plain(const char *s)
{
    for (; *s; s++)
        if (*s <= ' ' || *s >= 0x7f)
            return false;
    return true;
}

static int read_query(const char *query, struct query_values *v, struct err *err)
{
    if (known_names(query, err) != 0)
        return -1;
    for (int i = 0; i < P_COUNT; i++) {
        enum http_query found = http_query_find(query, PARAMS[i], v->value[i], sizeof v->value[i]);
        v->has[i] = found == HTTP_QUERY_FOUND;
        if (found == HTTP_QUERY_BAD || (v->has[i] && (!v->value[i][0] || !plain(v->value[i]))))
            return err_set(err, "%s is malformed, empty, too long or given twice", PARAMS[i]);
    }
    return 0;
}

static int read_number(const struct query_values *v, int param, int min, int max, int otherwise, int *out,
                       struct err *err)
{
    int64_t n = otherwise;
    if (v->has[param] && !str_int64(v->value[param], min, max, &n))
        return err_set(err, "%s must be a whole number from %d to %d", PARAMS[param], min, max);
    *out = (int)n;
    return 0;
}

static const char *or_any(const struct query_values *v, int param)
{
    return v->has[param] ? v->value[param] : NULL;
}

// One run's members stand at the top, with the mode's in front.
static void answer_run(struct api *a, struct http_exchange *x, const char *json)
{
    struct text t;
    struct json_out o;
    if (json[0] != '{') {
        api_reply_problem(x, 404, "no run has this id");
        return;
    }
    api_answer_begin(&t, &o);
    snapshot_put_mode(api_snapshot(a), &o);
    text_addc(&t, ',');
    text_add(&t, json + 1);
    api_reply_json(x, 200, &t);
    text_free(&t);
}

static void query_done(void *arg, enum ledger_result result, const char *json)
{
    struct api_wait *w = arg, asked = *w;
    struct http_exchange *x = api_wait_end(w);
    struct text t;
    struct json_out o;
    if (!x)
        return;
    if (result != LEDGER_OK || !json) {
        api_reply_retry(x, 503, RETRY_S, "Postgres does not answer: history cannot be read now");
        return;
    }
    if (!asked.name) {
        answer_run(asked.api, x, json);
        return;
    }
    api_answer_begin(&t, &o);
    json_key(&o, asked.name);
    json_add_raw(&o, json);
    json_put_int(&o, "limit", asked.limit);
    json_put_int(&o, "offset", asked.offset);
    api_answer_end(asked.api, x, 200, &t, &o);
}

void api_history(struct api *a, struct http_exchange *x, enum ledger_query query, const char *id)
{
    struct query_values v = {0};
    struct err err;
    int limit = 0, offset = 0;
    if (read_query(http_exchange_query(x), &v, &err) != 0 ||
        read_number(&v, P_LIMIT, 1, LIMIT_MAX, LIMIT_DEFAULT, &limit, &err) != 0 ||
        read_number(&v, P_OFFSET, 0, OFFSET_MAX, 0, &offset, &err) != 0) {
        api_reply_problem(x, 400, "%s", err.text);
        return;
    }
    const struct ledger_filter filter = {
        .id = id,
        .run_id = or_any(&v, P_RUN_ID),
        .symbol = or_any(&v, P_SYMBOL),
        .status = or_any(&v, P_STATUS),
        .strategy = or_any(&v, P_STRATEGY),
        .limit = limit,
        .offset = offset,
    };
    struct api_wait *w = api_wait_new(a, x);
    if (!w)
        return;
    w->name = list_name(query);
    w->limit = limit;
    w->offset = offset;
    ledger_query(a->p.ledger, query, &filter, query_done, w);
}

void api_one_run(struct api *a, struct http_exchange *x, const char *id)
{
    size_t len = strlen(id);
    if (len == 0 || len >= RUN_ID_MAX || strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz-") != len)
        api_reply_problem(x, 404, "no run has this id");
    else
        api_history(a, x, LEDGER_QUERY_RUN, id);
}
