// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Shared by the parts of the desk only: the conversation (desk.c), cancels (desk_cancel.c), orders without an answer
// (desk_lookup.c), orders that go out once more by themselves (desk_again.c) or by an operator's word (desk_retry.c),
// changes on their way into the ledger (desk_change.c) and what all of it leads to (desk_ports.c).
#ifndef PAPERGUARD_DAEMON_DESK_INTERNAL_H
#define PAPERGUARD_DAEMON_DESK_INTERNAL_H

#include "daemon/desk.h"
#include "lib/base/fsm.h"
#include "lib/base/list.h"
#include "lib/base/map.h"

#define LOOKUP_FIRST_MS 500

#define DESK_STATES(X)                                                                                                 \
    X(DESK_JUDGING, "judging")                                                                                         \
    X(DESK_COMMITTING, "committing")                                                                                   \
    X(DESK_WAITING, "waiting")                                                                                         \
    X(DESK_SENDING, "sending")                                                                                         \
    X(DESK_LOOKING, "looking")                                                                                         \
    X(DESK_LIVE, "live")                                                                                               \
    X(DESK_ENDED, "ended")
enum desk_state { DESK_STATES(FSM_ENUM) };
struct desk_order {
    struct list node;   // in open, or in ended
    struct list queued; // judged and reserved; its turn is still to come
    struct desk *desk;
    enum desk_state state;
    struct order_row row;
    int64_t broker_at; // the broker's time of what row tells, 0 = not known
    struct receipt *receipt;
    char *body;
    size_t body_len;
    bool answered;   // done was called
    const char *why; // the word for metrics when it is refused, a string of the program; NULL: none
    bool cancel_wanted, cancel_sent, alerted;
    bool commit_lost; // an answer to its commit: it may be in the ledger, or get there yet
    bool next_waits;  // cancelled to make room for another order, which must not be there beside it
    unsigned calls;   // broker answers outstanding: not freed before they came
    int64_t unknown_since_ns, lookup_delay_ms;
    int64_t missing_since_ns; // when the broker first said that it does not know it; 0 = it has not
    bool unlisted;            // a whole list, asked for long after that, does not have it either
    unsigned cancels;         // times its cancel was not taken
    bool judge_again;         // its verdict is of an earlier moment
    unsigned stale;           // times the figures were too old then
    bool again;               // it goes out anew, for whatever reason
    int64_t again_after_ms;
    unsigned unsent;     // times the broker could not be reached
    unsigned sent_again; // times it went out anew because it had never arrived
    unsigned limited;    // times the broker's rate limit refused it
    bool was_out;        // for all we know the broker may have it: what refuses it now does not end that doubt
    loop_timer timer;
    loop_timer until_timer; // an operator had it sent again: cancelled when its run's time is over
    loop_timer told_timer;  // whoever asks for it outside a run is answered by then
    struct retry *retry;    // an operator asks for that; NULL: none. Owned
    void (*done)(void *arg, const struct order_row *row);
    void *arg;
    void (*inquired)(void *arg, const struct desk_inquiry *inquiry); // an operator asks; NULL: none
    void *inquired_arg;
};

// One change on its way into the ledger.
struct change {
    struct list node;
    struct desk_order *order;
    enum order_status status;
    struct qty filled_qty;
    struct price filled_avg_price;
    int64_t broker_at;
    char order_id[ORDER_ID_MAX], source[16], reason[160];
    bool told;
    loop_timer timer;
};

struct desk {
    struct desk_params p;
    struct list open, ended, changes, queue;
    size_t in_hand; // committing, waiting or sending
    struct map *by_client_id;
    size_t open_count, ended_count;
    bool leaving;           // the process ends
    int64_t filled_boot_ns; // when the ledger took the newest filled quantity that moves a strategy's book
};

// The row has changed: into the ledger, then told; again and again until the ledger took it.
void desk_changed(struct desk_order *o, int64_t broker_at, const char *source);
void desk_set_status(struct desk_order *o, enum order_status status, const char *source, const char *reason);
void desk_tell(struct desk_order *o);
void desk_tell_meanwhile(struct desk_order *o, const char *why); // whoever waits for its first answer: as it stands
void desk_answer_in_time(struct desk_order *o); // the same after a while, to whoever asks for it outside a run
void desk_log_change(const struct desk_order *o, const char *source);
bool desk_change_pending(const struct desk_order *o);
void desk_change_free(struct change *c);
// desk.c
bool desk_moves_book(const struct desk_order *o);                                // of a run, or of a strategy
struct desk_order *desk_take_ended(struct desk *d, const struct order_row *row); // one that this life does not know
void desk_make_body(struct desk_order *o);
void desk_refuse(struct desk_order *o, const char *source, const char *reason); // never placed, or denied
bool desk_too_late(const struct desk_order *o);
void desk_wait_for_slot(struct desk_order *o);
void desk_commit(void *arg); // the intent; then a rate slot
void desk_end_order(struct desk_order *o);
void desk_set_state(struct desk_order *o, enum desk_state to);
void desk_apply_state(struct desk_order *o, const struct order_state *s, const char *source);
// desk_ports.c: ledger, broker and facts, or the null ports of a self-test.
const struct guard_facts *desk_facts(const struct desk *d);
void desk_decided(const struct desk_order *o, const char *kind, const char *answer, const char *rule,
                  const char *detail);
void desk_port_commit(struct desk_order *o, ledger_intent_done_fn *done);
void desk_port_update(struct desk_order *o, const struct change *c, ledger_done_fn *done, void *arg);
void desk_port_request(struct desk_order *o, struct wire_request *request);
void desk_port_slot(struct desk_order *o, void (*ready)(void *arg));
void desk_port_submit(struct desk_order *o, struct cleared_order **cleared, broker_done_fn *done);
// desk_cancel.c
void desk_send_cancel(struct desk_order *o);
// desk_resolve.c
void desk_open_again(struct desk_order *o); // from the ended among the open ones
void desk_turned_up(struct desk_order *o, const struct order_state *s, const char *source); // given up, there after all
// desk_again.c
void desk_send_again(struct desk_order *o, const char *why, int64_t after_ms); // the same, from the intent on
bool desk_send_later(struct desk_order *o);                                    // refused for the rate; false: too often
// A run's order waits out a short outage of broker or ledger, until its deadline; who asks over HTTP wants to know now.
bool desk_judged_again(struct desk_order *o); // false: it is denied, or waits until figures are read anew
bool desk_may_wait(const struct desk_order *o);
bool desk_waits_for_lease(struct desk_order *o);                    // true: its lease is out, and is asked for again
bool desk_send_when_reached(struct desk_order *o, const char *why); // nothing of it left; false: it may not wait
// desk_retry.c
void desk_cancel_in_time(struct desk_order *o); // when its run's time is over
// desk_lookup.c
void desk_become_unknown(struct desk_order *o, const char *why);

#endif
