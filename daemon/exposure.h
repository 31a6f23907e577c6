// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Exposure: the account as it would be if everything open filled. Owner of reservations in memory; rebuilt from the
// ledger at start and from the broker by reconcile.
#ifndef PAPERGUARD_DAEMON_EXPOSURE_H
#define PAPERGUARD_DAEMON_EXPOSURE_H

#include "daemon/ledger.h"
#include "lib/trade/risk.h"

struct exposure;
struct exposure *exposure_new(void);
void exposure_free(struct exposure *e);
// asked_boot_ns: when the read was sent. One that was sent before the newest fill known here, or before the read that
// stands, may not know of it and is passed over.
void exposure_set_account(struct exposure *e, const struct alpaca_account *a, int64_t asked_boot_ns);
// A position that a read leaves out counts as held for a buy until reads have left it out for ten seconds, or fills
// have sold it. One that a read has more or less of than known, by no more than what is open there, is put down to that
// order, whose fill is then heard of later: counted once, as open, for ten seconds at most. The account's cash
// likewise.
void exposure_set_positions(struct exposure *e, const struct alpaca_position *p, size_t count, int64_t asked_boot_ns);
void exposure_set_trade(struct exposure *e, const struct alpaca_trade *t, int64_t now_boot_ns, int64_t now_wall_ns);
void exposure_set_quote(struct exposure *e, const struct alpaca_quote *q, int64_t now_boot_ns, int64_t now_wall_ns);
void exposure_set_asset(struct exposure *e, const struct alpaca_asset *a);
// What is read once a day: the asset's record, and the average volume of the daily bars before that day (0: they are
// too few), which holds for a week. True: it was not yet.
bool exposure_asset_due(const struct exposure *e, const char *symbol, struct day today);
bool exposure_adv_due(const struct exposure *e, const char *symbol, struct day today);
void exposure_asset_read(struct exposure *e, const char *symbol, struct day today);
void exposure_set_adv(struct exposure *e, const char *symbol, struct qty adv, struct day today);
// The session whose hours hold until its end, on the boot clock: before extended_open and from extended_close on the
// market is closed, and after until_ns nobody knows. wall_ns: the wall clock less the boot clock.
struct exposure_session {
    bool known;
    int64_t extended_open_ns, open_ns, close_ns, extended_close_ns, until_ns;
    int64_t wall_ns;
};
// The books as they were read: what strategies hold, for orders that they place outside of a run.
void exposure_set_books(struct exposure *e, const struct ledger_books *books);
void exposure_set_session(struct exposure *e, const struct exposure_session *session);
void exposure_set_usage(struct exposure *e, struct day session, struct day_usage usage);
// Orders that a run of an earlier life has had so far, of its limit of orders per run.
void exposure_set_run(struct exposure *e, const char *run_id, int64_t orders);
// Reservations by client order id: from intent to terminal status.
void exposure_reserve(struct exposure *e, const struct intent *intent, int64_t now_boot_ns);
// Of one that was adopted from an earlier life: it has counted in its session and its run.
void exposure_reserve_again(struct exposure *e, const struct intent *intent);
// Of one that counts in its session after all: given up and followed again, or not ours until it was adopted.
void exposure_reserve_late(struct exposure *e, const struct intent *intent);
// Of one at the broker that is not ours: counted like ours, and nothing of ours may grow its symbol's position. priced:
// reserved is what it is worth; while nobody knows, gross exposure is not known.
void exposure_reserve_foreign(struct exposure *e, const struct intent *intent, bool priced);
void exposure_filled(struct exposure *e, const char *client_order_id, struct qty filled_qty, int64_t now_boot_ns);
void exposure_release(struct exposure *e, const char *client_order_id); // terminal
// The same for one that never was: what was denied or given up does not count in its session, here as in the ledger.
void exposure_withdraw(struct exposure *e, const char *client_order_id);
// What was bought since positions were read counts as held for a buy, but is not there for a sell: the read may have it
// already. Of an open sell in dollars so many shares are taken as it may need at the lowest price known.
bool exposure_view(const struct exposure *e, const struct order_request *order, const char *run_id, struct day session,
                   int64_t now_boot_ns, struct risk_view *out) MUST_CHECK; // false on overflow
// The same for an intent that is to be placed: held against what was placed before it, too.
bool exposure_view_intent(const struct exposure *e, const struct intent *intent, int64_t now_boot_ns,
                          struct risk_view *out) MUST_CHECK;
// The same for an order that is reserved already: as if it were not, so that it is not counted twice.
bool exposure_view_again(const struct exposure *e, const struct intent *intent, int64_t now_boot_ns,
                         struct risk_view *out) MUST_CHECK;
// Were account and positions both read after the newest fill known here? Before that a sum may count it twice.
bool exposure_settled(const struct exposure *e);
// Lookups for run, planner and readers.
bool exposure_account(const struct exposure *e, struct alpaca_account *out, int64_t *boot_ns);
bool exposure_asset(const struct exposure *e, const char *symbol, struct alpaca_asset *out);
bool exposure_price(const struct exposure *e, const char *symbol, struct price *out, int64_t *at_wall_ns,
                    int64_t *boot_ns);
bool exposure_quote(const struct exposure *e, const char *symbol, struct alpaca_quote *out);
size_t exposure_positions(const struct exposure *e, const struct alpaca_position **out);
struct money exposure_gross(const struct exposure *e, bool *known);

#endif
