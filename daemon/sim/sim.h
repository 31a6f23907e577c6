// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Alpaca's paper API over the simulated exchange, as a function: a request and the time in, a reply out. No I/O and no
// clock here; sim_server.c puts it on a socket, sim_journal.c keeps it over a restart. What is served is the table in
// sim_routes.c; tests/system/alpaca_members.tsv tells what the answers must look like. Under /sim/ lies an admin path
// for tests and operators.
#ifndef PAPERGUARD_SIM_SIM_H
#define PAPERGUARD_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/sim/exchange.h"
#include "daemon/sim/market.h"
#include "lib/base/http_parse.h"
#include "lib/base/text.h"

#define SIM_BODY_MAX (size_t)(96 * 1024 * 1024)
#define SIM_REQUEST_ID_MAX 33
#define SIM_OPTIONS_MAX 512
#define SIM_ECHO_MAX 256

struct sim;

struct sim_params {
    const char *key, *secret; // the pair that is let in at first; copied
    int rate_per_minute;      // 0: no limit and no headers about it
    uint64_t request_salt;    // enters the ids of requests, which a restart must not repeat
    struct market_params market;
    struct exchange_params exchange; // market and started are set by sim_new
    const char *data_dir;            // as market_load takes it
    bool admin_apart;                // /sim/ is served on its own port only
};

struct sim_request {
    enum http_method method;
    const char *path, *query;
    const char *key, *secret; // headers, NULL when missing
    bool admin;               // came in by the admin's own port
    const char *body;
    size_t body_len;
};

struct sim_reply {
    int status;
    const char *content_type; // constant; NULL without a body
    struct text body;         // freed by sim_reply_free
    char request_id[SIM_REQUEST_ID_MAX];
    bool has_rate;
    int64_t rate_limit, rate_remaining, rate_reset; // reset in unix seconds
};

// Faults that tests order for matching requests. BEFORE means that the request is not processed at all.
#define SIM_FAULTS(X)                                                                                                  \
    X(SIM_FAULT_NONE, "none")                                                                                          \
    X(SIM_FAULT_DROP_BEFORE, "drop_before")      /* connection closed, nothing processed */                            \
    X(SIM_FAULT_DROP_AFTER, "drop_after_accept") /* processed, then closed without an answer */                        \
    X(SIM_FAULT_HTML, "html")                    /* not processed, an HTML page with the status */                     \
    X(SIM_FAULT_STATUS, "status")                /* not processed, a JSON refusal with the status */                   \
    X(SIM_FAULT_ECHO, "echo")                    /* not processed, a refusal that repeats the keys it came with */     \
    X(SIM_FAULT_TRUNCATE, "truncate")            /* processed, half of the body */                                     \
    X(SIM_FAULT_DELAY, "delay")                  /* processed, answered late */                                        \
    X(SIM_FAULT_DELAY_BEFORE, "delay_before")    /* processed and answered late */                                     \
    X(SIM_FAULT_DUPLICATE, "duplicate")          /* processed twice, answered with the second */                       \
    X(SIM_FAULT_DUPLICATE_MEMBER, "duplicate_member") /* processed, the first member of the body comes twice */        \
    X(SIM_FAULT_HUGE, "huge")                         /* processed, padded with blanks to `size` bytes */              \
    X(SIM_FAULT_WRONG_TYPES, "wrong_types")           /* processed, strings become numbers and the reverse */          \
    X(SIM_FAULT_LONG_DECIMALS, "long_decimals")       /* processed, numbers in strings get eleven decimals */          \
    X(SIM_FAULT_OMIT, "omit")                         /* processed, a list lacks the items of a symbol */              \
    X(SIM_FAULT_REPEAT, "repeat")                     /* processed, each item of a list comes twice */                 \
    X(SIM_FAULT_REVERSE, "reverse")                   /* processed, the items of a list come in reverse order */

#define SIM_FAULT_ENUM(symbol, word) symbol,
enum sim_fault_action { SIM_FAULTS(SIM_FAULT_ENUM) SIM_FAULT_COUNT };

struct sim_fault {
    char match[128];         // "POST /v2/orders"; each * stands for any characters
    char symbol[SYMBOL_MAX]; // whose items are left out; empty: the first item
    int64_t skip, count;     // requests still let through, then requests still hit
    int64_t rate_ppm;        // how many of those it could hit it does hit, drawn from the seed; 1000000 = each
    uint64_t number, draws;
    enum sim_fault_action action;
    int status, code;
    int64_t delay_ms, size;
    char echo[SIM_ECHO_MAX]; // what came with the request that was hit
};

struct sim *sim_new(const struct sim_params *params, int64_t now, struct err *err);
void sim_free(struct sim *s);
struct exchange *sim_exchange(struct sim *s);
const char *sim_account_number(const struct sim *s);

bool sim_key_fits(const struct sim *s, const char *key, const char *secret); // NULL fits nothing
// What happened to orders: the number of the newest, 0 when there is none; the message of the stream for the first that
// is known after *number, which becomes its number (false: none).
uint64_t sim_updates_last(const struct sim *s);
bool sim_update_after(const struct sim *s, uint64_t *number, struct text *message);

void sim_handle(struct sim *s, const struct sim_request *q, int64_t now, struct sim_reply *reply);
void sim_reply_free(struct sim_reply *reply);
// Called before a request that can change something is processed; when it fails the request is refused with 500.
typedef int sim_change_fn(void *arg, const struct sim_request *q, int64_t now, struct err *err);
void sim_on_change(struct sim *s, sim_change_fn *fn, void *arg);
// As sim_handle for a request that was let in once before: no keys, no rate, no call of the function above.
void sim_replay(struct sim *s, const struct sim_request *q, int64_t now, struct sim_reply *reply);
// What decides how the exchange behaves: options and prices, as one line.
void sim_options_text(const struct sim *s, char out[SIM_OPTIONS_MAX]);
// The fault that hits this request (and counts it), or action SIM_FAULT_NONE.
struct sim_fault sim_fault_take(struct sim *s, const struct sim_request *q);
const char *sim_fault_name(enum sim_fault_action action);
// Whether the request is processed at all under this fault.
bool sim_fault_processes(enum sim_fault_action action);
// Makes the reply of a request that is not processed, or spoils that of one that was.
void sim_fault_spoil(const struct sim_fault *f, struct sim_reply *reply);
// The next `count` fills (of a symbol, or of any when it is empty) are listed so much later than they happened, behind
// newer ones; 0: none, and those that wait are listed now.
void sim_fills_late(struct sim *s, const char *symbol, int64_t count, int64_t by_ns);

#endif
