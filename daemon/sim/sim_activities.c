// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Account activities.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define PAGE_MAX 100

struct activity_filter {
    bool has_after, has_until, has_date, ascending;
    int64_t after, until, date, page_size;
    char token[SIM_TEXT_MAX];
};

static bool activity_passes(const struct activity_filter *f, const struct exchange_fill *fill)
{
    if ((f->has_after && fill->at <= f->after) || (f->has_until && fill->at >= f->until))
        return false;
    return !f->has_date || (fill->at >= f->date && fill->at < f->date + 86400 * NS_PER_S);
}

static bool read_activity_filter(struct sim_call *c, struct activity_filter *f)
{
    char text[SIM_TEXT_MAX];
    f->page_size = PAGE_MAX;
    f->ascending = sim_param(c, "direction", text) && strcmp(text, "asc") == 0;
    if (!sim_int_param(c, "page_size", 1, PAGE_MAX, &f->page_size) ||
        !sim_when_param(c, "after", &f->has_after, &f->after) ||
        !sim_when_param(c, "until", &f->has_until, &f->until) || !sim_when_param(c, "date", &f->has_date, &f->date))
        return false;
    f->date -= f->date % (86400 * NS_PER_S);
    if (!sim_param(c, "page_token", f->token))
        f->token[0] = '\0';
    return true;
}

static void list_activities(struct sim_call *c)
{
    struct activity_filter f = {0};
    if (!read_activity_filter(c, &f))
        return;
    const struct exchange *e = c->sim->exchange;
    size_t count = exchange_fill_count(e), at = 0;
    if (*f.token != '\0') {
        size_t last = exchange_fill_find(e, f.token);
        if (last == count) {
            sim_refuse(c, 422, 40010001, "invalid page_token: %.96s", f.token);
            return;
        }
        at = f.ascending ? last + 1 : count - last;
    }
    json_array_begin(&c->out);
    for (int64_t listed = 0; at < count && listed < f.page_size; at++) {
        const struct exchange_fill *fill = exchange_fill_at(e, f.ascending ? at : count - 1 - at);
        if (!activity_passes(&f, fill))
            continue;
        sim_json_fill(&c->out, e, fill);
        listed++;
    }
    json_array_end(&c->out);
}

void sim_activities(struct sim_call *c)
{
    char types[SIM_TEXT_MAX], category[SIM_TEXT_MAX];
    bool by_type = sim_param(c, "activity_types", types), by_category = sim_param(c, "category", category);
    if (by_type && by_category)
        sim_refuse(c, 422, 40010001, "only one of activity_types or category is accepted");
    else if ((by_type && !sim_csv_has(types, "FILL")) || (by_category && strcmp(category, "trade_activity") != 0))
        text_add(&c->reply->body, "[]");
    else
        list_activities(c);
}

void sim_activities_of_type(struct sim_call *c)
{
    if (strcmp(c->part, "FILL") == 0)
        list_activities(c);
    else
        text_add(&c->reply->body, "[]");
}
