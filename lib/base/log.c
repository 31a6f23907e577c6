// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Log lines. The level, the sink and the counters are the only state of the process that has no owner to pass it
// around.
#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"

#define LOG_LINE_MAX 8192

static struct {
    enum log_level highest;
    log_sink_fn *sink;
    void *sink_arg;
    bool in_sink; // a sink that logs gets stderr, not itself
    unsigned long counts[LOG_LEVEL_DEBUG + 1];
} state = {.highest = LOG_LEVEL_INFO};

// A peer's text must not be able to start a line of its own.
static void blank_control_bytes(char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
}

static void stderr_sink(void *arg, enum log_level level, const char *message_id, const char *message,
                        const struct log_field *fields, size_t count)
{
    (void)arg;
    (void)message_id;
    char line[LOG_LINE_MAX];
    size_t room = sizeof line - 1; // keeps a byte for the newline
    size_t n = (size_t)snprintf(line, room, "%s: %s", log_level_name(level), message);
    for (size_t i = 0; i < count && n < room; i++)
        n += (size_t)snprintf(line + n, room - n, " %s=%s", fields[i].name, fields[i].value);
    if (n >= room)
        n = room - 1;
    blank_control_bytes(line);
    line[n] = '\n';
    // Nowhere is left to report a stderr that is gone.
    if (write(STDERR_FILENO, line, n + 1) < 0)
        return;
}

void log_set_sink(log_sink_fn *sink, void *arg)
{
    state.sink = sink;
    state.sink_arg = arg;
}

void log_set_level(enum log_level highest)
{
    state.highest = highest;
}

const char *log_level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARNING:
        return "warning";
    case LOG_LEVEL_NOTICE:
        return "notice";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        return "debug";
    }
    return "unknown";
}

bool log_level_parse(const char *name, enum log_level *out)
{
    for (enum log_level l = LOG_LEVEL_ERROR; l <= LOG_LEVEL_DEBUG; l++) {
        if (name != NULL && str_equal_nocase(name, log_level_name(l))) {
            *out = l;
            return true;
        }
    }
    return false;
}

unsigned long log_count(enum log_level level)
{
    CHECK(level >= LOG_LEVEL_ERROR && level <= LOG_LEVEL_DEBUG);
    return state.counts[level];
}

static size_t fields_present(const struct log_field *fields, size_t count, struct log_field kept[LOG_FIELDS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < count && n < LOG_FIELDS_MAX; i++)
        if (fields[i].value != NULL)
            kept[n++] = fields[i];
    return n;
}

void log_emit(enum log_level level, const char *message_id, const struct log_field *fields, size_t count,
              const char *format, ...)
{
    CHECK(level >= LOG_LEVEL_ERROR && level <= LOG_LEVEL_DEBUG);
    if (level > state.highest)
        return;
    int saved_errno = errno;
    char message[LOG_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    blank_control_bytes(message);
    struct log_field kept[LOG_FIELDS_MAX];
    size_t n = fields_present(fields, count, kept);
    state.counts[level]++;
    if (state.sink == NULL || state.in_sink) {
        stderr_sink(NULL, level, message_id, message, kept, n);
    } else {
        state.in_sink = true;
        state.sink(state.sink_arg, level, message_id, message, kept, n);
        state.in_sink = false;
    }
    errno = saved_errno;
}
