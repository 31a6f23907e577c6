// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A strategy is any executable. It gets its input on stdin, nothing of our environment, no descriptors, limits on time,
// memory, output and descriptors; its answer counts only if it exits 0 and the whole of it is contract 1.
#include "daemon/strategies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/strategies_place.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/io/child.h"

#define GRACE_MS 2000
#define LOG_LINE_MAX 400
#define LOG_LINES_MAX 100
#define FILES_MAX 64
#define ARGS_MAX 16

struct strategies {
    struct loop *loop;
    const struct config *config;
    struct strategies_user user;
    bool service;                  // in units of their own
    struct sandbox_filter *filter; // for children; NULL with a service
    struct list running;
};

struct job {
    struct list node;
    struct strategies *owner;
    struct strategies_place place; // its control group is removed when the child is gone
    struct child *child;
    loop_timer refused; // could not be placed: told from the loop
    bool no_room;       // for want of disk or descriptors
    char name[BOOK_NAME_MAX], run_id[40];
    char said[LOG_LINE_MAX + 1]; // its last line on stderr: most programs say there why they end
    // What is needed of the input to read the answer: the symbols that had a price.
    struct signal_price *prices;
    size_t price_count;
    bool long_only;
    void (*done)(void *arg, enum strategy_result result, const struct signal *signal, const char *detail);
    void *arg;
};

// Where there is a service for it, its unit is the stronger wall; it is never fallen back from once it was chosen.
static bool has_service(const struct config *config)
{
    struct stat st;
    return config->strategy_socket[0] && stat(config->strategy_socket, &st) == 0 && S_ISSOCK(st.st_mode);
}

static void tell_how(const struct strategies *s)
{
    if (s->service)
        log_notice("strategies run in units of their own (%s)", s->config->strategy_socket);
    else
        log_notice("strategies run as children of the daemon, %s user (%s)",
                   s->user.uid == (uid_t)-1 ? "its own" : s->user.name,
                   sandbox_landlock_abi() >= SANDBOX_ABI_SIGNALS ? "system calls, files and signals confined"
                   : sandbox_landlock_abi() > 0                  ? "system calls and files confined"
                                                                 : "system calls confined");
}

struct strategies *strategies_new(struct loop *loop, const struct config *config, struct err *err)
{
    struct strategies_user user;
    bool service = has_service(config);
    if (strategies_user_find(config, service, &user, err) != 0)
        return NULL;
    struct sandbox_filter *filter = service ? NULL : sandbox_filter_new(user.uid == (uid_t)-1, err);
    if (!service && !filter)
        return NULL;
    struct strategies *s = check_alloc(1, sizeof *s);
    s->filter = filter;
    s->loop = loop;
    s->config = config;
    s->service = service;
    s->user = user;
    list_init(&s->running);
    if (config->strategy_count > 0)
        tell_how(s);
    return s;
}

uid_t strategies_uid(const struct strategies *s)
{
    return s->user.uid;
}

static void job_free(struct job *j)
{
    list_remove(&j->node);
    loop_cancel(j->owner->loop, &j->refused);
    child_free(j->child);
    strategies_place_free(&j->place);
    free(j->prices);
    free(j);
}

void strategies_free(struct strategies *s)
{
    if (!s)
        return;
    LIST_EACH(n, tmp, &s->running)
    {
        job_free(LIST_ENTRY(n, struct job, node));
    }
    sandbox_filter_free(s->filter);
    free(s);
}

static void log_line(void *arg, const char *line)
{
    struct job *j = arg;
    str_copy_cut(j->said, sizeof j->said, line);
    log_with(LOG_LEVEL_INFO, ((struct log_field[]){{"STRATEGY", j->name}, {"RUN_ID", j->run_id}}), "strategy %s: %s",
             j->name, line);
}

static void finish(struct job *j, enum strategy_result result, const struct signal *signal, const char *detail)
{
    if (result != STRATEGY_OK && result != STRATEGY_SHORT) // the run tells when it waits
        log_with(LOG_LEVEL_WARNING,
                 ((struct log_field[]){{"STRATEGY", j->name}, {"RUN_ID", j->run_id}, {"REASON", detail}}),
                 "strategy %s gave no usable answer: %s", j->name, detail);
    j->done(j->arg, result, signal, detail);
    job_free(j);
}

static void child_done(void *arg, enum child_result result, int status, const char *output, size_t len,
                       const char *detail)
{
    struct job *j = arg;
    struct signal signal;
    struct err err = {.text = ""};
    const struct signal_input priced = {.prices = j->prices, .price_count = j->price_count};
    if (result != CHILD_EXITED) {
        finish(j,
               result == CHILD_TIMEOUT       ? STRATEGY_LATE
               : result == CHILD_START_SHORT ? STRATEGY_SHORT
                                             : STRATEGY_FAILED,
               NULL, detail);
        return;
    }
    if (status != 0) {
        err_set(&err, "exit status %d%s%s", status, j->said[0] ? ": " : "", j->said);
        finish(j, STRATEGY_FAILED, NULL, err.text);
        return;
    }
    if (signal_parse(output, len, &priced, j->long_only, &signal, &err) != 0) {
        finish(j, STRATEGY_FAILED, NULL, err.text);
        return;
    }
    finish(j, STRATEGY_OK, &signal, "");
    signal_free(&signal);
}

static size_t split_command(char *command, const char **argv)
{
    size_t n = 0;
    char *save = NULL;
    for (char *w = strtok_r(command, " \t", &save); w && n < ARGS_MAX; w = strtok_r(NULL, " \t", &save))
        argv[n++] = w;
    argv[n] = NULL;
    return n;
}

const char *const *strategies_environment(void)
{
    // Its own folder by a name that works whoever may walk there.
    static const char *const envp[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                                       "LANG=C.UTF-8",
                                       "TZ=America/New_York",
                                       "HOME=/proc/self/cwd",
                                       "TMPDIR=/proc/self/cwd",
                                       NULL};
    return envp;
}

static struct child *job_child(struct strategies *s, const struct config_strategy *strategy, struct job *j,
                               const char *const *argv, const struct text *json, const struct strategies_place *place)
{
    char name[BOOK_NAME_MAX + 80];
    snprintf(name, sizeof name, "%s.%s", s->config->instance, strategy->name);
    return child_start(&(struct child_params){
        .loop = s->loop,
        .argv = argv,
        .envp = strategies_environment(),
        .input = text_str(json),
        .input_len = json->len,
        .output_max = (size_t)s->config->strategy_output_max,
        .log_line_max = LOG_LINE_MAX,
        .log_lines_max = LOG_LINES_MAX,
        .timeout_ms = strategy->timeout_ms,
        .grace_ms = GRACE_MS,
        .memory_max = (uint64_t)s->config->strategy_memory_max,
        .cpu_seconds = (uint64_t)(strategy->timeout_ms / 1000 + 5),
        .files_max = FILES_MAX,
        .processes_max = (uint64_t)s->config->strategy_processes_max,
        .file_max = (uint64_t)s->config->strategy_file_max,
        .uid = s->user.uid,
        .gid = s->user.gid,
        .service = s->service ? s->config->strategy_socket : NULL,
        .name = name,
        .read = (const char *const *)place->read,
        .directory = place->folder,
        .sandbox = place->sandbox,
        .cgroup = place->cgroup,
        .log_line = log_line,
        .done = child_done,
        .arg = j,
    });
}

static void job_refused(void *arg)
{
    struct job *j = arg;
    j->refused = 0;
    finish(j, j->no_room ? STRATEGY_SHORT : STRATEGY_FAILED, NULL, j->said);
}

static struct job *job_new(struct strategies *s, const struct config_strategy *strategy,
                           const struct signal_input *input)
{
    struct job *j = check_alloc(1, sizeof *j);
    j->owner = s;
    str_copy_cut(j->name, sizeof j->name, strategy->name);
    str_copy_cut(j->run_id, sizeof j->run_id, input->run_id);
    j->prices = check_alloc(input->price_count ? input->price_count : 1, sizeof *j->prices);
    if (input->price_count)
        memcpy(j->prices, input->prices, input->price_count * sizeof *j->prices);
    j->price_count = input->price_count;
    j->long_only = s->config->long_only;
    list_append(&s->running, &j->node);
    return j;
}

void strategies_run(struct strategies *s, const struct config_strategy *strategy, const struct signal_input *input,
                    void (*done)(void *arg, enum strategy_result result, const struct signal *signal,
                                 const char *detail),
                    void *arg)
{
    struct job *j = job_new(s, strategy, input);
    struct text json;
    struct err err;
    char *command = check_strdup(strategy->command);
    const char *argv[ARGS_MAX + 1];
    j->done = done;
    j->arg = arg;
    split_command(command, argv);
    errno = 0;
    if (strategies_place_find(s->config, &s->user, s->filter, strategy->name, argv, &j->place, &err) != 0) {
        j->no_room = child_error_is_short(errno);
        str_copy_cut(j->said, sizeof j->said, err.text);
        j->refused = loop_post(s->loop, job_refused, j);
    } else {
        text_init(&json, 64u << 20);
        signal_input_write(input, &json);
        j->child = job_child(s, strategy, j, argv, &json, &j->place);
        text_free(&json);
    }
    free(command);
}
