// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// From a halt that is told until an order that was cleared before it is refused at the wire: the latch, its state file
// made durable, and the guard's word. Beside it a file of the same size made durable by bare calls, in the same folder.
// Prints one JSON line: nanoseconds at p50 and p99, over alternating samples of one run.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/halt.h"
#include "lib/base/log.h"
#include "tests/unit/guard_good.h"

#define SAMPLES 1000

static struct guard_facts facts;

void facts_set_halt(struct facts *f, enum fact_halt memory, enum fact_halt file, enum fact_halt database,
                    const char *detail)
{
    (void)f;
    facts.halt_memory = memory;
    facts.halt_file = file;
    facts.halt_database = database;
    str_copy_cut(facts.halt_detail, sizeof facts.halt_detail, detail);
}

const struct guard_facts *facts_view(const struct facts *f)
{
    (void)f;
    return &facts;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_halt: %s\n", what);
    exit(1);
}

static void no_log(void *arg, enum log_level level, const char *id, const char *message, const struct log_field *fields,
                   size_t count)
{
    (void)arg, (void)level, (void)id, (void)message, (void)fields, (void)count;
}

static int64_t refused_ns(struct halt *h, struct guard *guard, struct text *body)
{
    struct receipt_terms terms = good_terms(&facts, false, body);
    struct wire_request request = good_request(&facts, OP_SUBMIT_OPEN, NULL);
    struct receipt *receipt = receipt_mint(&terms);
    struct cleared_order *cleared = NULL;
    struct guard_verdict verdict;
    request.body = terms.body;
    request.body_len = terms.body_len;
    if (guard_clear_order(guard, &facts, &receipt, &request, GOOD_NOW, &cleared, &verdict) != 0)
        die(verdict.detail);
    int64_t from = now_ns();
    halt_engage(h, HALT_HALTED, "measured", "bench");
    bool left = guard_redeem_order(guard, cleared, &facts, &request, GOOD_NOW, &verdict);
    int64_t took = now_ns() - from;
    if (left || verdict.check != CHECK_HALT || halt_not_stored(h)[0])
        die("an order left, or the halt is not stored");
    cleared_order_drop(&cleared);
    text_free(body);
    return took;
}

static void release(struct halt *h)
{
    char code[17];
    struct err err;
    if (halt_release_request(h, "measured", "bench", code, &err) != 0 ||
        halt_release_confirm(h, code, "bench", &err) != 0)
        die(err.text);
}

static int64_t stored_ns(const char *folder)
{
    static const char text[200] = "x";
    char path[80], temporary[80];
    snprintf(path, sizeof path, "%s/bare", folder);
    snprintf(temporary, sizeof temporary, "%s/bare.new", folder);
    int64_t from = now_ns();
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, sizeof text) != (ssize_t)sizeof text || fsync(fd) != 0 || close(fd) != 0 ||
        rename(temporary, path) != 0)
        die("a file cannot be written");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0 || close(fd) != 0)
        die("a folder cannot be synced");
    return now_ns() - from;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_part(const char *name, int64_t *ns)
{
    qsort(ns, SAMPLES, sizeof *ns, by_size);
    printf("\"%s_p50_ns\":%lld,\"%s_p99_ns\":%lld,", name, (long long)ns[SAMPLES / 2], name,
           (long long)ns[SAMPLES * 99 / 100]);
}

int main(int argc, char **argv)
{
    static int64_t refused[SAMPLES], stored[SAMPLES];
    struct text body;
    log_set_sink(no_log, NULL);
    if (argc != 2)
        die("which folder?");
    facts = good_facts();
    struct guard *guard = guard_new();
    struct halt *h = halt_new(argv[1], NULL, &(struct halt_ports){.arg = NULL});
    halt_set_database(h, true, false, HALT_UNKNOWN, "");
    halt_set_database(h, true, true, HALT_RUNNING, "first start on this host");
    for (int i = 0; i < SAMPLES; i++) {
        if (i % 2)
            stored[i] = stored_ns(argv[1]);
        refused[i] = refused_ns(h, guard, &body);
        release(h);
        if (i % 2 == 0)
            stored[i] = stored_ns(argv[1]);
    }
    printf("{");
    print_part("halt", refused);
    print_part("stored", stored);
    printf("\"samples\":%d}\n", SAMPLES);
    halt_free(h);
    guard_free(guard);
    return 0;
}
