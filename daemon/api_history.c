// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// History: what Postgres recorded, filtered and paged. One row more than a page is asked for, so that the answer can
// tell whether there is a next page.
#include "daemon/api_internal.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_S 2
#define QUESTIONS_OUT_MAX 16 // the ledger queues 32 and has those of orders besides
#define BIT(param) (1u << API_Q_##param)
#define PAGE (BIT(LIMIT) | BIT(OFFSET))
#define KEYED (PAGE | BIT(PAGE_TOKEN))
#define SESSIONS (BIT(FROM) | BIT(TO))
#define FILTERS (BIT(RUN_ID) | BIT(SYMBOL) | BIT(STATUS) | BIT(STRATEGY))

static const struct { // by enum ledger_query
    const char *name, *one;
    unsigned params;     // of the list; one thing takes none
    const char *at, *id; // what the list is sorted by besides the session: members of its rows
    bool numbered;       // the ids are numbers
} KINDS[] = {
    [LEDGER_QUERY_RUNS] = {"runs", "run", KEYED | FILTERS | SESSIONS, "started_at", "run_id", false},
    [LEDGER_QUERY_RUN] = {"runs", "run", 0, NULL, NULL, false},
    [LEDGER_QUERY_ORDERS] = {"orders", "order", KEYED | FILTERS | SESSIONS, "created_at", "client_order_id", false},
    [LEDGER_QUERY_FILLS] = {"fills", "fill", KEYED | FILTERS | SESSIONS, "transaction_time", "activity_id", false},
    [LEDGER_QUERY_POSITIONS] = {"positions", "position", PAGE | FILTERS, NULL, NULL, false},
    [LEDGER_QUERY_ALERTS] = {"alerts", "alert", KEYED | FILTERS | SESSIONS, "at", "id", true},
    [LEDGER_QUERY_DECISIONS] = {"decisions", "decision", KEYED | FILTERS | SESSIONS, "at", "seq", true},
    [LEDGER_QUERY_AUDIT] = {"audits", "order", 0, NULL, NULL, false},
    [LEDGER_QUERY_EQUITY] = {"equity", "snapshot", KEYED | FILTERS | SESSIONS, "at", NULL, false},
    [LEDGER_QUERY_SIGNALS] = {"signals", "signal", PAGE | FILTERS | SESSIONS, NULL, NULL, false},
    [LEDGER_QUERY_ENTRIES] = {"entries", "entry", KEYED | FILTERS | SESSIONS, "at", "entry_id", true},
    [LEDGER_QUERY_ACTIVITIES] = {"activities", "activity", KEYED | BIT(SYMBOL) | BIT(STATUS) | SESSIONS, "created_at",
                                 "activity_id", false},
    [LEDGER_QUERY_QUARANTINE] = {"quarantine", "order", PAGE | BIT(SYMBOL) | BIT(STATUS) | BIT(STRATEGY) | SESSIONS,
                                 NULL, NULL, false},
    [LEDGER_QUERY_STRATEGIES] = {"strategies", "strategy", PAGE | FILTERS | SESSIONS, NULL, NULL, false},
};

// The first `keep` values of a JSON array: where they end, and where the last of them begins when *more says that there
// are others. Postgres wrote it, so it is well formed.
static size_t array_head(const char *json, int keep, int *count, bool *more, size_t *last)
{
    int depth = 0, commas = 0;
    bool in_string = false, any = false;
    *more = false;
    *last = 1;
    size_t i;
    for (i = 0; json[i]; i++) {
        char c = json[i];
        if (in_string) {
            if (c == '\\' && json[i + 1])
                i++;
            in_string = c != '"';
            continue;
        }
        in_string = c == '"';
        any = any || (depth == 1 && c != ']' && c != ' ' && c != '\n');
        depth += (c == '[' || c == '{') - (c == ']' || c == '}');
        if (c != ',' || depth != 1)
            continue;
        if (++commas == keep) {
            *more = true;
            break;
        }
        *last = i + 1;
    }
    *count = any ? (*more ? keep : commas + 1) : 0;
    return i;
}

static void copy_member(const struct json_node *row, const char *name, char *out, size_t size)
{
    const struct json_node *n = name ? json_get(row, name) : NULL;
    const char *value = json_type_of(n) == JSON_IS_NUMBER ? json_number_text(n) : json_string(n);
    str_copy_cut(out, size, value ? value : "");
}

// Where the page that ended with this row ended.
static void put_token(struct json_out *o, enum ledger_query query, const char *row, size_t len)
{
    struct json_doc *doc;
    struct api_page page = {0};
    char token[API_PAGE_TOKEN_MAX];
    if (json_doc_parse(row, len, &doc, NULL) != 0) {
        json_put_null(o, "next_page_token");
        return;
    }
    const struct json_node *root = json_doc_root(doc);
    copy_member(root, KINDS[query].at, page.at, sizeof page.at);
    copy_member(root, KINDS[query].id, page.id, sizeof page.id);
    if (query == LEDGER_QUERY_RUNS) {
        copy_member(root, "session", page.session, sizeof page.session);
        if (!page.at[0]) // missed
            copy_member(root, "scheduled_at", page.at, sizeof page.at);
    }
    api_page_token(KINDS[query].name, &page, token);
    json_put_string(o, "next_page_token", token);
    json_doc_free(doc);
}

static void put_list(struct json_out *o, const struct api_wait *asked, const char *json)
{
    int count;
    bool more;
    size_t last, len = array_head(json, asked->limit, &count, &more, &last);
    json_key(o, asked->name);
    if (more) {
        char *page = check_alloc(len + 2, 1);
        memcpy(page, json, len);
        page[len] = ']';
        json_add_raw(o, page);
        free(page);
    } else {
        json_add_raw(o, json);
    }
    json_put_int(o, "count", count);
    json_put_int(o, "limit", asked->limit);
    json_put_int(o, "offset", asked->offset);
    if (more && !asked->paged)
        json_put_int(o, "next_offset", asked->offset + asked->limit);
    else
        json_put_null(o, "next_offset");
    if (!KINDS[asked->list].at)
        return;
    if (more)
        put_token(o, asked->list, json + last, len - last);
    else
        json_put_null(o, "next_page_token");
}

// One thing's members stand at the top, with the mode's in front. It comes alone, or as the first of a list.
static void answer_one(const struct api_wait *asked, struct http_exchange *x, const char *json)
{
    struct text t;
    struct json_out o;
    int count;
    bool more = false;
    bool list = json[0] == '[';
    size_t last, end = list ? array_head(json, 1, &count, &more, &last) : strlen(json);
    json += list;
    end -= list ? (more ? 1u : 2u) : 0u; // the first bracket, and the last when nothing else follows
    if (json[0] != '{') {
        api_reply_problem(x, 404, "no %s has this id", asked->name);
        return;
    }
    api_answer_begin(&t, &o);
    snapshot_put_mode(api_snapshot(asked->api), &o);
    json_put_when(&o, "timestamp", api_snapshot(asked->api)->at_wall_ns);
    text_addc(&t, ',');
    text_addn(&t, json + 1, end - 1);
    api_reply_json(x, 200, &t);
    text_free(&t);
}

struct question {     // what a wait asks for; owned by it
    struct list node; // in the queue, until its turn
    struct api_wait *wait;
    enum ledger_query query;
    struct api_query q;
    struct api_page after;
    char id[CLIENT_ORDER_ID_MAX]; // "" = a list
};

static void ask_next(struct api *a);

static void answer(const struct api_wait *asked, struct http_exchange *x, enum ledger_result result, const char *json)
{
    struct text t;
    struct json_out o;
    if (result != LEDGER_OK || !json) {
        api_reply_retry(x, 503, RETRY_S, "Postgres does not answer: history cannot be read now");
        return;
    }
    if (asked->one) {
        answer_one(asked, x, json);
        return;
    }
    api_answer_begin(&t, &o);
    put_list(&o, asked, json);
    if (asked->list == LEDGER_QUERY_STRATEGIES) { // also those that never ran
        json_key(&o, "configured");
        snapshot_add_strategies(api_snapshot(asked->api), &o);
    }
    api_answer_end(asked->api, x, 200, &t, &o);
}

static void query_done(void *arg, enum ledger_result result, const char *json)
{
    struct question *question = arg;
    const struct api_wait asked = *question->wait;
    struct http_exchange *x = api_wait_end(question->wait);
    free(question);
    asked.api->questions_out--;
    if (x)
        answer(&asked, x, result, json);
    ask_next(asked.api);
}

static void ask(struct question *question)
{
    const struct api_query *q = &question->q;
    struct api *a = question->wait->api;
    const struct ledger_filter filter = {
        .id = question->wait->one ? question->id : NULL,
        .run_id = api_query_value(q, API_Q_RUN_ID),
        .symbol = api_query_value(q, API_Q_SYMBOL),
        .status = api_query_value(q, API_Q_STATUS),
        .strategy = api_query_value(q, API_Q_STRATEGY),
        .from = api_query_value(q, API_Q_FROM),
        .to = api_query_value(q, API_Q_TO),
        .limit = question->wait->one ? 1 : q->limit + 1,
        .offset = q->offset,
        .after_session = question->after.session[0] ? question->after.session : NULL,
        .after_at = question->after.at[0] ? question->after.at : NULL,
        .after_id = question->after.id[0] ? question->after.id : NULL,
    };
    a->questions_out++;
    ledger_query(a->p.ledger, question->query, &filter, query_done, question);
}

// The ledger takes few at a time; the others wait here, in the order they came.
static void ask_next(struct api *a)
{
    while (!list_empty(&a->questions) && a->questions_out < QUESTIONS_OUT_MAX) {
        struct question *question = LIST_ENTRY(a->questions.next, struct question, node);
        list_remove(&question->node);
        if (question->wait->x) {
            ask(question);
        } else { // the client left meanwhile
            api_wait_end(question->wait);
            free(question);
        }
    }
}

static bool read_page(enum ledger_query query, const struct api_query *q, struct api_page *out)
{
    const char *token = api_query_value(q, API_Q_PAGE_TOKEN);
    *out = (struct api_page){0};
    return !token || (api_page_read(token, KINDS[query].name, KINDS[query].numbered, out) &&
                      (out->session[0] || query != LEDGER_QUERY_RUNS));
}

void api_history(struct api *a, struct http_exchange *x, enum ledger_query query, const char *id)
{
    struct api_query q;
    struct api_page after;
    struct err err;
    if (api_query_read(http_exchange_query(x), id ? 0 : KINDS[query].params, &q, &err) != 0) {
        api_reply_problem(x, 400, "%s", err.text);
        return;
    }
    if (!read_page(query, &q, &after)) {
        api_reply_problem(x, 400, "page_token is none that this list gave: start again without it");
        return;
    }
    struct api_wait *w = api_wait_new(a, x);
    if (!w)
        return;
    struct question *question = check_alloc(1, sizeof *question);
    *question = (struct question){.wait = w, .query = query, .q = q, .after = after};
    str_copy_cut(question->id, sizeof question->id, id ? id : "");
    w->more = question;
    w->name = id ? KINDS[query].one : KINDS[query].name;
    w->one = id != NULL;
    w->limit = q.limit;
    w->offset = q.offset;
    w->paged = q.has[API_Q_PAGE_TOKEN];
    w->list = query;
    list_append(&a->questions, &question->node);
    ask_next(a);
}

void api_one_run(struct api *a, struct http_exchange *x, const char *id)
{
    size_t len = strlen(id);
    if (len == 0 || len >= RUN_ID_MAX || strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz-") != len)
        api_reply_problem(x, 404, "no run has this id");
    else
        api_history(a, x, LEDGER_QUERY_RUN, id);
}

void api_one_order(struct api *a, struct http_exchange *x, const char *id)
{
    api_history(a, x, LEDGER_QUERY_ORDERS, id);
}

void api_audit(struct api *a, struct http_exchange *x, const char *id)
{
    api_history(a, x, LEDGER_QUERY_AUDIT, id);
}
