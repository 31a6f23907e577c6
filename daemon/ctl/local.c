// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Verbs that work without a running daemon: the guard's static checks over a config, and the first set-up of a
// database.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl/ctl.h"
#include "daemon/facts.h"
#include "daemon/ledger.h"
#include "lib/guard/guard.h"
#include "lib/io/clock.h"
#include "lib/io/pg_client.h"

extern char **environ;

static int load(const struct ctl *c, struct config **config, struct facts **facts)
{
    struct err err;
    *config = NULL;
    if (config_load(c->config_path, config, &err) == 0 &&
        facts_gather(*config, c->config_path, environ, facts, &err) == 0)
        return CTL_OK;
    fprintf(stderr, "paperguard: %s\n", err.text);
    config_free(*config);
    return CTL_CONFIG;
}

static void print_check(const char *answer, const char *name, const char *text, const char *detail)
{
    printf("  %-7s  %-16s  %s%s%s\n", answer, name, text, detail[0] ? " — " : "", detail);
}

static int check_without_daemon(const struct ctl *c)
{
    struct config *config;
    struct facts *facts;
    struct guard_result results[GUARD_CHECK_COUNT];
    int code = load(c, &config, &facts);
    if (code != CTL_OK)
        return code;
    enum guard_answer worst = guard_table(facts_view(facts), clock_boot_ns(), true, results);
    puts("guard, static checks (no daemon is running here):");
    for (int i = 0; i < GUARD_CHECK_COUNT; i++) {
        enum guard_check check = (enum guard_check)i;
        if (guard_check_is_static(check))
            print_check(guard_answer_name(results[i].answer), guard_check_name(check), guard_check_text(check),
                        results[i].detail);
    }
    facts_free(facts);
    config_free(config);
    return worst == GUARD_PASS ? CTL_OK : CTL_CONFIG;
}

static int check_with_daemon(struct ctl *c)
{
    struct reply r;
    int code;
    if (!ctl_get(c, "/admin/guard", &r, &code))
        return code;
    const struct json_node *root = json_doc_root(r.doc), *checks = json_get(root, "checks");
    printf("guard: %s\n", ctl_member(root, "answer"));
    for (size_t i = 0; i < json_size(checks); i++) {
        const struct json_node *n = json_at(checks, i);
        const char *detail = json_string(json_get(n, "detail"));
        print_check(ctl_member(n, "answer"), ctl_member(n, "check"), ctl_member(n, "text"), detail ? detail : "");
    }
    code = strcmp(ctl_member(root, "answer"), "PASS") == 0 ? CTL_OK : CTL_NO;
    ctl_reply_free(&r);
    return code;
}

int verb_check(struct ctl *c, int argc, char **argv)
{
    struct config *config;
    struct err err;
    (void)argv;
    if (argc > 0)
        return ctl_usage(ctl_verb("check"));
    if (c->socket)
        return check_with_daemon(c);
    if (config_load(c->config_path, &config, &err) != 0) {
        fprintf(stderr, "paperguard: %s\n", err.text);
        return CTL_CONFIG;
    }
    bool running = access(config->admin_socket, F_OK) == 0;
    config_free(config);
    return running ? check_with_daemon(c) : check_without_daemon(c);
}

static int init_database(const struct ctl *c)
{
    struct config *config = NULL;
    struct facts *facts = NULL;
    struct err err;
    char host[128] = "unknown";
    const char *url = c->url, *environment = c->environment, *password = NULL, *instance = "default";
    gethostname(host, sizeof host - 1);
    if (!url || !environment) {
        int code = load(c, &config, &facts);
        if (code != CTL_OK)
            return code;
        url = url ? url : config->database_url;
        environment = environment ? environment : facts_environment_name(facts);
        password = facts_secrets(facts)->database_password;
        instance = config->instance;
    }
    int code = CTL_OK;
    pg_client_global_init();
    if (!environment[0] || !url[0]) {
        fprintf(stderr, "paperguard: db init needs %s\n",
                url[0] ? "an environment (ENVIRONMENT=staging or --environment)"
                       : "a database ([database] url, DATABASE_URL or --url)");
        code = CTL_CONFIG;
    } else if (ledger_init_database(url, password, environment, host, instance, clock_wall_ns(), &err) != 0) {
        fprintf(stderr, "paperguard: %s\n", err.text);
        code = CTL_NO;
    } else {
        printf("database marked \"%s\", schema created, host %s runs\n", environment, host);
    }
    facts_free(facts);
    config_free(config);
    return code;
}

int verb_db(struct ctl *c, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "init") == 0)
        return init_database(c);
    return ctl_usage(ctl_verb("db"));
}
