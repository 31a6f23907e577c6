// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Starting a run, and waiting for its end.
#include <string.h>

#include "daemon/ctl/ctl.h"
#include "lib/io/clock.h"

#define LOOK_MS 250
#define WAIT_DEFAULT_S 1800

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
        ctl_pause_ms(LOOK_MS);
    }
}

int ctl_run(struct ctl *c)
{
    struct text body;
    struct json_out o;
    struct ctl_answer a;
    bool json = c->options.json;
    char id[64];
    int code = EX_OK;
    if (c->options.timeout_s && !c->options.wait) {
        fprintf(stderr, "paperguard: --timeout says how long --wait waits; add --wait, or leave it out\n");
        return EX_USAGE;
    }
    for (size_t i = 0; i < c->word_count; i++)
        if ((code = ctl_check_strategy(c, c->words[i])) != EX_OK)
            return code;
    ctl_body_begin(&body, &o);
    if (c->word_count)
        ctl_put_strategies(c, c->word_count, &o);
    c->options.json = json && !c->options.wait; // one document on stdout
    code = ctl_post(c, "/admin/run", &body, &o, &a);
    c->options.json = json;
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
