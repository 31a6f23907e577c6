// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Verbs in two steps: the token that the first one shows, and token and reason behind the words of the second.
#include "daemon/ctl/ctl.h"

bool ctl_step_confirms(const struct ctl *c, size_t first)
{
    return c->word_count > first;
}

int ctl_step_check(const struct ctl *c, size_t first)
{
    if (c->word_count != first + 1)
        return EX_OK;
    fprintf(stderr, "paperguard: a reason is missing behind the token\n");
    return EX_USAGE;
}

void ctl_step_put(const struct ctl *c, size_t first, struct json_out *o)
{
    if (!ctl_step_confirms(c, first))
        return;
    json_put_string(o, "code", c->words[first]);
    ctl_put_reason(c, first + 1, "", o);
}

void ctl_step_token(const struct json_node *root, const char *then)
{
    ctl_line("token", "%s, valid for %s s", ctl_text(root, "code"), ctl_text(root, "valid_seconds"));
    ctl_line("", "nothing is changed yet. %s", then);
}
