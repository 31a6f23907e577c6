// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The one shape of every call: a batch goes to the database, one completion comes back. What is asked while the ledger
// is not READY is answered DOWN; what is open when the ledger is freed is dropped, for its askers are gone by then.
#include "daemon/ledger_internal.h"

#include <stdlib.h>

#include "lib/base/log.h"
#include "sql_gen.h"

struct ledger_op *ledger_op_new(struct ledger *l, ledger_finish_fn *finish, void (*done)(void), void *arg)
{
    struct ledger_op *op = check_alloc(1, sizeof *op);
    *op = (struct ledger_op){.l = l, .finish = finish, .done = done, .arg = arg};
    list_append(&l->ops, &op->node);
    return op;
}

static void op_free(struct ledger_op *op)
{
    loop_cancel(op->l->p.loop, &op->post);
    list_remove(&op->node);
    free(op->data);
    free(op);
}

void ledger_ops_drop(struct ledger *l)
{
    LIST_EACH(node, tmp, &l->ops)
    {
        op_free(LIST_ENTRY(node, struct ledger_op, node));
    }
}

static void op_end(struct ledger_op *op, const struct ledger_reply *reply)
{
    if (!op->l->closing)
        op->finish(op, reply);
    op_free(op);
}

static void op_refused(void *arg)
{
    struct ledger_op *op = arg;
    op->post = 0;
    op_end(op, &(struct ledger_reply){.result = op->refused, .detail = op->detail});
}

void ledger_op_refuse(struct ledger_op *op, enum ledger_result why, const char *detail)
{
    op->refused = why;
    str_copy_cut(op->detail, sizeof op->detail, detail);
    op->post = loop_post(op->l->p.loop, op_refused, op);
}

// Integrity and data errors and our own codes are refusals of the ledger; after anything else the caller may ask again.
enum ledger_result ledger_result_of(const struct pg_answer *a, const char **detail)
{
    *detail = a->outcome == PG_COMMITTED || !a->detail ? "" : a->detail;
    switch (a->outcome) {
    case PG_COMMITTED:
        return LEDGER_OK;
    case PG_FAILED:
        return str_starts(a->sqlstate, "22") || str_starts(a->sqlstate, "23") || str_starts(a->sqlstate, "PG")
                   ? LEDGER_CONFLICT
                   : LEDGER_DOWN;
    case PG_LOST:
        return LEDGER_LOST;
    case PG_CLOSED:
        break;
    }
    return LEDGER_DOWN;
}

static void op_answered(void *arg, const struct pg_answer *a)
{
    struct ledger_op *op = arg;
    struct ledger_reply reply = {0};
    if (!op->l->closing && (a->outcome == PG_COMMITTED || a->outcome == PG_FAILED))
        ledger_answered(op->l);
    reply.result = ledger_result_of(a, &reply.detail);
    bool fenced = a->outcome == PG_FAILED && str_equal(a->sqlstate, LEDGER_EPOCH_OVER);
    if (a->outcome == PG_FAILED)
        log_warning("ledger: refused (%s): %s", a->sqlstate, a->detail);
    if (fenced) { // nothing was written, and nothing will be
        reply.result = LEDGER_DOWN;
        op->l->leader_epoch = 0;
        if (op->l->p.on_fenced && !op->l->closing)
            op->l->p.on_fenced(op->l->p.arg, a->detail);
    }
    if (reply.result == LEDGER_OK)
        reply.answer = a;
    op_end(op, &reply);
}

static void refuse_not_ready(struct ledger_op *op)
{
    struct err why;
    err_set(&why, "the ledger is %s", ledger_state_name(op->l->state));
    ledger_op_refuse(op, LEDGER_DOWN, why.text);
}

void ledger_op_write(struct ledger_op *op, struct pg_batch *batch)
{
    if (op->l->state == LEDGER_READY) {
        pg_submit(op->l->writer, batch, op_answered, op);
        return;
    }
    pg_batch_free(batch);
    refuse_not_ready(op);
}

// The epoch is asked for last: its row is locked for the commit alone, and the answers keep their places.
void ledger_op_lead(struct ledger_op *op, struct pg_batch *batch)
{
    struct ledger *l = op->l;
    struct ledger_values v = {0};
    if (l->leader_epoch <= 0) {
        pg_batch_free(batch);
        ledger_op_refuse(op, LEDGER_DOWN, "this host does not lead the account");
        return;
    }
    ledger_put(&v, l->leads);
    ledger_put_int(&v, l->leader_epoch);
    pg_batch_add(batch, &SQL_REQUIRE_EPOCH, v.count, v.values);
    if (!op->told && l->state == LEDGER_READY)
        ledger_mark_wrote(l);
    ledger_op_write(op, batch);
}

void ledger_set_leader(struct ledger *l, const char *account, int64_t epoch)
{
    str_copy_cut(l->leads, sizeof l->leads, account);
    l->leader_epoch = epoch;
}

void ledger_op_read(struct ledger_op *op, struct pg_batch *batch)
{
    if (op->l->state == LEDGER_READY && op->l->reader_ready) {
        pg_submit(op->l->reader, batch, op_answered, op);
        return;
    }
    pg_batch_free(batch);
    if (op->l->state == LEDGER_READY)
        ledger_op_refuse(op, LEDGER_DOWN, "the connection for reading is not up");
    else
        refuse_not_ready(op);
}

void ledger_finish_verdict(struct ledger_op *op, const struct ledger_reply *reply)
{
    ledger_done_fn *done = (ledger_done_fn *)op->done;
    enum ledger_result result = reply->result;
    const char *detail = reply->detail;
    if (result == LEDGER_OK) {
        struct ledger_row row = {.result = reply->answer->results[0]};
        detail = ledger_get(&row, "verdict");
        if (str_equal(detail, "new") || str_equal(detail, "same") || str_equal(detail, "applied"))
            detail = "";
        else
            result = LEDGER_CONFLICT;
    }
    if (done)
        done(op->arg, result, detail);
}

// --- the first account

static void account_written(struct ledger_op *op, const struct ledger_reply *reply)
{
    struct ledger *l = op->l;
    if (reply->result == LEDGER_OK && l->p.on_first_seen) {
        struct ledger_row row = {.result = reply->answer->results[0]};
        l->p.on_first_seen(l->p.arg, true, ledger_get(&row, "account_number"));
    } else if (reply->result == LEDGER_CONFLICT) {
        log_error("ledger: the account was not taken: %s", reply->detail);
    }
}

void ledger_account_seen(struct ledger *l, const char *account_number, int64_t now_ns)
{
    struct ledger_values v = {0};
    ledger_put(&v, account_number);
    ledger_put(&v, l->p.host);
    ledger_put(&v, l->p.instance);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_ACCOUNT_SEEN, v.count, v.values);
    ledger_op_write(ledger_op_new(l, account_written, NULL, NULL), b);
}
