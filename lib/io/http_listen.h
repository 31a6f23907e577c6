// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Listening sockets of the HTTP server and the Host values each of them answers to. System calls only; no event loop.
#ifndef PAPERGUARD_IO_HTTP_LISTEN_H
#define PAPERGUARD_IO_HTTP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/base/err.h"
#include "lib/io/http_server.h"

struct http_socket {
    int fd; // non-blocking, listening; -1: none
    bool is_unix;
    char address[sizeof(struct sockaddr_un) + 8];           // as bound: "127.0.0.1:8001", "[::1]:8001", "unix:/path"
    char host[64];                                          // its part before the port; "" for Unix sockets
    int port;                                               // 0 for Unix sockets
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; // of a Unix socket that we made, "" otherwise
    dev_t device;
    ino_t inode;
};

// Opens what l names, or takes over l->fd (which is closed by http_socket_close, never shut down).
int http_socket_open(const struct http_listen *l, struct http_socket *out, struct err *err) MUST_CHECK;
// Also removes the Unix socket's file, if it still is ours.
void http_socket_close(struct http_socket *s);

struct http_hosts {
    char **names; // owned
    size_t count;
};

int http_hosts_init(struct http_hosts *h, const struct http_listen *l, const struct http_socket *s,
                    struct err *err) MUST_CHECK;
bool http_hosts_allow(const struct http_hosts *h, const char *host);
void http_hosts_free(struct http_hosts *h);

#endif
