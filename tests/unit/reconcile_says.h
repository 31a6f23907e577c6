// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What the broker of reconcile_room.h has: its account, positions and fills. Included there and nowhere else.
#ifndef PAPERGUARD_TESTS_RECONCILE_SAYS_H
#define PAPERGUARD_TESTS_RECONCILE_SAYS_H

__attribute__((unused)) static void says_then(enum guard_op op, const char *first, const char *then)
{
    says(op, first);
    free(w.then[op]);
    w.then[op] = check_strdup(then);
    w.asked[op] = 0;
}

static void account_has(const char *cash)
{
    char json[400];
    snprintf(json, sizeof json,
             "{\"account_number\":\"PASIM0000001\",\"status\":\"ACTIVE\",\"currency\":\"USD\",\"equity\":\"1000\","
             "\"cash\":\"%s\",\"buying_power\":\"1000\",\"trading_blocked\":false,\"account_blocked\":false,"
             "\"trade_suspended_by_user\":false,\"shorting_enabled\":true}",
             cash);
    says(OP_ACCOUNT, json);
    says(OP_ACCOUNT_BOOT, json);
}

__attribute__((unused)) static void position_is(const char *symbol, const char *qty)
{
    char json[200];
    snprintf(json, sizeof json,
             "[{\"symbol\":\"%s\",\"qty\":\"%s\",\"avg_entry_price\":\"100\",\"cost_basis\":\"400\"}]", symbol, qty);
    says(OP_POSITIONS, json);
}

__attribute__((unused)) static const char *fill_json(const char *id, const char *time)
{
    static char json[400];
    snprintf(json, sizeof json,
             "{\"activity_type\":\"FILL\",\"id\":\"%s\",\"order_id\":\"o-1\",\"symbol\":\"SPY\",\"side\":\"buy\","
             "\"type\":\"fill\",\"qty\":\"1\",\"cum_qty\":\"1\",\"leaves_qty\":\"0\",\"price\":\"100\","
             "\"transaction_time\":\"%s\"}",
             id, time);
    return json;
}

__attribute__((unused)) static char *fills(int first, int count)
{
    struct text t;
    text_init(&t, 1 << 20);
    text_addc(&t, '[');
    for (int i = 0; i < count; i++) {
        char id[16], time[40];
        snprintf(id, sizeof id, "f-%d", first + i);
        snprintf(time, sizeof time, "2026-10-08T15:%02d:%02dZ", (first + i) / 60, (first + i) % 60);
        text_addf(&t, "%s%s", i ? "," : "", fill_json(id, time));
    }
    text_addc(&t, ']');
    return text_take(&t);
}

__attribute__((unused)) static void fills_are(int count)
{
    char *json = fills(0, count);
    says(OP_FILLS, json);
    free(json);
}

#endif
