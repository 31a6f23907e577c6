// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What would steer our connections from outside, what children are given, the state folder, and what is pushed in for
// the guard's running checks.
// needs: daemon/facts.o daemon/facts_env.o daemon/facts_files.o daemon/facts_keys.o
// needs: daemon/facts_scan.o daemon/facts_steering.o daemon/facts_dsn.o
// needs: daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o
#include "tests/unit/facts_bench.h"

#include "lib/io/clock.h"

static void test_steering(void **state)
{
    static const char *const names[] = {
        "http_proxy",       "https_proxy",     "all_proxy",        "ftp_proxy",     "HTTP_PROXY",   "HTTPS_PROXY",
        "ALL_PROXY",        "FTP_PROXY",       "SSLKEYLOGFILE",    "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
        "OPENSSL_CONF",     "OPENSSL_MODULES", "OPENSSL_ENGINES",  "NETRC",         "CURL_HOME",    "HOSTALIASES",
        "LOCALDOMAIN",      "RES_OPTIONS",     "RESOLV_HOST_CONF", "LD_PRELOAD",    "LD_AUDIT",     "LD_LIBRARY_PATH",
        "CURL_SSL_BACKEND", "GCONV_PATH"};
    struct bench *b = *state;

    good(b);
    set(b, "no_proxy", "*"); // turns proxies off: steers nothing
    good(b);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        set(b, names[i], "hunter2");
        denied(b, CHECK_STEERING, GUARD_FAIL, names[i]);
        assert_non_null(strstr(b->table[CHECK_STEERING].detail, "unset it"));
        set(b, names[i], "");
        good(b);
        unset(b, names[i]);
    }
}

// What disturbs or measures a daemon at a simulator is loaded into it; a proxy has no business there either.
static void test_steering_at_a_simulator(void **state)
{
    struct bench *b = *state;

    put_mode(b, "paperguard.conf", "[broker]\nendpoint = http://127.0.0.1:18900\n", 0640);
    set(b, "ALPACA_PAPER_API_KEY", "PKSIM00000000000001");
    set(b, "LD_PRELOAD", "/usr/lib/libfaketime.so");
    good(b);
    assert_non_null(strstr(b->table[CHECK_STEERING].detail, "LD_PRELOAD"));
    set(b, "http_proxy", "http://127.0.0.1:3128");
    denied(b, CHECK_STEERING, GUARD_FAIL, "http_proxy");
}

static void test_state_folder(void **state)
{
    struct bench *b = *state;
    char text[256], path[160];

    snprintf(path, sizeof path, "%s/state", b->dir);
    snprintf(text, sizeof text, "[daemon]\nstate_dir = %s\n", path);
    put_mode(b, "paperguard.conf", text, 0640);
    good(b); // not there yet
    assert_int_equal(mkdir(path, 0750), 0);
    good(b);
    assert_int_equal(chmod(path, 0770), 0);
    denied(b, CHECK_FILES, GUARD_FAIL, "has mode 0770");
    assert_int_equal(chmod(path, 0752), 0);
    denied(b, CHECK_FILES, GUARD_FAIL, "has mode 0752");
    assert_int_equal(rmdir(path), 0);
    put_mode(b, "state", "", 0600);
    denied(b, CHECK_FILES, GUARD_FAIL, "is not a folder");
    unlink(path);
}

static void children(struct bench *b, const char *entry, enum fact_tri want, const char *word)
{
    const char *const envp[] = {"PATH=/usr/bin", entry, NULL};

    facts_judge_children(b->facts, envp, 99);
    const struct fact_state *s = &facts_view(b->facts)->children;
    if (s->state != want || !strstr(s->detail, word))
        fail_msg("%s: %d, %s", word, (int)s->state, s->detail);
    assert_null(strstr(s->detail, SECRET));
    assert_null(strstr(s->detail, PAPER_KEY));
    assert_int_equal(facts_view(b->facts)->children_boot_ns, 99);
}

static void test_children(void **state)
{
    struct bench *b = *state;

    set(b, "STAGING_DB_PASSWORD", "hunter2hunter2");
    good(b);
    assert_int_equal(facts_view(b->facts)->children.state, FACT_UNKNOWN);
    children(b, "LANG=C.UTF-8", FACT_GOOD, "2 variables");
    children(b, "X=" PAPER_KEY, FACT_BAD, "X");
    children(b, "Y=a" SECRET "b", FACT_BAD, "Y");
    children(b, "PGPASSWORD=hunter2hunter2", FACT_BAD, "PGPASSWORD");
    children(b, "Z=" LIVE_KEY, FACT_BAD, "Z");
    children(b, "ALPACA_LIVE_KEY=x", FACT_BAD, "ALPACA_LIVE_KEY");
    children(b, "LANG=C", FACT_GOOD, "no secret"); // judged anew each time
}

static void test_pushed(void **state)
{
    struct bench *b = *state;
    const struct tls_state tls = {.known = true, .used = true, .version = 0x0304};

    good(b);
    const struct guard_facts *f = facts_view(b->facts);
    assert_true(f->static_boot_ns > 0);
    facts_set_calendar(b->facts, false, false, "", 5);
    assert_int_equal(f->calendar.state, FACT_UNKNOWN);
    assert_int_equal(f->calendar_boot_ns, 0);
    facts_set_calendar(b->facts, true, true, "", 5);
    assert_int_equal(f->calendar.state, FACT_GOOD);
    assert_string_equal(f->calendar.detail, "agrees today");
    assert_int_equal(f->calendar_boot_ns, 5);
    facts_set_calendar(b->facts, true, false, "", 5);
    assert_int_equal(f->calendar.state, FACT_GOOD);
    assert_string_equal(f->calendar.detail, "not applicable: the simulator's market is open around the clock");
    facts_set_calendar(b->facts, true, true, "open on 2025-01-09", 6);
    assert_int_equal(f->calendar.state, FACT_BAD);
    assert_string_equal(f->calendar.detail, "open on 2025-01-09");
    facts_set_peer(b->facts, "35.194.68.203", &tls, 9);
    assert_string_equal(f->peer_last, "35.194.68.203, TLS 1.3");
    assert_int_equal(f->peer_boot_ns, 9);
    facts_set_clock(b->facts, 0, clock_boot_ns());
    facts_look_clock(b->facts);
    assert_false(f->clock_was_set);
    b->facts->clock_ahead_ns += 60 * NS_PER_S; // as if somebody had set it back by a minute since
    facts_look_clock(b->facts);
    assert_true(f->clock_was_set);
    facts_set_clock(b->facts, 0, clock_boot_ns());
    assert_false(f->clock_was_set);
}

static void test_key_pin(void **state)
{
    struct bench *b = *state;
    const struct digest right = digest_of(PAPER_KEY, strlen(PAPER_KEY)), wrong = digest_of("x", 1);
    char hex[DIGEST_HEX_MAX], text[128];

    snprintf(text, sizeof text, "[broker]\nkey_pin = %s\n", digest_hex(&right, hex));
    put_mode(b, "paperguard.conf", text, 0640);
    good(b);
    snprintf(text, sizeof text, "[broker]\nkey_pin = %s\n", digest_hex(&wrong, hex));
    put_mode(b, "paperguard.conf", text, 0640);
    denied(b, CHECK_KEY_PIN, GUARD_FAIL, "broker.key_pin");
    put_mode(b, "paperguard.conf", "[broker]\nkey_pin = PK…0001\n", 0640);
    assert_int_equal(config_load(b->path, &(struct config *){NULL}, &b->err), -1);
    assert_non_null(strstr(b->err.text, "64 lower-case hexadecimal digits"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_steering),     TEST(test_steering_at_a_simulator),
        TEST(test_state_folder), TEST(test_children),
        TEST(test_pushed),       TEST(test_key_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
