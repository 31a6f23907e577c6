// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Reload: options marked reloadable are taken over, all or none. Limits may only become tighter (law: nothing loosens a
// guard); what needs a restart is named and left as it runs.
#include <stdio.h>
#include <string.h>

#include "daemon/config_internal.h"

static bool has_word(const struct config_words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (strcmp(words->words[i], word) == 0)
            return true;
    return false;
}

static bool all_in(const struct config_words *some, const struct config_words *all)
{
    for (size_t i = 0; i < some->count; i++)
        if (!has_word(all, some->words[i]))
            return false;
    return true;
}

static bool words_loosen(const struct option *o, const struct config_words *now, const struct config_words *fresh)
{
    if (strcmp(o->key, "deny") == 0)
        return !all_in(now, fresh);
    // allow: an empty list allows everything
    return now->count > 0 && (fresh->count == 0 || !all_in(fresh, now));
}

static bool is_limit(const struct option *o)
{
    return strcmp(o->section, "risk") == 0 || strcmp(o->section, "breaker") == 0 ||
           strcmp(o->key, "equity_deployment_pct") == 0 || strcmp(o->key, "latest_start") == 0 ||
           strcmp(o->key, "run_deadline") == 0;
}

static bool lower_bound(const struct option *o)
{
    return strcmp(o->key, "min_price") == 0 || strcmp(o->key, "duplicate_window") == 0 ||
           strcmp(o->key, "alike_window") == 0;
}

// Every other number among the limits is an upper bound on int64 units.
static bool loosens(const struct option *o, const void *now, const void *fresh)
{
    int64_t a, b;
    if (!is_limit(o))
        return false;
    switch (o->type) {
    case OPTION_WORDS:
        return words_loosen(o, now, fresh);
    case OPTION_INT:
    case OPTION_DURATION_MS:
    case OPTION_BYTES:
    case OPTION_MONEY:
    case OPTION_QTY:
    case OPTION_RATIO:
        memcpy(&a, now, sizeof a);
        memcpy(&b, fresh, sizeof b);
        return lower_bound(o) ? b < a : b > a;
    case OPTION_STRING:
    case OPTION_PATH:
    case OPTION_BOOL:
        break;
    }
    return false;
}

static void note(char *out, size_t size, const char *what, const char *key, const char *value)
{
    size_t used = strlen(out);
    if (used < size)
        snprintf(out + used, size - used, "%s%s %s%s%s", used ? ", " : "", what, key, value[0] ? " = " : "", value);
}

// An override from the environment comes before the file, at a reload as at the start.
static bool from_environment(const struct config *c, const struct option *o)
{
    const char *origin = config_origin(c, o->section, o->key);
    return origin && strncmp(origin, "environment", 11) == 0;
}

enum config_verdict config_option_verdict(const struct config *running, const struct config *fresh,
                                          const struct option *o)
{
    struct text now, then;
    const void *member = (const char *)running + o->offset, *fresh_member = (const char *)fresh + o->offset;
    text_init(&now, 1u << 16);
    text_init(&then, 1u << 16);
    option_value_write(o->type, member, &now);
    option_value_write(o->type, fresh_member, &then);
    bool same = strcmp(text_str(&now), text_str(&then)) == 0 || from_environment(running, o);
    text_free(&now);
    text_free(&then);
    if (same)
        return CONFIG_SAME;
    if (!o->reload)
        return CONFIG_RESTART;
    return loosens(o, member, fresh_member) ? CONFIG_REFUSED : CONFIG_APPLIED;
}

enum reload_step { RELOAD_JUDGE, RELOAD_TAKE };

static int reload_one(struct config *running, const struct config *fresh, const struct option *o, enum reload_step step,
                      char *changed, size_t size, struct err *err)
{
    struct text now, then;
    int rc = 0;
    enum config_verdict verdict = config_option_verdict(running, fresh, o);
    if (verdict == CONFIG_SAME)
        return 0;
    text_init(&now, 1u << 16);
    text_init(&then, 1u << 16);
    option_value_write(o->type, (const char *)running + o->offset, &now);
    option_value_write(o->type, (const char *)fresh + o->offset, &then);
    if (step == RELOAD_JUDGE && verdict == CONFIG_REFUSED)
        rc =
            err_set(err, "[%s] %s: %s would loosen what runs (%s); a reload may only tighten, restart to raise a limit",
                    o->section, o->key, text_str(&then), text_str(&now));
    if (step == RELOAD_TAKE && verdict == CONFIG_RESTART)
        note(changed, size, "waits for a restart:", o->key, "");
    if (step == RELOAD_TAKE && verdict != CONFIG_RESTART) {
        rc = config_override(running, o->section, o->key, text_str(&then), config_origin(fresh, o->section, o->key),
                             err);
        note(changed, size, "now", o->key, text_str(&then));
    }
    text_free(&now);
    text_free(&then);
    return rc;
}

// --- [strategy] and [listen]: whole sections, which always wait for a restart

static bool words_same(const struct config_words *a, const struct config_words *b)
{
    return a->count == b->count && all_in(a, b) && all_in(b, a);
}

static bool strategy_same(const struct config_strategy *a, const struct config_strategy *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->command, b->command) == 0 && strcmp(a->params, b->params) == 0 &&
           words_same(&a->symbols, &b->symbols) && a->allocation.nanos == b->allocation.nanos &&
           a->band.nanos == b->band.nanos && strcmp(a->schedule.text, b->schedule.text) == 0 &&
           a->schedule.early_close == b->schedule.early_close && a->timeout_ms == b->timeout_ms &&
           a->lookback_days == b->lookback_days && a->min_confidence.nanos == b->min_confidence.nanos &&
           a->execution == b->execution && a->enabled == b->enabled;
}

static bool listen_same(const struct config_listen *a, const struct config_listen *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->address, b->address) == 0 &&
           strcmp(a->service ? a->service : "", b->service ? b->service : "") == 0 && a->roles == b->roles &&
           words_same(&a->hosts, &b->hosts) && words_same(&a->allow, &b->allow);
}

static bool symbols_same(const struct config *a, const struct config *b)
{
    bool same = a->symbol_count == b->symbol_count;
    for (size_t i = 0; same && i < a->symbol_count; i++) {
        const struct risk_symbol *x = &a->symbol_rules[i], *y = &b->symbol_rules[i];
        same = strcmp(x->symbol, y->symbol) == 0 && x->max_price_age_ns == y->max_price_age_ns &&
               x->price_collar.nanos == y->price_collar.nanos && x->lot.nanos == y->lot.nanos &&
               x->adv.nanos == y->adv.nanos && x->luld == y->luld && x->list == y->list && x->until_ns == y->until_ns &&
               strcmp(x->owner, y->owner) == 0 && strcmp(x->reason, y->reason) == 0;
    }
    return same;
}

static void sections_note(const struct config *running, const struct config *fresh, char *changed, size_t size)
{
    bool strategies = running->strategy_count == fresh->strategy_count;
    bool listens = running->listen_count == fresh->listen_count;
    for (size_t i = 0; strategies && i < running->strategy_count; i++)
        strategies = strategy_same(&running->strategies[i], &fresh->strategies[i]);
    for (size_t i = 0; listens && i < running->listen_count; i++)
        listens = listen_same(&running->listens[i], &fresh->listens[i]);
    if (!symbols_same(running, fresh))
        note(changed, size, "waits for a restart:", "[symbol] sections", "");
    if (!strategies)
        note(changed, size, "waits for a restart:", "[strategy] sections", "");
    if (!listens)
        note(changed, size, "waits for a restart:", "[listen] sections", "");
}

int config_reload(struct config *running, const struct config *fresh, char *changed, size_t size, struct err *err)
{
    changed[0] = '\0';
    for (int step = RELOAD_JUDGE; step <= RELOAD_TAKE; step++)
        for (size_t i = 0; i < config_option_count; i++)
            if (reload_one(running, fresh, &config_options[i], (enum reload_step)step, changed, size, err) != 0)
                return -1;
    sections_note(running, fresh, changed, size);
    return 0;
}
