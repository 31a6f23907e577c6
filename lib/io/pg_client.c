// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The Postgres client: the queue of batches, their deadlines and completions, and the connection's life. A batch waits,
// is sent, is finished; a post then calls its done. What was sent when the connection breaks is LOST; what waits stays
// for the next connection until its own time is over, then it is CLOSED.
#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/base/when.h"
#include "lib/io/clock.h"
#include "lib/io/pg_client_link.h"

#define WINDOW_MAX 64 // batches in the pipeline: bounds what one broken connection makes doubtful
#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS 5000
#define SCRIPT_TIMEOUT_MS (10 * 60 * 1000)

// A server or role that turned durability off would make COMMITTED a lie.
static const struct pg_statement setup_statement = {
    .name = "pg_client_setup",
    .text = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"};

static void client_connect(void *arg);
static void client_deliver(void *arg);
static void client_pump(void *arg);

// --- state
// -------------------------------------------------------------------------------------------------------------

static void report_state(void *arg)
{
    struct pg_client *c = arg;
    c->state_post = 0;
    if (c->state == c->reported)
        return;
    c->reported = c->state;
    if (c->on_state != NULL)
        c->on_state(c->arg, c->state, c->detail);
}

static void set_state(struct pg_client *c, enum pg_state state, const char *detail)
{
    static const char *const names[] = {"down", "connecting", "up"};
    if (c->state != state)
        log_debug("postgres: %s -> %s", names[c->state], names[state]);
    c->state = state;
    if (detail != NULL && detail != c->detail)
        str_copy_cut(c->detail, sizeof c->detail, detail);
    if (c->state_post == 0)
        c->state_post = loop_post(c->loop, report_state, c);
}

enum pg_state pg_client_state(const struct pg_client *c)
{
    return c->state;
}

const char *pg_client_detail(const struct pg_client *c)
{
    return c->detail;
}

int pg_client_backend(const struct pg_client *c)
{
    return c->state == PG_UP && c->link.conn ? PQbackendPID(c->link.conn) : 0;
}

size_t pg_client_queued(const struct pg_client *c)
{
    return c->waiting_count + c->sent_count;
}

// --- completions
// -------------------------------------------------------------------------------------------------------

static void batch_finish(struct pg_client *c, struct pg_batch *b, enum pg_outcome outcome)
{
    list_remove(&b->node);
    if (b->internal) {
        pg_batch_destroy(b);
        return;
    }
    b->outcome = outcome;
    list_append(&c->finished, &b->node);
    if (c->finish_post == 0 && !c->closing)
        c->finish_post = loop_post(c->loop, client_deliver, c);
}

static void deliver_first(struct list *from)
{
    struct pg_batch *b = LIST_ENTRY(from->next, struct pg_batch, node);
    list_remove(&b->node);
    pg_batch_complete(b);
    pg_batch_destroy(b);
}

static void client_deliver(void *arg)
{
    struct pg_client *c = arg;
    c->finish_post = 0;
    while (!list_empty(&c->finished)) { // what finishes meanwhile waits for the next turn
        struct list *node = c->finished.next;
        list_remove(node);
        list_append(&c->ready, node);
    }
    c->delivering = true;
    while (!list_empty(&c->ready))
        deliver_first(&c->ready);
    c->delivering = false;
    if (c->free_after)
        free(c);
}

static void finish_all(struct pg_client *c, struct list *batches, enum pg_outcome outcome, const char *detail)
{
    LIST_EACH(node, tmp, batches)
    {
        struct pg_batch *b = LIST_ENTRY(node, struct pg_batch, node);
        if (b->detail[0] == '\0')
            str_copy_cut(b->detail, sizeof b->detail, detail);
        batch_finish(c, b, b->outcome_known ? b->outcome : outcome);
    }
}

// --- deadlines: one timer, set to the earliest
// -------------------------------------------------------------------------

static void client_tick(void *arg);

static void tick_set(struct pg_client *c, int64_t at_ns)
{
    if (c->tick != 0 && c->tick_at_ns <= at_ns)
        return;
    loop_cancel(c->loop, &c->tick);
    c->tick_at_ns = at_ns;
    int64_t delay_ns = at_ns - clock_monotonic_ns();
    c->tick = loop_after_ms(c->loop, delay_ns > 0 ? delay_ns / NS_PER_MS + 1 : 0, client_tick, c);
}

static struct pg_batch *first_of(struct list *l)
{
    return list_empty(l) ? NULL : LIST_ENTRY(l->next, struct pg_batch, node);
}

static void client_tick(void *arg)
{
    struct pg_client *c = arg;
    struct pg_batch *b;
    c->tick = 0;
    int64_t now = clock_monotonic_ns();
    if ((b = first_of(&c->sent)) != NULL && b->deadline_ns <= now)
        pg_link_break(c, "the server did not answer in time");
    while ((b = first_of(&c->waiting)) != NULL && b->deadline_ns <= now) {
        struct err err;
        err_set(&err, "not sent in time: %s", c->state == PG_UP ? "the server is busy" : c->detail);
        str_copy_cut(b->detail, sizeof b->detail, err.text);
        c->waiting_count--;
        batch_finish(c, b, PG_CLOSED);
    }
    if ((b = first_of(&c->sent)) != NULL)
        tick_set(c, b->deadline_ns);
    if ((b = first_of(&c->waiting)) != NULL)
        tick_set(c, b->deadline_ns);
}

static void deadline_set(struct pg_client *c, struct pg_batch *b)
{
    int64_t ms = c->batch_timeout_ms;
    if (b->script != NULL && ms < SCRIPT_TIMEOUT_MS)
        ms = SCRIPT_TIMEOUT_MS;
    b->begun_ns = clock_monotonic_ns();
    b->deadline_ns = b->begun_ns + ms * NS_PER_MS;
    tick_set(c, b->deadline_ns);
}

int64_t pg_client_unanswered_ns(const struct pg_client *c)
{
    if (list_empty(&c->sent))
        return 0;
    const struct pg_batch *b = LIST_ENTRY(c->sent.next, struct pg_batch, node);
    return b->script != NULL ? 0 : clock_monotonic_ns() - b->begun_ns;
}

// --- the connection's life
// ---------------------------------------------------------------------------------------------

static int64_t retry_delay_ms(unsigned failures)
{
    uint32_t random;
    int64_t cap = RETRY_FIRST_MS;
    for (unsigned i = 1; i < failures && cap < RETRY_MAX_MS; i++)
        cap *= 2;
    if (cap > RETRY_MAX_MS)
        cap = RETRY_MAX_MS;
    random_bytes(&random, sizeof random);
    return 1 + (int64_t)(random % (uint32_t)cap);
}

void pg_client_link_broken(struct pg_client *c, const char *why)
{
    loop_cancel(c->loop, &c->connect_timer);
    c->failures++;
    if (c->state == PG_UP || c->failures == 1)
        log_warning("postgres: connection down: %s", why);
    set_state(c, PG_DOWN, why);
    c->sent_count = 0;
    finish_all(c, &c->sent, PG_LOST, why);
    loop_cancel(c->loop, &c->retry_timer);
    c->retry_timer = loop_after_ms(c->loop, retry_delay_ms(c->failures), client_connect, c);
}

static void connect_late(void *arg)
{
    struct pg_client *c = arg;
    c->connect_timer = 0;
    pg_settings_next_host(&c->settings); // libpq goes on from a host that refuses, not from one that is silent
    pg_link_break(c, "no connection in time");
}

static void client_connect(void *arg)
{
    struct pg_client *c = arg;
    c->retry_timer = 0;
    set_state(c, PG_CONNECTING, NULL);
    c->connect_timer = loop_after_ms(c->loop, c->connect_timeout_ms, connect_late, c);
    pg_link_open(c);
}

static void sent_add(struct pg_client *c, struct pg_batch *b)
{
    list_remove(&b->node);
    list_append(&c->sent, &b->node);
    c->sent_count++;
    deadline_set(c, b);
}

// Connected: up only when the server has answered a first batch.
void pg_client_link_up(struct pg_client *c)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &setup_statement, 0, NULL);
    b->internal = true;
    sent_add(c, b);
    pg_link_send(c, b);
    pg_link_flush(c);
}

static void setup_done(struct pg_client *c, enum pg_outcome outcome, const char *detail)
{
    if (outcome != PG_COMMITTED) {
        char why[PG_DETAIL_MAX];
        str_copy_cut(why, sizeof why, detail);
        pg_link_break(c, why);
        return;
    }
    loop_cancel(c->loop, &c->connect_timer);
    c->failures = 0;
    set_state(c, PG_UP, "connected");
}

static void pump_later(struct pg_client *c)
{
    if (c->pump_post == 0 && !c->closing)
        c->pump_post = loop_post(c->loop, client_pump, c);
}

void pg_client_batch_done(struct pg_client *c, struct pg_batch *b, enum pg_outcome outcome)
{
    if (b->internal) { // setup_done may break the connection, which finishes whatever is in the list
        list_remove(&b->node);
        c->sent_count--;
        setup_done(c, outcome, b->detail);
        pg_batch_destroy(b);
    } else {
        c->sent_count--;
        batch_finish(c, b, outcome);
    }
    struct pg_batch *next = first_of(&c->sent);
    if (next != NULL) // its time begins when the server can turn to it
        deadline_set(c, next);
    pump_later(c);
}

// Sends what waits, once per turn: one write for all of it.
static void client_pump(void *arg)
{
    struct pg_client *c = arg;
    struct pg_batch *b;
    c->pump_post = 0;
    while (c->state == PG_UP && c->link.script == NULL && c->sent_count < WINDOW_MAX &&
           (b = first_of(&c->waiting)) != NULL) {
        if (b->script != NULL && c->sent_count > 0)
            break;
        c->waiting_count--;
        sent_add(c, b);
        if (b->script != NULL)
            pg_link_send_script(c, b);
        else
            pg_link_send(c, b);
    }
    pg_link_flush(c);
}

// --- the interface
// -----------------------------------------------------------------------------------------------------

struct pg_client *pg_client_new(const struct pg_client_params *params)
{
    struct err err;
    struct pg_client *c = check_alloc(1, sizeof *c);
    CHECK(params->loop != NULL && params->connect_timeout_ms > 0 && params->batch_timeout_ms > 0);
    c->loop = params->loop;
    c->connect_timeout_ms = params->connect_timeout_ms;
    c->batch_timeout_ms = params->batch_timeout_ms;
    c->queue_max = params->queue_max;
    c->on_state = params->on_state;
    c->arg = params->arg;
    c->link.fd = -1;
    c->state = c->reported = PG_DOWN;
    list_init(&c->waiting);
    list_init(&c->sent);
    list_init(&c->finished);
    list_init(&c->ready);
    if (pg_settings_fill(&c->settings, params, &err) != 0) {
        c->impossible = true;
        c->reported = PG_UP; // so that the first report is made
        log_error("postgres: %s", err.text);
        set_state(c, PG_DOWN, err.text);
        return c;
    }
    set_state(c, PG_CONNECTING, "connecting");
    c->retry_timer = loop_post(c->loop, client_connect, c);
    return c;
}

static void client_submit(struct pg_client *c, struct pg_batch *b, pg_done_fn *done, void *arg)
{
    CHECK(done != NULL && b->done == NULL);
    b->done = done;
    b->arg = arg;
    bool full = pg_client_queued(c) >= c->queue_max;
    if (full || c->impossible || c->closing) {
        str_copy_cut(b->detail, sizeof b->detail,
                     c->impossible ? c->detail : (full ? "the queue to the database is full" : "shutting down"));
        batch_finish(c, b, PG_CLOSED);
        return;
    }
    list_append(&c->waiting, &b->node);
    c->waiting_count++;
    deadline_set(c, b);
    pump_later(c);
}

void pg_submit(struct pg_client *c, struct pg_batch *b, pg_done_fn *done, void *arg)
{
    CHECK(b->count > 0 && b->script == NULL);
    client_submit(c, b, done, arg);
}

void pg_submit_script(struct pg_client *c, const char *sql, pg_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    b->script = check_strdup(sql);
    client_submit(c, b, done, arg);
}

void pg_client_free(struct pg_client *c)
{
    if (c == NULL)
        return;
    CHECK(!c->closing);
    c->closing = true;
    pg_link_close(c);
    finish_all(c, &c->sent, PG_LOST, "shutting down");
    finish_all(c, &c->waiting, PG_CLOSED, "shutting down");
    c->sent_count = c->waiting_count = 0;
    loop_timer *const timers[] = {&c->tick,      &c->connect_timer, &c->retry_timer,
                                  &c->pump_post, &c->finish_post,   &c->state_post};
    for (size_t i = 0; i < ARRAY_LEN(timers); i++)
        loop_cancel(c->loop, timers[i]);
    while (!list_empty(&c->ready) || !list_empty(&c->finished))
        deliver_first(list_empty(&c->ready) ? &c->finished : &c->ready);
    pg_settings_free(&c->settings);
    if (c->delivering)
        c->free_after = true;
    else
        free(c);
}
