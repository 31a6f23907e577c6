// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Making an empty database ours: schema, marker and this host's halt row in one transaction, with a loop of its own. A
// database that carries a marker, or anything of somebody else's, is refused.
#include "daemon/ledger_internal.h"

#include "sql_gen.h"

#define INIT_TIMEOUT_MS 15000
#define SCRIPT_MAX (2u << 20)

struct init {
    struct loop *loop;
    struct pg_client *pg;
    const char *script;
    const char *environment;
    bool asked, ended;
    int rc;
    struct err *err;
};

static void init_end(struct init *i, int rc)
{
    i->ended = true;
    i->rc = rc;
    loop_stop(i->loop);
}

static void init_written(void *arg, const struct pg_answer *a)
{
    struct init *i = arg;
    if (i->ended)
        return;
    if (a->outcome == PG_COMMITTED) {
        init_end(i, 0);
        return;
    }
    init_end(i, err_set(i->err, "the database was not set up (%s): %s%s", pg_outcome_name(a->outcome), a->detail,
                        a->outcome == PG_LOST ? "; look whether it carries a marker now" : "; nothing was changed"));
}

static void init_marker_read(void *arg, const struct pg_answer *a)
{
    struct init *i = arg;
    struct ledger_row row = {.result = a->outcome == PG_COMMITTED ? a->results[0] : NULL};
    if (!i->ended)
        init_end(i, err_set(i->err, "the database is marked already, for environment %s: nothing was changed",
                            row.result ? ledger_get(&row, "environment") : "unknown"));
}

static void ask(struct init *i, const struct pg_statement *statement, pg_done_fn *done)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, statement, 0, NULL);
    pg_submit(i->pg, b, done, i);
}

static void init_checked(void *arg, const struct pg_answer *a)
{
    struct init *i = arg;
    if (i->ended)
        return;
    if (a->outcome != PG_COMMITTED) {
        init_end(i, err_set(i->err, "the database could not be looked at: %s", a->detail));
        return;
    }
    struct ledger_row row = {.result = a->results[0]};
    const char *tables = ledger_get(&row, "tables");
    if (ledger_get_bool(&row, "marked"))
        ask(i, &SQL_MARKER_READ, init_marker_read);
    else if (tables[0])
        init_end(i, err_set(i->err,
                            "database %s is not empty (it has %s): use a database of its own, for example: createdb "
                            "paperguard_%s",
                            ledger_get(&row, "database"), tables, i->environment));
    else
        pg_submit_script(i->pg, i->script, init_written, i);
}

static void init_state(void *arg, enum pg_state state, const char *detail)
{
    struct init *i = arg;
    if (i->ended)
        return;
    if (state == PG_DOWN) {
        init_end(i, err_set(i->err, "Postgres cannot be reached: %s", detail));
    } else if (state == PG_UP && !i->asked) {
        i->asked = true;
        ask(i, &SQL_INIT_CHECK, init_checked);
    }
}

static void init_late(void *arg)
{
    struct init *i = arg;
    if (!i->ended)
        init_end(i, err_set(i->err, "Postgres did not answer within %d s", INIT_TIMEOUT_MS / 1000));
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
    struct init i = {.loop = loop_new(), .environment = environment, .rc = -1, .err = err};
    text_init(&script, SCRIPT_MAX);
    write_script(&script, environment, host, instance && instance[0] ? instance : "default", now_ns);
    i.script = text_str(&script);
    i.pg = pg_client_new(&(struct pg_client_params){.loop = i.loop,
                                                    .dsn = dsn,
                                                    .application_name = "paperguard db init",
                                                    .password = password,
                                                    .connect_timeout_ms = INIT_TIMEOUT_MS / 3,
                                                    .batch_timeout_ms = INIT_TIMEOUT_MS,
                                                    .queue_max = 4,
                                                    .on_state = init_state,
                                                    .arg = &i});
    loop_timer late = loop_after_ms(i.loop, INIT_TIMEOUT_MS, init_late, &i);
    loop_run(i.loop);
    loop_cancel(i.loop, &late);
    i.ended = true;
    pg_client_free(i.pg);
    loop_free(i.loop);
    text_free(&script);
    return i.rc;
}
