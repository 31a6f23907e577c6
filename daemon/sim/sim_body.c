// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Bodies of orders and replacements. A member that is null or "" counts as not sent; unknown ones are ignored.
#include <string.h>

#include "daemon/sim/sim_internal.h"

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
    const char *text = json_string(n);
    *present = n != NULL && json_type_of(n) != JSON_IS_NULL && (text == NULL || *text != '\0');
    if (!*present || json_decimal(n, DECIMAL_DOWN, nanos) == DECIMAL_OK)
        return true;
    sim_refuse(c, 422, 40010001, "invalid %s", name);
    return false;
}

static bool member_price(struct sim_call *c, const struct json_node *root, const char *name, struct exchange_price *p)
{
    return member_decimal(c, root, name, &p->given, &p->price.nanos);
}

static bool read_tif(struct sim_call *c, const struct json_node *root, bool *has, enum order_tif *tif)
{
    char word[64];
    *has = member_text(root, "time_in_force", word, sizeof word);
    if (!*has || order_tif_parse(word, tif))
        return true;
    sim_refuse(c, 422, 40010001, "invalid time_in_force: %s", word);
    return false;
}

static bool read_client_id(struct sim_call *c, const struct json_node *root, char *out, size_t size)
{
    const char *id = json_string(json_get(root, "client_order_id"));
    if (id != NULL && !str_copy(out, size, id)) {
        sim_refuse(c, 422, 40010001, "client_order_id must be no more than 128 characters");
        return false;
    }
    return true;
}

static bool read_class(struct sim_call *c, const struct json_node *root, enum exchange_class *out)
{
    char word[64];
    if (!member_text(root, "order_class", word, sizeof word) || strcmp(word, "simple") == 0)
        return true;
    for (enum exchange_class i = CLASS_BRACKET; i <= CLASS_MLEG; i++)
        if (strcmp(word, exchange_class_name(i)) == 0) {
            *out = i;
            return true;
        }
    sim_refuse(c, 422, 40010001, "invalid order_class: %s", word);
    return false;
}

static bool read_words(struct sim_call *c, const struct json_node *root, struct exchange_request *r)
{
    char word[64];
    member_text(root, "symbol", r->symbol, sizeof r->symbol);
    member_text(root, "position_intent", r->position_intent, sizeof r->position_intent);
    if (!json_bool(json_get(root, "extended_hours"), &r->extended_hours))
        r->extended_hours = false;
    if (!member_text(root, "side", word, sizeof word) || !order_side_parse(word, &r->side)) {
        sim_refuse(c, 422, 40010001, "side is required (buy or sell)");
        return false;
    }
    r->has_type = member_text(root, "type", word, sizeof word);
    if (r->has_type && !order_type_parse(word, &r->type)) {
        sim_refuse(c, 422, 40010001, "invalid order type: %s", word);
        return false;
    }
    return read_tif(c, root, &r->has_tif, &r->tif) && read_class(c, root, &r->order_class);
}

static bool refuse_format(struct sim_call *c)
{
    sim_refuse(c, 400, 40010000, "request body format is invalid");
    return false;
}

// take_profit and stop_loss.
static bool read_exits(struct sim_call *c, const struct json_node *root, struct exchange_request *r)
{
    const struct json_node *profit = json_get(root, "take_profit"), *loss = json_get(root, "stop_loss");
    r->has_take_profit = json_type_of(profit) != JSON_IS_NULL;
    r->has_stop_loss = json_type_of(loss) != JSON_IS_NULL;
    if ((r->has_take_profit && json_type_of(profit) != JSON_IS_OBJECT) ||
        (r->has_stop_loss && json_type_of(loss) != JSON_IS_OBJECT))
        return refuse_format(c);
    return member_price(c, profit, "limit_price", &r->take_profit) &&
           member_price(c, loss, "stop_price", &r->stop_loss) &&
           member_price(c, loss, "limit_price", &r->stop_loss_limit);
}

bool sim_body_order(struct sim_call *c, const struct json_node *root, struct exchange_request *r)
{
    *r = (struct exchange_request){0};
    if (json_type_of(root) != JSON_IS_OBJECT)
        return refuse_format(c);
    return read_client_id(c, root, r->client_order_id, sizeof r->client_order_id) && read_words(c, root, r) &&
           member_decimal(c, root, "qty", &r->has_qty, &r->qty.nanos) &&
           member_decimal(c, root, "notional", &r->has_notional, &r->notional.nanos) &&
           member_price(c, root, "limit_price", &r->limit) && member_price(c, root, "stop_price", &r->stop) &&
           member_price(c, root, "trail_price", &r->trail_price) &&
           member_decimal(c, root, "trail_percent", &r->has_trail_percent, &r->trail_percent.nanos) &&
           read_exits(c, root, r);
}

bool sim_body_change(struct sim_call *c, const struct json_node *root, struct exchange_change *change)
{
    bool notional;
    int64_t ignored;
    *change = (struct exchange_change){0};
    if (json_type_of(root) != JSON_IS_OBJECT)
        return refuse_format(c);
    if (!member_decimal(c, root, "notional", &notional, &ignored))
        return false;
    if (notional) {
        sim_refuse(c, 422, 42210000, "notional can only be replaced for IPO orders");
        return false;
    }
    return read_client_id(c, root, change->client_order_id, sizeof change->client_order_id) &&
           read_tif(c, root, &change->has_tif, &change->tif) &&
           member_decimal(c, root, "qty", &change->has_qty, &change->qty.nanos) &&
           member_price(c, root, "limit_price", &change->limit) && member_price(c, root, "stop_price", &change->stop) &&
           member_decimal(c, root, "trail", &change->has_trail, &change->trail);
}
