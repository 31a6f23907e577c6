// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Nothing but the order stream tells that a fill was taken back, and what the account holds: the operator looks at the
// difference and accepts just that.
#include "tests/sim/lists.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/json_read.h"
#include "lib/base/when.h"
#include "tests/sim/cluster.h"
#include "tests/sim/operator.h"
#include "tests/sim/server.h"
#include "tests/sim/stream.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"

#define S NS_PER_S
#define AGREED 5 // looks in a row that find ledger and broker in step, when nothing is in the way

static struct {
    bool on;
    struct host *asked;
    int64_t bust_ns;        // a fill was taken back then, and the ledger has not followed yet
    int busts, busts_shown; // so many, and when the difference was looked at
    int agreed;
} it;

// --- lists

static bool hit(int64_t ppm)
{
    bool it_is = ppm && world_chance(DRAW_LISTS, ppm);
    world_sum(SUM_LISTS, it_is);
    return it_is;
}

static void spoil(const char *target, struct sim_reply *reply)
{
    const struct wire_faults *x = wire_faults();
    const struct market *m = exchange_params(sim_exchange(wire_exchange()))->market;
    struct sim_fault fault = {.action = SIM_FAULT_NONE};
    bool positions = str_equal(target, "/v2/positions"), fills = str_starts(target, "/v2/account/activities");
    if (positions && hit(x->omitted)) {
        size_t i = (size_t)world_between(DRAW_LISTS, 0, (int64_t)market_symbol_count(m) - 1);
        fault.action = SIM_FAULT_OMIT;
        str_copy_cut(fault.symbol, sizeof fault.symbol, market_symbol_name(market_symbol_at(m, i)));
    } else if (fills && hit(x->repeated)) {
        fault.action = SIM_FAULT_REPEAT;
    } else if (fills && hit(x->reversed)) {
        fault.action = SIM_FAULT_REVERSE;
    }
    if (fault.action == SIM_FAULT_NONE)
        return;
    world_note("wire: the list of %s: %s %s", target, sim_fault_name(fault.action), fault.symbol);
    sim_fault_spoil(&fault, reply);
}

static void fills_late(void *arg)
{
    if (!it.on)
        return;
    int64_t by_ns = world_between(DRAW_LISTS, 1, 400) * S;
    sim_fills_late(wire_exchange(), "", world_between(DRAW_LISTS, 1, 4), by_ns);
    world_sum(SUM_LISTS, 1);
    world_note("the next fills are listed %lld s late", (long long)(by_ns / S));
    world_after(world_between(DRAW_LISTS, 10, 100) * S, fills_late, arg);
}

// --- what was taken back

static void look(void *arg);

static void look_later(void)
{
    if (it.bust_ns)
        world_after(5 * S, look, NULL);
}

static void accepted(void *arg, int status, const char *body)
{
    (void)arg;
    world_note("operator: the difference is answered %d %.100s", status, body);
    if (status == 409 && strstr(body, "cancel them first"))
        operator_told_of_open();
    if (status == 200 && it.busts == it.busts_shown)
        it.bust_ns = 0;
    look_later();
}

static void shown(void *arg, int status, const char *body)
{
    struct json_doc *doc;
    char accept[200] = "";
    bool agrees = false;
    (void)arg;
    if (status == 200 && json_doc_parse(body, strlen(body), &doc, NULL) == 0) {
        const char *code = json_string(json_get(json_doc_root(doc), "code"));
        if (code && code[0])
            snprintf(accept, sizeof accept, "{\"code\":\"%.100s\",\"reason\":\"taken back\"}", code);
        else if (!json_bool(json_get(json_doc_root(doc), "in_step"), &agrees)) // no code: also of a host yet to compare
            agrees = false;
        json_doc_free(doc);
    }
    it.agreed = agrees && !it.on ? it.agreed + 1 : 0;
    if (it.agreed == AGREED) // it was less than cents
        it.bust_ns = 0;
    if (accept[0])
        server_ask(it.asked, HTTP_ROLE_ADMIN, HTTP_POST, "/admin/drift/accept", accept, NULL, accepted, NULL);
    else
        look_later();
}

static void look(void *arg)
{
    (void)arg;
    it.asked = cluster_leader();
    it.busts_shown = it.busts;
    server_ask(it.asked, HTTP_ROLE_ADMIN, HTTP_GET, "/admin/drift", NULL, NULL, shown, NULL);
}

bool lists_quiet(void)
{
    return it.bust_ns == 0;
}

static void seen(void)
{
    bool looks = it.bust_ns != 0;
    it.bust_ns = world_ns();
    it.busts++;
    if (!looks)
        world_after(20 * S, look, NULL);
}

static void bust(void *arg)
{
    struct exchange *e = sim_exchange(wire_exchange());
    struct err err;
    if (!it.on)
        return;
    int64_t n = (int64_t)exchange_fill_count(e);
    const struct exchange_fill *f = n ? exchange_fill_at(e, (size_t)world_between(DRAW_LISTS, 0, n - 1)) : NULL;
    bool corrected = world_chance(DRAW_LISTS, 300000);
    struct price price = {f ? f->price.nanos / 100 * world_between(DRAW_LISTS, 97, 103) : 0};
    if (f && exchange_bust(e, f->id, corrected ? &price : NULL, world_wall_ns(), &err) == 0) {
        world_note("fill %s is %s", f->id, corrected ? "corrected" : "taken back");
        world_sum(SUM_BUSTS, 1);
        stream_send();
        seen();
    }
    world_after(world_between(DRAW_LISTS, 20, 200) * S, bust, arg);
}

// --- begin and end

static int64_t rate(int64_t often_ppm, int64_t most_ppm)
{
    return world_chance(DRAW_LISTS, often_ppm) ? world_between(DRAW_LISTS, 0, most_ppm) : 0;
}

void lists_begin(void)
{
    struct wire_faults *x = wire_faults();
    it.on = true;
    wire_spoil(spoil);
    x->closed = rate(300000, 100000);
    x->cancels_limited = rate(200000, 600000);
    x->cancels_late = rate(200000, 400000);
    x->omitted = rate(300000, 200000);
    x->repeated = rate(200000, 300000);
    x->reversed = rate(200000, 300000);
    if (world_chance(DRAW_LISTS, 300000))
        world_after(world_between(DRAW_LISTS, 5, 100) * S, fills_late, NULL);
    if (world_chance(DRAW_LISTS, 150000))
        world_after(world_between(DRAW_LISTS, 30, 250) * S, bust, NULL);
}

void lists_end(void)
{
    it.on = false;
    sim_fills_late(wire_exchange(), "", 0, 0);
}
