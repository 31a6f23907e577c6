// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Lists that are not what they should be: items left out, twice or in reverse order, by POST /sim/fault; fills that are
// listed late, behind newer ones, by POST /sim/fills.
#include <string.h>

#include "daemon/sim/sim_internal.h"

#define ITEMS_MAX 1000
#define LATE_MAX_MS (3600 * 1000)

struct item {
    const char *text;
    size_t len;
};

// Where the value that begins here ends: at the comma behind it, or what closes the list.
static const char *value_end(const char *at)
{
    bool quoted = false;
    for (int depth = 0; *at != '\0'; at++) {
        if (quoted && *at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (*at == '{' || *at == '[')
            depth++;
        else if (depth == 0 && (*at == ',' || *at == ']'))
            return at;
        else if (*at == '}' || *at == ']')
            depth--;
    }
    return at;
}

static size_t items_of(const char *body, struct item items[ITEMS_MAX])
{
    size_t n = 0;
    const char *at = body + 1;
    while (*at != ']' && *at != '\0' && n < ITEMS_MAX) {
        const char *end = value_end(at);
        items[n++] = (struct item){at, (size_t)(end - at)};
        at = *end == ',' ? end + 1 : end;
    }
    return n;
}

static bool item_is_of(const struct item *i, const char *symbol)
{
    struct json_doc *doc;
    if (json_doc_parse(i->text, i->len, &doc, NULL) != 0)
        return false;
    bool is = str_equal(json_string(json_get(json_doc_root(doc), "symbol")), symbol);
    json_doc_free(doc);
    return is;
}

static bool left_out(const struct sim_fault *f, const struct item *items, size_t i)
{
    if (f->action != SIM_FAULT_OMIT)
        return false;
    return f->symbol[0] != '\0' ? item_is_of(&items[i], f->symbol) : i == 0;
}

void sim_listing_spoil(const struct sim_fault *f, struct sim_reply *reply)
{
    bool repeat = f->action == SIM_FAULT_REPEAT, reverse = f->action == SIM_FAULT_REVERSE;
    const char *body = text_str(&reply->body);
    struct item items[ITEMS_MAX];
    struct text out;
    if ((!repeat && !reverse && f->action != SIM_FAULT_OMIT) || body[0] != '[')
        return;
    size_t n = items_of(body, items);
    text_init(&out, reply->body.max);
    text_addc(&out, '[');
    for (size_t i = 0; i < n; i++) {
        const struct item *item = &items[reverse ? n - 1 - i : i];
        if (left_out(f, items, i))
            continue;
        for (int times = 0; times < (repeat ? 2 : 1); times++) {
            text_add(&out, out.len > 1 ? "," : "");
            text_addn(&out, item->text, item->len);
        }
    }
    text_addc(&out, ']');
    text_free(&reply->body);
    reply->body = out;
}

// --- fills that are listed late

static void look_at_new(struct sim *s)
{
    struct sim_late *l = &s->late;
    for (size_t n = exchange_fill_count(s->exchange); l->seen < n && l->left > 0 && l->count < SIM_LATE_MAX;
         l->seen++) {
        const struct exchange_fill *f = exchange_fill_at(s->exchange, l->seen);
        const struct exchange_order *o = exchange_order_at(s->exchange, (size_t)f->order - 1);
        if (l->symbol[0] != '\0' && !str_equal(l->symbol, market_symbol_name(o->symbol)))
            continue;
        l->waits[l->count].fill = l->seen;
        l->waits[l->count++].until = f->at + l->by_ns;
        l->left--;
    }
}

bool sim_fill_shown(struct sim *s, const struct exchange_fill *f, int64_t now)
{
    struct sim_late *l = &s->late;
    look_at_new(s);
    for (size_t i = 0; i < l->count; i++)
        if (exchange_fill_at(s->exchange, l->waits[i].fill) == f)
            return now >= l->waits[i].until;
    return true;
}

void sim_fills_late(struct sim *s, const char *symbol, int64_t count, int64_t by_ns)
{
    struct sim_late *l = &s->late;
    look_at_new(s);
    if (count == 0 || l->count == SIM_LATE_MAX)
        l->count = 0;
    str_copy_cut(l->symbol, sizeof l->symbol, symbol);
    l->left = count;
    l->by_ns = by_ns;
    l->seen = exchange_fill_count(s->exchange);
}

void sim_admin_fills(struct sim_call *c)
{
    const struct sim_late *l = &c->sim->late;
    look_at_new(c->sim);
    json_object_begin(&c->out);
    json_put_int(&c->out, "late", l->left);
    json_put_string(&c->out, "symbol", l->symbol);
    json_put_int(&c->out, "delay_ms", l->by_ns / NS_PER_MS);
    json_key(&c->out, "waiting");
    json_array_begin(&c->out);
    for (size_t i = 0; i < l->count; i++)
        if (c->now < l->waits[i].until)
            json_add_string(&c->out, exchange_fill_at(c->sim->exchange, l->waits[i].fill)->id);
    json_array_end(&c->out);
    json_object_end(&c->out);
}

static int order_late(struct sim_call *c, const struct json_node *root, struct err *err)
{
    static const char *const names[] = {"action", "symbol", "count", "delay_ms"};
    const char *action, *symbol;
    const struct json_node *n = json_get(root, "count"), *ms = json_get(root, "delay_ms");
    int64_t count = 1, delay_ms = 90000;
    if (json_only(root, "fills", names, ARRAY_LEN(names), err) != 0 ||
        json_want_string(root, "fills", "action", &action, err) != 0 ||
        json_opt_string(root, "fills", "symbol", &symbol, err) != 0)
        return -1;
    if (!str_equal(action, "late") && !str_equal(action, "clear"))
        return err_set(err, "fills.action \"%.32s\" is not known: late or clear", action);
    if ((n != NULL && (!json_int64(n, &count) || count < 1 || count > SIM_LATE_MAX)) ||
        (ms != NULL && (!json_int64(ms, &delay_ms) || delay_ms < 1 || delay_ms > LATE_MAX_MS)))
        return err_set(err, "fills: expected a count from 1 to %d and a delay_ms from 1 to %d", SIM_LATE_MAX,
                       LATE_MAX_MS);
    bool clear = str_equal(action, "clear");
    sim_fills_late(c->sim, clear || symbol == NULL ? "" : symbol, clear ? 0 : count, delay_ms * NS_PER_MS);
    return 0;
}

void sim_admin_fills_late(struct sim_call *c)
{
    struct json_doc *doc = NULL;
    struct err err;
    if (json_doc_parse(c->request->body, c->request->body_len, &doc, &err) != 0 ||
        order_late(c, json_doc_root(doc), &err) != 0)
        sim_refuse(c, 400, 0, "%s", err.text);
    else
        sim_admin_fills(c);
    json_doc_free(doc);
}
