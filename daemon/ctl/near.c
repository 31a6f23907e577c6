// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Names that an operator may have guessed wrong: the daemon is asked what there is. Completion asks the same.
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/ctl.h"

#define RUNS_LOOKED_AT 500
#define WHOLE_ID_MIN 32
#define SHOWN_MAX 8

int ctl_unknown(const char *what, const char *word, const char *const *known, size_t count)
{
    const char *near = str_nearest(word, known, count);
    for (size_t i = 0; !near && i < count; i++)
        if (word[0] && strncasecmp(known[i], word, strlen(word)) == 0)
            near = known[i];
    fprintf(stderr, "paperguard: no %s is called \"", what);
    ctl_print(stderr, word);
    fprintf(stderr, "\"%s%s%s", near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    if (!near && count > 0 && count <= SHOWN_MAX) {
        fprintf(stderr, "; there %s", count == 1 ? "is" : "are");
        for (size_t i = 0; i < count; i++)
            fprintf(stderr, "%s %s", i ? "," : "", known[i]);
    }
    fputc('\n', stderr);
    return EX_USAGE;
}

void ctl_names_add(struct ctl_names *n, const char *name)
{
    if (!name[0] || n->count == CTL_NAMES_MAX)
        return;
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->names[i], name) == 0)
            return;
    n->names[n->count++] = check_strdup(name);
}

void ctl_names_free(struct ctl_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->names[i]);
    *n = (struct ctl_names){0};
}

static void add_members(struct ctl_names *n, const struct json_node *rows, const char *member)
{
    for (size_t i = 0; i < json_size(rows); i++)
        ctl_names_add(n, ctl_text(json_at(rows, i), member));
}

// --- what there is

enum what { STRATEGIES, BOOKS, SYMBOLS };
static const char *const WHAT[] = {"strategy", "book", "symbol"};

static void from_strategies(struct ctl_names *n, enum what what, const struct json_node *rows)
{
    if (what != SYMBOLS)
        add_members(n, rows, "name");
    for (size_t i = 0; what == SYMBOLS && i < json_size(rows); i++) {
        const struct json_node *symbols = ctl_at(json_at(rows, i), "symbols");
        for (size_t k = 0; k < json_size(symbols); k++)
            ctl_names_add(n, ctl_text(json_at(symbols, k), ""));
    }
}

static int names_of(struct ctl *c, enum what what, struct ctl_names *n)
{
    struct ctl_answer a;
    int code = ctl_get(c, "/admin/strategies", &a);
    if (code != EX_OK)
        return code;
    from_strategies(n, what, ctl_at(ctl_root(&a), "strategies"));
    ctl_answer_free(&a);
    if (what == STRATEGIES)
        return EX_OK;
    if (what == BOOKS)
        ctl_names_add(n, "unassigned");
    code = ctl_get(c, "/admin/positions?limit=500", &a);
    if (code != EX_OK)
        return code;
    add_members(n, ctl_at(ctl_root(&a), "positions"), what == BOOKS ? "book" : "symbol");
    ctl_answer_free(&a);
    return EX_OK;
}

static int check(struct ctl *c, enum what what, const char *name)
{
    struct ctl_names n = {0};
    int code = names_of(c, what, &n);
    bool found = n.count == CTL_NAMES_MAX; // there may be more than are known here
    for (size_t i = 0; i < n.count; i++)
        found = found || strcmp(n.names[i], name) == 0;
    if (code == EX_OK && !found)
        code = ctl_unknown(WHAT[what], name, (const char *const *)n.names, n.count);
    ctl_names_free(&n);
    return code;
}

int ctl_check_strategy(struct ctl *c, const char *name)
{
    return check(c, STRATEGIES, name);
}

int ctl_check_book(struct ctl *c, const char *name)
{
    return check(c, BOOKS, name);
}

int ctl_check_symbol(struct ctl *c, const char *name)
{
    return check(c, SYMBOLS, name);
}

// --- runs

static int recent_runs(struct ctl *c, int limit, struct ctl_names *n)
{
    struct ctl_answer a;
    char path[64];
    snprintf(path, sizeof path, "/admin/runs?limit=%d", limit);
    int code = ctl_get(c, path, &a);
    if (code != EX_OK)
        return code;
    add_members(n, ctl_at(ctl_root(&a), "runs"), "run_id");
    ctl_answer_free(&a);
    return EX_OK;
}

static int pick_run(const struct ctl_names *n, const char *word, char out[64])
{
    size_t hits = 0;
    for (size_t i = 0; i < n->count; i++) {
        if (!str_starts(n->names[i], word))
            continue;
        if (!hits++)
            str_copy_cut(out, 64, n->names[i]);
        if (strcmp(n->names[i], word) == 0)
            return EX_OK;
    }
    if (hits == 1)
        return EX_OK;
    if (hits == 0)
        return ctl_unknown("run", word, (const char *const *)n->names, n->count);
    fprintf(stderr, "paperguard: %zu runs begin with \"%s\":", hits, word);
    for (size_t i = 0, shown = 0; i < n->count && shown < SHOWN_MAX; i++)
        if (str_starts(n->names[i], word) && ++shown)
            fprintf(stderr, " %s", n->names[i]);
    fprintf(stderr, "%s\n", hits > SHOWN_MAX ? " ..." : "");
    return EX_USAGE;
}

int ctl_run_id(struct ctl *c, const char *word, char out[64])
{
    struct ctl_names n = {0};
    bool last = str_equal(word, "last");
    if (strlen(word) >= WHOLE_ID_MIN) {
        str_copy_cut(out, 64, word);
        return EX_OK;
    }
    int code = recent_runs(c, last ? 1 : RUNS_LOOKED_AT, &n);
    if (code == EX_OK && n.count == 0) {
        fprintf(stderr, "paperguard: there has been no run yet\n");
        code = CTL_REFUSED;
    } else if (code == EX_OK && last) {
        str_copy_cut(out, 64, n.names[0]);
    } else if (code == EX_OK) {
        code = pick_run(&n, word, out);
    }
    ctl_names_free(&n);
    return code;
}

// Adds each id; how many of them `word` means, the first of these in out.
static size_t order_hits(const struct ctl_orders *of, const struct json_node *rows, const char *word,
                         struct ctl_names *n, char out[CTL_ORDER_ID_MAX])
{
    size_t hits = 0;
    for (size_t i = 0; i < json_size(rows); i++) {
        const char *id = ctl_text(json_at(rows, i), of->id);
        ctl_names_add(n, id);
        if ((str_starts(id, word) || ctl_is(json_at(rows, i), "client_order_id", word)) && !hits++)
            str_copy_cut(out, CTL_ORDER_ID_MAX, id);
    }
    return hits;
}

int ctl_order_id(struct ctl *c, const struct ctl_orders *of, const char *word, char out[CTL_ORDER_ID_MAX])
{
    struct ctl_answer a;
    struct ctl_names n = {0};
    int code = ctl_get(c, of->path, &a);
    if (code != EX_OK)
        return code;
    size_t hits = order_hits(of, ctl_at(ctl_root(&a), of->member), word, &n, out);
    ctl_answer_free(&a);
    if (n.count == 0) {
        fprintf(stderr, "paperguard: %s\n", of->none);
        code = CTL_REFUSED;
    } else if (hits > 1) {
        fprintf(stderr, "paperguard: %zu %s begin with \"%s\"\n", hits, of->several, word);
        code = EX_USAGE;
    } else if (hits == 0) {
        code = ctl_unknown(of->one, word, (const char *const *)n.names, n.count);
    }
    ctl_names_free(&n);
    return code;
}

static int parked_orders(struct ctl *c, struct ctl_names *n)
{
    struct ctl_answer a;
    int code = ctl_get(c, "/admin/orders?status=parked&limit=500", &a);
    if (code != EX_OK)
        return code;
    add_members(n, ctl_at(ctl_root(&a), "orders"), "client_order_id");
    ctl_answer_free(&a);
    return EX_OK;
}

static int option_names(struct ctl *c, struct ctl_names *n)
{
    struct ctl_answer a;
    char whole[160];
    int code = ctl_get(c, "/admin/config", &a);
    if (code != EX_OK)
        return code;
    const struct json_node *rows = ctl_at(ctl_root(&a), "options");
    for (size_t i = 0; i < json_size(rows); i++) {
        const struct json_node *row = json_at(rows, i);
        snprintf(whole, sizeof whole, "%s.%s", ctl_text(row, "section"), ctl_text(row, "key"));
        ctl_names_add(n, ctl_text(row, "section"));
        ctl_names_add(n, ctl_text(row, "name")[0] ? ctl_text(row, "name") : whole);
    }
    ctl_answer_free(&a);
    return EX_OK;
}

// --- completion: one name a line; silence when the daemon is away

int ctl_complete(struct ctl *c)
{
    static const char *const kinds[] = {"STRATEGY", "BOOK", "SYMBOL", "RUN", "CODE", "ORDER", "OPTION"};
    struct ctl_names n = {0};
    size_t k = 0;
    int code = EX_OK;
    if (!freopen("/dev/null", "w", stderr))
        return EX_TEMPFAIL;
    while (k < ARRAY_LEN(kinds) && !str_equal(kinds[k], c->words[0]))
        k++;
    if (k <= SYMBOLS) {
        code = names_of(c, (enum what)k, &n);
    } else if (str_equal(c->words[0], "RUN")) {
        ctl_names_add(&n, "last");
        code = recent_runs(c, 50, &n);
    } else if (str_equal(c->words[0], "ORDER")) {
        code = parked_orders(c, &n);
    } else if (str_equal(c->words[0], "OPTION")) {
        code = option_names(c, &n);
    } else if (str_equal(c->words[0], "CODE")) {
        ctl_codes_list(stdout);
    }
    for (size_t i = 0; i < n.count; i++)
        puts(n.names[i]);
    ctl_names_free(&n);
    return code;
}
