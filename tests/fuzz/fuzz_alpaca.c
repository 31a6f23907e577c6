// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Any bytes, taken as an answer of the broker: every reader takes it, or each entry of it, whole or writes nothing;
// what is taken keeps the rules that the rest of the house builds on, and a refusal can be shown.
#include <stdint.h>

#include "lib/base/text.h"
#include "lib/trade/alpaca_json.h"
#include "tests/fuzz/fuzz_text.h"

#define UNTOUCHED 0x5a

union any {
    struct alpaca_account account;
    struct order_state order;
    struct alpaca_position position;
    struct alpaca_fill fill;
    struct alpaca_activity activity;
    struct alpaca_clock clock;
    struct alpaca_calendar_day day;
    struct alpaca_asset asset;
    struct alpaca_bar bar;
};

#define ADAPT(kind)                                                                                                    \
    static int read_##kind(const struct json_node *n, union any *out, struct err *err)                                 \
    {                                                                                                                  \
        return alpaca_##kind##_parse(n, (void *)out, err);                                                             \
    }
ADAPT(account)
ADAPT(order)
ADAPT(position)
ADAPT(fill)
ADAPT(activity)
ADAPT(clock)
ADAPT(calendar_day)
ADAPT(asset)
ADAPT(bar)

static bool text_held(const char *s, size_t size)
{
    return s[0] && memchr(s, '\0', size);
}
#define HELD(s) CHECK(text_held((s), sizeof(s)))

static void check_account(const union any *a)
{
    HELD(a->account.account_number);
    HELD(a->account.status);
    HELD(a->account.currency);
    CHECK(memchr(a->account.multiplier, '\0', sizeof a->account.multiplier));
}

static void check_order(const union any *a)
{
    const struct order_state *o = &a->order;
    HELD(o->id);
    HELD(o->client_order_id);
    HELD(o->symbol);
    CHECK(memchr(o->status_word, '\0', sizeof o->status_word));
    CHECK(o->has_qty || o->has_notional);
    CHECK(o->qty.nanos >= 0 && o->filled_qty.nanos >= 0 && o->notional.nanos >= 0 && o->limit_price.nanos >= 0);
    CHECK(o->has_filled_avg_price || o->filled_avg_price.nanos == 0);
    // The words of our own ledger are none of the broker's.
    CHECK(o->status >= ORDER_PENDING_NEW && o->status < ORDER_STATUS_COUNT);
}

static void check_position(const union any *a)
{
    HELD(a->position.symbol);
    CHECK(a->position.avg_entry_price.nanos >= 0 && a->position.current_price.nanos >= 0);
}

static void check_fill(const union any *a)
{
    const struct alpaca_fill *f = &a->fill;
    HELD(f->id);
    HELD(f->order_id);
    HELD(f->symbol);
    CHECK(f->qty.nanos > 0 && f->price.nanos > 0 && f->cum_qty.nanos >= 0 && f->leaves_qty.nanos >= 0);
    CHECK(f->side == ORDER_BUY || f->side == ORDER_SELL);
}

static bool day_valid(struct day d)
{
    char text[WHEN_TEXT_MAX];
    struct day same;
    return day_parse(day_format(d, text), &same) && day_compare(d, same) == 0;
}

static void check_activity(const union any *a)
{
    const struct alpaca_activity *x = &a->activity;
    HELD(x->id);
    HELD(x->type);
    HELD(x->status);
    CHECK(day_valid(x->date));
    CHECK(strcmp(x->status, "unreadable") != 0 || (x->qty.nanos == 0 && x->net_amount.nanos == 0));
}

static void check_day(const union any *a)
{
    CHECK(day_valid(a->day.date));
    CHECK(a->day.open_s >= 0 && a->day.open_s < a->day.close_s && a->day.close_s <= 86400);
}

static void check_asset(const union any *a)
{
    HELD(a->asset.id);
    HELD(a->asset.symbol);
    HELD(a->asset.status);
    CHECK(a->asset.min_order_size.nanos >= 0 && a->asset.min_trade_increment.nanos >= 0);
}

static void check_bar(const union any *a)
{
    CHECK(a->bar.open.nanos > 0 && a->bar.high.nanos > 0 && a->bar.low.nanos > 0 && a->bar.close.nanos > 0);
    CHECK(a->bar.volume >= 0);
}

static const struct {
    int (*read)(const struct json_node *n, union any *out, struct err *err);
    void (*check)(const union any *a);
} readers[] = {{read_account, check_account},  {read_order, check_order},       {read_position, check_position},
               {read_fill, check_fill},        {read_activity, check_activity}, {read_clock, NULL},
               {read_calendar_day, check_day}, {read_asset, check_asset},       {read_bar, check_bar}};

static void try_readers(const struct json_node *n)
{
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        union any out;
        struct err err = {.text = ""};
        memset(&out, UNTOUCHED, sizeof out);
        if (readers[i].read(n, &out, &err) == 0) {
            if (readers[i].check)
                readers[i].check(&out);
            continue;
        }
        text_check(err.text);
        for (size_t k = 0; k < sizeof out; k++)
            CHECK(((unsigned char *)&out)[k] == UNTOUCHED);
    }
}

static void try_prices(const struct json_node *root)
{
    struct alpaca_trade *trades = NULL;
    struct alpaca_quote *quotes = NULL;
    struct err err = {.text = ""};
    size_t count = 0;
    if (alpaca_trades_parse(root, &trades, &count, &err) != 0)
        text_check(err.text);
    for (size_t i = 0; trades && i < count; i++) {
        HELD(trades[i].symbol);
        CHECK(trades[i].price.nanos > 0);
    }
    if (alpaca_quotes_parse(root, &quotes, &count, &err) != 0)
        text_check(err.text);
    for (size_t i = 0; quotes && i < count; i++) {
        HELD(quotes[i].symbol);
        CHECK(quotes[i].bid.nanos >= 0 && quotes[i].ask.nanos >= 0);
    }
    free(trades);
    free(quotes);
}

static void try_error(const char *body, size_t len)
{
    struct alpaca_error e;
    memset(&e, UNTOUCHED, sizeof e);
    alpaca_error_parse(body, len, &e);
    HELD(e.message);
    CHECK(e.code >= 0);
    for (const char *c = e.message; *c; c++) // bytes that are no UTF-8 may stay; what shows them escapes them
        CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc *doc = NULL;
    struct err err = {.text = ""};
    char *body = text_input(data, size);
    try_error(body, size);
    if (json_doc_parse(body, size, &doc, &err) != 0) {
        text_check(err.text);
        free(body);
        return 0;
    }
    const struct json_node *root = json_doc_root(doc);
    try_readers(root);
    for (size_t i = 0; i < json_size(root) && json_at(root, i); i++)
        try_readers(json_at(root, i));
    try_prices(root);
    json_doc_free(doc);
    free(body);
    return 0;
}
