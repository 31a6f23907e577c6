// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Permits: bound to one request by a digest over length-prefixed fields, spent by the first try, dead after two
// seconds.
#include "lib/guard/permit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/guard/permit_internal.h"

struct digest permit_bind(const uint8_t instance[GUARD_INSTANCE_LEN], enum guard_op op, const struct wire_request *r,
                          int64_t epoch)
{
    const uint8_t port[4] = {(uint8_t)((unsigned)r->port >> 24), (uint8_t)((unsigned)r->port >> 16),
                             (uint8_t)((unsigned)r->port >> 8), (uint8_t)r->port};
    struct digest_state *s = digest_new();
    uint8_t in_epoch[8];

    for (size_t i = 0; i < sizeof in_epoch; i++)
        in_epoch[i] = (uint8_t)((uint64_t)epoch >> (56 - 8 * i));
    digest_add_field(s, "paperguard permit 2");
    digest_add_bytes_field(s, instance, GUARD_INSTANCE_LEN);
    digest_add_field(s, guard_op_name(op));
    digest_add_field(s, r->method);
    digest_add_field(s, r->scheme);
    digest_add_field(s, r->host);
    digest_add_bytes_field(s, port, sizeof port);
    digest_add_field(s, r->target);
    if (r->body)
        digest_add_bytes_field(s, r->body, r->body_len);
    else
        digest_add_field(s, NULL);
    digest_add_bytes_field(s, r->key_fingerprint.bytes, DIGEST_LEN);
    digest_add_bytes_field(s, in_epoch, sizeof in_epoch);
    return digest_finish(s);
}

void permit_set(struct permit *p, const uint8_t instance[GUARD_INSTANCE_LEN], enum guard_op op,
                const struct wire_request *r, int64_t epoch, int64_t now_boot_ns)
{
    memset(p, 0, sizeof *p);
    p->op = op;
    memcpy(p->instance, instance, GUARD_INSTANCE_LEN);
    p->bound = permit_bind(instance, op, r, epoch);
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
    // The instance in the digest is the redeeming guard's, so a forged instance field does not help.
    const struct digest now_bound = permit_bind(instance, p->op, actual, epoch);
    if (!digest_equal(&now_bound, &p->bound))
        return guard_say(detail, GUARD_FAIL, "the request differs from the one the permit was minted for");
    return guard_say(detail, GUARD_PASS, "minted %lld ms ago for this request", (long long)(age_ns / 1000000));
}

void permit_drop(struct permit **p)
{
    if (!p || !*p)
        return;
    mem_wipe(*p, sizeof **p);
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
    mem_wipe(*c, sizeof **c);
    free(*c);
    *c = NULL;
}
