// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Corporate actions, past and coming, on their re-dated days. Splits and cash dividends are known.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define RANGE_DAYS 90
#define CUSIP "SIM000000" // no real one is known here
#define TYPES                                                                                                          \
    "reverse_split,forward_split,unit_split,cash_dividend,stock_dividend,spin_off,cash_merger,stock_merger,"           \
    "stock_and_cash_merger,redemption,name_change,worthless_removal,rights_distribution,partial_call,reorganization"
enum { DRAW_ACTION_ID = 300 };

enum kind { CASH_DIVIDEND, FORWARD_SPLIT, REVERSE_SPLIT };
struct actions_query {
    char symbols[SIM_SYMBOLS_MAX], ids[SIM_TEXT_MAX];
    bool has_symbols, has_ids, other_cusips, descending, kinds[3]; // kinds: by enum kind
    struct day start, end;
    int64_t limit, first; // first: place of the page's beginning
};

static void action_id(const struct market_action *a, char out[DRAW_UUID_MAX])
{
    draw_uuid(draw_text(market_symbol_name(a->symbol)), DRAW_ACTION_ID,
              (uint64_t)(a->at + 1000 * a->new_rate + a->old_rate), out);
}

static bool read_days(struct sim_call *c, const char *from, const char *to, struct actions_query *q)
{
    char text[SIM_TEXT_MAX];
    q->start = q->end = day_of(c->now);
    if (sim_param(c, from, text) && !day_parse(text, &q->start))
        return sim_data_refuse(c, from, text);
    if (sim_param(c, to, text) && !day_parse(text, &q->end))
        return sim_data_refuse(c, to, text);
    return true;
}

// The word list "forward_split,..." as asked; unknown words are refused.
static bool read_types(struct sim_call *c, struct actions_query *q)
{
    char text[SIM_TEXT_MAX], word[64];
    q->kinds[0] = q->kinds[1] = q->kinds[2] = true;
    if (!sim_param(c, "types", text))
        return true;
    for (const char *at = text; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, ","), at);
        if (!sim_csv_has(TYPES, word))
            return sim_data_refuse(c, "types", text);
    }
    q->kinds[CASH_DIVIDEND] = sim_csv_has(text, "cash_dividend");
    q->kinds[FORWARD_SPLIT] = sim_csv_has(text, "forward_split");
    q->kinds[REVERSE_SPLIT] = sim_csv_has(text, "reverse_split");
    return true;
}

static bool read_query(struct sim_call *c, struct actions_query *q)
{
    char text[SIM_TEXT_MAX];
    q->limit = LIMIT_DEFAULT;
    q->has_symbols = sim_param(c, "symbols", text);
    q->has_ids = sim_param(c, "ids", q->ids);
    q->other_cusips = sim_param(c, "cusips", text) && !sim_csv_has(text, CUSIP);
    if (q->has_ids && (q->has_symbols || sim_param(c, "types", text) || sim_param(c, "start", text))) {
        sim_refuse(c, 400, 0, "ids cannot be combined with other filters");
        return false;
    }
    if ((q->has_symbols && !sim_symbols_read(c, q->symbols)) || !read_types(c, q) || !read_days(c, "start", "end", q) ||
        !sim_word_param(c, "sort", "asc,desc", false) || !sim_word_param(c, "region", "us,non_us,all", false))
        return false;
    q->descending = sim_param(c, "sort", text) && strcmp(text, "desc") == 0;
    if (sim_param(c, "limit", text) && !str_int64(text, 1, LIMIT_MAX, &q->limit))
        return sim_data_refuse(c, "limit", text);
    if (sim_param(c, "page_token", text) && !str_int64(text, 0, INT32_MAX, &q->first))
        return sim_data_refuse(c, "page_token", text);
    return true;
}

static enum kind kind_of(const struct market_action *a)
{
    return a->per_share.nanos > 0 ? CASH_DIVIDEND : a->new_rate > a->old_rate ? FORWARD_SPLIT : REVERSE_SPLIT;
}

static bool passes(const struct actions_query *q, const struct market_action *a)
{
    char id[DRAW_UUID_MAX];
    action_id(a, id);
    if (q->has_ids)
        return sim_csv_has(q->ids, id);
    return !q->other_cusips && q->kinds[kind_of(a)] && day_compare(a->ex_date, q->start) >= 0 &&
           day_compare(a->ex_date, q->end) <= 0 &&
           (!q->has_symbols || sim_csv_has(q->symbols, market_symbol_name(a->symbol)));
}

static void put_day(struct json_out *o, const char *key, struct day d)
{
    json_key(o, key);
    json_add_day(o, d);
}

static void put_action(struct json_out *o, const struct market_action *a)
{
    char id[DRAW_UUID_MAX];
    action_id(a, id);
    json_object_begin(o);
    json_put_string(o, "id", id);
    if (kind_of(a) == REVERSE_SPLIT) {
        json_put_string(o, "old_cusip", CUSIP);
        json_put_string(o, "new_cusip", CUSIP);
    } else {
        json_put_string(o, "cusip", CUSIP);
    }
    put_day(o, "ex_date", a->ex_date);
    put_day(o, "process_date", a->ex_date);
    json_put_string(o, "symbol", market_symbol_name(a->symbol));
    if (kind_of(a) == CASH_DIVIDEND) {
        put_day(o, "payable_date", a->ex_date);
        json_put_decimal_number(o, "rate", a->per_share.nanos);
        json_put_bool(o, "special", false);
        json_put_bool(o, "foreign", false);
    } else {
        put_day(o, "payable_date", day_add(a->ex_date, -1));
        json_put_int(o, "new_rate", a->new_rate);
        json_put_int(o, "old_rate", a->old_rate);
    }
    json_object_end(o);
}

// Those of the page that are of one kind.
static void put_kind(struct sim_call *c, const size_t *page, size_t count, const char *name, enum kind kind)
{
    bool begun = false;
    for (size_t i = 0; i < count; i++) {
        struct market_action a = market_action_at(c->sim->market, page[i]);
        if (kind_of(&a) != kind)
            continue;
        if (!begun) {
            json_key(&c->out, name);
            json_array_begin(&c->out);
        }
        begun = true;
        put_action(&c->out, &a);
    }
    if (begun)
        json_array_end(&c->out);
}

void sim_data_actions(struct sim_call *c)
{
    struct actions_query q = {0};
    if (!read_query(c, &q))
        return;
    struct market *m = c->sim->market;
    size_t count = market_action_count(m), at = (size_t)q.first, listed = 0;
    size_t *page = check_alloc((size_t)q.limit, sizeof *page);
    for (; at < count; at++) {
        size_t i = q.descending ? count - 1 - at : at;
        struct market_action a = market_action_at(m, i);
        if (!passes(&q, &a))
            continue;
        if (listed == (size_t)q.limit)
            break;
        page[listed++] = i;
    }
    json_object_begin(&c->out);
    json_key(&c->out, "corporate_actions");
    json_object_begin(&c->out);
    put_kind(c, page, listed, "cash_dividends", CASH_DIVIDEND);
    put_kind(c, page, listed, "forward_splits", FORWARD_SPLIT);
    put_kind(c, page, listed, "reverse_splits", REVERSE_SPLIT);
    json_object_end(&c->out);
    free(page);
    char token[24];
    snprintf(token, sizeof token, "%zu", at);
    json_put_string(&c->out, "next_page_token", at < count ? token : NULL);
    json_object_end(&c->out);
}

// The older form on the trading side.

// A single one spells the id otherwise than the list, and has no ex_date.
static void put_announcement(struct json_out *o, const struct market_action *a, bool single)
{
    char id[DRAW_UUID_MAX], text[DECIMAL_TEXT_MAX];
    bool dividend = kind_of(a) == CASH_DIVIDEND;
    action_id(a, id);
    json_object_begin(o);
    json_put_string(o, "id", id);
    json_put_string(o, single ? "corporate_actions_id" : "corporate_action_id", id);
    json_put_string(o, "ca_type", dividend ? "dividend" : "split");
    json_put_string(o, "ca_sub_type",
                    dividend                      ? "cash"
                    : kind_of(a) == FORWARD_SPLIT ? "stock_split"
                                                  : "reverse_split");
    json_put_string(o, "initiating_symbol", market_symbol_name(a->symbol));
    json_put_string(o, "initiating_original_cusip", CUSIP);
    json_put_string(o, "target_symbol", market_symbol_name(a->symbol));
    json_put_string(o, "target_original_cusip", CUSIP);
    put_day(o, "declaration_date", day_add(a->ex_date, -30));
    if (!single)
        put_day(o, "ex_date", a->ex_date);
    put_day(o, "record_date", day_add(a->ex_date, -7));
    put_day(o, "payable_date", dividend ? a->ex_date : day_add(a->ex_date, -1));
    json_put_string(o, "cash", decimal_format(a->per_share.nanos, text));
    json_put_string(o, "old_rate", decimal_format(a->old_rate * DECIMAL_ONE, text));
    json_put_string(o, "new_rate", decimal_format(a->new_rate * DECIMAL_ONE, text));
    json_object_end(o);
}

void sim_announcements(struct sim_call *c)
{
    struct actions_query q = {0};
    char text[SIM_TEXT_MAX], since[SIM_TEXT_MAX];
    struct market *m = c->sim->market;
    if (!sim_param(c, "ca_types", text) || !sim_param(c, "since", since) || !sim_param(c, "until", since)) {
        sim_refuse(c, 422, 40010001, "ca_types, since and until are required");
        return;
    }
    if (!read_days(c, "since", "until", &q))
        return;
    if (day_number(q.end) - day_number(q.start) > RANGE_DAYS) {
        sim_refuse(c, 422, 40010001, "the date range is limited to %d days", RANGE_DAYS);
        return;
    }
    q.kinds[FORWARD_SPLIT] = q.kinds[REVERSE_SPLIT] = sim_csv_has(text, "split") || sim_csv_has(text, "Split");
    q.kinds[CASH_DIVIDEND] = sim_csv_has(text, "dividend") || sim_csv_has(text, "Dividend");
    q.has_symbols = sim_param(c, "symbol", text);
    if (q.has_symbols)
        str_copy_cut(q.symbols, sizeof q.symbols, text);
    json_array_begin(&c->out);
    for (size_t i = 0; i < market_action_count(m); i++) {
        struct market_action a = market_action_at(m, i);
        if (passes(&q, &a))
            put_announcement(&c->out, &a, false);
    }
    json_array_end(&c->out);
}

void sim_announcement(struct sim_call *c)
{
    char id[DRAW_UUID_MAX];
    for (size_t i = 0; i < market_action_count(c->sim->market); i++) {
        struct market_action a = market_action_at(c->sim->market, i);
        action_id(&a, id);
        if (strcmp(id, c->part) == 0) {
            put_announcement(&c->out, &a, true);
            return;
        }
    }
    sim_refuse(c, 404, 40410000, "announcement not found for %.64s", c->part);
}
