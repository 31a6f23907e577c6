// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// For tests of the facts: an environment, a config and credentials in a folder, judged by the guard's table. The live
// keys here are made up.
#ifndef PAPERGUARD_TESTS_FACTS_BENCH_H
#define PAPERGUARD_TESTS_FACTS_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/facts.h"
#include "daemon/facts_internal.h"
#include "lib/guard/guard.h"

#define PAPER_KEY "PKTESTTESTTEST000001"
#define LIVE_KEY "AKTESTTESTTEST000001"
#define SECRET "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr"
#define ENV_MAX 32

struct bench {
    char dir[64], path[128];
    char *env[ENV_MAX];
    size_t count;
    struct config *config;
    struct facts *facts;
    struct err err;
    struct guard_result table[GUARD_CHECK_COUNT];
};

static void put_mode(const struct bench *b, const char *name, const char *text, mode_t mode)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", b->dir, name);
    unlink(path); // only root may write over a file of mode 0400
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void set(struct bench *b, const char *name, const char *value)
{
    char entry[1024];
    size_t at = b->count;

    snprintf(entry, sizeof entry, "%s=%s", name, value);
    for (size_t i = 0; i < b->count; i++)
        if (strncmp(b->env[i], entry, strlen(name) + 1) == 0)
            at = i;
    assert_true(at < ENV_MAX - 1);
    free(b->env[at]);
    b->env[at] = check_strdup(entry);
    if (at == b->count)
        b->count++;
}

static void unset(struct bench *b, const char *name)
{
    for (size_t i = 0; i < b->count; i++)
        if (strncmp(b->env[i], name, strlen(name)) == 0 && b->env[i][strlen(name)] == '=') {
            free(b->env[i]);
            b->env[i] = b->env[--b->count];
            b->env[b->count] = NULL;
            return;
        }
}

static int gather(struct bench *b)
{
    facts_free(b->facts);
    config_free(b->config);
    b->facts = NULL;
    b->config = NULL;
    if (config_load(b->path, &b->config, &b->err))
        fail_msg("%s", b->err.text);
    if (facts_gather(b->config, b->path, b->env, &b->facts, &b->err))
        return -1;
    guard_table(facts_view(b->facts), 1, true, b->table);
    return 0;
}

static void good(struct bench *b)
{
    if (gather(b))
        fail_msg("%s", b->err.text);
    for (int i = 0; i < GUARD_CHECK_COUNT; i++)
        if (guard_check_is_static((enum guard_check)i) && b->table[i].answer != GUARD_PASS)
            fail_msg("%s: %s", guard_check_name((enum guard_check)i), b->table[i].detail);
}

// The check denies with a text that holds the word; no secret is in any text.
static void denied(struct bench *b, enum guard_check check, enum guard_answer answer, const char *word)
{
    if (gather(b))
        fail_msg("%s", b->err.text);
    if (b->table[check].answer != answer || !strstr(b->table[check].detail, word))
        fail_msg("%s is %s: %s; expected %s with %s", guard_check_name(check),
                 guard_answer_name(b->table[check].answer), b->table[check].detail, guard_answer_name(answer), word);
    for (int i = 0; i < GUARD_CHECK_COUNT; i++) {
        assert_null(strstr(b->table[i].detail, SECRET));
        assert_null(strstr(b->table[i].detail, LIVE_KEY));
        assert_null(strstr(b->table[i].detail, "hunter2"));
    }
}

static int set_up(void **state)
{
    struct bench *b = check_alloc(1, sizeof *b);

    str_copy_cut(b->dir, sizeof b->dir, "/tmp/pg-facts-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->path, sizeof b->path, "%s/paperguard.conf", b->dir);
    put_mode(b, "paperguard.conf", "", 0640);
    set(b, "PATH", "/usr/bin");
    set(b, "ENVIRONMENT", "staging");
    set(b, "DRY_RUN", "true");
    set(b, "ALPACA_PAPER", "true");
    set(b, "ALPACA_PAPER_API_KEY", PAPER_KEY);
    set(b, "ALPACA_PAPER_API_SECRET", SECRET);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    char command[128];

    facts_free(b->facts);
    config_free(b->config);
    for (size_t i = 0; i < b->count; i++)
        free(b->env[i]);
    snprintf(command, sizeof command, "rm -r '%s'", b->dir);
    free(b);
    return system(command);
}

static inline void credentials(struct bench *b)
{
    char folder[128];

    snprintf(folder, sizeof folder, "%s/creds", b->dir);
    assert_int_equal(mkdir(folder, 0700), 0);
    set(b, "CREDENTIALS_DIRECTORY", folder);
}

#endif
