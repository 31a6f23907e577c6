// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A real HTTP server with the API (and the admin verbs) behind it, and stand-ins for everything they ask: ledger,
// scheduler, halt and reconcile only note what they were told and answer when the test says so.
#ifndef PAPERGUARD_TESTS_API_RIG_H
#define PAPERGUARD_TESTS_API_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/admin_internal.h"
#include "lib/base/json_read.h"
#include "lib/io/clock.h"

#define TOKEN "correct-horse-battery-staple"
#define WAIT_NS (INT64_C(20) * NS_PER_S)
#define RIG_UNUSED __attribute__((unused))

typedef void started_fn(void *arg, const struct run_row *row, bool taken, const char *why);
typedef void query_fn(void *arg, enum ledger_result result, const char *json);
typedef void opening_fn(void *arg, bool ok, const char *detail);

static struct rig {
    struct session_day day;
    struct loop *loop;
    struct http_server *server;
    struct api *api;
    struct admin *admin;
    struct metrics *metrics;
    struct snapshot snapshot;
    int collected;
    char folder[64], path[96];

    // ledger
    int queries;
    enum ledger_query query;
    char filter[1024];
    char after[256];
    query_fn *query_done[250];
    void *query_arg[250];
    int waiting;
    bool hold;
    enum ledger_result query_result;
    const char *query_json;

    // scheduler
    int runs;
    char cause[32], strategies[512];
    started_fn *started;
    void *started_arg;
    bool run_refused, run_taken, run_later;

    // halt
    enum fact_halt halt;
    struct scope scope; // halted when it has a name
    int engaged;
    char reason[200], source[100], who[100], code[40];

    // desk and prices
    size_t open_of_others;
    struct qty held;           // in any strategy's book
    bool book_needed;          // by a run under way
    struct order_row desk_row; // what the desk knows, when it has an id
    struct order_row outcome;  // of what is placed: status, reason, order_id
    struct intent placed;
    int places, cancels, refreshes, decisions;
    bool place_later, refresh_later, no_price;
    void (*placed_done)(void *arg, const struct order_row *row);
    void *placed_arg;
    void (*refreshed)(void *arg, bool ok, const char *detail);
    void *refreshed_arg;
    bool no_session, session_turned, always_open, books_unknown;
    struct day session; // another than the usual

    // reconcile
    opening_fn *opening_done;
    void *opening_arg;
    bool opening_ok;
} rig;

// --- stand-ins

const char *run_status_name(enum run_status s)
{
    return s == RUN_CLAIMED ? "claimed" : "completed";
}

void ledger_query(struct ledger *l, enum ledger_query query, const struct ledger_filter *f, query_fn *done, void *arg)
{
    (void)l;
    rig.queries++;
    rig.query = query;
    snprintf(rig.filter, sizeof rig.filter, "%s|%s|%s|%s|%s|%d|%d", f->id ? f->id : "-", f->run_id ? f->run_id : "-",
             f->symbol ? f->symbol : "-", f->status ? f->status : "-", f->strategy ? f->strategy : "-", f->limit,
             f->offset);
    snprintf(rig.after, sizeof rig.after, "%s|%s|%s", f->after_session ? f->after_session : "-",
             f->after_at ? f->after_at : "-", f->after_id ? f->after_id : "-");
    assert_true(rig.waiting < (int)ARRAY_LEN(rig.query_done));
    rig.query_done[rig.waiting] = done;
    rig.query_arg[rig.waiting++] = arg;
}

static void ledger_answers(void)
{
    int n = rig.waiting;
    rig.waiting = 0;
    for (int i = 0; i < n; i++)
        rig.query_done[i](rig.query_arg[i], rig.query_result, rig.query_json);
}

static const struct run_row RUN = {.id = "0123abcd-run",
                                   .session = {2026, 10, 8},
                                   .slot_key = "manual-1",
                                   .strategies = "a b",
                                   .started_at = INT64_C(1760000000) * NS_PER_S};

static void run_is_answered(void)
{
    if (rig.run_refused)
        rig.started(rig.started_arg, NULL, false, "a run is under way");
    else
        rig.started(rig.started_arg, &RUN, rig.run_taken, rig.run_taken ? "the slot has a run already" : "");
}

void scheduler_run_now(struct scheduler *s, const char *cause, const char *strategies, started_fn *started, void *arg)
{
    (void)s;
    rig.runs++;
    str_copy_cut(rig.cause, sizeof rig.cause, cause);
    str_copy_cut(rig.strategies, sizeof rig.strategies, strategies ? strategies : "(null)");
    rig.started = started;
    rig.started_arg = arg;
    if (!rig.run_later)
        run_is_answered();
}

void halt_engage(struct halt *h, enum fact_halt state, const char *reason, const char *source)
{
    (void)h;
    rig.engaged++;
    rig.halt = state;
    str_copy_cut(rig.reason, sizeof rig.reason, reason);
    str_copy_cut(rig.source, sizeof rig.source, source);
}

int halt_release_request(struct halt *h, const char *reason, const char *who, char code[17], struct err *err)
{
    (void)h;
    if (rig.halt == HALT_RUNNING)
        return err_set(err, "there is no halt");
    str_copy_cut(rig.reason, sizeof rig.reason, reason);
    str_copy_cut(rig.who, sizeof rig.who, who);
    strcpy(code, "0123456789abcdef");
    return 0;
}

int halt_release_confirm(struct halt *h, const char *code, const char *who, struct err *err)
{
    (void)h;
    str_copy_cut(rig.code, sizeof rig.code, code);
    str_copy_cut(rig.who, sizeof rig.who, who);
    if (strcmp(code, "0123456789abcdef") != 0)
        return err_set(err, "this is not the code");
    rig.halt = HALT_RUNNING;
    return 0;
}

void halt_write_json(const struct halt *h, struct json_out *o)
{
    (void)h;
    json_object_begin(o);
    json_put_string(o, "state", rig.halt == HALT_RUNNING ? "running" : "halted");
    json_object_end(o);
}

#include "tests/unit/scopes_rig.h"

bool scheduler_session(const struct scheduler *s, int64_t now_ns, struct day *out)
{
    (void)s;
    (void)now_ns;
    *out = rig.session.year ? rig.session : (struct day){2026, 10, rig.session_turned ? 9 : 8};
    return !rig.no_session;
}

struct calendar scheduler_calendar(const struct scheduler *s, bool *always_open)
{
    (void)s;
    *always_open = rig.always_open;
    return (struct calendar){&rig.day, rig.day.date.year ? 1 : 0};
}

size_t desk_open_of_others(const struct desk *d, const char *except_run_id)
{
    (void)d, (void)except_run_id;
    return rig.open_of_others;
}

bool runs_held(const struct runs *r, const char *book, const char *symbol, struct qty *out)
{
    (void)r, (void)book, (void)symbol;
    *out = rig.held;
    return !rig.books_unknown;
}

bool runs_need_book(const struct runs *r, const char *strategy)
{
    (void)r, (void)strategy;
    return rig.book_needed;
}

const struct order_row *desk_order(const struct desk *d, const char *client_order_id)
{
    (void)d;
    return str_equal(rig.desk_row.intent.order.client_order_id, client_order_id) ? &rig.desk_row : NULL;
}

RIG_UNUSED static void order_is_answered(void)
{
    rig.outcome.intent = rig.placed;
    rig.desk_row = rig.outcome;
    rig.placed_done(rig.placed_arg, &rig.outcome);
}

void desk_place(struct desk *d, const struct intent *intent, void (*done)(void *arg, const struct order_row *row),
                void *arg)
{
    (void)d;
    assert_null(desk_order(NULL, intent->order.client_order_id)); // the desk dies otherwise
    rig.places++;
    rig.placed = *intent;
    rig.desk_row = (struct order_row){.intent = *intent, .status = ORDER_INTENT};
    rig.placed_done = done;
    rig.placed_arg = arg;
    if (!rig.place_later)
        order_is_answered();
}

void desk_cancel(struct desk *d, const char *client_order_id)
{
    (void)d;
    assert_non_null(desk_order(NULL, client_order_id));
    rig.cancels++;
}

void reconcile_refresh(struct reconcile *r, const char *const *symbols, size_t count,
                       void (*done)(void *arg, bool ok, const char *detail), void *arg)
{
    (void)r;
    assert_true(count >= 1);
    assert_true(symbol_valid(symbols[0]));
    rig.refreshes++;
    rig.refreshed = done;
    rig.refreshed_arg = arg;
    if (!rig.refresh_later)
        done(arg, true, "");
}

void reconcile_kick(struct reconcile *r)
{
    (void)r;
}

bool exposure_price(const struct exposure *e, const char *symbol, struct price *out, int64_t *at_wall_ns,
                    int64_t *boot_ns)
{
    (void)e;
    (void)symbol;
    *out = (struct price){500 * DECIMAL_ONE};
    *at_wall_ns = *boot_ns = 1;
    return !rig.no_price;
}

bool exposure_quote(const struct exposure *e, const char *symbol, struct alpaca_quote *out)
{
    (void)e;
    (void)symbol;
    *out = (struct alpaca_quote){.bid = {499 * DECIMAL_ONE}, .ask = {501 * DECIMAL_ONE}, .at = 2};
    return !rig.no_price;
}

void ledger_decision(struct ledger *l, const char *kind, const char *subject, const char *answer, const char *rule,
                     const char *detail, int64_t now_ns)
{
    (void)l;
    (void)answer;
    (void)rule;
    (void)detail;
    (void)now_ns;
    assert_string_equal(kind, "operator");
    assert_true(subject[0]);
    rig.decisions++;
}

bool reconcile_needs_opening(const struct reconcile *r)
{
    (void)r;
    return true;
}

void reconcile_accept_opening(struct reconcile *r, opening_fn *done, void *arg)
{
    (void)r;
    done(arg, rig.opening_ok, rig.opening_ok ? "3 positions" : "the broker does not answer");
}

void admin_put_paused(const struct admin *a, struct json_out *o)
{
    (void)a, (void)o;
}

// Verbs that have tests of their own.
#define RIG_SERVES(X)                                                                                                  \
    X(admin_serve_strategies)                                                                                          \
    X(admin_serve_strategy_history)                                                                                    \
    X(admin_serve_pause)                                                                                               \
    X(admin_serve_resume)                                                                                              \
    X(admin_serve_next)                                                                                                \
    X(admin_serve_config)                                                                                              \
    X(admin_serve_config_diff)                                                                                         \
    X(admin_serve_raise)                                                                                               \
    X(admin_serve_revert)                                                                                              \
    X(admin_serve_limits)                                                                                              \
    X(admin_serve_selftest)                                                                                            \
    X(admin_serve_plan)                                                                                                \
    X(admin_serve_resolve)                                                                                             \
    X(admin_serve_retry)                                                                                               \
    X(admin_serve_quarantine)                                                                                          \
    X(admin_serve_quarantine_adopt)                                                                                    \
    X(admin_serve_quarantine_cancel)                                                                                   \
    X(admin_serve_drift)                                                                                               \
    X(admin_serve_drift_accept)                                                                                        \
    X(admin_serve_assign)                                                                                              \
    X(admin_serve_flatten)
#define RIG_SERVE(name)                                                                                                \
    void name(struct admin *a, struct http_exchange *x, const char *who)                                               \
    {                                                                                                                  \
        struct text t;                                                                                                 \
        struct json_out o;                                                                                             \
        (void)who;                                                                                                     \
        api_answer_begin(&t, &o);                                                                                      \
        api_answer_end(a->p.api, x, 200, &t, &o);                                                                      \
    }
RIG_SERVES(RIG_SERVE)

// --- the rig

static const struct snapshot *rig_snapshot(void *arg)
{
    return &((struct rig *)arg)->snapshot;
}

static void rig_collect(void *arg)
{
    ((struct rig *)arg)->collected++;
}

static void rig_handle(void *arg, struct http_exchange *x)
{
    (void)arg;
    if (http_exchange_roles(x) & HTTP_ROLE_ADMIN)
        admin_handle(rig.admin, x);
    else
        api_handle(rig.api, x);
}

static void rig_gone(void *arg, struct http_exchange *x)
{
    (void)arg;
    if (http_exchange_roles(x) & HTTP_ROLE_ADMIN)
        admin_gone(rig.admin, x);
    else
        api_gone(rig.api, x);
}

static struct snapshot rig_good(void)
{
    return (struct snapshot){
        .at_wall_ns = INT64_C(1760000000) * NS_PER_S,
        .version = "0.1.0",
        .commit = "abc",
        .environment = "staging",
        .instance = "default",
        .orders_sent = true,
        .database_connected = true,
        .broker_connected = true,
        .halt = HALT_RUNNING,
        .in_step = true,
        .calendar_known = true,
        .account_number = "PA1234",
    };
}

static void rig_open(const char *token, uid_t strategy_uid)
{
    static const struct {
        unsigned roles;
        const char *service;
    } listens[] = {{HTTP_ROLE_HEALTH, "signal_service"},
                   {HTTP_ROLE_HEALTH | HTTP_ROLE_API, "execution_gateway"},
                   {HTTP_ROLE_GATEWAY, "gateway"}};
    struct err err;
    rig = (struct rig){.query_result = LEDGER_OK, .query_json = "[]", .halt = HALT_RUNNING, .opening_ok = true};
    rig.snapshot = rig_good();
    rig.loop = loop_new();
    rig.metrics = metrics_new();
    rig.api = api_new(&(struct api_params){.loop = rig.loop,
                                           .snapshot = rig_snapshot,
                                           .collect_metrics = rig_collect,
                                           .metrics = rig.metrics,
                                           .token = token,
                                           .arg = &rig});
    rig.admin = admin_new(
        &(struct admin_params){.api = rig.api, .snapshot = rig_snapshot, .strategy_uid = strategy_uid, .arg = &rig});
    rig.server = http_server_new(&(struct http_server_params){.loop = rig.loop,
                                                              .max_connections = 250,
                                                              .request_deadline_ms = 20000,
                                                              .idle_ms = 20000,
                                                              .reply_deadline_ms = 20000,
                                                              .body_max = 4096,
                                                              .handle = rig_handle,
                                                              .gone = rig_gone});
    for (size_t i = 0; i < ARRAY_LEN(listens); i++) {
        const struct http_listen l = {
            .address = "127.0.0.1:0", .fd = -1, .roles = listens[i].roles, .service = listens[i].service};
        if (http_server_listen(rig.server, &l, &err) != 0)
            fail_msg("%s", err.text);
    }
    str_copy_cut(rig.folder, sizeof rig.folder, "/tmp/paperguard-api-XXXXXX");
    assert_non_null(mkdtemp(rig.folder));
    snprintf(rig.path, sizeof rig.path, "%s/s", rig.folder);
    char address[128];
    snprintf(address, sizeof address, "unix:%s", rig.path);
    const struct http_listen l = {.address = address, .fd = -1, .roles = HTTP_ROLE_ADMIN, .unix_mode = 0660};
    if (http_server_listen(rig.server, &l, &err) != 0)
        fail_msg("%s", err.text);
}

static void rig_close(void)
{
    http_server_free(rig.server);
    admin_free(rig.admin);
    api_free(rig.api); // with what the ledger, which is gone by then, has not answered
    metrics_free(rig.metrics);
    loop_free(rig.loop);
    unlink(rig.path);
    rmdir(rig.folder);
}

// --- a client

#define HEALTH_PORT 0
#define API_PORT 1
#define GATEWAY_PORT 2
#define ADMIN_SOCKET 3

struct answer {
    int status;
    char head[2048], *body;
    struct json_doc *json; // NULL when it is not JSON
};

static int client_connect(size_t listener)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    bool local = listener == ADMIN_SOCKET;
    if (local)
        str_copy_cut(un.sun_path, sizeof un.sun_path, rig.path);
    else
        in.sin_port = htons((uint16_t)atoi(strrchr(http_server_address(rig.server, listener), ':') + 1));
    int fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *to = local ? (const struct sockaddr *)&un : (const struct sockaddr *)&in;
    assert_int_equal(connect(fd, to, local ? sizeof un : sizeof in), 0);
    return fd;
}

static int client_send(size_t listener, const char *method, const char *target, const char *headers, const char *body)
{
    char request[8192];
    int fd = client_connect(listener);
    int len = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s", method, target,
                       listener == ADMIN_SOCKET ? "localhost" : http_server_address(rig.server, listener), headers);
    if (body)
        len +=
            snprintf(request + len, sizeof request - (size_t)len, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    else
        len += snprintf(request + len, sizeof request - (size_t)len, "\r\n");
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
    return fd;
}

// Turns the loop until the connection ends and gives what came.
static struct answer client_read(int fd)
{
    struct text in;
    struct answer a = {0};
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    text_init(&in, 1 << 24);
    for (;;) {
        char chunk[16384];
        ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (n == 0)
            break;
        if (n > 0)
            text_addn(&in, chunk, (size_t)n);
        else
            loop_step(rig.loop, 5);
        if (rig.waiting && !rig.hold)
            ledger_answers();
        assert_true(clock_monotonic_ns() < end);
    }
    close(fd);
    const char *split = strstr(text_str(&in), "\r\n\r\n");
    if (!split)
        fail_msg("no answer: %s", text_str(&in));
    a.status = atoi(text_str(&in) + 9);
    snprintf(a.head, sizeof a.head, "%.*s", (int)(split + 2 - text_str(&in)), text_str(&in));
    a.body = check_strdup(split + 4);
    if (json_doc_parse(a.body, strlen(a.body), &a.json, NULL) != 0)
        a.json = NULL;
    text_free(&in);
    return a;
}

static void answer_free(struct answer *a)
{
    json_doc_free(a->json);
    free(a->body);
}

RIG_UNUSED static struct answer ask(size_t listener, const char *method, const char *target, const char *headers,
                                    const char *body)
{
    return client_read(client_send(listener, method, target, headers, body));
}

RIG_UNUSED static const char *member(const struct answer *a, const char *name)
{
    const struct json_node *n = json_get(json_doc_root(a->json), name);
    const char *s = n ? json_string(n) : NULL;
    return s ? s : "";
}

// The status of one request; the rest is dropped.
RIG_UNUSED static int status_of(size_t listener, const char *method, const char *target, const char *headers,
                                const char *body)
{
    struct answer a = ask(listener, method, target, headers, body);
    int status = a.status;
    answer_free(&a);
    return status;
}

#endif
