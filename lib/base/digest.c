// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The door to libcrypto's digests.
#include "lib/base/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include "lib/base/text.h"

struct digest_state {
    EVP_MD_CTX *ctx;
};

struct digest_state *digest_new(void)
{
    struct digest_state *s = check_alloc(1, sizeof *s);
    s->ctx = EVP_MD_CTX_new();
    CHECK(s->ctx != NULL);
    CHECK(EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL) == 1);
    return s;
}

void digest_add(struct digest_state *s, const void *data, size_t len)
{
    if (len > 0)
        CHECK(EVP_DigestUpdate(s->ctx, data, len) == 1);
}

static void add_length(struct digest_state *s, uint64_t len)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(len >> (56 - 8 * i));
    digest_add(s, bytes, sizeof bytes);
}

void digest_add_field(struct digest_state *s, const char *field)
{
    if (field == NULL)
        add_length(s, UINT64_MAX); // no string is that long
    else
        digest_add_bytes_field(s, field, strlen(field));
}

void digest_add_bytes_field(struct digest_state *s, const void *data, size_t len)
{
    add_length(s, len);
    digest_add(s, data, len);
}

struct digest digest_finish(struct digest_state *s)
{
    struct digest d;
    unsigned len = 0;
    CHECK(EVP_DigestFinal_ex(s->ctx, d.bytes, &len) == 1 && len == DIGEST_LEN);
    EVP_MD_CTX_free(s->ctx);
    free(s);
    return d;
}

struct digest digest_of(const void *data, size_t len)
{
    struct digest_state *s = digest_new();
    digest_add(s, data, len);
    return digest_finish(s);
}

static void hex_of(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

const char *digest_hex(const struct digest *d, char out[DIGEST_HEX_MAX])
{
    hex_of(d->bytes, DIGEST_LEN, out);
    return out;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, DIGEST_LEN) == 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool digest_from_hex(const char *hex, struct digest *out)
{
    struct digest d;
    if (hex == NULL || strlen(hex) != 2 * DIGEST_LEN)
        return false;
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        d.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = d;
    return true;
}

bool secret_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return false;
    struct digest left = digest_of(a, strlen(a)), right = digest_of(b, strlen(b));
    bool equal = digest_equal(&left, &right);
    mem_wipe(&left, sizeof left);
    mem_wipe(&right, sizeof right);
    return equal;
}

void random_bytes(void *out, size_t len)
{
    uint8_t *p = out;
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        CHECK(n > 0); // the kernel's generator cannot fail once it is seeded, and this call waits for that
        p += n;
        len -= (size_t)n;
    }
}

void uuid_from_digest(const struct digest *d, char out[37])
{
    uint8_t b[16];
    memcpy(b, d->bytes, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x80); // version 8: what the bits mean is ours
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80); // variant of RFC 9562
    static const uint8_t groups[] = {4, 2, 2, 2, 6};
    const uint8_t *from = b;
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        hex_of(from, groups[i], out);
        out += 2 * groups[i];
        from += groups[i];
        *out++ = i + 1 < ARRAY_LEN(groups) ? '-' : '\0';
    }
}
