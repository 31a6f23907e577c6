// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The config is read strictly: what is wrong is named with its place, and nothing wrong is taken over.
// needs: daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o daemon/config_doc.o
// needs: daemon/config_compare.o daemon/config_reload.o
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

#include "daemon/config.h"
#include "daemon/config_internal.h"
#include "lib/base/json_write.h"
#include "lib/io/http_server.h"

static char folder[64];
static char path[128];

static void write_file(const char *name, const char *text)
{
    char full[256];

    snprintf(full, sizeof full, "%s/%s", folder, name);
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int set_up(void **state)
{
    char drop[160];

    (void)state;
    str_copy_cut(folder, sizeof folder, "/tmp/pg-config-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/paperguard.conf", folder);
    snprintf(drop, sizeof drop, "%s.d", path);
    assert_int_equal(mkdir(drop, 0700), 0);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"paperguard.conf.d/10-a.conf", "paperguard.conf.d/20-b.conf",
                                        "paperguard.conf.d/ignored.txt", "paperguard.conf"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char full[256];
        snprintf(full, sizeof full, "%s/%s", folder, names[i]);
        unlink(full);
    }
    char drop[160];
    snprintf(drop, sizeof drop, "%s.d", path);
    rmdir(drop);
    return rmdir(folder);
}

static struct config *load(const char *text)
{
    struct config *c = NULL;
    struct err err = {""};

    write_file("paperguard.conf", text);
    if (config_load(path, &c, &err))
        fail_msg("%s", err.text);
    return c;
}

// Fails with a text that holds the place and both words.
static void refused(const char *text, unsigned line, const char *word, const char *other)
{
    struct config *c = NULL;
    struct err err = {""};
    char place[256];

    write_file("paperguard.conf", text);
    if (config_load(path, &c, &err) != -1)
        fail_msg("accepted: %s", text);
    assert_null(c);
    snprintf(place, sizeof place, "%s:%u: ", path, line);
    if (line && strncmp(err.text, place, strlen(place)) != 0)
        fail_msg("no place %s in: %s", place, err.text);
    if (!strstr(err.text, word) || !strstr(err.text, other))
        fail_msg("neither %s nor %s in: %s", word, other, err.text);
}

#define STRATEGY "[strategy \"core\"]\ncommand = /bin/true -x\nsymbols = SPY QQQ\nallocation = 0.5\nschedule = 15:30\n"

static void test_defaults(void **state)
{
    struct config *c = load("");

    (void)state;
    assert_string_equal(c->state_dir, "/var/lib/paperguard");
    assert_string_equal(c->log_level, "info");
    assert_string_equal(c->endpoint, "https://paper-api.alpaca.markets");
    assert_int_equal(c->request_timeout_ms, 10000);
    assert_int_equal(c->latest_start_ms, 600000);
    assert_int_equal(c->max_order_share.nanos, 600000000);
    assert_int_equal(c->max_order_notional.nanos, INT64_C(1000000) * DECIMAL_ONE);
    assert_int_equal(c->strategy_memory_max, 1073741824);
    assert_true(c->long_only);
    assert_int_equal(c->risk_allow.count, 0);
    assert_int_equal(c->listen_count, 0);
    assert_string_equal(config_origin(c, "risk", "long_only"), "default");
    assert_null(config_origin(c, "risk", "no_such"));
    config_free(c);
    config_free(NULL);
}

static void test_values(void **state)
{
    struct config *c = load("[broker]\nrequest_timeout = 500ms\n[schedule]\nlatest_start = 2h\nrun_deadline = 90s\n"
                            "[risk]\nmax_order_share = 0.25\nmax_order_notional = 1234.56\nlong_only = false\n"
                            "allow = SPY\tQQQ  BRK.B\nmax_orders_per_run = 7\n[strategies]\nmemory_max = 64M\n"
                            "output_max = 2048\n[daemon]\nstate_dir = /tmp/x y\n");
    char origin[256];

    (void)state;
    assert_int_equal(c->request_timeout_ms, 500);
    assert_int_equal(c->latest_start_ms, 7200000);
    assert_int_equal(c->run_deadline_ms, 90000);
    assert_int_equal(c->max_order_share.nanos, 250000000);
    assert_int_equal(c->max_order_notional.nanos, INT64_C(1234560000000));
    assert_false(c->long_only);
    assert_int_equal(c->risk_allow.count, 3);
    assert_string_equal(c->risk_allow.words[2], "BRK.B");
    assert_int_equal(c->max_orders_per_run, 7);
    assert_int_equal(c->strategy_memory_max, 64 << 20);
    assert_int_equal(c->strategy_output_max, 2048);
    assert_string_equal(c->state_dir, "/tmp/x y");
    snprintf(origin, sizeof origin, "%s:7", path);
    assert_string_equal(config_origin(c, "risk", "max_order_share"), origin);
    const struct risk_limits limits = config_risk_limits(c);
    assert_int_equal(limits.max_order_share.nanos, 250000000);
    assert_int_equal(limits.max_price_age_ns, INT64_C(60000000000));
    assert_int_equal(limits.allow_count, 3);
    assert_string_equal(limits.allow[0], "SPY");
    assert_false(limits.long_only);
    config_free(c);
}

static void test_wrong_values(void **state)
{
    static const struct {
        const char *text, *word, *other;
    } rows[] = {
        {"[broker]\nrequest_timeout = 10\n", "broker.request_timeout", "unit"},
        {"[broker]\nrequest_timeout = 10 s\n", "broker.request_timeout", "unit"},
        {"[broker]\nrequest_timeout = 1.5s\n", "broker.request_timeout", "unit"},
        {"[broker]\nrequest_timeout = -1s\n", "broker.request_timeout", "unit"},
        {"[broker]\nrequest_timeout = s\n", "broker.request_timeout", "unit"},
        {"[broker]\nrequest_timeout = 99ms\n", "from 100 to 60000", "99ms"},
        {"[broker]\nrequest_timeout = 61s\n", "from 100 to 60000", "61s"},
        {"[broker]\nrequest_timeout = 9223372036854775807h\n", "from 100", "request_timeout"},
        {"[broker]\nconnections = 0\n", "from 1 to 64", "\"0\""},
        {"[broker]\nconnections = 65\n", "from 1 to 64", "65"},
        {"[broker]\nconnections = eight\n", "from 1 to 64", "eight"},
        {"[broker]\nconnections =\n", "from 1 to 64", "\"\""},
        {"[risk]\nlong_only = TRUE\n", "true or false", "TRUE"},
        {"[risk]\nlong_only = 1\n", "true or false", "\"1\""},
        {"[risk]\nlong_only =\n", "true or false", "long_only"},
        {"[risk]\nmax_order_share = 60%\n", "write 25% as 0.25", "60%"},
        {"[risk]\nmax_order_share = 1.01\n", "to 1", "1.01"},
        {"[risk]\nmax_order_share = 0\n", "from 0.0001", "\"0\""},
        {"[risk]\nmax_order_share = 1e-1\n", "decimal", "1e-1"},
        {"[risk]\nmax_order_share = 0.1234567891\n", "decimal", "0.12"},
        {"[risk]\nmax_order_notional = $100\n", "decimal", "$100"},
        {"[risk]\nmax_order_notional = 2000000\n", "to 1000000", "2000000"},
        {"[risk]\nallow = SPY,QQQ\n", "commas", "SPY,QQQ"},
        {"[risk]\nallow = SPY SPY\n", "each once", "SPY"},
        {"[risk]\nallow = spy\n", "upper case", "spy"},
        {"[strategies]\nmemory_max = 64MB\n", "64M", "64MB"},
        {"[strategies]\nmemory_max = 1K\n", "from 1048576", "1K"},
        {"[daemon]\nstate_dir = var/lib\n", "absolute", "var/lib"},
        {"[daemon]\nlog_level = loud\n", "error warning notice info debug", "loud"},
        {"[daemon]\nlog_level = inf\n", "one of", "inf"},
        {"[daemon]\ninstance = A b\n", "a-z", "instance"},
        {"[daemon]\ninstance =\n", "a-z", "instance"},
        {"[orders]\nmode = simulate\n", "send record", "simulate"},
        {"[orders]\nequity_deployment_pct = 1.5\n", "from 0 to 1", "1.5"},
        {"[schedule]\nearly_close = maybe\n", "shift skip", "maybe"},
        {"[schedule]\nspecial_days = 2027-01-05\n", "2027-01-05=closed", "\"2027-01-05\""},
        {"[broker]\nfeed = otc\n", "iex sip", "otc"},
        {"[broker]\naccount_pin = 010203ABCD\n", "PA", "010203"},
        {"[database]\nurl = postgresql://u:hunter2@db/x\n", "password", "database.url"},
        {"[database]\nurl = host=db password=hunter2\n", "password", "database.url"},
        {"[redis]\nurl = redis://:hunter2@127.0.0.1/0\n", "password", "redis.url"},
        {"[redis]\nurl = redis://hunter2@127.0.0.1/0\n", "password", "redis.url"},
        {"[redis]\nurl = unix://hunter2@/run/redis.sock\n", "password", "redis.url"},
        {"[redis]\nurl = redis://hun/ter2@127.0.0.1/0\n", "password", "redis.url"},
        {"[redis]\nurl = redis:///:hunter2@127.0.0.1/0\n", "password", "redis.url"},
        {"[database]\nurl = postgresql://u@x:hunter2@db/x\n", "password", "database.url"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        refused(rows[i].text, 2, rows[i].word, rows[i].other);
    struct config *c = NULL;
    struct err err = {""};
    write_file("paperguard.conf", "[database]\nurl = postgresql://u:hunter2@db/x\n");
    assert_int_equal(config_load(path, &c, &err), -1);
    assert_null(strstr(err.text, "hunter2"));
}

static void test_unknown(void **state)
{
    (void)state;
    refused("[risk]\n\nmax_ordershare = 0.5\n", 3, "unknown key \"max_ordershare\"",
            "did you mean \"max_order_share\"");
    refused("[risk]\nfeed = iex\n", 2, "unknown key \"feed\"", "it belongs to [broker]");
    refused("[risk]\nxyzzy = 1\n", 2, "unknown key \"xyzzy\"", "[risk]");
    refused("[brokr]\n", 1, "unknown section [brokr]", "did you mean [broker]");
    refused("[everything]\n", 1, "unknown section", "everything");
    refused("[risk \"x\"]\n", 1, "takes no name", "risk");
    refused("[strategy]\n", 1, "needs a name", "strategy");
    refused("[strategy \"a\"]\nsymbol = SPY\n", 2, "unknown key \"symbol\"", "did you mean \"symbols\"");
    refused("[stratgy \"a\"]\n", 1, "unknown section", "did you mean [strategy]");
}

static void test_duplicates(void **state)
{
    char place[256];

    (void)state;
    snprintf(place, sizeof place, "%s:2", path);
    refused("[risk]\nallow = SPY\nallow = QQQ\n", 3, "risk.allow is set twice", place);
    refused("[risk]\nallow = SPY\n[broker]\n[risk]\nallow = SPY\n", 5, "risk.allow is set twice", place);
    snprintf(place, sizeof place, "%s:1", path);
    refused("[listen \"a\"]\naddress = 127.0.0.1:1\n[listen \"a\"]\n", 3, "[listen \"a\"] is there twice", place);
    config_free(load("[risk]\nallow = SPY\n[broker]\n[risk]\ndeny = QQQ\n")); // a section may be opened again
}

static void test_drop_ins(void **state)
{
    struct config *c;
    struct err err = {""};

    (void)state;
    write_file("paperguard.conf.d/20-b.conf", "[risk]\nallow = SPY\n");
    write_file("paperguard.conf.d/10-a.conf", "[risk]\ndeny = QQQ\n");
    write_file("paperguard.conf.d/ignored.txt", "nonsense");
    c = load("[broker]\nfeed = sip\n");
    assert_string_equal(c->risk_allow.words[0], "SPY");
    assert_string_equal(c->risk_deny.words[0], "QQQ");
    assert_true(str_ends(config_file_at(c, 0)->path, "/paperguard.conf"));
    assert_true(str_ends(config_file_at(c, 1)->path, "/10-a.conf"));
    assert_true(str_ends(config_file_at(c, 2)->path, "/20-b.conf"));
    assert_null(config_file_at(c, 3));
    assert_true(str_ends(config_origin(c, "risk", "allow"), "20-b.conf:2"));
    config_free(c);

    write_file("paperguard.conf", "[risk]\nallow = SPY\n"); // a drop-in adds, it does not override
    c = NULL;
    assert_int_equal(config_load(path, &c, &err), -1);
    assert_non_null(strstr(err.text, "20-b.conf:2: risk.allow is set twice"));
    assert_non_null(strstr(err.text, "paperguard.conf:2"));
}

static void test_unreadable(void **state)
{
    struct config *c = NULL;
    struct err err = {""};

    (void)state;
    assert_int_equal(config_load("/nonexistent/paperguard.conf", &c, &err), -1);
    assert_non_null(strstr(err.text, "/nonexistent/paperguard.conf: cannot be read"));
    assert_int_equal(config_load(folder, &c, &err), -1);
    assert_non_null(strstr(err.text, "not a regular file"));
    char fifo[200];
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(config_load(fifo, &c, &err), -1); // and does not hang
    unlink(fifo);
    assert_null(c);
}

static void test_listen(void **state)
{
    struct config *c = load("[listen \"a\"]\naddress = 127.0.0.1:8001\nroles = health api\n"
                            "[listen \"b\"]\naddress = [::1]:8002\nroles = gateway\nservice = execution_gateway\n"
                            "hosts = staging.example other.example\n");

    (void)state;
    assert_int_equal(c->listen_count, 2);
    assert_int_equal(c->listens[0].roles, HTTP_ROLE_HEALTH | HTTP_ROLE_API);
    assert_string_equal(c->listens[0].service, "paperguard");
    assert_int_equal(c->listens[1].roles, HTTP_ROLE_GATEWAY);
    assert_string_equal(c->listens[1].hosts.words[1], "other.example");
    config_free(c);
    refused("[listen \"a\"]\naddress = 127.0.0.1:1\nroles = api\n[listen \"b\"]\naddress = 127.0.0.1:1\nroles = api\n",
            5, "[listen \"a\"] already", "127.0.0.1:1");
    refused("[listen \"a\"]\nroles = api\n", 1, "needs the key address", "127.0.0.1:8001");
    refused("[listen \"a\"]\naddress = 127.0.0.1:1\n", 1, "needs the key roles", "health api");
    refused("[listen \"a\"]\naddress = 127.0.0.1:1\nroles = admin\n", 3, "admin", "health api gateway");
    refused("[listen \"a\"]\naddress = 127.0.0.1:1\nroles =\n", 3, "roles", "empty");
    refused("[listen \"a\"]\naddress = localhost:1\nroles = api\n", 2, "numeric", "localhost:1");
    refused("[listen \"a\"]\naddress = 127.0.0.1\nroles = api\n", 2, "numeric", "port");
    refused("[listen \"a\"]\naddress = 127.0.0.1:65536\nroles = api\n", 2, "numeric", "65536");
    refused("[listen \"a\"]\naddress = ::1:80\nroles = api\n", 2, "numeric", "::1:80");
}

static void test_strategy(void **state)
{
    struct config *c = load(STRATEGY "[strategy \"night\"]\ncommand = /bin/false\nsymbols = AAPL\nallocation = 0.5\n"
                                     "schedule = close-30m\nband = 0.01\nparams = {\"n\":5}\ntimeout = 5s\n"
                                     "lookback_days = 10\nenabled = false\nmin_confidence = 0.6\n"
                                     "[strategy \"skips\"]\ncommand = /bin/true\nsymbols = AAPL\nallocation = 0.5\n"
                                     "schedule = 10:00\nearly_close = skip\n");

    (void)state;
    assert_int_equal(c->strategy_count, 3);
    const struct config_strategy *y = &c->strategies[0];
    assert_string_equal(y->name, "core");
    assert_string_equal(y->command, "/bin/true -x");
    assert_int_equal(y->symbols.count, 2);
    assert_int_equal(y->allocation.nanos, 500000000);
    assert_int_equal(y->schedule.kind, SLOT_CLOCK);
    assert_int_equal(y->schedule.early_close, EARLY_CLOSE_SHIFT); // from [schedule]
    assert_int_equal(y->timeout_ms, 60000);
    assert_string_equal(y->params, "{}");
    assert_true(y->enabled);
    y = &c->strategies[1];
    assert_int_equal(y->schedule.kind, SLOT_BEFORE_CLOSE);
    assert_int_equal(y->schedule.seconds, 1800);
    assert_int_equal(y->band.nanos, 10000000);
    assert_int_equal(y->lookback_days, 10);
    assert_int_equal(y->min_confidence.nanos, 600000000);
    assert_int_equal(c->strategies[0].min_confidence.nanos, 0); // none
    assert_false(y->enabled);
    assert_int_equal(c->strategies[2].schedule.early_close, EARLY_CLOSE_SKIP);
    config_free(c);
}

static void test_wrong_strategy(void **state)
{
    (void)state;
    refused("[strategy \"a\"]\n", 1, "needs the key command", "such as");
    refused("[strategy \"A B\"]\n", 1, "a name has", "A B");
    refused("[strategy \"unassigned\"]\n", 1, "a name has", "unassigned");
    refused(STRATEGY "params = [1]\n", 6, "JSON object", "core");
    refused(STRATEGY "params = {\n", 6, "params", "core");
    refused(STRATEGY "params = {\"a\":1,\"a\":2}\n", 6, "params", "core");
    refused(STRATEGY "lookback_days = 5000\n", 6, "from 0 to 2000", "5000");
    refused(STRATEGY "enabled = yes\n", 6, "true or false", "yes");
    refused("[strategy \"a\"]\ncommand = true\nsymbols = SPY\nallocation = 1\nschedule = 15:30\n", 2, "absolute path",
            "true");
    refused("[strategy \"a\"]\ncommand = /x\nsymbols = spy\nallocation = 1\nschedule = 15:30\n", 3, "upper case",
            "spy");
    refused("[strategy \"a\"]\ncommand = /x\nsymbols =\nallocation = 1\nschedule = 15:30\n", 3, "empty", "symbols");
    refused("[strategy \"a\"]\ncommand = /x\nsymbols = SPY\nallocation = 1.1\nschedule = 15:30\n", 4, "from 0 to 1",
            "1.1");
    refused("[strategy \"a\"]\ncommand = /x\nsymbols = SPY\nallocation = 1\nschedule = noon\n", 5, "schedule", "noon");
    refused("[strategy \"a\"]\ncommand = /x\nsymbols = SPY\nallocation = 1\nschedule = close-30m\nearly_close = skip\n",
            5, "schedule", "early_close");
    refused(STRATEGY "[strategy \"b\"]\ncommand = /x\nsymbols = SPY\nallocation = 0.500000001\nschedule = 15:30\n", 0,
            "sum to 1.000000001", "at most 1");
}

static void test_override(void **state)
{
    struct config *c = load("[redis]\nurl = redis://127.0.0.1:1/0\n");
    struct err err = {""};

    (void)state;
    assert_int_equal(config_override(c, "redis", "url", "redis://:pw@127.0.0.1:2/0", "environment REDIS_URL", &err), 0);
    assert_string_equal(c->redis_url, "redis://:pw@127.0.0.1:2/0");
    assert_string_equal(config_origin(c, "redis", "url"), "environment REDIS_URL");
    assert_int_equal(config_override(c, "orders", "equity_deployment_pct", "1.5", "environment X", &err), -1);
    assert_non_null(strstr(err.text, "environment X"));
    assert_int_equal(c->equity_deployment.nanos, DECIMAL_ONE);
    assert_int_equal(config_override(c, "orders", "equity_deployment_pct", "0.5", "environment X", &err), 0);
    assert_int_equal(c->equity_deployment.nanos, DECIMAL_ONE / 2);
    assert_int_equal(config_override(c, "daemon", "log_level", "LOUD", "environment Y", &err), -1);
    assert_string_equal(c->log_level, "info");
    struct text dump;
    text_init(&dump, 65536);
    config_dump(c, &dump);
    assert_null(strstr(text_str(&dump), "pw@"));
    assert_non_null(strstr(text_str(&dump), "redis.url = redis://…@127.0.0.1:2/0  # environment REDIS_URL\n"));
    assert_non_null(strstr(text_str(&dump), "orders.equity_deployment_pct = 0.5  # environment X\n"));
    assert_non_null(strstr(text_str(&dump), "risk.max_price_age = 1m  # default\n"));
    text_free(&dump);
    config_free(c);
}

// An '@' in the path of a socket hides no password, and it is shown; one in a password does not end it.
static void test_what_a_url_hides(void **state)
{
    static const struct {
        const char *url, *shown;
    } rows[] = {{"unix:///run/a@b/redis.sock", "unix:///run/a@b/redis.sock"},
                {"redis://:p@w@127.0.0.1:2/0", "redis://…@127.0.0.1:2/0"},
                {"redis://p/w@127.0.0.1:2/0", "redis://…@127.0.0.1:2/0"},
                {"redis:///:pw@127.0.0.1:2/0", "redis://…@127.0.0.1:2/0"}};
    struct err err = {""};

    (void)state;
    struct config *c = load("[redis]\nurl = unix:///run/a@b/redis.sock\n");
    assert_string_equal(c->redis_url, rows[0].url);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct text dump, line;
        struct json_out o;
        text_init(&dump, 1u << 17);
        text_init(&line, 200);
        assert_int_equal(config_override(c, "redis", "url", rows[i].url, "environment REDIS_URL", &err), 0);
        text_addf(&line, "redis.url = %s  #", rows[i].shown);
        config_dump(c, &dump);
        assert_non_null(strstr(text_str(&dump), text_str(&line)));
        text_clear(&dump);
        json_out_init(&o, &dump);
        config_write_json(c, &o);
        assert_non_null(strstr(text_str(&dump), rows[i].shown));
        text_free(&dump);
        text_free(&line);
    }
    config_free(c);
}

// Sections wait for a restart, whichever of their keys has changed.
static void test_reload_tells_of_sections(void **state)
{
    static const char *const same = "[listen \"a\"]\naddress = 127.0.0.1:1\nroles = api\n%s[strategy \"s\"]\n"
                                    "command = /bin/true\nsymbols = SPY\nschedule = 15:30\nallocation = 1\n%s";
    static const struct {
        const char *listen, *strategy, *told;
    } rows[] = {{"", "", ""},
                {"", "execution = limit\n", "[strategy]"},
                {"", "band = 0.1\n", "[strategy]"},
                {"allow = 127.0.0.1\n", "", "[listen]"},
                {"hosts = a.example\n", "", "[listen]"}};
    char text[500], changed[500];
    struct err err;

    (void)state;
    snprintf(text, sizeof text, same, "", "");
    struct config *running = load(text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(text, sizeof text, same, rows[i].listen, rows[i].strategy);
        struct config *fresh = load(text);
        assert_int_equal(config_reload(running, fresh, changed, sizeof changed, &err), 0);
        if (!strstr(changed, rows[i].told) || !rows[i].told[0] != !changed[0])
            fail_msg("%s%s: %s", rows[i].listen, rows[i].strategy, changed);
        config_free(fresh);
    }
    config_free(running);
}

// The sample is a config: as it stands it gives the defaults, and with every line switched on it is still right.
static void test_sample(void **state)
{
    struct text sample, on;

    (void)state;
    text_init(&sample, 1 << 20);
    text_init(&on, 1 << 20);
    config_sample(&sample);
    struct config *c = load(text_str(&sample));
    for (size_t i = 0; i < config_option_count; i++) {
        assert_string_equal(config_origin(c, config_options[i].section, config_options[i].key), "default");
        if (!strstr(text_str(&sample), config_options[i].key))
            fail_msg("%s is missing", config_options[i].key);
    }
    assert_int_equal(c->listen_count, 3);
    config_free(c);
    bool line_start = true;
    for (const char *p = text_str(&sample); *p; p++) {
        const bool option = line_start && *p == '#' && p[1] != ' ';
        if (!option)
            text_addc(&on, *p);
        line_start = *p == '\n';
    }
    c = load(text_str(&on));
    struct config *plain = load("");
    for (size_t i = 0; i < config_option_count; i++) {
        struct text a, b;
        text_init(&a, 4096);
        text_init(&b, 4096);
        option_value_write(config_options[i].type, option_member(c, &config_options[i]), &a);
        option_value_write(config_options[i].type, option_member(plain, &config_options[i]), &b);
        assert_string_equal(text_str(&a), text_str(&b));
        assert_true(strstr(config_origin(c, config_options[i].section, config_options[i].key), "paperguard.conf:"));
        text_free(&a);
        text_free(&b);
    }
    assert_int_equal(c->strategy_count, 1);
    config_free(plain);
    config_free(c);
    text_free(&sample);
    text_free(&on);
}

// The shipped file is what the tables say. Tests run in the source tree.
static void test_shipped_sample(void **state)
{
    struct text sample;
    FILE *f = fopen("conf/paperguard.conf", "r");
    static char shipped[1 << 17];

    (void)state;
    assert_non_null(f);
    shipped[fread(shipped, 1, sizeof shipped - 1, f)] = '\0';
    fclose(f);
    text_init(&sample, 1 << 20);
    config_sample(&sample);
    if (getenv("WRITE_SAMPLE")) {
        f = fopen("conf/paperguard.conf", "w");
        fputs(text_str(&sample), f);
        fclose(f);
    } else {
        assert_string_equal(shipped, text_str(&sample));
    }
    text_free(&sample);
}

static void test_manual(void **state)
{
    struct text manual;

    (void)state;
    text_init(&manual, 1 << 20);
    config_manual(&manual);
    for (size_t i = 0; i < config_option_count; i++)
        if (!strstr(text_str(&manual), config_options[i].prose))
            fail_msg("%s is not in the manual", config_options[i].key);
    for (size_t i = 0; i < config_named_key_count; i++)
        if (!strstr(text_str(&manual), config_named_keys[i].prose) && !strchr(config_named_keys[i].prose, '\\'))
            fail_msg("%s is not in the manual", config_named_keys[i].key);
    text_free(&manual);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),         TEST(test_values),
        TEST(test_wrong_values),     TEST(test_unknown),
        TEST(test_duplicates),       TEST(test_drop_ins),
        TEST(test_unreadable),       TEST(test_listen),
        TEST(test_strategy),         TEST(test_override),
        TEST(test_what_a_url_hides), TEST(test_sample),
        TEST(test_wrong_strategy),   TEST(test_shipped_sample),
        TEST(test_manual),           TEST(test_reload_tells_of_sections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
