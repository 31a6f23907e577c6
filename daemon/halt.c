// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The latch. Three places hold the state: memory, the file, Postgres. Whichever is the most restrictive counts, what
// one of them says is carried to the others, and none is ever loosened but by a confirmed release.
#include "daemon/halt.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/halt_file.h"
#include "daemon/messages.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/io/clock.h"

#define RELEASE_LIFE_NS (INT64_C(120) * NS_PER_S)
#define RELEASE_TRIES 3
#define PATH_LEN 512
#define LOOK_WAIT_MS 50
#define WRITE_WAIT_MS 1000
#define FIRST_WAIT_MS 5000                       // once in the life of a state_dir
#define LOOK_PATIENCE_NS (INT64_C(5) * NS_PER_S) // so long what was seen of the files is held to be so
#define STALE_NS (INT64_C(5) * NS_PER_S)         // for so long a row from before a release may still arrive

struct release { // the first of the two steps
    char code[17];
    char reason[HALT_TEXT_MAX], who[HALT_TEXT_MAX];
    int64_t asked_boot_ns; // 0: none pending
    unsigned tries;
};

struct look {                 // at the files, beside the loop
    char state_dir[PATH_LEN]; // may outlive the latch
    enum halt_file_result result;
    struct halt_record record;
    struct err err, folder_err;
    int found; // as halt_folder_look says
    char name[HALT_TEXT_MAX];
    struct halt_folder_strategies strategies;
};

struct write {
    char state_dir[PATH_LEN];
    struct halt_record record;
    int rc;
    struct err err;
};

struct halt {
    char *state_dir;
    struct facts *facts;
    struct halt_ports ports;
    struct halt_record memory;
    enum fact_halt file, database;
    bool file_missing, database_known; // known: Postgres answered, with or without a row for this host
    bool owed;                         // what memory holds could not be written to the file: every look tries again
    char file_trouble[HALT_TEXT_MAX];
    char database_reason[HALT_TEXT_MAX];
    int64_t released_boot_ns;
    bool awaiting; // released here, Postgres has not confirmed yet what it held then
    struct {
        enum fact_halt state;
        char reason[HALT_TEXT_MAX];
    } awaited[2];           // what it held, and our own row that was still on its way
    struct disk_work *look; // under way
    unsigned looked_after;  // of how many writes it may know
    unsigned writes;        // so many were begun
    int64_t looked_boot_ns; // when a look ended last
    int found;              // in halt.d, by then
    char found_name[HALT_TEXT_MAX];
    struct err found_err;
    char key[2 * HALT_TEXT_MAX]; // in Redis, by then
    int64_t key_boot_ns;         // 0: it is not there
    char told[HALT_TEXT_MAX];    // trouble logged last
    struct halt_orders orders;
    struct release release;
};

static int rank(enum fact_halt h)
{
    switch (h) {
    case HALT_RUNNING:
        return 0;
    case HALT_REDUCE_ONLY:
        return 1;
    case HALT_HALTED:
        return 3;
    case HALT_UNKNOWN:
        break;
    }
    return 2; // denies whatever can be denied, but says less than a halt
}

static enum fact_halt stricter(enum fact_halt a, enum fact_halt b)
{
    return rank(a) >= rank(b) ? a : b;
}

enum fact_halt halt_state(const struct halt *h)
{
    return stricter(h->memory.state, stricter(h->file, h->database));
}

static void publish(struct halt *h)
{
    char detail[FACT_TEXT_MAX];
    struct text t;

    text_init(&t, FACT_TEXT_MAX - 1);
    if (h->memory.state != HALT_RUNNING)
        text_addf(&t, "%s%.*s (%.40s)%s%.110s", h->owed ? "NOT STORED: " : "", h->owed ? 40 : 90, h->memory.reason,
                  h->memory.source, h->owed ? "; " : "", h->owed ? h->file_trouble : "");
    else if (h->file == HALT_UNKNOWN)
        text_addf(&t, "%.150s", h->file_trouble);
    else if (h->database != HALT_RUNNING)
        text_addf(&t, "%.150s", h->database_reason);
    else
        text_add(&t, "running");
    str_copy_cut(detail, sizeof detail, text_str(&t));
    text_free(&t);
    facts_set_halt(h->facts, h->memory.state, h->file, h->database, detail);
    if (!str_equal(h->told, h->file_trouble) && h->file_trouble[0]) { // once, not on every look
        if (h->file_missing && !h->database_known)
            log_notice("halt state: %s", h->file_trouble);
        else
            log_warning("halt state: %s", h->file_trouble);
    }
    str_copy_cut(h->told, sizeof h->told, h->file_trouble);
}

static void trouble(struct halt *h, const char *what)
{
    str_copy_cut(h->file_trouble, sizeof h->file_trouble, what);
}

static void row_write(struct halt *h, const struct halt_record *r)
{
    if (h->ports.write_row)
        h->ports.write_row(h->ports.arg, r->state, r->reason, r->source, r->at_ns);
}

static struct halt_record record_of(enum fact_halt state, const char *reason, const char *source)
{
    struct halt_record r = {.state = state, .at_ns = clock_wall_ns()};

    str_copy_cut(r.reason, sizeof r.reason, reason && reason[0] ? reason : "no reason given");
    str_copy_cut(r.source, sizeof r.source, source && source[0] ? source : "unknown");
    return r;
}

void halt_keep(const char *state_dir, enum fact_halt state, const char *reason, const char *source)
{
    struct err err;
    const struct halt_record r = record_of(state, reason, source);

    if (halt_file_write(state_dir, &r, &err) != 0)
        log_error("halt: %s by %s: %s: it is NOT STORED: %s", fact_halt_name(state), r.source, r.reason, err.text);
    else
        log_warning("halt: %s by %s: %s, from the next start on", fact_halt_name(state), r.source, r.reason);
}

static void write_run(void *data)
{
    struct write *w = data;
    w->rc = halt_file_write(w->state_dir, &w->record, &w->err);
}

static void unanswered(const struct halt *h, struct err *err)
{
    err_set(err, "%s/halt.state: the disk does not answer", h->state_dir);
}

// What does not end in time may still be written later: the next look finds it.
static int write_wait(struct halt *h, const struct halt_record *r, int64_t wait_ms, struct err *err)
{
    struct write *w = check_alloc(1, sizeof *w);
    w->record = *r;
    str_copy_cut(w->state_dir, sizeof w->state_dir, h->state_dir);
    h->writes++;
    struct disk_work *work = disk_begin(h->ports.disk, write_run, w, wait_ms);
    bool done = work && disk_done(work);
    if (done)
        *err = w->err;
    else
        unanswered(h, err);
    int rc = done ? w->rc : -1;
    disk_end(work);
    return rc;
}

static int file_write_within(struct halt *h, const struct halt_record *r, int64_t wait_ms)
{
    struct err err = {""};

    if (write_wait(h, r, wait_ms, &err)) {
        trouble(h, err.text);
        h->owed = h->memory.state != HALT_RUNNING;
        return -1;
    }
    h->file = r->state;
    h->file_missing = h->owed = false;
    trouble(h, "");
    return 0;
}

static int file_write(struct halt *h, const struct halt_record *r)
{
    return file_write_within(h, r, WRITE_WAIT_MS);
}

void halt_engage(struct halt *h, enum fact_halt state, const char *reason, const char *source)
{
    if (state == HALT_RUNNING)
        return;
    if (state == HALT_UNKNOWN)
        state = HALT_HALTED;
    memset(&h->release, 0, sizeof h->release); // what was asked for before does not release this
    h->awaiting = false;
    if (rank(state) <= rank(h->memory.state))
        return;
    h->memory = record_of(state, reason, source);
    log_message(LOG_LEVEL_WARNING, MESSAGE_HALT_ENGAGED, ((struct log_field[]){{"REASON", h->memory.reason}}),
                "halt: %s by %s: %s", fact_halt_name(state), h->memory.source, h->memory.reason);
    // With the file missing or odd this makes it whole again, on the safe side.
    if (file_write(h, &h->memory))
        h->file = HALT_UNKNOWN;
    row_write(h, &h->memory);
    publish(h);
}

void halt_set_key(struct halt *h, enum fact_halt state, const char *reason, const char *key)
{
    h->key_boot_ns = state == HALT_RUNNING ? 0 : clock_boot_ns();
    str_copy_cut(h->key, sizeof h->key, key);
    halt_engage(h, state, reason, "redis");
}

// On a first start the file is missing until Postgres has told that nobody was here before.
static void missing_told(const struct halt *h, struct err *err)
{
    char found[HALT_TEXT_MAX];

    if (!h->file_missing)
        return;
    str_copy_cut(found, sizeof found, err->text);
    if (h->database_known)
        (void)err_set(err, "%s, and Postgres has seen this host: `paperguard release request REASON` makes it anew",
                      found);
    else
        (void)err_set(err, "%s; on a first start it is made once Postgres answers", found);
}

static void file_looked(struct halt *h, const struct look *l)
{
    const struct halt_record r = l->record;
    struct err err = l->err;

    h->file_missing = l->result == HALT_FILE_MISSING;
    if (l->result != HALT_FILE_OK) {
        h->file = HALT_UNKNOWN;
        missing_told(h, &err);
        trouble(h, err.text);
        if (h->owed)
            (void)file_write(h, &h->memory);
        return;
    }
    h->file = r.state;
    trouble(h, "");
    if (rank(r.state) > rank(h->memory.state)) {
        h->memory = r;
        log_warning("halt: %s, from the state file: %s (%s)", fact_halt_name(r.state), r.reason, r.source);
        memset(&h->release, 0, sizeof h->release);
    } else if (h->owed || rank(r.state) < rank(h->memory.state)) {
        // An older or foreign file does not loosen, and one that was not synced may be gone after a crash.
        (void)file_write(h, &h->memory);
    }
}

static void look_run(void *data)
{
    struct look *l = data;
    l->result = halt_file_read(l->state_dir, &l->record, &l->err);
    l->found = halt_folder_look(l->state_dir, l->name, &l->strategies, &l->folder_err);
}

static void folder_looked(struct halt *h)
{
    char reason[HALT_TEXT_MAX + 16];

    if (h->found < 0) {
        h->file = stricter(h->file, HALT_UNKNOWN);
        trouble(h, h->found_err.text);
    } else if (h->found) {
        struct text t;
        text_init(&t, sizeof reason - 1);
        text_addf(&t, "file halt.d/%s", h->found_name);
        str_copy_cut(reason, sizeof reason, text_str(&t));
        text_free(&t);
        halt_engage(h, str_starts(h->found_name, HALT_FOLDER_REDUCE_ONLY) ? HALT_REDUCE_ONLY : HALT_HALTED, reason,
                    "halt.d");
    }
}

static void looked(struct halt *h)
{
    const struct look l = *(const struct look *)disk_data(h->look);
    disk_end(h->look);
    h->look = NULL;
    if (h->looked_after != h->writes)
        return; // of before what was written since
    h->looked_boot_ns = clock_boot_ns();
    h->found = l.found;
    h->found_err = l.folder_err;
    str_copy_cut(h->found_name, sizeof h->found_name, l.name);
    file_looked(h, &l);
    folder_looked(h);
    for (size_t i = 0; i < l.strategies.count; i++)
        if (l.strategies.found[i] != HALT_RUNNING)
            h->ports.strategy_file(h->ports.arg, l.strategies.names[i], l.strategies.found[i]);
}

static void look_begin(struct halt *h)
{
    struct look *l = check_alloc(1, sizeof *l);
    str_copy_cut(l->state_dir, sizeof l->state_dir, h->state_dir);
    for (size_t i = 0; h->ports.strategy_file && i < h->ports.strategy_count && i < GUARD_SCOPES_MAX; i++)
        str_copy_cut(l->strategies.names[l->strategies.count++], BOOK_NAME_MAX, h->ports.strategies[i]);
    h->looked_after = h->writes;
    h->look = disk_begin(h->ports.disk, look_run, l, LOOK_WAIT_MS);
}

// False: the disk has not answered yet.
static bool look(struct halt *h)
{
    struct err err;

    if (!h->look)
        look_begin(h);
    bool answered = h->look && disk_done(h->look);
    if (answered) {
        looked(h);
    } else if (clock_boot_ns() - h->looked_boot_ns > LOOK_PATIENCE_NS) {
        h->file = HALT_UNKNOWN;
        unanswered(h, &err);
        trouble(h, err.text);
    }
    publish(h);
    return answered;
}

void halt_check_files(struct halt *h)
{
    (void)look(h);
}

struct halt *halt_new(const char *state_dir, struct facts *facts, const struct halt_ports *ports)
{
    struct halt *h = check_alloc(1, sizeof *h);

    h->state_dir = check_strdup(state_dir);
    h->facts = facts;
    h->ports = *ports;
    h->memory = record_of(HALT_RUNNING, "started", "start");
    h->database = HALT_UNKNOWN;
    str_copy_cut(h->database_reason, sizeof h->database_reason, "Postgres has not been read yet");
    halt_check_files(h);
    return h;
}

void halt_free(struct halt *h)
{
    if (!h)
        return;
    disk_end(h->look);
    free(h->state_dir);
    mem_wipe(h, sizeof *h);
    free(h);
}

// The first start on this host with this database: only now may a missing file be made.
static void first_start(struct halt *h)
{
    const struct halt_record first = record_of(HALT_RUNNING, "first start on this host", "start");

    if (h->file_missing && h->memory.state == HALT_RUNNING && file_write_within(h, &first, FIRST_WAIT_MS) == 0)
        log_notice("halt: state file created in %s", h->state_dir);
    if (h->file == HALT_RUNNING && h->memory.state == HALT_RUNNING)
        row_write(h, &first);
}

static void database_adopt(struct halt *h, enum fact_halt state, const char *reason)
{
    for (size_t i = 0; h->awaiting && i < ARRAY_LEN(h->awaited); i++)
        if (state == h->awaited[i].state && str_equal(h->database_reason, h->awaited[i].reason))
            return; // a row from before the release; the new one is on its way
    // Rows come by more than one connection: one that was read before the release may still follow it.
    if (state == HALT_RUNNING && h->awaiting && clock_boot_ns() - h->released_boot_ns < STALE_NS)
        return;
    h->awaiting = false;
    if (rank(state) <= rank(h->memory.state))
        return;
    h->memory = record_of(state, reason, "Postgres");
    memset(&h->release, 0, sizeof h->release);
    log_warning("halt: %s, from Postgres: %s", fact_halt_name(state), reason);
    if (file_write(h, &h->memory))
        h->file = HALT_UNKNOWN;
}

void halt_set_database(struct halt *h, bool known, bool host_seen, enum fact_halt state, const char *reason)
{
    str_copy_cut(h->database_reason, sizeof h->database_reason, reason ? reason : "");
    h->database_known = known;
    if (!known) {
        h->database = HALT_UNKNOWN;
        publish(h);
        return;
    }
    const bool never_started = !host_seen || (state == HALT_RUNNING && str_equal(reason, FACTS_HALT_REASON_SET_UP));
    h->database = host_seen ? state : HALT_UNKNOWN; // UNKNOWN until the row that is written now is read back
    if (never_started)
        first_start(h);
    if (host_seen)
        database_adopt(h, state, h->database_reason);
    // What is held here and Postgres does not know yet.
    if (h->memory.state != HALT_RUNNING && rank(h->memory.state) > rank(host_seen ? state : HALT_RUNNING))
        row_write(h, &h->memory);
    publish(h);
}

static int release_possible(struct halt *h, struct err *err)
{
    disk_end(h->look); // a look of this moment is wanted
    h->look = NULL;
    if (!look(h))
        return err_set(err, "%s does not answer: whether there is a halt in it cannot be told", h->state_dir);
    if (halt_state(h) == HALT_RUNNING)
        return err_set(err, "nothing is halted");
    if (!h->database_known)
        return err_set(err, "Postgres cannot say whether there is a halt; releasing waits until it can");
    if (h->found < 0)
        return err_set(err, "%s", h->found_err.text);
    if (h->found)
        return err_set(err, "%s/halt.d/%s is a halt: remove that file first", h->state_dir, h->found_name);
    if (h->key_boot_ns && clock_boot_ns() - h->key_boot_ns < HALT_KEY_SEEN_NS)
        return err_set(err, "Redis has the key %s, which is a halt: delete that key first", h->key);
    return 0;
}

int halt_release_request(struct halt *h, const char *reason, const char *who, char code[17], struct err *err)
{
    uint8_t bytes[8];

    if (!reason || strspn(reason, " \t") == strlen(reason))
        return err_set(err, "a release needs a reason");
    if (release_possible(h, err))
        return -1;
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        h->release.code[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        h->release.code[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    h->release.code[16] = '\0';
    h->release.tries = 0;
    h->release.asked_boot_ns = clock_boot_ns();
    str_copy_cut(h->release.reason, sizeof h->release.reason, reason);
    str_copy_cut(h->release.who, sizeof h->release.who, who ? who : "unknown");
    memcpy(code, h->release.code, 17);
    log_notice("halt: release asked for by %s: %s", h->release.who, reason);
    return 0;
}

static int code_check(struct halt *h, const char *code, struct err *err)
{
    struct release *r = &h->release;

    if (!r->asked_boot_ns)
        return err_set(err, "no release is asked for (or a newer halt undid it): ask first, then confirm");
    if (clock_boot_ns() - r->asked_boot_ns > RELEASE_LIFE_NS) {
        memset(r, 0, sizeof *r);
        return err_set(err, "the release was asked for more than 120 s ago: ask again");
    }
    if (code && secret_equal(code, r->code))
        return 0;
    if (++r->tries >= RELEASE_TRIES)
        memset(r, 0, sizeof *r);
    return err_set(err, "wrong token: %s",
                   r->asked_boot_ns ? "the newest release request gave the right one"
                                    : "the third one, so the request is undone: ask again");
}

int halt_release_confirm(struct halt *h, const char *code, const char *who, struct err *err)
{
    struct text source;

    if (code_check(h, code, err) || release_possible(h, err))
        return -1;
    if (!h->release.asked_boot_ns) // looking at the files found a new halt
        return err_set(err, "a newer halt undid the release: ask again");
    text_init(&source, HALT_TEXT_MAX - 1);
    text_addf(&source, "release by %.70s, confirmed by %.60s", h->release.who, who ? who : "unknown");
    const struct halt_record running = record_of(HALT_RUNNING, h->release.reason, text_str(&source));
    text_free(&source);
    memset(&h->release, 0, sizeof h->release);
    if (file_write(h, &running))
        return err_set(err, "%s; the halt stays", h->file_trouble);
    h->released_boot_ns = clock_boot_ns();
    h->awaiting = h->database != HALT_RUNNING || h->memory.state != HALT_RUNNING;
    h->awaited[0].state = h->database;
    str_copy_cut(h->awaited[0].reason, sizeof h->awaited[0].reason, h->database_reason);
    h->awaited[1].state = h->memory.state;
    str_copy_cut(h->awaited[1].reason, sizeof h->awaited[1].reason, h->memory.reason);
    h->memory = running;
    log_message_plain(LOG_LEVEL_NOTICE, MESSAGE_HALT_RELEASED, "halt: released: %s (%s)", running.reason,
                      running.source);
    row_write(h, &running);
    publish(h);
    return 0;
}

const char *halt_not_stored(const struct halt *h)
{
    return h->owed ? h->file_trouble : "";
}

int64_t halt_since_ns(const struct halt *h)
{
    return h->memory.at_ns;
}

void halt_set_orders(struct halt *h, const struct halt_orders *orders)
{
    h->orders = *orders;
}

static void write_orders(const struct halt_orders *r, struct json_out *o)
{
    static const char *const names[] = {"none", "cancelling", "cleared"};

    json_key(o, "orders");
    json_object_begin(o);
    json_put_string(o, "state", names[r->state]);
    json_put_int(o, "open", r->open);
    json_put_int(o, "cancelled", r->cancelled);
    json_put_int(o, "not_ours", r->not_ours);
    if (r->state == HALT_ORDERS_CLEARED && r->took_ns >= 0)
        json_put_decimal_number(o, "seconds", r->took_ns / NS_PER_MS * NS_PER_MS);
    else
        json_put_null(o, "seconds");
    json_object_end(o);
}

void halt_write_json(const struct halt *h, struct json_out *o)
{
    json_object_begin(o);
    json_put_string(o, "state", fact_halt_name(halt_state(h)));
    json_put_string(o, "memory", fact_halt_name(h->memory.state));
    json_put_string(o, "file", fact_halt_name(h->file));
    json_put_string(o, "database", fact_halt_name(h->database));
    json_put_string(o, "reason", h->memory.reason);
    json_put_string(o, "source", h->memory.source);
    json_put_when(o, "since", h->memory.at_ns);
    json_put_string(o, "detail", facts_view(h->facts)->halt_detail);
    json_put_bool(o, "release_asked", h->release.asked_boot_ns != 0);
    write_orders(&h->orders, o);
    json_object_end(o);
}
