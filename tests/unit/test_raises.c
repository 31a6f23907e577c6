// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/raises.o
// Raised limits: never above the ceiling, never lower than the config, over by whichever clock comes first, and only on
// the host that leads.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/raises.h"

#define D DECIMAL_ONE
#define HOUR (3600 * NS_PER_S)

static struct {
    struct raises *raises;
    struct risk_limits limits;
    struct limit_raise kept[4];
    size_t kept_count;
    enum ledger_result takes;
    int reads, changes, done;
    bool ok, slow;       // Postgres tells later
    const char *account; // that is asked for
    void (*read)(void *, enum ledger_result, const struct limit_raise *, size_t);
    char name[40], detail[200];
} w;

void ledger_limit_raise(struct ledger *l, const char *account, const struct limit_raise *raise, int64_t now_ns,
                        ledger_done_fn *done, void *arg)
{
    (void)l, (void)account;
    assert_true(raise->until >= now_ns);
    done(arg, w.takes, "detail");
}

void ledger_limit_raises(struct ledger *l, const char *account, int64_t now_ns,
                         void (*done)(void *, enum ledger_result, const struct limit_raise *, size_t), void *arg)
{
    (void)l, (void)now_ns;
    assert_string_equal(account, w.account);
    w.reads++;
    w.read = done;
    if (!w.slow)
        done(arg, w.takes, w.kept, w.kept_count);
}

static void changed(void *arg, const char *name, const char *detail)
{
    (void)arg;
    w.changes++;
    snprintf(w.name, sizeof w.name, "%s", name);
    snprintf(w.detail, sizeof w.detail, "%s", detail);
}

static void told(void *arg, bool ok, const char *detail)
{
    (void)arg, (void)detail;
    w.done++;
    w.ok = ok;
}

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    w.account = "PASIM1";
    w.limits =
        (struct risk_limits){.max_order_notional = {1000 * D}, .max_orders_per_day = 10, .price_collar = {D / 20}};
    w.raises = raises_new(NULL, &w.limits, (struct ratio){2 * D}, changed, NULL);
    raises_look(w.raises, "PASIM1", true, 0, HOUR);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    raises_free(w.raises);
    return 0;
}

static void raise_to(const char *name, int64_t value, int64_t until)
{
    struct limit_raise r = {.value = value, .until = until, .reason = "why", .operator= "me" };
    snprintf(r.name, sizeof r.name, "%s", name);
    raises_set(w.raises, &r, 0, HOUR, told, NULL);
}

static struct risk_limits now(void)
{
    struct risk_limits l = w.limits;
    raises_apply(w.raises, &l);
    return l;
}

static void a_raise_holds_until_either_clock_says_so(void **state)
{
    (void)state;
    raise_to("max_order_notional", 1500 * D, 2 * HOUR);
    assert_true(w.done == 1 && w.ok && w.changes == 1);
    assert_string_equal(w.name, "max_order_notional");
    assert_non_null(strstr(w.detail, "raised to 1500 until"));
    assert_int_equal(now().max_order_notional.nanos, 1500 * D);
    assert_int_equal(raises_of(w.raises, "max_order_notional")->value, 1500 * D);
    raises_look(w.raises, "PASIM1", true, HOUR - 1, 2 * HOUR - 1);
    assert_int_equal(now().max_order_notional.nanos, 1500 * D);
    raises_look(w.raises, "PASIM1", true, HOUR, 0); // the wall clock was set back
    assert_int_equal(now().max_order_notional.nanos, 1000 * D);
    raise_to("max_order_notional", 1500 * D, 2 * HOUR);
    raises_look(w.raises, "PASIM1", true, 1, 2 * HOUR);
    assert_int_equal(now().max_order_notional.nanos, 1000 * D);
    assert_null(raises_of(w.raises, "max_order_notional"));
    assert_int_equal(w.changes, 4);
}

static void no_further_than_the_ceiling_and_never_lower(void **state)
{
    (void)state;
    raise_to("max_order_notional", 5000 * D, 2 * HOUR); // of a life with a wider ceiling
    assert_int_equal(now().max_order_notional.nanos, 2000 * D);
    raise_to("price_collar", D / 100, 2 * HOUR);
    assert_int_equal(now().price_collar.nanos, D / 20);
    raise_to("max_orders_per_day", 15 * D, 2 * HOUR);
    assert_int_equal(now().max_orders_per_day, 15);
    raise_to("no_such_limit", D, 2 * HOUR);
    assert_null(raises_of(w.raises, "no_such_limit"));
    assert_true(raises_whole("max_orders_per_day") && !raises_whole("price_collar") && !raises_whole("none"));
}

static void bounds_are_told(void **state)
{
    (void)state;
    struct err err;
    int64_t from, to;
    assert_int_equal(raises_bounds(w.raises, "max_orders_per_day", &w.limits, &from, &to, &err), 0);
    assert_true(from == 10 * D && to == 20 * D);
    assert_int_equal(raises_bounds(w.raises, "long_only", &w.limits, &from, &to, &err), -1);
    assert_int_equal(raises_bounds(w.raises, "max_order_share", &w.limits, &from, &to, &err), -1); // 0 times 2
}

static void it_holds_once_postgres_has_it(void **state)
{
    (void)state;
    w.takes = LEDGER_DOWN;
    raise_to("max_order_notional", 1500 * D, 2 * HOUR);
    assert_true(w.done == 1 && !w.ok && w.changes == 0);
    assert_int_equal(now().max_order_notional.nanos, 1000 * D);
}

static void taken_back_at_once(void **state)
{
    (void)state;
    raise_to("max_order_notional", 1500 * D, 2 * HOUR);
    raise_to("max_order_notional", 1500 * D, HOUR);
    assert_int_equal(now().max_order_notional.nanos, 1000 * D);
    assert_non_null(strstr(w.detail, "reverted"));
}

static void the_host_that_leads_finds_what_is_kept(void **state)
{
    (void)state;
    raise_to("max_order_notional", 1500 * D, 2 * HOUR);
    raises_look(w.raises, "PASIM1", false, 1, HOUR + 1); // another host leads now
    assert_int_equal(now().max_order_notional.nanos, 1000 * D);
    w.kept[0] = (struct limit_raise){.name = "max_orders_per_day", .value = 20 * D, .until = 100 * HOUR};
    w.kept_count = 1;
    w.takes = LEDGER_LOST;
    raises_look(w.raises, "PASIM1", true, 2, HOUR + 2);
    assert_int_equal(now().max_orders_per_day, 10);
    w.takes = LEDGER_OK;
    raises_look(w.raises, "PASIM1", true, 3, HOUR + 3);
    assert_int_equal(now().max_orders_per_day, 20);
    int reads = w.reads;
    raises_look(w.raises, "PASIM1", true, 4, HOUR + 4);
    assert_int_equal(w.reads, reads);
    raises_look(w.raises, "PASIM1", true, 3 + 24 * HOUR, HOUR); // no longer than a day, whatever was kept
    assert_int_equal(now().max_orders_per_day, 10);
}

// Neither the operator who is told nothing nor a restart decides: what was written holds.
static void without_an_answer_what_postgres_has_holds(void **state)
{
    (void)state;
    w.takes = LEDGER_LOST;
    raise_to("max_order_notional", 1500 * D, 2 * HOUR);
    assert_true(w.done == 1 && !w.ok);
    assert_int_equal(now().max_order_notional.nanos, 1000 * D);
    w.kept[0] = (struct limit_raise){.name = "max_order_notional", .value = 1500 * D, .until = 2 * HOUR};
    w.kept_count = 1;
    w.takes = LEDGER_OK;
    raises_look(w.raises, "PASIM1", true, 1, HOUR + 1);
    assert_int_equal(now().max_order_notional.nanos, 1500 * D);
    w.takes = LEDGER_LOST;
    raise_to("max_order_notional", 1500 * D, HOUR); // taken back
    assert_true(w.done == 2 && !w.ok);
    w.kept_count = 0;
    w.takes = LEDGER_OK;
    raises_look(w.raises, "PASIM1", true, 2, HOUR + 2);
    assert_int_equal(now().max_order_notional.nanos, 1000 * D);
}

static void what_is_read_again_leaves_what_holds_alone(void **state)
{
    (void)state;
    raises_look(w.raises, "PASIM1", false, 1, HOUR);
    w.kept[0] = (struct limit_raise){.name = "price_collar", .value = D / 15, .until = 2 * HOUR};
    w.kept[1] = (struct limit_raise){.name = "max_order_notional", .value = 1500 * D, .until = 2 * HOUR};
    w.kept[2] = (struct limit_raise){.name = "of_another_version", .value = D, .until = 2 * HOUR};
    w.kept_count = 3;
    raises_look(w.raises, "PASIM1", true, 1, HOUR);
    assert_true(now().max_order_notional.nanos == 1500 * D && now().price_collar.nanos == D / 15);
    assert_int_equal(w.changes, 2);
    w.takes = LEDGER_LOST;
    raise_to("max_orders_per_day", 15 * D, 2 * HOUR); // without an answer: all are read again
    w.takes = LEDGER_OK;
    raises_look(w.raises, "PASIM1", true, 2, HOUR);
    assert_int_equal(w.changes, 4);
    assert_non_null(strstr(w.detail, "raised"));
    assert_true(now().max_order_notional.nanos == 1500 * D && now().price_collar.nanos == D / 15);
}

static void its_time_is_counted_from_when_it_was_read(void **state)
{
    (void)state;
    raises_look(w.raises, "PASIM1", false, 1, HOUR);
    w.kept[0] = (struct limit_raise){.name = "max_order_notional", .value = 1500 * D, .until = 51 * HOUR};
    w.kept_count = 1;
    raises_look(w.raises, "PASIM1", true, 100 * HOUR, 50 * HOUR);
    raises_look(w.raises, "PASIM1", true, 101 * HOUR - 1, 50 * HOUR);
    assert_int_equal(now().max_order_notional.nanos, 1500 * D);
    raises_look(w.raises, "PASIM1", true, 101 * HOUR, 50 * HOUR); // the wall clock stands still
    assert_int_equal(now().max_order_notional.nanos, 1000 * D);
}

static void another_account_has_its_own(void **state)
{
    (void)state;
    raise_to("max_order_notional", 1500 * D, 2 * HOUR);
    int reads = w.reads;
    raises_look(w.raises, "", true, 1, HOUR);
    assert_int_equal(w.reads, reads);
    assert_int_equal(now().max_order_notional.nanos, 1000 * D);
    w.account = "PASIM2";
    w.slow = true;
    raises_look(w.raises, "PASIM2", true, 2, HOUR);
    raises_look(w.raises, "PASIM2", true, 3, HOUR); // one question at a time
    assert_int_equal(w.reads, reads + 1);
    w.kept[0] = (struct limit_raise){.name = "max_order_notional", .value = 1200 * D, .until = 2 * HOUR};
    w.read(w.raises, LEDGER_OK, w.kept, 1);
    assert_int_equal(now().max_order_notional.nanos, 1200 * D);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_raise_holds_until_either_clock_says_so),
        T(no_further_than_the_ceiling_and_never_lower),
        T(bounds_are_told),
        T(it_holds_once_postgres_has_it),
        T(taken_back_at_once),
        T(without_an_answer_what_postgres_has_holds),
        T(the_host_that_leads_finds_what_is_kept),
        T(what_is_read_again_leaves_what_holds_alone),
        T(its_time_is_counted_from_when_it_was_read),
        T(another_account_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
