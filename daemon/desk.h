// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The desk: the single door for orders. risk verdict + reservation -> intent committed -> rate slot -> guard clears ->
// submit -> outcome recorded. One conversation (struct desk_order) per order; unanswered orders are looked up by id.
#ifndef PAPERGUARD_DAEMON_DESK_H
#define PAPERGUARD_DAEMON_DESK_H

#include "daemon/broker.h"
#include "daemon/exposure.h"
#include "daemon/ledger.h"

// What stands in for ledger, broker and facts in a desk that a self-test fires examples through: they record, and
// nothing of it gets anywhere. No completion is called from within.
struct desk_ports {
    const struct guard_facts *(*facts)(void *arg);
    void (*decided)(void *arg, const char *rule);
    void (*commit)(void *arg, const struct intent *intent, ledger_intent_done_fn *done, void *done_arg);
    void (*update)(void *arg, ledger_done_fn *done, void *done_arg);
    void (*request)(void *arg, const char *body, size_t body_len, struct wire_request *request);
    void (*slot)(void *arg, void (*ready)(void *arg), void *ready_arg);
    void (*submit)(void *arg, struct cleared_order **cleared, broker_done_fn *done, void *done_arg);
};
struct desk;
struct desk_params {
    struct loop *loop;
    struct guard *guard;
    struct facts *facts;
    struct broker *broker;
    struct ledger *ledger;
    struct exposure *exposure;
    struct metrics *metrics;
    const struct risk_limits *limits; // borrowed
    bool record_only;                 // orders = record
    int64_t answer_within_ms;         // an order outside a run is answered by then, as it stands; 0 = 15 s
    int64_t unknown_for_ms; // an order is given up only after the broker denied knowing it for so long; 0 = 60 s
    // Every change of an order, also of those that reconcile tells (main hands them to run and snapshot).
    void (*on_order)(void *arg, const struct order_row *row);
    void (*judged)(void *arg, const struct risk_verdict *v); // of an order to be placed; NULL: nobody asks
    void (*alert)(void *arg, const char *kind, const char *subject, const char *detail);
    // Reads account, positions and prices anew, for an order that is judged again; done is not called from within.
    // NULL: figures that are too old deny it.
    void (*refresh)(void *arg, const char *symbol, void (*done)(void *arg, bool ok, const char *detail),
                    void *done_arg);
    // What an order to be placed is judged over; NULL: the exposure's view of it. A desk on null ports has its own.
    bool (*view)(void *arg, const struct intent *intent, struct risk_view *out);
    const struct desk_ports *ports; // NULL: ledger, broker and facts themselves
    void *arg;
};
struct desk *desk_new(const struct desk_params *params);
void desk_free(struct desk *d);
// The process ends, and gives the lead up: nothing is committed or sent from now on, and nothing is denied for want of
// the lead. What was under way stays as the ledger has it: the next life resolves it.
void desk_leave(struct desk *d);

// As desk_place would judge the order now, without placing it. false: sums of the account do not fit.
bool desk_judge(const struct desk *d, const struct order_request *order, const char *run_id, struct day session,
                struct risk_verdict *out) MUST_CHECK;
// intent->reserved and ->reduces are filled in by the desk. done: when the order has its first answer (accepted,
// rejected, denied, dry_run, unknown), outside a run also when there is none for long; further changes come through
// on_order. Once intent->send_until has passed (0 =
// never) it is not sent any more, however late whoever cancels it wakes up.
void desk_place(struct desk *d, const struct intent *intent, void (*done)(void *arg, const struct order_row *row),
                void *arg);
// Until then an order of which the broker denies for a minute, by id and in its list, that it ever came is sent again
// under its id (as intent->send_until says for one that is placed); later it is closed as not_placed.
void desk_send_until(struct desk *d, const char *client_order_id, int64_t until_ns);
void desk_cancel(struct desk *d, const char *client_order_id); // outcome through on_order
void desk_cancel_run(struct desk *d, const char *run_id);      // all of it that is open
// All that are open (NULL) or all of a strategy, or all but those that only reduce. How many are open still; to be
// called again until it is 0.
size_t desk_cancel_open(struct desk *d, const char *strategy, bool keep_reducing);
// The same as desk_cancel, when another order is to follow it: denied by the broker for a minute, it is sent again all
// the same, to be cancelled then. Else it might arrive beside the one that follows.
void desk_cancel_for_next(struct desk *d, const char *client_order_id);
// What the broker says of an order now (from polling or a stream): compare-and-set in the ledger, then on_order.
void desk_broker_says(struct desk *d, const struct order_state *state, const char *source);
// The broker's list of all orders since the oldest open one, asked for at that moment, has been told to the end.
void desk_listed(struct desk *d, int64_t asked_boot_ns);
// Adopts an order loaded from the ledger at start (reserves; unknown and sending ones are looked up).
void desk_adopt(struct desk *d, const struct order_row *row);
// One of the broker's list that this life does not know, given up in an earlier one: followed again, as
// desk_broker_says does with one that was given up here.
void desk_found(struct desk *d, const struct order_row *row, const struct order_state *state, const char *source);
size_t desk_open_count(const struct desk *d); // not terminal
// Of them, those that will still move a book: of any run but that one ("" or NULL: of any run), or of a strategy
// outside a run. What is planned from the books meanwhile would be bought a second time.
size_t desk_open_of_others(const struct desk *d, const char *except_run_id);
// Books that were asked for (boot clock) before then lack what ended orders of a run or a strategy filled; INT64_MAX:
// the ledger has not taken yet what became of one.
int64_t desk_books_after(const struct desk *d);
int64_t desk_oldest_open_ns(const struct desk *d); // created_at of the oldest open intent, 0 = none
size_t desk_unknown_count(const struct desk *d);
const struct order_row *desk_order(const struct desk *d,
                                   const char *client_order_id); // open or just ended; NULL unknown
// What the broker says of an order now, when somebody asks: an order that it knows is followed as always. False when
// the desk does not follow it, or it is being asked for already. row and said are borrowed for the callback.
enum desk_broker_word { DESK_BROKER_KNOWS, DESK_BROKER_DENIES, DESK_BROKER_SILENT };
struct desk_inquiry {
    const struct order_row *row;
    enum desk_broker_word word;
    const char *said;
    int wait_s; // unknown for too short a time to take anybody's word for it: so many seconds more
};
bool desk_inquire(struct desk *d, const char *client_order_id,
                  void (*done)(void *arg, const struct desk_inquiry *inquiry), void *arg) MUST_CHECK;
// An operator's word that an order, unknown for as long as it takes to be given up, never reached the broker: it ends
// not_placed and frees what it reserved. 0 or -1. Nothing follows in its place: its reason begins with these words.
#define DESK_OPERATOR_SAYS "never arrived, says "
#define DESK_NEVER_SENT "cancelled before it was sent" // not once: what else was not placed may turn up
int desk_resolve_not_placed(struct desk *d, const char *client_order_id, const char *reason, const char *who,
                            struct err *err) MUST_CHECK;
// A parked order that was never placed is sent once more, as it was and under its id, because an operator says so; row
// is that of ledger_order_retry, its send_until says how long it may leave. Refused when its session or its time is
// over, the guard or a halt would not let it leave, the broker has it after all or does not say, or risk denies it now.
// reason NULL: nothing is sent, only asked whether it could be. done may be called at once.
struct desk_retried {
    const struct order_row *row; // borrowed for the callback
    char refused[300];           // why not, "" when it is on its way (or could be)
    bool later;                  // nothing that the order itself is: ask again
};
void desk_retry(struct desk *d, const struct order_row *row, struct day session, const char *reason, const char *who,
                void (*done)(void *arg, const struct desk_retried *r), void *arg);

#endif
