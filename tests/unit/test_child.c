// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Child processes: what bounds them, and that each ends exactly once, whatever it does.
#include "tests/unit/child_run.h"

static void it_gets_its_input_and_gives_its_output(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/cat", NULL);
    r.params.input = "some\0bytes\n";
    r.params.input_len = 11;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_EXITED);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.output_len, 11);
    assert_memory_equal(r.output, "some\0bytes\n", 11);
    run_close(&r);
}

static void a_failing_program_says_so(void **state)
{
    (void)state;
    struct run r;
    run_script(&r, "echo partial; exit 3");
    assert_int_equal(r.result, CHILD_EXITED);
    assert_int_equal(r.status, 3);
    assert_string_equal(r.output, "partial\n");
    assert_string_equal(r.detail, "/bin/sh exited with status 3");
    run_close(&r);
}

static void a_crash_names_its_signal(void **state)
{
    (void)state;
    struct run r;
    run_script(&r, "kill -SEGV $$");
    assert_int_equal(r.result, CHILD_SIGNALLED);
    assert_int_equal(r.status, SIGSEGV);
    assert_string_equal(r.detail, "/bin/sh was ended by signal 11 (SIGSEGV)");
    run_close(&r);
}

static void too_much_output_ends_it(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "while :; do echo 0123456789012345678901234567890123456789; done");
    r.params.output_max = 1000;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_OUTPUT_TOO_LARGE);
    assert_true(r.output_len <= 1000);
    run_close(&r);
}

static void output_up_to_the_bound_passes(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "head -c 200000 /dev/zero");
    r.params.output_max = 200000;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_EXITED);
    assert_int_equal(r.output_len, 200000);
    run_close(&r);
    run_open(&r, "/bin/sh", "head -c 200001 /dev/zero");
    r.params.output_max = 200000;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_OUTPUT_TOO_LARGE);
    run_close(&r);
}

static void a_late_one_is_asked_to_stop(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "sleep 1000 & wait");
    r.params.timeout_ms = 50;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_TIMEOUT);
    assert_int_equal(r.status, SIGTERM);
    assert_string_equal(r.detail, "/bin/sh did not end within 50 ms; it was stopped");
    run_close(&r);
}

static void one_that_does_not_listen_is_killed(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "trap '' TERM; echo deaf >&2; while :; do sleep 1000; done");
    r.params.grace_ms = 50;
    r.kill_at_line = true;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_SIGNALLED);
    assert_int_equal(r.status, SIGKILL);
    run_close(&r);
}

static void what_it_leaves_behind_is_killed_with_it(void **state)
{
    (void)state;
    struct run r;
    run_script(&r, "sleep 1000 & echo $!");
    assert_int_equal(r.result, CHILD_EXITED);
    int64_t pid;
    r.output[r.output_len - 1] = '\0';
    assert_true(str_int64(r.output, 1, INT32_MAX, &pid));
    assert_gone((pid_t)pid);
    run_close(&r);
}

// This program once more, as what is run: `escape` starts a process that leaves group and session, is orphaned, is deaf
// to all that can be ignored, holds the pipes and has said its number; then it ends with 0, or lives on when told to
// `stay`.
static int escape(bool stay)
{
    int ready[2];
    char byte;
    if (pipe2(ready, O_CLOEXEC) != 0)
        return 3;
    if (fork() == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
        setsid();
        for (int signo = 1; signo < NSIG; signo++)
            signal(signo, SIG_IGN);
        dprintf(STDERR_FILENO, "%d\n", (int)getpid());
        close(ready[0]);
        close(ready[1]);
        for (;;)
            pause();
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 0)
        return 4;
    dprintf(STDOUT_FILENO, "out\n");
    while (stay)
        pause();
    return 0;
}

static void escape_open(struct run *r, const char *how)
{
    run_open(r, "/proc/self/exe", NULL);
    r->argv[1] = how;
}

static pid_t said(const struct run *r)
{
    int64_t pid;
    assert_int_equal(r->lines, 1);
    assert_true(str_int64(r->log[0], 1, INT32_MAX, &pid));
    return (pid_t)pid;
}

static bool is_dead(pid_t pid) // and reaped
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

static void what_escaped_its_group_is_dead_when_the_end_is_told(void **state)
{
    (void)state;
    struct run r;
    escape_open(&r, "escape");
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_EXITED);
    assert_int_equal(r.status, 0);
    assert_string_equal(r.output, "out\n");
    assert_true(is_dead(said(&r)));
    run_close(&r);
}

static void what_escaped_dies_after_a_deadline_too(void **state)
{
    (void)state;
    struct run r;
    escape_open(&r, "stay");
    r.params.timeout_ms = 200;
    r.params.grace_ms = 50;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_TIMEOUT);
    assert_true(is_dead(said(&r)));
    run_close(&r);
}

static void what_escaped_dies_when_it_is_freed(void **state)
{
    (void)state;
    struct run r;
    escape_open(&r, "stay");
    r.free_at_line = true;
    run_start(&r);
    while (loop_step(r.loop, WAIT_MS))
        ;
    assert_true(is_dead(said(&r)));
    run_close(&r);
}

// Two at once, each with one that escaped: the end of one is nothing to the other.
static void the_end_of_one_spares_the_other(void **state)
{
    (void)state;
    struct run one, other;
    escape_open(&other, "stay");
    run_start(&other);
    while (other.lines == 0)
        assert_true(loop_step(other.loop, WAIT_MS));
    escape_open(&one, "escape");
    run_until_done(&one);
    assert_true(is_dead(said(&one)));
    assert_false(is_dead(said(&other)));
    assert_int_equal(other.dones, 0);
    child_kill(other.child);
    while (other.dones == 0)
        loop_step(other.loop, WAIT_MS);
    assert_int_equal(other.status, SIGTERM);
    assert_true(is_dead(said(&other)));
    run_close(&one);
    run_close(&other);
}

// Whoever forks as it dies is met again: a chain in which each link forks the next and ends.
static void a_chain_of_forks_ends(void **state)
{
    (void)state;
    struct run r;
    escape_open(&r, "chain");
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_EXITED);
    run_close(&r);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, path, sizeof path), 0);
    close(fd);
}

static int chain(void)
{
    if (fork() == 0) {
        setsid();
        while (fork() == 0)
            ;
        _exit(0);
    }
    return 0;
}

static void a_keeper_that_is_gone_is_told(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "kill -KILL $PPID; while :; do sleep 1000; done");
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_SIGNALLED);
    assert_int_equal(r.status, SIGKILL);
    assert_string_equal(r.detail, "/bin/sh: its keeper was ended by signal 9, what it left is unknown");
    run_close(&r);
}

// The nearest thing to a process that hangs within the kernel: a keeper that is stopped.
static void what_does_not_die_holds_nobody_up(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "echo $PPID >&2; kill -STOP $PPID; while :; do sleep 1000; done");
    r.params.timeout_ms = 200;
    r.params.grace_ms = 50;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_TIMEOUT);
    assert_string_equal(r.detail, "/bin/sh did not end within 200 ms; it was stopped; something of it does not end");
    assert_int_equal(kill(said(&r), SIGCONT), 0);
    run_close(&r);
    assert_true(is_dead(said(&r)));
}

static void its_stderr_comes_line_by_line(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "printf 'one\\r\\ntab\\there\\033[31m\\n\\n%050d\\nlast without end' 0 >&2");
    run_until_done(&r);
    assert_int_equal(r.lines, 5);
    assert_string_equal(r.log[0], "one");
    assert_string_equal(r.log[1], "tab here?[31m");
    assert_string_equal(r.log[2], "");
    assert_string_equal(r.log[3], "0000000000000000000000000000000000000000"); // cut at 40
    assert_string_equal(r.log[4], "last without end");
    assert_string_equal(r.detail, "/bin/sh exited with status 0");
    run_close(&r);
}

static void a_flood_on_stderr_is_counted_and_not_passed_on(void **state)
{
    (void)state;
    struct run r;
    run_script(&r, "seq 25000 >&2");
    assert_int_equal(r.result, CHILD_EXITED);
    assert_int_equal(r.lines, 10);
    assert_string_equal(r.log[9], "10");
    assert_string_equal(r.detail, "/bin/sh exited with status 0; 24990 further lines of its stderr were dropped");
    run_close(&r);
}

static void input_that_nobody_reads_blocks_nobody(void **state)
{
    (void)state;
    struct run r;
    size_t len = 8u << 20;
    char *input = malloc(len);
    assert_non_null(input);
    memset(input, 'x', len);
    run_open(&r, "/bin/sh", "echo ok");
    r.params.input = input;
    r.params.input_len = len;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_EXITED);
    assert_string_equal(r.output, "ok\n");
    run_close(&r);

    run_open(&r, "/bin/sh", "exec <&-; sleep 0.05; echo ok"); // closes it and goes on
    r.params.input = input;
    r.params.input_len = len;
    run_until_done(&r);
    assert_string_equal(r.output, "ok\n");
    run_close(&r);

    run_open(&r, "/usr/bin/wc", NULL);
    r.argv[1] = "-c";
    r.params.input = input;
    r.params.input_len = len;
    run_until_done(&r);
    assert_string_equal(r.output, "8388608\n");
    run_close(&r);
    free(input);
}

static void it_can_be_stopped(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "echo up >&2; sleep 1000 & wait");
    r.kill_at_line = true;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_SIGNALLED);
    assert_int_equal(r.status, SIGTERM);
    child_kill(r.child); // too late: nothing happens
    run_close(&r);
}

static void one_that_is_freed_dies_silently(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "echo $$ >&2; trap '' TERM; while :; do sleep 1000; done");
    r.free_at_line = true;
    run_start(&r);
    while (loop_step(r.loop, WAIT_MS))
        ;
    assert_int_equal(r.dones, 0);
    assert_int_equal(r.lines, 1);
    int64_t pid;
    assert_true(str_int64(r.log[0], 1, INT32_MAX, &pid));
    assert_int_equal(kill((pid_t)pid, 0), -1); // dead and reaped
    run_close(&r);
}

static void it_may_be_freed_within_done(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "echo out");
    r.free_at_done = true;
    run_until_done(&r);
    assert_string_equal(r.output, "out\n");
    run_close(&r);
    run_open(&r, "/nonexistent/program", NULL);
    r.free_at_done = true;
    run_until_done(&r);
    run_close(&r);
}

static void one_whose_start_failed_may_be_freed_at_once(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "relative", NULL);
    run_start(&r);
    run_close(&r);
    assert_int_equal(r.dones, 0);
}

static void results_have_names(void **state)
{
    (void)state;
    assert_string_equal(child_result_name(CHILD_EXITED), "exited");
    assert_string_equal(child_result_name(CHILD_START_FAILED), "start_failed");
    assert_string_equal(child_result_name((enum child_result)77), "unknown");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return str_equal(argv[1], "chain") ? chain() : escape(str_equal(argv[1], "stay"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gets_its_input_and_gives_its_output),
        cmocka_unit_test(a_failing_program_says_so),
        cmocka_unit_test(a_crash_names_its_signal),
        cmocka_unit_test(too_much_output_ends_it),
        cmocka_unit_test(output_up_to_the_bound_passes),
        cmocka_unit_test(a_late_one_is_asked_to_stop),
        cmocka_unit_test(one_that_does_not_listen_is_killed),
        cmocka_unit_test(what_it_leaves_behind_is_killed_with_it),
        cmocka_unit_test(what_escaped_its_group_is_dead_when_the_end_is_told),
        cmocka_unit_test(what_escaped_dies_after_a_deadline_too),
        cmocka_unit_test(what_escaped_dies_when_it_is_freed),
        cmocka_unit_test(the_end_of_one_spares_the_other),
        cmocka_unit_test(a_chain_of_forks_ends),
        cmocka_unit_test(a_keeper_that_is_gone_is_told),
        cmocka_unit_test(what_does_not_die_holds_nobody_up),
        cmocka_unit_test(its_stderr_comes_line_by_line),
        cmocka_unit_test(a_flood_on_stderr_is_counted_and_not_passed_on),
        cmocka_unit_test(input_that_nobody_reads_blocks_nobody),
        cmocka_unit_test(it_can_be_stopped),
        cmocka_unit_test(one_that_is_freed_dies_silently),
        cmocka_unit_test(it_may_be_freed_within_done),
        cmocka_unit_test(one_whose_start_failed_may_be_freed_at_once),
        cmocka_unit_test(results_have_names),
    };
    return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
