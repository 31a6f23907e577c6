// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Corporate actions, past and coming, on their re-dated days. The sample data knows forward splits only.
#include <stdio.h>
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

struct actions_query {
    char symbols[SIM_SYMBOLS_MAX], ids[SIM_TEXT_MAX];
    bool has_symbols, has_ids, descending, splits;
    struct day start, end;
    int64_t limit, first; // first: place of the page's beginning
};

static void action_id(const struct market_split_event *split, char out[DRAW_UUID_MAX])
{
    draw_uuid(draw_text(market_symbol_name(split->symbol)), DRAW_ACTION_ID, (uint64_t)split->at, out);
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
    q->splits = true;
    if (!sim_param(c, "types", text))
        return true;
    for (const char *at = text; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, ","), at);
        if (!sim_csv_has(TYPES, word))
            return sim_data_refuse(c, "types", text);
    }
    q->splits = sim_csv_has(text, "forward_split");
    return true;
}

static bool read_query(struct sim_call *c, struct actions_query *q)
{
    char text[SIM_TEXT_MAX];
    q->limit = LIMIT_DEFAULT;
    q->has_symbols = sim_param(c, "symbols", text);
    q->has_ids = sim_param(c, "ids", q->ids);
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

static bool passes(const struct actions_query *q, const struct market_split_event *split)
{
    char id[DRAW_UUID_MAX];
    action_id(split, id);
    if (q->has_ids)
        return sim_csv_has(q->ids, id);
    return q->splits && day_compare(split->ex_date, q->start) >= 0 && day_compare(split->ex_date, q->end) <= 0 &&
           (!q->has_symbols || sim_csv_has(q->symbols, market_symbol_name(split->symbol)));
}

static void put_day(struct json_out *o, const char *key, struct day d)
{
    json_key(o, key);
    json_add_day(o, d);
}

static void put_split(struct json_out *o, const struct market_split_event *split)
{
    char id[DRAW_UUID_MAX];
    action_id(split, id);
    json_object_begin(o);
    json_put_string(o, "id", id);
    json_put_string(o, "cusip", CUSIP);
    put_day(o, "ex_date", split->ex_date);
    json_put_int(o, "new_rate", split->factor);
    json_put_int(o, "old_rate", 1);
    put_day(o, "payable_date", day_add(split->ex_date, -1));
    put_day(o, "process_date", split->ex_date);
    json_put_string(o, "symbol", market_symbol_name(split->symbol));
    json_object_end(o);
}

void sim_data_actions(struct sim_call *c)
{
    struct actions_query q = {0};
    if (!read_query(c, &q))
        return;
    struct market *m = c->sim->market;
    size_t count = market_split_count(m), at = (size_t)q.first;
    int64_t listed = 0;
    json_object_begin(&c->out);
    json_key(&c->out, "corporate_actions");
    json_object_begin(&c->out);
    for (; at < count; at++) {
        struct market_split_event split = market_split_at(m, q.descending ? count - 1 - at : at);
        if (!passes(&q, &split))
            continue;
        if (listed == q.limit)
            break;
        if (listed++ == 0) {
            json_key(&c->out, "forward_splits");
            json_array_begin(&c->out);
        }
        put_split(&c->out, &split);
    }
    if (listed > 0)
        json_array_end(&c->out);
    json_object_end(&c->out);
    char token[24];
    snprintf(token, sizeof token, "%zu", at);
    json_put_string(&c->out, "next_page_token", at < count ? token : NULL);
    json_object_end(&c->out);
}

// The older form on the trading side.

// A single one spells the id otherwise than the list, and has no ex_date.
static void put_announcement(struct json_out *o, const struct market_split_event *split, bool single)
{
    char id[DRAW_UUID_MAX], factor[DECIMAL_TEXT_MAX];
    action_id(split, id);
    json_object_begin(o);
    json_put_string(o, "id", id);
    json_put_string(o, single ? "corporate_actions_id" : "corporate_action_id", id);
    json_put_string(o, "ca_type", "split");
    json_put_string(o, "ca_sub_type", "stock_split");
    json_put_string(o, "initiating_symbol", market_symbol_name(split->symbol));
    json_put_string(o, "initiating_original_cusip", CUSIP);
    json_put_string(o, "target_symbol", market_symbol_name(split->symbol));
    json_put_string(o, "target_original_cusip", CUSIP);
    put_day(o, "declaration_date", day_add(split->ex_date, -30));
    if (!single)
        put_day(o, "ex_date", split->ex_date);
    put_day(o, "record_date", day_add(split->ex_date, -7));
    put_day(o, "payable_date", day_add(split->ex_date, -1));
    json_put_string(o, "cash", "0");
    json_put_string(o, "old_rate", "1");
    json_put_string(o, "new_rate", decimal_format(split->factor * DECIMAL_ONE, factor));
    json_object_end(o);
}

void sim_announcements(struct sim_call *c)
{
    struct actions_query q = {.splits = true};
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
    q.splits = sim_csv_has(text, "split") || sim_csv_has(text, "Split");
    q.has_symbols = sim_param(c, "symbol", text);
    if (q.has_symbols)
        str_copy_cut(q.symbols, sizeof q.symbols, text);
    json_array_begin(&c->out);
    for (size_t i = 0; i < market_split_count(m); i++) {
        struct market_split_event split = market_split_at(m, i);
        if (passes(&q, &split))
            put_announcement(&c->out, &split, false);
    }
    json_array_end(&c->out);
}

void sim_announcement(struct sim_call *c)
{
    char id[DRAW_UUID_MAX];
    for (size_t i = 0; i < market_split_count(c->sim->market); i++) {
        struct market_split_event split = market_split_at(c->sim->market, i);
        action_id(&split, id);
        if (strcmp(id, c->part) == 0) {
            put_announcement(&c->out, &split, true);
            return;
        }
    }
    sim_refuse(c, 404, 40410000, "announcement not found for %.64s", c->part);
}
