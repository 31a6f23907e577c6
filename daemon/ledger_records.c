// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Decisions, alerts and halts: rows nobody waits for. They queue here, halts first, and go out as one batch after
// another, each with a key of its own so that sending again after a broken connection stores nothing twice. A batch
// that the database refuses is sent again row by row; the row it refuses is dropped with a log line. Denials above ten
// a second from one source are counted; the count is stored as one row.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger_internal.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"
#include "sql_gen.h"

#define RECORDS_MAX 2048
#define HALTS_MAX 64
#define BATCH_MAX 64
#define RECORD_TEXT_MAX 1000
#define DENIALS_PER_S 10
#define SOURCES_MAX 64
#define SUMMARY_MS 1000
#define RETRY_MS 1000

struct record {
    struct list node;
    const struct pg_statement *statement;
    size_t count;
    char *values[12];
};

struct source { // of denials
    char name[96];
    int64_t second;
    uint64_t stored, left_out;
};

struct ledger_records {
    struct ledger *l;
    struct list halts, rows, sent;
    size_t halt_count, row_count, batch_max;
    bool under_way;
    loop_timer post, summary;
    char life[17]; // part of each key: keys of different lives differ
    uint64_t next, dropped, dropped_told, left_out;
    struct source sources[SOURCES_MAX];
    size_t source_count;
};

static void flush(struct ledger_records *r);

static void flush_posted(void *arg)
{
    struct ledger_records *r = arg;
    r->post = 0;
    flush(r);
}

void ledger_records_kick(struct ledger *l)
{
    struct ledger_records *r = l->records;
    if (r->post == 0 && !l->closing)
        r->post = loop_post(l->p.loop, flush_posted, r);
}

// --- one record

// A row must not be lost because a text in it is too long.
static char *clean_text(const char *s)
{
    char cut[RECORD_TEXT_MAX];
    str_copy_cut(cut, sizeof cut, s ? s : "");
    return check_strdup(cut);
}

static struct record *record_new(struct ledger_records *r, const struct pg_statement *statement)
{
    char key[48];
    struct record *rec = check_alloc(1, sizeof *rec);
    rec->statement = statement;
    snprintf(key, sizeof key, "%s-%llu", r->life, (unsigned long long)++r->next);
    rec->values[rec->count++] = check_strdup(key);
    rec->values[rec->count++] = clean_text(r->l->p.host);
    rec->values[rec->count++] = clean_text(r->l->p.instance);
    return rec;
}

static void record_put(struct record *rec, const char *s)
{
    CHECK(rec->count < ARRAY_LEN(rec->values));
    rec->values[rec->count++] = clean_text(s);
}

static void record_put_int(struct record *rec, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)n);
    record_put(rec, text);
}

static void record_put_when(struct record *rec, int64_t ns)
{
    char at[WHEN_TEXT_MAX];
    record_put(rec, ledger_when(ns, at));
}

static bool is_halt(const struct record *rec)
{
    return rec->statement == &SQL_HALT_WRITE || rec->statement == &SQL_STRATEGY_HALT_WRITE;
}

static void record_free(struct record *rec)
{
    list_remove(&rec->node);
    for (size_t i = 0; i < rec->count; i++)
        free(rec->values[i]);
    free(rec);
}

static void record_queue(struct ledger_records *r, struct record *rec)
{
    list_init(&rec->node);
    if (r->row_count >= RECORDS_MAX) {
        if (r->dropped++ % 1000 == 0)
            log_warning("ledger: decisions and alerts are dropped, %d wait already", RECORDS_MAX);
        record_free(rec);
        return;
    }
    r->row_count++;
    list_append(&r->rows, &rec->node);
    ledger_records_kick(r->l);
}

// --- sending

static void take_back(struct ledger_records *r)
{
    while (!list_empty(&r->sent)) { // to the front, in order
        struct list *last = r->sent.prev;
        struct record *rec = LIST_ENTRY(last, struct record, node);
        struct list *head = is_halt(rec) ? &r->halts : &r->rows;
        list_remove(last);
        list_append(head->next, last); // before the first
        if (head == &r->halts)
            r->halt_count++;
        else
            r->row_count++;
    }
}

static void sent_free(struct ledger_records *r)
{
    LIST_EACH(node, tmp, &r->sent)
    {
        record_free(LIST_ENTRY(node, struct record, node));
    }
}

static void queue_decision(struct ledger_records *r, const char *kind, const char *subject, const char *answer,
                           const char *rule, const char *detail, int64_t now_ns);

// The chain says itself that it is not whole, as soon as it can be written again.
static void tell_dropped(struct ledger_records *r)
{
    char detail[64];
    if (r->dropped == r->dropped_told)
        return;
    snprintf(detail, sizeof detail, "%llu decisions and alerts were not kept",
             (unsigned long long)(r->dropped - r->dropped_told));
    r->dropped_told = r->dropped;
    queue_decision(r, "ledger", "", "dropped", "records", detail, clock_wall_ns());
}

static void flushed(struct ledger_op *op, const struct ledger_reply *reply)
{
    struct ledger_records *r = op->l->records;
    const struct pg_answer *a = reply->answer;
    bool one = !list_empty(&r->sent) && r->sent.next == r->sent.prev;
    r->under_way = false;
    if (reply->result == LEDGER_OK) {
        bool halt = is_halt(LIST_ENTRY(r->sent.prev, struct record, node));
        sent_free(r);
        r->batch_max = BATCH_MAX;
        if (halt)
            ledger_take_halt(op->l, a->results[a->result_count - 1], true);
        tell_dropped(r);
    } else if (reply->result == LEDGER_CONFLICT && one) {
        log_error("ledger: a row of %s was refused and is lost: %s",
                  LIST_ENTRY(r->sent.next, struct record, node)->statement->name, reply->detail);
        r->dropped++;
        sent_free(r);
    } else {
        take_back(r);
        r->batch_max = 1;
        if (reply->result != LEDGER_CONFLICT && r->post == 0)
            r->post = loop_after_ms(op->l->p.loop, RETRY_MS, flush_posted, r);
        if (reply->result != LEDGER_CONFLICT)
            return;
    }
    flush(r);
}

static size_t move_records(struct list *from, struct list *to, size_t max, struct pg_batch *b)
{
    size_t n = 0;
    while (n < max && !list_empty(from)) {
        struct record *rec = LIST_ENTRY(from->next, struct record, node);
        list_remove(&rec->node);
        list_append(to, &rec->node);
        pg_batch_add(b, rec->statement, rec->count, (const char *const *)rec->values);
        n++;
    }
    return n;
}

static void flush(struct ledger_records *r)
{
    struct ledger *l = r->l;
    bool halts = !list_empty(&r->halts);
    if (r->under_way || l->state != LEDGER_READY || (!halts && list_empty(&r->rows)))
        return;
    struct pg_batch *b = pg_batch_new();
    if (halts) {
        r->halt_count -= move_records(&r->halts, &r->sent, r->batch_max, b);
        pg_batch_add(b, &SQL_HALT_READ, 2, (const char *const[]){l->p.host, l->p.instance});
    } else {
        r->row_count -= move_records(&r->rows, &r->sent, r->batch_max, b);
    }
    r->under_way = true;
    ledger_op_write(ledger_op_new(l, flushed, NULL, NULL), b);
    ledger_mark_wrote(l);
}

// --- denials

static void queue_decision(struct ledger_records *r, const char *kind, const char *subject, const char *answer,
                           const char *rule, const char *detail, int64_t now_ns)
{
    struct record *rec = record_new(r, &SQL_DECISION_INSERT);
    record_put(rec, kind);
    record_put(rec, subject);
    record_put(rec, answer);
    record_put(rec, rule);
    record_put(rec, detail);
    record_put_when(rec, now_ns);
    record_queue(r, rec);
}

static void source_summarise(struct ledger_records *r, struct source *s, int64_t now_ns)
{
    char kind[96], detail[64];
    if (s->left_out == 0)
        return;
    str_copy_cut(kind, sizeof kind, s->name);
    char *rule = strchr(kind, '\n');
    CHECK(rule != NULL);
    *rule++ = '\0';
    snprintf(detail, sizeof detail, "%llu more within a second", (unsigned long long)s->left_out);
    s->left_out = 0;
    queue_decision(r, kind, "", "suppressed", rule, detail, now_ns);
}

static void summarise(void *arg)
{
    struct ledger_records *r = arg;
    r->summary = 0;
    for (size_t i = 0; i < r->source_count; i++)
        source_summarise(r, &r->sources[i], clock_wall_ns());
}

static struct source *source_find(struct ledger_records *r, const char *kind, const char *rule)
{
    char name[96];
    snprintf(name, sizeof name, "%.40s\n%.50s", kind, rule);
    for (size_t i = 0; i < r->source_count; i++)
        if (strcmp(r->sources[i].name, name) == 0)
            return &r->sources[i];
    // More sources than that share the last place.
    struct source *s = &r->sources[r->source_count < SOURCES_MAX ? r->source_count++ : SOURCES_MAX - 1];
    if (s->name[0] == '\0')
        str_copy_cut(s->name, sizeof s->name, name);
    return s;
}

static bool denial(const char *answer)
{
    static const char *const fine[] = {"pass", "allowed", "accepted", "leads", "ok", "PASS"};
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        if (str_equal(answer, fine[i]))
            return false;
    return true;
}

static bool too_many(struct ledger_records *r, const char *kind, const char *rule, int64_t now_ns)
{
    struct source *s = source_find(r, kind, rule);
    if (s->second != now_ns / NS_PER_S) {
        source_summarise(r, s, now_ns);
        s->second = now_ns / NS_PER_S;
        s->stored = 0;
    }
    if (s->stored < DENIALS_PER_S) {
        s->stored++;
        return false;
    }
    s->left_out++;
    r->left_out++;
    if (r->summary == 0)
        r->summary = loop_after_ms(r->l->p.loop, SUMMARY_MS, summarise, r);
    return true;
}

// --- the interface

void ledger_decision(struct ledger *l, const char *kind, const char *subject, const char *answer, const char *rule,
                     const char *detail, int64_t now_ns)
{
    struct ledger_records *r = l->records;
    if (!rule)
        rule = "";
    if (!denial(answer) || !too_many(r, kind, rule, now_ns))
        queue_decision(r, kind, subject, answer, rule, detail, now_ns);
}

void ledger_self_test(struct ledger *l, const struct ledger_self_test *test)
{
    struct record *rec = record_new(l->records, &SQL_SELF_TEST_INSERT);
    record_put(rec, test->cause);
    record_put(rec, test->passed ? "true" : "false");
    record_put_int(rec, (int64_t)test->rows);
    record_put_int(rec, (int64_t)test->failed);
    record_put_int(rec, test->took_ns / 1000);
    record_put(rec, test->detail);
    record_put_when(rec, test->at_ns);
    record_queue(l->records, rec);
}

void ledger_head_stored(struct ledger *l, const char *day, const char *place, const struct ledger_head *head,
                        int64_t now_ns)
{
    struct record *rec = record_new(l->records, &SQL_HEAD_STORED);
    record_put(rec, day);
    record_put(rec, place);
    record_put_int(rec, head->seq);
    record_put(rec, head->hash);
    record_put_when(rec, now_ns);
    record_queue(l->records, rec);
}

void ledger_alert(struct ledger *l, const char *kind, const char *subject, const char *detail, int64_t now_ns)
{
    struct record *rec = record_new(l->records, &SQL_ALERT_INSERT);
    record_put(rec, kind);
    record_put(rec, subject);
    record_put(rec, detail);
    record_put_when(rec, now_ns);
    record_queue(l->records, rec);
}

void ledger_halt_write(struct ledger *l, const char *strategy, enum fact_halt state, const char *reason,
                       const char *source, int64_t at_ns)
{
    struct ledger_records *r = l->records;
    struct record *rec = record_new(r, strategy ? &SQL_STRATEGY_HALT_WRITE : &SQL_HALT_WRITE);
    char whose[160];
    snprintf(whose, sizeof whose, "%s%s", strategy ? "strategy " : "", strategy ? strategy : l->p.instance);
    if (strategy)
        record_put(rec, strategy);
    record_put(rec, fact_halt_name(state == HALT_UNKNOWN ? HALT_HALTED : state));
    record_put(rec, reason);
    record_put(rec, source);
    record_put_when(rec, at_ns);
    list_init(&rec->node);
    if (r->halt_count >= HALTS_MAX) { // the newest word counts
        record_free(LIST_ENTRY(r->halts.next, struct record, node));
        r->halt_count--;
    }
    r->halt_count++;
    list_append(&r->halts, &rec->node);
    queue_decision(r, "halt", whose, fact_halt_name(state == HALT_UNKNOWN ? HALT_HALTED : state), source, reason,
                   at_ns);
    ledger_records_kick(l);
}

void ledger_record_counts(const struct ledger *l, uint64_t *left_out, uint64_t *dropped)
{
    *left_out = l->records->left_out;
    *dropped = l->records->dropped;
}

struct ledger_records *ledger_records_new(struct ledger *l)
{
    struct ledger_records *r = check_alloc(1, sizeof *r);
    uint8_t random[8];
    r->l = l;
    r->batch_max = BATCH_MAX;
    list_init(&r->halts);
    list_init(&r->rows);
    list_init(&r->sent);
    random_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(r->life + 2 * i, 3, "%02x", random[i]);
    return r;
}

void ledger_records_free(struct ledger_records *r)
{
    struct list *const lists[] = {&r->halts, &r->rows, &r->sent};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        LIST_EACH(node, tmp, lists[i])
        {
            record_free(LIST_ENTRY(node, struct record, node));
        }
    }
    loop_cancel(r->l->p.loop, &r->post);
    loop_cancel(r->l->p.loop, &r->summary);
    free(r);
}
