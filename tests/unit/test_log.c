// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Log lines as a sink and as stderr see them, and what stops the process: broken invariants and illegal moves.
#include "lib/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fsm.h"
#include "lib/base/text.h"

struct capture {
    struct text text;
    bool logs_itself;
};

static void capture_sink(void *arg, enum log_level level, const char *message_id, const char *message,
                         const struct log_field *fields, size_t count)
{
    struct capture *c = arg;
    errno = EIO;
    text_addf(&c->text, "%s[%s] %s", log_level_name(level), message_id == NULL ? "" : message_id, message);
    for (size_t i = 0; i < count; i++)
        text_addf(&c->text, " %s=%s", fields[i].name, fields[i].value);
    text_addc(&c->text, '|');
    if (c->logs_itself)
        log_debug("from within the sink");
}

static int setup(void **state)
{
    static struct capture c;
    c = (struct capture){.logs_itself = false};
    text_init(&c.text, 100000);
    log_set_sink(capture_sink, &c);
    log_set_level(LOG_LEVEL_INFO);
    *state = &c;
    return 0;
}

static int teardown(void **state)
{
    struct capture *c = *state;
    log_set_sink(NULL, NULL);
    text_free(&c->text);
    return 0;
}

static void test_sink(void **state)
{
    struct capture *c = *state;
    log_info("sent %d", 3);
    log_with(LOG_LEVEL_NOTICE, ((struct log_field[]){{"RUN_ID", "r1"}, {"SYMBOL", NULL}, {"ORDER_ID", "o"}}), "x");
    log_emit(LOG_LEVEL_WARNING, "0123456789abcdef0123456789abcdef", NULL, 0, "y");
    assert_string_equal(text_str(&c->text),
                        "info[] sent 3|notice[] x RUN_ID=r1 ORDER_ID=o|warning[0123456789abcdef0123456789abcdef] y|");
}

static void test_level(void **state)
{
    struct capture *c = *state;
    unsigned long before = log_count(LOG_LEVEL_DEBUG), errors = log_count(LOG_LEVEL_ERROR);
    log_debug("quiet");
    assert_string_equal(text_str(&c->text), "");
    assert_int_equal(log_count(LOG_LEVEL_DEBUG), before);
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("loud");
    assert_int_equal(log_count(LOG_LEVEL_DEBUG), before + 1);
    log_set_level(LOG_LEVEL_ERROR);
    log_warning("quiet");
    log_error("loud");
    assert_int_equal(log_count(LOG_LEVEL_ERROR), errors + 1);
    assert_string_equal(text_str(&c->text), "debug[] loud|error[] loud|");
}

static void test_one_line(void **state)
{
    struct capture *c = *state;
    log_info("a\nerror: forged\r\x1b[31m\tb\x7f");
    assert_string_equal(text_str(&c->text), "info[] a error: forged  [31m b |");
}

static void test_bounds(void **state)
{
    struct capture *c = *state;
    static char longer[2 * LOG_MESSAGE_MAX];
    memset(longer, 'a', sizeof longer - 1);
    log_info("%s", longer);
    assert_int_equal(c->text.len, strlen("info[] |") + LOG_MESSAGE_MAX - 1);
    text_clear(&c->text);
    struct log_field fields[LOG_FIELDS_MAX + 4];
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        fields[i] = (struct log_field){"F", "v"};
    fields[0].value = NULL; // what is left out takes no place
    log_with(LOG_LEVEL_INFO, fields, "m");
    assert_int_equal(c->text.len, strlen("info[] m|") + LOG_FIELDS_MAX * strlen(" F=v"));
}

static void test_errno_kept(void **state)
{
    (void)state;
    errno = ENOENT;
    log_info("x");
    assert_int_equal(errno, ENOENT);
}

static void test_level_names(void **state)
{
    (void)state;
    enum log_level level = LOG_LEVEL_DEBUG;
    assert_true(log_level_parse("Warning", &level));
    assert_int_equal(level, LOG_LEVEL_WARNING);
    static const char *const bad[] = {"", "warn", "info ", "critical", "6"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(log_level_parse(bad[i], &level));
    assert_false(log_level_parse(NULL, &level));
    assert_int_equal(level, LOG_LEVEL_WARNING);
}

// Runs action in a child with stderr on a pipe; returns its wait status and what it wrote.
static int in_child(void (*action)(void *), void *arg, char *out, size_t size)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(fds[1], STDERR_FILENO);
        action(arg);
        _exit(0);
    }
    close(fds[1]);
    size_t used = 0;
    ssize_t n;
    while (used + 1 < size && (n = read(fds[0], out + used, size - 1 - used)) > 0)
        used += (size_t)n;
    out[used] = '\0';
    close(fds[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void log_to_stderr(void *arg)
{
    (void)arg;
    static char longer[10000];
    memset(longer, 'v', sizeof longer - 1);
    log_set_sink(NULL, NULL);
    log_with(LOG_LEVEL_INFO, ((struct log_field[]){{"SYMBOL", "A\nB"}}), "one");
    log_with(LOG_LEVEL_INFO, ((struct log_field[]){{"LONG", longer}}), "two");
}

static void test_stderr(void **state)
{
    (void)state;
    static char out[20000];
    assert_int_equal(in_child(log_to_stderr, NULL, out, sizeof out), 0);
    static const char first[] = "info: one SYMBOL=A B\ninfo: two LONG=vvv";
    assert_memory_equal(out, first, sizeof first - 1);
    size_t n = strlen(out);
    assert_in_range(n, 8000, 8300); // cut, and still a whole line
    assert_int_equal(out[n - 1], '\n');
    assert_int_equal(out[n - 2], 'v');
}

static void log_within_sink(void *arg)
{
    struct capture *c = arg;
    c->logs_itself = true;
    log_set_level(LOG_LEVEL_DEBUG);
    log_info("outer");
    _exit(str_equal(text_str(&c->text), "info[] outer|") ? 0 : 1);
}

static void test_sink_that_logs(void **state)
{
    char out[200];
    assert_int_equal(in_child(log_within_sink, *state, out, sizeof out), 0);
    assert_string_equal(out, "debug: from within the sink\n");
}

#define DOOR_STATES(X) X(DOOR_SHUT, "shut") X(DOOR_OPEN, "open") X(DOOR_LOCKED, "locked")
enum door_state { DOOR_STATES(FSM_ENUM) };
static const char *const door_names[] = {DOOR_STATES(FSM_NAME)};
static const uint32_t door_moves[] = {
    [DOOR_SHUT] = FSM_BIT(DOOR_OPEN) | FSM_BIT(DOOR_LOCKED),
    [DOOR_OPEN] = FSM_BIT(DOOR_SHUT),
    [DOOR_LOCKED] = FSM_BIT(DOOR_SHUT),
};

static void test_fsm_moves(void **state)
{
    struct capture *c = *state;
    log_set_level(LOG_LEVEL_DEBUG);
    fsm_move("door", "d1", door_moves, door_names, DOOR_SHUT, DOOR_OPEN);
    assert_string_equal(text_str(&c->text), "debug[] door d1: shut -> open|");
}

static void open_locked_door(void *arg)
{
    (void)arg;
    fsm_move("door", "d1", door_moves, door_names, DOOR_LOCKED, DOOR_OPEN);
}

static void test_fsm_refuses(void **state)
{
    (void)state;
    char out[300];
    int status = in_child(open_locked_door, NULL, out, sizeof out);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(out, "door d1 may not move from locked to open"));
}

static void break_invariant(void *arg)
{
    CHECK(arg != NULL);
}

static void exhaust_memory(void *arg)
{
    volatile size_t half = SIZE_MAX / 2;
    (void)arg;
    free(check_alloc(half, 3));
}

static void test_check(void **state)
{
    (void)state;
    char out[300];
    int status = in_child(break_invariant, NULL, out, sizeof out);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(out, "broken invariant: arg != NULL ("));
    assert_int_equal(out[strlen(out) - 1], '\n');
    assert_int_equal(in_child(break_invariant, out, out, sizeof out), 0);
    status = in_child(exhaust_memory, NULL, out, sizeof out);
    assert_true(status != 0);
    void *p = check_alloc(0, 5); // never NULL
    assert_non_null(p);
    p = check_realloc(p, 0);
    assert_non_null(p);
    free(p);
    char *s = check_strndup("abcdef", 3);
    assert_string_equal(s, "abc");
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sink, setup, teardown),
        cmocka_unit_test_setup_teardown(test_level, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errno_kept, setup, teardown),
        cmocka_unit_test(test_level_names),
        cmocka_unit_test(test_stderr),
        cmocka_unit_test_setup_teardown(test_sink_that_logs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fsm_moves, setup, teardown),
        cmocka_unit_test(test_fsm_refuses),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
