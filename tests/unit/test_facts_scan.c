// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What names, values and addresses betray: live keys, databases that are not for staging; what the environment sets.
// needs: daemon/facts.o daemon/facts_env.o daemon/facts_files.o daemon/facts_keys.o
// needs: daemon/facts_scan.o daemon/facts_steering.o daemon/facts_dsn.o
// needs: daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o
#include "tests/unit/facts_bench.h"

static void test_live_names(void **state)
{
    struct bench *b = *state;

    set(b, "ALPACA_LIVE_API_KEY", "x");
    denied(b, CHECK_LIVE_NAMES, GUARD_FAIL, "ALPACA_LIVE_API_KEY");
    set(b, "ALPACA_LIVE_API_KEY", ""); // set and empty is not a key
    good(b);
    set(b, "ALPACA_LIVE_API_KEY", " ");
    denied(b, CHECK_LIVE_NAMES, GUARD_FAIL, "ALPACA_LIVE_API_KEY");
    unset(b, "ALPACA_LIVE_API_KEY");
    char name[300]; // however long the name is
    memset(name, 'X', sizeof name);
    str_copy_cut(name + 250, 50, "_LIVE_SECRET");
    set(b, name, "x");
    denied(b, CHECK_LIVE_NAMES, GUARD_FAIL, "XXXX");
    unset(b, name);
    credentials(b);
    put_mode(b, "creds/alpaca_live_key", "x", 0400);
    denied(b, CHECK_LIVE_NAMES, GUARD_FAIL, "alpaca_live_key");
    put_mode(b, "creds/alpaca_live_key", "", 0400);
    good(b);
}

static void test_live_values(void **state)
{
    struct bench *b = *state;

    set(b, "SOMETHING", "prefix " LIVE_KEY " suffix");
    denied(b, CHECK_LIVE_VALUES, GUARD_FAIL, "SOMETHING");
    unset(b, "SOMETHING");
    set(b, "ALPACA_PAPER_API_KEY", LIVE_KEY);
    denied(b, CHECK_LIVE_VALUES, GUARD_FAIL, "ALPACA_PAPER_API_KEY");
    denied(b, CHECK_KEY_CLASS, GUARD_FAIL, "LIVE key");
    set(b, "ALPACA_PAPER_API_KEY", PAPER_KEY);
    set(b, "ALPACA_PAPER_API_SECRET", LIVE_KEY);
    denied(b, CHECK_LIVE_VALUES, GUARD_FAIL, "ALPACA_PAPER_API_SECRET");
    set(b, "ALPACA_PAPER_API_SECRET", SECRET);
    put_mode(b, "paperguard.conf", "[daemon]\n# was " LIVE_KEY "\n", 0640); // in a comment too
    denied(b, CHECK_LIVE_VALUES, GUARD_FAIL, "paperguard.conf:2");
    put_mode(b, "paperguard.conf", "", 0640);
    credentials(b);
    put_mode(b, "creds/other", "a\nkey: " LIVE_KEY "\n", 0400);
    denied(b, CHECK_LIVE_VALUES, GUARD_FAIL, "creds/other");
    put_mode(b, "creds/other", "", 0400);
    set(b, "AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST0001");
    good(b);
    assert_non_null(strstr(b->table[CHECK_LIVE_VALUES].detail, "AWS_ACCESS_KEY_ID"));
    set(b, "OTHER_ACCESS_KEY_ID", "AKIATESTTESTTEST0001");
    denied(b, CHECK_LIVE_VALUES, GUARD_FAIL, "OTHER_ACCESS_KEY_ID");
}

static void test_databases(void **state)
{
    static const struct {
        const char *name, *value;
        bool fine;
    } rows[] = {
        {"DATABASE_URL", "postgresql://staging_user@127.0.0.1/mina_staging", true},
        {"DATABASE_URL", "postgresql://app@127.0.0.1/products", true},
        {"DATABASE_URL", "postgresql://app@127.0.0.1/non_prod", true},
        {"DATABASE_URL", "postgresql://app:production@127.0.0.1/staging", true}, // passwords are not looked at
        {"DATABASE_URL", "host=127.0.0.1 dbname=x password=prod", true},
        {"DATABASE_URL", "postgresql://app@prod-db.example/app", false},
        {"DATABASE_URL", "postgresql://app@127.0.0.1/app_production", false},
        {"DATABASE_URL", "postgresql://PROD@127.0.0.1/app", false},
        {"DATABASE_URL", "host=127.0.0.1 dbname=live", false},
        {"PRODUCTION_DATABASE_URL", "postgresql://x@127.0.0.1/y", false},
        {"ANALYTICS_DSN", "mysql://x@prod.example/y", false},
        {"ANALYTICS_DSN", "mysql://x@dev.example/y", true},
        {"SOME_URL", "https://production.example", true}, // not a database
        {"REDIS_URL", "redis://redis-prod:6379/0", false},
        {"BINANCE_TESTNET", "0", false},
        {"BINANCE_TESTNET", "1", true},
        {"QT_EXECUTION_BINANCE_TESTNET", "False", false},
        {"ALPACA_PAPER_TRADE", "false", false},
        {"ALPACA_LIVE_TRADE", "true", false},
        {"ALPACA_LIVE_TRADE", "false", true},
        {"LIVE_TRADING", "1", false},
        {"EXCHANGE_SANDBOX", "off", false},
    };
    struct bench *b = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        set(b, rows[i].name, rows[i].value);
        if (rows[i].fine)
            good(b);
        else
            denied(b, CHECK_DATABASES, GUARD_FAIL, rows[i].name);
        unset(b, rows[i].name);
    }
    put_mode(b, "paperguard.conf", "[database]\nurl = postgresql://app@127.0.0.1/prod\n", 0640);
    denied(b, CHECK_DATABASES, GUARD_FAIL, "database.url");
}

static void test_overrides(void **state)
{
    struct bench *b = *state;

    set(b, "EQUITY_DEPLOYMENT_PCT", "0.8");
    set(b, "ALPACA__EQUITY_DEPLOYMENT_PCT", "0.80");
    set(b, "LOGGING__LEVEL", "DEBUG");
    set(b, "REDIS_URL", "redis://:hunter2@127.0.0.1:6379/0");
    set(b, "DATABASE_URL", "postgresql://u:hun%74er2@127.0.0.1:5432/db?sslmode=require");
    set(b, "STAGING_DATABASE_URL", "postgresql://u:hun%74er2@127.0.0.1:5432/db?sslmode=require");
    set(b, "STAGING_DB_PASSWORD", "hunter2");
    good(b);
    assert_int_equal(b->config->equity_deployment.nanos, 800000000);
    assert_string_equal(b->config->log_level, "debug");
    assert_string_equal(b->config->redis_url, "redis://:hunter2@127.0.0.1:6379/0");
    assert_string_equal(b->config->database_url, "postgresql://u@127.0.0.1:5432/db?sslmode=require");
    assert_string_equal(facts_secrets(b->facts)->database_password, "hunter2");
    assert_string_equal(config_origin(b->config, "database", "url"), "environment STAGING_DATABASE_URL");
    set(b, "DB_PASSWORD", "other");
    denied(b, CHECK_DATABASES, GUARD_FAIL, "DB_PASSWORD");
}

static void refused(struct bench *b, const char *name, const char *value, const char *word)
{
    set(b, name, value);
    assert_int_equal(gather(b), -1);
    assert_null(b->facts);
    if (!strstr(b->err.text, word) || strstr(b->err.text, "hunter2"))
        fail_msg("%s", b->err.text);
    unset(b, name);
}

static void test_wrong_overrides(void **state)
{
    struct bench *b = *state;

    refused(b, "EQUITY_DEPLOYMENT_PCT", "1.5", "EQUITY_DEPLOYMENT_PCT");
    refused(b, "EQUITY_DEPLOYMENT_PCT", "", "EQUITY_DEPLOYMENT_PCT");
    refused(b, "EQUITY_DEPLOYMENT_PCT", "80%", "0.25");
    refused(b, "LOGGING__LEVEL", "LOUD", "LOGGING__LEVEL");
    refused(b, "DATABASE_URL", "", "DATABASE_URL");
    refused(b, "DATABASE_URL", "sqlite:///x.db", "postgresql://");
    refused(b, "DATABASE_URL", "postgresql+psycopg2://u:hunter2@h/d", "postgresql://");
    refused(b, "DATABASE_URL", "postgresql://u:hunter2@x@h/d", "percent-encode");
    refused(b, "DATABASE_URL", "postgresql://u:hunter2%zz@h/d", "percent-encode");
    set(b, "EQUITY_DEPLOYMENT_PCT", "0.5");
    refused(b, "ALPACA__EQUITY_DEPLOYMENT_PCT", "0.6", "differ");
    set(b, "DATABASE_URL", "postgresql://u@h/d");
    refused(b, "STAGING_DATABASE_URL", "postgresql://u@h/e", "differ");
}

static void test_dsn(void **state)
{
    static const struct {
        const char *dsn, *clean, *password;
    } rows[] = {
        {"postgresql://h/d", "postgresql://h/d", NULL},
        {"postgres://u:p@h:5/d", "postgres://u@h:5/d", "p"},
        {"postgresql://:p@h/d", "postgresql://@h/d", "p"},
        {"postgresql://u:a%3Ab%40c%2F@h/d?x=1&y=2", "postgresql://u@h/d?x=1&y=2", "a:b@c/"},
        {"postgresql://u@h/d?password=p&x=1", "postgresql://u@h/d?x=1", "p"},
        {"postgresql://u@h/d?x=1&password=p", "postgresql://u@h/d?x=1", "p"},
        {"postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql", NULL},
        {"host=/run dbname=d", "host=/run dbname=d", NULL},
        {"host=/run password=p dbname=d", "host=/run dbname=d", "p"},
        {"password='p q\\'r' host = '/run x'", "host = '/run x'", "p q'r"},
        {"host=/run\npassword=p", "host=/run", "p"},
        {"host=/run password=p\\", "host=/run", "p"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *clean = NULL, *password = NULL;
        struct err err = {""};
        if (facts_dsn_split(rows[i].dsn, &clean, &password, &err))
            fail_msg("%s: %s", rows[i].dsn, err.text);
        assert_string_equal(clean, rows[i].clean);
        assert_true(str_equal(password, rows[i].password));
        free(clean);
        free(password);
    }
    static const char *const wrong[] = {"",
                                        "x",
                                        "host",
                                        "=x",
                                        "password='' host=x",
                                        "password=a password=b",
                                        "postgresql://u:@h/d",
                                        "postgresql://u:%00@h/d",
                                        "postgresql://u:a@h/d?password=b",
                                        "postgresql://u:a?b@h/d",
                                        "postgresql://u:a#b@h/d",
                                        "postgresql://u@h/d?password=",
                                        "postgresql://u@h/d?pass%77ord=a",
                                        "host='/run password=a"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char *clean = NULL, *password = NULL;
        if (facts_dsn_split(wrong[i], &clean, &password, NULL) == 0)
            fail_msg("%s: %s", wrong[i], clean);
        assert_null(clean);
        assert_null(password);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_live_names), TEST(test_live_values),     TEST(test_databases),
        TEST(test_overrides),  TEST(test_wrong_overrides), TEST(test_dsn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
