// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One rotation = one struct: read, prove, hold, swap, smoke, old key. The pair that is not in use has a broker channel
// of its own, over facts of its own: first the new pair with it, after the swap the former one.
#include "daemon/rotation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/io/clock.h"

struct rotation {
    struct rotation_params p;
    struct rotation_result result;
    struct config *fresh;
    struct facts *beside;          // of the pair that is not in use
    struct broker *beside_channel; // with it
    struct broker_params beside_params;
    bool busy, held;
    const char *cause;
    enum rotation_end end;
    loop_timer later; // of an end that a channel told, which must not be freed from within
    rotation_done_fn *done;
    void *arg;
};

struct rotation *rotation_new(const struct rotation_params *params)
{
    struct rotation *r = check_alloc(1, sizeof *r);
    r->p = *params;
    return r;
}

static void beside_drop(struct rotation *r)
{
    broker_free(r->beside_channel);
    facts_free(r->beside);
    config_free(r->fresh);
    r->beside_channel = NULL;
    r->beside = NULL;
    r->fresh = NULL;
}

void rotation_free(struct rotation *r)
{
    if (!r)
        return;
    loop_cancel(r->p.broker->loop, &r->later);
    beside_drop(r);
    free(r);
}

// --- the end

static void say(char *out, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
static void say(char *out, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out, size, format, args);
    va_end(args);
    str_make_readable(out);
}

static void finish(struct rotation *r, enum rotation_end end)
{
    static const char *const names[] = {"same", "refused", "rotated"};
    const struct guard_facts *f = facts_view(r->p.broker->facts);
    rotation_done_fn *done = r->done;
    void *arg = r->arg;
    if (r->held)
        broker_resume(r->p.channel);
    r->held = false;
    beside_drop(r);
    r->result.end = end;
    str_copy_cut(r->result.key, sizeof r->result.key, f->key_shown);
    digest_hex(&f->key_fingerprint, r->result.pin);
    r->busy = false;
    r->p.ended(r->p.arg, names[end], r->result.detail);
    if (end == ROTATION_REFUSED)
        r->p.alert(r->p.arg, "key_refused", r->result.key, r->result.detail);
    if (done)
        done(arg, &r->result);
}

static void finish_now(void *arg)
{
    struct rotation *r = arg;
    r->later = 0;
    finish(r, r->end);
}

static void finish_soon(struct rotation *r, enum rotation_end end)
{
    r->end = end;
    r->later = loop_post(r->p.broker->loop, finish_now, r);
}

// --- the old key

static void on_old_account(void *arg, const struct broker_answer *a)
{
    struct rotation *r = arg;
    struct rotation_result *out = &r->result;
    if (a->result == BROKER_REJECTED && (a->status == 401 || a->status == 403)) {
        out->old_key = "dead";
        say(out->old_detail, sizeof out->old_detail, "the broker refuses the former key %s (HTTP %d)", out->former,
            a->status);
    } else if (a->result == BROKER_OK) {
        out->old_key = "alive";
        say(out->old_detail, sizeof out->old_detail,
            "the broker still lets the former key %s in: delete it there, whoever has it trades this account",
            out->former);
    } else {
        out->old_key = "unknown";
        say(out->old_detail, sizeof out->old_detail, "whether the former key %s still opens anything is not known: %s",
            out->former, a->detail);
    }
    if (a->result == BROKER_REJECTED && str_equal(out->old_key, "dead"))
        log_notice("%s", out->old_detail);
    else
        r->p.alert(r->p.arg, "old_key_alive", out->former, out->old_detail);
    finish_soon(r, ROTATION_ROTATED);
}

static void ask_account_beside(struct rotation *r, broker_done_fn *done)
{
    broker_free(r->beside_channel);
    r->beside_params = *r->p.broker;
    r->beside_params.facts = r->beside_params.facts_mut = r->beside;
    r->beside_params.connections = 1;
    r->beside_params.denied = NULL;
    r->beside_params.called = NULL;
    r->beside_channel = broker_new(&r->beside_params);
    broker_call(r->beside_channel, OP_ACCOUNT_BOOT, NULL, NULL, done, r);
}

// --- the smoke test: with the channel that is in use

static void smoke_over(struct rotation *r)
{
    broker_resume(r->p.channel);
    r->held = false;
    if (!r->result.smoke_passed)
        r->p.alert(r->p.arg, "key_smoke", facts_view(r->p.broker->facts)->key_shown, r->result.smoke);
    ask_account_beside(r, on_old_account);
}

static void smoke_failed(struct rotation *r, const char *what, const struct broker_answer *a)
{
    say(r->result.smoke, sizeof r->result.smoke, "the %s could not be read with the new key: %s", what, a->detail);
    smoke_over(r);
}

static void on_open_orders(void *arg, const struct broker_answer *a)
{
    struct rotation *r = arg;
    if (a->result != BROKER_OK) {
        smoke_failed(r, "open orders", a);
        return;
    }
    r->result.smoke_passed = true;
    say(r->result.smoke, sizeof r->result.smoke, "account and %zu open order%s read with the new key",
        json_size(a->json), json_size(a->json) == 1 ? "" : "s");
    smoke_over(r);
}

static void on_smoke_account(void *arg, const struct broker_answer *a)
{
    struct rotation *r = arg;
    if (a->result != BROKER_OK)
        smoke_failed(r, "account", a);
    else
        broker_call(r->p.channel, OP_ORDERS, NULL, "status=open&limit=500", on_open_orders, r);
}

// --- the swap

// The files once more: a restart must find what runs.
static bool files_hold(const struct rotation *r, struct err *err)
{
    struct config *config = NULL;
    struct facts *now = NULL;
    bool same = config_load(r->p.config_path, &config, err) == 0 &&
                facts_gather(config, r->p.config_path, r->p.envp, &now, err) == 0;
    if (same && !facts_same_keys(now, r->beside)) {
        err_set(err, "the key files changed while the new key was proven; rotate again when they are as they shall be");
        same = false;
    }
    facts_free(now);
    config_free(config);
    return same;
}

static void take_pin(struct rotation *r)
{
    struct err err;
    const char *pin = r->fresh->key_pin;
    if (str_equal(pin, r->p.config->key_pin))
        return;
    if (config_override(r->p.config, "broker", "key_pin", pin, config_origin(r->fresh, "broker", "key_pin"), &err) != 0)
        log_warning("key_pin: %s", err.text);
    else
        log_notice("key_pin is now %s, as the configuration has it", pin[0] ? pin : "none");
}

// Nothing is on its way to the wire: what is asked for from now on goes with the new pair.
static void on_held(void *arg)
{
    struct rotation *r = arg;
    struct rotation_result *out = &r->result;
    struct err err = {.text = ""};
    if (!files_hold(r, &err)) {
        str_copy_cut(out->detail, sizeof out->detail, err.text);
        finish(r, ROTATION_REFUSED);
        return;
    }
    struct facts *facts = r->p.broker->facts_mut;
    str_copy_cut(out->former, sizeof out->former, facts_view(facts)->key_shown);
    facts_swap_keys(facts, r->beside);
    take_pin(r);
    broker_take_keys(r->p.channel);
    say(out->detail, sizeof out->detail, "the key is now %s, it was %s", facts_view(facts)->key_shown, out->former);
    r->p.swapped(r->p.arg, r->cause);
    broker_call(r->p.channel, OP_ACCOUNT, NULL, NULL, on_smoke_account, r);
}

// --- the proof

static const char *expected_account(const struct guard_facts *f)
{
    return f->account_number[0]       ? f->account_number
           : f->account_first_seen[0] ? f->account_first_seen
                                      : f->account_pinned;
}

// What the guard would say with the new pair in place: of the key, of the account, of what is read at start.
static bool guard_agrees(const struct rotation *r, char *why, size_t size)
{
    struct guard_facts with;
    struct guard_result results[GUARD_CHECK_COUNT];
    facts_view_with_keys(r->p.broker->facts, r->beside, &with);
    guard_table(&with, clock_boot_ns(), false, results);
    for (int i = 0; i < GUARD_CHECK_COUNT; i++) {
        enum guard_check c = (enum guard_check)i;
        bool counts = guard_check_is_static(c) || c == CHECK_ACCOUNT_NUMBER || c == CHECK_ACCOUNT_PIN ||
                      c == CHECK_ACCOUNT_FIRST || c == CHECK_ACCOUNT_AGE;
        if (!counts || results[i].answer == GUARD_PASS)
            continue;
        say(why, size, "the guard would not pass: %s %s: %s", guard_check_name(c), guard_answer_name(results[i].answer),
            results[i].detail);
        return false;
    }
    return true;
}

static void on_proof(void *arg, const struct broker_answer *a)
{
    struct rotation *r = arg;
    struct rotation_result *out = &r->result;
    const char *account = expected_account(facts_view(r->p.broker->facts));
    const struct guard_facts *beside = facts_view(r->beside);
    if (a->result == BROKER_REJECTED) {
        say(out->detail, sizeof out->detail, "the broker refuses the new key %s: %s", beside->key_shown, a->detail);
    } else if (a->result != BROKER_OK) {
        say(out->detail, sizeof out->detail, "the new key %s could not be proven: %s", beside->key_shown, a->detail);
    } else if (!account[0]) {
        say(out->detail, sizeof out->detail,
            "which account it must be is not known yet: neither broker nor database told");
    } else if (!str_equal(beside->account_number, account)) {
        say(out->detail, sizeof out->detail, "the new key %s is of the account %s, this daemon trades %s",
            beside->key_shown, beside->account_number, account);
    } else if (guard_agrees(r, out->detail, sizeof out->detail)) {
        r->held = true;
        broker_hold(r->p.channel, on_held, r);
        return;
    }
    finish_soon(r, ROTATION_REFUSED);
}

// --- what the files say

static bool same_endpoint(const struct guard_facts *a, const struct guard_facts *b)
{
    return str_equal(a->trading_scheme, b->trading_scheme) && str_equal(a->trading_host, b->trading_host) &&
           a->trading_port == b->trading_port;
}

static enum rotation_end read_files(struct rotation *r, struct err *err)
{
    const struct facts *running = r->p.broker->facts;
    if (config_load(r->p.config_path, &r->fresh, err) != 0 ||
        facts_judge(r->fresh, r->p.config_path, r->p.envp, err) != 0 ||
        facts_gather(r->fresh, r->p.config_path, r->p.envp, &r->beside, err) != 0)
        return ROTATION_REFUSED;
    if (!same_endpoint(facts_view(running), facts_view(r->beside))) {
        err_set(err, "the configuration names another endpoint, which waits for a restart");
        return ROTATION_REFUSED;
    }
    if (!facts_same_keys(running, r->beside))
        return ROTATION_ROTATED;
    if (facts_key_written_s(r->beside) == 0)
        err_set(err,
                "the key in use (%s) comes from the environment, which stays as it was at the start: put the new "
                "pair into files ([broker] key_id_file, secret_file) and restart",
                facts_view(running)->key_shown);
    else
        err_set(err, "the files hold the key that is in use (%s); write the new pair there first",
                facts_view(running)->key_shown);
    return ROTATION_SAME;
}

void rotation_start(struct rotation *r, const char *cause, rotation_done_fn *done, void *arg)
{
    struct err err = {.text = ""};
    if (r->busy) {
        struct rotation_result busy = {.end = ROTATION_REFUSED, .old_key = ""};
        str_copy_cut(busy.detail, sizeof busy.detail, "a rotation is under way");
        if (done)
            done(arg, &busy);
        return;
    }
    r->busy = true;
    r->cause = cause;
    r->done = done;
    r->arg = arg;
    r->result = (struct rotation_result){.old_key = ""};
    enum rotation_end what = read_files(r, &err);
    str_copy_cut(r->result.detail, sizeof r->result.detail, err.text);
    if (what == ROTATION_ROTATED)
        ask_account_beside(r, on_proof);
    else
        finish(r, what);
}
