// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What befell others, each as a seed whose faults are not drawn but those of the incident, at rates that make sure of
// it. At its end everything must hold as in every seed: nothing sent twice, nothing lost.
#ifndef PAPERGUARD_TESTS_SIM_INCIDENTS_H
#define PAPERGUARD_TESTS_SIM_INCIDENTS_H

#include "lib/base/when.h"
#include "tests/sim/redis.h"
#include "tests/sim/store.h"
#include "tests/sim/stream.h"
#include "tests/sim/wire.h"

struct incident_slot {
    const char *at, *status; // INCIDENT_RAN: it was run, whatever came of it
};
#define INCIDENT_RAN "ran"

struct incident {
    const char *source, *what;
    struct { // year 0: an ordinary morning of a market that never closes
        struct day day;
        int seconds;
        bool exchange_hours;
    } begins;
    const char *schedule;                          // of both strategies; NULL: about each minute
    int64_t frozen_at_s, frozen_for_s;             // the first host, since it began
    int64_t cash, partial_ppm, positions_behind_s; // dollars; 0: as usual
    struct redis_faults redis;
    bool patient;                  // runs are long: what never arrived is sent again
    bool only;                     // no slots but these have a row
    struct incident_slot slots[4]; // what must be in the ledger in the end
    const char *alert;             // a kind of which there must be one
    const char *seen, *never;      // statements on an account which bring a row, or none
    struct wire_faults wire;
    struct store_faults store;
    struct stream_faults stream;
    int64_t kill_ppm, freeze_ppm; // at a statement of a run
    bool two, client, halts;      // hosts; orders over HTTP; halts
    bool sub_penny;               // limits of clients have half a cent
    enum world_sum happened;      // what must have been counted, or it shows nothing
};
size_t incidents_count(void);
const struct incident *incidents_at(size_t i);
// The one that this process re-enacts; NULL: none, faults are drawn.
void incidents_choose(const struct incident *one);
const struct incident *incidents_chosen(void);
// What must hold at its end beside what holds in every seed.
void incidents_check(const char *account);

#endif
