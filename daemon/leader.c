// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One question at a time: read the row, enter it, take it, renew it, give it up. An answer that got lost says nothing;
// the row is asked again.
#include "daemon/leader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fsm.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/io/clock.h"
#include "lib/io/pg_client.h"
#include "sql_gen.h"

#define QUEUE_MAX 8
#define RELEASE_MS 1000 // a clean end does not wait longer for Postgres
#define NUMBER_MAX 24

struct seen { // the row as it was read last
    bool known, released;
    int64_t epoch, beat, lease_ms;
    int64_t since_boot_ns; // when it was first seen so
    char host[64], holder[64];
};

struct leader {
    struct leader_params p; // strings owned
    struct pg_client *pg;
    char account[ACCOUNT_NUMBER_MAX];
    struct leader_status status;
    struct seen seen;
    bool asked;            // a question is under way
    int64_t asked_boot_ns; // since when
    bool warned;           // of a renewal that did not succeed
    bool in_doubt;         // a taking over without an answer: the row may be ours by it
    char before[64];       // who led before that
    char *scopes;          // what status tells of strategies
    bool closing;
    loop_timer timer, release_timer;
    void (*released)(void *arg);
    void *released_arg;
};

static const char *const state_names[] = {"off", "waiting", "standby", "leader", "lost", "released"};
static const uint32_t state_moves[] = {
    [LEADER_OFF] = FSM_BIT(LEADER_WAITING) | FSM_BIT(LEADER_RELEASED),
    [LEADER_WAITING] = FSM_BIT(LEADER_STANDBY) | FSM_BIT(LEADER_HELD) | FSM_BIT(LEADER_RELEASED),
    [LEADER_STANDBY] = FSM_BIT(LEADER_HELD) | FSM_BIT(LEADER_RELEASED),
    [LEADER_HELD] = FSM_BIT(LEADER_LOST) | FSM_BIT(LEADER_RELEASED),
    [LEADER_LOST] = FSM_BIT(LEADER_RELEASED),
    [LEADER_RELEASED] = 0,
};

const char *leader_state_name(enum leader_state s)
{
    return (size_t)s < ARRAY_LEN(state_names) ? state_names[s] : "?";
}

const struct leader_status *leader_status(const struct leader *l)
{
    return &l->status;
}

// --- what is told

static void tell_facts(struct leader *l)
{
    const struct leader_status *s = &l->status;
    char detail[FACT_TEXT_MAX];
    enum fact_lead lead = LEAD_UNKNOWN;
    int64_t until = 0;
    switch (s->state) {
    case LEADER_HELD:
        lead = LEAD_HELD;
        until = s->renewed_boot_ns + LEADER_VALID_MS(l->p.lease_ms) * NS_PER_MS;
        snprintf(detail, sizeof detail, "this host leads, epoch %lld", (long long)s->epoch);
        break;
    case LEADER_STANDBY:
        lead = LEAD_STANDBY;
        snprintf(detail, sizeof detail, "standby: host %.60s leads, epoch %lld", s->host, (long long)s->epoch);
        break;
    case LEADER_LOST:
        lead = LEAD_STANDBY;
        snprintf(detail, sizeof detail, "another host has taken over from epoch %lld", (long long)s->epoch);
        break;
    case LEADER_RELEASED:
        lead = LEAD_STANDBY;
        snprintf(detail, sizeof detail, "this host has given the lead up");
        break;
    default:
        snprintf(detail, sizeof detail, "Postgres has not told yet which host leads");
    }
    facts_set_lead(l->p.facts, lead, lead == LEAD_HELD ? s->epoch : 0, until, detail);
}

static void set_state(struct leader *l, enum leader_state state)
{
    bool moved = l->status.state != state;
    if (moved)
        fsm_move("leader", l->account, state_moves, state_names, l->status.state, state);
    l->status.state = state;
    tell_facts(l);
    if (moved && l->p.on_state)
        l->p.on_state(l->p.arg, &l->status);
}

// --- questions

static void look(void *arg);

static void look_after(struct leader *l, int64_t ms)
{
    loop_cancel(l->p.loop, &l->timer);
    if (l->status.state != LEADER_LOST && l->status.state != LEADER_RELEASED)
        l->timer = loop_after_ms(l->p.loop, ms > 0 ? ms : 0, look, l);
}

static void ask_all(struct leader *l, struct pg_batch *b, pg_done_fn *done)
{
    l->asked = true;
    l->asked_boot_ns = clock_boot_ns();
    pg_submit(l->pg, b, done, l);
}

static void ask(struct leader *l, const struct pg_statement *statement, size_t count, const char *const *values,
                pg_done_fn *done)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, statement, count, values);
    ask_all(l, b, done);
}

// False: the answer is for nobody any more.
static bool answered(struct leader *l)
{
    l->asked = false;
    return !l->closing;
}

static void number(int64_t n, char out[NUMBER_MAX])
{
    snprintf(out, NUMBER_MAX, "%lld", (long long)n);
}

static void failed(struct leader *l, const char *what, const struct pg_answer *a)
{
    if (!l->warned)
        log_warning("leader: %s did not succeed: %s: %s", what, pg_outcome_name(a->outcome),
                    a->detail ? a->detail : "");
    l->warned = true;
    look_after(l, LEADER_LOOK_MS(l->p.lease_ms));
}

// --- holding

static void lost(struct leader *l)
{
    loop_cancel(l->p.loop, &l->timer);
    set_state(l, LEADER_LOST);
}

static void renewed(void *arg, const struct pg_answer *a)
{
    struct leader *l = arg;
    if (!answered(l) || l->status.state != LEADER_HELD)
        return;
    if (a->outcome != PG_COMMITTED) {
        failed(l, "a renewal", a);
        return;
    }
    if (pg_affected(a->results[0]) != 1) {
        lost(l);
        return;
    }
    l->warned = false;
    l->status.renewed_boot_ns = l->asked_boot_ns;
    tell_facts(l);
    look_after(l, LEADER_RENEW_MS(l->p.lease_ms) - (clock_boot_ns() - l->asked_boot_ns) / NS_PER_MS);
}

static void renew(struct leader *l)
{
    char epoch[NUMBER_MAX];
    number(l->status.epoch, epoch);
    ask(l, &SQL_LEADER_RENEW, 3, (const char *const[]){l->account, epoch, l->p.identity}, renewed);
}

// --- standing by

// The process before this one on this host, which is dead. Not a copy of its state_dir on another host.
static bool was_ours(const struct leader *l)
{
    return str_equal(l->seen.holder, l->p.identity) && str_equal(l->seen.host, l->p.host);
}

static enum fact_halt halt_of(const char *word)
{
    if (!word || str_equal(word, fact_halt_name(HALT_RUNNING)))
        return HALT_RUNNING;
    return str_equal(word, fact_halt_name(HALT_REDUCE_ONLY)) ? HALT_REDUCE_ONLY : HALT_HALTED;
}

// Taken from another host: whether it was halted is on record for this one since the same commit.
static void take_halt_over(struct leader *l, const struct pg_result *own)
{
    struct leader_status *s = &l->status;
    const char *reason = pg_rows(own) ? pg_named(own, 0, "reason") : NULL;
    s->took_over = l->before[0] != '\0';
    str_copy_cut(s->before, sizeof s->before, l->before);
    s->halt_before = s->took_over && pg_rows(own) ? halt_of(pg_named(own, 0, "state")) : HALT_RUNNING;
    str_copy_cut(s->halt_reason, sizeof s->halt_reason, reason ? reason : "");
    const char *scopes = pg_rows(own) ? pg_named(own, 0, "strategies") : NULL;
    free(l->scopes);
    s->halts_of_strategies = l->scopes = check_strdup(scopes ? scopes : "[]");
}

static void taken(void *arg, const struct pg_answer *a)
{
    struct leader *l = arg;
    if (!answered(l) || l->status.state == LEADER_RELEASED)
        return;
    if (a->outcome != PG_COMMITTED) {
        l->in_doubt = true;
        failed(l, "taking over", a);
        return;
    }
    if (pg_affected(a->results[0]) != 1) { // it moved after all
        look_after(l, 0);
        return;
    }
    struct leader_status *s = &l->status;
    take_halt_over(l, a->results[2]);
    s->epoch = l->seen.epoch + 1;
    s->renewed_boot_ns = l->asked_boot_ns;
    str_copy_cut(s->host, sizeof s->host, l->p.host);
    str_copy_cut(s->identity, sizeof s->identity, l->p.identity);
    l->warned = false;
    set_state(l, LEADER_HELD);
    look_after(l, LEADER_RENEW_MS(l->p.lease_ms));
}

// In one commit with what this host is told of a halt: it may end, or have no answer, right after it.
static void take(struct leader *l)
{
    char epoch[NUMBER_MAX], beat[NUMBER_MAX], lease[NUMBER_MAX], key[2 * LEADER_IDENTITY_LEN], at[WHEN_TEXT_MAX];
    struct pg_batch *b = pg_batch_new();
    if (!was_ours(l)) // who led before one that is in doubt still counts
        str_copy_cut(l->before, sizeof l->before, l->seen.holder[0] ? l->seen.host : "");
    else if (!l->in_doubt)
        l->before[0] = '\0';
    number(l->seen.epoch, epoch);
    number(l->seen.beat, beat);
    number(l->p.lease_ms, lease);
    snprintf(key, sizeof key, "takeover %s %s %s", l->account, epoch, l->p.identity);
    pg_batch_add(b, &SQL_LEADER_TAKE, 6,
                 (const char *const[]){l->account, epoch, beat, l->p.host, l->p.identity, lease});
    pg_batch_add(b, &SQL_LEADER_HALT, 8,
                 (const char *const[]){l->account, epoch, l->p.identity, l->seen.host, l->p.host, l->p.instance, key,
                                       when_format(clock_wall_ns(), at)});
    pg_batch_add(b, &SQL_HALT_READ, 2, (const char *const[]){l->p.host, l->p.instance});
    ask_all(l, b, taken);
}

static void entered(void *arg, const struct pg_answer *a)
{
    struct leader *l = arg;
    if (!answered(l) || l->status.state == LEADER_RELEASED)
        return;
    if (a->outcome == PG_COMMITTED)
        look_after(l, 0);
    else
        failed(l, "entering the account", a);
}

static void enter(struct leader *l)
{
    char lease[NUMBER_MAX];
    number(l->p.lease_ms, lease);
    ask(l, &SQL_LEADER_ENTER, 2, (const char *const[]){l->account, lease}, entered);
}

static bool row_read(const struct pg_result *r, struct seen *out)
{
    const char *epoch = pg_named(r, 0, "epoch"), *beat = pg_named(r, 0, "beat"), *lease = pg_named(r, 0, "lease_ms");
    const char *host = pg_named(r, 0, "host"), *holder = pg_named(r, 0, "holder"), *released;
    *out = (struct seen){.known = true};
    released = pg_named(r, 0, "released");
    out->released = released && str_equal(released, "t");
    str_copy_cut(out->host, sizeof out->host, host ? host : "");
    str_copy_cut(out->holder, sizeof out->holder, holder ? holder : "");
    return epoch && beat && lease && str_int64(epoch, 0, INT64_MAX - 1, &out->epoch) &&
           str_int64(beat, 0, INT64_MAX, &out->beat) && str_int64(lease, 1, INT64_MAX / NS_PER_S, &out->lease_ms);
}

// How long the row must stay as it is before it may be taken; the longer lease counts.
static int64_t patience_ns(const struct leader *l)
{
    int64_t lease_ms = l->seen.lease_ms > l->p.lease_ms ? l->seen.lease_ms : l->p.lease_ms;
    return LEADER_TAKEOVER_MS(lease_ms) * NS_PER_MS;
}

static void judge(struct leader *l)
{
    int64_t left_ns = l->seen.since_boot_ns + patience_ns(l) - clock_boot_ns();
    int64_t look_ms = LEADER_LOOK_MS(l->p.lease_ms), left_ms = left_ns / NS_PER_MS + 1;
    if (l->seen.released || was_ours(l) || left_ns <= 0) {
        take(l);
        return;
    }
    str_copy_cut(l->status.host, sizeof l->status.host, l->seen.host);
    str_copy_cut(l->status.identity, sizeof l->status.identity, l->seen.holder);
    l->status.epoch = l->seen.epoch;
    set_state(l, LEADER_STANDBY);
    look_after(l, left_ms < look_ms ? left_ms : look_ms);
}

static void row_came(void *arg, const struct pg_answer *a)
{
    struct leader *l = arg;
    struct seen now;
    if (!answered(l) || l->status.state == LEADER_RELEASED)
        return;
    if (a->outcome != PG_COMMITTED) {
        failed(l, "reading who leads", a);
        return;
    }
    if (pg_rows(a->results[0]) == 0) {
        enter(l);
        return;
    }
    if (!row_read(a->results[0], &now)) {
        log_error("leader: the row of account %s cannot be read", l->account);
        look_after(l, LEADER_LOOK_MS(l->p.lease_ms));
        return;
    }
    // Counted from the answer: the holder sent what moved it before that.
    bool moved = !l->seen.known || now.epoch != l->seen.epoch || now.beat != l->seen.beat;
    now.since_boot_ns = moved ? clock_boot_ns() : l->seen.since_boot_ns;
    l->seen = now;
    l->warned = false;
    judge(l);
}

static void look(void *arg)
{
    struct leader *l = arg;
    l->timer = 0;
    if (l->asked)
        return; // its answer goes on
    if (pg_client_state(l->pg) != PG_UP)
        look_after(l, LEADER_LOOK_MS(l->p.lease_ms));
    else if (l->status.state == LEADER_HELD)
        renew(l);
    else
        ask(l, &SQL_LEADER_READ, 1, (const char *const[]){l->account}, row_came);
}

// --- giving up

static void release_ends(struct leader *l)
{
    void (*done)(void *arg) = l->released;
    loop_cancel(l->p.loop, &l->release_timer);
    l->released = NULL;
    if (done)
        done(l->released_arg);
}

static void release_late(void *arg)
{
    struct leader *l = arg;
    l->release_timer = 0;
    release_ends(l);
}

static void release_written(void *arg, const struct pg_answer *a)
{
    struct leader *l = arg;
    if (!answered(l))
        return;
    if (a->outcome != PG_COMMITTED)
        log_notice("leader: giving up was not written (%s): a standby waits for the lease to end",
                   pg_outcome_name(a->outcome));
    release_ends(l);
}

void leader_release(struct leader *l, void (*done)(void *arg), void *arg)
{
    bool held = l->status.state == LEADER_HELD;
    char epoch[NUMBER_MAX];
    number(l->status.epoch, epoch);
    l->released = done;
    l->released_arg = arg;
    loop_cancel(l->p.loop, &l->timer);
    set_state(l, LEADER_RELEASED);
    l->release_timer = loop_after_ms(l->p.loop, held ? RELEASE_MS : 0, release_late, l);
    if (held)
        ask(l, &SQL_LEADER_RELEASE, 3, (const char *const[]){l->account, epoch, l->p.identity}, release_written);
}

// --- the interface

static void set_up(void *arg, const struct pg_answer *a)
{
    (void)arg;
    (void)a; // the statements say themselves what they need; a session that lost this is asked again all the same
}

static void pg_came(void *arg, enum pg_state state, const char *detail)
{
    struct leader *l = arg;
    (void)detail;
    if (l->closing || state != PG_UP)
        return;
    l->seen.known = false; // while Postgres was away nobody could renew: who held the lease has its time to do so
    struct pg_batch *b = pg_batch_new();
    char timeout[NUMBER_MAX];
    number(LEADER_RENEW_MS(l->p.lease_ms), timeout);
    pg_batch_add(b, &SQL_SESSION_SETUP, 3, (const char *const[]){"off", "leader", timeout});
    pg_submit(l->pg, b, set_up, l);
    if (l->account[0] && !l->asked)
        look_after(l, 0);
}

struct leader *leader_new(const struct leader_params *params)
{
    struct leader *l = check_alloc(1, sizeof *l);
    CHECK(params->loop && params->facts && params->identity && params->identity[0] && params->lease_ms > 0);
    l->p = *params;
    l->p.host = check_strdup(params->host);
    l->p.instance = check_strdup(params->instance);
    l->p.identity = check_strdup(params->identity);
    // Two tries fit into what a lease outlives its last renewal.
    l->pg = pg_client_new(&(struct pg_client_params){.loop = params->loop,
                                                     .dsn = params->dsn,
                                                     .application_name = "paperguard leader",
                                                     .password = params->password,
                                                     .connect_timeout_ms = LEADER_RENEW_MS(params->lease_ms),
                                                     .batch_timeout_ms = LEADER_RENEW_MS(params->lease_ms),
                                                     .queue_max = QUEUE_MAX,
                                                     .on_state = pg_came,
                                                     .arg = l});
    l->p.dsn = l->p.password = NULL;
    tell_facts(l);
    return l;
}

void leader_free(struct leader *l)
{
    if (!l)
        return;
    l->closing = true;
    pg_client_free(l->pg);
    loop_cancel(l->p.loop, &l->timer);
    loop_cancel(l->p.loop, &l->release_timer);
    free((char *)(uintptr_t)l->p.host);
    free((char *)(uintptr_t)l->p.instance);
    free((char *)(uintptr_t)l->p.identity);
    free(l->scopes);
    free(l);
}

void leader_begin(struct leader *l, const char *account)
{
    if (l->status.state != LEADER_OFF)
        return;
    str_copy_cut(l->account, sizeof l->account, account);
    set_state(l, LEADER_WAITING);
    look_after(l, 0);
}
