// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The broker's key: what follows when another pair takes its place, and how old it is. Its age counts from the moment
// that any host on this database saw its fingerprint first.
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "lib/base/log.h"

#define ASK_AGAIN_NS (10 * NS_PER_S)

static void swapped(void *arg, const char *cause)
{
    struct daemon *d = arg;
    (void)cause;
    d->snapshot.at_boot_ns = 0;
    daemon_selftest(d, "reload");
    if (d->stream)
        stream_renew(d->stream);
    daemon_look_soon(d);
}

static void ended(void *arg, const char *result, const char *detail)
{
    struct daemon *d = arg;
    const struct guard_facts *f = facts_view(d->facts);
    if (str_equal(result, "same"))
        return;
    log_notice("keys: %s: %s", result, detail);
    ledger_decision(d->ledger, "keys", f->key_shown, result, "rotate", detail, clock_wall_ns());
}

void daemon_keys_new(struct daemon *d, const struct broker_params *broker)
{
    d->rotation = rotation_new(&(struct rotation_params){
        .broker = broker,
        .channel = d->broker,
        .config = d->config,
        .config_path = d->config_path,
        .envp = d->envp,
        .swapped = swapped,
        .alert = daemon_alert,
        .ended = ended,
        .arg = d,
    });
}

void daemon_keys_rotate(void *arg, rotation_done_fn *done, void *done_arg)
{
    struct daemon *d = arg;
    rotation_start(d->rotation, "operator", done, done_arg);
}

// --- age

static void seen(void *arg, enum ledger_result result, int64_t first_seen)
{
    struct daemon *d = arg;
    d->key_age.asked = false;
    if (result != LEDGER_OK || !digest_equal(&d->key_age.fingerprint, &facts_view(d->facts)->key_fingerprint))
        return; // asked again
    d->key_age.first_seen = first_seen;
    d->snapshot.at_boot_ns = 0;
}

static void ask(struct daemon *d, const struct guard_facts *f)
{
    const int64_t boot = clock_boot_ns();
    const bool may = d->ledger_state == LEDGER_READY && f->account_first_known && f->account_first_seen[0];
    char hex[DIGEST_HEX_MAX];
    if (d->key_age.asked || !may || (d->key_age.asked_boot_ns && boot - d->key_age.asked_boot_ns < ASK_AGAIN_NS))
        return;
    d->key_age.asked = true;
    d->key_age.asked_boot_ns = boot;
    ledger_key_seen(d->ledger, f->account_first_seen, digest_hex(&f->key_fingerprint, hex), f->key_shown,
                    clock_wall_ns(), seen, d);
}

// Once each in a life: a key that is old, and one that is too old.
static void remind(struct daemon *d, const struct guard_facts *f)
{
    const int64_t bounds[] = {d->config->key_remind_ms, d->config->key_rotate_ms};
    const int64_t age = clock_wall_ns() - d->key_age.first_seen, day = 24 * 3600 * NS_PER_S;
    char detail[200];
    int reached = 0;
    for (int i = 0; i < 2; i++)
        reached = age >= bounds[i] * NS_PER_MS ? i + 1 : reached;
    if (reached <= d->key_age.told)
        return;
    d->key_age.told = reached;
    snprintf(detail, sizeof detail,
             "in use for %lld days; %s: write a new pair into the key files, then paperguard keys "
             "rotate",
             (long long)(age / day), reached == 2 ? "it should have been rotated" : "rotate it some day soon");
    daemon_alert(d, "key_age", f->key_shown, detail);
}

void daemon_keys_look(struct daemon *d)
{
    const struct guard_facts *f = facts_view(d->facts);
    if (!digest_equal(&d->key_age.fingerprint, &f->key_fingerprint)) {
        const bool asked = d->key_age.asked; // of the former one: its answer is still to come
        memset(&d->key_age, 0, sizeof d->key_age);
        d->key_age.asked = asked;
        d->key_age.fingerprint = f->key_fingerprint;
    }
    if (d->key_age.first_seen == 0)
        ask(d, f);
    else
        remind(d, f);
}

void daemon_keys_collect(struct daemon *d)
{
    struct snapshot_key *k = &d->snapshot.key;
    const struct guard_facts *f = facts_view(d->facts);
    str_copy_cut(k->shown, sizeof k->shown, f->key_shown);
    digest_hex(&f->key_fingerprint, k->fingerprint);
    k->first_seen = digest_equal(&d->key_age.fingerprint, &f->key_fingerprint) ? d->key_age.first_seen : 0;
    k->in_file = facts_key_written_s(d->facts) > 0;
    k->locked = facts_secrets_locked(d->facts);
}
