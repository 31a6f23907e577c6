// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// lib/io/child.h: the strategy's real program, confined as on any host, run to its end at one instant of simulated
// time; its answer comes a while later by the world's clock.
#include "lib/io/child.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/text.h"
#include "lib/base/when.h"
#include "lib/io/child_become.h"
#include "lib/io/child_spawn.h"

#define ANSWER_MS 250 // of simulated time
#define CHUNK 65536

struct child {
    struct loop *loop;
    loop_timer timer;
    enum child_result result;
    int status;
    struct text output, log;
    size_t lines_max, line_max;
    char detail[300];
    void (*log_line)(void *arg, const char *line);
    void (*done)(void *arg, enum child_result result, int status, const char *output, size_t output_len,
                 const char *detail);
    void *arg;
};

static int64_t monotonic_ms(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void tell_lines(struct child *c)
{
    char line[4096];
    const char *at = text_str(&c->log);
    for (size_t i = 0; *at && i < c->lines_max; i++) {
        size_t len = strcspn(at, "\n"), max = c->line_max < sizeof line - 1 ? c->line_max : sizeof line - 1;
        snprintf(line, sizeof line, "%.*s", (int)(len < max ? len : max), at);
        c->log_line(c->arg, line);
        at += len + (at[len] == '\n');
    }
}

static void ends(void *arg)
{
    struct child *c = arg;
    c->timer = 0;
    if (c->log_line)
        tell_lines(c);
    c->done(c->arg, c->result, c->status, text_str(&c->output), c->output.len, c->detail);
}

static void end_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

// Takes what is there; the end is closed when nothing can come any more. false: too much came.
static bool take(int *fd, struct text *into, size_t max)
{
    char bytes[CHUNK];
    ssize_t n = read(*fd, bytes, sizeof bytes);
    if (n > 0 && into->len + (size_t)n > max)
        return false;
    if (n > 0)
        text_addn(into, bytes, (size_t)n);
    else if (n == 0 || errno != EAGAIN)
        end_close(fd);
    return true;
}

static void give(int *fd, const struct child_params *p, size_t *given)
{
    ssize_t n = *given < p->input_len ? write(*fd, p->input + *given, p->input_len - *given) : 0;
    if (n > 0)
        *given += (size_t)n;
    if (*given == p->input_len || (n < 0 && errno != EAGAIN))
        end_close(fd);
}

static void failed(struct child *c, enum child_result result, const char *why)
{
    if (c->result == CHILD_EXITED)
        str_copy_cut(c->detail, sizeof c->detail, why);
    if (c->result == CHILD_EXITED)
        c->result = result;
}

// Until all that was started is dead: the keeper ends last.
static void run(struct child *c, const struct child_params *p, struct child_process *at)
{
    int64_t until = monotonic_ms() + p->timeout_ms;
    size_t given = 0;
    bool over = false;
    while (!over) {
        int64_t left = until - monotonic_ms();
        struct pollfd fds[] = {
            {at->pidfd, POLLIN, 0}, {at->in, POLLOUT, 0}, {at->out, POLLIN, 0}, {at->log, POLLIN, 0}};
        if (poll(fds, ARRAY_LEN(fds), at->control < 0 ? -1 : left > 0 ? (int)left : 0) < 0 && errno != EINTR)
            break;
        if (at->control >= 0 && monotonic_ms() >= until) {
            failed(c, CHILD_TIMEOUT, "no answer in time");
            end_close(&at->control); // all is killed
        }
        if (fds[1].revents)
            give(&at->in, p, &given);
        if (fds[2].revents && !take(&at->out, &c->output, p->output_max)) {
            failed(c, CHILD_OUTPUT_TOO_LARGE, "its answer is too large");
            end_close(&at->out);
            end_close(&at->control);
        }
        if (fds[3].revents && !take(&at->log, &c->log, CHUNK))
            end_close(&at->log);
        over = fds[0].revents != 0 && at->out < 0 && at->log < 0;
    }
}

static void result_from(struct child *c, const char *program, int report)
{
    struct err err = {.text = ""};
    int status = 0;
    switch (child_fate_read(report, program, &status, &err)) {
    case FATE_NOT_STARTED:
        failed(c, CHILD_START_FAILED, err.text);
        c->status = -1;
        break;
    case FATE_ENDED:
        c->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
        if (!WIFEXITED(status))
            failed(c, CHILD_SIGNALLED, "ended by a signal");
        break;
    default:
        failed(c, CHILD_SIGNALLED, "its keeper is gone");
    }
}

struct child *child_start(const struct child_params *params)
{
    struct child *c = check_alloc(1, sizeof *c);
    struct child_process at;
    struct err err;
    *c = (struct child){.loop = params->loop,
                        .result = CHILD_EXITED,
                        .lines_max = params->log_lines_max,
                        .line_max = params->log_line_max,
                        .log_line = params->log_line,
                        .done = params->done,
                        .arg = params->arg};
    text_init(&c->output, params->output_max + 1);
    text_init(&c->log, 2 * CHUNK);
    if (child_spawn(params, &at, &err) != 0) {
        failed(c, CHILD_START_FAILED, err.text);
        c->status = -1;
    } else {
        run(c, params, &at);
        CHECK(waitpid(at.pid, NULL, 0) == at.pid);
        result_from(c, params->argv[0], at.report);
        end_close(&at.in);
        end_close(&at.out);
        end_close(&at.log);
        end_close(&at.report);
        end_close(&at.control);
        end_close(&at.pidfd);
    }
    int64_t takes_ms = c->result == CHILD_TIMEOUT ? params->timeout_ms : ANSWER_MS;
    c->timer = loop_after_ms(c->loop, takes_ms, ends, c);
    return c;
}

void child_kill(struct child *c)
{
    (void)c; // it is dead already; its answer comes
}

void child_free(struct child *c)
{
    if (!c)
        return;
    loop_cancel(c->loop, &c->timer);
    text_free(&c->output);
    text_free(&c->log);
    free(c);
}

const char *child_result_name(enum child_result r)
{
    static const char *const names[] = {"exited", "signalled", "timeout", "output too large", "start failed"};
    return names[r];
}
