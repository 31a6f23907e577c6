// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Shared by the writers of the read model only.
#ifndef PAPERGUARD_DAEMON_SNAPSHOT_INTERNAL_H
#define PAPERGUARD_DAEMON_SNAPSHOT_INTERNAL_H

#include "daemon/snapshot.h"

void snapshot_put_when(struct json_out *o, const char *key, int64_t ns); // null when 0
void snapshot_put_age(const struct snapshot *s, struct json_out *o, int64_t since);
void snapshot_put_positions(const struct snapshot *s, struct json_out *o); // "positions": {...}
void snapshot_put_self_test(const struct snapshot *s, struct json_out *o); // null: none yet
void snapshot_put_scheduler_config(const struct snapshot *s, struct json_out *o);

#endif
