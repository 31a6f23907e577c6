// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What api and admin share: answers as JSON, strict bodies, and exchanges that wait for somebody else's completion.
#ifndef PAPERGUARD_DAEMON_API_INTERNAL_H
#define PAPERGUARD_DAEMON_API_INTERNAL_H

#include "daemon/api.h"
#include "lib/base/digest.h"
#include "lib/base/list.h"

#define API_ANSWER_MAX (32u * 1024 * 1024) // one run of ten thousand orders
#define API_WAITS_MAX 192                  // exchanges that wait for ledger, scheduler or reconcile at a time
#define API_REASON_MAX 160
#define API_STRATEGIES_MAX 512 // bytes of all names with their blanks

struct api {
    struct api_params p;
    bool has_token;
    struct digest token;
    struct list waits;
    size_t wait_count;
    struct list questions;             // of history, until their turn
    int questions_out;                 // those the ledger has
    int64_t prices_asked_ns;           // boot; 0 never
    unsigned auth_failures, auth_held; // in a row; answers held back now
};

// --- answers (api_reply.c). All end the exchange.
void api_reply_json(struct http_exchange *x, int status, const struct text *body);
void api_reply_text(struct http_exchange *x, const char *type, const char *body, size_t len); // 200
// {"status":404,"error":"Not Found","detail":"..."}
void api_reply_problem(struct http_exchange *x, int status, const char *format, ...) PRINTF_LIKE(3, 4);
// Does another host lead? Then 503 with its name; what changes something is asked there.
bool api_standby_refused(const struct snapshot *s, struct http_exchange *x);
void api_reply_method(struct http_exchange *x, const char *allow); // 405
void api_reply_retry(struct http_exchange *x, int status, int after_s, const char *detail);

// --- bodies (api_body.c): a JSON object whose members are all in `allowed`, or nothing at all.
#define API_BODY_REASON 1u
#define API_BODY_CODE 2u
#define API_BODY_STRATEGIES 4u
#define API_BODY_QTY 8u
#define API_BODY_VALUE 16u
#define API_BODY_FOR 32u
#define API_BODY_MODE 64u
struct api_body {
    unsigned has; // API_BODY_* that are there
    char reason[API_REASON_MAX + 1];
    char code[32], qty[32], value[32], lasts[16], mode[16];
    char strategies[API_STRATEGIES_MAX]; // names, space separated
};
// false: it cannot be taken, and x was answered so (400, 415).
bool api_body_read(struct http_exchange *x, unsigned allowed, unsigned required, struct api_body *out) MUST_CHECK;

bool api_body_is_json(const struct http_exchange *x); // by its Content-Type

// --- where a page ended (api_page.c)
#define API_PAGE_TOKEN_MAX 256
struct api_page { // of its last row: what the list is sorted by, "" none
    char session[WHEN_TEXT_MAX], at[WHEN_TEXT_MAX], id[CLIENT_ORDER_ID_MAX];
};
void api_page_token(const char *list, const struct api_page *p, char out[API_PAGE_TOKEN_MAX]);
// false: not a token of this list; numbered: its ids are numbers.
bool api_page_read(const char *token, const char *list, bool numbered, struct api_page *out) MUST_CHECK;

// --- query strings (api_query.c)
enum api_param {
    API_Q_LIMIT,
    API_Q_OFFSET,
    API_Q_RUN_ID,
    API_Q_SYMBOL,
    API_Q_STATUS,
    API_Q_STRATEGY,
    API_Q_FROM, // sessions, both included
    API_Q_TO,
    API_Q_PAGE_TOKEN,
    API_Q_COUNT
};
struct api_query {
    bool has[API_Q_COUNT];
    char value[API_Q_COUNT][API_PAGE_TOKEN_MAX];
    int limit, offset; // given or by default
};
// allowed: bits 1 << API_Q_...; anything else in the query is refused (400).
int api_query_read(const char *query, unsigned allowed, struct api_query *out, struct err *err) MUST_CHECK;
const char *api_query_value(const struct api_query *q, enum api_param param); // NULL when not given

// --- waiting (api.c): a wait outlives its client (gone); whoever completes it asks who is still there.
struct api_wait {
    struct list node;
    struct api *api;
    struct http_exchange *x; // NULL: the client left
    loop_timer timer;        // an answer that is held back
    const char *name;        // history: of the list, or of the one thing asked for
    bool one;
    void *owner;   // whoever else the completion needs,
    unsigned turn; // and which of its questions this is
    int limit, offset;
    bool paged; // it came with a page_token
    enum ledger_query list;
    void *more; // what its owner keeps besides; freed with the api
};
// NULL when too many wait already; then the exchange was answered.
struct api_wait *api_wait_new(struct api *a, struct http_exchange *x);
struct http_exchange *api_wait_end(struct api_wait *w); // frees w; NULL: nobody is waiting any more
// As api_wait_end; what was not ok is answered here, with the status and why, and NULL comes back.
struct http_exchange *api_wait_end_if(struct api_wait *w, bool ok, int status, const char *why);

// --- what is served
// One request on its way to what serves it.
struct api_call {
    struct api *api;
    struct http_exchange *x;
    const struct api_path *path;
    char id[CLIENT_ORDER_ID_MAX]; // what stands for {id}
};
typedef void api_serve_fn(const struct api_call *c);
struct api_path {
    const char *path; // "{id}" stands for one segment
    unsigned roles;
    bool any_query; // probes add what they like; elsewhere a query is read or refused
    enum ledger_query list;
    api_serve_fn *get, *post, *del;
};
// api_state.c: from memory
void api_serve_health(const struct api_call *c);
void api_serve_live(const struct api_call *c);
void api_serve_ready(const struct api_call *c);
void api_serve_config(const struct api_call *c);
void api_serve_scheduler(const struct api_call *c);
void api_serve_orchestration(const struct api_call *c);
void api_serve_guard(const struct api_call *c);
void api_serve_halt(const struct api_call *c);
void api_serve_risk(const struct api_call *c);
void api_serve_prices(const struct api_call *c);
void api_serve_metrics(const struct api_call *c);
void api_serve_openapi(const struct api_call *c);
// Rows of the ledger; id NULL: a list, filtered and paged as the query says, else the one thing with this id.
void api_history(struct api *a, struct http_exchange *x, enum ledger_query query, const char *id); // api_history.c
void api_one_run(struct api *a, struct http_exchange *x, const char *id);
void api_one_order(struct api *a, struct http_exchange *x, const char *id);
void api_audit(struct api *a, struct http_exchange *x, const char *id); // of an order
// Is a write from a browser or without the right token? Then answers and says so.
bool api_write_refused(struct api *a, struct http_exchange *x);            // api_auth.c
void api_run(struct api *a, struct http_exchange *x, const char *cause);   // api_write.c
void api_put_halt(const struct api *a, struct json_out *o);                // members halt and strategies
void api_halt(struct api *a, struct http_exchange *x, const char *source); // api_write.c
// Orders (api_orders.c), and their bodies (api_order_body.c). in comes with account and session; 0 or the status to
// answer (400, 415).
void api_serve_order_new(const struct api_call *c);
void api_serve_order_cancel(const struct api_call *c);
// May no order at all leave now (under reduce-only those may that reduce)? Else the session of those that are placed.
struct api_refusal {
    int status;
    const char *code, *detail;
};
bool api_orders_refused(struct api *a, struct day *session, struct api_refusal *r);
void api_order_price(const struct api *a, struct intent *in); // what it is decided at, as known now
// Until when an order may leave that was asked for at created_at and is asked for now (send_until of an intent), with
// so many to leave before it.
int64_t api_send_until(const struct api *a, const struct intent *in, size_t before);
int api_order_read(struct http_exchange *x, const struct config *config, struct intent *in, struct err *err) MUST_CHECK;
// Without an id of the caller's, the same order in the same session is the same order; one that was refused for good
// may be asked for again, as the next ordinal (0, 1, ...).
void api_order_derive_id(struct intent *in, int ordinal);
bool api_order_same(const struct intent *a, const struct intent *b); // whatever their ids
struct json_node;
int api_order_from_row(const struct json_node *row, struct intent *out, enum order_status *status,
                       struct err *err) MUST_CHECK;
const struct snapshot *api_snapshot(struct api *a);
// Starts an answer: text and JSON writer, object open.
void api_answer_begin(struct text *t, struct json_out *o);
// Mode and timestamp, object closed, sent, freed.
void api_answer_end(struct api *a, struct http_exchange *x, int status, struct text *t, struct json_out *o);

#endif
