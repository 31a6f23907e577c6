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

#define HOLD_LOOK_MS 5

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

void broker_mask(const struct broker *b, char *text)
{
    broker_keys_mask(b->keys, text);
}

// --- another pair, while running

// A call that has left for the transport and has not been let onto the wire carries headers and a permit of the pair in
// use: it goes out, or ends, before the pair changes.
static bool on_its_way(const struct broker *b)
{
    for (struct list *n = b->under_way.next; n != &b->under_way; n = n->next) {
        const struct call *c = LIST_ENTRY(n, const struct call, node);
        if (c->http && !c->sent_boot_ns)
            return true;
    }
    return false;
}

static void hold_look(void *arg)
{
    struct broker *b = arg;
    b->hold = 0;
    if (on_its_way(b))
        b->hold = loop_after_ms(b->p.loop, HOLD_LOOK_MS, hold_look, b);
    else
        b->held(b->held_arg);
}

void broker_hold(struct broker *b, void (*held)(void *arg), void *arg)
{
    CHECK(!b->holding);
    b->holding = b->orders_held = true;
    b->held = held;
    b->held_arg = arg;
    b->hold = loop_post(b->p.loop, hold_look, b);
}

void broker_take_keys(struct broker *b)
{
    CHECK(b->holding && !b->hold && !on_its_way(b));
    broker_keys_drop(b->keys);
    b->keys = broker_keys_new(b->p.facts);
    b->holding = false;
    broker_pump(b);
}

void broker_resume(struct broker *b)
{
    loop_cancel(b->p.loop, &b->hold);
    b->holding = b->orders_held = false;
    broker_pump(b);
}
