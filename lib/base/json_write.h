// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Writing JSON: a streaming writer onto a bounded text. Decimals are written from their integers, as strings (Alpaca's
// trading convention) or as exact JSON numbers (its market data convention), never through a double. This is our own
// and not jansson's, which can only print a real from a double. Commas are the writer's business; nesting is checked.
#ifndef PAPERGUARD_BASE_JSON_WRITE_H
#define PAPERGUARD_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/text.h"
#include "lib/base/when.h"

#define JSON_WRITE_DEPTH 24

struct json_out {
    struct text *text; // borrowed
    unsigned depth;
    bool comma[JSON_WRITE_DEPTH];     // the next member needs a comma first
    bool in_object[JSON_WRITE_DEPTH]; // per level: object or array
    bool after_key;
};

void json_out_init(struct json_out *o, struct text *text);
void json_object_begin(struct json_out *o);
void json_object_end(struct json_out *o);
void json_array_begin(struct json_out *o);
void json_array_end(struct json_out *o);
void json_key(struct json_out *o, const char *name);
void json_add_string(struct json_out *o, const char *s); // NULL writes null; invalid UTF-8 becomes U+FFFD
void json_add_bool(struct json_out *o, bool b);
void json_add_int(struct json_out *o, int64_t n);
void json_add_null(struct json_out *o);
void json_add_decimal(struct json_out *o, int64_t nanos);        // as a string: "1.5"
void json_add_decimal_number(struct json_out *o, int64_t nanos); // as a number: 1.5
void json_add_when(struct json_out *o, int64_t ns);              // RFC 3339 UTC string
void json_add_day(struct json_out *o, struct day d);
void json_add_raw(struct json_out *o, const char *json); // trusted, already JSON

// Key and value in one line.
void json_put_string(struct json_out *o, const char *key, const char *s);
void json_put_bool(struct json_out *o, const char *key, bool b);
void json_put_int(struct json_out *o, const char *key, int64_t n);
void json_put_null(struct json_out *o, const char *key);
void json_put_decimal(struct json_out *o, const char *key, int64_t nanos);
void json_put_decimal_number(struct json_out *o, const char *key, int64_t nanos);
void json_put_when(struct json_out *o, const char *key, int64_t ns);

#endif
