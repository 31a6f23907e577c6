// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Fills, the opening, and the books they make. The arithmetic of posting lives in the database (record_fills), in one
// transaction with the row that says a fill was seen; here are only values in and out.
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger_internal.h"
#include "lib/base/digest.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "sql_gen.h"

#define FILLS_TEXT_MAX (8u << 20)

// --- fills

typedef void fills_done_fn(void *arg, enum ledger_result result, size_t recorded, const char *detail);

static void fills_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    fills_done_fn *done = (fills_done_fn *)op->done;
    if (reply->result != LEDGER_OK) {
        ledger_mark_wrote(op->l); // without an answer it may have
        done(op->arg, reply->result, 0, reply->detail);
        return;
    }
    struct ledger_row row = {.result = reply->answer->results[0]};
    if (ledger_get_int(&row, "recorded") > 0)
        ledger_mark_wrote(op->l);
    const char *differing = ledger_get(&row, "differing");
    struct err detail = {.text = ""};
    if (differing[0]) {
        err_set(&detail, "recorded before with other content, left as they are: %s", differing);
        log_error("ledger: fills %s", detail.text);
    }
    done(op->arg, differing[0] ? LEDGER_CONFLICT : LEDGER_OK, (size_t)ledger_get_int(&row, "recorded"), detail.text);
}

static void write_fill(struct json_out *o, const struct alpaca_fill *f)
{
    char at[WHEN_TEXT_MAX];
    json_object_begin(o);
    json_put_string(o, "id", f->id);
    json_put_string(o, "order_id", f->order_id);
    json_put_string(o, "symbol", f->symbol);
    json_put_string(o, "side", order_side_name(f->side));
    json_put_bool(o, "partial", f->partial);
    json_put_decimal(o, "qty", f->qty.nanos);
    json_put_decimal(o, "price", f->price.nanos);
    json_put_decimal(o, "cum_qty", f->cum_qty.nanos);
    json_put_decimal(o, "leaves_qty", f->leaves_qty.nanos);
    json_put_string(o, "transaction_time", ledger_when(f->transaction_time, at));
    json_object_end(o);
}

void ledger_fills_record(struct ledger *l, const char *account, const struct alpaca_fill *fills, size_t count,
                         int64_t now_ns, fills_done_fn *done, void *arg)
{
    struct ledger_op *op = ledger_op_new(l, fills_finish, LEDGER_DONE(done), arg);
    struct ledger_values v = {0};
    struct json_out o;
    struct text json;
    text_init(&json, FILLS_TEXT_MAX);
    json_out_init(&o, &json);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++)
        write_fill(&o, &fills[i]);
    json_array_end(&o);
    if (json.overflow) {
        ledger_op_refuse(op, LEDGER_CONFLICT, "too many fills for one call");
    } else {
        ledger_put(&v, account);
        ledger_put_when(&v, now_ns);
        ledger_put(&v, text_str(&json));
        struct pg_batch *b = pg_batch_new();
        pg_batch_add(b, &SQL_FILLS_RECORD, v.count, v.values);
        op->told = true;
        ledger_op_lead(op, b);
    }
    text_free(&json);
}

typedef void whose_done_fn(void *arg, enum ledger_result result, const char *const *order_ids, size_t count);

static void whose_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    whose_done_fn *done = (whose_done_fn *)op->done;
    struct ledger_row row = {.result = reply->result == LEDGER_OK ? reply->answer->results[0] : NULL};
    size_t n = row.result ? pg_rows(row.result) : 0;
    const char **ids = check_alloc(n + 1, sizeof *ids);
    for (row.row = 0; row.row < n; row.row++)
        ids[row.row] = ledger_get(&row, "order_id");
    done(op->arg, reply->result, ids, n);
    free(ids);
}

void ledger_fills_whose(struct ledger *l, const char *account, const struct alpaca_fill *fills, size_t count,
                        whose_done_fn *done, void *arg)
{
    struct ledger_values v = {0};
    struct json_out o;
    struct text json;
    text_init(&json, FILLS_TEXT_MAX);
    json_out_init(&o, &json);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++)
        json_add_string(&o, fills[i].order_id);
    json_array_end(&o);
    CHECK(!json.overflow);
    ledger_put(&v, account);
    ledger_put(&v, text_str(&json));
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_FILLS_WHOSE, v.count, v.values);
    ledger_op_write(ledger_op_new(l, whose_finish, LEDGER_DONE(done), arg), b);
    text_free(&json);
}

static void quote_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    (void)op;
    if (reply->result != LEDGER_OK)
        log_info("ledger: a quote at fill was not kept: %s", reply->detail);
}

void ledger_fill_quote(struct ledger *l, const char *account, const struct alpaca_quote *quote, int64_t since_ns,
                       int64_t now_ns)
{
    struct ledger_values v = {0};
    ledger_put(&v, account);
    ledger_put(&v, quote->symbol);
    ledger_put_when(&v, since_ns);
    ledger_put_decimal(&v, quote->bid.nanos);
    ledger_put_decimal(&v, quote->ask.nanos);
    ledger_put_when(&v, quote->at);
    ledger_put_when(&v, now_ns);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_FILL_QUOTES, v.count, v.values);
    ledger_op_lead(ledger_op_new(l, quote_finish, NULL, NULL), b);
}

typedef void last_done_fn(void *arg, enum ledger_result result, int64_t at);

static void last_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    last_done_fn *done = (last_done_fn *)op->done;
    int64_t at = 0;
    if (reply->result == LEDGER_OK) {
        struct ledger_row row = {.result = reply->answer->results[0]};
        at = ledger_get_when(&row, "at");
    }
    done(op->arg, reply->result, at);
}

void ledger_last_activity(struct ledger *l, const char *account, last_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_LAST_ACTIVITY, 1, (const char *const[]){account});
    ledger_op_write(ledger_op_new(l, last_finish, LEDGER_DONE(done), arg), b);
}

// --- opening

void ledger_opening(struct ledger *l, const char *account, struct money cash, const struct alpaca_position *positions,
                    size_t count, int64_t watermark_at, int64_t now_ns, ledger_done_fn *done, void *arg)
{
    struct ledger_op *op = ledger_op_new(l, ledger_finish_verdict, LEDGER_DONE(done), arg);
    char hex[DIGEST_HEX_MAX];
    struct ledger_values v = {0};
    struct text json;
    text_init(&json, FILLS_TEXT_MAX);
    ledger_holdings_write(&json, positions, count);
    CHECK(!json.overflow);
    ledger_put(&v, account);
    ledger_put_when(&v, now_ns);
    ledger_put_decimal(&v, cash.nanos);
    ledger_put(&v, text_str(&json));
    ledger_put_when(&v, watermark_at);
    ledger_values_digest(&v, hex);
    ledger_put(&v, hex);
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_OPENING, v.count, v.values);
    ledger_op_lead(op, b);
    text_free(&json);
}

// --- books

typedef void books_done_fn(void *arg, enum ledger_result result, const struct ledger_books *books);

static struct book *book_of(struct ledger_books *b, const char *name)
{
    for (size_t i = 0; i < b->count; i++)
        if (str_equal(b->books[i].name, name))
            return &b->books[i];
    b->books = check_realloc(b->books, (b->count + 1) * sizeof *b->books);
    book_init(&b->books[b->count], name);
    return &b->books[b->count++];
}

static bool books_read(const struct pg_result *result, struct ledger_books *out)
{
    struct ledger_row r = {.result = result};
    out->cash.nanos = ledger_get_decimal(&r, "cash");
    out->opened = ledger_get_bool(&r, "opened");
    out->fill_count = ledger_get_int(&r, "fill_count");
    out->unbooked = ledger_get_int(&r, "unbooked");
    book_of(out, BOOK_UNASSIGNED);
    for (r.row = 0; r.row < pg_rows(result); r.row++) {
        const char *name = ledger_get(&r, "book");
        struct qty qty = {ledger_get_decimal(&r, "qty")};
        struct money cost = {ledger_get_decimal(&r, "cost")};
        if (name[0] &&
            (strlen(name) >= BOOK_NAME_MAX || !book_set(book_of(out, name), ledger_get(&r, "symbol"), qty, cost)))
            return false;
    }
    return !r.bad;
}

static void books_finish(struct ledger_op *op, const struct ledger_reply *reply)
{
    books_done_fn *done = (books_done_fn *)op->done;
    struct ledger_books books = {0};
    bool good = reply->result == LEDGER_OK && books_read(reply->answer->results[0], &books);
    done(op->arg, reply->result == LEDGER_OK && !good ? LEDGER_CONFLICT : reply->result, good ? &books : NULL);
    for (size_t i = 0; i < books.count; i++)
        book_free(&books.books[i]);
    free(books.books);
}

void ledger_books_load(struct ledger *l, const char *account, books_done_fn *done, void *arg)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_BOOKS_LOAD, 1, (const char *const[]){account});
    ledger_op_write(ledger_op_new(l, books_finish, LEDGER_DONE(done), arg), b);
}
