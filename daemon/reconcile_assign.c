// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What belongs to no strategy, put into a strategy's book by an operator. While that is on its way into the ledger, and
// until the books were read after it, nothing is planned or sold from them: a strategy would buy again what it is
// given.
#include "daemon/reconcile_internal.h"

#include "lib/base/log.h"
#include "lib/io/clock.h"

#define AGAIN_MS 200

int64_t reconcile_books_after(const struct reconcile *r)
{
    return r->assigning > 0 ? INT64_MAX : r->assigned_boot_ns;
}

static void compared(void *arg, bool in_step, const char *detail)
{
    struct job *j = arg;
    if (!in_step)
        str_copy_cut(j->detail, sizeof j->detail, detail);
    reconcile_job_end(j);
}

static void ask(void *arg);

static void written(void *arg, enum ledger_result result, const char *detail)
{
    struct job *j = arg;
    struct reconcile *r = j->r;
    char qty[DECIMAL_TEXT_MAX];
    // Written or not: the same question tells, also once the connection is away.
    if (result == LEDGER_LOST || (result == LEDGER_DOWN && j->assign.doubt)) {
        j->assign.doubt = true;
        j->timer = loop_after_ms(r->p.loop, AGAIN_MS, ask, j);
        return;
    }
    r->assigning--;
    if (result != LEDGER_OK) {
        reconcile_job_spoil(j, "ledger", detail && detail[0] ? detail : ledger_result_name(result));
        reconcile_job_end(j);
        return;
    }
    r->assigned_boot_ns = clock_boot_ns();
    log_notice("reconcile: %s of %s went from unassigned to %s, by %s: %s", decimal_format(j->assign.qty.nanos, qty),
               j->assign.symbol, j->assign.strategy, j->operator, j->reason);
    reconcile_pass(r, compared, j);
}

static void ask(void *arg)
{
    struct job *j = arg;
    j->timer = 0;
    ledger_assign(j->r->p.ledger,
                  &(struct ledger_assignment){.account = j->r->account,
                                              .symbol = j->assign.symbol,
                                              .strategy = j->assign.strategy,
                                              .qty = j->assign.qty,
                                              .held = j->assign.held,
                                              .at_ns = j->assign.at_ns,
                                              .reason = j->reason,
                                              .operator= j->operator},
                  written, j);
}

void reconcile_assign(struct reconcile *r, const struct reconcile_assignment *said,
                      void (*done)(void *arg, bool ok, const char *detail), void *arg)
{
    const char *why;
    struct job *j = reconcile_job_new(r, NULL, 0);
    j->done = done;
    j->arg = arg;
    j->assign.qty = said->qty;
    j->assign.held = said->held;
    j->assign.at_ns = clock_wall_ns();
    str_copy_cut(j->assign.symbol, sizeof j->assign.symbol, said->symbol);
    str_copy_cut(j->assign.strategy, sizeof j->assign.strategy, said->strategy);
    if (!str_copy(j->reason, sizeof j->reason, said->reason) || !said->reason[0] ||
        !str_copy(j->operator, sizeof j->operator, said->who) || !said->who[0])
        reconcile_job_spoil(j, "positions", "a reason (up to 199 bytes) and who says so are needed");
    else if (r->refused_since_boot_ns)
        reconcile_job_spoil(j, "positions",
                            "fills of the broker are not recorded yet; paperguard explain fills_refused says what they "
                            "wait for");
    else if (!reconcile_in_step(r, &why))
        reconcile_job_spoil(j, "positions", why);
    if (j->bad) {
        reconcile_job_end_soon(j);
        return;
    }
    r->assigning++;
    ask(j);
}
