// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Shared by test_child and test_child_spawn: runs one child in a loop of its own and keeps what it was told.
#ifndef PAPERGUARD_TESTS_CHILD_RUN_H
#define PAPERGUARD_TESTS_CHILD_RUN_H

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

static inline void on_line(void *arg, const char *line)
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

static inline void on_done(void *arg, enum child_result result, int status, const char *output, size_t len,
                           const char *detail)
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

static inline void run_open(struct run *r, const char *program, const char *script)
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

static inline void run_start(struct run *r)
{
    r->starting = true;
    r->child = child_start(&r->params);
    assert_non_null(r->child);
    r->starting = false;
}

static inline void run_until_done(struct run *r)
{
    run_start(r);
    int64_t until = clock_monotonic_ns() + 2 * WAIT_MS * INT64_C(1000000);
    while (r->dones == 0 && clock_monotonic_ns() < until)
        loop_step(r->loop, 1000);
    assert_int_equal(r->dones, 1);
}

static inline void run_close(struct run *r)
{
    child_free(r->child);
    while (loop_step(r->loop, 1000)) // a child that was freed alive is reaped
        ;
    assert_true(r->dones <= 1);
    loop_free(r->loop);
    free(r->output);
}

// Runs a shell script to its end with the parameters as they are.
static inline void run_script(struct run *r, const char *script)
{
    run_open(r, "/bin/sh", script);
    run_until_done(r);
}

static inline void assert_gone(pid_t pid)
{
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    close(fd);
}

#endif
