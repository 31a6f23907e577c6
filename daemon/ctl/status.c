// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Status at a glance, for people and for monitoring.
#include <string.h>

#include "daemon/ctl/ctl.h"

static void show_health(const struct json_node *h)
{
    const char *why = ctl_text(h, "why"), *check = ctl_text(h, "guard.check");
    bool simulator = strcmp(ctl_text(h, "mode"), "SIMULATOR") == 0;
    ctl_line("paperguard", "%s (commit %s), %s, instance %s%s", ctl_text(h, "version"), ctl_text(h, "commit"),
             ctl_text(h, "environment"), ctl_text(h, "instance"), simulator ? ", SIMULATOR" : "");
    ctl_toned("health", ctl_text(h, "status"), "%s%s%s", ctl_text(h, "status"), why[0] ? ": " : "", why);
    if (ctl_text(h, "leader.host")[0])
        ctl_line("leader", "%s%s, epoch %s", ctl_is(h, "leader.state", "leader") ? "this host, " : "host ",
                 ctl_text(h, "leader.host"), ctl_text(h, "leader.epoch"));
    ctl_line("orders", "%s", ctl_text(h, "orders_text"));
    ctl_toned("guard", ctl_text(h, "guard.answer"), "%s%s%s%s%s", ctl_text(h, "guard.answer"), check[0] ? ": " : "",
              check, check[0] ? ": " : "", ctl_text(h, "guard.detail"));
    ctl_line("peers", "Postgres %s, Alpaca %s (order stream %s), Redis %s", ctl_text(h, "details.database"),
             ctl_text(h, "details.alpaca"), ctl_text(h, "details.alpaca_stream"), ctl_text(h, "details.redis"));
}

static void show_halt(const struct json_node *halt)
{
    char since[WHEN_TEXT_MAX];
    const char *state = ctl_text(halt, "state"), *reason = ctl_text(halt, "reason"), *detail = ctl_text(halt, "detail");
    if (strcmp(state, "running") == 0) {
        ctl_line("halt", "none");
        return;
    }
    ctl_toned("halt", state, "%s%s%s", state, reason[0] ? ": " : "", reason);
    ctl_line("", "by %s, since %s", ctl_text(halt, "source"), ctl_ny(ctl_text(halt, "since"), since));
    if (detail[0] && !str_starts(detail, reason)) // another one than that in memory, or what cannot be read
        ctl_line("", "%s", detail);
    ctl_line("", "memory %s, state file %s, Postgres %s", ctl_text(halt, "memory"), ctl_text(halt, "file"),
             ctl_text(halt, "database"));
    if (strcmp(ctl_text(halt, "orders.state"), "cancelling") == 0)
        ctl_line("", "%s open orders are being cancelled", ctl_text(halt, "orders.open"));
    else if (ctl_text(halt, "orders.seconds")[0])
        ctl_line("", "%s open orders were cancelled; the broker had none of ours after %s s",
                 ctl_text(halt, "orders.cancelled"), ctl_text(halt, "orders.seconds"));
}

static void show_scopes(const struct json_node *all)
{
    for (size_t i = 0; i < json_size(all); i++) {
        const struct json_node *s = json_at(all, i);
        ctl_toned("halt", ctl_text(s, "state"), "strategy %s: %s: %s, by %s", ctl_text(s, "strategy"),
                  ctl_text(s, "state"), ctl_text(s, "reason"), ctl_text(s, "source"));
    }
}

static void show_runs(const struct json_node *root)
{
    char at[WHEN_TEXT_MAX];
    const struct json_node *last = ctl_at(root, "scheduler.last_run");
    const char *next = ctl_text(root, "orchestration.next_run_time"),
               *trigger = ctl_text(root, "scheduler.job.trigger");
    ctl_line("scheduler", "%s, next run %s%s%s%s", ctl_text(root, "scheduler.status"),
             next[0] ? ctl_ny(next, at) : "none", trigger[0] ? " (" : "", trigger, trigger[0] ? ")" : "");
    if (json_type_of(last) != JSON_IS_OBJECT)
        return;
    ctl_toned("last run", ctl_text(last, "status"), "%s %s%s, started %s", ctl_text(last, "run_id"),
              ctl_text(last, "status"), strcmp(ctl_text(last, "settled"), "yes") == 0 ? ", settled" : "",
              ctl_ny(ctl_text(last, "started_at"), at));
    ctl_line("", "%s signals, %s orders sent, %s accepted, %s rejected, %s fills", ctl_text(last, "num_signals"),
             ctl_text(last, "num_orders_submitted"), ctl_text(last, "num_orders_accepted"),
             ctl_text(last, "num_orders_rejected"), ctl_text(last, "fills"));
    if (ctl_text(last, "detail")[0])
        ctl_line("", "%s", ctl_text(last, "detail"));
}

static void show_status(const struct json_node *root)
{
    const struct json_node *execution = ctl_at(root, "health.scheduler.execution");
    bool ready = strcmp(ctl_text(root, "ready"), "yes") == 0;
    show_health(ctl_at(root, "health"));
    show_halt(ctl_at(root, "halt"));
    show_scopes(ctl_at(root, "strategies"));
    if (ctl_text(root, "account.account_number")[0])
        ctl_line("account", "%s, equity %s, cash %s", ctl_text(root, "account.account_number"),
                 ctl_text(root, "account.equity"), ctl_text(root, "account.cash"));
    if (ctl_text(root, "key.first_seen")[0])
        ctl_line("key", "%s, for %lld days", ctl_text(root, "key.key"),
                 (long long)(ctl_int(root, "key.age_seconds") / 86400));
    ctl_line("positions", "%s, gross exposure %s; %s orders open, %s unknown", ctl_text(execution, "positions_synced"),
             ctl_text(execution, "gross_exposure")[0] ? ctl_text(execution, "gross_exposure") : "not known",
             ctl_text(execution, "orders_open"), ctl_text(execution, "orders_unknown"));
    bool halted = !ctl_is(root, "halt.state", "running");
    ctl_toned("ready", ready && !halted ? "ready" : "pending", "%s%s",
              !ready   ? "no: "
              : halted ? "yes, once the halt is released"
                       : "yes",
              ctl_text(root, "ready_reason"));
    if (ctl_int(execution, "orders_unknown") > 0)
        ctl_line("", "orders without an answer: paperguard orders --parked");
    if (ctl_int(execution, "orders_quarantined") > 0)
        ctl_toned("quarantine", "pending", "%s orders at the broker are not ours: paperguard quarantine",
                  ctl_text(execution, "orders_quarantined"));
    if (strstr(ctl_text(root, "ready_reason"), "differ"))
        ctl_line("", "how they differ: paperguard drift");
    if (strcmp(ctl_text(root, "needs_opening"), "yes") == 0)
        ctl_line("", "look at the account, then: paperguard opening accept");
    const struct json_node *paused = ctl_at(root, "paused");
    for (size_t i = 0; i < json_size(paused); i++)
        ctl_toned("paused", "paused", "strategy %s (paperguard strategies resume %s)", ctl_text(json_at(paused, i), ""),
                  ctl_text(json_at(paused, i), ""));
    show_runs(root);
}

// --- for monitoring: one line, performance data, 0 to 3

enum { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };

static void perfdata(const struct json_node *root)
{
    const struct json_node *execution = ctl_at(root, "health.scheduler.execution");
    static const struct {
        const char *name, *member, *limits;
    } rows[] = {{"positions", "positions_synced", ""},
                {"orders_open", "orders_open", ""},
                {"orders_unknown", "orders_unknown", ";0;0"},
                {"gross_exposure", "gross_exposure", ""}};
    fputs(" |", stdout);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (ctl_text(execution, rows[i].member)[0])
            printf(" %s=%s%s", rows[i].name, ctl_text(execution, rows[i].member), rows[i].limits);
    if (ctl_text(root, "account.equity")[0])
        printf(" equity=%s cash=%s", ctl_text(root, "account.equity"), ctl_text(root, "account.cash"));
    printf(" paused=%zu halted=%d ready=%d\n", json_size(ctl_at(root, "paused")),
           !ctl_is(root, "halt.state", "running"), ctl_is(root, "ready", "yes"));
}

// The worst thing that can be said of it, and how bad it is.
static int verdict(const struct json_node *root, char out[400])
{
    char at[WHEN_TEXT_MAX];
    const struct json_node *last = ctl_at(root, "scheduler.last_run");
    const char *next = ctl_text(root, "orchestration.next_run_time"), *run = ctl_text(last, "status");
    if (ctl_is(root, "health.status", "unhealthy")) {
        snprintf(out, 400, "unhealthy: %s", ctl_text(root, "health.why"));
        return NAGIOS_CRITICAL;
    }
    if (ctl_int(root, "health.scheduler.execution.orders_unknown") > 0) {
        snprintf(out, 400, "%s orders without an answer", ctl_text(root, "health.scheduler.execution.orders_unknown"));
        return NAGIOS_CRITICAL;
    }
    if (!ctl_is(root, "halt.state", "running")) {
        snprintf(out, 400, "%s: %s", ctl_text(root, "halt.state"), ctl_text(root, "halt.reason"));
        return NAGIOS_WARNING;
    }
    if (ctl_is(root, "health.status", "standby")) { // as it should be: one of two hosts always is
        snprintf(out, 400, "%s", ctl_text(root, "health.why"));
        return NAGIOS_OK;
    }
    if (!ctl_is(root, "ready", "yes") || !ctl_is(root, "health.status", "healthy")) {
        snprintf(out, 400, "%s: %s", ctl_text(root, "health.status"),
                 ctl_is(root, "ready", "yes") ? ctl_text(root, "health.why") : ctl_text(root, "ready_reason"));
        return NAGIOS_WARNING;
    }
    if (strcmp(run, "failed") == 0 || strcmp(run, "missed") == 0 || strcmp(run, "partial") == 0) {
        snprintf(out, 400, "last run %s: %s", run, ctl_text(last, "detail"));
        return NAGIOS_WARNING;
    }
    const struct json_node *paused = ctl_at(root, "paused");
    size_t used = (size_t)snprintf(out, 400, "healthy, %s, next run %s", ctl_text(root, "health.orders_text"),
                                   next[0] ? ctl_ny(next, at) : "none");
    for (size_t i = 0; i < json_size(paused) && used < 400; i++) // nobody forgets it
        used +=
            (size_t)snprintf(out + used, 400 - used, "%s %s", i ? "," : ", paused:", ctl_text(json_at(paused, i), ""));
    return NAGIOS_OK;
}

static int nagios(struct ctl *c)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    struct ctl_answer a;
    char text[400];
    int code = ctl_get(c, "/admin/status", &a);
    if (code != EX_OK) {
        bool away = code == EX_UNAVAILABLE || code == EX_TEMPFAIL;
        printf("PAPERGUARD %s - %s\n", words[away ? NAGIOS_CRITICAL : NAGIOS_UNKNOWN],
               away ? "no daemon answers" : "the daemon cannot be asked");
        return away ? NAGIOS_CRITICAL : NAGIOS_UNKNOWN;
    }
    code = verdict(ctl_root(&a), text);
    printf("PAPERGUARD %s - ", words[code]);
    for (char *p = text; *p; p++) // what follows a bar is performance data
        *p = *p == '|' ? '/' : *p;
    ctl_print(stdout, text);
    perfdata(ctl_root(&a));
    ctl_answer_free(&a);
    return code;
}

int ctl_status(struct ctl *c)
{
    struct ctl_answer a;
    if (c->options.nagios)
        return nagios(c);
    int code = ctl_ask(c, "GET", "/admin/status", NULL, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json)
        show_status(ctl_root(&a));
    code = ctl_is(ctl_root(&a), "health.status", "unhealthy") ? CTL_REFUSED : EX_OK;
    ctl_answer_free(&a);
    return code;
}
