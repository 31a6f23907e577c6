// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The service manager (libsystemd's door): readiness, status, watchdog, reload, inherited sockets, credentials, journal
// sink. Outside systemd everything here is a quiet no-op and logs go to stderr.
#ifndef PAPERGUARD_IO_SERVICE_H
#define PAPERGUARD_IO_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/log.h"

bool service_managed(void); // NOTIFY_SOCKET is set
void service_ready(void);
void service_status(const char *text);
void service_reloading(void); // RELOADING=1 with MONOTONIC_USEC
void service_stopping(void);
void service_extend_timeout(int64_t ms);
void service_watchdog_ping(void);
int64_t service_watchdog_ms(void); // how often to ping (half of WATCHDOG_USEC); 0 = off
// Inherited listening sockets: fills up to max fds and their names (static storage), returns how many; -1 with errno
// text on bad input.
int service_listen_fds(int *fds, const char **names, int max);
const char *service_credentials_directory(void); // NULL when none

// Journal sink for log_set_sink when stderr is a journal stream (JOURNAL_STREAM), else stderr lines
// "2026-11-20T20:30:00.123Z notice message FIELD=value". Fixed fields are added to each line. Bounded, counts drops.
void service_log_open(const struct log_field *fixed, size_t count); // names and values copied
uint64_t service_log_dropped(void);
// Lines that the log's reader did not take and was not told of yet; asking tries to tell it. 0: it keeps up.
uint64_t service_log_behind(void);

#endif
