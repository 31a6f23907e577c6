// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the broker channel's two transports share: calls (broker.c) and the order stream (broker_stream.c).
#ifndef PAPERGUARD_DAEMON_BROKER_INTERNAL_H
#define PAPERGUARD_DAEMON_BROKER_INTERNAL_H

#include "daemon/broker.h"

// broker_keys.c: counted by who holds it.
struct broker_keys;
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
void broker_mask(const struct broker *b, char *text);
void broker_take_slot(struct broker *b);                    // within broker_rate_wait's callback: the slot is used
void broker_rate_forget(struct broker *b, const void *arg); // who waits with this arg waits no more

#endif
