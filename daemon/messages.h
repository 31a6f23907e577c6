// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Journal lines that are found by their MESSAGE_ID: one table (messages.def), which `paperguard explain` knows too.
#ifndef PAPERGUARD_DAEMON_MESSAGES_H
#define PAPERGUARD_DAEMON_MESSAGES_H

#include "lib/base/log.h"

enum message {
#define MESSAGE(symbol, id, name, meaning, action) MESSAGE_##symbol,
#include "daemon/messages.def"
#undef MESSAGE
    MESSAGE_COUNT
};

static inline const char *message_id(enum message m)
{
    static const char *const ids[] = {
#define MESSAGE(symbol, id, name, meaning, action) id,
#include "daemon/messages.def"
#undef MESSAGE
    };
    return ids[m];
}

// log_message(LOG_LEVEL_NOTICE, MESSAGE_RUN_STARTED, ((struct log_field[]){{"RUN_ID", id}}), "run %s started", id)
#define log_message(level, message, fields, ...)                                                                       \
    log_emit(level, message_id(message), fields, ARRAY_LEN(fields), __VA_ARGS__)
// The same for a line without fields of its own.
#define log_message_plain(level, message, ...) log_emit(level, message_id(message), NULL, 0, __VA_ARGS__)

#endif
