// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The self-test, now: which row of guard and risk denied its own example.
#include "daemon/ctl/ctl.h"

int ctl_selftest(struct ctl *c)
{
    static const struct ctl_column columns[] = {
        {"KIND", "kind", 0}, {"CODE", "code", 0}, {"FIRED", "fired", 0}, {"FOUND", "found", CTL_MAY_GO}};
    struct ctl_answer a;
    int code = ctl_ask(c, "POST", "/admin/selftest", "{}", &a);
    if (code != EX_OK)
        return code;
    const struct json_node *root = ctl_root(&a);
    bool passed = ctl_is(root, "passed", "yes");
    if (!c->options.json) {
        ctl_table(c, ctl_at(root, "rows"), columns, ARRAY_LEN(columns));
        ctl_line("self-test", "%s: %s, in %s us", passed ? "passed" : "FAILED, no order leaves",
                 ctl_text(root, "detail"), ctl_text(root, "took_microseconds"));
    }
    ctl_answer_free(&a);
    return passed ? EX_OK : 1;
}
