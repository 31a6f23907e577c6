// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Inside of http_client: one call, from its validated copy of the request to the answer as libcurl's callbacks gather
// it. Only http_client.c and http_client_call.c include this.
#ifndef PAPERGUARD_IO_HTTP_CLIENT_CALL_H
#define PAPERGUARD_IO_HTTP_CLIENT_CALL_H

#include <netinet/in.h>

#include <curl/curl.h>

#include "lib/base/list.h"
#include "lib/base/text.h"
#include "lib/io/http_client.h"
#include "lib/io/resolver.h"

struct http_client {
    struct loop *loop;
    struct http_client_params params; // its strings are ours
    CURLM *multi;
    struct resolver *resolver;
    struct list waiting, running, finished; // calls
    size_t in_flight;
    loop_timer curl_timer, start_post, finish_post;
    unsigned in_curl; // > 0: inside of libcurl, which must not be entered again
    bool delivering, free_after;
};

struct http_call {
    struct list node;
    struct http_client *client;
    CURL *easy; // NULL until it runs
    struct curl_slist *headers, *resolve;
    struct resolver_query *query;
    char *method, *scheme, *host, *target, *body;
    int port;
    size_t body_len;
    bool (*before_send)(void *arg, const struct http_wire *wire);
    void (*done)(void *arg, const struct http_answer *answer);
    void *arg;
    int64_t started_ns, timeout_ms;
    unsigned attempts; // transmissions that libcurl wanted to begin
    bool sent;         // one of them was let through
    bool vetoed, cancelled, too_long;
    enum http_result result;
    int status;
    size_t header_bytes;
    struct text answer;
    char curl_error[CURL_ERROR_SIZE];
    char content_type[128], request_id[128], peer[INET6_ADDRSTRLEN + 8], detail[320];
    int64_t rate_limit, rate_remaining, rate_reset, retry_after_s;
};

// Copies and judges the request. 0, or -1 with call->detail set: then it never reaches libcurl.
int http_call_fill(struct http_call *call, const struct http_request *request) MUST_CHECK;
// Makes the easy handle with every lock-down option; -1 with call->detail set when libcurl lacks one of them.
int http_call_open(struct http_call *call, int64_t timeout_ms) MUST_CHECK;
bool http_call_needs_resolver(const struct http_call *call);
void http_call_set_addresses(struct http_call *call, const struct resolver_answer *answer);
// Turns libcurl's code into result and detail.
void http_call_judge(struct http_call *call, CURLcode code);
void http_call_free(struct http_call *call); // wipes its secrets; the easy handle must have left the multi handle

#endif
