// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Alpaca's answers over several symbols, and its errors: readable whatever the peer sent.
#include "lib/trade/alpaca_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct json_doc *doc_of(const char *json)
{
    struct json_doc *doc = NULL;
    struct err err = {0};
    if (json_doc_parse(json, strlen(json), &doc, &err))
        fail_msg("%s: %s", err.text, json);
    return doc;
}

// ---- several symbols -----------------------------------------------------------------------------------------------

static void trades_are_read(void **state)
{
    (void)state;
    struct json_doc *doc = doc_of("{\"trades\":{\"SPY\":{\"t\":\"2026-10-08T15:10:18Z\",\"x\":\"V\",\"p\":100.01,"
                                  "\"s\":5,\"c\":[\"@\"]},\"TLT\":{\"t\":\"2026-10-08T15:10:17Z\",\"p\":0.1}}}");
    struct alpaca_trade *t = NULL;
    size_t count = 0;
    struct err err = {0};
    assert_int_equal(alpaca_trades_parse(json_doc_root(doc), &t, &count, &err), 0);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        bool spy = strcmp(t[i].symbol, "SPY") == 0;
        assert_int_equal(t[i].price.nanos, spy ? INT64_C(100010000000) : INT64_C(100000000));
        assert_int_equal(t[i].at, spy ? INT64_C(1791472218000000000) : INT64_C(1791472217000000000));
    }
    free(t);
    json_doc_free(doc);
}

static void quotes_are_read(void **state)
{
    (void)state;
    struct json_doc *doc = doc_of("{\"quotes\":{\"SPY\":{\"t\":\"2026-10-08T15:10:18Z\",\"bp\":0,\"ap\":86.9,"
                                  "\"bs\":0,\"as\":3}},\"currency\":\"USD\"}");
    struct alpaca_quote *q = NULL;
    size_t count = 0;
    struct err err = {0};
    assert_int_equal(alpaca_quotes_parse(json_doc_root(doc), &q, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(q[0].bid.nanos, 0);
    assert_int_equal(q[0].ask.nanos, INT64_C(86900000000));
    free(q);
    json_doc_free(doc);
    doc = doc_of("{\"quotes\":{}}");
    assert_int_equal(alpaca_quotes_parse(json_doc_root(doc), &q, &count, &err), 0);
    assert_int_equal(count, 0);
    free(q);
    json_doc_free(doc);
}

static void odd_lists_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *says;
    } rows[] = {
        {"{}", "missing"},
        {"[]", "expected an object"},
        {"{\"trades\":null,\"quotes\":null}", "expected an object"},
        {"{\"trades\":[],\"quotes\":[]}", "expected an object"},
        {"{\"trades\":{\"SPY\":7},\"quotes\":{\"SPY\":7}}", "expected an object"},
        {"{\"trades\":{\"SPY\":{\"p\":1}},\"quotes\":{\"SPY\":{\"ap\":1,\"bp\":1}}}", "SPY"},
        {"{\"trades\":{\"SPY\":{\"t\":\"2026-10-08T15:10:18Z\",\"p\":-1}},"
         "\"quotes\":{\"SPY\":{\"t\":\"2026-10-08T15:10:18Z\",\"ap\":-1,\"bp\":1}}}",
         "SPY"},
        {"{\"trades\":{\"SPY\":{\"t\":\"2026-10-08T15:10:18Z\",\"p\":0}},"
         "\"quotes\":{\"SPY\":{\"t\":\"2026-10-08T15:10:18Z\",\"ap\":1}}}",
         "SPY"},
        {"{\"trades\":{\"ABCDEFGHIJKLMNOPQRSTUVWXYZ\":{}},\"quotes\":{\"ABCDEFGHIJKLMNOPQRSTUVWXYZ\":{}}}", "longer"},
        {"{\"trades\":{\"\":{}},\"quotes\":{\"\":{}}}", "empty"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_doc *doc = doc_of(rows[i].json);
        struct alpaca_trade *t = NULL;
        struct alpaca_quote *q = NULL;
        size_t count = 77;
        struct err err = {0};
        assert_int_equal(alpaca_trades_parse(json_doc_root(doc), &t, &count, &err), -1);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_int_equal(alpaca_quotes_parse(json_doc_root(doc), &q, &count, &err), -1);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_null(t);
        assert_null(q);
        assert_int_equal(count, 77);
        json_doc_free(doc);
    }
}

// ---- errors --------------------------------------------------------------------------------------------------------

static void assert_error(const char *body, int code, const char *message)
{
    struct alpaca_error e = {.code = 9};
    alpaca_error_parse(body, strlen(body), &e);
    assert_int_equal(e.code, code);
    assert_string_equal(e.message, message);
}

static void errors_are_readable(void **state)
{
    (void)state;
    assert_error("{\"code\":40010001,\"message\":\"client_order_id must be unique\"}", 40010001,
                 "client_order_id must be unique");
    assert_error("{\"message\":\"unauthorized.\"}", 0, "unauthorized.");
    assert_error("{\"code\":40310000,\"message\":\"qty < 5 & more\",\"available\":\"0\"}", 40310000, "qty < 5 & more");
    assert_error("{\"code\":\"40310000\",\"message\":\"text code\"}", 0, "text code");
    assert_error("{\"code\":-5,\"message\":\"x\"}", 0, "x");
    assert_error("{\"code\":99999999999,\"message\":\"x\"}", 0, "x");
    assert_error("{\"code\":42210000}", 42210000, "unexpected answer: {\"code\":42210000}");
    assert_error("{\"message\":7}", 0, "unexpected answer: {\"message\":7}");
    assert_error("{\"message\":\"a\\nb\\u0007c\"}", 0, "a b c");
    assert_error("[1,2]", 0, "unexpected answer: [1,2]");
    assert_error("", 0, "empty answer");
    assert_error("  \r\n ", 0, "unexpected answer: (no text)");
    assert_error("upstream connect error", 0, "unexpected answer: upstream connect error");
    assert_error("\r\n<html>\r\n<head><title>401 Authorization Required</title></head>\r\n<body>\r\n<center><h1>401 "
                 "Authorization Required</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
                 0, "HTML page: 401 Authorization Required 401 Authorization Required nginx");
    assert_error("<html><body", 0, "HTML page: (no text)");
    assert_error("{\"code\":1,\"message\":\"cut", 0, "unexpected answer: {\"code\":1,\"message\":\"cut");
    struct alpaca_error e = {.code = 9};
    alpaca_error_parse(NULL, 0, &e);
    assert_int_equal(e.code, 0);
    assert_string_equal(e.message, "empty answer");
}

static void long_errors_are_cut_between_characters(void **state)
{
    (void)state;
    char body[2048];
    struct alpaca_error e;
    for (size_t shift = 0; shift < 4; shift++) {
        struct text t;
        text_init(&t, sizeof(body) - 1);
        text_add(&t, "{\"message\":\"");
        for (size_t i = 0; i < shift; i++)
            text_addc(&t, 'x');
        for (size_t i = 0; i < 200; i++)
            text_add(&t, i % 2 ? "\xe2\x82\xac" : "\xf0\x9f\x98\x80"); // three and four bytes
        text_add(&t, "\"}");
        alpaca_error_parse(t.data, t.len, &e);
        text_free(&t);
        size_t len = strlen(e.message);
        assert_in_range(len, sizeof(e.message) - 6, sizeof(e.message) - 1);
        text_init(&t, sizeof(body));
        text_addf(&t, "[\"%s\"]", e.message); // whole characters only, or it would not be JSON
        struct json_doc *doc = NULL;
        struct err err;
        if (json_doc_parse(t.data, t.len, &doc, &err))
            fail_msg("%s", err.text);
        json_doc_free(doc);
        text_free(&t);
    }
    memset(body, 0xff, sizeof(body)); // not UTF-8 at all: no crash, bounded
    alpaca_error_parse(body, sizeof(body), &e);
    assert_int_equal(e.code, 0);
    memset(body, 0, sizeof(body));
    alpaca_error_parse(body, sizeof(body), &e);
    assert_string_equal(e.message, "unexpected answer: (no text)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trades_are_read),
        cmocka_unit_test(quotes_are_read),
        cmocka_unit_test(odd_lists_are_refused),
        cmocka_unit_test(errors_are_readable),
        cmocka_unit_test(long_errors_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
