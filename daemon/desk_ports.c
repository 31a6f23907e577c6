// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Where an order's way through the desk leads: ledger, broker and facts. In a desk for a self-test null ports stand in
// their place; the way is the same.
#include "daemon/desk_internal.h"

#include "lib/io/clock.h"

const struct guard_facts *desk_facts(const struct desk *d)
{
    return d->p.ports ? d->p.ports->facts(d->p.arg) : facts_view(d->p.facts);
}

void desk_decided(const struct desk_order *o, const char *kind, const char *answer, const char *rule,
                  const char *detail)
{
    const struct desk_params *p = &o->desk->p;
    if (p->ports)
        p->ports->decided(p->arg, rule);
    else
        ledger_decision(p->ledger, kind, o->row.intent.order.client_order_id, answer, rule, detail, clock_wall_ns());
}

void desk_port_commit(struct desk_order *o, ledger_intent_done_fn *done)
{
    const struct desk_params *p = &o->desk->p;
    if (p->ports)
        p->ports->commit(p->arg, &o->row.intent, done, o);
    else
        ledger_intent_commit(p->ledger, &o->row.intent, done, o);
}

void desk_port_update(struct desk_order *o, const struct change *c, ledger_done_fn *done, void *arg)
{
    const struct desk_params *p = &o->desk->p;
    if (p->ports)
        p->ports->update(p->arg, done, arg);
    else
        ledger_order_update(p->ledger, o->row.intent.order.client_order_id, c->order_id, c->status, c->filled_qty,
                            c->filled_avg_price, c->broker_at, clock_wall_ns(), c->source, c->reason, done, arg);
}

void desk_port_request(struct desk_order *o, struct wire_request *request)
{
    const struct desk_params *p = &o->desk->p;
    if (p->ports)
        p->ports->request(p->arg, o->body, o->body_len, request);
    else
        broker_order_request(p->broker, o->body, o->body_len, request);
}

void desk_port_slot(struct desk_order *o, void (*ready)(void *arg))
{
    const struct desk_params *p = &o->desk->p;
    if (p->ports)
        p->ports->slot(p->arg, ready, o);
    else
        broker_rate_wait(p->broker, ready, o);
}

void desk_port_submit(struct desk_order *o, struct cleared_order **cleared, broker_done_fn *done)
{
    const struct desk_params *p = &o->desk->p;
    if (p->ports)
        p->ports->submit(p->arg, cleared, done, o);
    else
        broker_submit(p->broker, cleared, done, o);
}
