// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Verbs that do something: each is one POST on the admin socket.
#include <string.h>
#include <time.h>

#include "daemon/ctl/ctl.h"
#include "lib/base/json_write.h"
#include "lib/io/clock.h"

#define BODY_MAX 4096
#define LOOK_MS 250
#define RELEASE_WAIT_S 5
#define WAIT_DEFAULT_S 1800

static void body_begin(struct text *t, struct json_out *o)
{
    text_init(t, BODY_MAX);
    json_out_init(o, t);
    json_object_begin(o);
}

// All words after the verb as one reason.
static int post_reason(struct ctl *c, const char *path, struct ctl_answer *a)
{
    struct text reason, body;
    struct json_out o;
    text_init(&reason, BODY_MAX / 2);
    for (size_t i = 0; i < c->word_count; i++)
        text_addf(&reason, "%s%s", i ? " " : "", c->words[i]);
    body_begin(&body, &o);
    json_put_string(&o, "reason", text_str(&reason));
    json_object_end(&o);
    int code = ctl_ask(c, "POST", path, text_str(&body), a);
    text_free(&body);
    text_free(&reason);
    return code;
}

int ctl_halt(struct ctl *c)
{
    struct ctl_answer a;
    int code = post_reason(c, "/admin/halt", &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json)
        ctl_line("halted:", "%s (release: paperguard release request REASON)", ctl_text(ctl_root(&a), "halt.reason"));
    ctl_answer_free(&a);
    return EX_OK;
}

int ctl_release_request(struct ctl *c)
{
    struct ctl_answer a;
    int code = post_reason(c, "/admin/release/request", &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json) {
        ctl_line("code", "%s, valid for %s s", ctl_text(ctl_root(&a), "code"), ctl_text(ctl_root(&a), "valid_seconds"));
        ctl_line("", "nothing is released yet: paperguard release confirm %s", ctl_text(ctl_root(&a), "code"));
    }
    ctl_answer_free(&a);
    return EX_OK;
}

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

// The release holds once Postgres has it too, which is a moment later.
static void show_released(struct ctl *c)
{
    int64_t end = clock_monotonic_ns() + RELEASE_WAIT_S * NS_PER_S;
    for (;;) {
        struct ctl_answer a = {0};
        if (ctl_call(c, "GET", "/admin/status", NULL, &a) != EX_OK)
            return;
        bool released = strcmp(ctl_text(ctl_root(&a), "halt.state"), "running") == 0;
        bool last = released || clock_monotonic_ns() > end;
        if (released)
            ctl_line("release", "confirmed: nothing is halted");
        else if (last)
            ctl_line("release", "confirmed, but orders are still held back: see paperguard status");
        ctl_answer_free(&a);
        if (last)
            return;
        pause_ms(LOOK_MS);
    }
}

int ctl_release_confirm(struct ctl *c)
{
    struct text body;
    struct json_out o;
    struct ctl_answer a;
    body_begin(&body, &o);
    json_put_string(&o, "code", c->words[0]);
    json_object_end(&o);
    int code = ctl_ask(c, "POST", "/admin/release/confirm", text_str(&body), &a);
    text_free(&body);
    if (code != EX_OK)
        return code;
    if (!c->options.json)
        show_released(c);
    ctl_answer_free(&a);
    return EX_OK;
}

int ctl_opening_accept(struct ctl *c)
{
    struct ctl_answer a;
    int code = ctl_ask(c, "POST", "/admin/opening/accept", NULL, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json)
        ctl_line("opening", "accepted%s%s", ctl_text(ctl_root(&a), "detail")[0] ? ": " : "",
                 ctl_text(ctl_root(&a), "detail"));
    ctl_answer_free(&a);
    return EX_OK;
}

// --- run

static int run_outcome(struct ctl *c, const struct ctl_answer *a)
{
    const struct json_node *run = ctl_root(a);
    const char *status = ctl_text(run, "status");
    if (c->options.json)
        printf("%s\n", a->body);
    else
        ctl_line("run", "%s %s%s: %s orders sent, %s accepted, %s rejected, %s fills%s%s", ctl_text(run, "run_id"),
                 status, strcmp(ctl_text(run, "settled"), "yes") == 0 ? ", settled" : "",
                 ctl_text(run, "num_orders_submitted"), ctl_text(run, "num_orders_accepted"),
                 ctl_text(run, "num_orders_rejected"), ctl_text(run, "fills"), ctl_text(run, "detail")[0] ? "; " : "",
                 ctl_text(run, "detail"));
    return strcmp(status, "completed") == 0 ? EX_OK : CTL_REFUSED;
}

static int wait_for_run(struct ctl *c, const char *id)
{
    char path[128];
    int64_t seconds = c->options.timeout_s ? c->options.timeout_s : WAIT_DEFAULT_S;
    int64_t end = clock_monotonic_ns() + seconds * NS_PER_S;
    snprintf(path, sizeof path, "/admin/runs/%s", id);
    for (;;) {
        struct ctl_answer a = {0};
        int code = ctl_call(c, "GET", path, NULL, &a);
        if (code != EX_OK)
            return code;
        bool ended = a.status == 200 && ctl_text(ctl_root(&a), "completed_at")[0];
        if (ended)
            code = run_outcome(c, &a);
        ctl_answer_free(&a);
        if (ended)
            return code;
        if (clock_monotonic_ns() > end) {
            fprintf(stderr, "paperguard: run %s goes on after %lld s\n", id, (long long)seconds);
            return EX_TEMPFAIL;
        }
        pause_ms(LOOK_MS);
    }
}

int ctl_run(struct ctl *c)
{
    struct text body;
    struct json_out o;
    struct ctl_answer a;
    bool json = c->options.json;
    char id[64];
    body_begin(&body, &o);
    if (c->word_count) {
        json_key(&o, "strategies");
        json_array_begin(&o);
        for (size_t i = 0; i < c->word_count; i++)
            json_add_string(&o, c->words[i]);
        json_array_end(&o);
    }
    json_object_end(&o);
    c->options.json = json && !c->options.wait; // one document on stdout
    int code = ctl_ask(c, "POST", "/admin/run", text_str(&body), &a);
    c->options.json = json;
    text_free(&body);
    if (code != EX_OK)
        return code;
    str_copy_cut(id, sizeof id, ctl_text(ctl_root(&a), "run_id"));
    if (!json)
        ctl_line("run", "%s started: session %s, slot %s, strategies %s. %s", id, ctl_text(ctl_root(&a), "session"),
                 ctl_text(ctl_root(&a), "slot"), ctl_text(ctl_root(&a), "strategy_id"),
                 ctl_text(ctl_root(&a), "orders_text"));
    ctl_answer_free(&a);
    return c->options.wait ? wait_for_run(c, id) : EX_OK;
}
