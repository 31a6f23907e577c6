// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Another pair of keys for the same account, while running: read from the files that the next start reads, proven on
// the account before anything is sent with it, taken over between two requests, tried, and the former one proven dead.
// Whatever does not fit leaves the running pair as it is.
#ifndef PAPERGUARD_DAEMON_ROTATION_H
#define PAPERGUARD_DAEMON_ROTATION_H

#include "daemon/broker.h"

struct rotation;
struct rotation_params {
    const struct broker_params *broker; // as the channel was made
    struct broker *channel;
    struct config *config; // its key_pin changes with the key
    const char *config_path;
    char *const *envp;
    // The new pair is in use: the self-test runs before the first order leaves with it. cause: "operator", "reload".
    void (*swapped)(void *arg, const char *cause);
    void (*alert)(void *arg, const char *kind, const char *subject, const char *detail);
    void (*ended)(void *arg, const char *result, const char *detail); // for the log and the ledger
    void *arg;
};

// SAME: the files hold the pair that runs. REFUSED: nothing has changed. ROTATED: the new pair is in use.
enum rotation_end { ROTATION_SAME, ROTATION_REFUSED, ROTATION_ROTATED };
struct rotation_result {
    enum rotation_end end;
    char detail[320];
    char key[16], former[16]; // by their last four characters; former: of what was replaced
    char pin[DIGEST_HEX_MAX]; // fingerprint of the key in use
    bool smoke_passed;        // account and open orders were read with the new pair
    char smoke[200];
    const char *old_key; // "dead", "alive", "unknown"; "" nothing was replaced
    char old_detail[200];
};
typedef void rotation_done_fn(void *arg, const struct rotation_result *r); // borrowed

struct rotation *rotation_new(const struct rotation_params *params);
void rotation_free(struct rotation *r); // NULL is fine; no callback follows; before broker_free
// done (may be NULL) is called once, perhaps from within. One at a time: another is refused.
void rotation_start(struct rotation *r, const char *cause, rotation_done_fn *done, void *arg);

#endif
