// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
#include "lib/io/http_reply.h"

#include <string.h>

#include "lib/base/http_text.h"
#include "lib/base/log.h"

static const struct {
    int status;
    const char *text;
} status_texts[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {207, "Multi-Status"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *http_status_text(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(status_texts); i++) {
        if (status_texts[i].status == status)
            return status_texts[i].text;
    }
    return "Status";
}

bool http_reply_has_body(int status)
{
    return status != 204 && status != 304;
}

// Values may come from elsewhere (request ids, redirects): what could split the answer is left out, not sent.
static bool header_is_safe(const struct http_reply_header *h)
{
    for (const char *s = h->name; *s != '\0'; s++) {
        if (!http_byte_is_token((unsigned char)*s))
            return false;
    }
    for (const char *s = h->value; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 ? *s != '\t' : *s == 0x7f)
            return false;
    }
    return h->name[0] != '\0';
}

static void header_add(struct text *out, const struct http_reply_header *h)
{
    if (!header_is_safe(h)) {
        log_warning("an answer's header was left out: its name or value holds a control byte");
        return;
    }
    text_add(out, h->name);
    text_add(out, ": ");
    text_add(out, h->value);
    text_add(out, "\r\n");
}

void http_reply_head(struct text *out, const struct http_answer_head *head)
{
    text_addf(out, "HTTP/1.1 %d %s\r\n", head->status, http_status_text(head->status));
    if (head->content_type != NULL)
        header_add(out, &(struct http_reply_header){"Content-Type", head->content_type});
    if (http_reply_has_body(head->status)) // RFC 9110 8.6: a 204 must not carry a length
        text_addf(out, "Content-Length: %zu\r\n", head->length);
    for (size_t i = 0; i < head->header_count; i++)
        header_add(out, &head->headers[i]);
    if (head->close)
        text_add(out, "Connection: close\r\n");
    text_add(out, "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n");
}
