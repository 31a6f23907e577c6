// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The parser is one step function per place in a request, called byte by byte, so where the bytes were split can never
// change the verdict. Only bodies are taken in runs. Each rule fails with its own constant text.
#include "lib/base/http_parse.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/http_text.h"
#include "lib/base/text.h"

#define BODY_KEEP_MAX 16384 // a larger body buffer is given back when the request is over
#define CHUNK_DIGITS_MAX 8
#define WORD_MAX 16

enum step {
    STEP_METHOD,
    STEP_TARGET,
    STEP_VERSION,
    STEP_LINE_LF,
    STEP_FIELD, // first byte of a header line
    STEP_NAME,
    STEP_VALUE,
    STEP_VALUE_LF,
    STEP_HEAD_LF,
    STEP_CHUNK_SIZE,
    STEP_CHUNK_SIZE_LF,
    STEP_CHUNK_CR, // after the data of a chunk
    STEP_CHUNK_LF,
    STEP_LAST_CR, // after the last chunk: no trailers
    STEP_LAST_LF,
    STEP_TABLE_COUNT,
    STEP_BODY = STEP_TABLE_COUNT,
    STEP_CHUNK_DATA,
    STEP_DONE,
    STEP_FAILED
};

// Everything of the current request but the large buffers.
struct request {
    enum step step;
    int status;
    const char *reason;
    enum http_method method;
    bool http_1_0;
    char word[WORD_MAX]; // the method, then the version
    size_t word_len, target_len;
    size_t query_at; // 0: no '?' yet
    unsigned escape_left, escape;
    size_t fields_len, head_bytes, header_count;
    const char *host;
    bool has_length, chunked, expects_continue, upgrade_header;
    bool connection_close, connection_upgrade;
    uint64_t left;     // bytes of body or chunk still to come
    size_t body_limit; // what this method may carry
    unsigned chunk_digits;
    size_t body_len;
};

struct http_parser {
    struct http_parse_limits limits;
    struct request now;
    char target[HTTP_TARGET_MAX + 1], path[HTTP_TARGET_MAX + 1];
    char fields[HTTP_HEADER_BYTES_MAX + 1]; // name NUL value NUL ...
    struct http_header headers[HTTP_HEADERS_MAX];
    char *body;
    size_t body_cap;
};

static void fail(struct http_parser *p, int status, const char *reason)
{
    p->now.step = STEP_FAILED;
    p->now.status = status;
    p->now.reason = reason;
}

// Places where one byte is the only right one.
static const struct {
    unsigned char want;
    enum step next;
    const char *reason;
} fixed[STEP_TABLE_COUNT] = {
    [STEP_LINE_LF] = {'\n', STEP_FIELD, "a CR without LF"},
    [STEP_CHUNK_CR] = {'\r', STEP_CHUNK_LF, "a chunk is not as long as its size says"},
    [STEP_CHUNK_LF] = {'\n', STEP_CHUNK_SIZE, "a CR without LF"},
    [STEP_LAST_CR] = {'\r', STEP_LAST_LF, "trailers after the last chunk"},
    [STEP_LAST_LF] = {'\n', STEP_DONE, "a CR without LF"},
};

static void step_fixed(struct http_parser *p, unsigned char c)
{
    enum step at = p->now.step;
    if (c == fixed[at].want)
        p->now.step = fixed[at].next;
    else
        fail(p, 400, fixed[at].reason);
}

// ---- request line ----

static void method_end(struct http_parser *p)
{
    p->now.word[p->now.word_len] = '\0';
    if (http_method_parse(p->now.word, &p->now.method))
        p->now.step = STEP_TARGET;
    else
        fail(p, 405, "the method is not one of GET HEAD POST PUT PATCH DELETE OPTIONS");
}

static void step_method(struct http_parser *p, unsigned char c)
{
    if (c == ' ' && p->now.word_len > 0)
        method_end(p);
    else if (!http_byte_is_token(c))
        fail(p, 400, "the request does not start with a method");
    else if (p->now.word_len == WORD_MAX - 1)
        fail(p, 405, "the method is too long");
    else
        p->now.word[p->now.word_len++] = (char)c;
}

static void target_end(struct http_parser *p)
{
    if (p->now.escape_left != 0) {
        fail(p, 400, "the target ends within a percent escape");
        return;
    }
    p->target[p->now.target_len] = '\0';
    size_t path_len = p->now.query_at != 0 ? p->now.query_at - 1 : p->now.target_len;
    memcpy(p->path, p->target, path_len);
    p->path[path_len] = '\0';
    if (http_path_has_dot_segment(p->path)) {
        fail(p, 400, "the path holds a dot segment");
        return;
    }
    p->now.word_len = 0;
    p->now.step = STEP_VERSION;
}

static void target_escape(struct http_parser *p, unsigned char c)
{
    int digit = http_hex_value(c);
    if (digit < 0) {
        fail(p, 400, "a percent escape in the target is not two hex digits");
        return;
    }
    p->now.escape = p->now.escape * 16 + (unsigned)digit;
    if (--p->now.escape_left > 0)
        return;
    if (p->now.escape == 0)
        fail(p, 400, "the target holds an escaped NUL");
    else if (p->now.query_at == 0 && (p->now.escape < 0x20 || p->now.escape == 0x7f))
        fail(p, 400, "the path holds an escaped control byte");
}

static void step_target(struct http_parser *p, unsigned char c)
{
    if (p->now.target_len == 0 && c != '/') {
        fail(p, 400, "the target is not in origin form (it must start with '/')");
        return;
    }
    if (c == ' ') {
        target_end(p);
        return;
    }
    if (!http_byte_is_target(c)) {
        fail(p, 400, "the target holds a byte that must be escaped, or the HTTP version is missing");
        return;
    }
    if (p->now.target_len == HTTP_TARGET_MAX) {
        fail(p, 414, "the target is longer than 4096 bytes");
        return;
    }
    p->target[p->now.target_len++] = (char)c;
    if (p->now.escape_left > 0)
        target_escape(p, c);
    else if (c == '%')
        p->now.escape_left = 2, p->now.escape = 0;
    else if (c == '?' && p->now.query_at == 0)
        p->now.query_at = p->now.target_len;
}

static void version_end(struct http_parser *p)
{
    const char *v = p->now.word;
    if (memcmp(v, "HTTP/", 5) != 0 || !http_is_digit(v[5]) || v[6] != '.' || !http_is_digit(v[7]))
        fail(p, 400, "the request line does not end with an HTTP version");
    else if (v[5] != '1' || v[7] > '1')
        fail(p, 505, "the HTTP version is not 1.1 or 1.0");
    p->now.http_1_0 = v[7] == '0';
}

static void step_version(struct http_parser *p, unsigned char c)
{
    if (p->now.word_len < 8) {
        p->now.word[p->now.word_len++] = (char)c;
        if (p->now.word_len == 8)
            version_end(p);
    } else if (c == '\r') {
        p->now.step = STEP_LINE_LF;
    } else {
        fail(p, 400, "the request line does not end with CR LF after the version");
    }
}

// ---- header fields ----

static bool field_byte_fits(struct http_parser *p)
{
    if (++p->now.head_bytes <= HTTP_HEADER_BYTES_MAX)
        return true;
    fail(p, 431, "the headers are longer than 8192 bytes");
    return false;
}

static void field_put(struct http_parser *p, char c)
{
    CHECK(p->now.fields_len < sizeof p->fields); // never more than head_bytes were stored
    p->fields[p->now.fields_len++] = c;
}

static void step_name(struct http_parser *p, unsigned char c)
{
    if (!field_byte_fits(p))
        return;
    struct http_header *h = &p->headers[p->now.header_count];
    if (c == ':') {
        h->name.len = (uint32_t)p->now.fields_len - h->name.at;
        field_put(p, '\0');
        h->value.at = (uint32_t)p->now.fields_len;
        p->now.step = STEP_VALUE;
    } else if (http_byte_is_token(c)) {
        field_put(p, (char)c);
    } else if (c == ' ' || c == '\t') {
        fail(p, 400, "a blank in a header name or before its colon");
    } else {
        fail(p, 400, "a header name holds a byte that no name may have, or a header line has no colon");
    }
}

static void step_field(struct http_parser *p, unsigned char c)
{
    if (c == '\r') {
        if (field_byte_fits(p))
            p->now.step = STEP_HEAD_LF;
    } else if (c == ' ' || c == '\t') {
        fail(p, 400, "a folded header line");
    } else if (c == ':') {
        fail(p, 400, "an empty header name");
    } else if (p->now.header_count == HTTP_HEADERS_MAX) {
        fail(p, 431, "more than 100 headers");
    } else {
        p->headers[p->now.header_count].name.at = (uint32_t)p->now.fields_len;
        p->now.step = STEP_NAME;
        step_name(p, c);
    }
}

static void step_value(struct http_parser *p, unsigned char c)
{
    if (!field_byte_fits(p))
        return;
    struct http_header *h = &p->headers[p->now.header_count];
    bool blank = c == ' ' || c == '\t';
    if (c == '\r') {
        while (p->now.fields_len > h->value.at &&
               (p->fields[p->now.fields_len - 1] == ' ' || p->fields[p->now.fields_len - 1] == '\t'))
            p->now.fields_len--;
        h->value.len = (uint32_t)p->now.fields_len - h->value.at;
        field_put(p, '\0');
        p->now.step = STEP_VALUE_LF;
    } else if (c == '\n') {
        fail(p, 400, "a LF without CR");
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
        fail(p, 400, "a control byte in a header value");
    } else if (!blank || p->now.fields_len > h->value.at) {
        field_put(p, (char)c);
    }
}

static void field_host(struct http_parser *p, const char *value)
{
    if (p->now.host != NULL)
        fail(p, 400, "more than one Host");
    else if (!http_host_valid(value))
        fail(p, 400, "the Host is not a name or address with an optional port");
    p->now.host = value;
}

static void field_content_length(struct http_parser *p, const char *value)
{
    if (p->now.has_length)
        fail(p, 400, "more than one Content-Length");
    else if (!http_length_parse(value, &p->now.left))
        fail(p, 400, "the Content-Length is not a plain decimal number");
    p->now.has_length = true;
}

static void field_transfer_encoding(struct http_parser *p, const char *value)
{
    if (p->now.chunked)
        fail(p, 400, "more than one Transfer-Encoding");
    else if (!str_equal_nocase(value, "chunked"))
        fail(p, 501, "the Transfer-Encoding is not exactly one chunked");
    p->now.chunked = true;
}

static void field_expect(struct http_parser *p, const char *value)
{
    if (!str_equal_nocase(value, "100-continue"))
        fail(p, 417, "the Expect is not 100-continue");
    p->now.expects_continue = true;
}

static void field_connection(struct http_parser *p, const char *value)
{
    if (!http_connection_options(value, &p->now.connection_close, &p->now.connection_upgrade))
        fail(p, 400, "the Connection header is not a list of tokens");
}

static void field_upgrade(struct http_parser *p, const char *value)
{
    if (*value != '\0')
        p->now.upgrade_header = true;
}

static const struct {
    const char *name;
    void (*take)(struct http_parser *p, const char *value);
} known_fields[] = {
    {"host", field_host},     {"content-length", field_content_length}, {"transfer-encoding", field_transfer_encoding},
    {"expect", field_expect}, {"connection", field_connection},         {"upgrade", field_upgrade},
};

static void step_value_lf(struct http_parser *p, unsigned char c)
{
    if (c != '\n') {
        fail(p, 400, "a CR without LF");
        return;
    }
    if (!field_byte_fits(p))
        return;
    const struct http_header *h = &p->headers[p->now.header_count++];
    p->now.step = STEP_FIELD;
    for (size_t i = 0; i < ARRAY_LEN(known_fields); i++) {
        if (str_equal_nocase(p->fields + h->name.at, known_fields[i].name))
            known_fields[i].take(p, p->fields + h->value.at);
    }
}

// ---- end of the head ----

static void body_rules(struct http_parser *p)
{
    bool reads = p->now.method == HTTP_GET || p->now.method == HTTP_HEAD || p->now.method == HTTP_OPTIONS;
    p->now.body_limit = p->limits.body_max;
    if (p->now.method == HTTP_DELETE && p->now.body_limit > HTTP_DELETE_BODY_MAX)
        p->now.body_limit = HTTP_DELETE_BODY_MAX;
    if (reads && (p->now.chunked || p->now.left > 0))
        fail(p, 400, "a body with GET, HEAD or OPTIONS");
    else if (p->now.left > p->now.body_limit)
        fail(p, 413, "the body is longer than this server accepts");
    else if (p->now.chunked)
        p->now.step = STEP_CHUNK_SIZE;
    else
        p->now.step = p->now.left > 0 ? STEP_BODY : STEP_DONE;
}

static void step_head_lf(struct http_parser *p, unsigned char c)
{
    if (c != '\n')
        fail(p, 400, "a CR without LF");
    else if (!field_byte_fits(p))
        return;
    else if (p->now.host == NULL)
        fail(p, 400, "no Host");
    else if (p->now.chunked && p->now.has_length)
        fail(p, 400, "both Transfer-Encoding and Content-Length");
    else if (p->now.chunked && p->now.http_1_0)
        fail(p, 400, "Transfer-Encoding in HTTP/1.0");
    else
        body_rules(p);
}

// ---- body ----

static void body_add(struct http_parser *p, const char *bytes, size_t len)
{
    CHECK(len <= p->now.body_limit - p->now.body_len);
    if (p->now.body_len + len + 1 > p->body_cap) { // grows with what came, not with what was announced
        size_t cap = p->body_cap * 2 > p->now.body_len + len + 1 ? p->body_cap * 2 : p->now.body_len + len + 1;
        p->body = check_realloc(p->body, cap);
        p->body_cap = cap;
    }
    memcpy(p->body + p->now.body_len, bytes, len);
    p->now.body_len += len;
    p->body[p->now.body_len] = '\0';
}

static size_t take_body(struct http_parser *p, const char *bytes, size_t len)
{
    size_t n = p->now.left < len ? (size_t)p->now.left : len;
    body_add(p, bytes, n);
    p->now.left -= n;
    if (p->now.left == 0)
        p->now.step = p->now.step == STEP_BODY ? STEP_DONE : STEP_CHUNK_CR;
    return n;
}

static void step_chunk_size(struct http_parser *p, unsigned char c)
{
    int digit = http_hex_value(c);
    if (c == '\r' && p->now.chunk_digits > 0)
        p->now.step = STEP_CHUNK_SIZE_LF;
    else if (c == ';')
        fail(p, 400, "a chunk extension");
    else if (digit < 0)
        fail(p, 400, "a chunk size is not a plain hex number");
    else if (p->now.chunk_digits == CHUNK_DIGITS_MAX)
        fail(p, 400, "a chunk size has more than 8 digits");
    else {
        p->now.left = p->now.left * 16 + (unsigned)digit;
        p->now.chunk_digits++;
    }
}

static void step_chunk_size_lf(struct http_parser *p, unsigned char c)
{
    p->now.chunk_digits = 0;
    if (c != '\n')
        fail(p, 400, "a CR without LF");
    else if (p->now.left > p->now.body_limit - p->now.body_len)
        fail(p, 413, "the body is longer than this server accepts");
    else
        p->now.step = p->now.left > 0 ? STEP_CHUNK_DATA : STEP_LAST_CR;
}

static void (*const steps[STEP_TABLE_COUNT])(struct http_parser *p, unsigned char c) = {
    [STEP_METHOD] = step_method,
    [STEP_TARGET] = step_target,
    [STEP_VERSION] = step_version,
    [STEP_LINE_LF] = step_fixed,
    [STEP_FIELD] = step_field,
    [STEP_NAME] = step_name,
    [STEP_VALUE] = step_value,
    [STEP_VALUE_LF] = step_value_lf,
    [STEP_HEAD_LF] = step_head_lf,
    [STEP_CHUNK_SIZE] = step_chunk_size,
    [STEP_CHUNK_SIZE_LF] = step_chunk_size_lf,
    [STEP_CHUNK_CR] = step_fixed,
    [STEP_CHUNK_LF] = step_fixed,
    [STEP_LAST_CR] = step_fixed,
    [STEP_LAST_LF] = step_fixed,
};

size_t http_parser_feed(struct http_parser *p, const char *bytes, size_t len)
{
    CHECK(p->now.step != STEP_FAILED);
    size_t i = 0;
    while (i < len && p->now.step != STEP_DONE && p->now.step != STEP_FAILED) {
        if (p->now.step < STEP_TABLE_COUNT)
            steps[p->now.step](p, (unsigned char)bytes[i++]);
        else
            i += take_body(p, bytes + i, len - i);
    }
    return i;
}

// ---- life and answers ----

struct http_parser *http_parser_new(const struct http_parse_limits *limits)
{
    struct http_parser *p = check_alloc(1, sizeof *p);
    p->limits = *limits;
    return p;
}

void http_parser_free(struct http_parser *p)
{
    if (p == NULL)
        return;
    free(p->body);
    free(p);
}

// Clears what was used and no more (the buffers are large); the last request's header values may be secrets.
void http_parser_reset(struct http_parser *p)
{
    mem_wipe(p->fields, p->now.fields_len);
    memset(p->target, 0, p->now.target_len);
    memset(p->path, 0, p->now.target_len);
    if (p->body_cap > BODY_KEEP_MAX) {
        free(p->body);
        p->body = NULL;
        p->body_cap = 0;
    }
    p->now = (struct request){0};
}

enum http_parse_state http_parser_state(const struct http_parser *p)
{
    if (p->now.step == STEP_FAILED)
        return HTTP_PARSE_FAILED;
    if (p->now.step == STEP_DONE)
        return HTTP_PARSE_DONE;
    return p->now.step < STEP_CHUNK_SIZE ? HTTP_PARSE_HEAD : HTTP_PARSE_BODY;
}

int http_parser_status(const struct http_parser *p)
{
    return p->now.status;
}

const char *http_parser_reason(const struct http_parser *p)
{
    return p->now.reason != NULL ? p->now.reason : "";
}

bool http_parser_head_done(const struct http_parser *p)
{
    return p->now.step >= STEP_CHUNK_SIZE && p->now.step != STEP_FAILED;
}

enum http_method http_parser_method(const struct http_parser *p)
{
    return p->now.method;
}

const char *http_parser_target(const struct http_parser *p)
{
    return p->target;
}

const char *http_parser_path(const struct http_parser *p)
{
    return p->path;
}

const char *http_parser_query(const struct http_parser *p)
{
    return p->now.query_at != 0 ? p->target + p->now.query_at : "";
}

const char *http_parser_host(const struct http_parser *p)
{
    return p->now.host != NULL ? p->now.host : "";
}

const char *http_parser_header(const struct http_parser *p, const char *name)
{
    for (size_t i = 0; i < p->now.header_count; i++) {
        if (str_equal_nocase(p->fields + p->headers[i].name.at, name))
            return p->fields + p->headers[i].value.at;
    }
    return NULL;
}

size_t http_parser_header_count(const struct http_parser *p)
{
    return p->now.header_count;
}

void http_parser_header_at(const struct http_parser *p, size_t i, const char **name, const char **value)
{
    CHECK(i < p->now.header_count);
    *name = p->fields + p->headers[i].name.at;
    *value = p->fields + p->headers[i].value.at;
}

bool http_parser_keep_alive(const struct http_parser *p)
{
    return !p->now.http_1_0 && !p->now.connection_close;
}

bool http_parser_expects_continue(const struct http_parser *p)
{
    return p->now.expects_continue && !p->now.http_1_0;
}

bool http_parser_wants_upgrade(const struct http_parser *p)
{
    return p->now.connection_upgrade && p->now.upgrade_header && !p->now.http_1_0;
}

const char *http_parser_body(const struct http_parser *p, size_t *len)
{
    *len = p->now.body_len;
    return p->now.body_len > 0 ? p->body : "";
}
