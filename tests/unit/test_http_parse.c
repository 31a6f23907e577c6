// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The request parser, form by form: each row is fed whole, byte by byte, and split at every position, always with the
// same verdict. `test_http_parse --write-corpus DIR` writes one file per row (the seeds of tests/fuzz).
#include "lib/base/http_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BODY_MAX 64
#define HOST "Host: localhost:8001\r\n"
#define GET_WITH(fields) "GET / HTTP/1.1\r\n" HOST fields "\r\n"
#define POST_WITH(fields, body) "POST /v2/orders HTTP/1.1\r\n" HOST fields "\r\n" body
#define CHUNKED(body) POST_WITH("Transfer-Encoding: chunked\r\n", body)

struct row {
    const char *name;
    int status; // 0: accepted
    const char *bytes;
    size_t len;
    const char *prefix, *unit, *suffix; // or: prefix, unit repeated `times`, suffix
    size_t times;
    enum http_method method; // accepted rows only, from here on
    const char *path, *query, *body;
    bool closes;
};

#define BAD(row_name, answer, literal)                                                                                 \
    {                                                                                                                  \
        .name = row_name, .status = answer, .bytes = literal, .len = sizeof(literal) - 1                               \
    }
#define BAD_LONG(row_name, answer, before, what, count, after)                                                         \
    {                                                                                                                  \
        .name = row_name, .status = answer, .prefix = before, .unit = what, .times = count, .suffix = after            \
    }
#define GOOD(row_name, how, want_path, want_query, want_body, literal)                                                 \
    {                                                                                                                  \
        .name = row_name, .bytes = literal, .len = sizeof(literal) - 1, .method = how, .path = want_path,              \
        .query = want_query, .body = want_body                                                                         \
    }
#define GOOD_CLOSES(row_name, literal)                                                                                 \
    {                                                                                                                  \
        .name = row_name, .bytes = literal, .len = sizeof(literal) - 1, .path = "/", .query = "", .body = "",          \
        .closes = true                                                                                                 \
    }

static const struct row rows[] = {
    // Transfer-Encoding other than exactly one chunked
    BAD("te_gzip", 501, POST_WITH("Transfer-Encoding: gzip\r\n", "0\r\n\r\n")),
    BAD("te_identity", 501, POST_WITH("Transfer-Encoding: identity\r\n", "")),
    BAD("te_gzip_chunked", 501, POST_WITH("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
    BAD("te_chunked_chunked", 501, POST_WITH("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")),
    BAD("te_chunked_comma", 501, POST_WITH("Transfer-Encoding: chunked,\r\n", "0\r\n\r\n")),
    BAD("te_xchunked", 501, POST_WITH("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
    BAD("te_quoted", 501, POST_WITH("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")),
    BAD("te_parameter", 501, POST_WITH("Transfer-Encoding: chunked;a=b\r\n", "0\r\n\r\n")),
    BAD("te_empty", 501, POST_WITH("Transfer-Encoding:\r\n", "")),
    BAD("te_vertical_tab", 400,
        POST_WITH("Transfer-Encoding: \x0b"
                  "chunked\r\n",
                  "0\r\n\r\n")),
    BAD("te_twice", 400, POST_WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
    BAD("te_then_identity", 400, POST_WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "")),
    BAD("te_space_colon", 400, POST_WITH("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")),
    BAD("te_http_1_0", 400, "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD("te_with_cl", 400, POST_WITH("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")),
    BAD("cl_with_te", 400, POST_WITH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
    BAD("cl_zero_with_te", 400, POST_WITH("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
    BAD("te_on_get", 400, GET_WITH("Transfer-Encoding: chunked\r\n") "0\r\n\r\n"),
    // Content-Length
    BAD("cl_space_colon", 400, POST_WITH("Content-Length : 5\r\n", "12345")),
    BAD("cl_tab_colon", 400, POST_WITH("Content-Length\t: 5\r\n", "12345")),
    BAD("cl_plus", 400, POST_WITH("Content-Length: +5\r\n", "12345")),
    BAD("cl_minus", 400, POST_WITH("Content-Length: -5\r\n", "12345")),
    BAD("cl_list", 400, POST_WITH("Content-Length: 5,5\r\n", "12345")),
    BAD("cl_list_blank", 400, POST_WITH("Content-Length: 5, 5\r\n", "12345")),
    BAD("cl_hex", 400, POST_WITH("Content-Length: 0x5\r\n", "12345")),
    BAD("cl_leading_zero", 400, POST_WITH("Content-Length: 05\r\n", "12345")),
    BAD("cl_double_zero", 400, POST_WITH("Content-Length: 00\r\n", "")),
    BAD("cl_fraction", 400, POST_WITH("Content-Length: 5.0\r\n", "12345")),
    BAD("cl_letters", 400, POST_WITH("Content-Length: 5a\r\n", "12345")),
    BAD("cl_inner_blank", 400, POST_WITH("Content-Length: 5 5\r\n", "12345")),
    BAD("cl_empty", 400, POST_WITH("Content-Length:\r\n", "")),
    BAD("cl_blank", 400, POST_WITH("Content-Length: \t \r\n", "")),
    BAD("cl_equal_twice", 400, POST_WITH("Content-Length: 5\r\nContent-Length: 5\r\n", "12345")),
    BAD("cl_two_values", 400, POST_WITH("Content-Length: 5\r\nContent-Length: 6\r\n", "123456")),
    BAD("cl_above_cap", 413, POST_WITH("Content-Length: 65\r\n", "")),
    BAD("cl_wraps_64_bit", 413, POST_WITH("Content-Length: 18446744073709551621\r\n", "12345")),
    BAD("cl_30_digits", 413, POST_WITH("Content-Length: 100000000000000000000000000005\r\n", "12345")),
    // chunks
    BAD("chunk_plus", 400, CHUNKED("+5\r\n12345\r\n0\r\n\r\n")),
    BAD("chunk_minus", 400, CHUNKED("-5\r\n12345\r\n0\r\n\r\n")),
    BAD("chunk_0x", 400, CHUNKED("0x5\r\n12345\r\n0\r\n\r\n")),
    BAD("chunk_leading_space", 400, CHUNKED(" 5\r\n12345\r\n0\r\n\r\n")),
    BAD("chunk_trailing_space", 400, CHUNKED("5 \r\n12345\r\n0\r\n\r\n")),
    BAD("chunk_empty_size", 400, CHUNKED("\r\n12345\r\n0\r\n\r\n")),
    BAD("chunk_extension", 400, CHUNKED("5;a=b\r\n12345\r\n0\r\n\r\n")),
    BAD("chunk_extension_empty", 400, CHUNKED("5;\r\n12345\r\n0\r\n\r\n")),
    BAD("chunk_extension_lf", 400, CHUNKED("5;\n12345\r\n0\r\n\r\n")),
    BAD("chunk_9_digits", 400, CHUNKED("000000005\r\n12345\r\n0\r\n\r\n")),
    BAD("chunk_overflow_64", 400, CHUNKED("10000000000000005\r\n12345\r\n0\r\n\r\n")),
    BAD("chunk_above_cap", 413, CHUNKED("41\r\n")),
    BAD("chunk_huge", 413, CHUNKED("ffffffff\r\n12345\r\n0\r\n\r\n")),
    BAD("chunks_sum_above_cap", 413, CHUNKED("1\r\nx\r\n40\r\n")),
    BAD("chunk_size_bare_lf", 400, CHUNKED("5\n12345\r\n0\r\n\r\n")),
    BAD("chunk_size_bare_cr", 400, CHUNKED("5\r12345\r\n0\r\n\r\n")),
    BAD("chunk_data_too_long", 400, CHUNKED("5\r\n123456\r\n0\r\n\r\n")),
    BAD("chunk_data_bare_lf", 400, CHUNKED("5\r\n12345\n0\r\n\r\n")),
    BAD("chunk_data_bare_cr", 400, CHUNKED("5\r\n12345\r0\r\n\r\n")),
    BAD("chunk_last_bare_lf", 400, CHUNKED("0\r\n\n")),
    BAD("chunk_last_bare_cr", 400, CHUNKED("0\r\n\rX")),
    BAD("chunk_trailer", 400, CHUNKED("0\r\nX-Late: 1\r\n\r\n")),
    // line ends
    BAD("lf_request_line", 400, "GET / HTTP/1.1\n" HOST "\r\n"),
    BAD("lf_header", 400, "GET / HTTP/1.1\r\nHost: localhost:8001\n\r\n"),
    BAD("lf_end_of_head", 400, "GET / HTTP/1.1\r\n" HOST "\n"),
    BAD("lf_in_name", 400, GET_WITH("X-A\nB: 1\r\n")),
    BAD("lf_everywhere", 400, "GET / HTTP/1.1\nHost: localhost:8001\n\n"),
    BAD("cr_request_line", 400, "GET / HTTP/1.1\rX" HOST "\r\n"),
    BAD("cr_in_target", 400, "GET /\r HTTP/1.1\r\n" HOST "\r\n"),
    BAD("cr_in_value", 400, GET_WITH("X-A: a\rb\r\n")),
    BAD("cr_smuggles_header", 400, GET_WITH("X-A: a\rContent-Length: 5\r\n")),
    BAD("cr_cr_lf", 400, GET_WITH("X-A: a\r\r\n")),
    BAD("cr_end_of_head", 400, "GET / HTTP/1.1\r\n" HOST "\rX"),
    // folded lines
    BAD("fold_space", 400, GET_WITH("X-Us: admin\r\n er: x\r\n")),
    BAD("fold_tab", 400, GET_WITH("X-A: a\r\n\tb\r\n")),
    BAD("fold_content_length", 400, POST_WITH("Content-Length:\r\n 5\r\n", "12345")),
    BAD("fold_first_line", 400, "GET / HTTP/1.1\r\n " HOST "\r\n"),
    // Host
    BAD("host_missing", 400, "GET / HTTP/1.1\r\n\r\n"),
    BAD("host_missing_1_0", 400, "GET / HTTP/1.0\r\n\r\n"),
    BAD("host_twice", 400, GET_WITH(HOST)),
    BAD("host_two_values", 400, GET_WITH("Host: evil.example\r\n")),
    BAD("host_empty", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    BAD("host_list", 400, "GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n"),
    BAD("host_user_info", 400, "GET / HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n"),
    BAD("host_path", 400, "GET / HTTP/1.1\r\nHost: localhost/x\r\n\r\n"),
    BAD("host_port_empty", 400, "GET / HTTP/1.1\r\nHost: localhost:\r\n\r\n"),
    BAD("host_port_zero", 400, "GET / HTTP/1.1\r\nHost: localhost:0\r\n\r\n"),
    BAD("host_port_too_large", 400, "GET / HTTP/1.1\r\nHost: localhost:65536\r\n\r\n"),
    BAD("host_port_letters", 400, "GET / HTTP/1.1\r\nHost: localhost:80a\r\n\r\n"),
    BAD("host_bracket_open", 400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    BAD("host_bracket_empty", 400, "GET / HTTP/1.1\r\nHost: []\r\n\r\n"),
    BAD("host_bracket_tail", 400, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"),
    BAD("host_utf8", 400,
        "GET / HTTP/1.1\r\nHost: l\xc3\xb6"
        "cal\r\n\r\n"),
    // versions
    BAD("http_0_9_simple", 400, "GET /\r\n"),
    BAD("http_0_9", 505, "GET / HTTP/0.9\r\n" HOST "\r\n"),
    BAD("http_1_2", 505, "GET / HTTP/1.2\r\n" HOST "\r\n"),
    BAD("http_1_9", 505, "GET / HTTP/1.9\r\n" HOST "\r\n"),
    BAD("http_2_0", 505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
    BAD("http_1_10", 400, "GET / HTTP/1.10\r\n" HOST "\r\n"),
    BAD("http_11_1", 400, "GET / HTTP/11.1\r\n" HOST "\r\n"),
    BAD("http_lower_case", 400, "GET / http/1.1\r\n" HOST "\r\n"),
    BAD("http_no_minor", 400, "GET / HTTP/1\r\n" HOST "\r\n"),
    BAD("http_2_preface", 405, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    BAD("version_trailing_blank", 400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    BAD("version_missing", 400, "GET / \r\n" HOST "\r\n"),
    BAD("tls_hello", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    // targets
    BAD("absolute_form", 400, "GET http://localhost:8001/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD("authority_form", 400, "GET localhost:8001 HTTP/1.1\r\n" HOST "\r\n"),
    BAD("asterisk_form", 400, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    BAD("connect", 405, "CONNECT localhost:443 HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_empty", 400, "GET  HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_two_blanks", 400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_blank_inside", 400, "GET /a b HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_tab", 400, "GET /a\tb HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_nul", 400, "GET /a\0b HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_control", 400,
        "GET /a\x01"
        "b HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_delete", 400, "GET /a\x7f HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_utf8", 400, "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_fragment", 400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_backslash", 400, "GET /a\\b HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_quote", 400, "GET /?a=\"b\" HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_escape_bad", 400, "GET /%zz HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_escape_half", 400, "GET /%2 HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_escape_short", 400, "GET /?a=% HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_escape_nul", 400, "GET /%00 HTTP/1.1\r\n" HOST "\r\n"),
    BAD("query_escape_nul", 400, "GET /?a=%00 HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_escape_newline", 400, "GET /a%0d%0aX HTTP/1.1\r\n" HOST "\r\n"),
    BAD("target_escape_delete", 400, "GET /a%7f HTTP/1.1\r\n" HOST "\r\n"),
    BAD("dot_segment", 400, "GET /v2/./orders HTTP/1.1\r\n" HOST "\r\n"),
    BAD("dot_dot_segment", 400, "GET /health/../v2/orders HTTP/1.1\r\n" HOST "\r\n"),
    BAD("dot_dot_end", 400, "GET /v2/.. HTTP/1.1\r\n" HOST "\r\n"),
    BAD("dot_dot_escaped", 400, "GET /health/%2e%2E/v2/orders HTTP/1.1\r\n" HOST "\r\n"),
    BAD("dot_dot_slash_escaped", 400, "GET /health/..%2fv2/orders HTTP/1.1\r\n" HOST "\r\n"),
    BAD_LONG("target_4097", 414, "GET /", "a", 4096, " HTTP/1.1\r\n" HOST "\r\n"),
    // methods
    BAD("method_unknown", 405, "BREW / HTTP/1.1\r\n" HOST "\r\n"),
    BAD("method_trace", 405, "TRACE / HTTP/1.1\r\n" HOST "\r\n"),
    BAD("method_lower_case", 405, "get / HTTP/1.1\r\n" HOST "\r\n"),
    BAD("method_too_long", 405, "ABCDEFGHIJKLMNOP / HTTP/1.1\r\n" HOST "\r\n"),
    BAD_LONG("method_endless", 405, "", "A", 5000, ""),
    BAD("method_empty", 400, " / HTTP/1.1\r\n" HOST "\r\n"),
    BAD("method_nul", 400, "G\0ET / HTTP/1.1\r\n" HOST "\r\n"),
    BAD("method_bracket", 400, "{GET} / HTTP/1.1\r\n" HOST "\r\n"),
    BAD("leading_crlf", 400, "\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    BAD("leading_lf", 400, "\nGET / HTTP/1.1\r\n" HOST "\r\n"),
    // header names and values
    BAD("name_empty", 400, GET_WITH(": x\r\n")),
    BAD("name_empty_before_name", 400, GET_WITH(":X-A: x\r\n")),
    BAD("name_space_colon", 400, GET_WITH("X-A : x\r\n")),
    BAD("name_inner_space", 400, GET_WITH("X A: x\r\n")),
    BAD("name_nul", 400, GET_WITH("X\0A: x\r\n")),
    BAD("name_control", 400, GET_WITH("X\x01: x\r\n")),
    BAD("name_utf8", 400, GET_WITH("X\xc3\xa4: x\r\n")),
    BAD("name_bracket", 400, GET_WITH("X(A): x\r\n")),
    BAD("name_no_colon", 400, GET_WITH("X-A\r\n")),
    BAD("value_nul", 400, GET_WITH("X-A: a\0b\r\n")),
    BAD("value_control", 400, GET_WITH("X-A: a\x1b[1m\r\n")),
    BAD("value_delete", 400, GET_WITH("X-A: a\x7f\r\n")),
    BAD("connection_no_list", 400, GET_WITH("Connection: close;x\r\n")),
    BAD("connection_no_comma", 400, GET_WITH("Connection: keep-alive close\r\n")),
    BAD_LONG("headers_101", 431, "GET / HTTP/1.1\r\n" HOST, "A: b\r\n", 100, "\r\n"),
    BAD_LONG("header_bytes_name", 431, "GET / HTTP/1.1\r\n" HOST, "a", 8192, ": b\r\n\r\n"),
    BAD_LONG("header_bytes_value", 431, "GET / HTTP/1.1\r\n" HOST "X-A: ", "a", 8192, "\r\n\r\n"),
    BAD_LONG("header_bytes_blanks", 431, "GET / HTTP/1.1\r\n" HOST "X-A:", " ", 8192, "\r\n\r\n"),
    BAD_LONG("header_bytes_last", 431, "GET / HTTP/1.1\r\n" HOST "X-A: ", "a", 8192 - 22 - 8, "\r\n\r\n"),
    BAD("expect_unknown", 417, POST_WITH("Expect: 200-ok\r\nContent-Length: 1\r\n", "x")),
    BAD("expect_list", 417, POST_WITH("Expect: 100-continue, x\r\nContent-Length: 1\r\n", "x")),
    BAD("expect_empty", 417, POST_WITH("Expect:\r\nContent-Length: 1\r\n", "x")),
    // bodies where none belongs
    BAD("body_on_get", 400, GET_WITH("Content-Length: 1\r\n") "x"),
    BAD("body_on_head", 400, "HEAD / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"),
    BAD("body_on_options", 400, "OPTIONS / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"),

    // what must keep working
    GOOD("get", HTTP_GET, "/health", "", "", "GET /health HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("get_query", HTTP_GET, "/v2/orders", "status=open&limit=5", "",
         "GET /v2/orders?status=open&limit=5 HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("get_query_question", HTTP_GET, "/", "a=?&b=/../", "", "GET /?a=?&b=/../ HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("get_query_newline", HTTP_GET, "/", "a=%0A", "", "GET /?a=%0A HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("get_json_type", HTTP_GET, "/v2/account", "", "",
         "GET /v2/account HTTP/1.1\r\n" HOST "content-type: application/json\r\n"
         "APCA-API-KEY-ID: PKSIM0123456789\r\nAPCA-API-SECRET-KEY: s\r\nUser-Agent: APCA-NODE/4.0.2 Node/20\r\n\r\n"),
    GOOD("get_length_zero", HTTP_GET, "/", "", "", GET_WITH("Content-Length: 0\r\n")),
    GOOD("double_slash", HTTP_GET, "//v2/account", "", "", "GET //v2/account HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("doubled_version", HTTP_GET, "/v2/v2/account", "", "", "GET /v2/v2/account HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("escaped_colon", HTTP_GET, "/v2/orders%3Aby_client_order_id", "client_order_id=a%20b", "",
         "GET /v2/orders%3Aby_client_order_id?client_order_id=a%20b HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("plain_colon", HTTP_GET, "/v2/orders:by_client_order_id", "client_order_id=x", "",
         "GET /v2/orders:by_client_order_id?client_order_id=x HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("dotted_symbol", HTTP_GET, "/v2/positions/BRK.B", "", "", "GET /v2/positions/BRK.B HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("crypto_pair", HTTP_GET, "/v2/positions/BTC%2FUSD", "", "",
         "GET /v2/positions/BTC%2FUSD HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("three_dots", HTTP_GET, "/.../..a/.b", "", "", "GET /.../..a/.b HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("post", HTTP_POST, "/v2/orders", "", "{\"qty\":1}", POST_WITH("Content-Length: 9\r\n", "{\"qty\":1}")),
    GOOD("post_text_plain", HTTP_POST, "/v2/orders", "", "{}",
         POST_WITH("Content-Type: text/plain;charset=UTF-8\r\nContent-Length: 2\r\n", "{}")),
    GOOD("post_no_body", HTTP_POST, "/v2/orders", "", "", POST_WITH("", "")),
    GOOD("post_body_at_cap", HTTP_POST, "/v2/orders", "",
         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         POST_WITH("Content-Length: 64\r\n", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")),
    GOOD("post_chunked", HTTP_POST, "/v2/orders", "", "hello world", CHUNKED("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")),
    GOOD("post_chunked_cased", HTTP_POST, "/v2/orders", "", "0123456789",
         POST_WITH("transfer-encoding:Chunked\r\n", "0000000A\r\n0123456789\r\n00\r\n\r\n")),
    GOOD("post_chunked_empty", HTTP_POST, "/v2/orders", "", "", CHUNKED("0\r\n\r\n")),
    GOOD("post_chunk_at_cap", HTTP_POST, "/v2/orders", "",
         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         CHUNKED("1\r\n0\r\n3f\r\n123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n0\r\n\r\n")),
    GOOD("expect", HTTP_POST, "/v2/orders", "", "x", POST_WITH("Expect: 100-Continue\r\nContent-Length: 1\r\n", "x")),
    GOOD("put", HTTP_PUT, "/v2/watchlists/1", "", "{}",
         "PUT /v2/watchlists/1 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}"),
    GOOD("patch", HTTP_PATCH, "/v2/orders/1", "", "{}",
         "PATCH /v2/orders/1 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}"),
    GOOD("delete_empty_type", HTTP_DELETE, "/v2/orders/1", "", "",
         "DELETE /v2/orders/1 HTTP/1.1\r\n" HOST "content-type: \r\n\r\n"),
    GOOD("delete_body", HTTP_DELETE, "/v2/orders", "", "{}",
         "DELETE /v2/orders HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}"),
    GOOD("head", HTTP_HEAD, "/", "", "", "HEAD / HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("options", HTTP_OPTIONS, "/", "", "", "OPTIONS / HTTP/1.1\r\n" HOST "\r\n"),
    GOOD("value_utf8_and_tab", HTTP_GET, "/", "", "", GET_WITH("X-A: \t caf\xc3\xa9\ta \t\r\n")),
    GOOD("value_no_blank", HTTP_GET, "/", "", "", "GET / HTTP/1.1\r\nHost:[::1]:8001\r\n\r\n"),
    GOOD("host_without_port", HTTP_GET, "/", "", "", "GET / HTTP/1.1\r\nHost: staging_1.example\r\n\r\n"),
    GOOD("websocket", HTTP_GET, "/stream", "", "",
         "GET /stream HTTP/1.1\r\n" HOST "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
    GOOD_CLOSES("connection_close", GET_WITH("Connection: ,Close ,x\r\n")),
    GOOD_CLOSES("connection_close_second", GET_WITH("Connection: keep-alive\r\nConnection: close\r\n")),
    GOOD_CLOSES("http_1_0", "GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n"),
};

static char *row_text(const struct row *r, size_t *len)
{
    if (r->bytes != NULL) {
        char *copy = check_alloc(r->len + 1, 1);
        memcpy(copy, r->bytes, r->len);
        *len = r->len;
        return copy;
    }
    size_t before = strlen(r->prefix), unit = strlen(r->unit), after = strlen(r->suffix);
    char *text = check_alloc(before + unit * r->times + after + 1, 1), *at = text;
    at = mempcpy(at, r->prefix, before);
    for (size_t i = 0; i < r->times; i++)
        at = mempcpy(at, r->unit, unit);
    at = mempcpy(at, r->suffix, after);
    *len = (size_t)(at - text);
    return text;
}

// Feeds an exact-size copy, so that a reader past the end is seen by the address sanitizer.
static size_t feed(struct http_parser *p, const char *bytes, size_t len)
{
    if (http_parser_state(p) == HTTP_PARSE_DONE || http_parser_state(p) == HTTP_PARSE_FAILED)
        return 0;
    char *copy = check_alloc(len > 0 ? len : 1, 1);
    memcpy(copy, bytes, len);
    size_t taken = http_parser_feed(p, copy, len);
    free(copy);
    return taken;
}

static void check_accepted(const struct http_parser *p, const struct row *r)
{
    size_t len;
    assert_int_equal(http_parser_state(p), HTTP_PARSE_DONE);
    assert_true(http_parser_head_done(p));
    assert_int_equal(http_parser_method(p), r->method);
    assert_string_equal(http_parser_path(p), r->path);
    assert_string_equal(http_parser_query(p), r->query);
    assert_string_equal(http_parser_body(p, &len), r->body);
    assert_int_equal(len, strlen(r->body));
    assert_int_equal(http_parser_keep_alive(p), !r->closes);
}

static void check_verdict(const struct http_parser *p, const struct row *r, const char *reason)
{
    if (r->status == 0) {
        check_accepted(p, r);
        return;
    }
    assert_int_equal(http_parser_state(p), HTTP_PARSE_FAILED);
    assert_int_equal(http_parser_status(p), r->status);
    assert_string_equal(http_parser_reason(p), reason);
    assert_false(http_parser_head_done(p));
}

static void one_form(void **state)
{
    const struct row *r = *state;
    struct http_parser *p = http_parser_new(&(struct http_parse_limits){.body_max = BODY_MAX});
    size_t len;
    char *text = row_text(r, &len);
    size_t taken = feed(p, text, len);
    const char *reason = http_parser_reason(p);
    check_verdict(p, r, reason);
    assert_true(r->status != 0 ? *reason != '\0' && taken <= len : taken == len);

    http_parser_reset(p);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(feed(p, text + i, 1), i < taken ? 1 : 0);
    check_verdict(p, r, reason);

    for (size_t cut = 0; cut <= len; cut++) {
        http_parser_reset(p);
        size_t first = feed(p, text, cut);
        assert_int_equal(first, cut < taken ? cut : taken);
        if (cut < taken)
            assert_int_not_equal(http_parser_state(p), HTTP_PARSE_DONE);
        assert_int_equal(first + feed(p, text + first, len - first), taken);
        check_verdict(p, r, reason);
    }
    http_parser_free(p);
    free(text);
}

static void headers_are_found(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: \t one \r\nx-a: two\r\nEmpty:\r\n"
                               "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    struct http_parser *p = http_parser_new(&(struct http_parse_limits){.body_max = BODY_MAX});
    assert_int_equal(feed(p, text, sizeof text - 1), sizeof text - 1);
    assert_string_equal(http_parser_header(p, "x-A"), "one");
    assert_string_equal(http_parser_header(p, "EMPTY"), "");
    assert_null(http_parser_header(p, "X"));
    assert_string_equal(http_parser_host(p), "localhost");
    assert_string_equal(http_parser_target(p), "/");
    assert_int_equal(http_parser_header_count(p), 6);
    const char *name, *value;
    http_parser_header_at(p, 2, &name, &value);
    assert_string_equal(name, "x-a");
    assert_string_equal(value, "two");
    assert_true(http_parser_wants_upgrade(p));
    assert_false(http_parser_expects_continue(p));
    http_parser_reset(p);
    assert_int_equal(http_parser_header_count(p), 0);
    assert_null(http_parser_header(p, "x-a"));
    assert_string_equal(http_parser_host(p), "");
    assert_string_equal(http_parser_target(p), "");
    assert_false(http_parser_wants_upgrade(p));
    http_parser_free(p);
}

static void bytes_after_the_end_are_left(void **state)
{
    (void)state;
    static const char two[] =
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\nHost: a\r\n\r\n";
    struct http_parser *p = http_parser_new(&(struct http_parse_limits){.body_max = BODY_MAX});
    size_t taken = feed(p, two, sizeof two - 1);
    assert_string_equal(http_parser_path(p), "/a");
    assert_memory_equal(two + taken, "GET /b", 6);
    assert_int_equal(http_parser_feed(p, two + taken, 1), 0);
    http_parser_reset(p);
    taken += feed(p, two + taken, sizeof two - 1 - taken);
    assert_int_equal(taken, sizeof two - 1);
    assert_string_equal(http_parser_path(p), "/b");
    http_parser_free(p);
}

static void a_long_path_leaves_no_trace(void **state)
{
    (void)state;
    struct http_parser *p = http_parser_new(&(struct http_parse_limits){.body_max = BODY_MAX});
    feed(p, "GET /abcdefgh?q HTTP/1.1\r\nHost: a\r\n\r\n", 37);
    http_parser_reset(p);
    feed(p, "GET /z HTTP/1.1\r\nHost: a\r\n\r\n", 28);
    assert_string_equal(http_parser_path(p), "/z");
    assert_string_equal(http_parser_target(p), "/z");
    assert_string_equal(http_parser_query(p), "");
    http_parser_free(p);
}

static void delete_body_has_its_own_cap(void **state)
{
    (void)state;
    struct http_parser *p = http_parser_new(&(struct http_parse_limits){.body_max = 1000000});
    static const char head[] = "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 4097\r\n\r\n";
    feed(p, head, sizeof head - 1);
    assert_int_equal(http_parser_status(p), 413);
    http_parser_reset(p);
    static const char post[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4097\r\n\r\n";
    feed(p, post, sizeof post - 1);
    assert_int_equal(http_parser_state(p), HTTP_PARSE_BODY);
    http_parser_free(p);
}

static void limits_are_inclusive(void **state)
{
    (void)state;
    static const struct row at_limit[] = {
        BAD_LONG("target_4096", 0, "GET /", "a", 4095, " HTTP/1.1\r\n" HOST "\r\n"),
        BAD_LONG("headers_100", 0, "GET / HTTP/1.1\r\n" HOST, "A: b\r\n", 99, "\r\n"),
        BAD_LONG("header_bytes_8192", 0, "GET / HTTP/1.1\r\n" HOST "X-A: ", "a", 8192 - 22 - 9, "\r\n\r\n"),
    };
    for (size_t i = 0; i < ARRAY_LEN(at_limit); i++) {
        struct http_parser *p = http_parser_new(&(struct http_parse_limits){.body_max = BODY_MAX});
        size_t len;
        char *text = row_text(&at_limit[i], &len);
        assert_int_equal(feed(p, text, len), len);
        assert_string_equal(http_parser_reason(p), "");
        assert_int_equal(http_parser_state(p), HTTP_PARSE_DONE);
        free(text);
        http_parser_free(p);
    }
}

static void queries(void **state)
{
    (void)state;
    static const char q[] =
        "a=1&b=x%20y+z&&empty=&flag&c%61t=meow&bad=%zz&half=%4&nul=%00&twice=1&twice=2&long=123456789";
    char out[9] = "?";
    assert_int_equal(http_query_find(q, "a", out, sizeof out), HTTP_QUERY_FOUND);
    assert_string_equal(out, "1");
    assert_true(http_query_get(q, "b", out, sizeof out));
    assert_string_equal(out, "x y z");
    assert_true(http_query_get(q, "empty", out, sizeof out));
    assert_string_equal(out, "");
    assert_true(http_query_get(q, "flag", out, sizeof out));
    assert_string_equal(out, "");
    assert_true(http_query_get(q, "cat", out, sizeof out));
    assert_string_equal(out, "meow");
    assert_int_equal(http_query_find(q, "none", out, sizeof out), HTTP_QUERY_NONE);
    assert_int_equal(http_query_find("", "a", out, sizeof out), HTTP_QUERY_NONE);
    assert_int_equal(http_query_find(q, "bad", out, sizeof out), HTTP_QUERY_BAD);
    assert_int_equal(http_query_find(q, "half", out, sizeof out), HTTP_QUERY_BAD);
    assert_int_equal(http_query_find(q, "nul", out, sizeof out), HTTP_QUERY_BAD);
    assert_int_equal(http_query_find(q, "twice", out, sizeof out), HTTP_QUERY_BAD);
    assert_int_equal(http_query_find(q, "long", out, sizeof out), HTTP_QUERY_BAD);
    assert_false(http_query_get(q, "long", out, sizeof out));
}

static int write_corpus(const char *folder)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, rows[i].name);
        size_t len;
        char *text = row_text(&rows[i], &len);
        FILE *f = fopen(path, "wb");
        bool ok = f != NULL && fwrite(text, 1, len, f) == len;
        if (f != NULL && fclose(f) != 0)
            ok = false;
        free(text);
        if (!ok) {
            perror(path);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write-corpus") == 0)
        return write_corpus(argv[2]);
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(headers_are_found),
        cmocka_unit_test(bytes_after_the_end_are_left),
        cmocka_unit_test(a_long_path_leaves_no_trace),
        cmocka_unit_test(delete_body_has_its_own_cap),
        cmocka_unit_test(queries),
        cmocka_unit_test(limits_are_inclusive),
    };
    struct CMUnitTest forms[ARRAY_LEN(rows)];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        forms[i] = (struct CMUnitTest){rows[i].name, one_form, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    int failed = cmocka_run_group_tests_name("forms", forms, NULL, NULL);
    return failed + cmocka_run_group_tests(others, NULL, NULL);
}
