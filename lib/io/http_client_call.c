// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One HTTP call: the request is judged and copied, the easy handle is locked down, and libcurl's callbacks keep the two
// promises that matter: no peer without leave, and no second transmission. libcurl resends a request by itself when a
// reused connection dies before the first byte of the answer; no option turns that off. Its pre-request callback runs
// before each transmission, so the second one ends there, before its first byte.
#include "lib/io/http_client_call.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/io/tls_look.h"

#define TARGET_MAX 8192
#define ANSWER_HEADERS_MAX 65536
#define REQUEST_HEADER_MAX 8192
#define MAX_AGE_IDLE_S 50L // below the keep-alive of the servers we talk to
#define MAX_LIFETIME_S 600L

static int call_refuse(struct http_call *call, const char *why, const char *what)
{
    struct err err;
    err_set(&err, "refused before sending: %s%s%s", why, what != NULL ? ": " : "", what != NULL ? what : "");
    str_copy_cut(call->detail, sizeof call->detail, err.text);
    return -1;
}

static bool all_in(const char *s, const char *allowed)
{
    return s[0] != '\0' && strspn(s, allowed) == strlen(s);
}

static bool target_is_sane(const char *target)
{
    size_t len = strlen(target);
    if (target[0] != '/' || len > TARGET_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)target[i];
        if (c <= ' ' || c >= 0x7f || c == '#') // a fragment would be cut: not what was judged
            return false;
    }
    return true;
}

static bool is_loopback_text(const char *host)
{
    struct in_addr a4;
    struct in6_addr a6;
    if (inet_pton(AF_INET, host, &a4) == 1)
        return ntohl(a4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &a6) == 1 && IN6_IS_ADDR_LOOPBACK(&a6);
}

static int judge_address(struct http_call *call, const struct http_client_params *params)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char host_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    if (!all_in(call->method, letters))
        return call_refuse(call, "the method must be upper-case letters", NULL);
    if (!all_in(call->host, host_chars) && !resolver_is_literal(call->host))
        return call_refuse(call, "the host is neither a name nor an address", NULL);
    if (call->port < 1 || call->port > 65535)
        return call_refuse(call, "the port must be 1 to 65535", NULL);
    if (!target_is_sane(call->target))
        return call_refuse(call, "the target must begin with / and hold no blanks, controls or fragment", NULL);
    if (str_equal(call->scheme, "https"))
        return 0;
    if (!str_equal(call->scheme, "http"))
        return call_refuse(call, "the scheme must be https", call->scheme);
    if (params->unix_socket != NULL)
        return 0;
    if (!params->allow_loopback_http)
        return call_refuse(call, "plain http is not allowed here", call->host);
    if (!is_loopback_text(call->host) && !str_equal_nocase(call->host, "localhost"))
        return call_refuse(call, "plain http goes to this machine only, not to", call->host);
    return 0;
}

static bool header_is(const char *line, const char *name)
{
    size_t len = strlen(name);
    return strncasecmp(line, name, len) == 0 && line[len] == ':';
}

// The name of a header that may be forwarded, or NULL in *why.
static bool header_is_sane(const char *line, const char **why)
{
    static const char *const framing[] = {"Host",       "Content-Length", "Transfer-Encoding",
                                          "Connection", "Expect",         "Upgrade"};
    size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    *why = "a header must be \"Name: value\"";
    if (name == 0 || line[name] != ':')
        return false;
    *why = "a header holds a line break or another control character";
    for (const char *c = line + name; *c != '\0'; c++) {
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
            return false;
    }
    *why = "a header is longer than 8192 bytes";
    if (strlen(line) > REQUEST_HEADER_MAX)
        return false;
    *why = "a header would change the framing or the host of the request";
    for (size_t i = 0; i < ARRAY_LEN(framing); i++) {
        if (header_is(line, framing[i]))
            return false;
    }
    return true;
}

static void add_header(struct http_call *call, const char *line)
{
    struct curl_slist *list = curl_slist_append(call->headers, line);
    CHECK(list != NULL);
    call->headers = list;
}

static int copy_headers(struct http_call *call, const struct http_request *request)
{
    bool has_type = false;
    const char *why;
    for (size_t i = 0; i < request->header_count; i++) {
        const char *line = request->headers[i];
        if (!header_is_sane(line, &why))
            return call_refuse(call, why, NULL);
        const char *value = strchr(line, ':') + 1;
        value += strspn(value, " \t");
        has_type = has_type || header_is(line, "Content-Type");
        if (*value != '\0') {
            add_header(call, line);
            continue;
        }
        char *empty = check_strdup(line); // libcurl spells an empty value "Name;"
        empty[strcspn(empty, ":")] = ';';
        empty[strcspn(empty, ";") + 1] = '\0';
        add_header(call, empty);
        free(empty);
    }
    add_header(call, "Expect:"); // a body never waits for 100 Continue
    if (!has_type)
        add_header(call, "Content-Type:"); // libcurl would claim a form
    return 0;
}

int http_call_fill(struct http_call *call, const struct http_request *request)
{
    CHECK(request->timeout_ms > 0 && request->done != NULL);
    call->method = check_strdup(request->method);
    call->scheme = check_strdup(request->scheme);
    call->host = check_strdup(request->host);
    call->target = check_strdup(request->target);
    call->port = request->port;
    call->before_send = request->before_send;
    call->done = request->done;
    call->arg = request->arg;
    call->timeout_ms = request->timeout_ms;
    call->rate_limit = call->rate_remaining = call->rate_reset = call->retry_after_s = -1;
    text_init(&call->answer, call->client->params.answer_max);
    if (request->body != NULL) {
        call->body = check_alloc(request->body_len + 1, 1);
        memcpy(call->body, request->body, request->body_len);
        call->body_len = request->body_len;
    }
    if (judge_address(call, &call->client->params) != 0)
        return -1;
    return copy_headers(call, request);
}

bool http_call_needs_resolver(const struct http_call *call)
{
    return call->client->params.unix_socket == NULL && !resolver_is_literal(call->host);
}

// "+": the entry may age out of libcurl's cache, so a later answer replaces it.
void http_call_set_addresses(struct http_call *call, const struct resolver_answer *answer)
{
    struct text t;
    text_init(&t, 4096);
    text_addf(&t, "+%s:%d:", call->host, call->port);
    for (size_t i = 0; i < answer->count; i++)
        text_addf(&t, strchr(answer->addresses[i], ':') != NULL ? "%s[%s]" : "%s%s", i > 0 ? "," : "",
                  answer->addresses[i]);
    CHECK(!t.overflow);
    call->resolve = curl_slist_append(NULL, text_str(&t));
    CHECK(call->resolve != NULL);
    text_free(&t);
}

// Asked of the connection itself, also when it was used before.
static struct tls_state tls_of(const struct http_call *call)
{
    const struct curl_tlssessioninfo *session = NULL;
    if (str_equal(call->scheme, "http"))
        return (struct tls_state){.known = true};
    if (curl_easy_getinfo(call->easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || session == NULL ||
        session->backend != CURLSSLBACKEND_OPENSSL)
        return (struct tls_state){.known = false};
    return tls_look(session->internals, call->host);
}

// libcurl: a connection is ready and the request would be written next.
static int on_before_transmission(void *arg, char *peer, char *local, int peer_port, int local_port)
{
    struct http_call *call = arg;
    (void)local;
    (void)local_port;
    bool is_unix = call->client->params.unix_socket != NULL;
    str_copy_cut(call->peer, sizeof call->peer, is_unix ? "unix" : peer != NULL ? peer : "");
    call->attempts++;
    struct http_wire wire = {.method = call->method,
                             .scheme = call->scheme,
                             .host = call->host,
                             .target = call->target,
                             .port = is_unix ? call->port : peer_port,
                             .body = call->body,
                             .body_len = call->body_len,
                             .peer = call->peer,
                             .tls = tls_of(call),
                             .attempt = call->attempts};
    bool may = !call->cancelled && (call->before_send == NULL || call->before_send(call->arg, &wire));
    if (call->attempts > 1)
        return CURL_PREREQFUNC_ABORT; // whatever before_send said
    if (!may) {
        call->vetoed = true;
        call_refuse(call, "the last check before the wire said no", NULL);
        return CURL_PREREQFUNC_ABORT;
    }
    call->sent = true;
    return CURL_PREREQFUNC_OK;
}

static bool is_loopback(const struct sockaddr *peer)
{
    if (peer->sa_family == AF_INET) {
        struct sockaddr_in a4;
        memcpy(&a4, peer, sizeof a4);
        return ntohl(a4.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 a6;
    if (peer->sa_family != AF_INET6)
        return false;
    memcpy(&a6, peer, sizeof a6);
    return IN6_IS_ADDR_LOOPBACK(&a6.sin6_addr);
}

// libcurl: about to connect to this address.
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_call *call = arg;
    const struct http_client_params *params = &call->client->params;
    if (purpose != CURLSOCKTYPE_IPCXN || call->cancelled)
        return CURL_SOCKET_BAD;
    if (params->unix_socket != NULL) {
        if (address->family != AF_UNIX)
            return CURL_SOCKET_BAD;
    } else if ((str_equal(call->scheme, "http") && !is_loopback(&address->addr)) ||
               (params->allow_peer != NULL &&
                !params->allow_peer(params->allow_peer_arg, call->host, &address->addr))) {
        call->vetoed = true;
        call_refuse(call, "the address of the host is not an allowed peer", call->host);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    text_addn(&call->answer, data, size * count);
    call->too_long = call->too_long || call->answer.overflow;
    return call->too_long ? 0 : size * count;
}

static void take_number(int64_t *out, const char *value)
{
    int64_t n;
    if (str_int64(value, 0, INT64_MAX, &n))
        *out = n;
}

static void take_header(struct http_call *call, const char *name, const char *value)
{
    if (str_equal_nocase(name, "content-type"))
        str_copy_cut(call->content_type, sizeof call->content_type, value);
    else if (str_equal_nocase(name, "x-request-id"))
        str_copy_cut(call->request_id, sizeof call->request_id, value);
    else if (str_equal_nocase(name, "x-ratelimit-limit"))
        take_number(&call->rate_limit, value);
    else if (str_equal_nocase(name, "x-ratelimit-remaining"))
        take_number(&call->rate_remaining, value);
    else if (str_equal_nocase(name, "x-ratelimit-reset"))
        take_number(&call->rate_reset, value);
    else if (str_equal_nocase(name, "retry-after"))
        take_number(&call->retry_after_s, value);
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    char line[512];
    size_t len = size * count, keep = len < sizeof line ? len : sizeof line - 1;
    call->header_bytes += len;
    if (call->header_bytes > ANSWER_HEADERS_MAX) {
        call->too_long = true;
        return 0;
    }
    memcpy(line, data, keep);
    line[keep] = '\0';
    while (keep > 0 && isspace((unsigned char)line[keep - 1]))
        line[--keep] = '\0';
    char *colon = strchr(line, ':');
    if (colon == NULL)
        return len;
    *colon = '\0';
    for (char *c = colon + 1; *c != '\0'; c++) { // goes into logs
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
    take_header(call, line, colon + 1 + strspn(colon + 1, " \t"));
    return len;
}

#define SET(option, value)                                                                                             \
    do {                                                                                                               \
        if (curl_easy_setopt(call->easy, option, value) != CURLE_OK)                                                   \
            return call_refuse(call, "this libcurl lacks an option that keeps the client safe", #option);              \
    } while (0)

static int set_lockdown(struct http_call *call)
{
    const struct http_client_params *params = &call->client->params;
    SET(CURLOPT_PROTOCOLS_STR, call->scheme); // this very one, judged before
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_UNRESTRICTED_AUTH, 0L);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_MAXAGE_CONN, MAX_AGE_IDLE_S);
    SET(CURLOPT_MAXLIFETIME_CONN, MAX_LIFETIME_S);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (params->ca_file != NULL)
        SET(CURLOPT_CAINFO, params->ca_file);
    SET(CURLOPT_CAPATH, NULL); // with a folder set (Debian's default) libcurl parses the bundle for each connection
    SET(CURLOPT_CA_CACHE_TIMEOUT, -1L);
    SET(CURLOPT_USERAGENT, params->user_agent != NULL ? params->user_agent : "");
    if (params->unix_socket != NULL)
        SET(CURLOPT_UNIX_SOCKET_PATH, params->unix_socket);
    if (call->resolve != NULL)
        SET(CURLOPT_RESOLVE, call->resolve);
    return 0;
}

static int set_callbacks(struct http_call *call)
{
    SET(CURLOPT_PRIVATE, call);
    SET(CURLOPT_ERRORBUFFER, call->curl_error);
    SET(CURLOPT_PREREQFUNCTION, on_before_transmission);
    SET(CURLOPT_PREREQDATA, call);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, call);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, call);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, call);
    return 0;
}

static int set_request(struct http_call *call, int64_t timeout_ms)
{
    struct text url;
    text_init(&url, TARGET_MAX + 512);
    text_addf(&url, strchr(call->host, ':') != NULL ? "%s://[%s]:%d%s" : "%s://%s:%d%s", call->scheme, call->host,
              call->port, call->target);
    CURLcode rc = curl_easy_setopt(call->easy, CURLOPT_URL, text_str(&url));
    text_free(&url);
    if (rc != CURLE_OK)
        return call_refuse(call, "libcurl does not take the address", NULL);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_REQUEST_TARGET, call->target); // byte for byte what was judged
    SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    SET(CURLOPT_HTTPHEADER, call->headers);
    bool posts = str_equal(call->method, "POST") || str_equal(call->method, "PUT") || str_equal(call->method, "PATCH");
    if (call->body != NULL || posts) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, call->body != NULL ? call->body : "");
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
    } else if (str_equal(call->method, "HEAD")) {
        SET(CURLOPT_NOBODY, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, call->method);
    return 0;
}

int http_call_open(struct http_call *call, int64_t timeout_ms)
{
    call->easy = curl_easy_init();
    CHECK(call->easy != NULL);
    if (set_lockdown(call) != 0 || set_callbacks(call) != 0)
        return -1;
    return set_request(call, timeout_ms);
}

void http_call_judge(struct http_call *call, CURLcode code)
{
    const char *text = call->curl_error[0] != '\0' ? call->curl_error : curl_easy_strerror(code);
    if (code == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        call->status = (int)status;
        call->result = HTTP_RESULT_OK;
        return;
    }
    if (code == CURLE_OPERATION_TIMEDOUT)
        call->result = HTTP_RESULT_TIMEOUT;
    else
        call->result = call->sent ? HTTP_RESULT_LOST : HTTP_RESULT_REFUSED;
    if (call->too_long)
        text =
            call->answer.overflow ? "the answer is longer than allowed" : "the answer's headers are longer than 64 KiB";
    else if (call->attempts > 1)
        text = "the connection broke after sending and before an answer; it was not sent a second time";
    else if (call->vetoed && !call->sent)
        return; // the veto wrote its own text
    str_copy_cut(call->detail, sizeof call->detail, text);
}

void http_call_free(struct http_call *call)
{
    if (call->easy != NULL)
        curl_easy_cleanup(call->easy);
    for (struct curl_slist *h = call->headers; h != NULL; h = h->next)
        mem_wipe(h->data, strlen(h->data));
    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->resolve);
    if (call->body != NULL)
        mem_wipe(call->body, call->body_len);
    text_wipe_free(&call->answer);
    free(call->method);
    free(call->scheme);
    free(call->host);
    free(call->target);
    free(call->body);
    free(call);
}
