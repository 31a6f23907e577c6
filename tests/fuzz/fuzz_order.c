// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/api_order_body.o
//
// Any bytes, taken as the body of an order that somebody places: what is refused is refused in one readable line; what
// is taken passes every rule for orders, reads the same when it is written anew, has the same derived id each time, is
// judged by the risk rows within their limits, and is what the guard lets through, but with no byte changed.
//
// The first two bytes choose the byte that is changed.
#include "daemon/api_internal.h"
#include "lib/guard/guard.h"
#include "lib/trade/risk.h"
#include "tests/fuzz/fuzz_text.h"

#define INPUT_MAX 4096
#define NOW (INT64_C(500000) * 1000000000)

static struct {
    const char *bytes;
    size_t len;
} body;

bool api_body_is_json(const struct http_exchange *x)
{
    return x == NULL;
}

const char *http_exchange_body(const struct http_exchange *x, size_t *len)
{
    CHECK(x == NULL);
    *len = body.len;
    return body.bytes;
}

static bool read_order(const char *bytes, size_t len, struct intent *in)
{
    struct err err = {""};
    *in = (struct intent){.account = "PASIM0000001", .session = {2026, 11, 20}};
    body.bytes = bytes;
    body.len = len;
    const int status = api_order_read(NULL, NULL, in, &err);
    CHECK(status == 0 || status == 400);
    if (status != 0)
        text_check(err.text);
    return status == 0;
}

// Its own words once more; the id that we derive is not for others to give.
static void check_again(const struct intent *in, const struct text *written)
{
    struct intent again, named = *in;
    struct text other;
    text_init(&other, 4096);
    if (client_order_id_ours(in->order.client_order_id)) {
        CHECK(!read_order(text_str(written), written->len, &again));
        str_copy_cut(named.order.client_order_id, sizeof named.order.client_order_id, "mine");
    }
    order_request_write(&named.order, &other);
    CHECK(read_order(text_str(&other), other.len, &again));
    CHECK(api_order_same(&named, &again) && api_order_same(&again, in));
    CHECK(str_equal(again.order.client_order_id, named.order.client_order_id));
    api_order_derive_id(&again, 0);
    api_order_derive_id(&named, 0);
    CHECK(str_equal(again.order.client_order_id, named.order.client_order_id));
    api_order_derive_id(&named, 1);
    CHECK(!str_equal(again.order.client_order_id, named.order.client_order_id));
    text_free(&other);
}

static void check_risk(const struct order_request *order)
{
    struct risk_example e;
    struct risk_verdict v;
    risk_example(RISK_ROW_COUNT, &e);
    risk_judge(&e.limits, &e.view, order, &v);
    CHECK(v.answer == RISK_PASS || v.row < RISK_ROW_COUNT);
    if (v.answer != RISK_PASS) {
        text_check(v.detail);
        return;
    }
    CHECK(v.value.nanos > 0 || v.reduces);
    CHECK(v.reduces || v.value.nanos <= e.limits.max_order_notional.nanos);
    CHECK(order->qty.nanos <= e.limits.max_order_qty.nanos);
    CHECK(order->notional.nanos == 0 || order->side == ORDER_BUY);
}

// Clears and sends the order with `wire` as the bytes on the wire; what the guard says there.
static bool leaves(struct guard *guard, const struct order_request *order, const struct text *written, const char *wire)
{
    struct guard_facts f;
    struct guard_verdict v;
    struct wire_request request;
    struct cleared_order *cleared = NULL;
    guard_example(true, NOW, &f);
    struct receipt_terms terms = {.order = *order,
                                  .body = text_str(written),
                                  .body_len = written->len,
                                  .committed_boot_ns = NOW,
                                  .leader_epoch = f.lead_epoch};
    str_copy_cut(terms.account_number, sizeof terms.account_number, f.account_number);
    struct receipt *receipt = receipt_mint(&terms);
    guard_example_request(&f, OP_SUBMIT_OPEN, &request);
    request.body = text_str(written);
    request.body_len = written->len;
    CHECK(guard_clear_order(guard, &f, &receipt, &request, NOW, &cleared, &v) == 0);
    request.body = wire;
    const bool left = guard_redeem_order(guard, cleared, &f, &request, NOW, &v);
    request.body = text_str(written);
    CHECK(!guard_redeem_order(guard, cleared, &f, &request, NOW, &v) && v.check == CHECK_PERMIT);
    cleared_order_drop(&cleared);
    return left;
}

static void check_guard(const struct order_request *order, const struct text *written, size_t which)
{
    struct guard *guard = guard_new();
    char *changed = check_strndup(text_str(written), written->len);
    CHECK(leaves(guard, order, written, changed)); // another pointer, the same bytes
    changed[which % written->len] ^= (char)(1u << which % 8);
    CHECK(!leaves(guard, order, written, changed));
    free(changed);
    guard_free(guard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX)
        return 0;
    struct intent in;
    struct err err = {""};
    char *text = text_input(data + 2, size - 2);
    if (read_order(text, size - 2, &in)) {
        struct text written;
        CHECK(order_request_check(&in.order, &err) == 0);
        text_init(&written, 4096);
        order_request_write(&in.order, &written);
        CHECK(!written.overflow && written.len > 0);
        check_again(&in, &written);
        check_risk(&in.order);
        check_guard(&in.order, &written, (size_t)data[0] << 8 | data[1]);
        text_free(&written);
    }
    free(text);
    return 0;
}
