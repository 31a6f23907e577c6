// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One Redis connection that comes back by itself. hiredis frees its context from inside its own callbacks and reports
// that in three different ways; the event clean-up hook is the one that always runs, so it is where we forget the
// context. Replies are copied and completed after hiredis has returned: no caller of ours ever runs inside the library.
// hiredis 0.14 has no timeouts for asynchronous work, so all timers are our own.
#include "lib/io/redis_client.h"

#include <stdlib.h>
#include <string.h>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include "lib/base/digest.h"
#include "lib/base/fsm.h"
#include "lib/base/list.h"
#include "lib/base/text.h"
#include "lib/io/clock.h"
#include "lib/io/redis_url.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 10000
#define HEARTBEAT_MS 500 // an idle connection to a server that is gone, or stands still, would look alive for ever
#define NS_PER_MILLISECOND INT64_C(1000000)

#define REDIS_STATES(X)                                                                                                \
    X(REDIS_DOWN, "down") X(REDIS_CONNECTING, "connecting") X(REDIS_GREETING, "greeting") X(REDIS_UP, "up")
enum redis_state { REDIS_STATES(FSM_ENUM) };
static const char *const redis_state_names[] = {REDIS_STATES(FSM_NAME)};
static const uint32_t redis_moves[] = {
    [REDIS_DOWN] = FSM_BIT(REDIS_CONNECTING),
    [REDIS_CONNECTING] = FSM_BIT(REDIS_GREETING) | FSM_BIT(REDIS_DOWN),
    [REDIS_GREETING] = FSM_BIT(REDIS_UP) | FSM_BIT(REDIS_DOWN),
    [REDIS_UP] = FSM_BIT(REDIS_DOWN),
};

struct redis_call { // in client.pending until answered or lost, then in client.finished until completed
    struct list node;
    struct redis_client *client;
    redis_done_fn *done;
    void *arg;
    int64_t deadline_ns;
    bool answered;
    struct redis_reply_view view;
    char *text;
};

struct redis_client {
    struct loop *loop;
    struct redis_url url;
    int64_t connect_timeout_ms, command_timeout_ms;
    size_t queue_max;
    void (*on_state)(void *arg, bool up, const char *detail);
    void *arg;

    enum redis_state state;
    redisAsyncContext *context; // NULL once hiredis has let go of it
    struct loop_watch *watch;
    unsigned interest;
    bool connected; // hiredis says so; the greeting is due
    unsigned greetings_left;
    struct list pending, finished;
    size_t pending_count;
    int64_t answered_ns; // the last answer, whatever it was
    loop_timer phase;    // back-off, connect deadline, or the oldest command's deadline
    loop_timer heartbeat, complete;
    unsigned attempts;
    bool told, told_up; // what on_state said last
    struct err detail, told_detail;
    unsigned in_callback;
    bool closing;
};

static void client_set_state(struct redis_client *c, enum redis_state to)
{
    fsm_move("redis", c->url.socket_path != NULL ? c->url.socket_path : c->url.address, redis_moves, redis_state_names,
             c->state, to);
    c->state = to;
}

// ---- completions: outside hiredis, from the loop
// -----------------------------------------------------------------------

static void call_free(struct redis_call *call) // in no list any more
{
    free(call->text);
    free(call);
}

static void finished_run(struct redis_client *c)
{
    c->in_callback++;
    while (!list_empty(&c->finished)) {
        struct redis_call *call = LIST_ENTRY(c->finished.next, struct redis_call, node);
        list_remove(&call->node);
        if (call->done != NULL)
            call->done(call->arg, call->answered ? &call->view : NULL);
        call_free(call);
    }
    c->in_callback--;
}

static void client_sweep(struct redis_client *c)
{
    redis_url_free(&c->url);
    free(c);
}

// Every way in from the loop ends here; c may be gone afterwards.
static void client_leave(struct redis_client *c)
{
    finished_run(c);
    if (c->closing && c->in_callback == 0)
        client_sweep(c);
}

static void complete_later(void *arg)
{
    struct redis_client *c = arg;
    c->complete = 0;
    client_leave(c);
}

static void call_finish(struct redis_call *call)
{
    list_remove(&call->node);
    list_append(&call->client->finished, &call->node);
}

static void state_tell(struct redis_client *c, bool up)
{
    if (c->on_state == NULL || (c->told && c->told_up == up && str_equal(c->told_detail.text, c->detail.text)))
        return;
    c->told = true;
    c->told_up = up;
    c->told_detail = c->detail;
    c->in_callback++;
    c->on_state(c->arg, up, c->told_detail.text);
    c->in_callback--;
}

// ---- hooks called by hiredis: they only note things
// --------------------------------------------------------------------

static void interest_change(struct redis_client *c, unsigned add, unsigned del)
{
    c->interest = (c->interest | add) & ~del;
    if (c->watch != NULL)
        loop_watch_set(c->watch, c->interest);
}

static void hook_add_read(void *data)
{
    interest_change(data, LOOP_READ, 0);
}
static void hook_del_read(void *data)
{
    interest_change(data, 0, LOOP_READ);
}
static void hook_add_write(void *data)
{
    interest_change(data, LOOP_WRITE, 0);
}
static void hook_del_write(void *data)
{
    interest_change(data, 0, LOOP_WRITE);
}

static void hook_cleanup(void *data)
{
    struct redis_client *c = data;
    loop_watch_free(c->watch);
    c->watch = NULL;
    c->interest = 0;
    c->context = NULL;
}

static void hook_connected(const redisAsyncContext *context, int status)
{
    struct redis_client *c = context->data;
    c->connected = status == REDIS_OK;
    if (status != REDIS_OK)
        err_set(&c->detail, "cannot connect: %s", context->errstr != NULL ? context->errstr : "unknown");
}

static void hook_disconnected(const redisAsyncContext *context, int status)
{
    struct redis_client *c = context->data;
    if (status != REDIS_OK)
        err_set(&c->detail, "connection lost: %s", context->errstr != NULL ? context->errstr : "unknown");
}

static void reply_copy(struct redis_call *call, const redisReply *reply)
{
    call->answered = true;
    call->view.ok = reply->type != REDIS_REPLY_ERROR;
    if (reply->type == REDIS_REPLY_INTEGER)
        call->view.integer = reply->integer;
    if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS && reply->type != REDIS_REPLY_ERROR)
        return;
    call->view.len = (size_t)reply->len; // int in 0.14, size_t since 1.0
    call->text = check_alloc(1, call->view.len + 1);
    memcpy(call->text, reply->str, call->view.len);
    call->view.text = call->text;
}

static void hook_reply(redisAsyncContext *context, void *reply, void *data)
{
    (void)context;
    struct redis_call *call = data;
    call->client->pending_count--;
    if (reply != NULL) {
        call->client->answered_ns = clock_monotonic_ns();
        reply_copy(call, reply);
    }
    call_finish(call);
}

// ---- the connection
// ----------------------------------------------------------------------------------------------------

static void connect_now(void *arg);
static void phase_over(void *arg);

static int64_t backoff_ms(unsigned attempts)
{
    int64_t ceiling = BACKOFF_FIRST_MS;
    for (unsigned i = 1; i < attempts && ceiling < BACKOFF_LAST_MS; i++)
        ceiling *= 2;
    if (ceiling > BACKOFF_LAST_MS)
        ceiling = BACKOFF_LAST_MS;
    uint32_t random;
    random_bytes(&random, sizeof random);
    return ceiling / 2 + random % (ceiling / 2 + 1);
}

// hiredis has let go of the context: say so and come back later.
static void client_down(struct redis_client *c)
{
    c->connected = false;
    c->attempts++;
    loop_cancel(c->loop, &c->phase);
    loop_cancel(c->loop, &c->heartbeat);
    client_set_state(c, REDIS_DOWN);
    c->phase = loop_after_ms(c->loop, backoff_ms(c->attempts), connect_now, c);
    state_tell(c, false);
}

// Fires the pending callbacks with NULL, then the clean-up hook.
static void context_drop(struct redis_client *c)
{
    if (c->context != NULL)
        redisAsyncFree(c->context);
}

static void client_fail(struct redis_client *c, const char *why)
{
    err_set(&c->detail, "%s", why);
    context_drop(c);
    client_down(c);
}

static bool command_send(struct redis_client *c, struct redis_call *call, size_t argc, const char *const *argv)
{
    if (redisAsyncCommandArgv(c->context, hook_reply, call, (int)argc, (const char **)(uintptr_t)argv, NULL) !=
        REDIS_OK)
        return false;
    list_append(&c->pending, &call->node);
    c->pending_count++;
    return true;
}

static struct redis_call *call_new(struct redis_client *c, redis_done_fn *done, void *arg)
{
    struct redis_call *call = check_alloc(1, sizeof *call);
    list_init(&call->node);
    call->client = c;
    call->done = done;
    call->arg = arg;
    call->deadline_ns = clock_monotonic_ns() + c->command_timeout_ms * NS_PER_MILLISECOND;
    return call;
}

static void heartbeat_due(void *arg)
{
    struct redis_client *c = arg;
    c->heartbeat = loop_after_ms(c->loop, HEARTBEAT_MS, heartbeat_due, c);
    if (c->pending_count == 0)
        redis_command(c, 1, (const char *const[]){"PING"}, NULL, NULL);
}

static void greeting_done(void *arg, const struct redis_reply_view *reply)
{
    struct redis_client *c = arg;
    if (c->state != REDIS_GREETING || c->closing)
        return;
    if (reply == NULL || !reply->ok) {
        struct err why;
        err_set(&why, "refused at login: %s", reply != NULL && reply->text != NULL ? reply->text : "no answer");
        client_fail(c, why.text);
        return;
    }
    if (--c->greetings_left > 0)
        return;
    if (!str_equal(reply->text, "PONG")) {
        client_fail(c, "what answers there is not Redis");
        return;
    }
    c->attempts = 0;
    c->detail.text[0] = '\0';
    loop_cancel(c->loop, &c->phase);
    c->heartbeat = loop_after_ms(c->loop, HEARTBEAT_MS, heartbeat_due, c);
    client_set_state(c, REDIS_UP);
    state_tell(c, true);
}

static void greet(struct redis_client *c, size_t argc, const char *const *argv)
{
    struct redis_call *call = call_new(c, greeting_done, c);
    c->greetings_left++;
    if (!command_send(c, call, argc, argv))
        call_finish(call);
}

// AUTH and SELECT as the URL says, and a PING: a server that is still loading its data is not up yet.
static void client_greet(struct redis_client *c)
{
    char database[16];
    client_set_state(c, REDIS_GREETING);
    c->greetings_left = 0;
    if (c->url.password != NULL && c->url.user != NULL)
        greet(c, 3, (const char *const[]){"AUTH", c->url.user, c->url.password});
    else if (c->url.password != NULL)
        greet(c, 2, (const char *const[]){"AUTH", c->url.password});
    if (c->url.database != 0) {
        snprintf(database, sizeof database, "%d", c->url.database);
        greet(c, 2, (const char *const[]){"SELECT", database});
    }
    greet(c, 1, (const char *const[]){"PING"});
}

static void socket_ready(void *arg, int fd, unsigned events)
{
    (void)fd;
    struct redis_client *c = arg;
    if ((events & LOOP_READ) != 0)
        redisAsyncHandleRead(c->context);
    if ((events & LOOP_WRITE) != 0 && c->context != NULL)
        redisAsyncHandleWrite(c->context);
    if (c->context == NULL)
        client_down(c);
    else if (c->state == REDIS_CONNECTING && c->connected)
        client_greet(c);
    client_leave(c);
}

static void context_attach(struct redis_client *c, redisAsyncContext *context)
{
    context->data = c;
    context->ev.data = c;
    context->ev.addRead = hook_add_read;
    context->ev.delRead = hook_del_read;
    context->ev.addWrite = hook_add_write;
    context->ev.delWrite = hook_del_write;
    context->ev.cleanup = hook_cleanup;
    c->context = context;
    c->interest = 0;
    c->watch = loop_watch_new(c->loop, context->c.fd, 0, socket_ready, c);
    redisAsyncSetDisconnectCallback(context, hook_disconnected);
    redisAsyncSetConnectCallback(context, hook_connected); // also asks for the first write
}

static void connect_now(void *arg)
{
    struct redis_client *c = arg;
    c->phase = 0;
    client_set_state(c, REDIS_CONNECTING);
    redisAsyncContext *context = c->url.socket_path != NULL ? redisAsyncConnectUnix(c->url.socket_path)
                                                            : redisAsyncConnect(c->url.address, c->url.port);
    CHECK(context != NULL);
    if (context->err != 0) {
        err_set(&c->detail, "cannot connect: %s", context->errstr);
        redisAsyncFree(context);
        client_down(c);
    } else {
        context_attach(c, context);
        c->phase = loop_after_ms(c->loop, c->connect_timeout_ms, phase_over, c);
    }
    client_leave(c);
}

// The deadline of connecting and greeting, or of the oldest command: answers come in order, so when that one is late
// everything behind it is.
static void phase_over(void *arg)
{
    struct redis_client *c = arg;
    struct err why;
    c->phase = 0;
    if (c->state != REDIS_UP) {
        err_set(&why, "no answer to the login within %lld ms", (long long)c->connect_timeout_ms);
        client_fail(c, why.text);
    } else if (!list_empty(&c->pending)) {
        struct redis_call *oldest = LIST_ENTRY(c->pending.next, struct redis_call, node);
        int64_t left_ns = oldest->deadline_ns - clock_monotonic_ns();
        if (left_ns > 0) {
            c->phase = loop_after_ms(c->loop, left_ns / NS_PER_MILLISECOND + 1, phase_over, c);
            return;
        }
        err_set(&why, "no answer within %lld ms", (long long)c->command_timeout_ms);
        client_fail(c, why.text);
    }
    client_leave(c);
}

// ---- for callers
// -------------------------------------------------------------------------------------------------------

struct redis_client *redis_client_new(const struct redis_client_params *params, struct err *err)
{
    struct redis_url url;
    if (redis_url_parse(params->url, &url, err) != 0)
        return NULL;
    struct redis_client *c = check_alloc(1, sizeof *c);
    c->loop = params->loop;
    c->url = url;
    c->connect_timeout_ms = params->connect_timeout_ms;
    c->command_timeout_ms = params->command_timeout_ms;
    c->queue_max = params->queue_max;
    c->on_state = params->on_state;
    c->arg = params->arg;
    list_init(&c->pending);
    list_init(&c->finished);
    err_set(&c->detail, "not connected yet");
    c->phase = loop_post(c->loop, connect_now, c);
    return c;
}

bool redis_client_up(const struct redis_client *c)
{
    return c->state == REDIS_UP && c->context != NULL;
}

// Answers come in order: since the oldest was asked, or since the one before it was answered.
int64_t redis_client_unanswered_ns(const struct redis_client *c)
{
    if (list_empty(&c->pending))
        return 0;
    const struct redis_call *oldest = LIST_ENTRY(c->pending.next, struct redis_call, node);
    int64_t asked_ns = oldest->deadline_ns - c->command_timeout_ms * NS_PER_MILLISECOND;
    return clock_monotonic_ns() - (asked_ns > c->answered_ns ? asked_ns : c->answered_ns);
}

void redis_command(struct redis_client *c, size_t argc, const char *const *argv, redis_done_fn *done, void *arg)
{
    if (c->closing)
        return;
    struct redis_call *call = call_new(c, done, arg);
    if (redis_client_up(c) && c->pending_count < c->queue_max && command_send(c, call, argc, argv)) {
        if (c->phase == 0)
            c->phase = loop_after_ms(c->loop, c->command_timeout_ms, phase_over, c);
        return;
    }
    call_finish(call);
    if (c->complete == 0)
        c->complete = loop_post(c->loop, complete_later, c);
}

void redis_client_free(struct redis_client *c)
{
    if (c == NULL || c->closing)
        return;
    c->closing = true;
    loop_cancel(c->loop, &c->phase);
    loop_cancel(c->loop, &c->heartbeat);
    loop_cancel(c->loop, &c->complete);
    context_drop(c);
    client_leave(c);
}
