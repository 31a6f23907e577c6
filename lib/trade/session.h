// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Exchange sessions and slots: when the next run is due is a pure function of (now, calendar, rows already there).
//
// A session is a New York date of the exchange calendar: the first listed one whose 20:00 lies ahead. A slot is a time
// in it. Its key is the scheduled UTC instant ("2026-10-08T19:30:00Z"), the spec only a label; manual runs are
// "manual-N".
#ifndef PAPERGUARD_TRADE_SESSION_H
#define PAPERGUARD_TRADE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/when.h"

#define SLOT_SPEC_MAX 32
#define SLOT_KEY_MAX 40

struct session_day { // one listed date of the exchange calendar
    struct day date;
    int open_s, close_s; // New York seconds of day
};
struct calendar { // sorted by date, borrowed
    const struct session_day *days;
    size_t count;
};

enum slot_kind { SLOT_CLOCK, SLOT_BEFORE_CLOSE, SLOT_AFTER_OPEN, SLOT_EVERY };
enum early_close_rule { EARLY_CLOSE_SHIFT, EARLY_CLOSE_SKIP };
struct slot_spec {
    enum slot_kind kind;
    int seconds; // CLOCK: second of day; BEFORE_CLOSE / AFTER_OPEN: offset; EVERY: period
    // CLOCK only: on a half-day keep the distance to the close (16:00), or skip. A slot that would land before the open
    // that way (09:35) keeps its clock time instead.
    enum early_close_rule early_close;
    char text[SLOT_SPEC_MAX];
};

// "15:30", "15:30:05", "close-30m", "open+5m", "every 20s" (units s, m, h). A clock time needs early_close "shift" or
// "skip" (NULL when not given: refused with what to write); others refuse one. Clock times lie before 20:00, where the
// session turns; offsets and periods go up to 12 hours.
int slot_spec_parse(const char *text, const char *early_close, struct slot_spec *out, struct err *err) MUST_CHECK;

// Session that `now` belongs to, or NULL when the calendar does not reach that far (UNKNOWN, never a guess).
const struct session_day *session_of(const struct calendar *c, int64_t now_ns);
const struct session_day *session_find(const struct calendar *c, struct day date);
int64_t session_open_ns(const struct session_day *s);
int64_t session_close_ns(const struct session_day *s);
bool session_is_early_close(const struct session_day *s); // closes before 16:00

// Instant of the slot in that session; false when it does not occur there (skipped half-day, a distance that leaves the
// hours of the day, EVERY).
bool slot_instant(const struct slot_spec *slot, const struct session_day *s, int64_t *at_ns) MUST_CHECK;
void slot_key(int64_t at_ns, char out[SLOT_KEY_MAX]);

struct slot_due {
    enum { SLOT_NONE, SLOT_DUE, SLOT_MISSED } what;
    int64_t at_ns; // the slot's instant
    struct day session;
    int64_t next_ns; // next instant to look again (alarm); INT64_MAX when the calendar ends
    struct day next_session;
};
struct slot_rule {
    struct slot_spec spec;
    int64_t latest_start_ns; // how late a run may start; later it is MISSED
    bool always_open;        // the broker keeps its market open around the clock (simulator): EVERY ignores the hours
};
// taken(arg, session, at): is there already a row for this slot? The decision over one slot rule: DUE when its instant
// has come, is not taken and is no older than latest_start; MISSED when older and not taken, but only for instants at
// or after watch_from_ns (when this ledger began to watch), each session reported once because a missed row is written.
// A slot that lies before the close may start only until the close (unless always_open), whatever latest_start_ns says.
// DUE goes before MISSED, the oldest MISSED goes first: write the row and decide again until NONE. next_ns is always
// the next instant after now. For EVERY only the newest instant counts: older ones are silently past, not missed; its
// instants are whole multiples of the period since 1970 UTC, inside the hours of the session.
struct slot_due slot_decide(const struct slot_rule *rule, const struct calendar *c, int64_t now_ns,
                            int64_t watch_from_ns, bool (*taken)(void *arg, struct day session, int64_t at_ns),
                            void *arg);

#endif
