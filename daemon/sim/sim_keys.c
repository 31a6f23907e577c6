// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The pairs that are let in: the one of the options, and those that the admin path adds and revokes. They are matters
// of the server, not of the exchange: a restart knows the first one only.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/sim/sim_internal.h"
#include "lib/base/digest.h"

static void pair_set(struct sim_key *k, const char *key, const char *secret)
{
    *k = (struct sim_key){.key = check_strdup(key), .secret = check_strdup(secret)};
}

static void pair_drop(struct sim_key *k)
{
    free(k->key);
    mem_wipe(k->secret, strlen(k->secret));
    free(k->secret);
}

void sim_keys_init(struct sim *s, const char *key, const char *secret)
{
    pair_set(&s->keys[0], key, secret);
    s->key_count = 1;
}

void sim_keys_free(struct sim *s)
{
    for (size_t i = 0; i < s->key_count; i++)
        pair_drop(&s->keys[i]);
}

// Every pair is compared, whichever fits.
static const struct sim_key *pair_find(const struct sim *s, const char *key, const char *secret)
{
    const struct sim_key *found = NULL;
    for (size_t i = 0; i < s->key_count; i++) {
        const struct sim_key *k = &s->keys[i];
        bool key_fits = secret_equal(key, k->key), secret_fits = secret_equal(secret, k->secret);
        if (key_fits && secret_fits && !k->revoked)
            found = k;
    }
    return found;
}

bool sim_key_fits(const struct sim *s, const char *key, const char *secret)
{
    return pair_find(s, key, secret) != NULL;
}

const char *sim_account_of(const struct sim *s, const struct sim_request *q)
{
    const struct sim_key *k = pair_find(s, q->key, q->secret);
    return k != NULL && k->account_number[0] != '\0' ? k->account_number : s->account_number;
}

// {"key":"PKSIM...","secret":"...","account_number":"PASIM..."}: the last one for a key of another account, which is
// this one under another number. {"revoke":"PKSIM..."}: not let in any more.

static int key_add(struct sim *s, const char *key, const char *secret, const char *account, struct err *err)
{
    if (!str_starts(key, "PKSIM") || strlen(key) < 16)
        return err_set(err, "keys.key: the simulator's key ids begin with PKSIM and have at least 16 characters");
    if (account != NULL && (!str_starts(account, "PASIM") || strlen(account) >= ACCOUNT_NUMBER_MAX))
        return err_set(err, "keys.account_number: the simulator's accounts begin with PASIM");
    for (size_t i = 0; i < s->key_count; i++)
        if (str_equal(s->keys[i].key, key))
            return err_set(err, "keys.key: there is such a key");
    if (s->key_count == SIM_KEYS_MAX)
        return err_set(err, "keys: at most %d", SIM_KEYS_MAX);
    struct sim_key *k = &s->keys[s->key_count++];
    pair_set(k, key, secret);
    str_copy_cut(k->account_number, sizeof k->account_number, account != NULL ? account : "");
    return 0;
}

static int key_revoke(struct sim *s, const char *key, struct err *err)
{
    for (size_t i = 0; i < s->key_count; i++)
        if (str_equal(s->keys[i].key, key)) {
            s->keys[i].revoked = true;
            return 0;
        }
    return err_set(err, "keys.revoke: there is no such key");
}

static int keys_change(struct sim *s, const struct json_node *root, struct err *err)
{
    static const char *const names[] = {"key", "secret", "account_number", "revoke"};
    const char *key, *secret, *account, *revoke;
    if (json_only(root, "keys", names, ARRAY_LEN(names), err) != 0 ||
        json_opt_string(root, "keys", "revoke", &revoke, err) != 0)
        return -1;
    if (revoke != NULL)
        return key_revoke(s, revoke, err);
    if (json_want_string(root, "keys", "key", &key, err) != 0 ||
        json_want_string(root, "keys", "secret", &secret, err) != 0 ||
        json_opt_string(root, "keys", "account_number", &account, err) != 0)
        return -1;
    return key_add(s, key, secret, account, err);
}

void sim_admin_keys(struct sim_call *c)
{
    char shown[16];
    json_array_begin(&c->out);
    for (size_t i = 0; i < c->sim->key_count; i++) {
        const struct sim_key *k = &c->sim->keys[i];
        json_object_begin(&c->out);
        json_put_string(&c->out, "key", key_redact(k->key, shown));
        json_put_string(&c->out, "account_number", k->account_number[0] ? k->account_number : c->sim->account_number);
        json_put_bool(&c->out, "revoked", k->revoked);
        json_object_end(&c->out);
    }
    json_array_end(&c->out);
}

void sim_admin_keys_change(struct sim_call *c)
{
    struct json_doc *doc = NULL;
    struct err err;
    if (json_doc_parse(c->request->body, c->request->body_len, &doc, &err) != 0 ||
        keys_change(c->sim, json_doc_root(doc), &err) != 0)
        sim_refuse(c, 400, 0, "%s", err.text);
    else
        sim_admin_keys(c);
    json_doc_free(doc);
}
