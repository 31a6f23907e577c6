// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// How modules hear of each other. Every function named on_… is one wire: it takes what one module says and hands it to
// those who need it. The modules start in one list and stop in reverse.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "commit.h"
#include "daemon/messages.h"
#include "lib/base/log.h"
#include "lib/io/http_client.h"
#include "lib/io/pg_client.h"

#define CALENDAR_AHEAD_DAYS 30
#define BODY_MAX (1u << 20)
#define REQUEST_DEADLINE_MS 10000
#define IDLE_MS 60000
#define ADMIN_CONNECTIONS 32

void daemon_alert(void *arg, const char *kind, const char *subject, const char *detail)
{
    struct daemon *d = arg;
    metrics_add(d->metrics, METRIC_ALERTS, kind, 1);
    log_message(LOG_LEVEL_WARNING, MESSAGE_ALERT,
                ((struct log_field[]){{"ALERT", kind}, {"SUBJECT", subject}, {"REASON", detail}}), "alert %s %s: %s",
                kind, subject, detail);
    ledger_alert(d->ledger, kind, subject, detail, clock_wall_ns());
}

// --- ledger and halt

static void rows_read(void *arg, enum ledger_result result, const struct run_row *rows, size_t count)
{
    struct daemon *d = arg;
    if (result != LEDGER_OK) {
        d->rows_loaded = false; // asked again with the next calendar or connection
        return;
    }
    runs_resume(d->runs, rows, count);
    scheduler_set_rows(d->scheduler, rows, count);
}

// Once per life: which slots have a row, and which runs an earlier life left unfinished.
void daemon_load_rows(struct daemon *d)
{
    const struct guard_facts *f = facts_view(d->facts);
    if (d->rows_loaded || d->ledger_state != LEDGER_READY || !f->account_number[0])
        return;
    if (d->restored.older && !d->restored.runs_kept)
        return; // slots of lost runs are taken first
    struct day today = day_of(clock_wall_ns());
    d->rows_loaded = true;
    ledger_runs_load(d->ledger, f->account_number, day_add(today, -DAEMON_BACK_DAYS),
                     day_add(today, CALENDAR_AHEAD_DAYS), rows_read, d);
}

static void kept_rows_read(void *arg, enum ledger_result result, const struct run_row *rows, size_t count)
{
    struct daemon *d = arg;
    if (result == LEDGER_OK && !d->rows_loaded) // else the broker's account is known, and its rows come
        scheduler_set_rows(d->scheduler, rows, count);
}

static void kept_calendar_read(void *arg, enum ledger_result result, const struct session_day *days, size_t count,
                               int64_t read_at)
{
    struct daemon *d = arg;
    struct day today = day_of(clock_wall_ns());
    if (result != LEDGER_OK || count == 0 || d->rows_loaded)
        return;
    scheduler_set_kept_calendar(d->scheduler, days, count, read_at);
    ledger_runs_load(d->ledger, facts_view(d->facts)->account_first_seen, day_add(today, -DAEMON_BACK_DAYS),
                     day_add(today, CALENDAR_AHEAD_DAYS), kept_rows_read, d);
}

// Of the account this host leads: what is known until the broker tells of itself.
void daemon_load_kept_calendar(struct daemon *d)
{
    if (!d->rows_loaded)
        ledger_calendar_load(d->ledger, facts_view(d->facts)->account_first_seen, kept_calendar_read, d);
}

static void on_ledger_state(void *arg, enum ledger_state state, const char *detail)
{
    struct daemon *d = arg;
    bool came = state == LEDGER_READY && d->ledger_state != LEDGER_READY;
    if (state == d->ledger_state && str_equal(detail, d->ledger_detail))
        return; // every new try to connect says it again
    enum fact_tri marker = state == LEDGER_UNMARKED || state == LEDGER_MISMATCH ? FACT_BAD
                           : state == LEDGER_READY || state == LEDGER_LOADING   ? FACT_GOOD
                                                                                : FACT_UNKNOWN;
    d->ledger_state = state;
    str_copy_cut(d->ledger_detail, sizeof d->ledger_detail, detail);
    const char *found = state == LEDGER_READY && !detail[0] ? "marked, Postgres is ready" : detail;
    facts_set_database(d->facts, marker, found, marker == FACT_UNKNOWN ? 0 : clock_boot_ns());
    if (state == LEDGER_CONNECTING)
        halt_set_database(d->halt, false, false, HALT_UNKNOWN, "Postgres is not connected");
    if (marker == FACT_BAD)
        log_error("database %s: %s", ledger_state_name(state), detail);
    else
        log_info("database %s%s%s", ledger_state_name(state), detail[0] ? ": " : "", detail);
    if (came) {
        pauses_load(d->pauses);
        if (facts_view(d->facts)->lead == LEAD_HELD)
            daemon_load_kept_calendar(d);
        reconcile_start(d->reconcile);
    }
    daemon_look_soon(d);
}

static void on_ledger_halt(void *arg, bool known, bool host_seen, enum fact_halt state, const char *reason)
{
    struct daemon *d = arg;
    halt_set_database(d->halt, known, host_seen, state, reason);
    daemon_look_soon(d);
}

static void on_first_seen(void *arg, bool known, const char *account_number)
{
    struct daemon *d = arg;
    facts_set_first_seen(d->facts, known, account_number);
    if (known && account_number[0])
        leader_begin(d->leader, account_number);
    if (known)
        reconcile_kick(d->reconcile);
    daemon_look_soon(d);
}

static void on_ledger_answered(void *arg)
{
    struct daemon *d = arg;
    facts_set_database_answered(d->facts, clock_boot_ns());
}

static void write_halt_row(void *arg, enum fact_halt state, const char *reason, const char *source, int64_t at_ns)
{
    struct daemon *d = arg;
    d->snapshot.at_boot_ns = 0; // whoever asks next sees it
    if (d->ledger)
        ledger_halt_write(d->ledger, NULL, state, reason, source, at_ns);
    daemon_look_soon(d);
}

// --- broker, books, runs

static void on_order(void *arg, const struct order_row *row)
{
    struct daemon *d = arg;
    d->snapshot.at_boot_ns = 0;
    daemon_cache_order(d, row);
    daemon_breaker_order(d, row);
    runs_order_changed(d->runs, row);
    if (desk_open_count(d->desk) == 0 && halt_state(d->halt) != HALT_RUNNING)
        daemon_look_soon(d); // what a halt has to see cancelled may be over
}

static void on_books(void *arg, const struct ledger_books *books)
{
    struct daemon *d = arg;
    struct alpaca_account a;
    int64_t boot;
    d->snapshot.at_boot_ns = 0;
    d->positions_as_of = clock_wall_ns();
    exposure_set_books(d->exposure, books);
    if (exposure_account(d->exposure, &a, &boot))
        cache_put_account(d->cache, &a, clock_wall_ns());
    runs_books_changed(d->runs, books);
    daemon_stream_start(d);
    daemon_load_rows(d);
    scheduler_look(d->scheduler);
}

static void on_calendar(void *arg, const struct session_day *days, size_t count)
{
    struct daemon *d = arg;
    cache_put_calendar(d->cache, days, count, clock_wall_ns());
    ledger_calendar_keep(d->ledger, facts_view(d->facts)->account_number, days, count, clock_wall_ns());
    daemon_load_rows(d);
    runs_set_calendar(d->runs, days, count);
    scheduler_set_calendar(d->scheduler, days, count);
    daemon_hours_look(d);
}

static void on_clock(void *arg, const struct alpaca_clock *clock)
{
    struct daemon *d = arg;
    const char *trouble = facts_clock_trouble(d->facts);
    if (trouble && !d->clock_told)
        daemon_alert(d, "clock", d->host, trouble);
    d->clock_told = trouble != NULL;
    scheduler_set_clock(d->scheduler, clock);
    daemon_look_soon(d);
}

static void on_reconcile_state(void *arg)
{
    struct daemon *d = arg;
    d->snapshot.at_boot_ns = 0;
    if (d->scheduler)
        scheduler_look(d->scheduler);
}

static void on_run(void *arg, const struct run_row *row)
{
    struct daemon *d = arg;
    d->snapshot.at_boot_ns = 0;
    if (row) {
        daemon_cache_run(d, row);
        daemon_watch_run(d, row);
    }
    if (row && row->completed_at && row->started_at && !str_equal(d->timed_run, row->id)) { // told again when settled
        str_copy_cut(d->timed_run, sizeof d->timed_run, row->id);
        metrics_observe_ms(d->metrics, METRIC_RUN_DURATION, run_status_name(row->status),
                           (row->completed_at - row->started_at) / NS_PER_MS);
    }
    if (row && row->settled)
        reconcile_run_settled(d->reconcile, row->id);
    scheduler_run_changed(d->scheduler, row);
}

// It need not be the last run, nor is it one that ends now.
static void on_settled(void *arg, const struct run_row *row)
{
    struct daemon *d = arg;
    d->snapshot.at_boot_ns = 0;
    daemon_cache_run(d, row);
    reconcile_run_settled(d->reconcile, row->id);
    scheduler_run_settled(d->scheduler, row->id);
}

static void on_pauses(void *arg)
{
    struct daemon *d = arg;
    d->snapshot.at_boot_ns = 0;
    scheduler_look(d->scheduler);
}

static bool may_start(void *arg, const char **why)
{
    struct daemon *d = arg;
    char *text = d->blocked_why;
    struct guard_result results[GUARD_CHECK_COUNT];
    if (d->draining) {
        *why = "the daemon is stopping";
        return false;
    }
    if (guard_table(facts_view(d->facts), clock_boot_ns(), false, results) != GUARD_PASS) {
        enum guard_check c = guard_table_worst(results);
        CHECK(c != GUARD_CHECK_COUNT);
        snprintf(text, sizeof d->blocked_why, "guard: %s %s: %s", guard_check_name(c),
                 guard_answer_name(results[c].answer), results[c].detail);
        *why = text;
        return false;
    }
    if (results[CHECK_LEADER].answer != GUARD_PASS) {
        snprintf(text, sizeof d->blocked_why, "%s", results[CHECK_LEADER].detail);
        *why = text;
        return false;
    }
    if (halt_state(d->halt) != HALT_RUNNING && halt_state(d->halt) != HALT_REDUCE_ONLY) {
        snprintf(text, sizeof d->blocked_why, "halt: %s", facts_view(d->facts)->halt_detail);
        *why = text;
        return false;
    }
    if (!pauses_known(d->pauses)) { // a run of an earlier life may have a strategy that was paused since
        *why = "Postgres has not told yet which strategies are paused";
        return false;
    }
    if (facts_clock_was_set(d->facts))
        reconcile_kick(d->reconcile);
    return reconcile_in_step(d->reconcile, why);
}

// --- HTTP

static void http_handle(void *arg, struct http_exchange *x)
{
    api_handle(((struct daemon *)arg)->api, x);
}

static void http_gone(void *arg, struct http_exchange *x)
{
    api_gone(((struct daemon *)arg)->api, x);
}

static void http_answered(void *arg, const struct http_exchange *x, int status, int64_t took_ns)
{
    struct daemon *d = arg;
    char code[16], path[200];
    daemon_request_decided(d, x, status);
    metrics_observe_ms(d->metrics, METRIC_HTTP_DURATION, http_exchange_label(x), took_ns / NS_PER_MS);
    snprintf(code, sizeof code, "%d", status);
    snprintf(path, sizeof path, "%.190s", http_exchange_path(x));
    log_with(LOG_LEVEL_DEBUG, ((struct log_field[]){{"REQUEST_ID", http_exchange_request_id(x)}}),
             "http %s %s: %s to %s in %lld us", http_method_name(http_exchange_method(x)), path, code,
             http_exchange_peer(x), (long long)(took_ns / 1000));
}

static void admin_http_handle(void *arg, struct http_exchange *x)
{
    admin_handle(((struct daemon *)arg)->admin, x);
}

static void admin_answered(void *arg, const struct http_exchange *x, int status, int64_t took_ns)
{
    (void)took_ns;
    daemon_request_decided(arg, x, status);
}

static void admin_http_gone(void *arg, struct http_exchange *x)
{
    admin_gone(((struct daemon *)arg)->admin, x);
}

static struct http_server *server_new(struct daemon *d, unsigned connections,
                                      void (*handle)(void *, struct http_exchange *),
                                      void (*gone)(void *, struct http_exchange *))
{
    return http_server_new(&(struct http_server_params){
        .loop = d->loop,
        .max_connections = connections,
        .request_deadline_ms = REQUEST_DEADLINE_MS,
        .idle_ms = IDLE_MS,
        .reply_deadline_ms = REQUEST_DEADLINE_MS,
        .body_max = BODY_MAX,
        .handle = handle,
        .gone = gone,
        .answered = handle == http_handle ? http_answered : admin_answered,
        .arg = d,
    });
}

// --- the list

static void start_ledger(struct daemon *d)
{
    d->ledger = ledger_new(&(struct ledger_params){
        .loop = d->loop,
        .dsn = d->config->database_url,
        .password = facts_secrets(d->facts)->database_password,
        .environment = facts_environment_name(d->facts),
        .host = d->host,
        .instance = d->config->instance,
        .statement_timeout_ms = d->config->statement_timeout_ms,
        .on_state = on_ledger_state,
        .on_halt = on_ledger_halt,
        .on_scopes = daemon_scopes_told,
        .on_first_seen = on_first_seen,
        .on_fenced = daemon_leader_fenced,
        .on_answered = on_ledger_answered,
        .mark = daemon_mark,
        .on_mark = daemon_mark_told,
        .on_restored = daemon_restored,
        .arg = d,
    });
}

static void start_broker(struct daemon *d)
{
    d->broker_params = (struct broker_params){
        .loop = d->loop,
        .guard = d->guard,
        .facts = d->facts,
        .facts_mut = d->facts,
        .metrics = d->metrics,
        .requests_per_minute = d->config->requests_per_minute,
        .request_timeout_ms = d->config->request_timeout_ms,
        .connections = (unsigned)d->config->broker_connections,
        .user_agent = "paperguard/" PACKAGE_VERSION,
        .denied = daemon_denied,
        .called = daemon_watch_call,
        .arg = d,
    };
    d->broker = broker_new(&d->broker_params);
    daemon_keys_new(d, &d->broker_params);
}

static void read_figures(void *arg, const char *symbol, void (*done)(void *arg, bool ok, const char *detail),
                         void *done_arg)
{
    struct daemon *d = arg;
    const char *const symbols[] = {symbol};
    reconcile_refresh(d->reconcile, symbols, 1, done, done_arg);
}

static void start_desk(struct daemon *d)
{
    d->desk = desk_new(&(struct desk_params){
        .loop = d->loop,
        .guard = d->guard,
        .facts = d->facts,
        .broker = d->broker,
        .ledger = d->ledger,
        .exposure = d->exposure,
        .metrics = d->metrics,
        .limits = &d->limits,
        .record_only = str_equal(d->config->orders_mode, "record"),
        .on_order = on_order,
        .judged = daemon_breaker_judged,
        .alert = daemon_alert,
        .refresh = read_figures,
        .arg = d,
    });
    d->reconcile = reconcile_new(&(struct reconcile_params){
        .loop = d->loop,
        .broker = d->broker,
        .ledger = d->ledger,
        .exposure = d->exposure,
        .desk = d->desk,
        .facts = d->facts,
        .metrics = d->metrics,
        .poll_interval_ms = d->config->poll_interval_ms,
        .compare_interval_ms = d->config->compare_interval_ms,
        .reconcile_interval_ms = d->config->reconcile_interval_ms,
        .feed = d->config->feed,
        .on_books = on_books,
        .on_fills = daemon_cache_fills,
        .on_calendar = on_calendar,
        .on_clock = on_clock,
        .on_lost = daemon_orders_lost,
        .on_state = on_reconcile_state,
        .alert = daemon_alert,
        .arg = d,
    });
}

static void start_runs(struct daemon *d)
{
    d->pauses = pauses_new(d->loop, d->ledger, on_pauses, d);
    d->runs = runs_new(&(struct runs_params){
        .loop = d->loop,
        .config = d->config,
        .ledger = d->ledger,
        .reconcile = d->reconcile,
        .strategies = d->strategies,
        .pauses = d->pauses,
        .desk = d->desk,
        .exposure = d->exposure,
        .facts = d->facts,
        .metrics = d->metrics,
        .may_start = may_start,
        .on_run = on_run,
        .on_settled = on_settled,
        .alert = daemon_alert,
        .arg = d,
    });
    d->scheduler = scheduler_new(&(struct scheduler_params){
        .loop = d->loop,
        .config = d->config,
        .ledger = d->ledger,
        .runs = d->runs,
        .pauses = d->pauses,
        .facts = d->facts,
        .metrics = d->metrics,
        .may_start = may_start,
        .alert = daemon_alert,
        .arg = d,
    });
}

static void start_front(struct daemon *d)
{
    d->api = api_new(&(struct api_params){
        .loop = d->loop,
        .snapshot = daemon_snapshot,
        .collect_metrics = daemon_collect_metrics,
        .ledger = d->ledger,
        .scheduler = d->scheduler,
        .desk = d->desk,
        .reconcile = d->reconcile,
        .exposure = d->exposure,
        .runs = d->runs,
        .halt = d->halt,
        .scopes = d->scopes,
        .metrics = d->metrics,
        .token = facts_secrets(d->facts)->http_token,
        .write_from = &d->config->http_write_from,
        .arg = d,
    });
    d->admin = admin_new(&(struct admin_params){
        .api = d->api,
        .config = d->config,
        .config_path = d->config_path,
        .envp = d->envp,
        .limits = &d->limits,
        .exposure = d->exposure,
        .runs = d->runs,
        .snapshot = daemon_snapshot,
        .ledger = d->ledger,
        .scheduler = d->scheduler,
        .pauses = d->pauses,
        .raises = d->raises,
        .desk = d->desk,
        .reconcile = d->reconcile,
        .halt = d->halt,
        .scopes = d->scopes,
        .selftest = &d->selftest,
        .selftest_run = daemon_selftest,
        .rotate = daemon_keys_rotate,
        .strategy_uid = strategies_uid(d->strategies),
        .arg = d,
    });
    d->http = server_new(d, (unsigned)d->config->http_max_connections, http_handle, http_gone);
    d->admin_http = server_new(d, ADMIN_CONNECTIONS, admin_http_handle, admin_http_gone);
}

int daemon_start(struct daemon *d, struct err *err)
{
    d->guard = guard_new();
    d->metrics = metrics_new();
    d->watch = watch_new(daemon_alert, d);
    daemon_scopes_new(d);
    d->halt = halt_new(d->config->state_dir, d->facts,
                       &(struct halt_ports){.disk = d->disk,
                                            .write_row = write_halt_row,
                                            .strategy_file = daemon_strategy_file,
                                            .strategies = d->strategy_names,
                                            .strategy_count = d->config->strategy_count,
                                            .arg = d});
    d->exposure = exposure_new();
    d->strategies = strategies_new(d->loop, d->config, err);
    if (!d->strategies)
        return -1;
    d->cache = cache_new(&(struct cache_params){.loop = d->loop,
                                                .url = d->config->redis_url,
                                                .environment = facts_environment_name(d->facts),
                                                .on_state = daemon_cache_state,
                                                .on_halt = daemon_halt_key,
                                                .strategies = d->strategy_names,
                                                .strategy_count = d->config->strategy_count,
                                                .arg = d},
                         err);
    if (!d->cache)
        return -1;
    daemon_leader_new(d);
    daemon_mark_read(d);
    start_ledger(d);
    start_broker(d);
    daemon_breaker_new(d);
    daemon_limits_new(d);
    daemon_heads_new(d);
    start_desk(d);
    daemon_halt_new(d);
    daemon_stream_new(d);
    start_runs(d);
    start_front(d);
    return 0;
}

void daemon_stop(struct daemon *d)
{
    http_server_free(d->admin_http);
    http_server_free(d->http);
    admin_free(d->admin);
    scheduler_free(d->scheduler);
    // Strategies and the two peers end before those who listen to them: no answer comes to a freed module.
    strategies_free(d->strategies);
    stream_free(d->stream);
    rotation_free(d->rotation);
    broker_free(d->broker);
    leader_free(d->leader);
    heads_free(d->heads);
    ledger_free(d->ledger);
    pauses_free(d->pauses);
    runs_free(d->runs);
    reconcile_free(d->reconcile);
    api_free(d->api); // what it waited for is not told any more
    desk_free(d->desk);
    sweep_free(d->sweep);
    breaker_free(d->breaker);
    raises_free(d->raises);
    cache_free(d->cache);
    exposure_free(d->exposure);
    halt_free(d->halt);
    scopes_free(d->scopes);
    watch_free(d->watch);
    metrics_free(d->metrics);
    guard_free(d->guard);
    free(d->mark);
}
