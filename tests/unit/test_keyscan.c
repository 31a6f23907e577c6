// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Shapes of keys, names and endpoints. The live keys here are made up.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/guard/keyscan.h"

static void test_class(void **state)
{
    static const struct {
        const char *key;
        enum fact_key_class class;
    } rows[] = {
        {NULL, KEY_MISSING},
        {"", KEY_MISSING},
        {"PK", KEY_OTHER},
        {"PKABCDEFGHIJ12345678", KEY_PAPER},
        {"PKABCDEFGHIJ1234567890ABCD", KEY_PAPER},
        {"PKSIM000000000000001", KEY_SIMULATOR},
        {"PKSIM", KEY_SIMULATOR},
        {"AKABCDEFGHIJ12345678", KEY_LIVE},
        {"AK", KEY_LIVE},
        {"CKABCDEFGHIJ12345678", KEY_OTHER},
        {"pkabcdefghij12345678", KEY_OTHER},
        {" PKABCDEFGHIJ1234567", KEY_OTHER},
        {"PKABCDEFGHIJ1234567 ", KEY_OTHER},
        {"PKABCDEFGHIJ123456\r\nX: 1", KEY_OTHER},
        {"your-paper-key", KEY_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (keyscan_class(rows[i].key) != rows[i].class)
            fail_msg("row %zu", i);
}

// What stands where true or staging belongs is told back, unless it is what must not be seen.
static void test_showable(void **state)
{
    (void)state;
    static const char *const words[] = {"", "TRUE", "true ", "production", "PROD", "exactly sixteen."};
    static const char *const kept[] = {"PKABCDEFGHIJKLMNOPQR",
                                       "PKSIM0000",
                                       "AKIA",
                                       "AK",
                                       "exactly seventeen",
                                       "abcdefghijabcdefghijabcdefghijabcdefghij"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        assert_true(keyscan_showable(words[i]));
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        assert_false(keyscan_showable(kept[i]));
}

static void test_names(void **state)
{
    static const char *const live[] = {
        "ALPACA_LIVE_API_KEY", "ALPACA_LIVE_API_SECRET", "LIVE_TOKEN", "LIVE_KEY",
        "ALPACA__LIVE__KEY",   "alpaca_live_key",        "KEY_LIVE",   "alpaca-live-key"};
    static const char *const other[] = {
        "ALPACA_PAPER_API_KEY", "LIVE", "DELIVERED_KEY",  "OLIVER_SECRET", "LIVE_MONKEY",
        "ALPACA_KEYLIVE",       "",     "LIVENESS_TOKEN", "LIVE_TRADING"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(live); i++)
        if (!keyscan_live_name(live[i]))
            fail_msg("%s is live-named", live[i]);
    for (size_t i = 0; i < ARRAY_LEN(other); i++)
        if (keyscan_live_name(other[i]))
            fail_msg("%s is not live-named", other[i]);
}

static void test_values(void **state)
{
    static const struct {
        const char *name, *value;
        bool live, note;
    } rows[] = {
        {"X", "AKABCDEFGHIJKLMNOP", true, false},                           // 16
        {"X", "AKABCDEFGHIJKLMNO", false, false},                           // 15
        {"X", "AKABCDEFGHIJKLMNOPQRSTUVWXYZ1234", true, false},             // 30
        {"X", "AKABCDEFGHIJKLMNOPQRSTUVWXYZ12345", false, false},           // 31
        {"X", "AKABCDEFGHIJ12345678", true, false},                         // 18, an id of 20
        {"X", "AKABCDEFGHIJ1234567890ABCD", true, false},                   // an id of 26
        {"X", "key=AKABCDEFGHIJ12345678;", true, false},                    // within a text
        {"X", "{\"key\":\"AKABCDEFGHIJ12345678\"}", true, false},           //
        {"X", "K_AKABCDEFGHIJ12345678_Z", true, false},                     //
        {"X", "XAKABCDEFGHIJ12345678", false, false},                       // not a whole word
        {"X", "AKABCDEFGHIJ12345678x", false, false},                       //
        {"X", "AKABCDEFGHIj12345678", false, false},                        //
        {"X", "ABABCDEFGHIJ12345678", false, false},                        //
        {"X", "PKABCDEFGHIJ12345678", false, false},                        //
        {"X", "PKABCDEFGHIJ12345678 AKABCDEFGHIJ12345678", true, false},    //
        {"AWS_ACCESS_KEY_ID", "AKIAABCDEFGHIJKLMNOP", false, true},         //
        {"AWS_ACCESS_KEY_ID", "AKABCDEFGHIJ12345678", true, false},         //
        {"AWS_X", "AKIAABCDEFGHIJKLMNOP AKABCDEFGHIJ12345678", true, true}, //
        {"MY_AWS_KEY", "AKIAABCDEFGHIJKLMNOP", true, false},                //
        {NULL, "AKIAABCDEFGHIJKLMNOP", true, false},                        //
        {"X", "", false, false},                                            //
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool note = !rows[i].note;
        if (keyscan_live_value(rows[i].name, rows[i].value, strlen(rows[i].value), &note) != rows[i].live ||
            note != rows[i].note)
            fail_msg("%s", rows[i].value);
    }
    assert_true(keyscan_live_value("X", "a\0AKABCDEFGHIJ12345678\0b", 24, NULL)); // binary files too
}

struct url_row {
    const char *url;
    enum fact_endpoint plain, with_simulator;
};
#define REFUSED ENDPOINT_REFUSED, ENDPOINT_REFUSED

static const struct url_row urls[] = {
    {"https://paper-api.alpaca.markets", ENDPOINT_PAPER, ENDPOINT_PAPER},
    {"https://paper-api.alpaca.markets/", ENDPOINT_PAPER, ENDPOINT_PAPER},
    {"https://paper-api.alpaca.markets/v2", ENDPOINT_PAPER, ENDPOINT_PAPER},
    {"https://paper-api.alpaca.markets/v2/", ENDPOINT_PAPER, ENDPOINT_PAPER},
    {"http://127.0.0.1:18900", ENDPOINT_REFUSED, ENDPOINT_SIMULATOR},
    {"http://127.0.0.1:18900/v2", ENDPOINT_REFUSED, ENDPOINT_SIMULATOR},
    {"http://localhost:1", ENDPOINT_REFUSED, ENDPOINT_SIMULATOR},
    {"http://[::1]:65535/", ENDPOINT_REFUSED, ENDPOINT_SIMULATOR},
    {"", REFUSED},
    {"https://api.alpaca.markets", REFUSED},
    {"https://api.alpaca.markets/v2", REFUSED},
    {"https://broker-api.alpaca.markets", REFUSED},
    {"https://data.alpaca.markets", REFUSED},
    {"http://paper-api.alpaca.markets", REFUSED},
    {"paper-api.alpaca.markets", REFUSED},
    {"//paper-api.alpaca.markets", REFUSED},
    {"ftp://paper-api.alpaca.markets", REFUSED},
    {"https:paper-api.alpaca.markets", REFUSED},
    {"https:/paper-api.alpaca.markets", REFUSED},
    {"https:///paper-api.alpaca.markets", REFUSED},
    {"HTTPS://paper-api.alpaca.markets", REFUSED},
    {"https://PAPER-API.ALPACA.MARKETS", REFUSED},
    {"https://paper-api.alpaca.markets:443", REFUSED},
    {"https://paper-api.alpaca.markets:8443", REFUSED},
    {"https://paper-api.alpaca.markets:", REFUSED},
    {"https://paper-api.alpaca.markets.", REFUSED},
    {"https://paper-api.alpaca.markets./v2", REFUSED},
    {"https://paper-api.alpaca.markets.evil.example", REFUSED},
    {"https://paper-api-alpaca.markets", REFUSED},
    {"https://paper-apilalpaca.markets", REFUSED},
    {"https://paper.evil.example", REFUSED},
    {"https://evil.example/paper-api.alpaca.markets", REFUSED},
    {"https://evil.example?https://paper-api.alpaca.markets", REFUSED},
    {"https://evil.example#https://paper-api.alpaca.markets", REFUSED},
    {"https://user:pw@paper-api.alpaca.markets", REFUSED},
    {"https://@paper-api.alpaca.markets", REFUSED},
    {"https://paper-api.alpaca.markets@evil.example", REFUSED},
    {"https://paper-api.alpaca.markets\\@evil.example", REFUSED},
    {"https://paper-api.alpaca.markets\\.evil.example", REFUSED},
    {"https://evil.example\\paper-api.alpaca.markets", REFUSED},
    {"https://xn--paper-api-alpaca-8vb.markets", REFUSED},
    {"https://p\xd0\xb0per-api.alpaca.markets", REFUSED},
    {"https://paper-api%2ealpaca.markets", REFUSED},
    {"https://paper-api.alpaca.markets%2eevil.example", REFUSED},
    {"https://paper-api.alpaca.markets%00.evil.example", REFUSED},
    {"https://paper-api.alpaca.markets?x=1", REFUSED},
    {"https://paper-api.alpaca.markets#", REFUSED},
    {"https://paper-api.alpaca.markets/v1", REFUSED},
    {"https://paper-api.alpaca.markets/v2/orders", REFUSED},
    {"https://paper-api.alpaca.markets/v2//", REFUSED},
    {"https://paper-api.alpaca.markets//", REFUSED},
    {"https://paper-api.alpaca.markets/../v2", REFUSED},
    {" https://paper-api.alpaca.markets", REFUSED},
    {"https://paper-api.alpaca.markets ", REFUSED},
    {"https://paper-api.alpaca.markets\t", REFUSED},
    {"https://paper-api.alpaca.markets\n", REFUSED},
    {"https://paper-api.\talpaca.markets", REFUSED},
    {"https:// paper-api.alpaca.markets", REFUSED},
    {"\"https://paper-api.alpaca.markets\"", REFUSED},
    {"https://[2606:4700::1111]", REFUSED},
    {"https://35.194.68.1", REFUSED},
    {"https://127.0.0.1:18900", REFUSED},
    {"http://127.0.0.1", REFUSED},
    {"http://127.0.0.1:", REFUSED},
    {"http://127.0.0.1:0", REFUSED},
    {"http://127.0.0.1:01", REFUSED},
    {"http://127.0.0.1:65536", REFUSED},
    {"http://127.0.0.1:99999999999", REFUSED},
    {"http://127.0.0.1:1@evil.example", REFUSED},
    {"http://127.0.0.1:1.evil.example", REFUSED},
    {"http://127.0.0.1.evil.example:80", REFUSED},
    {"http://127.0.0.2:18900", REFUSED},
    {"http://127.1:18900", REFUSED},
    {"http://2130706433:18900", REFUSED},
    {"http://0.0.0.0:18900", REFUSED},
    {"http://localhost.evil.example:80", REFUSED},
    {"http://LOCALHOST:18900", REFUSED},
    {"http://[::ffff:127.0.0.1]:18900", REFUSED},
    {"http://192.168.1.5:18900", REFUSED},
};

static void test_endpoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++)
        for (int simulator = 0; simulator < 2; simulator++) {
            char scheme[8] = "untold", host[128] = "untouched", detail[FACT_TEXT_MAX] = "";
            int port = -7;
            const enum fact_endpoint want = simulator ? urls[i].with_simulator : urls[i].plain;
            const enum fact_endpoint got = keyscan_endpoint(urls[i].url, simulator, scheme, host, &port, detail);

            if (got != want)
                fail_msg("%s with simulator %d: %d", urls[i].url, simulator, (int)got);
            assert_true(detail[0]);
            assert_null(strstr(detail, "pw")); // a password in an address is not repeated
            if (got == ENDPOINT_PAPER) {
                assert_string_equal(scheme, "https");
                assert_string_equal(host, PAPER_TRADING_HOST);
                assert_int_equal(port, 443);
            } else if (got == ENDPOINT_SIMULATOR) {
                assert_string_equal(scheme, "http");
                assert_true(keyscan_loopback_host(host));
                assert_in_range(port, 1, 65535);
            } else {
                assert_string_equal(scheme, "untold");
                assert_string_equal(host, "untouched");
                assert_int_equal(port, -7);
            }
        }
}

// What is shown of an address fits a line of a log, whatever was found.
static void test_shown(void **state)
{
    char scheme[8], host[128], detail[FACT_TEXT_MAX], url[FACT_TEXT_MAX];
    int port;

    (void)state;
    keyscan_endpoint("http://a\nb\x7f c", false, scheme, host, &port, detail);
    assert_non_null(strstr(detail, "found http://a?b??c;"));
    keyscan_endpoint("https://api.alpaca.markets", false, scheme, host, &port, detail);
    assert_non_null(strstr(detail, "LIVE"));
    keyscan_endpoint("https://user:word@host", false, scheme, host, &port, detail);
    assert_null(strstr(detail, "word"));
    memset(url, 'x', sizeof url);
    url[100] = '\0';
    keyscan_endpoint(url, true, scheme, host, &port, detail);
    assert_true(strspn(strchr(detail, 'x'), "x") == 60);
    assert_null(strstr(detail, "LIVE"));
    keyscan_endpoint("", true, scheme, host, &port, detail);
    assert_non_null(strstr(detail, "simulator"));
}

static void test_data_endpoint(void **state)
{
    char detail[FACT_TEXT_MAX];

    (void)state;
    assert_true(keyscan_data_endpoint("https://data.alpaca.markets", detail));
    assert_true(keyscan_data_endpoint("https://data.alpaca.markets/v2", detail));
    assert_false(keyscan_data_endpoint("https://data.sandbox.alpaca.markets", detail));
    assert_false(keyscan_data_endpoint("http://data.alpaca.markets", detail));
    assert_false(keyscan_data_endpoint("https://data.alpaca.markets.evil.example", detail));
    assert_false(keyscan_data_endpoint("https://data.alpaca.markets@evil.example", detail));
    assert_false(keyscan_data_endpoint("", detail));
    assert_true(keyscan_loopback_host("localhost"));
    assert_false(keyscan_loopback_host("127.0.0.1.nip.io"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_class),  cmocka_unit_test(test_showable),  cmocka_unit_test(test_names),
        cmocka_unit_test(test_values), cmocka_unit_test(test_endpoints), cmocka_unit_test(test_data_endpoint),
        cmocka_unit_test(test_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
