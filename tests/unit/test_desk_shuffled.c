// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/desk*.o daemon/exposure*.o daemon/metrics.o
//
// In whatever order the news of an order come, and however often: it never goes back, and ends as the broker has it.
#include "tests/unit/desk_room.h"
#include "tests/unit/order_history.h"

#define LIVES 4000

static void fail_at(const struct history *h, int life, const char *what)
{
    for (size_t i = 0; i < h->told_count; i++)
        print_message("  %s %d at %lld\n", order_status_name(h->told[i].status), (int)h->told[i].filled,
                      (long long)(h->told[i].at % INT64_C(1000000000)));
    fail_msg("life %d: %s: %s %d", life, what, order_status_name(desk_order(desk, ID)->status),
             (int)(desk_order(desk, ID)->filled_qty.nanos / DECIMAL_ONE));
}

static void tell(const struct moment *m, const char *source)
{
    struct order_state s = {.status = m->status, .filled_qty = SHARES(m->filled), .updated_at = m->at};
    strcpy(s.id, "o-1");
    strcpy(s.client_order_id, ID);
    s.has_filled_avg_price = m->filled > 0;
    s.filled_avg_price.nanos = m->filled ? (90 + m->filled) * DECIMAL_ONE : 0;
    desk_broker_says(desk, &s, source);
}

static void one_life(int life)
{
    static const char *const sources[] = {"stream", "poll", "lookup"};
    struct history h;
    history_make(&h);
    to_the_wire(ORDER_BUY, HISTORY_QTY);
    const struct order_row *row = desk_order(desk, ID);
    for (size_t i = 0; i < h.told_count; i++) {
        struct order_row was = *row;
        tell(&h.told[i], sources[history_below(3)]);
        if (history_below(2))
            ledger_takes(LEDGER_OK);
        if (order_status_rank(row->status) < order_status_rank(was.status) ||
            row->filled_qty.nanos < was.filled_qty.nanos ||
            (order_status_terminal(was.status) && row->status != was.status))
            fail_at(&h, life, "went back");
    }
    const struct moment *last = &h.moments[h.count - 1];
    if (row->status != last->status || row->filled_qty.nanos != SHARES(last->filled).nanos)
        fail_at(&h, life, "ends");
    int64_t left = order_status_terminal(last->status) ? 0 : HISTORY_QTY - last->filled;
    if (open_buys() != USD(100 * left).nanos)
        fail_at(&h, life, "reserves wrongly");
    ledger_takes(LEDGER_OK);
}

static void any_order_of_news_ends_alike(void **state)
{
    for (int life = 1; life <= LIVES; life++) {
        history_random = (uint64_t)life * UINT64_C(0x9E3779B97F4A7C15) | 1;
        set_up(state);
        one_life(life);
        tear_down(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_order_of_news_ends_alike)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
