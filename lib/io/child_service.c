// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// One message there, none back: the pipes say the rest. The socket's mode decides who may ask; what is asked for is
// bounded by the unit, whatever the message says.
#include "lib/io/child_service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/json_read.h"
#include "lib/base/json_write.h"
#include "lib/io/child_become.h"

#define VERSION 1
#define MESSAGE_MAX 65536u
#define WORDS_MAX 128
#define ENDS 5
#define FOLDER_MAX 600

// ---- asking

static void put_list(struct json_out *o, const char *name, const char *const *list)
{
    json_key(o, name);
    json_array_begin(o);
    for (size_t i = 0; list && list[i]; i++)
        json_add_string(o, list[i]);
    json_array_end(o);
}

static void put_request(const struct child_params *p, struct text *out)
{
    struct json_out o;
    json_out_init(&o, out);
    json_object_begin(&o);
    json_put_int(&o, "version", VERSION);
    json_put_string(&o, "name", p->name);
    put_list(&o, "argv", p->argv);
    put_list(&o, "envp", p->envp);
    put_list(&o, "read", p->read);
    json_put_int(&o, "memory_max", (int64_t)p->memory_max);
    json_put_int(&o, "cpu_seconds", (int64_t)p->cpu_seconds);
    json_put_int(&o, "files_max", (int64_t)p->files_max);
    json_put_int(&o, "processes_max", (int64_t)p->processes_max);
    json_put_int(&o, "file_max", (int64_t)p->file_max);
    json_object_end(&o);
}

static int send_request(int fd, const struct text *text, const struct child_ends *ends)
{
    const int fds[ENDS] = {ends->in, ends->out, ends->log, ends->report, ends->control};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof fds)];
    } control;
    struct iovec bytes = {.iov_base = text->data, .iov_len = text->len};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.room};
    memset(&control, 0, sizeof control);
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(c), fds, sizeof fds);
    ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL); // a fresh socket takes it whole or not at all
    if (n >= 0 && n != (ssize_t)text->len)
        errno = EMSGSIZE;
    return n == (ssize_t)text->len ? 0 : -1;
}

int child_service_ask(const struct child_params *params, const struct child_ends *ends, struct err *err)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!str_copy(to.sun_path, sizeof to.sun_path, params->service))
        return err_set(err, "%s: longer than the address of a socket may be", params->service);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct text text;
    text_init(&text, MESSAGE_MAX);
    put_request(params, &text);
    int rc = text.overflow ? -1 : 0;
    if (rc != 0)
        err_set(err, "cannot start %s: the request has more than %u bytes", params->argv[0], MESSAGE_MAX);
    else if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 || send_request(fd, &text, ends) != 0)
        rc = err_set(err, "cannot start %s: its service (%s): %s", params->argv[0], params->service, strerror(errno));
    int error = errno;
    text_free(&text);
    if (fd >= 0)
        close(fd);
    errno = error;
    return rc;
}

// ---- serving

struct request {
    struct child_params params;
    const char *argv[WORDS_MAX + 1], *envp[WORDS_MAX + 1], *read[WORDS_MAX + 1];
};

static int get_list(const struct json_node *root, const char *name, const char *out[WORDS_MAX + 1], struct err *err)
{
    const struct json_node *list = json_get(root, name);
    size_t count = json_size(list);
    if (!list || json_type_of(list) != JSON_IS_ARRAY || count > WORDS_MAX)
        return err_set(err, "request.%s: expected a list of at most %d strings", name, WORDS_MAX);
    for (size_t i = 0; i < count; i++)
        if ((out[i] = json_string(json_at(list, i))) == NULL)
            return err_set(err, "request.%s[%zu] is no string", name, i);
    out[count] = NULL;
    return 0;
}

static int get_bound(const struct json_node *root, const char *name, uint64_t *out, struct err *err)
{
    int64_t n;
    if (json_want_int64(root, "request", name, &n, err) != 0)
        return -1;
    if (n < 0)
        return err_set(err, "request.%s is below zero", name);
    *out = (uint64_t)n;
    return 0;
}

static int get_request(const struct json_node *root, struct request *r, struct err *err)
{
    static const char *const members[] = {"version",    "name",        "argv",      "envp",          "read",
                                          "memory_max", "cpu_seconds", "files_max", "processes_max", "file_max"};
    struct child_params *p = &r->params;
    int64_t version;
    if (json_only(root, "request", members, ARRAY_LEN(members), err) ||
        json_want_int64(root, "request", "version", &version, err))
        return -1;
    if (version != VERSION)
        return err_set(err, "request.version is %lld, this is %d: restart what is older", (long long)version, VERSION);
    if (json_want_string(root, "request", "name", &p->name, err) || get_list(root, "argv", r->argv, err) ||
        get_list(root, "envp", r->envp, err) || get_list(root, "read", r->read, err) ||
        get_bound(root, "memory_max", &p->memory_max, err) || get_bound(root, "cpu_seconds", &p->cpu_seconds, err) ||
        get_bound(root, "files_max", &p->files_max, err) || get_bound(root, "processes_max", &p->processes_max, err) ||
        get_bound(root, "file_max", &p->file_max, err))
        return -1;
    if (!r->argv[0] || r->argv[0][0] != '/')
        return err_set(err, "request.argv: the program must be an absolute path");
    // It becomes the name of a folder.
    if (!p->name[0] || p->name[0] == '.' || strlen(p->name) > 120 ||
        p->name[strspn(p->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")])
        return err_set(err, "request.name \"%.40s\": expected letters, digits, '.', '_' and '-'", p->name);
    p->argv = r->argv;
    p->envp = r->envp;
    p->uid = (uid_t)-1;
    p->gid = (gid_t)-1;
    return 0;
}

static int receive(int fd, struct text *text, struct child_ends *ends, struct err *err)
{
    int fds[ENDS];
    char bytes[MESSAGE_MAX];
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof fds)];
    } control;
    struct iovec to = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct msghdr message = {
        .msg_iov = &to, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.room};
    ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!c || (message.msg_flags & MSG_CTRUNC) || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
        c->cmsg_len != CMSG_LEN(sizeof fds))
        return err_set(err, "no request with %d descriptors came: %s", ENDS, n < 0 ? strerror(errno) : "not ours");
    memcpy(fds, CMSG_DATA(c), sizeof fds);
    *ends = (struct child_ends){fds[0], fds[1], fds[2], fds[3], fds[4]};
    text_addn(text, bytes, (size_t)n);
    // A stream may hand over less than was sent at once; the asker closes after its message.
    while (!text->overflow && (n = read(fd, bytes, sizeof bytes)) > 0)
        text_addn(text, bytes, (size_t)n);
    return n < 0 || text->overflow ? err_set(err, "the request cannot be read to its end") : 0;
}

// From here on the asker listens: what goes wrong is told through the pipes, in words on the program's stderr.
static NORETURN void keep(struct request *r, const struct child_ends *ends, const char *state, bool shares_user)
{
    char folder[FOLDER_MAX];
    const char *write[] = {folder, NULL};
    struct err err = {.text = ""};
    int n = snprintf(folder, sizeof folder, "%s/%s", state, r->params.name);
    if (n < 0 || (size_t)n >= sizeof folder || (mkdir(folder, 0700) != 0 && errno != EEXIST)) {
        dprintf(ends->log, "the folder %s cannot be made: %s\n", folder, strerror(errno));
        child_keep_not(ends, errno);
    }
    struct sandbox_filter *filter = sandbox_filter_new(shares_user, &err);
    struct sandbox *sandbox = filter ? sandbox_new(&(struct sandbox_params){filter, r->read, write}, &err) : NULL;
    if (!sandbox) {
        dprintf(ends->log, "%s\n", err.text);
        child_keep_not(ends, EACCES);
    }
    r->params.directory = folder;
    r->params.sandbox = sandbox;
    child_keep(&r->params, ends);
}

static bool asker_is_us(int socket)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || peer.uid == geteuid();
}

int child_service_serve(int socket, const char *state, struct err *err)
{
    struct child_ends ends;
    struct text text;
    struct json_doc *doc = NULL;
    struct request *r = check_alloc(1, sizeof *r);
    text_init(&text, MESSAGE_MAX);
    if (receive(socket, &text, &ends, err) == 0 && json_doc_parse(text_str(&text), text.len, &doc, err) == 0 &&
        get_request(json_doc_root(doc), r, err) == 0)
        keep(r, &ends, state, asker_is_us(socket));
    json_doc_free(doc);
    text_free(&text);
    free(r);
    return -1;
}
