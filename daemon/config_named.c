// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// [listen "NAME"], [strategy "NAME"] and [symbol "NAME"], built once all files are read, and the rules that span
// several keys.
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_internal.h"
#include "lib/base/json_read.h"
#include "lib/base/netmask.h"
#include "lib/io/http_server.h"
#include "lib/trade/exchange_days.h"
#include "lib/trade/portfolio.h"

#define SESSION_TURNS_S (20 * 3600) // as lib/trade/session.h has it

struct section {
    struct config *config;
    const char *section, *name, *origin;
    struct err *err;
};

static int wrong(const struct section *s, const char *key)
{
    const struct config_item *item = config_item_find(s->config, s->section, s->name, key);

    return err_wrap(s->err, "%s: %s \"%s\".%s", item ? item->origin : s->origin, s->section, s->name, key);
}

// The value of a key, set or by default; NULL (with err) when it must be given and is not.
static const char *value_of(const struct section *s, const struct named_key *k)
{
    const struct config_item *item = config_item_find(s->config, s->section, s->name, k->key);

    if (item)
        return item->value;
    if (!k->def)
        err_set(s->err, "%s: [%s \"%s\"] needs the key %s, such as %s = %s", s->origin, s->section, s->name, k->key,
                k->key, k->example);
    return k->def;
}

static int get(const struct section *s, const char *key, void *member)
{
    for (size_t i = 0; i < config_named_key_count; i++) {
        const struct named_key *k = &config_named_keys[i];
        if (!str_equal(k->section, s->section) || !str_equal(k->key, key))
            continue;
        const char *value = value_of(s, k);
        if (!value)
            return -1;
        if (!k->def && !value[0]) {
            err_set(s->err, "is empty, expected something such as %s", k->example);
            return wrong(s, key);
        }
        return option_value_parse(k->type, k->min, k->max, value, member, s->err) ? wrong(s, key) : 0;
    }
    CHECK(false);
    return -1;
}

static bool port_ok(const char *text)
{
    int64_t port;

    return str_int64(text, 0, 65535, &port);
}

static bool address_ok(const char *address)
{
    char host[64];
    struct in6_addr any;
    const char *colon = strrchr(address, ':');

    if (!colon || (size_t)(colon - address) >= sizeof host || !port_ok(colon + 1))
        return false;
    str_copy_cut(host, (size_t)(colon - address) + 1, address);
    const size_t len = strlen(host);
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        return inet_pton(AF_INET6, host + 1, &any) == 1;
    }
    return inet_pton(AF_INET, host, &any) == 1;
}

static int roles_parse(const struct section *s, unsigned *roles)
{
    static const struct {
        const char *word;
        unsigned role;
    } table[] = {{"health", HTTP_ROLE_HEALTH}, {"api", HTTP_ROLE_API}, {"gateway", HTTP_ROLE_GATEWAY}};
    struct config_words words = {.count = 0};
    int rc = get(s, "roles", &words);

    for (size_t i = 0; rc == 0 && i < words.count; i++) {
        unsigned role = 0;
        for (size_t j = 0; j < ARRAY_LEN(table); j++)
            if (str_equal(words.words[i], table[j].word))
                role = table[j].role;
        *roles |= role;
        if (!role) {
            err_set(s->err, "found \"%.40s\", expected some of: health api gateway", words.words[i]);
            rc = wrong(s, "roles");
        }
    }
    option_value_free(OPTION_WORDS, &words);
    return rc;
}

static int listen_build(const struct section *s)
{
    struct config *c = s->config;

    if (c->listen_count == CONFIG_LISTENS_MAX)
        return err_set(s->err, "%s: more than %d listen sections", s->origin, CONFIG_LISTENS_MAX);
    struct config_listen *l = &c->listens[c->listen_count++];
    l->name = check_strdup(s->name);
    if (get(s, "address", &l->address) || roles_parse(s, &l->roles) || get(s, "service", &l->service) ||
        get(s, "hosts", &l->hosts) || get(s, "allow", &l->allow))
        return -1;
    for (size_t i = 0; i < l->allow.count; i++) {
        struct netmask mask;
        if (netmask_parse(l->allow.words[i], &mask, s->err))
            return wrong(s, "allow");
    }
    if (!address_ok(l->address)) {
        err_set(s->err,
                "found \"%.60s\", expected a numeric address with its port, such as 127.0.0.1:8001 or "
                "[::1]:8001",
                l->address);
        return wrong(s, "address");
    }
    for (size_t i = 0; i + 1 < c->listen_count && !str_ends(l->address, ":0"); i++)
        if (str_equal(c->listens[i].address, l->address)) {
            err_set(s->err, "found %s, which is that of [listen \"%s\"] already; expected one of its own", l->address,
                    c->listens[i].name);
            return wrong(s, "address");
        }
    return 0;
}

static int schedule_build(const struct section *s, struct config_strategy *y)
{
    char *spec = NULL, *early = NULL;
    struct err first = {""};

    int rc = get(s, "schedule", &spec) || get(s, "early_close", &early) ? -1 : 0;
    if (rc == 0 && early[0])
        rc = slot_spec_parse(spec, early, &y->schedule, s->err) ? wrong(s, "schedule") : 0;
    else if (rc == 0 && slot_spec_parse(spec, NULL, &y->schedule, &first)) // clock times need the rule of [schedule]
        rc = slot_spec_parse(spec, s->config->early_close, &y->schedule, s->err) ? wrong(s, "schedule") : 0;
    free(spec);
    free(early);
    return rc;
}

static int execution_build(const struct section *s, struct config_strategy *y)
{
    char *word = NULL;
    int rc = get(s, "execution", &word);

    if (rc == 0 && !execution_style_parse(word, &y->execution)) {
        err_set(s->err, "found \"%.40s\", expected market, limit or limit-walk", word);
        rc = wrong(s, "execution");
    }
    free(word);
    return rc;
}

static int params_check(const struct section *s, const char *params)
{
    struct json_doc *doc = NULL;

    if (json_doc_parse(params, strlen(params), &doc, s->err))
        return wrong(s, "params");
    const bool object = json_type_of(json_doc_root(doc)) == JSON_IS_OBJECT;
    json_doc_free(doc);
    if (object)
        return 0;
    err_set(s->err, "expected a JSON object, such as {\"lookback\":20}");
    return wrong(s, "params");
}

static int strategy_name_check(const struct section *s)
{
    const size_t n = strspn(s->name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    if (n == 0 || s->name[n] || n >= BOOK_NAME_MAX || str_equal(s->name, "unassigned"))
        return err_set(s->err,
                       "%s: strategy \"%s\": a name has 1 to %d of a-z, 0-9, '_' and '-', and is not unassigned",
                       s->origin, s->name, BOOK_NAME_MAX - 1);
    return 0;
}

static int symbols_check(const struct section *s, const struct config_words *symbols)
{
    for (size_t i = 0; i < symbols->count; i++)
        if (!symbol_valid(symbols->words[i])) {
            err_set(s->err, "found \"%.40s\", expected symbols in upper case, such as SPY or BRK.B", symbols->words[i]);
            return wrong(s, "symbols");
        }
    return 0;
}

static int strategy_build(const struct section *s)
{
    struct config *c = s->config;

    if (c->strategy_count == CONFIG_STRATEGIES_MAX)
        return err_set(s->err, "%s: more than %d strategy sections", s->origin, CONFIG_STRATEGIES_MAX);
    if (strategy_name_check(s))
        return -1;
    struct config_strategy *y = &c->strategies[c->strategy_count++];
    y->name = check_strdup(s->name);
    if (get(s, "command", &y->command) || get(s, "symbols", &y->symbols) || get(s, "allocation", &y->allocation) ||
        get(s, "band", &y->band) || get(s, "params", &y->params) || get(s, "timeout", &y->timeout_ms) ||
        get(s, "lookback_days", &y->lookback_days) || get(s, "min_confidence", &y->min_confidence) ||
        get(s, "enabled", &y->enabled))
        return -1;
    if (y->command[0] != '/') {
        err_set(s->err, "found \"%.80s\", expected a program by its absolute path", y->command);
        return wrong(s, "command");
    }
    return symbols_check(s, &y->symbols) || params_check(s, y->params) || schedule_build(s, y) || execution_build(s, y)
               ? -1
               : 0;
}

static int list_parse(const struct section *s, struct risk_symbol *r)
{
    char *word = NULL;
    int rc = get(s, "list", &word);
    if (rc == 0 && str_equal(word, "allow"))
        r->list = RISK_LIST_ALLOW;
    else if (rc == 0 && str_equal(word, "deny"))
        r->list = RISK_LIST_DENY;
    else if (rc == 0 && word && word[0]) {
        err_set(s->err, "found \"%.40s\", expected allow or deny", word);
        rc = wrong(s, "list");
    }
    free(word);
    return rc;
}

static int luld_parse(const struct section *s, struct risk_symbol *r)
{
    char *word = NULL;
    int rc = get(s, "luld", &word);
    r->luld = rc == 0 && str_equal(word, "2")     ? RISK_LULD_TIER_2
              : rc == 0 && str_equal(word, "off") ? RISK_LULD_OFF
                                                  : RISK_LULD_TIER_1;
    if (rc == 0 && r->luld == RISK_LULD_TIER_1 && !str_equal(word, "1")) {
        err_set(s->err, "found \"%.40s\", expected 1, 2 or off", word);
        rc = wrong(s, "luld");
    }
    free(word);
    return rc;
}

// An entry ends where its last session does.
static int until_parse(const struct section *s, struct risk_symbol *r)
{
    char *word = NULL;
    struct day last;
    int rc = get(s, "until", &word);
    if (rc == 0 && word && word[0] && !day_parse(word, &last)) {
        err_set(s->err, "found \"%.40s\", expected a date such as 2030-12-31", word);
        rc = wrong(s, "until");
    } else if (rc == 0 && word && word[0]) {
        r->until_ns = day_at(last, SESSION_TURNS_S);
    }
    free(word);
    return rc;
}

static int symbol_build(const struct section *s)
{
    struct config *c = s->config;
    int64_t age_ms = 0;
    char *owner = NULL, *reason = NULL;

    if (c->symbol_count == CONFIG_SYMBOLS_MAX)
        return err_set(s->err, "%s: more than %d symbol sections", s->origin, CONFIG_SYMBOLS_MAX);
    if (!symbol_valid(s->name))
        return err_set(s->err, "%s: symbol \"%.40s\": expected one in upper case, such as SPY or BRK.B", s->origin,
                       s->name);
    struct risk_symbol *r = &c->symbol_rules[c->symbol_count++];
    str_copy_cut(r->symbol, sizeof r->symbol, s->name);
    int rc = get(s, "max_price_age", &age_ms) || get(s, "price_collar", &r->price_collar) || get(s, "lot", &r->lot) ||
             get(s, "adv", &r->adv) || luld_parse(s, r) || list_parse(s, r) || until_parse(s, r) ||
             get(s, "owner", &owner) || get(s, "reason", &reason);
    r->owner = owner;
    r->reason = reason;
    r->max_price_age_ns = age_ms * NS_PER_MS;
    if (rc)
        return -1;
    if (r->list != RISK_LIST_NONE && !(owner && owner[0]))
        return err_set(s->err, "%s: [symbol \"%s\"] has an entry in a list and needs its owner", s->origin, s->name);
    return 0;
}

static int by_symbol(const void *a, const void *b)
{
    return strcmp(((const struct risk_symbol *)a)->symbol, ((const struct risk_symbol *)b)->symbol);
}

static int allocations_check(const struct config *c, struct err *err)
{
    int64_t sum = 0;
    char text[DECIMAL_TEXT_MAX];

    for (size_t i = 0; i < c->strategy_count; i++) // at most 16 ratios of at most 1
        if (c->strategies[i].enabled)
            sum += c->strategies[i].allocation.nanos;
    if (sum > DECIMAL_ONE)
        return err_set(err, "the allocations of the enabled strategies sum to %s, expected at most 1",
                       decimal_format(sum, text));
    return 0;
}

static int walk_steps_check(const struct config *c, struct err *err)
{
    struct execution_rules rules;

    if (execution_steps_parse(c->walk_steps.words, c->walk_steps.count, &rules, err))
        return err_wrap(err, "%s: orders.walk_steps", config_origin(c, "orders", "walk_steps"));
    return 0;
}

static int special_days_check(const struct config *c, struct err *err)
{
    struct session_day day;

    for (size_t i = 0; i < c->special_days.count; i++)
        if (exchange_day_read(c->special_days.words[i], &day, err))
            return err_wrap(err, "%s: schedule.special_days", config_origin(c, "schedule", "special_days"));
    return 0;
}

struct execution_rules config_execution_rules(const struct config *c)
{
    struct execution_rules rules = {.collar = c->limit_collar};
    struct err err;

    if (execution_steps_parse(c->walk_steps.words, c->walk_steps.count, &rules, &err))
        rules.step_count = 0; // refused when the files were read
    return rules;
}

int config_build_named(struct config *c, struct err *err)
{
    for (size_t i = 0; i < c->details->item_count; i++) {
        const struct config_item *item = &c->details->items[i];
        if (item->key || !item->name)
            continue;
        const struct section s = {
            .config = c, .section = item->section, .name = item->name, .origin = item->origin, .err = err};
        int rc = str_equal(item->section, "listen")   ? listen_build(&s)
                 : str_equal(item->section, "symbol") ? symbol_build(&s)
                                                      : strategy_build(&s);
        if (rc)
            return -1;
    }
    qsort(c->symbol_rules, c->symbol_count, sizeof c->symbol_rules[0], by_symbol);
    return walk_steps_check(c, err) || special_days_check(c, err) || allocations_check(c, err) ? -1 : 0;
}

void config_named_free(struct config *c)
{
    for (size_t i = 0; i < c->listen_count; i++) {
        struct config_listen *l = &c->listens[i];
        free(l->name);
        free(l->address);
        free(l->service);
        option_value_free(OPTION_WORDS, &l->hosts);
        option_value_free(OPTION_WORDS, &l->allow);
    }
    for (size_t i = 0; i < c->strategy_count; i++) {
        struct config_strategy *y = &c->strategies[i];
        free(y->name);
        free(y->command);
        free(y->params);
        option_value_free(OPTION_WORDS, &y->symbols);
    }
    for (size_t i = 0; i < c->symbol_count; i++) {
        struct risk_symbol *r = &c->symbol_rules[i];
        option_value_free(OPTION_STRING, &r->owner);
        option_value_free(OPTION_STRING, &r->reason);
    }
}
