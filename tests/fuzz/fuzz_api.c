// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/api.o daemon/api_auth.o daemon/api_body.o daemon/api_history.o daemon/api_order_body.o
// needs: daemon/api_orders.o daemon/api_prices.o daemon/api_query.o daemon/api_reply.o daemon/api_routes.o
// needs: daemon/api_state.o daemon/api_write.o daemon/snapshot*.o
// needs: daemon/api_page.o daemon/metrics.o
//
// Any bytes, taken as the requests of one connection to the API: each that the parser accepts gets exactly one answer,
// of a known status and (but for metrics) JSON; nothing is placed, cancelled, run or halted without the token and
// without a body that says so, and what is placed passes every rule for orders.
//
// The first byte tells how the parts behind the API answer.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api.h"
#include "lib/base/http_parse.h"
#include "lib/base/json_read.h"
#include "lib/base/log.h"

#define TOKEN "t"
#define BODY_MAX 4096
#define REQUESTS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct http_exchange {
    struct http_parser *parser;
    void *context;
    int answers;
};

static struct stage {
    uint8_t mode;
    struct http_exchange x;
    void (*query_done)(void *arg, enum ledger_result result, const char *json);
    void *query_arg;
    struct order_row known;
} stage;

// --- the exchange

enum http_method http_exchange_method(const struct http_exchange *x)
{
    return http_parser_method(x->parser);
}

const char *http_exchange_path(const struct http_exchange *x)
{
    return http_parser_path(x->parser);
}

const char *http_exchange_query(const struct http_exchange *x)
{
    return http_parser_query(x->parser);
}

const char *http_exchange_header(const struct http_exchange *x, const char *name)
{
    return http_parser_header(x->parser, name);
}

const char *http_exchange_body(const struct http_exchange *x, size_t *len)
{
    return http_parser_body(x->parser, len);
}

unsigned http_exchange_roles(const struct http_exchange *x)
{
    (void)x;
    return HTTP_ROLE_HEALTH | (stage.mode & 1 ? 0 : HTTP_ROLE_API);
}

const char *http_exchange_service(const struct http_exchange *x)
{
    (void)x;
    return "fuzz";
}

const char *http_exchange_peer(const struct http_exchange *x)
{
    (void)x;
    return "127.0.0.1";
}

const char *http_exchange_request_id(const struct http_exchange *x)
{
    (void)x;
    return "id-1";
}

void http_exchange_set_label(struct http_exchange *x, const char *label)
{
    (void)x;
    CHECK(label[0]);
}

void http_exchange_set_context(struct http_exchange *x, void *context)
{
    x->context = context;
}

void *http_exchange_context(const struct http_exchange *x)
{
    return x->context;
}

const char *http_status_text(int status)
{
    (void)status;
    return "Status";
}

static bool status_is_known(int status)
{
    static const int known[] = {200, 201, 202, 400, 401, 403, 404, 405, 409, 415, 422, 429, 503};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i] == status)
            return true;
    return false;
}

void http_reply(struct http_exchange *x, int status, const char *content_type, const char *body, size_t len,
                const struct http_reply_header *headers, size_t header_count)
{
    struct json_doc *doc;
    CHECK(++x->answers == 1);
    CHECK(status_is_known(status) && content_type && header_count > 0 && headers);
    if (strcmp(content_type, "application/json") == 0) {
        CHECK(json_doc_parse(body, len, &doc, NULL) == 0);
        CHECK(json_type_of(json_doc_root(doc)) == JSON_IS_OBJECT);
        json_doc_free(doc);
    }
}

// --- what stands behind the API

// The rule itself, written a second time: the token's header, word for word.
static void check_may_write(void)
{
    const char *value = http_exchange_header(&stage.x, "Authorization");
    CHECK(!(stage.mode & 1) && value && strncasecmp(value, "Bearer ", 7) == 0 && strcmp(value + 7, TOKEN) == 0);
    CHECK(!http_exchange_header(&stage.x, "Origin"));
}

const char *run_status_name(enum run_status s)
{
    (void)s;
    return "claimed";
}

void ledger_query(struct ledger *l, enum ledger_query query, const struct ledger_filter *f,
                  void (*done)(void *arg, enum ledger_result result, const char *json), void *arg)
{
    (void)l;
    (void)query;
    CHECK(f->limit >= 1 && f->limit <= 501 && f->offset >= 0);
    stage.query_done = done;
    stage.query_arg = arg;
}

void ledger_decision(struct ledger *l, const char *kind, const char *subject, const char *answer, const char *rule,
                     const char *detail, int64_t now_ns)
{
    (void)l;
    (void)kind;
    (void)subject;
    (void)answer;
    (void)rule;
    (void)detail;
    (void)now_ns;
    check_may_write();
}

void scheduler_run_now(struct scheduler *s, const char *cause, const char *strategies,
                       void (*started)(void *arg, const struct run_row *row, bool taken, const char *why), void *arg)
{
    static const struct run_row row = {.id = "r", .session = {2026, 10, 8}};
    (void)s;
    (void)cause;
    (void)strategies;
    check_may_write();
    started(arg, stage.mode & 2 ? NULL : &row, stage.mode & 4, "why");
}

size_t desk_open_of_others(const struct desk *d, const char *except_run_id)
{
    (void)d;
    (void)except_run_id;
    return stage.mode & 4 ? 1 : 0;
}

bool runs_held(const struct runs *r, const char *book, const char *symbol, struct qty *out)
{
    (void)r;
    (void)book;
    (void)symbol;
    out->nanos = DECIMAL_ONE;
    return true;
}

bool runs_need_book(const struct runs *r, const char *strategy)
{
    (void)r;
    (void)strategy;
    return stage.mode & 4;
}

struct calendar scheduler_calendar(const struct scheduler *s, bool *always_open)
{
    (void)s;
    *always_open = false;
    return (struct calendar){NULL, 0};
}

bool scheduler_session(const struct scheduler *s, int64_t now_ns, struct day *out)
{
    (void)s;
    (void)now_ns;
    *out = (struct day){2026, 10, 8};
    return true;
}

void halt_engage(struct halt *h, enum fact_halt state, const char *reason, const char *source)
{
    (void)h;
    (void)source;
    check_may_write();
    CHECK((state == HALT_HALTED || state == HALT_REDUCE_ONLY) && reason[strspn(reason, " ")]);
}

void halt_write_json(const struct halt *h, struct json_out *o)
{
    (void)h;
    json_object_begin(o);
    json_object_end(o);
}

bool scopes_engage(struct scopes *s, const char *strategy, enum fact_halt state, const char *reason, const char *source)
{
    (void)s, (void)reason, (void)source;
    check_may_write();
    CHECK(state != HALT_UNKNOWN && strategy[0] && strlen(strategy) < BOOK_NAME_MAX);
    return str_equal(strategy, "momentum");
}

const struct scope *scopes_of(const struct scopes *s, const char *strategy)
{
    (void)s, (void)strategy;
    return NULL;
}

void scopes_write_json(const struct scopes *s, struct json_out *o)
{
    (void)s;
    json_array_begin(o);
    json_array_end(o);
}

const struct order_row *desk_order(const struct desk *d, const char *client_order_id)
{
    (void)d;
    return str_equal(stage.known.intent.order.client_order_id, client_order_id) ? &stage.known : NULL;
}

void desk_place(struct desk *d, const struct intent *intent, void (*done)(void *arg, const struct order_row *row),
                void *arg)
{
    struct err err;
    check_may_write();
    CHECK(!desk_order(d, intent->order.client_order_id));
    CHECK(order_request_check(&intent->order, &err) == 0);
    stage.known = (struct order_row){.intent = *intent, .status = (enum order_status)(stage.mode % ORDER_STATUS_COUNT)};
    str_copy_cut(stage.known.reason, sizeof stage.known.reason, stage.mode & 8 ? "long_only: no" : "other words");
    done(arg, &stage.known);
}

void desk_cancel(struct desk *d, const char *client_order_id)
{
    check_may_write();
    CHECK(desk_order(d, client_order_id));
}

void reconcile_refresh(struct reconcile *r, const char *const *symbols, size_t count,
                       void (*done)(void *arg, bool ok, const char *detail), void *arg)
{
    (void)r;
    CHECK(count > 0 && symbol_valid(symbols[0]));
    done(arg, true, "");
}

void reconcile_kick(struct reconcile *r)
{
    (void)r;
}

bool exposure_price(const struct exposure *e, const char *symbol, struct price *out, int64_t *at_wall_ns,
                    int64_t *boot_ns)
{
    (void)e;
    (void)symbol;
    *out = (struct price){DECIMAL_ONE};
    *at_wall_ns = *boot_ns = 1;
    return stage.mode & 2;
}

bool exposure_quote(const struct exposure *e, const char *symbol, struct alpaca_quote *out)
{
    (void)e;
    (void)symbol;
    *out = (struct alpaca_quote){.bid = {1}};
    return stage.mode & 4;
}

static const struct snapshot *snapshot(void *arg)
{
    return arg;
}

// --- one request

static const char *rows(void)
{
    // clang-format off
    static const char *const answers[] = {
        "[]", "null", "[{\"client_order_id\" : \"a\"}, {\"b\" : \"],[\"}, {\"c\" : [1, {}]}]",
        "[{\"client_order_id\" : \"a\", \"symbol\" : \"SPY\", \"side\" : \"buy\", \"status\" : \"new\", \"qty\" : \"1\"}]"};
    // clang-format on
    return answers[stage.mode / 16 % 4];
}

static void serve(struct api *a, struct http_parser *parser)
{
    stage.x = (struct http_exchange){.parser = parser};
    stage.query_done = NULL;
    api_handle(a, &stage.x);
    while (stage.query_done) {
        void (*done)(void *, enum ledger_result, const char *) = stage.query_done;
        stage.query_done = NULL;
        done(stage.query_arg, stage.mode & 64 ? LEDGER_DOWN : LEDGER_OK, stage.mode & 64 ? NULL : rows());
    }
    if (stage.x.answers == 0) { // a wrong token's answer is held back; its sender does not wait
        const char *value = http_exchange_header(&stage.x, "Authorization");
        CHECK(!value || strcmp(value, "Bearer " TOKEN) != 0);
        api_gone(a, &stage.x);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct snapshot s; // the API sees no other state
    if (size < 2)
        return 0;
    stage = (struct stage){.mode = data[0]};
    log_set_level(LOG_LEVEL_ERROR);
    s = (struct snapshot){.environment = "staging",
                          .version = "0",
                          .commit = "0",
                          .instance = "default",
                          .database_connected = !(data[0] & 64),
                          .halt = data[0] & 128 ? HALT_HALTED : HALT_RUNNING,
                          .in_step = true};
    struct loop *loop = loop_new();
    struct metrics *metrics = metrics_new();
    struct api *a = api_new(
        &(struct api_params){.loop = loop, .snapshot = snapshot, .metrics = metrics, .token = TOKEN, .arg = &s});
    struct http_parser *parser = http_parser_new(&(struct http_parse_limits){.body_max = BODY_MAX});
    const char *at = (const char *)data + 1;
    for (int i = 0; i < REQUESTS_MAX && size > 1; i++) {
        size_t taken = http_parser_feed(parser, at, size - 1);
        at += taken;
        size -= taken;
        if (http_parser_state(parser) != HTTP_PARSE_DONE)
            break;
        serve(a, parser);
        http_parser_reset(parser);
    }
    http_parser_free(parser);
    api_free(a);
    metrics_free(metrics);
    loop_free(loop);
    return 0;
}
