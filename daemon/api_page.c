// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Where a page of a list ended, as a token: "LIST SESSION AT ID" of its last row in base64url, with a sum that tells
// one that was cut. Rows are sorted by these and never change them, so the page that follows is the same whatever was
// added in front meanwhile.
#include "daemon/api_internal.h"

#include <stdio.h>
#include <string.h>

#define PLAIN_MAX (API_PAGE_TOKEN_MAX / 4 * 3)
#define SUM_DIGITS 8 // of SHA-256, behind a blank
#define NONE "-"
#define EARLIEST "-infinity" // of a row without a time, as Postgres writes it

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(const char *plain, size_t len, char out[API_PAGE_TOKEN_MAX])
{
    unsigned bits = 0, held = 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | (unsigned char)plain[i];
        for (held += 8; held >= 6; held -= 6)
            *out++ = DIGITS[bits >> (held - 6) & 63];
    }
    if (held)
        *out++ = DIGITS[bits << (6 - held) & 63];
    *out = '\0';
}

static bool decode(const char *token, char out[PLAIN_MAX])
{
    unsigned bits = 0, held = 0;
    size_t len = 0;
    for (; *token; token++) {
        const char *digit = strchr(DIGITS, *token);
        if (!digit)
            return false;
        bits = bits << 6 | (unsigned)(digit - DIGITS);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        char c = (char)(bits >> held & 255);
        if (c < ' ' || c >= 0x7f || len + 1 >= PLAIN_MAX)
            return false;
        out[len++] = c;
    }
    out[len] = '\0';
    return true;
}

static void put_sum(const char *plain, size_t len, char out[SUM_DIGITS + 2])
{
    struct digest d = digest_of(plain, len);
    char hex[DIGEST_HEX_MAX];
    snprintf(out, SUM_DIGITS + 2, " %.*s", SUM_DIGITS, digest_hex(&d, hex));
}

// Takes the sum off; false when it is another's.
static bool take_sum(char *plain)
{
    char sum[SUM_DIGITS + 2];
    size_t len = strlen(plain);
    if (len < sizeof sum)
        return false;
    len -= sizeof sum - 1;
    put_sum(plain, len, sum);
    bool same = str_equal(plain + len, sum);
    plain[len] = '\0';
    return same;
}

void api_page_token(const char *list, const struct api_page *p, char out[API_PAGE_TOKEN_MAX])
{
    char plain[PLAIN_MAX];
    int len = snprintf(plain, sizeof plain, "%s %s %s %s", list, p->session[0] ? p->session : NONE,
                       p->at[0] ? p->at : EARLIEST, p->id[0] ? p->id : NONE);
    CHECK(len > 0 && (size_t)len + SUM_DIGITS + 1 < sizeof plain);
    put_sum(plain, (size_t)len, plain + len);
    encode(plain, (size_t)len + SUM_DIGITS + 1, out);
}

// The next word of *at, which moves behind it.
static bool word(char **at, char *out, size_t size)
{
    size_t len = strcspn(*at, " ");
    if (len == 0 || len >= size)
        return false;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len + ((*at)[len] == ' ');
    return true;
}

bool api_page_read(const char *token, const char *list, bool numbered, struct api_page *out)
{
    char plain[PLAIN_MAX], name[16];
    char *at = plain;
    struct api_page p;
    struct day session;
    int64_t n;
    if (!decode(token, plain) || !take_sum(plain) || !word(&at, name, sizeof name) ||
        !word(&at, p.session, sizeof p.session) || !word(&at, p.at, sizeof p.at) || !word(&at, p.id, sizeof p.id) ||
        *at || !str_equal(name, list))
        return false;
    if (str_equal(p.session, NONE))
        p.session[0] = '\0';
    if ((p.session[0] && !day_parse(p.session, &session)) || (!str_equal(p.at, EARLIEST) && !when_parse(p.at, &n)) ||
        (numbered && !str_int64(p.id, 0, INT64_MAX, &n)))
        return false;
    *out = p;
    return true;
}
