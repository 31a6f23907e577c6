// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Making an empty database ours, looking at one, and bringing its schema up to date, without the daemon: each in one
// conversation with a loop of its own. Setting up writes schema, marker and this host's halt row in one transaction; a
// database that carries a marker, or anything of somebody else's, is refused.
#include "daemon/ledger_internal.h"

#include "lib/base/json_write.h"
#include "lib/io/clock.h"
#include "sql_gen.h"

#define UPKEEP_TIMEOUT_MS 60000
#define CONNECT_TIMEOUT_MS 5000
#define SCRIPT_MAX (2u << 20)
#define MIGRATION_COUNT (ARRAY_LEN(SQL_MIGRATIONS) - 1)

struct upkeep {
    struct loop *loop;
    struct pg_client *pg;
    const char *script;      // sets up; NULL: not wanted
    const char *environment; // to set up or migrate; NULL: only look
    struct json_out *o;
    bool *fits;
    void (*told)(void *arg, const char *migration);
    void *arg;
    const char *running; // name of the migration under way
    size_t applied;
    bool asked, ended;
    int rc;
    struct err *err;
};

static void upkeep_end(struct upkeep *u, int rc)
{
    u->ended = true;
    u->rc = rc;
    loop_stop(u->loop);
}

static void ask(struct upkeep *u, const struct pg_statement *first, const struct pg_statement *second, pg_done_fn *done)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, first, 0, NULL);
    if (second)
        pg_batch_add(b, second, 0, NULL);
    pg_submit(u->pg, b, done, u);
}

static bool failed(struct upkeep *u, const struct pg_answer *a)
{
    if (!u->ended && a->outcome != PG_COMMITTED)
        upkeep_end(u, err_set(u->err, "the database could not be read: %s", a->detail));
    return u->ended;
}

// --- setting up

static void set_up(void *arg, const struct pg_answer *a)
{
    struct upkeep *u = arg;
    if (u->ended)
        return;
    bool done = a->outcome == PG_COMMITTED;
    upkeep_end(
        u, done ? 0
                : err_set(u->err, "the database was not set up (%s): %s%s", pg_outcome_name(a->outcome), a->detail,
                          a->outcome == PG_LOST ? "; look whether it carries a marker now" : "; nothing was changed"));
}

static void marker_read(void *arg, const struct pg_answer *a)
{
    struct upkeep *u = arg;
    struct ledger_row row = {.result = a->outcome == PG_COMMITTED ? a->results[0] : NULL};
    if (!u->ended)
        upkeep_end(u, err_set(u->err, "the database is marked already, for environment %s: nothing was changed",
                              row.result ? ledger_get(&row, "environment") : "unknown"));
}

static void set_up_if_empty(struct upkeep *u, struct ledger_row *row)
{
    const char *tables = ledger_get(row, "tables");
    if (ledger_get_bool(row, "marked"))
        ask(u, &SQL_MARKER_READ, NULL, marker_read);
    else if (tables[0])
        upkeep_end(u, err_set(u->err,
                              "database %s is not empty (it has %s): use a database of its own, for example: createdb "
                              "paperguard_%s",
                              ledger_get(row, "database"), tables, u->environment));
    else
        pg_submit_script(u->pg, u->script, set_up, u);
}

// --- one migration's state

enum state { APPLIED, MISSING, DIFFERS, NEWER };
static const char *const STATES[] = {"applied", "missing", "differs", "newer"};

static enum state state_of(const struct pg_result *rows, size_t i)
{
    char ours[65];
    struct ledger_row row = {.result = rows, .row = i};
    if (i >= pg_rows(rows))
        return MISSING;
    if (i >= MIGRATION_COUNT)
        return NEWER;
    ledger_migration_checksum(&SQL_MIGRATIONS[i], ours);
    bool same =
        ledger_get_int(&row, "version") == SQL_MIGRATIONS[i].version && str_equal(ledger_get(&row, "checksum"), ours);
    return same ? APPLIED : DIFFERS;
}

// Why this program cannot work with the schema, or NULL.
static const char *unfit(const struct pg_result *rows, size_t *missing)
{
    const char *why = NULL;
    *missing = 0;
    for (size_t i = 0; !why && (i < pg_rows(rows) || i < MIGRATION_COUNT); i++) {
        struct ledger_row row = {.result = rows, .row = i};
        enum state s = state_of(rows, i);
        *missing += s == MISSING;
        if (s == DIFFERS)
            why = "a migration of the database was made by other text than this program's";
        else if (s == NEWER && ledger_get_int(&row, "compatible_from") > (int64_t)MIGRATION_COUNT)
            why = "the database needs a newer program";
    }
    return why;
}

// --- looking

static void put_migration(struct json_out *o, const struct pg_result *rows, size_t i)
{
    struct ledger_row row = {.result = rows, .row = i};
    enum state s = state_of(rows, i);
    json_object_begin(o);
    json_put_int(o, "version", s == MISSING ? SQL_MIGRATIONS[i].version : ledger_get_int(&row, "version"));
    json_put_string(o, "name", s == MISSING ? SQL_MIGRATIONS[i].name : ledger_get(&row, "name"));
    json_put_string(o, "state", STATES[s]);
    json_object_end(o);
}

static void write_schema(struct upkeep *u, const char *environment, const struct pg_result *rows)
{
    size_t missing;
    const char *why = unfit(rows, &missing);
    *u->fits = !why && !missing;
    json_put_string(u->o, "environment", environment);
    json_put_bool(u->o, "fits", *u->fits);
    json_put_string(u->o, "detail", why ? why : missing ? "migrations are missing: paperguard db migrate" : "");
    json_key(u->o, "migrations");
    json_array_begin(u->o);
    for (size_t i = 0; i < pg_rows(rows) || i < MIGRATION_COUNT; i++)
        put_migration(u->o, rows, i);
    json_array_end(u->o);
}

// --- migrating

static void schema_read(void *arg, const struct pg_answer *a);

static void migrated(void *arg, const struct pg_answer *a)
{
    struct upkeep *u = arg;
    if (u->ended)
        return;
    if (a->outcome != PG_COMMITTED && !str_equal(a->sqlstate, LEDGER_APPLIED_MEANWHILE)) {
        upkeep_end(u, err_set(u->err, "migration %s (%s): %s%s", u->running, pg_outcome_name(a->outcome), a->detail,
                              a->outcome == PG_LOST ? "; look with: paperguard db status" : "; it was rolled back"));
        return;
    }
    if (a->outcome == PG_COMMITTED) {
        u->applied++;
        u->told(u->arg, u->running);
    }
    ask(u, &SQL_MARKER_READ, &SQL_MIGRATIONS_READ, schema_read);
}

static void migrate_next(struct upkeep *u, const char *environment, const struct pg_result *rows)
{
    size_t missing;
    struct text script;
    const char *why = unfit(rows, &missing);
    if (!str_equal(environment, u->environment)) {
        upkeep_end(u, err_set(u->err, "the database is marked for environment %s, not for %s: nothing was changed",
                              environment, u->environment));
        return;
    }
    if (why || !missing) {
        upkeep_end(u, why ? err_set(u->err, "%s: nothing was changed", why) : 0);
        return;
    }
    const struct sql_migration *m = &SQL_MIGRATIONS[pg_rows(rows)];
    u->running = m->name;
    text_init(&script, SCRIPT_MAX);
    ledger_migration_script(m, clock_wall_ns(), &script);
    pg_submit_script(u->pg, text_str(&script), migrated, u);
    text_free(&script);
}

// --- the conversation

static void schema_read(void *arg, const struct pg_answer *a)
{
    struct upkeep *u = arg;
    if (failed(u, a))
        return;
    struct ledger_row marker = {.result = a->results[0]};
    const char *environment = pg_rows(a->results[0]) ? ledger_get(&marker, "environment") : "";
    if (u->environment) {
        migrate_next(u, environment, a->results[1]);
        return;
    }
    write_schema(u, environment, a->results[1]);
    upkeep_end(u, 0);
}

static void looked(void *arg, const struct pg_answer *a)
{
    struct upkeep *u = arg;
    if (failed(u, a))
        return;
    struct ledger_row row = {.result = a->results[0]};
    bool marked = ledger_get_bool(&row, "marked");
    if (u->script) {
        set_up_if_empty(u, &row);
        return;
    }
    if (u->o) {
        json_put_string(u->o, "database", ledger_get(&row, "database"));
        json_put_bool(u->o, "marked", marked);
    }
    if (marked) {
        ask(u, &SQL_MARKER_READ, &SQL_MIGRATIONS_READ, schema_read);
    } else if (u->environment) {
        upkeep_end(u, err_set(u->err, "database %s is not set up: paperguard db init", ledger_get(&row, "database")));
    } else {
        const char *tables = ledger_get(&row, "tables");
        json_put_null(u->o, "environment");
        json_put_bool(u->o, "fits", false);
        json_put_string(u->o, "detail",
                        tables[0] ? "not ours: it has tables of somebody else" : "empty: paperguard db init");
        json_key(u->o, "migrations");
        json_array_begin(u->o);
        json_array_end(u->o);
        upkeep_end(u, 0);
    }
}

static void on_state(void *arg, enum pg_state state, const char *detail)
{
    struct upkeep *u = arg;
    if (u->ended)
        return;
    if (state == PG_DOWN) {
        upkeep_end(u, err_set(u->err, "Postgres cannot be reached: %s", detail));
    } else if (state == PG_UP && !u->asked) {
        u->asked = true;
        ask(u, &SQL_INIT_CHECK, NULL, looked);
    }
}

static void too_late(void *arg)
{
    struct upkeep *u = arg;
    if (!u->ended)
        upkeep_end(u, err_set(u->err, "Postgres did not answer within %d s", UPKEEP_TIMEOUT_MS / 1000));
}

static int converse(struct upkeep *u, const char *dsn, const char *password)
{
    u->loop = loop_new();
    u->pg = pg_client_new(&(struct pg_client_params){.loop = u->loop,
                                                     .dsn = dsn,
                                                     .application_name = "paperguard db",
                                                     .password = password,
                                                     .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                                     .batch_timeout_ms = UPKEEP_TIMEOUT_MS,
                                                     .queue_max = 4,
                                                     .on_state = on_state,
                                                     .arg = u});
    loop_timer late = loop_after_ms(u->loop, UPKEEP_TIMEOUT_MS, too_late, u);
    loop_run(u->loop);
    loop_cancel(u->loop, &late);
    u->ended = true;
    pg_client_free(u->pg);
    loop_free(u->loop);
    return u->rc;
}

int ledger_database_status(const char *dsn, const char *password, struct json_out *o, bool *fits, struct err *err)
{
    struct upkeep u = {.o = o, .fits = fits, .rc = -1, .err = err};
    *fits = false;
    json_object_begin(o);
    int rc = converse(&u, dsn, password);
    json_object_end(o);
    return rc;
}

int ledger_migrate_database(const char *dsn, const char *password, const char *environment,
                            void (*told)(void *arg, const char *migration), void *arg, size_t *count, struct err *err)
{
    struct upkeep u = {.environment = environment, .told = told, .arg = arg, .rc = -1, .err = err};
    int rc = converse(&u, dsn, password);
    *count = u.applied;
    return rc;
}

static void add_row(struct text *t, const char *head, const char *const *values, size_t count, const char *tail)
{
    text_add(t, head);
    for (size_t i = 0; i < count; i++) {
        text_add(t, i ? ", " : "");
        ledger_quote(t, values[i]);
    }
    text_add(t, tail);
}

static void write_script(struct text *t, const char *environment, const char *host, const char *instance,
                         int64_t now_ns)
{
    char at[WHEN_TEXT_MAX];
    ledger_when(now_ns, at);
    text_add(t, "SET LOCAL search_path = public;\nSELECT pg_advisory_xact_lock(" LEDGER_MIGRATION_LOCK ");\n");
    for (size_t i = 0; i < ARRAY_LEN(SQL_MIGRATIONS) - 1; i++)
        ledger_migration_write(&SQL_MIGRATIONS[i], now_ns, t);
    add_row(t, "INSERT INTO environment_marker (environment, created_at, created_host) VALUES (",
            (const char *const[]){environment, at, host}, 3, ");\n");
    add_row(t, "SELECT write_halt(",
            (const char *const[]){"init", host, instance, "running", FACTS_HALT_REASON_SET_UP, "db init", at}, 7,
            ");\n");
    CHECK(!t->overflow);
}

int ledger_init_database(const char *dsn, const char *password, const char *environment, const char *host,
                         const char *instance, int64_t now_ns, struct err *err)
{
    if (!str_equal(environment, "staging") && !str_equal(environment, "dev"))
        return err_set(err, "a database is marked for dev or staging, not for '%.40s'", environment);
    struct text script;
    text_init(&script, SCRIPT_MAX);
    write_script(&script, environment, host, instance && instance[0] ? instance : "default", now_ns);
    struct upkeep u = {.script = text_str(&script), .environment = environment, .rc = -1, .err = err};
    int rc = converse(&u, dsn, password);
    text_free(&script);
    return rc;
}
