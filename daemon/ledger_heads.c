// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The chain of this host and instance as a whole: its head, where that is stored, and its old end, which may go.
#include "daemon/ledger_internal.h"
#include "sql_gen.h"

static void head_read(struct ledger_op *op, const struct ledger_reply *reply)
{
    ledger_head_fn *done = (ledger_head_fn *)op->done;
    struct ledger_head head = {0};
    enum ledger_result result = reply->result;
    if (result == LEDGER_OK && pg_rows(reply->answer->results[0])) {
        struct ledger_row row = {.result = reply->answer->results[0]};
        head.seq = ledger_get_int(&row, "seq");
        ledger_get_text(&row, "hash", head.hash, sizeof head.hash);
        ledger_get_text(&row, "places", head.places, sizeof head.places);
        if (row.bad)
            result = LEDGER_CONFLICT;
    }
    done(op->arg, result, &head);
}

void ledger_head_ask(struct ledger *l, const char *day, ledger_head_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_HEAD_ASK, 3, (const char *const[]){l->p.host, l->p.instance, day});
    ledger_op_write(ledger_op_new(l, head_read, LEDGER_DONE(done), arg), b);
}

static void forgotten(struct ledger_op *op, const struct ledger_reply *reply)
{
    ledger_forget_fn *done = (ledger_forget_fn *)op->done;
    int64_t rows = 0;
    if (reply->result == LEDGER_OK) {
        struct ledger_row row = {.result = reply->answer->results[0]};
        rows = ledger_get_int(&row, "rows");
    }
    done(op->arg, reply->result, rows);
}

void ledger_forget_decisions(struct ledger *l, int64_t before_ns, int64_t most, int64_t now_ns, ledger_forget_fn *done,
                             void *arg)
{
    struct ledger_values v = {0};
    struct digest d;
    uint8_t random[16];
    char key[DIGEST_HEX_MAX];
    random_bytes(random, sizeof random);
    d = digest_of(random, sizeof random);
    ledger_put(&v, l->p.host);
    ledger_put(&v, l->p.instance);
    ledger_put_when(&v, before_ns);
    ledger_put_int(&v, most);
    ledger_put(&v, digest_hex(&d, key));
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_DECISIONS_FORGET, v.count, v.values);
    ledger_op_write(ledger_op_new(l, forgotten, LEDGER_DONE(done), arg), b);
}
