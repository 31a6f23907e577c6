// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The API's core: who may come in, how often, parameters and refusals.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

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
    sim_keys_init(s, params->key, params->secret);
    s->rate_per_minute = params->rate_per_minute;
    s->trading = s->data = (struct sim_bucket){params->rate_per_minute * DECIMAL_ONE, now};
    s->salt = params->exchange.id_salt;
    s->request_salt = params->request_salt;
    s->admin_apart = params->admin_apart;
    s->started = now;
    sim_settings_default(&s->settings);
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
    s->feed = exchange_feed_new(seed ^ s->salt, SIM_UPDATES_MAX);
    exchange.on_event = exchange_feed_note;
    exchange.arg = s->feed;
    s->exchange = exchange_new(&exchange);
    return s;
}

void sim_free(struct sim *s)
{
    if (s == NULL)
        return;
    exchange_free(s->exchange);
    exchange_feed_free(s->feed);
    market_free(s->market);
    sim_watchlists_free(s->watchlists);
    sim_keys_free(s);
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

void sim_json_refusal(struct json_out *o, const struct exchange_refusal *why)
{
    json_object_begin(o);
    if (why->code != 0)
        json_put_int(o, "code", why->code);
    json_put_string(o, "message", why->message);
    for (size_t i = 0; i < why->extra_count; i++)
        json_put_string(o, why->extra[i].name, why->extra[i].value);
    json_object_end(o);
}

void sim_refuse(struct sim_call *c, int status, int code, const char *format, ...)
{
    struct exchange_refusal why = {.status = status, .code = code};
    va_list args;
    va_start(args, format);
    vsnprintf(why.message, sizeof why.message, format, args);
    va_end(args);
    sim_refuse_why(c, &why);
}

void sim_refuse_why(struct sim_call *c, const struct exchange_refusal *why)
{
    c->reply->status = why->status;
    text_clear(&c->reply->body);
    json_out_init(&c->out, &c->reply->body);
    sim_json_refusal(&c->out, why);
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

// %XX in a path: SDKs may encode the colon of orders:by_client_order_id. false when malformed.
static bool path_decode(const char *path, char *out, size_t size)
{
    char query[2 * SIM_TEXT_MAX];
    if (snprintf(query, sizeof query, "p=%s", path) >= (int)sizeof query || strpbrk(path, "&+") != NULL)
        return false;
    return http_query_get(query, "p", out, size);
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
    else if (!sim_key_fits(c->sim, q->key, q->secret))
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

// What changes something is written down before it happens. Faults and keys are matters of the server, not of the
// exchange.
static bool written_down(struct sim_call *c, const struct sim_route *r)
{
    struct err err = {.text = ""};
    struct sim *s = c->sim;
    if (s->on_change == NULL || s->replaying || r->method == HTTP_GET || r->handle == sim_admin_fault ||
        r->handle == sim_admin_faults_clear || r->handle == sim_admin_fills_late ||
        r->handle == sim_admin_keys_change || s->on_change(s->on_change_arg, c->request, c->now, &err) == 0)
        return true;
    sim_refuse(c, 500, 50010000, "%s", err.text);
    return false;
}

static void route(struct sim_call *c)
{
    char path[SIM_TEXT_MAX];
    bool admin = str_starts(c->request->path, "/sim/"), here = !c->sim->admin_apart || admin == c->request->admin;
    bool known = false, free_pass = c->sim->replaying || (admin && here) || c->request->admin;
    const struct sim_route *r = NULL;
    if ((here || c->sim->replaying) && path_decode(c->request->path, path, sizeof path))
        r = sim_route_find(c, path, c->request->method, &known);
    if (!free_pass && !let_in(c))
        return;
    if (r == NULL) {
        sim_refuse(c, known ? 405 : 404, known ? 40510000 : 40410000,
                   known ? "method not allowed" : "endpoint not found");
        return;
    }
    if (!free_pass && !within_rate(c, r->area == SIM_AREA_DATA ? &c->sim->data : &c->sim->trading))
        return;
    if (!written_down(c, r))
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
             (unsigned long long)draw3(s->request_salt, DRAW_REQUEST_ID, number, 1),
             (unsigned long long)draw3(s->request_salt, DRAW_REQUEST_ID, number, 2));
    struct sim_call c = {.sim = s, .request = q, .now = now, .reply = reply};
    json_out_init(&c.out, &reply->body);
    route(&c);
    if (reply->status == 204) {
        text_clear(&reply->body);
        reply->content_type = NULL;
    }
}

void sim_replay(struct sim *s, const struct sim_request *q, int64_t now, struct sim_reply *reply)
{
    s->replaying = true;
    sim_handle(s, q, now, reply);
    s->replaying = false;
}

void sim_on_change(struct sim *s, sim_change_fn *fn, void *arg)
{
    s->on_change = fn;
    s->on_change_arg = arg;
}

void sim_options_text(const struct sim *s, char out[SIM_OPTIONS_MAX])
{
    const struct exchange_params *e = exchange_params(s->exchange);
    struct day begin = market_begin(s->market);
    char cash[DECIMAL_TEXT_MAX];
    snprintf(
        out, SIM_OPTIONS_MAX,
        "seed=%llu fees=%d begin=%04d-%02d-%02d cash=%s multiplier=%d shorting=%d hours=%s speed=%d fill_delay_ms=%lld "
        "partial_ppm=%lld "
        "prices=%016llx",
        (unsigned long long)e->seed, (int)e->fees, begin.year, begin.month, begin.mday,
        decimal_format(e->cash.nanos, cash), e->multiplier, e->shorting,
        market_exchange_hours(s->market) ? "exchange" : "always", market_speed(s->market),
        (long long)(e->fill_delay_ns / NS_PER_MS), (long long)e->partial_ppm,
        (unsigned long long)market_fingerprint(s->market));
}
