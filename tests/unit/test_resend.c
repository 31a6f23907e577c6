// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/desk*.o daemon/exposure*.o daemon/broker.o daemon/broker_keys.o daemon/broker_state.o daemon/metrics.o
//
// One order on the real desk and the real broker channel, as the broker refuses it for the rate, cuts the line, or says
// nothing: how often it goes out, under which id, and what it ends as. Time is the test's own.
#include "daemon/desk.h"

#include "tests/unit/broker_rig.h"
#include "tests/unit/desk_good.h"

#define ID "pg1-00000000000000000000000000000001"
#define LIMITED "{\"code\":42910000,\"message\":\"rate limit exceeded\"}"
#define MISSING "{\"code\":40410000,\"message\":\"order not found for " ID "\"}"
#define USD(n) ((struct money){(n)*DECIMAL_ONE})

static struct {
    struct desk *desk;
    struct exposure *exposure;
    struct risk_limits limits;
    int commits, told, alerts;
    struct order_row last;
    struct intent intent;
    void (*done)(void *, enum ledger_result, struct receipt *, const char *);
    void *arg;
} d;

// --- a ledger that takes everything

static void committed(void *arg)
{
    (void)arg;
    d.done(d.arg, LEDGER_OK, good_receipt(&d.intent, r.now_ns), "");
}

void ledger_intent_commit(struct ledger *l, const struct intent *intent,
                          void (*done)(void *, enum ledger_result, struct receipt *, const char *), void *arg)
{
    (void)l;
    d.commits++;
    d.intent = *intent;
    d.done = done;
    d.arg = arg;
    loop_post(NULL, committed, NULL);
}

static ledger_done_fn *updates[16];
static void *update_args[16];
static int update_first, update_end;

static void updated(void *arg)
{
    (void)arg;
    int i = update_first++ % 16;
    if (updates[i])
        updates[i](update_args[i], LEDGER_OK, "");
}

void ledger_order_reopen(struct ledger *l, const char *client_order_id, struct day of, const char *reason,
                         const char *operator, int64_t now_ns, ledger_done_fn *done, void *arg)
{
    (void)l, (void)client_order_id, (void)of, (void)reason, (void)operator,(void) now_ns, (void)done, (void)arg;
    fail(); // no operator is asked here
}

void ledger_order_update(struct ledger *l, const char *client_order_id, const char *order_id, enum order_status status,
                         struct qty filled_qty, struct price filled_avg_price, int64_t broker_at, int64_t now_ns,
                         const char *source, const char *reason, ledger_done_fn *done, void *arg)
{
    (void)l, (void)client_order_id, (void)order_id, (void)status, (void)filled_qty, (void)filled_avg_price;
    (void)broker_at, (void)now_ns, (void)source, (void)reason;
    if (!done) // written and not waited for
        return;
    updates[update_end % 16] = done;
    update_args[update_end++ % 16] = arg;
    loop_post(NULL, updated, NULL);
}

void ledger_decision(struct ledger *l, const char *kind, const char *subject, const char *answer, const char *rule,
                     const char *detail, int64_t now_ns)
{
    (void)l, (void)kind, (void)subject, (void)answer, (void)rule, (void)detail, (void)now_ns;
}

const char *ledger_result_name(enum ledger_result result)
{
    return result == LEDGER_OK ? "ok" : "not ok";
}

// --- the room

static void on_order(void *arg, const struct order_row *row)
{
    (void)arg;
    d.told++;
    d.last = *row;
}

static void on_alert(void *arg, const char *kind, const char *subject, const char *detail)
{
    (void)arg, (void)kind, (void)subject, (void)detail;
    d.alerts++;
}

static void nothing(void *arg, const struct order_row *row)
{
    (void)arg, (void)row;
}

static int set_up_desk(void **state)
{
    set_up(state);
    memset(&d, 0, sizeof d);
    update_first = update_end = 0;
    broker_of(200, 4);
    d.exposure = exposure_new();
    const struct exposure_session hours = good_hours();
    exposure_set_session(d.exposure, &hours);
    struct alpaca_account a = {.equity = USD(100000), .cash = USD(100000)};
    struct alpaca_asset asset = {.symbol = "SPY", .status = "active", .tradable = true, .fractionable = true};
    struct alpaca_trade t = {.symbol = "SPY", .price = {100 * DECIMAL_ONE}, .at = clock_wall_ns()};
    exposure_set_account(d.exposure, &a, r.now_ns);
    exposure_set_positions(d.exposure, NULL, 0, r.now_ns);
    exposure_set_asset(d.exposure, &asset);
    exposure_set_adv(d.exposure, "SPY", (struct qty){1000000 * DECIMAL_ONE}, day_of(clock_wall_ns()));
    exposure_set_trade(d.exposure, &t, r.now_ns, clock_wall_ns());
    d.limits = good_limits();
    d.desk = desk_new(&(struct desk_params){.guard = r.guard,
                                            .exposure = d.exposure,
                                            .broker = r.broker,
                                            .metrics = r.metrics,
                                            .limits = &d.limits,
                                            .on_order = on_order,
                                            .alert = on_alert});
    struct intent in = {.leg = 1, .try_no = 1, .session = {2026, 10, 8}, .created_at = clock_wall_ns()};
    str_copy_cut(in.account, sizeof in.account, r.facts.account_number);
    in.order = (struct order_request){.client_order_id = ID,
                                      .symbol = "SPY",
                                      .side = ORDER_BUY,
                                      .type = ORDER_MARKET,
                                      .tif = TIF_DAY,
                                      .qty = {2 * DECIMAL_ONE}};
    desk_place(d.desk, &in, nothing, NULL);
    settle();
    return 0;
}

static int tear_down_desk(void **state)
{
    broker_free(r.broker);
    r.broker = NULL;
    desk_free(d.desk);
    exposure_free(d.exposure);
    return tear_down(state);
}

static int posts(void)
{
    int n = 0;
    for (int i = 0; i < r.wire_count; i++)
        n += r.wires[i]->body != NULL;
    return n;
}

// Time passes until the i-th request comes to the transport, which asks at once whether it may.
static void goes_out(int i)
{
    for (int step = 0; step < 600 && r.wire_count <= i; step++)
        pass_ms(100);
    assert_int_equal(r.wire_count, i + 1);
    assert_true(may_send(i, 1));
}

static int64_t reserved(void)
{
    struct risk_view v;
    struct order_request o = {.symbol = "SPY"};
    assert_true(exposure_view(d.exposure, &o, "", (struct day){2026, 10, 8}, r.now_ns, &v));
    return v.open_buys.nanos;
}

static const char *filled(void)
{
    return "{\"id\":\"o-1\",\"client_order_id\":\"" ID "\",\"symbol\":\"SPY\",\"side\":\"buy\",\"type\":\"market\","
           "\"time_in_force\":\"day\",\"status\":\"filled\",\"qty\":\"2\",\"filled_qty\":\"2\","
           "\"filled_avg_price\":\"100\",\"notional\":null,\"limit_price\":null,"
           "\"created_at\":\"2026-10-08T19:30:00Z\",\"updated_at\":\"2026-10-08T19:30:01Z\","
           "\"submitted_at\":\"2026-10-08T19:30:00Z\",\"filled_at\":\"2026-10-08T19:30:01Z\"}";
}

// --- tests

static void refused_for_the_rate_it_goes_out_five_times_more_as_it_was(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        goes_out(i); // with a permit of its own each time
        assert_int_equal(posts(), i + 1);
        assert_non_null(strstr(wire(i)->body, ID));
        assert_string_equal(r.wires[i]->body, r.wires[0]->body);
        assert_int_equal(reserved(), USD(200).nanos);
        wire_answers(i, 429, LIMITED);
    }
    pass_ms(600000);
    assert_int_equal(posts(), 6);
    assert_int_equal(d.commits, 6);
    assert_int_equal(d.last.status, ORDER_REJECTED);
    assert_int_equal(reserved(), 0);
    assert_int_equal(r.denials, 0);
    for (int c = 0; c < GUARD_CHECK_COUNT; c++)
        assert_int_equal(guard_denials(r.guard, (enum guard_check)c), 0);
}

// The transport wants to transmit what was sent again a second time: not a denial, and not a refusal either.
static void what_goes_out_again_and_is_cut_is_unknown(void **state)
{
    (void)state;
    goes_out(0);
    wire_answers(0, 429, LIMITED);
    goes_out(1);
    assert_false(may_send(1, 2));
    wire_fails(1, HTTP_RESULT_LOST, true);
    assert_int_equal(d.last.status, ORDER_UNKNOWN);
    assert_int_equal(desk_unknown_count(d.desk), 1);
    assert_int_equal(reserved(), USD(200).nanos);
    assert_int_equal(r.denials, 0);
    goes_out(2);
    assert_string_equal(wire(2)->target, "/v2/orders:by_client_order_id?client_order_id=" ID);
    wire_answers(2, 200, filled());
    assert_int_equal(d.last.status, ORDER_FILLED);
    assert_int_equal(posts(), 2);
}

static void no_answer_is_unknown_never_failed(void **state)
{
    (void)state;
    goes_out(0);
    wire_fails(0, HTTP_RESULT_TIMEOUT, true);
    assert_int_equal(d.last.status, ORDER_UNKNOWN);
    for (int i = 1; i < 20; i++) { // asked for by id again and again; "not found" alone proves nothing
        goes_out(i);
        wire_answers(i, 404, MISSING);
    }
    assert_int_equal(d.last.status, ORDER_UNKNOWN);
    assert_int_equal(posts(), 1);
    assert_int_equal(reserved(), USD(200).nanos);
    assert_int_equal(d.alerts, 1);
}

static void a_page_of_something_in_between_is_unknown_never_a_refusal(void **state)
{
    (void)state;
    goes_out(0);
    wire_answers(0, 403, "{\"error\":\"blocked by policy\"}");
    assert_int_equal(d.last.status, ORDER_UNKNOWN);
    assert_int_equal(reserved(), USD(200).nanos);
}

static void what_never_left_is_not_placed(void **state)
{
    (void)state;
    wire_fails(0, HTTP_RESULT_REFUSED, false);
    assert_int_equal(d.last.status, ORDER_NOT_PLACED);
    assert_int_equal(reserved(), 0);
    assert_int_equal(posts(), 1);
}

static void a_refused_key_is_a_refusal_of_the_order(void **state)
{
    (void)state;
    goes_out(0);
    wire_answers(0, 401, "{\"message\":\"unauthorized.\"}");
    assert_int_equal(d.last.status, ORDER_REJECTED);
    assert_int_equal(r.key_refused, 1);
    assert_int_equal(reserved(), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up_desk, tear_down_desk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(refused_for_the_rate_it_goes_out_five_times_more_as_it_was),
        T(what_goes_out_again_and_is_cut_is_unknown),
        T(no_answer_is_unknown_never_failed),
        T(a_page_of_something_in_between_is_unknown_never_a_refusal),
        T(what_never_left_is_not_placed),
        T(a_refused_key_is_a_refusal_of_the_order),
    };
    return cmocka_run_group_tests_name("resend", tests, NULL, NULL);
}
