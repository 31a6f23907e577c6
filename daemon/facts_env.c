// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Switches, stage and endpoint out of environment and config; and the settings that the environment overrides.
#include <stdlib.h>
#include <string.h>

#include "daemon/facts_internal.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/guard/keyscan.h"

// A value as it may be shown: in quotes, without odd characters. A key in the wrong place is none.
static void quote(char *out, size_t size, const char *value)
{
    size_t n = 0;

    if (!keyscan_showable(value)) {
        str_copy_cut(out, size, "something else");
        return;
    }
    out[n++] = '"';
    for (const char *p = value; *p && n < size - 5 && p - value < str_quoted(value); p++)
        out[n++] = *p >= ' ' && *p < 127 ? *p : '?';
    facts_say(out + n, size - n, "%s\"", strlen(value) > n - 1 ? "…" : "");
}

static enum fact_switch_state switch_state(const char *value, bool one_is_true)
{
    if (str_equal(value, "true") || (one_is_true && str_equal(value, "1")))
        return SWITCH_TRUE;
    return str_equal(value, "false") ? SWITCH_FALSE : SWITCH_INVALID;
}

static void switch_set(struct fact_switch *s, const char *value, bool one_is_true, const char *format,
                       const char *source)
{
    s->state = switch_state(value, one_is_true);
    s->found[0] = '\0';
    if (s->state == SWITCH_INVALID)
        quote(s->found, sizeof s->found, value);
    struct text t;
    text_init(&t, sizeof s->source - 1);
    text_addf(&t, "%s %s", format, source);
    str_copy_cut(s->source, sizeof s->source, text_str(&t));
    text_free(&t);
}

// The environment comes first; but a config that contradicts is not passed over.
static void lock_read(struct facts *f, struct fact_switch *s, const char *name, const char *key, const char *configured)
{
    const char *value = facts_env(f, name), *origin = config_origin(f->config, "staging", key);
    const bool in_config = !str_equal(origin, "default");

    s->state = SWITCH_UNSET;
    if (value)
        switch_set(s, value, false, "environment", name);
    if (in_config && (!value || (s->state == SWITCH_TRUE && !str_equal(configured, "true"))))
        switch_set(s, configured, false, "config", origin);
}

void facts_switches_judge(struct facts *f)
{
    const char *mode = facts_env(f, "STAGING_MODE");

    lock_read(f, &f->view.dry_run, "DRY_RUN", "dry_run", f->config->dry_run);
    lock_read(f, &f->view.alpaca_paper, "ALPACA_PAPER", "alpaca_paper", f->config->alpaca_paper);
    f->view.staging_mode.state = SWITCH_UNSET;
    if (mode)
        switch_set(&f->view.staging_mode, mode, true, "environment", "STAGING_MODE");
}

static enum fact_stage stage_of(const char *value)
{
    if (str_equal(value, "dev"))
        return STAGE_DEV;
    return str_equal(value, "staging") ? STAGE_STAGING : STAGE_REFUSED;
}

// All places that name a stage must name the same.
void facts_stage_judge(struct facts *f)
{
    const char *origin = config_origin(f->config, "staging", "environment");
    const struct facts_candidate places[] = {
        {"ENVIRONMENT", facts_env(f, "ENVIRONMENT")},
        {"APP__STAGE", facts_env(f, "APP__STAGE")},
        {origin, str_equal(origin, "default") ? NULL : f->config->environment},
    };
    struct guard_facts *v = &f->view;
    const struct facts_candidate *first = NULL;
    char seen[40];

    v->stage = STAGE_UNSET;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        const enum fact_stage stage = places[i].value ? stage_of(places[i].value) : STAGE_UNSET;
        if (stage == STAGE_UNSET)
            continue;
        quote(seen, sizeof seen, places[i].value);
        if (stage == STAGE_REFUSED) {
            v->stage = STAGE_REFUSED;
            facts_say(v->stage_detail, sizeof v->stage_detail, "%.80s is %s; it must be dev or staging",
                      places[i].source, seen);
            return;
        }
        if (first && stage != v->stage) {
            v->stage = STAGE_REFUSED;
            facts_say(v->stage_detail, sizeof v->stage_detail, "%.50s is %s and %.50s is %s; they must agree",
                      first->source, first->value, places[i].source, places[i].value);
            return;
        }
        if (!first) {
            first = &places[i];
            v->stage = stage;
            facts_say(v->stage_detail, sizeof v->stage_detail, "%s (%.100s)", first->value, first->source);
        }
    }
}

static void endpoint_refuse(struct guard_facts *v, const char *source, const char *why)
{
    v->endpoint = ENDPOINT_REFUSED;
    facts_say(v->endpoint_detail, sizeof v->endpoint_detail, "%.50s: %s", source, why);
}

// An endpoint variable of some other program: it must mean the very endpoint that is configured.
static void endpoint_variable(struct facts *f, const char *name)
{
    struct guard_facts *v = &f->view;
    const char *url = facts_env(f, name);
    char scheme[8], host[128], detail[FACT_TEXT_MAX];
    int port;

    if (!url || v->endpoint == ENDPOINT_REFUSED)
        return;
    const enum fact_endpoint kind =
        keyscan_endpoint(url, v->endpoint == ENDPOINT_SIMULATOR, scheme, host, &port, detail);
    if (kind == ENDPOINT_REFUSED)
        endpoint_refuse(v, name, url[0] ? detail : "is set but empty; unset it");
    else if (kind != v->endpoint || !str_equal(host, v->trading_host) || port != v->trading_port)
        endpoint_refuse(v, name,
                        v->endpoint == ENDPOINT_SIMULATOR
                            ? "names something else than the simulator that is configured; unset it"
                            : "names something else than broker.endpoint; unset it");
}

static void data_variable(struct facts *f, const char *name)
{
    struct guard_facts *v = &f->view;
    const char *url = facts_env(f, name);
    char scheme[8], host[128], detail[FACT_TEXT_MAX];
    int port;

    if (!url || v->endpoint == ENDPOINT_REFUSED)
        return;
    if (v->endpoint == ENDPOINT_SIMULATOR
            ? keyscan_endpoint(url, true, scheme, host, &port, detail) != ENDPOINT_SIMULATOR
            : !keyscan_data_endpoint(url, detail))
        endpoint_refuse(v, name, url[0] ? detail : "is set but empty; unset it");
}

static void data_endpoint(struct facts *f)
{
    struct guard_facts *v = &f->view;
    char detail[FACT_TEXT_MAX];

    if (v->endpoint == ENDPOINT_SIMULATOR) {
        str_copy_cut(v->data_scheme, sizeof v->data_scheme, v->trading_scheme);
        str_copy_cut(v->data_host, sizeof v->data_host, v->trading_host);
        v->data_port = v->trading_port;
    } else if (v->endpoint == ENDPOINT_PAPER && keyscan_data_endpoint(f->config->data_endpoint, detail)) {
        str_copy_cut(v->data_scheme, sizeof v->data_scheme, "https");
        str_copy_cut(v->data_host, sizeof v->data_host, PAPER_DATA_HOST);
        v->data_port = PAPER_PORT;
    } else if (v->endpoint == ENDPOINT_PAPER) {
        endpoint_refuse(v, config_origin(f->config, "broker", "data_endpoint"), detail);
    }
}

static const char *const trading[] = {"ALPACA_ENDPOINT", "ALPACA__ENDPOINT", "APCA_API_BASE_URL", "ALPACA_BASE_URL"};
static const char *const data[] = {"APCA_API_DATA_URL", "APCA_DATA_BASE_URL", "ALPACA_DATA_URL"};

enum facts_variable facts_variable_endpoint(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(trading); i++)
        if (str_equal(name, trading[i]))
            return FACTS_TRADING_URL;
    for (size_t i = 0; i < ARRAY_LEN(data); i++)
        if (str_equal(name, data[i]))
            return FACTS_DATA_URL;
    return FACTS_OTHER;
}

void facts_endpoint_judge(struct facts *f)
{
    struct guard_facts *v = &f->view;
    char detail[FACT_TEXT_MAX];

    v->endpoint =
        keyscan_endpoint(f->config->endpoint, true, v->trading_scheme, v->trading_host, &v->trading_port, detail);
    str_copy_cut(v->endpoint_detail, sizeof v->endpoint_detail, detail);
    if (v->endpoint == ENDPOINT_REFUSED)
        endpoint_refuse(v, config_origin(f->config, "broker", "endpoint"), detail);
    data_endpoint(f);
    for (size_t i = 0; i < ARRAY_LEN(trading); i++)
        endpoint_variable(f, trading[i]);
    for (size_t i = 0; i < ARRAY_LEN(data); i++)
        data_variable(f, data[i]);
}

static void origin_of(char out[64], const char *name)
{
    facts_say(out, 64, "environment %s", name);
}

static int override_deployment(struct facts *f, struct err *err)
{
    static const char *const names[] = {"EQUITY_DEPLOYMENT_PCT", "ALPACA__EQUITY_DEPLOYMENT_PCT"};
    char origin[64];
    int64_t before = -1;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = facts_env(f, names[i]);
        if (!value)
            continue;
        origin_of(origin, names[i]);
        if (config_override(f->config, "orders", "equity_deployment_pct", value, origin, err))
            return -1;
        if (before >= 0 && before != f->config->equity_deployment.nanos)
            return err_set(err, "%s and %s are set and differ; set one of them", names[0], names[1]);
        before = f->config->equity_deployment.nanos;
    }
    return 0;
}

static int override_level(struct facts *f, struct err *err)
{
    const char *value = facts_env(f, "LOGGING__LEVEL");
    enum log_level level;

    if (!value)
        return 0;
    if (!log_level_parse(value, &level))
        return err_set(err, "environment LOGGING__LEVEL is \"%.*s\", expected error, warning, notice, info or debug",
                       str_quoted(value), value);
    return config_override(f->config, "daemon", "log_level", log_level_name(level), "environment LOGGING__LEVEL", err);
}

static void password_take(struct facts *f, char **password, const char *source)
{
    if (*password && f->database_password && !str_equal(*password, f->database_password))
        facts_bad(&f->view.databases, "%s holds another database password than the one set elsewhere", source);
    if (*password && !f->database_password) {
        f->database_password = *password;
        *password = NULL;
    }
    if (*password)
        mem_wipe(*password, strlen(*password));
    free(*password);
    *password = NULL;
}

static void database_passwords(struct facts *f)
{
    static const char *const names[] = {"STAGING_DB_PASSWORD", "DB_PASSWORD"};
    const struct facts_file *file = facts_credential(f, "db_password");
    char *password = file ? facts_file_line(file) : NULL;

    if (file && !password)
        facts_bad(&f->view.files, "credential db_password is not one line of printable characters");
    password_take(f, &password, "credential db_password");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = facts_env(f, names[i]);
        password = value && value[0] ? check_strdup(value) : NULL;
        password_take(f, &password, names[i]);
    }
}

static int override_database(struct facts *f, struct err *err)
{
    static const char *const names[] = {"STAGING_DATABASE_URL", "DATABASE_URL"};
    const char *first = NULL;
    char origin[64];

    database_passwords(f);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = facts_env(f, names[i]);
        char *clean = NULL, *password = NULL;
        if (!value)
            continue;
        if (first && str_equal(value, first))
            continue;
        if (first)
            return err_set(err, "%s and %s are set and differ; set one of them", names[0], names[1]);
        first = value;
        origin_of(origin, names[i]);
        if (facts_dsn_split(value, &clean, &password, err))
            return err_wrap(err, "%s", origin);
        password_take(f, &password, names[i]);
        const int rc = config_override(f->config, "database", "url", clean, origin, err);
        free(clean);
        if (rc)
            return -1;
    }
    return 0;
}

int facts_overrides(struct facts *f, struct err *err)
{
    const char *redis = facts_env(f, "REDIS_URL");

    if (override_deployment(f, err) || override_level(f, err) || override_database(f, err))
        return -1;
    if (redis)
        return config_override(f->config, "redis", "url", redis, "environment REDIS_URL", err);
    return 0;
}
