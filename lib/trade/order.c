// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Words of orders, the body that is committed and sent, the rules that need nobody else's knowledge, and our order ids.
#include "lib/trade/order.h"

#include <string.h>

#include "lib/base/digest.h"
#include "lib/base/json_write.h"

#define CENT INT64_C(10000000)  // 0.01
#define SUBCENT INT64_C(100000) // 0.0001, the tick below one dollar
#define ID_DIGITS 32            // hex digits of our ids
#define ID_PREFIX "pg1-"
#define SYMBOL_CHARS_MAX 12

static const char *const side_words[] = {"buy", "sell"};
static const char *const type_words[] = {"market", "limit", "stop", "stop_limit", "trailing_stop"};
static const char *const tif_words[] = {"day", "gtc", "opg", "cls", "ioc", "fok"};

#define STATUS_WORD(symbol, word, rank, terminal) word,
#define STATUS_RANK(symbol, word, rank, terminal) rank,
#define STATUS_TERMINAL(symbol, word, rank, terminal) terminal,
static const char *const status_words[] = {ORDER_STATUSES(STATUS_WORD)};
static const int status_ranks[] = {ORDER_STATUSES(STATUS_RANK)};
static const bool status_terminals[] = {ORDER_STATUSES(STATUS_TERMINAL)};

static int word_index(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; word && i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (int)i;
    return -1;
}

const char *order_side_name(enum order_side s)
{
    CHECK((size_t)s < ARRAY_LEN(side_words));
    return side_words[s];
}

const char *order_type_name(enum order_type t)
{
    CHECK((size_t)t < ARRAY_LEN(type_words));
    return type_words[t];
}

const char *order_tif_name(enum order_tif t)
{
    CHECK((size_t)t < ARRAY_LEN(tif_words));
    return tif_words[t];
}

const char *order_status_name(enum order_status s)
{
    CHECK((size_t)s < ARRAY_LEN(status_words));
    return status_words[s];
}

bool order_side_parse(const char *word, enum order_side *out)
{
    int i = word_index(side_words, ARRAY_LEN(side_words), word);
    if (i < 0)
        return false;
    *out = (enum order_side)i;
    return true;
}

bool order_type_parse(const char *word, enum order_type *out)
{
    int i = word_index(type_words, ARRAY_LEN(type_words), word);
    if (i < 0)
        return false;
    *out = (enum order_type)i;
    return true;
}

bool order_tif_parse(const char *word, enum order_tif *out)
{
    int i = word_index(tif_words, ARRAY_LEN(tif_words), word);
    if (i < 0)
        return false;
    *out = (enum order_tif)i;
    return true;
}

enum order_status order_status_parse(const char *word)
{
    int i = word_index(status_words, ARRAY_LEN(status_words), word);
    return i < 0 ? ORDER_STATUS_OTHER : (enum order_status)i;
}

int order_status_rank(enum order_status s)
{
    CHECK((size_t)s < ARRAY_LEN(status_ranks));
    return status_ranks[s];
}

bool order_status_terminal(enum order_status s)
{
    CHECK((size_t)s < ARRAY_LEN(status_terminals));
    return status_terminals[s];
}

void order_request_write(const struct order_request *r, struct text *out)
{
    struct json_out o;
    json_out_init(&o, out);
    json_object_begin(&o);
    json_put_string(&o, "symbol", r->symbol);
    if (r->notional.nanos)
        json_put_decimal(&o, "notional", r->notional.nanos);
    else
        json_put_decimal(&o, "qty", r->qty.nanos);
    json_put_string(&o, "side", order_side_name(r->side));
    json_put_string(&o, "type", order_type_name(r->type));
    json_put_string(&o, "time_in_force", order_tif_name(r->tif));
    if (r->limit_price.nanos)
        json_put_decimal(&o, "limit_price", r->limit_price.nanos);
    if (r->extended_hours)
        json_put_bool(&o, "extended_hours", true);
    json_put_string(&o, "client_order_id", r->client_order_id);
    json_object_end(&o);
}

bool symbol_valid(const char *s)
{
    size_t len = 0;
    if (!s || s[0] < 'A' || s[0] > 'Z')
        return false;
    while ((s[len] >= 'A' && s[len] <= 'Z') || (s[len] >= '0' && s[len] <= '9') || s[len] == '.')
        len++;
    return len <= SYMBOL_CHARS_MAX && s[len] == '\0';
}

static int check_id(const struct order_request *r, struct err *err)
{
    size_t len = strnlen(r->client_order_id, sizeof(r->client_order_id));
    if (len == 0 || len >= sizeof(r->client_order_id))
        return err_set(err, "client_order_id has %zu characters, expected 1 to %d", len, CLIENT_ORDER_ID_MAX - 1);
    for (size_t i = 0; i < len; i++)
        if (r->client_order_id[i] < 0x21 || r->client_order_id[i] > 0x7e)
            return err_set(err,
                           "client_order_id holds a character that is not printable ASCII at position %zu: use "
                           "letters, digits, '-', '_' and the like, without blanks",
                           i + 1);
    return 0;
}

static int check_amount(const struct order_request *r, struct err *err)
{
    char a[DECIMAL_TEXT_MAX];
    if (r->qty.nanos < 0 || r->notional.nanos < 0)
        return err_set(err, "%s is %s, expected a positive number (the side says the direction)",
                       r->qty.nanos < 0 ? "qty" : "notional",
                       decimal_format(r->qty.nanos < 0 ? r->qty.nanos : r->notional.nanos, a));
    if (r->qty.nanos > 0 && r->notional.nanos > 0)
        return err_set(err, "both qty and notional are given: give one of them");
    if (r->qty.nanos == 0 && r->notional.nanos == 0)
        return err_set(err, "neither qty nor notional is given: give one of them, above zero");
    if (r->notional.nanos % CENT)
        return err_set(err, "notional %s has more than two decimals: round it to cents",
                       decimal_format(r->notional.nanos, a));
    if (r->tif != TIF_DAY && r->notional.nanos)
        return err_set(err, "a notional order needs time_in_force day, found %s", order_tif_name(r->tif));
    if (r->tif != TIF_DAY && r->qty.nanos % DECIMAL_ONE)
        return err_set(err, "a fractional quantity (%s) needs time_in_force day, found %s",
                       decimal_format(r->qty.nanos, a), order_tif_name(r->tif));
    return 0;
}

static int check_price(const struct order_request *r, struct err *err)
{
    char a[DECIMAL_TEXT_MAX];
    if (r->type != ORDER_MARKET && r->type != ORDER_LIMIT)
        return err_set(err, "order type %s is not carried: use market or limit", order_type_name(r->type));
    if (r->type == ORDER_MARKET && r->limit_price.nanos)
        return err_set(err, "a market order takes no limit_price, found %s", decimal_format(r->limit_price.nanos, a));
    if (r->type == ORDER_MARKET)
        return 0;
    if (r->limit_price.nanos <= 0)
        return err_set(err, "a limit order needs a limit_price above zero, found %s",
                       decimal_format(r->limit_price.nanos, a));
    bool dollars = r->limit_price.nanos >= DECIMAL_ONE;
    if (r->limit_price.nanos % (dollars ? CENT : SUBCENT))
        return err_set(err, "limit_price %s is off the tick: %s", decimal_format(r->limit_price.nanos, a),
                       dollars ? "two decimals from 1.00 upwards" : "four decimals below 1.00");
    return 0;
}

int order_request_check(const struct order_request *r, struct err *err)
{
    if (check_id(r, err))
        return -1;
    if (memchr(r->symbol, 0, sizeof(r->symbol)) == NULL || !symbol_valid(r->symbol))
        return err_set(err,
                       "symbol \"%.*s\" is not a stock symbol: expected 1 to %d of A-Z, 0-9 and '.', a letter first",
                       (int)sizeof(r->symbol) - 1, r->symbol, SYMBOL_CHARS_MAX);
    if ((size_t)r->side >= ARRAY_LEN(side_words) || (size_t)r->type >= ARRAY_LEN(type_words) ||
        (size_t)r->tif >= ARRAY_LEN(tif_words))
        return err_set(err, "side, type or time_in_force holds no known value");
    if (check_amount(r, err) || check_price(r, err))
        return -1;
    if (r->extended_hours && (r->type != ORDER_LIMIT || (r->tif != TIF_DAY && r->tif != TIF_GTC)))
        return err_set(err, "extended_hours needs a limit order with time_in_force day or gtc, found %s %s",
                       order_type_name(r->type), order_tif_name(r->tif));
    return 0;
}

static void add_number(struct digest_state *s, int n)
{
    char text[DECIMAL_TEXT_MAX];
    digest_add_field(s, decimal_format((int64_t)n * DECIMAL_ONE, text));
}

void client_order_id_make(const char *account_number, struct day session, const char *slot_key, int leg, int try_no,
                          char out[CLIENT_ORDER_ID_MAX])
{
    char date[WHEN_TEXT_MAX], hex[DIGEST_HEX_MAX];
    CHECK(account_number && *account_number && slot_key && *slot_key && leg > 0 && try_no > 0);
    struct digest_state *s = digest_new();
    digest_add_field(s, account_number);
    digest_add_field(s, day_format(session, date));
    digest_add_field(s, slot_key);
    add_number(s, leg);
    add_number(s, try_no);
    struct digest d = digest_finish(s);
    memcpy(out, ID_PREFIX, sizeof(ID_PREFIX) - 1);
    memcpy(out + sizeof(ID_PREFIX) - 1, digest_hex(&d, hex), ID_DIGITS);
    out[sizeof(ID_PREFIX) - 1 + ID_DIGITS] = '\0';
}

bool client_order_id_ours(const char *id)
{
    return id && str_starts(id, ID_PREFIX);
}
