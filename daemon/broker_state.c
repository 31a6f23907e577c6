// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// How the broker channel stands: what is under way, for how long, and whether the broker answers.
#include "daemon/broker_internal.h"

#include "lib/io/clock.h"
#include "lib/io/http_client.h"

size_t broker_in_flight(const struct broker *b)
{
    return b->in_flight;
}

bool broker_connected(const struct broker *b)
{
    return b->connected;
}

const char *broker_trouble(const struct broker *b)
{
    return b->trouble;
}

int64_t broker_unanswered_ns(const struct broker *b, const char **op)
{
    int64_t since = 0;
    *op = "";
    for (struct list *n = b->under_way.next; n != &b->under_way; n = n->next) {
        const struct call *c = LIST_ENTRY(n, const struct call, node);
        if (c->begun_boot_ns == 0 || guard_op_is_data(c->op) || (since && c->begun_boot_ns >= since))
            continue; // ends by itself without a request
        since = c->begun_boot_ns;
        *op = guard_op_name(c->op);
    }
    return since ? clock_boot_ns() - since : 0;
}

int64_t broker_quiet_ns(const struct broker *b)
{
    const char *op;
    return b->waiting_count > 0 || broker_unanswered_ns(b, &op) > 0 ? 0 : clock_boot_ns() - b->asked_boot_ns;
}

const char *broker_names_trouble(const struct broker *b, int64_t *unanswered_since_ns)
{
    return http_client_names_trouble(b->http, unanswered_since_ns);
}
