// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The fixed-weights strategy as a process of its own: what signal_input_write gives it, it answers so that signal_parse
// takes it; anything off ends it with 1, a reason on stderr and nothing on stdout.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/trade/signal.h"

int fixed_weights_main(int argc, char **argv);
#define main fixed_weights_main
#include "daemon/strategies/fixed_weights.c"
#undef main
#undef CONTRACT
#include "daemon/strategies/strategy.c"

#define D DECIMAL_ONE

struct outcome {
    int status;
    char out[4096], err[1024];
};

static void slurp(FILE *f, char *out, size_t size)
{
    rewind(f);
    size_t n = fread(out, 1, size - 1, f);
    out[n] = '\0';
    (void)fclose(f);
}

static FILE *file_of(const char *bytes, size_t len)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    rewind(f);
    return f;
}

// Runs the strategy in a child with files as its three streams.
static struct outcome run(const char *in, size_t len, const char *argument)
{
    struct outcome o;
    FILE *files[3] = {file_of(in, len), file_of("", 0), file_of("", 0)};
    char name[] = "fixed_weights", arg[64];
    str_copy_cut(arg, sizeof(arg), argument ? argument : "");
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (int i = 0; i < 3; i++)
            if (dup2(fileno(files[i]), i) < 0)
                _exit(99);
        clearerr(stdin);
        char *argv[] = {name, argument ? arg : NULL, NULL};
        int rc = fixed_weights_main(argument ? 2 : 1, argv);
        (void)fflush(NULL);
        _exit(rc);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    o.status = WEXITSTATUS(status);
    (void)fclose(files[0]);
    slurp(files[1], o.out, sizeof(o.out));
    slurp(files[2], o.err, sizeof(o.err));
    return o;
}

static const struct signal_price prices[] = {{"SPY", {300 * D}, 0}, {"TLT", {90 * D}, 0}, {"GLD", {170 * D}, 0}};

static struct signal_input input(const char *params)
{
    return (struct signal_input){.run_id = "r",
                                 .strategy = "core",
                                 .account = "PA1",
                                 .slot = "15:30",
                                 .session = {2026, 10, 8},
                                 .prices = prices,
                                 .price_count = ARRAY_LEN(prices),
                                 .params_json = params};
}

static struct outcome run_params(const char *params)
{
    struct signal_input in = input(params);
    struct text t;
    text_init(&t, 65536);
    signal_input_write(&in, &t);
    struct outcome o = run(t.data, t.len, NULL);
    text_free(&t);
    return o;
}

static void weights_come_back_as_targets(void **state)
{
    (void)state;
    struct outcome o = run_params("{\"weights\":{\"SPY\":\"0.4\",\"TLT\":\"0.300000001\",\"GLD\":\"0\"}}");
    assert_string_equal(o.err, "");
    assert_int_equal(o.status, 0);
    struct signal_input in = input("{}");
    struct signal s = {0};
    struct err err = {0};
    if (signal_parse(o.out, strlen(o.out), &in, true, &s, &err))
        fail_msg("%s", err.text);
    assert_string_equal(s.model_name, "fixed-weights");
    assert_int_equal(s.count, 3);
    for (size_t i = 0; i < s.count; i++) {
        const char *symbol = s.targets[i].symbol;
        int64_t expected = strcmp(symbol, "SPY") == 0 ? 400000000 : strcmp(symbol, "TLT") == 0 ? 300000001 : 0;
        assert_int_equal(s.targets[i].weight.nanos, expected);
    }
    signal_free(&s);
}

static void assert_fails(const struct outcome *o, const char *says)
{
    assert_int_equal(o->status, 1);
    assert_string_equal(o->out, "");
    if (!strstr(o->err, says) || !str_starts(o->err, "fixed-weights: ") || !str_ends(o->err, "\n"))
        fail_msg("\"%s\" does not say \"%s\"", o->err, says);
}

static void odd_params_end_it(void **state)
{
    (void)state;
    static const struct {
        const char *params, *says;
    } rows[] = {
        {"{}", "params.weights is missing"},
        {"{\"weights\":[]}", "params.weights is"},
        {"{\"weights\":{}}", "params.weights is empty"},
        {"{\"weights\":{\"NVDA\":\"0.5\"}}", "NVDA has no price"},
        {"{\"weights\":{\"SPY\":0.5}}", "params.weights.SPY is"},
        {"{\"weights\":{\"SPY\":\"50%\"}}", "params.weights.SPY is \"50%\""},
        {"{\"weights\":{\"SPY\":\"0.7\",\"TLT\":\"0.300000001\"}}", "more than 1"},
        {"{\"weights\":{\"SPY\":\"-1.1\"}}", "not between -1 and 1"},
        {"{\"weights\":{\"SPY\":\"0.5\"},\"weight\":\"x\"}", "weight"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outcome o = run_params(rows[i].params);
        assert_fails(&o, rows[i].says);
    }
}

static void odd_input_ends_it(void **state)
{
    (void)state;
    static const struct {
        const char *in, *says;
    } rows[] = {
        {"", "stdin is empty"},
        {"hello", "JSON"},
        {"[]", "expected an object"},
        {"{}", "contract"},
        {"{\"contract\":2,\"prices\":{},\"params\":{}}", "this strategy speaks 1"},
        {"{\"contract\":1,\"params\":{}}", "input.prices is missing"},
        {"{\"contract\":1,\"prices\":{}}", "input.params is missing"},
        {"{\"contract\":1,\"prices\":{},\"params\":null}", "input.params is"},
        {"{\"contract\":1,\"prices\":{\"SPY\":{\"price\":\"0\"}},\"params\":{\"weights\":{\"SPY\":\"0.1\"}}}", "price"},
        {"{\"contract\":1,\"prices\":{\"SPY\":{}},\"params\":{\"weights\":{\"SPY\":\"0.1\"}}}", "price"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outcome o = run(rows[i].in, strlen(rows[i].in), NULL);
        assert_fails(&o, rows[i].says);
    }
    struct outcome o = run("", 0, "--help");
    assert_int_equal(o.status, 2);
    assert_non_null(strstr(o.err, "takes no arguments"));
    assert_string_equal(o.out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_come_back_as_targets),
        cmocka_unit_test(odd_params_end_it),
        cmocka_unit_test(odd_input_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
