// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One slot for each limit that may be raised. A raise ends by the wall clock or by the boot clock, whichever comes
// first: neither a clock that is set back nor a restart makes it longer.
#include "daemon/raises.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"

#define RAISES(X)                                                                                                      \
    X(max_order_share, max_order_share.nanos, false)                                                                   \
    X(max_order_notional, max_order_notional.nanos, false)                                                             \
    X(max_order_qty, max_order_qty.nanos, false)                                                                       \
    X(max_adv_share, max_adv_share.nanos, false)                                                                       \
    X(max_position_share, max_position_share.nanos, false)                                                             \
    X(max_gross_exposure, max_gross_exposure.nanos, false)                                                             \
    X(max_net_exposure, max_net_exposure.nanos, false)                                                                 \
    X(max_strategy_exposure, max_strategy_exposure.nanos, false)                                                       \
    X(max_notional_per_day, max_notional_per_day.nanos, false)                                                         \
    X(max_notional_per_day_share, max_notional_per_day_share.nanos, false)                                             \
    X(price_collar, price_collar.nanos, false)                                                                         \
    X(max_price_jump, max_price_jump.nanos, false)                                                                     \
    X(max_orders_per_run, max_orders_per_run, true)                                                                    \
    X(max_orders_per_day, max_orders_per_day, true)
#define RAISE_ROW(name, member, whole) {#name, offsetof(struct risk_limits, member), whole},
static const struct {
    const char *name;
    size_t offset;
    bool whole; // a count: its value is in ones, a raise's in nanos as any
} limits_table[] = {RAISES(RAISE_ROW)};
#define LIMITS ARRAY_LEN(limits_table)

struct slot {
    bool held;
    struct limit_raise raise;
    int64_t until_boot_ns;
};

struct setting { // on its way to Postgres
    struct raises *raises;
    struct limit_raise raise;
    int64_t boot_ns, wall_ns;
    void (*done)(void *arg, bool ok, const char *detail);
    void *arg;
};

struct raises {
    struct ledger *ledger;
    struct risk_limits ceilings;
    struct ratio max_raise;
    void (*changed)(void *arg, const char *name, const char *detail);
    void *arg;
    char account[ACCOUNT_NUMBER_MAX];
    bool known, reading;
    int64_t boot_ns, wall_ns; // of the newest look
    struct slot slots[LIMITS];
};

struct raises *raises_new(struct ledger *ledger, const struct risk_limits *ceilings, struct ratio max_raise,
                          void (*changed)(void *arg, const char *name, const char *detail), void *arg)
{
    struct raises *r = check_alloc(1, sizeof *r);
    r->ledger = ledger;
    r->ceilings = *ceilings;
    r->max_raise = max_raise;
    r->changed = changed;
    r->arg = arg;
    return r;
}

void raises_free(struct raises *r)
{
    free(r);
}

static size_t index_of(const char *name)
{
    for (size_t i = 0; i < LIMITS; i++)
        if (str_equal(limits_table[i].name, name))
            return i;
    return LIMITS;
}

bool raises_whole(const char *name)
{
    size_t i = index_of(name);
    return i < LIMITS && limits_table[i].whole;
}

static int64_t value_of(const struct risk_limits *l, size_t i)
{
    int64_t value;
    memcpy(&value, (const char *)l + limits_table[i].offset, sizeof value);
    return limits_table[i].whole ? value * DECIMAL_ONE : value;
}

// What the config had at the start, times max_raise; when that does not fit the number range: no raise at all.
static int64_t hard_ceiling(const struct raises *r, size_t i)
{
    int64_t top = value_of(&r->ceilings, i), most;
    return decimal_mul_down(top, r->max_raise.nanos, &most) ? most : top;
}

int raises_bounds(const struct raises *r, const char *name, const struct risk_limits *now, int64_t *from, int64_t *to,
                  struct err *err)
{
    size_t i = index_of(name);
    char a[DECIMAL_TEXT_MAX];
    if (i == LIMITS)
        return err_set(err, "there is no limit \"%.40s\" that can be raised", name);
    *from = value_of(now, i);
    *to = hard_ceiling(r, i);
    if (*to <= *from)
        return err_set(err, "%s stands at %s, and [risk] max_raise lets it go no higher", name,
                       decimal_format(*from, a));
    return 0;
}

void raises_apply(const struct raises *r, struct risk_limits *limits)
{
    for (size_t i = 0; i < LIMITS; i++) {
        if (!r->slots[i].held)
            continue;
        int64_t most = hard_ceiling(r, i), value = r->slots[i].raise.value < most ? r->slots[i].raise.value : most;
        if (value <= value_of(limits, i)) // a raise never lowers
            continue;
        if (limits_table[i].whole)
            value /= DECIMAL_ONE;
        memcpy((char *)limits + limits_table[i].offset, &value, sizeof value);
    }
}

const struct limit_raise *raises_of(const struct raises *r, const char *name)
{
    size_t i = index_of(name);
    return i < LIMITS && r->slots[i].held ? &r->slots[i].raise : NULL;
}

static void drop(struct raises *r, size_t i, const char *why)
{
    if (!r->slots[i].held)
        return;
    r->slots[i].held = false;
    r->changed(r->arg, limits_table[i].name, why);
}

static void hold(struct raises *r, const struct limit_raise *raise, int64_t boot_ns, int64_t wall_ns)
{
    size_t i = index_of(raise->name);
    char detail[200], value[DECIMAL_TEXT_MAX], until[WHEN_TEXT_MAX];
    int64_t left = raise->until - wall_ns;
    if (i == LIMITS) // of another version
        return;
    if (left <= 0) {
        drop(r, i, "reverted by an operator");
        return;
    }
    if (left > RAISES_FOR_MAX_NS) // the clock was set back
        left = RAISES_FOR_MAX_NS;
    r->slots[i] = (struct slot){.held = true, .raise = *raise, .until_boot_ns = boot_ns + left};
    snprintf(detail, sizeof detail, "raised to %s until %s by %.40s: %.60s", decimal_format(raise->value, value),
             when_format_ms(raise->until, until), raise->operator, raise->reason);
    r->changed(r->arg, raise->name, detail);
}

static bool among(const struct limit_raise *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(rows[i].name, name))
            return true;
    return false;
}

static void kept_read(void *arg, enum ledger_result result, const struct limit_raise *rows, size_t count)
{
    struct raises *r = arg;
    r->reading = false;
    if (result != LEDGER_OK)
        return; // with the next look
    r->known = true;
    for (size_t i = 0; i < LIMITS; i++)
        if (!among(rows, count, limits_table[i].name))
            drop(r, i, "reverted by an operator");
    for (size_t i = 0; i < count; i++)
        hold(r, &rows[i], r->boot_ns, r->wall_ns);
}

void raises_look(struct raises *r, const char *account, bool leads, int64_t boot_ns, int64_t wall_ns)
{
    r->boot_ns = boot_ns;
    r->wall_ns = wall_ns;
    for (size_t i = 0; i < LIMITS; i++)
        if (r->slots[i].held && (boot_ns >= r->slots[i].until_boot_ns || wall_ns >= r->slots[i].raise.until))
            drop(r, i, "reverted: its time is over");
    if (!leads || !str_equal(account, r->account)) {
        for (size_t i = 0; i < LIMITS; i++)
            drop(r, i, NULL); // whoever leads has it
        r->known = false;
        str_copy_cut(r->account, sizeof r->account, account);
    }
    if (!leads || r->known || r->reading || !account[0])
        return;
    r->reading = true;
    ledger_limit_raises(r->ledger, account, wall_ns, kept_read, r);
}

static void kept(void *arg, enum ledger_result result, const char *detail)
{
    struct setting *s = arg;
    if (result == LEDGER_OK)
        hold(s->raises, &s->raise, s->boot_ns, s->wall_ns);
    else if (result == LEDGER_LOST) // perhaps written: what Postgres has holds, now and after a restart
        s->raises->known = false;
    s->done(s->arg, result == LEDGER_OK, result == LEDGER_OK ? "" : detail);
    free(s);
}

void raises_set(struct raises *r, const struct limit_raise *raise, int64_t boot_ns, int64_t wall_ns,
                void (*done)(void *arg, bool ok, const char *detail), void *arg)
{
    struct setting *s = check_alloc(1, sizeof *s);
    *s = (struct setting){r, *raise, boot_ns, wall_ns, done, arg};
    ledger_limit_raise(r->ledger, r->account, raise, wall_ns, kept, s);
}
