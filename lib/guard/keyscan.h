// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Recognising keys by shape: which class a key id has, which names and values must not be on a staging host. Pure.
#ifndef PAPERGUARD_GUARD_KEYSCAN_H
#define PAPERGUARD_GUARD_KEYSCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/guard/guard_facts.h"

// The hosts of this program; there are no others.
#define PAPER_TRADING_HOST "paper-api.alpaca.markets"
#define PAPER_DATA_HOST "data.alpaca.markets"
#define PAPER_PORT 443

enum fact_key_class keyscan_class(const char *key_id); // PKSIM… simulator, PK… paper, AK… live, else OTHER; "" MISSING
// May what somebody wrote where a word belongs be repeated? Not what is a key, or long enough to be a secret.
bool keyscan_showable(const char *value);
// A name whose parts (split at '_') contain LIVE and one of KEY, SECRET, TOKEN.
bool keyscan_live_name(const char *name);
// A whole word of AK + 16..30 upper-case letters or digits in value. AKIA… under a name that starts with AWS_ is not
// one (note set then).
bool keyscan_live_value(const char *name, const char *value, size_t len, bool *aws_note);
// Endpoint text as an operator wrote it: https://paper-api.alpaca.markets with or without /v2 (one trailing slash
// allowed); exact scheme and host, no port. simulator_allowed also takes http://127.0.0.1:PORT, [::1]:PORT,
// localhost:PORT. host has no brackets. Outputs are written only for PAPER and SIMULATOR; detail always (it never
// repeats user info or a query).
enum fact_endpoint keyscan_endpoint(const char *url, bool simulator_allowed, char scheme[8], char host[128], int *port,
                                    char detail[FACT_TEXT_MAX]);
// The market data host, same grammar: https://data.alpaca.markets and nothing else.
bool keyscan_data_endpoint(const char *url, char detail[FACT_TEXT_MAX]);
// 127.0.0.1, ::1 (without brackets) or localhost.
bool keyscan_loopback_host(const char *host);

#endif
