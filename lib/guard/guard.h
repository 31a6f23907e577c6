// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The guard: one table of operations, one of checks, permits. It is asked before every request that leaves for the
// broker, evaluates every check of the operation's class over the facts it is shown now, and denies when in doubt.
#ifndef PAPERGUARD_GUARD_GUARD_H
#define PAPERGUARD_GUARD_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/guard/guard_facts.h"
#include "lib/guard/permit.h"
#include "lib/guard/receipt.h"

enum guard_class {
    GUARD_BOOT_READ,
    GUARD_READ,
    GUARD_CANCEL,
    GUARD_REDUCE,
    GUARD_OPEN,
    GUARD_ADMIN,
    GUARD_CLASS_COUNT
};

// Operation, method, host (TRADING or DATA), exact path or path with one trailing {id}, class.
// What is not in the table is denied.
#define GUARD_OPS(X)                                                                                                   \
    X(OP_ACCOUNT_BOOT, "account_boot", "GET", TRADING, "/v2/account", GUARD_BOOT_READ)                                 \
    X(OP_CLOCK_BOOT, "clock_boot", "GET", TRADING, "/v2/clock", GUARD_BOOT_READ)                                       \
    X(OP_ACCOUNT, "account", "GET", TRADING, "/v2/account", GUARD_READ)                                                \
    X(OP_CLOCK, "clock", "GET", TRADING, "/v2/clock", GUARD_READ)                                                      \
    X(OP_CALENDAR, "calendar", "GET", TRADING, "/v2/calendar", GUARD_READ)                                             \
    X(OP_ASSET, "asset", "GET", TRADING, "/v2/assets/{id}", GUARD_READ)                                                \
    X(OP_POSITIONS, "positions", "GET", TRADING, "/v2/positions", GUARD_READ)                                          \
    X(OP_ORDERS, "orders", "GET", TRADING, "/v2/orders", GUARD_READ)                                                   \
    X(OP_ORDER, "order", "GET", TRADING, "/v2/orders/{id}", GUARD_READ)                                                \
    X(OP_ORDER_BY_CLIENT_ID, "order_by_client_id", "GET", TRADING, "/v2/orders:by_client_order_id", GUARD_READ)        \
    X(OP_FILLS, "fills", "GET", TRADING, "/v2/account/activities/FILL", GUARD_READ)                                    \
    X(OP_ACTIVITIES, "activities", "GET", TRADING, "/v2/account/activities", GUARD_READ)                               \
    X(OP_STREAM, "stream", "GET", TRADING, "/stream", GUARD_READ)                                                      \
    X(OP_TRADES_LATEST, "trades_latest", "GET", DATA, "/v2/stocks/trades/latest", GUARD_READ)                          \
    X(OP_QUOTES_LATEST, "quotes_latest", "GET", DATA, "/v2/stocks/quotes/latest", GUARD_READ)                          \
    X(OP_BARS, "bars", "GET", DATA, "/v2/stocks/bars", GUARD_READ)                                                     \
    X(OP_CANCEL, "cancel", "DELETE", TRADING, "/v2/orders/{id}", GUARD_CANCEL)                                         \
    X(OP_SUBMIT_REDUCE, "submit_reduce", "POST", TRADING, "/v2/orders", GUARD_REDUCE)                                  \
    X(OP_SUBMIT_OPEN, "submit_open", "POST", TRADING, "/v2/orders", GUARD_OPEN)

#define GUARD_OP_ENUM(symbol, name, method, host, path, class) symbol,
enum guard_op { GUARD_OPS(GUARD_OP_ENUM) GUARD_OP_COUNT };
const char *guard_op_name(enum guard_op op);
const char *guard_op_method(enum guard_op op);
const char *guard_op_path(enum guard_op op);
bool guard_op_is_data(enum guard_op op);
enum guard_class guard_op_class(enum guard_op op);
const char *guard_class_name(enum guard_class c);

// Checks (guard_checks.def): static ones need no peer; a FAIL or UNKNOWN of them at start ends the process (78).
#define GUARD_CHECK(SYMBOL, name, kind, classes, learnt, text) CHECK_##SYMBOL,
enum guard_check {
#include "lib/guard/guard_checks.def"
    GUARD_CHECK_COUNT
};
#undef GUARD_CHECK
const char *guard_check_name(enum guard_check c);
const char *guard_check_text(enum guard_check c);
bool guard_check_is_static(enum guard_check c);
// When what the check looks at was learnt (boot time); 0: never, or it looks at one request alone.
int64_t guard_check_learnt_ns(enum guard_check c, const struct guard_facts *f);

enum guard_answer { GUARD_PASS, GUARD_FAIL, GUARD_UNKNOWN };
const char *guard_answer_name(enum guard_answer a);
struct guard_result {
    enum guard_answer answer;
    char detail[FACT_TEXT_MAX]; // what was found, what was expected, what to do
};
struct guard_verdict {
    enum guard_answer answer;
    enum guard_check check; // the first that did not pass
    char detail[FACT_TEXT_MAX];
};

#define GUARD_ACCOUNT_AGE_NS (INT64_C(300) * 1000000000) // identity proven within 5 minutes
#define GUARD_DATABASE_AGE_NS (INT64_C(15) * 1000000000)
#define GUARD_CLOCK_SKEW_NS (INT64_C(30) * 1000000000)
#define GUARD_CLOCK_AGE_NS (INT64_C(48) * 3600 * 1000000000) // both clocks run alike until somebody sets one

struct guard;
// Each guard has an instance id of its own; permits of another guard are worthless.
struct guard *guard_new(void);
void guard_free(struct guard *g);

// All checks that need no request, for tables and health: fills results[GUARD_CHECK_COUNT] (request checks read PASS
// with detail "per request"), judged as for an opening order. Returns the worst answer over the static ones
// (static_only) or over all; a halt that is known (FAIL of CHECK_HALT) is shown in its row but not counted: it is a
// state somebody chose, and neither ends the process nor makes it unhealthy. A halt state that cannot be read (UNKNOWN)
// counts. So is standing by while another host leads (FAIL of CHECK_LEADER); what only a leader asks the broker (clock
// and calendar) is not awaited then. A clock that is off and a day on which broker and exchange disagree (FAIL) deny
// the orders that open, and pass: they are not counted either.
enum guard_answer guard_table(const struct guard_facts *f, int64_t now_boot_ns, bool static_only,
                              struct guard_result results[GUARD_CHECK_COUNT]);
bool guard_table_counts(const struct guard_result results[GUARD_CHECK_COUNT], enum guard_check check);
// The row to tell when there is room for one: what is known to be wrong, else what is not known, and of that the cause
// rather than what follows from it. GUARD_CHECK_COUNT when nothing counts against the table.
enum guard_check guard_table_worst(const struct guard_result results[GUARD_CHECK_COUNT]);

// Permit for anything but an order. 0 and *permit, or -1 with the verdict (also counted per check).
int guard_permit(struct guard *g, const struct guard_facts *f, enum guard_op op, const struct wire_request *request,
                 int64_t now_boot_ns, struct permit **permit, struct guard_verdict *verdict) MUST_CHECK;
// Turns a receipt into a cleared order: all checks of OPEN or REDUCE; request->body must be the committed body. Takes
// the receipt in any case (nulls it). 0 or -1.
int guard_clear_order(struct guard *g, const struct guard_facts *f, struct receipt **receipt,
                      const struct wire_request *request, int64_t now_boot_ns, struct cleared_order **cleared,
                      struct guard_verdict *verdict) MUST_CHECK;
// Reading a cleared order on its way.
const struct receipt_terms *cleared_order_terms(const struct cleared_order *c);
// From this moment on it is refused at the wire; only ever brings the end of its two seconds nearer.
void cleared_order_expires(struct cleared_order *c, int64_t boot_ns);
void cleared_order_drop(struct cleared_order **c);
void permit_drop(struct permit **p);

// The last check, at the wire: evaluates every check of the class again over the facts of this moment, compares the
// request that is really being sent with what the permit was bound to, and spends the permit, also when it says no.
// True at most once per permit.
bool guard_redeem(struct guard *g, struct permit *p, const struct guard_facts *f, const struct wire_request *actual,
                  int64_t now_boot_ns, struct guard_verdict *verdict) MUST_CHECK;
bool guard_redeem_order(struct guard *g, struct cleared_order *c, const struct guard_facts *f,
                        const struct wire_request *actual, int64_t now_boot_ns,
                        struct guard_verdict *verdict) MUST_CHECK;

uint64_t guard_denials(const struct guard *g, enum guard_check c);
uint64_t guard_permits(const struct guard *g);     // minted
uint64_t guard_evaluations(const struct guard *g); // questions asked: minting, clearing and redeeming
// Is a peer acceptable for this endpoint? Paper: public addresses only; simulator: loopback only.
struct sockaddr;
bool guard_peer_allowed(const struct guard_facts *f, const struct sockaddr *peer);
bool guard_peer_text_allowed(const struct guard_facts *f, const char *peer); // numeric; any other text is not allowed

// Facts with which everything passes, in an epoch that no leader has; and the request of an operation that fits them.
#define GUARD_EXAMPLE_EPOCH INT64_MAX
void guard_example(bool simulator, int64_t now_boot_ns, struct guard_facts *f);
void guard_example_request(const struct guard_facts *f, enum guard_op op, struct wire_request *r);
// Spoils facts or request with which everything passed, in such a way that this very check is the first that denies;
// for proving that it fires. What it puts into the request is static. True: it is seen already when the permit is
// minted; false: only at the wire, so it is done between minting and redeeming.
bool guard_provoke(enum guard_check c, struct guard_facts *f, struct wire_request *r);

#endif
