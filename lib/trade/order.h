// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Orders: what may be asked of the broker and what it says of it. Pure values; enums carry Alpaca's own words.
#ifndef PAPERGUARD_TRADE_ORDER_H
#define PAPERGUARD_TRADE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/decimal.h"
#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/base/when.h"

#define SYMBOL_MAX 24
#define ORDER_ID_MAX 64
#define CLIENT_ORDER_ID_MAX 129 // Alpaca takes 128 characters
#define ACCOUNT_NUMBER_MAX 32

enum order_side { ORDER_BUY, ORDER_SELL };
enum order_type { ORDER_MARKET, ORDER_LIMIT, ORDER_STOP, ORDER_STOP_LIMIT, ORDER_TRAILING_STOP };
enum order_tif { TIF_DAY, TIF_GTC, TIF_OPG, TIF_CLS, TIF_IOC, TIF_FOK };

// Ours first (never seen by the broker), then Alpaca's statuses. The rank orders updates: 1 pending_new, 2 new /
// accepted, 3 partially_filled / pending_cancel, 4 other terminal, 5 filled. Unknown words from the broker become
// ORDER_STATUS_OTHER (rank 2, not terminal): added enum values must not crash a client.
#define ORDER_STATUSES(X)                                                                                              \
    X(ORDER_INTENT, "intent", 0, false)        /* committed, not yet handed to the broker */                           \
    X(ORDER_SENDING, "sending", 0, false)      /* handed over, no answer yet */                                        \
    X(ORDER_UNKNOWN, "unknown", 0, false)      /* sent or maybe sent, no answer: reserved, looked up */                \
    X(ORDER_DENIED, "denied", 4, true)         /* guard or desk refused after the intent */                            \
    X(ORDER_DRY_RUN, "dry_run", 4, true)       /* orders = record */                                                   \
    X(ORDER_NOT_PLACED, "not_placed", 4, true) /* proven never to have reached the broker */                           \
    X(ORDER_PENDING_NEW, "pending_new", 1, false)                                                                      \
    X(ORDER_NEW, "new", 2, false)                                                                                      \
    X(ORDER_ACCEPTED, "accepted", 2, false)                                                                            \
    X(ORDER_ACCEPTED_FOR_BIDDING, "accepted_for_bidding", 2, false)                                                    \
    X(ORDER_HELD, "held", 2, false)                                                                                    \
    X(ORDER_STATUS_OTHER, "other", 2, false)                                                                           \
    X(ORDER_STOPPED, "stopped", 3, false)                                                                              \
    X(ORDER_SUSPENDED, "suspended", 3, false)                                                                          \
    X(ORDER_CALCULATED, "calculated", 3, false)                                                                        \
    X(ORDER_PARTIALLY_FILLED, "partially_filled", 3, false)                                                            \
    X(ORDER_DONE_FOR_DAY, "done_for_day", 3, false)                                                                    \
    X(ORDER_PENDING_CANCEL, "pending_cancel", 3, false)                                                                \
    X(ORDER_PENDING_REPLACE, "pending_replace", 3, false)                                                              \
    X(ORDER_CANCELED, "canceled", 4, true)                                                                             \
    X(ORDER_EXPIRED, "expired", 4, true)                                                                               \
    X(ORDER_REPLACED, "replaced", 4, true)                                                                             \
    X(ORDER_REJECTED, "rejected", 4, true)                                                                             \
    X(ORDER_FILLED, "filled", 5, true)

#define ORDER_STATUS_ENUM(symbol, word, rank, terminal) symbol,
enum order_status { ORDER_STATUSES(ORDER_STATUS_ENUM) ORDER_STATUS_COUNT };

const char *order_side_name(enum order_side s);
const char *order_type_name(enum order_type t);
const char *order_tif_name(enum order_tif t);
const char *order_status_name(enum order_status s);
bool order_side_parse(const char *word, enum order_side *out) MUST_CHECK;
bool order_type_parse(const char *word, enum order_type *out) MUST_CHECK;
bool order_tif_parse(const char *word, enum order_tif *out) MUST_CHECK;
// ORDER_STATUS_OTHER when unknown. Takes our own words too (the ledger's rows hold them); alpaca_order_parse does not
// believe those from the broker.
enum order_status order_status_parse(const char *word);
int order_status_rank(enum order_status s);
bool order_status_terminal(enum order_status s);

// What we ask for. Exactly one of qty and notional is positive, the other 0.
struct order_request {
    char client_order_id[CLIENT_ORDER_ID_MAX];
    char symbol[SYMBOL_MAX];
    enum order_side side;
    enum order_type type;
    enum order_tif tif;
    struct qty qty;
    struct money notional;
    struct price limit_price; // 0 = none
    bool extended_hours;
};

// The JSON body as it is committed with the intent and sent byte for byte: fixed member order, decimals as strings.
void order_request_write(const struct order_request *r, struct text *out);
// Rules that hold for any order before anyone is asked: id and symbol shapes, one of qty/notional, prices by type, tick
// (>= 1.00 two decimals, below four), notional in cents, TIF day for fractional or notional, extended hours only for
// limit. Stop and trailing orders are refused: a request carries no stop price. 0 or -1.
int order_request_check(const struct order_request *r, struct err *err) MUST_CHECK;
bool symbol_valid(const char *s); // A-Z, digits, dot; 1..12 characters, starts with a letter

// What the broker says (only what we use).
struct order_state {
    char id[ORDER_ID_MAX];
    char client_order_id[CLIENT_ORDER_ID_MAX];
    char symbol[SYMBOL_MAX];
    enum order_side side;
    enum order_type type;
    enum order_tif tif;
    enum order_status status;
    char status_word[32]; // as sent
    bool has_qty, has_notional, has_limit_price, has_stop_price, has_filled_avg_price;
    struct qty qty, filled_qty;
    struct money notional;
    struct price limit_price, stop_price, filled_avg_price;
    int64_t created_at, updated_at, submitted_at, filled_at; // ns, 0 = null
};

// Our client order ids: "pg1-" + 32 hex digits of SHA-256 over length-prefixed (account number, session, slot key, leg,
// try). Quantity and price never enter. leg and try count from 1.
void client_order_id_make(const char *account_number, struct day session, const char *slot_key, int leg, int try_no,
                          char out[CLIENT_ORDER_ID_MAX]);
bool client_order_id_ours(const char *id); // starts with "pg1-": the prefix is reserved, whatever follows

#endif
