// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The checks that look at facts, one function each, and which class needs which. A value that no case names is UNKNOWN,
// and UNKNOWN denies.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/guard/keyscan.h"
#include "lib/guard/permit_internal.h"

// A fact may have been learnt a moment after the caller read its clock.
#define CLOCK_SLACK_NS (INT64_C(1000000000))

enum guard_answer guard_say(char detail[FACT_TEXT_MAX], enum guard_answer answer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(detail, FACT_TEXT_MAX, format, args);
    va_end(args);
    return answer;
}

static bool orders(const struct guard_case *c)
{
    return c->class == GUARD_OPEN || c->class == GUARD_REDUCE;
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

static enum guard_answer check_dry_run(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return lock_switch(&c->facts->dry_run, "DRY_RUN", "true", detail);
}

static enum guard_answer check_alpaca_paper(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return lock_switch(&c->facts->alpaca_paper, "ALPACA_PAPER", "true", detail);
}

static enum guard_answer check_staging_mode(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    if (c->facts->staging_mode.state == SWITCH_UNSET)
        return guard_say(detail, GUARD_PASS, "not set");
    return lock_switch(&c->facts->staging_mode, "STAGING_MODE", "true or 1", detail);
}

static enum guard_answer check_stage(const struct guard_case *c, char detail[FACT_TEXT_MAX])
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
static enum guard_answer check_endpoint(const struct guard_case *c, char detail[FACT_TEXT_MAX])
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

static enum guard_answer judged(const struct fact_state *s, const char *what, char detail[FACT_TEXT_MAX])
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

static enum guard_answer check_live_names(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return judged(&c->facts->live_named, "names were not scanned for live keys", detail);
}

static enum guard_answer check_live_values(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return judged(&c->facts->live_value, "values were not scanned for live keys", detail);
}

static enum guard_answer check_files(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return judged(&c->facts->files, "config and credential files were not looked at", detail);
}

static enum guard_answer check_databases(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return judged(&c->facts->databases, "database settings were not looked at", detail);
}

static enum guard_answer check_key_class(const struct guard_case *c, char detail[FACT_TEXT_MAX])
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

static bool account_word(const char *number)
{
    for (const char *p = number; *p; p++)
        if (!((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')))
            return false;
    return true;
}

static enum guard_answer check_account_number(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const char *number = c->facts->account_number;
    const bool simulator = c->facts->endpoint == ENDPOINT_SIMULATOR;

    if (!number[0])
        return guard_say(detail, GUARD_UNKNOWN, "the broker has not said yet which account the key belongs to");
    if (!account_word(number) || !str_starts(number, "PA") || strlen(number) < 3)
        return guard_say(detail, GUARD_FAIL, "account %s is not a paper account (PA…)", number);
    if (simulator != str_starts(number, "PASIM"))
        return guard_say(detail, GUARD_FAIL, "account %s at %s; a simulator's accounts start with PASIM, no others do",
                         number, simulator ? "a simulator" : "Alpaca");
    return guard_say(detail, GUARD_PASS, "%s", number);
}

static enum guard_answer check_account_age(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;
    const int64_t age = c->now_boot_ns - f->account_boot_ns;

    if (f->account_key_accepted == FACT_BAD)
        return guard_say(detail, GUARD_FAIL, "the broker refuses the key (401 or 403); check key and secret");
    if (f->account_boot_ns <= 0)
        return guard_say(detail, GUARD_UNKNOWN, "the account has not been read yet");
    if (age < -CLOCK_SLACK_NS)
        return guard_say(detail, GUARD_UNKNOWN, "the account was read at a later moment than now");
    if (age > GUARD_ACCOUNT_AGE_NS)
        return guard_say(detail, GUARD_UNKNOWN, "the account was read %lld s ago, the bound is %lld s",
                         (long long)(age / 1000000000), (long long)(GUARD_ACCOUNT_AGE_NS / 1000000000));
    return guard_say(detail, GUARD_PASS, "%lld s", (long long)(age > 0 ? age / 1000000000 : 0));
}

static enum guard_answer check_account_pin(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;

    if (!f->account_pinned[0])
        return guard_say(detail, GUARD_PASS, "none pinned");
    if (!f->account_number[0])
        return guard_say(detail, GUARD_UNKNOWN, "%s is pinned, the account is not known yet", f->account_pinned);
    if (!str_equal(f->account_number, f->account_pinned))
        return guard_say(detail, GUARD_FAIL, "the account is %s, pinned is %s; check key or broker.account_pin",
                         f->account_number, f->account_pinned);
    return guard_say(detail, GUARD_PASS, "%s", f->account_pinned);
}

// Reading and cancelling go on while Postgres is away; what it is known to contradict does not.
static enum guard_answer unless_order(const struct guard_case *c, char detail[FACT_TEXT_MAX], const char *text)
{
    return guard_say(detail, orders(c) ? GUARD_UNKNOWN : GUARD_PASS, "%s", text);
}

static enum guard_answer check_account_first(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;

    if (!f->account_first_known)
        return unless_order(c, detail, "Postgres has not said yet which account it saw first");
    if (!f->account_first_seen[0])
        return unless_order(c, detail, "Postgres has no account stored yet");
    if (!f->account_number[0])
        return unless_order(c, detail, "the account is not known yet");
    if (!str_equal(f->account_number, f->account_first_seen))
        return guard_say(
            detail, GUARD_FAIL,
            "the account is %s, this database belongs to %s: use the key of that account, or another database",
            f->account_number, f->account_first_seen);
    return guard_say(detail, GUARD_PASS, "%s", f->account_first_seen);
}

static enum guard_answer check_account_status(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;

    if (!f->account_status[0])
        return guard_say(detail, GUARD_UNKNOWN, "the account's status is not known yet");
    if (!str_equal(f->account_status, "ACTIVE"))
        return guard_say(detail, GUARD_FAIL, "the account is %s, not ACTIVE", f->account_status);
    if (f->account_blocked)
        return guard_say(detail, GUARD_FAIL, "the account is blocked from trading");
    return guard_say(detail, GUARD_PASS, "ACTIVE");
}

static enum guard_answer check_database_marker(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const enum guard_answer answer = judged(&c->facts->database_marker, "the database's marker is not known", detail);

    return answer == GUARD_UNKNOWN && !orders(c) ? GUARD_PASS : answer;
}

static enum guard_answer check_database_age(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const int64_t then = c->facts->database_boot_ns, age = c->now_boot_ns - then;

    if (then <= 0)
        return guard_say(detail, GUARD_UNKNOWN, "Postgres has not answered yet");
    if (age < -CLOCK_SLACK_NS)
        return guard_say(detail, GUARD_UNKNOWN, "Postgres answered at a later moment than now");
    if (age > GUARD_DATABASE_AGE_NS)
        return guard_say(detail, GUARD_UNKNOWN, "Postgres answered %lld s ago, the bound is %lld s",
                         (long long)(age / 1000000000), (long long)(GUARD_DATABASE_AGE_NS / 1000000000));
    return guard_say(detail, GUARD_PASS, "%lld s", (long long)(age > 0 ? age / 1000000000 : 0));
}

static enum guard_answer halt_says(const struct guard_case *c, enum fact_halt halt)
{
    switch (halt) {
    case HALT_RUNNING:
        return GUARD_PASS;
    case HALT_REDUCE_ONLY:
        return c->class == GUARD_REDUCE ? GUARD_PASS : GUARD_FAIL;
    case HALT_HALTED:
        return GUARD_FAIL;
    case HALT_UNKNOWN:
        break;
    }
    return GUARD_UNKNOWN;
}

static enum guard_answer check_halt(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;
    const struct {
        const char *name;
        enum fact_halt halt;
    } sources[] = {{"memory", f->halt_memory}, {"state file", f->halt_file}, {"Postgres", f->halt_database}};

    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (halt_says(c, sources[i].halt) == GUARD_FAIL)
            return guard_say(detail, GUARD_FAIL, "%s says %s: %s", sources[i].name,
                             sources[i].halt == HALT_REDUCE_ONLY ? "reduce only" : "halted", f->halt_detail);
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (halt_says(c, sources[i].halt) != GUARD_PASS)
            return guard_say(detail, GUARD_UNKNOWN, "%s cannot say whether there is a halt: %s", sources[i].name,
                             f->halt_detail);
    return guard_say(detail, GUARD_PASS, "running");
}

// A process that was stopped for a while is asked here before its timers have run: the clock decides, not the state.
static enum guard_answer check_leader(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;

    switch (f->lead) {
    case LEAD_STANDBY:
        return guard_say(detail, GUARD_FAIL, "%s", f->lead_detail[0] ? f->lead_detail : "another host leads");
    case LEAD_HELD:
        if (f->lead_epoch <= 0)
            break;
        if (c->now_boot_ns >= f->lead_until_boot_ns)
            return guard_say(detail, GUARD_UNKNOWN, "the lease ran out %lld ms ago and could not be renewed since",
                             (long long)((c->now_boot_ns - f->lead_until_boot_ns) / 1000000));
        if (c->receipt && c->receipt->terms.leader_epoch != f->lead_epoch)
            return guard_say(detail, GUARD_FAIL, "the intent was committed in epoch %lld, now is epoch %lld",
                             (long long)c->receipt->terms.leader_epoch, (long long)f->lead_epoch);
        return guard_say(detail, GUARD_PASS, "%s", f->lead_detail);
    case LEAD_UNKNOWN:
        break;
    }
    return guard_say(detail, GUARD_UNKNOWN, "%s", f->lead_detail[0] ? f->lead_detail : "it is not known who leads");
}

#define CLASS(c) (1u << (c))
#define ORDERS (CLASS(GUARD_REDUCE) | CLASS(GUARD_OPEN))
#define IDENTIFIED (ORDERS | CLASS(GUARD_READ) | CLASS(GUARD_CANCEL) | CLASS(GUARD_ADMIN))
#define ALL (IDENTIFIED | CLASS(GUARD_BOOT_READ))

struct check_rule {
    enum guard_answer (*run)(const struct guard_case *c, char detail[FACT_TEXT_MAX]);
    unsigned classes;
};

static enum guard_answer check_permit_elsewhere(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    (void)c; // the redeeming function asks the permit itself
    return guard_say(detail, GUARD_PASS, "per request");
}

static const struct check_rule rules[GUARD_CHECK_COUNT] = {
    [CHECK_DRY_RUN] = {check_dry_run, ALL},
    [CHECK_ALPACA_PAPER] = {check_alpaca_paper, ALL},
    [CHECK_STAGE] = {check_stage, ALL},
    [CHECK_STAGING_MODE] = {check_staging_mode, ALL},
    [CHECK_ENDPOINT] = {check_endpoint, ALL},
    [CHECK_LIVE_NAMES] = {check_live_names, ALL},
    [CHECK_LIVE_VALUES] = {check_live_values, ALL},
    [CHECK_FILES] = {check_files, ALL},
    [CHECK_DATABASES] = {check_databases, ALL},
    [CHECK_KEY_CLASS] = {check_key_class, ALL},
    [CHECK_REQUEST_HOST] = {guard_check_request_host, ALL},
    [CHECK_REQUEST_SHAPE] = {guard_check_request_shape, ALL},
    [CHECK_REQUEST_KEY] = {guard_check_request_key, ALL},
    [CHECK_ACCOUNT_NUMBER] = {check_account_number, IDENTIFIED},
    [CHECK_ACCOUNT_AGE] = {check_account_age, IDENTIFIED},
    [CHECK_ACCOUNT_PIN] = {check_account_pin, IDENTIFIED},
    [CHECK_ACCOUNT_FIRST] = {check_account_first, IDENTIFIED},
    [CHECK_ACCOUNT_STATUS] = {check_account_status, ORDERS},
    [CHECK_DATABASE_MARKER] = {check_database_marker, IDENTIFIED},
    [CHECK_DATABASE_AGE] = {check_database_age, ORDERS},
    [CHECK_HALT] = {check_halt, ORDERS},
    [CHECK_LEADER] = {check_leader, ORDERS},
    [CHECK_RECEIPT] = {guard_check_receipt, ORDERS},
    [CHECK_PERMIT] = {check_permit_elsewhere, ALL},
};

bool guard_class_needs(enum guard_class c, enum guard_check check)
{
    CHECK((unsigned)c < GUARD_CLASS_COUNT && (unsigned)check < GUARD_CHECK_COUNT);
    return (rules[check].classes & CLASS(c)) != 0;
}

enum guard_answer guard_check_run(const struct guard_case *c, enum guard_check check, char detail[FACT_TEXT_MAX])
{
    CHECK((unsigned)check < GUARD_CHECK_COUNT && rules[check].run);
    return rules[check].run(c, detail);
}
