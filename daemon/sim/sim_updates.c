// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What happened to orders as the messages of Alpaca's trade_updates stream, and GET /sim/updates, which lists them.
#include "daemon/sim/sim_internal.h"

#define LIST_MAX 1000

void sim_json_update(struct json_out *o, const struct exchange *e, const struct exchange_update *u)
{
    json_object_begin(o);
    json_put_string(o, "stream", "trade_updates");
    json_key(o, "data");
    json_object_begin(o);
    json_put_string(o, "event", u->event);
    json_put_string(o, "execution_id", u->execution_id);
    json_key(o, "order");
    sim_json_order(o, e, &u->order, false);
    json_put_when(o, "timestamp", u->at);
    if (u->is_fill) {
        json_put_decimal(o, "price", u->price.nanos);
        json_put_decimal(o, "qty", u->qty.nanos);
        json_put_decimal(o, "position_qty", u->position_qty.nanos);
    }
    json_object_end(o);
    json_object_end(o);
}

uint64_t sim_updates_last(const struct sim *s)
{
    return exchange_feed_last(s->feed);
}

bool sim_update_after(const struct sim *s, uint64_t *number, struct text *message)
{
    const struct exchange_update *u = exchange_feed_after(s->feed, *number);
    struct json_out o;
    if (u == NULL)
        return false;
    *number = u->number;
    json_out_init(&o, message);
    sim_json_update(&o, s->exchange, u);
    return true;
}

void sim_admin_updates(struct sim_call *c)
{
    int64_t after = 0;
    if (!sim_int_param(c, "after", 0, INT64_MAX, &after))
        return;
    const struct exchange_feed *feed = c->sim->feed;
    const struct exchange_update *u;
    uint64_t number = (uint64_t)after;
    json_object_begin(&c->out);
    json_put_int(&c->out, "last", (int64_t)exchange_feed_last(feed));
    json_key(&c->out, "updates");
    json_array_begin(&c->out);
    for (int i = 0; i < LIST_MAX && (u = exchange_feed_after(feed, number)) != NULL; i++) {
        number = u->number;
        json_object_begin(&c->out);
        json_put_int(&c->out, "number", (int64_t)number);
        json_key(&c->out, "message");
        sim_json_update(&c->out, c->sim->exchange, u);
        json_object_end(&c->out);
    }
    json_array_end(&c->out);
    json_object_end(&c->out);
}
