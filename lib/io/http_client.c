// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The HTTP client on the loop. Two rules keep libcurl sound: it is entered from loop events only, never from one of its
// own callbacks (in_curl counts), and a call's completion is delivered by a post, when libcurl has been left again.
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/when.h"
#include "lib/io/clock.h"
#include "lib/io/http_client_call.h"

#define RESOLVE_MAX_MS 5000

const char *http_result_name(enum http_result r)
{
    static const char *const names[] = {"ok", "refused", "timeout", "cancelled", "lost"};
    CHECK((size_t)r < ARRAY_LEN(names));
    return names[r];
}

// --- global set-up
// -----------------------------------------------------------------------------------------------------

// Everything a stray environment could use to redirect or to log the traffic.
static void clear_environment(void)
{
    static const char *const names[] = {"http_proxy",  "https_proxy", "ftp_proxy",     "all_proxy",
                                        "no_proxy",    "ALL_PROXY",   "NO_PROXY",      "HTTP_PROXY",
                                        "HTTPS_PROXY", "FTP_PROXY",   "SSLKEYLOGFILE", "NETRC"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unsetenv(names[i]);
}

// What libcurl gives back may have held the headers of a request, keys among them.
static void wiping_free(void *p)
{
    if (p != NULL)
        mem_wipe(p, malloc_usable_size(p));
    free(p);
}

static void *wiping_realloc(void *p, size_t size)
{
    void *fresh = malloc(size > 0 ? size : 1);
    size_t had = p != NULL ? malloc_usable_size(p) : 0;
    if (fresh == NULL)
        return NULL;
    if (p != NULL)
        memcpy(fresh, p, had < size ? had : size);
    wiping_free(p);
    return fresh;
}

int http_client_global_init(struct err *err)
{
    clear_environment();
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return err_set(err, "cannot ignore SIGPIPE: %s", strerror(errno));
    CURLcode rc = curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup, calloc);
    if (rc != CURLE_OK)
        return err_set(err, "libcurl does not start: %s", curl_easy_strerror(rc));
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
    if (v->version_num < 0x075800)
        return err_set(err, "libcurl is %s; 7.88.0 or newer is needed", v->version);
    if ((v->features & CURL_VERSION_SSL) == 0)
        return err_set(err, "libcurl %s has no TLS; install a build with TLS", v->version);
    return 0;
}

// A listening socket of the abstract kind, with a name from the kernel; -1 when there is none.
static int warm_listener(char *name, size_t size)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t len = sizeof at;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&at, sizeof at.sun_family) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0 || len <= offsetof(struct sockaddr_un, sun_path) + 1) {
        close(fd);
        return -1;
    }
    str_copy_cut(name, size, at.sun_path + 1);
    return fd;
}

// The first TLS handshake of a multi handle parses the CA bundle, about 20 ms in which the loop stands still. So one is
// begun here, to a local socket that nobody answers at.
static void client_warm_up(struct http_client *c)
{
    char name[sizeof((struct sockaddr_un *)0)->sun_path];
    int fd = warm_listener(name, sizeof name), running = 0;
    if (fd < 0)
        return; // only slower
    CURL *easy = curl_easy_init();
    CHECK(easy != NULL);
    curl_easy_setopt(easy, CURLOPT_URL, "https://127.0.0.1/");
    curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, name);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, -1L);
    if (curl_multi_add_handle(c->multi, easy) == CURLM_OK) {
        for (int i = 0; i < 4; i++)
            curl_multi_perform(c->multi, &running);
        curl_multi_remove_handle(c->multi, easy);
    }
    curl_easy_cleanup(easy);
    close(fd);
}

// --- libcurl on the loop
// -----------------------------------------------------------------------------------------------

static void client_deliver(void *arg);

static void call_finish(struct http_call *call)
{
    struct http_client *c = call->client;
    list_remove(&call->node);
    list_append(&c->finished, &call->node);
    if (c->finish_post == 0)
        c->finish_post = loop_post(c->loop, client_deliver, c);
}

static void client_drain(struct http_client *c)
{
    int left;
    CURLMsg *m;
    while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        CURL *easy = m->easy_handle;
        char *private = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
        curl_multi_remove_handle(c->multi, easy); // m is gone now
        struct http_call *call = (struct http_call *)(void *)private;
        if (call == NULL)
            continue;
        http_call_judge(call, code);
        call_finish(call);
    }
}

static void client_turn(struct http_client *c, curl_socket_t fd, int events)
{
    int running = 0;
    c->in_curl++;
    CURLMcode rc = curl_multi_socket_action(c->multi, fd, events, &running);
    c->in_curl--;
    CHECK(rc == CURLM_OK || rc == CURLM_BAD_SOCKET);
    client_drain(c);
}

static void on_fd(void *arg, int fd, unsigned events)
{
    int bits = ((events & LOOP_READ) != 0 ? CURL_CSELECT_IN : 0) | ((events & LOOP_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    client_turn(arg, fd, bits);
}

// libcurl: what to watch. An unknown descriptor has a NULL watch.
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watch)
{
    struct http_client *c = arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        loop_watch_free(watch);
        return 0;
    }
    unsigned events = ((what & CURL_POLL_IN) != 0 ? LOOP_READ : 0u) | ((what & CURL_POLL_OUT) != 0 ? LOOP_WRITE : 0u);
    if (watch != NULL)
        loop_watch_set(watch, events);
    else // the one call that libcurl allows here
        curl_multi_assign(c->multi, fd, loop_watch_new(c->loop, fd, events, on_fd, c));
    return 0;
}

static void on_curl_timer(void *arg)
{
    struct http_client *c = arg;
    c->curl_timer = 0;
    client_turn(c, CURL_SOCKET_TIMEOUT, 0);
}

// libcurl: wake me later. Only arms: even 0 ms runs from the loop.
static int on_timer(CURLM *multi, long delay_ms, void *arg)
{
    struct http_client *c = arg;
    (void)multi;
    loop_cancel(c->loop, &c->curl_timer);
    if (delay_ms >= 0)
        c->curl_timer = loop_after_ms(c->loop, delay_ms, on_curl_timer, c);
    return 0;
}

// --- a call's way
// ------------------------------------------------------------------------------------------------------

static int64_t call_remaining_ms(const struct http_call *call)
{
    return call->timeout_ms - (clock_monotonic_ns() - call->started_ns) / NS_PER_MS;
}

static void call_run(struct http_call *call)
{
    struct http_client *c = call->client;
    int64_t remaining_ms = call_remaining_ms(call);
    list_remove(&call->node);
    if (remaining_ms <= 0) {
        call->result = HTTP_RESULT_TIMEOUT;
        str_copy_cut(call->detail, sizeof call->detail, "the time was over before anything was sent");
    } else if (http_call_open(call, remaining_ms) != 0) {
        call->result = HTTP_RESULT_REFUSED;
    } else {
        list_append(&c->running, &call->node);
        CHECK(curl_multi_add_handle(c->multi, call->easy) == CURLM_OK);
        return;
    }
    call_finish(call);
}

static void on_resolved(void *arg, const struct resolver_answer *answer)
{
    struct http_call *call = arg;
    call->query = NULL;
    if (answer->count == 0) {
        call->result = call_remaining_ms(call) > 0 ? HTTP_RESULT_REFUSED : HTTP_RESULT_TIMEOUT;
        str_copy_cut(call->detail, sizeof call->detail, answer->detail);
        call_finish(call);
        return;
    }
    http_call_set_addresses(call, answer);
    call_run(call);
}

static void client_start(void *arg)
{
    struct http_client *c = arg;
    c->start_post = 0;
    struct list todo;
    list_init(&todo);
    while (!list_empty(&c->waiting)) {
        struct list *node = c->waiting.next;
        list_remove(node);
        list_append(&todo, node);
    }
    while (!list_empty(&todo)) {
        struct http_call *call = LIST_ENTRY(todo.next, struct http_call, node);
        if (!http_call_needs_resolver(call)) {
            call_run(call);
            continue;
        }
        int64_t limit_ms = call->timeout_ms < RESOLVE_MAX_MS ? call->timeout_ms : RESOLVE_MAX_MS;
        list_remove(&call->node);
        list_append(&c->running, &call->node);
        call->query = resolver_lookup(c->resolver, call->host, limit_ms, on_resolved, call);
    }
}

static void call_deliver(struct http_call *call)
{
    struct http_answer answer = {.result = call->result,
                                 .maybe_sent = call->sent,
                                 .status = call->result == HTTP_RESULT_OK ? call->status : 0,
                                 .body = text_str(&call->answer),
                                 .body_len = call->answer.len,
                                 .content_type = call->content_type,
                                 .request_id = call->request_id,
                                 .rate_limit = call->rate_limit,
                                 .rate_remaining = call->rate_remaining,
                                 .rate_reset = call->rate_reset,
                                 .retry_after_s = call->retry_after_s,
                                 .peer = call->peer,
                                 .detail = call->detail,
                                 .duration_ns = clock_monotonic_ns() - call->started_ns};
    if (!call->cancelled)
        call->done(call->arg, &answer);
    http_call_free(call);
}

static void client_deliver(void *arg)
{
    struct http_client *c = arg;
    c->finish_post = 0;
    c->delivering = true;
    struct list now; // what finishes meanwhile waits for the next turn
    list_init(&now);
    while (!list_empty(&c->finished)) {
        struct list *node = c->finished.next;
        list_remove(node);
        list_append(&now, node);
    }
    while (!list_empty(&now)) {
        struct http_call *call = LIST_ENTRY(now.next, struct http_call, node);
        list_remove(&call->node);
        c->in_flight--;
        call->cancelled = call->cancelled || c->free_after;
        call_deliver(call);
    }
    c->delivering = false;
    if (c->free_after)
        free(c);
}

// --- the interface
// -----------------------------------------------------------------------------------------------------

static void set_multi(struct http_client *c, CURLMoption option, long value)
{
    CHECK(curl_multi_setopt(c->multi, option, value) == CURLM_OK);
}

struct http_client *http_client_new(const struct http_client_params *params)
{
    struct http_client *c = check_alloc(1, sizeof *c);
    CHECK(params->loop != NULL && params->answer_max > 0 && params->max_connections > 0);
    c->params = *params;
    c->params.unix_socket = params->unix_socket != NULL ? check_strdup(params->unix_socket) : NULL;
    c->params.ca_file = params->ca_file != NULL ? check_strdup(params->ca_file) : NULL;
    c->params.user_agent = params->user_agent != NULL ? check_strdup(params->user_agent) : NULL;
    c->loop = params->loop;
    list_init(&c->waiting);
    list_init(&c->running);
    list_init(&c->finished);
    c->resolver = resolver_new(c->loop, NULL);
    c->multi = curl_multi_init();
    CHECK(c->multi != NULL);
    if (params->unix_socket == NULL && !params->allow_loopback_http)
        client_warm_up(c); // before the callbacks are set: outside of the loop
    CHECK(curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK);
    CHECK(curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c) == CURLM_OK);
    CHECK(curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK);
    CHECK(curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c) == CURLM_OK);
    set_multi(c, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    set_multi(c, CURLMOPT_MAX_HOST_CONNECTIONS, (long)params->max_connections);
    set_multi(c, CURLMOPT_MAXCONNECTS, (long)params->max_connections);
    return c;
}

struct http_call *http_client_send(struct http_client *c, const struct http_request *request)
{
    struct http_call *call = check_alloc(1, sizeof *call);
    call->client = c;
    call->started_ns = clock_monotonic_ns();
    list_init(&call->node);
    c->in_flight++;
    if (http_call_fill(call, request) != 0) {
        call->result = HTTP_RESULT_REFUSED;
        call_finish(call);
        return call;
    }
    list_append(&c->waiting, &call->node);
    if (c->start_post == 0)
        c->start_post = loop_post(c->loop, client_start, c);
    return call;
}

void http_client_cancel(struct http_call *call)
{
    struct http_client *c = call->client;
    if (call->cancelled)
        return;
    call->cancelled = true;
    if (c->in_curl > 0)
        return; // libcurl's own callback called us: its next callback for this call stops it, and nobody is told
    if (call->query != NULL)
        resolver_cancel(call->query);
    if (call->easy != NULL)
        curl_multi_remove_handle(c->multi, call->easy);
    list_remove(&call->node);
    c->in_flight--;
    http_call_free(call);
}

size_t http_client_in_flight(const struct http_client *c)
{
    return c->in_flight;
}

const char *http_client_names_trouble(const struct http_client *c, int64_t *unanswered_since_ns)
{
    return resolver_trouble(c->resolver, unanswered_since_ns);
}

static void cancel_all(struct list *calls)
{
    LIST_EACH(node, tmp, calls)
    {
        struct http_call *call = LIST_ENTRY(node, struct http_call, node);
        call->cancelled = false;
        http_client_cancel(call);
    }
}

void http_client_free(struct http_client *c)
{
    if (c == NULL)
        return;
    CHECK(c->in_curl == 0);
    cancel_all(&c->waiting);
    cancel_all(&c->running);
    cancel_all(&c->finished);
    curl_multi_cleanup(c->multi); // closes the connections: on_socket frees their watches
    loop_cancel(c->loop, &c->curl_timer);
    loop_cancel(c->loop, &c->start_post);
    loop_cancel(c->loop, &c->finish_post);
    resolver_free(c->resolver);
    free((char *)(uintptr_t)c->params.unix_socket);
    free((char *)(uintptr_t)c->params.user_agent);
    free((char *)(uintptr_t)c->params.ca_file);
    if (c->delivering)
        c->free_after = true;
    else
        free(c);
}
