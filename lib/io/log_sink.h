// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Internal to service: where log lines go. A sink never waits: what its other end does not take at once is counted as
// dropped, and the next line that gets through is preceded by one that tells how many are missing.
#ifndef PAPERGUARD_IO_LOG_SINK_H
#define PAPERGUARD_IO_LOG_SINK_H

#include <stdint.h>

#include "lib/base/log.h"

struct log_sink;

// The journal's native protocol on a datagram socket. NULL when there is no socket to be had.
struct log_sink *log_sink_journal(const char *socket_path, const char *identifier, const struct log_field *fixed,
                                  size_t count);
// Lines "2026-11-20T20:30:00.123Z notice message FIELD=value" on fd (borrowed). One line each, whatever the message
// holds.
struct log_sink *log_sink_lines(int fd, const struct log_field *fixed, size_t count);
void log_sink_write(void *sink, enum log_level level, const char *message_id, const char *message,
                    const struct log_field *fields, size_t count); // a log_sink_fn
uint64_t log_sink_dropped(const struct log_sink *s);
// Lines that are missing and of which the other end was not told yet, after one more try to tell it; 0: it keeps up.
uint64_t log_sink_behind(struct log_sink *s);
void log_sink_free(struct log_sink *s);

#endif
