// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Connection settings: the operator's DSN, judged, with our own on top. Nothing comes from the environment, from a
// service file or from a password file, and no name is looked up: libpq would block the loop on it.
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/io/pg_client_link.h"
#include "lib/io/resolver.h"

extern char **environ;

void pg_client_global_init(void)
{
    for (size_t i = 0; environ[i] != NULL;) {
        char name[64];
        size_t len = strcspn(environ[i], "=");
        if (!str_starts(environ[i], "PG") || len >= sizeof name) {
            i++;
            continue;
        }
        memcpy(name, environ[i], len);
        name[len] = '\0';
        unsetenv(name); // moves the rest down: look at the same place again
    }
}

// Adds or replaces.
static void settings_put(struct pg_settings *s, const char *name, const char *value)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!str_equal(s->names[i], name))
            continue;
        CHECK(s->values[i] != NULL);
        mem_wipe(s->values[i], strlen(s->values[i]));
        free(s->values[i]);
        s->values[i] = check_strdup(value);
        return;
    }
    CHECK(s->count < PG_SETTINGS_MAX);
    s->names[s->count] = check_strdup(name);
    s->values[s->count++] = check_strdup(value);
}

static const char *settings_get(const struct pg_settings *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (str_equal(s->names[i], name))
            return s->values[i];
    }
    return NULL;
}

void pg_settings_free(struct pg_settings *s)
{
    for (size_t i = 0; i < s->count; i++) {
        mem_wipe(s->values[i], strlen(s->values[i]));
        free(s->values[i]);
        free(s->names[i]);
    }
    memset(s, 0, sizeof *s);
}

// The n-th of a list as libpq reads it, with commas in between; NULL past the end.
static char *list_item(const char *list, size_t n)
{
    const char *end = strchr(list, ',');
    for (; n > 0 && end != NULL; n--) {
        list = end + 1;
        end = strchr(list, ',');
    }
    if (n > 0)
        return NULL;
    size_t len = end != NULL ? (size_t)(end - list) : strlen(list);
    char *item = check_alloc(1, len + 1);
    memcpy(item, list, len);
    return item;
}

static size_t list_count(const char *list)
{
    size_t n = 1;
    for (const char *c = list; *c != '\0'; c++)
        n += *c == ',';
    return n;
}

// One host with the address that stands beside it; adds the address that is connected to, "" for a socket's folder.
static int judge_one(const char *host, const char *address, struct text *addresses, struct err *err)
{
    if (address[0] != '\0') {
        if (!resolver_is_literal(address))
            return err_set(err, "hostaddr of the database must be an IP address");
        text_add(addresses, address);
        return 0;
    }
    if (host[0] == '\0' || host[0] == '/' || host[0] == '@')
        return 0;
    if (!str_equal_nocase(host, "localhost") && !resolver_is_literal(host))
        return err_set(err,
                       "the database host %.100s is a name; give the folder of its Unix socket, an IP address or "
                       "localhost (or add hostaddr=ADDRESS)",
                       host);
    text_add(addresses, str_equal_nocase(host, "localhost") ? "127.0.0.1" : host);
    return 0;
}

static int judge_hosts(const char *host, const char *address, size_t count, struct text *addresses, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        char *h = list_item(host, i), *a = list_item(address, i);
        if (i > 0)
            text_addc(addresses, ',');
        if (count > 1 && (h == NULL || h[0] == '\0') && (a == NULL || a[0] == '\0'))
            rc = err_set(err, "the database address lists %zu hosts, and number %zu is empty", count, i + 1);
        else
            rc = judge_one(h != NULL ? h : "", a != NULL ? a : "", addresses, err);
        free(h);
        free(a);
    }
    return rc;
}

// Each host gets its address, so that libpq looks no name up. Of several hosts the one that can be written to is meant.
static int settings_judge_host(struct pg_settings *s, struct err *err)
{
    const char *host = settings_get(s, "host"), *address = settings_get(s, "hostaddr");
    struct text addresses;
    if (settings_get(s, "service") != NULL)
        return err_set(err, "the database address names a service file entry; write host, user and dbname out");
    host = host != NULL ? host : "";
    address = address != NULL ? address : "";
    size_t hosts = list_count(host), count = host[0] != '\0' ? hosts : list_count(address);
    if (host[0] != '\0' && address[0] != '\0' && list_count(address) != hosts)
        return err_set(err, "the database address lists %zu hosts and %zu addresses: give each its own", hosts,
                       list_count(address));
    if (count > PG_HOSTS_MAX)
        return err_set(err, "the database address lists %zu hosts; at most %d are tried", count, PG_HOSTS_MAX);
    text_init(&addresses, 4096);
    int rc = judge_hosts(host, address, count, &addresses, err);
    if (rc == 0 && addresses.len > (count > 1 ? count - 1 : 0))
        settings_put(s, "hostaddr", text_str(&addresses));
    text_free(&addresses);
    if (rc == 0 && count > 1 && settings_get(s, "target_session_attrs") == NULL)
        settings_put(s, "target_session_attrs", "read-write");
    return rc;
}

// Moves the first of each list to its end.
void pg_settings_next_host(struct pg_settings *s)
{
    static const char *const lists[] = {"host", "hostaddr", "port"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const char *list = settings_get(s, lists[i]);
        const char *rest = list != NULL ? strchr(list, ',') : NULL;
        if (rest == NULL)
            continue;
        struct text t;
        text_init(&t, 4096);
        text_add(&t, rest + 1);
        text_addc(&t, ',');
        text_addn(&t, list, (size_t)(rest - list));
        settings_put(s, lists[i], text_str(&t));
        text_free(&t);
    }
}

static void settings_put_number(struct pg_settings *s, const char *name, int64_t value)
{
    struct text t;
    text_init(&t, 32);
    text_addf(&t, "%lld", (long long)value);
    settings_put(s, name, text_str(&t));
    text_free(&t);
}

// The server gives up a statement shortly before we give up the batch: otherwise a batch that was reported lost, and
// was not found on reading back, could still commit later.
static void settings_put_session(struct pg_settings *s, int64_t batch_timeout_ms)
{
    const char *theirs = settings_get(s, "options");
    struct text t;
    text_init(&t, 4096);
    text_addf(&t, "%s%s", theirs != NULL ? theirs : "", theirs != NULL ? " " : "");
    text_addf(&t, "-c statement_timeout=%lld", (long long)(batch_timeout_ms - batch_timeout_ms / 10));
    text_add(&t, " -c client_min_messages=warning -c TimeZone=UTC -c DateStyle=ISO -c bytea_output=hex");
    settings_put(s, "options", text_str(&t));
    text_free(&t);
}

static int settings_parse(struct pg_settings *s, const char *dsn, struct err *err)
{
    char *complaint = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &complaint);
    if (complaint != NULL) { // it may quote the password: not passed on
        mem_wipe(complaint, strlen(complaint));
        PQfreemem(complaint);
    }
    if (options == NULL)
        return err_set(err, "the database address cannot be read: write it as postgresql://user@host/dbname, or as "
                            "\"host=/run/postgresql user=... dbname=...\" (quote blanks)");
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
        if (o->val != NULL)
            settings_put(s, o->keyword, o->val);
    }
    PQconninfoFree(options);
    return 0;
}

int pg_dsn_check(const char *dsn, struct err *err)
{
    struct pg_settings s = {0};
    int rc = settings_parse(&s, dsn, err) != 0 || settings_judge_host(&s, err) != 0 ? -1 : 0;
    if (rc == 0 && (settings_get(&s, "dbname") == NULL || settings_get(&s, "dbname")[0] == '\0'))
        rc = err_set(err, "the database address names no database; write it as postgresql://user@host/dbname, or as "
                          "\"host=/run/postgresql user=... dbname=...\"");
    pg_settings_free(&s);
    return rc;
}

int pg_settings_fill(struct pg_settings *s, const struct pg_client_params *params, struct err *err)
{
    memset(s, 0, sizeof *s);
    if (settings_parse(s, params->dsn, err) != 0 || settings_judge_host(s, err) != 0) {
        pg_settings_free(s);
        return -1;
    }
    if (params->password != NULL)
        settings_put(s, "password", params->password);
    settings_put(s, "passfile", "/nonexistent/pgpass");
    settings_put(s, "gssencmode", "disable");
    settings_put(s, "client_encoding", "UTF8");
    settings_put(s, "application_name", params->application_name != NULL ? params->application_name : "paperguard");
    settings_put(s, "keepalives", "1");
    settings_put(s, "keepalives_idle", "30");
    settings_put(s, "keepalives_interval", "10");
    settings_put(s, "keepalives_count", "3");
    settings_put_number(s, "tcp_user_timeout", params->batch_timeout_ms);
    settings_put_session(s, params->batch_timeout_ms);
    for (size_t i = 0; i < s->count; i++) {
        if (str_equal(s->names[i], "password") && s->values[i][0] != '\0')
            s->password = s->values[i];
    }
    return 0;
}

void pg_settings_clean_text(const struct pg_settings *s, const char *text, char *out, size_t size)
{
    size_t secret = s->password != NULL ? strlen(s->password) : 0, n = 0;
    for (const char *c = text; *c != '\0' && *c != '\n' && n + 4 < size;) { // further lines are advice
        if (secret > 0 && strncmp(c, s->password, secret) == 0) {
            memcpy(out + n, "***", 3);
            n += 3;
            c += secret;
            continue;
        }
        bool blank = (unsigned char)*c < ' ' || *c == ' ';
        if (!blank)
            out[n++] = *c;
        else if (n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
        c++;
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}
