// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
#include "lib/io/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/http_text.h"
#include "lib/base/text.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

// ---- TCP ----

static int address_parse(const char *text, union address *out, socklen_t *len, struct err *err)
{
    char host[64];
    int64_t port;
    const char *colon = strrchr(text, ':');
    bool v6 = text[0] == '[' && colon != NULL && colon > text && colon[-1] == ']';
    size_t host_len = colon == NULL ? 0 : (size_t)(colon - text) - (v6 ? 2 : 0);
    if (host_len == 0 || host_len >= sizeof host || !str_int64(colon + 1, 0, 65535, &port))
        return err_set(err, "listen address \"%s\": expected IPV4:PORT, [IPV6]:PORT or unix:/PATH", text);
    memcpy(host, text + (v6 ? 1 : 0), host_len);
    host[host_len] = '\0';
    memset(out, 0, sizeof *out);
    out->any.sa_family = v6 ? AF_INET6 : AF_INET;
    if (inet_pton(out->any.sa_family, host, v6 ? (void *)&out->v6.sin6_addr : (void *)&out->v4.sin_addr) != 1)
        return err_set(err, "listen address \"%s\": \"%s\" is not a numeric address (names are not looked up)", text,
                       host);
    if (v6)
        out->v6.sin6_port = htons((uint16_t)port);
    else
        out->v4.sin_port = htons((uint16_t)port);
    *len = v6 ? sizeof out->v6 : sizeof out->v4;
    return 0;
}

static int tcp_open(const char *text, struct err *err)
{
    union address a = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = 0;
    int one = 1;
    if (address_parse(text, &a, &len, err) != 0)
        return -1;
    int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(err, "listen address %s: no socket: %s", text, strerror(errno));
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        (a.any.sa_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0) &&
        bind(fd, &a.any, len) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    err_set(err, "cannot listen on %s: %s%s", text, strerror(errno),
            errno == EADDRINUSE ? " (another program, or another instance, has this port)" : "");
    close(fd);
    return -1;
}

// ---- Unix sockets ----

// A file left by a process that is gone refuses connections; only then it is removed.
static int unix_clear_stale(const union address *a, struct err *err)
{
    const char *path = a->local.sun_path;
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : err_set(err, "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, "%s exists and is not a socket: remove it or choose another path", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(err, "no socket: %s", strerror(errno));
    int failed = connect(fd, &a->any, sizeof a->local) == 0 ? 0 : errno;
    close(fd);
    if (failed != ECONNREFUSED)
        return err_set(err, "%s is in use (%s): another instance listens on it", path,
                       failed == 0 ? "it answers" : strerror(failed));
    if (unlink(path) != 0 && errno != ENOENT)
        return err_set(err, "cannot remove the stale socket %s: %s", path, strerror(errno));
    return 0;
}

static int unix_bind(int fd, const union address *a, unsigned mode, struct http_socket *out, struct err *err)
{
    const char *path = a->local.sun_path;
    struct stat st;
    // Before bind the mode can only get tighter than asked for (umask), so nobody slips in; after it, it is exact.
    if (fchmod(fd, (mode_t)mode) != 0 || bind(fd, &a->any, sizeof a->local) != 0)
        return err_set(err, "cannot make the socket %s: %s", path, strerror(errno));
    if (chmod(path, (mode_t)mode) != 0 || listen(fd, SOMAXCONN) != 0 || lstat(path, &st) != 0) {
        err_set(err, "cannot listen on %s: %s", path, strerror(errno));
        unlink(path);
        return -1;
    }
    out->device = st.st_dev;
    out->inode = st.st_ino;
    str_copy_cut(out->path, sizeof out->path, path);
    return 0;
}

static int unix_open(const char *path, unsigned mode, struct http_socket *out, struct err *err)
{
    union address a;
    memset(&a, 0, sizeof a);
    a.local.sun_family = AF_UNIX;
    if (path[0] != '/' || !str_copy(a.local.sun_path, sizeof a.local.sun_path, path))
        return err_set(err, "Unix socket \"%s\": expected an absolute path of at most %zu bytes", path,
                       sizeof a.local.sun_path - 1);
    if (unix_clear_stale(&a, err) != 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(err, "no socket for %s: %s", path, strerror(errno));
    if (unix_bind(fd, &a, mode, out, err) == 0)
        return fd;
    close(fd);
    return -1;
}

// ---- both ----

static int inherited_open(int fd, struct err *err)
{
    int listening = 0, type = 0;
    socklen_t len = sizeof listening, type_len = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 || type != SOCK_STREAM)
        return err_set(err, "inherited descriptor %d is not a listening stream socket", fd);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return err_set(err, "inherited descriptor %d: %s", fd, strerror(errno));
    return fd;
}

static int socket_describe(struct http_socket *s, struct err *err)
{
    union address a;
    socklen_t len = sizeof a;
    char text[INET6_ADDRSTRLEN] = "";
    memset(&a, 0, sizeof a);
    if (getsockname(s->fd, &a.any, &len) != 0)
        return err_set(err, "descriptor %d has no address: %s", s->fd, strerror(errno));
    switch (a.any.sa_family) {
    case AF_UNIX:
        s->is_unix = true;
        snprintf(s->address, sizeof s->address, "unix:%.*s", (int)sizeof a.local.sun_path, a.local.sun_path);
        return 0;
    case AF_INET:
        s->port = ntohs(a.v4.sin_port);
        inet_ntop(AF_INET, &a.v4.sin_addr, text, sizeof text);
        snprintf(s->host, sizeof s->host, "%s", text);
        break;
    case AF_INET6:
        s->port = ntohs(a.v6.sin6_port);
        inet_ntop(AF_INET6, &a.v6.sin6_addr, text, sizeof text);
        snprintf(s->host, sizeof s->host, "[%s]", text);
        break;
    default:
        return err_set(err, "descriptor %d is neither TCP nor a Unix socket", s->fd);
    }
    snprintf(s->address, sizeof s->address, "%s:%d", s->host, s->port);
    return 0;
}

int http_socket_open(const struct http_listen *l, struct http_socket *out, struct err *err)
{
    struct http_socket s = {.fd = -1};
    if (l->fd >= 0)
        s.fd = inherited_open(l->fd, err);
    else if (str_starts(l->address, "unix:"))
        s.fd = unix_open(l->address + 5, l->unix_mode, &s, err);
    else
        s.fd = tcp_open(l->address, err);
    if (s.fd < 0)
        return -1;
    if (socket_describe(&s, err) != 0) {
        http_socket_close(&s);
        return -1;
    }
    *out = s;
    return 0;
}

void http_socket_close(struct http_socket *s)
{
    struct stat st;
    if (s->fd < 0)
        return;
    if (s->path[0] != '\0' && lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
        unlink(s->path);
    close(s->fd);
    s->fd = -1;
}

// ---- Host values ----

static void hosts_add(struct http_hosts *h, const char *name, int port)
{
    char text[300];
    if (port > 0)
        snprintf(text, sizeof text, "%s:%d", name, port);
    else
        snprintf(text, sizeof text, "%s", name);
    h->names = check_realloc(h->names, (h->count + 1) * sizeof h->names[0]);
    h->names[h->count++] = check_strdup(text);
}

// A client leaves out the port when it is 80.
static void hosts_add_own(struct http_hosts *h, const char *name, int port)
{
    hosts_add(h, name, port);
    if (port == 80)
        hosts_add(h, name, 0);
}

static bool host_has_port(const char *host)
{
    const char *bracket = strrchr(host, ']');
    return strchr(bracket != NULL ? bracket : host, ':') != NULL;
}

int http_hosts_init(struct http_hosts *h, const struct http_listen *l, const struct http_socket *s, struct err *err)
{
    *h = (struct http_hosts){0};
    for (size_t i = 0; i < l->host_count; i++) {
        if (!http_host_valid(l->hosts[i]))
            return err_set(err, "allowed host \"%s\" of %s: expected a name or address with an optional port",
                           l->hosts[i], s->address);
    }
    if (s->is_unix)
        return 0;
    hosts_add_own(h, s->host, s->port);
    hosts_add_own(h, "localhost", s->port);
    hosts_add_own(h, "127.0.0.1", s->port);
    hosts_add_own(h, "[::1]", s->port);
    for (size_t i = 0; i < l->host_count; i++) {
        hosts_add(h, l->hosts[i], 0);
        if (!host_has_port(l->hosts[i]))
            hosts_add(h, l->hosts[i], s->port);
    }
    return 0;
}

bool http_hosts_allow(const struct http_hosts *h, const char *host)
{
    for (size_t i = 0; i < h->count; i++) {
        if (str_equal_nocase(h->names[i], host))
            return true;
    }
    return false;
}

void http_hosts_free(struct http_hosts *h)
{
    for (size_t i = 0; i < h->count; i++)
        free(h->names[i]);
    free(h->names);
    *h = (struct http_hosts){0};
}
