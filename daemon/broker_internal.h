// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the broker channel's two transports share: calls (broker.c) and the order stream (broker_stream.c).
#ifndef PAPERGUARD_DAEMON_BROKER_INTERNAL_H
#define PAPERGUARD_DAEMON_BROKER_INTERNAL_H

#include "daemon/broker.h"
#include "lib/base/list.h"

struct broker_keys;
struct call {
    struct list node; // in cancels or waiting, or in under_way
    struct broker *broker;
    enum guard_op op;
    char *target, *body;
    size_t body_len;
    struct permit *permit;
    struct cleared_order *cleared;
    struct http_call *http;
    struct broker_keys *keys; // it was sent with; NULL before
    bool denied_at_wire;
    struct guard_verdict verdict;
    enum broker_result early; // for a deferred ending without transport
    loop_timer defer;
    int64_t begun_boot_ns, sent_wall_ns, sent_boot_ns;
    void (*ready)(void *arg); // a desk's waiter instead of a call
    broker_done_fn *done;
    void *arg;
};

struct broker {
    struct broker_params p;
    struct http_client *http;
    struct list cancels, waiting, under_way; // the first two wait for a slot, cancels before all others
    size_t waiting_count, in_flight;
    bool slot_open; // while a waiter's ready runs: the slot it may use
    int64_t tokens_milli, refilled_ns;
    loop_timer pump;
    struct broker_keys *keys;
    bool holding, orders_held; // nothing is sent; orders are not
    void (*held)(void *arg);   // told once nothing is on its way to the wire
    void *held_arg;
    loop_timer hold;
    bool connected;
    int64_t asked_boot_ns; // the trading host, last
    char trouble[160];
};

// broker_keys.c: counted by who holds it.
struct broker_keys *broker_keys_new(const struct facts *f);
struct broker_keys *broker_keys_hold(struct broker_keys *k);
void broker_keys_drop(struct broker_keys *k); // NULL is fine
const struct digest *broker_keys_fingerprint(const struct broker_keys *k);
void broker_keys_headers(const struct broker_keys *k, const char *out[2]); // borrowed
// What the broker says may repeat what it was sent, also where it should not.
void broker_keys_mask(const struct broker_keys *k, char *text);

const struct broker_params *broker_params_of(const struct broker *b);
// The request as it shall be; with the fingerprint of our key.
void broker_wire_request(const struct broker *b, enum guard_op op, const char *target, const char *body,
                         size_t body_len, struct wire_request *out);
void broker_denied(struct broker *b, enum guard_op op, const struct guard_verdict *v); // counted and told
void broker_pump(struct broker *b); // soon: whoever waits gets what is free
void broker_mask(const struct broker *b, char *text);
void broker_take_slot(struct broker *b);                    // within broker_rate_wait's callback: the slot is used
void broker_rate_forget(struct broker *b, const void *arg); // who waits with this arg waits no more

#endif
