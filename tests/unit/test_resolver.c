// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The resolver against a name server of a few lines in a thread: answers, the cache, a server that is silent or gone.
#include "lib/io/resolver.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/base/when.h"
#include "lib/io/clock.h"

struct name_server {
    int fd, port;
    pthread_t thread;
    atomic_uint asked;
    atomic_bool silent, quit;
    char conf[64];
};

static struct name_server server;
static struct loop *loop;

struct seen {
    unsigned done;
    size_t count;
    char first[64], detail[400];
};

static void on_done(void *arg, const struct resolver_answer *a)
{
    struct seen *s = arg;
    s->done++;
    s->count = a->count;
    str_copy_cut(s->first, sizeof s->first, a->count > 0 ? a->addresses[0] : "");
    str_copy_cut(s->detail, sizeof s->detail, a->detail);
}

// Any A question: 127.9.9.9; AAAA: no such record; a name that begins with "no": no such name.
static void answer(const unsigned char *q, size_t len, const struct sockaddr_in *to)
{
    unsigned char out[600];
    size_t end = 12;
    while (end < len && q[end] != 0)
        end += q[end] + 1u;
    end += 5; // the root label, type, class
    if (end > len || end > 500)
        return;
    bool is_a = q[end - 3] == 1, unknown = strncasecmp((const char *)q + 13, "no", 2) == 0;
    memcpy(out, q, end);
    out[2] = 0x81;
    out[3] = unknown ? 0x83 : 0x80;
    memset(out + 6, 0, 6);
    if (is_a && !unknown) {
        static const unsigned char record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 9, 9, 9};
        out[7] = 1;
        memcpy(out + end, record, sizeof record);
        end += sizeof record;
    }
    sendto(server.fd, out, end, 0, (const struct sockaddr *)to, sizeof *to);
}

static void *serve(void *arg)
{
    (void)arg;
    while (!server.quit) {
        unsigned char q[512];
        struct sockaddr_in from;
        socklen_t from_len = sizeof from;
        ssize_t n = recvfrom(server.fd, q, sizeof q, 0, (struct sockaddr *)&from, &from_len);
        if (n < 12)
            continue;
        atomic_fetch_add(&server.asked, 1);
        if (!server.silent)
            answer(q, (size_t)n, &from);
    }
    return NULL;
}

static void wait_done(struct seen *s, unsigned count)
{
    int64_t end = clock_monotonic_ns() + 20 * NS_PER_S;
    while (s->done < count) {
        if (clock_monotonic_ns() >= end)
            fail_msg("waited too long");
        loop_step(loop, 100);
    }
    assert_int_equal(s->done, count);
}

static void names_are_resolved_once_a_minute(void **state)
{
    (void)state;
    struct seen s = {.done = 0};
    struct resolver *r = resolver_new(loop, server.conf);
    resolver_lookup(r, "paper.example", 5000, on_done, &s);
    resolver_lookup(r, "PAPER.example", 5000, on_done, &s); // shares the question
    assert_int_equal(s.done, 0);
    wait_done(&s, 2);
    assert_int_equal(s.count, 1);
    assert_string_equal(s.first, "127.9.9.9");
    unsigned asked = server.asked;
    resolver_lookup(r, "paper.example", 5000, on_done, &s);
    wait_done(&s, 3);
    assert_string_equal(s.first, "127.9.9.9");
    assert_int_equal(server.asked, asked);
    resolver_free(r);
}

static void literals_and_localhost_ask_nobody(void **state)
{
    (void)state;
    static const char *const hosts[][2] = {
        {"192.0.2.7", "192.0.2.7"}, {"::1", "::1"}, {"localhost", "127.0.0.1"}, {"LOCALHOST", "127.0.0.1"}};
    struct seen s = {.done = 0};
    unsigned asked = server.asked;
    struct resolver *r = resolver_new(loop, server.conf);
    for (unsigned i = 0; i < ARRAY_LEN(hosts); i++) {
        resolver_lookup(r, hosts[i][0], 1000, on_done, &s);
        assert_int_equal(s.done, i);
        wait_done(&s, i + 1);
        assert_string_equal(s.first, hosts[i][1]);
    }
    assert_int_equal(server.asked, asked);
    assert_true(resolver_is_literal("::1"));
    assert_false(resolver_is_literal("1.2.3"));
    resolver_free(r);
}

static void odd_and_unknown_names_fail(void **state)
{
    (void)state;
    static char longest[400];
    memset(longest, 'a', sizeof longest - 1);
    const char *const hosts[] = {"", "a b", "x\r\ny", longest};
    struct seen s = {.done = 0};
    unsigned asked = server.asked;
    struct resolver *r = resolver_new(loop, server.conf);
    for (unsigned i = 0; i < ARRAY_LEN(hosts); i++) {
        resolver_lookup(r, hosts[i], 1000, on_done, &s);
        wait_done(&s, i + 1);
        assert_int_equal(s.count, 0);
        assert_non_null(strstr(s.detail, "not a host name"));
    }
    assert_int_equal(server.asked, asked);
    resolver_lookup(r, "nowhere.example", 5000, on_done, &s);
    wait_done(&s, 5);
    assert_int_equal(s.count, 0);
    assert_non_null(strstr(s.detail, "nowhere.example"));
    int64_t since;
    assert_non_null(strstr(resolver_trouble(r, &since), "nowhere.example: "));
    assert_int_equal(since, 0);
    resolver_free(r);
}

static void a_silent_server_costs_the_time_limit_only(void **state)
{
    (void)state;
    struct seen s = {.done = 0};
    struct resolver *r = resolver_new(loop, server.conf);
    server.silent = true;
    int64_t begin = clock_monotonic_ns();
    resolver_lookup(r, "slow.example", 100, on_done, &s);
    struct resolver_query *cancelled = resolver_lookup(r, "slow.example", 50, on_done, &s);
    assert_true(clock_monotonic_ns() - begin < 50 * NS_PER_MS); // nothing blocks
    resolver_cancel(cancelled);
    wait_done(&s, 1);
    assert_int_equal(s.count, 0);
    assert_non_null(strstr(s.detail, "in time"));
    int64_t since;
    assert_string_equal(resolver_trouble(r, &since), "");
    assert_in_range(clock_monotonic_ns() - since, 50 * NS_PER_MS, 60 * NS_PER_S); // asked, and not answered
    server.silent = false; // the lookup goes on and its repeat fills the cache
    resolver_lookup(r, "slow.example", 15000, on_done, &s);
    wait_done(&s, 2);
    assert_string_equal(s.first, "127.9.9.9");
    assert_string_equal(resolver_trouble(r, &since), "");
    assert_int_equal(since, 0);
    resolver_free(r);
}

static void a_configuration_that_appears_later_counts(void **state)
{
    (void)state;
    struct seen s = {.done = 0};
    char conf[64];
    snprintf(conf, sizeof conf, "/tmp/resolver.%d.later", (int)getpid());
    struct resolver *r = resolver_new(loop, conf);
    FILE *f = fopen(conf, "w");
    assert_non_null(f);
    fprintf(f, "nameserver 127.0.0.1:%d\n", server.port);
    fclose(f); // appeared after the start
    resolver_lookup(r, "paper.example", 5000, on_done, &s);
    wait_done(&s, 1);
    assert_string_equal(s.first, "127.9.9.9");
    resolver_free(r);
    unlink(conf);
}

static void free_resolver(void *arg, const struct resolver_answer *a)
{
    (void)a;
    resolver_free(*(struct resolver **)arg);
    *(struct resolver **)arg = NULL;
}

static void freeing_within_an_answer_is_fine(void **state)
{
    (void)state;
    struct seen s = {.done = 0};
    struct resolver *r = resolver_new(loop, server.conf);
    resolver_lookup(r, "127.0.0.1", 1000, free_resolver, &r);
    resolver_lookup(r, "127.0.0.1", 1000, on_done, &s);
    while (loop_step(loop, 0))
        ;
    assert_null(r);
    assert_int_equal(s.done, 0);
}

static int set_up(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(server.fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(server.fd, (struct sockaddr *)&at, &len) != 0)
        return -1;
    server.port = ntohs(at.sin_port);
    snprintf(server.conf, sizeof server.conf, "/tmp/resolver.%d.conf", (int)getpid());
    FILE *f = fopen(server.conf, "w");
    fprintf(f, "nameserver 127.0.0.1:%d\noptions timeout:1\n", server.port);
    fclose(f);
    loop = loop_new();
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)server.port)};
    server.quit = true;
    sendto(server.fd, "", 0, 0, (struct sockaddr *)&to, sizeof to); // wakes it
    pthread_join(server.thread, NULL);
    close(server.fd);
    unlink(server.conf);
    loop_free(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_resolved_once_a_minute),
        cmocka_unit_test(literals_and_localhost_ask_nobody),
        cmocka_unit_test(odd_and_unknown_names_fail),
        cmocka_unit_test(a_silent_server_costs_the_time_limit_only),
        cmocka_unit_test(a_configuration_that_appears_later_counts),
        cmocka_unit_test(freeing_within_an_answer_is_fine),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
