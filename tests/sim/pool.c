// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The process of all seeds opens the connections and hands them to each by fork; what was prepared on them is noted in
// memory that all of them see. Between two who take it a connection is idle, so every process's picture of it is right.
#include "tests/sim/pool.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/check.h"

#define EACH_MAX 10
#define ALL_MAX 30 // of what the server allows
#define PREPARED_MAX 200
#define NAME_MAX_LEN 40

struct pooled {
    PGconn *conn;
    struct noted {
        const char *purpose; // a static text: at the same place in every process
        char names[PREPARED_MAX][NAME_MAX_LEN];
        size_t count;
    } * noted; // seen by all processes
    bool taken, alone;
};

static struct {
    const char *dsn, *dsn_added;
    int places, each, place;
    struct pooled *all;
    struct noted *noted;
    cpu_set_t processors; // that are ours
} pool;

// A seed and its server's processes take turns, never at one time: on one processor nobody has to be woken on another.
static void pin(pid_t pid, int place)
{
    size_t count = (size_t)CPU_COUNT(&pool.processors), left = count ? (size_t)place % count : 0;
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &pool.processors) && left-- == 0)
            CPU_SET(i, &one);
    sched_setaffinity(pid, sizeof one, &one); // where that is not allowed it is slower
}

static PGconn *connect(int place)
{
    PGconn *conn = PQconnectdb(place < pool.places ? pool.dsn : pool.dsn_added);
    if (PQstatus(conn) != CONNECTION_OK) {
        fprintf(stderr, "simulate: %s", PQerrorMessage(conn));
        exit(2);
    }
    pin(PQbackendPID(conn), place);
    return conn;
}

void pool_open(const char *dsn, int places)
{
    pool.dsn = dsn;
    if (sched_getaffinity(0, sizeof pool.processors, &pool.processors) != 0)
        CPU_ZERO(&pool.processors);
    pool.places = places;
    pool.each = ALL_MAX / (places + 1) < EACH_MAX ? ALL_MAX / (places + 1) : EACH_MAX;
    size_t n = ((size_t)places + 1) * (size_t)pool.each;
    pool.all = check_alloc(n, sizeof *pool.all);
    pool.noted = mmap(NULL, n * sizeof *pool.noted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(pool.noted != MAP_FAILED);
    for (int i = 0; i < places; i++)
        pool_renew(i);
}

void pool_add(const char *dsn)
{
    pool.dsn_added = dsn;
    pool_renew(pool.places);
}

static struct pooled *of_place(int place)
{
    return &pool.all[place * pool.each];
}

void pool_renew(int place)
{
    for (struct pooled *c = of_place(place), *end = c + pool.each; c < end; c++) {
        PQfinish(c->conn);
        *c = (struct pooled){.conn = connect(place), .noted = &pool.noted[c - pool.all]};
        *c->noted = (struct noted){0};
    }
}

void pool_sit(int place)
{
    pool.place = place;
    pin(0, place);
}

static bool same(const struct pooled *c, const char *purpose)
{
    return c->noted->purpose && strcmp(c->noted->purpose, purpose) == 0;
}

static struct pooled *idle(const char *purpose)
{
    struct pooled *first = of_place(pool.place), *any = NULL;
    for (struct pooled *c = first; c < first + pool.each; c++) {
        if (!c->taken && same(c, purpose))
            return c;
        if (!c->taken && (!any || !c->noted->purpose))
            any = c;
    }
    return any;
}

struct pooled *pool_take(const char *purpose)
{
    struct pooled *c = idle(purpose);
    if (!c) {
        c = check_alloc(1, sizeof *c);
        *c = (struct pooled){.conn = connect(pool.place), .noted = check_alloc(1, sizeof *c->noted), .alone = true};
    }
    if (!c->noted->purpose)
        c->noted->purpose = purpose;
    c->taken = true;
    // No statement of the daemon leaves anything else behind. A plan lasts while the tables grow from seed to seed.
    PGresult *r = PQexec(c->conn, "RESET ALL; SET enable_seqscan = off");
    CHECK(PQresultStatus(r) == PGRES_COMMAND_OK);
    PQclear(r);
    return c;
}

void pool_give(struct pooled *c)
{
    if (!c)
        return;
    c->taken = false;
    if (c->alone) {
        PQfinish(c->conn);
        free(c->noted);
        free(c);
    }
}

PGconn *pool_conn(struct pooled *c)
{
    return c->conn;
}

PGresult *pool_prepare(struct pooled *c, const char *name, const char *text)
{
    struct noted *n = c->noted;
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->names[i], name) == 0)
            return NULL;
    PGresult *r = PQprepare(c->conn, name, text, 0, NULL);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        return r;
    PQclear(r);
    CHECK(n->count < PREPARED_MAX && strlen(name) < NAME_MAX_LEN);
    snprintf(n->names[n->count++], NAME_MAX_LEN, "%s", name);
    return NULL;
}
