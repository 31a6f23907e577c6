// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Environment, credentials and files as they are found on real hosts, right and wrong, up to the verdict of the guard's
// table.
// needs: daemon/facts.o daemon/facts_env.o daemon/facts_files.o daemon/facts_keys.o
// needs: daemon/facts_scan.o daemon/facts_steering.o daemon/facts_dsn.o
// needs: daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o
#include "tests/unit/facts_bench.h"

static void test_good(void **state)
{
    struct bench *b = *state;

    good(b);
    assert_string_equal(facts_environment_name(b->facts), "staging");
    assert_false(facts_simulator(b->facts));
    assert_string_equal(facts_secrets(b->facts)->key_id, PAPER_KEY);
    assert_string_equal(facts_secrets(b->facts)->secret, SECRET);
    assert_null(facts_secrets(b->facts)->http_token);
    assert_null(facts_secrets(b->facts)->database_password);
    const struct digest d = digest_of(PAPER_KEY, strlen(PAPER_KEY));
    assert_true(digest_equal(&d, &facts_view(b->facts)->key_fingerprint));
    assert_string_equal(facts_view(b->facts)->key_shown, "PK…0001");
    assert_string_equal(facts_view(b->facts)->trading_host, "paper-api.alpaca.markets");
    assert_string_equal(facts_view(b->facts)->data_host, "data.alpaca.markets");
}

static void test_switches(void **state)
{
    static const char *const wrong[] = {"",      "1",     "0",      "TRUE",     "True", "yes",      "on",    "t",
                                        "true ", " true", "true\n", "\"true\"", "tru",  "truetrue", "false", "null"};
    static const struct {
        const char *name;
        enum guard_check check;
    } locks[] = {{"DRY_RUN", CHECK_DRY_RUN}, {"ALPACA_PAPER", CHECK_ALPACA_PAPER}};
    struct bench *b = *state;

    for (size_t l = 0; l < ARRAY_LEN(locks); l++) {
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
            set(b, locks[l].name, wrong[i]);
            denied(b, locks[l].check, GUARD_FAIL, locks[l].name);
        }
        unset(b, locks[l].name);
        denied(b, locks[l].check, GUARD_FAIL, locks[l].name); // required
        set(b, locks[l].name, "true");
        good(b);
    }
}

static void test_switches_in_the_config(void **state)
{
    struct bench *b = *state;

    unset(b, "DRY_RUN");
    unset(b, "ALPACA_PAPER");
    unset(b, "ENVIRONMENT");
    put_mode(b, "paperguard.conf", "[staging]\ndry_run = true\nalpaca_paper = true\nenvironment = dev\n", 0640);
    good(b);
    assert_string_equal(facts_environment_name(b->facts), "dev");
    assert_non_null(strstr(facts_view(b->facts)->dry_run.source, "paperguard.conf:2"));
    put_mode(b, "paperguard.conf", "[staging]\ndry_run = TRUE\nalpaca_paper =\nenvironment = dev\n", 0640);
    denied(b, CHECK_DRY_RUN, GUARD_FAIL, "\"TRUE\"");
    denied(b, CHECK_ALPACA_PAPER, GUARD_FAIL, "\"\"");
    set(b, "DRY_RUN", "true"); // the environment does not hide a config that says no
    put_mode(b, "paperguard.conf", "[staging]\ndry_run = false\nalpaca_paper = true\nenvironment = dev\n", 0640);
    denied(b, CHECK_DRY_RUN, GUARD_FAIL, "false");
    set(b, "DRY_RUN", "false");
    put_mode(b, "paperguard.conf", "[staging]\ndry_run = true\nalpaca_paper = true\nenvironment = dev\n", 0640);
    denied(b, CHECK_DRY_RUN, GUARD_FAIL, "false");
}

static void test_staging_mode(void **state)
{
    static const char *const wrong[] = {"", "0", "TRUE", "yes", "true ", "false", "2", "11"};
    struct bench *b = *state;

    set(b, "STAGING_MODE", "1");
    good(b);
    set(b, "STAGING_MODE", "true");
    good(b);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        set(b, "STAGING_MODE", wrong[i]);
        denied(b, CHECK_STAGING_MODE, GUARD_FAIL, "STAGING_MODE");
    }
}

static void test_stage(void **state)
{
    static const char *const wrong[] = {"",         "prod",  "production", "Staging", "STAGING",
                                        "staging ", "stage", "live",       "qa"};
    struct bench *b = *state;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        set(b, "ENVIRONMENT", wrong[i]);
        denied(b, CHECK_STAGE, GUARD_FAIL, "ENVIRONMENT is \"");
        assert_string_equal(facts_environment_name(b->facts), "");
    }
    unset(b, "ENVIRONMENT");
    denied(b, CHECK_STAGE, GUARD_FAIL, "neither ENVIRONMENT nor APP__STAGE");
    set(b, "APP__STAGE", "dev");
    good(b);
    set(b, "ENVIRONMENT", "staging");
    denied(b, CHECK_STAGE, GUARD_FAIL, "must agree");
    set(b, "APP__STAGE", "prod");
    denied(b, CHECK_STAGE, GUARD_FAIL, "APP__STAGE");
    set(b, "APP__STAGE", "staging");
    good(b);
}

// Two lines of an environment file were swapped: what belongs to nobody's eyes is not told back.
static void test_keys_in_the_wrong_place(void **state)
{
    static const struct {
        const char *name, *good;
        enum guard_check check;
    } words[] = {{"DRY_RUN", "true", CHECK_DRY_RUN},
                 {"ALPACA_PAPER", "true", CHECK_ALPACA_PAPER},
                 {"STAGING_MODE", "true", CHECK_STAGING_MODE},
                 {"ENVIRONMENT", "staging", CHECK_STAGE}};
    static const char *const kept[] = {SECRET, LIVE_KEY, "PKABCDEFGHIJKLMNOPQR"};
    struct bench *b = *state;

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        for (size_t k = 0; k < ARRAY_LEN(kept); k++) {
            set(b, words[i].name, kept[k]);
            denied(b, words[i].check, GUARD_FAIL, "something else");
        }
        set(b, words[i].name, words[i].good);
        good(b);
    }
}

static void test_endpoint_variables(void **state)
{
    static const char *const names[] = {"ALPACA_ENDPOINT", "ALPACA__ENDPOINT", "APCA_API_BASE_URL"};
    static const char *const wrong[] = {"",
                                        "https://api.alpaca.markets",
                                        "https://api.alpaca.markets/v2",
                                        "http://paper-api.alpaca.markets",
                                        "https://paper-api.alpaca.markets.evil.example",
                                        "https://user:hunter2@paper-api.alpaca.markets",
                                        "http://127.0.0.1:18900"};
    struct bench *b = *state;

    for (size_t n = 0; n < ARRAY_LEN(names); n++) {
        set(b, names[n], "https://paper-api.alpaca.markets/v2");
        good(b);
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
            set(b, names[n], wrong[i]);
            denied(b, CHECK_ENDPOINT, GUARD_FAIL, names[n]);
        }
        unset(b, names[n]);
    }
    set(b, "APCA_API_DATA_URL", "https://data.alpaca.markets");
    good(b);
    set(b, "APCA_API_DATA_URL", "https://data.evil.example");
    denied(b, CHECK_ENDPOINT, GUARD_FAIL, "APCA_API_DATA_URL");
}

static void test_endpoint_config(void **state)
{
    struct bench *b = *state;

    put_mode(b, "paperguard.conf", "[broker]\nendpoint = https://api.alpaca.markets\n", 0640);
    denied(b, CHECK_ENDPOINT, GUARD_FAIL, "LIVE");
    denied(b, CHECK_ENDPOINT, GUARD_FAIL, "paperguard.conf:2");
    put_mode(b, "paperguard.conf", "[broker]\ndata_endpoint = https://data.evil.example\n", 0640);
    denied(b, CHECK_ENDPOINT, GUARD_FAIL, "data endpoint");
}

static void test_simulator(void **state)
{
    struct bench *b = *state;

    put_mode(b, "paperguard.conf", "[broker]\nendpoint = http://127.0.0.1:18900\n", 0640);
    denied(b, CHECK_KEY_CLASS, GUARD_FAIL, "PKSIM"); // a paper key does not go there
    set(b, "ALPACA_PAPER_API_KEY", "PKSIM000000000000001");
    good(b);
    assert_true(facts_simulator(b->facts));
    assert_int_equal(facts_view(b->facts)->data_port, 18900);
    assert_string_equal(facts_view(b->facts)->data_host, "127.0.0.1");
    set(b, "ALPACA_ENDPOINT", "http://127.0.0.1:18900/v2");
    good(b);
    static const char *const wrong[] = {"https://paper-api.alpaca.markets", "http://127.0.0.1:18901",
                                        "http://localhost:18900", "https://api.alpaca.markets", ""};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        set(b, "ALPACA_ENDPOINT", wrong[i]);
        denied(b, CHECK_ENDPOINT, GUARD_FAIL, "ALPACA_ENDPOINT");
    }
    unset(b, "ALPACA_ENDPOINT");
    put_mode(b, "paperguard.conf", "", 0640); // and a simulator's key does not go to Alpaca
    denied(b, CHECK_KEY_CLASS, GUARD_FAIL, "simulator's key");
}

static void test_aliases(void **state)
{
    static const char *const pairs[][2] = {{"ALPACA_KEY", "ALPACA_SECRET"},
                                           {"ALPACA__KEY", "ALPACA__SECRET"},
                                           {"ALPACA_API_KEY_ID", "ALPACA_API_SECRET_KEY"},
                                           {"APCA_API_KEY_ID", "APCA_API_SECRET_KEY"}};
    struct bench *b = *state;

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        set(b, pairs[i][0], PAPER_KEY); // the same twice is fine
        set(b, pairs[i][1], SECRET);
        good(b);
        set(b, pairs[i][0], "PKTESTTESTTEST000002");
        denied(b, CHECK_KEY_CLASS, GUARD_FAIL, pairs[i][0]);
        set(b, pairs[i][0], PAPER_KEY);
        set(b, pairs[i][1], "another");
        denied(b, CHECK_KEY_CLASS, GUARD_FAIL, pairs[i][1]);
        unset(b, "ALPACA_PAPER_API_KEY"); // and each pair will do alone
        unset(b, "ALPACA_PAPER_API_SECRET");
        set(b, pairs[i][1], SECRET);
        good(b);
        unset(b, pairs[i][0]);
        unset(b, pairs[i][1]);
        set(b, "ALPACA_PAPER_API_KEY", PAPER_KEY);
        set(b, "ALPACA_PAPER_API_SECRET", SECRET);
    }
}

static void test_missing_keys(void **state)
{
    struct bench *b = *state;

    unset(b, "ALPACA_PAPER_API_KEY");
    denied(b, CHECK_KEY_CLASS, GUARD_FAIL, "ALPACA_PAPER_API_KEY");
    set(b, "ALPACA_API_KEY", PAPER_KEY);
    denied(b, CHECK_KEY_CLASS, GUARD_FAIL,
           "ALPACA_API_KEY is set, which is not read: did you mean ALPACA_PAPER_API_KEY?");
    unset(b, "ALPACA_API_KEY");
    set(b, "ALPACA_PAPER_API_KEY", "");
    denied(b, CHECK_KEY_CLASS, GUARD_FAIL, "no key id");
    set(b, "ALPACA_PAPER_API_KEY", PAPER_KEY);
    unset(b, "ALPACA_PAPER_API_SECRET");
    denied(b, CHECK_KEY_CLASS, GUARD_FAIL, "ALPACA_PAPER_API_SECRET");
    set(b, "ALPACA_API_SECRET", SECRET);
    denied(b, CHECK_KEY_CLASS, GUARD_FAIL, "did you mean ALPACA_PAPER_API_SECRET?");
}

static void test_odd_keys(void **state)
{
    struct bench *b = *state;

    set(b, "ALPACA_PAPER_API_KEY", "CKTESTTESTTEST000001");
    denied(b, CHECK_KEY_CLASS, GUARD_UNKNOWN, "no known class");
    set(b, "ALPACA_PAPER_API_KEY", PAPER_KEY "\r\nX-Evil: 1");
    denied(b, CHECK_KEY_CLASS, GUARD_UNKNOWN, "ALPACA_PAPER_API_KEY");
    set(b, "ALPACA_PAPER_API_KEY", PAPER_KEY " ");
    denied(b, CHECK_KEY_CLASS, GUARD_UNKNOWN, "ALPACA_PAPER_API_KEY");
    set(b, "ALPACA_PAPER_API_KEY", PAPER_KEY);
    set(b, "ALPACA_PAPER_API_SECRET", SECRET "\n");
    denied(b, CHECK_KEY_CLASS, GUARD_UNKNOWN, "ALPACA_PAPER_API_SECRET");
}

static void test_credentials(void **state)
{
    struct bench *b = *state;

    credentials(b);
    unset(b, "ALPACA_PAPER_API_KEY");
    unset(b, "ALPACA_PAPER_API_SECRET");
    put_mode(b, "creds/alpaca_key_id", PAPER_KEY "\n", 0400);
    put_mode(b, "creds/alpaca_secret_key", SECRET, 0440);
    put_mode(b, "creds/http_token", "0123456789abcdef0123\n", 0400);
    put_mode(b, "creds/db_password", "hunter2", 0400);
    good(b);
    assert_true(facts_key_written_s(b->facts) > 0);
    assert_string_equal(facts_secrets(b->facts)->key_id, PAPER_KEY);
    assert_string_equal(facts_secrets(b->facts)->http_token, "0123456789abcdef0123");
    assert_string_equal(facts_secrets(b->facts)->database_password, "hunter2");
    set(b, "ALPACA_KEY", "PKTESTTESTTEST000002"); // the environment must agree
    denied(b, CHECK_KEY_CLASS, GUARD_FAIL, "credential alpaca_key_id");
    unset(b, "ALPACA_KEY");
    put_mode(b, "creds/alpaca_key_id", PAPER_KEY "\nsecond line\n", 0400);
    denied(b, CHECK_KEY_CLASS, GUARD_UNKNOWN, "alpaca_key_id is not one line");
    put_mode(b, "creds/alpaca_key_id", PAPER_KEY "\n", 0400);
    put_mode(b, "creds/http_token", "\n", 0400);
    denied(b, CHECK_FILES, GUARD_FAIL, "holds no token");
    put_mode(b, "creds/http_token", "short\n", 0400);
    denied(b, CHECK_FILES, GUARD_FAIL, "fewer than 16");
    set(b, "CREDENTIALS_DIRECTORY", "/nonexistent");
    denied(b, CHECK_FILES, GUARD_FAIL, "/nonexistent");
}

static void test_key_files(void **state)
{
    struct bench *b = *state;
    char text[512];

    unset(b, "ALPACA_PAPER_API_KEY");
    unset(b, "ALPACA_PAPER_API_SECRET");
    snprintf(text, sizeof text, "[broker]\nkey_id_file = %s/key\nsecret_file = %s/secret\n", b->dir, b->dir);
    put_mode(b, "paperguard.conf", text, 0640);
    put_mode(b, "key", PAPER_KEY "\n", 0600);
    put_mode(b, "secret", SECRET "\n", 0600);
    good(b);
    struct stat st;
    snprintf(text, sizeof text, "%s/key", b->dir);
    assert_int_equal(stat(text, &st), 0);
    assert_int_equal(facts_key_written_s(b->facts), st.st_mtim.tv_sec);
    assert_string_equal(facts_secrets(b->facts)->secret, SECRET);
    put_mode(b, "secret", SECRET "\n", 0644);
    denied(b, CHECK_FILES, GUARD_FAIL, "0644");
    snprintf(text, sizeof text, "%s/secret", b->dir);
    unlink(text);
    denied(b, CHECK_FILES, GUARD_FAIL, "cannot be read");
    denied(b, CHECK_KEY_CLASS, GUARD_UNKNOWN, "secret");
}

static void test_modes(void **state)
{
    static const struct {
        mode_t mode;
        bool fine;
    } rows[] = {{0600, true},  {0640, true},  {0400, true},  {0440, true},  {0644, false}, {0660, false},
                {0666, false}, {0642, false}, {0641, false}, {0604, false}, {0620, false}};
    struct bench *b = *state;
    char path[160];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        put_mode(b, "paperguard.conf", "", rows[i].mode);
        if (rows[i].fine)
            good(b);
        else
            denied(b, CHECK_FILES, GUARD_FAIL, "chmod 640");
        chmod(b->path, 0600);
    }
    snprintf(path, sizeof path, "%s.d", b->path);
    assert_int_equal(mkdir(path, 0700), 0);
    put_mode(b, "paperguard.conf.d/a.conf", "", 0640);
    good(b);
    put_mode(b, "paperguard.conf.d/a.conf", "", 0644);
    denied(b, CHECK_FILES, GUARD_FAIL, "a.conf has mode 0644");
    put_mode(b, "paperguard.conf.d/a.conf", "", 0640);
    chmod(path, 0777);
    denied(b, CHECK_FILES, GUARD_FAIL, "others may add files");
    chmod(path, 0700);
    if (geteuid() == 0) {
        assert_int_equal(chown(b->path, 12345, 0), 0);
        denied(b, CHECK_FILES, GUARD_FAIL, "belongs to user 12345");
    }
}

static void test_pushed(void **state)
{
    struct bench *b = *state;

    good(b);
    facts_set_account(b->facts, "PA3ZZJC58PH5", "ACTIVE", "trading_blocked is true", 77);
    facts_set_key_accepted(b->facts, false);
    facts_set_first_seen(b->facts, true, NULL);
    facts_set_database(b->facts, FACT_BAD, "no marker", 50);
    facts_set_database_answered(b->facts, 40); // ages do not go back
    facts_set_halt(b->facts, HALT_RUNNING, HALT_HALTED, HALT_UNKNOWN, "why");
    facts_set_clock(b->facts, -5, 88);
    const struct guard_facts *f = facts_view(b->facts);
    assert_string_equal(f->account_number, "PA3ZZJC58PH5");
    assert_string_equal(f->account_blocked, "trading_blocked is true");
    assert_int_equal(f->account_boot_ns, 77);
    assert_int_equal(f->account_key_accepted, FACT_BAD);
    assert_true(f->account_first_known);
    assert_string_equal(f->account_first_seen, "");
    assert_int_equal(f->database_marker.state, FACT_BAD);
    assert_int_equal(f->database_boot_ns, 50);
    assert_int_equal(f->halt_file, HALT_HALTED);
    assert_int_equal(f->clock_skew_ns, -5);
    facts_set_account(b->facts, "PA34567890123456789012345678901234567890", "ACTIVE", "", 78);
    assert_string_equal(f->account_number, "(too long)"); // no prefix that another account might have
}

static void test_pin(void **state)
{
    struct bench *b = *state;

    put_mode(b, "paperguard.conf", "[broker]\naccount_pin = PA3ZZJC58PH5\n", 0640);
    good(b);
    assert_string_equal(facts_view(b->facts)->account_pinned, "PA3ZZJC58PH5");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_good),
        TEST(test_switches),
        TEST(test_switches_in_the_config),
        TEST(test_keys_in_the_wrong_place),
        TEST(test_staging_mode),
        TEST(test_stage),
        TEST(test_endpoint_variables),
        TEST(test_endpoint_config),
        TEST(test_simulator),
        TEST(test_aliases),
        TEST(test_missing_keys),
        TEST(test_odd_keys),
        TEST(test_credentials),
        TEST(test_key_files),
        TEST(test_modes),
        TEST(test_pushed),
        TEST(test_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
