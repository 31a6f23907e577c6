// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The opening handshake of a WebSocket over bytes, without I/O: key and accept value, the client's request, and a
// strict reader of the server's answer.
#ifndef PAPERGUARD_IO_WEBSOCKET_UPGRADE_H
#define PAPERGUARD_IO_WEBSOCKET_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

#define WEBSOCKET_KEY_MAX 25
#define WEBSOCKET_ACCEPT_MAX 29
#define WEBSOCKET_ANSWER_MAX 8192 // bytes of the answer's head

void websocket_key_make(char out[WEBSOCKET_KEY_MAX]); // from getrandom
bool websocket_key_valid(const char *key);            // base64 of 16 bytes
void websocket_accept_of(const char *key, char out[WEBSOCKET_ACCEPT_MAX]);
// host with its port when that is not the scheme's own.
void websocket_request_write(struct text *out, const char *host, const char *target, const char *key,
                             const char *user_agent);

enum websocket_answer { WEBSOCKET_ANSWER_MORE, WEBSOCKET_ANSWER_YES, WEBSOCKET_ANSWER_NO };
// YES: *used bytes were the answer, frames follow. NO: err says why; *status is that of a sound HTTP answer, else 0.
enum websocket_answer websocket_answer_read(const char *bytes, size_t len, const char *key, size_t *used, int *status,
                                            struct err *err);

#endif
