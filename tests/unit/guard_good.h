// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For unit tests: facts with which everything is allowed, requests that fit them, and an order with its receipt.
#ifndef PAPERGUARD_TESTS_GUARD_GOOD_H
#define PAPERGUARD_TESTS_GUARD_GOOD_H

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/guard/guard.h"
#include "lib/guard/keyscan.h"

#define GOOD_NOW (INT64_C(500000) * 1000000000)
#define GOOD_EPOCH 3
#define GOOD_ACCOUNT "PA3ZZJC58PH5"
#define GOOD_KEY "PKTESTTESTTEST000001"

static inline void good_switch(struct fact_switch *s)
{
    s->state = SWITCH_TRUE;
    str_copy_cut(s->source, sizeof s->source, "environment");
}

static inline struct guard_facts good_facts(void)
{
    struct guard_facts f = {.stage = STAGE_STAGING, .endpoint = ENDPOINT_PAPER, .key_class = KEY_PAPER};

    good_switch(&f.dry_run);
    good_switch(&f.alpaca_paper);
    f.staging_mode.state = SWITCH_UNSET;
    str_copy_cut(f.stage_detail, sizeof f.stage_detail, "staging");
    str_copy_cut(f.trading_scheme, sizeof f.trading_scheme, "https");
    str_copy_cut(f.trading_host, sizeof f.trading_host, PAPER_TRADING_HOST);
    str_copy_cut(f.data_scheme, sizeof f.data_scheme, "https");
    str_copy_cut(f.data_host, sizeof f.data_host, PAPER_DATA_HOST);
    f.trading_port = f.data_port = PAPER_PORT;
    f.live_named.state = f.live_value.state = f.files.state = f.databases.state = FACT_GOOD;
    str_copy_cut(f.key_shown, sizeof f.key_shown, "PK…0001");
    f.key_fingerprint = digest_of(GOOD_KEY, strlen(GOOD_KEY));
    str_copy_cut(f.account_number, sizeof f.account_number, GOOD_ACCOUNT);
    str_copy_cut(f.account_status, sizeof f.account_status, "ACTIVE");
    f.account_boot_ns = f.database_boot_ns = f.clock_boot_ns = GOOD_NOW - 1000000;
    f.account_key_accepted = FACT_GOOD;
    f.account_first_known = true;
    str_copy_cut(f.account_first_seen, sizeof f.account_first_seen, GOOD_ACCOUNT);
    f.database_marker.state = FACT_GOOD;
    f.lead = LEAD_HELD;
    f.lead_epoch = GOOD_EPOCH;
    f.lead_until_boot_ns = GOOD_NOW + INT64_C(5000000000);
    f.steering.state = f.calendar.state = f.children.state = f.self_test.state = FACT_GOOD;
    f.static_boot_ns = f.calendar_boot_ns = f.children_boot_ns = GOOD_NOW - 1000000;
    f.halt_memory = f.halt_file = f.halt_database = HALT_RUNNING;
    return f;
}

static inline struct guard_facts good_simulator_facts(void)
{
    struct guard_facts f = good_facts();

    f.endpoint = ENDPOINT_SIMULATOR;
    f.key_class = KEY_SIMULATOR;
    str_copy_cut(f.trading_scheme, sizeof f.trading_scheme, "http");
    str_copy_cut(f.trading_host, sizeof f.trading_host, "127.0.0.1");
    str_copy_cut(f.data_scheme, sizeof f.data_scheme, "http");
    str_copy_cut(f.data_host, sizeof f.data_host, "127.0.0.1");
    f.trading_port = f.data_port = 18900;
    str_copy_cut(f.account_number, sizeof f.account_number, "PASIM0000001");
    str_copy_cut(f.account_first_seen, sizeof f.account_first_seen, "PASIM0000001");
    return f;
}

#define GOOD_TLS                                                                                                       \
    {                                                                                                                  \
        .known = true, .used = true, .chain_good = true, .host_good = true, .version = 0x0304                          \
    }

// The request of an operation at the hosts of f, as the wire would see it; target NULL takes the table's path.
static inline struct wire_request good_request(const struct guard_facts *f, enum guard_op op, const char *target)
{
    const bool data = guard_op_is_data(op);
    struct wire_request r = {.method = guard_op_method(op),
                             .scheme = data ? f->data_scheme : f->trading_scheme,
                             .host = data ? f->data_host : f->trading_host,
                             .port = data ? f->data_port : f->trading_port,
                             .target = target ? target : guard_op_path(op),
                             .key_fingerprint = f->key_fingerprint,
                             .peer = "35.194.68.203",
                             .tls = GOOD_TLS};

    if (f->endpoint == ENDPOINT_SIMULATOR) {
        r.peer = "127.0.0.1";
        r.tls = (struct tls_state){.known = true};
    }
    return r;
}

static inline struct receipt_terms good_terms(const struct guard_facts *f, bool reduces, struct text *body)
{
    struct receipt_terms t = {.reduces = reduces, .committed_boot_ns = GOOD_NOW - 1000, .leader_epoch = GOOD_EPOCH};

    str_copy_cut(t.account_number, sizeof t.account_number, f->account_number);
    str_copy_cut(t.order.client_order_id, sizeof t.order.client_order_id, "pg1-00112233445566778899aabbccddeeff");
    str_copy_cut(t.order.symbol, sizeof t.order.symbol, "SPY");
    t.order.side = reduces ? ORDER_SELL : ORDER_BUY;
    t.order.type = ORDER_MARKET;
    t.order.tif = TIF_DAY;
    t.order.qty.nanos = 3 * DECIMAL_ONE;
    text_init(body, 4096);
    order_request_write(&t.order, body);
    t.body = text_str(body);
    t.body_len = body->len;
    return t;
}

#endif
