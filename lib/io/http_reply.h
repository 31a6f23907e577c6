// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The head of an answer as bytes: pure text, no connection.
#ifndef PAPERGUARD_IO_HTTP_REPLY_H
#define PAPERGUARD_IO_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/text.h"
#include "lib/io/http_server.h"

#define HTTP_REPLY_HEAD_MAX 16384

struct http_answer_head {
    int status;
    const char *content_type; // NULL: none
    size_t length;
    bool close;
    const struct http_reply_header *headers;
    size_t header_count;
};

bool http_reply_has_body(int status);
void http_reply_head(struct text *out, const struct http_answer_head *head);

#endif
