// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One request over the admin socket, waited for in a loop of its own.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/ctl/ctl.h"
#include "lib/io/http_client.h"

#define ANSWER_MAX (64u * 1024 * 1024) // a run of ten thousand orders
#define CALL_TIMEOUT_MS 30000
#define JSON_HEADER "Content-Type: application/json"

struct call {
    struct loop *loop;
    bool ended;
    enum http_result result;
    char detail[200];
    struct ctl_answer answer;
};

static void call_done(void *arg, const struct http_answer *a)
{
    struct call *c = arg;
    c->ended = true;
    c->result = a->result;
    str_copy_cut(c->detail, sizeof c->detail, a->detail ? a->detail : "");
    if (a->result != HTTP_RESULT_OK)
        return;
    c->answer.status = a->status;
    c->answer.body = check_strndup(a->body, a->body_len);
    if (json_doc_parse(a->body, a->body_len, &c->answer.doc, NULL) != 0)
        c->answer.doc = NULL;
}

static int unreachable(const struct ctl *c, const char *why)
{
    fprintf(stderr, "paperguard: no daemon answers on %s: %s\n", c->socket, why);
    fprintf(
        stderr,
        "paperguard: is it running (systemctl status paperguardd%s%s)? another one: --instance, --config or --socket\n",
        c->options.instance ? "@" : "", c->options.instance ? c->options.instance : "");
    ctl_other_instances(stderr);
    return EX_UNAVAILABLE;
}

// The socket's permissions are the first of the daemon's checks: they deserve an exit code of their own.
static int socket_usable(const struct ctl *c)
{
    if (access(c->socket, R_OK | W_OK) == 0)
        return EX_OK;
    if (errno != EACCES && errno != EPERM)
        return unreachable(c, strerror(errno));
    fprintf(stderr, "paperguard: %s: %s; operators belong to the socket's group\n", c->socket, strerror(errno));
    return EX_NOPERM;
}

static int run_call(struct call *call, struct http_client *client, int64_t timeout_ms, const char *method,
                    const char *path, const char *body)
{
    static const char *const headers[] = {JSON_HEADER};
    const struct http_request request = {
        .method = method,
        .scheme = "http",
        .host = "localhost",
        .target = path,
        .port = 80,
        .body = body,
        .body_len = body ? strlen(body) : 0,
        .headers = headers,
        .header_count = body ? 1 : 0,
        .timeout_ms = timeout_ms,
        .done = call_done,
        .arg = call,
    };
    http_client_send(client, &request);
    while (!call->ended)
        loop_step(call->loop, 1000);
    return call->result == HTTP_RESULT_OK ? EX_OK : -1;
}

int ctl_call(struct ctl *c, const char *method, const char *path, const char *body, struct ctl_answer *out)
{
    struct call call = {0};
    int code = socket_usable(c);
    if (code != EX_OK)
        return code;
    int64_t timeout_ms = c->call_timeout_s ? c->call_timeout_s * 1000 : CALL_TIMEOUT_MS;
    call.loop = loop_new();
    struct http_client *client = http_client_new(&(struct http_client_params){
        .loop = call.loop,
        .allow_loopback_http = true,
        .unix_socket = c->socket,
        .answer_max = ANSWER_MAX,
        .max_connections = 1,
        .user_agent = "paperguard/" PACKAGE_VERSION,
    });
    if (run_call(&call, client, timeout_ms, method, path, body) == EX_OK)
        *out = call.answer;
    else if (call.result == HTTP_RESULT_TIMEOUT) {
        fprintf(stderr, "paperguard: the daemon did not answer in time\n");
        code = EX_TEMPFAIL;
    } else
        code = unreachable(c, call.detail);
    http_client_free(client);
    loop_free(call.loop);
    return code;
}

void ctl_answer_free(struct ctl_answer *a)
{
    json_doc_free(a->doc);
    free(a->body);
    *a = (struct ctl_answer){0};
}

const struct json_node *ctl_root(const struct ctl_answer *a)
{
    return a->doc ? json_doc_root(a->doc) : NULL;
}

static int exit_of(int status)
{
    switch (status) {
    case 400:
    case 404: // a name that does not exist
    case 415:
        return EX_USAGE;
    case 401:
    case 403:
        return EX_NOPERM;
    case 429:
    case 503:
        return EX_TEMPFAIL;
    default:
        return CTL_REFUSED;
    }
}

int ctl_refused(struct ctl_answer *a)
{
    const char *detail = ctl_text(ctl_root(a), "detail");
    int code = exit_of(a->status);
    fprintf(stderr, "paperguard: refused (%d): ", a->status);
    ctl_print(stderr, detail[0] ? detail : "the daemon gave no reason");
    fputc('\n', stderr);
    if (ctl_code_in(detail))
        fprintf(stderr, "paperguard: what that means: paperguard explain %s\n", ctl_code_in(detail));
    ctl_answer_free(a);
    return code;
}

static int ask(struct ctl *c, const char *method, const char *path, const char *body, bool print,
               struct ctl_answer *out)
{
    struct ctl_answer a = {0};
    int code = ctl_call(c, method, path, body, &a);
    if (code != EX_OK)
        return code;
    if (print)
        printf("%s\n", a.body);
    if (a.status < 200 || a.status > 299)
        return ctl_refused(&a);
    *out = a;
    return EX_OK;
}

int ctl_ask(struct ctl *c, const char *method, const char *path, const char *body, struct ctl_answer *out)
{
    return ask(c, method, path, body, c->options.json, out);
}

int ctl_get(struct ctl *c, const char *path, struct ctl_answer *out)
{
    return ask(c, "GET", path, NULL, false, out);
}

void ctl_body_begin(struct text *t, struct json_out *o)
{
    text_init(t, CTL_BODY_MAX);
    json_out_init(o, t);
    json_object_begin(o);
}

void ctl_put_reason(const struct ctl *c, size_t first, const char *otherwise, struct json_out *o)
{
    struct text reason;
    text_init(&reason, CTL_BODY_MAX / 2);
    for (size_t i = first; i < c->word_count; i++)
        text_addf(&reason, "%s%s", i > first ? " " : "", c->words[i]);
    json_put_string(o, "reason", reason.len ? text_str(&reason) : otherwise);
    text_free(&reason);
}

void ctl_put_strategies(const struct ctl *c, size_t count, struct json_out *o)
{
    json_key(o, "strategies");
    json_array_begin(o);
    for (size_t i = 0; i < count; i++)
        json_add_string(o, c->words[i]);
    json_array_end(o);
}

int ctl_post(struct ctl *c, const char *path, struct text *body, struct json_out *o, struct ctl_answer *out)
{
    json_object_end(o);
    int code = ctl_ask(c, "POST", path, text_str(body), out);
    text_free(body);
    return code;
}

void ctl_pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}
