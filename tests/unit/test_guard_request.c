// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a request may look like: targets, the host of each operation, bodies, and whom a connection may go to.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tests/unit/guard_good.h"

struct target_row {
    enum guard_op op;
    const char *target;
    bool ok;
};

static const struct target_row targets[] = {
    {OP_ORDERS, "/v2/orders?status=open&limit=500", true},
    {OP_ORDERS, "/v2/orders?", true},
    {OP_ORDERS, "/v2/orders/", false},
    {OP_ORDERS, "/v2/ordersx", false},
    {OP_ORDERS, "/v2/orders#x", false},
    {OP_ORDERS, "/v2/orders?a b", false},
    {OP_ORDERS, "/v2/orders?a\r\nHost: x", false},
    {OP_ORDERS, "/v2/orders?a\\b", false},
    {OP_ORDERS, "/v2/orders?a\x80", false},
    {OP_ORDERS, "//v2/orders", false},
    {OP_ORDERS, "/V2/orders", false},
    {OP_ORDERS, "https://api.alpaca.markets/v2/orders", false},
    {OP_ORDERS, "", false},
    {OP_ORDER, "/v2/orders/61e69015-8549-4bfd-b9c3-01e75843f47d", true},
    {OP_ORDER, "/v2/orders/", false},
    {OP_ORDER, "/v2/orders/..", false},
    {OP_ORDER, "/v2/orders/.", false},
    {OP_ORDER, "/v2/orders/", false},
    {OP_ORDERS, "/v2/orders?a=\x7f", false},
    {OP_ORDER, "/v2/orders/a/b", false},
    {OP_ORDER, "/v2/orders/%2e%2e", false},
    {OP_ORDER, "/v2/orders/a%2Fb", false},
    {OP_ORDER, "/v2/positions", false},
    {OP_ORDER_BY_CLIENT_ID, "/v2/orders:by_client_order_id?client_order_id=pg1-00", true},
    {OP_ASSET, "/v2/assets/BRK.B", true},
    {OP_ASSET, "/v2/assets/../orders", false},
    {OP_CANCEL, "/v2/orders/61e69015-8549-4bfd-b9c3-01e75843f47d", true},
    {OP_CANCEL, "/v2/orders", false},
    {OP_CANCEL, "/v2/positions/SPY", false},
    {OP_FILLS, "/v2/account/activities/FILL?page_size=100", true},
    {OP_FILLS, "/v2/account/activities", false},
    {OP_ACTIVITIES, "/v2/account/activities?category=non_trade_activity&page_size=100", true},
    {OP_ACTIVITIES, "/v2/account/activities/FILL", false},
    {OP_BARS, "/v2/stocks/bars?symbols=SPY%2CQQQ", true},
    {OP_BARS, "/v2/stocks/bars/latest", false},
};

static void test_targets(void **state)
{
    struct guard *g = guard_new();
    const struct guard_facts f = good_facts();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        const struct wire_request r = good_request(&f, targets[i].op, targets[i].target);
        struct permit *p = NULL;
        struct guard_verdict v;
        const int rc = guard_permit(g, &f, targets[i].op, &r, GOOD_NOW, &p, &v);
        if ((rc == 0) != targets[i].ok)
            fail_msg("%s %s: %s", guard_op_name(targets[i].op), targets[i].target, v.detail);
        if (rc)
            assert_int_equal(v.check, CHECK_REQUEST_SHAPE);
        permit_drop(&p);
    }
    char path[4200];
    memset(path, 'a', sizeof path);
    memcpy(path, "/v2/orders?", 11);
    path[sizeof path - 1] = '\0';
    const struct wire_request r = good_request(&f, OP_ORDERS, path);
    struct permit *p = NULL;
    struct guard_verdict v;
    assert_int_equal(guard_permit(g, &f, OP_ORDERS, &r, GOOD_NOW, &p, &v), -1);
    for (int len = 128; len <= 129; len++) { // of an id in the path
        memset(path, 'a', sizeof path);
        memcpy(path, "/v2/orders/", 11);
        path[11 + len] = '\0';
        const struct wire_request one = good_request(&f, OP_ORDER, path);
        assert_int_equal(guard_permit(g, &f, OP_ORDER, &one, GOOD_NOW, &p, &v), len == 128 ? 0 : -1);
        permit_drop(&p);
    }
    guard_free(g);
}

// Data goes to the data host and nowhere else, and by GET only.
static void test_operations(void **state)
{
    struct guard *g = guard_new();
    const struct guard_facts f = good_facts();

    (void)state;
    for (int i = 0; i < GUARD_OP_COUNT; i++) {
        const enum guard_op op = (enum guard_op)i;
        const bool data = guard_op_is_data(op), order = op == OP_SUBMIT_OPEN || op == OP_SUBMIT_REDUCE;
        struct wire_request r = good_request(&f, op, NULL);
        char path[128];
        struct permit *p = NULL;
        struct guard_verdict v;

        if (data)
            assert_string_equal(guard_op_method(op), "GET");
        if (strstr(r.target, "{id}")) {
            snprintf(path, sizeof path, "%.*sX1", (int)(strlen(r.target) - 4), r.target);
            r.target = path;
        }
        if (order) {
            r.body = "{}";
            r.body_len = 2;
        }
        assert_int_equal(guard_permit(g, &f, op, &r, GOOD_NOW, &p, &v), order ? -1 : 0);
        if (order)
            assert_int_equal(v.check, CHECK_RECEIPT); // an order without a receipt
        permit_drop(&p);
        r.host = data ? f.trading_host : f.data_host;
        assert_int_equal(guard_permit(g, &f, op, &r, GOOD_NOW, &p, &v), -1);
        assert_int_equal(v.check, CHECK_REQUEST_HOST);
    }
    struct permit *p = NULL;
    struct guard_verdict v;
    const struct wire_request r = good_request(&f, OP_ORDERS, NULL);
    assert_int_equal(guard_permit(g, &f, GUARD_OP_COUNT, &r, GOOD_NOW, &p, &v), -1);
    assert_int_equal(v.check, CHECK_REQUEST_SHAPE);
    assert_int_equal(guard_denials(g, CHECK_REQUEST_SHAPE), 1);
    guard_free(g);
}

static void test_bodies(void **state)
{
    struct guard *g = guard_new();
    const struct guard_facts f = good_facts();
    struct wire_request r = good_request(&f, OP_POSITIONS, NULL);
    struct permit *p = NULL;
    struct guard_verdict v;

    (void)state;
    r.body = "{}";
    r.body_len = 2;
    assert_int_equal(guard_permit(g, &f, OP_POSITIONS, &r, GOOD_NOW, &p, &v), -1);
    assert_int_equal(v.check, CHECK_REQUEST_SHAPE);
    r.body = NULL; // a length without bytes
    assert_int_equal(guard_permit(g, &f, OP_POSITIONS, &r, GOOD_NOW, &p, &v), -1);
    guard_free(g);
}

struct peer_row {
    const char *address;
    bool paper, simulator;
};

static const struct peer_row peers[] = {
    {"35.194.68.1", true, false},
    {"1.1.1.1", true, false},
    {"223.255.255.254", true, false},
    {"0.0.0.0", false, false},
    {"10.0.0.1", false, false},
    {"100.64.0.1", false, false},
    {"100.127.255.255", false, false},
    {"100.128.0.1", true, false},
    {"127.0.0.1", false, true},
    {"127.255.0.1", false, true},
    {"169.254.169.254", false, false},
    {"172.16.0.1", false, false},
    {"172.31.255.255", false, false},
    {"172.32.0.1", true, false},
    {"192.0.0.8", false, false},
    {"192.0.2.1", false, false},
    {"192.168.0.1", false, false},
    {"198.18.0.1", false, false},
    {"198.19.255.255", false, false},
    {"198.51.100.7", false, false},
    {"203.0.113.7", false, false},
    {"224.0.0.1", false, false},
    {"239.1.1.1", false, false},
    {"240.0.0.1", false, false},
    {"255.255.255.255", false, false},
    {"::", false, false},
    {"::1", false, true},
    {"2606:4700::1111", true, false},
    {"2600:1901:0:1::", true, false},
    {"::ffff:127.0.0.1", false, false},
    {"::ffff:10.0.0.1", false, false},
    {"::ffff:192.168.1.1", false, false},
    {"::ffff:35.194.68.1", true, false},
    {"::127.0.0.1", false, false},
    {"64:ff9b::7f00:1", false, false},
    {"64:ff9b::23c2:4401", true, false},
    {"64:ff9b:1::1", false, false},
    {"2001::1", false, false},
    {"2001:db8::1", false, false},
    {"2002:7f00:1::1", false, false},
    {"3fff::1", false, false},
    {"3fff:1000::1", true, false},
    {"2001:4860:4860::8888", true, false},
    {"fc00::1", false, false},
    {"fd12:3456::1", false, false},
    {"fe80::1", false, false},
    {"fec0::1", false, false},
    {"ff02::1", false, false},
    {"100::1", false, false},
};

static void test_peers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
        struct sockaddr_storage peer = {0};
        struct sockaddr_in *v4 = (void *)&peer;
        struct sockaddr_in6 *v6 = (void *)&peer;
        const enum fact_endpoint kinds[] = {ENDPOINT_PAPER, ENDPOINT_SIMULATOR, ENDPOINT_UNREAD, ENDPOINT_REFUSED};
        const bool allowed[] = {peers[i].paper, peers[i].simulator, false, false};

        if (inet_pton(AF_INET, peers[i].address, &v4->sin_addr) == 1)
            peer.ss_family = AF_INET;
        else {
            assert_int_equal(inet_pton(AF_INET6, peers[i].address, &v6->sin6_addr), 1);
            peer.ss_family = AF_INET6;
        }
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            struct guard_facts f = good_facts();
            f.endpoint = kinds[k];
            if (guard_peer_allowed(&f, (const struct sockaddr *)&peer) != allowed[k])
                fail_msg("%s with endpoint %d", peers[i].address, (int)kinds[k]);
        }
    }
    struct guard_facts f = good_facts();
    const struct sockaddr local = {.sa_family = AF_UNIX};
    assert_false(guard_peer_allowed(&f, &local));
    assert_false(guard_peer_allowed(&f, NULL));
    struct sockaddr_storage odd = {.ss_family = AF_PACKET}; // bytes that would be an address of another family
    struct sockaddr_in6 v6 = {0};
    inet_pton(AF_INET6, "2606:4700::1111", &v6.sin6_addr);
    memcpy((char *)&odd + sizeof odd.ss_family, (char *)&v6 + sizeof v6.sin6_family, sizeof v6 - sizeof v6.sin6_family);
    assert_false(guard_peer_allowed(&f, (const struct sockaddr *)&odd));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
