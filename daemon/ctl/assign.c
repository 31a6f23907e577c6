// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What is in the book `unassigned`, into a strategy's book, in two steps.
#include "daemon/ctl/ctl.h"

#define TOKEN_AT 2 // SYMBOL STRATEGY TOKEN

static int post(struct ctl *c, struct ctl_answer *out)
{
    struct text body;
    struct json_out o;
    char path[160];
    snprintf(path, sizeof path, "/admin/positions/assign/%.100s", c->words[0]);
    ctl_body_begin(&body, &o);
    ctl_step_put(c, TOKEN_AT, &o);
    if (c->options.qty)
        json_put_string(&o, "qty", c->options.qty);
    json_key(&o, "strategies");
    json_array_begin(&o);
    json_add_string(&o, c->words[1]);
    json_array_end(&o);
    return ctl_post(c, path, &body, &o, out);
}

static void show(const struct ctl *c, const struct json_node *root)
{
    const char *symbol = ctl_text(root, "symbol"), *strategy = ctl_text(root, "strategy");
    ctl_line("position", "%s of %s, of the %s in unassigned, into the book of %s, which holds %s",
             ctl_text(root, "qty"), symbol, ctl_text(root, "unassigned"), strategy, ctl_text(root, "held"));
    ctl_step_token(root, "To have it done:");
    ctl_line("", "paperguard positions assign %s %s %s REASON%s%s", symbol, strategy, ctl_text(root, "code"),
             c->options.qty ? " --qty " : "", c->options.qty ? c->options.qty : "");
}

int ctl_positions_assign(struct ctl *c)
{
    struct ctl_answer a;
    int code = ctl_step_check(c, TOKEN_AT);
    if (code == EX_OK)
        code = post(c, &a);
    if (code != EX_OK)
        return code;
    if (!c->options.json && ctl_step_confirms(c, TOKEN_AT))
        ctl_line("position", "%s is in the book of %s: paperguard positions", c->words[0], c->words[1]);
    else if (!c->options.json)
        show(c, ctl_root(&a));
    ctl_answer_free(&a);
    return EX_OK;
}
