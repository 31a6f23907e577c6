// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Every check, every state, every class: what is minted, and what is redeemed after the facts have changed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/guard_good.h"

// One operation for each class that has any.
enum col { BOOT_READ, READ, CANCEL, REDUCE, OPEN, COLS };
static const enum guard_op col_op[COLS] = {OP_CLOCK_BOOT, OP_POSITIONS, OP_CANCEL, OP_SUBMIT_REDUCE, OP_SUBMIT_OPEN};

struct row {
    enum guard_check check;
    const char *what;
    void (*set)(struct guard_facts *f, struct wire_request *r);
    const char *expect; // one letter for each class: Pass, Fail, Unknown
};

#define SET(name, ...)                                                                                                 \
    static void set_##name(struct guard_facts *f, struct wire_request *r)                                              \
    {                                                                                                                  \
        (void)f;                                                                                                       \
        (void)r;                                                                                                       \
        __VA_ARGS__;                                                                                                   \
    }
#define TEXT(member, s) str_copy_cut(f->member, sizeof f->member, s)

SET(nothing, )
SET(dry_run_unread, f->dry_run.state = SWITCH_UNREAD)
SET(dry_run_unset, f->dry_run.state = SWITCH_UNSET)
SET(dry_run_false, f->dry_run.state = SWITCH_FALSE)
SET(dry_run_invalid, f->dry_run.state = SWITCH_INVALID)
SET(dry_run_odd, f->dry_run.state = (enum fact_switch_state)99)
SET(paper_unread, f->alpaca_paper.state = SWITCH_UNREAD)
SET(paper_unset, f->alpaca_paper.state = SWITCH_UNSET)
SET(paper_false, f->alpaca_paper.state = SWITCH_FALSE)
SET(paper_invalid, f->alpaca_paper.state = SWITCH_INVALID)
SET(stage_unread, f->stage = STAGE_UNREAD)
SET(stage_unset, f->stage = STAGE_UNSET)
SET(stage_dev, f->stage = STAGE_DEV)
SET(stage_refused, f->stage = STAGE_REFUSED)
SET(mode_true, f->staging_mode.state = SWITCH_TRUE)
SET(mode_unread, f->staging_mode.state = SWITCH_UNREAD)
SET(mode_false, f->staging_mode.state = SWITCH_FALSE)
SET(mode_invalid, f->staging_mode.state = SWITCH_INVALID)
SET(endpoint_unread, f->endpoint = ENDPOINT_UNREAD)
SET(endpoint_refused, f->endpoint = ENDPOINT_REFUSED)
SET(endpoint_live, TEXT(trading_host, "api.alpaca.markets"); r->host = f->trading_host)
SET(endpoint_http, TEXT(trading_scheme, "http"); r->scheme = f->trading_scheme)
SET(endpoint_port, f->trading_port = 8443; r->port = 8443)
SET(endpoint_data_host, TEXT(data_host, "data.alpaca.markets.example"))
SET(endpoint_data_scheme, TEXT(data_scheme, "http"))
SET(endpoint_data_port, f->data_port = 80)
SET(names_bad, f->live_named.state = FACT_BAD)
SET(names_unknown, f->live_named.state = FACT_UNKNOWN)
SET(values_bad, f->live_value.state = FACT_BAD)
SET(values_unknown, f->live_value.state = FACT_UNKNOWN)
SET(files_bad, f->files.state = FACT_BAD)
SET(files_unknown, f->files.state = FACT_UNKNOWN)
SET(databases_bad, f->databases.state = FACT_BAD)
SET(databases_unknown, f->databases.state = FACT_UNKNOWN)
SET(key_unread, f->key_class = KEY_UNREAD)
SET(key_missing, f->key_class = KEY_MISSING)
SET(key_conflict, f->key_class = KEY_CONFLICT)
SET(key_simulator, f->key_class = KEY_SIMULATOR)
SET(key_live, f->key_class = KEY_LIVE)
SET(key_other, f->key_class = KEY_OTHER)
SET(host_other, r->host = "api.alpaca.markets")
SET(host_data, r->host = PAPER_DATA_HOST)
SET(host_case, r->host = "Paper-api.alpaca.markets")
SET(host_null, r->host = NULL)
SET(scheme_http, r->scheme = "http")
SET(port_other, r->port = 80)
SET(method_patch, r->method = "PATCH")
SET(method_null, r->method = NULL)
SET(target_other, r->target = "/v2/watchlists")
SET(target_null, r->target = NULL)
SET(key_differs, r->key_fingerprint.bytes[7] ^= 1)
SET(key_none, memset(&f->key_fingerprint, 0, sizeof f->key_fingerprint); r->key_fingerprint = f->key_fingerprint)
SET(number_unknown, TEXT(account_number, ""))
SET(number_live, TEXT(account_number, "010203ABCD"))
SET(number_short, TEXT(account_number, "PA"))
SET(number_odd, TEXT(account_number, "PA3ZZ C58PH5"))
SET(number_lower, TEXT(account_number, "PA3ZZJC58PHz"))
SET(number_colon, TEXT(account_number, "PA3ZZJC58PH:"))
SET(number_simulator, TEXT(account_number, "PASIM0000001"))
SET(age_never, f->account_boot_ns = 0)
SET(age_edge, f->account_boot_ns = GOOD_NOW - GUARD_ACCOUNT_AGE_NS)
SET(age_old, f->account_boot_ns = GOOD_NOW - GUARD_ACCOUNT_AGE_NS - 1)
SET(age_future, f->account_boot_ns = GOOD_NOW + INT64_C(3000000000))
SET(age_refused, f->account_key_accepted = FACT_BAD)
SET(pin_same, TEXT(account_pinned, GOOD_ACCOUNT))
SET(pin_other, TEXT(account_pinned, "PA3ZZJC58PH6"))
SET(first_unasked, f->account_first_known = false)
SET(first_none, f->account_first_seen[0] = '\0')
SET(first_other, TEXT(account_first_seen, "PA3ZZJC58PH6"))
SET(status_unknown, f->account_status[0] = '\0')
SET(status_closed, TEXT(account_status, "ACCOUNT_CLOSED"))
SET(status_lower, TEXT(account_status, "active"))
SET(status_blocked, TEXT(account_blocked, "trading_blocked is true"))
SET(marker_bad, f->database_marker.state = FACT_BAD)
SET(marker_unknown, f->database_marker.state = FACT_UNKNOWN)
SET(db_never, f->database_boot_ns = 0)
SET(db_edge, f->database_boot_ns = GOOD_NOW - GUARD_DATABASE_AGE_NS)
SET(db_old, f->database_boot_ns = GOOD_NOW - GUARD_DATABASE_AGE_NS - 1)
SET(db_future, f->database_boot_ns = GOOD_NOW + INT64_C(3000000000))
SET(db_gone, f->database_boot_ns = 0; f->database_marker.state = FACT_UNKNOWN; f->account_first_known = false;
    f->halt_database = HALT_UNKNOWN)
SET(halt_memory, f->halt_memory = HALT_HALTED)
SET(halt_file, f->halt_file = HALT_HALTED)
SET(halt_database, f->halt_database = HALT_HALTED)
SET(halt_memory_unknown, f->halt_memory = HALT_UNKNOWN)
SET(halt_file_unknown, f->halt_file = HALT_UNKNOWN)
SET(halt_database_unknown, f->halt_database = HALT_UNKNOWN)
SET(reduce_memory, f->halt_memory = HALT_REDUCE_ONLY)
SET(reduce_file, f->halt_file = HALT_REDUCE_ONLY)
SET(reduce_database, f->halt_database = HALT_REDUCE_ONLY)
SET(reduce_and_halt, f->halt_memory = HALT_REDUCE_ONLY; f->halt_database = HALT_HALTED)
SET(reduce_and_unknown, f->halt_memory = HALT_REDUCE_ONLY; f->halt_database = HALT_UNKNOWN)
SET(lead_unknown, f->lead = LEAD_UNKNOWN)
SET(lead_no_epoch, f->lead_epoch = 0)
SET(standby, f->lead = LEAD_STANDBY; f->lead_epoch = 0)
SET(lease_edge, f->lead_until_boot_ns = GOOD_NOW + 1)
SET(lease_out, f->lead_until_boot_ns = GOOD_NOW)
SET(epoch_over, f->lead_epoch = GOOD_EPOCH + 1)
SET(steering_bad, f->steering.state = FACT_BAD)
SET(steering_unknown, f->steering.state = FACT_UNKNOWN)
SET(key_pin_same, digest_hex(&f->key_fingerprint, f->key_pinned))
SET(key_pin_other, memset(f->key_pinned, 'a', 64); f->key_pinned[64] = '\0')
SET(key_pin_odd, TEXT(key_pinned, "PK…0001"))
SET(key_pin_no_key, digest_hex(&f->key_fingerprint, f->key_pinned); f->key_class = KEY_MISSING)
SET(children_bad, f->children.state = FACT_BAD)
SET(self_test_bad, f->self_test.state = FACT_BAD)
SET(self_test_unknown, f->self_test.state = FACT_UNKNOWN)
SET(children_unknown, f->children.state = FACT_UNKNOWN)
SET(clock_ahead_edge, f->clock_skew_ns = GUARD_CLOCK_SKEW_NS)
SET(clock_ahead, f->clock_skew_ns = GUARD_CLOCK_SKEW_NS + 1)
SET(clock_behind_edge, f->clock_skew_ns = -GUARD_CLOCK_SKEW_NS)
SET(clock_behind, f->clock_skew_ns = -GUARD_CLOCK_SKEW_NS - 1)
SET(clock_never, f->clock_boot_ns = 0)
SET(clock_edge, f->clock_boot_ns = GOOD_NOW - GUARD_CLOCK_AGE_NS)
SET(clock_old, f->clock_boot_ns = GOOD_NOW - GUARD_CLOCK_AGE_NS - 1)
SET(clock_future, f->clock_boot_ns = GOOD_NOW + INT64_C(3000000000))
SET(clock_set, f->clock_was_set = true)
SET(calendar_bad, f->calendar.state = FACT_BAD)
SET(calendar_unknown, f->calendar.state = FACT_UNKNOWN)
SET(halt_and_unknown, f->halt_memory = HALT_UNKNOWN; f->halt_file = HALT_HALTED)

static const struct row rows[] = {
    {CHECK_DRY_RUN, "all is well", set_nothing, "PPPPP"},
    {CHECK_DRY_RUN, "unread", set_dry_run_unread, "UUUUU"},
    {CHECK_STEERING, "a proxy", set_steering_bad, "FFFFF"},
    {CHECK_STEERING, "not looked at", set_steering_unknown, "UUUUU"},
    {CHECK_KEY_PIN, "the pinned key", set_key_pin_same, "PPPPP"},
    {CHECK_KEY_PIN, "another key", set_key_pin_other, "FFFFF"},
    {CHECK_KEY_PIN, "no fingerprint", set_key_pin_odd, "FFFFF"},
    {CHECK_KEY_CLASS, "pinned, and no key", set_key_pin_no_key, "FFFFF"},
    {CHECK_SELF_TEST, "a row that does not fire", set_self_test_bad, "PPPFF"},
    {CHECK_SELF_TEST, "none yet", set_self_test_unknown, "PPPUU"},
    {CHECK_CHILDREN, "a secret", set_children_bad, "PPPFF"},
    {CHECK_CHILDREN, "not looked at", set_children_unknown, "PPPUU"},
    {CHECK_CLOCK, "ahead by the bound", set_clock_ahead_edge, "PPPPP"},
    {CHECK_CLOCK, "ahead", set_clock_ahead, "PPPPF"},
    {CHECK_CLOCK, "behind by the bound", set_clock_behind_edge, "PPPPP"},
    {CHECK_CLOCK, "behind", set_clock_behind, "PPPPF"},
    {CHECK_CLOCK, "never compared", set_clock_never, "PPPPU"},
    {CHECK_CLOCK, "compared just long enough ago", set_clock_edge, "PPPPP"},
    {CHECK_CLOCK, "compared too long ago", set_clock_old, "PPPPU"},
    {CHECK_CLOCK, "compared later than now", set_clock_future, "PPPPU"},
    {CHECK_CLOCK, "set since", set_clock_set, "PPPPU"},
    {CHECK_CALENDAR, "differs today", set_calendar_bad, "PPPPF"},
    {CHECK_CALENDAR, "not known", set_calendar_unknown, "PPPPU"},
    {CHECK_DRY_RUN, "unset", set_dry_run_unset, "FFFFF"},
    {CHECK_DRY_RUN, "false", set_dry_run_false, "FFFFF"},
    {CHECK_DRY_RUN, "invalid", set_dry_run_invalid, "FFFFF"},
    {CHECK_DRY_RUN, "no such state", set_dry_run_odd, "UUUUU"},
    {CHECK_ALPACA_PAPER, "unread", set_paper_unread, "UUUUU"},
    {CHECK_ALPACA_PAPER, "unset", set_paper_unset, "FFFFF"},
    {CHECK_ALPACA_PAPER, "false", set_paper_false, "FFFFF"},
    {CHECK_ALPACA_PAPER, "invalid", set_paper_invalid, "FFFFF"},
    {CHECK_STAGE, "unread", set_stage_unread, "UUUUU"},
    {CHECK_STAGE, "unset", set_stage_unset, "FFFFF"},
    {CHECK_STAGE, "dev", set_stage_dev, "PPPPP"},
    {CHECK_STAGE, "refused", set_stage_refused, "FFFFF"},
    {CHECK_STAGING_MODE, "true", set_mode_true, "PPPPP"},
    {CHECK_STAGING_MODE, "unread", set_mode_unread, "UUUUU"},
    {CHECK_STAGING_MODE, "false", set_mode_false, "FFFFF"},
    {CHECK_STAGING_MODE, "invalid", set_mode_invalid, "FFFFF"},
    {CHECK_ENDPOINT, "unread", set_endpoint_unread, "UUUUU"},
    {CHECK_ENDPOINT, "refused", set_endpoint_refused, "FFFFF"},
    {CHECK_ENDPOINT, "live host in the facts", set_endpoint_live, "FFFFF"},
    {CHECK_ENDPOINT, "http in the facts", set_endpoint_http, "FFFFF"},
    {CHECK_ENDPOINT, "port in the facts", set_endpoint_port, "FFFFF"},
    {CHECK_ENDPOINT, "data host", set_endpoint_data_host, "FFFFF"},
    {CHECK_ENDPOINT, "data scheme", set_endpoint_data_scheme, "FFFFF"},
    {CHECK_ENDPOINT, "data port", set_endpoint_data_port, "FFFFF"},
    {CHECK_LIVE_NAMES, "bad", set_names_bad, "FFFFF"},
    {CHECK_LIVE_NAMES, "unknown", set_names_unknown, "UUUUU"},
    {CHECK_LIVE_VALUES, "bad", set_values_bad, "FFFFF"},
    {CHECK_LIVE_VALUES, "unknown", set_values_unknown, "UUUUU"},
    {CHECK_FILES, "bad", set_files_bad, "FFFFF"},
    {CHECK_FILES, "unknown", set_files_unknown, "UUUUU"},
    {CHECK_DATABASES, "bad", set_databases_bad, "FFFFF"},
    {CHECK_DATABASES, "unknown", set_databases_unknown, "UUUUU"},
    {CHECK_KEY_CLASS, "unread", set_key_unread, "UUUUU"},
    {CHECK_KEY_CLASS, "missing", set_key_missing, "FFFFF"},
    {CHECK_KEY_CLASS, "conflict", set_key_conflict, "FFFFF"},
    {CHECK_KEY_CLASS, "simulator's", set_key_simulator, "FFFFF"},
    {CHECK_KEY_CLASS, "live", set_key_live, "FFFFF"},
    {CHECK_KEY_CLASS, "other", set_key_other, "UUUUU"},
    {CHECK_REQUEST_HOST, "live host", set_host_other, "FFFFF"},
    {CHECK_REQUEST_HOST, "data host", set_host_data, "FFFFF"},
    {CHECK_REQUEST_HOST, "upper case", set_host_case, "FFFFF"},
    {CHECK_REQUEST_HOST, "none", set_host_null, "FFFFF"},
    {CHECK_REQUEST_HOST, "scheme", set_scheme_http, "FFFFF"},
    {CHECK_REQUEST_HOST, "port", set_port_other, "FFFFF"},
    {CHECK_REQUEST_SHAPE, "method", set_method_patch, "FFFFF"},
    {CHECK_REQUEST_SHAPE, "no method", set_method_null, "FFFFF"},
    {CHECK_REQUEST_SHAPE, "target", set_target_other, "FFFFF"},
    {CHECK_REQUEST_SHAPE, "no target", set_target_null, "FFFFF"},
    {CHECK_REQUEST_KEY, "another key", set_key_differs, "FFFFF"},
    {CHECK_REQUEST_KEY, "no key", set_key_none, "UUUUU"},
    {CHECK_ACCOUNT_NUMBER, "unknown", set_number_unknown, "PUUUU"},
    {CHECK_ACCOUNT_NUMBER, "live", set_number_live, "PFFFF"},
    {CHECK_ACCOUNT_NUMBER, "only PA", set_number_short, "PFFFF"},
    {CHECK_ACCOUNT_NUMBER, "odd characters", set_number_odd, "PFFFF"},
    {CHECK_ACCOUNT_NUMBER, "lower case", set_number_lower, "PFFFF"},
    {CHECK_ACCOUNT_NUMBER, "past the digits", set_number_colon, "PFFFF"},
    {CHECK_ACCOUNT_NUMBER, "simulator's", set_number_simulator, "PFFFF"},
    {CHECK_ACCOUNT_AGE, "never", set_age_never, "PUUUU"},
    {CHECK_ACCOUNT_AGE, "just in time", set_age_edge, "PPPPP"},
    {CHECK_ACCOUNT_AGE, "old", set_age_old, "PUUUU"},
    {CHECK_ACCOUNT_AGE, "in the future", set_age_future, "PUUUU"},
    {CHECK_ACCOUNT_AGE, "key refused", set_age_refused, "PFFFF"},
    {CHECK_ACCOUNT_PIN, "same", set_pin_same, "PPPPP"},
    {CHECK_ACCOUNT_PIN, "other", set_pin_other, "PFFFF"},
    {CHECK_ACCOUNT_FIRST, "not asked", set_first_unasked, "PPPUU"},
    {CHECK_ACCOUNT_FIRST, "none stored", set_first_none, "PPPUU"},
    {CHECK_ACCOUNT_FIRST, "other", set_first_other, "PFFFF"},
    {CHECK_ACCOUNT_STATUS, "unknown", set_status_unknown, "PPPUU"},
    {CHECK_ACCOUNT_STATUS, "closed", set_status_closed, "PPPFF"},
    {CHECK_ACCOUNT_STATUS, "lower case", set_status_lower, "PPPFF"},
    {CHECK_ACCOUNT_STATUS, "blocked", set_status_blocked, "PPPFF"},
    {CHECK_DATABASE_MARKER, "bad", set_marker_bad, "PFFFF"},
    {CHECK_DATABASE_MARKER, "unknown", set_marker_unknown, "PPPUU"},
    {CHECK_DATABASE_AGE, "never", set_db_never, "PPPUU"},
    {CHECK_DATABASE_AGE, "just in time", set_db_edge, "PPPPP"},
    {CHECK_DATABASE_AGE, "old", set_db_old, "PPPUU"},
    {CHECK_DATABASE_AGE, "in the future", set_db_future, "PPPUU"},
    {CHECK_ACCOUNT_FIRST, "database away", set_db_gone, "PPPUU"},
    {CHECK_HALT, "memory", set_halt_memory, "PPPFF"},
    {CHECK_HALT, "file", set_halt_file, "PPPFF"},
    {CHECK_HALT, "database", set_halt_database, "PPPFF"},
    {CHECK_HALT, "memory unknown", set_halt_memory_unknown, "PPPUU"},
    {CHECK_HALT, "file unknown", set_halt_file_unknown, "PPPUU"},
    {CHECK_HALT, "database unknown", set_halt_database_unknown, "PPPUU"},
    {CHECK_HALT, "reduce only, memory", set_reduce_memory, "PPPPF"},
    {CHECK_HALT, "reduce only, file", set_reduce_file, "PPPPF"},
    {CHECK_HALT, "reduce only, database", set_reduce_database, "PPPPF"},
    {CHECK_HALT, "reduce only and halted", set_reduce_and_halt, "PPPFF"},
    {CHECK_HALT, "reduce only and unknown", set_reduce_and_unknown, "PPPUF"},
    {CHECK_HALT, "halted and unknown", set_halt_and_unknown, "PPPFF"},
    {CHECK_LEADER, "not known", set_lead_unknown, "PPPUU"},
    {CHECK_LEADER, "no epoch", set_lead_no_epoch, "PPPUU"},
    {CHECK_LEADER, "standby", set_standby, "PPPFF"},
    {CHECK_LEADER, "lease at its end", set_lease_edge, "PPPPP"},
    {CHECK_LEADER, "lease out", set_lease_out, "PPPUU"},
    {CHECK_LEADER, "committed in an epoch before", set_epoch_over, "PPPFF"},
};

static enum guard_answer answer_of(char letter)
{
    return letter == 'P' ? GUARD_PASS : letter == 'F' ? GUARD_FAIL : GUARD_UNKNOWN;
}

struct attempt {
    struct guard *guard;
    struct guard_facts facts;
    struct wire_request request;
    struct text body;
    struct receipt *receipt;
    struct permit *permit;
    struct cleared_order *cleared;
    struct guard_verdict verdict;
    enum guard_op op;
};

static void attempt_begin(struct attempt *a, enum col c)
{
    memset(a, 0, sizeof *a);
    a->guard = guard_new();
    a->facts = good_facts();
    a->op = col_op[c];
    a->request = good_request(&a->facts, a->op, c == CANCEL ? "/v2/orders/61e69015-8549-4bfd-b9c3-01e75843f47d" : NULL);
    text_init(&a->body, 4096);
    if (c == REDUCE || c == OPEN) {
        const struct receipt_terms terms = good_terms(&a->facts, c == REDUCE, &a->body);
        a->receipt = receipt_mint(&terms);
        a->request.body = text_str(&a->body);
        a->request.body_len = a->body.len;
    }
}

static int attempt_mint(struct attempt *a)
{
    if (a->receipt)
        return guard_clear_order(a->guard, &a->facts, &a->receipt, &a->request, GOOD_NOW, &a->cleared, &a->verdict);
    return guard_permit(a->guard, &a->facts, a->op, &a->request, GOOD_NOW, &a->permit, &a->verdict);
}

static bool attempt_redeem(struct attempt *a)
{
    if (a->cleared)
        return guard_redeem_order(a->guard, a->cleared, &a->facts, &a->request, GOOD_NOW, &a->verdict);
    return guard_redeem(a->guard, a->permit, &a->facts, &a->request, GOOD_NOW, &a->verdict);
}

static void attempt_end(struct attempt *a)
{
    receipt_drop(&a->receipt);
    permit_drop(&a->permit);
    cleared_order_drop(&a->cleared);
    text_free(&a->body);
    guard_free(a->guard);
}

static void expect(const struct row *row, const struct attempt *a, enum col c, const char *when)
{
    const enum guard_answer want = answer_of(row->expect[c]);

    if (a->verdict.answer != want || (want != GUARD_PASS && a->verdict.check != row->check))
        fail_msg("%s, %s, class %s, %s: %s of %s (%s), expected %s", guard_check_name(row->check), row->what,
                 guard_class_name(guard_op_class(a->op)), when, guard_answer_name(a->verdict.answer),
                 guard_check_name(a->verdict.check), a->verdict.detail, guard_answer_name(want));
    if (want != GUARD_PASS) {
        assert_true(a->verdict.detail[0] != '\0' || row->check == CHECK_STAGE || row->check == CHECK_ENDPOINT ||
                    row->check == CHECK_KEY_CLASS);
        assert_int_equal(guard_denials(a->guard, row->check), 1);
    }
}

static void test_minting(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (enum col c = 0; c < COLS; c++) {
            struct attempt a;
            attempt_begin(&a, c);
            rows[i].set(&a.facts, &a.request);
            const int rc = attempt_mint(&a);
            expect(&rows[i], &a, c, "minting");
            assert_int_equal(rc, rows[i].expect[c] == 'P' ? 0 : -1);
            assert_null(a.receipt); // taken in any case
            assert_int_equal(guard_permits(a.guard), rc == 0 ? 1 : 0);
            assert_true((a.permit || a.cleared) == (rc == 0));
            attempt_end(&a);
        }
}

// What is minted while all is well is worth nothing once a fact has changed.
static void test_redeeming(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (enum col c = 0; c < COLS; c++) {
            struct attempt a;
            attempt_begin(&a, c);
            assert_int_equal(attempt_mint(&a), 0);
            rows[i].set(&a.facts, &a.request);
            const bool sent = attempt_redeem(&a);
            expect(&rows[i], &a, c, "redeeming");
            assert_int_equal(sent, rows[i].expect[c] == 'P');
            attempt_end(&a);
        }
}

static bool asks_request(enum guard_check c)
{
    return c == CHECK_REQUEST_HOST || c == CHECK_REQUEST_SHAPE || c == CHECK_REQUEST_KEY || c == CHECK_RECEIPT ||
           c == CHECK_PERMIT || c == CHECK_PEER || c == CHECK_TLS;
}

// The table that operators see judges as an opening order would be judged.
static void test_table(void **state)
{
    struct guard_result results[GUARD_CHECK_COUNT];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct guard_facts f = good_facts();
        struct wire_request r = good_request(&f, OP_SUBMIT_OPEN, NULL);
        // Which epoch a receipt is of is a question about one order.
        const enum guard_answer want = rows[i].set == set_epoch_over ? GUARD_PASS : answer_of(rows[i].expect[OPEN]);

        rows[i].set(&f, &r);
        const enum guard_answer all = guard_table(&f, GOOD_NOW, false, results);
        const enum guard_answer fixed = guard_table(&f, GOOD_NOW, true, results);
        if (asks_request(rows[i].check)) {
            assert_int_equal(results[rows[i].check].answer, GUARD_PASS);
            assert_string_equal(results[rows[i].check].detail, "per request");
            continue;
        }
        assert_int_equal(results[rows[i].check].answer, want);
        if ((rows[i].check == CHECK_HALT || rows[i].check == CHECK_LEADER || rows[i].check == CHECK_CLOCK ||
             rows[i].check == CHECK_CALENDAR) &&
            want == GUARD_FAIL)
            assert_int_equal(all, GUARD_PASS); // a known halt is no fault, nor is a standby, a clock, a day in doubt
        else if (want != GUARD_PASS)
            assert_true(all != GUARD_PASS);
        else
            assert_int_equal(all, GUARD_PASS);
        assert_int_equal(fixed != GUARD_PASS, want != GUARD_PASS && guard_check_is_static(rows[i].check));
    }
}

static void test_table_worst(void **state)
{
    struct guard_result results[GUARD_CHECK_COUNT];
    struct guard_facts f = {0};

    (void)state;
    assert_int_equal(guard_table(&f, GOOD_NOW, false, results), GUARD_UNKNOWN); // nothing read: nothing passes
    for (int i = 0; i < GUARD_CHECK_COUNT; i++)
        if (!asks_request((enum guard_check)i) && i != CHECK_ACCOUNT_PIN && i != CHECK_KEY_PIN)
            assert_int_equal(results[i].answer, GUARD_UNKNOWN);
    f.files.state = FACT_BAD;
    assert_int_equal(guard_table(&f, GOOD_NOW, true, results), GUARD_FAIL);
}

// A check without a denying row here would be a check nobody has seen deny. Receipt and permit: test_permit; peer and
// TLS: test_guard_wire.
static void test_every_check_is_seen_to_deny(void **state)
{
    bool seen[GUARD_CHECK_COUNT] = {
        [CHECK_RECEIPT] = true, [CHECK_PERMIT] = true, [CHECK_PEER] = true, [CHECK_TLS] = true};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strpbrk(rows[i].expect, "FU"))
            seen[rows[i].check] = true;
    for (int c = 0; c < GUARD_CHECK_COUNT; c++)
        if (!seen[c])
            fail_msg("no row denies by %s", guard_check_name((enum guard_check)c));
}

// What is told when there is room for one: wrong before unknown, the cause before what follows from it, never a halt.
static void test_table_tells_the_cause(void **state)
{
    (void)state;
    struct guard_result r[GUARD_CHECK_COUNT] = {0};
    for (int i = 0; i < GUARD_CHECK_COUNT; i++)
        r[i].answer = GUARD_PASS;
    assert_int_equal(guard_table_worst(r), GUARD_CHECK_COUNT);
    r[CHECK_HALT].answer = r[CHECK_LEADER].answer = r[CHECK_CLOCK].answer = r[CHECK_CALENDAR].answer = GUARD_FAIL;
    assert_int_equal(guard_table_worst(r), GUARD_CHECK_COUNT);
    r[CHECK_ACCOUNT_FIRST].answer = GUARD_UNKNOWN;
    assert_int_equal(guard_table_worst(r), CHECK_ACCOUNT_FIRST);
    r[CHECK_HALT].answer = r[CHECK_DATABASE_MARKER].answer = GUARD_UNKNOWN;
    assert_int_equal(guard_table_worst(r), CHECK_DATABASE_MARKER);
    r[CHECK_DATABASE_MARKER].answer = GUARD_PASS;
    assert_int_equal(guard_table_worst(r), CHECK_ACCOUNT_FIRST);
    r[CHECK_ACCOUNT_FIRST].answer = GUARD_PASS;
    assert_int_equal(guard_table_worst(r), CHECK_HALT); // a halt that nobody can read is no known one
    r[CHECK_ACCOUNT_FIRST].answer = r[CHECK_DATABASE_MARKER].answer = GUARD_UNKNOWN;
    r[CHECK_ACCOUNT_NUMBER].answer = GUARD_UNKNOWN;
    assert_int_equal(guard_table_worst(r), CHECK_ACCOUNT_NUMBER);
    r[CHECK_DATABASE_AGE].answer = GUARD_FAIL;
    assert_int_equal(guard_table_worst(r), CHECK_DATABASE_AGE);
    r[CHECK_ACCOUNT_FIRST].answer = GUARD_FAIL;
    assert_int_equal(guard_table_worst(r), CHECK_ACCOUNT_FIRST);
}

// Soon after the machine's start the clock itself is younger than the bounds: what was never read is no fresh reading.
static void test_never_read_is_not_fresh(void **state)
{
    const int64_t now = INT64_C(1000000000);
    struct guard_result results[GUARD_CHECK_COUNT];
    struct guard_facts f = good_facts();

    (void)state;
    f.account_boot_ns = f.database_boot_ns = now;
    guard_table(&f, now, false, results);
    assert_int_equal(results[CHECK_ACCOUNT_AGE].answer, GUARD_PASS);
    assert_int_equal(results[CHECK_DATABASE_AGE].answer, GUARD_PASS);
    f.account_boot_ns = f.database_boot_ns = 0;
    str_copy_cut(f.account_pinned, sizeof f.account_pinned, GOOD_ACCOUNT);
    f.account_number[0] = '\0';
    guard_table(&f, now, false, results);
    assert_int_equal(results[CHECK_ACCOUNT_AGE].answer, GUARD_UNKNOWN);
    assert_int_equal(results[CHECK_DATABASE_AGE].answer, GUARD_UNKNOWN);
    assert_int_equal(results[CHECK_ACCOUNT_PIN].answer, GUARD_UNKNOWN);
    assert_int_equal(results[CHECK_ACCOUNT_FIRST].answer, GUARD_UNKNOWN);
}

static void test_simulator(void **state)
{
    struct guard *g = guard_new();
    struct guard_facts f = good_simulator_facts();
    struct wire_request r = good_request(&f, OP_POSITIONS, NULL);
    struct permit *p = NULL;
    struct guard_verdict v;

    (void)state;
    assert_int_equal(guard_permit(g, &f, OP_POSITIONS, &r, GOOD_NOW, &p, &v), 0);
    assert_true(guard_redeem(g, p, &f, &r, GOOD_NOW, &v));
    permit_drop(&p);
#define DENIED(by, ...)                                                                                                \
    do {                                                                                                               \
        f = good_simulator_facts();                                                                                    \
        __VA_ARGS__;                                                                                                   \
        r = good_request(&f, OP_POSITIONS, NULL);                                                                      \
        assert_int_equal(guard_permit(g, &f, OP_POSITIONS, &r, GOOD_NOW, &p, &v), -1);                                 \
        assert_int_equal(v.check, by);                                                                                 \
    } while (0)
    DENIED(CHECK_KEY_CLASS, f.key_class = KEY_PAPER);
    DENIED(CHECK_KEY_CLASS, f.key_class = KEY_LIVE);
    DENIED(CHECK_ACCOUNT_NUMBER, str_copy_cut(f.account_number, sizeof f.account_number, GOOD_ACCOUNT));
    DENIED(CHECK_ENDPOINT, str_copy_cut(f.trading_host, sizeof f.trading_host, "192.168.1.5"));
    DENIED(CHECK_ENDPOINT, str_copy_cut(f.trading_host, sizeof f.trading_host, PAPER_TRADING_HOST));
    DENIED(CHECK_ENDPOINT, str_copy_cut(f.trading_scheme, sizeof f.trading_scheme, "https"));
    DENIED(CHECK_ENDPOINT, f.trading_port = 0);
    DENIED(CHECK_ENDPOINT, f.trading_port = f.data_port = 0);
    DENIED(CHECK_ENDPOINT, f.trading_port = f.data_port = 65536);
    DENIED(CHECK_ENDPOINT, str_copy_cut(f.data_scheme, sizeof f.data_scheme, "https"));
    DENIED(CHECK_ENDPOINT, str_copy_cut(f.trading_host, sizeof f.trading_host, "192.168.1.5");
           str_copy_cut(f.data_host, sizeof f.data_host, "192.168.1.5"));
    DENIED(CHECK_ENDPOINT, f.data_port = 1);
    DENIED(CHECK_ENDPOINT, str_copy_cut(f.data_host, sizeof f.data_host, PAPER_DATA_HOST));
    guard_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minting),
        cmocka_unit_test(test_redeeming),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_worst),
        cmocka_unit_test(test_table_tells_the_cause),
        cmocka_unit_test(test_never_read_is_not_fresh),
        cmocka_unit_test(test_simulator),
        cmocka_unit_test(test_every_check_is_seen_to_deny),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
