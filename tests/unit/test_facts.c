// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Environment, credentials and files as they are found on real hosts, right and wrong, up to the verdict of the guard's
// table. The live keys here are made up.
// needs: daemon/facts.o daemon/facts_env.o daemon/facts_files.o daemon/facts_keys.o
// needs: daemon/facts_scan.o daemon/facts_dsn.o
// needs: daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/facts.h"
#include "daemon/facts_internal.h"
#include "lib/guard/guard.h"

#define PAPER_KEY "PKTESTTESTTEST000001"
#define LIVE_KEY "AKTESTTESTTEST000001"
#define SECRET "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr"
#define ENV_MAX 32

struct bench {
    char dir[64], path[128];
    char *env[ENV_MAX];
    size_t count;
    struct config *config;
    struct facts *facts;
    struct err err;
    struct guard_result table[GUARD_CHECK_COUNT];
};

static void put_mode(const struct bench *b, const char *name, const char *text, mode_t mode)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", b->dir, name);
    unlink(path); // only root may write over a file of mode 0400
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void set(struct bench *b, const char *name, const char *value)
{
    char entry[1024];
    size_t at = b->count;

    snprintf(entry, sizeof entry, "%s=%s", name, value);
    for (size_t i = 0; i < b->count; i++)
        if (strncmp(b->env[i], entry, strlen(name) + 1) == 0)
            at = i;
    assert_true(at < ENV_MAX - 1);
    free(b->env[at]);
    b->env[at] = check_strdup(entry);
    if (at == b->count)
        b->count++;
}

static void unset(struct bench *b, const char *name)
{
    for (size_t i = 0; i < b->count; i++)
        if (strncmp(b->env[i], name, strlen(name)) == 0 && b->env[i][strlen(name)] == '=') {
            free(b->env[i]);
            b->env[i] = b->env[--b->count];
            b->env[b->count] = NULL;
            return;
        }
}

static int gather(struct bench *b)
{
    facts_free(b->facts);
    config_free(b->config);
    b->facts = NULL;
    b->config = NULL;
    if (config_load(b->path, &b->config, &b->err))
        fail_msg("%s", b->err.text);
    if (facts_gather(b->config, b->path, b->env, &b->facts, &b->err))
        return -1;
    guard_table(facts_view(b->facts), 1, true, b->table);
    return 0;
}

static void good(struct bench *b)
{
    if (gather(b))
        fail_msg("%s", b->err.text);
    for (int i = 0; i < GUARD_CHECK_COUNT; i++)
        if (guard_check_is_static((enum guard_check)i) && b->table[i].answer != GUARD_PASS)
            fail_msg("%s: %s", guard_check_name((enum guard_check)i), b->table[i].detail);
}

// The check denies with a text that holds the word; no secret is in any text.
static void denied(struct bench *b, enum guard_check check, enum guard_answer answer, const char *word)
{
    if (gather(b))
        fail_msg("%s", b->err.text);
    if (b->table[check].answer != answer || !strstr(b->table[check].detail, word))
        fail_msg("%s is %s: %s; expected %s with %s", guard_check_name(check),
                 guard_answer_name(b->table[check].answer), b->table[check].detail, guard_answer_name(answer), word);
    for (int i = 0; i < GUARD_CHECK_COUNT; i++) {
        assert_null(strstr(b->table[i].detail, SECRET));
        assert_null(strstr(b->table[i].detail, LIVE_KEY));
        assert_null(strstr(b->table[i].detail, "hunter2"));
    }
}

static int set_up(void **state)
{
    struct bench *b = check_alloc(1, sizeof *b);

    str_copy_cut(b->dir, sizeof b->dir, "/tmp/pg-facts-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->path, sizeof b->path, "%s/paperguard.conf", b->dir);
    put_mode(b, "paperguard.conf", "", 0640);
    set(b, "PATH", "/usr/bin");
    set(b, "ENVIRONMENT", "staging");
    set(b, "DRY_RUN", "true");
    set(b, "ALPACA_PAPER", "true");
    set(b, "ALPACA_PAPER_API_KEY", PAPER_KEY);
    set(b, "ALPACA_PAPER_API_SECRET", SECRET);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    char command[128];

    facts_free(b->facts);
    config_free(b->config);
    for (size_t i = 0; i < b->count; i++)
        free(b->env[i]);
    snprintf(command, sizeof command, "rm -r '%s'", b->dir);
    free(b);
    return system(command);
}

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

static void credentials(struct bench *b)
{
    char folder[128];

    snprintf(folder, sizeof folder, "%s/creds", b->dir);
    assert_int_equal(mkdir(folder, 0700), 0);
    set(b, "CREDENTIALS_DIRECTORY", folder);
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
                                        "postgresql://u:a@h/d?password=b"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char *clean = NULL, *password = NULL;
        if (facts_dsn_split(wrong[i], &clean, &password, NULL) == 0)
            fail_msg("%s: %s", wrong[i], clean);
        assert_null(clean);
        assert_null(password);
    }
}

static void test_pushed(void **state)
{
    struct bench *b = *state;

    good(b);
    facts_set_account(b->facts, "PA3ZZJC58PH5", "ACTIVE", true, 77);
    facts_set_key_accepted(b->facts, false);
    facts_set_first_seen(b->facts, true, NULL);
    facts_set_database(b->facts, FACT_BAD, "no marker", 50);
    facts_set_database_answered(b->facts, 40); // ages do not go back
    facts_set_halt(b->facts, HALT_RUNNING, HALT_HALTED, HALT_UNKNOWN, "why");
    facts_set_clock(b->facts, -5, 88);
    const struct guard_facts *f = facts_view(b->facts);
    assert_string_equal(f->account_number, "PA3ZZJC58PH5");
    assert_true(f->account_blocked);
    assert_int_equal(f->account_boot_ns, 77);
    assert_int_equal(f->account_key_accepted, FACT_BAD);
    assert_true(f->account_first_known);
    assert_string_equal(f->account_first_seen, "");
    assert_int_equal(f->database_marker.state, FACT_BAD);
    assert_int_equal(f->database_boot_ns, 50);
    assert_int_equal(f->halt_file, HALT_HALTED);
    assert_int_equal(f->clock_skew_ns, -5);
    facts_set_account(b->facts, "PA34567890123456789012345678901234567890", "ACTIVE", false, 78);
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
        TEST(test_live_names),
        TEST(test_live_values),
        TEST(test_databases),
        TEST(test_overrides),
        TEST(test_wrong_overrides),
        TEST(test_dsn),
        TEST(test_pushed),
        TEST(test_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
