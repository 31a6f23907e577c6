// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Alpaca's JSON as values. Every parser fills a local value and copies it out only when all of it was good, so a caller
// never sees half an answer.
#include "lib/trade/alpaca_json.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_END_S 86400

// A member that must be a string which fits and is not empty.
static int want_text(const struct json_node *n, const char *where, const char *name, char *out, size_t size,
                     struct err *err)
{
    const char *s = NULL;
    if (json_want_string(n, where, name, &s, err))
        return -1;
    if (!*s)
        return err_set(err, "%s.%s is empty, expected a value", where, name);
    if (strlen(s) >= size)
        return err_set(err, "%s.%s has %zu characters, expected at most %zu", where, name, strlen(s), size - 1);
    str_copy_cut(out, size, s);
    return 0;
}

static int opt_text(const struct json_node *n, const char *where, const char *name, char *out, size_t size,
                    struct err *err)
{
    const char *s = NULL;
    if (json_opt_string(n, where, name, &s, err))
        return -1;
    str_copy_cut(out, size, s ? s : "");
    return 0;
}

static int want_object(const struct json_node *n, const char *where, struct err *err)
{
    if (!n)
        return err_set(err, "%s is missing, expected an object", where);
    if (json_type_of(n) != JSON_IS_OBJECT)
        return err_set(err, "%s is %s, expected an object", where, json_type_name(json_type_of(n)));
    return 0;
}

static int want_money(const struct json_node *n, const char *where, const char *name, struct money *out,
                      struct err *err)
{
    return json_want_decimal(n, where, name, DECIMAL_NEAREST, &out->nanos, err);
}

static int opt_money(const struct json_node *n, const char *where, const char *name, bool *present, struct money *out,
                     struct err *err)
{
    return json_opt_decimal(n, where, name, DECIMAL_NEAREST, present, &out->nanos, err);
}

static int refuse_negative(int64_t nanos, const char *where, const char *name, struct err *err)
{
    char a[DECIMAL_TEXT_MAX];
    if (nanos >= 0)
        return 0;
    return err_set(err, "%s.%s is %s, expected zero or more", where, name, decimal_format(nanos, a));
}

static int want_qty(const struct json_node *n, const char *where, const char *name, struct qty *out, struct err *err)
{
    if (json_want_decimal(n, where, name, DECIMAL_DOWN, &out->nanos, err))
        return -1;
    return refuse_negative(out->nanos, where, name, err);
}

static int opt_qty(const struct json_node *n, const char *where, const char *name, bool *present, struct qty *out,
                   struct err *err)
{
    out->nanos = 0;
    if (json_opt_decimal(n, where, name, DECIMAL_DOWN, present, &out->nanos, err))
        return -1;
    return refuse_negative(out->nanos, where, name, err);
}

// 0 is allowed here; those who cannot use it say so themselves.
static int want_price(const struct json_node *n, const char *where, const char *name, struct price *out,
                      struct err *err)
{
    if (json_want_decimal(n, where, name, DECIMAL_NEAREST, &out->nanos, err))
        return -1;
    return refuse_negative(out->nanos, where, name, err);
}

static int want_price_above_zero(const struct json_node *n, const char *where, const char *name, struct price *out,
                                 struct err *err)
{
    if (want_price(n, where, name, out, err))
        return -1;
    return out->nanos ? 0 : err_set(err, "%s.%s is 0, expected a price above zero", where, name);
}

static int opt_price(const struct json_node *n, const char *where, const char *name, bool *present, struct price *out,
                     struct err *err)
{
    out->nanos = 0;
    if (json_opt_decimal(n, where, name, DECIMAL_NEAREST, present, &out->nanos, err))
        return -1;
    return refuse_negative(out->nanos, where, name, err);
}

int alpaca_account_parse(const struct json_node *n, struct alpaca_account *out, struct err *err)
{
    struct alpaca_account a = {0};
    const char *w = "account";
    bool present = false;
    if (want_object(n, w, err) || want_text(n, w, "account_number", a.account_number, sizeof(a.account_number), err) ||
        want_text(n, w, "status", a.status, sizeof(a.status), err) ||
        want_text(n, w, "currency", a.currency, sizeof(a.currency), err) ||
        want_money(n, w, "equity", &a.equity, err) || want_money(n, w, "cash", &a.cash, err) ||
        want_money(n, w, "buying_power", &a.buying_power, err) ||
        opt_money(n, w, "last_equity", &present, &a.last_equity, err) ||
        opt_money(n, w, "long_market_value", &present, &a.long_market_value, err) ||
        opt_money(n, w, "short_market_value", &present, &a.short_market_value, err) ||
        json_want_bool(n, w, "trading_blocked", &a.trading_blocked, err) ||
        json_want_bool(n, w, "account_blocked", &a.account_blocked, err) ||
        json_want_bool(n, w, "trade_suspended_by_user", &a.trade_suspended_by_user, err) ||
        json_want_bool(n, w, "shorting_enabled", &a.shorting_enabled, err) ||
        opt_text(n, w, "multiplier", a.multiplier, sizeof(a.multiplier), err))
        return -1;
    *out = a;
    return 0;
}

static int order_words_parse(const struct json_node *n, struct order_state *o, struct err *err)
{
    const char *side = NULL, *type = NULL, *tif = NULL, *status = NULL;
    if (json_want_string(n, "order", "side", &side, err) || json_want_string(n, "order", "type", &type, err) ||
        json_want_string(n, "order", "time_in_force", &tif, err) ||
        json_want_string(n, "order", "status", &status, err))
        return -1;
    if (!order_side_parse(side, &o->side))
        return err_set(err, "order.side is \"%.32s\", expected buy or sell", side);
    if (!order_type_parse(type, &o->type))
        return err_set(err, "order.type is \"%.32s\", expected market, limit, stop, stop_limit or trailing_stop", type);
    if (!order_tif_parse(tif, &o->tif))
        return err_set(err, "order.time_in_force is \"%.32s\", expected day, gtc, opg, cls, ioc or fok", tif);
    o->status = order_status_parse(status);
    // Our own words from the broker's mouth (a terminal "denied") would free a reservation: read them as any unknown
    // word.
    if (o->status < ORDER_PENDING_NEW)
        o->status = ORDER_STATUS_OTHER;
    str_copy_cut(o->status_word, sizeof(o->status_word), status);
    return 0;
}

static int order_times_parse(const struct json_node *n, struct order_state *o, struct err *err)
{
    bool present = false;
    if (json_opt_when(n, "order", "created_at", &present, &o->created_at, err) ||
        json_opt_when(n, "order", "updated_at", &present, &o->updated_at, err) ||
        json_opt_when(n, "order", "submitted_at", &present, &o->submitted_at, err) ||
        json_opt_when(n, "order", "filled_at", &present, &o->filled_at, err))
        return -1;
    return 0;
}

int alpaca_order_parse(const struct json_node *n, struct order_state *out, struct err *err)
{
    struct order_state o = {0};
    const char *w = "order";
    if (want_object(n, w, err) || want_text(n, w, "id", o.id, sizeof(o.id), err) ||
        want_text(n, w, "client_order_id", o.client_order_id, sizeof(o.client_order_id), err) ||
        want_text(n, w, "symbol", o.symbol, sizeof(o.symbol), err) || order_words_parse(n, &o, err) ||
        opt_qty(n, w, "qty", &o.has_qty, &o.qty, err) || want_qty(n, w, "filled_qty", &o.filled_qty, err) ||
        opt_money(n, w, "notional", &o.has_notional, &o.notional, err) ||
        opt_price(n, w, "limit_price", &o.has_limit_price, &o.limit_price, err) ||
        opt_price(n, w, "stop_price", &o.has_stop_price, &o.stop_price, err) ||
        opt_price(n, w, "filled_avg_price", &o.has_filled_avg_price, &o.filled_avg_price, err) ||
        order_times_parse(n, &o, err) || refuse_negative(o.notional.nanos, w, "notional", err))
        return -1;
    if (!o.has_qty && !o.has_notional)
        return err_set(err, "order %s has neither qty nor notional, expected one of them", o.id);
    *out = o;
    return 0;
}

int alpaca_position_parse(const struct json_node *n, struct alpaca_position *out, struct err *err)
{
    struct alpaca_position p = {0};
    const char *w = "position", *side = NULL;
    bool present = false;
    if (want_object(n, w, err) || want_text(n, w, "symbol", p.symbol, sizeof(p.symbol), err) ||
        json_want_decimal(n, w, "qty", DECIMAL_DOWN, &p.qty.nanos, err) ||
        want_price(n, w, "avg_entry_price", &p.avg_entry_price, err) || json_opt_string(n, w, "side", &side, err) ||
        opt_price(n, w, "current_price", &present, &p.current_price, err) ||
        opt_money(n, w, "market_value", &present, &p.market_value, err) ||
        want_money(n, w, "cost_basis", &p.cost_basis, err))
        return -1;
    // A sign that contradicts the side is not ours to resolve: a wrong guess doubles the position.
    if (side && ((str_equal(side, "short") && p.qty.nanos > 0) || (str_equal(side, "long") && p.qty.nanos < 0)))
        return err_set(err, "position %s: side %s does not fit the sign of qty", p.symbol, side);
    *out = p;
    return 0;
}

int alpaca_fill_parse(const struct json_node *n, struct alpaca_fill *out, struct err *err)
{
    struct alpaca_fill f = {0};
    const char *w = "activity", *kind = NULL, *side = NULL, *type = NULL;
    if (want_object(n, w, err) || json_want_string(n, w, "activity_type", &kind, err))
        return -1;
    if (!str_equal(kind, "FILL"))
        return err_set(err, "activity.activity_type is \"%.32s\", expected FILL", kind);
    if (want_text(n, w, "id", f.id, sizeof(f.id), err) ||
        want_text(n, w, "order_id", f.order_id, sizeof(f.order_id), err) ||
        want_text(n, w, "symbol", f.symbol, sizeof(f.symbol), err) || json_want_string(n, w, "side", &side, err) ||
        json_want_string(n, w, "type", &type, err) || want_qty(n, w, "qty", &f.qty, err) ||
        want_qty(n, w, "cum_qty", &f.cum_qty, err) || want_qty(n, w, "leaves_qty", &f.leaves_qty, err) ||
        want_price_above_zero(n, w, "price", &f.price, err) ||
        json_want_when(n, w, "transaction_time", &f.transaction_time, err))
        return -1;
    if (str_equal(side, "sell_short"))
        side = "sell";
    if (!order_side_parse(side, &f.side))
        return err_set(err, "activity.side is \"%.32s\", expected buy, sell or sell_short", side);
    f.partial = str_equal(type, "partial_fill");
    if (!f.partial && !str_equal(type, "fill"))
        return err_set(err, "activity.type is \"%.32s\", expected fill or partial_fill", type);
    if (f.qty.nanos == 0)
        return err_set(err, "activity %s: qty is 0, expected a quantity above zero", f.id);
    *out = f;
    return 0;
}

static int activity_words(const struct json_node *n, struct alpaca_activity *a, struct err *err)
{
    const char *w = "activity", *text = NULL;
    struct {
        const char *name;
        char *out;
        size_t size;
    } words[] = {{"activity_sub_type", a->sub_type, sizeof a->sub_type},
                 {"status", a->status, sizeof a->status},
                 {"group_id", a->group_id, sizeof a->group_id},
                 {"symbol", a->symbol, sizeof a->symbol},
                 {"currency", a->currency, sizeof a->currency}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (json_opt_string(n, w, words[i].name, &text, err))
            return -1;
        if (!str_copy(words[i].out, words[i].size, text ? text : ""))
            return err_set(err, "%s.%s is too long", w, words[i].name);
    }
    if (!a->status[0])
        str_copy_cut(a->status, sizeof a->status, "executed");
    return 0;
}

static int activity_figures(const struct json_node *n, struct alpaca_activity *a, struct err *err)
{
    const char *w = "activity", *date = NULL;
    char day[11];
    bool present = false;
    if (json_opt_decimal(n, w, "qty", DECIMAL_EXACT, &present, &a->qty.nanos, err) ||
        json_opt_decimal(n, w, "net_amount", DECIMAL_EXACT, &present, &a->net_amount.nanos, err) ||
        json_want_string(n, w, "date", &date, err))
        return -1;
    str_copy_cut(day, sizeof day, date); // a date, or an instant that begins with one
    if (!day_parse(day, &a->date))
        return err_set(err, "%s.date is \"%.32s\", expected YYYY-MM-DD", w, date);
    if (json_opt_when(n, w, "created_at", &present, &a->created_at, err))
        return -1;
    char end[32];
    snprintf(end, sizeof end, "%sT23:59:59Z", day);
    if (!present && !when_parse(end, &a->created_at))
        return err_set(err, "%s.date is \"%.32s\", which is no date", w, date);
    return 0;
}

int alpaca_activity_parse(const struct json_node *n, struct alpaca_activity *out, struct err *err)
{
    struct alpaca_activity a = {0}, bare;
    const char *w = "activity";
    struct err why;
    if (want_object(n, w, err) || want_text(n, w, "id", a.id, sizeof(a.id), err) ||
        want_text(n, w, "activity_type", a.type, sizeof(a.type), err))
        return -1;
    bare = a;
    if (activity_words(n, &a, &why) || activity_figures(n, &a, &why)) {
        bool present = false;
        a = bare;
        a.date = (struct day){1970, 1, 1};
        str_copy_cut(a.status, sizeof a.status, "unreadable");
        if (json_opt_when(n, w, "created_at", &present, &a.created_at, &why))
            a.created_at = 0;
    }
    *out = a;
    return 0;
}

int alpaca_clock_parse(const struct json_node *n, struct alpaca_clock *out, struct err *err)
{
    struct alpaca_clock c = {0};
    const char *w = "clock";
    if (want_object(n, w, err) || json_want_when(n, w, "timestamp", &c.timestamp, err) ||
        json_want_bool(n, w, "is_open", &c.is_open, err) || json_want_when(n, w, "next_open", &c.next_open, err) ||
        json_want_when(n, w, "next_close", &c.next_close, err))
        return -1;
    *out = c;
    return 0;
}

static bool digits_at(const char *s, int *out)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
        return false;
    *out = (s[0] - '0') * 10 + (s[1] - '0');
    return true;
}

// "HH:MM", New York; 24:00 is the end of the day.
static int want_clock_time(const struct json_node *n, const char *name, int *out, struct err *err)
{
    const char *s = NULL;
    int h = 0, m = 0;
    if (json_want_string(n, "calendar", name, &s, err))
        return -1;
    if (strlen(s) != 5 || s[2] != ':' || !digits_at(s, &h) || !digits_at(s + 3, &m) || m > 59 ||
        h * 3600 + m * 60 > DAY_END_S)
        return err_set(err, "calendar.%s is \"%.32s\", expected HH:MM", name, s);
    *out = h * 3600 + m * 60;
    return 0;
}

int alpaca_calendar_day_parse(const struct json_node *n, struct alpaca_calendar_day *out, struct err *err)
{
    struct alpaca_calendar_day d = {0};
    const char *date = NULL;
    if (want_object(n, "calendar", err) || json_want_string(n, "calendar", "date", &date, err))
        return -1;
    if (!day_parse(date, &d.date))
        return err_set(err, "calendar.date is \"%.32s\", expected a date YYYY-MM-DD", date);
    if (want_clock_time(n, "open", &d.open_s, err) || want_clock_time(n, "close", &d.close_s, err))
        return -1;
    if (d.open_s >= d.close_s)
        return err_set(err, "calendar %s opens no earlier than it closes", date);
    *out = d;
    return 0;
}

int alpaca_asset_parse(const struct json_node *n, struct alpaca_asset *out, struct err *err)
{
    struct alpaca_asset a = {0};
    const char *w = "asset";
    bool present = false;
    if (want_object(n, w, err) || want_text(n, w, "id", a.id, sizeof(a.id), err) ||
        want_text(n, w, "symbol", a.symbol, sizeof(a.symbol), err) ||
        opt_text(n, w, "exchange", a.exchange, sizeof(a.exchange), err) ||
        want_text(n, w, "status", a.status, sizeof(a.status), err) ||
        json_want_bool(n, w, "tradable", &a.tradable, err) ||
        json_want_bool(n, w, "fractionable", &a.fractionable, err) ||
        json_want_bool(n, w, "shortable", &a.shortable, err) ||
        json_want_bool(n, w, "marginable", &a.marginable, err) ||
        opt_qty(n, w, "min_order_size", &present, &a.min_order_size, err) ||
        opt_qty(n, w, "min_trade_increment", &present, &a.min_trade_increment, err))
        return -1;
    *out = a;
    return 0;
}

int alpaca_bar_parse(const struct json_node *n, struct alpaca_bar *out, struct err *err)
{
    struct alpaca_bar b = {0};
    const char *w = "bar";
    if (want_object(n, w, err) || json_want_when(n, w, "t", &b.at, err) ||
        want_price_above_zero(n, w, "o", &b.open, err) || want_price_above_zero(n, w, "h", &b.high, err) ||
        want_price_above_zero(n, w, "l", &b.low, err) || want_price_above_zero(n, w, "c", &b.close, err) ||
        json_want_int64(n, w, "v", &b.volume, err))
        return -1;
    if (b.volume < 0)
        return err_set(err, "bar.v is below zero, expected a volume");
    *out = b;
    return 0;
}

static int trade_parse(const char *symbol, const struct json_node *n, struct alpaca_trade *t, struct err *err)
{
    if (!str_copy(t->symbol, sizeof(t->symbol), symbol) || !*symbol)
        return err_set(err, "symbol \"%.40s\" is empty or longer than %d characters", symbol, SYMBOL_MAX - 1);
    if (want_object(n, "trade", err) || want_price_above_zero(n, "trade", "p", &t->price, err) ||
        json_want_when(n, "trade", "t", &t->at, err))
        return err_wrap(err, "%s", symbol);
    return 0;
}

static int quote_parse(const char *symbol, const struct json_node *n, struct alpaca_quote *q, struct err *err)
{
    if (!str_copy(q->symbol, sizeof(q->symbol), symbol) || !*symbol)
        return err_set(err, "symbol \"%.40s\" is empty or longer than %d characters", symbol, SYMBOL_MAX - 1);
    if (want_object(n, "quote", err) || want_price(n, "quote", "bp", &q->bid, err) ||
        want_price(n, "quote", "ap", &q->ask, err) || json_want_when(n, "quote", "t", &q->at, err))
        return err_wrap(err, "%s", symbol);
    return 0;
}

// The object of symbols inside a multi-symbol answer.
static const struct json_node *symbols_of(const struct json_node *root, const char *name, struct err *err)
{
    if (want_object(root, "answer", err))
        return NULL;
    const struct json_node *n = json_get(root, name);
    return want_object(n, name, err) ? NULL : n;
}

int alpaca_trades_parse(const struct json_node *root, struct alpaca_trade **out, size_t *count, struct err *err)
{
    const struct json_node *all = symbols_of(root, "trades", err), *value = NULL;
    if (!all)
        return -1;
    struct alpaca_trade *items = check_alloc(json_size(all) + 1, sizeof(*items));
    size_t n = 0;
    const char *name = NULL;
    for (void *cursor = NULL; json_each(all, &cursor, &name, &value); n++) {
        CHECK(n < json_size(all));
        if (trade_parse(name, value, &items[n], err)) {
            free(items);
            return -1;
        }
    }
    *out = items;
    *count = n;
    return 0;
}

int alpaca_quotes_parse(const struct json_node *root, struct alpaca_quote **out, size_t *count, struct err *err)
{
    const struct json_node *all = symbols_of(root, "quotes", err), *value = NULL;
    if (!all)
        return -1;
    struct alpaca_quote *items = check_alloc(json_size(all) + 1, sizeof(*items));
    size_t n = 0;
    const char *name = NULL;
    for (void *cursor = NULL; json_each(all, &cursor, &name, &value); n++) {
        CHECK(n < json_size(all));
        if (quote_parse(name, value, &items[n], err)) {
            free(items);
            return -1;
        }
    }
    *out = items;
    *count = n;
    return 0;
}

// One readable line of at most size - 1 bytes: blanks and control bytes folded, markup left out where the text is a
// page, UTF-8 never cut in half.
static void readable(const char *s, size_t len, bool page, char *out, size_t size)
{
    size_t n = 0;
    bool tag = false, blank = false;
    for (size_t i = 0; i < len && n + 2 < size; i++) {
        unsigned char c = (unsigned char)s[i];
        if (page && (c == '<' || tag)) {
            tag = c != '>';
            blank = true;
            continue;
        }
        if (c <= ' ' || c == 0x7f) {
            blank = true;
            continue;
        }
        if (blank && n)
            out[n++] = ' ';
        blank = false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    size_t head = n;
    while (head > 0 && ((unsigned char)out[head - 1] & 0xc0) == 0x80)
        head--;
    if (head == 0 || (unsigned char)out[head - 1] < 0xc0)
        return;
    unsigned char lead = (unsigned char)out[head - 1];
    size_t whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (n - (head - 1) < whole)
        out[head - 1] = '\0';
}

// Text of a body that is not an error envelope: what it looks like, then what it says.
static void odd_body(const char *body, size_t len, struct alpaca_error *e)
{
    char line[sizeof(e->message) - 32];
    bool html = false;
    for (size_t i = 0; i < len && !html; i++) {
        if (body[i] == '<')
            html = true;
        else if ((unsigned char)body[i] > ' ')
            break;
    }
    readable(body, len, html, line, sizeof(line));
    struct text t;
    text_init(&t, sizeof(e->message) - 1);
    if (len == 0)
        text_add(&t, "empty answer");
    else
        text_addf(&t, "%s%s", html ? "HTML page: " : "unexpected answer: ", *line ? line : "(no text)");
    str_copy_cut(e->message, sizeof(e->message), text_str(&t));
    text_free(&t);
}

void alpaca_error_parse(const char *body, size_t len, struct alpaca_error *out)
{
    struct alpaca_error e = {0};
    struct json_doc *doc = NULL;
    int64_t code = 0;
    if (!body)
        len = 0;
    if (len && json_doc_parse(body, len, &doc, NULL) == 0) {
        const struct json_node *root = json_doc_root(doc);
        const char *message = json_string(json_get(root, "message"));
        if (json_int64(json_get(root, "code"), &code) && code >= 0 && code <= INT_MAX)
            e.code = (int)code;
        if (message && *message)
            readable(message, strlen(message), false, e.message, sizeof(e.message));
    }
    json_doc_free(doc);
    if (!*e.message)
        odd_body(body ? body : "", len, &e);
    *out = e;
}
