// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// lib/io/child.h: a strategy that answers weights drawn from the seed, or fails in one of the ways of real ones.
#include "lib/io/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/json_read.h"
#include "lib/base/text.h"
#include "tests/sim/child.h"
#include "tests/sim/world.h"

#define SYMBOLS_MAX 16

struct child {
    struct loop *loop;
    loop_timer timer;
    enum child_result result;
    int status;
    struct text output;
    void (*done)(void *arg, enum child_result result, int status, const char *output, size_t output_len,
                 const char *detail);
    void *arg;
};

static int64_t failures; // in millionths
static struct {
    char strategy[32], book[400];
} shown[2];

void child_failures(int64_t ppm)
{
    failures = ppm;
}

const char *child_book(const char *strategy)
{
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (strcmp(shown[i].strategy, strategy) == 0)
            return shown[i].book;
    return "never shown";
}

static void keep_book(const struct json_node *input)
{
    const char *strategy = json_string(json_get(json_get(input, "run"), "strategy"));
    const struct json_node *positions = json_get(input, "positions");
    size_t at = 0;
    struct text t;
    CHECK(strategy);
    while (shown[at].strategy[0] && strcmp(shown[at].strategy, strategy) != 0)
        CHECK(++at < ARRAY_LEN(shown));
    text_init(&t, sizeof shown[at].book - 1);
    for (size_t i = 0; i < json_size(positions); i++) {
        const struct json_node *p = json_at(positions, i);
        text_addf(&t, "%s %s @ %s, ", json_string(json_get(p, "symbol")), json_string(json_get(p, "qty")),
                  json_string(json_get(p, "avg_entry_price")));
    }
    snprintf(shown[at].strategy, sizeof shown[at].strategy, "%s", strategy);
    snprintf(shown[at].book, sizeof shown[at].book, "%s", text_str(&t));
    text_free(&t);
}

// Weights in hundredths, together at most 0.95.
static void answer(struct child *c, const char *input, size_t len)
{
    struct json_doc *doc;
    struct err err;
    void *cursor = NULL;
    const char *name;
    const struct json_node *value;
    int64_t left = 95;
    CHECK(json_doc_parse(input, len, &doc, &err) == 0);
    keep_book(json_doc_root(doc));
    const struct json_node *prices = json_get(json_doc_root(doc), "prices");
    text_add(&c->output, "{\"contract\":1,\"model\":{\"name\":\"drawn\",\"version\":\"1\"},\"targets\":[");
    for (size_t n = 0; n < SYMBOLS_MAX && json_each(prices, &cursor, &name, &value); n++) {
        int64_t weight = world_between(DRAW_CHILD, 0, left < 60 ? left : 60);
        left -= weight;
        text_addf(&c->output, "%s{\"symbol\":\"%s\",\"weight\":\"0.%02lld\",\"confidence\":\"0.5\",\"reason\":\"\"}",
                  n ? "," : "", name, (long long)weight);
    }
    text_add(&c->output, "]}");
    json_doc_free(doc);
}

static void ends(void *arg)
{
    struct child *c = arg;
    c->timer = 0;
    c->done(c->arg, c->result, c->status, text_str(&c->output), c->output.len, "");
}

struct child *child_start(const struct child_params *params)
{
    struct child *c = check_alloc(1, sizeof *c);
    *c = (struct child){.loop = params->loop, .done = params->done, .arg = params->arg, .result = CHILD_EXITED};
    text_init(&c->output, 1u << 20);
    int64_t takes_ms = world_between(DRAW_CHILD, 10, 800);
    if (!world_chance(DRAW_CHILD, failures)) {
        answer(c, params->input, params->input_len);
    } else if (world_chance(DRAW_CHILD, 300000)) {
        c->result = CHILD_TIMEOUT;
        takes_ms = params->timeout_ms + params->grace_ms;
    } else if (world_chance(DRAW_CHILD, 500000)) {
        c->status = 1;
    } else {
        text_add(&c->output, "{\"contract\":1,");
    }
    c->timer = loop_after_ms(c->loop, takes_ms, ends, c);
    return c;
}

void child_kill(struct child *c)
{
    c->result = CHILD_SIGNALLED;
    c->status = 9;
}

void child_free(struct child *c)
{
    if (!c)
        return;
    loop_cancel(c->loop, &c->timer);
    text_free(&c->output);
    free(c);
}

const char *child_result_name(enum child_result r)
{
    static const char *const names[] = {"exited",           "signalled",    "timeout",
                                        "output too large", "start failed", "start short"};
    return names[r];
}
