// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Query strings. One that is not understood whole is refused, for a filter that is silently left out shows the wrong
// rows.
#include "daemon/api_internal.h"

#include <stdio.h>
#include <string.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 500
#define OFFSET_MAX 1000000
#define VALUE_MAX 63 // of a page_token more

static const char *const PARAMS[API_Q_COUNT] = {"limit",    "offset", "run_id", "symbol",    "status",
                                                "strategy", "from",   "to",     "page_token"};

static unsigned bit(int param)
{
    return 1u << param;
}

static int refuse_name(const char *name, unsigned allowed, struct err *err)
{
    const char *names[API_Q_COUNT];
    size_t count = 0;
    struct text t;
    text_init(&t, 160);
    for (int i = 0; i < API_Q_COUNT; i++)
        if (allowed & bit(i)) {
            text_addf(&t, "%s%s", count ? ", " : "", PARAMS[i]);
            names[count++] = PARAMS[i];
        }
    const char *near = str_nearest(name, names, count);
    if (near)
        err_set(err, "unknown parameter \"%s\"; did you mean \"%s\"?", name, near);
    else if (count)
        err_set(err, "unknown parameter \"%s\"; this path takes %s", name, text_str(&t));
    else
        err_set(err, "unknown parameter \"%s\"; this path takes none", name);
    text_free(&t);
    return -1;
}

static int known_names(const char *query, unsigned allowed, struct err *err)
{
    while (*query) {
        size_t part = strcspn(query, "&"), len = strcspn(query, "=&");
        char name[32];
        bool known = false;
        snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), query);
        for (int i = 0; i < API_Q_COUNT; i++)
            known = known || ((allowed & bit(i)) && str_equal(name, PARAMS[i]));
        if (!known)
            return refuse_name(name, allowed, err);
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

static int read_number(const struct api_query *q, int param, int min, int max, int otherwise, int *out, struct err *err)
{
    int64_t n = otherwise;
    if (q->has[param] && !str_int64(q->value[param], min, max, &n))
        return err_set(err, "%s must be a whole number from %d to %d", PARAMS[param], min, max);
    *out = (int)n;
    return 0;
}

static int check_days(const struct api_query *q, struct err *err)
{
    struct day from = {0}, to = {0};
    for (int i = API_Q_FROM; i <= API_Q_TO; i++)
        if (q->has[i] && !day_parse(q->value[i], i == API_Q_FROM ? &from : &to))
            return err_set(err, "%s must be a session's date, such as 2026-10-08", PARAMS[i]);
    if (q->has[API_Q_FROM] && q->has[API_Q_TO] && day_compare(from, to) > 0)
        return err_set(err, "from is later than to: nothing lies between");
    return 0;
}

int api_query_read(const char *query, unsigned allowed, struct api_query *out, struct err *err)
{
    struct api_query q = {0};
    if (known_names(query, allowed, err) != 0)
        return -1;
    for (int i = 0; i < API_Q_COUNT; i++) {
        enum http_query found = http_query_find(query, PARAMS[i], q.value[i], sizeof q.value[i]);
        q.has[i] = found == HTTP_QUERY_FOUND;
        if (found == HTTP_QUERY_BAD || (q.has[i] && (!q.value[i][0] || !plain(q.value[i]))) ||
            (i != API_Q_PAGE_TOKEN && strlen(q.value[i]) > VALUE_MAX))
            return err_set(err, "%s is malformed, empty, too long or given twice", PARAMS[i]);
    }
    if (q.has[API_Q_OFFSET] && q.has[API_Q_PAGE_TOKEN])
        return err_set(err, "offset and page_token exclude each other: a token says where its page begins");
    if (read_number(&q, API_Q_LIMIT, 1, LIMIT_MAX, LIMIT_DEFAULT, &q.limit, err) != 0 ||
        read_number(&q, API_Q_OFFSET, 0, OFFSET_MAX, 0, &q.offset, err) != 0 || check_days(&q, err) != 0)
        return -1;
    *out = q;
    return 0;
}

const char *api_query_value(const struct api_query *q, enum api_param param)
{
    return q->has[param] ? q->value[param] : NULL;
}
