// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// needs: daemon/cache.o
// What goes to Redis, word for word; the client is a stand-in defined here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "daemon/cache.h"
#include "lib/io/redis_client.h"

static struct {
    struct redis_client_params params;
    bool made, up, refuse;
    int commands;
    char words[5][32768];
    struct {
        redis_done_fn *done;
        void *arg;
    } asked[8]; // of those that want an answer
    int asks;
} fake;

struct redis_client *redis_client_new(const struct redis_client_params *params, struct err *err)
{
    if (fake.refuse) {
        err_set(err, "bad URL");
        return NULL;
    }
    fake.params = *params;
    fake.made = true;
    return (struct redis_client *)&fake;
}

void redis_client_free(struct redis_client *c)
{
    (void)c;
    fake.made = false;
}

bool redis_client_up(const struct redis_client *c)
{
    (void)c;
    return fake.up;
}

int64_t redis_client_unanswered_ns(const struct redis_client *c)
{
    (void)c;
    return 0;
}

void redis_command(struct redis_client *c, size_t argc, const char *const *argv, redis_done_fn *done, void *arg)
{
    (void)c;
    assert_true(argc <= 5);
    assert_true((done != NULL) == (strcmp(argv[0], "EXISTS") == 0 || strcmp(argv[0], "GET") == 0));
    if (done) {
        fake.asked[fake.asks].done = done;
        fake.asked[fake.asks++].arg = arg;
    }
    fake.commands++;
    for (size_t i = 0; i < argc; i++)
        str_copy_cut(fake.words[i], sizeof fake.words[i], argv[i]);
}

static struct {
    int count;
    bool up;
} told;

static void on_state(void *arg, bool up, const char *detail)
{
    (void)arg;
    (void)detail;
    told.count++;
    told.up = up;
}

static struct cache *new_cache(const char *url)
{
    struct err err;
    memset(&fake, 0, sizeof fake);
    memset(&told, 0, sizeof told);
    fake.up = true;
    struct cache *c =
        cache_new(&(struct cache_params){.url = url, .environment = "staging", .on_state = on_state}, &err);
    assert_non_null(c);
    cache_set_account(c, "PA123");
    return c;
}

static void assert_set(const char *key, const char *value, const char *ttl)
{
    assert_string_equal(fake.words[0], "SET");
    assert_string_equal(fake.words[1], key);
    assert_string_equal(fake.words[2], value);
    assert_string_equal(fake.words[3], "EX");
    assert_string_equal(fake.words[4], ttl);
}

static const int64_t AT = INT64_C(1760000000) * INT64_C(1000000000);

static void values_and_keys(void **state)
{
    (void)state;
    struct cache *c = new_cache("redis://127.0.0.1:6379/0");
    assert_true(cache_configured(c));
    cache_put_price(c, "SPY", (struct price){INT64_C(512340000000)}, AT);
    assert_set("paperguard:staging:PA123:price:SPY",
               "{\"symbol\":\"SPY\",\"price\":\"512.34\",\"as_of\":\"2025-10-09T08:53:20Z\"}", "300");

    struct alpaca_account a = {.account_number = "PA123", .status = "ACTIVE", .currency = "USD"};
    a.equity.nanos = INT64_C(100000500000000);
    cache_put_account(c, &a, AT);
    assert_set("paperguard:staging:PA123:account",
               "{\"account_number\":\"PA123\",\"status\":\"ACTIVE\",\"currency\":\"USD\",\"equity\":\"100000.5\","
               "\"last_equity\":\"0\",\"cash\":\"0\",\"buying_power\":\"0\",\"long_market_value\":\"0\","
               "\"short_market_value\":\"0\",\"as_of\":\"2025-10-09T08:53:20Z\"}",
               "300");

    const struct session_day days[] = {{{2025, 10, 9}, 34200, 57600}, {{2025, 11, 28}, 34200, 46800}};
    cache_put_calendar(c, days, 2, AT);
    assert_set("paperguard:staging:PA123:calendar",
               "{\"zone\":\"America/New_York\",\"sessions\":[{\"date\":\"2025-10-09\",\"open\":\"09:30:00\","
               "\"close\":\"16:00:00\"},{\"date\":\"2025-11-28\",\"open\":\"09:30:00\",\"close\":\"13:00:00\"}],"
               "\"as_of\":\"2025-10-09T08:53:20Z\"}",
               "86400");
    cache_free(c);
    assert_false(fake.made);
}

static void a_long_calendar_fits(void **state)
{
    (void)state;
    static struct session_day days[3000];
    for (size_t i = 0; i < ARRAY_LEN(days); i++)
        days[i] = (struct session_day){{2025, 10, 9}, 34200, 57600};
    struct cache *c = new_cache("redis://127.0.0.1:6379/0");
    cache_put_calendar(c, days, ARRAY_LEN(days), AT);
    assert_int_equal(fake.commands, 1);
    assert_true(str_ends(fake.words[2], "\"as_of\":\"2025-10-09T08:53:20Z\"}"));
    cache_free(c);
}

static void nothing_is_sent_while_down_or_not_configured(void **state)
{
    (void)state;
    struct cache *c = new_cache("redis://127.0.0.1:6379/0");
    fake.params.on_state(fake.params.arg, true, "");
    assert_true(told.up);
    fake.up = false;
    fake.params.on_state(fake.params.arg, false, "gone");
    assert_int_equal(told.count, 2);
    assert_false(told.up);
    assert_false(cache_up(c));
    cache_put_price(c, "SPY", (struct price){1}, AT);
    assert_int_equal(fake.commands, 0);
    cache_free(c);

    const char *const none[] = {NULL, ""};
    for (size_t i = 0; i < 2; i++) {
        c = new_cache(none[i]);
        assert_false(fake.made);
        assert_false(cache_configured(c));
        assert_false(cache_up(c));
        cache_put_price(c, "SPY", (struct price){1}, AT);
        cache_put_account(c, &(struct alpaca_account){0}, AT);
        cache_put_calendar(c, NULL, 0, AT);
        assert_int_equal(fake.commands, 0);
        cache_free(c);
    }
}

static void lists_and_events(void **state)
{
    (void)state;
    struct cache *c = new_cache("redis://127.0.0.1:6379/0");
    cache_put_runs(c, "[{\"run_id\":\"r\"}]", AT);
    assert_set("paperguard:staging:PA123:runs", "{\"runs\":[{\"run_id\":\"r\"}],\"as_of\":\"2025-10-09T08:53:20Z\"}",
               "604800");
    cache_put_signals(c, "[]", AT);
    assert_set("paperguard:staging:PA123:signals", "{\"signals\":[],\"as_of\":\"2025-10-09T08:53:20Z\"}", "604800");
    cache_publish(c, "{\"event\":\"halt\"}");
    assert_string_equal(fake.words[0], "PUBLISH");
    assert_string_equal(fake.words[1], "paperguard:staging:PA123:events");
    assert_string_equal(fake.words[2], "{\"event\":\"halt\"}");
    // What is too long is left out whole.
    static char huge[600000];
    memset(huge, '1', sizeof huge - 1);
    fake.commands = 0;
    cache_put_runs(c, huge, AT);
    cache_publish(c, huge);
    assert_int_equal(fake.commands, 0);
    cache_free(c);
}

// The account is known only when the broker said it; until then there is no key to write to.
static void nothing_is_written_before_the_account_is_known(void **state)
{
    (void)state;
    struct err err;
    const struct session_day day = {{2025, 10, 9}, 34200, 57600};
    memset(&fake, 0, sizeof fake);
    fake.up = true;
    struct cache *c = cache_new(
        &(struct cache_params){.url = "redis://127.0.0.1:6379/0", .environment = "staging", .on_state = on_state},
        &err);
    cache_set_account(c, "");
    cache_put_price(c, "SPY", (struct price){1}, AT);
    cache_put_runs(c, "[]", AT);
    cache_publish(c, "{}");
    cache_put_calendar(c, &day, 1, AT);
    assert_int_equal(fake.commands, 0);
    cache_set_account(c, "PA9");
    assert_int_equal(fake.commands, 1);
    cache_set_account(c, "PA9");
    assert_int_equal(fake.commands, 1);
    fake.params.on_state(fake.params.arg, true, ""); // the calendar hardly changes: it is written again
    assert_int_equal(fake.commands, 2);
    assert_string_equal(fake.words[1], "paperguard:staging:PA9:calendar");
    cache_free(c);
}

// --- halts

#define KEY "paperguard:staging:PA123:halt"
#define SECOND INT64_C(1000000000)

static struct {
    int count;
    char strategy[20], reason[200], key[100];
    enum fact_halt state;
} halts[8];
static int halts_told;

static void on_halt(void *arg, const struct cache_halt *h)
{
    (void)arg;
    assert_true(halts_told < 8);
    str_copy_cut(halts[halts_told].strategy, sizeof halts[0].strategy, h->strategy ? h->strategy : "");
    str_copy_cut(halts[halts_told].reason, sizeof halts[0].reason, h->reason);
    str_copy_cut(halts[halts_told].key, sizeof halts[0].key, h->key);
    halts[halts_told++].state = h->state;
}

static struct cache *new_watcher(void)
{
    static const char *const names[] = {"alpha", "beta"};
    struct err err;
    memset(&fake, 0, sizeof fake);
    fake.up = true;
    halts_told = 0;
    struct cache *c = cache_new(&(struct cache_params){.url = "redis://127.0.0.1:6379/0",
                                                       .environment = "staging",
                                                       .on_halt = on_halt,
                                                       .strategies = names,
                                                       .strategy_count = 2},
                                &err);
    assert_non_null(c);
    cache_look_for_halts(c, SECOND);
    assert_int_equal(fake.commands, 0); // whose keys is not known
    cache_set_account(c, "PA123");
    cache_look_for_halts(c, SECOND);
    assert_int_equal(fake.asks, 1);
    return c;
}

static void answers(int i, const struct redis_reply_view *reply)
{
    fake.asked[i].done(fake.asked[i].arg, reply);
}

static struct redis_reply_view text_of(bool ok, const char *text)
{
    return (struct redis_reply_view){.ok = ok, .text = text, .len = text ? strlen(text) : 0};
}

static void keys_that_are_halts(void **state)
{
    (void)state;
    struct cache *c = new_watcher();
    assert_string_equal(fake.words[0], "EXISTS");
    assert_string_equal(fake.words[1], KEY);
    assert_string_equal(fake.words[2], KEY ":alpha");
    assert_string_equal(fake.words[3], KEY ":beta");
    answers(0, &(struct redis_reply_view){.ok = true, .integer = 2});
    assert_int_equal(fake.asks, 4);
    assert_string_equal(fake.words[0], "GET");
    assert_string_equal(fake.words[1], KEY ":beta");
    assert_int_equal(halts_told, 0);
    struct redis_reply_view r = text_of(true, "fat\nfinger \xc3\xa4");
    answers(1, &r);
    r = text_of(true, "reduce_only: careful");
    answers(2, &r);
    r = text_of(true, NULL);
    answers(3, &r);
    assert_int_equal(halts_told, 3);
    assert_int_equal(halts[0].state, HALT_HALTED);
    assert_string_equal(halts[0].strategy, "");
    assert_string_equal(halts[0].reason, "fat?finger ??"); // goes into a file of lines
    assert_string_equal(halts[0].key, KEY);
    assert_int_equal(halts[1].state, HALT_REDUCE_ONLY);
    assert_string_equal(halts[1].strategy, "alpha");
    assert_string_equal(halts[1].reason, "reduce_only: careful");
    assert_int_equal(halts[2].state, HALT_RUNNING);
    cache_look_for_halts(c, 2 * SECOND); // an empty value, another type
    answers(4, &(struct redis_reply_view){.ok = true, .integer = 2});
    r = text_of(true, "");
    answers(5, &r);
    r = text_of(false, "WRONGTYPE Operation against a key holding the wrong kind of value");
    answers(6, &r);
    assert_int_equal(halts_told, 5);
    assert_int_equal(halts[3].state, HALT_HALTED);
    assert_string_equal(halts[3].reason, "a key in Redis");
    assert_int_equal(halts[4].state, HALT_HALTED);
    assert_string_equal(halts[4].strategy, "alpha");
    cache_free(c);
}

// An outage, an error or a flush halts nothing; asked is once at a time, twice a second.
static void what_is_no_answer_is_no_halt(void **state)
{
    (void)state;
    struct cache *c = new_watcher();
    cache_look_for_halts(c, 2 * SECOND);
    assert_int_equal(fake.asks, 1); // one is under way
    answers(0, NULL);
    cache_look_for_halts(c, SECOND + SECOND / 4);
    assert_int_equal(fake.asks, 1);
    cache_look_for_halts(c, SECOND + SECOND / 2);
    assert_int_equal(fake.asks, 2);
    struct redis_reply_view r = text_of(false, "LOADING Redis is loading the dataset in memory");
    answers(1, &r);
    cache_look_for_halts(c, 2 * SECOND);
    answers(2, &(struct redis_reply_view){.ok = true, .integer = 1});
    r = text_of(false, "NOPERM this user has no permissions");
    answers(3, NULL);
    answers(4, &r);
    cache_look_for_halts(c, 3 * SECOND);
    assert_int_equal(fake.asks, 6); // one is under way still
    assert_int_equal(halts_told, 0);
    r = text_of(true, NULL);
    answers(5, &r);
    assert_int_equal(halts_told, 1);
    cache_look_for_halts(c, 3 * SECOND);
    assert_int_equal(fake.asks, 7);
    answers(6, &(struct redis_reply_view){.ok = true, .integer = 0}); // each is told to be gone
    assert_int_equal(halts_told, 4);
    for (int i = 0; i < halts_told; i++)
        assert_int_equal(halts[i].state, HALT_RUNNING);
    fake.up = false;
    cache_look_for_halts(c, 9 * SECOND);
    assert_int_equal(fake.asks, 7);
    cache_free(c);
}

static void a_bad_url_is_refused(void **state)
{
    (void)state;
    struct err err;
    fake.refuse = true;
    assert_null(cache_new(&(struct cache_params){.url = "redis://[", .environment = "staging"}, &err));
    assert_string_equal(err.text, "bad URL");
    fake.refuse = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_keys),
        cmocka_unit_test(a_long_calendar_fits),
        cmocka_unit_test(lists_and_events),
        cmocka_unit_test(nothing_is_written_before_the_account_is_known),
        cmocka_unit_test(nothing_is_sent_while_down_or_not_configured),
        cmocka_unit_test(keys_that_are_halts),
        cmocka_unit_test(what_is_no_answer_is_no_halt),
        cmocka_unit_test(a_bad_url_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
