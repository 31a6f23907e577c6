// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The checks of what is learnt while running: account, database, clock and calendar, halt, lead, children. A value that
// no case names is UNKNOWN, and UNKNOWN denies.
#include <string.h>

#include "lib/base/text.h"
#include "lib/guard/permit_internal.h"

// A fact may have been learnt a moment after the caller read its clock.
#define NS_PER_S INT64_C(1000000000)
#define CLOCK_SLACK_NS NS_PER_S

static bool orders(const struct guard_case *c)
{
    return c->class == GUARD_OPEN || c->class == GUARD_REDUCE;
}

static bool account_word(const char *number)
{
    for (const char *p = number; *p; p++)
        if (!((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')))
            return false;
    return true;
}

enum guard_answer guard_check_account_number(const struct guard_case *c, char detail[FACT_TEXT_MAX])
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

enum guard_answer guard_check_account_age(const struct guard_case *c, char detail[FACT_TEXT_MAX])
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

enum guard_answer guard_check_account_pin(const struct guard_case *c, char detail[FACT_TEXT_MAX])
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

enum guard_answer guard_check_account_first(const struct guard_case *c, char detail[FACT_TEXT_MAX])
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

enum guard_answer guard_check_account_status(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;

    if (!f->account_status[0])
        return guard_say(detail, GUARD_UNKNOWN, "the account's status is not known yet");
    if (!str_equal(f->account_status, "ACTIVE"))
        return guard_say(detail, GUARD_FAIL, "the account is %s, not ACTIVE", f->account_status);
    if (f->account_blocked[0])
        return guard_say(detail, GUARD_FAIL, "the broker says %s; expected false, see to it at the broker",
                         f->account_blocked);
    return guard_say(detail, GUARD_PASS, "ACTIVE");
}

enum guard_answer guard_check_database_marker(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const enum guard_answer answer =
        guard_judged(&c->facts->database_marker, "the database's marker is not known", detail);

    return answer == GUARD_UNKNOWN && !orders(c) ? GUARD_PASS : answer;
}

enum guard_answer guard_check_database_age(const struct guard_case *c, char detail[FACT_TEXT_MAX])
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

// Halts of single strategies: an order answers for each whose it is.
static enum guard_answer scopes_say(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const char *whose = c->receipt ? receipt_terms(c->receipt)->whose : "";

    for (size_t i = 0; whose[0] && i < c->facts->scope_count; i++) {
        const struct fact_scope *s = &c->facts->scopes[i];
        if ((str_equal(whose, WHOSE_UNKNOWN) || str_has_word(whose, s->strategy)) &&
            halt_says(c, s->halt) != GUARD_PASS)
            return guard_say(detail, GUARD_FAIL, "halt of strategy %s: %s: %s", s->strategy,
                             s->halt == HALT_REDUCE_ONLY ? "reduce only" : "halted", s->detail);
    }
    return guard_say(detail, GUARD_PASS, "running");
}

enum guard_answer guard_check_halt(const struct guard_case *c, char detail[FACT_TEXT_MAX])
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
    return scopes_say(c, detail);
}

// A process that was stopped for a while is asked here before its timers have run: the clock decides, not the state.
enum guard_answer guard_check_leader(const struct guard_case *c, char detail[FACT_TEXT_MAX])
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

enum guard_answer guard_check_clock(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    const struct guard_facts *f = c->facts;
    const int64_t age = c->now_boot_ns - f->clock_boot_ns, skew = f->clock_skew_ns;

    if (f->clock_boot_ns <= 0)
        return guard_say(detail, GUARD_UNKNOWN, "this host's clock has not been compared with the broker's yet");
    if (skew > GUARD_CLOCK_SKEW_NS || skew < -GUARD_CLOCK_SKEW_NS)
        return guard_say(detail, GUARD_FAIL,
                         "this host's clock is %lld s %s the broker's, the bound is %lld s; set it "
                         "right",
                         (long long)((skew > 0 ? skew : -skew) / NS_PER_S), skew > 0 ? "ahead of" : "behind",
                         (long long)(GUARD_CLOCK_SKEW_NS / NS_PER_S));
    if (f->clock_was_set)
        return guard_say(detail, GUARD_UNKNOWN, "this host's clock was set since it was compared with the broker's");
    if (age < -CLOCK_SLACK_NS)
        return guard_say(detail, GUARD_UNKNOWN, "the clock was compared at a later moment than now");
    if (age > GUARD_CLOCK_AGE_NS)
        return guard_say(detail, GUARD_UNKNOWN, "the clock was compared %lld h ago, the bound is %lld h",
                         (long long)(age / NS_PER_S / 3600), (long long)(GUARD_CLOCK_AGE_NS / NS_PER_S / 3600));
    return guard_say(detail, GUARD_PASS, "%lld ms %s the broker's", (long long)((skew > 0 ? skew : -skew) / 1000000),
                     skew > 0 ? "ahead of" : "behind");
}

enum guard_answer guard_check_calendar(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return guard_judged(&c->facts->calendar, "the broker has not told its calendar yet", detail);
}

enum guard_answer guard_check_children(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return guard_judged(&c->facts->children, "what strategies are given was not looked at", detail);
}

enum guard_answer guard_check_self_test(const struct guard_case *c, char detail[FACT_TEXT_MAX])
{
    return guard_judged(&c->facts->self_test, "no self-test has ended yet", detail);
}
