// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// paperguard, the operator's command line: one table of verbs, one of options.
//
//   main   finds verb and options      read   status, runs, orders, fills, positions
//   call   talks to the daemon         write  run, halt, release, opening
//   show   tables for terminals        local  check and db, which work without the daemon
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "commit.h"
#include "daemon/config.h"
#include "daemon/ctl/ctl.h"
#include "lib/base/when.h"
#include "lib/io/http_client.h"

extern char **environ;

#define MANY 64

static const struct verb {
    const char *name, *arguments, *help;
    ctl_verb_fn *run;
    size_t least, most; // words
    bool local;         // works without the daemon
} VERBS[] = {
    {"status", "", "health, halt, account, runs at a glance; 1 when unhealthy", ctl_status, 0, 0, false},
    {"check", "[--config FILE | --offline]",
     "the guard's table from the daemon; --config FILE here, or no daemon: static checks of file and environment",
     ctl_check, 0, 0, true},
    {"run", "[STRATEGY...] [--wait] [--timeout S]",
     "start a run now (all strategies, or these); --wait: until it ended", ctl_run, 0, MANY, false},
    {"runs", "[--status S] [--strategy S] [--limit N]", "runs, newest first", ctl_runs, 0, 0, false},
    {"orders", "[--run ID] [--symbol S] [--status S] [--limit N]", "orders, newest first", ctl_orders, 0, 0, false},
    {"fills", "[--run ID] [--symbol S] [--limit N]", "fills, newest first", ctl_fills, 0, 0, false},
    {"positions", "[--symbol S] [--strategy S]", "books of the strategies, and what belongs to none", ctl_positions, 0,
     0, false},
    {"halt", "REASON", "stop orders now; stays until it is released", ctl_halt, 1, MANY, false},
    {"release request", "REASON", "step one: gives a code; nothing is released yet", ctl_release_request, 1, MANY,
     false},
    {"release confirm", "CODE", "step two: with the code of step one, within 120 s", ctl_release_confirm, 1, 1, false},
    {"opening accept", "", "take the account's cash and positions as the ledger's opening", ctl_opening_accept, 0, 0,
     false},
    {"db init", "[--url DSN] [--environment staging|dev]",
     "set up an empty database: schema, marker, this host (password: STAGING_DB_PASSWORD)", ctl_db_init, 0, 0, true},
};

enum option_kind { FLAG, TEXT, NUMBER };
static const struct option_def {
    const char *name;
    enum option_kind kind;
    size_t offset; // in struct ctl_options
    const char *argument, *help;
} OPTIONS[] = {
#define AT(member) offsetof(struct ctl_options, member)
    {"--config", TEXT, AT(config), "FILE",
     "config (default " CTL_DEFAULT_CONFIG "); before the verb: where the socket is"},
    {"--socket", TEXT, AT(socket), "PATH", "admin socket, whatever the config says"},
    {"--json", FLAG, AT(json), "", "the answer as JSON on stdout"},
    {"--wait", FLAG, AT(wait), "", NULL},
    {"--timeout", NUMBER, AT(timeout_s), "S", NULL},
    {"--offline", FLAG, AT(offline), "", NULL},
    {"--run", TEXT, AT(run), "ID", NULL},
    {"--symbol", TEXT, AT(symbol), "S", NULL},
    {"--status", TEXT, AT(status), "S", NULL},
    {"--strategy", TEXT, AT(strategy), "S", NULL},
    {"--limit", NUMBER, AT(limit), "N", NULL},
    {"--url", TEXT, AT(url), "DSN", NULL},
    {"--environment", TEXT, AT(environment), "E", NULL},
    {"--help", FLAG, AT(help), "", "this, or about one verb"},
#undef AT
};

// --- help

static void help_verb(FILE *out, const struct verb *v)
{
    fprintf(out, "usage: paperguard %s%s%s\n       %s\n", v->name, v->arguments[0] ? " " : "", v->arguments, v->help);
}

static void help(FILE *out)
{
    fprintf(out, "usage: paperguard [OPTION...] VERB [ARGUMENT...]\n\n");
    for (size_t i = 0; i < ARRAY_LEN(VERBS); i++)
        fprintf(out, "  %s%s%s\n        %s\n", VERBS[i].name, VERBS[i].arguments[0] ? " " : "", VERBS[i].arguments,
                VERBS[i].help);
    fprintf(out, "\noptions:\n");
    for (size_t i = 0; i < ARRAY_LEN(OPTIONS); i++)
        if (OPTIONS[i].help)
            fprintf(out, "  %-10s %-5s %s\n", OPTIONS[i].name, OPTIONS[i].argument, OPTIONS[i].help);
    fprintf(out, "  %-10s %-5s version and commit\n\n", "--version", "");
    fprintf(out, "exit codes: 0 done, 1 refused or not healthy, 64 usage, 69 no daemon, 75 try again later,\n"
                 "            77 no permission, 78 config or guard\n");
}

static int usage_wrong(const char *what, const char *word, const char *near)
{
    fprintf(stderr, "paperguard: %s \"", what);
    ctl_print(stderr, word);
    fprintf(stderr, "\"%s%s%s\n", near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "; try --help");
    return EX_USAGE;
}

// --- options

static const struct option_def *option_find(const char *word, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(OPTIONS); i++)
        if (strlen(OPTIONS[i].name) == len && strncmp(OPTIONS[i].name, word, len) == 0)
            return &OPTIONS[i];
    return NULL;
}

static int option_unknown(const char *word)
{
    const char *names[ARRAY_LEN(OPTIONS)];
    for (size_t i = 0; i < ARRAY_LEN(OPTIONS); i++)
        names[i] = OPTIONS[i].name;
    return usage_wrong("unknown option", word, str_nearest(word, names, ARRAY_LEN(names)));
}

// --name VALUE or --name=VALUE; *i moves over what was taken.
static int option_take(struct ctl_options *o, int argc, char **argv, int *i, bool after_verb)
{
    const char *word = argv[*i], *value = strchr(word, '=');
    const struct option_def *d = option_find(word, value ? (size_t)(value - word) : strlen(word));
    if (!d)
        return option_unknown(word);
    void *at = (char *)o + d->offset;
    if (d->kind == FLAG) {
        if (value)
            return usage_wrong("no value is taken by", d->name, NULL);
        *(bool *)at = true;
        return EX_OK;
    }
    if (!value && *i + 1 >= argc)
        return usage_wrong("a value is missing after", d->name, NULL);
    value = value ? value + 1 : argv[++*i];
    if (d->kind == NUMBER && !str_int64(value, 1, 1000000, (int64_t *)at))
        return usage_wrong("not a whole number from 1:", value, NULL);
    if (d->kind == TEXT)
        *(const char **)at = value;
    if (at == (void *)&o->config)
        o->config_after_verb = after_verb;
    return EX_OK;
}

// --- verbs

static const struct verb *verb_of(char **words, size_t count, size_t *taken)
{
    char two[64];
    snprintf(two, sizeof two, "%s %s", words[0], count > 1 ? words[1] : "");
    for (size_t i = 0; i < ARRAY_LEN(VERBS); i++) {
        bool pair = strchr(VERBS[i].name, ' ') != NULL;
        if (!str_equal(VERBS[i].name, pair ? two : words[0]))
            continue;
        *taken = pair ? 2 : 1;
        return &VERBS[i];
    }
    return NULL;
}

static int verb_unknown(char **words, size_t count)
{
    const char *names[ARRAY_LEN(VERBS)];
    char both[64];
    for (size_t i = 0; i < ARRAY_LEN(VERBS); i++)
        names[i] = VERBS[i].name;
    snprintf(both, sizeof both, "%s%s%s", words[0], count > 1 ? " " : "", count > 1 ? words[1] : "");
    const char *near = str_nearest(both, names, ARRAY_LEN(names));
    if (!near)
        near = str_nearest(words[0], names, ARRAY_LEN(names));
    for (size_t i = 0; !near && i < ARRAY_LEN(names); i++) // "release": its second word is missing
        if (str_starts(names[i], words[0]) && names[i][strlen(words[0])] == ' ')
            near = names[i];
    return usage_wrong("unknown verb", both, near);
}

// An option that only some verbs know stands in their usage line.
static bool option_given(const struct ctl_options *o, const struct option_def *d)
{
    const void *at = (const char *)o + d->offset;
    if (d->kind == FLAG)
        return *(const bool *)at;
    return d->kind == NUMBER ? *(const int64_t *)at != 0 : *(const char *const *)at != NULL;
}

static const struct option_def *option_misplaced(const struct ctl_options *o, const struct verb *v)
{
    for (size_t i = 0; i < ARRAY_LEN(OPTIONS); i++)
        if (!OPTIONS[i].help && option_given(o, &OPTIONS[i]) && !strstr(v->arguments, OPTIONS[i].name))
            return &OPTIONS[i];
    return NULL;
}

// --- where the daemon is

static int find_socket(struct ctl *c)
{
    struct config *config;
    struct err err;
    const char *path = c->options.config ? c->options.config : CTL_DEFAULT_CONFIG;
    c->socket = check_strdup(c->options.socket ? c->options.socket : CTL_DEFAULT_SOCKET);
    if (c->options.socket)
        return EX_OK;
    if (config_load(path, &config, &err) != 0) {
        if (!c->options.config) // operators need not be able to read it
            return EX_OK;
        fprintf(stderr, "paperguard: %s\n", err.text);
        return EX_CONFIG;
    }
    free((char *)(uintptr_t)c->socket);
    c->socket = check_strdup(config->admin_socket);
    config_free(config);
    return EX_OK;
}

static bool needs_socket(const struct ctl *c, const struct verb *v)
{
    if (!v->local)
        return true;
    return v->run == ctl_check && !c->options.offline && !c->options.config_after_verb;
}

static int run_verb(struct ctl *c, const struct verb *v)
{
    struct err err;
    int code = EX_OK;
    if (c->options.help) {
        help_verb(stdout, v);
        return EX_OK;
    }
    const struct option_def *misplaced = option_misplaced(&c->options, v);
    if (misplaced)
        return usage_wrong("this verb does not know", misplaced->name, NULL);
    if (c->word_count < v->least || c->word_count > v->most) {
        help_verb(stderr, v);
        return EX_USAGE;
    }
    if (when_zone_init(&err) != 0) {
        fprintf(stderr, "paperguard: %s\n", err.text);
        return EX_CONFIG;
    }
    if (needs_socket(c, v)) {
        code = find_socket(c);
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

int main(int argc, char **argv)
{
    struct ctl c = {.envp = environ};
    char **words = check_alloc((size_t)argc + 1, sizeof *words);
    size_t count = 0, taken = 0;
    bool options_end = false;
    int code = EX_OK;
    hide_memory();
    for (int i = 1; i < argc && code == EX_OK; i++) {
        if (!options_end && str_equal(argv[i], "--version")) {
            printf("paperguard %s (commit %s)\n", PACKAGE_VERSION, PAPERGUARD_COMMIT);
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
        help(c.options.help ? stdout : stderr);
        code = c.options.help ? EX_OK : EX_USAGE;
    } else if (code == EX_OK) {
        const struct verb *v = verb_of(words, count, &taken);
        c.words = words + taken;
        c.word_count = count - taken;
        code = v ? run_verb(&c, v) : verb_unknown(words, count);
    }
    free((char *)(uintptr_t)c.socket);
    free(words);
    return code;
}
