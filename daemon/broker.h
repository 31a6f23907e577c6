// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The broker channel: the only code that talks to Alpaca. Sole holder of the keys, owner of the rate budget. Every call
// asks the guard for a permit and spends it at the wire.
#ifndef PAPERGUARD_DAEMON_BROKER_H
#define PAPERGUARD_DAEMON_BROKER_H

#include "daemon/facts.h"
#include "daemon/metrics.h"
#include "lib/base/json_read.h"
#include "lib/guard/guard.h"
#include "lib/io/loop.h"
#include "lib/trade/alpaca_json.h"

struct broker;
struct broker_params {
    struct loop *loop;
    struct guard *guard;
    const struct facts *facts;
    struct facts *facts_mut; // account identity and clock are pushed here
    struct metrics *metrics;
    int64_t requests_per_minute, request_timeout_ms;
    unsigned connections;
    const char *user_agent;
    void (*denied)(void *arg, enum guard_op op, const struct guard_verdict *v); // for audit
    void (*called)(void *arg, bool failed); // a call ended; failed: lost, or a 5xx. May be NULL
    void *arg;
};

// OK: 2xx with a JSON body (or 204). REJECTED: a definite 4xx refusal by the broker. DENIED: by our guard, nothing was
// sent. UNKNOWN: sent or maybe sent and no definite answer (timeout, lost, 5xx, HTML, truncated, odd types). NOT_SENT:
// certain that no byte left (connection refused, rate queue full).
enum broker_result { BROKER_OK, BROKER_REJECTED, BROKER_DENIED, BROKER_UNKNOWN, BROKER_NOT_SENT };
const char *broker_result_name(enum broker_result r);

struct broker_answer {
    enum broker_result result;
    int status;                   // HTTP, 0 none
    struct alpaca_error error;    // REJECTED
    const struct json_node *json; // OK, borrowed; NULL for 204
    const char *detail;           // for logs and ledger, never a secret
    const char *request_id;       // broker's X-Request-ID
    int64_t sent_wall_ns, answered_wall_ns;
    int64_t sent_boot_ns; // what is told may be as old as this
};
typedef void broker_done_fn(void *arg, const struct broker_answer *answer); // exactly once, never from within

struct broker *broker_new(const struct broker_params *params);
void broker_free(struct broker *b);
// Read or cancel. id fills {id}; query without '?', NULL for none.
void broker_call(struct broker *b, enum guard_op op, const char *id, const char *query, broker_done_fn *done,
                 void *arg);
// The body and request of an order for guard_clear_order: fills *request (borrowed from the broker and from body).
void broker_order_request(const struct broker *b, const char *body, size_t body_len, struct wire_request *request);
// Takes the cleared order (nulls it) and redeems it at the wire.
void broker_submit(struct broker *b, struct cleared_order **cleared, broker_done_fn *done, void *arg);
// Waits for a rate slot first: calls ready when one is reserved (FIFO; cancels overtake). Pass the slot by submitting.
void broker_rate_wait(struct broker *b, void (*ready)(void *arg), void *arg);

// Another pair of keys, in three steps. Held: nothing new is sent, and once nothing is on its way to the wire any more
// that is told from the loop; what was sent is waited for with the pair it was sent with. Then from now on with the
// pair that facts hold; orders stay held. Then everything goes on (with whichever pair).
void broker_hold(struct broker *b, void (*held)(void *arg), void *arg);
void broker_take_keys(struct broker *b);
void broker_resume(struct broker *b);

// The order stream: opened under a permit of its own, authenticated with the keys that only the broker channel holds.
struct broker_stream; // one connection; dead when it has ended
struct broker_stream_ending {
    enum broker_result result; // DENIED, REJECTED (keys), NOT_SENT, or UNKNOWN: anything else
    const char *detail;        // never a secret
};
struct broker_stream_events {
    void (*authorized)(void *arg);
    void (*message)(void *arg, const char *text, size_t len);            // whatever comes after that
    void (*ended)(void *arg, const struct broker_stream_ending *ending); // exactly once, never from within
    void *arg;
};
struct broker_stream *broker_stream_open(struct broker *b, const struct broker_stream_events *events);
int broker_stream_send(struct broker_stream *s, const char *text, size_t len) MUST_CHECK; // -1: not authorized, or full
void broker_stream_cancel(struct broker_stream *s); // NULL is fine; no callback follows; before broker_free

size_t broker_in_flight(const struct broker *b);
bool broker_connected(const struct broker *b);      // the last call to the trading host was answered by the broker
const char *broker_trouble(const struct broker *b); // why it was not; "" when it was, or none was made
// For how long the oldest call to the trading host that is under way has had no answer, and which it is; 0: none is.
int64_t broker_unanswered_ns(const struct broker *b, const char **op);
// For how long nothing was asked of the trading host; 0 while something is, or waits for its slot.
int64_t broker_quiet_ns(const struct broker *b);
// As resolver_trouble, for the broker's hosts.
const char *broker_names_trouble(const struct broker *b, int64_t *unanswered_since_ns);

#endif
