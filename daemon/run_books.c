// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The books as they were read last, and whether they may be planned and sold from: an order ends when the broker says
// so, its fills are booked several reads later.
#include "daemon/run_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char BOOKS_OLD[] =
    "an order of a run, or of a strategy, has ended and the books were not read since: what it "
    "bought or sold would be planned again";

static const char BOOKS_GIVEN[] =
    "a position is being put into a strategy's book and the books were not read since: it would be bought again";

void run_books_free(struct runs *r)
{
    struct ledger_books *b = &r->books;
    for (size_t i = 0; i < b->count; i++)
        book_free(&b->books[i]);
    free(b->books);
    *b = (struct ledger_books){0};
}

void run_books_take(struct runs *r, const struct ledger_books *books)
{
    run_books_free(r);
    r->books = *books;
    r->books.books = check_alloc(books->count ? books->count : 1, sizeof *books->books);
    for (size_t i = 0; i < books->count; i++) {
        const struct book *from = &books->books[i];
        struct book *to = &r->books.books[i];
        book_init(to, from->name);
        for (size_t k = 0; k < from->count; k++)
            CHECK(book_set(to, from->items[k].symbol, from->items[k].qty, from->items[k].cost));
    }
    r->books_known = true;
}

const struct book *runs_book(const struct runs *r, const char *name)
{
    for (size_t i = 0; i < r->books.count; i++)
        if (strcmp(r->books.books[i].name, name) == 0)
            return &r->books.books[i];
    return NULL;
}

// Do the books show what every ended order of a run or a strategy filled? An order has ended when the broker says so;
// its fills come later.
static bool books_current(const struct runs *r, const char **why)
{
    int64_t after = desk_books_after(r->p.desk), given = reconcile_books_after(r->p.reconcile);
    if (!r->books_known)
        *why = "the books are not read yet";
    else if (r->books.asked_boot_ns < given)
        *why = BOOKS_GIVEN;
    else if (after == INT64_MAX)
        *why = "the ledger has not taken yet what an order of a run, or of a strategy, has filled";
    else if (r->books.asked_boot_ns < after)
        *why = BOOKS_OLD;
    else if (r->books.unbooked > 0)
        *why =
            "fills of an order of a run, or of a strategy, are not in the books yet: what it bought or sold would be "
            "planned again";
    else
        return true;
    return false;
}

bool runs_held(const struct runs *r, const char *book, const char *symbol, struct qty *out)
{
    const struct book *b = runs_book(r, book);
    const char *why;
    if (!books_current(r, &why) || r->active || r->waiting_count > 0)
        return false;
    *out = b ? book_qty(b, symbol) : (struct qty){0};
    return true;
}

const struct ledger_books *runs_books(const struct runs *r)
{
    return r->books_known ? &r->books : NULL;
}

bool runs_at_rest(const struct runs *r, const char **why)
{
    if (r->active || r->waiting_count > 0)
        *why = "a run is in flight: ask again when it has ended (paperguard why)";
    else if (desk_open_of_others(r->p.desk, "") > 0)
        *why = "orders are out that may change what the strategies hold: ask again when they have ended (paperguard "
               "orders)";
    else
        return books_current(r, why);
    return false;
}

bool runs_need_book(const struct runs *r, const char *strategy)
{
    const struct run *run = r->active;
    if (r->waiting_count > 0) // of an earlier life: whose they are is not asked
        return true;
    if (!run || run->step > STEP_SENDING)
        return false;
    for (size_t i = 0; i < run->member_count; i++)
        if (strcmp(run->members[i].strategy->name, strategy) == 0)
            return true;
    return run->step <= STEP_STORING; // its members may not be known yet, and its plan asks for no open order at all
}

bool run_orders_ended(struct runs *r, const char *except_run_id, const char **why)
{
    size_t open = desk_open_of_others(r->p.desk, except_run_id);
    if (open == 0) {
        bool current = books_current(r, why);
        if (*why == BOOKS_OLD)
            reconcile_kick(r->p.reconcile);
        return current;
    }
    snprintf(
        r->why, sizeof r->why,
        "%zu order%s of an earlier run, or of a strategy, %s not ended: what they buy or sell would be planned again "
        "(paperguard orders)",
        open, open == 1 ? "" : "s", open == 1 ? "has" : "have");
    *why = r->why;
    return false;
}
