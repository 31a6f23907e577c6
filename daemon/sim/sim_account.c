// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The account, its settings and its positions.
#include <stdio.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

void sim_account_get(struct sim_call *c)
{
    sim_json_account(&c->out, c->sim, c->now);
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

void sim_configurations_get(struct sim_call *c)
{
    const struct exchange_settings *set = exchange_settings(c->sim->exchange);
    json_object_begin(&c->out);
    json_put_string(&c->out, "dtbp_check", "entry");
    json_put_string(&c->out, "trade_confirm_email", "none");
    json_put_bool(&c->out, "suspend_trade", set->suspend_trade);
    json_put_bool(&c->out, "no_shorting", set->no_shorting);
    json_put_bool(&c->out, "fractional_trading", set->fractional_trading);
    json_put_int(&c->out, "max_options_trading_level", 3);
    json_put_string(&c->out, "max_margin_multiplier", "4");
    json_put_string(&c->out, "pdt_check", "entry");
    json_put_bool(&c->out, "ptp_no_exception_entry", false);
    json_put_bool(&c->out, "disable_overnight_trading", false);
    json_object_end(&c->out);
}

void sim_configurations_patch(struct sim_call *c)
{
    struct exchange_settings *set = exchange_settings(c->sim->exchange);
    struct json_doc *doc;
    if (json_doc_parse(c->request->body, c->request->body_len, &doc, NULL) != 0) {
        sim_refuse(c, 400, 40010000, "request body format is invalid");
        return;
    }
    const struct {
        const char *name;
        bool *value;
    } served[] = {{"suspend_trade", &set->suspend_trade},
                  {"no_shorting", &set->no_shorting},
                  {"fractional_trading", &set->fractional_trading}};
    for (size_t i = 0; i < ARRAY_LEN(served); i++) {
        bool value;
        if (json_bool(json_get(json_doc_root(doc), served[i].name), &value))
            *served[i].value = value;
    }
    json_doc_free(doc);
    sim_configurations_get(c);
}
