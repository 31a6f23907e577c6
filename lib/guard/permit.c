// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Permits: bound to one request by a copy of every byte of it, spent by the first try, dead after two seconds.
#include "lib/guard/permit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/guard/permit_internal.h"

// What this request would be bound to; its parts are borrowed.
static struct permit_bound bound_of(const uint8_t instance[GUARD_INSTANCE_LEN], enum guard_op op,
                                    const struct wire_request *r, int64_t epoch)
{
    const char *const words[] = {r->method, r->scheme, r->host, r->target};
    struct permit_bound b = {
        .fixed = {.key_fingerprint = r->key_fingerprint, .epoch = epoch, .port = r->port, .op = (int32_t)op}};

    _Static_assert(sizeof b.fixed == GUARD_INSTANCE_LEN + DIGEST_LEN + 8 + 4 + 4, "padding would be compared");
    memcpy(b.fixed.instance, instance, GUARD_INSTANCE_LEN);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        b.parts[i] = (struct permit_part){words[i], words[i] ? strlen(words[i]) : 0};
    b.parts[ARRAY_LEN(words)] = (struct permit_part){r->body, r->body_len};
    return b;
}

static bool bound_equal(const struct permit_bound *a, const struct permit_bound *b)
{
    if (memcmp(&a->fixed, &b->fixed, sizeof a->fixed) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(a->parts); i++) {
        const struct permit_part *x = &a->parts[i], *y = &b->parts[i];
        if (!x->at != !y->at || x->len != y->len || (x->at && memcmp(x->at, y->at, x->len) != 0))
            return false;
    }
    return true;
}

// From here on its parts are its own.
static void bound_keep(struct permit *p)
{
    size_t at = 0;

    for (size_t i = 0; i < ARRAY_LEN(p->bound.parts); i++)
        at += p->bound.parts[i].len;
    p->bytes = check_realloc(NULL, at + 1);
    at = 0;
    for (size_t i = 0; i < ARRAY_LEN(p->bound.parts); i++) {
        struct permit_part *part = &p->bound.parts[i];
        if (!part->at)
            continue;
        memcpy(p->bytes + at, part->at, part->len);
        part->at = p->bytes + at;
        at += part->len;
    }
}

void permit_set(struct permit *p, const uint8_t instance[GUARD_INSTANCE_LEN], enum guard_op op,
                const struct wire_request *r, int64_t epoch, int64_t now_boot_ns)
{
    memset(p, 0, sizeof *p);
    p->op = op;
    memcpy(p->instance, instance, GUARD_INSTANCE_LEN);
    p->bound = bound_of(instance, op, r, epoch);
    bound_keep(p);
    p->minted_boot_ns = now_boot_ns;
    p->until_boot_ns = now_boot_ns + PERMIT_LIFE_NS;
}

enum guard_answer permit_spend(struct permit *p, const uint8_t instance[GUARD_INSTANCE_LEN],
                               const struct wire_request *actual, int64_t epoch, int64_t now_boot_ns,
                               char detail[FACT_TEXT_MAX])
{
    const bool spent_before = p->spent;
    const int64_t age_ns = now_boot_ns - p->minted_boot_ns;

    p->spent = true;
    if (spent_before)
        return guard_say(detail, GUARD_FAIL, "the permit was used before; each is good for one request");
    if (memcmp(p->instance, instance, GUARD_INSTANCE_LEN) != 0)
        return guard_say(detail, GUARD_FAIL, "the permit was minted by another guard");
    if (age_ns < 0 || now_boot_ns >= p->until_boot_ns)
        return guard_say(detail, GUARD_FAIL, "the permit is %lld ms old; it is good for %lld ms",
                         (long long)(age_ns / 1000000), (long long)((p->until_boot_ns - p->minted_boot_ns) / 1000000));
    // The instance here is the redeeming guard's, so a forged instance field does not help.
    const struct permit_bound now_bound = bound_of(instance, p->op, actual, epoch);
    if (!bound_equal(&now_bound, &p->bound))
        return guard_say(detail, GUARD_FAIL, "the request differs from the one the permit was minted for");
    return GUARD_PASS;
}

static void permit_forget(struct permit *p)
{
    free(p->bytes);
    mem_wipe(p, sizeof *p);
}

void permit_drop(struct permit **p)
{
    if (!p || !*p)
        return;
    permit_forget(*p);
    free(*p);
    *p = NULL;
}

const struct receipt_terms *cleared_order_terms(const struct cleared_order *c)
{
    return receipt_terms(c->receipt);
}

void cleared_order_expires(struct cleared_order *c, int64_t boot_ns)
{
    if (boot_ns < c->permit.until_boot_ns)
        c->permit.until_boot_ns = boot_ns;
}

void cleared_order_drop(struct cleared_order **c)
{
    if (!c || !*c)
        return;
    receipt_drop(&(*c)->receipt);
    permit_forget(&(*c)->permit);
    free(*c);
    *c = NULL;
}
