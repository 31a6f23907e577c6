// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// YAML: compose files as compose reads them (env_file under environment, ${VAR:-default} out of the .env beside them,
// merged anchors), and of other files every map called env or environment. libyaml's door.
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "daemon/ctl/gate.h"
#include "lib/base/text.h"

#define NODES_MAX 200000 // visited; an alias counts each time
#define DEPTH_MAX 64
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

struct reader {
    struct gate *g;
    yaml_document_t doc;
    const char *file;
    struct gate_scope *dot_env; // what is filled in; NULL: nothing
    size_t nodes;
};

static yaml_node_t *node_of(struct reader *r, int index)
{
    return yaml_document_get_node(&r->doc, index);
}

static const char *scalar(const yaml_node_t *n)
{
    return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;
}

static unsigned line_of(const yaml_node_t *n)
{
    return (unsigned)n->start_mark.line + 1;
}

// The value of a key; NULL: none, or no mapping.
static yaml_node_t *member(struct reader *r, const yaml_node_t *map, const char *key)
{
    if (!map || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        const char *name = scalar(node_of(r, p->key));
        if (name && strcmp(name, key) == 0)
            return node_of(r, p->value);
    }
    return NULL;
}

static bool may_look(struct reader *r, int depth)
{
    if (depth <= DEPTH_MAX && ++r->nodes <= NODES_MAX)
        return true;
    gate_too_many(r->g, r->file, depth > DEPTH_MAX ? "too deep" : "too many nodes");
    return false;
}

// --- ${VAR}, ${VAR:-default}, ${VAR-default}, ${VAR:?told}, ${VAR:+other}, $VAR, $$

static const char *lookup(const struct reader *r, const char *name)
{
    const struct gate_var *v = r->dot_env ? gate_var(r->dot_env, name) : NULL;

    return v ? v->value : NULL;
}

// At "{NAME...}": adds what it stands for. False: that is not known here. *end is behind it.
static bool braces(const struct reader *r, const char *p, const char **end, struct text *out)
{
    const size_t len = strspn(p + 1, NAME_CHARS), close = strcspn(p, "}");
    char *name = check_strndup(p + 1, len), *rest = check_strndup(p + 1 + len, close > len + 1 ? close - len - 1 : 0);
    const char *value = lookup(r, name), *op = rest;
    const bool colon = *op == ':';
    bool known = true;

    op += colon;
    const bool set = value && (!colon || value[0]);
    *end = p + close + (p[close] == '}');
    if (*op == '+')
        text_add(out, set ? op + 1 : "");
    else if (set)
        text_add(out, value);
    else if (*op == '-' && !strchr(op, '$'))
        text_add(out, op + 1);
    else
        known = false;
    free(name);
    free(rest);
    return known;
}

// NULL: not known here. The caller frees it.
static char *filled_in(const struct reader *r, const char *value)
{
    struct text out;
    bool known = true;

    text_init(&out, GATE_FILE_MAX);
    for (const char *p = value; *p;) {
        if (*p != '$' || !r->dot_env) {
            text_addc(&out, *p++);
        } else if (p[1] == '$') {
            text_addc(&out, '$');
            p += 2;
        } else if (p[1] == '{') {
            known &= braces(r, p + 1, &p, &out);
        } else {
            const size_t len = strspn(p + 1, NAME_CHARS);
            char *name = check_strndup(p + 1, len);
            const char *found = len ? lookup(r, name) : "$";
            free(name);
            known &= found != NULL;
            text_add(&out, found ? found : "");
            p += 1 + len;
        }
    }
    if (!r->dot_env && strstr(value, "${")) // another program's: ${{ secrets.X }}, ${X}
        known = false;
    char *text = known ? check_strdup(text_str(&out)) : NULL;
    text_wipe_free(&out);
    return text;
}

// --- one environment

static void put(struct reader *r, struct gate_scope *s, const char *name, const yaml_node_t *at, const char *value)
{
    char *text = value ? filled_in(r, value) : NULL;

    gate_put(r->g, s, name, text, r->file, line_of(at));
    if (text)
        mem_wipe(text, strlen(text));
    free(text);
}

static void put_word(struct reader *r, struct gate_scope *s, const yaml_node_t *n)
{
    const char *word = scalar(n), *equals = word ? strchr(word, '=') : NULL;

    if (!word)
        return;
    char *name = check_strndup(word, equals ? (size_t)(equals - word) : strlen(word));
    put(r, s, name, n, equals ? equals + 1 : NULL);
    free(name);
}

// NULL: nothing is written there, so it comes from who calls compose; "" in quotes is an empty value.
static const char *written(const yaml_node_t *n)
{
    const char *value = scalar(n);

    return value && (value[0] || n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) ? value : NULL;
}

// A map NAME: value, a list of NAME=value, or a list of maps with name and value.
static void put_environment(struct reader *r, struct gate_scope *s, yaml_node_t *n, int depth)
{
    if (!n || !may_look(r, depth))
        return;
    if (n->type == YAML_SEQUENCE_NODE)
        for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
            yaml_node_t *item = node_of(r, *i), *name = member(r, item, "name");
            if (scalar(name))
                put(r, s, scalar(name), name, scalar(member(r, item, "value")));
            else
                put_word(r, s, item);
        }
    if (n->type != YAML_MAPPING_NODE)
        return;
    for (int merged = 1; merged >= 0; merged--) // what is merged in comes under what is written here
        for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
            yaml_node_t *key = node_of(r, p->key), *value = node_of(r, p->value);
            const char *name = scalar(key);
            const bool merge = name && strcmp(name, "<<") == 0;
            if (!name || merge != (merged == 1))
                continue;
            if (!merge)
                put(r, s, name, key, written(value));
            else if (value->type == YAML_MAPPING_NODE)
                put_environment(r, s, value, depth + 1);
            else if (value->type == YAML_SEQUENCE_NODE)
                for (yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++)
                    put_environment(r, s, node_of(r, *i), depth + 1);
        }
}

// --- compose

static char *beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    struct text t;

    text_init(&t, 4096);
    if (path[0] != '/' && slash)
        text_addn(&t, file, (size_t)(slash - file) + 1);
    text_add(&t, path[0] == '.' && path[1] == '/' ? path + 2 : path);
    return text_take(&t);
}

static void put_env_file(struct reader *r, struct gate_scope *s, yaml_node_t *n)
{
    const char *word = scalar(n) ? scalar(n) : scalar(member(r, n, "path"));
    const char *required = scalar(member(r, n, "required"));
    const bool optional = required && strcmp(required, "false") == 0;
    char *name = word ? filled_in(r, word) : NULL, *path = name ? beside(r->file, name) : NULL;

    s->optional |= optional;
    if (path && gate_exists(path)) {
        gate_env_file(r->g, s, path);
        if (!optional)
            s->certain = s->count;
    } else {
        s->whole = false;
        gate_say(r->g, optional || !path ? GATE_SKIPPED : GATE_ERROR, optional ? "not_here" : "env_file_missing",
                 r->file, line_of(n), "env_file", "%.160s is not there%s", word ? word : "(no path)",
                 optional ? "; what it sets is not known" : ", compose will not start this service");
    }
    free(name);
    free(path);
}

static void put_service(struct reader *r, const char *name, yaml_node_t *n)
{
    struct gate_scope *s = gate_scope_new(r->g, name, r->file, line_of(n));
    yaml_node_t *files = member(r, n, "env_file");

    if (!s)
        return;
    s->whole = !member(r, n, "extends");
    if (!files) // the service may be merged from an anchor
        files = member(r, member(r, n, "<<"), "env_file");
    if (files && files->type == YAML_SEQUENCE_NODE)
        for (yaml_node_item_t *i = files->data.sequence.items.start; i < files->data.sequence.items.top; i++)
            put_env_file(r, s, node_of(r, *i));
    else if (files)
        put_env_file(r, s, files);
    yaml_node_t *own = member(r, n, "environment");
    put_environment(r, s, own ? own : member(r, member(r, n, "<<"), "environment"), 0);
    // What environment says holds whatever becomes of an optional file; gate_var finds it by its place.
    if (own && s->optional)
        for (size_t i = 0; i < s->count; i++)
            if (s->vars[i].file == r->file) {
                struct gate_var v = s->vars[i];
                memmove(&s->vars[1], &s->vars[0], i * sizeof v);
                s->vars[0] = v;
                s->certain += i >= s->certain;
            }
}

// The .env beside a compose file is what compose fills in from.
static struct gate_scope *dot_env(struct gate *g, const char *path)
{
    char *file = beside(path, ".env");
    struct gate_scope *s = gate_scope_new(g, ".env", path, 1);

    if (s && gate_exists(file))
        gate_env_file(g, s, file);
    free(file);
    return s;
}

// --- any other YAML

static void walk(struct reader *r, yaml_node_t *n, int depth)
{
    if (!n || !may_look(r, depth))
        return;
    if (n->type == YAML_SEQUENCE_NODE)
        for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++)
            walk(r, node_of(r, *i), depth + 1);
    if (n->type != YAML_MAPPING_NODE)
        return;
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        const char *name = scalar(node_of(r, p->key));
        yaml_node_t *value = node_of(r, p->value);
        const bool environment = name && (strcmp(name, "env") == 0 || strcmp(name, "environment") == 0);
        if (environment && value->type != YAML_SCALAR_NODE) {
            struct gate_scope *s = gate_scope_new(r->g, name, r->file, line_of(value));
            if (s)
                put_environment(r, s, value, 0);
        } else {
            walk(r, value, depth + 1);
        }
    }
}

static void document(struct reader *r, const char *path)
{
    yaml_node_t *root = yaml_document_get_root_node(&r->doc), *services = root ? member(r, root, "services") : NULL;

    if (!services || services->type != YAML_MAPPING_NODE || member(r, root, "jobs") || member(r, root, "kind")) {
        walk(r, root, 0);
        return;
    }
    r->dot_env = dot_env(r->g, path);
    for (yaml_node_pair_t *p = services->data.mapping.pairs.start; p < services->data.mapping.pairs.top; p++) {
        const char *name = scalar(node_of(r, p->key));
        if (name)
            put_service(r, name, node_of(r, p->value));
    }
    r->dot_env = NULL;
}

void gate_yaml(struct gate *g, const char *path)
{
    struct reader r = {.g = g};
    char *text = gate_read(g, path, &r.file);
    yaml_parser_t parser;
    bool more = true;

    if (!text)
        return;
    CHECK(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    while (more) {
        if (!yaml_parser_load(&parser, &r.doc)) {
            gate_say(g, GATE_ERROR, "syntax", r.file, (unsigned)parser.problem_mark.line + 1, "", "is not YAML: %.100s",
                     parser.problem ? parser.problem : "it cannot be read");
            break;
        }
        more = yaml_document_get_root_node(&r.doc) != NULL;
        if (more)
            document(&r, path);
        yaml_document_delete(&r.doc);
    }
    yaml_parser_delete(&parser);
    mem_wipe(text, strlen(text));
    free(text);
}
