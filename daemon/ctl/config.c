// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The config as it runs or as a file says it, and what a reload would make of the files.
#include <string.h>

#include "daemon/config.h"
#include "daemon/ctl/ctl.h"
#include "daemon/facts.h"

#define NAMES_MAX 256

// --- show

// "risk", "risk.max_order_share", "max_order_share", "strategy NAME" by its name: what may follow `config show`.
static bool wanted(const struct ctl *c, const struct json_node *row)
{
    char whole[160];
    if (!c->word_count)
        return true;
    snprintf(whole, sizeof whole, "%s.%s", ctl_text(row, "section"), ctl_text(row, "key"));
    for (size_t i = 0; i < c->word_count; i++) {
        const char *w = c->words[i];
        if (ctl_is(row, "section", w) || ctl_is(row, "key", w) || strcmp(whole, w) == 0 ||
            (ctl_text(row, "name")[0] && ctl_is(row, "name", w)))
            return true;
    }
    return false;
}

static int nothing_wanted(const struct ctl *c, const struct json_node *rows)
{
    struct ctl_names n = {0};
    for (size_t i = 0; i < json_size(rows); i++) {
        ctl_names_add(&n, ctl_text(json_at(rows, i), "section"));
        ctl_names_add(&n, ctl_text(json_at(rows, i), "key"));
    }
    int code = ctl_unknown("option or section", c->words[0], (const char *const *)n.names, n.count);
    ctl_names_free(&n);
    return code;
}

static void put_option(struct json_out *o, const struct json_node *row, bool for_people)
{
    char option[160];
    const char *name = ctl_text(row, "name");
    json_object_begin(o);
    if (for_people) {
        snprintf(option, sizeof option, "%s%s%s%s.%s", ctl_text(row, "section"), name[0] ? " \"" : "", name,
                 name[0] ? "\"" : "", ctl_text(row, "key"));
        json_put_string(o, "option", option);
    } else {
        json_put_string(o, "section", ctl_text(row, "section"));
        json_put_string(o, "name", name[0] ? name : NULL);
        json_put_string(o, "key", ctl_text(row, "key"));
    }
    json_put_string(o, "value", ctl_text(row, "value"));
    json_put_string(o, "origin", ctl_text(row, "origin"));
    if (for_people)
        json_put_string(o, "reload", ctl_is(row, "reload", "yes") ? "yes" : "");
    else
        json_put_bool(o, "reload", ctl_is(row, "reload", "yes"));
    json_object_end(o);
}

static int show_options(const struct ctl *c, const struct json_node *root)
{
    static const struct ctl_column columns[] = {{"OPTION", "option", 0},
                                                {"VALUE", "value", 0},
                                                {"ORIGIN", "origin", CTL_MAY_GO},
                                                {"RELOAD", "reload", CTL_MAY_GO}};
    const struct json_node *rows = ctl_at(root, "options");
    struct text t;
    struct json_out o;
    struct json_doc *doc = NULL;
    size_t shown = 0;
    text_init(&t, 1u << 22);
    json_out_init(&o, &t);
    json_object_begin(&o);
    json_put_string(&o, "file", ctl_text(root, "file"));
    json_key(&o, "options");
    json_array_begin(&o);
    for (size_t i = 0; i < json_size(rows); i++)
        if (wanted(c, json_at(rows, i)) && ++shown)
            put_option(&o, json_at(rows, i), !c->options.json);
    json_array_end(&o);
    json_object_end(&o);
    if (shown && c->options.json)
        printf("%s\n", text_str(&t));
    else if (shown && json_doc_parse(text_str(&t), t.len, &doc, NULL) == 0)
        ctl_table(c, ctl_at(json_doc_root(doc), "options"), columns, ARRAY_LEN(columns));
    json_doc_free(doc);
    text_free(&t);
    return shown ? EX_OK : nothing_wanted(c, rows);
}

// As the daemon would read it, with this environment.
static int show_file(const struct ctl *c)
{
    const char *path = c->options.config ? c->options.config : CTL_DEFAULT_CONFIG;
    struct config *config = NULL;
    struct facts *facts = NULL;
    struct json_doc *doc = NULL;
    struct text t;
    struct json_out o;
    struct err err;
    int code = EX_CONFIG;
    text_init(&t, 1u << 22);
    if (config_load(path, &config, &err) != 0 || facts_gather(config, path, c->envp, &facts, &err) != 0) {
        fprintf(stderr, "paperguard: %s\n", err.text);
    } else {
        json_out_init(&o, &t);
        json_object_begin(&o);
        json_put_string(&o, "file", path);
        json_key(&o, "options");
        config_write_json(config, &o);
        json_object_end(&o);
        if (json_doc_parse(text_str(&t), t.len, &doc, NULL) == 0)
            code = show_options(c, json_doc_root(doc));
    }
    json_doc_free(doc);
    text_free(&t);
    facts_free(facts);
    if (config)
        config_free(config);
    return code;
}

int ctl_config_show(struct ctl *c)
{
    struct ctl_answer a;
    if (c->options.offline || c->options.config_after_verb)
        return show_file(c);
    int code = ctl_get(c, "/admin/config", &a);
    if (code == EX_UNAVAILABLE)
        fprintf(stderr, "paperguard: what the file alone says: paperguard config show --offline\n");
    if (code != EX_OK)
        return code;
    code = show_options(c, ctl_root(&a));
    ctl_answer_free(&a);
    return code;
}

// --- diff

static const char *outcome(const char *reload)
{
    if (strcmp(reload, "applied") == 0)
        return "a reload takes it over";
    if (strcmp(reload, "refused") == 0)
        return "a reload is refused: it would loosen what runs; restart to raise a limit";
    return "waits for a restart";
}

static void show_difference(const struct json_node *d)
{
    const char *name = ctl_text(d, "name");
    printf("%s%s%s%s.%s%s%s%s\n", ctl_text(d, "section"), name[0] ? " \"" : "", name, name[0] ? "\"" : "",
           ctl_text(d, "key"), ctl_text(d, "origin")[0] ? "  (" : "", ctl_text(d, "origin"),
           ctl_text(d, "origin")[0] ? ")" : "");
    ctl_line("  running", "%s",
             json_type_of(ctl_at(d, "running")) == JSON_IS_STRING ? ctl_text(d, "running") : "(not set)");
    ctl_line("  file", "%s", json_type_of(ctl_at(d, "file")) == JSON_IS_STRING ? ctl_text(d, "file") : "(not set)");
    ctl_line("", "%s", outcome(ctl_text(d, "reload")));
}

int ctl_config_diff(struct ctl *c)
{
    struct ctl_answer a;
    int code = ctl_ask(c, "GET", "/admin/config/diff", NULL, &a);
    if (code != EX_OK)
        return code;
    const struct json_node *root = ctl_root(&a), *rows = ctl_at(root, "differences");
    bool refused = false;
    for (size_t i = 0; i < json_size(rows); i++) {
        refused = refused || ctl_is(json_at(rows, i), "reload", "refused");
        if (!c->options.json)
            show_difference(json_at(rows, i));
    }
    if (ctl_text(root, "trouble")[0]) {
        fprintf(stderr, "paperguard: a reload would be refused: ");
        ctl_print(stderr, ctl_text(root, "trouble"));
        fputc('\n', stderr);
        code = EX_CONFIG;
    } else if (!c->options.json && json_size(rows) == 0) {
        printf("%s says what runs\n", ctl_text(root, "file"));
    } else if (!c->options.json) {
        printf("%s\n", refused ? "a reload would be refused whole, for what would loosen"
                               : "reload: systemctl reload paperguardd (or SIGHUP)");
    }
    ctl_answer_free(&a);
    return code == EX_OK && refused ? CTL_REFUSED : code;
}
