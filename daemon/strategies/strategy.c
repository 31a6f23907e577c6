// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Reading stdin, checking the contract, writing the answer in one piece once everything is good.
#include "daemon/strategies/strategy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/json_write.h"
#include "lib/trade/signal.h"

#define CONTRACT 1
#define INPUT_MAX (64u * 1024 * 1024)
#define ANSWER_MAX (1024u * 1024)
#define EXIT_USAGE 2

struct strategy_input {
    struct text text;
    struct json_doc *doc;
    const struct json_node *root, *params, *prices;
};

struct strategy_answer {
    struct signal_target targets[SIGNAL_TARGETS_MAX];
    size_t count;
    int64_t sum; // of |weight|
};

const struct json_node *strategy_root(const struct strategy_input *in)
{
    return in->root;
}

const struct json_node *strategy_params(const struct strategy_input *in)
{
    return in->params;
}

int strategy_price(const struct strategy_input *in, const char *symbol, struct price *out, struct err *err)
{
    const struct json_node *n = json_get(in->prices, symbol);
    struct price p;
    if (!n)
        return err_set(err, "%s has no price in this run: list it in the strategy's symbols, or correct its name",
                       symbol);
    if (json_want_decimal(n, "price", "price", DECIMAL_EXACT, &p.nanos, err))
        return err_wrap(err, "%s", symbol);
    if (p.nanos <= 0)
        return err_set(err, "%s: the price is not above zero", symbol);
    *out = p;
    return 0;
}

int strategy_target(struct strategy_answer *answer, const struct strategy_input *in, const char *symbol,
                    struct ratio weight, const char *reason, struct err *err)
{
    struct price price;
    if (strategy_price(in, symbol, &price, err))
        return -1;
    for (size_t i = 0; i < answer->count; i++)
        if (strcmp(answer->targets[i].symbol, symbol) == 0)
            return err_set(err, "%s has a target already", symbol);
    if (answer->count == SIGNAL_TARGETS_MAX)
        return err_set(err, "more than %d targets", SIGNAL_TARGETS_MAX);
    if (weight.nanos < -DECIMAL_ONE || weight.nanos > DECIMAL_ONE)
        return err_set(err, "the weight of %s is not between -1 and 1", symbol);
    int64_t sum = answer->sum + (weight.nanos < 0 ? -weight.nanos : weight.nanos);
    if (sum > DECIMAL_ONE)
        return err_set(err, "with %s the weights add up to more than 1", symbol);
    struct signal_target *t = &answer->targets[answer->count];
    if (!str_copy(t->symbol, sizeof(t->symbol), symbol))
        return err_set(err, "the symbol \"%.32s\" is too long", symbol);
    str_copy_cut(t->reason, sizeof(t->reason), reason ? reason : "");
    t->weight = weight;
    answer->sum = sum;
    answer->count++;
    return 0;
}

static int read_all(FILE *from, struct text *out, struct err *err)
{
    char chunk[65536];
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), from)) > 0)
        text_addn(out, chunk, n);
    if (ferror(from))
        return err_set(err, "stdin could not be read to its end");
    if (out->overflow)
        return err_set(err, "the input has more than %u bytes", INPUT_MAX);
    if (out->len == 0)
        return err_set(err, "stdin is empty, expected the input of contract %d as JSON", CONTRACT);
    return 0;
}

static int object_member(const struct json_node *root, const char *name, const struct json_node **out, struct err *err)
{
    const struct json_node *n = json_get(root, name);
    if (!n || json_type_of(n) != JSON_IS_OBJECT)
        return err_set(err, "input.%s is %s, expected an object", name,
                       n ? json_type_name(json_type_of(n)) : "missing");
    *out = n;
    return 0;
}

static int input_read(struct strategy_input *in, struct err *err)
{
    int64_t contract = 0;
    if (read_all(stdin, &in->text, err) || json_doc_parse(in->text.data, in->text.len, &in->doc, err))
        return -1;
    in->root = json_doc_root(in->doc);
    if (json_type_of(in->root) != JSON_IS_OBJECT)
        return err_set(err, "the input is %s, expected an object", json_type_name(json_type_of(in->root)));
    if (json_want_int64(in->root, "input", "contract", &contract, err))
        return -1;
    if (contract != CONTRACT)
        return err_set(err, "input.contract is %lld, this strategy speaks %d", (long long)contract, CONTRACT);
    return object_member(in->root, "prices", &in->prices, err) || object_member(in->root, "params", &in->params, err)
               ? -1
               : 0;
}

static int answer_write(const struct strategy_answer *a, const char *model, const char *version, struct err *err)
{
    struct text t;
    struct json_out o;
    text_init(&t, ANSWER_MAX);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_int(&o, "contract", CONTRACT);
    json_key(&o, "model");
    json_object_begin(&o);
    json_put_string(&o, "name", model);
    json_put_string(&o, "version", version);
    json_object_end(&o);
    json_key(&o, "targets");
    json_array_begin(&o);
    for (size_t i = 0; i < a->count; i++) {
        json_object_begin(&o);
        json_put_string(&o, "symbol", a->targets[i].symbol);
        json_put_decimal(&o, "weight", a->targets[i].weight.nanos);
        if (*a->targets[i].reason)
            json_put_string(&o, "reason", a->targets[i].reason);
        json_object_end(&o);
    }
    json_array_end(&o);
    json_object_end(&o);
    text_addc(&t, '\n');
    int rc = 0;
    if (t.overflow)
        rc = err_set(err, "the answer has more than %u bytes", ANSWER_MAX);
    else if (fwrite(t.data, 1, t.len, stdout) != t.len || fflush(stdout) != 0)
        rc = err_set(err, "the answer could not be written to stdout");
    text_free(&t);
    return rc;
}

int strategy_main(int argc, char **argv, const char *model, const char *version, strategy_fn *fn)
{
    struct strategy_input in = {0};
    struct err err = {0};
    if (argc > 1) {
        fprintf(stderr, "%s %s: takes no arguments (found \"%.64s\"); contract %d comes in on stdin as JSON\n", model,
                version, argv[1], CONTRACT);
        return EXIT_USAGE;
    }
    struct strategy_answer *answer = check_alloc(1, sizeof(*answer));
    text_init(&in.text, INPUT_MAX);
    int rc = input_read(&in, &err);
    if (rc == 0)
        rc = fn(&in, answer, &err);
    if (rc == 0)
        rc = answer_write(answer, model, version, &err);
    if (rc)
        fprintf(stderr, "%s: %s\n", model, err.text);
    json_doc_free(in.doc);
    text_free(&in.text);
    free(answer);
    return rc ? 1 : 0;
}
