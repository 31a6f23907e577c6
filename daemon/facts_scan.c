// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What must not be on a staging host: live-named and live-valued keys anywhere in sight, production databases, exchange
// settings that turn a test into the real thing. Found things are named, their values never shown.
#include <stdlib.h>
#include <string.h>

#include "daemon/facts_internal.h"
#include "lib/base/text.h"
#include "lib/guard/keyscan.h"

// The name of NAME=VALUE, whole however long it is; the caller frees it. NULL: not of that form.
static char *name_of(const char *entry)
{
    const char *equals = strchr(entry, '=');

    return equals ? check_strndup(entry, (size_t)(equals - entry)) : NULL;
}

static void scan_environment(struct facts *f, char note[96])
{
    for (char *const *e = f->envp; e && *e; e++) {
        char *name = name_of(*e);
        bool aws = false;

        if (!name)
            continue;
        const char *value = *e + strlen(name) + 1;
        if (value[0] && keyscan_live_name(name))
            facts_bad(&f->view.live_named,
                      "%.60s is set in the environment; a staging host holds no live keys: remove it", name);
        if (keyscan_live_value(name, value, strlen(value), &aws))
            facts_bad(&f->view.live_value, "%.60s in the environment holds a live key (AK…); remove it", name);
        if (aws)
            str_copy_cut(note, 96, name);
        free(name);
    }
}

static void scan_files(struct facts *f, char note[96])
{
    for (size_t i = 0; i < f->file_count; i++) {
        const struct facts_file *file = &f->files[i];
        bool aws = false;

        if ((!file->text || file->len) && keyscan_live_name(file->name))
            facts_bad(&f->view.live_named, "credential file %.90s is named like a live key: remove it", file->path);
        if (file->text && keyscan_live_value(file->name, file->text, file->len, &aws))
            facts_bad(&f->view.live_value, "credential file %.90s holds a live key (AK…); remove it", file->path);
        if (aws)
            str_copy_cut(note, 96, file->name);
    }
}

static void scan_config(struct facts *f)
{
    for (size_t i = 0; config_file_at(f->config, i); i++) {
        const struct config_file *file = config_file_at(f->config, i);
        unsigned line = 1;

        for (const char *p = file->text, *end = p + file->len; p < end; line++) {
            const char *newline = memchr(p, '\n', (size_t)(end - p));
            const size_t len = (size_t)((newline ? newline : end) - p);
            if (keyscan_live_value(NULL, p, len, NULL))
                facts_bad(&f->view.live_value, "%.90s:%u holds a live key (AK…); remove it", file->path, line);
            p += len + 1;
        }
    }
}

static bool has_part(const char *name, const char *word)
{
    const size_t len = strlen(word);

    for (const char *p = name; *p;) {
        const size_t part = strcspn(p, "_");
        char copy[24] = "";
        if (part == len && part < sizeof copy) {
            str_copy_cut(copy, part + 1, p);
            if (str_equal_nocase(copy, word))
                return true;
        }
        p += part + (p[part] == '_');
    }
    return false;
}

static bool any_word(const char *value, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(value, words[i]))
            return true;
    return false;
}

// BINANCE_TESTNET=0, QT_EXECUTION_BINANCE_TESTNET=false, ALPACA_PAPER_TRADE=no, ALPACA_LIVE_TRADE=true and kin.
static void scan_exchange(struct fact_state *s, const char *name, const char *value)
{
    static const char *const off[] = {"0", "false", "no", "off", "n", "f"};
    static const char *const on[] = {"1", "true", "yes", "on", "y", "t"};
    const bool test_switch = has_part(name, "TESTNET") || has_part(name, "SANDBOX") || has_part(name, "PAPER");
    const bool live_switch =
        has_part(name, "LIVE") && (has_part(name, "TRADE") || has_part(name, "TRADING") || has_part(name, "MODE"));

    if (str_equal(name, "ALPACA_PAPER")) // has a check of its own
        return;
    if (test_switch && any_word(value, off, ARRAY_LEN(off)))
        facts_bad(s, "%s turns a test setting off; a staging host keeps it on, or does not set it", name);
    if (live_switch && any_word(value, on, ARRAY_LEN(on)))
        facts_bad(s, "%s turns live trading on; remove it", name);
}

static bool is_dsn(const char *value)
{
    static const char *const schemes[] = {"postgres", "mysql", "mongodb", "redis", "mariadb"};

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (str_starts(value, schemes[i]) && strstr(value, "://"))
            return true;
    return false;
}

// Does host, user or database of a DSN say production? Passwords and URL parameters are not looked at.
static bool dsn_production(const char *dsn, char word[16])
{
    char *clean = NULL, *password = NULL;
    struct text shown;

    text_init(&shown, 8192);
    if (facts_dsn_split(dsn, &clean, &password, NULL) == 0) {
        text_addn(&shown, clean, strcspn(clean, "?"));
    } else { // of another kind: what follows the user info
        const char *at = strrchr(dsn, '@');
        text_addn(&shown, at ? at : dsn, strcspn(at ? at : dsn, "?"));
    }
    const bool hit = facts_looks_production(text_str(&shown), word);
    if (password)
        mem_wipe(password, strlen(password));
    free(password);
    free(clean);
    text_wipe_free(&shown);
    return hit;
}

static void scan_dsn(struct fact_state *s, const char *name, const char *value)
{
    char word[16];

    if (!is_dsn(value) && !str_equal(name, "DATABASE_URL") && !str_equal(name, "STAGING_DATABASE_URL"))
        return;
    if (facts_looks_production(name, word))
        facts_bad(s, "%.60s is set, its name says \"%s\"; a staging host has no way to production: remove it", name,
                  word);
    else if (dsn_production(value, word))
        facts_bad(s, "%.60s looks like production: it says \"%s\"", name, word);
}

bool facts_variable_production(const char *name, const char *value, char detail[FACT_TEXT_MAX])
{
    struct fact_state s = {.state = FACT_UNKNOWN};

    scan_exchange(&s, name, value);
    scan_dsn(&s, name, value);
    str_copy_cut(detail, FACT_TEXT_MAX, s.detail);
    return s.state == FACT_BAD;
}

static void scan_databases(struct facts *f)
{
    static const char *const sections[] = {"database", "redis"};
    const char *const urls[] = {f->config->database_url, f->config->redis_url};
    struct fact_state *s = &f->view.databases;
    char word[16];

    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        if (urls[i][0] && dsn_production(urls[i], word))
            facts_bad(s, "%s.url (%.80s) looks like production: it says \"%s\"", sections[i],
                      config_origin(f->config, sections[i], "url"), word);
    for (char *const *e = f->envp; e && *e; e++) {
        char *name = name_of(*e);
        const char *value = name ? *e + strlen(name) + 1 : "";

        if (value[0]) {
            scan_exchange(s, name, value);
            scan_dsn(s, name, value);
        }
        free(name);
    }
}

static void settle(struct fact_state *s, const char *text, const char *note)
{
    if (s->state == FACT_BAD)
        return;
    s->state = FACT_GOOD;
    if (note && note[0])
        facts_say(s->detail, sizeof s->detail, "%s; the AWS key id in %s is not Alpaca's", text, note);
    else
        facts_say(s->detail, sizeof s->detail, "%s", text);
}

void facts_scan(struct facts *f)
{
    char note[96] = "";

    scan_environment(f, note);
    scan_files(f, note);
    scan_config(f);
    scan_databases(f);
    settle(&f->view.live_named, "none", NULL);
    settle(&f->view.live_value, "none in environment, credentials and config", note);
    settle(&f->view.databases, "none", NULL);
}
