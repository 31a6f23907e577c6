// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What a host of the simulated world finds: folder, configuration, environment; and the exchange it trades at.
#ifndef PAPERGUARD_TESTS_SIM_SITE_H
#define PAPERGUARD_TESTS_SIM_SITE_H

#include "daemon/sim/sim.h"

#define SITE_TOKEN "token-of-the-simulated-world"

struct site_params { // borrowed
    const char *dsn, *dir, *data;
};

struct host;
void site_begin(const struct site_params *params);
void site_environment(void);
void site_make(uint64_t seed);
void site_remove(void);
int64_t site_slot(int strategy); // the one instant of its clock time; 0: it runs about each minute
int64_t site_lease_ms(void);
int64_t site_day(void); // when the seed begins, wall time
struct sim *site_exchange(uint64_t seed);
const char *site_folder(void);
const char *site_instance(void);
void site_state(int host, const char *below, char *path, size_t size); // a path in its state folder
void site_write(const char *path, const char *text);
bool site_caches(void);               // half of the sites have a Redis
bool site_streams(void);              // half of the sites listen to the order stream
char *site_config(int host);          // the file's path
void site_close_lock(struct host *h); // what an ended life held of the system: the lock of its state folder

#endif
