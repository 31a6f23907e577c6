// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// SHA-256 (libcrypto's only door for digests), hex, constant-time compare, randomness.
#ifndef PAPERGUARD_BASE_DIGEST_H
#define PAPERGUARD_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/check.h"

#define DIGEST_LEN 32
#define DIGEST_HEX_MAX 65

struct digest {
    uint8_t bytes[DIGEST_LEN];
};

struct digest_state; // opaque; owned by the caller between new and finish

struct digest_state *digest_new(void);
void digest_add(struct digest_state *s, const void *data, size_t len);
// Adds an 8-byte big-endian length and then the bytes, so that ("ab","c") and ("a","bc") differ. NULL counts as a value
// of its own, apart from "" (for bytes: NULL with length 0 is the empty value).
void digest_add_field(struct digest_state *s, const char *field);
void digest_add_bytes_field(struct digest_state *s, const void *data, size_t len);
struct digest digest_finish(struct digest_state *s); // frees s
struct digest digest_of(const void *data, size_t len);
const char *digest_hex(const struct digest *d, char out[DIGEST_HEX_MAX]);
bool digest_equal(const struct digest *a, const struct digest *b); // constant time
bool digest_from_hex(const char *hex, struct digest *out) MUST_CHECK;
bool secret_equal(const char *a, const char *b); // compares SHA-256 of both in constant time; NULL equals nothing
void random_bytes(void *out, size_t len);        // getrandom; cannot fail
void uuid_from_digest(const struct digest *d, char out[37]); // version 8 layout, lower case with dashes

#endif
