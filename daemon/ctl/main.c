// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// paperguard: options, the table of verbs, and "did you mean".
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commit.h"
#include "daemon/ctl/ctl.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/base/when.h"

#define DEFAULT_CONFIG "/etc/paperguard/paperguard.conf"
#define VERBS_MAX 32

const struct verb verbs[] = {
    {"status", "status", "health, scheduler, account and what holds orders back", verb_status},
    {"check", "check", "the guard's table; without a running daemon its static checks over the config", verb_check},
    {"run", "run [STRATEGY...] [--wait] [--timeout S]", "start a run now (all enabled strategies, or these)", verb_run},
    {"runs", "runs", "the latest runs", verb_runs},
    {"orders", "orders [--run ID]", "the latest orders", verb_orders},
    {"fills", "fills [--run ID]", "the latest fills", verb_fills},
    {"positions", "positions", "what each book holds", verb_positions},
    {"halt", "halt REASON", "stop sending orders; a latch, released in two steps", verb_halt},
    {"release", "release request REASON | confirm CODE", "release a halt: request gives a code, confirm needs it",
     verb_release},
    {"opening", "opening accept", "take the account's cash and positions over as the ledger's first entries",
     verb_opening},
    {"db", "db init [--url DSN] [--environment staging]", "schema, marker and halt row in an empty database", verb_db},
};
const unsigned verb_count = ARRAY_LEN(verbs);

static void help(FILE *out)
{
    fputs("usage: paperguard [--config FILE] [--socket PATH] [--json] VERB ...\n\n", out);
    for (unsigned i = 0; i < verb_count; i++)
        fprintf(out, "  %-44s  %s\n", verbs[i].usage, verbs[i].help);
    fputs("\n  --config FILE   default " DEFAULT_CONFIG " (names the admin socket and the database)\n"
          "  --socket PATH   the daemon's admin socket\n"
          "  --json          the daemon's JSON as it is\n"
          "  --wait, --timeout S   run: wait until it ended (300 s)\n\n"
          "exit status: 0 done; 1 refused or not healthy; 64 wrong usage; 69 the daemon is not reachable;\n"
          "             75 try again later; 77 not permitted; 78 configuration\n",
          out);
}

int ctl_usage(const struct verb *v)
{
    fprintf(stderr, "usage: paperguard %s\n", v->usage);
    return CTL_USAGE;
}

const struct verb *ctl_verb(const char *name)
{
    for (unsigned i = 0; i < verb_count; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static int unknown_verb(const char *word)
{
    const char *names[VERBS_MAX];
    for (unsigned i = 0; i < verb_count; i++)
        names[i] = verbs[i].name;
    const char *near = str_nearest(word, names, verb_count);
    fprintf(stderr, "paperguard: there is no verb \"%s\"%s%s%s; see paperguard --help\n", word,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return CTL_USAGE;
}

static int read_options(struct ctl *c, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"socket", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"wait", no_argument, NULL, 'w'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"run", required_argument, NULL, 'r'},
                                            {"url", required_argument, NULL, 'u'},
                                            {"environment", required_argument, NULL, 'e'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {0}};
    for (int o; (o = getopt_long(argc, argv, "c:s:jh", options, NULL)) != -1;) {
        switch (o) {
        case 'c':
            c->config_path = optarg;
            break;
        case 's':
            c->socket = optarg;
            break;
        case 'j':
            c->json = true;
            break;
        case 'w':
            c->wait = true;
            break;
        case 'r':
            c->run_id = optarg;
            break;
        case 'u':
            c->url = optarg;
            break;
        case 'e':
            c->environment = optarg;
            break;
        case 't':
            if (str_int64(optarg, 1, 86400, &c->timeout_s))
                break;
            fprintf(stderr, "paperguard: --timeout %s: expected whole seconds, 1 to 86400\n", optarg);
            return CTL_USAGE;
        case 'h':
            help(stdout);
            exit(CTL_OK);
        case 'V':
            puts("paperguard " PACKAGE_VERSION " (commit " PAPERGUARD_COMMIT ")");
            exit(CTL_OK);
        default:
            fputs("see paperguard --help\n", stderr);
            return CTL_USAGE;
        }
    }
    return CTL_OK;
}

int main(int argc, char **argv)
{
    struct ctl c = {.config_path = DEFAULT_CONFIG, .timeout_s = 300};
    struct err err;
    log_set_level(LOG_LEVEL_ERROR); // what matters is said by the verbs
    if (when_zone_init(&err) != 0) {
        fprintf(stderr, "paperguard: %s\n", err.text);
        return CTL_CONFIG;
    }
    int rc = read_options(&c, argc, argv);
    if (rc != CTL_OK)
        return rc;
    if (optind >= argc) {
        help(stderr);
        return CTL_USAGE;
    }
    const struct verb *v = ctl_verb(argv[optind]);
    if (!v)
        return unknown_verb(argv[optind]);
    return v->run(&c, argc - optind - 1, argv + optind + 1);
}
