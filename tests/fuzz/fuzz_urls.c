// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/facts_dsn.o
//
// Any text, taken as the address of a database, of Redis and of the broker: what is left of a database address holds no
// password that libpq would find and means the same otherwise, a Redis address written anew means the same, and an
// endpoint is one of the few that are right.
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdint.h>

#include "daemon/facts_internal.h"
#include "lib/base/text.h"
#include "lib/guard/keyscan.h"
#include "lib/io/redis_url.h"
#include "tests/fuzz/fuzz_text.h"

// --- databases

static void check_settings(const char *dsn, const char *clean, const char *password)
{
    PQconninfoOption *before = PQconninfoParse(dsn, NULL), *after = PQconninfoParse(clean, NULL);
    if (!before) { // refused at the start, unseen
        PQconninfoFree(after);
        return;
    }
    CHECK(after);
    for (size_t i = 0; before[i].keyword; i++) {
        const bool secret = str_equal(before[i].keyword, "password");
        CHECK(!secret || !after[i].val);
        if (!str_equal(before[i].val, secret ? password : after[i].val)) {
            fprintf(stderr, "%s: \"%s\" became \"%s\" of %s\n", before[i].keyword, before[i].val,
                    secret ? password : after[i].val, clean);
            abort();
        }
    }
    PQconninfoFree(before);
    PQconninfoFree(after);
}

static void try_database(const char *dsn)
{
    char *clean = NULL, *password = NULL, word[16];
    struct err err = {.text = ""};
    if (facts_dsn_split(dsn, &clean, &password, &err) != 0) {
        CHECK(!clean && !password);
        text_check(err.text);
        return;
    }
    check_settings(dsn, clean, password);
    if (facts_looks_production(clean, word))
        text_check(word);
    free(clean);
    free(password);
}

// --- Redis

static void add_escaped(struct text *out, const char *s)
{
    for (; *s; s++)
        text_addf(out, "%%%02x", (unsigned)(unsigned char)*s);
}

static void write_redis(const struct redis_url *u, struct text *out)
{
    text_add(out, u->socket_path ? "unix://" : "redis://");
    if (u->user)
        add_escaped(out, u->user);
    if (u->password) {
        text_add(out, ":");
        add_escaped(out, u->password);
        text_add(out, "@");
    }
    if (u->socket_path)
        text_add(out, u->socket_path);
    else
        text_addf(out, "[%s]:%d", u->address, u->port);
    text_addf(out, "?db=%d", u->database);
}

static void check_redis(const struct redis_url *u)
{
    unsigned char binary[16];
    CHECK(!u->socket_path == !!u->address);
    CHECK(!u->address || inet_pton(AF_INET, u->address, binary) == 1 || inet_pton(AF_INET6, u->address, binary) == 1);
    CHECK(!u->socket_path || u->socket_path[0] == '/');
    CHECK(u->address ? u->port >= 1 && u->port <= 65535 : u->port == 0);
    CHECK(u->database >= 0 && u->database <= 65535);
    CHECK(!u->user || (u->user[0] && u->password));
    CHECK(!u->password || u->password[0]);
}

static void try_redis(const char *url)
{
    struct redis_url u = {.port = -7}, again;
    struct err err = {.text = ""};
    struct text t;
    if (redis_url_parse(url, &u, &err) != 0) {
        CHECK(u.port == -7);
        text_check(err.text);
        return;
    }
    check_redis(&u);
    text_init(&t, 1u << 16);
    write_redis(&u, &t);
    if (redis_url_parse(text_str(&t), &again, &err) != 0) {
        fprintf(stderr, "%s: %s\n", text_str(&t), err.text);
        abort();
    }
    CHECK(str_equal(u.socket_path, again.socket_path) && str_equal(u.address, again.address) && u.port == again.port);
    CHECK(str_equal(u.user, again.user) && str_equal(u.password, again.password) && u.database == again.database);
    redis_url_free(&u);
    redis_url_free(&again);
    text_free(&t);
}

// --- the broker

static void try_endpoint(const char *url)
{
    static const char *const right[] = {"https://paper-api.alpaca.markets", "https://paper-api.alpaca.markets/",
                                        "https://paper-api.alpaca.markets/v2", "https://paper-api.alpaca.markets/v2/"};
    char scheme[8] = "", host[128] = "", detail[FACT_TEXT_MAX] = "";
    int port = -7;
    bool listed = false;
    for (size_t i = 0; i < ARRAY_LEN(right); i++)
        listed = listed || strcmp(url, right[i]) == 0;
    CHECK((keyscan_endpoint(url, false, scheme, host, &port, detail) == ENDPOINT_PAPER) == listed);
    text_check(detail);
    const enum fact_endpoint kind = keyscan_endpoint(url, true, scheme, host, &port, detail);
    text_check(detail);
    CHECK((kind == ENDPOINT_PAPER) == listed);
    if (kind == ENDPOINT_PAPER)
        CHECK(strcmp(scheme, "https") == 0 && strcmp(host, PAPER_TRADING_HOST) == 0 && port == PAPER_PORT);
    else if (kind == ENDPOINT_SIMULATOR)
        CHECK(strncmp(url, "http://", 7) == 0 && keyscan_loopback_host(host) && port >= 1 && port <= 65535);
    else
        CHECK(kind == ENDPOINT_REFUSED && !scheme[0] && !host[0] && port == -7);
    CHECK(!keyscan_data_endpoint(url, detail) || strncmp(url, "https://" PAPER_DATA_HOST, 27) == 0);
    text_check(detail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (memchr(data, '\0', size))
        return 0;
    char *text = text_input(data, size);
    try_database(text);
    try_redis(text);
    try_endpoint(text);
    free(text);
    return 0;
}
