// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the rehearsed daemon is configured with: the strategies that are shipped, or the user's own file with all that
// ties it to its host (broker, database, sockets, folders) replaced. Both are written as one file.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/json_read.h"
#include "lib/base/json_write.h"
#include "lib/base/text.h"
#include "tests/sim/rehearse/rehearse.h"

#define KEY "PKSIMREHEARSAL000001"
#define SECRET "rehearsal-secret-that-opens-nothing-real"
#define TEXT_MAX ((size_t)4 << 20)
#define SYMBOLS_MAX 10 // of the shipped strategies
#define VOLUME_BARS 20
#define VOLUME_MAX INT64_C(9000000000)

static char path[REHEARSE_PATH_MAX];

const char *settings_path(const struct rehearsal *r)
{
    snprintf(path, sizeof path, "%s/paperguard.conf", r->folder);
    return path;
}

void settings_environment(void)
{
    clearenv();
    setenv("PATH", "/usr/bin:/bin", 1);
    setenv("TZ", "America/New_York", 1);
    setenv("ENVIRONMENT", "staging", 1);
    setenv("DRY_RUN", "true", 1);
    setenv("ALPACA_PAPER", "true", 1);
    setenv("ALPACA_KEY", KEY, 1);
    setenv("ALPACA_SECRET", SECRET, 1);
}

static int write_text(const char *name, const char *text, struct err *err)
{
    FILE *f = fopen(name, "we");
    bool good = f && fputs(text, f) >= 0 && fchmod(fileno(f), 0600) == 0;
    good = (!f || fclose(f) == 0) && good;
    return good ? 0 : err_set(err, "%s: %s", name, strerror(errno));
}

// --- what every rehearsal has of its own

struct own {
    const char *section, *key;
    const char *value; // after the folder's path when below
    bool below;
};
static const struct own owns[] = {
    {"daemon", "state_dir", "/state", true},
    {"daemon", "admin_socket", "/admin.sock", true},
    {"broker", "endpoint", "http://127.0.0.1:9", false},
    {"broker", "stream", "off", false},
    {"http", "token_file", "/token", true},
    {"strategies", "socket", "/none.sock", true},
    // At their loosest: markets of years are replayed, and outages drawn, to see what the runs make of them.
    {"breaker", "max_daily_loss", "1", false},
    {"breaker", "max_drawdown", "1", false},
    {"breaker", "stale_orders", "100000", false},
    {"breaker", "broker_errors_for", "1h", false},
    {"breaker", "alike_executions", "1000", false},
    {"breaker", "alike_window", "1ms", false},
    // What is left at its default: all that names this host's parts.
    {"staging", "environment", NULL, false},
    {"staging", "dry_run", NULL, false},
    {"staging", "alpaca_paper", NULL, false},
    {"broker", "data_endpoint", NULL, false},
    {"broker", "account_pin", NULL, false},
    {"broker", "key_id_file", NULL, false},
    {"broker", "secret_file", NULL, false},
    {"redis", "url", NULL, false},
    {"strategies", "cgroup", NULL, false},
};

static const struct own *own_of(const char *section, const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(owns); i++)
        if (str_equal(owns[i].section, section) && str_equal(owns[i].key, key))
            return &owns[i];
    return NULL;
}

static void add_own(const struct rehearsal *r, const struct own *own, struct text *t)
{
    if (own->value)
        text_addf(t, "%s = %s%s\n", own->key,
                  str_equal(own->key, "state_dir") ? r->state
                  : own->below                     ? r->folder
                                                   : "",
                  own->value);
}

static const char listener[] = "[listen \"main\"]\naddress = 127.0.0.1:0\nroles = health api\n";

// --- volumes

// Nothing lies before the first session, so nobody could tell there what a symbol's average daily volume is: it is
// stated, from its first bars, where the user's file says nothing of the symbol. A file without volumes holds nothing
// back.
static void add_volumes(const struct rehearsal *r, const struct config *users, struct text *t)
{
    const struct market *m = exchange_params(sim_exchange(r->exchange))->market;
    for (size_t i = 0; i < market_symbol_count(m); i++) {
        const struct market_symbol *s = market_symbol_at(m, i);
        int64_t sum = 0;
        bool said = false;
        for (size_t k = 0; users && k < users->symbol_count; k++)
            said = said || str_equal(users->symbol_rules[k].symbol, market_symbol_name(s));
        for (size_t k = 0; k < VOLUME_BARS; k++)
            sum += market_history_at(m, s, k, 0, 0).volume / VOLUME_BARS;
        if (!said)
            text_addf(t, "[symbol \"%s\"]\nadv = %lld\n", market_symbol_name(s),
                      (long long)(sum > 0 && sum < VOLUME_MAX ? sum : VOLUME_MAX));
    }
}

// --- the shipped strategies

// Three of them, at the times of day that matter: soon after the open, at noon (left out on half-days), before the
// close (moved with it). The first weighs all alike.
static void write_shipped(const struct rehearsal *r, struct text *t)
{
    const struct market *m = exchange_params(sim_exchange(r->exchange))->market;
    size_t n = market_symbol_count(m) < SYMBOLS_MAX ? market_symbol_count(m) : SYMBOLS_MAX;
    struct text symbols, weights;
    text_init(&symbols, TEXT_MAX);
    text_init(&weights, TEXT_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *name = market_symbol_name(market_symbol_at(m, i));
        text_addf(&symbols, "%s%s", i ? " " : "", name);
        text_addf(&weights, "%s\"%s\":\"0.%04zu\"", i ? "," : "", name, n == 1 ? 9999 : 10000 / n);
    }
    for (size_t i = 0; i < ARRAY_LEN(owns); i++) {
        if (!owns[i].value)
            continue;
        if (i == 0 || !str_equal(owns[i].section, owns[i - 1].section))
            text_addf(t, "[%s]\n", owns[i].section);
        add_own(r, &owns[i], t);
    }
    text_addf(t, "[database]\nurl = %s\n[orders]\nequity_deployment_pct = 0.95\n", r->dsn);
    text_addf(t,
              "[strategy \"fixed-weights\"]\ncommand = %s/fixed_weights\nsymbols = %s\nallocation = 0.34\n"
              "schedule = open+5m\nband = 0.01\nparams = {\"weights\":{%s}}\n",
              r->programs, text_str(&symbols), text_str(&weights));
    text_addf(t,
              "[strategy \"inverse-volatility\"]\ncommand = %s/inverse_volatility\nsymbols = %s\nallocation = 0.33\n"
              "schedule = 13:00\nearly_close = skip\nband = 0.01\nparams = {\"days\":20}\n",
              r->programs, text_str(&symbols));
    text_addf(t,
              "[strategy \"momentum\"]\ncommand = %s/momentum\nsymbols = %s\nallocation = 0.33\n"
              "schedule = 15:30\nearly_close = shift\nband = 0.01\nparams = {\"months\":1,\"top\":%d}\n",
              r->programs, text_str(&symbols), n < 3 ? 1 : 3);
    text_free(&symbols);
    text_free(&weights);
    add_volumes(r, NULL, t);
}

// --- the user's own

static void write_item(const struct rehearsal *r, const struct json_node *item, const char **section, const char **name,
                       struct text *t)
{
    const char *s = json_string(json_get(item, "section")), *n = json_string(json_get(item, "name"));
    const char *key = json_string(json_get(item, "key")), *value = json_string(json_get(item, "value"));
    const struct own *own = n ? NULL : own_of(s, key);
    bool database = str_equal(s, "database") && str_equal(key, "url");
    if (str_equal(s, "listen") || (own && !own->value))
        return;
    if (!own && !database && (!value || str_equal(json_string(json_get(item, "origin")), "default")))
        return;
    if (!str_equal(s, *section) || !str_equal(n, *name))
        text_addf(t, n ? "[%s \"%s\"]\n" : "[%s]\n", s, n);
    *section = s;
    *name = n;
    if (database)
        text_addf(t, "url = %s\n", r->dsn);
    else if (own)
        add_own(r, own, t);
    else
        text_addf(t, "%s = %s\n", key, value);
}

static int write_users(const struct rehearsal *r, struct text *t, struct err *err)
{
    struct config *config;
    struct json_doc *doc;
    struct text json;
    struct json_out o;
    const char *section = "", *name = NULL;
    if (config_load(r->config, &config, err) != 0)
        return -1;
    text_init(&json, TEXT_MAX);
    json_out_init(&o, &json);
    config_write_json(config, &o);
    int rc = json_doc_parse(text_str(&json), json.len, &doc, err);
    for (size_t i = 0; rc == 0 && i < json_size(json_doc_root(doc)); i++)
        write_item(r, json_at(json_doc_root(doc), i), &section, &name, t);
    if (rc == 0 && config->strategy_count == 0)
        rc = err_set(err, "%s: no [strategy] is in it; there is nothing to rehearse", r->config);
    add_volumes(r, config, t);
    if (rc == 0)
        json_doc_free(doc);
    text_free(&json);
    config_free(config);
    return rc;
}

static int check_symbols(const struct rehearsal *r, struct err *err)
{
    const struct market *m = exchange_params(sim_exchange(r->exchange))->market;
    for (size_t i = 0; i < r->settings->strategy_count; i++) {
        const struct config_strategy *s = &r->settings->strategies[i];
        for (size_t k = 0; s->enabled && k < s->symbols.count; k++)
            if (!market_find(m, s->symbols.words[k]))
                return err_set(err, "strategy %s names %s, of which %s has no prices (expected %s.csv)", s->name,
                               s->symbols.words[k], r->prices, s->symbols.words[k]);
    }
    return 0;
}

int settings_write(struct rehearsal *r, struct err *err)
{
    char name[REHEARSE_PATH_MAX];
    struct text t;
    snprintf(name, sizeof name, "%s/state", r->state);
    if (mkdir(name, 0700) != 0)
        return err_set(err, "%s: %s", name, strerror(errno));
    snprintf(name, sizeof name, "%s/token", r->folder);
    if (write_text(name, "a-token-that-nobody-is-asked-for\n", err) != 0)
        return -1;
    text_init(&t, TEXT_MAX);
    int rc = 0;
    if (r->config)
        rc = write_users(r, &t, err);
    else
        write_shipped(r, &t);
    text_add(&t, listener);
    if (rc == 0)
        rc = write_text(settings_path(r), text_str(&t), err);
    text_free(&t);
    if (rc == 0)
        rc = config_load(settings_path(r), &r->settings, err);
    return rc == 0 ? check_symbols(r, err) : -1;
}
