// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// What befell others, each as a seed whose faults are not drawn but those of the incident, at rates that make sure of
// it. At its end everything must hold as in every seed: nothing sent twice, nothing lost.
#ifndef PAPERGUARD_TESTS_SIM_INCIDENTS_H
#define PAPERGUARD_TESTS_SIM_INCIDENTS_H

#include "tests/sim/store.h"
#include "tests/sim/stream.h"
#include "tests/sim/wire.h"

struct incident {
    const char *source, *what;
    struct wire_faults wire;
    struct store_faults store;
    struct stream_faults stream;
    int64_t kill_ppm, freeze_ppm; // at a statement of a run
    bool two, client, halts;      // hosts; orders over HTTP; halts
    enum world_sum happened;      // what must have been counted, or it shows nothing
};
size_t incidents_count(void);
const struct incident *incidents_at(size_t i);
// The one that this process re-enacts; NULL: none, faults are drawn.
void incidents_choose(const struct incident *one);
const struct incident *incidents_chosen(void);

#endif
