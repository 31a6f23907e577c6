// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Internal to redis_client: a Redis URL taken apart. Error texts never show the URL, which may hold a password.
#ifndef PAPERGUARD_IO_REDIS_URL_H
#define PAPERGUARD_IO_REDIS_URL_H

#include "lib/base/err.h"

struct redis_url {
    char *socket_path; // NULL: TCP
    char *address;     // numeric, without brackets
    int port;
    int database;
    char *user, *password; // NULL when not given
};

// 0 and *out to be freed with redis_url_free, or -1.
int redis_url_parse(const char *url, struct redis_url *out, struct err *err) MUST_CHECK;
void redis_url_free(struct redis_url *u); // wipes the password

#endif
