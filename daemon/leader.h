// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Leader: of several hosts on one database, one leads an account and trades; the others stand by. A row in Postgres
// says who, in which epoch; the holder moves it, a standby watches it. It has a connection of its own, so that nothing
// the ledger writes delays it.
//
// The times, as shares of the lease L (10 s unless configured), each on the clock of the host it is about:
//   the holder renews every L/5. Its lease runs for 7L/10 from before it sent the last renewal that succeeded.
//   A standby looks twice a second (for a short lease L/20), and takes over when the row has not moved for 9L/10 since
//   it saw it move, or since it was connected.
// It saw that no earlier than the holder sent it, so 2L/10 lie between the last order of the one and the first of the
// other; and no more than a look and 9L/10, together less than L, between the last renewal and the takeover. A takeover
// is a compare-and-set on what was watched: a renewal that comes first undoes it, and it undoes one that comes later.
#ifndef PAPERGUARD_DAEMON_LEADER_H
#define PAPERGUARD_DAEMON_LEADER_H

#include "daemon/facts.h"
#include "lib/io/loop.h"

#define LEADER_RENEW_MS(lease_ms) ((lease_ms) / 5)
#define LEADER_VALID_MS(lease_ms) ((lease_ms)*7 / 10)
#define LEADER_TAKEOVER_MS(lease_ms) ((lease_ms)*9 / 10)
#define LEADER_LOOK_MS(lease_ms) ((lease_ms) < 10000 ? (lease_ms) / 20 : 500)
#define LEADER_WORD_LEN 33
#define LEADER_IDENTITY_LEN 56

// OFF: not begun. WAITING: Postgres has not told yet. LOST: another host took over (or the row is gone); it stays so:
// the process must end, for all it knows is of an epoch that is over. RELEASED: given up on purpose.
enum leader_state { LEADER_OFF, LEADER_WAITING, LEADER_STANDBY, LEADER_HELD, LEADER_LOST, LEADER_RELEASED };
struct leader_status {
    enum leader_state state;
    int64_t epoch;               // ours, or of whom we stand by for
    int64_t renewed_boot_ns;     // HELD: when the last renewal that succeeded was sent
    char host[64], identity[64]; // of the holder
    // HELD, taken over from another host: what this host's halt row says since, in which its halt is; HALT_RUNNING when
    // there is none.
    bool took_over;
    char before[64];
    enum fact_halt halt_before;
    char halt_reason[FACT_TEXT_MAX];
    const char *halts_of_strategies; // the same, as scopes_set_database takes it; "[]" when there are none
};

struct leader;
struct leader_params {
    struct loop *loop;
    struct facts *facts;        // told of each change
    const char *dsn, *password; // copied
    const char *host, *instance;
    const char *identity; // of state_dir, which the process has locked: whoever held it before with this is dead
    int64_t lease_ms;
    void (*on_state)(void *arg, const struct leader_status *status);
    void *arg;
};
struct leader *leader_new(const struct leader_params *params);
void leader_free(struct leader *l);
// From now on it stands by for this account. Once the ledger has brought the schema up to date; again is nothing.
void leader_begin(struct leader *l, const char *account);
const struct leader_status *leader_status(const struct leader *l);
const char *leader_state_name(enum leader_state s);
// A clean end: from this call on nothing may be sent, and the row says that nobody need wait. done is called once, also
// when there was nothing to give up.
void leader_release(struct leader *l, void (*done)(void *arg), void *arg);

#endif
