// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What is in the book `unassigned`, into a strategy's book, in two steps: first what would be moved, with a token;
// then, with the token and a reason, it is done. The token is for exactly what was shown.
#include "daemon/admin_internal.h"

#include <stdio.h>
#include <string.h>

#define ASSIGN "/admin/positions/assign/"

struct wish {
    const char *symbol, *strategy;
    struct qty qty, held, has; // to move, in unassigned, in the strategy's book
    char subject[ADMIN_SUBJECT_MAX];
};

static struct qty held_by(const struct admin *a, const char *name, const char *symbol)
{
    const struct book *b = runs_book(a->p.runs, name);
    return b ? book_qty(b, symbol) : (struct qty){0};
}

// A strategy sells what it does not ask for: a symbol that is not among its own would be sold with its next run.
static bool strategy_trades(const struct admin *a, const char *strategy, const char *symbol)
{
    for (size_t i = 0; i < a->p.config->strategy_count; i++) {
        const struct config_strategy *s = &a->p.config->strategies[i];
        for (size_t k = 0; str_equal(s->name, strategy) && k < s->symbols.count; k++)
            if (str_equal(s->symbols.words[k], symbol))
                return true;
    }
    return false;
}

// false: answered.
static bool wish_read(struct admin *a, struct http_exchange *x, const struct api_body *body, struct wish *w)
{
    char held[DECIMAL_TEXT_MAX], qty[DECIMAL_TEXT_MAX];
    w->held = held_by(a, BOOK_UNASSIGNED, w->symbol);
    w->has = held_by(a, w->strategy, w->symbol);
    w->qty = w->held;
    if (strchr(w->strategy, ' '))
        api_reply_problem(x, 400, "a position goes into the book of one strategy");
    else if (!admin_strategy_exists(a, x, w->strategy))
        return false;
    else if (w->held.nanos == 0)
        api_reply_problem(x, 404, "unassigned holds nothing of %.20s (see: paperguard positions --book unassigned)",
                          w->symbol);
    else if (!strategy_trades(a, w->strategy, w->symbol))
        api_reply_problem(x, 409, "%.20s is not among the symbols of %.48s, which would sell it with its next run",
                          w->symbol, w->strategy);
    else if ((body->has & API_BODY_QTY) &&
             decimal_parse(body->qty, strlen(body->qty), DECIMAL_EXACT, &w->qty.nanos) != DECIMAL_OK)
        api_reply_problem(x, 400, "qty must be a decimal number, in a string");
    else if (w->qty.nanos == 0 || (w->qty.nanos > 0) != (w->held.nanos > 0) ||
             (w->qty.nanos > 0 ? w->qty.nanos > w->held.nanos : w->qty.nanos < w->held.nanos))
        api_reply_problem(x, 409, "%s of %.20s cannot be taken out of the %s that unassigned holds",
                          decimal_format(w->qty.nanos, qty), w->symbol, decimal_format(w->held.nanos, held));
    else
        return snprintf(w->subject, sizeof w->subject, "%.20s %.48s %s %s", w->symbol, w->strategy,
                        decimal_format(w->qty.nanos, qty), decimal_format(w->held.nanos, held)) > 0;
    return false;
}

static void show(struct admin *a, struct http_exchange *x, const struct wish *w)
{
    struct text t;
    struct json_out o;
    api_answer_begin(&t, &o);
    json_put_string(&o, "symbol", w->symbol);
    json_put_string(&o, "strategy", w->strategy);
    json_put_decimal(&o, "qty", w->qty.nanos);
    json_put_decimal(&o, "unassigned", w->held.nanos);
    json_put_decimal(&o, "held", w->has.nanos);
    admin_step_put_token(&o, &a->assign, w->subject);
    api_answer_end(a->p.api, x, 200, &t, &o);
}

static void confirm(struct admin *a, struct http_exchange *x, const struct wish *w, const char *reason, const char *who)
{
    struct api_wait *wait = api_wait_new(a->p.api, x);
    if (wait)
        reconcile_assign(a->p.reconcile,
                         &(struct reconcile_assignment){.symbol = w->symbol,
                                                        .strategy = w->strategy,
                                                        .qty = w->qty,
                                                        .held = w->held,
                                                        .reason = reason,
                                                        .who = who},
                         admin_answer_accepted, wait);
}

void admin_serve_assign(struct admin *a, struct http_exchange *x, const char *who)
{
    struct api_body body;
    enum admin_step step = admin_step_read(x, API_BODY_STRATEGIES | API_BODY_QTY, API_BODY_STRATEGIES, &body);
    if (step == ADMIN_STEP_NONE)
        return;
    struct wish w = {.symbol = http_exchange_path(x) + strlen(ASSIGN), .strategy = body.strategies};
    if (!wish_read(a, x, &body, &w))
        return;
    if (step == ADMIN_STEP_ASK)
        show(a, x, &w);
    else if (admin_step_confirmed(&a->assign, x, w.subject, body.code, "for what is there now"))
        confirm(a, x, &w, body.reason, who);
}
