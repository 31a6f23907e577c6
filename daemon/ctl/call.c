// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Talking to the daemon: HTTP over its admin socket, one call at a time on a loop of our own.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/ctl/ctl.h"
#include "lib/io/http_client.h"

#define ANSWER_MAX (16u << 20)
#define CALL_TIMEOUT_MS 30000

struct call {
    struct loop *loop;
    struct reply *reply;
    enum http_result result;
    char detail[200];
};

static void answered(void *arg, const struct http_answer *a)
{
    struct call *c = arg;
    struct err err;
    c->result = a->result;
    str_copy_cut(c->detail, sizeof c->detail, a->detail ? a->detail : "");
    if (a->result == HTTP_RESULT_OK) {
        c->reply->status = a->status;
        c->reply->body = check_strndup(a->body, a->body_len);
        if (a->body_len && json_doc_parse(a->body, a->body_len, &c->reply->doc, &err) != 0)
            c->reply->doc = NULL;
    }
    loop_stop(c->loop);
}

void ctl_reply_free(struct reply *r)
{
    free(r->body);
    json_doc_free(r->doc);
    *r = (struct reply){0};
}

// The admin socket's path: --socket, else the config's. NULL with the reason on stderr.
static char *socket_path(const struct ctl *c)
{
    struct config *config;
    struct err err;
    if (c->socket)
        return check_strdup(c->socket);
    if (config_load(c->config_path, &config, &err) != 0) {
        fprintf(stderr, "paperguard: %s (or name the daemon's socket with --socket)\n", err.text);
        return NULL;
    }
    char *path = check_strdup(config->admin_socket);
    config_free(config);
    return path;
}

static int unreachable(const char *path, const struct call *call)
{
    if (access(path, F_OK) == 0 && access(path, W_OK) != 0) {
        fprintf(stderr, "paperguard: no permission on %s; you need to be root or in the socket's group\n", path);
        return CTL_DENIED;
    }
    fprintf(stderr, "paperguard: the daemon is not reachable on %s: %s; is paperguardd running?\n", path, call->detail);
    return CTL_UNREACHABLE;
}

int ctl_call(const struct ctl *c, const char *method, const char *target, const char *body, struct reply *reply)
{
    static const char *const headers[] = {"Content-Type: application/json", "Accept: application/json"};
    struct err err;
    char *path = socket_path(c);
    if (!path)
        return CTL_CONFIG;
    *reply = (struct reply){0};
    if (http_client_global_init(&err) != 0) {
        fprintf(stderr, "paperguard: %s\n", err.text);
        free(path);
        return CTL_TEMPORARY;
    }
    struct call call = {.loop = loop_new(), .reply = reply};
    struct http_client *client = http_client_new(&(struct http_client_params){.loop = call.loop,
                                                                              .allow_loopback_http = true,
                                                                              .unix_socket = path,
                                                                              .answer_max = ANSWER_MAX,
                                                                              .max_connections = 1,
                                                                              .user_agent = "paperguard-cli"});
    http_client_send(client, &(struct http_request){.method = method,
                                                    .scheme = "http",
                                                    .host = "localhost",
                                                    .port = 80,
                                                    .target = target,
                                                    .body = body,
                                                    .body_len = body ? strlen(body) : 0,
                                                    .headers = headers,
                                                    .header_count = 2,
                                                    .timeout_ms = CALL_TIMEOUT_MS,
                                                    .done = answered,
                                                    .arg = &call});
    loop_run(call.loop);
    http_client_free(client);
    loop_free(call.loop);
    int rc = call.result == HTTP_RESULT_OK ? CTL_OK : unreachable(path, &call);
    free(path);
    return rc;
}

static const char *problem(const struct reply *r)
{
    const struct json_node *root = r->doc ? json_doc_root(r->doc) : NULL;
    const char *detail = json_string(json_get(root, "detail"));
    const char *error = json_string(json_get(root, "error"));
    return detail ? detail : error ? error : "no reason given";
}

int ctl_status(const struct ctl *c, const struct reply *r)
{
    if (c->json && r->body)
        printf("%s\n", r->body);
    if (r->status >= 200 && r->status < 300)
        return CTL_OK;
    fprintf(stderr, "paperguard: %s (HTTP %d)\n", problem(r), r->status);
    if (r->status == 403 || r->status == 401)
        return CTL_DENIED;
    return r->status == 503 || r->status == 429 ? CTL_TEMPORARY : CTL_NO;
}

bool ctl_get(const struct ctl *c, const char *target, struct reply *reply, int *code)
{
    *code = ctl_call(c, "GET", target, NULL, reply);
    if (*code != CTL_OK)
        return false;
    *code = ctl_status(c, reply);
    if (*code == CTL_OK && !c->json && reply->doc)
        return true;
    ctl_reply_free(reply);
    return false;
}
