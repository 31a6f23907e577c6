// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Child processes: what they inherit (nothing), what bounds them, and that each ends exactly once, whatever it does.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/io/child.h"
#include "lib/io/clock.h"

#define WAIT_MS 20000

struct run {
    struct loop *loop;
    struct child *child;
    struct child_params params;
    const char *argv[4];
    const char *envp[3];
    int dones, lines;
    bool starting, kill_at_line, free_at_line, free_at_done;
    enum child_result result;
    int status;
    char *output;
    size_t output_len;
    char detail[512];
    char log[20][64];
};

static void on_line(void *arg, const char *line)
{
    struct run *r = arg;
    assert_true(r->lines < 20);
    snprintf(r->log[r->lines++], sizeof r->log[0], "%s", line);
    if (r->kill_at_line)
        child_kill(r->child);
    if (r->free_at_line) {
        child_free(r->child);
        r->child = NULL;
    }
}

static void on_done(void *arg, enum child_result result, int status, const char *output, size_t len, const char *detail)
{
    struct run *r = arg;
    assert_false(r->starting);
    r->dones++;
    r->result = result;
    r->status = status;
    if (r->free_at_done) {
        child_free(r->child);
        r->child = NULL;
    }
    r->output = malloc(len + 1);
    assert_non_null(r->output);
    memcpy(r->output, output, len + 1); // still there after the child was freed
    r->output_len = len;
    snprintf(r->detail, sizeof r->detail, "%s", detail);
}

static void run_open(struct run *r, const char *program, const char *script)
{
    *r = (struct run){.loop = loop_new(), .argv = {program, script != NULL ? "-c" : NULL, script, NULL}};
    r->envp[0] = "PATH=/usr/bin:/bin";
    r->params = (struct child_params){.loop = r->loop,
                                      .argv = r->argv,
                                      .envp = r->envp,
                                      .input = "",
                                      .output_max = 65536,
                                      .log_line_max = 40,
                                      .log_lines_max = 10,
                                      .timeout_ms = WAIT_MS,
                                      .grace_ms = 5000,
                                      .uid = (uid_t)-1,
                                      .gid = (gid_t)-1,
                                      .log_line = on_line,
                                      .done = on_done,
                                      .arg = r};
}

static void run_start(struct run *r)
{
    r->starting = true;
    r->child = child_start(&r->params);
    assert_non_null(r->child);
    r->starting = false;
}

static void run_until_done(struct run *r)
{
    run_start(r);
    int64_t until = clock_monotonic_ns() + 2 * WAIT_MS * INT64_C(1000000);
    while (r->dones == 0 && clock_monotonic_ns() < until)
        loop_step(r->loop, 1000);
    assert_int_equal(r->dones, 1);
}

static void run_close(struct run *r)
{
    child_free(r->child);
    while (loop_step(r->loop, 1000)) // a child that was freed alive is reaped
        ;
    assert_true(r->dones <= 1);
    loop_free(r->loop);
    free(r->output);
}

// Runs a shell script to its end with the parameters as they are.
static void run_script(struct run *r, const char *script)
{
    run_open(r, "/bin/sh", script);
    run_until_done(r);
}

static void assert_gone(pid_t pid)
{
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    close(fd);
}

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

static void a_late_one_that_does_not_listen_is_killed(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "trap '' TERM; while :; do sleep 1000; done");
    r.params.timeout_ms = 300; // time enough to set the trap; without it the status below would be TERM
    r.params.grace_ms = 50;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_TIMEOUT);
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

static void a_grandchild_that_escaped_cannot_hold_the_end_up(void **state)
{
    (void)state;
    struct run r;
    // It tells its number itself, so it has left the group by then; the shell ends only when it has read it.
    run_script(&r, "exec 3>&2; setsid sh -c 'echo $$ >&3; exec sleep 1000' & "
                   "while ! grep -qs sleep /proc/$!/comm; do :; done; echo out");
    assert_int_equal(r.result, CHILD_EXITED);
    assert_string_equal(r.output, "out\n");
    assert_int_equal(r.lines, 1);
    int64_t pid;
    assert_true(str_int64(r.log[0], 1, INT32_MAX, &pid));
    assert_int_equal(kill((pid_t)pid, 0), 0); // it lives, and held our pipes
    kill((pid_t)pid, SIGKILL);
    run_close(&r);
}

static void it_inherits_no_environment(void **state)
{
    (void)state;
    struct run r;
    setenv("ALPACA_PAPER_API_SECRET", "must not be seen", 1);
    run_open(&r, "/usr/bin/env", NULL);
    r.envp[1] = "A=b";
    run_until_done(&r);
    assert_string_equal(r.output, "PATH=/usr/bin:/bin\nA=b\n");
    unsetenv("ALPACA_PAPER_API_SECRET");
    run_close(&r);
}

static void it_inherits_no_descriptors(void **state)
{
    (void)state;
    struct run r;
    int low = open("/dev/null", O_RDONLY), high = fcntl(low, F_DUPFD, 900);
    assert_true(low >= 0 && high >= 900);
    run_open(&r, "/bin/ls", NULL);
    r.argv[1] = "/proc/self/fd";
    run_until_done(&r);
    assert_string_equal(r.output, "0\n1\n2\n3\n"); // 3 is the folder that ls reads
    close(low);
    close(high);
    run_close(&r);
}

// The descriptors of a daemon that was started with 0, 1 and 2 closed.
static void it_works_when_our_own_standard_descriptors_are_closed(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        struct run r;
        run_open(&r, "/bin/sh", "cat; echo to-log >&2");
        r.params.input = "hello";
        r.params.input_len = 5;
        r.params.loop = r.loop;
        r.child = child_start(&r.params);
        while (r.dones == 0)
            loop_step(r.loop, 1000);
        _exit(r.result == CHILD_EXITED && str_equal(r.output, "hello") && str_equal(r.log[0], "to-log") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void its_signals_are_as_new(void **state)
{
    (void)state;
    struct run r;
    sigset_t some, before;
    sigemptyset(&some);
    sigaddset(&some, SIGTERM);
    sigaddset(&some, SIGUSR2);
    sigprocmask(SIG_BLOCK, &some, &before);
    signal(SIGHUP, SIG_IGN);
    run_open(&r, "/bin/grep", NULL);
    r.argv[1] = "-E";
    r.argv[2] = "^(SigBlk|SigIgn|NoNewPrivs):";
    const char *argv[] = {r.argv[0], r.argv[1], r.argv[2], "/proc/self/status", NULL};
    r.params.argv = argv;
    run_until_done(&r);
    assert_string_equal(r.output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nNoNewPrivs:\t1\n");
    sigset_t now;
    sigprocmask(SIG_SETMASK, &before, &now);
    assert_true(sigismember(&now, SIGTERM) && !sigismember(&now, SIGINT)); // ours are as they were
    signal(SIGHUP, SIG_DFL);
    run_close(&r);
}

static void it_leads_a_group_of_its_own(void **state)
{
    (void)state;
    struct run r;
    int pid, group;
    run_open(&r, "/bin/cat", NULL);
    r.argv[1] = "/proc/self/stat";
    run_until_done(&r);
    assert_int_equal(sscanf(r.output, "%d (cat) %*c %*d %d", &pid, &group), 2);
    assert_int_equal(pid, group);
    assert_int_not_equal(group, getpgrp());
    run_close(&r);
}

static void its_resources_are_bounded(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh",
             "ulimit -n; ulimit -v; ulimit -t; ulimit -c; ulimit -u 2>/dev/null || ulimit -p; pwd; umask");
    r.params.files_max = 32;
    r.params.memory_max = 512u << 20;
    r.params.cpu_seconds = 7;
    r.params.processes_max = 5000;
    r.params.directory = "/usr";
    run_until_done(&r);
    assert_string_equal(r.output, "32\n524288\n7\n0\n5000\n/usr\n0077\n");
    run_close(&r);
}

static void a_busy_one_runs_out_of_processor_time(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "while :; do :; done");
    r.params.cpu_seconds = 1;
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_SIGNALLED);
    assert_int_equal(r.status, SIGXCPU);
    run_close(&r);
}

static void it_runs_as_the_user_it_was_given(void **state)
{
    (void)state;
    struct run r;
    if (geteuid() != 0)
        skip();
    run_open(&r, "/bin/sh", "id -u; id -g; id -G");
    r.params.uid = r.params.gid = 65534;
    run_until_done(&r);
    assert_string_equal(r.output, "65534\n65534\n65534\n");
    run_close(&r);
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

static void expect_start_failure(const char *program, const char *detail)
{
    struct run r;
    run_open(&r, program, NULL);
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_START_FAILED);
    assert_int_equal(r.status, -1);
    assert_string_equal(r.detail, detail);
    run_close(&r);
}

static void what_cannot_start_says_why(void **state)
{
    (void)state;
    char path[] = "/tmp/paperguard-child-XXXXXX", detail[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(detail, sizeof detail, "cannot start %s: executing: Permission denied", path);
    expect_start_failure(path, detail);
    unlink(path);
    expect_start_failure("/nonexistent/program",
                         "cannot start /nonexistent/program: executing: No such file or directory");
    expect_start_failure("cat", "cannot start \"cat\": the program must be an absolute path");
}

static void a_bad_working_directory_is_a_failed_start(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, "/bin/sh", "echo ran");
    r.params.directory = "/nonexistent";
    run_until_done(&r);
    assert_int_equal(r.result, CHILD_START_FAILED);
    assert_string_equal(r.detail, "cannot start /bin/sh: entering its working directory: No such file or directory");
    assert_int_equal(r.output_len, 0);
    run_close(&r);
}

static void running_out_of_descriptors_is_a_failed_start(void **state)
{
    (void)state;
    struct run r;
    struct rlimit before, few;
    run_open(&r, "/bin/sh", "echo ran");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(0);
    close(next);
    few =
        (struct rlimit){.rlim_cur = (rlim_t)next + 8, .rlim_max = before.rlim_max}; // the pipes fit, the pidfd does not
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    run_start(&r);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    loop_step(r.loop, 1000);
    assert_int_equal(r.dones, 1);
    assert_int_equal(r.result, CHILD_START_FAILED);
    assert_string_equal(r.detail, "cannot start /bin/sh: Too many open files");
    assert_int_equal(dup(0), next); // nothing was left open
    close(next);
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

static int told_to; // where the short-lived parent below writes its child's number

static void tell_and_die(void *arg, const char *line)
{
    (void)arg;
    ssize_t n = write(told_to, line, strlen(line) + 1);
    _exit(n > 0 ? 0 : 1);
}

static void it_dies_with_its_parent(void **state)
{
    (void)state;
    int ends[2];
    char text[32];
    int64_t pid;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        struct run r;
        run_open(&r, "/bin/sh", "echo $$ >&2; exec sleep 1000");
        told_to = ends[1];
        r.params.log_line = tell_and_die;
        r.child = child_start(&r.params);
        while (loop_step(r.loop, 1000))
            ;
        _exit(1);
    }
    close(ends[1]);
    assert_true(read(ends[0], text, sizeof text) > 0);
    close(ends[0]);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_true(str_int64(text, 1, INT32_MAX, &pid));
    assert_gone((pid_t)pid);
}

static void results_have_names(void **state)
{
    (void)state;
    assert_string_equal(child_result_name(CHILD_EXITED), "exited");
    assert_string_equal(child_result_name(CHILD_START_FAILED), "start_failed");
    assert_string_equal(child_result_name((enum child_result)77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gets_its_input_and_gives_its_output),
        cmocka_unit_test(a_failing_program_says_so),
        cmocka_unit_test(a_crash_names_its_signal),
        cmocka_unit_test(too_much_output_ends_it),
        cmocka_unit_test(output_up_to_the_bound_passes),
        cmocka_unit_test(a_late_one_is_asked_to_stop),
        cmocka_unit_test(a_late_one_that_does_not_listen_is_killed),
        cmocka_unit_test(what_it_leaves_behind_is_killed_with_it),
        cmocka_unit_test(a_grandchild_that_escaped_cannot_hold_the_end_up),
        cmocka_unit_test(it_inherits_no_environment),
        cmocka_unit_test(it_inherits_no_descriptors),
        cmocka_unit_test(it_works_when_our_own_standard_descriptors_are_closed),
        cmocka_unit_test(its_signals_are_as_new),
        cmocka_unit_test(it_leads_a_group_of_its_own),
        cmocka_unit_test(its_resources_are_bounded),
        cmocka_unit_test(a_busy_one_runs_out_of_processor_time),
        cmocka_unit_test(it_runs_as_the_user_it_was_given),
        cmocka_unit_test(its_stderr_comes_line_by_line),
        cmocka_unit_test(a_flood_on_stderr_is_counted_and_not_passed_on),
        cmocka_unit_test(what_cannot_start_says_why),
        cmocka_unit_test(a_bad_working_directory_is_a_failed_start),
        cmocka_unit_test(running_out_of_descriptors_is_a_failed_start),
        cmocka_unit_test(input_that_nobody_reads_blocks_nobody),
        cmocka_unit_test(it_can_be_stopped),
        cmocka_unit_test(one_that_is_freed_dies_silently),
        cmocka_unit_test(it_may_be_freed_within_done),
        cmocka_unit_test(one_whose_start_failed_may_be_freed_at_once),
        cmocka_unit_test(it_dies_with_its_parent),
        cmocka_unit_test(results_have_names),
    };
    return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
