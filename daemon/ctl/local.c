// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Verbs that read config and environment themselves: the guard's static checks, and setting up a database.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/ctl/ctl.h"
#include "daemon/facts.h"
#include "daemon/ledger.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/guard/guard.h"
#include "lib/io/clock.h"
#include "lib/io/pg_client.h"

#define ENV_MAX 4096

struct local {
    struct config *config;
    struct facts *facts;
    char **envp; // with what the options put in its place
    struct guard_result checks[GUARD_CHECK_COUNT];
    enum guard_answer worst;
};

// --- environment: an option stands in for the variable of the same meaning

static bool is_one_of(const char *entry, const char *const *names)
{
    for (; *names; names++) {
        size_t len = strlen(*names);
        if (strncmp(entry, *names, len) == 0 && entry[len] == '=')
            return true;
    }
    return false;
}

static char *assignment(const char *name, const char *value)
{
    struct text t;
    text_init(&t, ENV_MAX);
    text_addf(&t, "%s=%s", name, value);
    return text_take(&t);
}

static char **environment_with(char *const *envp, const char *url, const char *stage)
{
    static const char *const urls[] = {"DATABASE_URL", "STAGING_DATABASE_URL", NULL};
    static const char *const stages[] = {"ENVIRONMENT", "APP__STAGE", NULL};
    size_t count = 0, n = 0;
    while (envp[count])
        count++;
    char **out = check_alloc(count + 3, sizeof *out);
    for (size_t i = 0; i < count; i++)
        if (!(url && is_one_of(envp[i], urls)) && !(stage && is_one_of(envp[i], stages)))
            out[n++] = check_strdup(envp[i]);
    if (url)
        out[n++] = assignment(urls[0], url);
    if (stage)
        out[n++] = assignment(stages[0], stage);
    return out;
}

static void local_free(struct local *l)
{
    facts_free(l->facts);
    if (l->config)
        config_free(l->config);
    for (char **e = l->envp; e && *e; e++) {
        mem_wipe(*e, strlen(*e));
        free(*e);
    }
    free(l->envp);
}

static int local_read(struct ctl *c, const char *path, struct local *l)
{
    struct err err;
    l->envp = environment_with(c->envp, c->options.url, c->options.environment);
    if (config_load(path, &l->config, &err) != 0 || facts_gather(l->config, path, l->envp, &l->facts, &err) != 0) {
        fprintf(stderr, "paperguard: %s\n", err.text);
        return EX_CONFIG;
    }
    l->worst = guard_table(facts_view(l->facts), clock_boot_ns(), true, l->checks);
    return EX_OK;
}

static const char *config_path(const struct ctl *c)
{
    return c->options.config ? c->options.config : CTL_DEFAULT_CONFIG;
}

// --- check

static void write_checks(const struct local *l, struct json_out *o)
{
    json_object_begin(o);
    json_put_string(o, "answer", guard_answer_name(l->worst));
    json_put_bool(o, "simulator", facts_simulator(l->facts));
    json_put_string(o, "orders_mode", l->config->orders_mode);
    json_key(o, "checks");
    json_array_begin(o);
    for (int i = 0; i < GUARD_CHECK_COUNT; i++) {
        enum guard_check k = (enum guard_check)i;
        if (!guard_check_is_static(k))
            continue;
        json_object_begin(o);
        json_put_string(o, "check", guard_check_name(k));
        json_put_string(o, "answer", guard_answer_name(l->checks[i].answer));
        json_put_bool(o, "static", true);
        json_put_string(o, "text", guard_check_text(k));
        json_put_string(o, "detail", l->checks[i].detail);
        json_put_int(o, "age_seconds", 0); // read just now
        json_object_end(o);
    }
    json_array_end(o);
    json_object_end(o);
}

// What did not pass is said again, whole, whatever the terminal's width.
static void show_checks(const struct ctl *c, const struct json_node *root)
{
    static const struct ctl_column columns[] = {
        {"ANSWER", "answer", CTL_TONE},       {"CHECK", "check", 0},  {"AGE", "age_seconds", CTL_RIGHT | CTL_MAY_GO},
        {"WHAT IT SAYS", "text", CTL_MAY_GO}, {"FOUND", "detail", 0},
    };
    const struct json_node *checks = ctl_at(root, "checks");
    ctl_table(c, checks, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < json_size(checks); i++) {
        const struct json_node *row = json_at(checks, i);
        if (strcmp(ctl_text(row, "answer"), "PASS") != 0)
            ctl_line(ctl_text(row, "answer"), "%s (%s): %s", ctl_text(row, "check"), ctl_text(row, "text"),
                     ctl_text(row, "detail"));
    }
}

// A CI that runs this shows each line at the commit.
static void annotate(const struct local *l)
{
    for (int i = 0; i < GUARD_CHECK_COUNT; i++) {
        enum guard_check k = (enum guard_check)i;
        if (!guard_check_is_static(k) || l->checks[i].answer == GUARD_PASS)
            continue;
        printf("::error title=paperguard %s::%s: ", guard_check_name(k), guard_answer_name(l->checks[i].answer));
        ctl_print(stdout, l->checks[i].detail);
        fputc('\n', stdout);
    }
}

static int check_files(struct ctl *c)
{
    struct local l = {0};
    struct text t;
    struct json_out o;
    struct json_doc *doc;
    const char *ci = getenv("GITHUB_ACTIONS");
    int code = local_read(c, config_path(c), &l);
    if (code == EX_OK) {
        text_init(&t, 1u << 18);
        json_out_init(&o, &t);
        write_checks(&l, &o);
        if (c->options.json)
            printf("%s\n", text_str(&t));
        else if (json_doc_parse(text_str(&t), t.len, &doc, NULL) == 0) {
            printf("%s with this environment, static checks:\n", config_path(c));
            show_checks(c, json_doc_root(doc));
            printf("%s, %s\n", l.config->orders_mode[0] == 's' ? "PAPER ORDERS ARE SENT" : "RECORDED ONLY",
                   facts_simulator(l.facts) ? "SIMULATOR" : "Alpaca paper");
            json_doc_free(doc);
        }
        if (str_equal(ci, "true"))
            annotate(&l);
        text_free(&t);
        code = l.worst == GUARD_PASS ? EX_OK : EX_CONFIG;
    }
    local_free(&l);
    return code;
}

int ctl_check(struct ctl *c)
{
    struct ctl_answer a;
    if (c->word_count > 0)
        return ctl_gate(c);
    if (c->options.offline || c->options.config_after_verb)
        return check_files(c);
    int code = ctl_ask(c, "GET", "/admin/guard", NULL, &a);
    if (code == EX_UNAVAILABLE && c->options.config)
        return check_files(c);
    if (code == EX_UNAVAILABLE)
        fprintf(stderr, "paperguard: without a daemon: paperguard check --config FILE\n");
    if (code != EX_OK)
        return code;
    const struct json_node *root = ctl_root(&a);
    if (!c->options.json) {
        show_checks(c, root);
        printf("guard %s, halt %s. %s\n", ctl_text(root, "answer"), ctl_text(root, "halt.state"),
               ctl_text(root, "orders_text"));
    }
    code = strcmp(ctl_text(root, "answer"), "PASS") == 0 ? EX_OK : CTL_REFUSED;
    ctl_answer_free(&a);
    return code;
}

// --- db init

// What must pass before anything is written: a database that looks like production is not set up by mistake.
static int may_init(const struct local *l)
{
    static const enum guard_check needed[] = {CHECK_STAGE, CHECK_DATABASES};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        const struct guard_result *r = &l->checks[needed[i]];
        if (r->answer == GUARD_PASS)
            continue;
        fprintf(stderr, "paperguard: %s %s: ", guard_check_name(needed[i]), guard_answer_name(r->answer));
        ctl_print(stderr, r->detail);
        fprintf(stderr, "%s\n", needed[i] == CHECK_STAGE ? ", or give --environment" : "");
        return EX_CONFIG;
    }
    if (!l->config->database_url || !l->config->database_url[0]) {
        fprintf(stderr, "paperguard: no database: give --url DSN, or [database] url, or DATABASE_URL\n");
        return EX_CONFIG;
    }
    return EX_OK;
}

// With --url no config is needed: an empty one stands in for it.
static int read_without_config(struct ctl *c, struct local *l)
{
    char path[] = "/tmp/paperguard-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0) {
        fprintf(stderr, "paperguard: no temporary file can be made in /tmp: %s\n", strerror(errno));
        return EX_TEMPFAIL;
    }
    close(fd);
    int code = local_read(c, path, l);
    unlink(path);
    return code;
}

// The user that owns the database is often not the one who types.
static int db_failed(const struct err *err, int code)
{
    fprintf(stderr, "paperguard: %s\n", err->text);
    if (strstr(err->text, "authentication failed") || strstr(err->text, "permission denied"))
        fprintf(stderr, "paperguard: run it as the user that owns the database: runuser -u paperguard -- paperguard db "
                        "...; a password comes from STAGING_DB_PASSWORD\n");
    return code;
}

// What every db verb begins with: config and environment read, a database that may be touched.
static int db_begin(struct ctl *c, struct local *l)
{
    bool without = !c->options.config && c->options.url && access(CTL_DEFAULT_CONFIG, R_OK) != 0;
    int code = without ? read_without_config(c, l) : local_read(c, config_path(c), l);
    if (code == EX_OK)
        code = may_init(l);
    if (code == EX_OK)
        pg_client_global_init();
    log_set_level(LOG_LEVEL_ERROR); // what goes wrong is this verb's answer, said once
    return code;
}

int ctl_with_database(struct ctl *c, int (*fn)(struct ctl *c, const char *dsn, const char *password, void *arg),
                      void *arg)
{
    struct local l = {0};
    int code = db_begin(c, &l);
    if (code == EX_OK)
        code = fn(c, l.config->database_url, facts_secrets(l.facts)->database_password, arg);
    local_free(&l);
    return code;
}

int ctl_db_init(struct ctl *c)
{
    struct local l = {0};
    struct err err;
    char host[256] = "";
    int code = db_begin(c, &l);
    if (code == EX_OK) {
        if (l.config->host[0])
            str_copy_cut(host, sizeof host, l.config->host);
        else if (gethostname(host, sizeof host - 1) != 0)
            str_copy_cut(host, sizeof host, "unknown");
        const char *stage = facts_environment_name(l.facts);
        if (ledger_init_database(l.config->database_url, facts_secrets(l.facts)->database_password, stage, host,
                                 l.config->instance, clock_wall_ns(), &err) != 0) {
            code = db_failed(&err, CTL_REFUSED);
        } else if (c->options.json) {
            printf("{\"status\":\"initialised\",\"environment\":\"%s\",\"host\":\"%s\"}\n", stage, host);
        } else {
            printf("database set up and marked %s; this host (%s) may run\n", stage, host);
        }
    }
    local_free(&l);
    return code;
}

// --- db status, db migrate

static void show_database(const struct ctl *c, const struct json_node *root)
{
    static const struct ctl_column columns[] = {
        {"VERSION", "version", CTL_RIGHT}, {"MIGRATION", "name", 0}, {"STATE", "state", CTL_TONE}};
    ctl_line("database", "%s, %s%s", ctl_text(root, "database"),
             ctl_text(root, "environment")[0] ? "marked " : "no marker", ctl_text(root, "environment"));
    ctl_line("schema", "%s", ctl_is(root, "fits", "yes") ? "as this program needs it" : ctl_text(root, "detail"));
    if (json_size(ctl_at(root, "migrations")))
        ctl_table(c, ctl_at(root, "migrations"), columns, ARRAY_LEN(columns));
}

int ctl_db_status(struct ctl *c)
{
    struct local l = {0};
    struct err err;
    struct text t;
    struct json_out o;
    struct json_doc *doc;
    bool fits;
    int code = db_begin(c, &l);
    text_init(&t, 1u << 20);
    json_out_init(&o, &t);
    if (code == EX_OK && ledger_database_status(l.config->database_url, facts_secrets(l.facts)->database_password, &o,
                                                &fits, &err) != 0) {
        code = db_failed(&err, EX_TEMPFAIL);
    } else if (code == EX_OK) {
        if (c->options.json)
            printf("%s\n", text_str(&t));
        else if (json_doc_parse(text_str(&t), t.len, &doc, NULL) == 0) {
            show_database(c, json_doc_root(doc));
            json_doc_free(doc);
        }
        code = fits ? EX_OK : CTL_REFUSED;
    }
    text_free(&t);
    local_free(&l);
    return code;
}

static void told_migration(void *arg, const char *migration)
{
    const struct ctl *c = arg;
    if (!c->options.json)
        ctl_line("applied", "%s", migration);
}

int ctl_db_migrate(struct ctl *c)
{
    struct local l = {0};
    struct err err;
    size_t count = 0;
    int code = db_begin(c, &l);
    if (code == EX_OK) {
        int rc = ledger_migrate_database(l.config->database_url, facts_secrets(l.facts)->database_password,
                                         facts_environment_name(l.facts), told_migration, c, &count, &err);
        if (rc != 0) {
            code = db_failed(&err, CTL_REFUSED);
        } else if (c->options.json) {
            printf("{\"status\":\"current\",\"applied\":%zu}\n", count);
        } else if (count == 0) {
            printf("nothing to do: every migration of this program is applied\n");
        }
    }
    local_free(&l);
    return code;
}
