// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The peer of a whole run: the same orders as bare POSTs by libcurl's multi interface, over as many connections, to the
// same exchange; no guard, no ledger. Usage: bench_posts URL KEY SECRET CONNECTIONS < bodies (one JSON body a line).
// Prints one JSON line: orders, nanoseconds from the first send to the last answer, answers that were not 200.
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODIES_MAX 20000

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static size_t swallow(char *data, size_t size, size_t n, void *arg)
{
    (void)data, (void)arg;
    return size * n;
}

static void collect(CURLM *multi, size_t *done, size_t *odd)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(multi, &left));) {
        long status = 0;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        *odd += m->data.result != CURLE_OK || status != 200;
        (*done)++;
        curl_multi_remove_handle(multi, m->easy_handle);
        curl_easy_cleanup(m->easy_handle);
    }
}

int main(int argc, char **argv)
{
    static char *bodies[BODIES_MAX];
    size_t count = 0, done = 0, odd = 0, cap = 0;
    char *line = NULL, key[256], secret[256], url[512];
    if (argc != 5)
        return 64;
    for (ssize_t n; count < BODIES_MAX && (n = getline(&line, &cap, stdin)) > 0;) {
        line[strcspn(line, "\n")] = '\0';
        bodies[count++] = strdup(line);
    }
    snprintf(url, sizeof url, "%s/v2/orders", argv[1]);
    snprintf(key, sizeof key, "APCA-API-KEY-ID: %s", argv[2]);
    snprintf(secret, sizeof secret, "APCA-API-SECRET-KEY: %s", argv[3]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct curl_slist *headers = curl_slist_append(NULL, key);
    headers = curl_slist_append(headers, secret);
    headers = curl_slist_append(headers, "Content-Type: application/json");
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, strtol(argv[4], NULL, 10));
    int64_t start = now_ns();
    for (size_t i = 0; i < count; i++) {
        CURL *e = curl_easy_init();
        curl_easy_setopt(e, CURLOPT_URL, url);
        curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, bodies[i]);
        curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, swallow);
        curl_multi_add_handle(multi, e);
    }
    for (int running = 1; running;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return 1;
        collect(multi, &done, &odd);
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    collect(multi, &done, &odd);
    printf("{\"orders\":%zu,\"answered\":%zu,\"odd\":%zu,\"ns\":%lld}\n", count, done, odd,
           (long long)(now_ns() - start));
    curl_slist_free_all(headers);
    curl_multi_cleanup(multi);
    for (size_t i = 0; i < count; i++)
        free(bodies[i]);
    free(line);
    return 0;
}
