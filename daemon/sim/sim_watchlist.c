// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Watchlists: named lists of symbols, found by id or by name.
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define LISTS_MAX 200
#define SYMBOLS_PER_LIST 200
#define NAME_MAX_CHARS 64
enum { DRAW_WATCHLIST = 200 };

struct sim_watchlist {
    char id[DRAW_UUID_MAX], name[4 * NAME_MAX_CHARS + 1]; // characters of at most four bytes
    int64_t created_at, updated_at;
    const struct market_symbol *symbols[SYMBOLS_PER_LIST];
    size_t count;
};
struct sim_watchlists {
    struct sim_watchlist *lists[LISTS_MAX]; // oldest first
    size_t count;
    uint64_t made; // so far
};

void sim_watchlists_free(struct sim_watchlists *w)
{
    for (size_t i = 0; w != NULL && i < w->count; i++)
        free(w->lists[i]);
    free(w);
}

static struct sim_watchlists *all(struct sim_call *c)
{
    if (c->sim->watchlists == NULL)
        c->sim->watchlists = check_alloc(1, sizeof *c->sim->watchlists);
    return c->sim->watchlists;
}

static void put(struct sim_call *c, const struct sim_watchlist *w, bool assets)
{
    json_object_begin(&c->out);
    json_put_string(&c->out, "id", w->id);
    json_put_string(&c->out, "account_id", c->sim->account_id);
    json_put_when(&c->out, "created_at", w->created_at);
    json_put_when(&c->out, "updated_at", w->updated_at);
    json_put_string(&c->out, "name", w->name);
    if (assets) {
        json_key(&c->out, "assets");
        json_array_begin(&c->out);
        for (size_t i = 0; i < w->count; i++)
            sim_json_asset(&c->out, c->sim, w->symbols[i]);
        json_array_end(&c->out);
    }
    json_object_end(&c->out);
}

// Finding: the path's id, or ?name=. NULL after a refusal.

static struct sim_watchlist *by_name(struct sim_call *c, const char *name)
{
    struct sim_watchlists *w = all(c);
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->lists[i]->name, name) == 0)
            return w->lists[i];
    return NULL;
}

static struct sim_watchlist *wanted(struct sim_call *c)
{
    struct sim_watchlists *w = all(c);
    struct sim_watchlist *found = NULL;
    char name[SIM_TEXT_MAX] = "";
    if (*c->part == '\0' && !sim_param(c, "name", name)) {
        sim_refuse(c, 422, 40010001, "watchlist name is required");
        return NULL;
    }
    if (*c->part == '\0')
        found = by_name(c, name);
    for (size_t i = 0; *c->part != '\0' && i < w->count; i++)
        if (strcmp(w->lists[i]->id, c->part) == 0)
            found = w->lists[i];
    if (found == NULL)
        sim_refuse(c, 404, 40410000, "watchlist not found: %.64s", *c->part != '\0' ? c->part : name);
    return found;
}

// Reading bodies into a list; false after a refusal, which leaves the list as it was.

static size_t characters(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0u) != 0x80u;
    return n;
}

static bool read_name(struct sim_call *c, const struct json_node *root, const struct sim_watchlist *own,
                      struct sim_watchlist *to)
{
    const char *name = json_string(json_get(root, "name"));
    if (name == NULL || *name == '\0') {
        sim_refuse(c, 422, 40010001, "watchlist name is required");
        return false;
    }
    if (characters(name) > NAME_MAX_CHARS || !str_copy(to->name, sizeof to->name, name)) {
        sim_refuse(c, 422, 40010001, "watchlist name must be no more than %d characters", NAME_MAX_CHARS);
        return false;
    }
    const struct sim_watchlist *other = by_name(c, name);
    if (other == NULL || other == own)
        return true;
    sim_refuse(c, 422, 40010001, "watchlist name must be unique");
    return false;
}

static bool add_symbol(struct sim_call *c, const char *symbol, struct sim_watchlist *to)
{
    const struct market_symbol *s = symbol != NULL ? market_find(c->sim->market, symbol) : NULL;
    if (s == NULL) {
        sim_refuse(c, 422, 40010001, "asset not found for %.64s", symbol != NULL ? symbol : "null");
        return false;
    }
    for (size_t i = 0; i < to->count; i++)
        if (to->symbols[i] == s)
            return true;
    if (to->count == SYMBOLS_PER_LIST) {
        sim_refuse(c, 422, 40010001, "a watchlist holds at most %d symbols", SYMBOLS_PER_LIST);
        return false;
    }
    to->symbols[to->count++] = s;
    return true;
}

static bool read_list(struct sim_call *c, const struct json_node *root, const struct sim_watchlist *own,
                      struct sim_watchlist *to)
{
    const struct json_node *symbols = json_get(root, "symbols");
    if (!read_name(c, root, own, to))
        return false;
    if (symbols == NULL) // a list is renamed, or begins empty
        return true;
    to->count = 0;
    for (size_t i = 0; i < json_size(symbols); i++)
        if (!add_symbol(c, json_string(json_at(symbols, i)), to))
            return false;
    return true;
}

static struct json_doc *read_body(struct sim_call *c)
{
    struct json_doc *doc = NULL;
    if (json_doc_parse(c->request->body, c->request->body_len, &doc, NULL) == 0 &&
        json_type_of(json_doc_root(doc)) == JSON_IS_OBJECT)
        return doc;
    json_doc_free(doc);
    sim_refuse(c, 400, 40010000, "request body format is invalid");
    return NULL;
}

// Handlers.

void sim_watchlists_list(struct sim_call *c)
{
    struct sim_watchlists *w = all(c);
    json_array_begin(&c->out);
    for (size_t i = 0; i < w->count; i++)
        put(c, w->lists[i], false);
    json_array_end(&c->out);
}

void sim_watchlists_create(struct sim_call *c)
{
    struct sim_watchlists *w = all(c);
    struct sim_watchlist made = {.created_at = c->now, .updated_at = c->now};
    struct json_doc *doc = read_body(c);
    if (doc == NULL)
        return;
    bool good = read_list(c, json_doc_root(doc), NULL, &made);
    json_doc_free(doc);
    if (!good)
        return;
    if (w->count == LISTS_MAX) {
        sim_refuse(c, 422, 40010001, "an account has at most %d watchlists", LISTS_MAX);
        return;
    }
    draw_uuid(c->sim->salt, DRAW_WATCHLIST, w->made++, made.id);
    struct sim_watchlist *list = check_alloc(1, sizeof *list);
    *list = made;
    w->lists[w->count++] = list;
    put(c, list, true);
}

void sim_watchlists_get(struct sim_call *c)
{
    const struct sim_watchlist *w = wanted(c);
    if (w != NULL)
        put(c, w, true);
}

// PUT: the whole list; POST: one more symbol.
static void change(struct sim_call *c, bool whole)
{
    struct sim_watchlist *w = wanted(c);
    struct json_doc *doc = w != NULL ? read_body(c) : NULL;
    if (doc == NULL)
        return;
    struct sim_watchlist fresh = *w;
    const struct json_node *root = json_doc_root(doc);
    if (whole ? read_list(c, root, w, &fresh) : add_symbol(c, json_string(json_get(root, "symbol")), &fresh)) {
        fresh.updated_at = c->now;
        *w = fresh;
        put(c, w, true);
    }
    json_doc_free(doc);
}

void sim_watchlists_put(struct sim_call *c)
{
    change(c, true);
}

void sim_watchlists_add(struct sim_call *c)
{
    change(c, false);
}

void sim_watchlists_delete(struct sim_call *c)
{
    struct sim_watchlists *w = all(c);
    const struct sim_watchlist *gone = wanted(c);
    for (size_t i = 0; gone != NULL && i < w->count; i++) {
        if (w->lists[i] != gone)
            continue;
        free(w->lists[i]);
        memmove(&w->lists[i], &w->lists[i + 1], (w->count - i - 1) * sizeof w->lists[0]);
        w->count--;
        c->reply->status = 204;
        return;
    }
}

void sim_watchlists_remove(struct sim_call *c)
{
    struct sim_watchlist *w = wanted(c);
    const struct market_symbol *s = market_find(c->sim->market, c->part2);
    for (size_t i = 0; w != NULL && s != NULL && i < w->count; i++) {
        if (w->symbols[i] != s)
            continue;
        memmove(&w->symbols[i], &w->symbols[i + 1], (w->count - i - 1) * sizeof w->symbols[0]);
        w->count--;
        w->updated_at = c->now;
        put(c, w, true);
        return;
    }
    if (w != NULL)
        sim_refuse(c, 404, 40410000, "symbol not found: %.64s", c->part2);
}
