// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Runs: the claim of a slot, the row's progress, the plan in one transaction, and what is loaded at start.
#include <stdio.h>
#include <stdlib.h>

#include "daemon/ledger_internal.h"
#include "lib/base/digest.h"
#include "lib/base/json_write.h"
#include "lib/io/clock.h"
#include "sql_gen.h"

#define PLAN_TEXT_MAX (16u << 20)

static const char *const status_names[] = {"claimed",   "planned", "sending", "settling",
                                           "completed", "partial", "failed",  "missed"};

const char *run_status_name(enum run_status s)
{
    return (size_t)s < ARRAY_LEN(status_names) ? status_names[s] : "?";
}

bool run_status_parse(const char *word, enum run_status *out)
{
    for (size_t i = 0; i < ARRAY_LEN(status_names); i++)
        if (str_equal(word, status_names[i])) {
            *out = (enum run_status)i;
            return true;
        }
    return false;
}

static bool run_read(const struct pg_result *result, size_t index, struct run_row *out)
{
    struct ledger_row r = {.result = result, .row = index};
    *out = (struct run_row){0};
    ledger_get_text(&r, "run_id", out->id, sizeof out->id);
    ledger_get_text(&r, "account_number", out->account, sizeof out->account);
    out->session = ledger_get_day(&r, "session");
    ledger_get_text(&r, "slot_key", out->slot_key, sizeof out->slot_key);
    ledger_get_text(&r, "label", out->label, sizeof out->label);
    ledger_get_text(&r, "cause", out->cause, sizeof out->cause);
    ledger_get_text(&r, "strategies", out->strategies, sizeof out->strategies);
    out->scheduled_at = ledger_get_when(&r, "scheduled_at");
    out->started_at = ledger_get_when(&r, "started_at");
    out->planned_at = ledger_get_when(&r, "planned_at");
    out->completed_at = ledger_get_when(&r, "completed_at");
    out->deadline_at = ledger_get_when(&r, "deadline_at");
    out->signals = ledger_get_int(&r, "signals");
    out->orders_submitted = ledger_get_int(&r, "orders_submitted");
    out->orders_accepted = ledger_get_int(&r, "orders_accepted");
    out->orders_rejected = ledger_get_int(&r, "orders_rejected");
    out->fills = ledger_get_int(&r, "fills");
    out->orders_planned = ledger_get_int(&r, "orders_planned");
    out->orders_skipped = ledger_get_int(&r, "orders_skipped");
    out->orders_failed = ledger_get_int(&r, "orders_failed");
    out->symbols = ledger_get_int(&r, "symbols");
    out->successful_symbols = ledger_get_int(&r, "successful_symbols");
    out->settled = ledger_get_bool(&r, "settled");
    str_copy_cut(out->detail, sizeof out->detail, ledger_get(&r, "detail"));
    return run_status_parse(ledger_get(&r, "status"), &out->status) && !r.bad;
}

// --- claim

typedef void claim_done_fn(void *arg, enum ledger_result result, bool taken, const struct run_row *row);

static void claim_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    claim_done_fn *done = (claim_done_fn *)op->done;
    const struct run_row *mine = op->data;
    struct run_row row;
    if (reply->result != LEDGER_OK) {
        done(op->arg, reply->result, false, NULL);
        return;
    }
    const struct pg_result *rows = reply->answer->results[1];
    if (pg_rows(rows) != 1 || !run_read(rows, 0, &row)) { // the id is that of a run in another slot
        done(op->arg, LEDGER_CONFLICT, false, NULL);
        return;
    }
    done(op->arg, LEDGER_OK, !str_equal(row.id, mine->id), &row);
}

static void run_id_make(char out[RUN_ID_MAX])
{
    uint8_t random[12];
    random_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(out + 2 * i, 3, "%02x", random[i]);
}

static void put_counts(struct ledger_values *v, const struct run_row *row)
{
    ledger_put_int(v, row->signals);
    ledger_put_int(v, row->orders_submitted);
    ledger_put_int(v, row->orders_accepted);
    ledger_put_int(v, row->orders_rejected);
    ledger_put_int(v, row->fills);
    ledger_put_bool(v, row->settled);
    ledger_put(v, row->detail);
}

static void claim_batch(const struct ledger *l, const struct run_row *row, struct pg_batch *b)
{
    struct ledger_values v = {0}, key = {0};
    ledger_put(&v, row->id);
    ledger_put(&v, row->account);
    ledger_put_day(&v, row->session);
    ledger_put(&v, row->slot_key);
    ledger_put(&v, row->label);
    ledger_put(&v, row->cause);
    ledger_put(&v, row->strategies);
    ledger_put(&v, run_status_name(row->status));
    ledger_put_when(&v, row->scheduled_at);
    ledger_put_when(&v, row->started_at);
    ledger_put_when(&v, row->planned_at);
    ledger_put_when(&v, row->completed_at);
    ledger_put_when(&v, row->deadline_at);
    put_counts(&v, row);
    ledger_put(&v, l->p.host);
    ledger_put(&v, l->p.instance);
    pg_batch_add(b, &SQL_RUN_CLAIM, v.count, v.values);
    ledger_put(&key, row->id);
    ledger_put(&key, row->account);
    ledger_put_day(&key, row->session);
    ledger_put(&key, row->slot_key);
    pg_batch_add(b, &SQL_RUN_READ, key.count, key.values);
}

void ledger_run_claim(struct ledger *l, const struct run_row *row, claim_done_fn *done, void *arg)
{
    struct ledger_op *op = ledger_op_new(l, claim_finish, LEDGER_DONE(done), arg);
    struct run_row *mine = op->data = check_alloc(1, sizeof *mine);
    *mine = *row;
    if (mine->id[0] == '\0')
        run_id_make(mine->id);
    struct pg_batch *b = pg_batch_new();
    claim_batch(l, mine, b);
    ledger_op_lead(op, b);
}

// --- progress

static void update_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    ledger_done_fn *done = (ledger_done_fn *)op->done;
    enum ledger_result result = reply->result;
    char detail[160];
    str_copy_cut(detail, sizeof detail, reply->detail);
    if (result == LEDGER_OK) {
        struct ledger_row row = {.result = reply->answer->results[0]};
        if (ledger_get_int(&row, "changed") != 1) {
            const char *status = ledger_get(&row, "status");
            result = LEDGER_CONFLICT;
            if (status[0])
                snprintf(detail, sizeof detail, "the run is %s in the ledger and does not go on to what it was told",
                         status);
            else
                str_copy_cut(detail, sizeof detail, "there is no such run");
        }
    }
    if (done)
        done(op->arg, result, detail);
}

void ledger_run_update(struct ledger *l, const struct run_row *row, ledger_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, row->id);
    ledger_put(&v, run_status_name(row->status));
    ledger_put_when(&v, row->started_at);
    ledger_put_when(&v, row->planned_at);
    ledger_put_when(&v, row->completed_at);
    ledger_put_when(&v, row->deadline_at);
    put_counts(&v, row);
    ledger_put_int(&v, row->orders_planned);
    ledger_put_int(&v, row->orders_skipped);
    ledger_put_int(&v, row->orders_failed);
    ledger_put_int(&v, row->symbols);
    ledger_put_int(&v, row->successful_symbols);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_RUN_UPDATE, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, update_finish, LEDGER_DONE(done), arg), b);
}

// --- plan: three JSON texts, stored by one statement

static void write_members(const struct run_member_row *members, size_t count, struct text *out)
{
    struct json_out o;
    json_out_init(&o, out);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++) {
        const struct run_member_row *m = &members[i];
        json_object_begin(&o);
        json_put_string(&o, "strategy", m->strategy);
        json_put_string(&o, "status", m->status);
        json_put_string(&o, "detail", m->detail ? m->detail : "");
        json_put_string(&o, "model_name", m->model_name ? m->model_name : "");
        json_put_string(&o, "model_version", m->model_version ? m->model_version : "");
        json_key(&o, "targets");
        if (m->targets_json)
            json_add_raw(&o, m->targets_json);
        else
            json_add_null(&o);
        json_object_end(&o);
    }
    json_array_end(&o);
}

static void write_legs(const struct plan *plan, struct text *out)
{
    struct json_out o;
    json_out_init(&o, out);
    json_array_begin(&o);
    for (size_t i = 0; i < plan->leg_count; i++) {
        const struct plan_leg *leg = &plan->legs[i];
        json_object_begin(&o);
        json_put_int(&o, "leg", leg->leg);
        json_put_string(&o, "symbol", leg->symbol);
        json_put_string(&o, "side", order_side_name(leg->side));
        json_put_decimal(&o, "qty", leg->qty.nanos);
        json_put_decimal(&o, "price", leg->decision_price.nanos);
        json_key(&o, "allocations");
        json_array_begin(&o);
        for (size_t k = 0; k < leg->allocation_count; k++) {
            json_object_begin(&o);
            json_put_string(&o, "strategy", leg->allocations[k].strategy);
            json_put_decimal(&o, "qty", leg->allocations[k].qty.nanos);
            json_object_end(&o);
        }
        json_array_end(&o);
        json_object_end(&o);
    }
    json_array_end(&o);
}

static void write_transfers(const struct plan *plan, struct text *out)
{
    struct json_out o;
    json_out_init(&o, out);
    json_array_begin(&o);
    for (size_t i = 0; i < plan->transfer_count; i++) {
        const struct plan_transfer *t = &plan->transfers[i];
        json_object_begin(&o);
        json_put_string(&o, "symbol", t->symbol);
        json_put_string(&o, "source", t->from);
        json_put_string(&o, "target", t->to);
        json_put_decimal(&o, "qty", t->qty.nanos);
        json_put_decimal(&o, "price", t->price.nanos);
        json_object_end(&o);
    }
    json_array_end(&o);
}

static void plan_batch(const struct run_row *row, const struct text texts[3], struct pg_batch *b)
{
    char hex[DIGEST_HEX_MAX];
    struct ledger_values v = {0};
    struct digest_state *s = digest_new();
    for (size_t i = 0; i < 3; i++)
        digest_add_field(s, text_str(&texts[i]));
    struct digest digest = digest_finish(s);
    ledger_put(&v, row->id);
    ledger_put_when(&v, row->planned_at ? row->planned_at : clock_wall_ns());
    ledger_put_int(&v, row->signals);
    ledger_put(&v, digest_hex(&digest, hex));
    for (size_t i = 0; i < 3; i++)
        ledger_put(&v, text_str(&texts[i]));
    pg_batch_add(b, &SQL_RUN_PLAN, v.count, v.values);
}

void ledger_run_plan(struct ledger *l, const struct run_row *row, const struct run_member_row *members,
                     size_t member_count, const struct plan *plan, ledger_done_fn *done, void *arg)
{
    struct ledger_op *op = ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg);
    struct text texts[3];
    for (size_t i = 0; i < 3; i++)
        text_init(&texts[i], PLAN_TEXT_MAX);
    write_members(members, member_count, &texts[0]);
    write_legs(plan, &texts[1]);
    write_transfers(plan, &texts[2]);
    if (texts[0].overflow || texts[1].overflow || texts[2].overflow) {
        ledger_op_refuse(op, LEDGER_CONFLICT, "the plan is larger than a ledger row may be (16 MiB)");
    } else {
        struct pg_batch *b = pg_batch_new();
        plan_batch(row, texts, b);
        ledger_op_lead(op, b);
    }
    for (size_t i = 0; i < 3; i++)
        text_free(&texts[i]);
}

// --- loading

typedef void runs_done_fn(void *arg, enum ledger_result result, const struct run_row *rows, size_t count);

static void runs_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    runs_done_fn *done = (runs_done_fn *)op->done;
    if (reply->result != LEDGER_OK) {
        done(op->arg, reply->result, NULL, 0);
        return;
    }
    const struct pg_result *result = reply->answer->results[0];
    size_t count = pg_rows(result);
    struct run_row *rows = check_alloc(count + 1, sizeof *rows);
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good = run_read(result, i, &rows[i]) && good;
    done(op->arg, good ? LEDGER_OK : LEDGER_CONFLICT, good ? rows : NULL, good ? count : 0);
    free(rows);
}

void ledger_runs_load(struct ledger *l, const char *account, struct day from, struct day to, runs_done_fn *done,
                      void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, account);
    ledger_put_day(&v, from);
    ledger_put_day(&v, to);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_RUNS_LOAD, v.count, v.values);
    ledger_op_write(ledger_op_new(l, runs_finish, LEDGER_DONE(done), arg), b);
}
