// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders of the simulated API.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define LIST_LIMIT 50
#define LIST_LIMIT_MAX 500

// Reading an order. A member that is null or "" counts as not sent; unknown ones are ignored.

static bool member_text(const struct json_node *root, const char *name, char *out, size_t size)
{
    const char *text = json_string(json_get(root, name));
    return text != NULL && *text != '\0' && str_copy(out, size, text);
}

// Decimals beyond nine places are cut silently, as Alpaca does. False after a refusal.
static bool member_decimal(struct sim_call *c, const struct json_node *root, const char *name, bool *present,
                           int64_t *nanos)
{
    const struct json_node *n = json_get(root, name);
    *present = n != NULL && json_type_of(n) != JSON_IS_NULL;
    if (!*present || json_decimal(n, DECIMAL_DOWN, nanos) == DECIMAL_OK)
        return true;
    sim_refuse(c, 422, 40010001, "invalid %s", name);
    return false;
}

static bool read_words(struct sim_call *c, const struct json_node *root, struct exchange_request *r)
{
    char word[64];
    if (!member_text(root, "side", word, sizeof word) || !order_side_parse(word, &r->side)) {
        sim_refuse(c, 422, 40010001, "side is required (buy or sell)");
        return false;
    }
    r->has_type = member_text(root, "type", word, sizeof word);
    if (r->has_type && !order_type_parse(word, &r->type)) {
        sim_refuse(c, 422, 40010001, "invalid order type: %s", word);
        return false;
    }
    r->has_tif = member_text(root, "time_in_force", word, sizeof word);
    if (r->has_tif && !order_tif_parse(word, &r->tif)) {
        sim_refuse(c, 422, 40010001, "invalid time_in_force: %s", word);
        return false;
    }
    r->complex_class = member_text(root, "order_class", word, sizeof word) && strcmp(word, "simple") != 0;
    return true;
}

static bool read_order(struct sim_call *c, const struct json_node *root, struct exchange_request *r)
{
    int64_t stop = 0;
    if (json_type_of(root) != JSON_IS_OBJECT) {
        sim_refuse(c, 400, 40010000, "request body format is invalid");
        return false;
    }
    member_text(root, "symbol", r->symbol, sizeof r->symbol);
    member_text(root, "client_order_id", r->client_order_id, sizeof r->client_order_id);
    member_text(root, "position_intent", r->position_intent, sizeof r->position_intent);
    const char *id = json_string(json_get(root, "client_order_id"));
    if (id != NULL && strlen(id) >= sizeof r->client_order_id) {
        sim_refuse(c, 422, 40010001, "client_order_id must be no more than 128 characters");
        return false;
    }
    bool extended = false;
    if (json_bool(json_get(root, "extended_hours"), &extended))
        r->extended_hours = extended;
    return read_words(c, root, r) && member_decimal(c, root, "qty", &r->has_qty, &r->qty.nanos) &&
           member_decimal(c, root, "notional", &r->has_notional, &r->notional.nanos) &&
           member_decimal(c, root, "limit_price", &r->has_limit_price, &r->limit_price.nanos) &&
           member_decimal(c, root, "stop_price", &r->has_stop_price, &stop);
}

void sim_orders_post(struct sim_call *c)
{
    struct json_doc *doc;
    if (json_doc_parse(c->request->body, c->request->body_len, &doc, NULL) != 0) {
        sim_refuse(c, 400, 40010000, "request body format is invalid");
        return;
    }
    struct exchange_request r = {0};
    struct exchange_refusal why;
    const struct exchange_order *order;
    if (read_order(c, json_doc_root(doc), &r)) {
        if (exchange_submit(c->sim->exchange, &r, c->now, &order, &why) == 0)
            sim_json_order(&c->out, order);
        else
            sim_refuse_why(c, &why);
    }
    json_doc_free(doc);
}

// Listing.

struct order_filter {
    enum { OPEN, CLOSED, ALL } status;
    bool has_after, has_until, ascending, has_symbols, has_side;
    int64_t after, until, limit;
    uint64_t before_number, after_number; // 0 = none
    char symbols[SIM_TEXT_MAX];
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
    f->ascending = sim_param(c, "direction", text) && strcmp(text, "asc") == 0;
    f->has_symbols = sim_param(c, "symbols", f->symbols);
    f->limit = LIST_LIMIT;
    return sim_int_param(c, "limit", 1, LIST_LIMIT_MAX, &f->limit) &&
           sim_when_param(c, "after", &f->has_after, &f->after) &&
           sim_when_param(c, "until", &f->has_until, &f->until) &&
           read_id_bound(c, "before_order_id", &f->before_number) &&
           read_id_bound(c, "after_order_id", &f->after_number);
}

static bool filter_passes(const struct order_filter *f, const struct exchange_order *o)
{
    bool closed = order_status_terminal(o->status);
    if ((f->status == OPEN && closed) || (f->status == CLOSED && !closed))
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
    for (size_t i = 0; i < count; i++)
        if (filter_passes(&f, exchange_order_at(e, i)))
            list[found++] = exchange_order_at(e, i);
    qsort(list, found, sizeof(struct exchange_order *), by_submission);
    json_array_begin(&c->out);
    for (size_t i = 0; i < found && (int64_t)i < f.limit; i++)
        sim_json_order(&c->out, list[f.ascending ? i : found - 1 - i]);
    json_array_end(&c->out);
    free(list);
}

// One order.

void sim_orders_get(struct sim_call *c)
{
    const struct exchange_order *o = exchange_order_find(c->sim->exchange, c->part);
    if (o != NULL)
        sim_json_order(&c->out, o);
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
        sim_json_order(&c->out, o);
    else
        sim_refuse(c, 404, 40410000, "order not found for %.128s", id);
}

void sim_orders_delete(struct sim_call *c)
{
    struct exchange_refusal why;
    if (exchange_cancel(c->sim->exchange, c->part, c->now, &why) == 0)
        c->reply->status = 204;
    else
        sim_refuse_why(c, &why);
}

void sim_orders_delete_all(struct sim_call *c)
{
    struct exchange *e = c->sim->exchange;
    struct exchange_refusal why;
    c->reply->status = 207;
    json_array_begin(&c->out);
    for (size_t i = 0; i < exchange_order_count(e); i++) {
        const struct exchange_order *o = exchange_order_at(e, i);
        if (order_status_terminal(o->status))
            continue;
        int status = exchange_cancel(e, o->id, c->now, &why) == 0 ? 200 : why.status;
        json_object_begin(&c->out);
        json_put_string(&c->out, "id", o->id);
        json_put_int(&c->out, "status", status);
        json_object_end(&c->out);
    }
    json_array_end(&c->out);
}
