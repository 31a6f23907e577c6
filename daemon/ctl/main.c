// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// paperguard, the operator's command line.
//
//   verbs  the tables                      status, next, read, why, strategies   what is and what was
//   main   finds verb and options          run, write              run, halt, release, opening
//   help   help, manual, completion        local                    check and db, which work without the daemon
//   call   talks to the daemon             explain                  reason codes (codes.def)
//   show, tone  tables for terminals       near                     names that were guessed wrong
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "commit.h"
#include "daemon/ctl/ctl.h"
#include "lib/base/when.h"
#include "lib/io/http_client.h"

#define NAMES_MAX 128

extern char **environ;

static int usage_wrong(const char *what, const char *word, const char *near)
{
    fprintf(stderr, "paperguard: %s \"", what);
    ctl_print(stderr, word);
    fprintf(stderr, "\"%s%s%s\n", near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "; try --help");
    return EX_USAGE;
}

// --- options

static const struct ctl_option *option_find(const char *word, size_t len)
{
    for (size_t i = 0; i < ctl_option_count; i++)
        if (strlen(ctl_option_table[i].name) == len && strncmp(ctl_option_table[i].name, word, len) == 0)
            return &ctl_option_table[i];
    return NULL;
}

static int option_unknown(const char *word)
{
    const char *names[NAMES_MAX];
    CHECK(ctl_option_count <= NAMES_MAX);
    for (size_t i = 0; i < ctl_option_count; i++)
        names[i] = ctl_option_table[i].name;
    return usage_wrong("unknown option", word, str_nearest(word, names, ctl_option_count));
}

// --name VALUE or --name=VALUE; *i moves over what was taken.
static int option_take(struct ctl_options *o, int argc, char **argv, int *i, bool after_verb)
{
    const char *word = argv[*i], *value = strchr(word, '=');
    const struct ctl_option *d = option_find(word, value ? (size_t)(value - word) : strlen(word));
    if (!d)
        return option_unknown(word);
    void *at = (char *)o + d->offset;
    if (d->kind == CTL_FLAG) {
        if (value)
            return usage_wrong("no value is taken by", d->name, NULL);
        *(bool *)at = true;
        return EX_OK;
    }
    if (!value && *i + 1 >= argc)
        return usage_wrong("a value is missing after", d->name, NULL);
    value = value ? value + 1 : argv[++*i];
    if (d->kind == CTL_NUMBER && !str_int64(value, 1, 1000000, (int64_t *)at)) {
        fprintf(stderr, "paperguard: %s: found \"", d->name);
        ctl_print(stderr, value);
        fprintf(stderr, "\", expected a whole number from 1\n");
        return EX_USAGE;
    }
    if (d->kind == CTL_TEXT)
        *(const char **)at = value;
    if (at == (void *)&o->config)
        o->config_after_verb = after_verb;
    return EX_OK;
}

// --- verbs

static const struct ctl_verb *verb_named(const char *name)
{
    for (size_t i = 0; i < ctl_verb_count; i++)
        if (str_equal(ctl_verbs[i].name, name))
            return &ctl_verbs[i];
    return NULL;
}

// Two words that are a verb come before one: "strategies pause". A verb that takes no words is not meant by two.
static const struct ctl_verb *verb_of(char **words, size_t count, size_t *taken)
{
    char two[64];
    snprintf(two, sizeof two, "%s %s", words[0], count > 1 ? words[1] : "");
    const struct ctl_verb *v = verb_named(two);
    *taken = v ? 2 : 1;
    if (!v)
        v = verb_named(words[0]);
    return v && *taken == 1 && count > 1 && v->most == 0 ? NULL : v;
}

// Words that operators know from elsewhere.
static const char *known_elsewhere(const char *word)
{
    static const struct {
        const char *word, *verb;
    } others[] = {
        {"help", "--help"},
        {"version", "--version"},
        {"resume", "release request"},
        {"unhalt", "release request"},
        {"stop", "halt"},
        {"pause", "strategies pause"},
        {"start", "run"},
        {"trigger", "run"},
        {"trades", "fills"},
        {"health", "status"},
        {"info", "status"},
        {"holdings", "positions"},
        {"books", "positions"},
        {"history", "runs"},
        {"list", "runs"},
        {"doctor", "check"},
        {"init", "db init"},
        {"accept", "opening accept"},
        {"describe", "explain"},
        {"schedule", "next"},
        {"killswitch", "halt"},
        {"reconcile", "drift"},
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (str_equal_nocase(others[i].word, word))
            return others[i].verb;
    return NULL;
}

static int verb_unknown(char **words, size_t count)
{
    const char *names[NAMES_MAX], *near = NULL;
    size_t known = 0;
    char both[64];
    CHECK(ctl_verb_count <= NAMES_MAX);
    for (size_t i = 0; i < ctl_verb_count; i++)
        if (ctl_verbs[i].group != CTL_HIDDEN)
            names[known++] = ctl_verbs[i].name;
    snprintf(both, sizeof both, "%s%s%s", words[0], count > 1 ? " " : "", count > 1 ? words[1] : "");
    for (size_t i = 0; !near && count == 1 && i < known; i++) // "release": its second word is missing
        if (str_starts(names[i], words[0]) && names[i][strlen(words[0])] == ' ')
            near = names[i];
    if (!near)
        near = str_nearest(both, names, known);
    if (!near)
        near = str_nearest(words[0], names, known);
    if (near && str_equal(near, words[0])) { // the verb is right; it takes no words
        ctl_help_verb(stderr, verb_named(near));
        return EX_USAGE;
    }
    for (size_t i = 0; !near && i < known; i++)
        if (str_starts(names[i], words[0]))
            near = names[i];
    return usage_wrong("unknown verb", both, near ? near : known_elsewhere(words[0]));
}

// An option that only some verbs know stands in their usage line.
static bool option_given(const struct ctl_options *o, const struct ctl_option *d)
{
    const void *at = (const char *)o + d->offset;
    if (d->kind == CTL_FLAG)
        return *(const bool *)at;
    return d->kind == CTL_NUMBER ? *(const int64_t *)at != 0 : *(const char *const *)at != NULL;
}

static const struct ctl_option *option_misplaced(const struct ctl_options *o, const struct ctl_verb *v)
{
    for (size_t i = 0; i < ctl_option_count; i++)
        if (!ctl_option_table[i].help && option_given(o, &ctl_option_table[i]) &&
            !ctl_verb_knows(v, ctl_option_table[i].name))
            return &ctl_option_table[i];
    return NULL;
}

static bool needs_socket(const struct ctl *c, const struct ctl_verb *v)
{
    if (!v->local)
        return true;
    return (v->run == ctl_check || v->run == ctl_config_show) && !c->options.offline && !c->options.config_after_verb;
}

static int run_verb(struct ctl *c, const struct ctl_verb *v)
{
    struct err err;
    int code = EX_OK;
    if (c->options.help) {
        ctl_help_verb(stdout, v);
        return EX_OK;
    }
    const struct ctl_option *misplaced = option_misplaced(&c->options, v);
    if (misplaced)
        return usage_wrong("this verb does not know", misplaced->name, NULL);
    if (c->word_count < v->least || c->word_count > v->most) {
        ctl_help_verb(stderr, v);
        return EX_USAGE;
    }
    if (when_zone_init(&err) != 0) {
        fprintf(stderr, "paperguard: %s\n", err.text);
        return EX_CONFIG;
    }
    code = ctl_instance(c);
    if (code == EX_OK && needs_socket(c, v)) {
        code = ctl_find_socket(c);
        if (code == EX_OK && http_client_global_init(&err) != 0) {
            fprintf(stderr, "paperguard: %s\n", err.text);
            code = EX_UNAVAILABLE;
        }
    }
    return code == EX_OK ? v->run(c) : code;
}

// db and check read secrets.
static void hide_memory(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

// What is asked of the program itself. --manual and --completion are for those who build it.
static bool printed(const char *word)
{
    if (str_equal(word, "--version"))
        printf("paperguard %s (commit %s)\n", PACKAGE_VERSION, PAPERGUARD_COMMIT);
    else if (str_equal(word, "--manual"))
        ctl_manual(stdout);
    else if (str_equal(word, "--completion"))
        ctl_completion(stdout);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct ctl c = {.envp = environ};
    char **words = check_alloc((size_t)argc + 1, sizeof *words);
    size_t count = 0, taken = 0;
    bool options_end = false;
    int code = EX_OK;
    hide_memory();
    for (int i = 1; i < argc && code == EX_OK; i++) {
        if (!options_end && printed(argv[i])) {
            free(words);
            return EX_OK;
        }
        if (!options_end && str_equal(argv[i], "--"))
            options_end = true;
        else if (!options_end && argv[i][0] == '-' && argv[i][1])
            code = option_take(&c.options, argc, argv, &i, count > 0);
        else
            words[count++] = argv[i];
    }
    if (code == EX_OK && count == 0) {
        ctl_help(c.options.help ? stdout : stderr);
        code = c.options.help ? EX_OK : EX_USAGE;
    } else if (code == EX_OK) {
        const struct ctl_verb *v = verb_of(words, count, &taken);
        c.words = words + taken;
        c.word_count = count - taken;
        code = v ? run_verb(&c, v) : verb_unknown(words, count);
    }
    free((char *)(uintptr_t)c.socket);
    free(words);
    return code;
}
