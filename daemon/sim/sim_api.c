// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The API's core: who may come in, how often, and which handler answers. The small read handlers live here too.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"
#include "lib/base/digest.h"

#define MINUTE_S 60
enum { DRAW_ACCOUNT_ID = 100, DRAW_ACCOUNT_NUMBER, DRAW_REQUEST_ID };

static void account_number_make(uint64_t seed, char out[ACCOUNT_NUMBER_MAX])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    str_copy_cut(out, ACCOUNT_NUMBER_MAX, "PASIM");
    for (uint64_t i = 0; i < 8; i++)
        out[5 + i] = digits[draw_below(draw3(seed, DRAW_ACCOUNT_NUMBER, i, 0), 36)];
    out[13] = '\0';
}

struct sim *sim_new(const struct sim_params *params, int64_t now, struct err *err)
{
    struct sim *s = check_alloc(1, sizeof *s);
    uint64_t seed = params->exchange.seed;
    s->key = check_strdup(params->key);
    s->secret = check_strdup(params->secret);
    s->rate_per_minute = params->rate_per_minute;
    s->trading = s->data = (struct sim_bucket){params->rate_per_minute * DECIMAL_ONE, now};
    s->salt = params->exchange.id_salt;
    s->started = now;
    draw_uuid(seed, DRAW_ACCOUNT_ID, 0, s->account_id);
    account_number_make(seed, s->account_number);
    s->market = market_new(&params->market);
    if (market_load(s->market, params->data_dir, err) != 0 || market_start(s->market, now, err) != 0) {
        sim_free(s);
        return NULL;
    }
    struct exchange_params exchange = params->exchange;
    exchange.market = s->market;
    exchange.started = now;
    s->exchange = exchange_new(&exchange);
    return s;
}

void sim_free(struct sim *s)
{
    if (s == NULL)
        return;
    exchange_free(s->exchange);
    market_free(s->market);
    free(s->key);
    mem_wipe(s->secret, strlen(s->secret));
    free(s->secret);
    free(s);
}

struct exchange *sim_exchange(struct sim *s)
{
    return s->exchange;
}

const char *sim_account_number(const struct sim *s)
{
    return s->account_number;
}

void sim_reply_free(struct sim_reply *reply)
{
    text_free(&reply->body);
}

// Refusals.

static void refuse(struct sim_call *c, int status, int code, const char *message, const struct exchange_refusal *why)
{
    c->reply->status = status;
    text_clear(&c->reply->body);
    json_out_init(&c->out, &c->reply->body);
    json_object_begin(&c->out);
    if (code != 0)
        json_put_int(&c->out, "code", code);
    json_put_string(&c->out, "message", message);
    for (size_t i = 0; why != NULL && i < why->extra_count; i++)
        json_put_string(&c->out, why->extra[i].name, why->extra[i].value);
    json_object_end(&c->out);
}

void sim_refuse(struct sim_call *c, int status, int code, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    refuse(c, status, code, message, NULL);
}

void sim_refuse_why(struct sim_call *c, const struct exchange_refusal *why)
{
    refuse(c, why->status, why->code, why->message, why);
}

// Parameters.

bool sim_param(const struct sim_call *c, const char *name, char out[SIM_TEXT_MAX])
{
    return http_query_get(c->request->query, name, out, SIM_TEXT_MAX) && *out != '\0';
}

bool sim_csv_has(const char *csv, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = csv; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

bool sim_when_param(struct sim_call *c, const char *name, bool *present, int64_t *ns)
{
    char text[SIM_TEXT_MAX];
    struct day d;
    *present = sim_param(c, name, text);
    if (!*present || when_parse(text, ns))
        return true;
    if (day_parse(text, &d)) {
        *ns = day_number(d) * 86400 * NS_PER_S;
        return true;
    }
    sim_refuse(c, 422, 40010001, "invalid %s: %.64s", name, text);
    return false;
}

bool sim_int_param(struct sim_call *c, const char *name, int64_t min, int64_t max, int64_t *value)
{
    char text[SIM_TEXT_MAX];
    if (!sim_param(c, name, text) || str_int64(text, min, max, value))
        return true;
    sim_refuse(c, 422, 40010001, "invalid %s: %.32s (from %lld to %lld)", name, text, (long long)min, (long long)max);
    return false;
}

// Small handlers.

static void get_account(struct sim_call *c)
{
    sim_json_account(&c->out, c->sim, c->now);
}

static void get_positions(struct sim_call *c)
{
    json_array_begin(&c->out);
    for (size_t i = 0; i < market_symbol_count(c->sim->market); i++) {
        const struct exchange_position *p =
            exchange_position_find(c->sim->exchange, market_symbol_at(c->sim->market, i));
        if (p != NULL)
            sim_json_position(&c->out, c->sim, p, c->now);
    }
    json_array_end(&c->out);
}

static void get_position(struct sim_call *c)
{
    const struct market_symbol *s = market_find(c->sim->market, c->part);
    const struct exchange_position *p = s != NULL ? exchange_position_find(c->sim->exchange, s) : NULL;
    if (s == NULL)
        sim_refuse(c, 404, 40410000, "symbol not found: %.64s", c->part);
    else if (p == NULL)
        sim_refuse(c, 404, 40410000, "position does not exist");
    else
        sim_json_position(&c->out, c->sim, p, c->now);
}

static void get_assets(struct sim_call *c)
{
    char status[SIM_TEXT_MAX] = "active", kind[SIM_TEXT_MAX] = "us_equity";
    bool given = sim_param(c, "status", status), wanted = !given || strcmp(status, "active") == 0;
    if (sim_param(c, "asset_class", kind) && strcmp(kind, "us_equity") != 0)
        wanted = false;
    json_array_begin(&c->out);
    for (size_t i = 0; wanted && i < market_symbol_count(c->sim->market); i++)
        sim_json_asset(&c->out, market_symbol_at(c->sim->market, i));
    json_array_end(&c->out);
}

static void get_asset(struct sim_call *c)
{
    const struct market_symbol *s = market_find(c->sim->market, c->part);
    if (s == NULL)
        sim_refuse(c, 404, 40410000, "asset not found for %.64s", c->part);
    else
        sim_json_asset(&c->out, s);
}

static void get_clock(struct sim_call *c)
{
    sim_json_clock(&c->out, c->sim->market, c->now);
}

static void get_calendar(struct sim_call *c)
{
    char text[SIM_TEXT_MAX];
    struct day d = {1990, 1, 1}, end = {2029, 12, 31}, first = d, last = end;
    struct market_session s;
    if ((sim_param(c, "start", text) && !day_parse(text, &d)) ||
        (sim_param(c, "end", text) && !day_parse(text, &end))) {
        sim_refuse(c, 422, 40010001, "invalid date: %.64s (expected YYYY-MM-DD)", text);
        return;
    }
    d = day_compare(d, first) < 0 ? first : d;
    end = day_compare(end, last) > 0 ? last : end;
    json_array_begin(&c->out);
    for (; day_compare(d, end) <= 0; d = day_add(d, 1))
        if (market_day_session(c->sim->market, d, &s))
            sim_json_calendar_day(&c->out, c->sim->market, &s);
    json_array_end(&c->out);
}

static void get_configurations(struct sim_call *c)
{
    const struct exchange_settings *set = exchange_settings(c->sim->exchange);
    json_object_begin(&c->out);
    json_put_string(&c->out, "dtbp_check", "entry");
    json_put_string(&c->out, "trade_confirm_email", "none");
    json_put_bool(&c->out, "suspend_trade", set->suspend_trade);
    json_put_bool(&c->out, "no_shorting", set->no_shorting);
    json_put_bool(&c->out, "fractional_trading", set->fractional_trading);
    json_put_int(&c->out, "max_options_trading_level", 3);
    json_put_string(&c->out, "max_margin_multiplier", "4");
    json_put_string(&c->out, "pdt_check", "entry");
    json_put_bool(&c->out, "ptp_no_exception_entry", false);
    json_put_bool(&c->out, "disable_overnight_trading", false);
    json_object_end(&c->out);
}

static void patch_configurations(struct sim_call *c)
{
    struct exchange_settings *set = exchange_settings(c->sim->exchange);
    struct json_doc *doc;
    if (json_doc_parse(c->request->body, c->request->body_len, &doc, NULL) != 0) {
        sim_refuse(c, 400, 40010000, "request body format is invalid");
        return;
    }
    const struct {
        const char *name;
        bool *value;
    } served[] = {{"suspend_trade", &set->suspend_trade},
                  {"no_shorting", &set->no_shorting},
                  {"fractional_trading", &set->fractional_trading}};
    for (size_t i = 0; i < ARRAY_LEN(served); i++) {
        bool value;
        if (json_bool(json_get(json_doc_root(doc), served[i].name), &value))
            *served[i].value = value;
    }
    json_doc_free(doc);
    get_configurations(c);
}

// Routes.

enum area { AREA_TRADING, AREA_DATA, AREA_ADMIN };
static const struct route {
    enum http_method method;
    const char *path; // one * stands for one segment
    enum area area;
    void (*handle)(struct sim_call *c);
} routes[] = {
    {HTTP_GET, "/v2/account", AREA_TRADING, get_account},
    {HTTP_GET, "/v2/account/configurations", AREA_TRADING, get_configurations},
    {HTTP_PATCH, "/v2/account/configurations", AREA_TRADING, patch_configurations},
    {HTTP_GET, "/v2/account/activities", AREA_TRADING, sim_activities},
    {HTTP_GET, "/v2/account/activities/*", AREA_TRADING, sim_activities_of_type},
    {HTTP_GET, "/v2/positions", AREA_TRADING, get_positions},
    {HTTP_GET, "/v2/positions/*", AREA_TRADING, get_position},
    {HTTP_POST, "/v2/orders", AREA_TRADING, sim_orders_post},
    {HTTP_GET, "/v2/orders", AREA_TRADING, sim_orders_list},
    {HTTP_DELETE, "/v2/orders", AREA_TRADING, sim_orders_delete_all},
    {HTTP_GET, "/v2/orders:by_client_order_id", AREA_TRADING, sim_orders_by_client_id},
    {HTTP_GET, "/v2/orders/*", AREA_TRADING, sim_orders_get},
    {HTTP_DELETE, "/v2/orders/*", AREA_TRADING, sim_orders_delete},
    {HTTP_GET, "/v2/clock", AREA_TRADING, get_clock},
    {HTTP_GET, "/v2/calendar", AREA_TRADING, get_calendar},
    {HTTP_GET, "/v2/assets", AREA_TRADING, get_assets},
    {HTTP_GET, "/v2/assets/*", AREA_TRADING, get_asset},
    {HTTP_GET, "/v2/stocks/trades/latest", AREA_DATA, sim_data_trades},
    {HTTP_GET, "/v2/stocks/quotes/latest", AREA_DATA, sim_data_quotes},
    {HTTP_GET, "/v2/stocks/bars/latest", AREA_DATA, sim_data_latest_bars},
    {HTTP_GET, "/v2/stocks/bars", AREA_DATA, sim_data_bars},
    {HTTP_GET, "/sim/state", AREA_ADMIN, sim_admin_state},
    {HTTP_GET, "/sim/fault", AREA_ADMIN, sim_admin_faults},
    {HTTP_POST, "/sim/fault", AREA_ADMIN, sim_admin_fault},
    {HTTP_POST, "/sim/price", AREA_ADMIN, sim_admin_price},
};

static bool path_matches(const char *pattern, const char *path, char part[SIM_TEXT_MAX])
{
    size_t fixed = strcspn(pattern, "*");
    if (pattern[fixed] == '\0')
        return strcmp(pattern, path) == 0;
    if (strncmp(pattern, path, fixed) != 0 || path[fixed] == '\0' || strchr(path + fixed, '/') != NULL)
        return false;
    return str_copy(part, SIM_TEXT_MAX, path + fixed);
}

// %XX in a path: SDKs may encode the colon of orders:by_client_order_id. false when malformed.
static bool path_decode(const char *path, char *out, size_t size)
{
    char query[2 * SIM_TEXT_MAX];
    if (snprintf(query, sizeof query, "p=%s", path) >= (int)sizeof query || strpbrk(path, "&+") != NULL)
        return false;
    return http_query_get(query, "p", out, size);
}

static const struct route *route_find(const char *path, enum http_method method, char part[SIM_TEXT_MAX], bool *known)
{
    *known = false;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!path_matches(routes[i].path, path, part))
            continue;
        *known = true;
        if (routes[i].method == method)
            return &routes[i];
    }
    return NULL;
}

static bool let_in(struct sim_call *c)
{
    const struct sim_request *q = c->request;
    if (q->key == NULL || q->secret == NULL) {
        c->reply->status = 401;
        c->reply->content_type = "text/html";
        text_add(&c->reply->body, "<html>\r\n<head><title>401 Authorization Required</title></head>\r\n<body>\r\n"
                                  "<center><h1>401 Authorization Required</h1></center>\r\n</body>\r\n</html>\r\n");
        return false;
    }
    if (str_starts(q->key, "AK")) // a live key on the paper host
        sim_refuse(c, 401, 40110000, "request is not authorized");
    else if (!secret_equal(q->key, c->sim->key) || !secret_equal(q->secret, c->sim->secret))
        sim_refuse(c, 401, 0, "unauthorized.");
    else
        return true;
    return false;
}

static bool within_rate(struct sim_call *c, struct sim_bucket *b)
{
    int64_t per_minute = c->sim->rate_per_minute, full = per_minute * DECIMAL_ONE;
    if (per_minute == 0)
        return true;
    int64_t elapsed = c->now > b->at ? c->now - b->at : 0;
    b->at = c->now;
    b->tokens = elapsed >= MINUTE_S * NS_PER_S ? full : b->tokens + elapsed * per_minute / MINUTE_S;
    b->tokens = b->tokens > full ? full : b->tokens;
    bool ok = b->tokens >= DECIMAL_ONE;
    b->tokens -= ok ? DECIMAL_ONE : 0;
    c->reply->has_rate = true;
    c->reply->rate_limit = per_minute;
    c->reply->rate_remaining = b->tokens / DECIMAL_ONE;
    c->reply->rate_reset = c->now / NS_PER_S + (full - b->tokens) * MINUTE_S / full + 1;
    if (!ok)
        sim_refuse(c, 429, 42910000, "rate limit exceeded");
    return ok;
}

static void route(struct sim_call *c)
{
    char path[SIM_TEXT_MAX];
    bool known = false;
    const struct route *r = NULL;
    if (path_decode(c->request->path, path, sizeof path))
        r = route_find(path, c->request->method, c->part, &known);
    bool admin = str_starts(c->request->path, "/sim/");
    if (!admin && !let_in(c))
        return;
    if (r == NULL) {
        sim_refuse(c, known ? 405 : 404, known ? 40510000 : 40410000,
                   known ? "method not allowed" : "endpoint not found");
        return;
    }
    if (!admin && !within_rate(c, r->area == AREA_DATA ? &c->sim->data : &c->sim->trading))
        return;
    exchange_advance(c->sim->exchange, c->now);
    r->handle(c);
}

void sim_handle(struct sim *s, const struct sim_request *q, int64_t now, struct sim_reply *reply)
{
    *reply = (struct sim_reply){.status = 200, .content_type = "application/json; charset=UTF-8"};
    text_init(&reply->body, SIM_BODY_MAX);
    uint64_t number = s->requests++;
    snprintf(reply->request_id, sizeof reply->request_id, "%016llx%016llx",
             (unsigned long long)draw3(s->salt, DRAW_REQUEST_ID, number, 1),
             (unsigned long long)draw3(s->salt, DRAW_REQUEST_ID, number, 2));
    struct sim_call c = {.sim = s, .request = q, .now = now, .reply = reply};
    json_out_init(&c.out, &reply->body);
    route(&c);
    if (reply->status == 204) {
        text_clear(&reply->body);
        reply->content_type = NULL;
    }
}
