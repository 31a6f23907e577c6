// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Log lines with journal fields. The sink is set from outside (stderr until then); base itself opens nothing.
// Values never hold secrets. Healthy lines contain neither "error" nor "critical".
#ifndef PAPERGUARD_BASE_LOG_H
#define PAPERGUARD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/check.h"

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

#define LOG_MESSAGE_MAX 2048 // bytes of one message; longer ones are cut
#define LOG_FIELDS_MAX 16    // fields of one line; more are dropped

struct log_field {
    const char *name;  // upper case journal name: RUN_ID, REQUEST_ID, STRATEGY, SYMBOL, ORDER_ID, CLIENT_ORDER_ID, ...
    const char *value; // NULL: field left out
};

// Gets one finished line. message is NUL-terminated, without newline or other control bytes; fields are borrowed for
// the call, and those with a NULL value are already left out.
typedef void log_sink_fn(void *arg, enum log_level level, const char *message_id, const char *message,
                         const struct log_field *fields, size_t count);

void log_set_sink(log_sink_fn *sink, void *arg);                        // NULL: back to stderr
void log_set_level(enum log_level highest);                             // lines above are not formatted
bool log_level_parse(const char *name, enum log_level *out) MUST_CHECK; // error warning notice info debug, any case
unsigned long log_count(enum log_level level);                          // lines emitted so far (metrics)
const char *log_level_name(enum log_level level);

// message_id: 32 hex digits or NULL.
void log_emit(enum log_level level, const char *message_id, const struct log_field *fields, size_t count,
              const char *format, ...) PRINTF_LIKE(5, 6);

#define log_error(...) log_emit(LOG_LEVEL_ERROR, NULL, NULL, 0, __VA_ARGS__)
#define log_warning(...) log_emit(LOG_LEVEL_WARNING, NULL, NULL, 0, __VA_ARGS__)
#define log_notice(...) log_emit(LOG_LEVEL_NOTICE, NULL, NULL, 0, __VA_ARGS__)
#define log_info(...) log_emit(LOG_LEVEL_INFO, NULL, NULL, 0, __VA_ARGS__)
#define log_debug(...) log_emit(LOG_LEVEL_DEBUG, NULL, NULL, 0, __VA_ARGS__)
// log_with(LOG_LEVEL_INFO, ((struct log_field[]){{"RUN_ID", id}, {"SYMBOL", s}}), "sent %s", s)
#define log_with(level, fields, ...) log_emit(level, NULL, fields, ARRAY_LEN(fields), __VA_ARGS__)

#endif
