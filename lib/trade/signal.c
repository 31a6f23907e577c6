// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Contract 1 on both sides: what a strategy is given, and the strict reading of its answer. A signal is taken whole or
// not at all; whatever is odd in it fails the member, because a guess here would become an order.
#include "lib/trade/signal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/json_read.h"
#include "lib/base/json_write.h"

#define CONTRACT 1
#define WHERE_MAX 48

// ---- writing the input ---------------------------------------------------------------------------------------------

static const struct signal_price *price_find(const struct signal_input *in, const char *symbol)
{
    for (size_t i = 0; i < in->price_count; i++)
        if (strcmp(in->prices[i].symbol, symbol) == 0)
            return &in->prices[i];
    return NULL;
}

static void write_position(const struct signal_input *in, const struct holding *h, struct json_out *o)
{
    const struct signal_price *p = price_find(in, h->symbol);
    struct price entry;
    struct money value;
    json_object_begin(o);
    json_put_string(o, "symbol", h->symbol);
    json_put_decimal(o, "qty", h->qty.nanos);
    if (decimal_div_nearest(h->cost.nanos, h->qty.nanos, &entry.nanos))
        json_put_decimal(o, "avg_entry_price", entry.nanos);
    else
        json_put_null(o, "avg_entry_price");
    if (p && p->price.nanos > 0 && notional_nearest(p->price, h->qty, &value))
        json_put_decimal(o, "market_value", value.nanos);
    else
        json_put_null(o, "market_value");
    json_object_end(o);
}

static void write_prices(const struct signal_input *in, struct json_out *o)
{
    json_key(o, "prices");
    json_object_begin(o);
    for (size_t i = 0; i < in->price_count; i++) {
        if (in->prices[i].price.nanos <= 0)
            continue;
        json_key(o, in->prices[i].symbol);
        json_object_begin(o);
        json_put_decimal(o, "price", in->prices[i].price.nanos);
        json_put_when(o, "as_of", in->prices[i].at);
        json_object_end(o);
    }
    json_object_end(o);
}

static void write_bars(const struct signal_input *in, struct json_out *o)
{
    json_key(o, "bars");
    json_object_begin(o);
    for (size_t i = 0; i < in->bar_count; i++) {
        json_key(o, in->bars[i].symbol);
        json_array_begin(o);
        for (size_t k = 0; k < in->bars[i].count; k++) {
            const struct alpaca_bar *b = &in->bars[i].bars[k];
            json_object_begin(o);
            json_put_when(o, "t", b->at);
            json_put_decimal(o, "o", b->open.nanos);
            json_put_decimal(o, "h", b->high.nanos);
            json_put_decimal(o, "l", b->low.nanos);
            json_put_decimal(o, "c", b->close.nanos);
            json_put_int(o, "v", b->volume);
            json_object_end(o);
        }
        json_array_end(o);
    }
    json_object_end(o);
}

static void write_run(const struct signal_input *in, struct json_out *o)
{
    json_key(o, "run");
    json_object_begin(o);
    json_put_string(o, "id", in->run_id);
    json_put_string(o, "strategy", in->strategy);
    json_put_string(o, "account", in->account);
    json_key(o, "session");
    json_add_day(o, in->session);
    json_put_string(o, "slot", in->slot);
    json_put_when(o, "as_of", in->as_of);
    json_put_when(o, "close", in->close);
    json_object_end(o);
    json_key(o, "account");
    json_object_begin(o);
    json_put_decimal(o, "equity", in->equity.nanos);
    json_put_decimal(o, "cash", in->cash.nanos);
    json_put_decimal(o, "buying_power", in->buying_power.nanos);
    json_object_end(o);
    json_put_decimal(o, "capital", in->capital.nanos);
}

void signal_input_write(const struct signal_input *in, struct text *out)
{
    struct json_out o;
    json_out_init(&o, out);
    json_object_begin(&o);
    json_put_int(&o, "contract", CONTRACT);
    write_run(in, &o);
    json_key(&o, "positions");
    json_array_begin(&o);
    for (size_t i = 0; in->book && i < in->book->count; i++)
        write_position(in, &in->book->items[i], &o);
    json_array_end(&o);
    write_prices(in, &o);
    write_bars(in, &o);
    json_key(&o, "params");
    json_add_raw(&o, in->params_json && *in->params_json ? in->params_json : "{}");
    json_object_end(&o);
}

// ---- reading the answer --------------------------------------------------------------------------------------------

// A decimal that must be a JSON string, between low and high. Numbers are refused although they could be read: half of
// all JSON writers print 0.1 + 0.2 as 0.30000000000000004, and the strategy's author should learn it here.
static int read_ratio(const struct json_node *obj, const char *where, const char *name, int64_t low, struct ratio *out,
                      struct err *err)
{
    const struct json_node *n = json_get(obj, name);
    const char *s = json_string(n);
    char a[DECIMAL_TEXT_MAX];
    int64_t nanos = 0;
    if (!n)
        return err_set(err, "%s.%s is missing, expected a decimal as a string", where, name);
    if (json_type_of(n) == JSON_IS_NUMBER)
        return err_set(err, "%s.%s is the number %.40s: write decimals as strings, \"%.40s\"", where, name,
                       json_number_text(n), json_number_text(n));
    if (!s)
        return err_set(err, "%s.%s is %s, expected a decimal as a string", where, name,
                       json_type_name(json_type_of(n)));
    enum decimal_result r = decimal_parse(s, strlen(s), DECIMAL_EXACT, &nanos);
    if (r != DECIMAL_OK)
        return err_set(err, "%s.%s is \"%.40s\" (%s), expected a plain decimal such as \"0.25\"", where, name, s,
                       decimal_result_text(r));
    if (nanos < low || nanos > DECIMAL_ONE)
        return err_set(err, "%s.%s is %s, expected %s to 1", where, name, decimal_format(nanos, a), low ? "-1" : "0");
    out->nanos = nanos;
    return 0;
}

static int read_label(const struct json_node *obj, const char *where, const char *name, char *out, size_t size,
                      struct err *err)
{
    const char *s = NULL;
    if (json_want_string(obj, where, name, &s, err))
        return -1;
    if (!*s || strlen(s) >= size)
        return err_set(err, "%s.%s has %zu characters, expected 1 to %zu", where, name, strlen(s), size - 1);
    str_copy_cut(out, size, s);
    return 0;
}

// Prose of the strategy: kept as far as it fits, never cut inside a character.
static void keep_reason(const char *s, char *out, size_t size)
{
    size_t len = strlen(s);
    if (len >= size) {
        len = size - 1;
        while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(out, s, len);
    out[len] = '\0';
}

static int read_target(const struct json_node *n, size_t index, const struct signal_input *in, bool long_only,
                       struct signal_target *out, struct err *err)
{
    static const char *const members[] = {"symbol", "weight", "confidence", "reason"};
    char where[WHERE_MAX], a[DECIMAL_TEXT_MAX];
    const char *reason = NULL;
    struct text t;
    text_init(&t, sizeof(where) - 1);
    text_addf(&t, "targets[%zu]", index);
    str_copy_cut(where, sizeof(where), text_str(&t));
    text_free(&t);
    if (json_type_of(n) != JSON_IS_OBJECT)
        return err_set(err, "%s is %s, expected an object", where, json_type_name(json_type_of(n)));
    if (json_only(n, where, members, ARRAY_LEN(members), err) ||
        read_label(n, where, "symbol", out->symbol, sizeof(out->symbol), err) ||
        read_ratio(n, where, "weight", -DECIMAL_ONE, &out->weight, err) ||
        json_opt_string(n, where, "reason", &reason, err))
        return -1;
    const struct signal_price *p = price_find(in, out->symbol);
    if (!p || p->price.nanos <= 0)
        return err_set(err, "%s names %s, which has no price in this run: only symbols of the input's prices count",
                       where, out->symbol);
    if (long_only && out->weight.nanos < 0)
        return err_set(err, "%s (%s) has weight %s: short positions are not allowed here", where, out->symbol,
                       decimal_format(out->weight.nanos, a));
    const struct json_node *confidence = json_get(n, "confidence");
    out->has_confidence = confidence && json_type_of(confidence) != JSON_IS_NULL;
    if (out->has_confidence && read_ratio(n, where, "confidence", 0, &out->confidence, err))
        return -1;
    keep_reason(reason ? reason : "", out->reason, sizeof(out->reason));
    return 0;
}

static int check_sum(const struct signal *s, struct err *err)
{
    char a[DECIMAL_TEXT_MAX];
    int64_t sum = 0; // at most SIGNAL_TARGETS_MAX times 1
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < i; k++)
            if (strcmp(s->targets[i].symbol, s->targets[k].symbol) == 0)
                return err_set(err, "targets[%zu] names %s again, after targets[%zu]: one target per symbol", i,
                               s->targets[i].symbol, k);
        sum += s->targets[i].weight.nanos < 0 ? -s->targets[i].weight.nanos : s->targets[i].weight.nanos;
    }
    if (sum > DECIMAL_ONE)
        return err_set(err, "the weights add up to %s (signs left aside), at most 1 of the capital",
                       decimal_format(sum, a));
    return 0;
}

static int read_targets(const struct json_node *root, const struct signal_input *in, bool long_only, struct signal *out,
                        struct err *err)
{
    const struct json_node *list = json_get(root, "targets");
    if (!list || json_type_of(list) != JSON_IS_ARRAY)
        return err_set(err, "targets is %s, expected an array", list ? json_type_name(json_type_of(list)) : "missing");
    if (json_size(list) > SIGNAL_TARGETS_MAX)
        return err_set(err, "targets has %zu entries, at most %d", json_size(list), SIGNAL_TARGETS_MAX);
    out->targets = check_alloc(json_size(list) + 1, sizeof(out->targets[0]));
    for (size_t i = 0; i < json_size(list); i++) {
        if (read_target(json_at(list, i), i, in, long_only, &out->targets[i], err))
            return -1;
        out->count = i + 1;
    }
    return check_sum(out, err);
}

static int read_head(const struct json_node *root, struct signal *out, struct err *err)
{
    static const char *const members[] = {"contract", "model", "targets"}, *const model_members[] = {"name", "version"};
    int64_t contract = 0;
    if (json_type_of(root) != JSON_IS_OBJECT)
        return err_set(err, "the answer is %s, expected an object", json_type_name(json_type_of(root)));
    if (json_only(root, "answer", members, ARRAY_LEN(members), err) ||
        json_want_int64(root, "answer", "contract", &contract, err))
        return -1;
    if (contract != CONTRACT)
        return err_set(err, "answer.contract is %lld, expected %d", (long long)contract, CONTRACT);
    const struct json_node *model = json_get(root, "model");
    if (!model || json_type_of(model) != JSON_IS_OBJECT)
        return err_set(err, "answer.model is %s, expected an object with name and version",
                       model ? json_type_name(json_type_of(model)) : "missing");
    if (json_only(model, "model", model_members, ARRAY_LEN(model_members), err) ||
        read_label(model, "model", "name", out->model_name, sizeof(out->model_name), err) ||
        read_label(model, "model", "version", out->model_version, sizeof(out->model_version), err))
        return -1;
    return 0;
}

int signal_parse(const char *text, size_t len, const struct signal_input *in, bool long_only, struct signal *out,
                 struct err *err)
{
    struct signal s = {0};
    struct json_doc *doc = NULL;
    if (json_doc_parse(text, len, &doc, err))
        return err_wrap(err, "the strategy's answer is not readable");
    const struct json_node *root = json_doc_root(doc);
    int rc = read_head(root, &s, err);
    if (rc == 0)
        rc = read_targets(root, in, long_only, &s, err);
    json_doc_free(doc);
    if (rc) {
        signal_free(&s);
        return -1;
    }
    *out = s;
    return 0;
}

void signal_free(struct signal *s)
{
    free(s->targets);
    memset(s, 0, sizeof(*s));
}
