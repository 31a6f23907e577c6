// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/facts.o daemon/facts_env.o daemon/facts_files.o daemon/facts_keys.o
// needs: daemon/facts_scan.o daemon/facts_steering.o
// needs: daemon/facts_dsn.o daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o
// needs: daemon/config_doc.o daemon/config_compare.o daemon/config_reload.o
//
// Any text, taken as environment, configuration and credential files of a host: where all fixed checks of the guard
// pass, the locks, the stage, the endpoint and the keys are what they must be (the rules written a second time), and no
// secret is in anything that is shown.
//
// A line "%% env", "%% config" or "%% NAME" (a credential) says what the lines after it belong to.
#include "daemon/facts_internal.h"
#include "lib/base/json_write.h"
#include "lib/guard/guard.h"
#include "lib/guard/keyscan.h"
#include "lib/io/redis_url.h"
#include "tests/fuzz/fuzz_text.h"

#define INPUT_MAX 8192
#define ENV_MAX 24
#define FILES_MAX 6
#define MARKER "hunter2"
#define SHOWN_MAX (1u << 20)

static char folder[64], folder_variable[96];
static struct host {
    char *env[ENV_MAX + 2];
    size_t env_count;
    struct text config;
    struct {
        const char *name;
        struct text text;
    } files[FILES_MAX];
    size_t file_count;
} h;

static void remove_folder(void)
{
    rmdir(folder);
}

static void make_folder(void)
{
    if (folder[0])
        return;
    snprintf(folder, sizeof folder, "/dev/shm/fuzz_facts.XXXXXX");
    CHECK(mkdtemp(folder) && atexit(remove_folder) == 0);
    snprintf(folder_variable, sizeof folder_variable, "CREDENTIALS_DIRECTORY=%s", folder);
}

// --- the host

static bool file_name_ok(const char *name)
{
    for (size_t i = 0; i < h.file_count; i++)
        if (strcmp(h.files[i].name, name) == 0)
            return false;
    return h.file_count < FILES_MAX && name[0] && strlen(name) < 40 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(name);
}

// Where the lines after "%% NAME" go; NULL: into the environment, or nowhere.
static struct text *part_of(const char *name)
{
    if (strcmp(name, "config") == 0)
        return &h.config;
    if (strcmp(name, "env") == 0 || !file_name_ok(name))
        return NULL;
    h.files[h.file_count].name = name;
    text_init(&h.files[h.file_count].text, INPUT_MAX + 1);
    return &h.files[h.file_count++].text;
}

static void host_read(char *text)
{
    struct text *part = NULL;
    bool in_env = false;
    memset(&h, 0, sizeof h);
    text_init(&h.config, INPUT_MAX + 1);
    for (char *line; (line = strsep(&text, "\n")) != NULL;) {
        if (strncmp(line, "%% ", 3) == 0) {
            in_env = strcmp(line + 3, "env") == 0;
            part = part_of(line + 3);
        } else if (part) {
            text_add(part, line);
            text_addc(part, '\n');
        } else if (in_env && h.env_count < ENV_MAX && strchr(line, '=') && !strstr(line, "CREDENTIALS_DIRECTORY")) {
            h.env[h.env_count++] = line;
        }
    }
    h.env[h.env_count] = folder_variable;
}

static void files_do(bool there)
{
    char path[128];
    for (size_t i = 0; i < h.file_count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, h.files[i].name);
        unlink(path);
        if (!there)
            continue;
        FILE *f = fopen(path, "we");
        CHECK(f && fchmod(fileno(f), 0600) == 0);
        CHECK(fwrite(text_str(&h.files[i].text), 1, h.files[i].text.len, f) == h.files[i].text.len && fclose(f) == 0);
    }
}

static void host_free(void)
{
    files_do(false);
    text_free(&h.config);
    for (size_t i = 0; i < h.file_count; i++)
        text_free(&h.files[i].text);
}

// --- the rules, a second time

// The value that a program of this environment sees.
static const char *variable(const char *name)
{
    for (size_t i = 0; i < h.env_count; i++)
        if (strncmp(h.env[i], name, strlen(name)) == 0 && h.env[i][strlen(name)] == '=')
            return h.env[i] + strlen(name) + 1;
    return NULL;
}

static bool one_of(const char *value, const char *a, const char *b)
{
    return !value || strcmp(value, a) == 0 || strcmp(value, b) == 0;
}

static bool alphanumeric(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// AK and 16 to 30 capitals or digits, between what is neither letter nor digit.
static bool holds_live_key(const char *s)
{
    for (const char *p = s; (p = strstr(p, "AK")) != NULL; p++) {
        const size_t len = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        if (len >= 18 && len <= 32 && !alphanumeric(p[len]) && (p == s || !alphanumeric(p[-1])))
            return true;
    }
    return false;
}

static void check_environment(void)
{
    for (size_t i = 0; i < h.env_count; i++) {
        const char *value = strchr(h.env[i], '=') + 1;
        CHECK(strncmp(h.env[i], "AWS_", 4) == 0 || !holds_live_key(value));
        CHECK(!value[0] || strncmp(h.env[i], "ALPACA_LIVE_", 12) != 0 || strncmp(h.env[i] + 12, "API_KEY=", 8) != 0);
    }
    CHECK(one_of(variable("DRY_RUN"), "true", "true") && one_of(variable("ALPACA_PAPER"), "true", "true"));
    CHECK(one_of(variable("STAGING_MODE"), "true", "1"));
    CHECK(one_of(variable("ENVIRONMENT"), "dev", "staging") && one_of(variable("APP__STAGE"), "dev", "staging"));
    CHECK(!holds_live_key(text_str(&h.config)));
    for (size_t i = 0; i < h.file_count; i++)
        CHECK(!holds_live_key(text_str(&h.files[i].text)));
}

static void check_passed(const struct facts *f)
{
    const struct guard_facts *v = facts_view(f);
    const struct facts_secrets *s = facts_secrets(f);
    check_environment();
    CHECK(facts_environment_name(f)[0] && s->secret[0]);
    CHECK(strspn(s->key_id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == strlen(s->key_id));
    CHECK(!s->http_token || strlen(s->http_token) >= 16);
    if (facts_simulator(f)) {
        CHECK(strcmp(v->trading_scheme, "http") == 0 && keyscan_loopback_host(v->trading_host));
        CHECK(strncmp(s->key_id, "PKSIM", 5) == 0 && keyscan_loopback_host(v->data_host));
        return;
    }
    CHECK(strcmp(v->trading_scheme, "https") == 0 && strcmp(v->data_scheme, "https") == 0);
    CHECK(strcmp(v->trading_host, "paper-api.alpaca.markets") == 0 && v->trading_port == 443);
    CHECK(strcmp(v->data_host, "data.alpaca.markets") == 0 && v->data_port == 443);
    CHECK(strncmp(s->key_id, "PK", 2) == 0 && strncmp(s->key_id, "PKSIM", 5) != 0);
}

// --- what is shown

static size_t count(const char *s)
{
    size_t n = 0;
    while (s && (s = strstr(s, MARKER)) != NULL) {
        n++;
        s += strlen(MARKER);
    }
    return n;
}

static size_t count_in_dsn(const char *dsn)
{
    char *clean = NULL, *password = NULL;
    if (!dsn || facts_dsn_split(dsn, &clean, &password, NULL) != 0)
        return 0;
    const size_t n = count(dsn) == count(password) ? count(password) : 0;
    free(clean);
    free(password);
    return n;
}

static size_t count_in_redis(const char *url)
{
    struct redis_url u = {.port = 0};
    struct err err;
    if (!url || redis_url_parse(url, &u, &err) != 0)
        return 0;
    const size_t n = count(url) == count(u.password) ? count(u.password) : 0;
    redis_url_free(&u);
    return n;
}

// Is the marker only where secrets stand?
static bool marker_is_secret(const char *input)
{
    static const char *const secret[] = {"ALPACA_PAPER_API_SECRET", "ALPACA_SECRET",       "ALPACA__SECRET",
                                         "ALPACA_API_SECRET_KEY",   "STAGING_DB_PASSWORD", "DB_PASSWORD"};
    size_t n = count_in_dsn(variable("STAGING_DATABASE_URL")) + count_in_dsn(variable("DATABASE_URL")) +
               count_in_redis(variable("REDIS_URL"));
    for (size_t i = 0; i < ARRAY_LEN(secret); i++)
        n += count(variable(secret[i]));
    for (size_t i = 0; i < h.file_count; i++)
        n += count(text_str(&h.files[i].text));
    return n > 0 && n == count(input);
}

static void check_shown(const struct config *c, const struct guard_result *table, const char *said, bool secret)
{
    struct text t;
    struct json_out o;
    text_init(&t, SHOWN_MAX);
    for (int i = 0; table && i < GUARD_CHECK_COUNT; i++)
        text_add(&t, table[i].detail);
    text_add(&t, said);
    json_out_init(&o, &t);
    config_write_json(c, &o);
    config_dump(c, &t);
    CHECK(!t.overflow);
    if (secret && count(text_str(&t))) {
        fprintf(stderr, "shown: %s\n", text_str(&t));
        abort();
    }
    text_free(&t);
}

static void judge(bool secret)
{
    struct guard_result table[GUARD_CHECK_COUNT];
    const char *path = text_file(text_str(&h.config), h.config.len);
    struct config *c = NULL;
    struct facts *f = NULL;
    struct err err = {.text = ""};
    if (config_load(path, &c, &err) != 0)
        return;
    if (facts_gather(c, path, h.env, &f, &err) != 0) {
        CHECK(!f);
        text_check(err.text);
        check_shown(c, NULL, err.text, secret);
    } else {
        const enum guard_answer all = guard_table(facts_view(f), 1, true, table);
        for (int i = 0; i < GUARD_CHECK_COUNT; i++)
            if (table[i].detail[0])
                text_check(table[i].detail);
        if (all == GUARD_PASS)
            check_passed(f);
        check_shown(c, table, "", secret);
    }
    facts_free(f);
    config_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX || memchr(data, '\0', size))
        return 0;
    CHECK(when_zone_init(NULL) == 0);
    make_folder();
    char *input = text_input(data, size), *lines = text_input(data, size);
    host_read(lines);
    files_do(true);
    judge(marker_is_secret(input));
    host_free();
    free(input);
    free(lines);
    return 0;
}
