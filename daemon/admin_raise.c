// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A limit raised for a time, in two steps: first what it would be and until when, with a token; then, with the token
// and a reason, it holds. Taking a raise back needs one step: it only tightens.
#include "daemon/admin_internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/io/clock.h"

#define RAISE "/admin/limits/raise/"
#define REVERT "/admin/limits/revert/"

struct wish {
    const char *name;
    int64_t value, for_ns, from, to; // from: what holds now; to: the highest it may be
    char subject[ADMIN_SUBJECT_MAX];
};

// "90s", "30m", "2h".
static bool duration_parse(const char *text, int64_t *ns)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
    char digits[16];
    size_t n = strspn(text, "0123456789");
    int64_t count;
    if (n == 0 || n >= sizeof digits || strlen(text) != n + 1)
        return false;
    str_copy_cut(digits, n + 1, text);
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (text[n] == units[i].unit && str_int64(digits, 1, RAISES_FOR_MAX_NS / NS_PER_S, &count)) {
            *ns = count * units[i].seconds * NS_PER_S;
            return *ns <= RAISES_FOR_MAX_NS;
        }
    return false;
}

// false: answered.
static bool wish_read(const struct admin *a, struct http_exchange *x, const struct api_body *body, struct wish *w)
{
    struct err err;
    char most[DECIMAL_TEXT_MAX], now[DECIMAL_TEXT_MAX];
    if (raises_bounds(a->p.raises, w->name, a->p.limits, &w->from, &w->to, &err) != 0)
        api_reply_problem(x, 409, "%s", err.text);
    else if (decimal_parse(body->value, strlen(body->value), DECIMAL_EXACT, &w->value) != DECIMAL_OK ||
             (raises_whole(w->name) && w->value % DECIMAL_ONE))
        api_reply_problem(x, 400, "value must be a %s number, in a string",
                          raises_whole(w->name) ? "whole" : "decimal");
    else if (w->value <= w->from || w->value > w->to)
        api_reply_problem(x, 409, "%s stands at %s and may be raised to at most %s", w->name,
                          decimal_format(w->from, now), decimal_format(w->to, most));
    else if (!duration_parse(body->lasts, &w->for_ns))
        api_reply_problem(x, 400, "for must be a time such as 30m or 2h, at most 24h");
    else
        return snprintf(w->subject, sizeof w->subject, "%.40s %s %s", w->name, decimal_format(w->value, now),
                        body->lasts) > 0;
    return false;
}

static void show(struct admin *a, struct http_exchange *x, const struct wish *w)
{
    struct text t;
    struct json_out o;
    api_answer_begin(&t, &o);
    json_put_string(&o, "name", w->name);
    json_put_decimal(&o, "now", w->from);
    json_put_decimal(&o, "value", w->value);
    json_put_decimal(&o, "most", w->to);
    json_put_when(&o, "until", clock_wall_ns() + w->for_ns);
    admin_step_put_token(&o, &a->raise, w->subject);
    api_answer_end(a->p.api, x, 200, &t, &o);
}

static void set(struct admin *a, struct http_exchange *x, const struct limit_raise *raise, int64_t now)
{
    struct api_wait *wait = api_wait_new(a->p.api, x);
    if (wait)
        raises_set(a->p.raises, raise, clock_boot_ns(), now, admin_answer_accepted, wait);
}

static void confirm(struct admin *a, struct http_exchange *x, const struct wish *w, const char *reason, const char *who)
{
    int64_t now = clock_wall_ns();
    struct limit_raise raise = {.value = w->value, .until = now + w->for_ns};
    str_copy_cut(raise.name, sizeof raise.name, w->name);
    str_copy_cut(raise.reason, sizeof raise.reason, reason);
    str_copy_cut(raise.operator, sizeof raise.operator, who);
    set(a, x, &raise, now);
}

void admin_serve_raise(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    unsigned what = API_BODY_VALUE | API_BODY_FOR;
    enum admin_step step = admin_step_read(x, what, what, &body);
    if (step == ADMIN_STEP_NONE)
        return;
    struct wish w = {.name = http_exchange_path(x) + strlen(RAISE)};
    if (!wish_read(a, x, &body, &w))
        return;
    if (step == ADMIN_STEP_ASK)
        show(a, x, &w);
    else if (admin_step_confirmed(&a->raise, x, w.subject, body.code, "for this raise"))
        confirm(a, x, &w, body.reason, who);
}

void admin_serve_revert(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    const char *name = http_exchange_path(x) + strlen(REVERT);
    if (!api_body_read(x, API_BODY_REASON, API_BODY_REASON, &body))
        return;
    const struct limit_raise *held = raises_of(a->p.raises, name);
    if (!held) {
        api_reply_problem(x, 404, "%.40s is not raised", name);
        return;
    }
    int64_t now = clock_wall_ns();
    struct limit_raise over = *held;
    over.until = now;
    str_copy_cut(over.reason, sizeof over.reason, body.reason);
    str_copy_cut(over.operator, sizeof over.operator, who);
    set(a, x, &over, now);
}
