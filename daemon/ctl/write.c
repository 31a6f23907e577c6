// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Halt, release and opening: each is one POST on the admin socket.
#include <string.h>

#include "daemon/config.h"
#include "daemon/ctl/ctl.h"
#include "lib/base/json_write.h"
#include "lib/io/clock.h"

#define LOOK_MS 250
#define RELEASE_WAIT_S 5

// All words after the verb as one reason.
static int post_reason(struct ctl *c, const char *path, struct ctl_answer *a)
{
    struct text body;
    struct json_out o;
    ctl_body_begin(&body, &o);
    ctl_put_reason(c, 0, "", &o);
    if (c->options.reduce_only)
        json_put_string(&o, "mode", "reduce_only");
    if (c->options.strategy) {
        json_key(&o, "strategies");
        json_array_begin(&o);
        json_add_string(&o, c->options.strategy);
        json_array_end(&o);
    }
    return ctl_post(c, path, &body, &o, a);
}

// A daemon that is down sends nothing; a file makes it halted from the moment it starts.
static void halt_without_daemon(const struct ctl *c)
{
    struct config *config = NULL;
    struct err err;
    bool known = config_load(c->options.config ? c->options.config : CTL_DEFAULT_CONFIG, &config, &err) == 0;
    fprintf(stderr, "paperguard: nothing was halted; without the daemon: touch %s/halt.d/operator\n",
            known ? config->state_dir : "/var/lib/paperguard");
    if (known)
        config_free(config);
}

static const struct json_node *scope_of(const struct json_node *root, const char *strategy)
{
    const struct json_node *all = ctl_at(root, "strategies");
    for (size_t i = 0; i < json_size(all); i++)
        if (ctl_is(json_at(all, i), "strategy", strategy))
            return json_at(all, i);
    return NULL;
}

static int halted_strategy(const struct ctl *c, struct ctl_answer *a)
{
    const struct json_node *scope = scope_of(ctl_root(a), c->options.strategy);
    bool stored = ctl_is(scope, "stored", "yes");
    if (!c->options.json)
        ctl_line(ctl_is(scope, "state", "reduce_only") ? "reduce only:" : "halted:",
                 "strategy %s: %s (release: paperguard release request --strategy %s REASON)", c->options.strategy,
                 ctl_text(scope, "reason"), c->options.strategy);
    if (!stored)
        fprintf(stderr,
                "paperguard: it holds in memory and goes to Postgres, its state file does not hold it yet; this "
                "is tried again and again\n");
    ctl_answer_free(a);
    return stored ? EX_OK : CTL_REFUSED;
}

int ctl_halt(struct ctl *c)
{
    struct ctl_answer a;
    int code = post_reason(c, "/admin/halt", &a);
    if (code == EX_UNAVAILABLE || code == EX_TEMPFAIL)
        halt_without_daemon(c);
    if (code != EX_OK)
        return code;
    if (c->options.strategy)
        return halted_strategy(c, &a);
    if (!c->options.json)
        ctl_line(strcmp(ctl_text(ctl_root(&a), "halt.state"), "reduce_only") == 0 ? "reduce only:" : "halted:",
                 "%s (release: paperguard release request REASON)", ctl_text(ctl_root(&a), "halt.reason"));
    bool stored = strcmp(ctl_text(ctl_root(&a), "halt.file"), ctl_text(ctl_root(&a), "halt.memory")) == 0;
    if (!stored)
        fprintf(stderr,
                "paperguard: it holds in memory and goes to Postgres, the state file does not hold it yet: %s; this is "
                "tried again and again\n",
                ctl_text(ctl_root(&a), "halt.detail"));
    if (strcmp(ctl_text(ctl_root(&a), "halt.database"), "unknown") == 0)
        fprintf(stderr,
                "paperguard: it is held on this host only, until Postgres is back and has it: a host that takes over "
                "before that does not know of it; halt that one too\n");
    ctl_answer_free(&a);
    return stored ? EX_OK : CTL_REFUSED;
}

int ctl_release_request(struct ctl *c)
{
    struct ctl_answer a;
    int code = post_reason(c, "/admin/release/request", &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json) {
        ctl_line("token", "%s, valid for %s s", ctl_text(ctl_root(&a), "code"),
                 ctl_text(ctl_root(&a), "valid_seconds"));
        ctl_line("", "nothing is released yet: paperguard release confirm %s", ctl_text(ctl_root(&a), "code"));
    }
    ctl_answer_free(&a);
    return EX_OK;
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
        ctl_pause_ms(LOOK_MS);
    }
}

int ctl_release_confirm(struct ctl *c)
{
    struct text body;
    struct json_out o;
    struct ctl_answer a;
    ctl_body_begin(&body, &o);
    json_put_string(&o, "code", c->words[0]);
    int code = ctl_post(c, "/admin/release/confirm", &body, &o, &a);
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
