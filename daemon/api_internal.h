// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What api and admin share: answers as JSON, strict bodies, and exchanges that wait for somebody else's completion.
#ifndef PAPERGUARD_DAEMON_API_INTERNAL_H
#define PAPERGUARD_DAEMON_API_INTERNAL_H

#include "daemon/api.h"
#include "lib/base/digest.h"
#include "lib/base/list.h"

#define API_ANSWER_MAX (8u * 1024 * 1024)
#define API_WAITS_MAX 64 // exchanges that wait for ledger, scheduler or reconcile at a time
#define API_REASON_MAX 160
#define API_STRATEGIES_MAX 512 // bytes of all names with their blanks

struct api {
    struct api_params p;
    bool has_token;
    struct digest token;
    struct list waits;
    size_t wait_count;
    unsigned auth_failures, auth_held; // in a row; answers held back now
};

// --- answers (api_reply.c). All end the exchange.
void api_reply_json(struct http_exchange *x, int status, const struct text *body);
// {"status":404,"error":"Not Found","detail":"..."}
void api_reply_problem(struct http_exchange *x, int status, const char *format, ...) PRINTF_LIKE(3, 4);
void api_reply_method(struct http_exchange *x, const char *allow); // 405
void api_reply_retry(struct http_exchange *x, int status, int after_s, const char *detail);

// --- bodies (api_body.c): a JSON object whose members are all in `allowed`, or nothing at all.
#define API_BODY_REASON 1u
#define API_BODY_CODE 2u
#define API_BODY_STRATEGIES 4u
struct api_body {
    unsigned has; // API_BODY_* that are there
    char reason[API_REASON_MAX + 1];
    char code[32];
    char strategies[API_STRATEGIES_MAX]; // names, space separated
};
// 0, or the HTTP status to answer (400, 415) with err set.
int api_body_read(struct http_exchange *x, unsigned allowed, unsigned required, struct api_body *out,
                  struct err *err) MUST_CHECK;

// --- waiting (api.c): a wait outlives its client (gone) and its api; whoever completes it asks who is still there.
struct api_wait {
    struct list node;
    struct api *api;         // NULL: freed meanwhile
    struct http_exchange *x; // NULL: the client left
    loop_timer timer;        // an answer that is held back
    const char *name;        // history: of the list; NULL: a single run
    int limit, offset;
};
// NULL when too many wait already; then the exchange was answered.
struct api_wait *api_wait_new(struct api *a, struct http_exchange *x);
struct http_exchange *api_wait_end(struct api_wait *w); // frees w; NULL: nobody is waiting any more

// --- shared doings
void api_history(struct api *a, struct http_exchange *x, enum ledger_query query, const char *id); // api_history.c
void api_one_run(struct api *a, struct http_exchange *x, const char *id);
// Is a write from a browser or without the right token? Then answers and says so.
bool api_write_refused(struct api *a, struct http_exchange *x);            // api_auth.c
void api_run(struct api *a, struct http_exchange *x, const char *cause);   // api_write.c
void api_halt(struct api *a, struct http_exchange *x, const char *source); // api_write.c
void api_route(struct api *a, struct http_exchange *x);                    // api_routes.c
const struct snapshot *api_snapshot(struct api *a);
// Starts an answer: text and JSON writer, object open.
void api_answer_begin(struct text *t, struct json_out *o);
// Mode and timestamp, object closed, sent, freed.
void api_answer_end(struct api *a, struct http_exchange *x, int status, struct text *t, struct json_out *o);

#endif
