// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The limits that hold: what the config says, with what an operator raised for a time; and entries of lists that are
// over.
#include <stdio.h>

#include "daemon/daemon.h"
#include "lib/base/log.h"

void daemon_limits_set(struct daemon *d)
{
    d->limits = config_risk_limits(d->config);
    d->breaker_limits = config_breaker_limits(d->config);
    if (d->raises)
        raises_apply(d->raises, &d->limits);
}

static void changed(void *arg, const char *name, const char *detail)
{
    struct daemon *d = arg;
    daemon_limits_set(d);
    if (!detail)
        return;
    ledger_decision(d->ledger, "limits", name, str_starts(detail, "raised") ? "raised" : "reverted", name, detail,
                    clock_wall_ns());
    if (str_starts(detail, "raised"))
        daemon_alert(d, "limit_raised", name, detail);
    else
        log_notice("limit %s: %s", name, detail);
}

void daemon_limits_new(struct daemon *d)
{
    const struct risk_limits ceilings = config_risk_limits(d->config);
    d->raises = raises_new(d->ledger, &ceilings, d->config->max_raise, changed, d);
}

// Once each: whoever answers for an entry hears of its end.
static void look_at_lists(struct daemon *d, int64_t now)
{
    char detail[200], until[WHEN_TEXT_MAX];
    for (size_t i = 0; i < d->config->symbol_count; i++) {
        const struct risk_symbol *r = &d->config->symbol_rules[i];
        if (r->list == RISK_LIST_NONE || !r->until_ns || now < r->until_ns || d->list_told[i])
            continue;
        d->list_told[i] = true;
        snprintf(detail, sizeof detail, "%s until %s (%.40s): %s", r->list == RISK_LIST_ALLOW ? "allowed" : "denied",
                 when_format(r->until_ns, until), r->owner,
                 r->list == RISK_LIST_ALLOW ? "not allowed any more" : "denied no longer");
        daemon_alert(d, "list_expired", r->symbol, detail);
    }
}

void daemon_limits_look(struct daemon *d)
{
    const struct guard_facts *f = facts_view(d->facts);
    bool leads = f->lead == LEAD_HELD && d->ledger_state == LEDGER_READY;
    raises_look(d->raises, f->account_number, leads, clock_boot_ns(), clock_wall_ns());
    if (leads)
        look_at_lists(d, clock_wall_ns());
}
