// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The chain of decisions without the daemon: recomputed from Postgres or a dump, dumped, and its heads.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/audit.h"
#include "daemon/ctl/ctl.h"
#include "daemon/ledger.h"

#define LINE_BYTES (1u << 20)

// --- lines

static int line_print(void *arg, const char *text, size_t len, struct err *err)
{
    (void)arg;
    if (fwrite(text, 1, len, stdout) == len && fputc('\n', stdout) != EOF)
        return 0;
    return err_set(err, "standard output: %s", strerror(errno));
}

static int line_take(void *arg, const char *text, size_t len, struct err *err)
{
    struct json_doc *doc;
    if (json_doc_parse(text, len, &doc, err) != 0)
        return -1;
    int rc = audit_add_json(arg, json_doc_root(doc), err);
    json_doc_free(doc);
    return rc;
}

// One {"host","instance","seq","hash"}, with whatever else.
static int line_expect(void *arg, const char *text, size_t len, struct err *err)
{
    struct json_doc *doc;
    const char *hash;
    int64_t seq;
    if (json_doc_parse(text, len, &doc, err) != 0)
        return -1;
    const struct json_node *root = json_doc_root(doc);
    int rc =
        json_want_string(root, "head", "hash", &hash, err) == 0 && json_want_int64(root, "head", "seq", &seq, err) == 0
            ? audit_expect(arg, hash, seq, err)
            : -1;
    json_doc_free(doc);
    return rc;
}

static int said(int code, const char *where, const struct err *err)
{
    fprintf(stderr, "paperguard: %s: ", where);
    ctl_print(stderr, err->text);
    fputc('\n', stderr);
    return code;
}

static int each_line(const char *path, ledger_line_fn *fn, void *arg)
{
    struct err err;
    char where[CTL_PATH_MAX + 32];
    char *line = check_alloc(LINE_BYTES, 1);
    bool from_stdin = strcmp(path, "-") == 0;
    FILE *in = from_stdin ? stdin : fopen(path, "re");
    int code = EX_OK;
    if (!in) {
        err_set(&err, "%s", strerror(errno));
        free(line);
        return said(EX_NOINPUT, path, &err);
    }
    for (size_t n = 1; code == EX_OK && fgets(line, LINE_BYTES, in); n++) {
        size_t len = strcspn(line, "\n");
        if (len == 0)
            continue;
        if (fn(arg, line, len, &err) != 0) {
            snprintf(where, sizeof where, "%.*s line %zu", CTL_PATH_MAX, path, n);
            code = said(CTL_REFUSED, where, &err);
        }
    }
    if (!from_stdin)
        fclose(in);
    free(line);
    return code;
}

// --- verify

static void put_chain(const struct audit_chain *k, struct json_out *o)
{
    json_object_begin(o);
    json_put_string(o, "host", k->host);
    json_put_string(o, "instance", k->instance);
    json_put_int(o, "first", k->first);
    json_put_int(o, "last", k->last);
    json_put_int(o, "rows", k->rows);
    json_put_int(o, "removed_to", k->removed_to);
    json_put_string(o, "head", k->head);
    json_put_string(o, "state", audit_fault_name(k->fault));
    if (k->fault == AUDIT_WHOLE)
        json_put_null(o, "broken");
    else
        json_put_int(o, "broken", k->broken);
    json_put_string(o, "detail", k->detail);
    json_object_end(o);
}

static void show_json(const struct audit *a, bool whole)
{
    struct text t;
    struct json_out o;
    struct audit_chain k;
    int64_t seq = 0;
    const char *missing = audit_missing(a, &seq);
    text_init(&t, 1u << 24);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_bool(&o, "whole", whole);
    json_put_string(&o, "missing_head", missing[0] ? missing : NULL);
    json_key(&o, "chains");
    json_array_begin(&o);
    for (size_t i = 0; i < audit_chains(a); i++) {
        audit_chain(a, i, &k);
        put_chain(&k, &o);
    }
    json_array_end(&o);
    json_object_end(&o);
    printf("%s\n", text_str(&t));
    text_free(&t);
}

static void show(const struct audit *a)
{
    struct audit_chain k;
    int64_t seq = 0;
    const char *missing = audit_missing(a, &seq);
    for (size_t i = 0; i < audit_chains(a); i++) {
        audit_chain(a, i, &k);
        ctl_print(stdout, k.host);
        fputc(' ', stdout);
        ctl_print(stdout, k.instance);
        if (k.fault != AUDIT_WHOLE) {
            printf(": BROKEN at row %lld, %s: ", (long long)k.broken, audit_fault_name(k.fault));
            ctl_print(stdout, k.detail);
            fputc('\n', stdout);
            continue;
        }
        printf(": whole, %lld rows", (long long)k.rows);
        if (k.rows)
            printf(", %lld to %lld, head %s", (long long)k.first, (long long)k.last, k.head);
        if (k.removed_to)
            printf("; rows to %lld were removed by retention, a checkpoint stands for them", (long long)k.removed_to);
        fputc('\n', stdout);
    }
    if (audit_chains(a) == 0)
        printf("no decisions\n");
    if (missing[0] && seq)
        printf("BROKEN: no chain has the head %s (row %lld): it, or a row before it, was changed or removed\n", missing,
               (long long)seq);
    else if (missing[0])
        printf("BROKEN: no chain has the head %s: it, or a row before it, was changed or removed\n", missing);
}

static int expect_heads(const char *head, struct audit *a)
{
    struct digest d;
    struct err err;
    if (!head)
        return EX_OK;
    if (digest_from_hex(head, &d))
        return audit_expect(a, head, 0, &err) == 0 ? EX_OK : EX_USAGE;
    return each_line(head, line_expect, a);
}

static int from_database(struct ctl *c, const char *dsn, const char *password, void *arg)
{
    struct err err;
    bool dumps = arg == NULL;
    if (ledger_read_decisions(dsn, password, c->options.from, c->options.to, dumps ? line_print : line_take, arg,
                              &err) == 0)
        return EX_OK;
    return said(EX_TEMPFAIL, "decisions", &err);
}

static int days_right(const struct ctl *c)
{
    const char *const days[] = {c->options.from, c->options.to};
    struct day d;
    for (size_t i = 0; i < ARRAY_LEN(days); i++)
        if (days[i] && !day_parse(days[i], &d)) {
            fprintf(stderr, "paperguard: \"%.40s\" is no day, expected for example 2026-11-21\n", days[i]);
            return EX_USAGE;
        }
    return EX_OK;
}

int ctl_audit_verify(struct ctl *c)
{
    struct audit *a = audit_new();
    int code = days_right(c);
    audit_between(a, c->options.from, c->options.to);
    if (code == EX_OK)
        code = expect_heads(c->options.head, a);
    if (code == EX_OK)
        code = c->options.dump ? each_line(c->options.dump, line_take, a) : ctl_with_database(c, from_database, a);
    if (code == EX_OK) {
        bool whole = audit_end(a);
        if (c->options.json)
            show_json(a, whole);
        else
            show(a);
        code = whole ? EX_OK : CTL_REFUSED;
    }
    audit_free(a);
    return code;
}

// --- dump, head

static int flushed(int code)
{
    struct err err;
    if (code != EX_OK || (fflush(stdout) == 0 && !ferror(stdout)))
        return code;
    err_set(&err, "%s", strerror(errno));
    return said(EX_TEMPFAIL, "standard output", &err);
}

int ctl_audit_dump(struct ctl *c)
{
    int code = days_right(c);
    return code == EX_OK ? flushed(ctl_with_database(c, from_database, NULL)) : code;
}

static int heads(struct ctl *c, const char *dsn, const char *password, void *arg)
{
    struct err err;
    (void)c;
    if (ledger_read_heads(dsn, password, line_print, arg, &err) == 0)
        return EX_OK;
    return said(EX_TEMPFAIL, "decisions", &err);
}

int ctl_audit_head(struct ctl *c)
{
    return flushed(ctl_with_database(c, heads, NULL));
}
