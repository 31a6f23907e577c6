// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What holds for everybody: assets, clock and calendar.
#include <stdio.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

void sim_assets_list(struct sim_call *c)
{
    char status[SIM_TEXT_MAX] = "active", kind[SIM_TEXT_MAX] = "us_equity";
    bool given = sim_param(c, "status", status), wanted = !given || strcmp(status, "active") == 0;
    if (sim_param(c, "asset_class", kind) && strcmp(kind, "us_equity") != 0)
        wanted = false;
    json_array_begin(&c->out);
    for (size_t i = 0; wanted && i < market_symbol_count(c->sim->market); i++)
        sim_json_asset(&c->out, market_symbol_at(c->sim->market, i));
    json_array_end(&c->out);
}

void sim_assets_get(struct sim_call *c)
{
    const struct market_symbol *s = market_find(c->sim->market, c->part);
    if (s == NULL)
        sim_refuse(c, 404, 40410000, "asset not found for %.64s", c->part);
    else
        sim_json_asset(&c->out, s);
}

void sim_clock(struct sim_call *c)
{
    sim_json_clock(&c->out, c->sim->market, c->now);
}

void sim_calendar(struct sim_call *c)
{
    char text[SIM_TEXT_MAX];
    struct day d = {1990, 1, 1}, end = {2029, 12, 31}, first = d, last = end;
    struct market_session s;
    if ((sim_param(c, "start", text) && !day_parse(text, &d)) ||
        (sim_param(c, "end", text) && !day_parse(text, &end))) {
        sim_refuse(c, 422, 40010001, "invalid date: %.64s (expected YYYY-MM-DD)", text);
        return;
    }
    d = day_compare(d, first) < 0 ? first : d;
    end = day_compare(end, last) > 0 ? last : end;
    json_array_begin(&c->out);
    for (; day_compare(d, end) <= 0; d = day_add(d, 1))
        if (market_day_session(c->sim->market, d, &s))
            sim_json_calendar_day(&c->out, c->sim->market, &s);
    json_array_end(&c->out);
}
