// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Whose database this is, and whether its schema is ours: the marker's environment, the migrations that were applied
// (by checksum), and those that are missing, applied one by one under an advisory lock. A newer schema is fine as long
// as its migrations say that a program of our version can still work with it.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger_internal.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"
#include "sql_gen.h"

#define MIGRATION_COUNT (ARRAY_LEN(SQL_MIGRATIONS) - 1)
#define SCRIPT_MAX (1u << 20)

void ledger_quote(struct text *out, const char *s)
{
    text_add(out, "E'");
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\')
            text_addc(out, *s);
        text_addc(out, *s);
    }
    text_addc(out, '\'');
}

void ledger_migration_checksum(const struct sql_migration *m, char out[65])
{
    struct digest d = digest_of(m->text, strlen(m->text));
    digest_hex(&d, out);
}

int ledger_migration_compatible_from(const struct sql_migration *m)
{
    static const char head[] = "-- compatible-from: ";
    CHECK(str_starts(m->text, head));
    long version = strtol(m->text + sizeof head - 1, NULL, 10);
    CHECK(version >= 1 && version <= m->version);
    return (int)version;
}

void ledger_migration_write(const struct sql_migration *m, int64_t now_ns, struct text *out)
{
    char checksum[65], at[WHEN_TEXT_MAX];
    ledger_migration_checksum(m, checksum);
    text_add(out, m->text);
    text_addf(out, "INSERT INTO schema_migrations VALUES (%d, ", m->version);
    ledger_quote(out, m->name);
    text_addf(out, ", '%s', %d, '%s');\n", checksum, ledger_migration_compatible_from(m), ledger_when(now_ns, at));
}

static void schema_read(struct ledger *l, const struct pg_answer *a);

static void ask_schema(struct ledger *l)
{
    struct pg_batch *b = pg_batch_new();
    pg_batch_add(b, &SQL_MARKER_READ, 0, NULL);
    pg_batch_add(b, &SQL_MIGRATIONS_READ, 0, NULL);
    ledger_ask(l, b, schema_read);
}

void ledger_schema_check(struct ledger *l)
{
    ask_schema(l);
}

static void mismatch(struct ledger *l, const char *format, ...) PRINTF_LIKE(2, 3);
static void mismatch(struct ledger *l, const char *format, ...)
{
    char detail[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    ledger_set_state(l, LEDGER_MISMATCH, detail);
}

static void migrated(struct ledger *l, const struct pg_answer *a)
{
    if (a->outcome == PG_COMMITTED || str_equal(a->sqlstate, LEDGER_APPLIED_MEANWHILE))
        ask_schema(l); // seen with our own eyes, then the next one
    else if (a->outcome == PG_FAILED)
        mismatch(l, "a migration of the database failed and was rolled back: %s (%s)", a->detail, a->sqlstate);
    else
        ledger_ask_again_later(l, a);
}

// Two programs on one database: the second waits here, then finds it done.
void ledger_migration_script(const struct sql_migration *m, int64_t now_ns, struct text *out)
{
    text_addf(out,
              "SELECT pg_advisory_xact_lock(%s);\n"
              "DO $once$ BEGIN IF EXISTS (SELECT FROM schema_migrations WHERE version = %d) THEN\n"
              "RAISE EXCEPTION USING ERRCODE = '" LEDGER_APPLIED_MEANWHILE
              "', MESSAGE = 'applied meanwhile'; END IF; END "
              "$once$;\n",
              LEDGER_MIGRATION_LOCK, m->version);
    ledger_migration_write(m, now_ns, out);
    CHECK(!out->overflow);
}

static void migrate(struct ledger *l, const struct sql_migration *m)
{
    struct text script;
    text_init(&script, SCRIPT_MAX);
    ledger_set_state(l, LEDGER_MIGRATING, m->name);
    log_notice("ledger: applying migration %s", m->name);
    ledger_migration_script(m, clock_wall_ns(), &script);
    ledger_run_script(l, text_str(&script), migrated);
    text_free(&script);
}

// One applied migration against ours. false: refused.
static bool applied_fits(struct ledger *l, struct ledger_row *row, size_t index)
{
    char ours[65];
    const char *name = ledger_get(row, "name"), *theirs = ledger_get(row, "checksum");
    int64_t version = ledger_get_int(row, "version"), from = ledger_get_int(row, "compatible_from");
    if (index >= MIGRATION_COUNT) {
        if (from <= (int64_t)MIGRATION_COUNT)
            return true;
        mismatch(
            l,
            "the database has migration %s, which needs a program that knows at least %lld migrations; this one knows "
            "%zu: install the newer version again",
            name, (long long)from, MIGRATION_COUNT);
        return false;
    }
    const struct sql_migration *m = &SQL_MIGRATIONS[index];
    ledger_migration_checksum(m, ours);
    if (version == m->version && str_equal(theirs, ours))
        return true;
    mismatch(
        l,
        "migration %s of the database is not this program's %s: checksum %.12s, expected %.12s; the schema was made by "
        "other text, so nothing is written to it",
        name, m->name, theirs, ours);
    return false;
}

static void schema_read(struct ledger *l, const struct pg_answer *a)
{
    if (a->outcome != PG_COMMITTED) {
        ledger_ask_again_later(l, a);
        return;
    }
    struct ledger_row marker = {.result = a->results[0]};
    if (pg_rows(a->results[0]) == 0) {
        ledger_set_state(l, LEDGER_UNMARKED, "the marker table of the database is empty; run: paperguard db init");
        return;
    }
    if (!str_equal(ledger_get(&marker, "environment"), l->p.environment)) {
        mismatch(l, "the database is marked for environment %s, this instance runs as %s: use the database of %s",
                 ledger_get(&marker, "environment"), l->p.environment, l->p.environment);
        return;
    }
    size_t applied = pg_rows(a->results[1]);
    for (size_t i = 0; i < applied; i++)
        if (!applied_fits(l, &(struct ledger_row){.result = a->results[1], .row = i}, i))
            return;
    if (applied < MIGRATION_COUNT)
        migrate(l, &SQL_MIGRATIONS[applied]);
    else
        ledger_load(l);
}
