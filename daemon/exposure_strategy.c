// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a strategy is worth in the market by its own orders: its book at current prices, its open buys, and what they
// filled since the books were read. Orders of a run are not asked for: their plan is bounded by each strategy's
// capital.
#include "daemon/exposure_internal.h"

#include <stdlib.h>

struct strategy {
    struct money open_buys, filled;
    int64_t filled_boot_ns;
};

static struct strategy *strategy_of(struct exposure *e, const char *name)
{
    struct strategy *y = map_get(e->strategies, name);
    if (!y) {
        y = check_alloc(1, sizeof *y);
        map_put(e->strategies, name, y);
    }
    return y;
}

void strategy_open_changed(struct exposure *e, const struct intent *in, struct money before, struct money now)
{
    if (!in->strategy[0])
        return;
    struct strategy *y = strategy_of(e, in->strategy);
    if (!money_sub(y->open_buys, before, &y->open_buys) || !money_add(y->open_buys, now, &y->open_buys))
        e->overflow = true;
}

void strategy_filled(struct exposure *e, const struct intent *in, struct money spent, int64_t now_boot_ns)
{
    if (!in->strategy[0])
        return;
    struct strategy *y = strategy_of(e, in->strategy);
    if (now_boot_ns > y->filled_boot_ns)
        y->filled_boot_ns = now_boot_ns;
    if (!money_add(y->filled, spent, &y->filled))
        e->overflow = true;
}

void strategy_books_free(struct exposure *e)
{
    for (size_t i = 0; i < e->book_count; i++)
        book_free(&e->books[i]);
    free(e->books);
    e->books = NULL;
    e->book_count = 0;
}

// A fill stands in the books only once they were asked for after it, and lack none.
void exposure_set_books(struct exposure *e, const struct ledger_books *books)
{
    size_t cursor = 0;
    const char *name;
    void *value;
    strategy_books_free(e);
    e->books = check_alloc(books->count ? books->count : 1, sizeof *e->books);
    e->book_count = books->count;
    for (size_t i = 0; i < books->count; i++) {
        const struct book *from = &books->books[i];
        book_init(&e->books[i], from->name);
        for (size_t k = 0; k < from->count; k++)
            CHECK(book_set(&e->books[i], from->items[k].symbol, from->items[k].qty, from->items[k].cost));
    }
    e->books_known = true;
    while (books->unbooked == 0 && map_each(e->strategies, &cursor, &name, &value)) {
        struct strategy *y = value;
        if (books->asked_boot_ns > y->filled_boot_ns)
            y->filled = (struct money){0};
    }
}

static bool book_worth(const struct exposure *e, const struct book *b, struct money *out)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct symbol *s = map_get(e->symbols, b->items[i].symbol);
        struct qty size = {b->items[i].qty.nanos < 0 ? -b->items[i].qty.nanos : b->items[i].qty.nanos};
        struct price price;
        struct money worth;
        int64_t wall, boot;
        if (!s || !symbol_price(s, &price, &wall, &boot) || !notional_up(price, size, &worth) ||
            !money_add(*out, worth, out))
            return false;
    }
    return true;
}

void strategy_view(const struct exposure *e, const struct intent *in, struct money not_counted, struct risk_view *v)
{
    const struct strategy *y = map_get(e->strategies, in->strategy);
    struct money gross = {0};
    v->of_strategy = in->strategy[0] && !in->run_id[0];
    if (!v->of_strategy || !e->books_known)
        return;
    bool fits = !y || (money_add(y->open_buys, y->filled, &gross) && money_sub(gross, not_counted, &gross));
    for (size_t i = 0; i < e->book_count && fits; i++)
        if (str_equal(e->books[i].name, in->strategy)) {
            v->strategy_held = book_qty(&e->books[i], in->order.symbol);
            fits = book_worth(e, &e->books[i], &gross);
        }
    v->strategy_known = fits;
    v->strategy_gross = gross;
}
