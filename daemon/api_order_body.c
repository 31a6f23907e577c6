// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The body of POST /api/v1/orders as an intent, and the comparison that tells whether two say the same.
#include "daemon/api_internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/json_read.h"

#define WHERE "order"
#define ID_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:"
#define DERIVED_DIGITS 32

static int read_words(const struct json_node *n, struct order_request *r, struct err *err)
{
    const char *symbol, *side, *type = NULL, *other = NULL, *tif = NULL;
    if (json_want_string(n, WHERE, "symbol", &symbol, err) != 0 ||
        json_want_string(n, WHERE, "side", &side, err) != 0 || json_opt_string(n, WHERE, "type", &type, err) != 0 ||
        json_opt_string(n, WHERE, "order_type", &other, err) != 0 ||
        json_opt_string(n, WHERE, "time_in_force", &tif, err) != 0)
        return -1;
    if (type && other && !str_equal(type, other))
        return err_set(err, "order.type and order.order_type differ: give one of them");
    type = type ? type : other;
    r->type = ORDER_MARKET;
    r->tif = TIF_DAY;
    if (!symbol_valid(symbol) || !str_copy(r->symbol, sizeof r->symbol, symbol))
        return err_set(err, "order.symbol \"%.40s\" is not a symbol in upper case, such as SPY or BRK.B", symbol);
    if (!order_side_parse(side, &r->side))
        return err_set(err, "order.side is \"%.40s\", expected buy or sell", side);
    if (type && !order_type_parse(type, &r->type))
        return err_set(err, "order.type is \"%.40s\", expected market or limit", type);
    if (tif && !order_tif_parse(tif, &r->tif))
        return err_set(err, "order.time_in_force is \"%.40s\", expected day, gtc, opg, cls, ioc or fok", tif);
    return 0;
}

static int read_numbers(const struct json_node *n, struct order_request *r, struct err *err)
{
    bool has;
    if (json_opt_decimal(n, WHERE, "qty", DECIMAL_EXACT, &has, &r->qty.nanos, err) != 0 ||
        json_opt_decimal(n, WHERE, "notional", DECIMAL_EXACT, &has, &r->notional.nanos, err) != 0 ||
        json_opt_decimal(n, WHERE, "limit_price", DECIMAL_EXACT, &has, &r->limit_price.nanos, err) != 0)
        return -1;
    if (r->notional.nanos && r->side == ORDER_SELL) // how many shares that takes shows only when it is filled
        return err_set(err, "order.notional is for buys only: a sell names its shares in order.qty");
    const struct json_node *extended = json_get(n, "extended_hours");
    if (extended && json_type_of(extended) != JSON_IS_NULL && !json_bool(extended, &r->extended_hours))
        return err_set(err, "order.extended_hours must be true or false");
    return 0;
}

// Ids stand in paths and in the journal, and ours are derived.
static int read_id(const struct json_node *n, struct order_request *r, struct err *err)
{
    const char *id = NULL;
    if (json_opt_string(n, WHERE, "client_order_id", &id, err) != 0)
        return -1;
    if (!id)
        return 0;
    size_t len = strlen(id);
    if (len == 0 || len != strspn(id, ID_CHARS) || !str_copy(r->client_order_id, sizeof r->client_order_id, id))
        return err_set(err,
                       "order.client_order_id must have 1 to %d letters, digits and -_.:", CLIENT_ORDER_ID_MAX - 1);
    if (client_order_id_ours(id))
        return err_set(err, "order.client_order_id: the prefix pg1- is reserved for orders of runs");
    return 0;
}

static int read_strategy(const struct json_node *n, const struct config *config, struct intent *out, struct err *err)
{
    const char *name = NULL, *names[CONFIG_STRATEGIES_MAX];
    size_t count = config ? config->strategy_count : 0;
    if (json_opt_string(n, WHERE, "strategy", &name, err) != 0 || !name)
        return name ? -1 : 0;
    for (size_t i = 0; i < count; i++) {
        names[i] = config->strategies[i].name;
        if (str_equal(names[i], name) && str_copy(out->strategy, sizeof out->strategy, name))
            return 0;
    }
    const char *near = str_nearest(name, names, count);
    return err_set(err, "order.strategy: no strategy is called \"%.40s\"%s%s%s", name, near ? "; did you mean \"" : "",
                   near ? near : "", near ? "\"?" : "");
}

void api_order_derive_id(struct intent *in, int ordinal)
{
    struct text body;
    char day[WHEN_TEXT_MAX], hex[DIGEST_HEX_MAX];
    text_init(&body, 4096);
    in->order.client_order_id[0] = '\0'; // what it was called before says nothing
    order_request_write(&in->order, &body);
    struct digest_state *s = digest_new();
    digest_add_field(s, "http");
    digest_add_field(s, in->account);
    digest_add_field(s, day_format(in->session, day));
    digest_add_field(s, in->strategy);
    digest_add_field(s, text_str(&body));
    if (ordinal > 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", ordinal);
        digest_add_field(s, number);
    }
    struct digest d = digest_finish(s);
    snprintf(in->order.client_order_id, sizeof in->order.client_order_id, "pg1-%.*s", DERIVED_DIGITS,
             digest_hex(&d, hex));
    text_free(&body);
}

static int read_order(const struct json_node *root, const struct config *config, struct intent *in, struct err *err)
{
    static const char *const members[] = {"client_order_id", "symbol",   "side",      "type",
                                          "time_in_force",   "qty",      "notional",  "limit_price",
                                          "extended_hours",  "strategy", "order_type"};
    if (json_only(root, WHERE, members, ARRAY_LEN(members), err) != 0 || read_words(root, &in->order, err) != 0 ||
        read_numbers(root, &in->order, err) != 0 || read_id(root, &in->order, err) != 0 ||
        read_strategy(root, config, in, err) != 0)
        return -1;
    if (!in->order.client_order_id[0])
        api_order_derive_id(in, 0);
    return order_request_check(&in->order, err);
}

int api_order_read(struct http_exchange *x, const struct config *config, struct intent *in, struct err *err)
{
    struct json_doc *doc;
    size_t len;
    const char *body = http_exchange_body(x, &len);
    if (!api_body_is_json(x)) {
        err_set(err, "Content-Type must be application/json");
        return 415;
    }
    if (json_doc_parse(body, len, &doc, err) != 0) {
        (void)err_wrap(err, "the body is not JSON");
        return 400;
    }
    int rc = read_order(json_doc_root(doc), config, in, err);
    json_doc_free(doc);
    return rc == 0 ? 0 : 400;
}

// --- the same order?

bool api_order_same(const struct intent *a, const struct intent *b)
{
    const struct order_request *p = &a->order, *q = &b->order;
    return str_equal(p->symbol, q->symbol) && p->side == q->side && p->type == q->type && p->tif == q->tif &&
           p->qty.nanos == q->qty.nanos && p->notional.nanos == q->notional.nanos &&
           p->limit_price.nanos == q->limit_price.nanos && p->extended_hours == q->extended_hours &&
           str_equal(a->strategy, b->strategy);
}

int api_order_from_row(const struct json_node *row, struct intent *out, enum order_status *status, struct err *err)
{
    const char *id, *word, *strategy = NULL, *run = NULL;
    struct intent in = {.leg = 0};
    if (json_want_string(row, WHERE, "client_order_id", &id, err) != 0 ||
        json_want_string(row, WHERE, "status", &word, err) != 0 || read_words(row, &in.order, err) != 0 ||
        read_numbers(row, &in.order, err) != 0 || json_opt_string(row, WHERE, "strategy", &strategy, err) != 0 ||
        json_opt_string(row, WHERE, "run_id", &run, err) != 0)
        return -1;
    str_copy_cut(in.order.client_order_id, sizeof in.order.client_order_id, id);
    str_copy_cut(in.strategy, sizeof in.strategy, strategy ? strategy : "");
    str_copy_cut(in.run_id, sizeof in.run_id, run ? run : "");
    *out = in;
    *status = order_status_parse(word);
    return 0;
}
