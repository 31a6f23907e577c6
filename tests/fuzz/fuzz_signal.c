// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Any bytes, taken as what a strategy answers: what is taken names symbols of the run once, has weights that are a
// share of its capital, and written anew reads the same; what is refused is refused in one readable line.
//
// The first byte says whether short positions are allowed.
#include "lib/base/json_write.h"
#include "lib/base/text.h"
#include "lib/trade/signal.h"
#include "tests/fuzz/fuzz_text.h"

static const struct signal_price prices[] = {{"SPY", {500 * DECIMAL_ONE}, 1},
                                             {"BRK.B", {400 * DECIMAL_ONE}, 1},
                                             {"TLT", {90 * DECIMAL_ONE}, 1},
                                             {"GLD", {0}, 0}}; // known, without a price
static const struct signal_input input = {.run_id = "r",
                                          .strategy = "s",
                                          .account = "PASIM0000001",
                                          .slot = "x",
                                          .session = {2026, 10, 8},
                                          .capital = {10000 * DECIMAL_ONE},
                                          .prices = prices,
                                          .price_count = ARRAY_LEN(prices),
                                          .params_json = "{}"};

static bool has_price(const char *symbol)
{
    for (size_t i = 0; i < ARRAY_LEN(prices); i++)
        if (strcmp(prices[i].symbol, symbol) == 0)
            return prices[i].price.nanos > 0;
    return false;
}

static void check_signal(const struct signal *s, bool long_only)
{
    int64_t sum = 0;
    CHECK(s->model_name[0] && memchr(s->model_name, '\0', sizeof s->model_name));
    CHECK(s->model_version[0] && memchr(s->model_version, '\0', sizeof s->model_version));
    CHECK(s->count <= ARRAY_LEN(prices));
    for (size_t i = 0; i < s->count; i++) {
        const struct signal_target *t = &s->targets[i];
        CHECK(has_price(t->symbol));
        CHECK(memchr(t->reason, '\0', sizeof t->reason));
        CHECK(t->weight.nanos >= -DECIMAL_ONE && (!long_only || t->weight.nanos >= 0));
        CHECK(t->confidence.nanos >= 0 && t->confidence.nanos <= DECIMAL_ONE);
        for (size_t k = 0; k < i; k++)
            CHECK(strcmp(t->symbol, s->targets[k].symbol) != 0);
        sum += t->weight.nanos < 0 ? -t->weight.nanos : t->weight.nanos;
    }
    CHECK(sum <= DECIMAL_ONE);
}

static void write_anew(const struct signal *s, struct text *out)
{
    struct json_out o;
    json_out_init(&o, out);
    json_object_begin(&o);
    json_put_int(&o, "contract", 1);
    json_key(&o, "model");
    json_object_begin(&o);
    json_put_string(&o, "name", s->model_name);
    json_put_string(&o, "version", s->model_version);
    json_object_end(&o);
    json_key(&o, "targets");
    json_array_begin(&o);
    for (size_t i = 0; i < s->count; i++) {
        json_object_begin(&o);
        json_put_string(&o, "symbol", s->targets[i].symbol);
        json_put_decimal(&o, "weight", s->targets[i].weight.nanos);
        if (s->targets[i].has_confidence)
            json_put_decimal(&o, "confidence", s->targets[i].confidence.nanos);
        json_put_string(&o, "reason", s->targets[i].reason);
        json_object_end(&o);
    }
    json_array_end(&o);
    json_object_end(&o);
}

static void check_same(const struct signal *a, const struct signal *b)
{
    CHECK(strcmp(a->model_name, b->model_name) == 0 && strcmp(a->model_version, b->model_version) == 0);
    CHECK(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct signal_target *x = &a->targets[i], *y = &b->targets[i];
        CHECK(strcmp(x->symbol, y->symbol) == 0 && strcmp(x->reason, y->reason) == 0);
        CHECK(x->weight.nanos == y->weight.nanos && x->has_confidence == y->has_confidence);
        CHECK(x->confidence.nanos == y->confidence.nanos);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct signal s = {.count = 77}, again;
    struct err err = {.text = ""};
    struct text t;
    if (size == 0)
        return 0;
    const bool long_only = data[0] & 1;
    char *answer = text_input(data + 1, size - 1);
    const int rc = signal_parse(answer, size - 1, &input, long_only, &s, &err);
    free(answer);
    if (rc != 0) {
        CHECK(s.count == 77);
        text_check(err.text);
        return 0;
    }
    check_signal(&s, long_only);
    text_init(&t, 1u << 16);
    write_anew(&s, &t);
    if (signal_parse(text_str(&t), t.len, &input, long_only, &again, &err) != 0) {
        fprintf(stderr, "%s: %s\n", text_str(&t), err.text);
        abort();
    }
    check_same(&s, &again);
    signal_free(&s);
    signal_free(&again);
    text_free(&t);
    return 0;
}
