// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One order's worth of facts with which every check passes: what a self-test begins from. Nothing in it is of this
// host; its epoch is none that a leader ever has, so that a receipt of it clears nothing elsewhere.
#include <string.h>

#include "lib/base/text.h"
#include "lib/guard/guard.h"
#include "lib/guard/keyscan.h"

#define JUST_NOW_NS INT64_C(1000000)
#define SOON_NS (INT64_C(60) * 1000000000)
#define PUT(member, text) str_copy_cut(f->member, sizeof f->member, text)

static void put_hosts(bool simulator, struct guard_facts *f)
{
    f->endpoint = simulator ? ENDPOINT_SIMULATOR : ENDPOINT_PAPER;
    f->key_class = simulator ? KEY_SIMULATOR : KEY_PAPER;
    PUT(trading_scheme, simulator ? "http" : "https");
    PUT(data_scheme, simulator ? "http" : "https");
    PUT(trading_host, simulator ? "127.0.0.1" : PAPER_TRADING_HOST);
    PUT(data_host, simulator ? "127.0.0.1" : PAPER_DATA_HOST);
    f->trading_port = f->data_port = simulator ? 1 : PAPER_PORT;
}

void guard_example(bool simulator, int64_t now_boot_ns, struct guard_facts *f)
{
    const int64_t then = now_boot_ns - JUST_NOW_NS;

    memset(f, 0, sizeof *f);
    put_hosts(simulator, f);
    f->dry_run.state = f->alpaca_paper.state = SWITCH_TRUE;
    f->staging_mode.state = SWITCH_UNSET;
    f->stage = STAGE_STAGING;
    f->live_named.state = f->live_value.state = f->steering.state = f->files.state = f->databases.state = FACT_GOOD;
    f->key_fingerprint = digest_of("example", strlen("example"));
    PUT(account_number, simulator ? "PASIM0000000" : "PA0EXAMPLE00");
    PUT(account_first_seen, f->account_number);
    PUT(account_status, "ACTIVE");
    f->account_key_accepted = FACT_GOOD;
    f->account_first_known = true;
    f->database_marker.state = f->calendar.state = f->children.state = f->self_test.state = FACT_GOOD;
    f->halt_memory = f->halt_file = f->halt_database = HALT_RUNNING;
    f->lead = LEAD_HELD;
    f->lead_epoch = GUARD_EXAMPLE_EPOCH;
    f->lead_until_boot_ns = now_boot_ns + SOON_NS;
    f->static_boot_ns = f->account_boot_ns = f->database_boot_ns = f->clock_boot_ns = then;
    f->calendar_boot_ns = f->children_boot_ns = f->self_test_boot_ns = then;
}

void guard_example_request(const struct guard_facts *f, enum guard_op op, struct wire_request *r)
{
    const bool data = guard_op_is_data(op), simulator = f->endpoint == ENDPOINT_SIMULATOR;

    *r = (struct wire_request){.method = guard_op_method(op),
                               .scheme = data ? f->data_scheme : f->trading_scheme,
                               .host = data ? f->data_host : f->trading_host,
                               .port = data ? f->data_port : f->trading_port,
                               .target = guard_op_path(op),
                               .key_fingerprint = f->key_fingerprint,
                               .peer = simulator ? "127.0.0.1" : "35.194.68.203"};
    r->tls.known = true;
    if (!simulator) {
        r->tls.used = r->tls.chain_good = r->tls.host_good = true;
        r->tls.version = 0x0304;
    }
}
