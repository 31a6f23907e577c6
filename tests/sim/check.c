// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The ledger is read by SQL of its own here, beside the daemon's; the exchange is asked as an object.
#include "tests/sim/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/audit.h"
#include "lib/base/check.h"
#include "lib/base/json_read.h"
#include "lib/base/when.h"
#include "tests/sim/store.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"

#define CENT (DECIMAL_ONE / 100)
#define GIVEN_UP_AFTER_NS (INT64_C(60) * NS_PER_S) // at the earliest: so long the broker has denied it

static struct {
    struct sim *sim;
    const char *account;
    int violations;
    void (*leaves[4])(const struct host *h, const char *client_order_id);
} it;

void check_begin(struct sim *exchange, const char *account)
{
    it.sim = exchange;
    it.account = account;
}

void check_violation(const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    it.violations++;
    world_note("VIOLATION %s", text);
    printf("violation: seed %llu, step %llu: %s\n", (unsigned long long)world_seed(), (unsigned long long)world_steps(),
           text);
}

int check_violations(void)
{
    return it.violations;
}

void check_also(void (*leaves)(const struct host *h, const char *client_order_id))
{
    size_t i = 0;
    while (it.leaves[i])
        CHECK(++i < ARRAY_LEN(it.leaves));
    it.leaves[i] = leaves;
}

void check_order_leaves(struct host *h, const char *client_order_id, int64_t host_wall_ns)
{
    int64_t deadline;
    for (size_t i = 0; i < ARRAY_LEN(it.leaves) && it.leaves[i]; i++)
        it.leaves[i](h, client_order_id);
    if (!store_value("SELECT 1 FROM intents WHERE client_order_id = $1", client_order_id)[0]) {
        check_violation("order %s leaves and no intent is committed", client_order_id);
        return;
    }
    const char *until = store_value("SELECT utc(r.deadline_at) FROM intents i JOIN runs r USING (run_id) "
                                    "WHERE i.client_order_id = $1",
                                    client_order_id);
    if (until[0] && when_parse(until, &deadline) && host_wall_ns > deadline)
        check_violation("order %s leaves after its run's deadline %s", client_order_id, until);
}

void check_order_arrives(const char *client_order_id, int64_t left_ns)
{
    const int64_t ago_ns = world_ns() - left_ns;
    const char *status;
    if (ago_ns >= GIVEN_UP_AFTER_NS)
        return;
    status = store_value("SELECT status FROM orders WHERE client_order_id = $1", client_order_id);
    if (strcmp(status, "not_placed") == 0)
        check_violation("order %s was given up, its exposure free, and arrives %lld s after it left", client_order_id,
                        (long long)(ago_ns / NS_PER_S));
}

static int64_t count(const char *sql)
{
    return strtoll(store_value(sql, it.account), NULL, 10);
}

// A run that could not be settled while its faults lasted stays so: terminal is enough.
static const char OPEN_RUNS[] =
    "SELECT r.run_id, 'is ' || status || ' since ' || coalesce(utc(r.started_at), '-') FROM runs r "
    "JOIN run_statuses s USING (status) WHERE account_number = $1 AND NOT s.terminal";
static const char OPEN_ORDERS[] =
    "SELECT client_order_id, 'is ' || o.status FROM orders o JOIN intents i USING (client_order_id) "
    "JOIN order_statuses s ON s.status = o.status WHERE i.account_number = $1 AND NOT s.terminal";

static bool any(const char *sql)
{
    return store_value(sql, it.account)[0] != '\0';
}

bool check_quiet(void)
{
    return wire_under_way() == 0 && !any(OPEN_RUNS) && !any(OPEN_ORDERS);
}

static void unquiet(void *arg, const char *what, const char *how)
{
    check_violation("%s %s %s", (const char *)arg, what, how);
}

void check_tell_unquiet(void)
{
    static char run[] = "run", order[] = "order";
    store_each(OPEN_RUNS, it.account, unquiet, run);
    store_each(OPEN_ORDERS, it.account, unquiet, order);
}

static void fills_same(void)
{
    struct exchange *e = sim_exchange(it.sim);
    size_t n = exchange_fill_count(e);
    int64_t kept = count("SELECT count(*) FROM fills WHERE account_number = $1");
    int64_t strange = count("SELECT count(*) FROM fills WHERE account_number = $1 AND client_order_id IS NULL");
    if (strange != 0)
        check_violation("%lld fills belong to no order of ours", (long long)strange);
    if ((int64_t)n != kept)
        check_violation("the exchange has %zu fills, the ledger %lld", n, (long long)kept);
    for (size_t i = 0; i < n; i++) {
        const struct exchange_fill *f = exchange_fill_at(e, i);
        char want[2 * DECIMAL_TEXT_MAX + 4], qty[DECIMAL_TEXT_MAX], price[DECIMAL_TEXT_MAX];
        snprintf(want, sizeof want, "%s @ %s", decimal_format(f->qty.nanos, qty),
                 decimal_format(f->price.nanos, price));
        const char *got =
            store_value("SELECT plain(qty) || ' @ ' || plain(price) FROM fills WHERE activity_id = $1", f->id);
        if (strcmp(got, want) != 0)
            check_violation("fill %s is %s at the exchange and \"%s\" in the ledger", f->id, want, got);
    }
}

static void position_same(void *arg, const char *symbol, const char *qty)
{
    struct exchange *e = sim_exchange(it.sim);
    const struct market_symbol *s = market_find(exchange_params(e)->market, symbol);
    const struct exchange_position *p = s ? exchange_position_find(e, s) : NULL;
    char want[DECIMAL_TEXT_MAX];
    (void)arg;
    decimal_format(p ? p->qty.nanos : 0, want);
    if (strcmp(want, qty) != 0)
        check_violation("%s: the exchange has %s, the books have %s", symbol, want, qty);
}

static void positions_same(void)
{
    struct exchange *e = sim_exchange(it.sim);
    const struct market *m = exchange_params(e)->market;
    store_each("SELECT symbol, plain(sum(qty)) FROM books WHERE account_number = $1 GROUP BY symbol", it.account,
               position_same, NULL);
    for (size_t i = 0; i < market_symbol_count(m); i++) {
        const struct market_symbol *s = market_symbol_at(m, i);
        const struct exchange_position *p = exchange_position_find(e, s);
        if (p && p->qty.nanos != 0 &&
            !store_value("SELECT symbol FROM books WHERE symbol = $1 LIMIT 1", market_symbol_name(s))[0])
            check_violation("%s is held at the exchange and in no book", market_symbol_name(s));
    }
}

static void cash_same(void)
{
    struct exchange *e = sim_exchange(it.sim);
    const char *text = store_value("SELECT plain(cash) FROM cash_balances WHERE account_number = $1", it.account);
    int64_t kept = 0, off;
    if (decimal_parse(text, strlen(text), DECIMAL_EXACT, &kept) != DECIMAL_OK) {
        check_violation("the ledger's cash is \"%s\"", text);
        return;
    }
    off = kept - exchange_cash(e).nanos;
    if ((off < 0 ? -off : off) > (int64_t)exchange_fill_count(e) * CENT)
        check_violation("cash is off by %lld billionths over %zu fills", (long long)off, exchange_fill_count(e));
}

static void order_same(void *arg, const char *id, const char *status)
{
    struct exchange *e = sim_exchange(it.sim);
    const struct exchange_order *o = exchange_order_find_client(e, id);
    (void)arg;
    if (o && strcmp(order_status_name(o->status), status) != 0)
        check_violation("order %s is %s at the exchange and %s in the ledger", id, order_status_name(o->status),
                        status);
}

static void orders_same(void)
{
    struct exchange *e = sim_exchange(it.sim);
    store_each("SELECT client_order_id, o.status FROM orders o JOIN intents i USING (client_order_id) "
               "WHERE account_number = $1",
               it.account, order_same, NULL);
    for (size_t i = 0; i < exchange_order_count(e); i++) {
        const char *id = exchange_order_at(e, i)->client_order_id;
        if (!store_value("SELECT 1 FROM intents WHERE client_order_id = $1", id)[0])
            check_violation("the exchange has order %s, of which no intent is known", id);
    }
}

// The exchange has refused the second of one id: so no id is there twice.
static void ids_once(void)
{
    struct exchange *e = sim_exchange(it.sim);
    for (size_t i = 0; i < exchange_order_count(e); i++) {
        const struct exchange_order *o = exchange_order_at(e, i);
        for (size_t k = 0; k < i; k++)
            if (strcmp(exchange_order_at(e, k)->client_order_id, o->client_order_id) == 0)
                check_violation("the exchange has taken two orders %s", o->client_order_id);
    }
}

static void slot_told(void *arg, const char *run, const char *detail)
{
    (void)arg;
    check_violation("run %s: %s", run, detail);
}

// A slot is an instant: one row, named by it.
static void slots_once(void)
{
    store_each("SELECT min(run_id), count(*) || ' runs of ' || utc(scheduled_at) FROM runs WHERE account_number = $1 "
               "AND scheduled_at IS NOT NULL GROUP BY scheduled_at HAVING count(*) > 1",
               it.account, slot_told, NULL);
    store_each("SELECT run_id, 'slot ' || slot_key || ' is that of ' || utc(scheduled_at) FROM runs "
               "WHERE account_number = $1 AND slot_key NOT LIKE 'manual-%' AND slot_key <> utc(scheduled_at)",
               it.account, slot_told, NULL);
}

static void share_told(void *arg, const char *leg, const char *detail)
{
    (void)arg;
    check_violation("leg %s is filled and not shared as planned: %s", leg, detail);
}

static void leg_told(void *arg, const char *leg, const char *detail)
{
    (void)arg;
    check_violation("leg %s is filled beyond its plan: %s", leg, detail);
}

// --- decisions

static void chain_line(void *arg, const char *line, const char *unused)
{
    struct json_doc *doc = NULL;
    struct err err;
    (void)unused;
    if (json_doc_parse(line, strlen(line), &doc, &err) != 0 || audit_add_json(arg, json_doc_root(doc), &err) != 0)
        check_violation("a decision cannot be read: %s", err.text);
    json_doc_free(doc);
}

static void undecided(void *arg, const char *id, const char *unused)
{
    (void)arg;
    (void)unused;
    check_violation("order %s was allowed without a decision on record", id);
}

// Whatever hosts and connections went through, each chain is as it was written, and each intent is in one.
static void chains_whole(void)
{
    struct audit *a = audit_new();
    struct audit_chain k;
    store_each("SELECT line FROM (SELECT host, seq, 0 AS part, json_build_object('host', host, 'instance', instance, "
               "'seq', seq, 'decision_key', decision_key, 'kind', kind, 'subject', subject, 'answer', answer, 'rule', "
               "rule, 'detail', detail, 'at', utc(at), 'hash', hash)::text AS line FROM decisions WHERE instance IN "
               "(SELECT instance FROM instances WHERE account_number = $1) UNION ALL SELECT host, seq, 1, "
               "json_build_object('head', json_build_object('host', host, 'instance', instance, 'seq', seq, 'hash', "
               "hash))::text FROM decision_heads WHERE instance IN (SELECT instance FROM instances WHERE "
               "account_number = $1)) lines ORDER BY host, part, seq",
               it.account, chain_line, a);
    audit_end(a);
    for (size_t i = 0; i < audit_chains(a); i++) {
        audit_chain(a, i, &k);
        if (k.fault != AUDIT_WHOLE)
            check_violation("decisions of host %s: %s at row %lld: %s", k.host, audit_fault_name(k.fault),
                            (long long)k.broken, k.detail);
    }
    if (audit_chains(a) == 0)
        check_violation("no decision is on record");
    audit_free(a);
    store_each(
        "SELECT client_order_id FROM intents i WHERE account_number = $1 AND NOT EXISTS (SELECT FROM decisions d "
        "WHERE d.decision_key = 'intent ' || i.client_order_id) AND NOT i.body::jsonb ? 'adopted'",
        it.account, undecided, NULL);
}

void check_same(void)
{
    chains_whole();
    fills_same();
    positions_same();
    cash_same();
    orders_same();
    ids_once();
    slots_once();
    store_each(
        "SELECT l.run_id || ' ' || l.leg, plain(l.qty) || ' planned, ' || plain(sum(o.filled_qty)) || ' filled' "
        "FROM legs l JOIN intents i ON i.run_id = l.run_id AND i.leg = l.leg JOIN orders o USING (client_order_id) "
        "JOIN runs r ON r.run_id = l.run_id WHERE r.account_number = $1 GROUP BY l.run_id, l.leg, l.qty "
        "HAVING sum(o.filled_qty) > abs(l.qty)",
        it.account, leg_told, NULL);
    // What was filled whole is shared by the books as it was planned, to the last nano.
    store_each(
        "SELECT a.run_id || ' ' || a.leg, a.strategy || ' ' || plain(a.qty) || ' planned, ' || "
        "plain(coalesce(sum(p.qty), 0)) "
        "FROM leg_allocations a JOIN legs l USING (run_id, leg) JOIN runs r USING (run_id) "
        "LEFT JOIN (intents i JOIN fills f USING (client_order_id) JOIN entries e ON e.activity_id = f.activity_id "
        "JOIN postings p ON p.entry_id = e.entry_id AND p.part = 'position') "
        "ON i.run_id = a.run_id AND i.leg = a.leg AND p.book = a.strategy "
        "WHERE r.account_number = $1 AND l.qty = (SELECT sum(o.filled_qty) FROM intents x JOIN orders o USING "
        "(client_order_id) "
        "WHERE x.run_id = a.run_id AND x.leg = a.leg) "
        "GROUP BY a.run_id, a.leg, a.strategy, a.qty HAVING abs(coalesce(sum(p.qty), 0)) <> abs(a.qty)",
        it.account, share_told, NULL);
    if (wire_unpermitted() != 0)
        check_violation("%llu requests left without a permit", (unsigned long long)wire_unpermitted());
}
