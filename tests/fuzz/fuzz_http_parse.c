// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Any bytes, taken as the requests of one connection: however they are split, the verdict of every request is the same,
// nothing is read past what was given, and an accepted request obeys the rules the rest of the house builds on.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/http_parse.h"

#define BODY_MAX 64
#define REQUESTS_MAX 8
#define INPUT_MAX 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct verdict { // what one request came to; where it ended in the input
    enum http_parse_state state;
    int status;
    const char *reason;
    size_t end;
    uint64_t content;
};

static uint64_t hash_add(uint64_t h, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return (h ^ len) * UINT64_C(0x100000001b3);
}

static uint64_t content_of(const struct http_parser *p)
{
    size_t len;
    const char *body = http_parser_body(p, &len);
    uint64_t h = hash_add((uint64_t)http_parser_method(p), body, len);
    h = hash_add(h, http_parser_target(p), strlen(http_parser_target(p)));
    for (size_t i = 0; i < http_parser_header_count(p); i++) {
        const char *name, *value;
        http_parser_header_at(p, i, &name, &value);
        h = hash_add(h, name, strlen(name));
        h = hash_add(h, value, strlen(value));
    }
    return h * 8 + (http_parser_keep_alive(p) ? 4u : 0u) + (http_parser_wants_upgrade(p) ? 2u : 0u) +
           (http_parser_expects_continue(p) ? 1u : 0u);
}

static void check_accepted(const struct http_parser *p)
{
    size_t len, hosts = 0;
    const char *body = http_parser_body(p, &len);
    CHECK(len <= BODY_MAX && body[len] == '\0');
    CHECK(http_parser_target(p)[0] == '/' && strlen(http_parser_target(p)) <= HTTP_TARGET_MAX);
    CHECK(strstr(http_parser_path(p), "/../") == NULL && strchr(http_parser_path(p), '?') == NULL);
    CHECK(http_parser_header_count(p) <= HTTP_HEADERS_MAX);
    for (size_t i = 0; i < http_parser_header_count(p); i++) {
        const char *name, *value;
        http_parser_header_at(p, i, &name, &value);
        hosts += strcasecmp(name, "Host") == 0 ? 1 : 0;
        CHECK(*name != '\0' && strpbrk(name, " \t\r\n:") == NULL && strpbrk(value, "\r\n") == NULL);
    }
    CHECK(hosts == 1 && http_parser_host(p)[0] != '\0');
    CHECK(http_parser_header(p, "Transfer-Encoding") == NULL || http_parser_header(p, "Content-Length") == NULL);
    char value[16];
    enum http_query found = http_query_find(http_parser_query(p), "a", value, sizeof value);
    CHECK(found != HTTP_QUERY_FOUND || strlen(value) < sizeof value);
}

// Feeds one piece from a copy of exactly its size, so that an over-read is seen.
static size_t feed_piece(struct http_parser *p, const uint8_t *data, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    CHECK(copy != NULL);
    memcpy(copy, data, len);
    size_t taken = http_parser_feed(p, copy, len);
    CHECK(taken <= len);
    free(copy);
    return taken;
}

// One way to split: whole, in single bytes, cut once, or in pieces of pseudo-random lengths.
static size_t piece_len(unsigned way, size_t at, size_t size, uint32_t *seed)
{
    size_t rest = size - at;
    if (way == 0)
        return rest;
    if (way == 1)
        return 1;
    *seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
    size_t n = 1 + (*seed >> 16) % (way == 2 ? size : 32);
    return n < rest ? n : rest;
}

static size_t run(const uint8_t *data, size_t size, unsigned way, struct verdict *out)
{
    struct http_parser *p = http_parser_new(&(struct http_parse_limits){.body_max = BODY_MAX});
    uint32_t seed = (uint32_t)size * 2654435761u + way + (size > 0 ? data[size / 2] : 0u);
    size_t count = 0, at = 0;
    for (bool more = true; more && count < REQUESTS_MAX;) {
        while (at < size && http_parser_state(p) != HTTP_PARSE_DONE && http_parser_state(p) != HTTP_PARSE_FAILED) {
            size_t n = piece_len(way, at, size, &seed);
            size_t taken = feed_piece(p, data + at, n);
            CHECK(taken == n || http_parser_state(p) >= HTTP_PARSE_DONE);
            at += taken;
        }
        enum http_parse_state state = http_parser_state(p);
        if (state == HTTP_PARSE_DONE)
            check_accepted(p);
        out[count++] = (struct verdict){state, http_parser_status(p), http_parser_reason(p), at, content_of(p)};
        more = state == HTTP_PARSE_DONE && at < size;
        http_parser_reset(p);
    }
    http_parser_free(p);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        return 0;
    struct verdict first[REQUESTS_MAX], other[REQUESTS_MAX];
    size_t count = run(data, size, 0, first);
    for (unsigned way = 1; way < 4; way++) {
        CHECK(run(data, size, way, other) == count);
        for (size_t i = 0; i < count; i++) {
            CHECK(first[i].state == other[i].state && first[i].status == other[i].status);
            CHECK(strcmp(first[i].reason, other[i].reason) == 0);
            CHECK(first[i].end == other[i].end && first[i].content == other[i].content);
        }
    }
    return 0;
}
