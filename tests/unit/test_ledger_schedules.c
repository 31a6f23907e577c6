// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A schedule keeps its beginning for as long as it is told unchanged.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_strategies.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

static struct schedule_watch rows[8];

static void on_watched(void *arg, enum ledger_result result, const struct schedule_watch *told, size_t count)
{
    (void)arg;
    got.done++;
    got.result = result;
    got.count = count;
    assert_true(count <= ARRAY_LEN(rows));
    if (count)
        memcpy(rows, told, count * sizeof *told);
}

static size_t tell(const char *core, const char *edge, int64_t now)
{
    const struct schedule_told told[] = {{"core", core}, {"edge", edge}};
    CALL(ledger_schedules_watch(ledger, ACCOUNT, told, edge ? 2 : 1, now, on_watched, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    return got.count;
}

static void keeps_when_each_began(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    assert_int_equal(tell("15:30", "close-5m", T0), 2);
    assert_string_equal(rows[1].strategy, "edge");
    assert_int_equal(rows[0].since, T0);
    assert_int_equal(tell("15:30", "close-4m", T0 + SECOND), 2);
    assert_int_equal(rows[0].since, T0);
    assert_int_equal(rows[1].since, T0 + SECOND); // another schedule
    assert_int_equal(tell("15:30", "close-4m", T0 - SECOND), 2);
    assert_int_equal(rows[0].since, T0 - SECOND); // the clock was ahead before
    assert_int_equal(tell("", NULL, T0 + 2 * SECOND), 0);
    assert_sql("SELECT string_agg(strategy || schedule, ',' ORDER BY strategy) FROM schedules", "core,edge");
    assert_int_equal(tell("15:30", "close-4m", T0 + 3 * SECOND), 2);
    assert_int_equal(rows[0].since, T0 + 3 * SECOND); // it was disabled meanwhile
    assert_int_equal(rows[1].since, T0 + 3 * SECOND); // and this one not there
    finish();
}

static void only_the_leader_tells(void **state)
{
    (void)state;
    static const struct schedule_told told[] = {{"core", "15:30"}};
    use_database(true);
    start_ready();
    sql("UPDATE leaders SET epoch = epoch + 1, host = 'host-b', holder = 'other', beat = 0");
    CALL(ledger_schedules_watch(ledger, ACCOUNT, told, 1, T0, on_watched, NULL));
    assert_int_equal(got.result, LEDGER_DOWN);
    assert_int_equal(got.count, 0);
    assert_sql("SELECT count(*) FROM schedules", "0");
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {LEDGER_TEST(keeps_when_each_began), LEDGER_TEST(only_the_leader_tells)};
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
