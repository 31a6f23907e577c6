// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The account, its settings and its positions.
#include <stdio.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

void sim_account_get(struct sim_call *c)
{
    sim_json_account(&c->out, c->sim, sim_account_of(c->sim, c->request), c->now);
}

void sim_positions_list(struct sim_call *c)
{
    json_array_begin(&c->out);
    for (size_t i = 0; i < market_symbol_count(c->sim->market); i++) {
        const struct exchange_position *p =
            exchange_position_find(c->sim->exchange, market_symbol_at(c->sim->market, i));
        if (p != NULL)
            sim_json_position(&c->out, c->sim, p, c->now);
    }
    json_array_end(&c->out);
}

void sim_positions_get(struct sim_call *c)
{
    const struct market_symbol *s = market_find(c->sim->market, c->part);
    const struct exchange_position *p = s != NULL ? exchange_position_find(c->sim->exchange, s) : NULL;
    if (s == NULL)
        sim_refuse(c, 404, 40410000, "symbol not found: %.64s", c->part);
    else if (p == NULL)
        sim_refuse(c, 404, 40410000, "position does not exist");
    else
        sim_json_position(&c->out, c->sim, p, c->now);
}

// Settings. What trading depends on lies with the exchange; the rest is only kept.

void sim_settings_default(struct sim_settings *s)
{
    *s = (struct sim_settings){
        .dtbp_check = "entry", .pdt_check = "entry", .trade_confirm_email = "none", .max_options_trading_level = 3};
}

void sim_configurations_get(struct sim_call *c)
{
    const struct exchange_settings *set = exchange_settings(c->sim->exchange);
    const struct sim_settings *own = &c->sim->settings;
    json_object_begin(&c->out);
    json_put_string(&c->out, "dtbp_check", own->dtbp_check);
    json_put_string(&c->out, "trade_confirm_email", own->trade_confirm_email);
    json_put_bool(&c->out, "suspend_trade", set->suspend_trade);
    json_put_bool(&c->out, "no_shorting", set->no_shorting);
    json_put_bool(&c->out, "fractional_trading", set->fractional_trading);
    if (own->max_options_trading_level < 0)
        json_put_null(&c->out, "max_options_trading_level");
    else
        json_put_int(&c->out, "max_options_trading_level", own->max_options_trading_level);
    const char digit[] = {(char)('0' + set->max_multiplier), '\0'};
    json_put_string(&c->out, "max_margin_multiplier", digit);
    json_put_string(&c->out, "pdt_check", own->pdt_check);
    json_put_bool(&c->out, "ptp_no_exception_entry", own->ptp_no_exception_entry);
    json_put_bool(&c->out, "disable_overnight_trading", own->disable_overnight_trading);
    json_object_end(&c->out);
}

static bool odd(struct sim_call *c, const char *name)
{
    sim_refuse(c, 422, 40010001, "invalid %s", name);
    return false;
}

static bool read_bool(struct sim_call *c, const struct json_node *root, const char *name, bool *value)
{
    const struct json_node *n = json_get(root, name);
    bool got;
    if (n == NULL)
        return true;
    if (!json_bool(n, &got))
        return odd(c, name);
    *value = got;
    return true;
}

static bool read_word(struct sim_call *c, const struct json_node *root, const char *name, const char *words,
                      char *value, size_t size)
{
    const struct json_node *n = json_get(root, name);
    const char *text = json_string(n);
    if (n == NULL)
        return true;
    if (text == NULL || *text == '\0' || !sim_csv_has(words, text))
        return odd(c, name);
    str_copy_cut(value, size, text);
    return true;
}

static bool read_level(struct sim_call *c, const struct json_node *root, int64_t *level)
{
    const struct json_node *n = json_get(root, "max_options_trading_level");
    int64_t got = -1; // null
    if (n == NULL)
        return true;
    if (json_type_of(n) != JSON_IS_NULL && (!json_int64(n, &got) || got < 0 || got > 3))
        return odd(c, "max_options_trading_level");
    *level = got;
    return true;
}

// All or nothing. Members that are not known are ignored.
static bool read_settings(struct sim_call *c, const struct json_node *root, struct exchange_settings *set,
                          struct sim_settings *own)
{
    char multiplier[2] = {(char)('0' + set->max_multiplier), '\0'};
    if (json_type_of(root) != JSON_IS_OBJECT) {
        sim_refuse(c, 400, 40010000, "request body format is invalid");
        return false;
    }
    if (!read_bool(c, root, "suspend_trade", &set->suspend_trade) ||
        !read_bool(c, root, "no_shorting", &set->no_shorting) ||
        !read_bool(c, root, "fractional_trading", &set->fractional_trading) ||
        !read_bool(c, root, "ptp_no_exception_entry", &own->ptp_no_exception_entry) ||
        !read_bool(c, root, "disable_overnight_trading", &own->disable_overnight_trading) ||
        !read_word(c, root, "max_margin_multiplier", "1,2,4", multiplier, sizeof multiplier) ||
        !read_word(c, root, "dtbp_check", "both,entry,exit", own->dtbp_check, sizeof own->dtbp_check) ||
        !read_word(c, root, "pdt_check", "both,entry,exit", own->pdt_check, sizeof own->pdt_check) ||
        !read_word(c, root, "trade_confirm_email", "all,none", own->trade_confirm_email,
                   sizeof own->trade_confirm_email) ||
        !read_level(c, root, &own->max_options_trading_level))
        return false;
    set->max_multiplier = multiplier[0] - '0';
    return true;
}

void sim_configurations_patch(struct sim_call *c)
{
    struct exchange_settings set = *exchange_settings(c->sim->exchange);
    struct sim_settings own = c->sim->settings;
    struct json_doc *doc;
    if (json_doc_parse(c->request->body, c->request->body_len, &doc, NULL) != 0) {
        sim_refuse(c, 400, 40010000, "request body format is invalid");
        return;
    }
    if (read_settings(c, json_doc_root(doc), &set, &own)) {
        *exchange_settings(c->sim->exchange) = set;
        c->sim->settings = own;
        sim_configurations_get(c);
    }
    json_doc_free(doc);
}
