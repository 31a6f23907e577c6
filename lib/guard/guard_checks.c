// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The checks of what is read at start, one function each, and which class needs which check. A value that no case names
// is UNKNOWN, and UNKNOWN denies.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/guard/keyscan.h"
#include "lib/guard/permit_internal.h"

enum guard_answer guard_say(char detail[FACT_TEXT_MAX], enum guard_answer answer, const char *format, ...)
{
    va_list args;

    if (!detail)
        return answer;
    va_start(args, format);
    vsnprintf(detail, FACT_TEXT_MAX, format, args);
    va_end(args);
    return answer;
}

static enum guard_answer lock_switch(const struct fact_switch *s, const char *name, const char *wanted,
                                     char detail[FACT_TEXT_MAX])
{
    switch (s->state) {
    case SWITCH_TRUE:
        return guard_say(detail, GUARD_PASS, "true (%s)", s->source);
    case SWITCH_FALSE:
        return guard_say(detail, GUARD_FAIL, "%s is false (%s); it must be %s", name, s->source, wanted);
    case SWITCH_UNSET:
        return guard_say(detail, GUARD_FAIL, "%s is not set; set %s=true", name, name);
    case SWITCH_INVALID:
        return guard_say(detail, GUARD_FAIL, "%s is %s (%s); it must be exactly %s", name, s->found, s->source, wanted);
    case SWITCH_UNREAD:
        break;
    }
    return guard_say(detail, GUARD_UNKNOWN, "%s was not read", name);
}

enum guard_answer guard_check_dry_run(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return lock_switch(&c->facts->dry_run, "DRY_RUN", "true", detail);
}

enum guard_answer guard_check_alpaca_paper(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return lock_switch(&c->facts->alpaca_paper, "ALPACA_PAPER", "true", detail);
}

enum guard_answer guard_check_staging_mode(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    if (c->facts->staging_mode.state == SWITCH_UNSET)
        return guard_say(detail, GUARD_PASS, "not set");
    return lock_switch(&c->facts->staging_mode, "STAGING_MODE", "true or 1", detail);
}

enum guard_answer guard_check_stage(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;

    switch (f->stage) {
    case STAGE_DEV:
    case STAGE_STAGING:
        return guard_say(detail, GUARD_PASS, "%s", f->stage_detail);
    case STAGE_UNSET:
        return guard_say(detail, GUARD_FAIL, "neither ENVIRONMENT nor APP__STAGE is set; set ENVIRONMENT=staging");
    case STAGE_REFUSED:
        return guard_say(detail, GUARD_FAIL, "%s", f->stage_detail);
    case STAGE_UNREAD:
        break;
    }
    return guard_say(detail, GUARD_UNKNOWN, "the stage was not read");
}

// Whoever filled the facts in: only these hosts are ever right.
enum guard_answer guard_check_endpoint(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;

    switch (f->endpoint) {
    case ENDPOINT_PAPER:
        if (!str_equal(f->trading_scheme, "https") || !str_equal(f->trading_host, PAPER_TRADING_HOST) ||
            f->trading_port != PAPER_PORT || !str_equal(f->data_scheme, "https") ||
            !str_equal(f->data_host, PAPER_DATA_HOST) || f->data_port != PAPER_PORT)
            return guard_say(detail, GUARD_FAIL, "the paper hosts are %s and %s over https, nothing else",
                             PAPER_TRADING_HOST, PAPER_DATA_HOST);
        return guard_say(detail, GUARD_PASS, "https://%s", f->trading_host);
    case ENDPOINT_SIMULATOR:
        if (!str_equal(f->trading_scheme, "http") || !keyscan_loopback_host(f->trading_host) || f->trading_port <= 0 ||
            f->trading_port > 65535 || !str_equal(f->data_scheme, "http") ||
            !str_equal(f->data_host, f->trading_host) || f->data_port != f->trading_port)
            return guard_say(detail, GUARD_FAIL, "a simulator is at http://127.0.0.1:PORT, for trading and data alike");
        return guard_say(detail, GUARD_PASS, "SIMULATOR http://%s:%d", f->trading_host, f->trading_port);
    case ENDPOINT_REFUSED:
        return guard_say(detail, GUARD_FAIL, "%s", f->endpoint_detail);
    case ENDPOINT_UNREAD:
        break;
    }
    return guard_say(detail, GUARD_UNKNOWN, "the endpoint was not read");
}

enum guard_answer guard_judged(const struct fact_state *s, const char *what, char detail[FACT_TEXT_MAX])
{
    switch (s->state) {
    case FACT_GOOD:
        return guard_say(detail, GUARD_PASS, "%s", s->detail);
    case FACT_BAD:
        return guard_say(detail, GUARD_FAIL, "%s", s->detail[0] ? s->detail : what);
    case FACT_UNKNOWN:
        break;
    }
    return guard_say(detail, GUARD_UNKNOWN, "%s", s->detail[0] ? s->detail : what);
}

enum guard_answer guard_check_live_names(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return guard_judged(&c->facts->live_named, "names were not scanned for live keys", detail);
}

enum guard_answer guard_check_live_values(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return guard_judged(&c->facts->live_value, "values were not scanned for live keys", detail);
}

enum guard_answer guard_check_steering(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return guard_judged(&c->facts->steering, "the environment was not searched for what steers connections", detail);
}

enum guard_answer guard_check_files(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return guard_judged(&c->facts->files, "config and credential files were not looked at", detail);
}

enum guard_answer guard_check_databases(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return guard_judged(&c->facts->databases, "database settings were not looked at", detail);
}

enum guard_answer guard_check_key_class(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;
    const bool simulator = f->endpoint == ENDPOINT_SIMULATOR;

    switch (f->key_class) {
    case KEY_PAPER:
        if (simulator)
            return guard_say(detail, GUARD_FAIL, "a paper key (%s) at a simulator; use a PKSIM… key", f->key_shown);
        return guard_say(detail, GUARD_PASS, "paper key %s", f->key_shown);
    case KEY_SIMULATOR:
        if (!simulator)
            return guard_say(detail, GUARD_FAIL, "a simulator's key (%s) at Alpaca; use a paper key", f->key_shown);
        return guard_say(detail, GUARD_PASS, "simulator key %s", f->key_shown);
    case KEY_LIVE:
        return guard_say(detail, GUARD_FAIL, "a LIVE key (AK…) is configured; remove it and use a paper key (PK…)");
    case KEY_CONFLICT:
        return guard_say(detail, GUARD_FAIL, "%s", f->key_detail);
    case KEY_MISSING:
        return guard_say(detail, GUARD_FAIL, "%s", f->key_detail[0] ? f->key_detail : "no paper key is set");
    case KEY_OTHER:
        return guard_say(detail, GUARD_UNKNOWN, "%s",
                         f->key_detail[0] ? f->key_detail : "the key is of no known class; paper keys start with PK");
    case KEY_UNREAD:
        break;
    }
    return guard_say(detail, GUARD_UNKNOWN, "the key was not read");
}

enum guard_answer guard_check_key_pin(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;
    char found[DIGEST_HEX_MAX] = "";
    struct digest pinned;

    if (detail)
        digest_hex(&f->key_fingerprint, found);
    if (!f->key_pinned[0])
        return guard_say(detail, GUARD_PASS, "none pinned; this key is %s", found);
    if (!digest_from_hex(f->key_pinned, &pinned))
        return guard_say(detail, GUARD_FAIL, "broker.key_pin is not 64 hexadecimal digits; this key is %s", found);
    if (f->key_class == KEY_UNREAD || f->key_class == KEY_MISSING)
        return guard_say(detail, GUARD_UNKNOWN, "%.12s… is pinned, there is no key", f->key_pinned);
    if (!digest_equal(&pinned, &f->key_fingerprint))
        return guard_say(detail, GUARD_FAIL,
                         "the key %s has fingerprint %.12s…, pinned is %.12s…; check key or "
                         "broker.key_pin",
                         f->key_shown, found, f->key_pinned);
    return guard_say(detail, GUARD_PASS, "%.12s…", found);
}

#define CLASS(c) (1u << (c))
#define OPENING CLASS(GUARD_OPEN)
#define ORDERS (CLASS(GUARD_REDUCE) | OPENING)
#define IDENTIFIED (ORDERS | CLASS(GUARD_READ) | CLASS(GUARD_CANCEL) | CLASS(GUARD_ADMIN))
#define ALL (IDENTIFIED | CLASS(GUARD_BOOT_READ))

struct check_rule {
    guard_check_fn *run;
    unsigned classes;
};

#define GUARD_CHECK(SYMBOL, name, kind, needed, learnt, text) [CHECK_##SYMBOL] = {guard_check_##name, needed},
static const struct check_rule rules[GUARD_CHECK_COUNT] = {
#include "lib/guard/guard_checks.def"
};
#undef GUARD_CHECK

enum guard_answer guard_check_run(const struct guard_case *c, enum guard_check check, char detail[FACT_TEXT_MAX])
{
    CHECK((unsigned)check < GUARD_CHECK_COUNT);
    return rules[check].run(c, detail);
}

enum guard_answer guard_checks_run(const struct guard_case *c, enum guard_check *first)
{
    const unsigned class = CLASS(c->class);
    enum guard_answer worst = GUARD_PASS;

    for (int i = 0; i < GUARD_CHECK_COUNT; i++) {
        if (!(rules[i].classes & class))
            continue;
        const enum guard_answer answer = rules[i].run(c, NULL);
        if (answer != GUARD_PASS && worst == GUARD_PASS) {
            worst = answer;
            *first = (enum guard_check)i;
        }
    }
    return worst;
}
