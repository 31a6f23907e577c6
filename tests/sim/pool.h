// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Connections to the real server. Making one costs more than all that a life asks of it, so they outlive lives and
// seeds, and keep what was prepared on them; who takes one finds a session without anybody's settings.
#ifndef PAPERGUARD_TESTS_SIM_POOL_H
#define PAPERGUARD_TESTS_SIM_POOL_H

#include <libpq-fe.h>
#include <stdbool.h>

struct pooled;

// Before any seed's process begins: places, one for each that runs at a time. A process uses the connections of its
// own place alone; when it ended in the middle of something, they are made anew.
void pool_open(const char *dsn, int places);
void pool_add(const char *dsn); // one more place, at a database of its own
void pool_renew(int place);
void pool_sit(int place); // in a seed's process
// purpose: a static text; who has the same as an earlier one gets what that one had prepared.
struct pooled *pool_take(const char *purpose);
void pool_give(struct pooled *c); // NULL is fine
PGconn *pool_conn(struct pooled *c);
// Prepared at the first use of this name; NULL when it is there, else why not (to be cleared).
PGresult *pool_prepare(struct pooled *c, const char *name, const char *text);

#endif
