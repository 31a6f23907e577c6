// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// See websocket_upgrade.h. What two readers might read differently is refused, as http_parse does on the other side.
#include "lib/io/websocket_upgrade.h"

#include <string.h>

#include <openssl/evp.h>

#include "lib/base/digest.h"
#include "lib/base/http_text.h"

#define KEY_BYTES 16
#define HEADERS_MAX 100

void websocket_key_make(char out[WEBSOCKET_KEY_MAX])
{
    unsigned char random[KEY_BYTES];
    random_bytes(random, sizeof random);
    CHECK(EVP_EncodeBlock((unsigned char *)out, random, sizeof random) == WEBSOCKET_KEY_MAX - 1);
}

bool websocket_key_valid(const char *key)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return key != NULL && strlen(key) == WEBSOCKET_KEY_MAX - 1 && strspn(key, alphabet) == WEBSOCKET_KEY_MAX - 3 &&
           str_ends(key, "==");
}

void websocket_accept_of(const char *key, char out[WEBSOCKET_ACCEPT_MAX])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char joined[WEBSOCKET_KEY_MAX + sizeof guid];
    unsigned char sha1[EVP_MAX_MD_SIZE];
    unsigned sha1_len = 0;
    CHECK(str_copy(joined, sizeof joined, key));
    memcpy(joined + strlen(joined), guid, sizeof guid);
    CHECK(EVP_Digest(joined, strlen(joined), sha1, &sha1_len, EVP_sha1(), NULL) == 1);
    CHECK(EVP_EncodeBlock((unsigned char *)out, sha1, (int)sha1_len) == WEBSOCKET_ACCEPT_MAX - 1);
}

void websocket_request_write(struct text *out, const char *host, const char *target, const char *key,
                             const char *user_agent)
{
    text_addf(out,
              "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
              target, host, key);
    if (user_agent != NULL)
        text_addf(out, "User-Agent: %s\r\n", user_agent);
    text_add(out, "\r\n");
}

struct answer {
    const char *key;
    int status;
    int upgrades, connections, accepts; // how often each header came
    bool connection_upgrades;
};

// "HTTP/1.1 101 Switching Protocols": the reason may be anything printable, or missing.
static int read_status(char *line, struct answer *a, struct err *err)
{
    if (strncmp(line, "HTTP/1.", 7) != 0 || (line[7] != '1' && line[7] != '0') || line[8] != ' ' ||
        !http_is_digit(line[9]) || !http_is_digit(line[10]) || !http_is_digit(line[11]) ||
        (line[12] != ' ' && line[12] != '\0'))
        return err_set(err, "the peer's answer is not HTTP/1.1");
    a->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (a->status != 101)
        return err_set(err, "the peer answered HTTP %.64s", line + 9);
    if (line[7] != '1')
        return err_set(err, "the peer switches protocols with HTTP/1.0, which cannot");
    return 0;
}

static int take_header(struct answer *a, const char *name, const char *value, struct err *err)
{
    char accept[WEBSOCKET_ACCEPT_MAX];
    bool close = false;
    if (str_equal_nocase(name, "Upgrade")) {
        a->upgrades++;
        if (!str_equal_nocase(value, "websocket"))
            return err_set(err, "the peer upgrades to \"%.32s\", not to websocket", value);
    } else if (str_equal_nocase(name, "Connection")) {
        a->connections++;
        if (!http_connection_options(value, &close, &a->connection_upgrades))
            return err_set(err, "the peer's Connection header is malformed");
    } else if (str_equal_nocase(name, "Sec-WebSocket-Accept")) {
        a->accepts++;
        websocket_accept_of(a->key, accept);
        if (!str_equal(value, accept))
            return err_set(err, "Sec-WebSocket-Accept does not belong to our key: the answer is not to our request");
    } else if (str_equal_nocase(name, "Sec-WebSocket-Extensions") || str_equal_nocase(name, "Sec-WebSocket-Protocol")) {
        return err_set(err, "the peer chose %s \"%.32s\", which was not offered", name, value);
    } else if (str_equal_nocase(name, "Transfer-Encoding") ||
               (str_equal_nocase(name, "Content-Length") && !str_equal(value, "0"))) {
        return err_set(err, "the peer's 101 claims a body (%s)", name);
    }
    return 0;
}

static int read_header(char *line, struct answer *a, struct err *err)
{
    char *colon = strchr(line, ':'), *value, *end;
    if (colon == NULL || colon == line)
        return err_set(err, "a header line of the peer's answer has no name");
    for (const char *c = line; c < colon; c++) {
        if (!http_byte_is_token((unsigned char)*c))
            return err_set(err, "a header name of the peer's answer holds a character that none may hold");
    }
    *colon = '\0';
    value = colon + 1 + strspn(colon + 1, " \t");
    end = value + strlen(value);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    return take_header(a, line, value, err);
}

// Lines end with CR LF and nothing else; no other control character but a tab, and ASCII (it goes into logs).
// A CR at the very end may still get its LF.
static int bytes_are_sane(const char *head, size_t len, struct err *err)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)head[i];
        bool line_end =
            (c == '\r' && (i + 1 == len || head[i + 1] == '\n')) || (c == '\n' && i > 0 && head[i - 1] == '\r');
        if ((c < ' ' && c != '\t' && !line_end) || c >= 0x7f)
            return err_set(err, "the peer's answer holds a byte that is not text, or a bare line end");
    }
    return 0;
}

static int judge(const struct answer *a, struct err *err)
{
    if (a->accepts != 1)
        return err_set(err, "the peer's 101 has %d Sec-WebSocket-Accept headers; exactly one is right", a->accepts);
    if (a->upgrades != 1 || a->connections != 1 || !a->connection_upgrades)
        return err_set(err, "the peer's 101 lacks \"Upgrade: websocket\" or \"Connection: Upgrade\", or has one twice");
    return 0;
}

static int read_head(char *head, struct answer *a, struct err *err)
{
    int lines = 0;
    for (char *line = head, *next; *line != '\0'; line = next) {
        next = strstr(line, "\r\n") + 2;
        next[-2] = '\0';
        if (++lines > HEADERS_MAX)
            return err_set(err, "the peer's answer has more than %d headers", HEADERS_MAX);
        if ((lines == 1 ? read_status(line, a, err) : read_header(line, a, err)) != 0)
            return -1;
    }
    return judge(a, err);
}

enum websocket_answer websocket_answer_read(const char *bytes, size_t len, const char *key, size_t *used, int *status,
                                            struct err *err)
{
    char head[WEBSOCKET_ANSWER_MAX];
    size_t look = len < sizeof head ? len : sizeof head;
    const char *end = memmem(bytes, look, "\r\n\r\n", 4);
    struct answer a = {.key = key};
    *status = 0;
    if (bytes_are_sane(bytes, end != NULL ? (size_t)(end - bytes) + 4 : look, err) != 0)
        return WEBSOCKET_ANSWER_NO;
    if (end == NULL && look == sizeof head) {
        err_set(err, "the head of the peer's answer is longer than %zu bytes", sizeof head);
        return WEBSOCKET_ANSWER_NO;
    }
    if (end == NULL)
        return WEBSOCKET_ANSWER_MORE;
    *used = (size_t)(end - bytes) + 4;
    memcpy(head, bytes, *used - 2); // up to and with the last line's end
    head[*used - 2] = '\0';
    int rc = read_head(head, &a, err);
    *status = a.status == 101 ? 0 : a.status;
    return rc == 0 ? WEBSOCKET_ANSWER_YES : WEBSOCKET_ANSWER_NO;
}
