// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Wishes: each has a quantity that no other has, by which its orders are found at the exchange whatever id they got.
#include "tests/sim/client.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/json_read.h"
#include "lib/base/when.h"
#include "tests/sim/check.h"
#include "tests/sim/cluster.h"
#include "tests/sim/incidents.h"
#include "tests/sim/server.h"
#include "tests/sim/site.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

#define S NS_PER_S
#define MS NS_PER_MS
#define WISHES_MAX 24
#define PATIENCE_NS (INT64_C(4) * S)
#define ORDERS "/api/v1/orders"

struct wish {
    bool own_id, sell, limit;
    const char *symbol;
    int number;
    struct qty qty;
    char body[500], id[CLIENT_ORDER_ID_MAX]; // id: as it was told, or its own
    uint64_t request;                        // under way; 0: none
    bool placed, refused, ended;             // told so; ended: nothing of it rests any more
    bool repeats, cancels;
};

static struct {
    struct exchange *exchange;
    bool on, over;
    struct wish wishes[WISHES_MAX];
    int count;
} it;

static void ask(void *arg);

static void ask_later(struct wish *w)
{
    world_after(world_between(DRAW_CLIENT, 500, 8000) * MS, ask, w);
}

// --- answers

static void read_id(struct wish *w, const char *body)
{
    struct json_doc *doc;
    const char *id;
    if (json_doc_parse(body, strlen(body), &doc, NULL) != 0)
        return;
    id = json_string(json_get(json_doc_root(doc), "client_order_id"));
    if (!id)
        check_violation("wish %d is answered without an id: %.200s", w->number, body);
    else
        snprintf(w->id, sizeof w->id, "%s", id);
    json_doc_free(doc);
}

static const char *ledger_status(const char *id)
{
    return store_value("SELECT status FROM orders WHERE client_order_id = $1", id);
}

static void placed(struct wish *w, int status, const char *body)
{
    char before[CLIENT_ORDER_ID_MAX];
    memcpy(before, w->id, sizeof before);
    read_id(w, body);
    if (!ledger_status(w->id)[0])
        check_violation("wish %d is answered %d and the ledger has no order %s", w->number, status, w->id);
    if (w->placed && strcmp(before, w->id) == 0 && status != 200)
        check_violation("order %s, asked for again, is answered %d", w->id, status);
    if (w->placed && strcmp(before, w->id) != 0 && strcmp(ledger_status(before), "rejected") != 0)
        check_violation("wish %d is order %s, and %s when asked for again", w->number, before, w->id);
    w->placed = true;
}

// Told that it is an intent whose commit has not been answered: it may end with the host that asks for it.
static bool in_doubt(int status, const char *body)
{
    return status == 202 && strstr(body, "has not told yet whether its intent is committed");
}

// Refused with its order on record, or for what it says: asking again changes nothing.
static bool for_good(int status, const char *body)
{
    return status == 400 || status == 409 || status == 422 || (status == 403 && strstr(body, "\"order\":")) ||
           strstr(body, "\"not_placed\"");
}

static void answered(void *arg, int status, const char *body)
{
    struct wish *w = arg;
    w->request = 0;
    world_note("client: wish %d is answered %d", w->number, status);
    if (in_doubt(status, body)) {
        ask_later(w);
        return;
    }
    if (status >= 200 && status < 300) {
        placed(w, status, body);
        if (!w->repeats)
            return;
        w->repeats = false; // once more, as if the answer had been lost
    } else if (for_good(status, body)) {
        if (w->placed && w->own_id && status == 409)
            check_violation("order %s was acknowledged; asked for again it is answered 409 %.200s", w->id, body);
        w->refused = !w->placed;
        return;
    }
    ask_later(w);
}

// --- asking

static void impatient(void *arg)
{
    struct wish *w = arg;
    uint64_t request = w->request;
    if (!request || !server_hang_up(request, PATIENCE_NS))
        return;
    w->request = 0;
    world_note("client: leaves before wish %d is answered", w->number);
    ask_later(w);
}

static void ask(void *arg)
{
    struct wish *w = arg;
    w->request =
        server_ask(cluster_any(DRAW_CLIENT), HTTP_ROLE_API, HTTP_POST, ORDERS, w->body, SITE_TOKEN, answered, w);
    if (w->request)
        world_after(PATIENCE_NS, impatient, w);
}

static void other_answered(void *arg, int status, const char *body)
{
    const struct wish *w = arg;
    if (status >= 200 && status < 300)
        check_violation("order %s is taken with another quantity: %.200s", w->id, body);
}

// The same id for something else.
static void ask_other(void *arg)
{
    struct wish *w = arg;
    char body[300];
    snprintf(body, sizeof body, "{\"client_order_id\":\"%s\",\"symbol\":\"%s\",\"side\":\"buy\",\"qty\":\"0.5\"}",
             w->id, w->symbol);
    if (w->placed)
        server_ask(cluster_any(DRAW_CLIENT), HTTP_ROLE_API, HTTP_POST, ORDERS, body, SITE_TOKEN, other_answered, w);
}

static void read_answered(void *arg, int status, const char *body)
{
    const struct wish *w = arg;
    (void)body;
    if (status == 404)
        check_violation("order %s was acknowledged and is not known", w->id);
}

static void look(void *arg)
{
    struct wish *w = arg;
    char target[200];
    snprintf(target, sizeof target, ORDERS "/%s", w->id);
    if (w->placed)
        server_ask(cluster_any(DRAW_CLIENT), HTTP_ROLE_API, HTTP_GET, target, NULL, NULL, read_answered, w);
}

static void cancel(void *arg);

static void cancel_answered(void *arg, int status, const char *body)
{
    struct wish *w = arg;
    (void)body;
    if (status == 404)
        check_violation("order %s was acknowledged and cannot be cancelled: it is not known", w->id);
    w->ended = status == 409 || status == 404;
    if (!w->ended)
        world_after(world_between(DRAW_CLIENT, 1000, 9000) * MS, cancel, w);
}

static void cancel(void *arg)
{
    struct wish *w = arg;
    char target[200];
    snprintf(target, sizeof target, ORDERS "/%s", w->id);
    if (w->placed)
        server_ask(cluster_any(DRAW_CLIENT), HTTP_ROLE_API, HTTP_DELETE, target, NULL, SITE_TOKEN, cancel_answered, w);
    else if (!w->refused)
        world_after(5 * S, cancel, w);
    w->ended = w->refused;
}

// --- wishing

static void write_body(struct wish *w)
{
    static const char *const strategies[] = {"", ",\"strategy\":\"a\"", ",\"strategy\":\"b\""};
    char own[180] = "", limit[80] = "", price[DECIMAL_TEXT_MAX], qty[DECIMAL_TEXT_MAX];
    if (w->own_id)
        snprintf(own, sizeof own, "\"client_order_id\":\"%s\",", w->id);
    if (w->limit) {
        struct market *m = exchange_params(it.exchange)->market;
        struct market_quote q;
        market_quote(m, market_find(m, w->symbol), world_wall_ns(), &q);
        int64_t cents = q.last.nanos / (DECIMAL_ONE / 100) * (w->sell ? 102 : 98) / 100; // rests, mostly
        int64_t odd = incidents_chosen() && incidents_chosen()->sub_penny ? DECIMAL_ONE / 200 : 0;
        snprintf(limit, sizeof limit, ",\"type\":\"limit\",\"limit_price\":\"%s\"",
                 decimal_format(cents * (DECIMAL_ONE / 100) + odd, price));
    }
    snprintf(w->body, sizeof w->body, "{%s\"symbol\":\"%s\",\"side\":\"%s\",\"qty\":\"%s\"%s%s}", own, w->symbol,
             w->sell ? "sell" : "buy", decimal_format(w->qty.nanos, qty), limit,
             strategies[world_between(DRAW_CLIENT, 0, 2)]);
}

static void wish(void *arg)
{
    static const char *const symbols[] = {"SPY", "TLT", "GLD"};
    if (it.over || it.count == WISHES_MAX)
        return;
    struct wish *w = &it.wishes[it.count];
    *w = (struct wish){.number = it.count++,
                       .own_id = world_chance(DRAW_CLIENT, 500000),
                       .sell = world_chance(DRAW_CLIENT, 250000),
                       .limit = world_chance(DRAW_CLIENT, 300000),
                       .repeats = world_chance(DRAW_CLIENT, 400000),
                       .cancels = world_chance(DRAW_CLIENT, 300000),
                       .symbol = symbols[world_between(DRAW_CLIENT, 0, 2)]};
    int64_t part = (w->number + 1) * (DECIMAL_ONE / 1000);
    w->qty.nanos = world_between(DRAW_CLIENT, 1, 12) * DECIMAL_ONE + part;
    if (w->own_id)
        snprintf(w->id, sizeof w->id, "s%llu:%d", (unsigned long long)world_seed(), w->number);
    write_body(w);
    world_note("client: wishes %s", w->body);
    ask(w);
    if (w->own_id && world_chance(DRAW_CLIENT, 200000))
        world_after(world_between(DRAW_CLIENT, 5, 60) * S, ask_other, w);
    if (w->cancels)
        world_after(world_between(DRAW_CLIENT, 1, 60) * S, cancel, w);
    world_after(world_between(DRAW_CLIENT, 1, 120) * S, look, w);
    world_after(world_between(DRAW_CLIENT, 3, 40) * S, wish, arg);
}

void client_begin(struct sim *exchange)
{
    it.exchange = sim_exchange(exchange);
    it.on = incidents_chosen() ? incidents_chosen()->client : world_chance(DRAW_CLIENT, 500000);
    if (it.on)
        world_after(world_between(DRAW_CLIENT, 1, 30) * S, wish, NULL);
}

void client_end(void)
{
    it.over = true;
    for (int i = 0; i < it.count; i++)
        if (!it.wishes[i].cancels)
            world_after(world_between(DRAW_CLIENT, 1, 5000) * MS, cancel, &it.wishes[i]);
}

bool client_quiet(void)
{
    for (int i = 0; i < it.count; i++)
        if (!it.wishes[i].ended || it.wishes[i].request)
            return false;
    return true;
}

// --- what must hold

// A strategy that gives up what a wish has bought sells the same quantity: the side counts too.
static int orders_of(const struct wish *w)
{
    int count = 0;
    for (size_t i = 0; i < exchange_order_count(it.exchange); i++) {
        const struct exchange_order *o = exchange_order_at(it.exchange, i);
        count += o->qty.nanos == w->qty.nanos && (o->side == ORDER_SELL) == w->sell && o->status != ORDER_REJECTED &&
                 strcmp(market_symbol_name(o->symbol), w->symbol) == 0;
    }
    return count;
}

void client_check(void)
{
    for (int i = 0; i < it.count; i++) {
        const struct wish *w = &it.wishes[i];
        int count = orders_of(w);
        if (count > 1)
            check_violation("wish %d of a client is %d orders at the exchange: %.200s", w->number, count, w->body);
        if (w->placed && !ledger_status(w->id)[0])
            check_violation("order %s was acknowledged and is not in the ledger", w->id);
        if (!w->placed && !w->refused)
            check_violation("wish %d of a client was never answered for good: %.200s", w->number, w->body);
    }
}
