// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// redis://[user:password@]address[:port][/database] and unix://[user:password@]/path[?db=database]. Names other than
// localhost are refused: looking one up would block the loop.
#include "lib/io/redis_url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "lib/base/text.h"
#include "lib/base/http_text.h"

#define PORT_DEFAULT 6379
#define DATABASE_MAX 65535

// NULL when a percent sign is not followed by two hex digits other than 00.
static char *percent_decode(const char *s, size_t len)
{
    char *out = check_alloc(1, len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] != '%') {
            out[n++] = s[i];
            continue;
        }
        int high = i + 2 < len ? http_hex_value((unsigned char)s[i + 1]) : -1;
        int low = high >= 0 ? http_hex_value((unsigned char)s[i + 2]) : -1;
        if (low < 0 || high * 16 + low == 0) {
            mem_wipe(out, len);
            free(out);
            return NULL;
        }
        out[n++] = (char)(high * 16 + low);
        i += 2;
    }
    return out;
}

static int parse_number(const char *s, size_t len, int64_t min, int64_t max, const char *what, int *out,
                        struct err *err)
{
    char digits[16];
    int64_t value;
    if (len >= sizeof digits)
        return err_set(err, "the Redis URL's %s is too long", what);
    memcpy(digits, s, len);
    digits[len] = '\0';
    if (!str_int64(digits, min, max, &value))
        return err_set(err, "the Redis URL's %s must be a number from %lld to %lld", what, (long long)min,
                       (long long)max);
    *out = (int)value;
    return 0;
}

// "user:password", ":password" or "password" (as older URLs write it).
static int parse_credentials(const char *s, size_t len, struct redis_url *u, struct err *err)
{
    const char *colon = memchr(s, ':', len);
    const char *password = colon != NULL ? colon + 1 : s;
    u->password = percent_decode(password, (size_t)(s + len - password));
    if (colon != NULL && colon > s)
        u->user = percent_decode(s, (size_t)(colon - s));
    if (u->password == NULL || (colon != NULL && colon > s && u->user == NULL))
        return err_set(err, "the Redis URL's user or password has a broken %%-escape (write a plain %% as %%25)");
    if (u->password[0] == '\0') {
        free(u->password);
        u->password = NULL;
        if (u->user != NULL)
            return err_set(err, "the Redis URL names a user without a password");
    }
    return 0;
}

static int take_address(const char *s, size_t len, struct redis_url *u, struct err *err)
{
    unsigned char binary[sizeof(struct in6_addr)];
    char *address = check_strndup(s, len);
    if (len == 0 || str_equal_nocase(address, "localhost")) {
        free(address);
        address = check_strdup("127.0.0.1");
    }
    u->address = address;
    if (inet_pton(AF_INET, address, binary) == 1 || inet_pton(AF_INET6, address, binary) == 1)
        return 0;
    // Not shown: with a '/' or '?' in the password, what looks like the host is a part of it.
    return err_set(err, "the Redis URL's host is not an address: give an IP address, localhost or a Unix socket "
                        "(unix:///path); looking up names would block the guard");
}

static int parse_host(const char *s, size_t len, struct redis_url *u, struct err *err)
{
    const char *end = s + len, *host = s, *host_end, *rest;
    if (len > 0 && s[0] == '[') {
        const char *bracket = memchr(s, ']', len);
        if (bracket == NULL)
            return err_set(err, "the Redis URL's address opens with '[' and never closes");
        host = s + 1;
        host_end = bracket;
        rest = bracket + 1;
    } else {
        const char *colon = memchr(s, ':', len);
        host_end = rest = colon != NULL ? colon : end;
    }
    u->port = PORT_DEFAULT;
    if (rest < end && *rest != ':')
        return err_set(err, "the Redis URL has something other than a port after its address");
    if (rest < end && parse_number(rest + 1, (size_t)(end - rest - 1), 1, 65535, "port", &u->port, err) != 0)
        return -1;
    return take_address(host, (size_t)(host_end - host), u, err);
}

// "?db=N" is the only option.
static int parse_query(const char *query, struct redis_url *u, struct err *err)
{
    if (!str_starts(query, "?db="))
        return err_set(err, "the Redis URL has an unknown option: only ?db=N is known");
    return parse_number(query + 4, strlen(query + 4), 0, DATABASE_MAX, "database", &u->database, err);
}

static int parse_unix(const char *path, struct redis_url *u, struct err *err)
{
    size_t len = strcspn(path, "?");
    if (path[0] != '/')
        return err_set(err, "the Redis URL needs an absolute socket path: unix:///run/redis/redis.sock");
    if (len >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return err_set(err, "the Redis URL's socket path has %zu characters, at most %zu fit", len,
                       sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
    u->socket_path = check_strndup(path, len);
    return path[len] == '\0' ? 0 : parse_query(path + len, u, err);
}

static int parse_tcp(const char *rest, struct redis_url *u, struct err *err)
{
    size_t authority = strcspn(rest, "/?");
    if (parse_host(rest, authority, u, err) != 0)
        return -1;
    rest += authority;
    size_t path = strcspn(rest, "?");
    if (path > 1 && parse_number(rest + 1, path - 1, 0, DATABASE_MAX, "database", &u->database, err) != 0)
        return -1;
    return rest[path] == '\0' ? 0 : parse_query(rest + path, u, err);
}

int redis_url_parse(const char *url, struct redis_url *out, struct err *err)
{
    struct redis_url u = {.port = 0};
    bool is_unix = str_starts(url, "unix://");
    if (str_starts(url, "rediss://"))
        return err_set(err, "Redis over TLS (rediss://) is not spoken: use redis:// on loopback, or a Unix socket");
    if (!is_unix && !str_starts(url, "redis://"))
        return err_set(err, "the Redis URL must begin with redis:// or unix://");
    const char *rest = strstr(url, "://") + 3;
    // The last '@' before the path ends the credentials, so that a careless password with an '@' does not become a
    // host.
    const char *at = memrchr(rest, '@', strcspn(rest, "/?"));
    int result = 0;
    if (at != NULL) {
        result = parse_credentials(rest, (size_t)(at - rest), &u, err);
        rest = at + 1;
    }
    if (result == 0)
        result = is_unix ? parse_unix(rest, &u, err) : parse_tcp(rest, &u, err);
    if (result == 0)
        *out = u;
    else
        redis_url_free(&u);
    return result;
}

void redis_url_free(struct redis_url *u)
{
    if (u->password != NULL)
        mem_wipe(u->password, strlen(u->password));
    free(u->password);
    free(u->user);
    free(u->address);
    free(u->socket_path);
    *u = (struct redis_url){.port = 0};
}
