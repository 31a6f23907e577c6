// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The life of one child process: RUNNING until its keeper has ended, STOPPING while TERM and the grace time run, KILLED
// when the keeper was told to kill, then DONE. The first reason to stop it is its result. The keeper ends when nothing
// of the program is left; then the pipes are read as far as they go and closed. Should something refuse to die (a
// process that hangs within the kernel), the end is told all the same and the keeper left to it.
#include "lib/io/child.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fsm.h"
#include "lib/base/text.h"
#include "lib/io/child_become.h"
#include "lib/io/child_keeper.h"
#include "lib/io/child_spawn.h"

#define READ_CHUNK 65536u
#define READ_TURN_CHUNKS 4u   // per turn of the loop, so that a flood leaves room for others
#define READ_DRAIN_CHUNKS 64u // at the end: more than a pipe can hold
#define KILL_WAIT_MS 5000     // for the end of what was killed

#define CHILD_STATES(X)                                                                                                \
    X(CHILD_RUNNING, "running") X(CHILD_STOPPING, "stopping") X(CHILD_KILLED, "killed") X(CHILD_DONE, "done")
enum child_state { CHILD_STATES(FSM_ENUM) };
static const char *const child_state_names[] = {CHILD_STATES(FSM_NAME)};
static const uint32_t child_moves[] = {
    [CHILD_RUNNING] = FSM_BIT(CHILD_STOPPING) | FSM_BIT(CHILD_KILLED) | FSM_BIT(CHILD_DONE),
    [CHILD_STOPPING] = FSM_BIT(CHILD_KILLED) | FSM_BIT(CHILD_DONE),
    [CHILD_KILLED] = FSM_BIT(CHILD_DONE),
    [CHILD_DONE] = 0,
};

struct child {
    struct loop *loop;
    struct child_process process;
    enum child_state state;
    bool in_callback, freed; // freed within a callback or while dying: swept afterwards
    bool reason_set;
    enum child_result result;
    int status;
    char *program;
    struct err detail;
    loop_timer timer; // deadline, then grace, or the post of a failed start
    struct loop_watch *ended, *in, *out, *log;
    char *input;
    size_t input_len, input_at;
    struct text output, line;
    size_t lines_max;
    uint64_t lines, lines_dropped;
    int64_t timeout_ms, grace_ms;
    void (*log_line)(void *arg, const char *line);
    void (*done)(void *arg, enum child_result result, int status, const char *output, size_t output_len,
                 const char *detail);
    void *arg;
};

const char *child_result_name(enum child_result r)
{
    static const char *const names[] = {[CHILD_EXITED] = "exited",
                                        [CHILD_SIGNALLED] = "signalled",
                                        [CHILD_TIMEOUT] = "timeout",
                                        [CHILD_OUTPUT_TOO_LARGE] = "output_too_large",
                                        [CHILD_START_FAILED] = "start_failed",
                                        [CHILD_START_SHORT] = "start_short"};
    return (size_t)r < ARRAY_LEN(names) ? names[r] : "unknown";
}

static void child_set_state(struct child *c, enum child_state to)
{
    char id[32];
    snprintf(id, sizeof id, "%ld", (long)c->process.pid);
    fsm_move("child", id, child_moves, child_state_names, c->state, to);
    c->state = to;
}

// Ends the watch before its descriptor.
static void end_close(struct loop_watch **watch, int *fd)
{
    loop_watch_free(*watch);
    *watch = NULL;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void input_wipe(struct child *c)
{
    if (c->input != NULL)
        mem_wipe(c->input, c->input_len);
    free(c->input);
    c->input = NULL;
}

static void pipes_end(struct child *c)
{
    end_close(&c->in, &c->process.in);
    end_close(&c->out, &c->process.out);
    end_close(&c->log, &c->process.log);
    input_wipe(c);
}

static void child_sweep(struct child *c)
{
    loop_cancel(c->loop, &c->timer);
    pipes_end(c);
    end_close(&c->ended, &c->process.pidfd);
    if (c->process.report >= 0)
        close(c->process.report);
    if (c->process.control >= 0)
        close(c->process.control);
    text_free(&c->output);
    text_free(&c->line);
    free(c->program);
    free(c);
}

// ---- stopping
// ----------------------------------------------------------------------------------------------------------

static void child_finish(struct child *c);
static void drain(struct child *c);
static void PRINTF_LIKE(3, 4) child_reason(struct child *c, enum child_result result, const char *format, ...);

static void kill_over(void *arg)
{
    struct child *c = arg;
    c->timer = 0;
    child_reason(c, CHILD_TIMEOUT, "%s was killed", c->program);
    size_t used = strlen(c->detail.text);
    snprintf(c->detail.text + used, sizeof c->detail.text - used, "; something of it does not end");
    drain(c);
    child_finish(c);
}

static void child_end_now(struct child *c)
{
    child_set_state(c, CHILD_KILLED);
    if (c->process.control >= 0)
        close(c->process.control);
    c->process.control = -1;
    loop_cancel(c->loop, &c->timer);
    c->timer = loop_after_ms(c->loop, KILL_WAIT_MS, kill_over, c);
}

static void grace_over(void *arg)
{
    struct child *c = arg;
    c->timer = 0;
    child_end_now(c);
}

static void child_stop(struct child *c)
{
    static const char word = KEEPER_TERM;
    if (c->state != CHILD_RUNNING)
        return;
    child_set_state(c, CHILD_STOPPING);
    loop_cancel(c->loop, &c->timer);
    if (write(c->process.control, &word, 1) == 1)
        c->timer = loop_after_ms(c->loop, c->grace_ms, grace_over, c);
    else // the keeper is gone; its end comes next
        c->timer = loop_after_ms(c->loop, 0, grace_over, c);
}

static void PRINTF_LIKE(3, 4) child_reason(struct child *c, enum child_result result, const char *format, ...)
{
    if (c->reason_set)
        return;
    c->reason_set = true;
    c->result = result;
    va_list args;
    va_start(args, format);
    vsnprintf(c->detail.text, sizeof c->detail.text, format, args);
    va_end(args);
}

static void deadline_over(void *arg)
{
    struct child *c = arg;
    c->timer = 0;
    child_reason(c, CHILD_TIMEOUT, "%s did not end within %lld ms; it was stopped", c->program,
                 (long long)c->timeout_ms);
    child_stop(c);
}

// ---- stderr, line by line
// ----------------------------------------------------------------------------------------------

static void line_emit(struct child *c)
{
    if (c->lines >= c->lines_max) {
        c->lines_dropped++;
    } else {
        c->lines++;
        if (c->log_line != NULL && !c->freed) {
            c->in_callback = true;
            c->log_line(c->arg, text_str(&c->line));
            c->in_callback = false;
        }
    }
    text_clear(&c->line);
}

static void line_byte(struct child *c, char byte)
{
    if (byte == '\n') {
        line_emit(c);
        return;
    }
    if (byte == '\r')
        return;
    if (byte == '\t')
        byte = ' ';
    text_addc(&c->line, (unsigned char)byte < 0x20 || byte == 0x7f ? '?' : byte); // cut at log_line_max
}

static void log_bytes(struct child *c, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        line_byte(c, bytes[i]);
}

static void output_bytes(struct child *c, const char *bytes, size_t len)
{
    text_addn(&c->output, bytes, len);
    if (!c->output.overflow)
        return;
    child_reason(c, CHILD_OUTPUT_TOO_LARGE, "%s wrote more than %zu bytes to stdout; it was stopped", c->program,
                 c->output.max);
    child_stop(c);
}

// ---- pipes
// -------------------------------------------------------------------------------------------------------------

typedef void bytes_fn(struct child *c, const char *bytes, size_t len);

// Reads up to `chunks` times. false: the pipe has ended.
static bool pipe_read(struct child *c, int fd, unsigned chunks, bytes_fn *take)
{
    char buf[READ_CHUNK];
    for (unsigned i = 0; i < chunks; i++) {
        ssize_t n = read(fd, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0)
            return false;
        take(c, buf, (size_t)n);
    }
    return true;
}

static void out_ready(void *arg, int fd, unsigned events)
{
    (void)events;
    struct child *c = arg;
    if (!pipe_read(c, fd, READ_TURN_CHUNKS, output_bytes) || c->output.overflow)
        end_close(&c->out, &c->process.out);
}

static void log_ready(void *arg, int fd, unsigned events)
{
    (void)events;
    struct child *c = arg;
    bool open = pipe_read(c, fd, READ_TURN_CHUNKS, log_bytes);
    if (c->freed)
        child_free(c);
    else if (!open)
        end_close(&c->log, &c->process.log);
}

// A child that closes stdin or never reads it is no failure: it may not need all of its input.
static void in_ready(void *arg, int fd, unsigned events)
{
    (void)events;
    struct child *c = arg;
    if (c->input_at < c->input_len) {
        ssize_t n = write(fd, c->input + c->input_at, c->input_len - c->input_at);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        c->input_at = n < 0 ? c->input_len : c->input_at + (size_t)n;
    }
    if (c->input_at < c->input_len)
        return;
    end_close(&c->in, &c->process.in);
    input_wipe(c);
}

// ---- the end
// -----------------------------------------------------------------------------------------------------------

static void child_finish(struct child *c)
{
    loop_cancel(c->loop, &c->timer);
    child_set_state(c, CHILD_DONE);
    if (!c->freed) {
        c->in_callback = true;
        c->done(c->arg, c->result, c->status, text_str(&c->output), c->output.len, c->detail.text);
        c->in_callback = false;
    }
    if (c->freed)
        child_sweep(c);
}

static void result_from(struct child *c, enum child_fate fate, int status, int keeper_signal, const char *why)
{
    const char *name;
    switch (fate) {
    case FATE_NOT_STARTED:
        c->reason_set = false; // it never ran, whatever else happened meanwhile
        child_reason(c, child_error_is_short(status) ? CHILD_START_SHORT : CHILD_START_FAILED, "%s", why);
        return;
    case FATE_OPEN:
    case FATE_UNKNOWN:
        c->status = keeper_signal;
        if (keeper_signal == 0)
            child_reason(c, CHILD_SIGNALLED, "%s: its service ended it", c->program);
        else
            child_reason(c, CHILD_SIGNALLED, "%s: its keeper was ended by signal %d, what it left is unknown",
                         c->program, keeper_signal);
        return;
    case FATE_ENDED:
        break;
    }
    if (WIFEXITED(status)) {
        c->status = WEXITSTATUS(status);
        child_reason(c, CHILD_EXITED, "%s exited with status %d", c->program, c->status);
    } else {
        c->status = WTERMSIG(status);
        name = sigabbrev_np(c->status);
        child_reason(c, CHILD_SIGNALLED, "%s was ended by signal %d (SIG%s)", c->program, c->status,
                     name != NULL ? name : "?");
    }
}

static void drain(struct child *c)
{
    if (c->process.out >= 0)
        (void)pipe_read(c, c->process.out, READ_DRAIN_CHUNKS, output_bytes);
    if (c->process.log >= 0)
        (void)pipe_read(c, c->process.log, READ_DRAIN_CHUNKS, log_bytes);
    if (c->line.len > 0)
        line_emit(c);
    pipes_end(c);
}

static void child_over(struct child *c, enum child_fate fate, int status, int keeper_signal, const char *why)
{
    if (c->state != CHILD_KILLED)
        child_set_state(c, CHILD_KILLED);
    drain(c);
    result_from(c, fate, status, keeper_signal, why);
    if (c->lines_dropped > 0) {
        size_t used = strlen(c->detail.text);
        snprintf(c->detail.text + used, sizeof c->detail.text - used, "; %llu further lines of its stderr were dropped",
                 (unsigned long long)c->lines_dropped);
    }
    child_finish(c);
}

// Our own keeper has ended.
static void child_ended(void *arg, int fd, unsigned events)
{
    (void)events;
    struct child *c = arg;
    struct err err = {.text = ""};
    siginfo_t info = {.si_pid = 0};
    int status = 0;
    if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
        return;
    end_close(&c->ended, &c->process.pidfd);
    if (c->state == CHILD_DONE) // its end was told when it would not die
        return;
    enum child_fate fate = child_fate_read(c->process.report, c->program, &status, &err);
    child_over(c, fate, status, info.si_status, err.text);
}

// The keeper of a service says so, or is gone.
static void child_told(void *arg, int fd, unsigned events)
{
    (void)events;
    struct child *c = arg;
    struct err err = {.text = ""};
    int status = 0;
    enum child_fate fate = child_fate_read(fd, c->program, &status, &err);
    if (fate == FATE_OPEN)
        return;
    end_close(&c->ended, &c->process.report);
    if (c->state != CHILD_DONE)
        child_over(c, fate, status, 0, err.text);
}

static void start_failed(void *arg)
{
    struct child *c = arg;
    c->timer = 0;
    child_finish(c);
}

static void watches_start(struct child *c)
{
    c->ended = c->process.pidfd >= 0 ? loop_watch_new(c->loop, c->process.pidfd, LOOP_READ, child_ended, c)
                                     : loop_watch_new(c->loop, c->process.report, LOOP_READ, child_told, c);
    c->in = loop_watch_new(c->loop, c->process.in, LOOP_WRITE, in_ready, c);
    c->out = loop_watch_new(c->loop, c->process.out, LOOP_READ, out_ready, c);
    c->log = loop_watch_new(c->loop, c->process.log, LOOP_READ, log_ready, c);
}

struct child *child_start(const struct child_params *params)
{
    CHECK(params->done != NULL);
    struct child *c = check_alloc(1, sizeof *c);
    c->loop = params->loop;
    c->timeout_ms = params->timeout_ms;
    c->grace_ms = params->grace_ms;
    c->lines_max = params->log_lines_max;
    c->log_line = params->log_line;
    c->done = params->done;
    c->arg = params->arg;
    c->status = -1;
    c->program = check_strdup(params->argv[0] != NULL ? params->argv[0] : "");
    text_init(&c->output, params->output_max);
    text_init(&c->line, params->log_line_max);
    if (child_spawn(params, &c->process, &c->detail) != 0) {
        c->process =
            (struct child_process){.pid = 0, .pidfd = -1, .in = -1, .out = -1, .log = -1, .report = -1, .control = -1};
        c->reason_set = true;
        c->result = child_error_is_short(errno) ? CHILD_START_SHORT : CHILD_START_FAILED;
        c->timer = loop_post(c->loop, start_failed, c);
        return c;
    }
    c->input_len = params->input_len;
    if (c->input_len > 0) {
        c->input = check_alloc(1, c->input_len);
        memcpy(c->input, params->input, c->input_len);
    }
    watches_start(c);
    c->timer = loop_after_ms(c->loop, params->timeout_ms, deadline_over, c);
    return c;
}

void child_kill(struct child *c)
{
    if (c->process.control >= 0)
        child_stop(c);
}

// Freed while it may still be dying: only the pidfd stays watched.
static void reap_ready(void *arg, int fd, unsigned events)
{
    (void)events;
    siginfo_t info = {.si_pid = 0};
    if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
        return;
    child_sweep(arg);
}

void child_free(struct child *c)
{
    if (c == NULL)
        return;
    c->freed = true;
    if (c->in_callback)
        return;
    if (c->process.pidfd < 0) {
        child_sweep(c);
        return;
    }
    if (c->process.control >= 0)
        close(c->process.control); // the keeper kills what it has and ends
    c->process.control = -1;
    loop_cancel(c->loop, &c->timer);
    pipes_end(c);
    loop_watch_free(c->ended);
    c->ended = loop_watch_new(c->loop, c->process.pidfd, LOOP_READ, reap_ready, c);
}
