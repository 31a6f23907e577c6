// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// How to make each check deny: what a self-test puts in place of one good fact, to see that the row fires.
#include <string.h>

#include "lib/base/text.h"
#include "lib/guard/permit_internal.h"

#define PROVOKE(name, ...)                                                                                             \
    static void provoke_##name(struct guard_facts *f, struct wire_request *r)                                          \
    {                                                                                                                  \
        (void)f;                                                                                                       \
        (void)r;                                                                                                       \
        __VA_ARGS__;                                                                                                   \
    }
#define PUT(member, text) str_copy_cut(f->member, sizeof f->member, text)
#define SPOIL(member)                                                                                                  \
    f->member = (struct fact_state)                                                                                    \
    {                                                                                                                  \
        .state = FACT_BAD, .detail = "spoilt by a self-test"                                                           \
    }

PROVOKE(dry_run, f->dry_run.state = SWITCH_FALSE)
PROVOKE(alpaca_paper, f->alpaca_paper.state = SWITCH_FALSE)
PROVOKE(stage, f->stage = STAGE_REFUSED)
PROVOKE(staging_mode, f->staging_mode.state = SWITCH_FALSE)
PROVOKE(endpoint, PUT(trading_host, "api.alpaca.markets"))
PROVOKE(steering, SPOIL(steering))
PROVOKE(live_names, SPOIL(live_named))
PROVOKE(live_values, SPOIL(live_value))
PROVOKE(files, SPOIL(files))
PROVOKE(databases, SPOIL(databases))
PROVOKE(key_class, f->key_class = KEY_LIVE)
PROVOKE(key_pin, memset(f->key_pinned, '0', DIGEST_HEX_MAX - 1); f->key_pinned[DIGEST_HEX_MAX - 1] = '\0')
PROVOKE(children, SPOIL(children))
PROVOKE(request_host, r->host = "api.alpaca.markets")
PROVOKE(request_shape, r->target = "/v2/account/configurations")
PROVOKE(request_key, r->key_fingerprint.bytes[0] ^= 1)
PROVOKE(peer, r->peer = f->endpoint == ENDPOINT_SIMULATOR ? "8.8.8.8" : "127.0.0.1")
PROVOKE(tls, r->tls.known = false)
PROVOKE(account_number, PUT(account_number, "123456789"))
PROVOKE(account_age, f->account_boot_ns = 0)
PROVOKE(account_pin, PUT(account_pinned, "PA0000000000"))
PROVOKE(account_first, PUT(account_first_seen, "PA0000000000"))
PROVOKE(account_status, PUT(account_blocked, "trading_blocked"))
PROVOKE(database_marker, SPOIL(database_marker))
PROVOKE(database_age, f->database_boot_ns = 0)
PROVOKE(clock, f->clock_skew_ns = GUARD_CLOCK_SKEW_NS + 1)
PROVOKE(calendar, SPOIL(calendar))
PROVOKE(halt, f->halt_memory = HALT_HALTED)
PROVOKE(leader, f->lead = LEAD_STANDBY)
PROVOKE(self_test, SPOIL(self_test))
PROVOKE(receipt, r->body = "{}"; r->body_len = 2)
PROVOKE(permit, r->target = "/v2/orders?")

#define GUARD_CHECK(SYMBOL, name, kind, classes, learnt, text) [CHECK_##SYMBOL] = provoke_##name,
static void (*const provocations[GUARD_CHECK_COUNT])(struct guard_facts *f, struct wire_request *r) = {
#include "lib/guard/guard_checks.def"
};
#undef GUARD_CHECK

bool guard_provoke(enum guard_check c, struct guard_facts *f, struct wire_request *r)
{
    CHECK((unsigned)c < GUARD_CHECK_COUNT);
    provocations[c](f, r);
    return c != CHECK_PEER && c != CHECK_TLS && c != CHECK_PERMIT;
}
