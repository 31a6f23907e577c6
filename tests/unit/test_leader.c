// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Two hosts and the row they share, in simulated time. The times are the ones of leader.h.
// needs: daemon/leader.o
#include "tests/unit/leader_rig.h"

static void the_first_leads_and_the_second_stands_by(void **state)
{
    (void)state;
    start(0, "id-a", LEASE_MS);
    assert_int_equal(hosts[0].facts.lead, LEAD_UNKNOWN);
    run_for(100);
    assert_true(holds(0));
    assert_int_equal(hosts[0].facts.epoch, 1);
    assert_false(leader_status(hosts[0].leader)->took_over);
    start(1, "id-b", LEASE_MS);
    run_for(60000);
    assert_true(holds(0));
    assert_int_equal(hosts[1].facts.lead, LEAD_STANDBY);
    assert_string_equal(leader_status(hosts[1].leader)->host, "a");
    assert_int_equal(leader_status(hosts[1].leader)->epoch, 1);
    assert_true(row.beat >= 25 && row.beat <= 31); // every two seconds
    assert_int_equal(hosts[0].told[LEADER_HELD], 1);
    assert_int_equal(hosts[1].told[LEADER_STANDBY], 1);
}

static void the_standby_takes_over_within_the_lease(void **state)
{
    (void)state;
    for (int late = 0; late < 20; late++) {
        (void)set_up(NULL);
        strcpy(row.halt[0], "halted");
        start(0, "id-a", LEASE_MS);
        run_for(100);
        start(1, "id-b", LEASE_MS);
        run_for(5000 + 100 * late);
        kill_host(0);
        run_for(6900);
        assert_false(holds(1));
        run_for(LEASE_MS - 6900);
        assert_true(holds(1));
        const struct leader_status *s = leader_status(hosts[1].leader);
        assert_int_equal(s->epoch, 2);
        assert_true(s->took_over);
        assert_string_equal(s->before, "a");
        assert_int_equal(s->halt_before, HALT_HALTED);
        assert_string_equal(s->halt_reason, "why");
        assert_string_equal(s->halts_of_strategies, "[\"halted\"]");
        kill_host(1);
    }
}

// The row is its own when it looks again: whose it was before is not forgotten, nor that it was halted.
static void a_taking_over_without_an_answer_is_one(void **state)
{
    (void)state;
    strcpy(row.halt[0], "reduce_only");
    start(0, "id-a", LEASE_MS);
    run_for(100);
    start(1, "id-b", LEASE_MS);
    hosts[1].loses_take = true;
    run_for(1000);
    kill_host(0);
    run_for(LEASE_MS + 2000);
    const struct leader_status *s = leader_status(hosts[1].leader);
    assert_true(holds(1) && !hosts[1].loses_take);
    assert_int_equal(s->epoch, 3);
    assert_true(s->took_over);
    assert_string_equal(s->before, "a");
    assert_int_equal(s->halt_before, HALT_REDUCE_ONLY);
    assert_string_equal(row.halt[1], "reduce_only"); // and on record since the first commit, should it end here
}

// The lock on state_dir says that the process before is dead; a copy of its state_dir elsewhere does not.
static void a_restart_waits_for_nobody(void **state)
{
    (void)state;
    start(0, "id-a", LEASE_MS);
    run_for(3000);
    kill_host(0);
    start(0, "id-a", LEASE_MS);
    run_for(100);
    assert_true(holds(0));
    assert_int_equal(hosts[0].facts.epoch, 2);
    assert_false(leader_status(hosts[0].leader)->took_over);
    start(1, "id-a", LEASE_MS);
    run_for(5000);
    assert_true(holds(0));
    assert_int_equal(hosts[1].facts.lead, LEAD_STANDBY);
}

static void ended(void *arg)
{
    ((struct host *)arg)->released = true;
}

static void a_clean_end_hands_over_at_once(void **state)
{
    (void)state;
    start(0, "id-a", 60000);
    run_for(100);
    start(1, "id-b", 60000);
    run_for(3000);
    current = 0;
    leader_release(hosts[0].leader, ended, &hosts[0]);
    assert_int_equal(hosts[0].facts.lead, LEAD_STANDBY); // before it is written
    run_for(600);
    assert_true(hosts[0].released && holds(1));
    assert_int_equal(hosts[1].facts.epoch, 2);
    // Nothing to give up, or nobody to tell: the end comes all the same.
    current = 1;
    hosts[1].pg_up = false;
    hosts[1].lossy = true;
    seed = 0;
    leader_release(hosts[1].leader, ended, &hosts[1]);
    run_for(2500);
    assert_true(hosts[1].released);
}

// Stopped for longer than its lease: by the clock it holds nothing, before any of its timers ran.
static void a_stopped_leader_wakes_as_nobody(void **state)
{
    (void)state;
    two_of_them(LEASE_MS, LEASE_MS);
    hosts[0].frozen_until = now + 20 * S;
    run_for(19999);
    assert_true(holds(1));
    assert_int_equal(hosts[0].facts.lead, LEAD_HELD); // as it fell asleep
    assert_true(hosts[0].facts.until < now);
    run_for(100);
    assert_int_equal(state_of(0), LEADER_LOST);
    assert_int_equal(hosts[0].facts.lead, LEAD_STANDBY);
    run_for(60000);
    assert_int_equal(hosts[0].told[LEADER_LOST], 1);
    assert_true(holds(1));
}

static void a_lease_that_nobody_took_goes_on(void **state)
{
    (void)state;
    two_of_them(LEASE_MS, LEASE_MS);
    postgres(0, false);
    postgres(1, false); // away for both
    run_for(30000);
    assert_false(holds(0));
    assert_int_equal(state_of(0), LEADER_HELD);
    postgres(1, true); // the standby is the first to see it again
    run_for(5000);
    postgres(0, true);
    run_for(1000);
    assert_true(holds(0));
    assert_int_equal(hosts[0].facts.epoch, 1);
}

// A standby that was stopped itself has not seen what moved meanwhile.
static void a_stopped_standby_looks_again(void **state)
{
    (void)state;
    two_of_them(LEASE_MS, LEASE_MS);
    hosts[1].frozen_until = now + 60 * S;
    run_for(61000);
    assert_true(holds(0));
    assert_int_equal(hosts[1].facts.lead, LEAD_STANDBY);
}

// The holder's figure counts when it is the longer one.
static void the_longer_lease_counts(void **state)
{
    (void)state;
    two_of_them(60000, 3000);
    kill_host(0);
    run_for(40000);
    assert_false(holds(1));
    run_for(20000);
    assert_true(holds(1));
}

// Whatever gets lost, late or stopped: one_leads() is asked at every event.
static void never_two(void **state)
{
    (void)state;
    int handed = 0;
    for (uint64_t s = 1; s <= 60; s++) {
        (void)set_up(NULL);
        seed = s;
        start(0, "id-a", LEASE_MS);
        start(1, "id-b", LEASE_MS);
        for (int i = 0; i < 60; i++) {
            int h = (int)draw(2);
            net_ms = (int64_t)(draw(4) == 0 ? draw(900) : draw(5));
            hosts[h].lossy = draw(3) == 0;
            postgres(h, draw(6) != 0);
            if (draw(4) == 0)
                hosts[h].frozen_until = now + (int64_t)draw(25000) * MS;
            run_for(500 + (int64_t)draw(15000));
            for (h = 0; h < HOSTS; h++)
                if (state_of(h) == LEADER_LOST) { // as the daemon: ends, and is started again
                    kill_host(h);
                    start(h, h ? "id-b" : "id-a", LEASE_MS);
                    handed++;
                }
        }
        for (int h = 0; h < HOSTS; h++)
            kill_host(h);
    }
    assert_true(handed > 60); // it was no idle world
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_first_leads_and_the_second_stands_by),
        T(the_standby_takes_over_within_the_lease),
        T(a_taking_over_without_an_answer_is_one),
        T(a_restart_waits_for_nobody),
        T(a_clean_end_hands_over_at_once),
        T(a_stopped_leader_wakes_as_nobody),
        T(a_lease_that_nobody_took_goes_on),
        T(a_stopped_standby_looks_again),
        T(the_longer_lease_counts),
        T(never_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
