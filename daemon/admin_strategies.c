// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What strategies there are, as they are configured.
#include "daemon/admin_internal.h"

static void put_words(struct json_out *o, const char *key, const struct config_words *w)
{
    json_key(o, key);
    json_array_begin(o);
    for (size_t i = 0; i < w->count; i++)
        json_add_string(o, w->words[i]);
    json_array_end(o);
}

static void put_strategy(struct json_out *o, const struct config_strategy *s)
{
    json_object_begin(o);
    json_put_string(o, "name", s->name);
    json_put_bool(o, "enabled", s->enabled);
    json_put_string(o, "schedule", s->schedule.text);
    json_put_decimal(o, "allocation", s->allocation.nanos);
    json_put_decimal(o, "band", s->band.nanos);
    put_words(o, "symbols", &s->symbols);
    json_put_string(o, "command", s->command);
    json_object_end(o);
}

void admin_serve_strategies(struct admin *a, struct http_exchange *x, const char *who)
{
    struct text t;
    struct json_out o;
    (void)who;
    api_answer_begin(&t, &o);
    json_key(&o, "strategies");
    json_array_begin(&o);
    for (size_t i = 0; i < a->p.config->strategy_count; i++)
        put_strategy(&o, &a->p.config->strategies[i]);
    json_array_end(&o);
    api_answer_end(a->p.api, x, 200, &t, &o);
}
