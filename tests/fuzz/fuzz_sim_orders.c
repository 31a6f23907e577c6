// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/sim/exchange*.o daemon/sim/market*.o daemon/sim/sim_*.o
//
// Any lines, taken as requests to the simulated API: every answer is JSON with a status that the API has, and in the
// end cash, shares and reservations agree with the fills. A line is "METHOD TARGET BODY" or a number of milliseconds to
// wait; @2 in a target stands for the id of the second order.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim.h"
#include "lib/base/json_read.h"

#define INPUT_MAX 4096
#define LINES_MAX 40
#define KEY "PKSIMFUZZ00000000001"
#define SECRET "a-secret-for-fuzzing-only"
#define BEGIN INT64_C(1795186800000000000) // 2026-11-20T15:00:00Z
#define WAIT_MAX (3 * 86400 * INT64_C(1000))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool status_known(int status)
{
    static const int known[] = {200, 204, 207, 400, 401, 403, 404, 405, 422, 500};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i] == status)
            return true;
    return false;
}

static void ask(struct sim *sim, struct sim_request *q, int64_t now)
{
    struct sim_reply reply;
    struct json_doc *doc;
    sim_handle(sim, q, now, &reply);
    CHECK(status_known(reply.status));
    CHECK((reply.status == 204) == (reply.body.len == 0));
    if (reply.status != 204) {
        CHECK(json_doc_parse(reply.body.data, reply.body.len, &doc, NULL) == 0);
        json_doc_free(doc);
    }
    sim_reply_free(&reply);
}

static bool method_of(const char *word, enum http_method *out)
{
    for (int i = 0; i < HTTP_METHOD_COUNT; i++)
        if (strcmp(word, http_method_name((enum http_method)i)) == 0) {
            *out = (enum http_method)i;
            return true;
        }
    return false;
}

// @N becomes the id of the N-th order.
static void path_with_ids(const struct exchange *e, const char *target, char *out, size_t size)
{
    const char *mark = strchr(target, '@');
    size_t n = mark != NULL ? strtoul(mark + 1, NULL, 10) : 0;
    if (n == 0 || n > exchange_order_count(e))
        str_copy_cut(out, size, target);
    else
        snprintf(out, size, "%.*s%s", (int)(mark - target), target, exchange_order_at(e, n - 1)->id);
}

static void line_run(struct sim *sim, char *line, int64_t *now)
{
    char path[512], *rest = line, *query;
    const char *method = strsep(&rest, " "), *target = rest != NULL ? strsep(&rest, " ") : NULL;
    struct sim_request q = {.query = "", .key = KEY, .secret = SECRET, .body = rest != NULL ? rest : ""};
    q.body_len = strlen(q.body);
    int64_t wait;
    if (str_int64(method, 0, WAIT_MAX, &wait)) {
        *now += wait * NS_PER_MS;
        return;
    }
    if (target == NULL || !method_of(method, &q.method))
        return;
    path_with_ids(sim_exchange(sim), target, path, sizeof path);
    if ((query = strchr(path, '?')) != NULL) {
        *query = '\0';
        q.query = query + 1;
    }
    q.path = path;
    ask(sim, &q, *now);
}

static void books_agree(struct sim *sim, int64_t now)
{
    struct exchange *e = sim_exchange(sim);
    exchange_advance(e, now);
    int64_t cash = exchange_params(e)->cash.nanos, reserved = 0;
    for (size_t i = 0; i < exchange_fill_count(e); i++)
        cash += exchange_fill_at(e, i)->cash.nanos;
    for (size_t i = 0; i < exchange_nta_count(e); i++)
        cash += exchange_nta_at(e, i)->net_amount.nanos;
    for (size_t i = 0; i < exchange_order_count(e); i++) {
        const struct exchange_order *o = exchange_order_at(e, i);
        CHECK(o->reserved.nanos >= 0 && o->held.nanos >= 0 && o->filled_qty.nanos >= 0);
        reserved += o->reserved.nanos;
    }
    CHECK(exchange_cash(e).nanos == cash);
    CHECK(exchange_account_at(e, now).reserved.nanos == reserved);
    exchange_cancel_all(e, now);
    CHECK(exchange_account_at(e, now).reserved.nanos == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX || when_zone_init(NULL) != 0)
        return 0;
    struct sim_params p = {.key = KEY, .secret = SECRET, .data_dir = "conf/sample-data"};
    p.market = (struct market_params){.seed = 1, .speed = 1};
    p.exchange = (struct exchange_params){.seed = 1,
                                          .cash = {100000 * DECIMAL_ONE},
                                          .multiplier = 4,
                                          .shorting = true,
                                          .fill_delay_ns = 100 * NS_PER_MS,
                                          .partial_ppm = 300000};
    struct err err = {.text = ""};
    int64_t now = BEGIN;
    struct sim *sim = sim_new(&p, now, &err);
    if (sim == NULL) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    char *text = check_strndup((const char *)data, size), *rest = text, *line;
    for (int i = 0; i < LINES_MAX && (line = strsep(&rest, "\n")) != NULL; i++)
        line_run(sim, line, &now);
    books_agree(sim, now);
    free(text);
    sim_free(sim);
    return 0;
}
