// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What came of it, read from the ledger beside the daemon: by year and by strategy; then whether ledger and exchange
// agree, and the digest of all that the ledger holds.
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/digest.h"
#include "lib/base/json_write.h"
#include "tests/sim/check.h"
#include "tests/sim/rehearse/rehearse.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

#define YEARS_MAX 64
#define JSON_MAX ((size_t)1 << 20)

struct stretch {
    int64_t begin, end, peak, fall; // equity in billionths; fall: the deepest below a peak, in hundredths of a percent
    int64_t sessions;
};

struct figures {
    struct stretch all, years[YEARS_MAX];
    int first_year, year_count;
};

static int64_t basis_points(int64_t part, int64_t whole)
{
    __int128 scaled = (__int128)part * 20000 / whole;
    return (int64_t)((scaled + (scaled >= 0 ? 1 : -1)) / 2);
}

static void stretch_add(struct stretch *s, int64_t before, int64_t equity)
{
    if (s->sessions++ == 0)
        s->begin = s->peak = before;
    s->end = equity;
    if (equity > s->peak)
        s->peak = equity;
    int64_t fall = basis_points(s->peak - equity, s->peak);
    if (fall > s->fall)
        s->fall = fall;
}

static void equity_told(void *arg, const char *session, const char *equity)
{
    struct figures *f = arg;
    int64_t value;
    int year = atoi(session);
    CHECK(decimal_parse(equity, strlen(equity), DECIMAL_EXACT, &value) == DECIMAL_OK);
    if (f->year_count == 0)
        f->first_year = year;
    CHECK(year - f->first_year < YEARS_MAX);
    f->year_count = year - f->first_year + 1;
    int64_t before = f->all.end;
    stretch_add(&f->all, before, value);
    stretch_add(&f->years[year - f->first_year], before, value);
}

static const char *percent(int64_t hundredths, char out[32])
{
    int64_t size = hundredths < 0 ? -hundredths : hundredths;
    snprintf(out, 32, "%s%lld.%02lld%%", hundredths < 0 ? "-" : "", (long long)(size / 100), (long long)(size % 100));
    return out;
}

static long long number(const char *sql, const char *param)
{
    return strtoll(store_value(sql, param), NULL, 10);
}

struct counts { // of a year
    long long runs, orders, fills;
};

static struct counts counts_of(int year)
{
    char text[8];
    snprintf(text, sizeof text, "%d", year);
    return (struct counts){
        number("SELECT count(*) FROM runs WHERE extract(year FROM session) = $1::int", text),
        number("SELECT count(*) FROM intents WHERE extract(year FROM session) = $1::int", text),
        number("SELECT count(*) FROM fills WHERE extract(year FROM transaction_time AT TIME ZONE 'America/New_York') = "
               "$1::int",
               text)};
}

static int64_t change_of(const struct stretch *s)
{
    return s->sessions ? basis_points(s->end - s->begin, s->begin) : 0;
}

// Of each strategy how often it was asked and answered, the sum of what it traded, and what came of it.
#define STRATEGIES                                                                                                     \
    "(SELECT s.strategy, s.asked, s.answered, round(coalesce((SELECT sum(abs(p.amount)) FROM postings p WHERE "        \
    "p.book = s.strategy AND p.part = 'position'), 0)) AS traded, "                                                    \
    "round(coalesce((SELECT sum(b.qty * q.current_price) FROM books b JOIN position_snapshots q ON "                   \
    "q.symbol = b.symbol AND q.at = (SELECT max(at) FROM equity_snapshots WHERE source = 'close') "                    \
    "WHERE b.book = s.strategy), 0) - coalesce((SELECT sum(p.amount) FROM postings p "                                 \
    "WHERE p.book = s.strategy AND p.part = 'position'), 0), 2) AS profit "                                            \
    "FROM (SELECT strategy, count(*) AS asked, count(*) FILTER (WHERE status = 'ok') AS answered "                     \
    "FROM run_members GROUP BY strategy) s) x"
#define RUNS_BY_STATUS "SELECT status, count(*) FROM runs GROUP BY status ORDER BY status"
#define ORDERS_BY_STATUS "SELECT status, count(*) FROM orders GROUP BY status ORDER BY status"

// --- as text

static void show_years(const struct figures *f)
{
    char a[32], b[32];
    printf("\nyear   sessions   runs   orders    fills      return   max drawdown\n");
    for (int i = 0; i < f->year_count; i++) {
        const struct stretch *s = &f->years[i];
        const struct counts c = counts_of(f->first_year + i);
        printf("%d %10lld %6lld %8lld %8lld %11s %14s\n", f->first_year + i, (long long)s->sessions, c.runs, c.orders,
               c.fills, s->sessions ? percent(change_of(s), a) : "", percent(s->fall, b));
    }
}

static void strategy_told(void *arg, const char *name, const char *figures)
{
    (void)arg;
    printf("%-20.20s %s\n", name, figures);
}

static void show_strategies(void)
{
    printf("\nstrategy                asked  answered       traded       profit\n");
    store_each("SELECT strategy, lpad(asked::text, 8) || lpad(answered::text, 10) || lpad(traded::text, 13) || "
               "lpad(profit::text, 13) FROM " STRATEGIES " ORDER BY strategy",
               NULL, strategy_told, NULL);
}

static void word_told(void *arg, const char *word, const char *count)
{
    bool *more = arg;
    printf("%s%s %s", *more ? ", " : "", count, word);
    *more = true;
}

static void why_told(void *arg, const char *head, const char *detail)
{
    (void)arg;
    printf("  %s: %.240s\n", head, detail);
}

// How runs and orders ended; of those that did not end well, the first and why.
static void show_ends(void)
{
    bool more = false;
    printf("\nruns: ");
    store_each(RUNS_BY_STATUS, NULL, word_told, &more);
    printf("\n");
    store_each("SELECT DISTINCT ON (status) status || ', first ' || session || ' ' || label, detail FROM runs "
               "WHERE status <> 'completed' ORDER BY status, scheduled_at, run_id",
               NULL, why_told, NULL);
    more = false;
    printf("orders: ");
    store_each(ORDERS_BY_STATUS, NULL, word_told, &more);
    printf("\n");
    store_each("SELECT DISTINCT ON (o.status) o.status || ', first ' || i.session || ' ' || i.symbol, o.reason "
               "FROM orders o JOIN intents i USING (client_order_id) WHERE o.status NOT IN ('filled', 'canceled') "
               "ORDER BY o.status, i.created_at, i.client_order_id",
               NULL, why_told, NULL);
}

// --- the digest

struct dump {
    struct digest_state *digest;
    FILE *file; // NULL: none
};

static void line_told(void *arg, const char *line, const char *nothing)
{
    struct dump *d = arg;
    (void)nothing;
    digest_add(d->digest, line, strlen(line));
    digest_add(d->digest, "\n", 1);
    if (d->file)
        fprintf(d->file, "%s\n", line);
}

static void table_told(void *arg, const char *table, const char *nothing)
{
    char sql[300];
    line_told(arg, table, nothing);
    // A holder's identity ends with the number that the file system gave its file: no two rehearsals have the same.
    snprintf(sql, sizeof sql,
             "SELECT line FROM (SELECT regexp_replace(t::text, '\\m([0-9a-f]{32})-[0-9a-f]+\\M', '\\1', 'g') AS line "
             "FROM %s t) l ORDER BY line COLLATE \"C\"",
             table);
    store_each(sql, NULL, line_told, arg);
}

// Every row of every table, in an order of their own.
static bool digest_ledger(const struct rehearsal *r, char out[DIGEST_HEX_MAX])
{
    struct dump d = {.digest = digest_new(), .file = r->dump ? fopen(r->dump, "we") : NULL};
    bool good = !r->dump || d.file;
    store_each("SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND "
               "table_schema = any(current_schemas(false)) ORDER BY table_name COLLATE \"C\"",
               NULL, table_told, &d);
    struct digest digest = digest_finish(d.digest);
    digest_hex(&digest, out);
    if (d.file)
        good = fclose(d.file) == 0;
    if (!good)
        fprintf(stderr, "paperguard: rehearse: --dump %s cannot be written\n", r->dump);
    return good;
}

// --- as JSON

static void put_share(struct json_out *o, const char *key, int64_t hundredths)
{
    json_put_decimal(o, key, hundredths * (DECIMAL_ONE / 10000));
}

static void put_years(const struct figures *f, struct json_out *o)
{
    json_key(o, "years");
    json_array_begin(o);
    for (int i = 0; i < f->year_count; i++) {
        const struct counts c = counts_of(f->first_year + i);
        json_object_begin(o);
        json_put_int(o, "year", f->first_year + i);
        json_put_int(o, "sessions", f->years[i].sessions);
        json_put_int(o, "runs", c.runs);
        json_put_int(o, "orders", c.orders);
        json_put_int(o, "fills", c.fills);
        put_share(o, "return", change_of(&f->years[i]));
        put_share(o, "max_drawdown", f->years[i].fall);
        json_object_end(o);
    }
    json_array_end(o);
}

static void strategy_added(void *arg, const char *json, const char *nothing)
{
    (void)nothing;
    json_add_raw(arg, json);
}

static void count_put(void *arg, const char *word, const char *count)
{
    json_put_int(arg, word, strtoll(count, NULL, 10));
}

static void put_ends(struct json_out *o, const char *key, const char *sql)
{
    json_key(o, key);
    json_object_begin(o);
    store_each(sql, NULL, count_put, o);
    json_object_end(o);
}

static void put_head(const struct rehearsal *r, struct json_out *o)
{
    json_put_bool(o, "simulator", true);
    json_key(o, "from");
    json_add_day(o, r->first);
    json_key(o, "to");
    json_add_day(o, r->last);
    json_put_string(o, "prices", r->prices);
    json_put_decimal(o, "capital", r->capital.nanos);
    json_put_int(o, "seed", r->seed);
}

static void put_all(const struct rehearsal *r, const struct figures *f, const char *digest, FILE *out)
{
    struct text t;
    struct json_out o;
    text_init(&t, JSON_MAX);
    json_out_init(&o, &t);
    json_object_begin(&o);
    put_head(r, &o);
    json_put_int(&o, "sessions", f->all.sessions);
    json_put_int(&o, "orders", number("SELECT count(*) FROM intents", NULL));
    json_put_int(&o, "fills", number("SELECT count(*) FROM fills", NULL));
    put_share(&o, "return", change_of(&f->all));
    put_share(&o, "max_drawdown", f->all.fall);
    put_years(f, &o);
    json_key(&o, "strategies");
    json_array_begin(&o);
    store_each("SELECT json_build_object('strategy', strategy, 'asked', asked, 'answered', answered, 'traded', "
               "traded::text, 'profit', profit::text)::text FROM " STRATEGIES " ORDER BY strategy",
               NULL, strategy_added, &o);
    json_array_end(&o);
    put_ends(&o, "runs", RUNS_BY_STATUS);
    put_ends(&o, "orders_by_status", ORDERS_BY_STATUS);
    json_put_bool(&o, "equal", check_violations() == 0);
    json_put_int(&o, "differences", check_violations());
    json_put_string(&o, "digest", digest);
    json_object_end(&o);
    fprintf(out, "%s\n", text_str(&t));
    text_free(&t);
}

static void show_all(const struct figures *f, const char *digest, bool traded)
{
    char a[32], b[32];
    show_years(f);
    show_strategies();
    show_ends();
    if (!traded)
        printf("\nno run came to its orders: nothing was rehearsed\n");
    printf("\nrehearse: %lld sessions, %lld orders, %lld fills, return %s, max drawdown %s, ",
           (long long)f->all.sessions, number("SELECT count(*) FROM intents", NULL),
           number("SELECT count(*) FROM fills", NULL), percent(change_of(&f->all), a), percent(f->all.fall, b));
    if (check_violations())
        printf("%d difference%s\n", check_violations(), check_violations() == 1 ? "" : "s");
    else
        printf("ledger == exchange, digest %s\n", digest);
}

int report_tell(const struct rehearsal *r, FILE *out)
{
    struct figures f = {.all = {.end = r->capital.nanos}};
    char digest[DIGEST_HEX_MAX];
    check_same();
    store_each("SELECT session::text, plain(equity) FROM equity_snapshots WHERE source = 'close' ORDER BY session",
               NULL, equity_told, &f);
    if (f.all.sessions != r->sessions)
        check_violation("%lld sessions were lived through, the ledger has the equity after %lld closes",
                        (long long)r->sessions, (long long)f.all.sessions);
    bool good = digest_ledger(r, digest);
    bool traded = number("SELECT count(*) FROM runs WHERE status IN ('completed', 'partial')", NULL) > 0;
    if (r->json)
        put_all(r, &f, digest, out);
    else
        show_all(&f, digest, traded);
    return check_violations() || !good || !traded ? 1 : 0;
}
