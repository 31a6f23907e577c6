// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/pauses.o
//
// A pause holds at once, a resume only when Postgres has it; what was paused is read once and not forgotten.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "daemon/pauses.h"

typedef void loaded_fn(void *arg, enum ledger_result result, const struct strategy_pause *rows, size_t count);

static struct {
    ledger_done_fn *written;
    loaded_fn *loaded;
    void *written_arg, *loaded_arg;
    int loads, changed, ended;
    bool ok;
    char detail[200];
} w;

void ledger_strategy_pause(struct ledger *l, const struct strategy_pause *pause, bool paused, ledger_done_fn *done,
                           void *arg)
{
    (void)l, (void)pause, (void)paused;
    w.written = done;
    w.written_arg = arg;
}

void ledger_strategies_paused(struct ledger *l, loaded_fn *done, void *arg)
{
    (void)l;
    w.loads++;
    w.loaded = done;
    w.loaded_arg = arg;
}

const char *ledger_result_name(enum ledger_result r)
{
    return r == LEDGER_DOWN ? "down" : "other";
}

static void changed(void *arg)
{
    (void)arg;
    w.changed++;
}

static void ended(void *arg, bool ok, const char *detail)
{
    (void)arg;
    w.ended++;
    w.ok = ok;
    str_copy_cut(w.detail, sizeof w.detail, detail);
}

static struct loop *loop;
static struct pauses *pauses;
static const struct strategy_pause core = {.strategy = "core", .reason = "odd", .source = "operator", .at = 1};

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    loop = loop_new();
    pauses = pauses_new(loop, NULL, changed, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pauses_free(pauses);
    loop_free(loop);
    return 0;
}

static void reading_goes_on_until_it_worked_and_then_ends(void **state)
{
    (void)state;
    assert_false(pauses_known(pauses));
    pauses_load(pauses);
    pauses_load(pauses);
    assert_int_equal(w.loads, 1);
    w.loaded(w.loaded_arg, LEDGER_DOWN, NULL, 0);
    assert_false(pauses_known(pauses));
    pauses_load(pauses);
    assert_int_equal(w.loads, 2);
    w.loaded(w.loaded_arg, LEDGER_OK, &core, 1);
    assert_true(pauses_known(pauses));
    assert_int_equal(w.changed, 1);
    assert_string_equal(pauses_of(pauses, "core")->reason, "odd");
    assert_null(pauses_of(pauses, "edge"));
    pauses_load(pauses);
    assert_int_equal(w.loads, 2);
}

static void reading_is_tried_again_by_itself(void **state)
{
    (void)state;
    pauses_load(pauses);
    w.loaded(w.loaded_arg, LEDGER_DOWN, NULL, 0);
    while (w.loads == 1 && loop_step(loop, 100)) // ends with nothing left when nothing is tried
        continue;
    assert_int_equal(w.loads, 2);
    w.loaded(w.loaded_arg, LEDGER_OK, &core, 1);
    assert_true(pauses_known(pauses));
    assert_int_equal(w.loads, 2);
}

static void another_host_may_have_changed_them(void **state)
{
    static const struct strategy_pause edge = {.strategy = "edge", .reason = "odd", .source = "operator", .at = 1};
    (void)state;
    pauses_load(pauses);
    w.loaded(w.loaded_arg, LEDGER_OK, &core, 1);
    pauses_load_anew(pauses);
    assert_int_equal(w.loads, 2);
    assert_false(pauses_known(pauses));
    pauses_load_anew(pauses); // the answer on its way is of before this
    w.loaded(w.loaded_arg, LEDGER_OK, &core, 1);
    assert_false(pauses_known(pauses));
    assert_int_equal(w.loads, 3);
    w.loaded(w.loaded_arg, LEDGER_OK, &edge, 1);
    assert_true(pauses_known(pauses));
    assert_null(pauses_of(pauses, "core"));
    assert_non_null(pauses_of(pauses, "edge"));
}

static void a_pause_holds_at_once_even_when_it_is_not_kept(void **state)
{
    (void)state;
    pauses_set(pauses, &core, true, ended, NULL);
    assert_non_null(pauses_of(pauses, "core"));
    assert_int_equal(w.ended, 0);
    w.written(w.written_arg, LEDGER_DOWN, "away");
    assert_int_equal(w.ended, 1);
    assert_false(w.ok);
    assert_non_null(strstr(w.detail, "a restart would forget it"));
    assert_non_null(pauses_of(pauses, "core"));
}

static void a_resume_holds_only_when_it_is_kept(void **state)
{
    (void)state;
    pauses_set(pauses, &core, true, ended, NULL);
    w.written(w.written_arg, LEDGER_OK, "");
    assert_true(w.ok);
    pauses_set(pauses, &core, false, ended, NULL);
    assert_non_null(pauses_of(pauses, "core"));
    w.written(w.written_arg, LEDGER_LOST, "");
    assert_false(w.ok);
    assert_non_null(pauses_of(pauses, "core"));
    pauses_set(pauses, &core, false, ended, NULL);
    w.written(w.written_arg, LEDGER_OK, "");
    assert_true(w.ok);
    assert_null(pauses_of(pauses, "core"));
    assert_string_equal(w.detail, "");
    assert_int_equal(w.changed, 3);
    pauses_set(pauses, &core, false, ended, NULL); // nothing to resume
    w.written(w.written_arg, LEDGER_OK, "");
    assert_true(w.ok);
    pauses_set(pauses, &core, false, ended, NULL);
    w.written(w.written_arg, LEDGER_DOWN, "");
    assert_null(pauses_of(pauses, "core")); // asking to resume pauses nothing
    assert_non_null(strstr(w.detail, "not resumed"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(reading_is_tried_again_by_itself),    T(reading_goes_on_until_it_worked_and_then_ends),
        T(another_host_may_have_changed_them),  T(a_pause_holds_at_once_even_when_it_is_not_kept),
        T(a_resume_holds_only_when_it_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
