// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What single values of an HTTP request may look like: pure checks on NUL-terminated strings, used by the parser.
#ifndef PAPERGUARD_BASE_HTTP_TEXT_H
#define PAPERGUARD_BASE_HTTP_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/check.h"
#include "lib/base/http_parse.h"

bool http_method_parse(const char *word, enum http_method *out) MUST_CHECK;
bool http_byte_is_token(unsigned char c);  // of a method, header name or option
bool http_byte_is_target(unsigned char c); // of a path or query, unescaped
bool http_is_digit(char c);
int http_hex_value(unsigned char c); // -1: not a hex digit

// Segments "." and "..", also when written as %2e or parted by %2F: another reader would resolve them. The escapes of
// path must be well-formed.
bool http_path_has_dot_segment(const char *path);
// Name or IPv4 (ALPHA DIGIT - . _), or [IPv6], each with an optional port 1..65535.
bool http_host_valid(const char *host);
// Plain decimal without sign, blank or leading zero; above 18 digits *out is UINT64_MAX.
bool http_length_parse(const char *value, uint64_t *out) MUST_CHECK;
// A list of tokens, empty members allowed; sets what it finds, never clears. Unknown options are of no concern to an
// endpoint.
bool http_connection_options(const char *value, bool *close, bool *upgrade) MUST_CHECK;

#endif
