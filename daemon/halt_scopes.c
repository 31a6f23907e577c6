// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Each record carries its time: a row of Postgres from before a release does not undo it, one from after it does.
#include "daemon/halt_scopes.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/messages.h"
#include "lib/base/json_read.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/base/when.h"
#include "lib/io/clock.h"

#define RELEASE_LIFE_NS (INT64_C(120) * NS_PER_S)
#define FILE_SEEN_NS (INT64_C(3) * NS_PER_S) // halt.d is looked at more often than that
#define WRITE_WAIT_MS 1000
#define PATH_LEN 512

struct entry {
    struct scope scope;
    int64_t file_boot_ns; // a file of halt.d was seen then; 0: never
    int64_t key_boot_ns;  // a key of Redis was; 0: it is not there
    char key[2 * HALT_TEXT_MAX];
};

struct scopes {
    char *state_dir;
    struct facts *facts;
    struct scopes_ports ports;
    struct entry entries[GUARD_SCOPES_MAX];
    size_t count;
    bool known; // Postgres has told in this life
    struct {
        struct entry *entry; // NULL: none is asked for
        char code[17], reason[HALT_TEXT_MAX], who[HALT_TEXT_MAX];
        int64_t asked_boot_ns;
    } release;
};

struct write {
    char state_dir[PATH_LEN], strategy[BOOK_NAME_MAX];
    struct halt_record record;
    int rc;
    struct err err;
};

static int rank(enum fact_halt h)
{
    return h == HALT_RUNNING ? 0 : h == HALT_REDUCE_ONLY ? 1 : 2;
}

static struct entry *find(const struct scopes *s, const char *strategy)
{
    for (size_t i = 0; i < s->count; i++)
        if (str_equal(s->entries[i].scope.strategy, strategy))
            return (struct entry *)&s->entries[i];
    return NULL;
}

size_t scopes_count(const struct scopes *s)
{
    return s->count;
}

const struct scope *scopes_at(const struct scopes *s, size_t i)
{
    return &s->entries[i].scope;
}

const struct scope *scopes_of(const struct scopes *s, const char *strategy)
{
    const struct entry *e = find(s, strategy);
    return e && e->scope.record.state != HALT_RUNNING ? &e->scope : NULL;
}

static void publish(struct scopes *s)
{
    struct fact_scope told[GUARD_SCOPES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct scope *c = &s->entries[i].scope;
        if (c->record.state == HALT_RUNNING)
            continue;
        told[n] = (struct fact_scope){.halt = c->record.state};
        str_copy_cut(told[n].strategy, sizeof told[n].strategy, c->strategy);
        str_copy_cut(told[n].detail, sizeof told[n].detail, c->record.reason);
        n++;
    }
    facts_set_scopes(s->facts, told, n);
    if (s->ports.changed)
        s->ports.changed(s->ports.arg);
}

static void write_run(void *data)
{
    struct write *w = data;
    w->rc = halt_file_write_of(w->state_dir, w->strategy, &w->record, &w->err);
}

static void store(struct scopes *s, struct entry *e)
{
    struct write *w = check_alloc(1, sizeof *w);
    w->record = e->scope.record;
    str_copy_cut(w->state_dir, sizeof w->state_dir, s->state_dir);
    str_copy_cut(w->strategy, sizeof w->strategy, e->scope.strategy);
    struct disk_work *work = disk_begin(s->ports.disk, write_run, w, WRITE_WAIT_MS);
    bool done = work && disk_done(work), was = e->scope.stored;
    e->scope.stored = done && w->rc == 0;
    if (!e->scope.stored && was)
        log_warning("halt of strategy %s: its state file does not hold it yet: %s", e->scope.strategy,
                    done ? w->err.text : "the disk does not answer");
    disk_end(work);
}

static void set(struct scopes *s, struct entry *e, enum fact_halt state, const char *reason, const char *source)
{
    struct halt_record *r = &e->scope.record;
    *r = (struct halt_record){.state = state, .at_ns = clock_wall_ns()};
    str_copy_cut(r->reason, sizeof r->reason, reason && reason[0] ? reason : "no reason given");
    str_copy_cut(r->source, sizeof r->source, source && source[0] ? source : "unknown");
    if (s->release.entry == e)
        s->release.entry = NULL; // what was asked for before does not release this
    store(s, e);
}

static void tell_engaged(const struct scope *c)
{
    log_message(LOG_LEVEL_WARNING, MESSAGE_HALT_ENGAGED,
                ((struct log_field[]){{"REASON", c->record.reason}, {"STRATEGY", c->strategy}}),
                "halt: strategy %s %s by %s: %s", c->strategy, fact_halt_name(c->record.state), c->record.source,
                c->record.reason);
}

bool scopes_engage(struct scopes *s, const char *strategy, enum fact_halt state, const char *reason, const char *source)
{
    struct entry *e = find(s, strategy);
    if (!e || state == HALT_RUNNING)
        return e != NULL;
    if (s->release.entry == e)
        s->release.entry = NULL;
    if (rank(state) <= rank(e->scope.record.state))
        return true;
    set(s, e, state == HALT_REDUCE_ONLY ? state : HALT_HALTED, reason, source);
    tell_engaged(&e->scope);
    if (s->ports.write_row)
        s->ports.write_row(s->ports.arg, e->scope.strategy, &e->scope.record);
    publish(s);
    return true;
}

bool scopes_engage_file(struct scopes *s, const char *strategy, enum fact_halt state)
{
    struct entry *e = find(s, strategy);
    if (e)
        e->file_boot_ns = clock_boot_ns();
    return scopes_engage(s, strategy, state, "a file in halt.d", "halt.d");
}

bool scopes_set_key(struct scopes *s, const char *strategy, enum fact_halt state, const char *reason, const char *key)
{
    struct entry *e = find(s, strategy);
    if (e) {
        e->key_boot_ns = state == HALT_RUNNING ? 0 : clock_boot_ns();
        str_copy_cut(e->key, sizeof e->key, key);
    }
    return scopes_engage(s, strategy, state, reason, "redis");
}

// --- Postgres

static enum fact_halt state_of(const char *word)
{
    return str_equal(word, fact_halt_name(HALT_REDUCE_ONLY)) ? HALT_REDUCE_ONLY : HALT_HALTED; // odd: a halt
}

static void take_row(struct scopes *s, const struct json_node *row)
{
    const char *name = json_string(json_get(row, "strategy")), *state = json_string(json_get(row, "state"));
    const char *reason = json_string(json_get(row, "reason")), *at = json_string(json_get(row, "at"));
    struct entry *e = name && state ? find(s, name) : NULL;
    int64_t at_ns;
    if (!e || rank(state_of(state)) <= rank(e->scope.record.state))
        return;
    if (at && when_parse(at, &at_ns) && at_ns <= e->scope.record.at_ns)
        return; // from before what is known here, a release perhaps
    set(s, e, state_of(state), reason, "Postgres");
    tell_engaged(&e->scope);
}

void scopes_set_database(struct scopes *s, const char *json)
{
    struct json_doc *doc;
    if (json_doc_parse(json, strlen(json), &doc, NULL) != 0)
        return;
    const struct json_node *rows = json_doc_root(doc);
    for (size_t i = 0; i < json_size(rows); i++)
        take_row(s, json_at(rows, i));
    for (size_t i = 0; i < s->count; i++) { // an older copy may lack what is held here
        const struct scope *c = &s->entries[i].scope;
        bool told = false;
        for (size_t k = 0; k < json_size(rows); k++)
            told = told || (str_equal(json_string(json_get(json_at(rows, k), "strategy")), c->strategy) &&
                            rank(state_of(json_string(json_get(json_at(rows, k), "state")))) >= rank(c->record.state));
        if (c->record.state != HALT_RUNNING && !told && s->ports.write_row)
            s->ports.write_row(s->ports.arg, c->strategy, &c->record);
    }
    json_doc_free(doc);
    s->known = true;
    publish(s);
}

void scopes_look(struct scopes *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (!s->entries[i].scope.stored)
            store(s, &s->entries[i]);
}

// --- release

int scopes_release_request(struct scopes *s, const char *strategy, const char *reason, const char *who, char code[17],
                           struct err *err)
{
    struct entry *e = find(s, strategy);
    uint8_t bytes[8];
    if (!e || e->scope.record.state == HALT_RUNNING)
        return err_set(err, "strategy %s is not halted", strategy);
    if (!s->known)
        return err_set(err, "Postgres cannot say whether there is a halt; releasing waits until it can");
    if (e->file_boot_ns && clock_boot_ns() - e->file_boot_ns < FILE_SEEN_NS)
        return err_set(err, "%s/halt.d has a file for strategy %s: remove it, and ask again some seconds later",
                       s->state_dir, strategy);
    if (e->key_boot_ns && clock_boot_ns() - e->key_boot_ns < HALT_KEY_SEEN_NS)
        return err_set(err, "Redis has the key %s, which is a halt: delete that key first", e->key);
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        s->release.code[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        s->release.code[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    s->release.code[16] = '\0';
    s->release.entry = e;
    s->release.asked_boot_ns = clock_boot_ns();
    str_copy_cut(s->release.reason, sizeof s->release.reason, reason);
    str_copy_cut(s->release.who, sizeof s->release.who, who);
    memcpy(code, s->release.code, 17);
    log_notice("halt: release of strategy %s asked for by %s: %s", strategy, who, reason);
    return 0;
}

bool scopes_release_mine(const struct scopes *s, const char *code)
{
    return s->release.entry && code && secret_equal(code, s->release.code);
}

int scopes_release_confirm(struct scopes *s, const char *code, const char *who, struct err *err)
{
    struct text source;
    struct entry *e = s->release.entry;
    if (!scopes_release_mine(s, code))
        return err_set(err, "wrong token, or a newer halt undid the release: ask again");
    s->release.entry = NULL;
    if (clock_boot_ns() - s->release.asked_boot_ns > RELEASE_LIFE_NS)
        return err_set(err, "the release was asked for more than 120 s ago: ask again");
    text_init(&source, HALT_TEXT_MAX - 1);
    text_addf(&source, "release by %.70s, confirmed by %.60s", s->release.who, who ? who : "unknown");
    const struct halt_record held = e->scope.record;
    set(s, e, HALT_RUNNING, s->release.reason, text_str(&source));
    text_free(&source);
    if (!e->scope.stored) { // a restart would find it halted
        e->scope.record = held;
        publish(s);
        return err_set(err, "%s/halt.strategy.%s could not be written; the halt stays", s->state_dir,
                       e->scope.strategy);
    }
    log_message(LOG_LEVEL_NOTICE, MESSAGE_HALT_RELEASED, ((struct log_field[]){{"STRATEGY", e->scope.strategy}}),
                "halt: strategy %s released: %s (%s)", e->scope.strategy, e->scope.record.reason,
                e->scope.record.source);
    if (s->ports.write_row)
        s->ports.write_row(s->ports.arg, e->scope.strategy, &e->scope.record);
    publish(s);
    return 0;
}

// --- the rest

static void load(struct scopes *s, struct entry *e)
{
    struct err err = {""};
    enum halt_file_result result = halt_file_read_of(s->state_dir, e->scope.strategy, &e->scope.record, &err);
    e->scope.stored = true;
    if (result == HALT_FILE_ODD) {
        e->scope.record = (struct halt_record){.state = HALT_HALTED};
        str_copy_cut(e->scope.record.reason, sizeof e->scope.record.reason, err.text);
        str_copy_cut(e->scope.record.source, sizeof e->scope.record.source, "state file");
    } else if (result == HALT_FILE_MISSING) {
        e->scope.record = (struct halt_record){.state = HALT_RUNNING};
    }
    if (e->scope.record.state != HALT_RUNNING)
        tell_engaged(&e->scope);
}

struct scopes *scopes_new(const char *state_dir, const char *const *names, size_t count, struct facts *facts,
                          const struct scopes_ports *ports)
{
    struct scopes *s = check_alloc(1, sizeof *s);
    CHECK(count <= GUARD_SCOPES_MAX);
    s->state_dir = check_strdup(state_dir);
    s->facts = facts;
    s->ports = *ports;
    s->count = count;
    for (size_t i = 0; i < count; i++) {
        s->entries[i].scope.strategy = names[i];
        load(s, &s->entries[i]);
    }
    publish(s);
    return s;
}

void scopes_free(struct scopes *s)
{
    if (!s)
        return;
    free(s->state_dir);
    mem_wipe(s, sizeof *s);
    free(s);
}

void scopes_write_json(const struct scopes *s, struct json_out *o)
{
    json_array_begin(o);
    for (size_t i = 0; i < s->count; i++) {
        const struct scope *c = &s->entries[i].scope;
        if (c->record.state == HALT_RUNNING)
            continue;
        json_object_begin(o);
        json_put_string(o, "strategy", c->strategy);
        json_put_string(o, "state", fact_halt_name(c->record.state));
        json_put_string(o, "reason", c->record.reason);
        json_put_string(o, "source", c->record.source);
        json_put_when(o, "since", c->record.at_ns);
        json_put_bool(o, "stored", c->stored);
        json_object_end(o);
    }
    json_array_end(o);
}
