// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Contract 1: the input word for word, good answers, and every kind of bad answer with the words it is refused with.
#include "lib/trade/signal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define D DECIMAL_ONE
#define ANSWER(targets) "{\"contract\":1,\"model\":{\"name\":\"m\",\"version\":\"1\"},\"targets\":" targets "}"
#define TARGET(members) ANSWER("[{\"symbol\":\"SPY\"," members "}]")

static const struct signal_price prices[] = {
    {"SPY", {300 * D}, INT64_C(1791472218000000000)},
    {"TLT", {INT64_C(90500000000)}, INT64_C(1791472217097000000)},
    {"QQQ", {0}, 0}, // listed, but without a price
};

static struct signal_input input(const struct book *book)
{
    return (struct signal_input){
        .run_id = "run-1",
        .strategy = "core",
        .account = "PA3ZZJC58PH5",
        .slot = "15:30",
        .session = {2026, 10, 8},
        .as_of = INT64_C(1791487800000000000),
        .close = INT64_C(1791489600000000000),
        .equity = {100000 * D},
        .cash = {INT64_C(99951570000000)},
        .buying_power = {400000 * D},
        .capital = {50000 * D},
        .book = book,
        .prices = prices,
        .price_count = ARRAY_LEN(prices),
        .params_json = "{\"weights\":{\"SPY\":\"0.4\"}}",
    };
}

// ---- writing -------------------------------------------------------------------------------------------------------

static void input_is_written(void **state)
{
    (void)state;
    static const struct alpaca_bar bars[] = {
        {INT64_C(1791432000000000000), {299 * D}, {301 * D}, {INT64_C(298500000000)}, {300 * D}, 1234567},
    };
    const struct signal_bars series[] = {{"SPY", bars, ARRAY_LEN(bars)}, {"TLT", NULL, 0}};
    struct book book;
    book_init(&book, "core");
    assert_true(book_set(&book, "GLD", (struct qty){D}, (struct money){170 * D}));
    assert_true(book_set(&book, "SPY", (struct qty){3 * D}, (struct money){INT64_C(890000000000)}));
    struct signal_input in = input(&book);
    in.bars = series;
    in.bar_count = ARRAY_LEN(series);
    struct text t;
    text_init(&t, 8192);
    signal_input_write(&in, &t);
    assert_string_equal(
        text_str(&t),
        "{\"contract\":1,\"run\":{\"id\":\"run-1\",\"strategy\":\"core\",\"account\":\"PA3ZZJC58PH5\","
        "\"session\":\"2026-10-08\",\"slot\":\"15:30\",\"as_of\":\"2026-10-08T19:30:00Z\","
        "\"close\":\"2026-10-08T20:00:00Z\"},"
        "\"account\":{\"equity\":\"100000\",\"cash\":\"99951.57\",\"buying_power\":\"400000\"},\"capital\":\"50000\","
        "\"positions\":[{\"symbol\":\"GLD\",\"qty\":\"1\",\"avg_entry_price\":\"170\",\"market_value\":null},"
        "{\"symbol\":\"SPY\",\"qty\":\"3\",\"avg_entry_price\":\"296.666666667\",\"market_value\":\"900\"}],"
        "\"prices\":{\"SPY\":{\"price\":\"300\",\"as_of\":\"2026-10-08T15:10:18Z\"},"
        "\"TLT\":{\"price\":\"90.5\",\"as_of\":\"2026-10-08T15:10:17.097Z\"}},"
        "\"bars\":{\"SPY\":[{\"t\":\"2026-10-08T04:00:00Z\",\"o\":\"299\",\"h\":\"301\",\"l\":\"298.5\",\"c\":\"300\","
        "\"v\":1234567}],\"TLT\":[]},"
        "\"params\":{\"weights\":{\"SPY\":\"0.4\"}}}");
    text_clear(&t);
    in = input(NULL);
    in.params_json = NULL;
    signal_input_write(&in, &t);
    assert_non_null(strstr(text_str(&t), "\"positions\":[]"));
    assert_non_null(strstr(text_str(&t), "\"params\":{}}"));
    struct json_doc *doc = NULL;
    struct err err;
    assert_int_equal(json_doc_parse(t.data, t.len, &doc, &err), 0);
    json_doc_free(doc);
    text_free(&t);
    book_free(&book);
}

// ---- reading -------------------------------------------------------------------------------------------------------

static void good_answer_is_read(void **state)
{
    (void)state;
    static const char answer[] =
        " {\"targets\":[{\"symbol\":\"SPY\",\"weight\":\"0.6\",\"confidence\":\"0.25\",\"reason\":\"trend\"},"
        "{\"symbol\":\"TLT\",\"weight\":\"-0.4\",\"reason\":null}],"
        "\"model\":{\"name\":\"trend\",\"version\":\"2.1\"},\"contract\":1}\n";
    struct signal_input in = input(NULL);
    struct signal s = {0};
    struct err err = {0};
    if (signal_parse(answer, strlen(answer), &in, false, &s, &err))
        fail_msg("%s", err.text);
    assert_string_equal(s.model_name, "trend");
    assert_string_equal(s.model_version, "2.1");
    assert_int_equal(s.count, 2);
    assert_string_equal(s.targets[0].symbol, "SPY");
    assert_int_equal(s.targets[0].weight.nanos, 6 * D / 10);
    assert_true(s.targets[0].has_confidence);
    assert_int_equal(s.targets[0].confidence.nanos, D / 4);
    assert_string_equal(s.targets[0].reason, "trend");
    assert_int_equal(s.targets[1].weight.nanos, -4 * D / 10);
    assert_false(s.targets[1].has_confidence);
    assert_string_equal(s.targets[1].reason, "");
    signal_free(&s);
    assert_null(s.targets);
    static const char none[] = ANSWER("[]"); // no targets: out of everything, and the strategy says so itself
    assert_int_equal(signal_parse(none, strlen(none), &in, true, &s, &err), 0);
    assert_int_equal(s.count, 0);
    signal_free(&s);
}

static void assert_refused(const char *answer, size_t len, bool long_only, const char *says)
{
    struct signal_input in = input(NULL);
    struct signal s = {.count = 77};
    struct err err = {0};
    if (signal_parse(answer, len, &in, long_only, &s, &err) != -1)
        fail_msg("accepted: %s", answer);
    if (!strstr(err.text, says))
        fail_msg("%s\n\"%s\" does not say \"%s\"", answer, err.text, says);
    assert_int_equal(s.count, 77);
    assert_null(s.targets);
}

static const struct {
    const char *answer, *says;
} bad[] = {
    // not JSON, or not one JSON value
    {"", "not readable"},
    {"\n", "not readable"},
    {"hello", "not readable"},
    {ANSWER("[]") " x", "not readable"},
    {ANSWER("[]") ANSWER("[]"), "not readable"},
    {ANSWER("[]") ",", "not readable"},
    {"{\"contract\":1", "not readable"},
    {"{'contract':1}", "not readable"},
    {ANSWER("[]") "\xff", "not readable"},
    {TARGET("\"weight\":NaN"), "not readable"},
    {TARGET("\"weight\":Infinity"), "not readable"},
    {TARGET("\"weight\":-Infinity"), "not readable"},
    {TARGET("\"weight\":.5"), "not readable"},
    {TARGET("\"weight\":\"0.1\",\"weight\":\"0.2\""), "not readable"},
    {"{\"contract\":1,\"contract\":1,\"model\":{\"name\":\"m\",\"version\":\"1\"},\"targets\":[]}", "not readable"},
    // the head
    {"[]", "expected an object"},
    {"{}", "contract"},
    {"{\"contract\":2,\"model\":{\"name\":\"m\",\"version\":\"1\"},\"targets\":[]}",
     "answer.contract is 2, expected 1"},
    {"{\"contract\":\"1\",\"model\":{\"name\":\"m\",\"version\":\"1\"},\"targets\":[]}", "contract"},
    {"{\"contract\":1.5,\"model\":{\"name\":\"m\",\"version\":\"1\"},\"targets\":[]}", "contract"},
    {"{\"contract\":1,\"targets\":[]}", "model is missing"},
    {"{\"contract\":1,\"model\":\"m\",\"targets\":[]}", "model is"},
    {"{\"contract\":1,\"model\":{\"name\":\"m\"},\"targets\":[]}", "version"},
    {"{\"contract\":1,\"model\":{\"name\":\"\",\"version\":\"1\"},\"targets\":[]}", "model.name"},
    {"{\"contract\":1,\"model\":{\"name\":\"m\",\"version\":1},\"targets\":[]}", "version"},
    {"{\"contract\":1,\"model\":{\"name\":\"m\",\"version\":\"0123456789012345678901234567890123\"},\"targets\":[]}",
     "model.version has 34 characters"},
    {"{\"contract\":1,\"model\":{\"name\":\"m\",\"version\":\"1\",\"author\":\"x\"},\"targets\":[]}", "author"},
    {"{\"contract\":1,\"model\":{\"name\":\"m\",\"version\":\"1\"}}", "targets is missing"},
    {"{\"contract\":1,\"model\":{\"name\":\"m\",\"version\":\"1\"},\"target\":[]}", "target"},
    {"{\"contract\":1,\"model\":{\"name\":\"m\",\"version\":\"1\"},\"targets\":[],\"leverage\":\"2\"}", "leverage"},
    {ANSWER("{}"), "targets is"},
    {ANSWER("null"), "targets is"},
    // a target
    {ANSWER("[7]"), "targets[0] is"},
    {ANSWER("[{\"symbol\":\"TLT\",\"weight\":\"0.1\"},null]"), "targets[1] is"},
    {ANSWER("[{\"weight\":\"0.1\"}]"), "symbol"},
    {ANSWER("[{\"symbol\":\"\",\"weight\":\"0.1\"}]"), "symbol"},
    {ANSWER("[{\"symbol\":7,\"weight\":\"0.1\"}]"), "symbol"},
    {ANSWER("[{\"symbol\":\"ABCDEFGHIJKLMNOPQRSTUVWXYZ\",\"weight\":\"0.1\"}]"), "26 characters"},
    {ANSWER("[{\"symbol\":\"NVDA\",\"weight\":\"0.1\"}]"), "NVDA, which has no price"},
    {ANSWER("[{\"symbol\":\"QQQ\",\"weight\":\"0.1\"}]"), "QQQ, which has no price"},
    {ANSWER("[{\"symbol\":\"spy\",\"weight\":\"0.1\"}]"), "spy, which has no price"},
    {ANSWER("[{\"symbol\":\"NVDA\",\"weight\":\"0\"}]"), "NVDA, which has no price"},
    {TARGET("\"wieght\":\"0.1\""), "wieght"},
    {TARGET("\"weight\":\"0.1\",\"stop\":\"5\""), "stop"},
    {TARGET("\"reason\":\"x\""), "weight is missing"},
    // numbers instead of strings, and strings that are no decimals
    {TARGET("\"weight\":0.4"), "weight is the number 0.4: write decimals as strings, \"0.4\""},
    {TARGET("\"weight\":1"), "weight is the number 1: write decimals as strings, \"1\""},
    {TARGET("\"weight\":1e-1"), "write decimals as strings"},
    {TARGET("\"weight\":true"), "expected a decimal as a string"},
    {TARGET("\"weight\":null"), "expected a decimal as a string"},
    {TARGET("\"weight\":[\"0.1\"]"), "expected a decimal as a string"},
    {TARGET("\"weight\":\"NaN\""), "\"NaN\""},
    {TARGET("\"weight\":\"nan\""), "\"nan\""},
    {TARGET("\"weight\":\"Infinity\""), "\"Infinity\""},
    {TARGET("\"weight\":\"-inf\""), "\"-inf\""},
    {TARGET("\"weight\":\"1e-1\""), "\"1e-1\""},
    {TARGET("\"weight\":\"1E0\""), "\"1E0\""},
    {TARGET("\"weight\":\"\""), "expected a plain decimal"},
    {TARGET("\"weight\":\" 0.4\""), "expected a plain decimal"},
    {TARGET("\"weight\":\"+0.4\""), "expected a plain decimal"},
    {TARGET("\"weight\":\".4\""), "expected a plain decimal"},
    {TARGET("\"weight\":\"0,4\""), "expected a plain decimal"},
    {TARGET("\"weight\":\"40%\""), "expected a plain decimal"},
    {TARGET("\"weight\":\"0.4 \""), "expected a plain decimal"},
    {TARGET("\"weight\":\"00.4\""), "expected a plain decimal"},
    {TARGET("\"weight\":\"0.1234567891\""), "expected a plain decimal"},
    {TARGET("\"weight\":\"99999999999\""), "expected a plain decimal"},
    {TARGET("\"weight\":\"0.4\\u0000\""), "not readable"},
    // too much
    {TARGET("\"weight\":\"1.000000001\""), "expected -1 to 1"},
    {TARGET("\"weight\":\"-1.000000001\""), "expected -1 to 1"},
    {ANSWER("[{\"symbol\":\"SPY\",\"weight\":\"0.6\"},{\"symbol\":\"TLT\",\"weight\":\"0.400000001\"}]"),
     "add up to 1.000000001"},
    {ANSWER("[{\"symbol\":\"SPY\",\"weight\":\"0.6\"},{\"symbol\":\"TLT\",\"weight\":\"-0.400000001\"}]"),
     "add up to 1.000000001"},
    {ANSWER("[{\"symbol\":\"SPY\",\"weight\":\"0.1\"},{\"symbol\":\"TLT\",\"weight\":\"0.1\"},"
            "{\"symbol\":\"SPY\",\"weight\":\"0.1\"}]"),
     "targets[2] names SPY again, after targets[0]"},
    {TARGET("\"weight\":\"0.1\",\"confidence\":\"1.1\""), "expected 0 to 1"},
    {TARGET("\"weight\":\"0.1\",\"confidence\":\"-0.1\""), "expected 0 to 1"},
    {TARGET("\"weight\":\"0.1\",\"confidence\":0.5"), "confidence is the number 0.5"},
    {TARGET("\"weight\":\"0.1\",\"reason\":7"), "reason"},
};

static void bad_answers_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_refused(bad[i].answer, strlen(bad[i].answer), false, bad[i].says);
    assert_refused("{}\0", 3, false, "not readable"); // bytes after the value, even a NUL
}

static void long_only_refuses_shorts(void **state)
{
    (void)state;
    static const char shorts[] = TARGET("\"weight\":\"-0.000000001\"");
    struct signal_input in = input(NULL);
    struct signal s = {0};
    struct err err = {0};
    assert_refused(shorts, strlen(shorts), true, "short positions are not allowed");
    assert_int_equal(signal_parse(shorts, strlen(shorts), &in, false, &s, &err), 0);
    signal_free(&s);
}

static void weights_of_exactly_one_pass(void **state)
{
    (void)state;
    static const char *const good[] = {
        TARGET("\"weight\":\"1\""),
        TARGET("\"weight\":\"-1\""),
        TARGET("\"weight\":\"0.1\",\"confidence\":null,\"reason\":null"),
        TARGET("\"weight\":\"1.000000000\""),
        TARGET("\"weight\":\"0.10000000000000\""), // zeros beyond nine places say nothing new
        ANSWER("[{\"symbol\":\"SPY\",\"weight\":\"0.6\"},{\"symbol\":\"TLT\",\"weight\":\"-0.4\"}]"),
        ANSWER("[{\"symbol\":\"SPY\",\"weight\":\"0.999999999\"},{\"symbol\":\"TLT\",\"weight\":\"0.000000001\"}]"),
    };
    struct signal_input in = input(NULL);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct signal s = {0};
        struct err err = {0};
        if (signal_parse(good[i], strlen(good[i]), &in, false, &s, &err))
            fail_msg("%s: %s", good[i], err.text);
        signal_free(&s);
    }
}

static void too_many_targets(void **state)
{
    (void)state;
    struct signal_price *many = check_alloc(SIGNAL_TARGETS_MAX + 1, sizeof(*many));
    struct signal_input in = input(NULL);
    struct text t;
    struct signal s = {0};
    struct err err = {0};
    in.prices = many;
    in.price_count = SIGNAL_TARGETS_MAX + 1;
    for (int extra = 0; extra < 2; extra++) {
        text_init(&t, 1 << 20);
        text_add(&t, "{\"contract\":1,\"model\":{\"name\":\"m\",\"version\":\"1\"},\"targets\":[");
        for (int i = 0; i < SIGNAL_TARGETS_MAX + extra; i++) {
            (void)snprintf(many[i].symbol, sizeof(many[i].symbol), "S%d", i);
            many[i].price.nanos = D;
            text_addf(&t, "%s{\"symbol\":\"S%d\",\"weight\":\"0.0015\"}", i ? "," : "", i);
        }
        text_add(&t, "]}");
        assert_int_equal(signal_parse(t.data, t.len, &in, true, &s, &err), extra ? -1 : 0);
        if (extra)
            assert_non_null(strstr(err.text, "641 entries, at most 640"));
        signal_free(&s);
        text_free(&t);
    }
    free(many);
}

static void long_reasons_are_cut_between_characters(void **state)
{
    (void)state;
    struct signal_input in = input(NULL);
    for (int shift = 0; shift < 3; shift++) {
        struct text t;
        struct signal s = {0};
        struct err err = {0};
        text_init(&t, 4096);
        text_add(&t, "{\"contract\":1,\"model\":{\"name\":\"m\",\"version\":\"1\"},\"targets\":[{\"symbol\":\"SPY\","
                     "\"weight\":\"0\",\"reason\":\"");
        text_add(&t, shift == 0 ? "" : shift == 1 ? "x" : "xx");
        for (int i = 0; i < 100; i++)
            text_add(&t, "\xe2\x82\xac");
        text_add(&t, "\"}]}");
        assert_int_equal(signal_parse(t.data, t.len, &in, true, &s, &err), 0);
        size_t len = strlen(s.targets[0].reason);
        assert_in_range(len, SIGNAL_REASON_MAX - 4, SIGNAL_REASON_MAX - 1);
        assert_int_equal((len - (size_t)shift) % 3, 0);
        signal_free(&s);
        text_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_is_written),
        cmocka_unit_test(good_answer_is_read),
        cmocka_unit_test(bad_answers_are_refused),
        cmocka_unit_test(long_only_refuses_shorts),
        cmocka_unit_test(weights_of_exactly_one_pass),
        cmocka_unit_test(too_many_targets),
        cmocka_unit_test(long_reasons_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
