// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The broker's key and secret: all places that hold one must agree, and a name that is almost right gets the right one
// told.
#include <stdlib.h>
#include <string.h>

#include "daemon/facts_internal.h"
#include "lib/base/text.h"
#include "lib/guard/keyscan.h"

static const char *const key_names[] = {"ALPACA_PAPER_API_KEY", "ALPACA_KEY", "ALPACA__KEY", "ALPACA_API_KEY_ID",
                                        "APCA_API_KEY_ID"};
static const char *const secret_names[] = {"ALPACA_PAPER_API_SECRET", "ALPACA_SECRET", "ALPACA__SECRET",
                                           "ALPACA_API_SECRET_KEY", "APCA_API_SECRET_KEY"};

// Names people set by mistake, and what they meant.
static const struct {
    const char *name, *meant;
} near_misses[] = {
    {"ALPACA_API_KEY", "ALPACA_PAPER_API_KEY"},
    {"ALPACA_API_SECRET", "ALPACA_PAPER_API_SECRET"},
    {"ALPACA_SECRET_KEY", "ALPACA_PAPER_API_SECRET"},
    {"ALPACA_KEY_ID", "ALPACA_PAPER_API_KEY"},
    {"ALPACA_PAPER_KEY", "ALPACA_PAPER_API_KEY"},
    {"ALPACA_PAPER_SECRET", "ALPACA_PAPER_API_SECRET"},
    {"ALPACA_PAPER_API_KEY_ID", "ALPACA_PAPER_API_KEY"},
    {"ALPACA_PAPER_API_SECRET_KEY", "ALPACA_PAPER_API_SECRET"},
    {"ALPACA_PAPER_SECRET_KEY", "ALPACA_PAPER_API_SECRET"},
    {"APCA_API_KEY", "APCA_API_KEY_ID"},
    {"APCA_API_SECRET", "APCA_API_SECRET_KEY"},
    {"APCA_API_SECRET_KEY_ID", "APCA_API_SECRET_KEY"},
};

struct search { // the value so far, and what is wrong
    char *value;
    char source[64];
    char trouble[FACT_TEXT_MAX];
    bool conflict;
};

static bool one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(name, names[i]))
            return true;
    return false;
}

enum facts_variable facts_variable_kind(const char *name)
{
    if (one_of(name, key_names, ARRAY_LEN(key_names)))
        return FACTS_KEY;
    if (one_of(name, secret_names, ARRAY_LEN(secret_names)))
        return FACTS_SECRET;
    return facts_variable_endpoint(name);
}

const char *facts_variable_meant(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(near_misses); i++)
        if (str_equal(near_misses[i].name, name))
            return near_misses[i].meant;
    return NULL;
}

static bool printable(const char *value)
{
    for (const char *p = value; *p; p++)
        if (*p <= ' ' || *p >= 127)
            return false;
    return strlen(value) <= FACTS_SECRET_MAX;
}

static void found(struct search *s, const char *kind, const char *source, const char *value)
{
    char place[64];

    facts_say(place, sizeof place, "%s %.40s", kind, source);
    if (!printable(value)) {
        facts_say(s->trouble, sizeof s->trouble, "%s holds blanks or characters that are not printable ASCII", place);
    } else if (!s->value) {
        s->value = check_strdup(value);
        str_copy_cut(s->source, sizeof s->source, place);
    } else if (!str_equal(s->value, value)) {
        s->conflict = true;
        facts_say(s->trouble, sizeof s->trouble, "%s and %s are set and differ; leave one of them", s->source, place);
    }
}

static void found_in_file(struct search *s, const struct facts_file *file, const char *kind)
{
    char *line = file ? facts_file_line(file) : NULL;

    if (file && !line)
        facts_say(s->trouble, sizeof s->trouble, "%s %.60s is not one line of printable characters", kind, file->name);
    if (line) {
        found(s, kind, file->name, line);
        mem_wipe(line, strlen(line));
        free(line);
    }
}

static struct search search(const struct facts *f, const char *credential, const char *path, const char *const *names,
                            size_t count)
{
    struct search s = {.value = NULL};

    found_in_file(&s, facts_credential(f, credential), "credential");
    if (path[0])
        found_in_file(&s, facts_file_by_path(f, path), "file");
    for (size_t i = 0; i < count; i++) {
        const char *value = facts_env(f, names[i]);
        if (value && value[0])
            found(&s, "environment", names[i], value);
    }
    return s;
}

static void missing(struct facts *f, const char *what, const char *name)
{
    struct guard_facts *v = &f->view;

    v->key_class = KEY_MISSING;
    for (size_t i = 0; i < ARRAY_LEN(near_misses); i++)
        if (facts_env(f, near_misses[i].name)) {
            facts_say(v->key_detail, sizeof v->key_detail, "no %s; %s is set, which is not read: did you mean %s?",
                      what, near_misses[i].name, near_misses[i].meant);
            return;
        }
    facts_say(v->key_detail, sizeof v->key_detail, "no %s; set %s or the credential %s", what, name,
              str_equal(what, "key id") ? "alpaca_key_id" : "alpaca_secret_key");
}

static void class_set(struct facts *f, const struct search *key, const struct search *secret)
{
    struct guard_facts *v = &f->view;

    if (key->trouble[0] || secret->trouble[0]) {
        v->key_class = key->conflict || secret->conflict ? KEY_CONFLICT : KEY_OTHER;
        str_copy_cut(v->key_detail, sizeof v->key_detail, key->trouble[0] ? key->trouble : secret->trouble);
    } else if (!key->value) {
        missing(f, "key id", "ALPACA_PAPER_API_KEY");
    } else if (!secret->value) {
        missing(f, "secret key", "ALPACA_PAPER_API_SECRET");
    } else {
        v->key_class = keyscan_class(key->value);
        facts_say(v->key_detail, sizeof v->key_detail, "%s (%s)%s", v->key_shown, key->source,
                  v->key_class == KEY_OTHER ? " is of no known class; paper keys start with PK" : "");
    }
}

static bool same(const char *a, const char *b)
{
    return secret_equal(a ? a : "", b ? b : "");
}

bool facts_same_keys(const struct facts *a, const struct facts *b)
{
    const bool keys = same(a->key_id, b->key_id), secrets = same(a->secret, b->secret);

    return keys && secrets;
}

static void key_copy(struct guard_facts *to, const struct guard_facts *from)
{
    to->key_class = from->key_class;
    str_copy_cut(to->key_detail, sizeof to->key_detail, from->key_detail);
    str_copy_cut(to->key_shown, sizeof to->key_shown, from->key_shown);
    to->key_fingerprint = from->key_fingerprint;
    str_copy_cut(to->key_pinned, sizeof to->key_pinned, from->key_pinned);
}

static void account_of_key_copy(struct guard_facts *to, const struct guard_facts *from)
{
    str_copy_cut(to->account_number, sizeof to->account_number, from->account_number);
    str_copy_cut(to->account_status, sizeof to->account_status, from->account_status);
    str_copy_cut(to->account_blocked, sizeof to->account_blocked, from->account_blocked);
    to->account_boot_ns = from->account_boot_ns;
    to->account_key_accepted = from->account_key_accepted;
}

void facts_view_with_keys(const struct facts *f, const struct facts *keys, struct guard_facts *out)
{
    *out = f->view;
    key_copy(out, &keys->view);
    account_of_key_copy(out, &keys->view);
}

static void secrets_swap(char **a, char **b)
{
    char *kept = *a;

    *a = *b;
    *b = kept;
}

void facts_swap_keys(struct facts *f, struct facts *other)
{
    const struct guard_facts before = f->view;
    const int64_t written_s = f->key_written_s;

    secrets_swap(&f->key_id, &other->key_id);
    secrets_swap(&f->secret, &other->secret);
    f->secrets.key_id = f->key_id;
    f->secrets.secret = f->secret;
    other->secrets.key_id = other->key_id;
    other->secrets.secret = other->secret;
    key_copy(&f->view, &other->view);
    account_of_key_copy(&f->view, &other->view);
    key_copy(&other->view, &before);
    f->key_written_s = other->key_written_s;
    other->key_written_s = written_s;
}

int64_t facts_key_written_s(const struct facts *f)
{
    return f->key_written_s;
}

// Environment and config are at hand only while facts are gathered.
static int64_t key_written_s(const struct facts *f)
{
    const struct facts_file *file = facts_credential(f, "alpaca_key_id");

    if (!file && f->config->key_id_file[0])
        file = facts_file_by_path(f, f->config->key_id_file);
    return file && file->text ? file->changed_s : 0;
}

void facts_keys_judge(struct facts *f)
{
    struct search key = search(f, "alpaca_key_id", f->config->key_id_file, key_names, ARRAY_LEN(key_names));
    struct search secret =
        search(f, "alpaca_secret_key", f->config->secret_file, secret_names, ARRAY_LEN(secret_names));

    if (key.value) {
        f->view.key_fingerprint = digest_of(key.value, strlen(key.value));
        key_redact(key.value, f->view.key_shown);
    }
    class_set(f, &key, &secret);
    f->key_written_s = key_written_s(f);
    f->key_id = key.value ? key.value : check_strdup("");
    f->secret = secret.value ? secret.value : check_strdup("");
}

// An empty token would open the door; it counts as a fault, not as "none".
void facts_token_read(struct facts *f)
{
    const struct facts_file *file = facts_credential(f, "http_token");

    if (!file && f->config->token_file[0])
        file = facts_file_by_path(f, f->config->token_file);
    if (!file)
        return;
    f->http_token = facts_file_line(file);
    if (!f->http_token)
        facts_bad(&f->view.files, "%.90s holds no token: expected one line of printable characters", file->path);
    else if (strlen(f->http_token) < 16) {
        facts_bad(&f->view.files, "%.90s holds a token of fewer than 16 characters", file->path);
    }
}
