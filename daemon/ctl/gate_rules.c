// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The gate's rules: one variable, one service's environment, two of them side by side, one line of any text, one file
// that holds a key. They are the guard's own, asked before there is a host to ask about.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "daemon/ctl/gate.h"
#include "daemon/facts.h"
#include "lib/base/text.h"
#include "lib/guard/keyscan.h"

#define WORD_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// A switch or a stage as it may be shown; what looks like more than a word is not shown.
static const char *shown(const char *value, char out[40])
{
    const size_t len = strlen(value);

    if (!keyscan_showable(value) || strspn(value, WORD_CHARS "_-. #") != len)
        str_copy_cut(out, 40, "something else");
    else
        snprintf(out, 40, "\"%s\"", value);
    return out;
}

static void say_var(struct gate *g, enum gate_severity severity, const char *rule, const struct gate_var *v,
                    const char *text)
{
    const size_t len = strlen(v->name);

    if (strncmp(text, v->name, len) == 0 && text[len] == ' ') // it is told anyway
        text += len + 1;
    gate_say(g, severity, rule, v->file, v->line, v->name, "%s", text);
}

// --- one variable

static void judge_switch(struct gate *g, const struct gate_var *v, bool one_is_true)
{
    char word[40];

    if (!v->value)
        say_var(g, GATE_ERROR, "unknown", v, "comes from elsewhere, so its value is not known here; write true");
    else if (!str_equal(v->value, "true") && !(one_is_true && str_equal(v->value, "1")))
        gate_say(g, GATE_ERROR, "switch", v->file, v->line, v->name, "is %s; it must be exactly true%s",
                 shown(v->value, word), one_is_true ? " or 1" : "");
}

static void judge_stage(struct gate *g, const struct gate_var *v, bool ours)
{
    static const char *const production[] = {"production", "prod", "prd", "live"};
    char word[40];

    if (!v->value) {
        if (ours)
            say_var(g, GATE_ERROR, "unknown", v, "comes from elsewhere, so its value is not known here; write staging");
        return;
    }
    bool bad = ours && !str_equal(v->value, "dev") && !str_equal(v->value, "staging");
    for (size_t i = 0; i < ARRAY_LEN(production); i++)
        bad = bad || str_equal_nocase(v->value, production[i]);
    if (bad)
        gate_say(g, GATE_ERROR, "stage", v->file, v->line, v->name, "is %s; on this host it must be staging or dev",
                 shown(v->value, word));
}

static void judge_endpoint(struct gate *g, const struct gate_var *v, bool data)
{
    char scheme[8], host[128], detail[FACT_TEXT_MAX];
    int port;

    if (!v->value)
        say_var(g, GATE_ERROR, "unknown", v,
                data ? "comes from elsewhere, so its value is not known here; write https://" PAPER_DATA_HOST
                     : "comes from elsewhere, so its value is not known here; write https://" PAPER_TRADING_HOST);
    else if (!v->value[0])
        say_var(g, GATE_ERROR, "endpoint", v, "is set but empty; unset it");
    else if (keyscan_endpoint(v->value, true, scheme, host, &port, detail) == ENDPOINT_SIMULATOR)
        return;
    else if (data ? !keyscan_data_endpoint(v->value, detail)
                  : keyscan_endpoint(v->value, true, scheme, host, &port, detail) != ENDPOINT_PAPER)
        say_var(g, GATE_ERROR, "endpoint", v, detail);
}

static bool alpaca_host_ok(const char *host, size_t len)
{
    static const char *const fine[] = {PAPER_TRADING_HOST,   PAPER_DATA_HOST,       "stream.data.alpaca.markets",
                                       "app.alpaca.markets", "docs.alpaca.markets", "alpaca.markets"};

    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        if (strlen(fine[i]) == len && strncasecmp(fine[i], host, len) == 0)
            return true;
    return false;
}

// Any URL in any variable that leads to something called Alpaca must lead to the paper or the data host.
static void judge_urls(struct gate *g, const struct gate_var *v)
{
    for (const char *p = v->value; (p = strstr(p, "://")) != NULL;) {
        p += 3;
        const size_t len = strcspn(p, "/?#\\ \t\"',;");
        char *authority = check_strndup(p, len);
        const char *at = strrchr(authority, '@'), *host = at ? at + 1 : authority;
        const size_t host_len = strcspn(host, ":");
        bool about = false;
        for (size_t i = 0; authority[i]; i++)
            about = about || strncasecmp(authority + i, "alpaca", 6) == 0;
        if (about && !alpaca_host_ok(host, host_len))
            gate_say(g, GATE_ERROR, "endpoint", v->file, v->line, v->name,
                     "leads to \"%.60s\", which is neither %s nor %s", at ? "a host behind user info" : host,
                     PAPER_TRADING_HOST, PAPER_DATA_HOST);
        else if (about && at)
            say_var(g, GATE_ERROR, "endpoint", v, "has user info before the host; write the host alone");
        free(authority);
        p += len;
    }
}

static void judge_key(struct gate *g, const struct gate_scope *s, const struct gate_var *v)
{
    struct stat st;
    char key[16];

    if (!v->value || !v->value[0])
        return;
    switch (keyscan_class(v->value)) {
    case KEY_PAPER:
    case KEY_SIMULATOR:
        break;
    case KEY_LIVE:
        gate_say(g, GATE_ERROR, "live_value", v->file, v->line, v->name, "is a LIVE key (%s); use a paper key (PK…)",
                 key_redact(v->value, key));
        break;
    default:
        if (!s->example)
            say_var(g, GATE_ERROR, "key_class", v,
                    "is not a paper key; paper keys are PK and upper-case letters and "
                    "digits");
        return;
    }
    if (stat(v->file, &st) == 0 && (st.st_mode & 07))
        gate_say(g, GATE_ERROR, "mode", v->file, v->line, v->name,
                 "key %s in a file of mode %04o, which everybody may read: chmod 640, or better a credential",
                 key_redact(v->value, key), (unsigned)(st.st_mode & 07777));
}

static void judge_secret(struct gate *g, const struct gate_scope *s, const struct gate_var *v)
{
    struct stat st;

    if (v->value && v->value[0] && !s->example && stat(v->file, &st) == 0 && (st.st_mode & 07))
        gate_say(g, GATE_ERROR, "mode", v->file, v->line, v->name,
                 "a secret in a file of mode %04o, which everybody may read: chmod 640, or better a credential",
                 (unsigned)(st.st_mode & 07777));
}

static bool named_for_stage(const char *name)
{
    static const char *const names[] = {"APP_ENV",         "ENV",         "STAGE",     "APP_STAGE",
                                        "APP_ENVIRONMENT", "DEPLOY_ENV",  "FLASK_ENV", "SENTRY_ENVIRONMENT",
                                        "TRADING_ENV",     "TRADING_MODE"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equal(name, names[i]))
            return true;
    return false;
}

static bool has_part(const char *name, const char *const *words, size_t count)
{
    for (const char *p = name; *p; p += strcspn(p, "_"), p += strspn(p, "_"))
        for (size_t i = 0; i < count; i++)
            if (strcspn(p, "_") == strlen(words[i]) && strncasecmp(p, words[i], strlen(words[i])) == 0)
                return true;
    return false;
}

// PROD_DB_PASSWORD and kin: credentials of production have no business on this host, whatever they open.
static bool production_secret(const char *name)
{
    static const char *const production[] = {"PROD", "PRODUCTION", "PRD"};
    static const char *const secret[] = {"KEY", "SECRET", "TOKEN", "PASSWORD", "PASS", "DSN", "URL"};

    return has_part(name, production, ARRAY_LEN(production)) && has_part(name, secret, ARRAY_LEN(secret));
}

static void judge_meaning(struct gate *g, const struct gate_scope *s, const struct gate_var *v)
{
    switch (facts_variable_kind(v->name)) {
    case FACTS_KEY:
        judge_key(g, s, v);
        return;
    case FACTS_SECRET:
        judge_secret(g, s, v);
        return;
    case FACTS_TRADING_URL:
    case FACTS_DATA_URL:
        judge_endpoint(g, v, facts_variable_kind(v->name) == FACTS_DATA_URL);
        return;
    case FACTS_OTHER:
        break;
    }
    if (str_equal(v->name, "alpaca_key_id")) // a credential's literal
        judge_key(g, s, v);
    if (str_equal(v->name, "alpaca_secret_key"))
        judge_secret(g, s, v);
    if (v->value)
        judge_urls(g, v);
}

void gate_judge_var(struct gate *g, const struct gate_scope *s, const struct gate_var *v)
{
    char detail[FACT_TEXT_MAX];
    const char *meant = facts_variable_meant(v->name);

    if (keyscan_live_name(v->name) && (!v->value || v->value[0]))
        say_var(g, GATE_ERROR, "live_name", v,
                "is named like a live key, secret or token; a staging host has none: "
                "remove it");
    if (production_secret(v->name) && (!v->value || v->value[0]))
        say_var(g, GATE_ERROR, "production", v,
                "is named like a credential of production; a staging host has none: "
                "remove it");
    if (str_equal(v->name, "DRY_RUN") || str_equal(v->name, "ALPACA_PAPER"))
        judge_switch(g, v, false);
    else if (str_equal(v->name, "STAGING_MODE"))
        judge_switch(g, v, true);
    else if (str_equal(v->name, "ENVIRONMENT") || str_equal(v->name, "APP__STAGE"))
        judge_stage(g, v, true);
    else if (named_for_stage(v->name))
        judge_stage(g, v, false);
    else if (v->value && facts_variable_production(v->name, v->value, detail))
        say_var(g, GATE_ERROR, "production", v, detail);
    judge_meaning(g, s, v);
    if (meant)
        gate_say(g, GATE_WARNING, "name", v->file, v->line, v->name, "is not read; did you mean %s?", meant);
}

// --- one environment

static bool about_alpaca(const struct gate_scope *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (str_starts(s->vars[i].name, "ALPACA") || str_starts(s->vars[i].name, "APCA") ||
            str_starts(s->vars[i].name, "alpaca_") || str_equal(s->vars[i].name, "DRY_RUN"))
            return true;
    return s->guarded;
}

static bool certain(const struct gate_scope *s, const char *name)
{
    const struct gate_var *v = gate_var(s, name);

    return v && (size_t)(v - s->vars) < s->certain;
}

static void judge_required(struct gate *g, const struct gate_scope *s)
{
    static const char *const names[] = {"DRY_RUN", "ALPACA_PAPER"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (s->optional && !certain(s, names[i]))
            gate_say(g, GATE_ERROR, "optional_file", s->file, s->line, names[i],
                     "is set by an EnvironmentFile=- at most, which need not be there: without it %.60s runs without "
                     "the lock; set it with Environment= as well, or leave the dash out",
                     s->label);
        else if (s->whole && !gate_var(s, names[i]))
            gate_say(g, GATE_ERROR, "missing", s->file, s->line, names[i], "is not set for %.80s; set %s=true",
                     s->label, names[i]);
    }
    if (s->whole && !gate_var(s, "ENVIRONMENT") && !gate_var(s, "APP__STAGE"))
        gate_say(g, GATE_ERROR, "missing", s->file, s->line, "ENVIRONMENT",
                 "is not set for %.80s (nor is APP__STAGE); "
                 "set ENVIRONMENT=staging",
                 s->label);
}

static void judge_pair(struct gate *g, const struct gate_var *a, const struct gate_var *b)
{
    if (a && b && a->value && b->value && a->value[0] && b->value[0] && !str_equal(a->value, b->value))
        gate_say(g, GATE_ERROR, "disagree", b->file, b->line, b->name, "says something else than %s (%.120s:%u)",
                 a->name, a->file, a->line);
}

// All that mean the same must say the same.
static void judge_aliases(struct gate *g, const struct gate_scope *s)
{
    const struct gate_var *first[FACTS_DATA_URL + 1] = {NULL};

    for (size_t i = 0; i < s->count; i++) {
        const enum facts_variable kind = facts_variable_kind(s->vars[i].name);
        if (kind != FACTS_KEY && kind != FACTS_SECRET)
            continue;
        if (!first[kind])
            first[kind] = &s->vars[i];
        else
            judge_pair(g, first[kind], &s->vars[i]);
    }
    judge_pair(g, gate_var(s, "ENVIRONMENT"), gate_var(s, "APP__STAGE"));
}

void gate_judge_scope(struct gate *g, const struct gate_scope *s)
{
    if (!about_alpaca(s))
        return;
    judge_aliases(g, s);
    for (size_t i = 0; i < s->count; i++) {
        const struct gate_var *v = &s->vars[i];
        const char *steers = facts_variable_steers(v->name);
        if (steers && (!v->value || v->value[0]))
            gate_say(g, GATE_ERROR, "steering", v->file, v->line, v->name,
                     "%s; the daemon does not start with it: "
                     "remove it",
                     steers);
    }
    if (!s->example && !s->guarded)
        judge_required(g, s);
}

void gate_judge_two(struct gate *g, const struct gate_scope *a, const struct gate_scope *b)
{
    if (a->example || b->example || !about_alpaca(a) || !about_alpaca(b))
        return;
    for (size_t i = 0; i < b->count; i++) {
        const struct gate_var *v = &b->vars[i], *other = gate_var(a, v->name);
        const enum facts_variable kind = facts_variable_kind(v->name);
        const bool ours = kind != FACTS_OTHER || str_equal(v->name, "ENVIRONMENT") || str_equal(v->name, "APP__STAGE");
        if (ours && other && (other->file != v->file || other->line != v->line))
            judge_pair(g, other, v);
    }
}

// --- any text

// The variable that a line gives a value to; "" when it is of another form.
static void name_in(const char *text, char out[64])
{
    const char *name = text + strspn(text, " \t-");

    if (str_starts(name, "export "))
        name += 7;
    const size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    out[0] = '\0';
    const char sign = name[len + strspn(name + len, " \t")];
    if (len && len < 64 && (sign == '=' || sign == ':'))
        str_copy_cut(out, len + 1, name);
}

void gate_judge_line(struct gate *g, const char *file, unsigned line, const char *text, size_t len)
{
    bool aws = false;
    char *copy = check_strndup(text, len), variable[64];
    const size_t blank = strspn(copy, " \t");
    const bool comment = copy[blank] == '#' || copy[blank] == ';';

    name_in(copy, variable);
    if (keyscan_live_value(strstr(copy, "AWS_"), copy, len, &aws))
        gate_say(g, GATE_ERROR, "live_value", file, line, variable,
                 "holds a LIVE key (AK…); remove it, and have it revoked if it was real");
    if (!comment && strstr(copy, "://api.alpaca.markets"))
        gate_say(g, GATE_ERROR, "endpoint", file, line, variable,
                 "leads to api.alpaca.markets, Alpaca's LIVE host; the paper host is " PAPER_TRADING_HOST);
    mem_wipe(copy, len);
    free(copy);
}

void gate_judge_credential(struct gate *g, const char *path, const char *id)
{
    const char *file;
    struct stat st;
    char *text;

    if (stat(path, &st) == 0 && (st.st_mode & 027))
        gate_say(g, GATE_ERROR, "mode", gate_file(g, path), 1, id,
                 "a credential of mode %04o, others may get at it: chmod 400", (unsigned)(st.st_mode & 07777));
    if (!str_starts(id, "alpaca_key_id") || !(text = gate_read(g, path, &file)))
        return;
    text[strcspn(text, "\r\n")] = '\0';
    const enum fact_key_class class = keyscan_class(text);
    if (class != KEY_PAPER && class != KEY_SIMULATOR && class != KEY_LIVE) // a live one is found by its line
        gate_say(g, GATE_ERROR, "key_class", file, 1, id,
                 "holds no paper key; paper keys are PK and upper-case "
                 "letters and digits");
    mem_wipe(text, strlen(text));
    free(text);
}

bool gate_is_example(const char *path)
{
    static const char *const words[] = {".example", ".sample", ".template", ".dist", "example.", "sample."};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strstr(name, words[i]))
            return true;
    return false;
}
