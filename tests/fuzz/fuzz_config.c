// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
// needs: daemon/config.o daemon/config_value.o daemon/config_option.o daemon/config_named.o daemon/config_doc.o
// needs: daemon/config_compare.o daemon/config_reload.o
//
// Any bytes, taken as the configuration: what is refused is refused in one readable line; what is taken stays within
// the bounds of its options, says of itself what another file could say with the same meaning, and equals itself.
#include "daemon/config_internal.h"
#include "lib/base/json_read.h"
#include "lib/base/json_write.h"
#include "tests/fuzz/fuzz_text.h"

#define INPUT_MAX 20000
#define SHOWN_MAX (1u << 20)

static struct config *load(const char *bytes, size_t len)
{
    struct config *c = NULL;
    struct err err = {.text = ""};
    if (config_load(text_file(bytes, len), &c, &err) == 0)
        return c;
    CHECK(!c);
    text_check(err.text);
    return NULL;
}

static void check_rules(const struct config *c)
{
    const struct risk_limits limits = config_risk_limits(c);
    const struct execution_rules rules = config_execution_rules(c);
    int64_t sum = 0;
    CHECK(limits.max_order_share.nanos >= 0 && limits.max_order_share.nanos <= DECIMAL_ONE);
    CHECK(limits.max_order_notional.nanos >= 0 && limits.price_collar.nanos >= 0 && limits.max_price_age_ns >= 0);
    CHECK(rules.step_count <= ARRAY_LEN(rules.steps));
    CHECK(c->strategy_count <= CONFIG_STRATEGIES_MAX && c->listen_count <= CONFIG_LISTENS_MAX);
    for (size_t i = 0; i < c->strategy_count; i++) {
        const struct config_strategy *s = &c->strategies[i];
        CHECK(s->name[0] && s->command[0] == '/' && s->allocation.nanos >= 0 && s->timeout_ms > 0);
        sum += s->enabled ? s->allocation.nanos : 0;
        for (size_t k = 0; k < i; k++)
            CHECK(strcmp(s->name, c->strategies[k].name) != 0);
        struct json_doc *doc = NULL;
        CHECK(json_doc_parse(s->params, strlen(s->params), &doc, NULL) == 0);
        json_doc_free(doc);
    }
    CHECK(sum <= DECIMAL_ONE);
}

static void differs(void *arg, const struct config_difference *d)
{
    (void)arg;
    fprintf(stderr, "%s %s.%s: \"%s\" or \"%s\"\n", d->section, d->name ? d->name : "", d->key, d->running, d->file);
    abort();
}

static void check_same(struct config *c, const struct config *other)
{
    char changed[512] = "";
    struct err err = {.text = ""};
    config_compare(c, other, differs, NULL);
    CHECK(config_reload(c, other, changed, sizeof changed, &err) == 0);
}

static void check_shown(const struct config *c)
{
    struct text t;
    struct json_out o;
    struct json_doc *doc = NULL;
    text_init(&t, SHOWN_MAX);
    json_out_init(&o, &t);
    config_write_json(c, &o);
    CHECK(!t.overflow && json_doc_parse(text_str(&t), t.len, &doc, NULL) == 0);
    json_doc_free(doc);
    text_clear(&t);
    config_dump(c, &t);
    CHECK(!t.overflow && t.len > 0);
    text_free(&t);
}

// The same config in the words of the program.
static void write_anew(const struct config *c, struct text *out)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const struct option *o = &config_options[i];
        if (strcmp(config_origin(c, o->section, o->key), "default") == 0)
            continue;
        text_addf(out, "[%s]\n%s = ", o->section, o->key);
        option_value_write(o->type, (const char *)c + o->offset, out);
        text_addc(out, '\n');
    }
    for (size_t i = 0; i < c->details->item_count; i++) {
        const struct config_item *item = &c->details->items[i];
        if (item->name && item->key) // follows its header
            text_addf(out, "%s = %s\n", item->key, item->value);
        else if (item->name)
            text_addf(out, "[%s \"%s\"]\n", item->section, item->name);
    }
}

static void check_anew(struct config *c)
{
    struct text t;
    text_init(&t, SHOWN_MAX);
    write_anew(c, &t);
    CHECK(!t.overflow);
    struct config *again = load(text_str(&t), t.len);
    if (!again)
        fprintf(stderr, "%s", text_str(&t));
    CHECK(again);
    check_same(c, again);
    config_free(again);
    text_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        return 0;
    CHECK(when_zone_init(NULL) == 0);
    struct config *c = load((const char *)data, size);
    if (!c)
        return 0;
    struct config *twin = load((const char *)data, size);
    check_rules(c);
    check_same(c, twin);
    check_shown(c);
    check_anew(c);
    config_free(c);
    config_free(twin);
    return 0;
}
