// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What health means, and the JSON of the read model. Everything here is a pure function of struct snapshot.
#include "daemon/snapshot_internal.h"

#include <stdio.h>
#include <string.h>

#define WHY_MAX 160

const char *health_name(enum health h)
{
    switch (h) {
    case HEALTH_HEALTHY:
        return "healthy";
    case HEALTH_DEGRADED:
        return "degraded";
    case HEALTH_STANDBY:
        return "standby";
    case HEALTH_HALTED:
        return "halted";
    case HEALTH_UNHEALTHY:
        break;
    }
    return "unhealthy";
}

const char *snapshot_orders_text(const struct snapshot *s)
{
    if (!s->orders_sent)
        return "RECORDED ONLY";
    return s->simulator ? "PAPER ORDERS ARE SENT TO THE SIMULATOR" : "PAPER ORDERS ARE SENT";
}

static void why_guard(const struct snapshot *s, char why[WHY_MAX])
{
    enum guard_check c = guard_table_worst(s->guard);
    if (c == GUARD_CHECK_COUNT)
        snprintf(why, WHY_MAX, "guard: %s", guard_answer_name(s->guard_answer));
    else
        snprintf(why, WHY_MAX, "guard: %s %s: %.100s", guard_check_name(c), guard_answer_name(s->guard[c].answer),
                 s->guard[c].detail);
}

const char *snapshot_part_name(enum snapshot_part_name p)
{
#define PART_NAME(symbol, name) name,
    static const char *const names[] = {SNAPSHOT_PARTS(PART_NAME)};
#undef PART_NAME
    return names[p];
}

const char *part_state_name(enum part_state s)
{
    static const char *const names[] = {"ok", "off", "not answering", "down"};
    return names[s];
}

bool part_in_trouble(const struct snapshot_part *p)
{
    return p->state == PART_NOT_ANSWERING || p->state == PART_DOWN;
}

// "disk: down since 2026-11-21T16:40:02Z: No space left on device"
static bool why_part(const struct snapshot *s, enum snapshot_part_name name, char why[WHY_MAX])
{
    const struct snapshot_part *p = &s->parts[name];
    char since[WHEN_TEXT_MAX];
    if (!part_in_trouble(p))
        return false;
    snprintf(why, WHY_MAX, "%s: %s since %s%s%.100s", snapshot_part_name(name), part_state_name(p->state),
             when_format(p->since_wall_ns / NS_PER_S * NS_PER_S, since), p->detail[0] ? ": " : "", p->detail);
    return true;
}

static bool why_unhealthy(const struct snapshot *s, char why[WHY_MAX])
{
    if (s->guard_answer != GUARD_PASS || s->guard_static != GUARD_PASS)
        why_guard(s, why);
    else if (!s->database_connected)
        snprintf(why, WHY_MAX, "Postgres is not ready%s%.120s", s->database_detail[0] ? ": " : "", s->database_detail);
    else if (s->parts[PART_POSTGRES].state == PART_NOT_ANSWERING)
        return why_part(s, PART_POSTGRES, why);
    else if (s->halt == HALT_UNKNOWN)
        snprintf(why, WHY_MAX, "the halt state cannot be read%s%.120s", s->halt_detail[0] ? ": " : "", s->halt_detail);
    else
        return false;
    return true;
}

static const char *first_missing(const struct snapshot *s)
{
    size_t i = 0;
    while (s->prices[i].known)
        i++;
    return s->prices[i].symbol;
}

static bool why_degraded(const struct snapshot *s, char why[WHY_MAX])
{
    if (s->draining)
        snprintf(why, WHY_MAX, "stopping");
    else if (!s->broker_connected)
        snprintf(why, WHY_MAX, "the broker does not answer%s%.120s", s->broker_detail[0] ? ": " : "", s->broker_detail);
    else if (why_part(s, PART_BROKER, why) || why_part(s, PART_DISK, why))
        return true;
    else if (!s->in_step)
        snprintf(why, WHY_MAX, "%.150s",
                 s->in_step_reason[0] ? s->in_step_reason : "ledger and broker are not in step");
    else if (s->orders_unknown > 0)
        snprintf(why, WHY_MAX, "%lld orders without an answer", (long long)s->orders_unknown);
    else if (s->scheduler_enabled && !s->calendar_known)
        snprintf(why, WHY_MAX, "the exchange calendar is not known");
    else if (s->calendar_doubt[0])
        snprintf(why, WHY_MAX, "calendar: %.140s", s->calendar_doubt);
    else if (snapshot_missing(s) > 0)
        snprintf(why, WHY_MAX, "no price for %zu of %zu symbols, such as %s", snapshot_missing(s), s->price_count,
                 first_missing(s));
    else if (s->redis_configured && !s->redis_connected)
        snprintf(why, WHY_MAX, "Redis is away%s%.120s", s->redis_detail[0] ? ": " : "", s->redis_detail);
    else
        return why_part(s, PART_REDIS, why) || why_part(s, PART_DNS, why) || why_part(s, PART_JOURNAL, why);
    return true;
}

bool snapshot_standby(const struct snapshot *s)
{
    return s->guard[CHECK_LEADER].answer == GUARD_FAIL;
}

enum health snapshot_health(const struct snapshot *s, char why[WHY_MAX])
{
    why[0] = '\0';
    if (why_unhealthy(s, why))
        return HEALTH_UNHEALTHY;
    if (s->halt != HALT_RUNNING) {
        bool told = s->halt_detail[0] != '\0', reduce = s->halt == HALT_REDUCE_ONLY;
        snprintf(why, WHY_MAX, "%s%s%.140s",
                 reduce ? "reduce only"
                 : told ? ""
                        : "halted",
                 reduce && told ? ": " : "", s->halt_detail);
        return HEALTH_HALTED;
    }
    if (snapshot_standby(s)) {
        snprintf(why, WHY_MAX, "%.150s", s->guard[CHECK_LEADER].detail);
        return HEALTH_STANDBY;
    }
    return why_degraded(s, why) ? HEALTH_DEGRADED : HEALTH_HEALTHY;
}

bool snapshot_ready(const struct snapshot *s, const char **why)
{
    *why = "";
    if (s->guard_answer != GUARD_PASS || s->guard_static != GUARD_PASS)
        *why = "the guard does not pass";
    else if (!s->database_connected)
        *why = "Postgres is not ready";
    else if (s->halt == HALT_UNKNOWN)
        *why = "the halt state cannot be read";
    else if (snapshot_standby(s))
        *why = s->guard[CHECK_LEADER].detail;
    else if (!s->broker_connected)
        *why = "the broker does not answer";
    else if (!s->in_step)
        *why = s->in_step_reason[0] ? s->in_step_reason : "ledger and broker are not in step";
    else if (!s->calendar_known)
        *why = "the exchange calendar is not known";
    else if (s->draining)
        *why = "stopping";
    return (*why)[0] == '\0';
}

// --- JSON

void snapshot_put_when(struct json_out *o, const char *key, int64_t ns)
{
    if (ns > 0)
        json_put_when(o, key, ns);
    else
        json_put_null(o, key);
}

void snapshot_put_age(const struct snapshot *s, struct json_out *o, int64_t since)
{
    if (since <= 0)
        json_put_null(o, "age_seconds");
    else
        json_put_decimal_number(o, "age_seconds",
                                (s->at_wall_ns > since ? s->at_wall_ns - since : 0) / NS_PER_MS * NS_PER_MS);
}

static void put_duration(struct json_out *o, int64_t from, int64_t to)
{
    if (from > 0 && to >= from)
        json_put_decimal_number(o, "duration_seconds", (to - from) / NS_PER_MS * NS_PER_MS);
    else
        json_put_null(o, "duration_seconds");
}

static void put_gross(const struct snapshot *s, struct json_out *o, const char *key)
{
    if (s->gross_known)
        json_put_decimal_number(o, key, s->gross_exposure.nanos);
    else
        json_put_null(o, key);
}

static void put_text(struct json_out *o, const char *key, const char *value)
{
    json_put_string(o, key, value && value[0] ? value : NULL);
}

// True only when proven; not read yet is null, anything else false.
static void put_lock(const struct snapshot *s, struct json_out *o, const char *key, enum guard_check check)
{
    if (s->guard[check].answer == GUARD_UNKNOWN)
        json_put_null(o, key);
    else
        json_put_bool(o, key, s->guard[check].answer == GUARD_PASS);
}

static const char *orders_word(const struct snapshot *s)
{
    return s->orders_sent ? "send" : "record";
}

void snapshot_put_mode(const struct snapshot *s, struct json_out *o)
{
    json_put_string(o, "environment", s->environment);
    json_put_string(o, "mode", s->simulator ? "SIMULATOR" : "paper");
    json_put_bool(o, "simulator", s->simulator);
    json_put_string(o, "orders_mode", orders_word(s));
    json_put_string(o, "orders_text", snapshot_orders_text(s));
}

static void put_identity(const struct snapshot *s, const char *service, struct json_out *o)
{
    json_put_string(o, "service", service ? service : "paperguard");
    json_put_string(o, "version", s->version);
    json_put_string(o, "commit", s->commit);
    json_put_string(o, "instance", s->instance);
    snapshot_put_mode(s, o);
    json_put_string(o, "orders", orders_word(s));
    put_lock(s, o, "dry_run", CHECK_DRY_RUN);
    put_lock(s, o, "alpaca_paper", CHECK_ALPACA_PAPER);
}

static void put_halt(const struct snapshot *s, struct json_out *o)
{
    json_key(o, "halt");
    json_object_begin(o);
    json_put_string(o, "state", fact_halt_name(s->halt));
    put_text(o, "detail", s->halt_detail);
    json_object_end(o);
}

static void put_leader(const struct snapshot *s, struct json_out *o)
{
    json_key(o, "leader");
    json_object_begin(o);
    json_put_string(o, "state", s->leader.state);
    json_put_int(o, "epoch", s->leader.epoch);
    put_text(o, "host", s->leader.host);
    put_text(o, "holder", s->leader.holder);
    json_put_decimal_number(o, "lease_seconds", s->leader.lease_ns / NS_PER_MS * NS_PER_MS);
    json_object_end(o);
}

static void put_guard_summary(const struct snapshot *s, struct json_out *o)
{
    enum guard_check c = guard_table_worst(s->guard);
    json_key(o, "guard");
    json_object_begin(o);
    json_put_string(o, "answer", guard_answer_name(s->guard_answer));
    json_put_string(o, "static", guard_answer_name(s->guard_static));
    json_put_string(o, "check", c == GUARD_CHECK_COUNT ? NULL : guard_check_name(c));
    json_put_string(o, "detail", c == GUARD_CHECK_COUNT ? NULL : s->guard[c].detail);
    json_object_end(o);
}

void snapshot_put_positions(const struct snapshot *s, struct json_out *o)
{
    json_key(o, "positions");
    json_object_begin(o);
    json_put_int(o, "positions", s->positions);
    put_gross(s, o, "total_notional");
    snapshot_put_when(o, "as_of", s->positions_as_of);
    snapshot_put_age(s, o, s->positions_as_of);
    json_object_end(o);
}

static void put_execution(const struct snapshot *s, struct json_out *o)
{
    bool seen = s->last_run.id[0] != '\0';
    int64_t completed = s->last_run.completed_at;
    bool failed = str_equal(s->last_run.status, "failed") || str_equal(s->last_run.status, "missed");
    json_key(o, "execution");
    json_object_begin(o);
    json_put_string(o, "status", s->scheduler_running ? "running" : seen ? s->last_run.status : "idle");
    put_text(o, "run_id", s->last_run.id);
    snapshot_put_when(o, "last_started", s->last_run.started_at);
    snapshot_put_when(o, "last_completed", completed);
    put_duration(o, s->last_run.started_at, completed);
    json_put_int(o, "orders_planned", s->last_run.planned);
    json_put_int(o, "orders_submitted", s->last_run.submitted);
    json_put_int(o, "orders_accepted", s->last_run.accepted);
    json_put_int(o, "orders_skipped", s->last_run.skipped);
    json_put_int(o, "orders_failed", s->last_run.failed);
    json_put_int(o, "orders_open", s->orders_open);
    json_put_int(o, "orders_unknown", s->orders_unknown);
    json_put_int(o, "orders_quarantined", s->orders_quarantined);
    json_put_int(o, "fills", s->last_run.fills);
    json_put_int(o, "runs", s->runs_done);
    put_text(o, "error", failed ? s->last_run.detail : "");
    put_gross(s, o, "gross_exposure");
    json_put_int(o, "positions_synced", s->positions);
    json_put_bool(o, "in_step", s->in_step);
    put_text(o, "in_step_reason", s->in_step ? "" : s->in_step_reason);
    snapshot_put_age(s, o, s->positions_as_of);
    json_object_end(o);
}

static const char *scheduler_word(const struct snapshot *s)
{
    if (!s->scheduler_enabled)
        return "disabled";
    if (s->draining)
        return "stopping";
    if (snapshot_standby(s))
        return "standby";
    if (!s->calendar_known)
        return "waiting";
    if (s->scheduler_running)
        return "busy";
    if (s->halt != HALT_RUNNING)
        return "halted";
    return snapshot_missing(s) > 0 ? "degraded" : "idle";
}

static void put_scheduler_state(const struct snapshot *s, struct json_out *o)
{
    json_put_string(o, "status", scheduler_word(s));
    json_put_bool(o, "enabled", s->scheduler_enabled);
    json_put_bool(o, "running", s->scheduler_enabled && s->calendar_known && !s->draining); // it watches the clock
    json_put_bool(o, "calendar_known", s->calendar_known);
    snapshot_put_when(o, "calendar_kept_from", s->calendar_kept_ns);
    json_put_string(o, "calendar_check",
                    !s->calendar_known      ? "not known yet"
                    : !s->calendar_checked  ? FACTS_ALWAYS_OPEN
                    : !s->calendar_doubt[0] ? "agrees with the exchange's rules"
                                            : s->calendar_doubt);
    json_key(o, "missing_symbols");
    snapshot_add_missing(s, o);
    json_key(o, "job");
    json_object_begin(o);
    json_put_string(o, "id", "run");
    snapshot_put_when(o, "next_run_time", s->next_run_ns);
    put_text(o, "trigger", s->trigger);
    json_object_end(o);
}

static bool run_went_wrong(const struct snapshot *s)
{
    const char *status = s->last_run.status;
    return str_equal(status, "failed") || str_equal(status, "missed") || str_equal(status, "partial");
}

static void put_errors(const struct snapshot *s, struct json_out *o)
{
    json_key(o, "errors");
    json_array_begin(o);
    if (run_went_wrong(s))
        json_add_string(o, s->last_run.detail[0] ? s->last_run.detail : s->last_run.status);
    json_array_end(o);
}

static const char *peer_text(bool up, const char *word, const char *trouble)
{
    return up ? word : trouble[0] ? trouble : "has not answered yet";
}

// Who gives prices and takes orders.
static void put_providers(const struct snapshot *s, struct json_out *o)
{
    json_key(o, "providers");
    json_object_begin(o);
    json_put_string(o, s->simulator ? "simulator" : "alpaca",
                    peer_text(s->broker_connected, "answers", s->broker_detail));
    json_object_end(o);
}

static void put_last_run(const struct snapshot *s, struct json_out *o)
{
    json_key(o, "last_run");
    if (!s->last_run.id[0]) {
        json_add_null(o);
        return;
    }
    json_object_begin(o);
    json_put_string(o, "run_id", s->last_run.id);
    json_put_string(o, "status", s->last_run.status);
    snapshot_put_when(o, "started_at", s->last_run.started_at);
    snapshot_put_when(o, "completed_at", s->last_run.completed_at);
    put_duration(o, s->last_run.started_at, s->last_run.completed_at);
    json_put_int(o, "symbols", s->last_run.symbols);
    json_put_int(o, "successful_symbols", s->last_run.successful_symbols);
    put_errors(s, o);
    put_providers(s, o);
    json_put_int(o, "num_signals", s->last_run.signals);
    json_put_int(o, "num_orders_submitted", s->last_run.submitted);
    json_put_int(o, "num_orders_accepted", s->last_run.accepted);
    json_put_int(o, "num_orders_rejected", s->last_run.rejected);
    json_put_int(o, "fills", s->last_run.fills);
    json_put_bool(o, "settled", s->last_run.settled);
    put_text(o, "detail", s->last_run.detail);
    json_put_int(o, "runs", s->runs_done);
    json_object_end(o);
}

static const char *stream_text(const struct snapshot *s)
{
    return s->stream_configured ? peer_text(s->stream_connected, "connected", s->stream_detail) : "off";
}

static void put_stream(const struct snapshot *s, struct json_out *o)
{
    json_key(o, "stream");
    json_object_begin(o);
    json_put_bool(o, "configured", s->stream_configured);
    json_put_bool(o, "connected", s->stream_connected);
    snapshot_put_when(o, "since", s->stream_connected ? s->stream_since_ns : 0);
    snapshot_put_when(o, "last_event_at", s->stream_event_ns);
    json_put_int(o, "events", s->stream_events);
    json_put_int(o, "reconnects", s->stream_reconnects);
    json_object_end(o);
}

static void put_details(const struct snapshot *s, struct json_out *o)
{
    json_key(o, "details");
    json_object_begin(o);
    json_put_string(o, "database", peer_text(s->database_connected, "ready", s->database_detail));
    json_put_string(o, "alpaca", peer_text(s->broker_connected, "answers", s->broker_detail));
    json_put_string(o, "alpaca_stream", stream_text(s));
    json_put_string(o, "redis",
                    s->redis_configured ? peer_text(s->redis_connected, "up", s->redis_detail) : "not configured");
    json_object_end(o);
}

static void put_parts(const struct snapshot *s, struct json_out *o)
{
    json_key(o, "parts");
    json_object_begin(o);
    for (int i = 0; i < PART_COUNT; i++) {
        const struct snapshot_part *p = &s->parts[i];
        json_key(o, snapshot_part_name((enum snapshot_part_name)i));
        json_object_begin(o);
        json_put_string(o, "state", part_state_name(p->state));
        snapshot_put_when(o, "since", p->since_wall_ns);
        put_text(o, "detail", p->detail);
        json_object_end(o);
    }
    json_object_end(o);
}

// What an older database had lost, null when it was not found to be older in this life.
static void put_restored(const struct snapshot *s, struct json_out *o)
{
    json_key(o, "restored");
    if (!s->restored.older) {
        json_add_null(o);
        return;
    }
    json_object_begin(o);
    json_put_string(o, "state", s->restored.known ? "refilled" : "refilling");
    snapshot_put_when(o, "since", s->restored.at);
    put_text(o, "detail", s->restored.detail);
    json_put_int(o, "runs_lost", s->restored.runs);
    json_put_int(o, "orders_lost", s->restored.orders);
    json_put_int(o, "fills_read_again", s->restored.fills);
    json_object_end(o);
}

void snapshot_write_health(const struct snapshot *s, const char *service, struct json_out *o)
{
    char why[WHY_MAX];
    enum health h = snapshot_health(s, why);
    json_object_begin(o);
    json_put_string(o, "status", health_name(h));
    json_put_string(o, "why", why);
    put_identity(s, service, o);
    json_put_bool(o, "database_connected", s->database_connected);
    json_put_bool(o, "alpaca_connected", s->broker_connected);
    json_put_bool(o, "redis_connected", s->redis_connected);
    json_put_bool(o, "redis_configured", s->redis_configured);
    put_stream(s, o);
    json_put_when(o, "timestamp", s->at_wall_ns);
    snapshot_put_when(o, "started_at", s->started_wall_ns);
    put_halt(s, o);
    put_leader(s, o);
    put_guard_summary(s, o);
    json_key(o, "risk");
    json_object_begin(o);
    snapshot_put_positions(s, o);
    json_object_end(o);
    json_key(o, "scheduler");
    json_object_begin(o);
    put_scheduler_state(s, o);
    put_execution(s, o);
    json_object_end(o);
    put_details(s, o);
    put_parts(s, o);
    put_restored(s, o);
    snapshot_put_self_test(s, o);
    json_object_end(o);
}

void snapshot_write_scheduler(const struct snapshot *s, struct json_out *o)
{
    json_object_begin(o);
    put_scheduler_state(s, o);
    snapshot_put_scheduler_config(s, o);
    put_last_run(s, o);
    put_execution(s, o);
    put_halt(s, o);
    snapshot_put_mode(s, o);
    json_put_when(o, "timestamp", s->at_wall_ns);
    json_object_end(o);
}

void snapshot_write_config(const struct snapshot *s, const char *service, struct json_out *o)
{
    json_object_begin(o);
    put_identity(s, service, o);
    json_put_bool(o, "circuit_breaker_enabled", true); // there is no switch that takes it out
    json_put_when(o, "timestamp", s->at_wall_ns);
    json_object_end(o);
}

void snapshot_write_orchestration(const struct snapshot *s, struct json_out *o)
{
    const char *why;
    bool ready = snapshot_ready(s, &why);
    json_object_begin(o);
    json_put_string(o, "status", s->scheduler_running ? "running" : scheduler_word(s));
    json_put_bool(o, "ready", ready);
    put_text(o, "ready_reason", why);
    put_halt(s, o);
    snapshot_put_when(o, "next_run_time", s->next_run_ns);
    put_text(o, "trigger", s->trigger);
    put_last_run(s, o);
    json_put_int(o, "orders_open", s->orders_open);
    json_put_int(o, "orders_unknown", s->orders_unknown);
    snapshot_put_mode(s, o);
    json_put_when(o, "timestamp", s->at_wall_ns);
    json_object_end(o);
}

void snapshot_write_guard(const struct snapshot *s, struct json_out *o)
{
    json_object_begin(o);
    json_put_string(o, "answer", guard_answer_name(s->guard_answer));
    json_put_string(o, "static", guard_answer_name(s->guard_static));
    put_halt(s, o);
    json_key(o, "checks");
    json_array_begin(o);
    for (int i = 0; i < GUARD_CHECK_COUNT; i++) {
        enum guard_check c = (enum guard_check)i;
        json_object_begin(o);
        json_put_string(o, "check", guard_check_name(c));
        json_put_string(o, "answer", guard_answer_name(s->guard[i].answer));
        json_put_bool(o, "static", guard_check_is_static(c));
        json_put_string(o, "text", guard_check_text(c));
        json_put_string(o, "detail", s->guard[i].detail);
        if (s->guard_learnt_ns[i] > 0)
            json_put_int(o, "age_seconds", (s->at_boot_ns - s->guard_learnt_ns[i]) / NS_PER_S);
        else
            json_put_string(o, "age_seconds", NULL);
        json_object_end(o);
    }
    json_array_end(o);
    snapshot_put_mode(s, o);
    json_put_when(o, "timestamp", s->at_wall_ns);
    json_object_end(o);
}

void snapshot_write_account(const struct snapshot *s, struct json_out *o)
{
    bool known = s->account_number[0] != '\0';
    json_object_begin(o);
    put_text(o, "account_number", s->account_number);
    if (known) {
        json_put_decimal(o, "equity", s->equity.nanos);
        json_put_decimal(o, "cash", s->cash.nanos);
    }
    json_object_end(o);
}
