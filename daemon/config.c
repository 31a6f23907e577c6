// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Reading the config: FILE, then FILE.d/*.conf. Every key is looked up in the tables, may be set once in all files, and
// nothing is taken over before everything is right.
#include "daemon/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config_internal.h"
#include "lib/base/ini.h"

static void option_set_default(struct config *c, const struct option *o)
{
    struct err err = {""};

    if (option_value_parse(o->type, o->min, o->max, o->def, option_member(c, o), &err))
        check_failed(err.text, o->section, 0, o->key); // a default that its own option refuses
}

static struct config *config_new(void)
{
    struct config *c = check_alloc(1, sizeof *c);

    c->details = check_alloc(1, sizeof *c->details);
    for (size_t i = 0; i < config_option_count; i++)
        option_set_default(c, &config_options[i]);
    return c;
}

static void item_free(struct config_item *item)
{
    free(item->section);
    free(item->name);
    free(item->key);
    free(item->value);
    free(item->origin);
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < config_option_count; i++)
        option_value_free(config_options[i].type, option_member(c, &config_options[i]));
    config_named_free(c);
    for (size_t i = 0; i < c->details->file_count; i++) {
        free(c->details->files[i].path);
        mem_wipe(c->details->files[i].text, c->details->files[i].len);
        free(c->details->files[i].text);
    }
    for (size_t i = 0; i < c->details->item_count; i++)
        item_free(&c->details->items[i]);
    free(c->details->items);
    free(c->details);
    free(c);
}

const struct config_item *config_item_find(const struct config *c, const char *section, const char *name,
                                           const char *key)
{
    for (size_t i = 0; i < c->details->item_count; i++) {
        const struct config_item *item = &c->details->items[i];
        if (str_equal(item->section, section) && str_equal(item->name, name) && str_equal(item->key, key))
            return item;
    }
    return NULL;
}

static struct config_item *item_add(struct config *c, const char *section, const char *name, const char *key,
                                    const char *value, const char *origin)
{
    struct config_details *d = c->details;

    d->items = check_realloc(d->items, (d->item_count + 1) * sizeof *d->items);
    d->items[d->item_count] = (struct config_item){.section = check_strdup(section),
                                                   .name = name ? check_strdup(name) : NULL,
                                                   .key = key ? check_strdup(key) : NULL,
                                                   .value = check_strdup(value ? value : ""),
                                                   .origin = check_strdup(origin)};
    return &d->items[d->item_count++];
}

static void item_place(const struct ini_item *item, char out[ERR_TEXT_MAX])
{
    struct text t;

    text_init(&t, ERR_TEXT_MAX - 1);
    text_addf(&t, "%s:%u", item->file, item->line);
    str_copy_cut(out, ERR_TEXT_MAX, text_str(&t));
    text_free(&t);
}

static int item_twice(const struct ini_item *item, const struct config_item *before, struct err *err)
{
    if (!item->key)
        return err_set(err, "[%s \"%s\"] is there twice: here and at %s", item->section, item->name, before->origin);
    return err_set(err, "%s%s%s%s.%s is set twice: here and at %s", item->section, item->name ? " \"" : "",
                   item->name ? item->name : "", item->name ? "\"" : "", item->key, before->origin);
}

static int on_item(void *arg, const struct ini_item *item, struct err *err)
{
    struct config *c = arg;
    char origin[ERR_TEXT_MAX];

    item_place(item, origin);
    if (option_known(item->section, item->name != NULL, item->key, err))
        return -1;
    if (!item->key && !item->name)
        return 0; // a plain section may be opened again
    const struct config_item *before = config_item_find(c, item->section, item->name, item->key);
    if (before)
        return item_twice(item, before, err);
    if (c->details->item_count == CONFIG_ITEMS_MAX)
        return err_set(err, "more than %d settings", CONFIG_ITEMS_MAX);
    item_add(c, item->section, item->name, item->key, item->value, origin);
    if (item->name)
        return 0; // built when all keys are known
    const struct option *o = option_find(item->section, item->key);
    if (option_value_parse(o->type, o->min, o->max, item->value, option_member(c, o), err) ||
        option_rule_check(o, item->value, true, err))
        return err_wrap(err, "%s.%s", o->section, o->key);
    return 0;
}

static int read_all(int fd, size_t size, char **text, size_t *len)
{
    char *buffer = check_alloc(1, size + 2);
    size_t have = 0;
    ssize_t n = 1;

    while (n > 0 && have <= size) {
        n = read(fd, buffer + have, size + 1 - have);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            have += (size_t)n;
    }
    if (n < 0) {
        free(buffer);
        return -1;
    }
    *text = buffer;
    *len = have;
    return 0;
}

static int file_open(const char *path, struct stat *st, struct err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return err_set(err, "%s: cannot be read: %s", path, strerror(errno));
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_size <= CONFIG_FILE_MAX)
        return fd;
    close(fd);
    return err_set(err, "%s: not a regular file of at most %d bytes", path, CONFIG_FILE_MAX);
}

static int file_load(struct config *c, const char *path, struct err *err)
{
    struct config_details *d = c->details;
    struct stat st;
    char *text;
    size_t len;

    if (d->file_count == CONFIG_FILES_MAX)
        return err_set(err, "%s: more than %d config files", path, CONFIG_FILES_MAX);
    const int fd = file_open(path, &st, err);
    if (fd < 0)
        return -1;
    const int rc = read_all(fd, (size_t)st.st_size, &text, &len), why = errno;
    close(fd);
    if (rc)
        return err_set(err, "%s: cannot be read: %s", path, strerror(why));
    if (len > (size_t)st.st_size) {
        free(text);
        return err_set(err, "%s: changed while it was read", path);
    }
    d->files[d->file_count++] = (struct config_file){
        .path = check_strdup(path), .text = text, .len = len, .mode = st.st_mode & 07777, .uid = st.st_uid};
    return ini_parse(path, text, len, on_item, c, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t folder_names(DIR *dir, char *names[], size_t max)
{
    size_t count = 0;

    for (struct dirent *e; (e = readdir(dir)) != NULL && count < max;)
        if (e->d_name[0] != '.' && str_ends(e->d_name, ".conf"))
            names[count++] = check_strdup(e->d_name);
    qsort(names, count, sizeof names[0], by_name);
    return count;
}

static int folder_load(struct config *c, const char *path, struct err *err)
{
    char *names[CONFIG_FILES_MAX + 1];
    struct text full;
    int rc = 0;

    text_init(&full, 4096);
    text_addf(&full, "%s.d", path);
    DIR *dir = opendir(text_str(&full));
    if (!dir) {
        if (errno != ENOENT)
            rc = err_set(err, "%s: cannot be read: %s", text_str(&full), strerror(errno));
        text_free(&full);
        return rc;
    }
    const size_t count = folder_names(dir, names, ARRAY_LEN(names));
    closedir(dir);
    for (size_t i = 0; i < count; i++) {
        text_clear(&full);
        text_addf(&full, "%s.d/%s", path, names[i]);
        if (rc == 0)
            rc = file_load(c, text_str(&full), err);
        free(names[i]);
    }
    text_free(&full);
    return rc;
}

int config_load(const char *path, struct config **out, struct err *err)
{
    struct config *c = config_new();

    if (file_load(c, path, err) || folder_load(c, path, err) || config_build_named(c, err)) {
        config_free(c);
        return -1;
    }
    *out = c;
    return 0;
}

const char *config_origin(const struct config *c, const char *section, const char *key)
{
    const struct config_item *item = config_item_find(c, section, NULL, key);

    if (item)
        return item->origin;
    return option_find(section, key) ? "default" : NULL;
}

int config_override(struct config *c, const char *section, const char *key, const char *value, const char *origin,
                    struct err *err)
{
    const struct option *o = option_find(section, key);

    CHECK(o);
    if (option_rule_check(o, value, false, err) ||
        option_value_parse(o->type, o->min, o->max, value, option_member(c, o), err))
        return err_wrap(err, "%s (%s.%s)", origin, section, key);
    struct config_item *item = (struct config_item *)config_item_find(c, section, NULL, key);
    if (!item)
        item = item_add(c, section, NULL, key, value, origin);
    free(item->origin);
    item->origin = check_strdup(origin);
    return 0;
}

const struct config_file *config_file_at(const struct config *c, size_t i)
{
    return i < c->details->file_count ? &c->details->files[i] : NULL;
}

struct risk_limits config_risk_limits(const struct config *c)
{
    struct risk_limits limits = {
        .max_order_share = c->max_order_share,
        .max_order_notional = c->max_order_notional,
        .max_position_share = c->max_position_share,
        .max_order_qty = {c->max_order_qty * DECIMAL_ONE},
        .max_adv_share = c->max_adv_share,
        .max_gross_exposure = c->max_gross_exposure,
        .max_net_exposure = c->max_net_exposure,
        .max_strategy_exposure = c->max_strategy_exposure,
        .max_price_jump = c->max_price_jump,
        .min_price = {c->min_price.nanos},
        .max_price = {c->max_price.nanos},
        .duplicate_window_ns = c->duplicate_window_ms * NS_PER_MS,
        .price_collar = c->price_collar,
        .max_price_age_ns = c->max_price_age_ms * NS_PER_MS,
        .max_account_age_ns = c->max_account_age_ms * NS_PER_MS,
        .max_orders_per_run = c->max_orders_per_run,
        .max_orders_per_day = c->max_orders_per_day,
        .max_notional_per_day = c->max_notional_per_day,
        .max_notional_per_day_share = c->max_notional_per_day_share,
        .long_only = c->long_only,
        .allow = (const char *const *)c->risk_allow.words,
        .allow_count = c->risk_allow.count,
        .deny = (const char *const *)c->risk_deny.words,
        .deny_count = c->risk_deny.count,
        .symbols = c->symbol_rules,
        .symbol_count = c->symbol_count,
    };
    for (size_t i = 0; i < c->symbol_count; i++)
        limits.symbols_allowed += c->symbol_rules[i].list == RISK_LIST_ALLOW;
    return limits;
}

struct breaker_limits config_breaker_limits(const struct config *c)
{
    return (struct breaker_limits){
        .max_daily_loss = c->max_daily_loss,
        .max_drawdown = c->max_drawdown,
        .stale_orders = c->breaker_stale_orders,
        .broker_errors = c->breaker_broker_errors,
        .broker_calls = c->breaker_broker_calls,
        .broker_errors_for_ns = c->breaker_errors_for_ms * NS_PER_MS,
        .alike_executions = c->breaker_alike,
        .alike_window_ns = c->breaker_alike_window_ms * NS_PER_MS,
    };
}
