// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// POST /sim/symbol: halts a symbol, or makes it inactive or unfit for trading, fractions or shorts.
#include "daemon/sim/sim_internal.h"

struct verb {
    const char *name;
    bool *mark;
    bool marks_when; // the value that sets the mark
};

static bool apply(const struct json_node *root, const struct verb *verbs, size_t count, struct err *err)
{
    static const char *const names[] = {"symbol", "halted", "active", "tradable", "fractionable", "shortable"};
    if (json_only(root, "symbol", names, ARRAY_LEN(names), err) != 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        bool value;
        if (json_get(root, verbs[i].name) == NULL)
            continue;
        if (json_want_bool(root, "symbol", verbs[i].name, &value, err) != 0)
            return false;
        *verbs[i].mark = value == verbs[i].marks_when;
    }
    return true;
}

static void answer(struct sim_call *c, const struct market_symbol *s, const struct exchange_marks *m)
{
    json_object_begin(&c->out);
    json_put_string(&c->out, "symbol", market_symbol_name(s));
    json_put_bool(&c->out, "halted", m->halted);
    json_put_bool(&c->out, "active", !m->inactive);
    json_put_bool(&c->out, "tradable", !m->untradable);
    json_put_bool(&c->out, "fractionable", !m->unfractionable);
    json_put_bool(&c->out, "shortable", !m->unshortable);
    json_object_end(&c->out);
}

void sim_admin_symbol(struct sim_call *c)
{
    struct json_doc *doc;
    struct err err;
    const char *name;
    if (json_doc_parse(c->request->body, c->request->body_len, &doc, &err) != 0) {
        sim_refuse(c, 400, 0, "%s", err.text);
        return;
    }
    const struct json_node *root = json_doc_root(doc);
    const struct market_symbol *s = NULL;
    if (json_want_string(root, "symbol", "symbol", &name, &err) != 0)
        sim_refuse(c, 400, 0, "%s", err.text);
    else if ((s = market_find(c->sim->market, name)) == NULL)
        sim_refuse(c, 404, 0, "no such symbol");
    if (s != NULL) {
        struct exchange_marks m = *exchange_marks(c->sim->exchange, s);
        const struct verb verbs[] = {{"halted", &m.halted, true},
                                     {"active", &m.inactive, false},
                                     {"tradable", &m.untradable, false},
                                     {"fractionable", &m.unfractionable, false},
                                     {"shortable", &m.unshortable, false}};
        if (!apply(root, verbs, ARRAY_LEN(verbs), &err)) {
            sim_refuse(c, 400, 0, "%s", err.text);
        } else {
            *exchange_marks(c->sim->exchange, s) = m;
            answer(c, s, &m);
        }
    }
    json_doc_free(doc);
}
