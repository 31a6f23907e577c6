// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// The rehearsal: the daemon's own objects on the simulated outside, without faults, over old prices, a session after
// the other. What its parts share.
#ifndef PAPERGUARD_TESTS_SIM_REHEARSE_H
#define PAPERGUARD_TESTS_SIM_REHEARSE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "daemon/config.h"
#include "daemon/sim/sim.h"

#define REHEARSE_PATH_MAX 512

struct rehearsal {
    const char *prices, *config, *database, *dump; // as given; NULL: not
    struct day from, to;                           // year 0: as far as the prices go
    int64_t seed;
    struct money capital;
    bool trace, flat;       // flat: the files lie in the folder itself
    bool json;              // the figures as one document
    char folder[64];        // temporary, absolute
    char state[64];         // where state_dir is made
    char dsn[300];          // of the database, with the session's settings
    char self[300];         // where this program is
    char programs[400];     // where the shipped strategies are
    struct day first, last; // of the sessions that are rehearsed
    int64_t sessions;       // lived through
    struct sim *exchange;
    struct config *settings; // those the daemon gets
};

// prices.c: where the sample data is; borrowed.
const char *prices_shipped(const struct rehearsal *r);
// A data folder for the market, DIR's prices with the shipped calendar behind them. 0 or -1.
int prices_prepare(struct rehearsal *r, struct err *err) MUST_CHECK;
// The range, checked against what the files hold. 0 or -1.
int prices_range(struct rehearsal *r, struct err *err) MUST_CHECK;
// Every bar belongs to a session of the exchange, and every session between has its bar. 0 or -1.
int prices_check(const struct rehearsal *r, struct err *err) MUST_CHECK;
void prices_say(const struct rehearsal *r, struct err *err); // names files as the user named them

// postgres.c: a private server in the temporary folder.
int postgres_start(const struct rehearsal *r, struct err *err) MUST_CHECK;
void postgres_stop(void);
int postgres_is_empty(const char *dsn, struct err *err) MUST_CHECK; // 0: it holds no table

// settings.c: the configuration file of the rehearsal. 0 or -1.
int settings_write(struct rehearsal *r, struct err *err) MUST_CHECK;
const char *settings_path(const struct rehearsal *r);
void settings_environment(void);

// days.c: session after session; false when the daemon did not do what it must.
bool days_live(struct rehearsal *r);

// report.c: the figures, and the last line, or all as JSON. The exit status.
int report_tell(const struct rehearsal *r, FILE *out);

#endif
