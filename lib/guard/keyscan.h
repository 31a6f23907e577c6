// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Recognising keys by shape: which class a key id has, which names and values must not be on a staging host. Pure.
#ifndef PAPERGUARD_GUARD_KEYSCAN_H
#define PAPERGUARD_GUARD_KEYSCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/guard/guard_facts.h"

enum fact_key_class keyscan_class(const char *key_id); // PKSIM… simulator, PK… paper, AK… live, else OTHER; "" MISSING
// A name whose parts (split at '_') contain LIVE and one of KEY, SECRET, TOKEN.
bool keyscan_live_name(const char *name);
// A whole word of AK + 16..30 upper-case letters or digits in value. AKIA… under a name that starts with AWS_ is not one
// (note set then).
bool keyscan_live_value(const char *name, const char *value, size_t len, bool *aws_note);
// Endpoint text as an operator wrote it: https://paper-api.alpaca.markets with or without /v2 (one trailing slash allowed);
// exact scheme, host, port. simulator_allowed also takes http://127.0.0.1:PORT, [::1]:PORT, localhost:PORT.
enum fact_endpoint keyscan_endpoint(const char *url, bool simulator_allowed, char scheme[8], char host[128], int *port,
                                    char detail[FACT_TEXT_MAX]);

#endif
