// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Verbs that change something in the running daemon.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/ctl/ctl.h"
#include "lib/base/json_write.h"
#include "lib/io/clock.h"

#define WAIT_LOOK_MS 200

static char *object_with(const char *member, const char *value)
{
    struct text t;
    struct json_out o;
    text_init(&t, 65536);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_string(&o, member, value);
    json_object_end(&o);
    return text_take(&t);
}

static char *joined(int argc, char **argv)
{
    struct text t;
    text_init(&t, 4000);
    for (int i = 0; i < argc; i++)
        text_addf(&t, "%s%s", i ? " " : "", argv[i]);
    text_addc(&t, '\0');
    return text_take(&t);
}

static int post(const struct ctl *c, const char *target, char *body, struct reply *r)
{
    int code = ctl_call(c, "POST", target, body, r);
    free(body);
    return code == CTL_OK ? ctl_status(c, r) : code;
}

int verb_halt(struct ctl *c, int argc, char **argv)
{
    struct reply r = {0};
    if (argc < 1)
        return ctl_usage(ctl_verb("halt"));
    char *reason = joined(argc, argv);
    int code = post(c, "/admin/halt", object_with("reason", reason), &r);
    if (code == CTL_OK && !c->json)
        printf("halted: %s\n", reason);
    free(reason);
    ctl_reply_free(&r);
    return code;
}

static int release_request(struct ctl *c, int argc, char **argv)
{
    struct reply r = {0};
    char *reason = joined(argc, argv);
    int code = post(c, "/admin/release/request", object_with("reason", reason), &r);
    free(reason);
    if (code == CTL_OK && !c->json)
        printf("to release: paperguard release confirm %s   (within 120 s)\n",
               ctl_member(json_doc_root(r.doc), "code"));
    ctl_reply_free(&r);
    return code;
}

static int release_confirm(struct ctl *c, const char *typed)
{
    struct reply r = {0};
    int code = post(c, "/admin/release/confirm", object_with("code", typed), &r);
    if (code == CTL_OK && !c->json)
        puts("released");
    ctl_reply_free(&r);
    return code;
}

int verb_release(struct ctl *c, int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[0], "request") == 0)
        return release_request(c, argc - 1, argv + 1);
    if (argc == 2 && strcmp(argv[0], "confirm") == 0)
        return release_confirm(c, argv[1]);
    return ctl_usage(ctl_verb("release"));
}

int verb_opening(struct ctl *c, int argc, char **argv)
{
    struct reply r = {0};
    if (argc != 1 || strcmp(argv[0], "accept") != 0)
        return ctl_usage(ctl_verb("opening"));
    int code = post(c, "/admin/opening/accept", check_strdup("{}"), &r);
    if (code == CTL_OK && !c->json)
        puts("opening accepted: cash and positions of the account are the ledger's first entries");
    ctl_reply_free(&r);
    return code;
}

static char *strategies_body(int argc, char **argv)
{
    struct text t;
    struct json_out o;
    text_init(&t, 65536);
    json_out_init(&o, &t);
    json_object_begin(&o);
    if (argc > 0) {
        json_key(&o, "strategies");
        json_array_begin(&o);
        for (int i = 0; i < argc; i++)
            json_add_string(&o, argv[i]);
        json_array_end(&o);
    }
    json_object_end(&o);
    return text_take(&t);
}

static int show_ended(const struct json_node *run)
{
    printf("run %s %s: orders %s submitted %s accepted %s rejected, %s fills, settled: %s\n", ctl_member(run, "run_id"),
           ctl_member(run, "status"), ctl_member(run, "num_orders_submitted"), ctl_member(run, "num_orders_accepted"),
           ctl_member(run, "num_orders_rejected"), ctl_member(run, "fills"), ctl_member(run, "settled"));
    return strcmp(ctl_member(run, "status"), "completed") == 0 ? CTL_OK : CTL_NO;
}

static int wait_for(struct ctl *c, const char *run_id)
{
    struct ctl quiet = *c;
    char target[128];
    int64_t until = clock_monotonic_ns() + c->timeout_s * NS_PER_S;
    quiet.json = false;
    snprintf(target, sizeof target, "/admin/runs/%s", run_id);
    while (clock_monotonic_ns() < until) {
        struct reply r;
        int code;
        if (!ctl_get(&quiet, target, &r, &code))
            return code;
        const struct json_node *run = json_doc_root(r.doc);
        bool ended = json_string(json_get(run, "completed_at")) != NULL;
        if (ended) {
            code = show_ended(run);
            ctl_reply_free(&r);
            return code;
        }
        ctl_reply_free(&r);
        const struct timespec pause = {0, WAIT_LOOK_MS * 1000000};
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "paperguard: run %s has not ended within %lld s\n", run_id, (long long)c->timeout_s);
    return CTL_TEMPORARY;
}

int verb_run(struct ctl *c, int argc, char **argv)
{
    struct reply r = {0};
    char run_id[64];
    int code = post(c, "/admin/run", strategies_body(argc, argv), &r);
    str_copy_cut(run_id, sizeof run_id, r.doc ? ctl_member(json_doc_root(r.doc), "run_id") : "-");
    ctl_reply_free(&r);
    if (code != CTL_OK)
        return code;
    if (!c->json)
        printf("run %s started\n", run_id);
    return c->wait ? wait_for(c, run_id) : CTL_OK;
}
