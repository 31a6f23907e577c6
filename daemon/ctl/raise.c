// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Limits raised for a time, and taken back.
#include "daemon/ctl/ctl.h"

#define TOKEN_AT 2 // LIMIT VALUE TOKEN

static int post_raise(struct ctl *c, struct ctl_answer *out)
{
    struct text body;
    struct json_out o;
    char path[160];
    snprintf(path, sizeof path, "/admin/limits/raise/%.100s", c->words[0]);
    ctl_body_begin(&body, &o);
    json_put_string(&o, "value", c->words[1]);
    json_put_string(&o, "for", c->options.lasts);
    ctl_step_put(c, TOKEN_AT, &o);
    return ctl_post(c, path, &body, &o, out);
}

int ctl_limits_raise(struct ctl *c)
{
    struct ctl_answer a;
    if (!c->options.lasts) {
        fprintf(stderr, "paperguard: for how long? --for 30m, --for 2h\n");
        return EX_USAGE;
    }
    int code = ctl_step_check(c, TOKEN_AT);
    if (code == EX_OK)
        code = post_raise(c, &a);
    if (code != EX_OK)
        return code;
    const struct json_node *root = ctl_root(&a);
    if (!c->options.json && ctl_step_confirms(c, TOKEN_AT)) {
        ctl_line("limit", "%s is raised to %s for %s: paperguard limits", c->words[0], c->words[1], c->options.lasts);
    } else if (!c->options.json) {
        ctl_line("limit", "%s from %s to %s until %s (at most %s)", ctl_text(root, "name"), ctl_text(root, "now"),
                 ctl_text(root, "value"), ctl_text(root, "until"), ctl_text(root, "most"));
        ctl_step_token(root, "To have it done:");
        ctl_line("", "paperguard limits raise %s %s %s REASON --for %s", c->words[0], c->words[1],
                 ctl_text(root, "code"), c->options.lasts);
    }
    ctl_answer_free(&a);
    return EX_OK;
}

int ctl_limits_revert(struct ctl *c)
{
    struct ctl_answer a;
    struct text body;
    struct json_out o;
    char path[160];
    snprintf(path, sizeof path, "/admin/limits/revert/%.100s", c->words[0]);
    ctl_body_begin(&body, &o);
    ctl_put_reason(c, 1, "", &o);
    int code = ctl_post(c, path, &body, &o, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json)
        ctl_line("limit", "%s stands where the config has it", c->words[0]);
    ctl_answer_free(&a);
    return EX_OK;
}
