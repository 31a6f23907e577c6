// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The peer of a decision: a bare jansson parse of the order and a look at two members.
#include <jansson.h>
#include <stdint.h>
#include <time.h>

int64_t bench_parse(const char *body, size_t len);

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t bench_parse(const char *body, size_t len)
{
    json_error_t error;
    int64_t start = now_ns();
    json_t *j = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);
    int good = json_string_value(json_object_get(j, "symbol")) && json_string_value(json_object_get(j, "qty"));
    int64_t took = now_ns() - start;
    json_decref(j);
    return good ? took : -1;
}
