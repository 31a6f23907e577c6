// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The broker's calendar is kept as it was told last, once for each time it differs.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_calendar.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

static struct session_day kept[8];

static void on_calendar(void *arg, enum ledger_result result, const struct session_day *days, size_t count,
                        int64_t read_at)
{
    (void)arg;
    got.done++;
    got.result = result;
    got.count = count;
    got.at = read_at;
    if (count)
        memcpy(kept, days, count * sizeof *days);
}

static void keeps_what_was_told_last(void **state)
{
    (void)state;
    static const struct session_day days[] = {
        {{2026, 11, 25}, 34200, 57600}, {{2026, 11, 27}, 34200, 46800}, {{2026, 11, 28}, 0, 86340}};
    use_database(true);
    start_ready();
    CALL(ledger_calendar_load(ledger, ACCOUNT, on_calendar, NULL));
    assert_int_equal(got.result, LEDGER_OK);
    assert_int_equal(got.count, 0);
    ledger_calendar_keep(ledger, ACCOUNT, days, 2, T0);
    ledger_calendar_keep(ledger, ACCOUNT, days, 2, T0 + SECOND);
    ledger_calendar_keep(ledger, ACCOUNT, days, 3, T0 + 2 * SECOND);
    ledger_calendar_keep(ledger, ACCOUNT, days, 0, T0 + 3 * SECOND); // nothing to keep
    CALL(ledger_calendar_load(ledger, ACCOUNT, on_calendar, NULL));
    assert_int_equal(got.count, 3);
    assert_true(got.at == T0 + 2 * SECOND);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(day_compare(kept[i].date, days[i].date), 0);
        assert_int_equal(kept[i].open_s, days[i].open_s);
        assert_int_equal(kept[i].close_s, days[i].close_s);
    }
    assert_sql("SELECT count(*) FROM broker_calendars", "2");
    CALL(ledger_calendar_load(ledger, "PA3ANOTHER11", on_calendar, NULL));
    assert_int_equal(got.count, 0);
    assert_sql("INSERT INTO broker_calendars (account_number, read_at, days) VALUES ('" ACCOUNT
               "', now(), '2026-11-25=noon')",
               "");
    CALL(ledger_calendar_load(ledger, ACCOUNT, on_calendar, NULL));
    assert_int_equal(got.result, LEDGER_CONFLICT);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {LEDGER_TEST(keeps_what_was_told_last)};
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
