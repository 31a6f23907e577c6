// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A pair of keys as the channel holds it. A call keeps the pair it was sent with until it has ended, whatever the
// channel sends its next ones with; the last holder wipes it.
#include "daemon/broker_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/secret.h"
#include "lib/base/text.h"

struct broker_keys {
    unsigned holders;
    char *key_id, *secret; // for taking them out of what the broker says
    char *key_header, *secret_header;
    struct digest fingerprint;
};

static char *header_of(const char *name, const char *value)
{
    struct text t;
    text_init(&t, 4096);
    text_addf(&t, "%s: %s", name, value);
    char *header = secret_keep(text_str(&t));
    text_wipe_free(&t);
    return header;
}

struct broker_keys *broker_keys_new(const struct facts *f)
{
    const struct facts_secrets *s = facts_secrets(f);
    struct broker_keys *k = check_alloc(1, sizeof *k);
    k->holders = 1;
    k->key_id = secret_keep(s->key_id ? s->key_id : "");
    k->secret = secret_keep(s->secret ? s->secret : "");
    k->key_header = header_of("APCA-API-KEY-ID", k->key_id);
    k->secret_header = header_of("APCA-API-SECRET-KEY", k->secret);
    k->fingerprint = digest_of(k->key_id, strlen(k->key_id));
    return k;
}

struct broker_keys *broker_keys_hold(struct broker_keys *k)
{
    k->holders++;
    return k;
}

void broker_keys_drop(struct broker_keys *k)
{
    if (!k || --k->holders > 0)
        return;
    secret_drop(k->key_id);
    secret_drop(k->secret);
    secret_drop(k->key_header);
    secret_drop(k->secret_header);
    free(k);
}

const struct digest *broker_keys_fingerprint(const struct broker_keys *k)
{
    return &k->fingerprint;
}

void broker_keys_headers(const struct broker_keys *k, const char *out[2])
{
    out[0] = k->key_header;
    out[1] = k->secret_header;
}

void broker_keys_mask(const struct broker_keys *k, char *text)
{
    secret_mask(text, k->secret);
    secret_mask(text, k->key_id);
}
