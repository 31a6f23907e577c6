// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The broker's key: which it is and since when, and another one in its place.
#include "daemon/ctl/ctl.h"

#define ROTATE_TIMEOUT_S 120 // four questions to the broker, each with a time of its own

int ctl_keys(struct ctl *c)
{
    struct ctl_answer a;
    char at[WHEN_TEXT_MAX];
    int code = ctl_ask(c, "GET", "/admin/keys", NULL, &a);
    if (code != EX_OK)
        return code;
    const struct json_node *root = ctl_root(&a);
    if (!c->options.json) {
        const char *first = ctl_text(root, "first_seen");
        ctl_line("key", "%s, %s", ctl_text(root, "key"),
                 ctl_is(root, "in_file", "yes") ? "from its file" : "from the environment: it is rotated by a restart");
        if (first[0])
            ctl_line("first seen", "%s, %lld days ago", ctl_ny(first, at),
                     (long long)(ctl_int(root, "age_seconds") / 86400));
        else
            ctl_line("first seen", "not known yet");
        ctl_line("key_pin", "%s", ctl_text(root, "key_pin"));
        if (!ctl_is(root, "locked_in_memory", "yes"))
            ctl_line("memory", "it may be swapped out: RLIMIT_MEMLOCK does not allow to lock it");
    }
    ctl_answer_free(&a);
    return EX_OK;
}

int ctl_keys_rotate(struct ctl *c)
{
    struct ctl_answer a;
    c->call_timeout_s = ROTATE_TIMEOUT_S;
    int code = ctl_ask(c, "POST", "/admin/keys/rotate", "{}", &a);
    if (code != EX_OK)
        return code;
    const struct json_node *root = ctl_root(&a);
    bool smoke = ctl_is(root, "smoke_passed", "yes"), dead = ctl_is(root, "former_key_state", "dead");
    if (!c->options.json) {
        ctl_line("rotated", "%s", ctl_text(root, "detail"));
        ctl_line("key_pin", "%s", ctl_text(root, "key_pin"));
        ctl_line(smoke ? "smoke test" : "SMOKE TEST", "%s%s", smoke ? "" : "FAILED: ", ctl_text(root, "smoke"));
        ctl_line(dead ? "former key" : "FORMER KEY", "%s", ctl_text(root, "former_key_detail"));
    }
    ctl_answer_free(&a);
    return smoke && dead ? EX_OK : CTL_REFUSED;
}
