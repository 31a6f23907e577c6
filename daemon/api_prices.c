// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Prices, answered from memory. Between runs nobody reads them; a reader who finds them old has them read anew for the
// next one, seldom enough to leave the broker's rate budget to the orders.
#include "daemon/api_internal.h"

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define OLD_NS (30 * NS_PER_S)
#define ASK_AGAIN_NS (15 * NS_PER_S)
#define SYMBOLS_MAX 200

static void refreshed(void *arg, bool ok, const char *detail)
{
    (void)arg; // the api may be gone by now
    if (!ok)
        log_debug("prices were not refreshed: %s", detail);
}

static bool is_old(const struct snapshot *s, const struct snapshot_price *p)
{
    return !p->known || s->at_wall_ns - p->at_wall_ns > OLD_NS;
}

static void refresh_old(struct api *a, const struct snapshot *s, const char *symbol)
{
    const char *symbols[SYMBOLS_MAX];
    size_t count = 0;
    int64_t now = clock_boot_ns();
    bool wanted = false;
    for (size_t i = 0; i < s->price_count && count < SYMBOLS_MAX; i++) {
        const struct snapshot_price *p = &s->prices[i];
        bool old = is_old(s, p), asked = !symbol || str_equal(symbol, p->symbol);
        wanted = wanted || (old && asked);
        if (asked)
            metrics_add(a->p.metrics, METRIC_PRICE_CACHE, old ? "miss" : "hit", 1);
        if (old)
            symbols[count++] = p->symbol;
    }
    if (!wanted || (a->prices_asked_ns && now - a->prices_asked_ns < ASK_AGAIN_NS) || s->draining ||
        !s->broker_connected || s->guard_answer != GUARD_PASS)
        return;
    a->prices_asked_ns = now;
    reconcile_refresh(a->p.reconcile, symbols, count, refreshed, NULL);
}

void api_serve_prices(const struct api_call *c)
{
    const struct snapshot *s = api_snapshot(c->api);
    struct api_query q;
    struct err err;
    struct text t;
    struct json_out o;
    if (api_query_read(http_exchange_query(c->x), 1u << API_Q_SYMBOL, &q, &err) != 0) {
        api_reply_problem(c->x, 400, "%s", err.text);
        return;
    }
    const char *symbol = api_query_value(&q, API_Q_SYMBOL);
    if (symbol && !symbol_valid(symbol)) {
        api_reply_problem(c->x, 400, "symbol must be 1 to 12 of A-Z, 0-9 and '.', a letter first, such as SPY");
        return;
    }
    refresh_old(c->api, s, symbol);
    text_init(&t, API_ANSWER_MAX);
    json_out_init(&o, &t);
    snapshot_write_prices(s, symbol, &o);
    api_reply_json(c->x, 200, &t);
    text_free(&t);
}
