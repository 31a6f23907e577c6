// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One-off reads beside the passes: fresh prices before a run, daily bars for strategies, and the opening. Each is a job
// with one completion; several may be under way.
#include "daemon/reconcile_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define BARS_PAGE 10000
#define SYMBOLS_PER_REQUEST 100 // keeps targets short
#define ASSETS_AT_ONCE 64       // of one job: the broker channel's queue is everybody's
#define BARS_TOTAL_MAX 200000u
#define FRESH_NS (60 * NS_PER_S)
#define ADV_BARS 20 // daily ones that an average volume is of, at most and at least
#define ADV_BARS_MIN 5

// --- lists that passes and jobs read

int reconcile_calendar_parse(const struct json_node *list, struct session_day **out, size_t *count, struct err *err)
{
    size_t n = json_size(list);
    struct session_day *days = check_alloc(n ? n : 1, sizeof *days);
    for (size_t i = 0; i < n; i++) {
        struct alpaca_calendar_day d;
        if (alpaca_calendar_day_parse(json_at(list, i), &d, err) != 0) {
            free(days);
            return -1;
        }
        days[i] = (struct session_day){d.date, d.open_s, d.close_s};
        if (i && day_compare(days[i - 1].date, days[i].date) >= 0) {
            free(days);
            return err_set(err, "calendar: days are not in order at item %zu", i);
        }
    }
    *out = days;
    *count = n;
    return 0;
}

static int by_symbol(const void *a, const void *b)
{
    const struct alpaca_position *x = a, *y = b;
    return strcmp(x->symbol, y->symbol);
}

int reconcile_positions_parse(const struct json_node *list, struct alpaca_position **out, size_t *count,
                              struct err *err)
{
    size_t n = json_size(list);
    struct alpaca_position *p = check_alloc(n ? n : 1, sizeof *p);
    for (size_t i = 0; i < n; i++)
        if (alpaca_position_parse(json_at(list, i), &p[i], err) != 0) {
            free(p);
            return -1;
        }
    qsort(p, n, sizeof *p, by_symbol);
    *out = p;
    *count = n;
    return 0;
}

// --- jobs

struct job *reconcile_job_new(struct reconcile *r, const char *const *symbols, size_t count)
{
    struct job *j = check_alloc(1, sizeof *j);
    j->r = r;
    j->symbols = check_alloc(count ? count : 1, sizeof *j->symbols);
    for (size_t i = 0; i < count; i++)
        j->symbols[i] = check_strdup(symbols[i]);
    j->symbol_count = count;
    list_append(&r->jobs, &j->node);
    return j;
}

static void job_free(struct job *j)
{
    list_remove(&j->node);
    loop_cancel(j->r->p.loop, &j->timer);
    for (size_t i = 0; i < j->symbol_count; i++) {
        free(j->symbols[i]);
        if (j->bars)
            free(j->bars[i].bars);
    }
    free(j->bars);
    free(j->symbols);
    free(j->positions);
    free(j);
}

void reconcile_jobs_free(struct reconcile *r)
{
    LIST_EACH(n, tmp, &r->jobs)
    job_free(LIST_ENTRY(n, struct job, node));
}

void reconcile_job_spoil(struct job *j, const char *what, const char *why)
{
    if (!j->bad)
        snprintf(j->detail, sizeof j->detail, "%s: %s", what, why);
    j->bad = true;
}

void reconcile_job_end(struct job *j)
{
    if (j->done)
        j->done(j->arg, !j->bad, j->detail);
    job_free(j);
}

static void ended_at_once(void *arg)
{
    struct job *j = arg;
    j->timer = 0;
    reconcile_job_end(j);
}

void reconcile_job_end_soon(struct job *j)
{
    j->timer = loop_post(j->r->p.loop, ended_at_once, j);
}

static void one_answered(struct job *j)
{
    if (--j->pending == 0)
        reconcile_job_end(j);
}

bool reconcile_job_good(struct job *j, const struct broker_answer *a, const char *what)
{
    if (a->result == BROKER_OK && a->json)
        return true;
    reconcile_job_spoil(j, what, a->detail && a->detail[0] ? a->detail : broker_result_name(a->result));
    return false;
}

// "symbols=A,B,C" for one request's worth from `first` on.
static void add_symbols(const struct job *j, size_t first, struct text *t)
{
    text_add(t, "symbols=");
    for (size_t i = first; i < j->symbol_count && i < first + SYMBOLS_PER_REQUEST; i++)
        text_addf(t, "%s%s", i > first ? "," : "", j->symbols[i]);
}

// --- refresh

static void refresh_account(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    struct alpaca_account account;
    struct err err = {.text = ""};
    if (reconcile_job_good(j, a, "account")) {
        if (alpaca_account_parse(a->json, &account, &err) == 0)
            exposure_set_account(j->r->p.exposure, &account, a->sent_boot_ns);
        else
            reconcile_job_spoil(j, "account", err.text);
    }
    one_answered(j);
}

static void refresh_positions(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    struct err err = {.text = ""};
    struct alpaca_position *p = NULL;
    size_t n = 0;
    if (reconcile_job_good(j, a, "positions")) {
        if (reconcile_positions_parse(a->json, &p, &n, &err) != 0)
            reconcile_job_spoil(j, "positions", err.text);
        else
            exposure_set_positions(j->r->p.exposure, p, n, a->sent_boot_ns);
        free(p);
    }
    one_answered(j);
}

static void refresh_trades(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    struct alpaca_trade *trades = NULL;
    size_t n = 0;
    struct err err = {.text = ""};
    if (reconcile_job_good(j, a, "latest trades")) {
        if (alpaca_trades_parse(a->json, &trades, &n, &err) != 0)
            reconcile_job_spoil(j, "latest trades", err.text);
        else
            for (size_t i = 0; i < n; i++)
                exposure_set_trade(j->r->p.exposure, &trades[i], clock_boot_ns(), clock_wall_ns());
        free(trades);
    }
    one_answered(j);
}

static void refresh_quotes(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    struct alpaca_quote *quotes = NULL;
    size_t n = 0;
    struct err err = {.text = ""};
    if (reconcile_job_good(j, a, "latest quotes")) {
        if (alpaca_quotes_parse(a->json, &quotes, &n, &err) != 0)
            reconcile_job_spoil(j, "latest quotes", err.text);
        else
            for (size_t i = 0; i < n; i++)
                exposure_set_quote(j->r->p.exposure, &quotes[i], clock_boot_ns(), clock_wall_ns());
        free(quotes);
    }
    one_answered(j);
}

static void refresh_ask(struct job *j, enum guard_op op, const char *id, const char *query, broker_done_fn *done)
{
    j->pending++;
    broker_call(j->r->p.broker, op, id, query, done, j);
}

static void refresh_next_asset(struct job *j);

static void refresh_asset(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    struct alpaca_asset asset;
    struct err err = {.text = ""};
    // A symbol the broker does not know is not this read's failure: the planner and the desk refuse it by name.
    if (a->result != BROKER_REJECTED && reconcile_job_good(j, a, "asset")) {
        if (alpaca_asset_parse(a->json, &asset, &err) == 0) {
            exposure_set_asset(j->r->p.exposure, &asset);
            exposure_asset_read(j->r->p.exposure, asset.symbol, j->today);
        } else
            reconcile_job_spoil(j, "asset", err.text);
    }
    refresh_next_asset(j);
    one_answered(j);
}

// Assets hardly change: each is asked for once a day.
static void refresh_next_asset(struct job *j)
{
    while (j->next_asset < j->symbol_count) {
        const char *symbol = j->symbols[j->next_asset++];
        if (exposure_asset_due(j->r->p.exposure, symbol, j->today)) {
            refresh_ask(j, OP_ASSET, symbol, NULL, refresh_asset);
            return;
        }
    }
}

static struct qty average_volume(const struct signal_bars *b)
{
    size_t from = b->count > ADV_BARS ? b->count - ADV_BARS : 0, n = b->count - from;
    int64_t sum = 0;
    for (size_t i = from; i < b->count; i++)
        if (!decimal_add(sum, b->bars[i].volume, &sum))
            return (struct qty){0};
    if (n < ADV_BARS_MIN || sum / (int64_t)n > INT64_MAX / DECIMAL_ONE)
        return (struct qty){0};
    return (struct qty){sum / (int64_t)n * DECIMAL_ONE};
}

// Without them what is opened is denied, by name; it is no failure of this read.
static void refresh_volumes(void *arg, bool ok, const struct signal_bars *bars, size_t count, const char *detail)
{
    struct job *j = arg;
    if (!ok)
        log_info("reconcile: average volumes are not known: %s", detail);
    for (size_t i = 0; ok && i < count; i++)
        exposure_set_adv(j->r->p.exposure, bars[i].symbol, average_volume(&bars[i]), j->today);
    one_answered(j);
}

static void refresh_ask_volumes(struct job *j)
{
    const char **due = check_alloc(j->symbol_count, sizeof *due);
    size_t count = 0;
    for (size_t i = 0; i < j->symbol_count; i++)
        if (exposure_adv_due(j->r->p.exposure, j->symbols[i], j->today))
            due[count++] = j->symbols[i];
    if (count) {
        j->pending++;
        reconcile_bars(j->r, due, count, j->today, ADV_BARS, refresh_volumes, j);
    }
    free(due);
}

void reconcile_refresh(struct reconcile *r, const char *const *symbols, size_t count,
                       void (*done)(void *arg, bool ok, const char *detail), void *arg)
{
    struct job *j = reconcile_job_new(r, symbols, count);
    j->done = done;
    j->arg = arg;
    j->today = day_of(clock_wall_ns());
    refresh_ask(j, OP_ACCOUNT, NULL, NULL, refresh_account);
    refresh_ask(j, OP_POSITIONS, NULL, NULL, refresh_positions);
    if (count == 0)
        return;
    for (size_t first = 0; first < count; first += SYMBOLS_PER_REQUEST) {
        struct text query;
        text_init(&query, 8000);
        add_symbols(j, first, &query);
        text_addf(&query, "&feed=%s", r->p.feed);
        refresh_ask(j, OP_TRADES_LATEST, NULL, text_str(&query), refresh_trades);
        refresh_ask(j, OP_QUOTES_LATEST, NULL, text_str(&query), refresh_quotes);
        text_free(&query);
    }
    for (size_t i = 0; i < ASSETS_AT_ONCE; i++)
        refresh_next_asset(j);
    refresh_ask_volumes(j);
}

// --- quotes at fill

// A quote read now is one of the moment of the fill only when that was just now.
void reconcile_note_fresh(struct reconcile *r, const struct alpaca_fill *fills, size_t count)
{
    int64_t since = clock_wall_ns() - FRESH_NS;
    r->fresh_count = 0;
    r->fresh_symbols = check_realloc(r->fresh_symbols, (count ? count : 1) * sizeof *r->fresh_symbols);
    for (size_t i = 0; i < count; i++) {
        bool known = fills[i].transaction_time < since;
        for (size_t k = 0; k < r->fresh_count && !known; k++)
            known = strcmp(r->fresh_symbols[k], fills[i].symbol) == 0;
        if (!known)
            str_copy_cut(r->fresh_symbols[r->fresh_count++], SYMBOL_MAX, fills[i].symbol);
    }
}

static void fill_quotes_read(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    struct alpaca_quote *quotes = NULL;
    size_t n = 0;
    struct err err = {.text = ""};
    int64_t now = clock_wall_ns();
    if (reconcile_job_good(j, a, "quotes at fill") && alpaca_quotes_parse(a->json, &quotes, &n, &err) != 0)
        reconcile_job_spoil(j, "quotes at fill", err.text);
    for (size_t i = 0; i < n; i++)
        ledger_fill_quote(j->r->p.ledger, j->r->account, &quotes[i], now - FRESH_NS, now);
    free(quotes);
    if (j->bad)
        log_info("reconcile: %s", j->detail);
    job_free(j);
}

void reconcile_fill_quotes(struct reconcile *r)
{
    const char *symbols[SYMBOLS_PER_REQUEST];
    size_t count = r->fresh_count < SYMBOLS_PER_REQUEST ? r->fresh_count : SYMBOLS_PER_REQUEST;
    struct text query;
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        symbols[i] = r->fresh_symbols[i];
    struct job *j = reconcile_job_new(r, symbols, count);
    text_init(&query, 8000);
    add_symbols(j, 0, &query);
    text_addf(&query, "&feed=%s", r->p.feed);
    broker_call(r->p.broker, OP_QUOTES_LATEST, NULL, text_str(&query), fill_quotes_read, j);
    text_free(&query);
    r->fresh_count = 0;
}

// --- bars

static void bars_answered(void *arg, const struct broker_answer *a);

static void end_bars(struct job *j)
{
    struct signal_bars *bars = check_alloc(j->symbol_count ? j->symbol_count : 1, sizeof *bars);
    for (size_t i = 0; i < j->symbol_count; i++)
        bars[i] = (struct signal_bars){j->symbols[i], j->bars[i].bars, j->bars[i].count};
    j->bars_done(j->arg, !j->bad, bars, j->symbol_count, j->detail);
    free(bars);
    job_free(j);
}

static void add_bar(struct bars_of *b, const struct alpaca_bar *bar)
{
    if (b->count == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 64;
        b->bars = check_realloc(b->bars, b->cap * sizeof *b->bars);
    }
    b->bars[b->count++] = *bar;
}

static void take_bars(struct job *j, const struct json_node *root)
{
    struct alpaca_bar bar;
    struct err err = {.text = ""};
    const struct json_node *all = json_get(root, "bars");
    for (size_t i = 0; i < j->symbol_count; i++) {
        const struct json_node *list = json_get(all, j->symbols[i]);
        for (size_t k = 0; k < json_size(list) && !j->bad; k++) {
            if (alpaca_bar_parse(json_at(list, k), &bar, &err) != 0)
                reconcile_job_spoil(j, "bars", err.text);
            else if (++j->bar_count > BARS_TOTAL_MAX)
                reconcile_job_spoil(j, "bars", "more bars than asked for");
            else
                add_bar(&j->bars[i], &bar);
        }
    }
}

static void ask_bars(struct job *j, const char *token)
{
    struct text query;
    text_init(&query, 8000);
    add_symbols(j, j->first, &query);
    text_add(&query, j->span);
    if (token)
        text_addf(&query, "&page_token=%s", token);
    broker_call(j->r->p.broker, OP_BARS, NULL, text_str(&query), bars_answered, j);
    text_free(&query);
}

static void bars_answered(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    if (!reconcile_job_good(j, a, "bars")) {
        end_bars(j);
        return;
    }
    take_bars(j, a->json);
    const char *token = json_string(json_get(a->json, "next_page_token"));
    if (!token)
        j->first += SYMBOLS_PER_REQUEST;
    if (!j->bad && (token || j->first < j->symbol_count))
        ask_bars(j, token);
    else
        end_bars(j);
}

static void bars_none(void *arg)
{
    struct job *j = arg;
    j->timer = 0;
    end_bars(j);
}

void reconcile_bars(struct reconcile *r, const char *const *symbols, size_t count, struct day session,
                    int lookback_days,
                    void (*done)(void *arg, bool ok, const struct signal_bars *bars, size_t count, const char *detail),
                    void *arg)
{
    struct job *j = reconcile_job_new(r, symbols, count);
    char from[WHEN_TEXT_MAX], to[WHEN_TEXT_MAX];
    j->bars_done = done;
    j->arg = arg;
    j->bars = check_alloc(count ? count : 1, sizeof *j->bars);
    if (count == 0 || lookback_days <= 0) {
        j->timer = loop_post(r->p.loop, bars_none, j);
        return;
    }
    // Sessions are at least five of seven days; ten more cover holidays.
    snprintf(j->span, sizeof j->span, "&timeframe=1Day&start=%s&end=%s&adjustment=split&limit=%d&feed=%s",
             day_format(day_add(session, -(lookback_days * 7 / 5 + 10)), from), day_format(day_add(session, -1), to),
             BARS_PAGE, r->p.feed);
    ask_bars(j, NULL);
}
