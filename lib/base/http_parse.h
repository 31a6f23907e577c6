// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Strict HTTP/1.1 request parser over bytes: no I/O, no allocation beyond its own struct, one verdict. Everything that
// two parsers might read differently is refused with one 4xx (or 501/505) and the connection closes.
#ifndef PAPERGUARD_BASE_HTTP_PARSE_H
#define PAPERGUARD_BASE_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/check.h"

#define HTTP_TARGET_MAX 4096
#define HTTP_HEADERS_MAX 100
#define HTTP_HEADER_BYTES_MAX 8192
#define HTTP_DELETE_BODY_MAX 4096 // GET, HEAD and OPTIONS: none

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_METHOD_COUNT };
const char *http_method_name(enum http_method m);

struct http_slice {
    uint32_t at, len; // into the parser's own header buffer
};

struct http_header {
    struct http_slice name, value; // value without surrounding blanks
};

enum http_parse_state { HTTP_PARSE_HEAD, HTTP_PARSE_BODY, HTTP_PARSE_DONE, HTTP_PARSE_FAILED };

// Opaque; owned by whoever called http_parser_new.
struct http_parser;

struct http_parse_limits {
    size_t body_max; // bytes of body accepted (a larger Content-Length answers 413 at once)
};

struct http_parser *http_parser_new(const struct http_parse_limits *limits);
void http_parser_free(struct http_parser *p);
void http_parser_reset(struct http_parser *p); // for the next request of the connection

// Consumes up to len bytes and returns how many were taken (all, unless the request ended or failed within them: bytes
// after the end belong to the next request). Never called again after FAILED.
size_t http_parser_feed(struct http_parser *p, const char *bytes, size_t len);
enum http_parse_state http_parser_state(const struct http_parser *p);

// When FAILED: the status to answer (400 405 413 414 417 421 431 501 505) and a constant text that says which rule.
int http_parser_status(const struct http_parser *p);
const char *http_parser_reason(const struct http_parser *p);

// True once the head is complete (BODY or DONE).
bool http_parser_head_done(const struct http_parser *p);
enum http_method http_parser_method(const struct http_parser *p);
const char *http_parser_target(const struct http_parser *p); // origin form as sent: "/v2/orders?limit=5"
const char *http_parser_path(const struct http_parser *p);   // raw path before '?'
const char *http_parser_query(const struct http_parser *p);  // after '?', "" when none
const char *http_parser_host(const struct http_parser *p);   // exactly one Host header, as sent
// The first with that name (any case), or NULL.
const char *http_parser_header(const struct http_parser *p, const char *name);
size_t http_parser_header_count(const struct http_parser *p);
void http_parser_header_at(const struct http_parser *p, size_t i, const char **name, const char **value);
bool http_parser_keep_alive(const struct http_parser *p);
bool http_parser_expects_continue(const struct http_parser *p);
bool http_parser_wants_upgrade(const struct http_parser *p);            // Connection: upgrade plus Upgrade:
const char *http_parser_body(const struct http_parser *p, size_t *len); // decoded, NUL-terminated; valid until reset

// Percent-decodes one query value: finds name in "a=1&b=2". BAD: there, but malformed (%zz, %00), too long for out, or
// given twice; whoever would act on a missing value must not take BAD for it.
enum http_query { HTTP_QUERY_NONE, HTTP_QUERY_FOUND, HTTP_QUERY_BAD };
enum http_query http_query_find(const char *query, const char *name, char *out, size_t size) MUST_CHECK;
// Only whether it was FOUND.
bool http_query_get(const char *query, const char *name, char *out, size_t size) MUST_CHECK;

#endif
