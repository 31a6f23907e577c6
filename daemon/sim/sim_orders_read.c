// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Reading orders of the simulated API: lists with all filters, one by id or client id, legs under their parent.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define LIST_LIMIT 50
#define LIST_LIMIT_MAX 500

static bool nested_asked(const struct sim_call *c)
{
    char text[SIM_TEXT_MAX];
    return sim_param(c, "nested", text) && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

struct order_filter {
    enum { OPEN, CLOSED, ALL } status;
    bool has_after, has_until, ascending, nested, has_symbols, has_side, has_classes;
    int64_t after, until, limit;
    uint64_t before_number, after_number; // 0 = none
    char symbols[SIM_TEXT_MAX], classes[SIM_TEXT_MAX];
    enum order_side side;
};

static bool read_id_bound(struct sim_call *c, const char *name, uint64_t *number)
{
    char text[SIM_TEXT_MAX];
    if (!sim_param(c, name, text))
        return true;
    const struct exchange_order *o = exchange_order_find(c->sim->exchange, text);
    if (o == NULL) {
        sim_refuse(c, 422, 40010001, "invalid %s: order not found for %.64s", name, text);
        return false;
    }
    *number = o->number;
    return true;
}

static bool read_bounds(struct sim_call *c, struct order_filter *f)
{
    if (!sim_when_param(c, "after", &f->has_after, &f->after) ||
        !sim_when_param(c, "until", &f->has_until, &f->until) ||
        !read_id_bound(c, "before_order_id", &f->before_number) ||
        !read_id_bound(c, "after_order_id", &f->after_number))
        return false;
    bool by_id = f->before_number != 0 || f->after_number != 0;
    if (!(f->before_number != 0 && f->after_number != 0) && !(by_id && (f->has_after || f->has_until)))
        return true;
    sim_refuse(c, 422, 40010001, "only one of before_order_id, after_order_id or after/until is accepted");
    return false;
}

static bool read_filter(struct sim_call *c, struct order_filter *f)
{
    char text[SIM_TEXT_MAX];
    if (sim_param(c, "status", text)) {
        if (strcmp(text, "open") != 0 && strcmp(text, "closed") != 0 && strcmp(text, "all") != 0) {
            sim_refuse(c, 422, 40010001, "invalid status: %.32s (open, closed or all)", text);
            return false;
        }
        f->status = text[0] == 'o' ? OPEN : text[0] == 'c' ? CLOSED : ALL;
    }
    f->has_side = sim_param(c, "side", text);
    if (f->has_side && !order_side_parse(text, &f->side)) {
        sim_refuse(c, 422, 40010001, "invalid side: %.32s", text);
        return false;
    }
    if (sim_param(c, "direction", text) && strcmp(text, "asc") != 0 && strcmp(text, "desc") != 0) {
        sim_refuse(c, 422, 40010001, "invalid direction: %.32s (asc or desc)", text);
        return false;
    }
    f->ascending = sim_param(c, "direction", text) && strcmp(text, "asc") == 0;
    f->nested = nested_asked(c);
    f->has_symbols = sim_param(c, "symbols", f->symbols);
    f->has_classes = sim_param(c, "asset_class", f->classes);
    f->limit = LIST_LIMIT;
    return read_bounds(c, f) && sim_int_param(c, "limit", 1, LIST_LIMIT_MAX, &f->limit);
}

static bool filter_passes(const struct order_filter *f, const struct exchange_order *o)
{
    bool closed = order_status_terminal(o->status), open = !closed && o->status != ORDER_HELD;
    if ((f->status == OPEN && !open) || (f->status == CLOSED && !closed))
        return false;
    if (f->has_classes && !sim_csv_has(f->classes, "us_equity") && !sim_csv_has(f->classes, "all"))
        return false;
    if ((f->has_after && o->submitted_at <= f->after) || (f->has_until && o->submitted_at >= f->until))
        return false;
    if ((f->before_number != 0 && o->number >= f->before_number) ||
        (f->after_number != 0 && o->number <= f->after_number))
        return false;
    if (f->has_side && o->side != f->side)
        return false;
    return !f->has_symbols || sim_csv_has(f->symbols, market_symbol_name(o->symbol));
}

static int by_submission(const void *a, const void *b)
{
    const struct exchange_order *x = *(const struct exchange_order *const *)a;
    const struct exchange_order *y = *(const struct exchange_order *const *)b;
    if (x->submitted_at != y->submitted_at)
        return x->submitted_at < y->submitted_at ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

void sim_orders_list(struct sim_call *c)
{
    struct order_filter f = {0};
    if (!read_filter(c, &f))
        return;
    const struct exchange *e = c->sim->exchange;
    size_t count = exchange_order_count(e), found = 0;
    const struct exchange_order **list = check_alloc(count + 1, sizeof(struct exchange_order *));
    for (size_t i = 0; i < count; i++) {
        const struct exchange_order *o = exchange_order_at(e, i);
        bool inside = f.nested && o->parent != 0 && filter_passes(&f, exchange_order_at(e, (size_t)o->parent - 1));
        if (!inside && filter_passes(&f, o))
            list[found++] = o;
    }
    qsort(list, found, sizeof(struct exchange_order *), by_submission);
    json_array_begin(&c->out);
    for (size_t i = 0; i < found && (int64_t)i < f.limit; i++)
        sim_json_order(&c->out, e, list[f.ascending ? i : found - 1 - i], f.nested);
    json_array_end(&c->out);
    free(list);
}

void sim_orders_get(struct sim_call *c)
{
    const struct exchange_order *o = exchange_order_find(c->sim->exchange, c->part);
    if (o != NULL)
        sim_json_order(&c->out, c->sim->exchange, o, nested_asked(c));
    else
        sim_refuse(c, 404, 40410000, "order not found for %.64s", c->part);
}

void sim_orders_by_client_id(struct sim_call *c)
{
    char id[SIM_TEXT_MAX];
    const struct exchange_order *o = NULL;
    if (!sim_param(c, "client_order_id", id)) {
        sim_refuse(c, 422, 40010001, "client_order_id is missing");
        return;
    }
    o = exchange_order_find_client(c->sim->exchange, id);
    if (o != NULL)
        sim_json_order(&c->out, c->sim->exchange, o, nested_asked(c));
    else
        sim_refuse(c, 404, 40410000, "order not found for %.128s", id);
}
