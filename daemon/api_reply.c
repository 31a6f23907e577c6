// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Answers as JSON.
#include "daemon/api_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define JSON_TYPE "application/json"
#define DETAIL_MAX 512

// Nothing here is a page: a browser that is led to an answer shows it, runs nothing and frames it nowhere.
static const struct http_reply_header SAFETY[] = {
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

static void send_as(struct http_exchange *x, int status, const char *type, const char *body, size_t len,
                    const struct http_reply_header *more)
{
    struct http_reply_header headers[ARRAY_LEN(SAFETY) + 2];
    char id[HTTP_REQUEST_ID_MAX];
    size_t n = ARRAY_LEN(SAFETY);
    memcpy(headers, SAFETY, sizeof SAFETY);
    str_copy_cut(id, sizeof id, http_exchange_request_id(x)); // x ends with the reply
    headers[n++] = (struct http_reply_header){"X-Request-Id", id};
    if (more)
        headers[n++] = *more;
    http_reply(x, status, type, body, len, headers, n);
}

static void reply(struct http_exchange *x, int status, const struct text *body, const char *name, const char *value)
{
    const struct http_reply_header header = {name, value};
    send_as(x, status, JSON_TYPE, text_str(body), body->len, name ? &header : NULL);
}

void api_reply_text(struct http_exchange *x, const char *type, const char *body, size_t len)
{
    send_as(x, 200, type, body, len, NULL);
}

void api_reply_json(struct http_exchange *x, int status, const struct text *body)
{
    if (body->overflow)
        api_reply_problem(x, 500, "the answer is larger than %u bytes: ask with a smaller limit", API_ANSWER_MAX);
    else
        reply(x, status, body, NULL, NULL);
}

static void problem(struct http_exchange *x, int status, const char *code, const char *detail, const char *name,
                    const char *value)
{
    struct text t;
    struct json_out o;
    text_init(&t, API_ANSWER_MAX);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_int(&o, "status", status);
    json_put_string(&o, "error", http_status_text(status));
    if (code)
        json_put_string(&o, "code", code);
    json_put_string(&o, "detail", detail);
    json_object_end(&o);
    reply(x, status, &t, name, value);
    text_free(&t);
}

void api_reply_problem(struct http_exchange *x, int status, const char *format, ...)
{
    char detail[DETAIL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    problem(x, status, NULL, detail, status == 401 ? "WWW-Authenticate" : NULL, "Bearer");
}

void api_reply_method(struct http_exchange *x, const char *allow)
{
    char detail[DETAIL_MAX];
    snprintf(detail, sizeof detail, "%s is not possible here; %s is", http_method_name(http_exchange_method(x)), allow);
    problem(x, 405, NULL, detail, "Allow", allow);
}

void api_reply_retry(struct http_exchange *x, int status, int after_s, const char *detail)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%d", after_s);
    problem(x, status, NULL, detail, "Retry-After", seconds);
}

bool api_standby_refused(const struct snapshot *s, struct http_exchange *x)
{
    char detail[DETAIL_MAX];
    if (!snapshot_standby(s))
        return false;
    snprintf(detail, sizeof detail, "%.120s: this is for the host that leads", s->guard[CHECK_LEADER].detail);
    problem(x, 503, "standby", detail, NULL, NULL);
    return true;
}

void api_answer_begin(struct text *t, struct json_out *o)
{
    text_init(t, API_ANSWER_MAX);
    json_out_init(o, t);
    json_object_begin(o);
}

void api_answer_end(struct api *a, struct http_exchange *x, int status, struct text *t, struct json_out *o)
{
    const struct snapshot *s = api_snapshot(a);
    snapshot_put_mode(s, o);
    json_put_when(o, "timestamp", s->at_wall_ns);
    json_object_end(o);
    api_reply_json(x, status, t);
    text_free(t);
}
