// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// How child processes begin: what they inherit (nothing), what limits they start with, and what a failed start says.
#include <grp.h>

#include "tests/unit/child_run.h"

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
    unsigned long long blocked, ignored;
    int no_new_privs;
    assert_int_equal(
        sscanf(r.output, "SigBlk:\t%llx\nSigIgn:\t%llx\nNoNewPrivs:\t%d\n", &blocked, &ignored, &no_new_privs), 3);
    assert_true(blocked == 0 && no_new_privs == 1);
    // 32 and 33 are libc's own: what make starts by posix_spawn ignores them, and no sigaction reaches them.
    assert_true((ignored & ~(UINT64_C(3) << 31)) == 0);
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
    struct rlimit core, big;
    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    big = (struct rlimit){.rlim_cur = core.rlim_max, .rlim_max = core.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_CORE, &big), 0); // ours may dump; it may not
    run_open(&r, "/bin/sh",
             "ulimit -n; ulimit -v; ulimit -t; ulimit -c; ulimit -u 2>/dev/null || ulimit -p; pwd; umask");
    r.params.files_max = 32;
    r.params.memory_max = 512u << 20;
    r.params.cpu_seconds = 7;
    r.params.processes_max = 5000;
    r.params.directory = "/usr";
    run_until_done(&r);
    assert_string_equal(r.output, "32\n524288\n7\n0\n5000\n/usr\n0077\n");
    assert_int_equal(setrlimit(RLIMIT_CORE, &core), 0);
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
    const gid_t group = 4242;
    assert_int_equal(setgroups(1, &group), 0);
    run_open(&r, "/bin/sh", "id -u; id -g; id -G");
    r.params.uid = r.params.gid = 65534;
    run_until_done(&r);
    assert_string_equal(r.output, "65534\n65534\n65534\n");
    assert_int_equal(setgroups(0, NULL), 0);
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
    assert_int_equal(r.result, CHILD_START_SHORT);
    assert_string_equal(r.detail, "cannot start /bin/sh: Too many open files");
    assert_int_equal(dup(0), next); // nothing was left open
    close(next);
    run_close(&r);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_inherits_no_environment),
        cmocka_unit_test(it_inherits_no_descriptors),
        cmocka_unit_test(it_works_when_our_own_standard_descriptors_are_closed),
        cmocka_unit_test(its_signals_are_as_new),
        cmocka_unit_test(it_leads_a_group_of_its_own),
        cmocka_unit_test(its_resources_are_bounded),
        cmocka_unit_test(a_busy_one_runs_out_of_processor_time),
        cmocka_unit_test(it_runs_as_the_user_it_was_given),
        cmocka_unit_test(what_cannot_start_says_why),
        cmocka_unit_test(a_bad_working_directory_is_a_failed_start),
        cmocka_unit_test(running_out_of_descriptors_is_a_failed_start),
        cmocka_unit_test(it_dies_with_its_parent),
    };
    return cmocka_run_group_tests_name("child_spawn", tests, NULL, NULL);
}
