// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// In whatever order the news of an order reach the ledger, and however often: its row never goes back, and ends as the
// broker has it. Postgres itself refuses what is older.
//
// needs: daemon/ledger.o daemon/ledger_values.o daemon/ledger_schema.o daemon/ledger_records.o daemon/ledger_upkeep.o
// needs: daemon/ledger_call.o daemon/ledger_runs.o daemon/ledger_plan.o daemon/ledger_orders.o daemon/ledger_fills.o
// needs: daemon/ledger_read.o
// needs: daemon/ledger_mark.o
#include "ledger_fixture.h"

#include "order_history.h"

#define LIVES 40
#define SLOT "2026-10-08T19:30:00Z"

static void tell(const char *id, const struct moment *m, int i)
{
    static const char *const sources[] = {"stream", "poll", "lookup"};
    char order_id[32];
    snprintf(order_id, sizeof order_id, "o-%s", id);
    CALL(ledger_order_update(ledger, id, order_id, m->status, (struct qty){m->filled * DECIMAL_ONE},
                             (struct price){m->filled ? (90 + m->filled) * DECIMAL_ONE : 0}, m->at, T0 + i * SECOND,
                             sources[history_below(3)], "", on_done, NULL));
    if (got.result == LEDGER_CONFLICT)
        assert_int_equal(strncmp(got.detail, "stale: ", 7), 0);
    else
        assert_int_equal(got.result, LEDGER_OK);
}

static void one_life(int life)
{
    struct history h;
    char id[24], text[400];
    snprintf(id, sizeof id, "c%d", life);
    history_make(&h);
    struct intent in = an_intent(id, "run-1", 1, life, HISTORY_QTY);
    commit_ok(&in);
    for (size_t i = 0; i < h.told_count; i++)
        tell(id, &h.told[i], (int)i);
    const struct moment *last = &h.moments[h.count - 1];
    snprintf(
        text, sizeof text,
        "SELECT status || ' ' || trim_scale(filled_qty) || ' ' || coalesce(trim_scale(filled_avg_price)::text, '') "
        "FROM orders WHERE client_order_id = '%s'",
        id);
    char expected[80];
    snprintf(expected, sizeof expected, "%s %d ", order_status_name(last->status), (int)last->filled);
    if (last->filled)
        snprintf(expected + strlen(expected), 8, "%d", (int)(90 + last->filled));
    assert_sql(text, expected);
    if (!order_status_terminal(last->status)) // before the next try
        tell(id, &(struct moment){ORDER_CANCELED, last->filled, last->at + 1}, 0);
}

static void any_order_of_news_ends_alike(void **state)
{
    (void)state;
    use_database(true);
    start_ready();
    open_with(1000000);
    plan_leg("run-1", SLOT, ORDER_BUY, LIVES * HISTORY_QTY, 0, 0);
    for (int life = 1; life <= LIVES; life++) {
        history_random = (uint64_t)life * UINT64_C(0x9E3779B97F4A7C15) | 1;
        one_life(life);
    }
    assert_sql(
        "SELECT count(*) FROM (SELECT s.rank, e.filled_qty, lag(s.rank) OVER w AS rank_was, lag(e.filled_qty) OVER w "
        "AS filled_was FROM order_events e JOIN order_statuses s USING (status) WINDOW w AS (PARTITION BY "
        "client_order_id ORDER BY event_id)) t WHERE rank < rank_was OR filled_qty < filled_was",
        "0");
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {LEDGER_TEST(any_order_of_news_ends_alike)};
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
