// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The room of test_halt.c and test_halt_disk.c: a latch in a folder of its own. Time is the test's own.
#ifndef PAPERGUARD_TESTS_HALT_RIG_H
#define PAPERGUARD_TESTS_HALT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/halt.h"
#include "daemon/halt_file.h"
#include "lib/base/log.h"
#include "lib/io/clock.h"

static int64_t boot_ns = INT64_C(1000) * NS_PER_S;

int64_t clock_boot_ns(void)
{
    return boot_ns;
}
int64_t clock_monotonic_ns(void)
{
    struct timespec now; // the disk's, which waits for real
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}
int64_t clock_wall_ns(void)
{
    return INT64_C(1700000000) * NS_PER_S;
}

struct bench {
    char dir[64];
    struct config *config;
    struct facts *facts;
    struct halt *halt;
    int rows;
    struct halt_record row; // written last
};

static void on_row(void *arg, enum fact_halt state, const char *reason, const char *source, int64_t at_ns)
{
    struct bench *b = arg;

    b->rows++;
    b->row.state = state;
    b->row.at_ns = at_ns;
    str_copy_cut(b->row.reason, sizeof b->row.reason, reason);
    str_copy_cut(b->row.source, sizeof b->row.source, source);
}

static void no_log(void *arg, enum log_level level, const char *id, const char *message, const struct log_field *fields,
                   size_t count)
{
    (void)arg, (void)level, (void)id, (void)message, (void)fields, (void)count;
}

static void path_of(const struct bench *b, const char *name, char out[256])
{
    snprintf(out, 256, "%s/%s", b->dir, name);
}

static void put(const struct bench *b, const char *name, const char *text)
{
    char path[256];

    path_of(b, name, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, 0600), 0);
}

__attribute__((unused)) static void drop(const struct bench *b, const char *name)
{
    char path[256];

    path_of(b, name, path);
    assert_int_equal(unlink(path), 0);
}

__attribute__((unused)) static bool there(const struct bench *b, const char *name)
{
    char path[256];

    path_of(b, name, path);
    return access(path, F_OK) == 0;
}

static void restart(struct bench *b)
{
    halt_free(b->halt);
    b->halt = halt_new(b->dir, b->facts, &(struct halt_ports){.write_row = on_row, .arg = b});
}

static int set_up(void **state)
{
    static char *empty[] = {NULL};
    struct bench *b = check_alloc(1, sizeof *b);
    struct err err;

    log_set_sink(no_log, NULL);
    str_copy_cut(b->dir, sizeof b->dir, "/tmp/pg-halt-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    put(b, "p.conf", "");
    char path[256];
    path_of(b, "p.conf", path);
    assert_int_equal(config_load(path, &b->config, &err), 0);
    assert_int_equal(facts_gather(b->config, path, empty, &b->facts, &err), 0);
    restart(b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    char command[128];

    halt_free(b->halt);
    facts_free(b->facts);
    config_free(b->config);
    snprintf(command, sizeof command, "rm -r '%s'", b->dir);
    free(b);
    return system(command);
}

static enum fact_halt state_of(const struct bench *b)
{
    const struct guard_facts *f = facts_view(b->facts);
    enum fact_halt worst = HALT_RUNNING; // what the guard would make of it

    if (f->halt_memory == HALT_UNKNOWN || f->halt_file == HALT_UNKNOWN || f->halt_database == HALT_UNKNOWN)
        worst = HALT_UNKNOWN;
    else if (f->halt_memory == HALT_REDUCE_ONLY || f->halt_file == HALT_REDUCE_ONLY ||
             f->halt_database == HALT_REDUCE_ONLY)
        worst = HALT_REDUCE_ONLY;
    if (f->halt_memory == HALT_HALTED || f->halt_file == HALT_HALTED || f->halt_database == HALT_HALTED)
        worst = HALT_HALTED;
    assert_int_equal(halt_state(b->halt), worst);
    return worst;
}

// Postgres as it is after a first start: running everywhere.
static void running(struct bench *b)
{
    halt_set_database(b->halt, true, false, HALT_UNKNOWN, "");
    halt_set_database(b->halt, true, true, HALT_RUNNING, "first start on this host");
    assert_int_equal(state_of(b), HALT_RUNNING);
    b->rows = 0;
}

#endif
