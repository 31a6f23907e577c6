// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The config for readers: every option with its value and origin as JSON, and how two configs differ, with what a
// reload would do about each difference. What may hold a password is shown without it.
#include <stdlib.h>
#include <string.h>

#include "daemon/config_internal.h"
#include "lib/base/json_write.h"

#define VALUE_MAX (1u << 16)

// "redis://user:secret@host/0" -> "redis://…@host/0"; "host=x password=secret" -> "host=x password=…".
static void add_shown(struct text *out, const char *value)
{
    const char *at = url_secret_end(value);
    if (at) {
        text_addn(out, value, (size_t)(strstr(value, "://") + 3 - value));
        text_add(out, "…");
        value = at;
    }
    for (const char *word; (word = strstr(value, "password=")) != NULL;) {
        word += strlen("password=");
        text_addn(out, value, (size_t)(word - value));
        text_add(out, "…");
        value = word + strcspn(word, " &");
    }
    text_add(out, value);
}

static char *shown(const char *value)
{
    struct text t;
    text_init(&t, VALUE_MAX);
    add_shown(&t, value);
    char *out = check_strdup(text_str(&t));
    text_free(&t);
    return out;
}

static char *option_shown(const struct config *c, const struct option *o)
{
    struct text t;
    text_init(&t, VALUE_MAX);
    option_value_write(o->type, (const char *)c + o->offset, &t);
    char *value = shown(text_str(&t));
    text_free(&t);
    return value;
}

static void put_item(struct json_out *o, const char *section, const char *name, const char *key, const char *value,
                     const char *origin, bool reload)
{
    json_object_begin(o);
    json_put_string(o, "section", section);
    json_put_string(o, "name", name);
    json_put_string(o, "key", key);
    json_put_string(o, "value", value);
    json_put_string(o, "origin", origin);
    json_put_bool(o, "reload", reload);
    json_object_end(o);
}

void config_write_json(const struct config *c, struct json_out *o)
{
    json_array_begin(o);
    for (size_t i = 0; i < config_option_count; i++) {
        const struct option *option = &config_options[i];
        char *value = option_shown(c, option);
        put_item(o, option->section, NULL, option->key, value, config_origin(c, option->section, option->key),
                 option->reload);
        free(value);
    }
    for (size_t i = 0; i < c->details->item_count; i++) {
        const struct config_item *item = &c->details->items[i];
        if (!item->name || !item->key)
            continue;
        char *value = shown(item->value);
        put_item(o, item->section, item->name, item->key, value, item->origin, false);
        free(value);
    }
    json_array_end(o);
}

// --- differences

static void option_compare(const struct config *running, const struct config *fresh, const struct option *o,
                           config_difference_fn *each, void *arg)
{
    enum config_verdict verdict = config_option_verdict(running, fresh, o);
    if (verdict == CONFIG_SAME)
        return;
    char *now = option_shown(running, o), *then = option_shown(fresh, o);
    each(arg, &(struct config_difference){.section = o->section,
                                          .key = o->key,
                                          .running = now,
                                          .file = then,
                                          .origin = config_origin(fresh, o->section, o->key),
                                          .verdict = verdict});
    free(now);
    free(then);
}

// Items of [listen] and [strategy] that `from` has and `other` has not, or otherwise.
static void items_compare(const struct config *from, const struct config *other, bool from_is_file,
                          config_difference_fn *each, void *arg)
{
    for (size_t i = 0; i < from->details->item_count; i++) {
        const struct config_item *item = &from->details->items[i];
        if (!item->name || !item->key)
            continue;
        const struct config_item *twin = config_item_find(other, item->section, item->name, item->key);
        if (twin && (!from_is_file || strcmp(twin->value, item->value) == 0))
            continue; // told once, from the file's side
        each(arg, &(struct config_difference){.section = item->section,
                                              .name = item->name,
                                              .key = item->key,
                                              .running = from_is_file ? (twin ? twin->value : NULL) : item->value,
                                              .file = from_is_file ? item->value : NULL,
                                              .origin = from_is_file ? item->origin : "not in the files",
                                              .verdict = CONFIG_RESTART});
    }
}

void config_compare(const struct config *running, const struct config *fresh, config_difference_fn *each, void *arg)
{
    for (size_t i = 0; i < config_option_count; i++)
        option_compare(running, fresh, &config_options[i], each, arg);
    items_compare(fresh, running, true, each, arg);
    items_compare(running, fresh, false, each, arg);
}
