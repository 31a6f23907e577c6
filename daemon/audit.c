// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A chain is walked once. At its first row that does not follow from the one before, that row and some after it are
// kept, and looked at together once there are enough of them: what was done to the chain shows in what comes next.
#include "daemon/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/audit_internal.h"
#include "lib/base/json_read.h"
#include "lib/base/map.h"

#define DAY_TEXT 10 // of "2026-11-21T..."

struct expected {
    int64_t seq;
    bool found;
    char hash[DIGEST_HEX_MAX];
};

struct audit {
    struct walk **walks;
    size_t count;
    struct map *by_name, *expected;
    char from[DAY_TEXT + 1], to[DAY_TEXT + 1];
    bool bounded;
};

static const char ZERO[] = "0000000000000000000000000000000000000000000000000000000000000000";

// --- one row

// As a JSON string: what must be escaped is, and nothing else.
static void add_string(struct digest_state *d, const char *s)
{
    char escaped[8];
    digest_add(d, "\"", 1);
    for (const char *at = s; *at;) {
        size_t plain = 0;
        while ((unsigned char)at[plain] >= ' ' && at[plain] != '"' && at[plain] != '\\')
            plain++;
        digest_add(d, at, plain);
        at += plain;
        if (!*at)
            break;
        static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
        const char *known = strchr(from, *at);
        int len = known ? snprintf(escaped, sizeof escaped, "\\%c", to[known - from])
                        : snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)*at);
        digest_add(d, escaped, (size_t)len);
        at++;
    }
    digest_add(d, "\"", 1);
}

static const char *hash_as(const char *before, const struct audit_row *r, int64_t seq, char out[DIGEST_HEX_MAX])
{
    const char *const words[] = {r->key, r->kind, r->subject, r->answer, r->rule, r->detail, r->at};
    char number[40];
    struct digest_state *d = digest_new();
    digest_add(d, "[", 1);
    add_string(d, before);
    digest_add(d, ", ", 2);
    add_string(d, r->host);
    digest_add(d, ", ", 2);
    add_string(d, r->instance);
    int len = snprintf(number, sizeof number, ", %lld", (long long)seq);
    digest_add(d, number, (size_t)len);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        digest_add(d, ", ", 2);
        add_string(d, words[i]);
    }
    digest_add(d, "]", 1);
    struct digest sum = digest_finish(d);
    return digest_hex(&sum, out);
}

const char *audit_hash(const char *before, const struct audit_row *row, char out[DIGEST_HEX_MAX])
{
    return hash_as(before, row, row->seq, out);
}

bool audit_follows(const char *before, const struct audit_row *row, int64_t seq)
{
    char hash[DIGEST_HEX_MAX];
    return strcmp(hash_as(before, row, seq, hash), row->hash) == 0;
}

const char *audit_fault_name(enum audit_fault f)
{
    static const char *const names[] = {"whole", "changed", "removed", "inserted", "reordered", "head"};
    return names[f];
}

static void row_keep(struct audit_row *out, const struct audit_row *r)
{
    *out = (struct audit_row){.host = check_strdup(r->host),
                              .instance = check_strdup(r->instance),
                              .seq = r->seq,
                              .key = check_strdup(r->key),
                              .kind = check_strdup(r->kind),
                              .subject = check_strdup(r->subject),
                              .answer = check_strdup(r->answer),
                              .rule = check_strdup(r->rule),
                              .detail = check_strdup(r->detail),
                              .at = check_strdup(r->at),
                              .hash = check_strdup(r->hash)};
}

static void row_drop(struct audit_row *r)
{
    const char *const texts[] = {r->host,   r->instance, r->key,    r->kind, r->subject,
                                 r->answer, r->rule,     r->detail, r->at,   r->hash};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free((char *)texts[i]);
}

// --- chains

struct audit *audit_new(void)
{
    struct audit *a = check_alloc(1, sizeof *a);
    a->by_name = map_new();
    a->expected = map_new();
    return a;
}

void audit_free(struct audit *a)
{
    size_t cursor = 0;
    const char *key;
    void *value;
    if (!a)
        return;
    for (size_t i = 0; i < a->count; i++) {
        struct walk *w = a->walks[i];
        for (size_t k = 0; k < w->kept; k++)
            row_drop(&w->window[k]);
        if (w->has_first)
            row_drop(&w->first);
        free(w->host);
        free(w->instance);
        free(w);
    }
    free(a->walks);
    while (map_each(a->expected, &cursor, &key, &value))
        free(value);
    map_free(a->expected);
    map_free(a->by_name);
    free(a);
}

void audit_between(struct audit *a, const char *from, const char *to)
{
    str_copy_cut(a->from, sizeof a->from, from ? from : "");
    str_copy_cut(a->to, sizeof a->to, to ? to : "");
    a->bounded = a->from[0] || a->to[0];
}

int audit_expect(struct audit *a, const char *hash, int64_t seq, struct err *err)
{
    struct digest d;
    char low[DIGEST_HEX_MAX];
    if (!digest_from_hex(hash, &d))
        return err_set(err, "a head is 64 hexadecimal digits, found \"%.70s\"", hash);
    digest_hex(&d, low);
    if (map_get(a->expected, low))
        return 0;
    struct expected *e = check_alloc(1, sizeof *e);
    e->seq = seq;
    str_copy_cut(e->hash, sizeof e->hash, low);
    map_put(a->expected, low, e);
    return 0;
}

static void seen(struct audit *a, const char *hash)
{
    struct expected *e = map_size(a->expected) ? map_get(a->expected, hash) : NULL;
    if (e)
        e->found = true;
}

static struct walk *walk_of(struct audit *a, const char *host, const char *instance)
{
    struct text name;
    text_init(&name, 1u << 16);
    text_addf(&name, "%zu %s %s", strlen(host), host, instance);
    struct walk *w = map_get(a->by_name, text_str(&name));
    if (!w) {
        w = check_alloc(1, sizeof *w);
        w->host = check_strdup(host);
        w->instance = check_strdup(instance);
        str_copy_cut(w->hash, sizeof w->hash, ZERO);
        a->walks = check_realloc(a->walks, (a->count + 1) * sizeof *a->walks);
        a->walks[a->count++] = w;
        map_put(a->by_name, text_str(&name), w);
    }
    text_free(&name);
    return w;
}

// --- rows

// A checkpoint vouches for where the chain begins: its words are those of the row that was removed last.
static void look_at_checkpoint(struct audit *a, struct walk *w, const struct audit_row *r)
{
    int64_t through;
    if (strcmp(r->kind, AUDIT_KIND) != 0 || strcmp(r->answer, AUDIT_CHECKPOINT) != 0 ||
        !str_int64(r->subject, 1, INT64_MAX - 1, &through))
        return;
    seen(a, r->rule);
    if (!w->has_first || through != w->first.seq - 1)
        return;
    w->vouched = true;
    if (!audit_follows(r->rule, &w->first, w->first.seq))
        walk_fault(w, AUDIT_CHANGED, w->first.seq,
                   "row %lld does not follow from row %lld as the checkpoint in row %lld tells it",
                   (long long)w->first.seq, (long long)through, (long long)r->seq);
}

static void take(struct walk *w, const struct audit_row *r)
{
    str_copy_cut(w->before, sizeof w->before, w->hash);
    str_copy_cut(w->hash, sizeof w->hash, r->hash);
    w->seq = r->seq;
}

static void begin(struct audit *a, struct walk *w, const struct audit_row *r)
{
    w->begun = true;
    w->lowest = r->seq;
    if (r->seq > 1 && !w->anchored && !a->from[0]) {
        row_keep(&w->first, r);
        w->has_first = true;
    } else if (r->seq == 1 && !w->anchored && !audit_follows(ZERO, r, 1)) {
        w->seq = 0; // looked at with those that come after it
        w->bad = true;
        return;
    }
    take(w, r);
}

void audit_add(struct audit *a, const struct audit_row *r)
{
    struct walk *w = walk_of(a, r->host, r->instance);
    w->rows++;
    if (a->to[0] && strncmp(r->at, a->to, DAY_TEXT) > 0) {
        w->cut = true;
        w->rows--;
        return;
    }
    if (a->from[0] && !w->begun && strncmp(r->at, a->from, DAY_TEXT) < 0) {
        w->rows--;
        w->anchored = true;
        take(w, r);
        return;
    }
    seen(a, r->hash);
    if (w->fault != AUDIT_WHOLE)
        return;
    if (!w->begun && !w->anchored) {
        begin(a, w, r);
    } else if (!w->bad) {
        if (!w->begun)
            w->lowest = r->seq;
        w->begun = true;
        if (r->seq == w->seq + 1 && audit_follows(w->hash, r, r->seq))
            take(w, r);
        else
            w->bad = true;
    }
    look_at_checkpoint(a, w, r);
    if (!w->bad)
        return;
    row_keep(&w->window[w->kept++], r);
    if (w->kept == AUDIT_WINDOW)
        walk_judge(w);
}

void audit_head(struct audit *a, const char *host, const char *instance, int64_t seq, const char *hash)
{
    struct walk *w = walk_of(a, host, instance);
    w->has_head = true;
    w->head_seq = seq;
    str_copy_cut(w->head, sizeof w->head, hash);
}

int audit_add_json(struct audit *a, const struct json_node *line, struct err *err)
{
    const struct json_node *head = json_get(line, "head");
    struct audit_row r;
    struct {
        const char *name, **to;
    } texts[] = {{"host", &r.host},     {"instance", &r.instance},
                 {"hash", &r.hash},     {"decision_key", &r.key},
                 {"kind", &r.kind},     {"subject", &r.subject},
                 {"answer", &r.answer}, {"rule", &r.rule},
                 {"detail", &r.detail}, {"at", &r.at}};
    const struct json_node *from = head ? head : line;
    for (size_t i = 0; i < (head ? 3 : ARRAY_LEN(texts)); i++)
        if (json_want_string(from, head ? "head" : "decision", texts[i].name, texts[i].to, err) != 0)
            return -1;
    if (json_want_int64(from, head ? "head" : "decision", "seq", &r.seq, err) != 0)
        return -1;
    if (head)
        audit_head(a, r.host, r.instance, r.seq, r.hash);
    else
        audit_add(a, &r);
    return 0;
}

// --- the end

static void judge_end(struct audit *a, struct walk *w)
{
    if (w->bad && w->fault == AUDIT_WHOLE)
        walk_judge(w);
    if (w->fault != AUDIT_WHOLE)
        return;
    if (w->has_first && !w->vouched)
        walk_fault(w, AUDIT_REMOVED, 1, "rows 1 to %lld are not there, and no checkpoint stands for them",
                   (long long)w->first.seq - 1);
    else if (w->cut || (a->bounded && !w->begun))
        return; // the head is not among what was asked for
    else if (!w->has_head)
        walk_fault(w, AUDIT_HEAD, w->seq, "the chain has no head: its end may have been cut off");
    else if (w->head_seq > w->seq)
        walk_fault(w, AUDIT_REMOVED, w->seq + 1, "rows %lld to %lld are not there: the chain's head is row %lld",
                   (long long)w->seq + 1, (long long)w->head_seq, (long long)w->head_seq);
    else if (w->head_seq < w->seq)
        walk_fault(w, AUDIT_INSERTED, w->head_seq + 1, "the chain's head is row %lld, and rows follow it",
                   (long long)w->head_seq);
    else if (strcmp(w->head, w->hash) != 0)
        walk_fault(w, AUDIT_HEAD, w->seq, "the hash of row %lld is not that of the chain's head", (long long)w->seq);
}

bool audit_end(struct audit *a)
{
    int64_t seq;
    bool whole = true;
    for (size_t i = 0; i < a->count; i++) {
        judge_end(a, a->walks[i]);
        whole = whole && a->walks[i]->fault == AUDIT_WHOLE;
    }
    return whole && !audit_missing(a, &seq)[0];
}

size_t audit_chains(const struct audit *a)
{
    return a->count;
}

void audit_chain(const struct audit *a, size_t i, struct audit_chain *out)
{
    CHECK(i < a->count);
    const struct walk *w = a->walks[i];
    *out = (struct audit_chain){.host = w->host,
                                .instance = w->instance,
                                .first = w->lowest,
                                .last = w->seq,
                                .rows = w->rows,
                                .removed_to = w->vouched ? w->first.seq - 1 : 0,
                                .head = w->hash,
                                .fault = w->fault,
                                .broken = w->broken,
                                .detail = w->detail};
}

const char *audit_missing(const struct audit *a, int64_t *seq)
{
    size_t cursor = 0;
    const char *key;
    void *value;
    while (map_each(a->expected, &cursor, &key, &value)) {
        const struct expected *e = value;
        if (!e->found) {
            *seq = e->seq;
            return e->hash;
        }
    }
    return "";
}
