// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The tables of options and what single options demand beyond their type.
#include <stddef.h>
#include <string.h>

#include "daemon/config_internal.h"
#include "lib/base/digest.h"
#include "lib/base/netmask.h"

#define OPTION(option_section, option_key, option_kind, member, option_unit, low, high, option_default, reloadable,    \
               text)                                                                                                   \
    {.section = #option_section,                                                                                       \
     .key = #option_key,                                                                                               \
     .type = OPTION_##option_kind,                                                                                     \
     .offset = offsetof(struct config, member),                                                                        \
     .unit = option_unit,                                                                                              \
     .min = low,                                                                                                       \
     .max = high,                                                                                                      \
     .def = option_default,                                                                                            \
     .reload = reloadable,                                                                                             \
     .prose = text},
const struct option config_options[] = {
#include "daemon/options.def"
};
#undef OPTION
const size_t config_option_count = ARRAY_LEN(config_options);

const struct named_key config_named_keys[] = {
    {"listen", "address", OPTION_STRING, "", "", NULL, "127.0.0.1:8001", "Numeric address and port to listen on."},
    {"listen", "roles", OPTION_WORDS, "", "", NULL, "health api",
     "What is served here: health, api (gateway is known, and nothing is served under it yet)."},
    {"listen", "service", OPTION_STRING, "", "", "paperguard", "signal_service",
     "Name that /health and /api/v1/config give themselves here."},
    {"listen", "hosts", OPTION_WORDS, "", "", "", "staging.example",
     "Further Host names to answer to; the address, localhost and loopbacks with the port always are."},
    {"listen", "allow", OPTION_WORDS, "", "", "", "127.0.0.0/8 10.20.0.0/16",
     "Addresses and networks that may connect; empty: all. Others are closed unanswered."},
    {"strategy", "command", OPTION_STRING, "", "", NULL, "/usr/libexec/paperguard/fixed_weights",
     "Program and arguments, split at blanks; the program by its absolute path."},
    {"strategy", "symbols", OPTION_WORDS, "", "", NULL, "SPY QQQ", "Symbols it may name."},
    {"strategy", "allocation", OPTION_RATIO, "0", "1", NULL, "0.5",
     "Share of the deployable equity; those of all enabled strategies sum to at most 1."},
    {"strategy", "band", OPTION_RATIO, "0", "1", "0", "0.01",
     "Changes smaller than this share of its capital are left alone."},
    {"strategy", "schedule", OPTION_STRING, "", "", NULL, "15:30",
     "New York time of its slot: 15:30, 15:30:05, close-30m, open+5m, every 20s."},
    {"strategy", "early_close", OPTION_STRING, "", "", "", "skip",
     "shift or skip, instead of what [schedule] says; only for clock times."},
    {"strategy", "params", OPTION_STRING, "", "", "{}", "{\"weights\":{\"SPY\":\"0.6\",\"QQQ\":\"0.3\"}}",
     "JSON object handed to it as it is."},
    {"strategy", "timeout", OPTION_DURATION_MS, "100", "3600000", "60s", "60s",
     "A later answer fails this strategy for the run."},
    {"strategy", "lookback_days", OPTION_INT, "0", "2000", "60", "60", "Daily bars it is given, in sessions."},
    {"strategy", "min_confidence", OPTION_RATIO, "0", "1", "0", "0.6",
     "Alert confidence_low when the lowest confidence of a completed run is below it; 0: none."},
    {"strategy", "execution", OPTION_STRING, "", "", "market", "limit-walk",
     "How its orders are worked: market, limit (at the far side of the quote, inside limit_collar) or limit-walk. An "
     "order "
     "that nets several strategies is worked in the most urgent style among them: market, then limit-walk, then "
     "limit."},
    {"strategy", "enabled", OPTION_BOOL, "", "", "true", "true", "false keeps its book and leaves it out of runs."},
    {"symbol", "max_price_age", OPTION_DURATION_MS, "0", "604800000", "0s", "30m",
     "Of this symbol, instead of [risk] max_price_age: a thin name trades seldom. 0s: as all."},
    {"symbol", "price_collar", OPTION_RATIO, "0", "0.5", "0", "0.10", "Of this symbol, instead of [risk]; 0: as all."},
    {"symbol", "lot", OPTION_QTY, "0", "1000000", "0", "1", "Quantities are multiples of this; 0: any."},
    {"symbol", "adv", OPTION_QTY, "0", "9000000000", "0", "250000",
     "Its average daily volume in shares, where the broker's bars are too few or of one exchange alone; 0: by them."},
    {"symbol", "luld", OPTION_STRING, "", "", "1", "2",
     "The band outside of which no market order is placed, as of limit-up-limit-down: tier 1 (5 percent above 3 USD) "
     "or 2 "
     "(10 percent); off: none, for names whose quotes often have one side only."},
    {"symbol", "list", OPTION_STRING, "", "", "", "deny",
     "deny: never traded; allow: with any such entry, only what is allowed here or in [risk] allow is; empty: "
     "neither."},
    {"symbol", "owner", OPTION_STRING, "", "", "", "risk@example.org", "Who answers for the entry in the list."},
    {"symbol", "until", OPTION_STRING, "", "", "", "2030-12-31",
     "Last session of the entry. Then an allowed symbol is not allowed any more, and a denied one is told as expired "
     "and "
     "denied no longer. Empty: no end."},
    {"symbol", "reason", OPTION_STRING, "", "", "", "merger announced", "Why, in the words of the owner."},
};
const size_t config_named_key_count = ARRAY_LEN(config_named_keys);

void *option_member(struct config *c, const struct option *o)
{
    return (char *)c + o->offset;
}

const struct option *option_find(const char *section, const char *key)
{
    for (size_t i = 0; i < config_option_count; i++)
        if (str_equal(config_options[i].section, section) && str_equal(config_options[i].key, key))
            return &config_options[i];
    return NULL;
}

static int one_of(const char *value, const char *words, struct err *err)
{
    const size_t len = strlen(value);

    for (const char *p = words; *p;) {
        const size_t n = strcspn(p, " ");
        if (n == len && memcmp(p, value, n) == 0)
            return 0;
        p += n + (p[n] == ' ');
    }
    return err_set(err, "found \"%.*s\", expected one of: %s", str_quoted(value), value, words);
}

static int instance_check(const char *value, struct err *err)
{
    const size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    if (n == 0 || n > 32 || value[n])
        return err_set(err, "found \"%.*s\", expected 1 to 32 of a-z, 0-9, '_' and '-'", str_quoted(value), value);
    return 0;
}

static int host_check(const char *value, struct err *err)
{
    const size_t n = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    if (n > 63 || value[n])
        return err_set(err, "found \"%.*s\", expected up to 63 of A-Z, a-z, 0-9, '.', '_' and '-'", str_quoted(value),
                       value);
    return 0;
}

static int pin_check(const char *value, struct err *err)
{
    const size_t n = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

    if (value[0] && (!str_starts(value, "PA") || value[n] || n < 3 || n >= ACCOUNT_NUMBER_MAX))
        return err_set(err, "found \"%.*s\", expected a paper account's number (PA and upper-case letters or digits)",
                       str_quoted(value), value);
    return 0;
}

// The config is read by more people than the password may be.
static int no_password(const struct option *o, const char *value, struct err *err)
{
    const char *at = url_secret_end(value), *from = at ? strstr(value, "://") + 3 : NULL;
    const bool both = at && memchr(from, ':', (size_t)(at - from));
    // redis://secret@host, as older URLs write it, is a password without a user.
    const bool alone = at && str_equal(o->section, "redis");

    if (both || alone || strstr(value, "password"))
        return err_set(err, "holds a password: take it out and hand it over in the environment (STAGING_DB_PASSWORD, "
                            "REDIS_URL) or as a credential");
    return 0;
}

static int networks_check(const char *value, struct err *err)
{
    struct netmask mask;
    for (const char *p = value; *p;) {
        char word[80];
        const size_t len = strcspn(p, " \t");
        str_copy_cut(word, len + 1 < sizeof word ? len + 1 : sizeof word, p);
        if (len && netmask_parse(word, &mask, err))
            return -1;
        p += len + (p[len] != '\0');
    }
    return 0;
}

static int symbols_check(const char *value, struct err *err)
{
    for (const char *p = value; *p;) {
        char word[64];
        const size_t len = strcspn(p, " \t");
        if (len >= sizeof word)
            return err_set(err, "found \"%.40s…\", expected symbols in upper case", p);
        memcpy(word, p, len);
        word[len] = '\0';
        if (len && !symbol_valid(word))
            return err_set(err, "found \"%s\", expected symbols in upper case, such as SPY or BRK.B", word);
        p += len + (p[len] != '\0');
    }
    return 0;
}

static int log_level_check(const char *value, struct err *err)
{
    return one_of(value, "error warning notice info debug", err);
}
static int feed_check(const char *value, struct err *err)
{
    return one_of(value, "iex sip", err);
}
static int stream_check(const char *value, struct err *err)
{
    return one_of(value, "on off", err);
}
static int mode_check(const char *value, struct err *err)
{
    return one_of(value, "send record", err);
}
static int early_close_check(const char *value, struct err *err)
{
    return one_of(value, "shift skip", err);
}

static int key_pin_check(const char *value, struct err *err)
{
    struct digest pinned;

    if (value[0] && !digest_from_hex(value, &pinned))
        return err_set(err, "expected 64 lower-case hexadecimal digits (SHA-256 of the key id); the check key_pin of "
                            "paperguard check shows those of the key that is configured");
    return 0;
}

int option_rule_check(const struct option *o, const char *value, bool from_file, struct err *err)
{
    static const struct {
        const char *section, *key;
        int (*check)(const char *value, struct err *err);
    } rules[] = {
        {"daemon", "log_level", log_level_check}, {"daemon", "instance", instance_check},
        {"broker", "feed", feed_check},           {"broker", "account_pin", pin_check},
        {"orders", "mode", mode_check},           {"schedule", "early_close", early_close_check},
        {"http", "write_from", networks_check},   {"risk", "allow", symbols_check},
        {"risk", "deny", symbols_check},          {"broker", "stream", stream_check},
        {"daemon", "host", host_check},           {"broker", "key_pin", key_pin_check},
    };

    if (from_file && str_equal(o->key, "url"))
        return no_password(o, value, err);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (str_equal(o->section, rules[i].section) && str_equal(o->key, rules[i].key))
            return rules[i].check(value, err);
    return 0;
}

// Distinct names out of both tables, for "did you mean".
static size_t section_names(bool named, const char *names[], size_t max)
{
    size_t count = 0;

    if (named) {
        names[0] = "listen";
        names[1] = "strategy";
        names[2] = "symbol";
        return 3;
    }
    for (size_t i = 0; i < config_option_count && count < max; i++)
        if (!count || !str_equal(names[count - 1], config_options[i].section))
            names[count++] = config_options[i].section;
    return count;
}

static size_t key_names(const char *section, bool named, const char *names[], size_t max)
{
    size_t count = 0;

    for (size_t i = 0; !named && i < config_option_count && count < max; i++)
        if (str_equal(config_options[i].section, section))
            names[count++] = config_options[i].key;
    for (size_t i = 0; named && i < config_named_key_count && count < max; i++)
        if (str_equal(config_named_keys[i].section, section))
            names[count++] = config_named_keys[i].key;
    return count;
}

static int unknown_section(const char *section, bool named, struct err *err)
{
    const char *names[64];
    size_t count = section_names(!named, names, ARRAY_LEN(names));

    for (size_t i = 0; i < count; i++)
        if (str_equal(names[i], section))
            return named ? err_set(err, "[%s] takes no name", section)
                         : err_set(err, "[%s] needs a name: [%s \"NAME\"]", section, section);
    count = section_names(named, names, ARRAY_LEN(names));
    const char *near = str_nearest(section, names, count);
    if (near)
        return err_set(err, "unknown section [%s]; did you mean [%s]?", section, near);
    return err_set(err, "unknown section [%s]", section);
}

static const char *section_of_key(const char *key)
{
    for (size_t i = 0; i < config_option_count; i++)
        if (str_equal(config_options[i].key, key))
            return config_options[i].section;
    return NULL;
}

int option_known(const char *section, bool named, const char *key, struct err *err)
{
    const char *names[64];
    const size_t count = key_names(section, named, names, ARRAY_LEN(names));

    if (count == 0)
        return unknown_section(section, named, err);
    if (!key)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (str_equal(names[i], key))
            return 0;
    const char *near = str_nearest(key, names, count), *home = section_of_key(key);
    if (home)
        return err_set(err, "unknown key \"%s\" in [%s]; it belongs to [%s]", key, section, home);
    if (near)
        return err_set(err, "unknown key \"%s\" in [%s]; did you mean \"%s\"?", key, section, near);
    return err_set(err, "unknown key \"%s\" in [%s]", key, section);
}
