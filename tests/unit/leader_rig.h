// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Two hosts and the row they share, in simulated time: Postgres is a row that statements change as they arrive, its
// answers travel and may get lost, a host may be stopped for a while.
#ifndef PAPERGUARD_TESTS_LEADER_RIG_H
#define PAPERGUARD_TESTS_LEADER_RIG_H

#include "daemon/leader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/list.h"
#include "lib/base/text.h"
#include "lib/io/clock.h"
#include "lib/io/pg_client.h"

#define MS NS_PER_MS
#define S NS_PER_S
#define LEASE_MS 10000
#define HOSTS 2
#define EVENTS_MAX 256
#define ITEMS 3 // statements of a batch

struct pg_result {
    size_t rows, affected;
    char texts[9][64];
};
struct pg_batch {
    const struct pg_statement *statements[ITEMS];
    char values[6][64]; // of the first
    char before[64];    // the host that the second is told of
    size_t count;
    int host;
    pg_done_fn *done;
    void *arg;
    enum pg_outcome outcome;
    struct pg_result results[ITEMS];
};
struct facts { // of one host
    enum fact_lead lead;
    int64_t epoch, until;
};
static struct host {
    struct facts facts;
    struct leader *leader;
    struct pg_client_params pg;
    bool pg_up, lossy, released, loses_take; // loses_take: the answer to the next one
    int64_t frozen_until;
    int told[LEADER_RELEASED + 1];
} hosts[HOSTS];
static struct event { // a timer (fn), or a batch that arrives, or its answer
    int64_t due;
    uint64_t id;
    int host;
    loop_fn *fn;
    void *arg;
    struct pg_batch *batch;
    bool answer;
} events[EVENTS_MAX];
static size_t event_count;
static uint64_t event_next;
static struct {
    bool there, released;
    int64_t epoch, beat, lease_ms;
    char host[64], holder[64], halt[HOSTS][16]; // halt: of each host
} row;
static int64_t now, net_ms;
static int current; // host whose hands we are in
static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

// --- doubles

int64_t clock_wall_ns(void)
{
    return now;
}
int64_t clock_monotonic_ns(void)
{
    return now;
}
int64_t clock_boot_ns(void)
{
    return now;
}

void facts_set_lead(struct facts *f, enum fact_lead lead, int64_t epoch, int64_t until_boot_ns, const char *detail)
{
    *f = (struct facts){lead, epoch, until_boot_ns};
    assert_true(detail[0]);
}

static uint64_t add_event(int64_t delay_ns, loop_fn *fn, void *arg, struct pg_batch *b, bool answer)
{
    assert_true(event_count < EVENTS_MAX);
    events[event_count++] = (struct event){now + delay_ns, ++event_next, current, fn, arg, b, answer};
    return event_next;
}

loop_timer loop_after_ms(struct loop *l, int64_t delay_ms, loop_fn *fn, void *arg)
{
    (void)l;
    return add_event(delay_ms * MS, fn, arg, NULL, false);
}

void loop_cancel(struct loop *l, loop_timer *id)
{
    (void)l;
    for (size_t i = 0; i < event_count; i++)
        if (events[i].id == *id && *id)
            events[i--] = events[--event_count];
    *id = 0;
}

struct pg_client *pg_client_new(const struct pg_client_params *params)
{
    hosts[current].pg = *params;
    hosts[current].pg_up = true;
    return (struct pg_client *)&hosts[current];
}
void pg_client_free(struct pg_client *c)
{
    (void)c;
}
enum pg_state pg_client_state(const struct pg_client *c)
{
    return ((const struct host *)(const void *)c)->pg_up ? PG_UP : PG_DOWN;
}
const char *pg_outcome_name(enum pg_outcome o)
{
    (void)o;
    return "lost";
}
struct pg_batch *pg_batch_new(void)
{
    return calloc(1, sizeof(struct pg_batch));
}
void pg_batch_add(struct pg_batch *b, const struct pg_statement *statement, size_t count, const char *const *values)
{
    assert_true(b->count < ITEMS);
    if (b->count == 1)
        str_copy_cut(b->before, sizeof b->before, values[3]);
    for (size_t i = 0; i < count && b->count == 0; i++)
        str_copy_cut(b->values[i], sizeof b->values[i], values[i]);
    b->statements[b->count++] = statement;
}
static int64_t travel_ns(void)
{
    return net_ms * MS + (int64_t)draw(3) * MS;
}
void pg_submit(struct pg_client *c, struct pg_batch *b, pg_done_fn *done, void *arg)
{
    (void)c;
    b->host = current;
    b->done = done;
    b->arg = arg;
    b->outcome = PG_LOST;
    bool gone = hosts[current].lossy && draw(3) == 0;
    add_event(gone ? 2000 * MS : travel_ns(), NULL, NULL, b, gone);
}
size_t pg_rows(const struct pg_result *r)
{
    return r->rows;
}
size_t pg_affected(const struct pg_result *r)
{
    return r->affected;
}
const char *pg_named(const struct pg_result *r, size_t at, const char *column)
{
    static const char *const names[] = {"epoch",    "host",  "holder", "beat",      "released",
                                        "lease_ms", "state", "reason", "strategies"};
    assert_int_equal(at, 0);
    for (size_t i = 0; i < 9; i++)
        if (strcmp(names[i], column) == 0)
            return r->texts[i][0] ? r->texts[i] : NULL;
    fail_msg("%s", column);
    return NULL;
}

// --- Postgres

static bool names(const struct pg_batch *b, const char *statement)
{
    return strcmp(b->statements[0]->name, statement) == 0;
}

static bool same_number(const char *text, int64_t n)
{
    return strtoll(text, NULL, 10) == n;
}

static void row_read(struct pg_result *r)
{
    r->rows = row.there;
    snprintf(r->texts[0], 64, "%lld", (long long)row.epoch);
    snprintf(r->texts[1], 64, "%s", row.host);
    snprintf(r->texts[2], 64, "%s", row.holder);
    snprintf(r->texts[3], 64, "%lld", (long long)row.beat);
    snprintf(r->texts[4], 64, "%s", row.released ? "t" : "f");
    snprintf(r->texts[5], 64, "%lld", (long long)row.lease_ms);
}

// In the commit of a taking over: the halt of the host before becomes one of this one, whose row is then read.
static void halt_goes_on(struct pg_batch *b)
{
    struct pg_result *own = &b->results[2];
    const char *before = row.halt[strcmp(b->before, "b") == 0];
    assert_int_equal(b->count, ITEMS);
    if (b->results[0].affected && b->before[0] && before[0])
        str_copy_cut(row.halt[b->host], sizeof row.halt[0], before);
    own->rows = row.halt[b->host][0] != '\0';
    snprintf(own->texts[6], 64, "%s", row.halt[b->host]);
    snprintf(own->texts[7], 64, "why");
    snprintf(own->texts[8], 64, "[\"%s\"]", row.halt[b->host]);
}

// What the statements of daemon/sql do.
static void server(struct pg_batch *b)
{
    struct pg_result *r = &b->results[0];
    if (names(b, "leader_read")) {
        row_read(r);
    } else if (names(b, "leader_enter")) {
        r->affected = !row.there;
        if (!row.there) {
            row.released = row.there = true;
            row.lease_ms = strtoll(b->values[1], NULL, 10);
        }
    } else if (names(b, "leader_take")) {
        r->affected = same_number(b->values[1], row.epoch) && same_number(b->values[2], row.beat);
        halt_goes_on(b);
        if (!r->affected)
            return;
        row.epoch++;
        row.beat = 0;
        row.released = false;
        str_copy_cut(row.host, sizeof row.host, b->values[3]);
        str_copy_cut(row.holder, sizeof row.holder, b->values[4]);
        row.lease_ms = strtoll(b->values[5], NULL, 10);
    } else if (names(b, "leader_renew") || names(b, "leader_release")) {
        r->affected = same_number(b->values[1], row.epoch) && strcmp(b->values[2], row.holder) == 0;
        row.beat += r->affected && names(b, "leader_renew");
        row.released |= r->affected && names(b, "leader_release");
    }
}

static void arrives(struct event e)
{
    struct pg_batch *b = e.batch;
    if (!e.answer) {
        server(b);
        bool gone = hosts[b->host].lossy && draw(3) == 0;
        if (names(b, "leader_take") && hosts[b->host].loses_take) {
            gone = true;
            hosts[b->host].loses_take = false;
        }
        b->outcome = gone ? PG_LOST : PG_COMMITTED;
        add_event(travel_ns(), NULL, NULL, b, true);
        return;
    }
    const struct pg_result *const results[] = {&b->results[0], &b->results[1], &b->results[2]};
    struct pg_answer a = {.outcome = b->outcome, .result_count = b->count, .results = results, .detail = ""};
    b->done(b->arg, &a);
    free(b);
}

// --- time

// Two hosts that may both send at one moment would be two leaders.
static void one_leads(void)
{
    assert_false(hosts[0].facts.lead == LEAD_HELD && hosts[1].facts.lead == LEAD_HELD && hosts[0].facts.until > now &&
                 hosts[1].facts.until > now);
}

static bool step(int64_t until)
{
    size_t first = event_count;
    int64_t at = until + 1;
    for (size_t i = 0; i < event_count; i++) {
        const struct event *e = &events[i];
        bool in_host = !e->batch || e->answer; // the server is not stopped with a host
        int64_t due = in_host && hosts[e->host].frozen_until > e->due ? hosts[e->host].frozen_until : e->due;
        if (due < at || (due == at && first < event_count && e->id < events[first].id)) {
            at = due;
            first = i;
        }
    }
    if (first == event_count)
        return false;
    struct event e = events[first];
    events[first] = events[--event_count];
    now = at > now ? at : now;
    current = e.host;
    if (e.batch)
        arrives(e);
    else
        e.fn(e.arg);
    one_leads();
    return true;
}

static void run_for(int64_t ms)
{
    int64_t until = now + ms * MS;
    while (step(until))
        ;
    now = until;
    one_leads();
}

static void postgres(int h, bool up)
{
    bool came = up && !hosts[h].pg_up;
    current = h;
    hosts[h].pg_up = up;
    if (came)
        hosts[h].pg.on_state(hosts[h].pg.arg, PG_UP, "");
}

static void on_state(void *arg, const struct leader_status *s)
{
    ((struct host *)arg)->told[s->state]++;
}

static void start(int h, const char *identity, int64_t lease_ms)
{
    static const char *const names[] = {"a", "b"};
    current = h;
    hosts[h] = (struct host){.frozen_until = 0};
    hosts[h].leader = leader_new(&(struct leader_params){.loop = (struct loop *)&hosts[h],
                                                         .facts = &hosts[h].facts,
                                                         .dsn = "",
                                                         .host = names[h],
                                                         .instance = "default",
                                                         .identity = identity,
                                                         .lease_ms = lease_ms,
                                                         .on_state = on_state,
                                                         .arg = &hosts[h]});
    leader_begin(hosts[h].leader, "PA3TEST");
}

// As SIGKILL: what was sent still arrives at the server.
static void kill_host(int h)
{
    for (size_t i = 0; i < event_count; i++)
        if (events[i].host == h && (!events[i].batch || events[i].answer)) {
            free(events[i].batch);
            events[i--] = events[--event_count];
        } else if (events[i].host == h) {
            server(events[i].batch);
            free(events[i].batch);
            events[i--] = events[--event_count];
        }
    current = h;
    leader_free(hosts[h].leader);
    hosts[h].leader = NULL;
    hosts[h].facts = (struct facts){0};
}

static int set_up(void **state)
{
    (void)state;
    memset(&row, 0, sizeof row);
    memset(hosts, 0, sizeof hosts);
    event_count = 0;
    now = 1000 * S;
    net_ms = 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int h = 0; h < HOSTS; h++)
        if (hosts[h].leader)
            kill_host(h);
    return 0;
}

static bool holds(int h)
{
    return hosts[h].facts.lead == LEAD_HELD && hosts[h].facts.until > now;
}

static enum leader_state state_of(int h)
{
    return leader_status(hosts[h].leader)->state;
}

// The first leads, the second has seen it do so.
static void two_of_them(int lease_ms, int other_lease_ms)
{
    start(0, "id-a", lease_ms);
    run_for(100);
    start(1, "id-b", other_lease_ms);
    run_for(5000);
}

#endif
