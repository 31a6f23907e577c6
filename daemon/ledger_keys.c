// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Since when a key is known, by its fingerprint.
#include "daemon/ledger_internal.h"
#include "sql_gen.h"

typedef void seen_done_fn(void *arg, enum ledger_result result, int64_t first_seen);

static void seen_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    seen_done_fn *done = (seen_done_fn *)op->done;
    int64_t first_seen = 0;
    enum ledger_result result = reply->result;
    if (result == LEDGER_OK) {
        struct ledger_row r = {.result = reply->answer->results[0]};
        first_seen = ledger_get_when(&r, "first_seen");
        result = r.bad ? LEDGER_CONFLICT : LEDGER_OK;
    }
    done(op->arg, result, first_seen);
}

void ledger_key_seen(struct ledger *l, const char *account, const char *fingerprint, const char *shown, int64_t now_ns,
                     seen_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    ledger_put(&v, fingerprint);
    ledger_put(&v, account);
    ledger_put(&v, shown);
    ledger_put(&v, l->p.host);
    ledger_put(&v, l->p.instance);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_KEY_SEEN, v.count, v.values);
    ledger_op_write(ledger_op_new(l, seen_finish, LEDGER_DONE(done), arg), b);
}
