// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What an operator accepts as it is at the broker: the opening, and later a difference between ledger and broker. Both
// are read when nothing is open and no fill came between two looks.
#include "daemon/reconcile_internal.h"

#include <stdio.h>
#include <string.h>

#include "daemon/messages.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"

static void opening_compared(void *arg, bool in_step, const char *detail)
{
    struct job *j = arg;
    if (!in_step)
        str_copy_cut(j->detail, sizeof j->detail, detail);
    reconcile_job_end(j);
}

static void opening_found(void *arg, bool in_step, const char *detail)
{
    struct job *j = arg;
    if (j->r->opened)
        reconcile_pass(j->r, opening_compared, j);
    else
        opening_compared(j, in_step, detail);
}

// Whoever accepts it may start a run next, so the answer waits for two passes: the first finds the opening, the second
// reads fills and compares.
static void opening_written(void *arg, enum ledger_result result, const char *detail)
{
    struct job *j = arg;
    if (result == LEDGER_OK) {
        j->r->reconciled_at = clock_wall_ns(); // what came before is in it
        reconcile_whole_soon(j->r);
        reconcile_pass(j->r, opening_found, j);
        return;
    }
    reconcile_job_spoil(j, "ledger", detail && detail[0] ? detail : ledger_result_name(result));
    reconcile_job_end(j);
}

static bool newest_fill(struct job *j, const struct broker_answer *a, int64_t *at)
{
    struct alpaca_fill fill;
    struct err err = {.text = ""};
    *at = 0;
    if (!reconcile_job_good(j, a, "activities"))
        return false;
    if (json_size(a->json) == 0)
        return true;
    if (alpaca_fill_parse(json_at(a->json, 0), &fill, &err) != 0) {
        reconcile_job_spoil(j, "activities", err.text);
        return false;
    }
    *at = fill.transaction_time;
    return true;
}

static const char *what_of(const struct job *j)
{
    return j->drift ? "drift" : "opening";
}

// --- a difference, as the operator saw it

static void correction_written(void *arg, enum ledger_result result, const char *detail)
{
    struct job *j = arg;
    if (result == LEDGER_OK) {
        log_message_plain(LOG_LEVEL_NOTICE, MESSAGE_DRIFT_ACCEPTED, "reconcile: the difference was accepted by %s: %s",
                          j->operator, j->reason);
        reconcile_pass(j->r, opening_compared, j);
        return;
    }
    reconcile_job_spoil(j, "ledger", detail && detail[0] ? detail : ledger_result_name(result));
    reconcile_job_end(j);
}

static void correct(struct job *j)
{
    struct reconcile *r = j->r;
    char code[DRIFT_CODE_MAX];
    if (r->refused_since_boot_ns) { // the broker's figures hold those fills: recorded later, they would be there twice
        reconcile_job_spoil(j, "drift",
                            "fills of the broker are not recorded yet, and would count twice after it: wait until they "
                            "are; paperguard explain fills_refused says what they wait for");
        reconcile_job_end(j);
        return;
    }
    reconcile_drift_code(r, j->positions, j->position_count, j->account.cash, code);
    if (strcmp(code, j->code) != 0) {
        reconcile_job_spoil(j, "drift",
                            code[0] ? "it is not the one that was shown any more: look at it again"
                                    : "there is none any more: ledger and broker agree");
        reconcile_job_end(j);
        return;
    }
    ledger_correction(r->p.ledger, j->account.account_number, j->account.cash, j->positions, j->position_count,
                      j->reason, j->operator, clock_wall_ns(), correction_written, j);
}

// --- two looks at the broker

static void second_look(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    struct reconcile *r = j->r;
    if (!newest_fill(j, a, &j->watermark_again)) {
        reconcile_job_end(j);
        return;
    }
    if (j->watermark != j->watermark_again) {
        reconcile_job_spoil(j, what_of(j), "an order was filled meanwhile; try again");
        reconcile_job_end(j);
        return;
    }
    if (j->drift)
        correct(j);
    else
        ledger_opening(r->p.ledger, j->account.account_number, j->account.cash, j->positions, j->position_count,
                       j->watermark, clock_wall_ns(), opening_written, j);
}

static void positions_read(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    struct err err = {.text = ""};
    if (reconcile_job_good(j, a, "positions") &&
        reconcile_positions_parse(a->json, &j->positions, &j->position_count, &err) != 0)
        reconcile_job_spoil(j, "positions", err.text);
    if (j->bad)
        reconcile_job_end(j);
    else
        broker_call(j->r->p.broker, OP_FILLS, NULL, "direction=desc&page_size=1", second_look, j);
}

static void account_read(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    struct err err = {.text = ""};
    if (reconcile_job_good(j, a, "account") && alpaca_account_parse(a->json, &j->account, &err) != 0)
        reconcile_job_spoil(j, "account", err.text);
    if (j->bad)
        reconcile_job_end(j);
    else
        broker_call(j->r->p.broker, OP_POSITIONS, NULL, NULL, positions_read, j);
}

static void first_look(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    if (!newest_fill(j, a, &j->watermark))
        reconcile_job_end(j);
    else
        broker_call(j->r->p.broker, OP_ACCOUNT, NULL, NULL, account_read, j);
}

static void orders_read(void *arg, const struct broker_answer *a)
{
    struct job *j = arg;
    if (reconcile_job_good(j, a, "orders") && json_size(a->json) > 0)
        reconcile_job_spoil(j, what_of(j),
                            "the account has open orders: cancel them or wait until they end, then accept it");
    if (j->bad)
        reconcile_job_end(j);
    else
        broker_call(j->r->p.broker, OP_FILLS, NULL, "direction=desc&page_size=1", first_look, j);
}

void reconcile_accept_opening(struct reconcile *r, void (*done)(void *arg, bool ok, const char *detail), void *arg)
{
    struct job *j = reconcile_job_new(r, NULL, 0);
    j->done = done;
    j->arg = arg;
    if (!r->books_known || r->opened) {
        reconcile_job_spoil(j, "opening",
                            r->opened ? "accepted already" : "the ledger has not been read yet; try again in a moment");
        reconcile_job_end_soon(j);
        return;
    }
    broker_call(r->p.broker, OP_ORDERS, NULL, "status=open&limit=500", orders_read, j);
}

void reconcile_accept_drift(struct reconcile *r, const char *code, const char *reason, const char *operator,
                            void (*done)(void *arg, bool ok, const char *detail), void *arg)
{
    struct job *j = reconcile_job_new(r, NULL, 0);
    j->done = done;
    j->arg = arg;
    j->drift = true;
    if (!str_copy(j->code, sizeof j->code, code) || !code[0])
        reconcile_job_spoil(j, "drift", "the code of the difference is missing: paperguard drift shows it");
    else if (!str_copy(j->reason, sizeof j->reason, reason) || !reason[0] ||
             !str_copy(j->operator, sizeof j->operator, operator) || !operator[0])
        reconcile_job_spoil(j, "drift", "a reason (up to 199 bytes) and who accepts it are needed");
    else if (!r->opened || !r->compared)
        reconcile_job_spoil(j, "drift", "ledger and broker were not compared yet; try again in a moment");
    else if (desk_open_count(r->p.desk) > 0)
        reconcile_job_spoil(j, "drift", "orders are open: wait until they end or cancel them first");
    if (j->bad)
        reconcile_job_end_soon(j);
    else
        broker_call(r->p.broker, OP_ORDERS, NULL, "status=open&limit=500", orders_read, j);
}
