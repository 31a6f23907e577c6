// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Shared by the parts of the exposure only: what changes it (exposure.c), what is asked of it (exposure_view.c), and an
// order's own kind beside it: open on the other side, or the same again (exposure_beside.c), and reads that know of a
// fill before its order does (exposure_ahead.c).
#ifndef PAPERGUARD_DAEMON_EXPOSURE_INTERNAL_H
#define PAPERGUARD_DAEMON_EXPOSURE_INTERNAL_H

#include "daemon/exposure.h"
#include "lib/base/list.h"
#include "lib/base/map.h"

#define READS_LAG_NS (10 * NS_PER_S) // of the broker's, behind what happened
#define RECENT_MAX 32                // orders of a symbol that a new one is held against

// Over positions at current prices and what is open: longs and shorts as held, sells that would go below zero.
struct sums {
    struct money longs, shorts, open_buys, open_shorts;
};
struct recent { // the content of an order that was placed
    int64_t boot_ns;
    enum order_side side;
    struct qty qty;
    struct money notional;
    struct price limit_price;
    uint64_t strategy, leg; // digests; leg 0: outside a run
};

struct symbol {
    bool asset_known, trade_known, quote_known;
    struct alpaca_asset asset;
    struct alpaca_trade trade;
    struct alpaca_quote quote;
    struct qty adv; // average daily volume of the bars before adv_day; 0: not known
    struct day adv_day, asset_day;
    int64_t trade_boot_ns, quote_boot_ns; // when the price was true, on the boot clock
    struct price before;                  // the reference before the newest one, and when that was true
    int64_t before_boot_ns;
    struct list open; // reservations, for what is open beside an order
    size_t open_buys, open_sells;
    struct price buy_highest, sell_lowest; // of their limits; 0: a market order
    struct recent *recent;                 // RECENT_MAX of them, NULL: none yet
    size_t recent_next;
    struct qty held;         // as read, less what was sold since
    struct qty bought;       // since the read, which may have it already: counts as held, but is not there to be sold
    int64_t listed_boot_ns;  // the newest read of positions that has it
    int64_t omitted_boot_ns; // the first since then that has not; 0: none
    struct qty ahead;        // what the newest read has beyond held and bought, and open orders explain; signed
    int64_t ahead_boot_ns;   // since the read that had it first; 0: none
    struct qty open_buy, open_sell;
    struct money open_buy_value, open_sell_notional;
    int64_t foreign, unpriced; // open orders that are not ours; of them buys that nobody knows the value of
    // What this symbol adds to the account's exposure; UNKNOWN counts in unknown_gross instead.
    struct sums sums;
    bool gross_unknown;
};

struct reservation {
    struct list node; // of its symbol
    struct intent intent;
    struct qty filled;
    struct qty open;         // still unfilled
    struct money open_value; // of a buy
    struct money notional;   // of a sell in dollars: all of it until it ends, its shares are those of the moment
    bool foreign, unpriced;  // not ours; its value is not known
    int64_t filled_boot_ns;  // of a buy in dollars, whose cash is only told apart by a read of the account
};

struct exposure {
    struct map *symbols, *reservations, *strategies;
    struct book *books; // owned
    size_t book_count;
    bool books_known;
    bool account_known, positions_known;
    struct alpaca_account account;
    int64_t account_boot_ns, positions_boot_ns;
    int64_t filled_boot_ns;  // when the newest fill was heard of
    struct money cash_spent; // by fills since the account was read; below zero: the read has spent what is still open
    int64_t cash_ahead_boot_ns; // since the first read that had; 0: none
    struct alpaca_position *positions;
    size_t position_count;
    struct sums sums;
    struct money open_buys;
    size_t gross_unknown; // symbols held without a price
    bool overflow;        // a sum did not fit: everything is UNKNOWN until the next start
    struct { // of the newest session, and of the one before: a run may still be in that when the day has turned
        struct day session;
        struct day_usage usage;
    } days[2];
    char run_id[RUN_ID_MAX];
    int64_t run_orders;
    struct exposure_session hours;
};

// The fresher of trade and quote; of a quote the side that is dearer for who holds or buys (the ask), else the bid.
bool symbol_price(const struct symbol *s, struct price *price, int64_t *wall_ns, int64_t *boot_ns);
struct price symbol_reference(const struct symbol *s);           // the same, of a two-sided quote the middle; 0: none
bool symbol_being_sold(const struct symbol *s, struct qty *out); // shares of open sells; false: out of range
// exposure_ahead.c
bool ahead_position(struct symbol *s, struct qty read, int64_t asked_boot_ns); // true: held and bought stay as they are
int64_t ahead_filled(struct symbol *s, bool buy, int64_t change);              // what of it a read has told already
bool ahead_settle(struct symbol *s);                                           // when less is open; false: out of range
// For an order that is judged again, once its own part is out of the view: it has not left, so what a read has ahead is
// held, whoever filled, and cash that the others' open buys do not explain is gone. False: no sum.
bool ahead_view(const struct exposure *e, const struct symbol *s, struct risk_view *v);
// What of a read's cash is spent by buys that are known as open: 0 unless they explain all that is missing.
struct money ahead_cash(struct exposure *e, struct money read, int64_t asked_boot_ns);
void ahead_cash_settle(struct exposure *e);
// exposure_strategy.c
void strategy_open_changed(struct exposure *e, const struct intent *in, struct money before, struct money now);
void strategy_filled(struct exposure *e, const struct intent *in, struct money spent, int64_t now_boot_ns);
// not_counted: of its open buys, that of the order itself.
void strategy_view(const struct exposure *e, const struct intent *in, struct money not_counted, struct risk_view *v);
void strategy_books_free(struct exposure *e);
// exposure_beside.c
void beside_opened(struct symbol *s, struct reservation *r);
void beside_closed(struct symbol *s, struct reservation *r);
void beside_placed(struct symbol *s, const struct intent *intent, int64_t now_boot_ns);
void beside_forget(struct symbol *s, const struct intent *intent); // it never was
void beside_view(const struct symbol *s, struct risk_view *out);
void beside_alike(const struct symbol *s, const struct intent *intent, int64_t now_boot_ns, struct risk_view *out);

#endif
