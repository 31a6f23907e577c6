// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Why a run is as it is: its cause, what each strategy said, what was sent and what was not, what is awaited, how long
// there is until the cut-off, and which commands are safe next.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/ctl.h"
#include "lib/io/clock.h"
#include "lib/trade/order.h"

#define NEXT_MAX 6

struct story {
    const struct json_node *run, *status; // of the run; of the daemon
    size_t sent, open, filled, refused, unknown, not_placed;
    char parked[160]; // one of them that waits for an operator, "" none
    size_t legs, unsent;
    bool *has_order; // by leg; owned
    bool ended;
    char awaited[300];
    char next[NEXT_MAX][200];
    size_t next_count;
};

static bool is_sent(enum order_status s)
{
    return s != ORDER_INTENT && s != ORDER_DENIED && s != ORDER_DRY_RUN && s != ORDER_NOT_PLACED;
}

// Legs count from 1.
static bool leg_has_order(const struct story *s, int64_t leg)
{
    return leg >= 1 && (size_t)leg <= s->legs && s->has_order[leg];
}

static void count(struct story *s)
{
    const struct json_node *orders = ctl_at(s->run, "orders"), *legs = ctl_at(s->run, "legs");
    s->ended = ctl_text(s->run, "completed_at")[0] != '\0';
    s->legs = json_size(legs);
    s->has_order = check_alloc(s->legs + 1, sizeof *s->has_order);
    for (size_t i = 0; i < json_size(orders); i++) {
        const struct json_node *o = json_at(orders, i);
        int64_t leg = ctl_int(o, "leg");
        if (leg >= 1 && (size_t)leg <= s->legs)
            s->has_order[leg] = true;
        enum order_status status = order_status_parse(ctl_text(o, "status"));
        s->sent += is_sent(status);
        s->open += !order_status_terminal(status);
        s->filled += status == ORDER_FILLED;
        s->unknown += status == ORDER_UNKNOWN;
        s->not_placed += status == ORDER_NOT_PLACED;
        s->refused += status == ORDER_DENIED || status == ORDER_REJECTED;
    }
    for (size_t i = 0; i < s->legs; i++)
        s->unsent += !leg_has_order(s, ctl_int(json_at(legs, i), "leg"));
}

// --- what is awaited, and what is safe to do

static void next(struct story *s, const char *format, ...) PRINTF_LIKE(2, 3);
static void next(struct story *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (s->next_count < NEXT_MAX)
        vsnprintf(s->next[s->next_count++], sizeof s->next[0], format, args);
    va_end(args);
}

static bool halted(const struct story *s)
{
    return !ctl_is(s->status, "halt.state", "running");
}

// To the deadline of the run, rounded down; below zero when it has passed or is not known.
static int64_t minutes_left(const struct story *s)
{
    int64_t at;
    if (!when_parse(ctl_text(s->run, "deadline_at"), &at) || at <= clock_wall_ns())
        return -1;
    return (at - clock_wall_ns()) / (60 * NS_PER_S);
}

static void judge_running(struct story *s)
{
    const char *state = ctl_text(s->run, "state"), *id = ctl_text(s->run, "run_id");
    if (halted(s))
        snprintf(s->awaited, sizeof s->awaited, "the release of the halt (%s); orders that are out are followed",
                 ctl_text(s->status, "halt.reason"));
    else if (s->unknown)
        snprintf(s->awaited, sizeof s->awaited, "the broker's word on %zu orders without an answer", s->unknown);
    else if (strcmp(state, "claimed") == 0)
        snprintf(s->awaited, sizeof s->awaited, "%s",
                 ctl_is(s->status, "ready", "yes") ? "prices and the strategies' answers"
                                                   : ctl_text(s->status, "ready_reason"));
    else if (strcmp(state, "settling") == 0)
        snprintf(s->awaited, sizeof s->awaited, "the fills of %zu orders in the ledger, and cash that agrees", s->sent);
    else
        snprintf(s->awaited, sizeof s->awaited, "%zu open orders to fill, then %zu that are not sent yet", s->open,
                 s->unsent);
    if (s->unknown)
        next(s, "paperguard orders --parked    (then, when the broker stays silent: paperguard orders resolve ORDER)");
    if (halted(s))
        next(s, "paperguard release request REASON");
    next(s, "paperguard orders --run %s", id);
    next(s, "paperguard logs --run %s", id);
    if (!halted(s))
        next(s, "paperguard halt REASON    (no further order leaves; what is out is followed)");
}

static void judge_ended(struct story *s)
{
    const char *id = ctl_text(s->run, "run_id"), *status = ctl_text(s->run, "status");
    bool whole = strcmp(status, "completed") == 0;
    if (!ctl_is(s->run, "settled", "yes") && s->sent)
        snprintf(s->awaited, sizeof s->awaited, "fills of this run in the ledger: it is not settled");
    if (s->unknown)
        next(s, "paperguard orders --parked    (then, when the broker stays silent: paperguard orders resolve ORDER)");
    if (halted(s))
        next(s, "paperguard release request REASON");
    if (s->parked[0] && !halted(s) && minutes_left(s) > 0)
        next(s, "paperguard orders retry %s    (sends it as it was, for %lld more minutes)", s->parked,
             (long long)minutes_left(s));
    if (!whole && !ctl_is(s->status, "ready", "yes"))
        next(s, "paperguard status    (orders are held back: %s)", ctl_text(s->status, "ready_reason"));
    else if (!whole && !halted(s))
        next(s, "paperguard run    (plans anew what is missing)");
    if (!whole)
        next(s, "paperguard logs --run %s", id);
    if (s->sent)
        next(s, "paperguard fills --run %s", id);
}

// Minutes to the deadline of the run, rounded down; below zero when it has passed.
static bool cut_off(const struct story *s, int64_t *minutes)
{
    int64_t at;
    if (s->ended || !when_parse(ctl_text(s->run, "deadline_at"), &at))
        return false;
    *minutes = (at - clock_wall_ns()) / (60 * NS_PER_S);
    return true;
}

// --- telling

// What it asked for: "SPY 0.3, TLT 0.25".
static void show_targets(const struct json_node *member)
{
    const struct json_node *targets = ctl_at(member, "targets");
    struct text t;
    text_init(&t, 900);
    for (size_t i = 0; i < json_size(targets); i++)
        text_addf(&t, "%s%s %s", i ? ", " : "", ctl_text(json_at(targets, i), "symbol"),
                  ctl_text(json_at(targets, i), "weight"));
    if (ctl_is(member, "status", "ok"))
        ctl_line("targets", "%s: %s%s", ctl_text(member, "strategy"), t.len ? text_str(&t) : "none",
                 t.overflow ? " …" : "");
    text_free(&t);
}

static void show_members(const struct ctl *c, const struct json_node *run)
{
    static const struct ctl_column columns[] = {{"STRATEGY", "strategy", 0},
                                                {"SAID", "status", CTL_TONE},
                                                {"MODEL", "model.name", CTL_MAY_GO},
                                                {"VERSION", "model.version", CTL_MAY_GO},
                                                {"DETAIL", "detail", CTL_MAY_GO}};
    const struct json_node *members = ctl_at(run, "members");
    if (json_size(members) == 0) {
        ctl_line("members", "%s; none of them has answered", ctl_text(run, "strategy_id"));
        return;
    }
    putchar('\n');
    ctl_table(c, members, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < json_size(members); i++)
        show_targets(json_at(members, i));
}

static void show_orders(const struct ctl *c, const struct story *s)
{
    static const struct ctl_column columns[] = {
        {"LEG", "leg", CTL_RIGHT},
        {"SIDE", "side", 0},
        {"SYMBOL", "symbol", 0},
        {"QTY", "qty", CTL_RIGHT},
        {"STATUS", "status", CTL_TONE},
        {"FILLED", "filled_qty", CTL_RIGHT | CTL_MAY_GO},
        {"AVG PRICE", "filled_avg_price", CTL_RIGHT | CTL_MAY_GO},
        {"REASON", "reason", CTL_MAY_GO},
    };
    const struct json_node *legs = ctl_at(s->run, "legs");
    if (json_size(ctl_at(s->run, "orders")) > 0) {
        putchar('\n');
        ctl_table(c, ctl_at(s->run, "orders"), columns, ARRAY_LEN(columns));
    }
    for (size_t i = 0; i < s->legs && s->unsent; i++) {
        const struct json_node *leg = json_at(legs, i);
        if (!leg_has_order(s, ctl_int(leg, "leg")))
            ctl_line("not sent", "leg %s: %s %s %s", ctl_text(leg, "leg"), ctl_text(leg, "side"), ctl_text(leg, "qty"),
                     ctl_text(leg, "symbol"));
    }
}

static void show_story(const struct ctl *c, const struct story *s)
{
    char at[WHEN_TEXT_MAX];
    int64_t minutes;
    const struct json_node *r = s->run;
    ctl_line("run", "%s, session %s, slot %s", ctl_text(r, "run_id"), ctl_text(r, "session"), ctl_text(r, "slot"));
    ctl_line("cause", "%s%s%s", ctl_text(r, "cause"), ctl_is(r, "cause", "schedule") ? ", at " : "",
             ctl_is(r, "cause", "schedule") ? ctl_text(r, "label") : "");
    ctl_toned("status", ctl_text(r, "state"), "%s%s%s%s", ctl_text(r, "state"),
              ctl_is(r, "settled", "yes") ? ", settled" : "", ctl_text(r, "detail")[0] ? ": " : "",
              ctl_text(r, "detail"));
    if (ctl_text(r, "started_at")[0])
        ctl_line("started", "%s", ctl_ny(ctl_text(r, "started_at"), at));
    if (s->ended)
        ctl_line("ended", "%s, after %s s", ctl_ny(ctl_text(r, "completed_at"), at), ctl_text(r, "duration_seconds"));
    ctl_line("orders", "%zu legs planned; %zu sent, %zu filled, %zu refused, %zu without an answer, %zu not sent",
             s->legs, s->sent, s->filled, s->refused, s->unknown, s->unsent);
    if (s->awaited[0])
        ctl_line("awaited", "%s", s->awaited);
    if (cut_off(s, &minutes))
        ctl_line("cut-off", "%s, %s%lld minutes", ctl_ny(ctl_text(r, "deadline_at"), at),
                 minutes < 0 ? "passed by " : "in ", (long long)(minutes < 0 ? -minutes : minutes));
    show_members(c, r);
    show_orders(c, s);
    for (size_t i = 0; i < s->next_count; i++)
        printf("%s%s\n", i ? "  " : "\nsafe next:\n  ", s->next[i]);
}

// The run as the daemon tells it, and the conclusions.
static void story_json(const struct story *s, const char *run)
{
    struct text t;
    struct json_out o;
    int64_t minutes;
    text_init(&t, 1u << 27);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_key(&o, "run");
    json_add_raw(&o, run);
    json_put_int(&o, "legs_planned", (int64_t)s->legs);
    json_put_int(&o, "orders_sent", (int64_t)s->sent);
    json_put_int(&o, "orders_filled", (int64_t)s->filled);
    json_put_int(&o, "orders_refused", (int64_t)s->refused);
    json_put_int(&o, "orders_unknown", (int64_t)s->unknown);
    json_put_int(&o, "legs_not_sent", (int64_t)s->unsent);
    json_put_string(&o, "awaited", s->awaited);
    if (cut_off(s, &minutes))
        json_put_int(&o, "minutes_to_cut_off", minutes);
    else
        json_put_null(&o, "minutes_to_cut_off");
    json_key(&o, "safe_next");
    json_array_begin(&o);
    for (size_t i = 0; i < s->next_count; i++)
        json_add_string(&o, s->next[i]);
    json_array_end(&o);
    json_object_end(&o);
    printf("%s\n", text_str(&t));
    text_free(&t);
}

// Of the orders that were never placed, one that an operator may have sent again.
static int find_parked(struct ctl *c, struct story *s)
{
    struct ctl_answer a;
    char path[160];
    if (!s->ended || !s->not_placed)
        return EX_OK;
    snprintf(path, sizeof path, "/admin/orders?status=parked&limit=500&run_id=%s", ctl_text(s->run, "run_id"));
    int code = ctl_get(c, path, &a);
    if (code != EX_OK)
        return code;
    const struct json_node *rows = ctl_at(ctl_root(&a), "orders");
    for (size_t i = 0; i < json_size(rows) && !s->parked[0]; i++)
        if (ctl_is(json_at(rows, i), "status", "not_placed"))
            str_copy_cut(s->parked, sizeof s->parked, ctl_text(json_at(rows, i), "client_order_id"));
    ctl_answer_free(&a);
    return EX_OK;
}

static void tell(const struct ctl *c, struct story *s, const char *run)
{
    if (s->ended)
        judge_ended(s);
    else
        judge_running(s);
    if (c->options.json)
        story_json(s, run);
    else
        show_story(c, s);
}

int ctl_why(struct ctl *c)
{
    struct ctl_answer run, status;
    char id[64], path[96];
    int code = ctl_run_id(c, c->word_count ? c->words[0] : "last", id);
    if (code != EX_OK)
        return code;
    snprintf(path, sizeof path, "/admin/runs/%s", id);
    code = ctl_get(c, path, &run);
    if (code != EX_OK)
        return code;
    code = ctl_get(c, "/admin/status", &status);
    if (code == EX_OK) {
        struct story s = {.run = ctl_root(&run), .status = ctl_root(&status)};
        count(&s);
        code = find_parked(c, &s);
        if (code == EX_OK)
            tell(c, &s, run.body);
        free(s.has_order);
        ctl_answer_free(&status);
    }
    ctl_answer_free(&run);
    return code;
}
